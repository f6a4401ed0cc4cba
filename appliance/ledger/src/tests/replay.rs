//! The same log gives the same outcomes and rows, however the node that applies it was stopped and started.

use super::generate::{Generator, Random};
use super::world::{SECOND, START};
use crate::limits::Sizes;
use crate::testing::MemoryRows;
use crate::{
    AccountKey, Applied, Asset, At, Command, History, HistoryUnavailable, Holder, Ledger, Leg, OpenAccount, Row, Table,
};

use exchequer_domain::Timestamp;

/// A random log of entries.
pub(super) fn log(seed: u64) -> Vec<(At, Vec<Command>)> {
    let (mut generator, mut random) = (Generator::new(seed, START), Random(!seed));
    generator.assets = vec![Asset(4); 8];
    let holders = (0..8).map(|customer| Holder::Customer { customer, sub_account: 1 });
    let open = |holder| Command::Open(OpenAccount { key: AccountKey { holder, asset: Asset(4) }, overdraft: true });
    let mut entries = vec![(At { index: 1, time: START }, holders.map(open).collect())];
    for index in 2..60 {
        generator.now = Timestamp(generator.now.0 + SECOND * random.below(4));
        let commands = (0..random.below(12)).map(|_| generator.command()).collect();
        entries.push((At { index, time: generator.now }, commands));
    }
    entries
}

/// Rows that refuse every point read which was not announced.
struct Announced<'a> {
    rows: &'a MemoryRows,
    keys: Vec<Vec<u8>>,
}

impl History for Announced<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, HistoryUnavailable> {
        let lookup = key[0] == Table::OtherId as u8 || key[0] == Table::LateId as u8 || key[0] == Table::Reverted as u8;
        assert!(!lookup || self.keys.iter().any(|announced| announced == key), "{key:?} was not announced");
        self.rows.get(key)
    }

    fn scan(&self, from: &[u8], until: &[u8], limit: usize, reverse: bool) -> Result<Vec<Row>, HistoryUnavailable> {
        self.rows.scan(from, until, limit, reverse)
    }
}

fn apply(ledger: &mut Ledger, rows: &mut MemoryRows, at: At, commands: &[Command]) -> Applied {
    let mut keys = ledger.lookups(commands);
    // A capture that fails because an earlier command of the entry resolved its hold looks up one id more.
    for command in commands {
        let transfers = match command {
            Command::Transfer(transfer) => std::slice::from_ref(transfer),
            Command::Bulk(transfers) => transfers,
            Command::Open(_) | Command::Revert(_) => &[],
        };
        for leg in transfers.iter().flat_map(|transfer| transfer.legs.iter()) {
            if let Leg::Capture { hold, .. } | Leg::Release { hold, .. } = leg {
                let id = hold.transfer.0.to_be_bytes();
                keys.extend([Table::LateId, Table::OtherId].map(|table| table.key(&id)));
            }
        }
    }
    let applied = ledger.apply(at, commands, &Announced { rows, keys }).unwrap();
    rows.apply_changes(applied.changes.clone());
    applied
}

/// Goal: a restart changes nothing, not even which rows are written when; and every look-up is announced. Method: random
/// logs applied straight, and with the ledger loaded anew from its rows before random entries.
#[test]
fn restarts_change_nothing() {
    let mut postings = 0;
    for seed in 0..300 {
        let (mut straight, mut rows) = (Ledger::with_sizes(Sizes::SMALL), MemoryRows::new());
        let (mut restarted, mut other_rows) = (straight.clone(), MemoryRows::new());
        let mut random = Random(seed);
        for (at, commands) in log(seed) {
            if random.one_in(3) {
                restarted = Ledger::load_with_sizes(&other_rows, Sizes::SMALL).unwrap();
            }
            let expected = apply(&mut straight, &mut rows, at, &commands);
            let found = apply(&mut restarted, &mut other_rows, at, &commands);
            assert_eq!(found, expected, "seed {seed}, entry {}", at.index);
        }
        postings += straight.last_posting();
        assert_eq!(rows, other_rows, "seed {seed}");
    }
    assert!(postings > 300 * 60, "{postings} postings");
}

/// Goal: how commands are spread over entries does not matter to what they come to. Method: random logs applied straight
/// and with each entry cut in two at the same place and time; outcomes, balances and postings are equal.
#[test]
fn cuts_change_nothing() {
    let sizes = Sizes { expiries: 1_000, ..Sizes::SMALL };
    for seed in 0..200 {
        let (mut straight, mut rows) = (Ledger::with_sizes(sizes), MemoryRows::new());
        let (mut cut, mut other_rows) = (straight.clone(), MemoryRows::new());
        let mut random = Random(seed);
        for (at, commands) in log(seed) {
            let expected = apply(&mut straight, &mut rows, at, &commands);
            let (left, right) = commands.split_at(random.below(commands.len() as u64 + 1) as usize);
            let mut found = apply(&mut cut, &mut other_rows, at, left).outcomes;
            found.extend(apply(&mut cut, &mut other_rows, at, right).outcomes);
            assert_eq!(found, expected.outcomes, "seed {seed}, entry {}", at.index);
        }
        let postings = |ledger: &Ledger, rows: &MemoryRows| -> Vec<_> {
            let feed = ledger.feed(1, 1_000, rows).unwrap();
            feed.iter().map(|posted| (posted.number, posted.time, posted.posting.debit_after)).collect()
        };
        assert_eq!(postings(&straight, &rows), postings(&cut, &other_rows), "seed {seed}");
    }
}
