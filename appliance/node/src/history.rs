//! Has the node sample the figures of its overview at the beginning of each minute of its clock.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use exchequer_api::history::{Process, SAMPLED_EVERY_US};
use exchequer_domain::Timestamp;

use crate::house::{House, resident_bytes};
use crate::server::wall_clock;

/// Runs for as long as the node does, whether or not it leads: each node has its own copy of the state.
pub(crate) async fn run(house: Arc<House>, folder: PathBuf) {
    loop {
        // Off the threads that serve requests: a disk that hangs makes a gap and nothing else.
        let (sampled, folder) = (house.clone(), folder.clone());
        let sampled = tokio::task::spawn_blocking(move || sample(&sampled, &folder)).await;
        if let Err(error) = sampled {
            tracing::warn!(%error, "the figures of a minute could not be sampled");
        }
        tokio::time::sleep(until_next(wall_clock())).await;
    }
}

fn sample(house: &House, folder: &Path) {
    let process = Process { disk_free_bytes: free_bytes(folder), resident_bytes: resident_bytes() };
    let began = Instant::now();
    house.history.sample(house, Timestamp(wall_clock()), process);
    metrics::histogram!("exchequer_history_sample_seconds").record(began.elapsed().as_secs_f64());
}

fn free_bytes(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

/// How long it is until the next minute begins.
fn until_next(now_us: u64) -> Duration {
    Duration::from_micros(SAMPLED_EVERY_US - now_us % SAMPLED_EVERY_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: each minute gets its sample, none is passed over. Method: moments at and around the beginning of one.
    #[test]
    fn minutes_follow_each_other() {
        let minute = SAMPLED_EVERY_US;
        for (now, next) in [(0, minute), (1, minute), (minute - 1, minute), (minute, 2 * minute)] {
            assert_eq!(Duration::from_micros(now) + until_next(now), Duration::from_micros(next), "{now}");
        }
    }
}
