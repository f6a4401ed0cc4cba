//! Jobs: rules one by one, and random commands against a list on paper.

pub(super) mod golden;
mod naive;
mod random;
mod rules;

use exchequer_domain::{WorkerId, WorkerKind};

use crate::NewJob;
use crate::jobs::{Backoff, QueueName};

fn queue(name: &str) -> QueueName {
    name.parse().unwrap()
}

fn worker(instance: u16) -> WorkerId {
    WorkerId { kind: WorkerKind::Selftest, network: None, instance }
}

/// A job of queue `a` without anything special.
fn job() -> NewJob {
    NewJob {
        queue: queue("a"),
        key: None,
        priority: 5,
        payload: b"{}".to_vec(),
        not_before: None,
        deadline: None,
        max_attempts: 3,
        backoff: Backoff { first_us: 1_000_000, most_us: 3_000_000 },
    }
}
