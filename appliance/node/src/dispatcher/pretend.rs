//! Workers that are none: tasks that take a while and succeed, so that the dispatcher can be measured with hundreds of them
//! where there is memory for a few. Sandbox clusters only.

use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::parse_duration;
use exchequer_state::directives::{DirectiveStep, Dispatched};
use tokio::sync::mpsc;

use super::{Courier, NoCourier, Step};
use crate::house::House;

/// Says how long each directive takes; without it there are no pretended workers.
const VARIABLE: &str = "EXCHEQUER_PRETEND_WORKERS";

/// Has a task do what a worker is asked.
pub(super) struct Pretend {
    takes: Duration,
    house: Arc<House>,
}

impl Pretend {
    /// As the environment says, where it says anything.
    pub(super) fn of_process(house: &Arc<House>) -> Option<Pretend> {
        let takes = std::env::var(VARIABLE).ok()?;
        parse_duration(&takes).ok().map(|takes| Pretend { takes, house: house.clone() })
    }
}

impl Courier for Pretend {
    fn deliver(&self, directive: Dispatched, epoch: u64, steps: mpsc::UnboundedSender<Step>) {
        let sandbox = self.house.state(|state| state.cluster().is_some_and(|cluster| cluster.sandbox));
        if !sandbox.unwrap_or(false) {
            return NoCourier.deliver(directive, epoch, steps);
        }
        let takes = self.takes;
        tokio::spawn(async move {
            let (id, attempt) = (directive.id, directive.attempt);
            // Nobody hears it when the leadership is over.
            let _ = steps.send((id, attempt, DirectiveStep::Running));
            tokio::time::sleep(takes).await;
            let _ = steps.send((id, attempt, DirectiveStep::Succeeded { result: directive.payload }));
        });
    }
}
