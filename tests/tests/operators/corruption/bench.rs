//! A cluster of three whose third node is damaged and started again and again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exchequer_tests::cluster::{Answer, Cluster, Deadline, Ended, Http, until};
use futures::future::join_all;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;

use super::damage::Damage;
use crate::support::{SOON, Story};

/// The node that is damaged.
pub(super) const VICTIM: usize = 2;
/// Values written before and after the victim's restarts, so that both its tables and its write-ahead log hold some.
const VALUES: usize = 150;
pub(super) const VALUE_BYTES: usize = 2_000;
const READS_AT_ONCE: usize = 32;
/// A row of the table is cut here.
const ROW_CHARS: usize = 220;
/// A node that neither serves nor ends within this time hangs.
const VERDICT: Duration = Duration::from_secs(40);

/// A kind of file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// As the table shows it.
    pub(super) name: &'static str,
    /// How its path below the data folder begins.
    pub(super) begin: &'static str,
    /// How it ends.
    pub(super) end: &'static str,
    /// Whether to hash every row of a node that serves.
    pub(super) every_row: bool,
}

impl Kind {
    pub(super) const fn new(name: &'static str, begin: &'static str, end: &'static str) -> Kind {
        Kind { name, begin, end, every_row: false }
    }
}

/// What a damaged node did.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// It came up, and everything that can be read from it is what was written.
    Serves,
    /// It ended with this error.
    Ended(Ended),
}

/// The cluster, the victim's folder as it was, and what happened so far.
pub(super) struct Bench {
    pub(super) cluster: Cluster,
    pub(super) story: Story,
    template: PathBuf,
    /// Whether the victim's log is purged up to its snapshot.
    purged: bool,
    /// The last entry of the victim's log in the template. A victim that acknowledged more must not be put back to it:
    /// a disk that goes back in time is another fault than damage.
    index: u64,
    written: BTreeMap<String, Vec<u8>>,
    table: Vec<String>,
    faults: Vec<String>,
}

impl Bench {
    /// Three nodes with data in tables, write-ahead logs and a snapshot on the victim, which is then killed.
    pub(super) async fn prepare(name: &'static str) -> Result<Bench> {
        Bench::prepare_with(name, false).await
    }

    /// The same, but nobody's log reaches back behind the snapshot.
    pub(super) async fn prepare_purged(name: &'static str) -> Result<Bench> {
        Bench::prepare_with(name, true).await
    }

    async fn prepare_with(name: &'static str, purged: bool) -> Result<Bench> {
        let story = Story::of(name);
        let cluster = Cluster::sandbox(3).await?;
        if purged {
            cluster.does(&["settings", "set", "log.entries_kept", "0", "--reason", "a short log"]).await?;
        }
        let template = cluster.home().join("template");
        let (written, table, faults) = (BTreeMap::new(), Vec::new(), Vec::new());
        let mut bench = Bench { cluster, story, template, purged, index: 0, written, table, faults };
        bench.write().await?;
        bench.take_template().await?;
        bench.story.tell(format_args!("{} values are written; the victim is down", bench.written.len()));
        Ok(bench)
    }

    /// Writes values that do not compress.
    pub(super) async fn write(&mut self) -> Result<()> {
        let http = self.cluster.http(self.cluster.leader().await?)?;
        let from = self.written.len();
        let mut random = rand::rngs::SmallRng::seed_from_u64(from as u64);
        for number in from..from + VALUES {
            let value: Vec<u8> = (0..VALUE_BYTES).map(|_| random.random()).collect();
            http.put(&format!("k{number}"), &value).await?;
            self.written.insert(format!("k{number}"), value);
        }
        self.cluster.agree(&[0, 1, VICTIM], SOON).await.map(drop)
    }

