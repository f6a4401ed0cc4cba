//! Registered programs as workers: they end with the node that started them, whether they would do so themselves or not.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Cluster, until};
use reqwest::Method;
use serde_json::json;

use crate::support::{SOON, Story};
use crate::workers::lives;

/// What is left of a node that was killed.
const DEAD_WITHIN: Duration = Duration::from_secs(1);
/// A program that asks the system for nothing. Its first word is a script, which it looks for in the worker's folder.
const PROGRAM: &str = "/bin/sh";
const SCRIPT: &str = "exec sleep 611\n";

/// The process that sleeps on behalf of a node.
fn sleeper(node: u32) -> Result<u32> {
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(1));
        if words.starts_with(b"sleep\x00611") && parent == Some(&node.to_string()) {
            return Ok(pid);
        }
    }
    anyhow::bail!("the program does not run")
}

/// Goal: a program that asks for nothing dies with the node that started it. Method: a shell as the program of a worker; the node
/// is killed.
#[tokio::test(flavor = "multi_thread")]
async fn any_program_dies_with_its_node() -> Result<()> {
    let story = Story::of("worker programs");
    let mut cluster = Cluster::sandbox(1).await?;
    let http = cluster.http(cluster.leader().await?)?;
    let folder = cluster.nodes[0].home().join("data/workers/selftest-1");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("worker"), SCRIPT)?;
    let hash = blake3::hash(&std::fs::read(PROGRAM)?).to_hex().to_string();
    let register = json!({ "name": "shell", "version": "1", "hash": hash, "path": PROGRAM, "reason": "test" });
    http.call(Method::POST, "/v1/workers/binaries", Some(&register)).await?.good()?;
    let uses = json!({ "kind": "selftest", "binary": "shell", "reason": "test" });
    http.call(Method::POST, "/v1/workers/binaries/use", Some(&uses)).await?.good()?;
    crate::workers::add(&cluster, 1).await?;
    let node = cluster.nodes[0].server()?.pid();
    let pid = until("the program runs", SOON, async || sleeper(node)).await?;
    story.tell(format_args!("the program runs as process {pid}"));
    cluster.nodes[0].kill()?;
    until("the program is gone", DEAD_WITHIN, async || {
        ensure!(!lives(pid), "process {pid} lives on");
        Ok(())
    })
    .await
    .context("it should die with its node")?;
    cluster.finish()
}
