//! A node in miniature: a state, its rows, and a log that grows. After every entry it checks what must always hold.

use std::cell::RefCell;

use exchequer_domain::{ClusterId, CommandId, Digest, Network, NodeId, Timestamp, UserId, WorkerId, WorkerKind};
use exchequer_ledger as ledger;
use exchequer_ledger::{AccountId, AccountKey, Asset, Cause, Holder, Leg, OpenAccount, Reason, Transfer, TransferId};

use crate::access::JoinToken;
use crate::audit::{self, AuditRecord};
use crate::cluster::Authority;
use crate::event::{EventKind, EventRecord};
use crate::flags::Rule;
use crate::registry::NodeVersion;
use crate::rows::{self, Family, Row, Rows, RowsUnavailable, Table};
use crate::statement::Balance;
use crate::testing::MemoryRows;
use crate::users::UserStatus;
use crate::workers::{Desired, Step, WorkerRecord};
use crate::{
    Actor, AddWorkers, AdmitNode, Applied, At, Body, Bootstrap, Change, Command, ConfigureNetwork, CreateAsset,
    CreateJoinToken, CreateUser, CreditSandbox, Done, Event, FirstNode, Halt, Input, OpenAccounts, Outcome, PutScratch,
    PutSecret, Rejection, SetFlag, SetSetting, SetWorkers, State, StepWorkers, Stepped, TransferBetweenUsers,
    UnsetSetting, UpdateUser,
};

pub(crate) const SECOND: u64 = 1_000_000;
pub(crate) const HOUR: u64 = 3_600 * SECOND;
pub(crate) const DAY: u64 = 24 * HOUR;

/// Where replicated time starts in tests.
pub(crate) const START: Timestamp = Timestamp(1_764_000_000 * SECOND);

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) rows: MemoryRows,
    pub(crate) index: u64,
    pub(crate) now: Timestamp,
    next_id: u64,
}

/// What the audit says of a change that would need another person if the two-person rule were in force.
pub(crate) const ALONE: &str = " (by one person: the two-person rule is not in force)";

impl World {
    /// Nothing applied yet.
    pub(crate) fn empty() -> World {
        World { state: State::new(), rows: MemoryRows::new(), index: 1, now: START, next_id: 1 }
    }

    /// A sandbox cluster of one node.
    pub(crate) fn new() -> World {
        let mut world = World::empty();
        assert_eq!(world.run(bootstrap()), Ok(Done::Bootstrapped { node: NodeId(1) }));
        world
    }

    /// A cluster of one node that is no sandbox.
    pub(crate) fn real() -> World {
        let mut world = World::empty();
        let Body::Bootstrap(command) = bootstrap() else { panic!("not a bootstrap") };
        world.run(Body::Bootstrap(Box::new(Bootstrap { sandbox: false, ..*command }))).unwrap();
        world
    }

    /// A sandbox cluster with asset 1, users 1 and 2, and the accounts 0 for equity, 1 and 2 for the users.
    pub(crate) fn with_accounts() -> World {
        let mut world = World::new();
        let holders = [
            Holder::Equity,
            Holder::Customer { customer: 1, sub_account: 0 },
            Holder::Customer { customer: 2, sub_account: 0 },
        ];
        let accounts = holders.map(|holder| {
            let key = AccountKey { holder, asset: Asset(1) };
            OpenAccount { key, overdraft: holder == Holder::Equity }
        });
        let accounts = Body::OpenAccounts(OpenAccounts { accounts: accounts.to_vec() });
        world.entry_of([asset("BTC"), user("Ada"), user(""), accounts]);
        world
    }

    pub(crate) fn at(&self) -> At {
        At { index: self.index, term: 1, time: self.now }
    }

    /// A command with a fresh id.
    pub(crate) fn command(&mut self, body: Body) -> Command {
        self.next_id += 1;
        Command { id: id(self.next_id), actor: Actor::Operator, epoch: None, body }
    }

    /// One command in an entry of its own.
    pub(crate) fn run(&mut self, body: Body) -> Result<Done, Rejection> {
        let command = self.command(body);
        self.send(&command)
    }

    /// One command with everything chosen, in an entry of its own.
    pub(crate) fn send(&mut self, command: &Command) -> Result<Done, Rejection> {
        let outcomes = self.entry(std::slice::from_ref(command));
        match outcomes.into_iter().next() {
            Some(Outcome::Done(done)) => Ok(done),
            Some(Outcome::Rejected(rejection)) => Err(rejection),
            None => panic!("a command without an outcome"),
        }
    }

