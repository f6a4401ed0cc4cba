//! The state's store.

use anyhow::Result;

use super::bench::{Bench, Kind};

/// Goal: a damaged row of the state is never served, and a damaged store is repaired from the log or refused. Method: the
/// state's table, manifest, `CURRENT` and options, and the pointer to its folder, each damaged in each way.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_state_is_refused_or_repaired() -> Result<()> {
    let mut bench = Bench::prepare("damaged state").await?;
    for kind in [
        Kind { every_row: true, ..Kind::new("state table", "state-", ".sst") },
        Kind::new("state MANIFEST", "state-1/MANIFEST", ""),
        Kind::new("state CURRENT", "state-1/CURRENT", ""),
        Kind::new("state OPTIONS", "state-1/OPTIONS", ""),
        Kind::new("CURRENT", "CURRENT", ""),
    ] {
        bench.every_damage(kind).await?;
    }
    bench.replace().await?;
    bench.finish()
}
