//! The clients: they write and read through all three nodes and record what they were told.
//!
//! Each client has connections of its own and keeps them. A write is one command id over all its attempts; where an
//! answer is lost the client mostly asks again, at another node, under the same id. Nothing is guessed: a write whose
//! answer was lost stays unknown, whatever refusals follow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exchequer_tests::cluster::{Answer, Http};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::history::{History, Key, Moment, NEVER, Read, Write, WriteEnd};
use crate::lab::HOSTS;

/// How many clients there are.
pub(crate) const CLIENTS: u64 = 12;
/// Of these, the first ones stay with one host each, so that a host that stands still does not hold all clients: the
/// longest time without an acknowledged write is then the cluster's and not the clients'.
const AT_HOME: u64 = 6;
/// Those ask again soon, so that an outage is not measured in the patience of clients.
const PATIENCE_AT_HOME: Duration = Duration::from_millis(200);
/// How many keys everybody shares.
pub(crate) const HOT_KEYS: u32 = 20;
/// A client begins an operation at most this often: the load must leave two processors room for three servers.
const PACE: Duration = Duration::from_millis(30);
/// Attempts of one write, at most.
const ATTEMPTS_MAX: u32 = 12;
/// A client that was refused at once waits this long before it asks elsewhere.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);
/// Values are filled up to this many bytes.
const VALUE_BYTES: usize = 200;
/// Refusals after which it is certain that the command was not taken.
const NOT_TAKEN: &[&str] = &["EXQ-0303", "EXQ-0304", "EXQ-0313", "EXQ-0501", "EXQ-0201", "EXQ-0202", "EXQ-0105"];

/// Whether clients shall begin operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Go,
    Hold,
    End,
}

/// What clients share with whoever breaks things.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) began: Instant,
    /// The number of each host's server run; it changes when a server is about to end and when it is gone.
    pub(crate) runs: [AtomicU64; HOSTS],
    last_acknowledged: AtomicU64,
    busy: AtomicUsize,
    codes: std::sync::Mutex<BTreeMap<String, u64>>,
}

impl Shared {
    pub(crate) fn new() -> Arc<Shared> {
        Arc::new(Shared {
            began: Instant::now(),
            runs: Default::default(),
            last_acknowledged: AtomicU64::new(0),
            busy: AtomicUsize::new(0),
            codes: std::sync::Mutex::default(),
        })
    }

    /// Now.
    pub(crate) fn now(&self) -> Moment {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(NEVER)
    }

    /// When a write was last acknowledged.
    pub(crate) fn last_acknowledged(&self) -> Moment {
        self.last_acknowledged.load(Ordering::Relaxed)
    }

    /// The refusals and lost answers, by code.
    pub(crate) fn codes(&self) -> BTreeMap<String, u64> {
        self.codes.lock().map(|codes| codes.clone()).unwrap_or_default()
    }

    fn count(&self, code: &str) {
        if let Ok(mut codes) = self.codes.lock() {
            *codes.entry(code.to_owned()).or_default() += 1;
        }
    }
}

/// The clients at work.
pub(crate) struct Load {
    signal: watch::Sender<Signal>,
    clients: Vec<JoinHandle<History>>,
    shared: Arc<Shared>,
}

impl Load {
    /// Starts the clients; `doors` makes each its connections.
    ///
    /// # Errors
    /// When one cannot be made.
    pub(crate) fn start(shared: &Arc<Shared>, seed: u64, doors: impl Fn() -> Result<Vec<Http>>) -> Result<Load> {
        let (signal, heard) = watch::channel(Signal::Go);
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let client = Client {
                number,
                home: (number < AT_HOME).then_some(number as usize % HOSTS),
                doors: doors()?,
                dice: StdRng::seed_from_u64(seed.wrapping_add(number)),
                shared: shared.clone(),
                known: BTreeMap::new(),
                begun: 0,
                history: History::default(),
            };
            clients.push(tokio::spawn(client.work(heard.clone())));
        }
        Ok(Load { signal, clients, shared: shared.clone() })
    }

    /// Lets clients begin nothing new and waits until nothing is under way.
    ///
    /// # Errors
    /// When an operation does not end.
    pub(crate) async fn hold(&self) -> Result<()> {
        self.signal.send_replace(Signal::Hold);
        let idle = async || {
            let busy = self.shared.busy.load(Ordering::Relaxed);
            ensure!(busy == 0, "{busy} operations are under way");
            Ok(())
        };
        exchequer_tests::cluster::until("idle clients", Duration::from_secs(60), idle).await
    }

    /// Lets them go on.
    pub(crate) fn resume(&self) {
        self.signal.send_replace(Signal::Go);
    }

    /// Ends the load.
    ///
    /// # Errors
    /// When a client failed by itself.
    pub(crate) async fn end(self) -> Result<History> {
        self.signal.send_replace(Signal::End);
        let mut all = History::default();
        for client in self.clients {
            all.add(client.await.context("a client failed")?);
        }
        Ok(all)
    }
}