    /// Has the victim, which runs and is sound, make tables and a snapshot, and keeps its folder.
    async fn take_template(&mut self) -> Result<()> {
        let snapshot = self.cluster.home().join(format!("victim-{}.exqsnap", self.written.len()));
        let snapshot = snapshot.to_string_lossy().into_owned();
        self.cluster.exq_at(VICTIM).run(["snapshot", "save", &snapshot]).await?.good()?;
        self.cluster.nodes[VICTIM].stop().await?;
        self.cluster.nodes[VICTIM].start()?;
        self.cluster.agree(&[0, 1, VICTIM], SOON).await?;
        if self.purged {
            until("the victim's log is purged", SOON, async || {
                ensure!(self.cluster.nodes[VICTIM].log().contains("purging the log"), "not yet");
                Ok(())
            })
            .await?;
        }
        self.write().await?;
        // The state's tables get what is newer than the snapshot, and the log's write-ahead log what is newer still.
        self.cluster.nodes[VICTIM].stop().await?;
        self.cluster.nodes[VICTIM].start()?;
        self.cluster.agree(&[0, 1, VICTIM], SOON).await?;
        self.write().await?;
        (self.index, _) = self.cluster.agree(&[0, 1, VICTIM], SOON).await?;
        self.cluster.nodes[VICTIM].kill()?;
        if self.template.exists() {
            fs::remove_dir_all(&self.template)?;
        }
        fs::rename(&self.cluster.nodes[VICTIM].data, &self.template)?;
        Ok(())
    }

    /// The largest file of the victim whose path below the data folder begins and ends so.
    fn file(&self, begin: &str, end: &str) -> Result<PathBuf> {
        let mut found: Vec<(u64, PathBuf)> = Vec::new();
        walk(&self.template, &mut |path| {
            let relative = path.strip_prefix(&self.template)?;
            let text = relative.to_string_lossy();
            if text.starts_with(begin) && text.ends_with(end) {
                found.push((fs::metadata(path)?.len(), relative.to_owned()));
            }
            Ok(())
        })?;
        found.sort();
        let (length, path) = found.pop().with_context(|| format!("the victim has no file {begin}...{end}"))?;
        ensure!(length > 0, "{} is empty", path.display());
        Ok(path)
    }

    /// Every way of damage to the file of this kind, each at a fresh copy of the victim.
    pub(super) async fn every_damage(&mut self, kind: Kind) -> Result<()> {
        for damage in Damage::ALL {
            self.case(kind, *damage).await?;
        }
        Ok(())
    }

    /// One case. A violation is noted, so that the table is complete before the test fails.
    pub(super) async fn case(&mut self, kind: Kind, damage: Damage) -> Result<Option<Outcome>> {
        let file = self.inflict(kind, damage).await?;
        let outcome = self.run(kind.every_row).await.and_then(|outcome| match &outcome {
            Outcome::Ended(ended) => clear(ended, &file).map(|()| outcome),
            Outcome::Serves => Ok(outcome),
        });
        let node = &mut self.cluster.nodes[VICTIM];
        if node.is_started() {
            node.kill()?;
        }
        let shown = match &outcome {
            Ok(Outcome::Serves) => "serves, all is there".to_owned(),
            Ok(Outcome::Ended(ended)) => format!("ends: {}", ended.error().replace(&self.data(), "")),
            Err(fault) => format!("FAULT: {fault:#}"),
        };
        let row: String =
            format!("{:20} {:22} {shown}", kind.name, damage.to_string()).chars().take(ROW_CHARS).collect();
        println!("{row}");
        if outcome.is_err() {
            self.faults.push(row.clone());
            self.keep_case(kind, damage)?;
        }
        self.table.push(row);
        Ok(outcome.ok())
    }

    /// A fresh copy of the victim, stopped, with this damage. The damaged file.
    pub(super) async fn inflict(&mut self, kind: Kind, damage: Damage) -> Result<PathBuf> {
        let leader = self.cluster.http(self.cluster.leader().await?)?;
        if leader.status().await?["last_index"].as_u64() != Some(self.index) {
            self.story.tell("the victim acknowledged more meanwhile: a fresh one takes its place");
            self.replace().await?;
            self.take_template().await?;
        }
        let file = self.file(kind.begin, kind.end)?;
        self.restore_victim()?;
        damage.inflict(&self.cluster.nodes[VICTIM].data.join(&file))?;
        Ok(file)
    }

