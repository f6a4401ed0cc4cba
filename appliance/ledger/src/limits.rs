//! Every limit of the ledger, units last.

/// Accounts that may exist; an account takes about 145 bytes of memory.
pub const ACCOUNTS_MAX: usize = 1 << 24;
/// Postings of one block of the journal.
pub(crate) const BLOCK_POSTINGS_MAX: u64 = 128;
/// Legs of one transfer.
pub const LEGS_MAX: usize = 128;
/// Transfers of one bulk.
pub const BULK_TRANSFERS_MAX: usize = 8_190;
/// Holds that may be open on one account at a time, counted where they hold money back: on the debit side.
pub const OPEN_HOLDS_PER_ACCOUNT_MAX: u32 = 10_000;
/// Holds that may be open in the whole ledger; one takes about 150 bytes of memory.
pub const OPEN_HOLDS_MAX: usize = 1 << 22;
/// Longest note of a transfer.
pub const NOTE_BYTES_MAX: usize = 500;
/// How far the time inside a time-ordered id may be ahead of replicated time: one minute.
pub const ID_AHEAD_MS_MAX: u64 = 60_000;
/// Postings or accounts that one query gives at most.
pub const PAGE_MAX: usize = 1_000;

/// The sizes by which rows are cut and memory is bounded. The same on every node, because rows depend on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// What changed this many postings ago is in a row of its own; load reads up to about twice as many.
    pub(crate) window_postings: u64,
    /// Postings in one row of the journal.
    pub(crate) block_postings: usize,
    /// Ids in one page.
    pub(crate) page_ids: usize,
    /// Every how many postings of an account one is indexed by time.
    pub(crate) index_postings: u64,
    /// Holds that expire in one log entry; the rest follows with the next ones.
    pub(crate) expiries: usize,
    /// [`OPEN_HOLDS_PER_ACCOUNT_MAX`].
    pub(crate) account_holds: u32,
    /// [`OPEN_HOLDS_MAX`].
    pub(crate) holds: usize,
    /// [`ACCOUNTS_MAX`].
    pub(crate) accounts: usize,
}

impl Sizes {
    pub(crate) const STANDARD: Sizes = Sizes {
        window_postings: 1 << 16,
        block_postings: BLOCK_POSTINGS_MAX as usize,
        page_ids: 256,
        index_postings: 64,
        expiries: 8_192,
        account_holds: OPEN_HOLDS_PER_ACCOUNT_MAX,
        holds: OPEN_HOLDS_MAX,
        accounts: ACCOUNTS_MAX,
    };

    /// Small ones, so that short random logs reach every edge.
    #[cfg(test)]
    pub(crate) const SMALL: Sizes = Sizes {
        window_postings: 12,
        block_postings: 4,
        page_ids: 3,
        index_postings: 4,
        expiries: 1,
        account_holds: 3,
        holds: 8,
        accounts: 10,
    };
}
