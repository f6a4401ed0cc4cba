//! Where the time of commands goes, as counters that anyone may take the difference of.
//!
//! The sums are weighted by commands: a command's share is what it waited, not what its entry took divided by all. So the
//! difference of a sum over that of the count is the mean of a command, and the means of the stages add up to the time
//! between the proposer's queue and its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{Counter, counter};

/// When and for how long an entry was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ApplyWork {
    /// The entry's turn came.
    pub(crate) begun: Instant,
    /// What the machine took to compute it.
    pub(crate) engine: Duration,
    /// All of it: decoding, the machine, hashing, making rows visible.
    pub(crate) whole: Duration,
}

fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What applying costs this node, whoever leads.
pub(crate) struct ApplyMeter {
    commands: Counter,
    engine_ns: Counter,
    whole_ns: Counter,
}

impl ApplyMeter {
    pub(crate) fn new() -> ApplyMeter {
        ApplyMeter {
            commands: counter!("exchequer_applied_commands_total"),
            engine_ns: counter!("exchequer_apply_engine_nanoseconds_total"),
            whole_ns: counter!("exchequer_apply_nanoseconds_total"),
        }
    }

    /// An entry of so many commands was applied.
    pub(crate) fn applied(&self, commands: u64, work: &ApplyWork) {
        self.commands.increment(commands);
        self.engine_ns.increment(ns(work.engine));
        self.whole_ns.increment(ns(work.whole));
    }
}

/// The stages of commands that this node proposed, from the queue to the answer.
pub(crate) struct Stages {
    commands: Counter,
    queue_us: Counter,
    commit_us: Counter,
    engine_us: Counter,
    apply_us: Counter,
    answer_us: Counter,
}

impl Stages {
    pub(crate) fn new() -> Stages {
        Stages {
            commands: counter!("exchequer_commands_answered_total"),
            queue_us: counter!("exchequer_commands_queue_microseconds_total"),
            commit_us: counter!("exchequer_commands_commit_microseconds_total"),
            engine_us: counter!("exchequer_commands_engine_microseconds_total"),
            apply_us: counter!("exchequer_commands_apply_microseconds_total"),
            answer_us: counter!("exchequer_commands_answer_microseconds_total"),
        }
    }
}

/// One entry on its way.
pub(crate) struct Way {
    pub(crate) stages: Arc<Stages>,
    pub(crate) commands: u64,
    /// What its commands waited for it, all together.
    pub(crate) queued: Duration,
    pub(crate) proposed: Instant,
}

impl Way {
    /// Its answer is here.
    pub(crate) fn ended(&self, work: &ApplyWork) {
        let (stages, now) = (&self.stages, Instant::now());
        let each = |duration: Duration| us(duration).saturating_mul(self.commands);
        let computed = work.begun + work.whole;
        stages.commands.increment(self.commands);
        stages.queue_us.increment(us(self.queued));
        stages.commit_us.increment(each(work.begun.saturating_duration_since(self.proposed)));
        stages.engine_us.increment(each(work.engine));
        stages.apply_us.increment(each(work.whole.saturating_sub(work.engine)));
        stages.answer_us.increment(each(now.saturating_duration_since(computed)));
    }
}
