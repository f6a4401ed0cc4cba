//! A cluster of three whose third node is damaged and started again and again.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use exchequer_tests::cluster::{Cluster, Deadline, Ended};
use rand::{RngExt as _, SeedableRng as _};

use super::damage::Damage;
use crate::support::{SOON, Story};

/// The node that is damaged.
pub(super) const VICTIM: usize = 2;
/// Values written before and after the victim's restart, so that both its tables and its write-ahead log hold some.
const VALUES: usize = 250;
const VALUE_BYTES: usize = 2_000;
/// Values read back from the victim after each case; every row is hashed besides.
const SAMPLE: usize = 25;
/// A node that neither serves nor ends within this time hangs.
const VERDICT: Duration = Duration::from_secs(40);

/// What a damaged node did.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// It came up and has the state of the others, row by row.
    Repaired,
    /// It ended with this error.
    Refused(Ended),
}

/// The cluster, the victim's folder as it was, and what happened so far.
pub(super) struct Bench {
    pub(super) cluster: Cluster,
    pub(super) story: Story,
    template: PathBuf,
    written: BTreeMap<String, Vec<u8>>,
    table: Vec<String>,
    faults: Vec<String>,
}

impl Bench {
    /// Three nodes with data in tables, write-ahead logs and a snapshot on the victim, which is then killed.
    pub(super) async fn prepare(name: &'static str) -> Result<Bench> {
        let story = Story::of(name);
        let mut cluster = Cluster::sandbox(3).await?;
        let mut written = BTreeMap::new();
        let mut random = rand::rngs::SmallRng::seed_from_u64(20_261_123);
        let mut write = async |cluster: &Cluster, from: usize| -> Result<()> {
            let http = cluster.http(0)?;
            for number in from..from + VALUES {
                let value: Vec<u8> = (0..VALUE_BYTES).map(|_| random.random()).collect();
                http.put(&format!("k{number}"), &value).await?;
                written.insert(format!("k{number}"), value);
            }
            cluster.agree(&[0, 1, VICTIM], SOON).await.map(drop)
        };
        write(&cluster, 0).await?;
        let snapshot = cluster.home().join("victim.exqsnap").to_string_lossy().into_owned();
        cluster.exq_at(VICTIM).run(["snapshot", "save", &snapshot]).await?.good()?;
        cluster.nodes[VICTIM].stop().await?;
        cluster.nodes[VICTIM].start()?;
        cluster.agree(&[0, 1, VICTIM], SOON).await?;
        write(&cluster, VALUES).await?;
        cluster.nodes[VICTIM].kill()?;
        let template = cluster.home().join("template");
        fs::rename(&cluster.nodes[VICTIM].data, &template)?;
        story.tell(format_args!("{} values are written; the victim is down", written.len()));
        Ok(Bench { cluster, story, template, written, table: Vec::new(), faults: Vec::new() })
    }

    /// The largest file of the victim whose path below the data folder begins and ends so.
    pub(super) fn file(&self, begin: &str, end: &str) -> Result<PathBuf> {
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

    /// Every way of damage to one file, each at a fresh copy of the victim.
    pub(super) async fn every_damage(&mut self, kind: &str, file: &Path) -> Result<()> {
        for damage in Damage::ALL {
            self.case(kind, file, *damage).await?;
        }
        Ok(())
    }

    /// One case. A violation is noted, so that the table is complete before the test fails.
    pub(super) async fn case(&mut self, kind: &str, file: &Path, damage: Damage) -> Result<Outcome> {
        self.restore_victim()?;
        let path = self.cluster.nodes[VICTIM].data.join(file);
        damage.inflict(&path)?;
        let outcome = self.run().await;
        let node = &mut self.cluster.nodes[VICTIM];
        if node.is_started() {
            node.kill()?;
        }
        let shown = match &outcome {
            Ok(Outcome::Repaired) => "repaired".to_owned(),
            Ok(Outcome::Refused(ended)) => {
                format!("refused {}", ended.error().split_once("EXQ-").map_or("", |(_, rest)| rest))
            }
            Err(fault) => format!("FAULT {fault:#}"),
        };
        let row = format!("{kind:22} {:24} {}", damage.to_string(), shown.chars().take(300).collect::<String>());
        println!("{row}");
        self.table.push(row.clone());
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(fault) => {
                self.faults.push(row);
                keep_folder(&self.cluster, kind, damage)?;
                return Err(fault).or(Ok(Outcome::Repaired));
            }
        };
        if let Outcome::Refused(ended) = &outcome
            && let Err(unclear) = clear(ended, file)
        {
            self.faults.push(format!("{row}\n    {unclear:#}"));
        }
        Ok(outcome)
    }

