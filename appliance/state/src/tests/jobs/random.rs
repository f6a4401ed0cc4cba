//! Random commands against the naive list, command by command.

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_domain::{NodeId, Timestamp, WorkerId};

use super::super::dice::Dice;
use super::super::world::{SECOND, World};
use super::naive::{Naive, Sheet};
use super::{job, queue, worker};
use crate::jobs::{JobId, Rate};
use crate::planted::{self, Bug};
use crate::{
    Actor, Body, CancelJobs, Command, ConfigureQueue, Done, EnqueueJobs, FinishJobs, Input, JobEnd, LeaseJobs, NewJob,
    RateChange, Rejection, RenewJobs, RetryJobs,
};

/// How often what was seen.
type Seen = BTreeMap<String, u32>;

struct Run {
    dice: Dice,
    world: World,
    naive: Naive,
    /// Leases that were given, also those that are over.
    leases: Vec<(WorkerId, u64, u32)>,
    seen: Seen,
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut run =
            Run { dice: Dice(seed), world: World::new(), naive: Naive::default(), leases: vec![], seen: Seen::new() };
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

    fn id(&mut self) -> u64 {
        self.dice.below(self.naive.jobs.len() + 1) as u64 + 1
    }

    /// One command, as that worker or as the operator; its time has passed in the list too.
    fn send(&mut self, worker: Option<WorkerId>, body: Body) -> Result<Done, Rejection> {
        let command = self.world.command(body);
        let epoch = worker.map(|_| self.naive.epoch);
        let actor = worker.map_or(Actor::Operator, Actor::Worker);
        let done = self.world.send(&Command { actor, epoch, ..command });
        self.naive.pass(self.world.now.0);
        done
    }

    fn step(&mut self) -> Result<(), String> {
        let pause = self.dice.of(&[0, 0, 0, 300_000, SECOND, 3 * SECOND, 10 * SECOND, 70 * SECOND]);
        self.world.now = self.world.now.plus(Duration::from_micros(pause));
        match self.dice.below(20) {
            0 if self.dice.once_in(2) => {
                self.activate();
                self.saw("activate");
            }
            0 | 1 => self.configure()?,
            2..=6 => self.enqueue()?,
            7..=11 => self.lease()?,
            12..=15 => self.finish()?,
            16 => self.renew()?,
            17 => self.change(false)?,
            _ => self.change(true)?,
        }
        self.compare()
    }

