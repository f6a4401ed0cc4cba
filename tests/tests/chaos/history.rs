//! What clients did and what they were told.

use std::fmt;

/// Nanoseconds since the run began.
pub(crate) type Moment = u64;

/// Later than everything: the return of what never returned.
pub(crate) const NEVER: Moment = Moment::MAX;

/// A scratch key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// One of the few that everybody writes and reads.
    Hot(u32),
    /// One that is written by one command only: for durability.
    Own(u64),
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Hot(number) => write!(f, "hot-{number}"),
            Key::Own(number) => write!(f, "own-{number}"),
        }
    }
}

/// What a write was told in the end, over all attempts under its one command id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteEnd {
    /// It took effect as this version.
    Done(u64),
    /// The value was not at the expected version: no effect.
    Mismatch,
    /// Certainly no effect: no attempt was taken.
    Refused,
    /// The answer was lost. It stays open for ever.
    Unknown,
}

/// A write.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) key: Key,
    /// Never written by another command.
    pub(crate) value: u64,
    /// The version it asks for.
    pub(crate) expect: Option<u64>,
    /// The command's id.
    pub(crate) id: u128,
    /// Before its first attempt.
    pub(crate) invoked: Moment,
    /// After the first definite answer, else [`NEVER`].
    pub(crate) returned: Moment,
    pub(crate) end: WriteEnd,
}

/// A read that was answered. The others saw nothing and are not kept.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    pub(crate) key: Key,
    /// The host that answered.
    pub(crate) host: usize,
    /// Which run of that host's server, for local reads.
    pub(crate) run: u64,
    pub(crate) local: bool,
    pub(crate) invoked: Moment,
    pub(crate) returned: Moment,
    /// Version and value; version 0 where there was none.
    pub(crate) version: u64,
    pub(crate) value: u64,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) writes: Vec<Write>,
    pub(crate) reads: Vec<Read>,
    /// Commands that were sent again after they had been answered.
    pub(crate) repeats: u64,
    /// Reads that were not answered.
    pub(crate) silent_reads: u64,
    /// What was wrong at once, such as another outcome for the same command id.
    pub(crate) broken: Vec<String>,
}

impl History {
    /// Takes in another one.
    pub(crate) fn add(&mut self, other: History) {
        self.writes.extend(other.writes);
        self.reads.extend(other.reads);
        self.repeats += other.repeats;
        self.silent_reads += other.silent_reads;
        self.broken.extend(other.broken);
    }

    /// Operations that were begun.
    pub(crate) fn operations(&self) -> u64 {
        self.writes.len() as u64 + self.reads.len() as u64 + self.silent_reads + self.repeats
    }

    /// When writes were acknowledged, in order.
    pub(crate) fn acknowledgements(&self) -> Vec<Moment> {
        let done = self.writes.iter().filter(|write| matches!(write.end, WriteEnd::Done(_)));
        let mut moments: Vec<Moment> = done.map(|write| write.returned).collect();
        moments.sort_unstable();
        moments
    }
}
