//! How slow is this disk? Measured at start, because a slow disk is the commonest cause of elections and time-outs and
//! the last thing that is suspected.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// Above this 99th percentile of a sync, elections and time-outs are to be expected.
const SLOW_P99: Duration = Duration::from_millis(10);
const ROUNDS: usize = 100;
const TIME_LIMIT: Duration = Duration::from_secs(2);

/// What the probe measured.
#[derive(Debug, Clone, Copy)]
pub struct ProbeReport {
    /// The median of a 4 KiB write with its sync.
    pub p50: Duration,
    /// The 99th percentile.
    pub p99: Duration,
    /// How many were measured.
    pub rounds: usize,
}

impl ProbeReport {
    /// Whether the disk is too slow for steady leadership.
    #[must_use]
    pub fn is_slow(&self) -> bool {
        self.p99 > SLOW_P99
    }
}

/// Writes and syncs a page up to a hundred times, for at most two seconds, in a file that is removed again.
///
/// # Errors
/// The disk refused.
pub fn probe(folder: &Path) -> Result<ProbeReport> {
    let path = folder.join("probe");
    let file =
        OpenOptions::new().write(true).create(true).truncate(true).open(&path).map_err(Error::io("create", &path))?;
    let page = [0x5a; 4096];
    file.write_all_at(&page, 0).and_then(|()| file.sync_all()).map_err(Error::io("sync", &path))?;
    let started = Instant::now();
    let mut times = Vec::with_capacity(ROUNDS);
    while times.len() < ROUNDS && started.elapsed() < TIME_LIMIT {
        let before = Instant::now();
        file.write_all_at(&page, 0).and_then(|()| file.sync_data()).map_err(Error::io("sync", &path))?;
        times.push(before.elapsed());
    }
    drop(file);
    fs::remove_file(&path).map_err(Error::io("remove", &path))?;
    times.sort();
    let at = |share: usize| times.get(times.len() * share / 100).or(times.last()).copied().unwrap_or_default();
    Ok(ProbeReport { p50: at(50), p99: at(99), rounds: times.len() })
}
