//! The load: writers that put numbered values under keys of their own and note what was acknowledged and when.
//!
//! A write whose answer is lost is sent again with the same command id, to the next node, until it is acknowledged; so
//! an acknowledged write took effect exactly once, and a read afterwards must find it. The client is curl: it shares no
//! code with what it tests.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::product::{Access, Place};
use crate::stop::Stop;
use crate::{files, process};

/// Writers at the same time.
const WRITERS: usize = 4;
/// A try that has no answer by then goes to the next node.
const TRY_LIMIT: Duration = Duration::from_secs(2);
const CONNECT_LIMIT: Duration = Duration::from_millis(500);
/// How long a write that was begun before the end may go on.
const LAST_WRITE_LIMIT: Duration = Duration::from_secs(20);
/// Pause after a refusal, so that a cluster without a leader is not flooded.
const BACK_OFF: Duration = Duration::from_millis(20);
/// Reads that one curl makes over one connection.
const READS_PER_CONNECTION: usize = 200;
/// Stands before the status in curl's output; no answer contains it.
const MARK: &str = "\n--status ";

/// How writers and readers reach the cluster.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    place: Place,
    nodes: Vec<Access>,
    header_file: PathBuf,
    run: String,
}

/// One acknowledged write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    sequence: u64,
    at: Instant,
}

impl Client {
    /// A client whose keys are its own. `folder` must live as long as the client.
    ///
    /// # Errors
    /// The operator token cannot be read.
    pub(crate) fn new(place: Place, nodes: Vec<Access>, folder: &TempDir) -> Result<Client> {
        let token_file = &nodes.first().context("no nodes")?.token_file;
        let token = fs::read_to_string(token_file).context("the operator token")?;
        let header_file = folder.path().join("authorization");
        // In a file, because the arguments of a process are public.
        files::write_secret(&header_file, &format!("Authorization: Bearer {}", token.trim()))?;
        let mut random = [0; 8];
        fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
        let run = format!("{:016x}", u64::from_be_bytes(random));
        Ok(Client { place, nodes, header_file, run })
    }

    fn key(&self, sequence: u64) -> String {
        format!("drill-{}-{sequence}", self.run)
    }

    fn value(&self, sequence: u64) -> String {
        STANDARD.encode(format!("{}/{sequence}", self.run))
    }

    fn curl(&self, node: &Access, limit: Duration) -> Vec<String> {
        let words = [
            "curl",
            "--silent",
            "--show-error",
            "--http1.1",
            "--cacert",
            &node.ca.display().to_string(),
            "--header",
            &format!("@{}", self.header_file.display()),
            "--connect-timeout",
            &CONNECT_LIMIT.as_secs_f64().to_string(),
            "--max-time",
            &limit.as_secs_f64().to_string(),
            "--write-out",
            &format!("{MARK}%{{http_code}}\n"),
        ];
        words.map(str::to_owned).to_vec()
    }

    /// One try at one node; whether it was acknowledged.
    ///
    /// # Errors
    /// curl cannot be run.
    pub(crate) fn put(&self, node: usize, sequence: u64) -> Result<bool> {
        let node = self.nodes.get(node).context("no such node")?;
        let body = serde_json::json!({
            "value": self.value(sequence),
            // Derived, not drawn: a second try must carry the same one.
            "command_id": format!("{}{sequence:016x}", self.run),
        });
        let mut words = self.curl(node, TRY_LIMIT);
        let url = format!("https://{}/v1/scratch/{}", node.address, self.key(sequence));
        let more =
            ["--request", "PUT", "--header", "Content-Type: application/json", "--data", &body.to_string(), &url];
        words.extend(more.map(str::to_owned));
        let output = process::attempt(&mut self.place.command(words))?;
        Ok(answers(&String::from_utf8_lossy(&output.stdout)).first().is_some_and(|answer| answer.is_ok()))
    }

    /// One linearizable read at one node; whether it was answered at all.
    ///
    /// # Errors
    /// curl cannot be run.
    pub(crate) fn can_read(&self, node: usize, sequence: u64) -> Result<bool> {
        let node = self.nodes.get(node).context("no such node")?;
        let mut words = self.curl(node, TRY_LIMIT);
        words.push(self.read_url(node, sequence));
        let output = process::attempt(&mut self.place.command(words))?;
        Ok(answers(&String::from_utf8_lossy(&output.stdout)).first().is_some_and(|answer| answer.is_ok()))
    }

