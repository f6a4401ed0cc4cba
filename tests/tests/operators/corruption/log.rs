//! The Raft log and the guard.

use anyhow::Result;

use super::bench::{Bench, Kind};

/// Goal: a node whose log or guard is damaged never forgets in silence what it acknowledged. Method: the log's table,
/// write-ahead log, manifest, `CURRENT` and options, and the guard, each damaged in each way.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_is_refused_or_repaired() -> Result<()> {
    let mut bench = Bench::prepare("damaged log").await?;
    for kind in [
        Kind::new("log table", "log/", ".sst"),
        Kind::new("log write-ahead log", "log/", ".log"),
        Kind::new("log MANIFEST", "log/MANIFEST", ""),
        Kind::new("log CURRENT", "log/CURRENT", ""),
        Kind::new("log OPTIONS", "log/OPTIONS", ""),
        Kind::new("guard", "guard", ""),
    ] {
        bench.every_damage(kind).await?;
    }
    bench.replace().await?;
    bench.finish()
}
