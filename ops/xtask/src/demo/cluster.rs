//! Three nodes as child processes, with folders and ports of their own.
//!
//! A folder that is named is kept, and a cluster found in it is started again with the same ports, never made anew.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::product::{ASK_EVERY, Access, NodePlan, Place, Product, START_LIMIT};
use crate::stop::Stop;
use crate::{files, ports, process, say};

/// Nodes of the demo.
const NODES: usize = 3;
/// How long a node may take to hand over, flush and end.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// Lines of a node's log that are told when it ended by itself.
const LOG_LINES_TOLD: usize = 8;
/// The value that `--once` writes: within the range of the setting, and not its default.
pub(crate) const TRIAL_VALUE: &str = "11s";

/// What must be known to start the cluster of a folder again.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    api_ports: Vec<u16>,
}

/// The cluster of the demo. Dropped, it is killed.
pub(crate) struct Cluster {
    pub(crate) product: Product,
    pub(crate) folder: PathBuf,
    pub(crate) nodes: Vec<NodePlan>,
    children: Vec<Option<Child>>,
    fresh: bool,
}

impl Cluster {
    pub(crate) fn open(product: Product, folder: PathBuf) -> Result<Cluster> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let file = folder.join("cluster.json");
        let kept = if file.is_file() {
            let kept: Kept = serde_json::from_str(&fs::read_to_string(&file)?).context("cluster.json")?;
            if let Some(port) =
                kept.api_ports.iter().find(|port| !ports::is_free(**port) || !ports::is_free(**port + 1))
            {
                bail!("the cluster of {} uses port {port}, which is taken; is it running?", folder.display());
            }
            kept
        } else {
            let kept = Kept { api_ports: ports::choose(NODES)? };
            fs::write(&file, serde_json::to_string(&kept)?)?;
            kept
        };
        let node = |(number, port): (usize, &u16)| {
            let name = format!("n{}", number + 1);
            let data = folder.join(&name);
            NodePlan { name, data, api: format!("127.0.0.1:{port}"), peer: format!("127.0.0.1:{}", port + 1) }
        };
        let nodes: Vec<NodePlan> = kept.api_ports.iter().enumerate().map(node).collect();
        let children = nodes.iter().map(|_| None).collect();
        Ok(Cluster { product, folder, nodes, children, fresh: false })
    }

    fn token_file(&self) -> PathBuf {
        self.folder.join("operator-token")
    }

    fn access(&self, node: &NodePlan) -> Access {
        Access { address: node.api.clone(), token_file: self.token_file(), ca: node.ca() }
    }

    pub(crate) fn everyone(&self) -> Vec<Access> {
        self.nodes.iter().map(|node| self.access(node)).collect()
    }

    /// Any node that answers.
    pub(crate) fn anyone(&self) -> Access {
        let address = self.nodes.iter().map(|node| node.api.as_str()).collect::<Vec<_>>().join(",");
        let ca = self.nodes.first().map(NodePlan::ca).unwrap_or_default();
        Access { address, token_file: self.token_file(), ca }
    }

    /// Whether it was made by this run.
    pub(crate) fn is_fresh(&self) -> bool {
        self.fresh
    }

    fn leader(&self) -> Result<usize> {
        let members = self.product.peers(Place::HERE, &self.anyone())?;
        let leader = members.iter().find(|peer| peer.is_leader()).context("nobody leads")?;
        self.nodes.iter().position(|node| node.name == leader.name).context("an unknown leader")
    }

    /// The name of whoever leads.
    pub(crate) fn leader_name(&self) -> Result<String> {
        Ok(self.nodes.get(self.leader()?).map(|node| node.name.clone()).unwrap_or_default())
    }

    /// The process of whoever leads.
    pub(crate) fn leader_pid(&self) -> Result<u32> {
        let child = self.children.get(self.leader()?).and_then(Option::as_ref);
        child.map(Child::id).context("the leader's process is not there")
    }

    /// Whoever leads in a term after `term`, as soon as any node knows of it, and that term.
    fn leader_after(&self, term: u64) -> Result<(usize, u64)> {
        let told = self.everyone().into_iter().filter_map(|access| self.product.peers(Place::HERE, &access).ok());
        let leaders = told.flatten().filter(|peer| peer.is_leader() && peer.term > term);
        let newest = leaders.max_by_key(|peer| peer.term).context("nobody leads yet")?;
        let at = self.nodes.iter().position(|node| node.name == newest.name).context("an unknown leader")?;
        Ok((at, newest.term))
    }

    /// Kills whoever leads (SIGKILL) so often, each as soon as it is known to lead, starts them again, and waits until all is well;
    /// their names.
    pub(crate) fn kill_leaders(&mut self, times: u32, stop: &Stop) -> Result<Vec<String>> {
        let (mut names, mut last) = (Vec::new(), 0);
        for _ in 0..times {
            let (at, term) =
                process::until("a leader", START_LIMIT, ASK_EVERY, stop, || self.leader_after(last).map(Some))?;
            if let Some(mut child) = self.children.get_mut(at).and_then(Option::take) {
                child.kill()?;
                child.wait()?;
            }
            self.start(at)?;
            last = term;
            names.extend(self.nodes.get(at).map(|node| node.name.clone()));
        }
        let (product, everyone, voters) = (self.product.clone(), self.everyone(), self.nodes.len());
        product.wait_healthy(Place::HERE, &everyone, voters, stop, || self.alive())?;
        Ok(names)
    }

    /// The process of each node.
    pub(crate) fn pids(&self) -> String {
        let running = self.children.iter().zip(&self.nodes);
        let pids = running.filter_map(|(child, node)| Some(format!("{} {}", node.name, child.as_ref()?.id())));
        pids.collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn bring_up(&mut self, stop: &Stop) -> Result<()> {
        let Some(first) = self.nodes.first().cloned() else { bail!("a cluster of no nodes") };
        self.fresh = !first.has_identity();
        if self.fresh {
            let founded = self.product.init(&first)?;
            files::write_secret(&self.token_file(), &founded.operator_token)?;
            say::line(format_args!("{}: founded cluster {}", first.name, founded.cluster_id));
        } else {
            say::line(format_args!("starting the cluster of {} again", self.folder.display()));
        }
        // Nodes that have an identity start together: a majority is needed before any of them answers.
        for at in 0..self.nodes.len() {
            if self.nodes.get(at).is_some_and(NodePlan::has_identity) {
                self.start(at)?;
            }
        }
        let member = self.access(&first);
        let product = self.product.clone();
        process::until(&format!("{} answers", first.name), START_LIMIT, ASK_EVERY, stop, || {
            self.alive()?;
            product.answers(Place::HERE, &member)
        })?;
        for at in 0..self.nodes.len() {
            let Some(node) = self.nodes.get(at).cloned().filter(|node| !node.has_identity()) else { continue };
            let reason = format!("demo: {} joins", node.name);
            let token = process::until("a join token", START_LIMIT, ASK_EVERY, stop, || {
                self.product.join_token(Place::HERE, &member, &reason).map(Some)
            })?;
            process::output(&mut process::command(self.product.join(&node, &first.api, &token)))?;
            self.start(at)?;
            say::line(format_args!("{}: joined", node.name));
        }
        let everyone = self.everyone();
        let voters = self.nodes.len();
        let members = product.wait_healthy(Place::HERE, &everyone, voters, stop, || self.alive())?;
        let leader = members.iter().find(|peer| peer.is_leader()).map_or("nobody", |peer| peer.name.as_str());
        say::line(format_args!("healthy: {} voters, {leader} leads", members.len()));
        Ok(())
    }

    fn start(&mut self, at: usize) -> Result<()> {
        let Some(node) = self.nodes.get(at) else { bail!("no such node") };
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_file(node))?;
        let mut command = process::command(self.product.server(node));
        // A group of its own, so that Ctrl-C reaches this program first, which then stops the nodes in order.
        command.process_group(0).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("starting {}", node.name))?;
        if let Some(place) = self.children.get_mut(at) {
            *place = Some(child);
        }
        Ok(())
    }

    pub(crate) fn log_file(&self, node: &NodePlan) -> PathBuf {
        self.folder.join(format!("{}.log", node.name))
    }

    /// An error when a node that was started has ended.
    pub(crate) fn alive(&mut self) -> Result<()> {
        for (at, status) in self.ended()? {
            let Some(node) = self.nodes.get(at) else { continue };
            let words = format!("{} ended ({}):\n{}", node.name, told(status), tail(&self.log_file(node)));
            return Err(process::Hopeless(words).into());
        }
        Ok(())
    }

    pub(crate) fn ended(&mut self) -> Result<Vec<(usize, ExitStatus)>> {
        let mut ended = Vec::new();
        for (at, place) in self.children.iter_mut().enumerate() {
            if let Some(status) = place.as_mut().map(Child::try_wait).transpose()?.flatten() {
                ended.push((at, status));
            }
        }
        Ok(ended)
    }

    pub(crate) fn try_once(&mut self) -> Result<()> {
        let everyone = self.everyone();
        let Some(first) = everyone.first() else { bail!("a cluster of no nodes") };
        self.product.set(Place::HERE, first, TRIAL_VALUE, "demo: a first write")?;
        let members = self.product.peers(Place::HERE, first)?;
        let follower = members.iter().find(|peer| !peer.is_leader()).context("no follower")?;
        let node = self.nodes.iter().find(|node| node.name == follower.name).context("an unknown follower")?;
        let read = self.product.get(Place::HERE, &self.access(node))?;
        if read != TRIAL_VALUE {
            bail!("wrote {TRIAL_VALUE}, but {} reads {read}", node.name);
        }
        say::line(format_args!("wrote {TRIAL_VALUE} and read it back from the follower {}", node.name));
        Ok(())
    }

    /// Asks every node to stop, then waits for all of them. The last resort is SIGKILL, and is told as an error.
    pub(crate) fn stop(&mut self) -> Result<()> {
        for child in self.children.iter_mut().flatten() {
            if child.try_wait()?.is_none() {
                process::signal(child.id(), Signal::TERM)?;
            }
        }
        let mut stubborn = Vec::new();
        for (place, node) in self.children.iter_mut().zip(&self.nodes) {
            let Some(mut child) = place.take() else { continue };
            if process::wait(&mut child, STOP_LIMIT)?.is_none() {
                child.kill()?;
                child.wait()?;
                stubborn.push(node.name.clone());
            }
        }
        if stubborn.is_empty() {
            return Ok(());
        }
        bail!("{} did not stop within {} s of SIGTERM", stubborn.join(", "), STOP_LIMIT.as_secs())
    }

    pub(crate) fn last_words(&self) -> String {
        let words = self.nodes.iter().map(|node| format!("--- {}\n{}", node.name, tail(&self.log_file(node))));
        words.collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Only after a failure: a cluster that was stopped has no children left.
        for child in self.children.iter_mut().flatten() {
            let _gone_already = child.kill().and_then(|()| child.wait());
        }
    }
}

