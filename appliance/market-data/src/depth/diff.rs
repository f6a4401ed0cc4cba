//! What changed in a book between two updates.

use super::Level;

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
    /// The checksum of the book after `last`, by [`super::Shown`].
    pub checksum: u32,
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
        (self.last, self.checksum) = (later.last, later.checksum);
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
