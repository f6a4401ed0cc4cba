//! Whether a full load alone ever unseats a leader: the same cluster, saturated for a long time.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::Cluster;
use serde::Serialize;

use super::ours::{self, Bench};

/// The load is restarted after this, so that there is something to report in between.
const PIECE: Duration = Duration::from_secs(60);
const CLIENTS: usize = 256;
const KEYS: u64 = 100_000;

/// What was seen.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Steady {
    pub(crate) minutes: u64,
    /// The term at the beginning and at the end; they are equal where there was no election.
    pub(crate) first_term: u64,
    pub(crate) last_term: u64,
    /// Writes a second in each minute.
    pub(crate) per_second: Vec<f64>,
    /// The longest time without an acknowledgement in any minute, in seconds.
    pub(crate) longest_gap: f64,
    pub(crate) failed: u64,
    pub(crate) resident_bytes: Vec<u64>,
}

impl Steady {
    /// Elections that nobody asked for.
    pub(crate) fn elections(&self) -> u64 {
        self.last_term - self.first_term
    }
}

async fn term(cluster: &Cluster) -> Result<u64> {
    let status = cluster.status().await?;
    status["term"].as_u64().with_context(|| format!("no term in {status}"))
}

/// Saturates a fresh cluster for some minutes.
pub(crate) async fn run(minutes: u64, say: &mut dyn FnMut(&str)) -> Result<Steady> {
    let mut cluster = ours::start().await?;
    let first_term = term(&cluster).await?;
    let mut steady = Steady { minutes, first_term, last_term: first_term, ..Steady::default() };
    for minute in 1..=minutes {
        let load = Bench {
            clients: CLIENTS,
            batch: None,
            in_flight: 1,
            seconds: PIECE.as_secs_f64(),
            keys: KEYS,
            fill: false,
        };
        let measured = load.run(&cluster, &[]).await?;
        steady.last_term = term(&cluster).await?;
        ensure!(steady.last_term >= first_term, "the term went back");
        steady.per_second.push(measured.writes_per_second());
        steady.longest_gap = steady.longest_gap.max(measured.longest_gap_us as f64 / 1e6);
        steady.failed += measured.refused + measured.unknown;
        let pids = ours::pids(&mut cluster);
        steady.resident_bytes = pids.into_iter().map(ours::resident_bytes).collect::<Result<_>>()?;
        say(&format!(
            "minute {minute} of {minutes}: {:.0}/s, longest gap {:.3} s, {} elections",
            measured.writes_per_second(),
            measured.longest_gap_us as f64 / 1e6,
            steady.elections()
        ));
    }
    cluster.finish()?;
    Ok(steady)
}