pub(crate) fn told(status: ExitStatus) -> String {
    status.signal().map_or_else(|| status.to_string(), |signal| format!("signal {signal}"))
}

fn tail(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(LOG_LINES_TOLD)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stub;

    /// Goal: the demo makes a cluster, and a folder that holds one is started again, not made anew. Method: a stand-in
    /// for the binary; the second run must find the first one's identity and write to it.
    #[test]
    fn a_kept_folder_is_started_again() {
        let folder = tempfile::tempdir().unwrap();
        let product = Product::find(Some(&stub::binary(folder.path()))).unwrap();
        let kept = folder.path().join("cluster");
        let stop = Stop::new();
        let mut identities = Vec::new();
        for _ in 0..2 {
            let mut cluster = Cluster::open(product.clone(), kept.clone()).unwrap();
            cluster.bring_up(&stop).unwrap();
            cluster.try_once().unwrap();
            cluster.stop().unwrap();
            identities.push(fs::read_to_string(kept.join("n2/identity.toml")).unwrap());
        }
        assert_eq!(identities[0], identities[1]);
    }

    /// Goal: a node that cannot start fails the demo at once and with the node's own words. Method: the stand-in is
    /// told to refuse.
    #[test]
    fn a_node_that_ends_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let product = Product::find(Some(&stub::binary(folder.path()))).unwrap();
        let mut cluster = Cluster::open(product, folder.path().join("cluster")).unwrap();
        fs::write(folder.path().join("refuse"), "").unwrap();
        let error = cluster.bring_up(&Stop::new()).unwrap_err();
        assert!(format!("{error:#}").contains("EXQ-0103"), "{error:#}");
    }
}