    fn enqueue(&mut self) -> Result<(), String> {
        let mut jobs = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let at = |seconds: u64| Some(Timestamp(self.world.now.0 + seconds * SECOND));
            let (later, deadlines) = ([None, None, at(5)], [None, None, at(8), at(90), at(0)]);
            let key = [None, Some("k".to_owned()), Some("l".to_owned())];
            jobs.push(NewJob {
                queue: queue(self.dice.of(&["a", "b"])),
                key: key[self.dice.below(3)].clone(),
                priority: self.dice.of(&[0, 1, 5, 5, 9]),
                not_before: self.dice.of(&later),
                deadline: if self.dice.once_in(2) { self.dice.of(&deadlines) } else { None },
                max_attempts: self.dice.of(&[1, 2, 3]),
                ..job()
            });
        }
        let command = EnqueueJobs { jobs, reason: "test".into() };
        let done = self.send(None, Body::EnqueueJobs(command.clone()));
        let expected = self.naive.enqueue(&command);
        match (done, expected) {
            (Ok(Done::JobsEnqueued(entered)), Ok(expected)) => {
                let entered: Vec<(u64, bool)> = entered.iter().map(|one| (one.job.0, one.new)).collect();
                self.saw(if entered.iter().all(|(_, new)| *new) { "enqueued" } else { "deduplicated" });
                (entered == expected).then_some(()).ok_or(format!("entered {entered:?}, not {expected:?}"))
            }
            (Err(Rejection::Jobs(why)), Err(expected)) if why == expected => {
                self.saw("enqueue refused");
                Ok(())
            }
            other => Err(format!("{other:?}")),
        }
    }

    fn lease(&mut self) -> Result<(), String> {
        let queues = if self.dice.once_in(3) { vec![queue("a")] } else { vec![queue("a"), queue("b"), queue("none")] };
        let worker = worker(self.dice.of(&[1, 2]));
        let (max, lease_us) = (self.dice.of(&[1, 2, 5]), self.dice.of(&[1, 2, 20]) * SECOND);
        let command = LeaseJobs { worker, queues, max, lease_us };
        let done = self.send(Some(worker), Body::LeaseJobs(command.clone()));
        let Ok(Done::JobsLeased(leased)) = done else { return Err(format!("{done:?}")) };
        let leased: Vec<(u64, u32)> = leased.iter().map(|job| (job.id.0, job.attempt)).collect();
        let expected = self.naive.lease(&command);
        self.saw(if leased.is_empty() { "nothing to lease" } else { "leased" });
        self.leases.extend(leased.iter().map(|(id, attempt)| (worker, *id, *attempt)));
        (leased == expected).then_some(()).ok_or(format!("leased {leased:?}, not {expected:?}"))
    }

    /// A lease that was given, more often one of the latest.
    fn some_lease(&mut self) -> Option<(WorkerId, u64, u32)> {
        let back = if self.dice.once_in(4) { self.leases.len() } else { self.leases.len().min(4) };
        let place = self.leases.len().checked_sub(1 + self.dice.below(back.max(1)))?;
        let (of, id, attempt) = self.leases[place];
        Some(if self.dice.once_in(8) { (worker(3), id, attempt) } else { (of, id, attempt) })
    }

    fn finish(&mut self) -> Result<(), String> {
        let Some((worker, id, attempt)) = self.some_lease() else { return Ok(()) };
        let until = Timestamp(self.world.now.0 + self.dice.of(&[0, 4]) * SECOND);
        let end = match self.dice.below(6) {
            0..=2 => JobEnd::Completed { result: b"done".to_vec() },
            3 | 4 => JobEnd::Failed { error: "no".into() },
            _ => JobEnd::Snoozed { until },
        };
        let results = vec![(JobId(id), attempt, end.clone())];
        let done = self.send(Some(worker), Body::FinishJobs(FinishJobs { worker, results }));
        let expected = self.naive.finish(worker, id, attempt, &end);
        self.one(done, expected, "finish")
    }

    fn renew(&mut self) -> Result<(), String> {
        let Some((worker, id, attempt)) = self.some_lease() else { return Ok(()) };
        let (permille, lease_us) = (self.dice.of(&[10, 500]), self.dice.of(&[1, 30]) * SECOND);
        let jobs = vec![(JobId(id), attempt, permille)];
        let done = self.send(Some(worker), Body::RenewJobs(RenewJobs { worker, jobs, lease_us }));
        let expected = self.naive.renew(worker, (id, attempt, permille), lease_us);
        self.one(done, expected, "renew")
    }

    fn change(&mut self, retry: bool) -> Result<(), String> {
        let (id, reason) = (self.id(), "test".to_owned());
        let jobs = vec![JobId(id)];
        if retry {
            let done = self.send(None, Body::RetryJobs(RetryJobs { jobs, reason }));
            let expected = self.naive.retry(id);
            self.one(done, expected, "retry")
        } else {
            let done = self.send(None, Body::CancelJobs(CancelJobs { jobs, reason }));
            let expected = self.naive.cancel(id);
            self.one(done, expected, "cancel")
        }
    }

    fn one(&mut self, done: Result<Done, Rejection>, expected: bool, what: &str) -> Result<(), String> {
        let Ok(Done::Jobs(results)) = done else { return Err(format!("{what}: {done:?}")) };
        self.saw(&format!("{what} {}", if expected { "done" } else { "refused" }));
        (results[0].is_ok() == expected).then_some(()).ok_or(format!("{what}: {results:?}"))
    }

    fn configure(&mut self) -> Result<(), String> {
        let name = self.dice.of(&["a", "b"]);
        let (paused, rate) = match self.dice.below(8) {
            0 => (Some(true), None),
            1..=3 => (Some(false), None),
            4 | 5 => (None, Some(Some((self.dice.of(&[1, 3]), self.dice.of(&[1, 4]))))),
            _ => (None, Some(None)),
        };
        let change = match rate {
            None => RateChange::Keep,
            Some(None) => RateChange::Lift,
            Some(Some((per_second, burst))) => RateChange::Set(Rate { per_second, burst }),
        };
        let configure = ConfigureQueue { queue: queue(name), paused, rate: change, reason: "test".into() };
        let done = self.send(None, Body::ConfigureQueue(configure));
        let rate = rate.map(|rate| rate.map(|(per_second, burst)| (u64::from(per_second), u64::from(burst))));
        self.naive.configure(name, paused, rate);
        self.saw("configure");
        (done == Ok(Done::QueueConfigured)).then_some(()).ok_or(format!("{done:?}"))
    }

    fn compare(&mut self) -> Result<(), String> {
        let jobs = self.world.state.jobs();
        if jobs.last().0 != self.naive.jobs.len() as u64 {
            return Err("another number of jobs".into());
        }
        let mut stages = Vec::new();
        for (_, expected) in &self.naive.jobs {
            let job = jobs.find(&self.world.rows, JobId(expected.id)).unwrap();
            let sheet = job.as_ref().map(Sheet::of);
            if sheet.as_ref() != Some(expected) {
                return Err(format!("{sheet:?}, not {expected:?}"));
            }
            stages.push(expected.stage.as_str());
        }
        let discarded: u64 = jobs.queues(self.world.now).map(|(queue, _)| queue.totals.discarded).sum();
        if discarded != self.naive.discarded {
            return Err("another number of discards".into());
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

/// Goal: jobs do what a list on paper does, whatever is asked in whatever order, and every outcome and state is met. Method:
/// random commands against [`Naive`], every job compared after each; after each entry the rows hold the whole room.
#[test]
fn jobs_are_those_of_the_list() {
    let mut seen = Seen::new();
    for seed in 0..60 {
        for (what, count) in run(seed, 150).unwrap() {
            *seen.entry(what).or_default() += count;
        }
    }
    println!("{seen:#?}");
    for what in [
        "activate",
        "configure",
        "enqueued",
        "deduplicated",
        "enqueue refused",
        "leased",
        "nothing to lease",
        "finish done",
        "finish refused",
        "renew done",
        "renew refused",
        "cancel done",
        "cancel refused",
        "retry done",
        "retry refused",
        "available",
        "scheduled",
        "executing",
        "retryable",
        "completed",
        "discarded",
        "cancelled",
    ] {
        assert!(seen.get(what).is_some_and(|count| *count >= 20), "{what} is too rare");
    }
}

/// Goal: the list notices bugs. Method: each planted bug differs from the list within some of the runs.
#[test]
fn planted_bugs_are_caught() {
    for bug in Bug::OF_JOBS {
        planted::plant(Some(bug));
        let caught = (0..60).find(|seed| run(*seed, 150).is_err());
        planted::plant(None);
        println!("{bug:?} is caught by seed {caught:?}");
        assert!(caught.is_some(), "{bug:?} is not caught");
    }
}