    /// Puts the victim's folder back as it was.
    fn restore_victim(&self) -> Result<()> {
        let data = &self.cluster.nodes[VICTIM].data;
        if data.exists() {
            fs::remove_dir_all(data)?;
        }
        let copied = Command::new("cp").args(["-a", "--reflink=auto"]).arg(&self.template).arg(data).status()?;
        ensure!(copied.success(), "the template cannot be copied");
        Ok(())
    }

    /// Starts the victim and waits for its verdict.
    async fn run(&mut self) -> Result<Outcome> {
        self.cluster.nodes[VICTIM].start()?;
        let deadline = Deadline::within(VERDICT);
        let others = self.cluster.http(0)?;
        let victim = self.cluster.http(VICTIM)?.timeout(Duration::from_secs(3));
        loop {
            if let Some(ended) = self.cluster.nodes[VICTIM].server()?.ended()? {
                return Ok(Outcome::Refused(ended));
            }
            if let (Ok(ours), Ok(its)) = (others.status().await, victim.status().await)
                && ours["applied"] == its["applied"]
            {
                ensure!(ours["state_hash"] == its["state_hash"], "another state hash: {ours} {its}");
                break;
            }
            if deadline.passed() {
                bail!("it neither serves nor ends; its log ends: {}", self.cluster.nodes[VICTIM].log())
            }
            deadline.pause().await;
        }
        for (key, value) in self.written.iter().step_by(self.written.len() / SAMPLE) {
            match victim.read(key, "local").await {
                Ok(read) => ensure!(read.is_some_and(|(read, _)| read == *value), "a wrong read of {key}"),
                // A refused read is no wrong one; the node must then say why, below.
                Err(_) => break,
            }
        }
        // Rot that nobody has read yet is found when every row is hashed.
        let verified = self.cluster.exq_at(0).run(["cluster", "verify", "--patience", "20s"]).await?;
        if verified.exit == 0 {
            return Ok(Outcome::Repaired);
        }
        ensure!(verified.exit == 2, "the rows differ, and nobody had noticed: {verified}");
        let ended = self.cluster.nodes[VICTIM].server()?.end(Duration::from_secs(5)).await;
        ended.map(Outcome::Refused).context("it could not hash its rows and goes on as if nothing were")
    }

    /// Brings the victim's machine back after a refusal, with an empty folder and `join --replace`.
    pub(super) async fn replace(&mut self) -> Result<()> {
        let old = self.cluster.nodes[VICTIM].id;
        let data = self.cluster.nodes[VICTIM].data.clone();
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        self.cluster.join_with(VICTIM, &["--replace", &old.to_string()]).await?;
        self.cluster.voters(3).await?;
        self.cluster.agree(&[0, 1, VICTIM], SOON).await?;
        let http = self.cluster.http(VICTIM)?;
        for (key, value) in &self.written {
            let read = http.read(key, "local").await?.with_context(|| format!("{key} is lost"))?;
            ensure!(read.0 == *value, "a wrong read of {key}");
        }
        let verified = self.cluster.does(&["cluster", "verify"]).await?;
        ensure!(verified.json()?["agree"] == true, "{verified}");
        let new = self.cluster.nodes[VICTIM].id;
        self.story.tell(format_args!("join --replace {old} brought it back as node {new}, with every value"));
        Ok(())
    }

    /// Ends the test: what went wrong in any case is told together.
    pub(super) fn finish(self) -> Result<()> {
        let Bench { cluster, story, table, faults, .. } = self;
        let count = |what: &str| table.iter().filter(|row| row.contains(what)).count();
        story.tell(format_args!(
            "{} cases: {} repaired, {} refused, {} at fault",
            table.len(),
            count(" repaired"),
            count(" refused "),
            faults.len()
        ));
        ensure!(faults.is_empty(), "{} of {} cases:\n{}", faults.len(), table.len(), faults.join("\n"));
        cluster.finish()
    }
}

/// A refusal must be an error with a code that tells what is damaged, and no panic.
fn clear(ended: &Ended, file: &Path) -> Result<()> {
    ensure!(ended.exit == Some(1), "it ended with {:?}, signal {:?}", ended.exit, ended.signal);
    ensure!(!ended.log.contains("panicked at"), "it panicked: {}", ended.log);
    let code = ended.code().context("no code")?;
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

/// Keeps the folder and the log of a case that went wrong, beside the cluster.
fn keep_folder(cluster: &Cluster, kind: &str, damage: Damage) -> Result<()> {
    let target = cluster.home().join(format!("fault {kind} {damage}").replace([' ', '%', '/', '(', ')'], "-"));
    fs::create_dir_all(&target)?;
    fs::write(target.join("server.log"), cluster.nodes[VICTIM].log())?;
    if cluster.nodes[VICTIM].data.exists() {
        fs::rename(&cluster.nodes[VICTIM].data, target.join("data"))?;
    }
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
