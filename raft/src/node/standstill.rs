//! A disk that hangs: it fails nothing, and nothing arrives on it.
//!
//! A leader on such a disk would go on leading, for heartbeats need no disk and the others commit what it sends them,
//! until what waits for its own disk fills its bounds; from then on it could only refuse.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::Inner;
use crate::machine::Machine;

/// A disk on which nothing has arrived for so long, while what waits for it fills its bounds, hangs.
const STANDSTILL: Duration = Duration::from_secs(3);

/// What was last seen to arrive.
#[derive(Debug, Default)]
pub(super) struct Standstill {
    synced: u64,
    since: Option<Instant>,
}

impl Standstill {
    /// Notes whether this node's disk hangs.
    pub(super) fn judge<M: Machine>(&mut self, inner: &Inner<M>) {
        let full = inner.log.is_full() || inner.state.backlog.is_full();
        let hangs = self.look(full, inner.log.synced_index(), Instant::now());
        if inner.disk_hangs.swap(hangs, Ordering::Relaxed) != hangs {
            match hangs {
                true => tracing::error!(code = "EXQ-0502", "nothing arrives on the disk: this node does not lead"),
                false => tracing::info!("the disk takes what is written again"),
            }
        }
    }

    fn look(&mut self, full: bool, synced: u64, now: Instant) -> bool {
        if !full || synced != self.synced {
            self.since = None;
        }
        self.synced = synced;
        full && now - *self.since.get_or_insert(now) >= STANDSTILL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a disk that is slow under load is not taken for one that hangs, and one that hangs is. Method: bounds that
    /// are full, with and without anything arriving.
    #[test]
    fn slow_is_not_hanging() {
        let (mut seen, start) = (Standstill::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        for second in 0..10 {
            assert!(!seen.look(true, second, at(second)), "it is full and goes on");
            assert!(!seen.look(false, 10, at(second)), "it rests");
        }
        assert!(!seen.look(true, 10, at(20)));
        assert!(!seen.look(true, 10, at(22)));
        assert!(seen.look(true, 10, at(23)), "full for three seconds, and nothing arrived");
        assert!(!seen.look(true, 11, at(24)), "something arrived");
        assert!(!seen.look(true, 11, at(26)));
    }
}
