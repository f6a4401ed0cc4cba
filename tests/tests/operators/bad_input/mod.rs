//! Bad input and faults of handling: each gets one clear error with a stable code, and nothing changes.

mod clock;
mod members;
mod requests;
mod snapshots;
mod startup;
mod tokens;

use anyhow::{Result, ensure};
use exchequer_tests::cluster::{Cluster, Exq};

use crate::support::{Scene, Story, scene};

/// Runs what must be refused, insists on the code, and compares everything before and after.
async fn refuse(cluster: &Cluster, before: &Scene, exq: &Exq, words: &[&str], code: &str, story: &Story) -> Result<()> {
    let refused = exq.run(words).await?.refused_with(code)?;
    let after = scene(cluster).await?;
    ensure!(after == *before, "`{}` was refused and changed something: {before:?} {after:?}", words.join(" "));
    story.tell(format_args!("`{}` -> {refused}", shorten(&words.join(" "))));
    Ok(())
}

fn shorten(text: &str) -> String {
    text.chars().take(70).collect()
}
