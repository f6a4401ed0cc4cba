//! How the ledger is joined to the state: its rows are the state's rows, and one entry of the log is one of the ledger.

use exchequer_ledger as ledger;
use exchequer_ledger::{History, HistoryUnavailable, Ledger};

use crate::halt::Halt;
use crate::rows::{self, Change, Edit, Family, Row, Rows, RowsUnavailable};

/// The state's rows as the ledger reads them.
#[derive(Clone, Copy)]
pub struct HistoryOf<'a>(pub &'a dyn Rows);

impl HistoryOf<'_> {
    fn family(key: &[u8]) -> Result<Family, HistoryUnavailable> {
        let family = key.first().and_then(|table| rows::family_of(*table));
        family.ok_or_else(|| HistoryUnavailable("the key is of no table".to_owned()))
    }
}

impl History for HistoryOf<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, HistoryUnavailable> {
        self.0.get(HistoryOf::family(key)?, key).map_err(unavailable)
    }

    fn scan(&self, from: &[u8], until: &[u8], limit: usize, reverse: bool) -> Result<Vec<Row>, HistoryUnavailable> {
        self.0.scan(HistoryOf::family(from)?, from, until, limit, reverse).map_err(unavailable)
    }

    fn visit(&self, from: &[u8], until: &[u8], each: &mut ledger::Visit<'_>) -> Result<(), HistoryUnavailable> {
        self.0.visit(HistoryOf::family(from)?, from, until, each).map_err(unavailable)
    }
}

fn unavailable(RowsUnavailable(why): RowsUnavailable) -> HistoryUnavailable {
    HistoryUnavailable(why)
}

/// Where a family of the ledger's is kept.
pub(crate) const fn family(family: ledger::Family) -> Family {
    match family {
        ledger::Family::Working => Family::Working,
        ledger::Family::History => Family::History,
        ledger::Family::Ids => Family::Ids,
    }
}

/// A changed row of the ledger's as one of the state's.
pub(crate) fn change(change: ledger::Change) -> Change {
    let edit = match change.edit {
        ledger::Edit::Put(value) => Edit::Put(value),
        ledger::Edit::Delete => Edit::Delete,
    };
    Change { family: family(change.table.family()), key: change.key, edit }
}

/// Accounts that a check may visit per entry, on average.
const CHECKED_ACCOUNTS: u64 = 1_024;

/// In debug builds, whether debits equal credits per asset and no limited account has left its side: after every entry
/// while there are few accounts, then after every so many.
pub(crate) fn check(ledger: &Ledger, index: u64) -> Result<(), Halt> {
    let every = 1 + u64::from(ledger.accounts()) / CHECKED_ACCOUNTS;
    if cfg!(debug_assertions) && index.is_multiple_of(every) {
        ledger.check()?;
    }
    Ok(())
}
