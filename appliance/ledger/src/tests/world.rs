//! A node in miniature: a ledger, its rows, and a log that grows. After every entry it checks what must always hold.

use exchequer_domain::Timestamp;

use crate::limits::Sizes;
use crate::testing::MemoryRows;
use crate::{
    AccountId, AccountKey, Actor, Asset, At, Cause, Change, Command, Done, Edit, Holder, Ledger, Leg, OpenAccount,
    Outcome, Reason, Rejection, Sums, Table, Transfer, TransferId,
};

pub(crate) const SECOND: u64 = 1_000_000;
/// Where replicated time starts in tests.
pub(crate) const START: Timestamp = Timestamp(1_764_000_000 * SECOND);

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) rows: MemoryRows,
    pub(crate) index: u64,
    pub(crate) now: Timestamp,
    next_id: u128,
}

impl World {
    pub(crate) fn new() -> World {
        World::with_sizes(Sizes::SMALL)
    }

    pub(crate) fn with_sizes(sizes: Sizes) -> World {
        let ledger = Ledger::with_sizes(sizes);
        World { ledger, rows: MemoryRows::new(), index: 0, now: START, next_id: 0 }
    }

    /// The next entry. Its rows must hold the whole ledger afterwards.
    pub(crate) fn entry(&mut self, commands: &[Command]) -> Vec<Outcome> {
        let outcomes = self.entry_unchecked(commands);
        self.ledger.check().unwrap();
        let loaded = Ledger::load_with_sizes(&self.rows, self.ledger.sizes).unwrap();
        assert_eq!(loaded, Ledger { buffer: Vec::new(), ..self.ledger.clone() }, "the rows must hold the whole ledger");
        outcomes
    }

    pub(crate) fn entry_unchecked(&mut self, commands: &[Command]) -> Vec<Outcome> {
        self.index += 1;
        let at = self.at();
        let applied = self.ledger.apply(at, commands, &self.rows).unwrap();
        assert_eq!(applied.outcomes.len(), commands.len());
        for Change { table, key, .. } in &applied.changes {
            assert_eq!(*table as u8, key[0]);
        }
        self.rows.apply_changes(applied.changes);
        applied.outcomes
    }

    pub(crate) fn at(&self) -> At {
        At { index: self.index, time: self.now }
    }

    /// One command in an entry of its own.
    pub(crate) fn run(&mut self, command: Command) -> Result<Done, Rejection> {
        let outcomes = self.entry(&[command]);
        verdict(outcomes)
    }

    /// As `run`, without the checks, which take long in a large ledger.
    pub(crate) fn run_unchecked(&mut self, command: Command) -> Result<Done, Rejection> {
        verdict(self.entry_unchecked(&[command]))
    }

    pub(crate) fn open(&mut self, holder: Holder, asset: Asset, overdraft: bool) -> AccountId {
        let open = OpenAccount { key: AccountKey { holder, asset }, overdraft };
        match self.run(Command::Open(open)) {
            Ok(Done::AccountOpened { account }) => account,
            other => panic!("{other:?}"),
        }
    }

    /// A fresh time-ordered id.
    pub(crate) fn id(&mut self) -> TransferId {
        self.next_id += 1;
        ordered_id(self.now, self.next_id)
    }

    /// A transfer under a fresh id, in an entry of its own.
    pub(crate) fn transfer(&mut self, reason: Reason, legs: Vec<Leg>) -> Result<TransferId, Rejection> {
        let id = self.id();
        self.run(Command::Transfer(transfer(id, reason, legs))).map(|_| id)
    }

    /// A plain movement under a fresh id.
    pub(crate) fn post(&mut self, debit: AccountId, credit: AccountId, amount: u128) -> Result<TransferId, Rejection> {
        self.transfer(Reason::Internal, vec![Leg::Post { debit, credit, amount }])
    }

    pub(crate) fn sums(&self, account: AccountId) -> Sums {
        self.ledger.account(account).unwrap().sums
    }

    /// A refused command changed nothing but its id.
    pub(crate) fn refused(&mut self, command: Command) -> Rejection {
        let before = self.lasting_rows();
        let rejection = self.run(command).unwrap_err();
        assert_eq!(self.lasting_rows(), before, "{rejection:?}");
        rejection
    }

    fn lasting_rows(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let passing = [Table::Head as u8, Table::LateId as u8, Table::OtherId as u8];
        let lasting = self.rows.iter().filter(|(key, _)| !passing.contains(&key[0]));
        lasting.map(|(key, value)| (key.to_vec(), value.to_vec())).collect()
    }

    /// Changes a row's value.
    pub(crate) fn damage(&mut self, table: Table, change: impl Fn(&mut Vec<u8>)) {
        let (key, value) = self.rows.iter().find(|(key, _)| key[0] == table as u8).unwrap();
        let (key, mut value) = (key.to_vec(), value.to_vec());
        change(&mut value);
        self.rows.apply_changes(vec![Change { table, key, edit: Edit::Put(value) }]);
    }
}

fn verdict(outcomes: Vec<Outcome>) -> Result<Done, Rejection> {
    match outcomes.into_iter().next().unwrap() {
        Outcome::Done(done) => Ok(done),
        Outcome::Rejected(rejection) => Err(rejection),
    }
}

/// A UUID of version 7 with this time, and a number.
pub(crate) fn ordered_id(time: Timestamp, number: u128) -> TransferId {
    TransferId(u128::from(time.millis()) << 80 | 7 << 76 | 2 << 62 | number)
}

pub(crate) fn cause(reason: Reason) -> Cause {
    let mut reference = [0; 32];
    reference[31] = 7;
    Cause { reason, actor: Actor::System, reference }
}

pub(crate) fn transfer(id: TransferId, reason: Reason, legs: Vec<Leg>) -> Transfer {
    let note = (reason == Reason::Adjustment).then(|| "found on the street".into());
    Transfer { id, legs: legs.into(), cause: cause(reason), note }
}
