//! One worker's process and its conversation, as its leadership knows them.

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_domain::Digest;
use exchequer_state::jobs::QueueName;
use exchequer_workers::proto::{Hello, ToWorker};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::condition::Condition;
use super::decide::{Seen, condition};
use super::launch::End;
use super::usage::Meter;

/// Errors that wait for the next report of a worker.
const ERRORS_WAITING_MAX: usize = 20;
/// Queues that one worker may take jobs from.
const QUEUES_MAX: usize = 16;
/// Jobs that one worker may hold.
const AT_ONCE_MAX: u32 = 64;

/// What a leadership knows of one worker.
#[derive(Debug)]
pub(super) struct Held {
    /// Which process of this leadership it is: what is heard of an earlier one means nothing.
    pub(super) run: u64,
    pub(super) since: Instant,
    /// None until the system has started it.
    pub(super) process: Option<Running>,
    pub(super) session: Option<Session>,
    /// The deadline of its draining.
    pub(super) drain_until: Option<Instant>,
    pub(super) condition: Condition,
    pub(super) terminated: bool,
    pub(super) killed: bool,
    /// Its exit code once it is gone, and since when.
    pub(super) exited: Option<(Option<i32>, Instant)>,
    /// Its end is being dealt with.
    pub(super) closing: bool,
    /// Commands under way that give back what it had in hand.
    pub(super) returning: u32,
}

#[derive(Debug)]
pub(super) struct Running {
    pub(super) pid: u32,
    pub(super) binary: Digest,
    pub(super) ends: mpsc::UnboundedSender<End>,
    pub(super) meter: Meter,
}

/// The conversation with a worker.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) hello: Hello,
    pub(super) out: mpsc::Sender<ToWorker>,
    /// Whether it was told to go ahead.
    pub(super) welcomed: bool,
    /// Since when it is over.
    pub(super) parted: Option<Instant>,
    pub(super) heard: Instant,
    pub(super) counters: BTreeMap<String, u64>,
    /// The settings that it was given last, and since when.
    pub(super) given: (u64, Instant),
    /// The settings that it goes by.
    pub(super) follows: u64,
    pub(super) reported: Option<String>,
    pub(super) queues: Vec<QueueName>,
    pub(super) at_once: u32,
    /// A lease of jobs is under way.
    pub(super) leasing: bool,
    /// Jobs in hand by number: the attempt, and how far it is.
    pub(super) jobs: BTreeMap<u64, (u32, u16)>,
    /// Jobs whose end is on its way into the log, with their attempts: in hand until it is known to be there.
    pub(super) ending: BTreeMap<u64, u32>,
    /// The jobs that its last heartbeat named.
    pub(super) named: Vec<u64>,
    /// Errors since its last report, by fingerprint.
    pub(super) errors: Vec<([u8; 8], String)>,
    /// Jobs done and failed since its last report.
    pub(super) done: u64,
    pub(super) failed: u64,
}

impl Held {
    pub(super) fn new(run: u64, now: Instant) -> Held {
        Held {
            run,
            since: now,
            process: None,
            session: None,
            drain_until: None,
            condition: Condition::default(),
            terminated: false,
            killed: false,
            exited: None,
            closing: false,
            returning: 0,
        }
    }

    pub(super) fn end(&mut self, end: End) {
        match end {
            End::Asked => self.terminated = true,
            End::Forced => self.killed = true,
        }
        if let Some(process) = &self.process {
            // One that is gone hears nothing; its exit is on its way.
            let _ = process.ends.send(end);
        }
    }

    pub(super) fn seen(&mut self, old_queue: bool, now: Instant) -> Seen {
        let session = self.session.as_ref().filter(|session| session.welcomed);
        let mut seen = Seen {
            age: now - self.since,
            silence: session.map(|session| now - session.heard),
            overdue: self.drain_until.and_then(|until| now.checked_duration_since(until)),
            drains: self.drain_until.is_some(),
            terminated: self.terminated,
            killed: self.killed,
            old_settings: session.map_or(Duration::ZERO, |session| {
                let (revision, since) = session.given;
                if session.follows == revision { Duration::ZERO } else { now - since }
            }),
            old_queue,
            reported: session.and_then(|session| session.reported.clone()),
            holds: false,
        };
        seen.holds = self.condition.holds(condition(&seen).as_ref(), now);
        seen
    }

    /// Whether it may be given a directive: it is, or will be, at work.
    pub(super) fn takes_deliveries(&self) -> bool {
        let speaks = self.session.as_ref().is_none_or(|session| session.parted.is_none());
        speaks && !self.killed && !self.terminated && self.drain_until.is_none() && self.exited.is_none()
    }

    /// Nothing more is to be heard of it.
    pub(super) fn is_over(&self) -> bool {
        self.exited.is_some() && self.session.as_ref().is_none_or(|session| session.parted.is_some())
    }

    /// Nothing of what it said is on its way into the log any more.
    pub(super) fn is_settled(&self) -> bool {
        self.session.as_ref().is_none_or(|session| session.ending.is_empty() && !session.leasing)
    }
}

impl Session {
    pub(super) fn new(hello: Hello, out: mpsc::Sender<ToWorker>, now: Instant) -> Session {
        Session {
            hello,
            out,
            welcomed: false,
            parted: None,
            heard: now,
            counters: BTreeMap::new(),
            given: (0, now),
            follows: 0,
            reported: None,
            queues: Vec::new(),
            at_once: 0,
            leasing: false,
            jobs: BTreeMap::new(),
            ending: BTreeMap::new(),
            named: Vec::new(),
            errors: Vec::new(),
            done: 0,
            failed: 0,
        }
    }

    /// Says something. One that does not read is not waited for: what it misses, it misses as one that is dead does.
    pub(super) fn say(&self, message: impl Into<ToWorker>) -> bool {
        self.out.try_send(message.into()).is_ok()
    }

    /// Takes what it wants. False where that is nothing that can be given.
    pub(super) fn wants(&mut self, queues: Vec<String>, at_once: u32) -> bool {
        let named: Result<Vec<QueueName>, _> = queues.into_iter().map(QueueName::try_from).collect();
        match named {
            Ok(queues) if queues.len() <= QUEUES_MAX => {
                (self.queues, self.at_once) = (queues, at_once.min(AT_ONCE_MAX));
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// How many jobs more it takes now.
    pub(super) fn room(&self) -> u32 {
        if !self.welcomed || self.parted.is_some() || self.leasing || self.queues.is_empty() {
            return 0;
        }
        let held = u32::try_from(self.jobs.len() + self.ending.len()).unwrap_or(u32::MAX);
        self.at_once.saturating_sub(held)
    }

    pub(super) fn error(&mut self, fingerprint: [u8; 8], message: String) {
        // The registry counts each; beyond the limit only what is new is worth a place.
        if self.errors.len() < ERRORS_WAITING_MAX {
            self.errors.push((fingerprint, message));
        }
    }
}
