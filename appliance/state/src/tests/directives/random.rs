//! Random commands against the naive list, command by command.

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_domain::{NodeId, Timestamp, WorkerId};

use super::super::dice::Dice;
use super::super::world::{SECOND, World};
use super::naive::{Naive, Sheet};
use super::{WORKERS, custom, directive, worker};
use crate::directives::{Decision, DirectiveAction, DirectiveId, DirectiveStep, Priority};
use crate::planted::{self, Bug};
use crate::{
    Actor, Body, CancelDirectives, Command, DispatchDirectives, Done, Input, NewDirective, Rejection, ReviewDirective,
    SendDirectives, StepDirectives,
};

/// How often what was seen.
type Seen = BTreeMap<String, u32>;

struct Run {
    dice: Dice,
    world: World,
    naive: Naive,
    /// Dispatches that were made, also those that are over.
    dispatches: Vec<(u64, u32)>,
    seen: Seen,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut world = World::new();
        super::add_workers(&mut world);
        let mut run = Run { dice: Dice(seed), world, naive: Naive::new(), dispatches: vec![], seen: Seen::new() };
        run.activate();
        run
    }

    fn activate(&mut self) {
        self.world.apply(Input::Activate { node: NodeId(1), boot: [0; 16] }).unwrap();
        self.naive.pass(self.world.now.0);
        self.naive.activate(self.world.index);
    }

    fn saw(&mut self, what: &str) {
        *self.seen.entry(what.into()).or_default() += 1;
    }

    fn send(&mut self, actor: Actor, body: Body) -> Result<Done, Rejection> {
        let command = self.world.command(body);
        let epoch = (actor != Actor::Operator).then_some(self.naive.epoch);
        let done = self.world.send(&Command { actor, epoch, ..command });
        self.naive.pass(self.world.now.0);
        done
    }

    fn step(&mut self) -> Result<(), String> {
        let pause = self.dice.of(&[0, 0, 0, 300_000, SECOND, 3 * SECOND, 40 * SECOND, 150 * SECOND]);
        self.world.now = self.world.now.plus(Duration::from_micros(pause));
        match self.dice.below(20) {
            0 if self.dice.once_in(2) => {
                self.activate();
                self.saw("activate");
            }
            0..=6 => self.enter()?,
            7..=11 => self.dispatch()?,
            12..=17 => self.go_on()?,
            18 => self.cancel()?,
            _ => self.review()?,
        }
        self.compare()
    }

    fn enter(&mut self) -> Result<(), String> {
        let mut directives = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let at = |seconds: u64| Some(Timestamp(self.world.now.0 + seconds * SECOND));
            let (later, deadlines) = ([None, None, None, at(5)], [at(8), at(90), at(0), at(400)]);
            let actions = [DirectiveAction::Start, DirectiveAction::Stop, DirectiveAction::Restart];
            let action = match self.dice.below(6) {
                few @ 0..=2 => actions[few].clone(),
                3 => custom(true),
                _ => custom(false),
            };
            let wide = ["selftest", "deposit", "deposit.bitcoin", "system"];
            let to = if self.dice.once_in(4) { self.dice.of(&wide) } else { self.dice.of(&WORKERS) };
            let key = self.dice.once_in(4).then(|| format!("k{}", self.dice.below(30)));
            directives.push(NewDirective {
                key,
                priority: self.dice.of(&Priority::ALL),
                not_before: self.dice.of(&later),
                deadline: if self.dice.once_in(5) { self.dice.of(&deadlines) } else { None },
                max_attempts: self.dice.of(&[1, 2, 3]),
                needs_approval: self.dice.once_in(12),
                ..directive(to, action)
            });
        }
        let again = self.naive.list.iter().filter(|(new, _)| new.key.is_some()).map(|(new, _)| new.clone()).last();
        directives.extend(again.filter(|again| self.dice.once_in(4) && again.deadline.is_none()));
        let command = SendDirectives { directives, reason: "test".into() };
        let done = self.send(Actor::Operator, Body::SendDirectives(command.clone()));
        match (done, self.naive.send(&command)) {
            (Ok(Done::DirectivesSent(sent)), Some(expected)) => {
                let sent: Vec<(u64, bool)> = sent.iter().map(|one| (one.directive.0, one.new)).collect();
                self.saw(if sent.iter().all(|(_, new)| *new) { "sent" } else { "sent before" });
                (sent == expected).then_some(()).ok_or(format!("sent {sent:?}, not {expected:?}"))
            }
            (Err(Rejection::Directives(_)), None) => {
                self.saw("send refused");
                Ok(())
            }
            other => Err(format!("{other:?}")),
        }
    }

    fn dispatch(&mut self) -> Result<(), String> {
        let max = self.dice.of(&[1, 2, 3, 10]);
        let done = self.send(Actor::Node(NodeId(1)), Body::DispatchDirectives(DispatchDirectives { max }));
        let Ok(Done::DirectivesDispatched(dispatched)) = done else { return Err(format!("{done:?}")) };
        let dispatched: Vec<(u64, u32)> = dispatched.iter().map(|one| (one.id.0, one.attempt)).collect();
        let expected = self.naive.dispatch(max);
        self.saw(if dispatched.is_empty() { "nothing to deliver" } else { "dispatched" });
        self.dispatches.extend(&dispatched);
        (dispatched == expected).then_some(()).ok_or(format!("dispatched {dispatched:?}, not {expected:?}"))
    }

    fn go_on(&mut self) -> Result<(), String> {
        let back = if self.dice.once_in(4) { self.dispatches.len() } else { self.dispatches.len().min(4) };
        let Some(place) = self.dispatches.len().checked_sub(1 + self.dice.below(back.max(1))) else { return Ok(()) };
        let (id, attempt) = self.dispatches[place];
        let step = match self.dice.below(9) {
            0 | 1 => DirectiveStep::Acked,
            2 | 3 => DirectiveStep::Running,
            4 | 5 => DirectiveStep::Succeeded { result: b"done".to_vec() },
            6 => DirectiveStep::Failed { error: "no".into() },
            7 => DirectiveStep::Returned { why: "away".into() },
            _ => DirectiveStep::Lost,
        };
        let by: Option<WorkerId> = self.dice.once_in(3).then(|| worker(self.dice.of(&WORKERS)));
        let actor = by.map_or(Actor::Node(NodeId(1)), Actor::Worker);
        let steps = vec![(DirectiveId(id), attempt, step.clone())];
        let done = self.send(actor, Body::StepDirectives(StepDirectives { steps }));
        let expected = self.naive.step(by, id, attempt, &step);
        let name = format!("{step:?}");
        let name = name.split(' ').next().unwrap_or_default();
        self.one(done, expected, name)
    }

    fn cancel(&mut self) -> Result<(), String> {
        let id = self.dice.below(self.naive.list.len() + 1) as u64 + 1;
        let cancel = CancelDirectives { directives: vec![DirectiveId(id)], reason: "test".into() };
        let done = self.send(Actor::Operator, Body::CancelDirectives(cancel));
        let expected = self.naive.cancel(id);
        self.one(done, expected, "cancel")
    }

    fn one(&mut self, done: Result<Done, Rejection>, expected: bool, what: &str) -> Result<(), String> {
        let Ok(Done::Directives(results)) = done else { return Err(format!("{what}: {done:?}")) };
        self.saw(&format!("{what} {}", if expected { "done" } else { "refused" }));
        (results[0].is_ok() == expected).then_some(()).ok_or(format!("{what}: {results:?}"))
    }

    fn review(&mut self) -> Result<(), String> {
        let waiting = self.naive.list.iter().find(|(_, sheet)| sheet.stage == crate::directives::Stage::NeedsReview);
        let found = waiting.map(|(_, sheet)| sheet.id);
        let id = found.unwrap_or_else(|| self.dice.below(self.naive.list.len() + 1) as u64 + 1);
        let decision = self.dice.of(&[Decision::Retry, Decision::Done, Decision::Failed]);
        let review = ReviewDirective { directive: DirectiveId(id), decision, reason: "test".into() };
        let done = self.send(Actor::Operator, Body::ReviewDirective(review));
        let expected = self.naive.review(id, decision);
        self.saw(&format!("review {}", if expected { "done" } else { "refused" }));
        (done.is_ok() == expected).then_some(()).ok_or(format!("{done:?}"))
    }

    fn compare(&mut self) -> Result<(), String> {
        let directives = self.world.state.directives();
        if directives.last().0 != self.naive.list.len() as u64 {
            return Err("another number of directives".into());
        }
        let mut stages = Vec::new();
        for (_, expected) in &self.naive.list {
            let found = directives.find(&self.world.rows, DirectiveId(expected.id)).unwrap();
            let sheet = found.as_ref().map(Sheet::of);
            if sheet.as_ref() != Some(expected) {
                return Err(format!("{sheet:?}, not {expected:?}"));
            }
            stages.push(expected.stage.as_str());
        }
        for name in WORKERS {
            if super::is_wanted(&self.world, worker(name)) != self.naive.wants(worker(name)) {
                return Err(format!("{name} is not as it should be"));
            }
        }
        stages.into_iter().for_each(|stage| self.saw(stage));
        Ok(())
    }
}