/// What one attempt was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    Done(u64),
    Mismatch,
    NotTaken,
    Lost,
}

struct Client {
    number: u64,
    home: Option<usize>,
    doors: Vec<Http>,
    dice: StdRng,
    shared: Arc<Shared>,
    /// The versions of hot keys that it last saw.
    known: BTreeMap<u32, u64>,
    begun: u64,
    history: History,
}

impl Client {
    async fn work(mut self, mut signal: watch::Receiver<Signal>) -> History {
        let mut pace = tokio::time::interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            // Counted before the signal is looked at, so that nobody is missed who begins.
            self.shared.busy.fetch_add(1, Ordering::SeqCst);
            let present = *signal.borrow_and_update();
            if present == Signal::Go {
                self.operate().await;
            }
            self.shared.busy.fetch_sub(1, Ordering::SeqCst);
            match present {
                Signal::Go => {}
                // An error means that nobody will ever signal again.
                Signal::Hold if signal.changed().await.is_ok() => {}
                Signal::Hold | Signal::End => return self.history,
            }
        }
    }

    async fn operate(&mut self) {
        let hot = self.dice.random_range(0..HOT_KEYS);
        match self.dice.random_range(0..100) {
            0..25 => self.write(Key::Hot(hot), None).await,
            25..45 => {
                let expect = self.known.get(&hot).copied().unwrap_or(0);
                self.write(Key::Hot(hot), Some(expect)).await;
            }
            45..60 => {
                let key = Key::Own(self.fresh());
                let expect = self.dice.random_bool(0.5).then_some(0);
                self.write(key, expect).await;
            }
            60..88 => self.read(Key::Hot(hot), false).await,
            _ => self.read(Key::Hot(hot), true).await,
        }
    }

    /// A number that no other client draws.
    fn fresh(&mut self) -> u64 {
        self.begun += 1;
        (self.begun << 8) | self.number
    }

    fn any_host(&mut self) -> usize {
        self.home.unwrap_or_else(|| self.dice.random_range(0..HOSTS))
    }

    /// Mostly impatient clients, so that one node that stands still does not hold them all; some wait for the server's
    /// own verdict.
    fn patience(&mut self) -> Duration {
        if self.home.is_some() {
            return PATIENCE_AT_HOME;
        }
        match self.dice.random_range(0..10) {
            0..5 => Duration::from_millis(700),
            5..9 => Duration::from_secs(2),
            _ => Duration::from_secs(12),
        }
    }

    async fn write(&mut self, key: Key, expect: Option<u64>) {
        let (value, id) = (self.fresh(), self.dice.random::<u128>());
        let invoked = self.shared.now();
        let mut host = self.any_host();
        let mut unsure = false;
        let mut end = WriteEnd::Unknown;
        for attempt in 1..=ATTEMPTS_MAX {
            match self.attempt(host, key, value, expect, id).await {
                Told::Done(version) => end = WriteEnd::Done(version),
                Told::Mismatch => end = WriteEnd::Mismatch,
                Told::NotTaken if !unsure => end = WriteEnd::Refused,
                Told::NotTaken => tokio::time::sleep(REFUSED_PAUSE).await,
                Told::Lost => unsure = true,
            }
            // Some are left unknown, so that the checks have to do with it.
            if end != WriteEnd::Unknown || attempt == ATTEMPTS_MAX || self.dice.random_bool(0.15) {
                break;
            }
            // Anywhere but there.
            let next = (host + self.dice.random_range(1..HOSTS)) % HOSTS;
            host = self.home.unwrap_or(next);
        }
        let returned = if end == WriteEnd::Unknown { NEVER } else { self.shared.now() };
        if let WriteEnd::Done(version) = end {
            self.shared.last_acknowledged.fetch_max(returned, Ordering::Relaxed);
            self.learn(key, version);
        }
        let write = Write { key, value, expect, id, invoked, returned, end };
        if self.dice.random_bool(0.1) {
            self.repeat(&write).await;
        }
        self.history.writes.push(write);
    }

    /// The same id again must have the same outcome, wherever it is asked.
    async fn repeat(&mut self, write: &Write) {
        let same = match write.end {
            WriteEnd::Done(version) => Told::Done(version),
            WriteEnd::Mismatch => Told::Mismatch,
            WriteEnd::Refused | WriteEnd::Unknown => return,
        };
        self.history.repeats += 1;
        let host = self.any_host();
        let told = self.attempt(host, write.key, write.value, write.expect, write.id).await;
        if matches!(told, Told::Done(_) | Told::Mismatch) && told != same {
            let (key, id) = (write.key, write.id);
            self.history.broken.push(format!("{key}: command {id:032x} had the outcome {same:?}, and now {told:?}"));
        }
    }

    async fn attempt(&mut self, host: usize, key: Key, value: u64, expect: Option<u64>, id: u128) -> Told {
        let door = self.doors[host].clone().timeout(self.patience());
        let answer = door.try_put(&key.to_string(), &bytes(value), expect, Some(&format!("{id:032x}"))).await;
        let told = self.told(answer);
        if let Err(wrong) = told {
            self.history.broken.push(format!("{key}: {wrong:#}"));
            return Told::Lost;
        }
        told.unwrap_or(Told::Lost)
    }

    fn told(&self, answer: Result<Answer>) -> Result<Told> {
        let answer = match answer {
            Ok(answer) => answer,
            // No connection came about, so nothing was sent.
            Err(error) if error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_connect) => {
                self.shared.count("no connection");
                return Ok(Told::NotTaken);
            }
            Err(_) => {
                self.shared.count("no answer");
                return Ok(Told::Lost);
            }
        };
        if answer.status == 200 {
            return answer.body["version"].as_u64().map(Told::Done).context("a write was answered without a version");
        }
        let code = answer.code().with_context(|| format!("HTTP {} without a code: {}", answer.status, answer.text))?;
        if code != "EXQ-0408" {
            self.shared.count(code);
        }
        match code {
            "EXQ-0408" => Ok(Told::Mismatch),
            "EXQ-0314" => anyhow::bail!("a repeated command was taken for another one: {}", answer.text),
            code if NOT_TAKEN.contains(&code) => Ok(Told::NotTaken),
            _ => Ok(Told::Lost),
        }
    }

    async fn read(&mut self, key: Key, local: bool) {
        let host = self.any_host();
        let door = self.doors[host].clone().timeout(self.patience());
        let path = format!("/v1/scratch/{key}{}", if local { "?consistency=local&max_stale=1h" } else { "" });
        let run = self.shared.runs[host].load(Ordering::SeqCst);
        let invoked = self.shared.now();
        let answer = door.call(Method::GET, &path, None).await;
        let returned = self.shared.now();
        let same_run = run == self.shared.runs[host].load(Ordering::SeqCst);
        let seen = answer.and_then(|answer| seen(&answer));
        let (Ok(Some((version, value))), true) = (&seen, !local || same_run) else {
            self.history.silent_reads += 1;
            return;
        };
        let (version, value) = (*version, *value);
        if !local {
            self.learn(key, version);
        }
        self.history.reads.push(Read { key, host, run, local, invoked, returned, version, value });
    }

    fn learn(&mut self, key: Key, version: u64) {
        if let Key::Hot(number) = key {
            self.known.insert(number, version);
        }
    }
}

/// The bytes that stand for a value.
pub(crate) fn bytes(value: u64) -> Vec<u8> {
    format!("{value:.<VALUE_BYTES$}").into_bytes()
}

/// Version and value of an answer to a read: zeros where there is no such key, none where it was refused.
pub(crate) fn seen(answer: &Answer) -> Result<Option<(u64, u64)>> {
    if answer.code() == Some("EXQ-0109") {
        return Ok(Some((0, 0)));
    }
    if answer.status != 200 {
        return Ok(None);
    }
    let version = answer.body["version"].as_u64().context("a value without a version")?;
    let text = answer.body["value"].as_str().context("a value without a value")?;
    let text = String::from_utf8(STANDARD.decode(text)?)?;
    Ok(Some((version, text.trim_end_matches('.').parse().context("a value that no client wrote")?)))
}