    /// The first node leads from now on.
    pub(crate) fn lead(&mut self) {
        self.apply(Input::Activate { node: NodeId(1), boot: [0; 16] }).unwrap();
    }

    /// One command of the leader's, with its epoch, in an entry of its own.
    pub(crate) fn run_as_leader(&mut self, body: Body) -> Result<Done, Rejection> {
        let epoch = self.state.epoch().map(|epoch| epoch.index);
        let command = Command { actor: Actor::Node(NodeId(1)), epoch, ..self.command(body) };
        self.send(&command)
    }

    /// Tells a step of a worker as the leader.
    pub(crate) fn step(&mut self, id: WorkerId, step: Step) -> Result<(), Rejection> {
        let done = self.run_as_leader(Body::StepWorkers(StepWorkers { steps: vec![(id, step)] }));
        let Ok(Done::WorkersStepped(mut steps)) = done else { panic!("{done:?}") };
        match steps.pop() {
            Some(Stepped::Taken) => Ok(()),
            Some(Stepped::Refused(why)) => Err(*why),
            None => panic!("a step without an outcome"),
        }
    }

    /// Starts a worker until it runs.
    pub(crate) fn start(&mut self, id: WorkerId) {
        self.step(id, Step::Spawned { attempt: 1 }).unwrap();
        self.step(id, registered(7)).unwrap();
    }

    /// The record of a worker.
    pub(crate) fn record(&self, id: WorkerId) -> WorkerRecord {
        self.state.workers().get(id).unwrap().clone()
    }

    /// The durable events, as their rows hold them.
    pub(crate) fn events(&self) -> Vec<EventKind> {
        let mut kinds = Vec::new();
        rows::for_each_of_table(&self.rows, Table::Event, |_, row| {
            kinds.push(EventRecord::decode(row).unwrap().kind);
            Ok(())
        })
        .unwrap();
        kinds
    }

    /// Several commands in one entry.
    pub(crate) fn entry(&mut self, commands: &[Command]) -> Vec<Outcome> {
        let encoded: Vec<Vec<u8>> = commands.iter().map(Command::encode).collect();
        let bytes: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
        let applied = self.apply(Input::Commands(&bytes)).unwrap();
        assert_eq!(applied.outcomes.len(), commands.len());
        applied.outcomes.iter().map(|bytes| Outcome::decode(bytes).unwrap()).collect()
    }

    /// Commands of which each takes effect, in one entry.
    pub(crate) fn entry_of<const N: usize>(&mut self, bodies: [Body; N]) {
        let commands = bodies.map(|body| self.command(body));
        for outcome in self.entry(&commands) {
            assert!(matches!(outcome, Outcome::Done(_)), "{outcome:?}");
        }
    }

    /// What a user has of asset 1.
    pub(crate) fn balance(&self, user: u64) -> u128 {
        let account = self.state.account_of(UserId(user), Asset(1)).unwrap();
        Balance::of(&account).posted
    }

    /// Any input as the next entry. Checks, before and after, what holds of every entry.
    pub(crate) fn apply(&mut self, input: Input<'_>) -> Result<Applied, Halt> {
        self.index += 1;
        let events_before = self.state.event_sequence();
        let at = self.at();
        let applied = self.state.apply(at, input, &Prefetched { rows: &self.rows, fetched: RefCell::default() })?;

        for Change { family, key, .. } in &applied.changes {
            assert_eq!(rows::family_of(key[0]), Some(*family));
        }
        let mut sequence = events_before;
        for event in &applied.events {
            match event {
                Event::Durable { sequence: number, record } => {
                    sequence += 1;
                    assert_eq!((*number, record.index, record.time), (sequence, at.index, self.state.time()));
                }
                Event::DigestRequested { index } => assert_eq!(*index, at.index),
                Event::Trade { .. } | Event::Order { .. } | Event::Phase { .. } | Event::Book { .. } => {}
            }
        }
        assert_eq!(sequence, self.state.event_sequence());
        self.rows.apply_changes(&applied.changes);
        assert_eq!(State::load(&self.rows).unwrap(), self.state, "the rows must hold the whole working set");
        super::counts::agree(&self.state);
        Ok(applied)
    }

