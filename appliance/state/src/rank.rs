//! In which order what waits is taken: by its level, where waiting makes up for a level in a minute.
//!
//! What is of level `l` and waits since `s` stands at `s` and `l` minutes: a number that does not change while it waits, so
//! that a sorted set is the whole queue. Invariant: level 0 comes before everything else, and nothing ages into it.

use exchequer_domain::Timestamp;

/// How long something waits to make up for one level.
const LEVEL_US: u64 = 60_000_000;

/// The place of something that waits; the lowest is taken first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// False for level 0.
    ages: bool,
    at: u64,
}

impl Rank {
    pub(crate) fn new(level: u8, since: Timestamp) -> Rank {
        Rank { ages: level > 0, at: since.0.saturating_add(u64::from(level) * LEVEL_US) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a minute of waiting makes up for a level, exactly, and no waiting for level 0.
    #[test]
    fn waiting_makes_up_for_levels() {
        let at = |minutes: u64| Timestamp(minutes * LEVEL_US);
        assert!(Rank::new(5, at(10)) < Rank::new(8, at(8)));
        assert_eq!(Rank::new(5, at(10)), Rank::new(8, at(7)));
        assert!(Rank::new(5, at(10)) > Rank::new(8, at(6)));
        assert!(Rank::new(0, at(1_000)) < Rank::new(1, at(0)));
        assert_eq!(
            Rank::new(9, Timestamp(u64::MAX)),
            Rank::new(1, Timestamp(u64::MAX - 1)),
            "the end of time does not wrap"
        );
    }
}
