//! The state's store.

use std::path::Path;

use anyhow::Result;

use super::bench::Bench;

/// Goal: a damaged row of the state is never served, and a damaged store is repaired from the log or refused. Method: the
/// state's table, manifest, `CURRENT` and options, and the pointer to its folder, each damaged in each way.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_refused_or_repaired() -> Result<()> {
    let mut bench = Bench::prepare("damaged state").await?;
    for (kind, begin, end) in [
        ("state table", "state-1/", ".sst"),
        ("state MANIFEST", "state-1/MANIFEST", ""),
        ("state CURRENT", "state-1/CURRENT", ""),
        ("state OPTIONS", "state-1/OPTIONS", ""),
    ] {
        let file = bench.file(begin, end)?;
        bench.every_damage(kind, &file).await?;
    }
    bench.every_damage("CURRENT", Path::new("CURRENT")).await?;
    bench.replace().await?;
    bench.finish()
}
