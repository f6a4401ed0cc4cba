//! A cluster as a whole.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tempfile::TempDir;

use super::binary::binary;
use super::exq::{Exq, Ran};
use super::http::Http;
use super::node::Node;
use super::ports::free_port;
use super::wait::until;

/// What a healthy cluster does, it does within this time on a busy machine.
pub const PROMPT: Duration = Duration::from_secs(30);

/// A cluster of child processes.
#[derive(Debug)]
pub struct Cluster {
    /// Its nodes, in the order in which they were added. A node that was removed stays in the list.
    pub nodes: Vec<Node>,
    /// The operator token.
    pub token: String,
    /// The cluster's id.
    pub cluster_id: String,
    binary: PathBuf,
    home: Option<TempDir>,
}

impl Cluster {
    /// A place for a cluster, without any node.
    ///
    /// # Errors
    /// When the program under test is not there.
    pub fn empty() -> Result<Cluster> {
        let home = tempfile::Builder::new().prefix("exchequer-test-").tempdir().context("no temporary folder")?;
        Ok(Cluster {
            nodes: Vec::new(),
            token: String::new(),
            cluster_id: String::new(),
            binary: binary()?,
            home: Some(home),
        })
    }

    /// A healthy sandbox cluster of `size` voters `n1`, `n2`, ..., the first of which leads.
    ///
    /// # Errors
    /// When it does not become healthy.
    pub async fn sandbox(size: usize) -> Result<Cluster> {
        let mut cluster = Cluster::empty()?;
        cluster.grow(size).await?;
        Ok(cluster)
    }

    /// Makes an empty cluster one of `size` voters.
    ///
    /// # Errors
    /// When it does not become healthy.
    pub async fn grow(&mut self, size: usize) -> Result<()> {
        for number in 1..=size {
            self.add(&format!("n{number}"))?;
        }
        self.found(0).await?;
        for number in 1..size {
            self.join(number).await?;
        }
        self.voters(size).await
    }