    /// The audit as its rows hold it, its chain verified up to the head.
    pub(crate) fn audit(&self) -> Vec<AuditRecord> {
        let mut records = Vec::new();
        rows::for_each_of_table(&self.rows, Table::Audit, |_, row| {
            records.push(AuditRecord::decode(row).unwrap());
            Ok(())
        })
        .unwrap();
        assert_eq!(audit::verify_from_start(&records), Ok(*self.state.audit()));
        records
    }

    /// A refused command changed nothing: no row but its id's and replicated time, no event.
    pub(crate) fn refused(&mut self, body: Body) -> Rejection {
        let (before, rows_before) = (self.state.clone(), self.lasting_rows());
        let rejection = self.run(body).unwrap_err();
        assert_eq!(self.state, State { time: self.state.time, ..before });
        assert_eq!(self.lasting_rows(), rows_before);
        rejection
    }

    fn lasting_rows(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let passing = [Table::CommandId as u8, Table::Time as u8];
        let lasting = self.rows.iter().filter(|(_, key, _)| !passing.contains(&key[0]));
        lasting.map(|(_, key, value)| (key.to_vec(), value.to_vec())).collect()
    }

    pub(crate) fn join_token(&self, number: u8) -> Option<&JoinToken> {
        self.state.access().join_token(&[number; 8])
    }
}

/// Rows that refuse every point read which was not announced.
struct Prefetched<'a> {
    rows: &'a MemoryRows,
    fetched: RefCell<Vec<Vec<u8>>>,
}

impl Rows for Prefetched<'_> {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, RowsUnavailable> {
        // A repeated transfer looks its postings up in the history.
        let fetched = self.fetched.borrow();
        let announced = family == Family::History || (family == Family::Ids && fetched.iter().any(|at| at == key));
        assert!(announced, "{key:?} was not announced");
        self.rows.get(family, key)
    }

    fn prefetch(&self, keys: Vec<Vec<u8>>) -> Result<(), RowsUnavailable> {
        self.fetched.replace(keys);
        Ok(())
    }

    fn scan(
        &self,
        family: Family,
        from: &[u8],
        until: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<Row>, RowsUnavailable> {
        self.rows.scan(family, from, until, limit, reverse)
    }
}

/// A worker that proves the platform.
pub(crate) fn selftest(instance: u16) -> WorkerId {
    WorkerId { kind: WorkerKind::Selftest, network: None, instance }
}

/// Adds workers that are to run.
pub(crate) fn add(workers: &[WorkerId]) -> Body {
    let (workers, desired, reason) = (workers.to_vec(), Desired::Running, "test".to_owned());
    Body::AddWorkers(AddWorkers { workers, desired, reason })
}

/// Wants a worker to run, or not to.
pub(crate) fn desire(worker: WorkerId, desired: Desired) -> Body {
    Body::SetWorkers(SetWorkers { workers: vec![worker], desired, reason: "test".into() })
}

pub(crate) fn registered(pid: u32) -> Step {
    Step::Registered { version: "0.1.0".into(), binary: Digest([3; 32]), pid, settings_revision: 2 }
}

pub(crate) fn id(number: u64) -> CommandId {
    CommandId(u128::from(number).to_be_bytes())
}

pub(crate) fn authority(byte: u8) -> Authority {
    Authority { certificate_der: vec![byte; 3], sealed_key: vec![byte; 4] }
}

pub(crate) fn version() -> NodeVersion {
    NodeVersion { release: "0.1.0".into(), logic: 1 }
}

pub(crate) fn first_node() -> FirstNode {
    FirstNode {
        name: "n1".into(),
        api_address: "10.0.0.1:8640".into(),
        peer_address: "10.0.0.1:8641".into(),
        version: version(),
        key_fingerprint: [1; 32],
    }
}

pub(crate) fn bootstrap() -> Body {
    Body::Bootstrap(Box::new(Bootstrap {
        cluster_id: ClusterId([7; 16]),
        name: "test".into(),
        sandbox: true,
        authority: authority(1),
        operator_token_hash: [2; 32],
        node: first_node(),
    }))
}

pub(crate) fn set(key: &str, value: crate::settings::Value, if_revision: Option<u64>) -> Body {
    Body::SetSetting(SetSetting { key: key.into(), value, if_revision, reason: "test".into() })
}

