//! The recorded run: a one-node cluster, founded, written to by several connections, snapshotted, purged, killed,
//! started again, stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Deadline, Http, Server, binary, free_port, until};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::disk::Disk;
use super::trace::{Kind, Marks, Trace};

/// Connections that write at the same time.
const WRITERS: usize = 6;
/// Keys of each of them.
const KEYS: u64 = 4;
/// Each so-manieth write is sent again under the same command id.
const REPEATED: u64 = 8;
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(30);
/// Nodes look for something to purge every seven seconds.
const PURGE: Duration = Duration::from_secs(9);
/// The mark behind `init`.
pub(crate) const INITIALISED: &str = "initialised";
/// The key of setting changes among the acknowledgements; the number is the revision.
pub(crate) const SETTINGS: &str = "settings";

/// What was recorded, and what is needed to look at it.
pub(crate) struct Recording {
    pub(crate) trace: Trace,
    pub(crate) recorder: PathBuf,
    pub(crate) token: String,
    pub(crate) api: String,
    pub(crate) home: TempDir,
}

/// What write number `number` of a key writes. Every second one is large, so that the log's tables and WALs turn over.
pub(crate) fn value(key: &str, number: u64) -> String {
    let head = format!("{key} {number} ");
    let length = if number.is_multiple_of(2) { 16 << 10 } else { 300 };
    // Text that does not compress away, so that tables have some size too.
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ key.len() as u64;
    let mut text = head;
    while text.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:08x}", state >> 32));
    }
    text
}

