//! Writers that write over and over, and the meter that their acknowledgements go through.
//!
//! A writer sends its next request when the last one was answered, so that the number of writers is the number of
//! requests under way. What they write to is a [`Door`]: the product's, or another store's that it is compared with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::cpu::{self, CpuTime};
use super::measure::{Distribution, Durations};

/// How long a stopped load waits for the answers that are under way.
const DRAIN_PATIENCE: Duration = Duration::from_secs(15);
/// A writer that was refused does not ask again at once: there may be nobody to answer for a while.
const REFUSED_PAUSE: Duration = Duration::from_millis(5);

/// One value to be written.
#[derive(Debug, Clone)]
pub struct Put {
    /// Under which key.
    pub key: String,
    /// The value; shared, so that making it costs nothing.
    pub value: Bytes,
}

/// Why a request was not acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It certainly had no effect.
    Refused(String),
    /// It may have had one.
    Unknown(String),
}

/// What writers write to. One door may serve many writers.
pub trait Door: Send + Sync + 'static {
    /// Writes all of `puts` together and waits until they are acknowledged.
    fn write(&self, puts: Vec<Put>) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// What is to be written.
#[derive(Debug, Clone)]
pub struct Load {
    /// Requests under way at once.
    pub writers: usize,
    /// Writes in each request.
    pub batch: usize,
    /// The size of each value.
    pub value_bytes: usize,
    /// How many different keys are written.
    pub keys: u64,
    /// Whether every key is written once and in order, after which the load ends; otherwise keys are drawn at random
    /// for as long as it runs. The keys of one request are neighbours, and different.
    pub fill: bool,
}

/// What came of a load in the time that was measured.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Measured {
    /// How long, in microseconds.
    pub measured_us: u64,
    /// Writes that were acknowledged.
    pub writes: u64,
    /// Requests that certainly had no effect.
    pub refused: u64,
    /// Requests whose outcome is unknown.
    pub unknown: u64,
    /// The first failure's words, where there was one.
    pub first_failure: Option<String>,
    /// From a request to its acknowledgement.
    pub latency: Distribution,
    /// The longest time in which nothing was acknowledged, in microseconds.
    pub longest_gap_us: u64,
    /// Processor time of this process, which is the client's.
    pub client_cpu: CpuTime,
    /// Processor time of each server process that was named, in that order.
    pub server_cpu: Vec<CpuTime>,
}

impl Measured {
    /// Acknowledged writes a second.
    #[must_use]
    pub fn writes_per_second(&self) -> f64 {
        self.writes as f64 * 1e6 / (self.measured_us.max(1)) as f64
    }
}

/// What writers tell; only what happens while it is open counts.
struct Meter {
    started: Instant,
    open: AtomicBool,
    writes: AtomicU64,
    refused: AtomicU64,
    unknown: AtomicU64,
    first_failure: Mutex<Option<String>>,
    latency: Mutex<Durations>,
    /// Microseconds since `started` of the last acknowledgement, and the longest time between two.
    gaps: Mutex<(u64, u64)>,
    /// The next key of a load that writes each once.
    next: AtomicU64,
    /// Writers that have not ended.
    left: watch::Sender<usize>,
}

impl Meter {
    fn now_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn acknowledged(&self, writes: usize, took: Duration) {
        let now = self.now_us();
        {
            let mut gaps = self.gaps.lock();
            gaps.1 = gaps.1.max(now.saturating_sub(gaps.0));
            gaps.0 = gaps.0.max(now);
        }
        if self.open.load(Ordering::Relaxed) {
            self.writes.fetch_add(writes as u64, Ordering::Relaxed);
            self.latency.lock().record(took);
        }
    }

    fn failed(&self, failure: Failure) {
        if self.open.load(Ordering::Relaxed) {
            let text = match failure {
                Failure::Refused(text) => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                    text
                }
                Failure::Unknown(text) => {
                    self.unknown.fetch_add(1, Ordering::Relaxed);
                    text
                }
            };
            self.first_failure.lock().get_or_insert(text);
        }
    }

    /// Starts counting gaps anew, as of now.
    fn reset_gap(&self) {
        *self.gaps.lock() = (self.now_us(), 0);
    }

    /// The longest gap since the reset; one that is still open counts as far as it has come.
    fn longest_gap(&self) -> Duration {
        let gaps = self.gaps.lock();
        Duration::from_micros(gaps.1.max(self.now_us().saturating_sub(gaps.0)))
    }
}

/// A load that runs until it is stopped.
pub struct Running {
    meter: Arc<Meter>,
    stop: Arc<AtomicBool>,
    writers: JoinSet<()>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("writers", &self.writers.len()).finish_non_exhaustive()
    }
}