    fn read_url(&self, node: &Access, sequence: u64) -> String {
        format!("https://{}/v1/scratch/{}?consistency=linearizable", node.address, self.key(sequence))
    }

    /// Reads the writes back, linearizable, at one node, and returns those that are not there with their value.
    ///
    /// # Errors
    /// curl cannot be run, or fails before it has asked for all of them.
    pub(crate) fn missing(&self, node: usize, writes: &[Acknowledged], folder: &Path) -> Result<Vec<u64>> {
        let node = self.nodes.get(node).context("no such node")?;
        let config = folder.join("reads");
        let mut missing = Vec::new();
        for chunk in writes.chunks(READS_PER_CONNECTION) {
            let mut urls = String::new();
            for write in chunk {
                writeln!(urls, "url = \"{}\"", self.read_url(node, write.sequence))?;
            }
            fs::write(&config, urls)?;
            let mut words = self.curl(node, TRY_LIMIT);
            words.extend(["--config".to_owned(), config.display().to_string()]);
            let output = process::attempt(&mut self.place.command(words))?;
            let text = String::from_utf8_lossy(&output.stdout);
            let found = answers(&text);
            if found.len() != chunk.len() {
                let words = String::from_utf8_lossy(&output.stderr);
                let (found, asked) = (found.len(), chunk.len());
                bail!("{found} answers to {asked} reads, curl ended with {}: {}", output.status, words.trim());
            }
            let lost = chunk.iter().zip(&found).filter(|(write, answer)| !self.is_value(write.sequence, **answer));
            missing.extend(lost.map(|(write, _)| write.sequence));
        }
        Ok(missing)
    }

    fn is_value(&self, sequence: u64, answer: Result<&str, u16>) -> bool {
        let body: Option<serde_json::Value> = answer.ok().and_then(|body| serde_json::from_str(body).ok());
        body.is_some_and(|body| body.get("value").and_then(|value| value.as_str()) == Some(&self.value(sequence)))
    }
}

/// curl's output as answers: the body of a success, or the status of anything else (0: no answer).
fn answers(output: &str) -> Vec<Result<&str, u16>> {
    let mut answers = Vec::new();
    let mut rest = output;
    while let Some((body, after)) = rest.split_once(MARK) {
        let (status, next) = after.split_once('\n').unwrap_or((after, ""));
        let status = status.trim().parse().unwrap_or(0);
        answers.push(if (200..300).contains(&status) { Ok(body) } else { Err(status) });
        rest = next;
    }
    answers
}

/// The running load.
pub(crate) struct Load {
    halt: Stop,
    begun: Instant,
    written: Arc<Mutex<Vec<Acknowledged>>>,
    threads: Vec<JoinHandle<Result<u64>>>,
}

/// What the load did.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) acknowledged: Vec<Acknowledged>,
    /// Writes whose outcome was still not known at the end.
    pub(crate) unknown: u64,
    begun: Instant,
    ended: Instant,
}

impl Load {
    /// Starts the writers.
    ///
    /// # Errors
    /// A thread cannot be had.
    pub(crate) fn start(client: &Client) -> Result<Load> {
        let (halt, written) = (Stop::new(), Arc::new(Mutex::new(Vec::new())));
        let next = Arc::new(AtomicU64::new(1));
        let begun = Instant::now();
        let mut threads = Vec::new();
        for writer in 0..WRITERS {
            let (client, halt, written, next) = (client.clone(), halt.clone(), Arc::clone(&written), Arc::clone(&next));
            let write = move || write_until(&halt, &client, writer, &next, &written);
            threads.push(std::thread::Builder::new().name(format!("writer-{writer}")).spawn(write)?);
        }
        Ok(Load { halt, begun, written, threads })
    }

