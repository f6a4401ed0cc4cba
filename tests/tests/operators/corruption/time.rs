//! A folder that goes back in time.

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::until;

use super::bench::{Bench, VICTIM};
use crate::support::SOON;

/// Goal: a node whose whole folder, its guard included, was put back to an old copy does not take part again: it would
/// vote and acknowledge a second time. Method: the victim goes on from a copy, acknowledges more, is killed and put back
/// to that copy; it must end with EXQ-0505 although its own files agree with each other, and the cluster must go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_put_back_in_time_is_noticed() -> Result<()> {
    let mut bench = Bench::prepare("back in time").await?;
    bench.restore_victim()?;
    bench.cluster.nodes[VICTIM].start()?;
    bench.cluster.agree(&[0, 1, VICTIM], SOON).await?;
    bench.story.tell("the victim goes on from its own latest state, which is no going back");

    bench.write().await?;
    let (index, _) = bench.cluster.agree(&[0, 1, VICTIM], SOON).await?;
    until("the others have seen what the victim has", SOON, async || {
        for place in [0, 1] {
            let peers = bench.cluster.exq_at(place).run(["cluster", "peers", "--stale"]).await?.good()?.json()?;
            let peers = peers["peers"].as_array().context("no peers")?;
            let victim = peers.iter().find(|peer| peer["node"] == "n3").context("no victim")?;
            ensure!(victim["applied"].as_u64() >= Some(index), "{victim}");
        }
        Ok(())
    })
    .await?;
    bench.cluster.nodes[VICTIM].kill()?;
    bench.restore_victim()?;
    bench.cluster.nodes[VICTIM].start()?;
    let ended = bench.cluster.nodes[VICTIM].end(SOON).await?;
    ensure!(ended.exit == Some(4) && ended.code() == Some("EXQ-0505"), "{ended:?}");
    ensure!(ended.error().contains("remembers more"), "it does not say who knows better: {}", ended.error());
    bench.story.tell(ended.error());
    bench.cluster.does(&["scratch", "put", "still", "here"]).await?;
    bench.replace().await?;
    bench.finish()
}