/// A flag that is on for so many of a thousand.
pub(crate) fn flag(name: &str, permille: u16) -> Body {
    let rule = Rule { on: true, permille, allowed: vec![], networks: vec![], expires_at: None };
    let (name, description, if_version) = (name.to_owned(), None, None);
    Body::SetFlag(SetFlag { name, description, rule, if_version, reason: "test".into() })
}

pub(crate) fn secret(name: &str, sealed: &[u8]) -> Body {
    let (name, sealed) = (name.to_owned(), sealed.to_vec());
    Body::PutSecret(PutSecret { name, sealed, if_version: None, reason: "test".into() })
}

/// A change of a network.
pub(crate) fn configure(network: Network, change: impl FnOnce(&mut ConfigureNetwork)) -> Body {
    let mut command = ConfigureNetwork {
        network,
        state: None,
        deposits: None,
        withdrawals: None,
        sweeps: None,
        tradable: None,
        withdrawable: None,
        fee_rate_max: None,
        fee_max: None,
        endpoints: None,
        if_version: None,
        reason: "test".into(),
    };
    change(&mut command);
    Body::ConfigureNetwork(Box::new(command))
}

pub(crate) fn endpoints(network: Network, endpoints: &[&str]) -> Body {
    configure(network, |command| command.endpoints = Some(endpoints.iter().map(|text| (*text).to_owned()).collect()))
}

pub(crate) fn unset(key: &str, if_revision: Option<u64>) -> Body {
    Body::UnsetSetting(UnsetSetting { key: key.into(), if_revision, reason: "test".into() })
}

pub(crate) fn token(number: u8, ttl_us: Option<u64>) -> Body {
    let (token_id, secret_hash) = ([number; 8], [number; 32]);
    Body::CreateJoinToken(CreateJoinToken { token_id, secret_hash, ttl_us, replaces: None, reason: "test".into() })
}

/// A token for a node that takes another one's place.
pub(crate) fn token_replacing(number: u8, replaces: NodeId) -> Body {
    match token(number, None) {
        Body::CreateJoinToken(token) => Body::CreateJoinToken(CreateJoinToken { replaces: Some(replaces), ..token }),
        other => other,
    }
}

pub(crate) fn admission(number: u8, name: &str) -> AdmitNode {
    AdmitNode {
        token_id: [number; 8],
        token_secret_hash: [number; 32],
        name: name.into(),
        api_address: "10.0.0.2:8640".into(),
        peer_address: "10.0.0.2:8641".into(),
        version: version(),
        key_fingerprint: [number; 32],
        replaces: None,
    }
}

pub(crate) fn admit(number: u8, name: &str) -> Body {
    Body::AdmitNode(Box::new(admission(number, name)))
}

pub(crate) fn put(key: &[u8], value: &[u8], expect: Option<u64>) -> Body {
    Body::PutScratch(PutScratch { key: key.to_vec(), value: value.to_vec(), expect })
}

pub(crate) fn asset(code: &str) -> Body {
    let (code, name) = (code.to_owned(), "A coin".to_owned());
    Body::CreateAsset(CreateAsset { code, decimals: 8, name, reason: "test".into() })
}

pub(crate) fn user(label: &str) -> Body {
    Body::CreateUser(CreateUser { label: label.to_owned(), kyc_level: 1, fee_tier: 7 })
}

pub(crate) fn freeze(number: u64) -> Body {
    let (kyc_level, fee_tier, label) = (None, None, None);
    let status = Some(UserStatus::Frozen);
    Body::UpdateUser(UpdateUser { user: UserId(number), kyc_level, fee_tier, status, label, reason: "test".into() })
}

/// A credit of asset 1.
pub(crate) fn credit(user: u64, amount: u128, id: u128) -> Body {
    Body::CreditSandbox(CreditSandbox { user: UserId(user), asset: Asset(1), amount, id: TransferId(id) })
}

/// A transfer of asset 1.
pub(crate) fn between(from: u64, to: u64, amount: u128, id: u128) -> Body {
    let (from, to, asset, id) = (UserId(from), UserId(to), Asset(1), TransferId(id));
    Body::TransferBetweenUsers(TransferBetweenUsers { from, to, asset, amount, id, note: Some("rent".into()) })
}

pub(crate) fn post(id: u128, debit: AccountId, credit: AccountId, amount: u128) -> Transfer {
    let cause = Cause { reason: Reason::Internal, actor: ledger::Actor::System, reference: [7; 32] };
    Transfer { id: TransferId(id), legs: Leg::Post { debit, credit, amount }.into(), cause, note: None }
}
