//! Replicated time: what the leader stamps on entries.
//!
//! It starts at the later of the wall clock and the last applied stamp, advances with the monotonic clock, and is
//! drawn towards the wall clock by at most a tenth of the time that passes. So it never runs backwards and never
//! leaps, whatever somebody does to the wall clock while a node leads.

use std::sync::Arc;

use tokio::time::Instant;

/// Tells microseconds since 1970.
pub type WallClock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The clock of a leadership.
pub(crate) struct ReplicatedClock {
    wall: WallClock,
    last: Option<(Instant, u64)>,
}

impl ReplicatedClock {
    pub(crate) fn new(wall: WallClock) -> ReplicatedClock {
        ReplicatedClock { wall, last: None }
    }

    /// A new leadership begins: start afresh from the wall clock.
    pub(crate) fn restart(&mut self) {
        self.last = None;
    }

    /// The next stamp; never before `floor_us`, the last applied one.
    pub(crate) fn stamp(&mut self, floor_us: u64) -> u64 {
        let (now, wall) = (Instant::now(), (self.wall)());
        let stamped = match self.last {
            None => wall,
            Some((then, before)) => slew(before, wall, elapsed_us(now, then)),
        };
        let stamped = stamped.max(floor_us);
        self.last = Some((now, stamped));
        stamped
    }
}

fn elapsed_us(now: Instant, then: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(then).as_micros()).unwrap_or(u64::MAX)
}

/// Advances `before` by what passed, plus or minus a tenth of it in the direction of the wall clock.
fn slew(before: u64, wall: u64, elapsed: u64) -> u64 {
    let straight = before.saturating_add(elapsed);
    let pull = elapsed / 10;
    if wall > straight {
        straight.saturating_add(pull.min(wall - straight))
    } else {
        straight - pull.min(straight - wall).min(elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a wall clock that jumps by ten minutes either way neither stops replicated time nor makes it leap, and
    /// in the end it is caught up with. Method: a second at a time, both jumps.
    #[test]
    fn jumps_are_slewed() {
        const SECOND: u64 = 1_000_000;
        for jump in [600_i64, -600] {
            let start = 1_000_000 * SECOND;
            let (mut replicated, mut wall) = (start, start.saturating_add_signed(jump * SECOND as i64));
            for _ in 0..6_001 {
                wall += SECOND;
                let next = slew(replicated, wall, SECOND);
                assert!(next >= replicated + SECOND * 9 / 10 && next <= replicated + SECOND * 11 / 10);
                replicated = next;
            }
            assert_eq!(replicated, wall);
        }
    }
}
