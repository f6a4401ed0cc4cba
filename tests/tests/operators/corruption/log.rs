//! The Raft log and the guard.

use std::path::Path;

use anyhow::Result;

use super::bench::Bench;

/// Goal: a node whose log or guard is damaged never forgets in silence what it acknowledged. Method: the log's table,
/// write-ahead log, manifest, `CURRENT` and options, and the guard, each damaged in each way.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_is_refused_or_repaired() -> Result<()> {
    let mut bench = Bench::prepare("damaged log").await?;
    for (kind, begin, end) in [
        ("log table", "log/", ".sst"),
        ("log write-ahead log", "log/", ".log"),
        ("log MANIFEST", "log/MANIFEST", ""),
        ("log CURRENT", "log/CURRENT", ""),
        ("log OPTIONS", "log/OPTIONS", ""),
    ] {
        let file = bench.file(begin, end)?;
        bench.every_damage(kind, &file).await?;
    }
    bench.every_damage("guard", Path::new("guard")).await?;
    bench.replace().await?;
    bench.finish()
}
