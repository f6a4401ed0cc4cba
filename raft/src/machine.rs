//! The state machine as consensus knows it: bytes in, bytes and changed rows out.

use std::fmt;

use bytes::Bytes;
use exchequer_storage::Edit;

/// Where in the log an entry stands, and its replicated time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The entry's index; an activation's index is its epoch.
    pub index: u64,
    /// The term of the leader that proposed it.
    pub term: u64,
    /// Microseconds since 1970 as the leader stamped them.
    pub time_us: u64,
}

/// What an entry says.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// Nothing: an entry of consensus itself.
    Noop,
    /// `node` leads from here on; `boot` tells its runs apart.
    Activate {
        /// The leader.
        node: u64,
        /// Drawn anew each time the node starts.
        boot: [u8; 16],
    },
    /// Commands, to be applied together and in order.
    Commands(&'a [Bytes]),
}

/// One changed row. Families are numbered as in [`Machine::FAMILIES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which family.
    pub family: usize,
    /// The row's key.
    pub key: Vec<u8>,
    /// What becomes of it.
    pub edit: Edit,
}

/// What applying an entry came to.
#[derive(Debug, Default)]
pub struct Applied {
    /// One a command.
    pub outcomes: Vec<Bytes>,
    /// Changed rows, in an order that is the same on every node.
    pub changes: Vec<Change>,
    /// Whether every node shall hash all its rows as of this entry.
    pub digest: bool,
}

/// The state machine must not go on.
#[derive(Debug, Clone)]
pub struct Halt {
    /// A stable code.
    pub code: String,
    /// What happened.
    pub detail: String,
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

/// Rows as of the last applied entry: what is not on disk yet is seen first.
pub trait RowReader {
    /// Reads one row.
    ///
    /// # Errors
    /// The disk's, as text; the caller must halt.
    fn get(&self, family: usize, key: &[u8]) -> Result<Option<Vec<u8>>, Halt>;

    /// Reads rows of one family, one a key and in the order of the keys; faster than one after the other.
    ///
    /// # Errors
    /// The disk's, as text; the caller must halt.
    fn get_many(&self, family: usize, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>, Halt> {
        keys.iter().map(|key| self.get(family, key)).collect()
    }

    /// Rows in `from..until` (an empty `until` means to the end), at most `limit`.
    ///
    /// # Errors
    /// The disk's, as text; the caller must halt.
    fn scan(&self, family: usize, from: &[u8], until: &[u8], limit: usize, reverse: bool) -> Result<Rows, Halt>;

    /// Shows `each` the rows in `from..until` (an empty `until` means to the end), in order, until it answers false; for
    /// whole tables.
    ///
    /// # Errors
    /// The disk's, as text; the caller must halt.
    fn visit(&self, family: usize, from: &[u8], until: &[u8], each: &mut Visit<'_>) -> Result<(), Halt> {
        let mut from = from.to_vec();
        loop {
            let mut page = self.scan(family, &from, until, VISIT_ROWS, false)?;
            if !page.iter().all(|(key, value)| each(key, value)) {
                return Ok(());
            }
            match page.pop() {
                Some((last, _)) if page.len() + 1 == VISIT_ROWS => from = [&last, [0].as_slice()].concat(),
                Some(_) | None => return Ok(()),
            }
        }
    }
}

/// Is shown a row's key and value, and answers whether it wants the next one.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> bool + 'a;

/// Rows that are in memory at once while a table is visited that has changed rows.
const VISIT_ROWS: usize = 1_000;

/// Keys with their values, in order.
pub type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// The families of the state's store: the machine's, which are at most seven, and consensus's own.
pub(crate) const FAMILIES_MAX: usize = 8;

/// A replicated state machine. Deterministic: the same entries give the same outcomes and rows on every node.
pub trait Machine: Send + Sync + Sized + 'static {
    /// The names of its column families; at most seven.
    const FAMILIES: &'static [&'static str];

    /// Builds the working set from the rows.
    ///
    /// # Errors
    /// Rows that cannot be read or understood.
    fn load(rows: &dyn RowReader) -> Result<Self, Halt>;

    /// Takes over from `former`, which was replaced by a snapshot's rows, what is not state: whoever listens to it.
    fn succeed(&mut self, former: &Self) {
        let _ = former;
    }

    /// Applies one committed entry.
    ///
    /// # Errors
    /// Only where going on would be wrong on every node or on this one; never for bad input.
    fn apply(&mut self, at: At, input: Input<'_>, rows: &dyn RowReader) -> Result<Applied, Halt>;
}
