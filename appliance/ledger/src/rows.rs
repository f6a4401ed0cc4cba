//! Rows: how the ledger is laid out as ordered keys and versioned values.
//!
//! A key begins with the byte of its [`Table`]; numbers in keys are big-endian, so that byte order is number order.
//! Table bytes are taken from the ranges that the state's own tables leave free.

use crate::halt::Halt;

/// Rows asked for at once while a whole table is read.
const SCAN_ROWS_MAX: usize = 256;

/// How a row is kept and read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Loaded into memory at start; never read afterwards.
    Working,
    /// Append-only, read by range.
    History,
    /// Read by point look-up.
    Ids,
}

/// The first byte of every key.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// One row: number, chain hash and where a load begins to read the journal.
    Head = 0x10,
    /// Account id (u32) -> what it is, and its balance as of some posting within the window.
    Account = 0x11,
    /// Hold id -> the open hold; only those that were open for longer than the window.
    Hold = 0x12,
    /// Number of the first posting (u64) -> a block of postings of one log entry.
    Journal = 0x30,
    /// Account id (u32), time (u64), number (u64) -> nothing: every 64th posting of the account.
    AccountIndex = 0x31,
    /// Number of a transfer's first posting (u64) -> its note.
    Note = 0x32,
    /// Lowest id of the page -> up to 256 time-ordered ids with the numbers of their first postings.
    IdPage = 0x50,
    /// Time-ordered id -> what became of it; those that came late or are burnt.
    LateId = 0x51,
    /// Any other id -> what became of it.
    OtherId = 0x52,
    /// Id of a reverted transfer -> id of the transfer that reverted it.
    Reverted = 0x53,
}

impl Table {
    /// Every table, in the order of its number.
    pub const ALL: &'static [Table] = &[
        Table::Head,
        Table::Account,
        Table::Hold,
        Table::Journal,
        Table::AccountIndex,
        Table::Note,
        Table::IdPage,
        Table::LateId,
        Table::OtherId,
        Table::Reverted,
    ];

    /// Where the table's rows are kept.
    #[must_use]
    pub const fn family(self) -> Family {
        match self {
            Table::Head | Table::Account | Table::Hold => Family::Working,
            Table::Journal | Table::AccountIndex | Table::Note => Family::History,
            Table::IdPage | Table::LateId | Table::OtherId | Table::Reverted => Family::Ids,
        }
    }

    /// The key of the row `suffix` of this table.
    #[must_use]
    pub fn key(self, suffix: &[u8]) -> Vec<u8> {
        let mut key = Vec::with_capacity(1 + suffix.len());
        key.push(self as u8);
        key.extend_from_slice(suffix);
        key
    }

    /// The first key behind the table.
    pub(crate) fn end(self) -> Vec<u8> {
        vec![self as u8 + 1]
    }
}

/// One changed row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The row's table, which is also the key's first byte.
    pub table: Table,
    /// The whole key, table byte first.
    pub key: Vec<u8>,
    /// What happens to the row.
    pub edit: Edit,
}

/// What happens to a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// The row has this value from now on.
    Put(Vec<u8>),
    /// The row is gone.
    Delete,
}

/// A row of a scan: the whole key, and the value.
pub type Row = (Vec<u8>, Vec<u8>);

/// The ledger's rows as of the log entry before the one being applied, whatever is cached or persisted.
pub trait History {
    /// The value of one row.
    ///
    /// # Errors
    /// The rows cannot be read; the node stops.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, HistoryUnavailable>;

    /// The values of several rows, in the order of their keys.
    ///
    /// # Errors
    /// As [`History::get`].
    fn get_many(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, HistoryUnavailable> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// Rows from `from` up to, not including, `until`, at most `limit`; `reverse` starts from the last one.
    ///
    /// # Errors
    /// As [`History::get`].
    fn scan(&self, from: &[u8], until: &[u8], limit: usize, reverse: bool) -> Result<Vec<Row>, HistoryUnavailable>;

    /// Shows `each` the rows from `from` up to, not including, `until`, in order, until it answers false; for whole
    /// tables.
    ///
    /// # Errors
    /// As [`History::get`].
    fn visit(&self, from: &[u8], until: &[u8], each: &mut Visit<'_>) -> Result<(), HistoryUnavailable> {
        let mut from = from.to_vec();
        loop {
            let mut page = self.scan(&from, until, SCAN_ROWS_MAX, false)?;
            if !page.iter().all(|(key, value)| each(key, value)) {
                return Ok(());
            }
            match page.pop() {
                Some((last, _)) if page.len() + 1 == SCAN_ROWS_MAX => from = [&last, [0].as_slice()].concat(),
                Some(_) | None => return Ok(()),
            }
        }
    }
}

/// Is shown a row's key and value, and answers whether it wants the next one.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> bool + 'a;

/// An I/O failure under [`History`]; its text is for the node's log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ledger's rows cannot be read: {0}")]
pub struct HistoryUnavailable(pub String);

/// Calls `each` with key suffix and value of every row of `table` from `from` on, in order.
pub(crate) fn for_each(
    history: &dyn History,
    table: Table,
    from: Vec<u8>,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Halt>,
) -> Result<(), Halt> {
    let mut stopped = Ok(());
    history.visit(&from, &table.end(), &mut |key, value| match each(key.get(1..).unwrap_or_default(), value) {
        Ok(()) => true,
        Err(halt) => {
            stopped = Err(halt);
            false
        }
    })?;
    stopped
}
