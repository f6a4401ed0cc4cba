//! The binary's command line, and nothing else of it: every word that this crate says to the product is here.

mod bench;
mod money;
mod trading;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::trading::Balanced;
use crate::stop::Stop;
use crate::{process, repo};

/// How long a server may take from its start until it answers.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a cluster may take from its start until every node is a healthy voter: joining, catching up, and the time
/// for which autopilot watches a learner before it promotes it.
pub(crate) const HEALTHY_LIMIT: Duration = Duration::from_secs(120);
/// How often the cluster is asked while something is waited for.
pub(crate) const ASK_EVERY: Duration = Duration::from_millis(250);
/// A setting that can be changed without any effect that hurts, for trying out that writes work.
pub(crate) const HARMLESS_SETTING: &str = "read.stale_max";

/// Exit codes of the client verbs.
const EXIT_OK: i32 = 0;
const EXIT_DEGRADED: i32 = 2;

/// The binary.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    binary: PathBuf,
}

/// What `init` prints, once.
#[derive(Debug, Deserialize)]
pub(crate) struct Founded {
    pub(crate) cluster_id: String,
    pub(crate) operator_token: String,
}

#[derive(Debug, Deserialize)]
struct JoinToken {
    token: String,
}

/// One line of `cluster peers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) id: u64,
    pub(crate) state: String,
    pub(crate) is_voter: bool,
    /// The term that it knows of.
    pub(crate) term: u64,
}

impl Peer {
    /// Whether it leads.
    pub(crate) fn is_leader(&self) -> bool {
        self.state == "leader"
    }
}

/// How a node is named and reached.
#[derive(Debug, Clone)]
pub(crate) struct NodePlan {
    pub(crate) name: String,
    pub(crate) data: PathBuf,
    pub(crate) api: String,
    pub(crate) peer: String,
}

impl NodePlan {
    /// Whether `init` or `join` has been here.
    pub(crate) fn has_identity(&self) -> bool {
        self.data.join("identity.toml").is_file()
    }

    /// The cluster's authority as this node keeps it.
    pub(crate) fn ca(&self) -> PathBuf {
        self.data.join("ca.pem")
    }
}

/// Whom to ask, and with what right.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    pub(crate) address: String,
    pub(crate) token_file: PathBuf,
    pub(crate) ca: PathBuf,
}

/// From where the nodes are reached: here, or inside of something that a command has to be started in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Place {
    prefix: Vec<String>,
}

impl Place {
    /// This very process's place.
    pub(crate) const HERE: &'static Place = &Place { prefix: Vec::new() };

    /// Where these words bring a command.
    pub(crate) fn within(prefix: &[&str]) -> Place {
        Place { prefix: prefix.iter().map(|&word| word.to_owned()).collect() }
    }

    /// A command that runs there.
    pub(crate) fn command(&self, words: impl IntoIterator<Item = String>) -> Command {
        process::command(self.prefix.iter().cloned().chain(words))
    }
}

