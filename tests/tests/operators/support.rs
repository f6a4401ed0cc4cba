//! What several of these tests need.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use exchequer_tests::cluster::{Cluster, until};
use serde_json::Value;

/// Prints what a test did, with the time since it began.
#[derive(Debug)]
pub(crate) struct Story {
    name: &'static str,
    began: Instant,
}

impl Story {
    /// Begins.
    pub(crate) fn of(name: &'static str) -> Story {
        Story { name, began: Instant::now() }
    }

    /// Tells a step that is done.
    pub(crate) fn tell(&self, step: impl std::fmt::Display) {
        println!("[{} {:6.2} s] {step}", self.name, self.began.elapsed().as_secs_f64());
    }
}

/// How long a cluster may take to do what it does by itself.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The members as `exchequer cluster peers` shows them: name, state, vote.
pub(crate) fn members(peers: &Value) -> Vec<(String, String, bool)> {
    let member = |peer: &Value| {
        let text = |field: &str| peer[field].as_str().unwrap_or_default().to_owned();
        (text("node"), text("state"), peer["voter"] == true)
    };
    peers["peers"].as_array().map(|peers| peers.iter().map(member).collect()).unwrap_or_default()
}

/// The names of those that vote, in the order of their ids.
pub(crate) fn voters(peers: &Value) -> Vec<String> {
    members(peers).into_iter().filter(|(_, _, voter)| *voter).map(|(name, _, _)| name).collect()
}

/// Waits until exactly these nodes vote and the status is healthy, by the command line.
pub(crate) async fn until_voters(cluster: &Cluster, names: &[&str]) -> Result<()> {
    until(&format!("the voters {names:?}"), SOON, async || {
        let peers = cluster.does(&["cluster", "peers"]).await?.json()?;
        ensure!(voters(&peers) == names, "{peers}");
        cluster.does(&["status"]).await.map(drop)
    })
    .await
}

/// What an operator could see change: settings with their history, members, and the audit's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scene {
    settings: Value,
    members: Vec<(String, bool)>,
    audit: Value,
}

/// Looks at everything that must not change when a request is refused. The reads themselves leave no trace.
pub(crate) async fn scene(cluster: &Cluster) -> Result<Scene> {
    let leader = cluster.http(cluster.leader().await?)?;
    let peers = leader.get("/v1/cluster/peers").await?;
    let members = members(&peers).into_iter().map(|(name, _, voter)| (name, voter)).collect();
    Ok(Scene { settings: leader.get("/v1/settings").await?, members, audit: leader.get("/v1/audit/verify").await? })
}

/// Every file below `folder` with its size and time of change.
pub(crate) fn listing(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        if meta.is_dir() {
            found.extend(listing(&entry.path())?);
        } else {
            found.push(format!("{} {} {:?}", entry.path().display(), meta.len(), meta.modified()?));
        }
    }
    found.sort();
    Ok(found)
}
