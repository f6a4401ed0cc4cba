//! What changed in a book between two updates, and what a stream has not sent yet.

use super::{Change, LEVELS_MAX, Level};
use crate::trade::Side;

/// Changes that are collected before they are compacted.
const COMPACT_CHANGES: usize = 4_096;

/// What a book's levels came to over some changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// The first change (`U`).
    pub first: u64,
    /// The last change (`u`).
    pub last: u64,
    /// Bids with their totals after `last`, highest price first; zero is a level that is gone.
    pub bids: Vec<Level>,
    /// Asks with their totals after `last`, lowest price first; zero is a level that is gone.
    pub asks: Vec<Level>,
}

/// Two differences that do not follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a difference from {first} on does not follow one up to {last}")]
pub struct NotAdjacent {
    /// Where the first one ends.
    pub last: u64,
    /// Where the second one begins.
    pub first: u64,
}

impl Diff {
    /// Becomes the difference over both: from its own first change to the later one's last.
    ///
    /// # Errors
    /// `later` does not begin right after it; nothing changed.
    pub fn merge(&mut self, later: &Diff) -> Result<(), NotAdjacent> {
        if self.last.checked_add(1) != Some(later.first) {
            return Err(NotAdjacent { last: self.last, first: later.first });
        }
        self.last = later.last;
        self.bids = merged(&self.bids, &later.bids, |a, b| a > b);
        self.asks = merged(&self.asks, &later.asks, |a, b| a < b);
        Ok(())
    }

    /// How many levels are in it.
    #[must_use]
    pub fn levels(&self) -> usize {
        self.bids.len() + self.asks.len()
    }
}

/// Two sorted lists of levels as one; the later one's total counts.
fn merged(earlier: &[Level], later: &[Level], is_before: impl Fn(u64, u64) -> bool) -> Vec<Level> {
    let mut all = Vec::with_capacity(earlier.len() + later.len());
    let mut earlier = earlier.iter().copied().peekable();
    for &level in later {
        while let Some(before) = earlier.next_if(|old| is_before(old.price, level.price)) {
            all.push(before);
        }
        earlier.next_if(|old| old.price == level.price);
        all.push(level);
    }
    all.extend(earlier);
    all
}

/// What a stream has not sent yet; one for each speed.
#[derive(Debug, Clone, Default)]
pub struct Pending {
    changes: Vec<Change>,
    /// The first and the last change since the stream's last event.
    covered: Option<(u64, u64)>,
    /// How many changes lead to the next compaction.
    limit: usize,
}

impl Pending {
    /// Nothing to send.
    #[must_use]
    pub fn new() -> Pending {
        Pending::default()
    }

    /// Adds a change that the book took. False means that a great part of the book has changed, and that it should be
    /// taken now, before its time, so that memory stays bounded.
    #[must_use]
    pub fn push(&mut self, change: &Change) -> bool {
        let first = self.covered.map_or(change.sequence, |(first, _)| first);
        self.covered = Some((first, change.sequence));
        self.changes.push(*change);
        if self.changes.len() < self.limit.max(COMPACT_CHANGES) {
            return true;
        }
        self.compact();
        self.limit = 2 * self.changes.len();
        self.changes.len() < LEVELS_MAX
    }

    /// Everything since the last time, as one difference. None where nothing happened.
    #[must_use]
    pub fn take(&mut self) -> Option<Diff> {
        let (first, last) = self.covered.take()?;
        self.compact();
        self.limit = 0;
        let mut diff = Diff { first, last, ..Diff::default() };
        for change in self.changes.drain(..) {
            match change.side {
                Side::Buy => diff.bids.push(change.level),
                Side::Sell => diff.asks.push(change.level),
            }
        }
        diff.bids.reverse();
        // A burst's memory is given back.
        self.changes.shrink_to(COMPACT_CHANGES);
        Some(diff)
    }

    /// Keeps the last change of each level, in order of side and price.
    fn compact(&mut self) {
        self.changes.sort_by_key(|change| (change.side, change.level.price));
        self.changes.dedup_by(|later, earlier| {
            let same = (later.side, later.level.price) == (earlier.side, earlier.level.price);
            if same {
                *earlier = *later;
            }
            same
        });
    }
}