impl Running {
    /// Starts the writers, spread evenly over the doors.
    pub fn start<D: Door>(doors: &[Arc<D>], load: &Load) -> Running {
        let meter = Arc::new(Meter {
            started: Instant::now(),
            open: AtomicBool::new(false),
            writes: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
            first_failure: Mutex::new(None),
            latency: Mutex::new(Durations::new()),
            gaps: Mutex::new((0, 0)),
            next: AtomicU64::new(0),
            left: watch::Sender::new(if doors.is_empty() { 0 } else { load.writers }),
        });
        let stop = Arc::new(AtomicBool::new(false));
        let mut writers = JoinSet::new();
        for (number, door) in doors.iter().cycle().take(if doors.is_empty() { 0 } else { load.writers }).enumerate() {
            writers.spawn(writer(door.clone(), load.clone(), number as u64, meter.clone(), stop.clone()));
        }
        Running { meter, stop, writers }
    }

    /// Counts from now on for `duration`, or until a load that writes each key once has ended.
    pub async fn measure(&self, duration: Duration, server_pids: &[u32]) -> Measured {
        let meter = &self.meter;
        meter.writes.store(0, Ordering::Relaxed);
        meter.refused.store(0, Ordering::Relaxed);
        meter.unknown.store(0, Ordering::Relaxed);
        *meter.first_failure.lock() = None;
        *meter.latency.lock() = Durations::new();
        meter.reset_gap();
        let client = cpu::own();
        let servers: Vec<CpuTime> = server_pids.iter().map(|pid| cpu::of(*pid)).collect();
        let begun = Instant::now();
        meter.open.store(true, Ordering::Relaxed);
        let mut left = meter.left.subscribe();
        // Either way the time is over.
        let _ = tokio::time::timeout(duration, left.wait_for(|left| *left == 0)).await;
        meter.open.store(false, Ordering::Relaxed);
        let measured_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        Measured {
            measured_us,
            writes: meter.writes.load(Ordering::Relaxed),
            refused: meter.refused.load(Ordering::Relaxed),
            unknown: meter.unknown.load(Ordering::Relaxed),
            first_failure: meter.first_failure.lock().clone(),
            latency: meter.latency.lock().distribution(),
            longest_gap_us: u64::try_from(meter.longest_gap().as_micros()).unwrap_or(u64::MAX),
            client_cpu: cpu::own().since(client),
            server_cpu: server_pids.iter().zip(servers).map(|(pid, before)| cpu::of(*pid).since(before)).collect(),
        }
    }

    /// Counts gaps between acknowledgements anew.
    pub fn reset_gap(&self) {
        self.meter.reset_gap();
    }

    /// The longest gap between acknowledgements since the last reset.
    #[must_use]
    pub fn longest_gap(&self) -> Duration {
        self.meter.longest_gap()
    }

    /// How long ago the last acknowledgement came.
    #[must_use]
    pub fn silence(&self) -> Duration {
        Duration::from_micros(self.meter.now_us().saturating_sub(self.meter.gaps.lock().0))
    }

    /// Lets the writers finish what is under way.
    pub async fn stop(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let drained = async { while self.writers.join_next().await.is_some() {} };
        // A writer that is still waiting then is cut off; nothing is measured any more.
        let _ = tokio::time::timeout(DRAIN_PATIENCE, drained).await;
    }
}

async fn writer<D: Door>(door: Arc<D>, load: Load, number: u64, meter: Arc<Meter>, stop: Arc<AtomicBool>) {
    let mut random = SmallRng::seed_from_u64(number);
    let mut value = vec![0; load.value_bytes];
    random.fill_bytes(&mut value);
    let value = Bytes::from(value);
    let keys = load.keys.max(1);
    while !stop.load(Ordering::Relaxed) {
        let first = if load.fill {
            meter.next.fetch_add(load.batch as u64, Ordering::Relaxed)
        } else {
            random.random_range(0..keys)
        };
        if load.fill && first >= keys {
            break;
        }
        let put = |number: usize| Put { key: key((first + number as u64) % keys), value: value.clone() };
        let puts: Vec<Put> = (0..load.batch).map(put).collect();
        let asked = Instant::now();
        match door.write(puts).await {
            Ok(()) => meter.acknowledged(load.batch, asked.elapsed()),
            Err(failure) => {
                meter.failed(failure);
                tokio::time::sleep(REFUSED_PAUSE).await;
            }
        }
    }
    meter.left.send_modify(|left| *left -= 1);
}

/// The text of a key.
#[must_use]
pub fn key(number: u64) -> String {
    format!("bench/{number:010}")
}