impl Product {
    /// The binary at `path`, or the one that cargo last built.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn find(path: Option<&Path>) -> Result<Product> {
        let built = || ["debug", "release"].map(|profile| repo::target_dir().join(profile).join("exchequer"));
        let binary = match path {
            Some(path) => path.to_owned(),
            None => {
                let modified = |file: &PathBuf| fs::metadata(file).and_then(|file| file.modified()).ok();
                let newest = built().into_iter().filter(|file| file.is_file()).max_by_key(modified);
                newest.context("no binary yet: cargo build -p exchequer-node, or name one with --binary")?
            }
        };
        let binary = fs::canonicalize(&binary).with_context(|| binary.display().to_string())?;
        Ok(Product { binary })
    }

    /// The binary as the package installs it, for words that are said on another machine.
    pub(crate) fn installed() -> Product {
        Product { binary: PathBuf::from("/usr/bin/exchequer") }
    }

    /// The file.
    pub(crate) fn binary(&self) -> &Path {
        &self.binary
    }

    fn words(&self, words: &[&str]) -> Vec<String> {
        std::iter::once(self.binary.display().to_string()).chain(words.iter().map(|&word| word.to_owned())).collect()
    }

    /// Makes the first node of a sandbox cluster.
    pub(crate) fn init(&self, node: &NodePlan) -> Result<Founded> {
        let data = node.data.display().to_string();
        let words = self.words(&[
            "init",
            "--data-dir",
            &data,
            "--name",
            &node.name,
            "--api",
            &node.api,
            "--peer",
            &node.peer,
            "--sandbox",
            "--output",
            "json",
        ]);
        let text = process::output(&mut process::command(words))?;
        serde_json::from_str(&text).context("the answer of `exchequer init`")
    }

    /// The words that make a further node, by way of a member's API address.
    pub(crate) fn join(&self, node: &NodePlan, member: &str, token: &str) -> Vec<String> {
        let data = node.data.display().to_string();
        self.words(&[
            "join",
            member,
            "--token",
            token,
            "--data-dir",
            &data,
            "--name",
            &node.name,
            "--api",
            &node.api,
            "--peer",
            &node.peer,
        ])
    }

    /// The words that run a node. It ends with its parent.
    pub(crate) fn server(&self, node: &NodePlan) -> Vec<String> {
        let bound = ["setpriv", "--pdeathsig", "KILL", "--"].map(str::to_owned);
        let data = node.data.display().to_string();
        bound.into_iter().chain(self.words(&["server", "--data-dir", &data])).collect()
    }

    /// The words of a client verb.
    pub(crate) fn client(&self, access: &Access, verb: &[&str]) -> Vec<String> {
        let (token, ca) = (access.token_file.display().to_string(), access.ca.display().to_string());
        let flags = ["--address", &access.address, "--token-file", &token, "--ca-cert", &ca];
        self.words(&[verb, &flags].concat())
    }

    fn ask(&self, place: &Place, access: &Access, verb: &[&str]) -> Result<String> {
        process::output(&mut place.command(self.client(access, verb)))
    }

    /// Whether the node answers, well or degraded.
    pub(crate) fn answers(&self, place: &Place, access: &Access) -> Result<Option<()>> {
        let (command, output) = self.status(place, access)?;
        match output.status.code() {
            Some(EXIT_OK | EXIT_DEGRADED) => Ok(Some(())),
            Some(_) | None => Err(process::failure(&command, &output)),
        }
    }

    fn status(&self, place: &Place, access: &Access) -> Result<(Command, Output)> {
        let mut command = place.command(self.client(access, &["status"]));
        let output = process::attempt(&mut command)?;
        Ok((command, output))
    }

    /// A token that admits one node.
    pub(crate) fn join_token(&self, place: &Place, access: &Access, reason: &str) -> Result<String> {
        let verb = ["cluster", "token", "create", "--reason", reason, "--output", "json"];
        let token: JoinToken = serde_json::from_str(&self.ask(place, access, &verb)?)?;
        Ok(token.token)
    }

    /// The members as this node knows them.
    pub(crate) fn peers(&self, place: &Place, access: &Access) -> Result<Vec<Peer>> {
        let text = self.ask(place, access, &["cluster", "peers", "--stale", "--output", "json"])?;
        read_peers(&text)
    }

    /// The members as a person sees them. The words go unchanged to a person, so any exit code will do.
    pub(crate) fn peers_table(&self, place: &Place, access: &Access) -> Result<String> {
        let mut command = place.command(self.client(access, &["cluster", "peers", "--stale"]));
        let output = process::attempt(&mut command)?;
        let table = String::from_utf8_lossy(&output.stdout).into_owned();
        if table.trim().is_empty() { bail!("no answer from {}", access.address) } else { Ok(table) }
    }

    /// Removes a member for good.
    pub(crate) fn remove(&self, place: &Place, access: &Access, id: u64, reason: &str) -> Result<()> {
        self.ask(place, access, &["cluster", "remove", &id.to_string(), "--reason", reason, "--yes"]).map(drop)
    }

    /// Compares the state hashes of all members; an error when they differ or one does not answer.
    pub(crate) fn verify(&self, place: &Place, access: &Access) -> Result<()> {
        self.ask(place, access, &["cluster", "verify"]).map(drop)
    }

    /// Changes a setting.
    pub(crate) fn set(&self, place: &Place, access: &Access, value: &str, reason: &str) -> Result<()> {
        self.ask(place, access, &["settings", "set", HARMLESS_SETTING, value, "--reason", reason]).map(drop)
    }

    /// Reads a setting, linearizable.
    pub(crate) fn get(&self, place: &Place, access: &Access) -> Result<String> {
        let text = self.ask(place, access, &["settings", "get", HARMLESS_SETTING, "--output", "json"])?;
        let answer: Value = serde_json::from_str(&text)?;
        let row = answer.get(0).unwrap_or(&answer);
        row.get("value").and_then(Value::as_str).map(str::to_owned).context("an answer without a value")
    }

    /// Waits until all nodes know one leader among `voters` voters, and each finds the cluster healthy. `alive` is asked
    /// first each time, and may end the wait.
    pub(crate) fn wait_healthy(
        &self,
        place: &Place,
        nodes: &[Access],
        voters: usize,
        stop: &Stop,
        mut alive: impl FnMut() -> Result<()>,
    ) -> Result<Vec<Peer>> {
        process::until("a healthy cluster", HEALTHY_LIMIT, ASK_EVERY, stop, || {
            alive()?;
            let mut members = Vec::new();
            for node in nodes {
                members = self.peers(place, node)?;
                let leaders = members.iter().filter(|peer| peer.is_leader()).count();
                let voting = members.iter().filter(|peer| peer.is_voter).count();
                if leaders != 1 || voting != voters {
                    bail!("{}: {leaders} leaders and {voting} of {voters} voters", node.address);
                }
                let (command, output) = self.status(place, node)?;
                if output.status.code() != Some(EXIT_OK) {
                    return Err(process::failure(&command, &output));
                }
            }
            Ok(Some(members))
        })
    }
}

