//! Bugs planted on purpose, one at a time, to prove that the simulation would see them.
//!
//! Without the feature `planted-bugs`, which only the simulation's crate turns on, [`is`] is a constant `false` and
//! nothing of this is in the binary. [`Bug::DuplicateApplied`] and [`Bug::FenceIgnored`] are bugs of a machine: the
//! simulation's own has them.

/// A bug that somebody could write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// An append is acknowledged when it is written, not when it is synced.
    AckBeforeSync,
    /// A vote is answered before it is synced.
    VoteNotSynced,
    /// A snapshot's log id is taken from memory while its rows are those of an earlier moment.
    SnapshotAheadOfRows,
    /// State rows reach the disk before their log entry does.
    PersistBeforeLogSync,
    /// A conflicting tail is cut in memory but stays on the disk.
    TruncateForgotten,
    /// After installing a snapshot the old working set is served.
    InstallWithoutReload,
    /// The guard record is not compared with the log at start.
    GuardIgnored,
    /// A write whose fate is unknown is reported as not done.
    UnknownCalledFailed,
    /// A linearizable read is answered from local state at once.
    ReadWithoutIndex,
    /// The membership is left out of the applied row.
    MembershipNotPersisted,
    /// A command is applied although its id was seen before.
    DuplicateApplied,
    /// Rows and the applied row are written apart, so that a crash between them has entries applied twice.
    RowsBeforeApplied,
    /// Work of an epoch that is over still takes effect.
    FenceIgnored,
}

impl Bug {
    /// All of them.
    pub const ALL: &'static [Bug] = &[
        Bug::AckBeforeSync,
        Bug::VoteNotSynced,
        Bug::SnapshotAheadOfRows,
        Bug::PersistBeforeLogSync,
        Bug::TruncateForgotten,
        Bug::InstallWithoutReload,
        Bug::GuardIgnored,
        Bug::UnknownCalledFailed,
        Bug::ReadWithoutIndex,
        Bug::MembershipNotPersisted,
        Bug::DuplicateApplied,
        Bug::RowsBeforeApplied,
        Bug::FenceIgnored,
    ];
}

#[cfg(feature = "planted-bugs")]
mod switch {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Plants a bug on this thread, or none.
    pub fn plant(bug: Option<Bug>) {
        PLANTED.with(|cell| cell.set(bug));
    }

    /// Whether this bug is planted.
    #[must_use]
    pub fn is(bug: Bug) -> bool {
        PLANTED.with(Cell::get) == Some(bug)
    }
}

#[cfg(not(feature = "planted-bugs"))]
mod switch {
    /// Never: the feature is off.
    #[must_use]
    pub const fn is(_: super::Bug) -> bool {
        false
    }
}

pub use switch::is;
#[cfg(feature = "planted-bugs")]
pub use switch::plant;
