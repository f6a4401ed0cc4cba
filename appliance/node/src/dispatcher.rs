//! The leader's dispatcher: takes directives whose turn it is, and has them delivered.
//!
//! What starts, stops or restarts workers has taken effect when the entry is applied that dispatches it; anything else goes
//! to the [`Courier`]. What becomes of it comes back as steps, which are put into the log together.
//!
//! Invariants: everything is proposed under the epoch of the leadership in which it was read, so that a former leader changes
//! nothing; what was given to a courier under a former epoch is lost there, and the state says what follows from that.

mod backlog;

use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{Code, CommandId};
use exchequer_raft::Role;
use exchequer_state::directives::{DirectiveId, DirectiveStep, Dispatched};
use exchequer_state::{Actor, Body, Command, DispatchDirectives, Done, Outcome, Rejection, StepDirectives};
use tokio::sync::mpsc;

use crate::house::House;
use crate::supervisor::Ground;
use backlog::Backlog;

/// How long a directive waits for the dispatcher to look, at most. An emergency is dispatched in this and a round of the log.
const ROUND: Duration = Duration::from_millis(5);
/// Directives dispatched with one command. Fewer make more commands, more make a longer one before the next emergency.
const BATCH: u32 = 64;

/// What became of a directive: its number, the attempt, the step.
pub(crate) type Step = (DirectiveId, u32, DirectiveStep);

/// Brings directives to workers.
pub(crate) trait Courier: Send + Sync + 'static {
    /// Gives a directive to its target, without waiting. Each step of it goes into `steps`, in order, the last one an end:
    /// succeeded, failed, returned or lost. Where the courier cannot, it says so with [`DirectiveStep::Returned`].
    fn deliver(&self, directive: Dispatched, epoch: u64, steps: mpsc::UnboundedSender<Step>);
}

/// Runs for as long as the node does; acts only while it leads.
pub(crate) async fn run(house: Arc<House>, courier: Arc<dyn Courier>) {
    let mut leadership: Option<Leadership> = None;
    let mut round = tokio::time::interval(ROUND);
    round.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        round.tick().await;
        let status = house.node.status();
        let epoch = status.epoch.filter(|_| status.role == Role::Leader).map(|epoch| epoch.index);
        let Some(epoch) = epoch else {
            leadership = None;
            continue;
        };
        if leadership.as_ref().is_none_or(|present| present.epoch != epoch) {
            // With the former channel everything ends that a courier still says under the former epoch.
            leadership = Some(Leadership::new(epoch));
        }
        let Some(present) = &mut leadership else { continue };
        present.step(&house).await;
        present.dispatch(&house, courier.as_ref()).await;
    }
}

/// One leadership of this node.
struct Leadership {
    epoch: u64,
    sender: mpsc::UnboundedSender<Step>,
    steps: mpsc::UnboundedReceiver<Step>,
    /// Steps that are not known to be in the log.
    backlog: Backlog,
    /// A dispatch whose answer is not known, to be asked for again: what it dispatched has to be delivered.
    dispatching: Option<Command>,
}

impl Leadership {
    fn new(epoch: u64) -> Leadership {
        let (sender, steps) = mpsc::unbounded_channel();
        Leadership { epoch, sender, steps, backlog: Backlog::new(), dispatching: None }
    }

    fn command(&self, house: &House, id: CommandId, body: Body) -> Command {
        Command { id, actor: Actor::Node(house.id()), epoch: Some(self.epoch), body }
    }

    /// Proposes what couriers said meanwhile. Where nobody knows whether it is in the log, it is proposed again under the same
    /// id.
    async fn step(&mut self, house: &House) {
        while let Ok(step) = self.steps.try_recv() {
            self.backlog.push(step);
        }
        while let Some((id, steps)) = self.backlog.next(|| exchequer_api::backend::Backend::new_id(house)) {
            let command = self.command(house, id, Body::StepDirectives(StepDirectives { steps }));
            let refused = match Ground::submit(house, command).await {
                Ok(Outcome::Done(done)) => {
                    if let Done::Directives(results) = done {
                        for refusal in results.into_iter().filter_map(Result::err) {
                            tracing::debug!(why = refusal.message(), "a step of a directive was not taken");
                        }
                    }
                    self.backlog.taken();
                    continue;
                }
                Ok(Outcome::Rejected(Rejection::StaleEpoch { .. })) => return,
                Ok(Outcome::Rejected(rejection)) => rejection.problem(),
                Err(problem) if problem.code == Code::TooLarge => problem,
                Err(problem) => {
                    tracing::debug!(%problem, "steps of directives could not be proposed");
                    return;
                }
            };
            tracing::warn!(problem = %refused, "steps of directives were refused");
            self.backlog.refused(&refused.message);
        }
    }

    async fn dispatch(&mut self, house: &House, courier: &dyn Courier) {
        let command = match self.dispatching.take() {
            Some(command) => command,
            None if house
                .state(|state| state.directives().has_work(state.workers(), state.emergency().is_some()))
                .unwrap_or(false) =>
            {
                let id = exchequer_api::backend::Backend::new_id(house);
                self.command(house, id, Body::DispatchDirectives(DispatchDirectives { max: BATCH }))
            }
            None => return,
        };
        match Ground::submit(house, command.clone()).await {
            Ok(Outcome::Done(Done::DirectivesDispatched(dispatched))) => {
                for directive in dispatched {
                    courier.deliver(directive, self.epoch, self.sender.clone());
                }
            }
            // What was refused has dispatched nothing: the next round asks anew.
            Ok(Outcome::Done(_) | Outcome::Rejected(_)) => {}
            Err(problem) => {
                tracing::debug!(%problem, "directives could not be dispatched");
                self.dispatching = Some(command);
            }
        }
    }
}