    /// How many writes were acknowledged so far.
    pub(crate) fn count(&self) -> usize {
        self.written.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Stops the writers and counts.
    ///
    /// # Errors
    /// A writer could not run curl.
    pub(crate) fn finish(mut self) -> Result<Tally> {
        self.halt.now();
        let ended = Instant::now();
        let mut unknown = 0;
        for thread in self.threads.drain(..) {
            match thread.join() {
                Ok(left) => unknown += left?,
                Err(_) => bail!("a writer panicked"),
            }
        }
        let acknowledged = std::mem::take(&mut *self.written.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Tally { acknowledged, unknown, begun: self.begun, ended })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // A drill that fails half-way must not leave writers behind.
        self.halt.now();
    }
}

/// One writer: number after number until the halt. Returns how many it left without an outcome (0 or 1).
fn write_until(
    halt: &Stop,
    client: &Client,
    mut node: usize,
    next: &AtomicU64,
    written: &Mutex<Vec<Acknowledged>>,
) -> Result<u64> {
    let nodes = client.nodes.len();
    while !halt.is_set() {
        let sequence = next.fetch_add(1, Ordering::Relaxed);
        let mut give_up = None;
        while !client.put(node % nodes, sequence)? {
            node += 1;
            // Once halted the pause returns at once; the tries themselves are the pause then.
            if halt.pause(BACK_OFF).is_err() {
                let end = *give_up.get_or_insert_with(|| Instant::now() + LAST_WRITE_LIMIT);
                if Instant::now() > end {
                    return Ok(1);
                }
            }
        }
        let acknowledged = Acknowledged { sequence, at: Instant::now() };
        written.lock().unwrap_or_else(PoisonError::into_inner).push(acknowledged);
    }
    Ok(0)
}

impl Tally {
    /// The longest time in which no write was acknowledged, while writers wanted to write.
    pub(crate) fn longest_gap(&self) -> Duration {
        let times: BTreeSet<Instant> = self.acknowledged.iter().map(|write| write.at).collect();
        let mut last = self.begun;
        let mut longest = Duration::ZERO;
        for at in times.into_iter().filter(|at| *at < self.ended).chain([self.ended]) {
            longest = longest.max(at.saturating_duration_since(last));
            last = at;
        }
        longest
    }

    /// Acknowledged writes a second.
    pub(crate) fn rate(&self) -> f64 {
        let seconds = self.ended.saturating_duration_since(self.begun).as_secs_f64();
        self.acknowledged.len() as f64 / seconds.max(0.001)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(folder: &TempDir) -> Client {
        let token_file = folder.path().join("token");
        fs::write(&token_file, "secret\n").unwrap();
        let access = Access { address: "127.0.0.1:1".to_owned(), token_file, ca: folder.path().join("ca.pem") };
        Client::new(Place::default(), vec![access], folder).unwrap()
    }

    /// Goal: only an answer of the 200s is an acknowledgement; a lost connection and an error page are not.
    #[test]
    fn answers_are_told_apart() {
        let text = format!("{{\"a\":\n1}}{MARK}200\nbusy{MARK}503\n{MARK}000\n");
        assert_eq!(answers(&text), [Ok("{\"a\":\n1}"), Err(503), Err(0)]);
        assert_eq!(answers(""), []);
        assert_eq!(answers("curl: (7) failed"), []);
    }

    /// Goal: the gap counts from the first moment to the last, so that a cluster that never answers is one long gap.
    #[test]
    fn gaps_reach_to_both_ends() {
        let begun = Instant::now();
        let at = |ms: u64| begun + Duration::from_millis(ms);
        let tally = |times: &[u64]| Tally {
            acknowledged: times.iter().map(|ms| Acknowledged { sequence: *ms, at: at(*ms) }).collect(),
            unknown: 0,
            begun,
            ended: at(1_000),
        };
        assert_eq!(tally(&[]).longest_gap(), Duration::from_millis(1_000));
        assert_eq!(tally(&[100, 300, 250, 950]).longest_gap(), Duration::from_millis(650));
        assert_eq!(tally(&[600, 900, 1_500]).longest_gap(), Duration::from_millis(600));
    }

    /// Goal: a value of another write, or none, is not taken for the one that was acknowledged.
    #[test]
    fn values_are_compared() {
        let folder = tempfile::tempdir().unwrap();
        let client = client(&folder);
        let body = |sequence| format!("{{\"value\":\"{}\",\"version\":1}}", client.value(sequence));
        assert!(client.is_value(7, Ok(&body(7))));
        assert!(!client.is_value(7, Ok(&body(8))));
        assert!(!client.is_value(7, Ok("{}")));
        assert!(!client.is_value(7, Err(404)));
    }

    /// Goal: a cluster that is not there is not taken for one that answers, and the token is in no argument.
    #[test]
    fn no_server_is_no_acknowledgement() {
        let folder = tempfile::tempdir().unwrap();
        let client = client(&folder);
        let words = client.curl(&client.nodes[0], TRY_LIMIT).join(" ");
        assert!(!words.contains("secret"), "{words}");
        assert!(!client.put(0, 1).unwrap());
        assert!(!client.can_read(0, 1).unwrap());
        let write = Acknowledged { sequence: 1, at: Instant::now() };
        assert_eq!(client.missing(0, &[write], folder.path()).unwrap(), [1]);
    }
}