    /// The folder in which everything lies.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.as_ref().map_or(Path::new("."), TempDir::path)
    }

    /// Adds a node on free loopback ports; it has no data yet. Its place in the list.
    ///
    /// # Errors
    /// When there are no ports.
    pub fn add(&mut self, name: &str) -> Result<usize> {
        let (api, peer) = (format!("127.0.0.1:{}", free_port()?), format!("127.0.0.1:{}", free_port()?));
        self.add_at(name, api, peer)
    }

    /// Adds a node with these addresses; it has no data yet. Its place in the list.
    ///
    /// # Errors
    /// When its folder cannot be made.
    pub fn add_at(&mut self, name: &str, api: String, peer: String) -> Result<usize> {
        let place = self.nodes.len();
        let home = self.home().join(format!("{place}-{name}"));
        self.nodes.push(Node::new(home, self.binary.clone(), name, api, peer)?);
        Ok(place)
    }

    /// The command line for the verbs that work on folders. Like the others it answers in JSON.
    #[must_use]
    pub fn offline(&self) -> Exq {
        Exq::new(self.binary.clone()).flags(["--output", "json"])
    }

    /// The command line for one node's API.
    #[must_use]
    pub fn exq_at(&self, place: usize) -> Exq {
        self.exq_to(&self.nodes[place].api)
    }

    /// The command line for the API of every node that was started, in order.
    #[must_use]
    pub fn exq(&self) -> Exq {
        let started = self.nodes.iter().filter(|node| node.is_started());
        let addresses: Vec<&str> = started.map(|node| node.api.as_str()).collect();
        self.exq_to(&addresses.join(","))
    }

    fn exq_to(&self, address: &str) -> Exq {
        self.offline()
            .variable("EXCHEQUER_ADDRESS", address)
            .variable("EXCHEQUER_TOKEN", &self.token)
            .variable("EXCHEQUER_CACERT", self.ca_path())
    }

    /// The authority as a node has it: that of the first node that is there.
    #[must_use]
    pub fn ca_path(&self) -> PathBuf {
        let mut paths = self.nodes.iter().filter(|node| node.is_started()).chain(&self.nodes);
        let found = paths.find_map(|node| Some(node.data.join("ca.pem")).filter(|path| path.is_file()));
        found.unwrap_or_else(|| self.home().join("ca.pem"))
    }

    /// Runs a client verb that must succeed, against any node.
    ///
    /// # Errors
    /// When it fails.
    pub async fn does(&self, words: &[&str]) -> Result<Ran> {
        self.exq().run(words).await?.good()
    }

    /// Hands leadership to a node. Elections ask nobody: one that was chosen before it was asked for has it, too.
    ///
    /// # Errors
    /// What kept the cluster from doing it.
    pub async fn hand_over(&self, name: &str, reason: &str) -> Result<()> {
        let ran = self.exq().run(["cluster", "transfer-leader", name, "--reason", reason]).await?;
        if ran.refused_with("EXQ-0309").is_ok() {
            return Ok(());
        }
        ran.good().map(drop)
    }

    /// The API of one node.
    ///
    /// # Errors
    /// When there is no authority yet.
    pub fn http(&self, place: usize) -> Result<Http> {
        let ca = fs::read(self.ca_path()).context("the cluster has no authority yet")?;
        Http::new(&self.nodes[place].api, &ca, Some(self.token.clone()))
    }

    /// Makes the cluster: `init` on the node at `place`, starts it, and waits until it leads. Learners get their votes
    /// without delay from then on.
    ///
    /// # Errors
    /// When any of it fails.
    pub async fn found(&mut self, place: usize) -> Result<()> {
        self.found_with(place, &[]).await.map(drop)
    }

    /// As [`Cluster::found`], with further flags of `init`; what it answered.
    ///
    /// # Errors
    /// When any of it fails.
    pub async fn found_with(&mut self, place: usize, flags: &[&str]) -> Result<Ran> {
        let node = &self.nodes[place];
        let mut words = Cluster::new_node(node, &[&["init", "--sandbox"], flags].concat());
        words.extend(["--cluster-name".into(), "test".into()]);
        let made = self.offline().run(words).await?.good()?;
        self.token = made.text("operator_token")?;
        self.cluster_id = made.text("cluster_id")?;
        self.nodes[place].id = made.number("node_id")?;
        self.nodes[place].start()?;
        self.leader().await?;
        until("the cluster's first entry", PROMPT, async || self.status().await.map(drop)).await?;
        let settings = [
            ("autopilot.stabilization_time", "0s"),
            ("log.entries_kept", "1000"),
            ("autopilot.last_contact_max", "3s"),
        ];
        for (key, value) in settings {
            self.does(&["settings", "set", key, value, "--reason", "quick tests"]).await?;
        }
        Ok(made)
    }

    /// The words of `init` and `join` for a node.
    #[must_use]
    pub fn new_node(node: &Node, verb: &[&str]) -> Vec<OsString> {
        let mut words: Vec<OsString> = verb.iter().map(Into::into).collect();
        words.extend(["--data-dir".into(), node.data.clone().into_os_string()]);
        words.extend(["--name", &node.name, "--api", &node.api, "--peer", &node.peer].map(Into::into));
        words
    }

    /// A join token.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn join_token(&self) -> Result<String> {
        self.join_token_with(&[]).await
    }

    /// As [`Cluster::join_token`], with further flags such as `--replace`.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn join_token_with(&self, flags: &[&str]) -> Result<String> {
        let words = [&["cluster", "token", "create", "--reason", "a node joins"], flags].concat();
        self.does(&words).await?.text("token")
    }

    /// Joins the node at `place` by a fresh token and starts it. It does not wait for its vote.
    ///
    /// # Errors
    /// When any of it fails.
    pub async fn join(&mut self, place: usize) -> Result<()> {
        self.join_with(place, &[]).await
    }

    /// As [`Cluster::join`], with further flags of the token, such as `--replace`.
    ///
    /// # Errors
    /// When any of it fails.
    pub async fn join_with(&mut self, place: usize, flags: &[&str]) -> Result<()> {
        let token = self.join_token_with(flags).await?;
        let via = self.nodes.iter().find(|node| node.is_started()).context("no node runs")?;
        let words = Cluster::new_node(&self.nodes[place], &["join", &via.api, "--token", &token]);
        let joined = self.offline().run(words).await?.good()?;
        self.nodes[place].id = joined.number("node_id")?;
        self.nodes[place].start()
    }

    /// Waits until `count` nodes vote, all of them are healthy and a leader is known.
    ///
    /// # Errors
    /// When that does not come about.
    pub async fn voters(&self, count: usize) -> Result<()> {
        until(&format!("a healthy cluster of {count} voters"), PROMPT, async || {
            let status = self.status().await?;
            ensure!(status["voters"].as_u64() == u64::try_from(count).ok(), "{status}");
            ensure!(status["health"] == "healthy", "{status}");
            Ok(())
        })
        .await
    }

    /// The status as the first node says that answers.
    ///
    /// # Errors
    /// When none answers.
    pub async fn status(&self) -> Result<Value> {
        let mut failed = None;
        for (place, node) in self.nodes.iter().enumerate() {
            if node.is_started() {
                match self.http(place)?.status().await {
                    Ok(status) => return Ok(status),
                    Err(error) => failed = Some(error),
                }
            }
        }
        Err(failed.unwrap_or_else(|| anyhow::anyhow!("no node runs")))
    }

    /// Waits for a leader that has a majority behind it. Its place in the list.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn leader(&self) -> Result<usize> {
        until("a leader", PROMPT, async || {
            for (place, node) in self.nodes.iter().enumerate() {
                if node.is_started() {
                    let asked = self.http(place)?.timeout(Duration::from_secs(1));
                    let answer = asked.call(reqwest::Method::GET, "/leader", None).await;
                    if answer.is_ok_and(|answer| answer.status == 200) {
                        return Ok(place);
                    }
                }
            }
            bail!("no node leads")
        })
        .await
    }

    /// The place of the node with this id.
    ///
    /// # Errors
    /// When there is none.
    pub fn place(&self, id: u64) -> Result<usize> {
        self.nodes.iter().rposition(|node| node.id == id).with_context(|| format!("there is no node {id}"))
    }

    /// Waits until the nodes at `places` have applied the same index and have the same state hash there, which is
    /// returned.
    ///
    /// # Errors
    /// When they do not come to agree.
    pub async fn agree(&self, places: &[usize], within: Duration) -> Result<(u64, String)> {
        until("equal state hashes", within, async || {
            let mut seen = Vec::new();
            for place in places {
                let status = self.http(*place)?.status().await?;
                let applied = status["applied"].as_u64().context("no index")?;
                seen.push((applied, status["state_hash"].as_str().unwrap_or_default().to_owned()));
            }
            let first = seen.first().cloned().context("no nodes")?;
            ensure!(seen.iter().all(|one| *one == first), "they differ: {seen:?}");
            Ok(first)
        })
        .await
    }

    /// Ends the test: takes every server down, insists that none of them ever panicked, and removes everything.
    ///
    /// # Errors
    /// When a panic is found; the folder is then kept.
    pub fn finish(mut self) -> Result<()> {
        for node in &mut self.nodes {
            if node.is_started() {
                node.kill()?;
            }
        }
        if let Some(panic) = self.nodes.iter().find_map(Node::panic) {
            bail!("a server panicked: {panic}")
        }
        if let Some(home) = self.home.take() {
            home.close().context("the test's folder cannot be removed")?;
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.nodes.iter_mut().filter(|node| node.is_started()).for_each(|node| {
            // It may have ended by itself.
            let _ = node.kill();
        });
        if let Some(home) = self.home.take() {
            // Past the test's captured output: whoever reads the failure needs the path.
            let _ = writeln!(std::io::stderr(), "the test's folders and logs are kept in {}", home.keep().display());
        }
    }
}
