//! Why a signing memory refuses.

use crate::files::FileError;

/// Why the memory refuses.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The file system.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is a vault and no memory.
    #[error(
        "{path} is missing: this signer does not know what was signed. Where that is right (a new node), say so with `recreate`; it then follows the whole log first"
    )]
    Lost {
        /// The file.
        path: String,
    },
    /// It is another vault's.
    #[error("{path} is the memory of another vault")]
    OtherVault {
        /// The file.
        path: String,
    },
    /// Another process has it.
    #[error("{path} is in use by another signer")]
    InUse {
        /// The file.
        path: String,
    },
    /// Bytes were changed.
    #[error("{path} is damaged at byte {at}: nothing is signed. Move it away, look at the disk, and `recreate` it")]
    Damaged {
        /// The file.
        path: String,
        /// Where.
        at: u64,
    },
    /// A sync has failed.
    #[error("the signing memory could not be written: nothing is signed any more; look at the disk and restart")]
    Broken,
    /// A limit.
    #[error("the signing memory is as large as it may be: nothing is signed any more")]
    Full,
    /// A feed does not begin where the last one ended.
    #[error(
        "the feed begins after index {after}, but the signer is at {at}: refused, since what is between is not known"
    )]
    Gap {
        /// Where it begins.
        after: u64,
        /// Where the signer is.
        at: u64,
    },
    /// Its indexes are not in order or too many.
    #[error("the feed is not in order, or longer than 10000 entries: refused whole")]
    Order,
    /// It goes on too far, or has an entry of an epoch that it does not know.
    #[error(
        "the feed goes on by more than 1000000000 indexes, or has a decision of a later epoch than its own: refused"
    )]
    Ahead,
    /// A lower epoch than the highest that was seen.
    #[error("epoch {asked} is over: {highest} was seen")]
    Stale {
        /// Of the request.
        asked: u64,
        /// The highest.
        highest: u64,
    },
    /// An older policy than was used before.
    #[error("the policy in place has version {found}, and {highest} was used before: put the newer one in place again")]
    OldPolicy {
        /// Of the one in place.
        found: u64,
        /// The highest.
        highest: u64,
    },
    /// The log of a lineage that is over.
    #[error(
        "the feed is of lineage {asked} of the log, and lineage {highest} was followed: another cluster, or one that was given up, feeds this signer"
    )]
    FormerLineage {
        /// Of the feed.
        asked: u64,
        /// The highest.
        highest: u64,
    },
    /// Not followed far enough.
    #[error("the log is followed up to {at}, and epoch {epoch} begins behind that: feed it first")]
    Behind {
        /// Of the request.
        epoch: u64,
        /// Where the signer is.
        at: u64,
    },
    /// It is of a time that has not come.
    #[error("the feed has a record of more than 10 minutes after the signer's clock: refused; compare the clocks")]
    Future,
    /// A record that this vault did not make.
    #[error("a signing record in the feed does not have this vault's tag: refused")]
    Forged,
    /// A proof that proves nothing.
    #[error("the proof that an attempt is dead does not hold: {0}")]
    Proof(&'static str),
    /// A bug.
    #[error("a record could not be encoded: this is a bug")]
    Internal,
}
