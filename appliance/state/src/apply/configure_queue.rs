//! `ConfigureQueue`: a queue is paused, goes on, or gets another rate.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::jobs::{BURST_MAX, Bucket, QUEUES_MAX, QueueName, RATE_PER_SECOND_MAX, Rate, Refusal};
use crate::outcome::Done;

/// What becomes of a queue's rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RateChange {
    /// It stays.
    Keep,
    /// There is none any more.
    Lift,
    /// It is this, with its burst to begin with.
    Set(Rate),
}

/// Changes a queue, which is made where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigureQueue {
    /// Which.
    pub queue: QueueName,
    /// Whether nothing is taken from it; as it is where there is none.
    pub paused: Option<bool>,
    /// Its rate.
    pub rate: RateChange,
    /// Why.
    pub reason: String,
}

impl ConfigureQueue {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        if let RateChange::Set(Rate { per_second, burst }) = self.rate
            && !((1..=RATE_PER_SECOND_MAX).contains(&per_second) && (1..=BURST_MAX).contains(&burst))
        {
            return Err(Refusal::Rate.into());
        }
        if !entry.state.jobs.knows_queue(&self.queue) && entry.state.jobs.queues_len() >= QUEUES_MAX {
            return Err(Refusal::QueuesFull.into());
        }

        let now = entry.now;
        let queue = &mut entry.state.jobs.queue_mut(&self.queue).queue;
        queue.paused = self.paused.unwrap_or(queue.paused);
        match self.rate {
            RateChange::Keep => {}
            RateChange::Lift => (queue.rate, queue.bucket) = (None, Bucket::default()),
            RateChange::Set(rate) => (queue.rate, queue.bucket) = (Some(rate), Bucket::full(rate, now)),
        }
        let rate =
            queue.rate.map_or("no rate".into(), |rate| format!("{} a second, {} at once", rate.per_second, rate.burst));
        let detail = format!("{}, {rate}", if queue.paused { "paused" } else { "not paused" });
        entry.audit(actor, AuditAction::QueueConfigured, self.queue.to_string(), detail, self.reason);
        entry.event(EventKind::QueueConfigured { queue: self.queue });
        Ok(Done::QueueConfigured)
    }
}
