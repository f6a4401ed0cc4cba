//! What no quorum tells, and for how long it has been so.

use std::collections::BTreeMap;

use exchequer_domain::{BlockHash, ChainAddress};
use tokio::time::{Duration, Instant};

/// So long a block waits for what no quorum tells.
pub(super) const PATIENCE: Duration = Duration::from_secs(600);
/// Longer than between two looks at a block that waits.
const GAP_MAX: Duration = Duration::from_secs(300);

/// What no quorum tells.
#[derive(Debug, Clone, Default)]
pub(super) struct Untold {
    /// Tokens of which no quorum tells.
    pub(super) tokens: BTreeMap<ChainAddress, Hinders>,
    /// How long nodes have refused to tell of anything at blocks, and told of the head.
    pub(super) refused: Clock,
}

/// How long something has been seen, time and again; what was not looked at in between does not count.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Clock {
    /// For so long.
    lasted: Duration,
    /// When it was seen last; none where something else was seen since.
    last: Option<Instant>,
    /// So often.
    pub(super) times: u32,
}

impl Clock {
    /// It is seen again.
    pub(super) fn again(&mut self) {
        let now = Instant::now();
        // What was so an hour ago and is so again may have been otherwise in between.
        match self.last.map(|last| now - last).filter(|since| *since <= GAP_MAX) {
            Some(since) => self.lasted += since,
            None if self.is_over() => self.lasted = Duration::ZERO,
            None => {}
        }
        (self.last, self.times) = (Some(now), self.times.saturating_add(1));
    }

    /// Something else is seen.
    pub(super) const fn pause(&mut self) {
        self.last = None;
    }

    pub(super) fn is_over(&self) -> bool {
        self.lasted >= PATIENCE
    }
}

/// A token that hinders.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hinders {
    /// At which block.
    pub(super) block: Option<BlockHash>,
    /// How long it did while the control was told.
    pub(super) seen: Clock,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is seen twice with hours between was not seen for hours. Method: a clock in paused time.
    #[tokio::test(start_paused = true)]
    async fn what_was_not_looked_at_does_not_count() {
        let mut clock = Clock::default();
        for (seconds, pauses, lasted) in [
            (0, false, 0),
            (300, false, 300),
            (3_600, false, 300),
            (90, true, 300),
            (290, false, 590),
            (10, false, 600),
            (1, false, 601),
            (1, true, 0),
            (3, false, 3),
        ] {
            if pauses {
                clock.pause();
            }
            tokio::time::advance(Duration::from_secs(seconds)).await;
            clock.again();
            assert_eq!(clock.lasted, Duration::from_secs(lasted));
        }
    }
}