/// Reads the answer of `cluster peers --output json`: a list of nodes, or an object that holds one.
fn read_peers(text: &str) -> Result<Vec<Peer>> {
    let answer: Value = serde_json::from_str(text)?;
    let rows = answer.as_array().or_else(|| answer.get("peers")?.as_array()).context("no list of members")?;
    let word = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
    let peer = |row: &Value| {
        Some(Peer {
            name: word(row, "node")?,
            id: row.get("id")?.as_u64()?,
            state: word(row, "state")?.to_lowercase(),
            is_voter: row.get("voter")?.as_bool()?,
            term: row.get("term").and_then(Value::as_u64).unwrap_or(0),
        })
    };
    rows.iter().map(|row| peer(row).with_context(|| format!("not a member: {row}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: both forms of the answer are read, and a form that is neither is refused rather than taken for no members.
    #[test]
    fn members_are_read() {
        let row = r#"{"node":"n1","id":7,"address":"127.0.0.1:8641","state":"Leader","voter":true}"#;
        for text in [format!("[{row}]"), format!(r#"{{"leader":7,"peers":[{row}]}}"#)] {
            let peers = read_peers(&text).unwrap();
            assert_eq!((peers[0].name.as_str(), peers[0].id, peers[0].is_voter), ("n1", 7, true));
            assert!(peers[0].is_leader());
        }
        assert!(read_peers("{}").is_err());
        assert!(read_peers(r#"[{"node":"n1"}]"#).is_err());
    }

    /// Goal: a node's process cannot outlive the program that started it. Method: the words that start it.
    #[test]
    fn servers_end_with_their_parent() {
        let product = Product { binary: PathBuf::from("/usr/bin/exchequer") };
        let node = NodePlan { name: "n1".into(), data: "/d/n1".into(), api: "a:1".into(), peer: "a:2".into() };
        let words = product.server(&node).join(" ");
        assert_eq!(words, "setpriv --pdeathsig KILL -- /usr/bin/exchequer server --data-dir /d/n1");
    }
}