    fn data(&self) -> String {
        format!("{}/", self.cluster.nodes[VICTIM].data.display())
    }

    /// Puts the victim's folder back as it was.
    pub(super) fn restore_victim(&self) -> Result<()> {
        let data = &self.cluster.nodes[VICTIM].data;
        if data.exists() {
            fs::remove_dir_all(data)?;
        }
        let copied = Command::new("cp").args(["-a", "--reflink=auto"]).arg(&self.template).arg(data).status()?;
        ensure!(copied.success(), "the template cannot be copied");
        Ok(())
    }

    /// Starts the victim and waits for its verdict.
    async fn run(&mut self, every_row: bool) -> Result<Outcome> {
        self.cluster.nodes[VICTIM].start()?;
        let deadline = Deadline::within(VERDICT);
        let others = self.cluster.http(0)?;
        let victim = self.cluster.http(VICTIM)?.timeout(Duration::from_secs(3));
        loop {
            if let Some(ended) = self.cluster.nodes[VICTIM].server()?.ended()? {
                return Ok(Outcome::Ended(ended));
            }
            if let (Ok(ours), Ok(its)) = (others.status().await, victim.status().await)
                && ours["applied"] == its["applied"]
            {
                ensure!(ours["state_hash"] == its["state_hash"], "another state hash: {ours} {its}");
                break;
            }
            if deadline.passed() {
                bail!("it neither serves nor ends; its log: {}", self.cluster.nodes[VICTIM].log())
            }
            deadline.pause().await;
        }
        let reads = self.read_everything(&victim).await;
        if !matches!(reads, Ok(None)) {
            // Whether the refusal still arrives or not, a node that met damage must not go on.
            let ended = self.cluster.nodes[VICTIM].server()?.end(Duration::from_secs(5)).await;
            return ended.map(Outcome::Ended).with_context(|| format!("it goes on after {reads:?}"));
        }
        if !every_row {
            return Ok(Outcome::Serves);
        }
        // Rows that no request reads are found when each is hashed.
        let verified = self.cluster.exq_at(0).run(["cluster", "verify", "--patience", "10s"]).await?;
        if verified.exit == 0 {
            return Ok(Outcome::Serves);
        }
        ensure!(verified.exit == 2, "the rows differ, and nobody had noticed: {verified}");
        let ended = self.cluster.nodes[VICTIM].server()?.end(Duration::from_secs(5)).await;
        ended.map(Outcome::Ended).context("it could not hash its rows and goes on as if nothing were")
    }

    /// Reads from the victim alone all that was written, and the audit. The refusal of a read that meets damage.
    async fn read_everything(&self, victim: &Http) -> Result<Option<String>> {
        until("the victim is in touch with the leader", SOON, async || {
            let answer = victim.call(Method::GET, "/v1/settings?consistency=local", None).await?;
            ensure!(answer.code() != Some("EXQ-0317"), "{}", answer.text);
            Ok(())
        })
        .await?;
        for path in ["/v1/audit/verify?consistency=local", "/v1/settings?consistency=local"] {
            let answer = victim.call(Method::GET, path, None).await?;
            if let Some(refused) = damaged(&answer)? {
                return Ok(Some(refused));
            }
        }
        let keys: Vec<&String> = self.written.keys().collect();
        for some in keys.chunks(READS_AT_ONCE) {
            let paths = some.iter().map(|key| format!("/v1/scratch/{key}?consistency=local"));
            let reads = paths.map(|path| async move { victim.call(Method::GET, &path, None).await });
            for (key, answer) in some.iter().zip(join_all(reads).await) {
                let answer = answer?;
                if let Some(refused) = damaged(&answer)? {
                    return Ok(Some(refused));
                }
                let expected = self.written.get(*key).map(|value| STANDARD.encode(value));
                ensure!(answer.body["value"].as_str() == expected.as_deref(), "a wrong read of {key}");
            }
        }
        Ok(None)
    }

