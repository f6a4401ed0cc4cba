//! Directives: rules one by one, and random commands against a list on paper.

pub(super) mod golden;
mod naive;
mod random;
mod rules;
mod times;

use exchequer_domain::WorkerId;

use super::world::{World, add};
use crate::NewDirective;
use crate::directives::{DirectiveAction, Priority, Target};
use crate::workers::Desired;

/// The workers there are.
const WORKERS: [&str; 4] = ["selftest/1", "selftest/2", "deposit/bitcoin-1", "deposit/tron-1"];

/// Adds [`WORKERS`], which are to run.
fn add_workers(world: &mut World) {
    world.run(add(&WORKERS.map(worker))).unwrap();
}

/// Whether a worker is to run.
fn is_wanted(world: &World, worker: WorkerId) -> bool {
    world.record(worker).desired == Desired::Running
}

fn worker(text: &str) -> WorkerId {
    text.parse().unwrap()
}

fn target(text: &str) -> Target {
    text.parse().unwrap()
}

fn custom(idempotent: bool) -> DirectiveAction {
    DirectiveAction::Custom { name: "rescan".into(), payload: b"{}".to_vec(), idempotent }
}

/// A directive without anything special.
fn directive(to: &str, action: DirectiveAction) -> NewDirective {
    NewDirective {
        key: None,
        priority: Priority::Normal,
        target: target(to),
        action,
        not_before: None,
        deadline: None,
        max_attempts: 3,
        needs_approval: false,
    }
}