/// One run of so many commands; what it saw, or where it differed.
fn run(seed: u64, steps: usize) -> Result<Seen, String> {
    let mut run = Run::new(seed);
    for step in 0..steps {
        run.step().map_err(|why| format!("seed {seed}, step {step}: {why}"))?;
    }
    Ok(run.seen)
}

/// Goal: directives do what a list on paper does, whatever is asked in whatever order, and every outcome and state is met.
/// Method: random commands against [`Naive`], every directive compared after each; after each entry the rows hold the whole
/// room.
#[test]
fn directives_are_those_of_the_list() {
    let mut seen = Seen::new();
    for seed in 0..60 {
        for (what, count) in run(seed, 150).unwrap() {
            *seen.entry(what).or_default() += count;
        }
    }
    println!("{seen:#?}");
    for what in [
        "activate",
        "sent",
        "sent before",
        "send refused",
        "dispatched",
        "nothing to deliver",
        "Acked done",
        "Acked refused",
        "Running done",
        "Running refused",
        "Succeeded done",
        "Succeeded refused",
        "Failed done",
        "Failed refused",
        "Returned done",
        "Returned refused",
        "Lost done",
        "Lost refused",
        "cancel done",
        "cancel refused",
        "review done",
        "review refused",
        "pending-approval",
        "queued",
        "dispatched",
        "acked",
        "running",
        "succeeded",
        "failed",
        "expired",
        "cancelled",
        "superseded",
        "needs-review",
    ] {
        assert!(seen.get(what).is_some_and(|count| *count >= 20), "{what} is too rare");
    }
}

/// Goal: the list notices bugs. Method: each planted bug differs from the list within some of the runs.
#[test]
fn planted_bugs_are_caught() {
    for bug in Bug::OF_DIRECTIVES {
        planted::plant(Some(bug));
        let caught = (0..60).find(|seed| run(*seed, 150).is_err());
        planted::plant(None);
        println!("{bug:?} is caught by seed {caught:?}");
        assert!(caught.is_some(), "{bug:?} is not caught");
    }
}
