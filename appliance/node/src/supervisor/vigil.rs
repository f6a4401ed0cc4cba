//! Notices that the machine stood still, as one does that is suspended.
//!
//! Workers' leases are moments of a clock that goes on meanwhile; how long ago a majority answered is measured with one that
//! does not. After a standstill that age is too short, until a majority has answered again.

use std::time::Duration;

use tokio::time::Instant;

/// Clocks that differ by more since a majority last answered tell of a standstill. Less is what the rest of a leadership's
/// beginning has in hand.
const STANDSTILL: Duration = Duration::from_millis(100);

/// Compares the two clocks.
#[derive(Debug)]
pub(super) struct Vigil {
    /// Both clocks when a majority had answered last, or when the machine was found to have stood still.
    clock_us: u64,
    at: Instant,
    /// No majority has answered since the machine stood still.
    owed: bool,
}

impl Vigil {
    pub(super) fn new(clock_us: u64, at: Instant) -> Vigil {
        Vigil { clock_us, at, owed: false }
    }

    /// Looks at both clocks; whether the age of the majority's last answer can be believed.
    pub(super) fn look(&mut self, clock_us: u64, now: Instant, age: Duration) -> bool {
        let elapsed = now - self.at;
        let by_clock = Duration::from_micros(clock_us.saturating_sub(self.clock_us));
        if by_clock > elapsed + STANDSTILL {
            *self = Vigil { clock_us, at: now, owed: true };
        } else if age < elapsed {
            *self = Vigil { clock_us, at: now, owed: false };
        }
        !self.owed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: after a standstill nothing is believed until a majority has answered since, and several short ones count together
    /// as long as none has. Method: looks four times a second at clocks that part.
    #[test]
    fn a_standstill_is_noticed() {
        let start = Instant::now();
        let mut vigil = Vigil::new(0, start);
        let mut look = |ms: u64, stood_ms: u64, age_ms: u64| {
            let now = start + Duration::from_millis(ms);
            vigil.look((ms + stood_ms) * 1_000, now, Duration::from_millis(age_ms))
        };
        assert!(look(250, 0, 10) && look(500, 0, 260));
        // Ten seconds away; the last answer is from before them.
        assert!(!look(750, 10_000, 510) && !look(1_000, 10_000, 760) && !look(1_250, 10_000, 1_010));
        assert!(look(1_500, 10_000, 20), "a majority has answered");
        // Short ones: 60 ms each, with no answer in between.
        assert!(look(1_750, 10_060, 270));
        assert!(!look(2_000, 10_120, 520));
        assert!(look(2_250, 10_120, 100));
        // As short, but answered in between.
        assert!(look(2_500, 10_180, 30) && look(2_750, 10_240, 30));
    }
}
