//! Steps of directives on their way into the log: in order, in portions that a command can hold.
//!
//! Invariant: no step holds up the others for ever. A portion whose outcome is not known is proposed again as it was; one that
//! was refused is proposed in smaller portions, and a single step that is refused becomes one that says less.

use std::collections::VecDeque;

use exchequer_domain::CommandId;
use exchequer_state::directives::{DirectiveStep, ERROR_BYTES_MAX};
use exchequer_workers::protocol::cut_to;

use super::Step;

/// Steps of one command.
const STEPS_MAX: usize = 250;
/// Their texts, as far as a further one is not begun: half of what a command may have.
const BYTES_ENOUGH: usize = 64 << 10;

/// The steps that wait.
#[derive(Debug)]
pub(super) struct Backlog {
    waiting: VecDeque<Step>,
    /// What was proposed, under this id, and is not known to be in the log.
    proposed: Option<(CommandId, Vec<Step>)>,
    /// Steps of the next portion, at most.
    most: usize,
}

impl Backlog {
    pub(super) fn new() -> Backlog {
        Backlog { waiting: VecDeque::new(), proposed: None, most: STEPS_MAX }
    }

    pub(super) fn push(&mut self, step: Step) {
        self.waiting.push_back(step);
    }

    /// What is to be proposed now, and under which id; none where nothing waits.
    pub(super) fn next(&mut self, id: impl FnOnce() -> CommandId) -> Option<(CommandId, Vec<Step>)> {
        if self.proposed.is_none() {
            let (mut portion, mut bytes) = (Vec::new(), 0);
            while portion.len() < self.most && bytes < BYTES_ENOUGH {
                let Some(step) = self.waiting.pop_front() else { break };
                bytes += text_of(&step.2);
                portion.push(step);
            }
            if portion.is_empty() {
                return None;
            }
            self.proposed = Some((id(), portion));
        }
        self.proposed.clone()
    }

    /// It is in the log.
    pub(super) fn taken(&mut self) {
        (self.proposed, self.most) = (None, STEPS_MAX);
    }

    /// It is not in the log, and will not be as it is.
    pub(super) fn refused(&mut self, why: &str) {
        let Some((_, portion)) = self.proposed.take() else { return };
        self.most = (portion.len() / 2).max(1);
        if portion.len() > 1 {
            portion.into_iter().rev().for_each(|step| self.waiting.push_front(step));
        } else if let Some(less) = portion.into_iter().next().and_then(|step| lessened(step, why)) {
            self.waiting.push_front(less);
        }
    }
}

fn text_of(step: &DirectiveStep) -> usize {
    match step {
        DirectiveStep::Succeeded { result } => result.len(),
        DirectiveStep::Failed { error: text } | DirectiveStep::Returned { why: text } => text.len(),
        DirectiveStep::Acked | DirectiveStep::Running | DirectiveStep::Lost => 0,
    }
}

/// What can still be said of a directive where the state takes the step itself not; none where nothing is left to be said.
fn lessened((id, attempt, step): Step, why: &str) -> Option<Step> {
    let error = cut_to(format!("what became of it could not be recorded: {why}"), ERROR_BYTES_MAX);
    let less = match step {
        // What came out of it is gone: nobody can say any more that it was done.
        DirectiveStep::Succeeded { .. } => DirectiveStep::Lost,
        DirectiveStep::Failed { error: before } if before != error => DirectiveStep::Failed { error },
        DirectiveStep::Returned { why: before } if before != error => DirectiveStep::Returned { why: error },
        DirectiveStep::Failed { .. } | DirectiveStep::Returned { .. } => DirectiveStep::Lost,
        DirectiveStep::Acked | DirectiveStep::Running | DirectiveStep::Lost => return None,
    };
    Some((id, attempt, less))
}

#[cfg(test)]
mod tests {
    use exchequer_state::directives::{DirectiveId, RESULT_BYTES_MAX};
    use exchequer_state::{Actor, Body, Command, StepDirectives};

    use super::*;

    fn done(id: u64, bytes: usize) -> Step {
        (DirectiveId(id), 1, DirectiveStep::Succeeded { result: vec![7; bytes] })
    }

    /// The numbers of what is proposed next.
    fn portion(backlog: &mut Backlog) -> Vec<u64> {
        let next = backlog.next(|| CommandId([1; 16])).map(|(_, steps)| steps).unwrap_or_default();
        next.into_iter().map(|(id, ..)| id.0).collect()
    }

    /// Goal: every portion fits into a command, whatever the steps hold, and all of them come in order. Method: more steps than
    /// a command has, with results as long as they may be; each portion is encoded.
    #[test]
    fn portions_fit_into_a_command() {
        let mut backlog = Backlog::new();
        (1..=600).for_each(|id| backlog.push(done(id, if id < 300 { RESULT_BYTES_MAX } else { 0 })));
        let (mut seen, mut portions) = (Vec::new(), 0);
        while let Some((id, steps)) = backlog.next(|| CommandId([1; 16])) {
            seen.extend(steps.iter().map(|(id, ..)| id.0));
            let body = Body::StepDirectives(StepDirectives { steps });
            let bytes = Command { id, actor: Actor::Operator, epoch: Some(7), body }.encode();
            assert!(bytes.len() <= exchequer_state::command::COMMAND_BYTES_MAX, "{}", bytes.len());
            backlog.taken();
            portions += 1;
        }
        assert_eq!(seen, (1..=600).collect::<Vec<_>>());
        assert!((19..30).contains(&portions), "{portions}");
    }

    /// Goal: what is not known is proposed again as it was, and what is refused is found step by step and says less, while the
    /// others get through. Method: six steps of which the state refuses one for good, whatever it says but that it is lost.
    #[test]
    fn one_bad_step_costs_itself_alone() {
        let mut backlog = Backlog::new();
        (1..=6).for_each(|id| backlog.push(done(id, 1)));
        assert_eq!(portion(&mut backlog), [1, 2, 3, 4, 5, 6]);
        assert_eq!(portion(&mut backlog), [1, 2, 3, 4, 5, 6], "nobody knows whether it is in the log");
        let mut taken = Vec::new();
        for round in 0.. {
            assert!(round < 30, "it never ends");
            let Some((_, steps)) = backlog.next(|| CommandId([2; 16])) else { break };
            let bad = |(id, _, step): &Step| id.0 == 4 && *step != DirectiveStep::Lost;
            if steps.iter().any(bad) {
                backlog.refused("no");
            } else {
                taken.extend(steps.into_iter().map(|(id, _, step)| (id.0, step == DirectiveStep::Lost)));
                backlog.taken();
            }
        }
        assert_eq!(taken, [(1, false), (2, false), (3, false), (4, true), (5, false), (6, false)]);
        let failed = (DirectiveId(9), 2, DirectiveStep::Failed { error: "é".repeat(400) });
        let less = lessened(failed, "too long").unwrap();
        assert!(matches!(&less.2, DirectiveStep::Failed { error } if error.ends_with("too long")), "{less:?}");
        assert_eq!(lessened(less, "too long").map(|(.., step)| step), Some(DirectiveStep::Lost));
        assert_eq!(lessened((DirectiveId(9), 2, DirectiveStep::Running), "no"), None);
    }
}