/// Compiles the recorder.
pub(crate) fn compile(folder: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("crash/recorder.c");
    let library = folder.join("recorder.so");
    let status = Command::new("cc")
        .args(["-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&library, &source])
        .arg("-lpthread")
        .status()
        .context("there is no C compiler `cc`")?;
    ensure!(status.success(), "{} does not compile", source.display());
    Ok(library)
}

/// The node whose life is recorded.
struct Subject {
    data: PathBuf,
    trace: PathBuf,
    recorder: PathBuf,
    api: String,
    token: String,
    marks: Arc<Marks>,
    log: PathBuf,
}

impl Subject {
    fn command(&self, verb: &str) -> Result<Command> {
        let mut command = Command::new(binary()?);
        command.arg(verb).arg("--data-dir").arg(&self.data);
        command.env("LD_PRELOAD", &self.recorder);
        command.env("EXCHEQUER_CRASH_ROOT", &self.data).env("EXCHEQUER_CRASH_TRACE", &self.trace);
        // Small enough for tables and WALs to turn over within some hundred writes.
        command.env("EXCHEQUER_STORAGE__LOG_BUFFER", "128KiB").env("EXCHEQUER_STORAGE__RESERVE", "1MiB");
        Ok(command)
    }

    fn init(&mut self, peer: &str) -> Result<()> {
        let mut command = self.command("init")?;
        command.args(["--name", "n1", "--api", &self.api, "--peer", peer, "--sandbox", "--output", "json"]);
        let output = command.output().context("init cannot be run")?;
        ensure!(output.status.success(), "init failed: {}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).context("init did not answer JSON")?;
        self.token = report["operator_token"].as_str().context("init gave no token")?.to_owned();
        self.marks.put(Kind::Mark, INITIALISED, 0, 0)
    }

    async fn start(&self) -> Result<Server> {
        let server = Server::start(self.command("server")?, &self.log)?;
        let http = self.http()?;
        until("the node is ready", START, async || {
            let answer = http.call(Method::GET, "/readyz", None).await?;
            ensure!(answer.status == 200, "not ready: {}", answer.text);
            Ok(())
        })
        .await
        .with_context(|| server.log())?;
        Ok(server)
    }

    /// A client with connections of its own.
    fn http(&self) -> Result<Http> {
        let authority = fs::read(self.data.join("ca.pem")).context("there is no ca.pem")?;
        Http::new(&self.api, &authority, Some(self.token.clone()))
    }

    async fn set(&self, key: &str, value: &str) -> Result<()> {
        let body = json!({ "value": value, "reason": "crash points" });
        let answer = self.http()?.call(Method::PUT, &format!("/v1/settings/{key}"), Some(&body)).await?.good()?;
        let (revision, index) = (answer["revision"].as_u64(), answer["index"].as_u64());
        let revision = revision.context("a setting without a revision")?;
        self.marks.put(Kind::Acked, SETTINGS, revision, index.context("a setting without an index")?)
    }

    /// Proves that the trace so far is what happened.
    fn compare(&self) -> Result<()> {
        let mut trace = Trace::read(&self.trace)?;
        if let Some(path) = trace.unlinking().filter(|path| !self.data.join(path).exists()) {
            self.marks.put(Kind::Unlink, path, 0, 0)?;
            trace = Trace::read(&self.trace)?;
        }
        let mut disk = Disk::new();
        for record in &trace.records {
            disk.apply(record, &trace)?;
        }
        disk.compare(&trace, &self.data).context("the recorder missed something")
    }
}

/// One connection with its own keys, each of which only it writes.
struct Writer {
    http: Http,
    marks: Arc<Marks>,
    name: usize,
    sent: u64,
}

impl Writer {
    async fn put(&mut self) -> Result<()> {
        self.sent += 1;
        let key = format!("w{}-k{}", self.name, self.sent % KEYS);
        let number = self.sent.div_ceil(KEYS);
        let id = format!("{:08x}{:08x}{:016x}", 0x0c4a_5300_u32, self.name, self.sent);
        let value = value(&key, number);
        self.marks.put(Kind::Sent, &key, number, 0)?;
        let first = self.http.try_put(&key, value.as_bytes(), None, Some(&id)).await?.good()?;
        let index = first["index"].as_u64().context("a write without an index")?;
        ensure!(first["version"] == number, "write {number} of {key} made version {}", first["version"]);
        self.marks.put(Kind::Acked, &key, number, index)?;
        if self.sent.is_multiple_of(REPEATED) {
            let again = self.http.try_put(&key, value.as_bytes(), None, Some(&id)).await?.good()?;
            ensure!(again["version"] == first["version"], "the same command came to {first}, then {again}");
        }
        Ok(())
    }
}

async fn burst(writers: &mut [Writer], each: usize) -> Result<()> {
    let bursts = writers.iter_mut().map(async |writer| {
        for _ in 0..each {
            writer.put().await?;
        }
        anyhow::Ok(())
    });
    futures::future::try_join_all(bursts).await.map(|_| ())
}

fn snapshot_index(metrics: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.starts_with("exchequer_raft_snapshot_index "))?;
    line.rsplit(' ').next()?.parse().ok()
}

/// Runs it.
pub(crate) async fn record() -> Result<Recording> {
    let home = tempfile::Builder::new().prefix("exchequer-crash-").tempdir().context("no temporary folder")?;
    let base = home.path().canonicalize()?;
    let trace = base.join("trace");
    let mut subject = Subject {
        data: base.join("data"),
        recorder: compile(&base)?,
        api: format!("127.0.0.1:{}", free_port()?),
        token: String::new(),
        marks: Arc::new(Marks::open(&trace)?),
        log: base.join("server.log"),
        trace,
    };
    subject.init(&format!("127.0.0.1:{}", free_port()?))?;
    subject.compare()?;

    // First life: many writes, a snapshot by size, a purge, more writes, kill -9.
    let mut server = subject.start().await?;
    subject.set("log.entries_kept", "20").await?;
    subject.set("snapshot.log_bytes", "1MiB").await?;
    let mut writers = writers(&subject)?;
    burst(&mut writers, 28).await?;
    let http = subject.http()?;
    until("a snapshot is taken", START, async || {
        let answer = http.call(Method::GET, "/metrics", None).await?;
        ensure!(snapshot_index(&answer.text).is_some_and(|index| index > 0.0), "no snapshot yet");
        Ok(())
    })
    .await?;
    let purged = Deadline::within(PURGE);
    while !purged.passed() {
        writers[0].put().await?;
        for _ in 0..10 {
            purged.pause().await;
        }
    }
    burst(&mut writers, 4).await?;
    server.kill()?;
    subject.compare()?;

    // Second life: recovery from the WAL, writes, settings, an operator's snapshot, a clean stop.
    let mut server = subject.start().await?;
    reconnect(&mut writers, &subject)?;
    burst(&mut writers, 14).await?;
    subject.set("log.entries_kept", "40").await?;
    let body = json!({ "reason": "crash points" });
    let snapshot = subject.http()?.call(Method::POST, "/v1/snapshot", Some(&body)).await?;
    ensure!(snapshot.status == 200, "no snapshot: {}", snapshot.text);
    burst(&mut writers, 2).await?;
    server.signal(Signal::TERM)?;
    let ended = server.end(STOP).await?;
    ensure!(ended.exit == Some(0), "the server ended with {:?}:\n{}", ended.exit, ended.log);
    subject.compare()?;

    // Third life: short, and killed while writes are on their way.
    let mut server = subject.start().await?;
    reconnect(&mut writers, &subject)?;
    burst(&mut writers, 6).await?;
    server.kill()?;
    subject.compare()?;

    let trace = Trace::read(&subject.trace)?;
    Ok(Recording { trace, recorder: subject.recorder, token: subject.token, api: subject.api, home })
}

fn writers(subject: &Subject) -> Result<Vec<Writer>> {
    let writer = |name| Ok(Writer { http: subject.http()?, marks: subject.marks.clone(), name, sent: 0 });
    (0..WRITERS).map(writer).collect()
}

fn reconnect(writers: &mut [Writer], subject: &Subject) -> Result<()> {
    for writer in writers {
        writer.http = subject.http()?;
    }
    Ok(())
}