    /// Brings the victim's machine back with an empty folder and `join --replace`.
    pub(super) async fn replace(&mut self) -> Result<()> {
        let old = self.cluster.nodes[VICTIM].id;
        let data = self.cluster.nodes[VICTIM].data.clone();
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        self.cluster.join_with(VICTIM, &["--replace", &old.to_string()]).await?;
        until("the old id is gone", SOON, async || {
            let peers = self.cluster.does(&["cluster", "peers"]).await?.json()?;
            let gone = peers["peers"].as_array().is_some_and(|peers| peers.iter().all(|peer| peer["id"] != old));
            ensure!(gone, "{peers}");
            Ok(())
        })
        .await?;
        self.cluster.voters(3).await?;
        self.cluster.agree(&[0, 1, VICTIM], SOON).await?;
        let refused = self.read_everything(&self.cluster.http(VICTIM)?).await?;
        ensure!(refused.is_none(), "a fresh node refuses a read: {refused:?}");
        let verified = self.cluster.does(&["cluster", "verify"]).await?;
        ensure!(verified.json()?["agree"] == true, "{verified}");
        let new = self.cluster.nodes[VICTIM].id;
        self.story.tell(format_args!("join --replace {old} brought the machine back as node {new}, with every value"));
        Ok(())
    }

    /// Ends the test: what went wrong in any case is told together.
    pub(super) fn finish(self) -> Result<()> {
        let Bench { cluster, story, table, faults, .. } = self;
        let count = |what: &str| table.iter().filter(|row| row.contains(what)).count();
        story.tell(format_args!(
            "{} cases: {} serve, {} end, {} at fault",
            table.len(),
            count(" serves, "),
            count(" ends: "),
            faults.len()
        ));
        ensure!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), table.len(), faults.join("\n"));
        cluster.finish()
    }

    /// Keeps the folder and the log of a case that went wrong, beside the cluster.
    fn keep_case(&self, kind: Kind, damage: Damage) -> Result<()> {
        let name = format!("fault {} {damage}", kind.name).replace([' ', '%', '/', '(', ')'], "-");
        let target = self.cluster.home().join(name);
        fs::create_dir_all(&target)?;
        fs::write(target.join("server.log"), self.cluster.nodes[VICTIM].log())?;
        fs::rename(&self.cluster.nodes[VICTIM].data, target.join("data"))?;
        Ok(())
    }
}

/// The refusal of a read because of damage; a success is none, and any other refusal is a fault.
fn damaged(answer: &Answer) -> Result<Option<String>> {
    match answer.code() {
        None => answer.clone().good().map(|_| None),
        Some("EXQ-0504") => Ok(Some(answer.body["error"]["message"].as_str().unwrap_or_default().to_owned())),
        Some(_) => bail!("an odd refusal of a read: {}", answer.text),
    }
}

/// A refusal must be an error with a code that tells what is damaged, and no panic.
fn clear(ended: &Ended, file: &Path) -> Result<()> {
    ensure!(!ended.log.contains("panicked at"), "it panicked: {}", ended.log);
    let code = ended.code().context("no code")?;
    // What a restart cannot mend has an exit code of its own, on which the service is not started again.
    let exit = if ["EXQ-0504", "EXQ-0505", "EXQ-0506"].contains(&code) { 4 } else { 1 };
    ensure!(ended.exit == Some(exit), "{code}: it ended with {:?}, signal {:?}", ended.exit, ended.signal);
    let documented = ["EXQ-0207", "EXQ-0208", "EXQ-0504", "EXQ-0505", "EXQ-0506", "EXQ-0507"];
    ensure!(documented.contains(&code), "{code} is no code for damage");
    // The log as a whole is what is too short; every other code is about a file, and names it or the folder it is in.
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = file.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let says = ended.error();
    let named = says.contains(&name) || folder.is_some_and(|folder| !folder.is_empty() && says.contains(&folder));
    ensure!(named || code == "EXQ-0505", "the error names neither {name} nor its folder: {says}");
    Ok(())
}

fn walk(folder: &Path, visit: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), visit)?;
        } else {
            visit(&entry.path())?;
        }
    }
    Ok(())
}
