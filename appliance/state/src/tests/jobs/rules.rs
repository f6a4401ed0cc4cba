//! The rules of jobs, one by one.

use exchequer_domain::{NodeId, Timestamp};

use super::super::world::{SECOND, World};
use super::{job, queue, worker};
use crate::audit::AuditAction;
use crate::jobs::{JobId, JobState, Rate, Refusal, Stage};
use crate::{
    Actor, Body, CancelJobs, Command, ConfigureQueue, Done, EnqueueJobs, FinishJobs, Input, JobEnd, LeaseJobs, NewJob,
    RateChange, Rejection, RenewJobs,
};

fn enqueue(jobs: Vec<NewJob>) -> Body {
    Body::EnqueueJobs(EnqueueJobs { jobs, reason: "test".into() })
}

fn lease(instance: u16, max: u32) -> LeaseJobs {
    LeaseJobs { worker: worker(instance), queues: vec![queue("a")], max, lease_us: 10 * SECOND }
}

/// A world with a leader.
fn led() -> World {
    let mut world = World::new();
    world.apply(Input::Activate { node: NodeId(1), boot: [0; 16] }).unwrap();
    world
}

/// A command of a worker under the present leadership.
fn as_worker(world: &mut World, instance: u16, body: Body) -> Result<Done, Rejection> {
    let epoch = world.state.epoch().map(|epoch| epoch.index);
    let command = world.command(body);
    world.send(&Command { actor: Actor::Worker(worker(instance)), epoch, ..command })
}

fn finish(id: u64, attempt: u32) -> Body {
    let results = vec![(JobId(id), attempt, JobEnd::Completed { result: b"r".to_vec() })];
    Body::FinishJobs(FinishJobs { worker: worker(1), results })
}

/// Goal: only a worker takes and finishes jobs, in its own name and under the leadership that holds.
#[test]
fn workers_are_fenced() {
    let mut world = led();
    world.run(enqueue(vec![job()])).unwrap();
    let take = || Body::LeaseJobs(lease(1, 1));
    assert_eq!(world.refused(take()), Rejection::Jobs(Refusal::NotTheWorker));
    assert_eq!(as_worker(&mut world, 2, take()), Err(Rejection::Jobs(Refusal::NotTheWorker)));
    let current = world.state.epoch().unwrap().index;
    for epoch in [None, Some(current - 1)] {
        let command = world.command(take());
        let stale = world.send(&Command { actor: Actor::Worker(worker(1)), epoch, ..command });
        assert_eq!(stale, Err(Rejection::StaleEpoch { current }));
    }
    assert!(matches!(as_worker(&mut world, 1, take()), Ok(Done::JobsLeased(jobs)) if jobs.len() == 1));
}

/// Goal: of two workers that did the same job, the one whose lease holds is heard, once. Method: a lease ends, another
/// worker takes the job, and both finish, one of them twice.
#[test]
fn a_job_takes_effect_once() {
    let mut world = led();
    world.run(enqueue(vec![job()])).unwrap();
    as_worker(&mut world, 1, Body::LeaseJobs(lease(1, 1))).unwrap();
    world.now = Timestamp(world.now.0 + 12 * SECOND);
    assert!(
        matches!(as_worker(&mut world, 2, Body::LeaseJobs(lease(2, 1))), Ok(Done::JobsLeased(jobs)) if jobs.is_empty())
    );
    assert_eq!(world.state.jobs().get(JobId(1)).unwrap().state, JobState::Retryable);
    world.now = Timestamp(world.now.0 + SECOND);
    let Ok(Done::JobsLeased(jobs)) = as_worker(&mut world, 2, Body::LeaseJobs(lease(2, 1))) else { panic!() };
    assert_eq!((jobs[0].id, jobs[0].attempt), (JobId(1), 2));

    let refused = Ok(Done::Jobs(vec![Err(Refusal::NotLeased { job: JobId(1) })]));
    assert_eq!(as_worker(&mut world, 1, finish(1, 1)), refused);
    let finish = |attempt| {
        let results = vec![(JobId(1), attempt, JobEnd::Completed { result: b"mine".to_vec() })];
        Body::FinishJobs(FinishJobs { worker: worker(2), results })
    };
    assert_eq!(as_worker(&mut world, 2, finish(2)), Ok(Done::Jobs(vec![Ok(())])));
    assert_eq!(as_worker(&mut world, 2, finish(2)), refused);
    let job = world.state.jobs().find(&world.rows, JobId(1)).unwrap().unwrap();
    assert_eq!((job.state, job.result.as_slice()), (JobState::Completed, b"mine".as_slice()));
}

/// Goal: the failure of a leader is not held against a job, and the job is free when its worker must have stopped.
#[test]
fn a_change_of_leaders_blames_no_job() {
    let mut world = led();
    world.run(enqueue(vec![NewJob { max_attempts: 1, ..job() }])).unwrap();
    as_worker(&mut world, 1, Body::LeaseJobs(lease(1, 1))).unwrap();
    world.apply(Input::Activate { node: NodeId(1), boot: [1; 16] }).unwrap();
    assert_eq!(world.state.next_due(), Some(Timestamp(world.now.0 + 2 * SECOND)));
    assert_eq!(as_worker(&mut world, 1, finish(1, 1)), Ok(Done::Jobs(vec![Err(Refusal::NotLeased { job: JobId(1) })])));
    world.now = Timestamp(world.now.0 + 2 * SECOND);
    world.apply(Input::Noop).unwrap();
    let job = world.state.jobs().get(JobId(1)).unwrap();
    assert_eq!((job.state, job.attempt, job.failed), (JobState::Available, 1, 0));
}

/// Goal: a person's changes are audited and want a reason; a machine's are not and do not.
#[test]
fn people_give_reasons() {
    let mut world = led();
    let silent = |jobs| Body::EnqueueJobs(EnqueueJobs { jobs, reason: String::new() });
    assert_eq!(world.refused(silent(vec![job()])), Rejection::ReasonMissing);
    let before = world.audit().len();
    as_worker(&mut world, 1, silent(vec![job()])).unwrap();
    assert_eq!(world.audit().len(), before);
    world.run(Body::CancelJobs(CancelJobs { jobs: vec![JobId(1), JobId(9)], reason: "test".into() })).unwrap();
    let content = world.audit().pop().unwrap().content;
    assert_eq!((content.action, content.detail.as_str()), (AuditAction::JobsCancelled, "1 cancelled"));
    assert_eq!(world.state.jobs().find(&world.rows, JobId(1)).unwrap().unwrap().state.stage(), Stage::Cancelled);
}

/// Goal: each rule of a job, a lease and a queue is checked, and its message names a limit.
#[test]
fn limits() {
    let mut world = led();
    let ago = Some(Timestamp(world.now.0));
    let wrong = |first_us, most_us| crate::jobs::Backoff { first_us, most_us };
    for (bad, refusal) in [
        (NewJob { priority: 10, ..job() }, Refusal::Priority),
        (NewJob { key: Some(String::new()), ..job() }, Refusal::Key),
        (NewJob { key: Some("k\n".into()), ..job() }, Refusal::Key),
        (NewJob { payload: vec![0; 4_097], ..job() }, Refusal::Payload),
        (NewJob { max_attempts: 0, ..job() }, Refusal::Attempts),
        (NewJob { max_attempts: 101, ..job() }, Refusal::Attempts),
        (NewJob { backoff: wrong(0, 1_000), ..job() }, Refusal::Backoff),
        (NewJob { backoff: wrong(2_000, 1_000), ..job() }, Refusal::Backoff),
        (NewJob { backoff: wrong(2_000, u64::MAX), ..job() }, Refusal::Backoff),
        (NewJob { deadline: ago, ..job() }, Refusal::Deadline),
    ] {
        assert_eq!(world.refused(enqueue(vec![job(), bad])), Rejection::Jobs(refusal));
        assert!(refusal.message().contains(|c: char| c.is_ascii_digit()), "{refusal:?}");
    }
    assert_eq!(world.refused(enqueue(vec![])), Rejection::Jobs(Refusal::Count));
    for (bad, refusal) in [
        (LeaseJobs { lease_us: 1, ..lease(1, 1) }, Refusal::Lease),
        (LeaseJobs { queues: vec![], ..lease(1, 1) }, Refusal::Queues),
        (lease(1, 0), Refusal::Count),
    ] {
        assert_eq!(as_worker(&mut world, 1, Body::LeaseJobs(bad)), Err(Rejection::Jobs(refusal)));
    }
    let jobs = vec![(JobId(1), 1, 1_001)];
    let renew = Body::RenewJobs(RenewJobs { worker: worker(1), jobs, lease_us: SECOND });
    assert_eq!(as_worker(&mut world, 1, renew), Err(Rejection::Jobs(Refusal::Progress)));
    let rate = RateChange::Set(Rate { per_second: 0, burst: 1 });
    let configure = ConfigureQueue { queue: queue("a"), paused: None, rate, reason: "test".into() };
    assert_eq!(world.refused(Body::ConfigureQueue(configure)), Rejection::Jobs(Refusal::Rate));
}

/// Goal: there is an end to what waits, by number of queues; the queue's own name can be given again at any time.
#[test]
fn queues_end() {
    let mut world = led();
    let names: Vec<NewJob> = (0..1_000).map(|n| NewJob { queue: queue(&format!("q{n}")), ..job() }).collect();
    world.run(enqueue(names)).unwrap();
    let more: Vec<NewJob> = (1_000..1_025).map(|n| NewJob { queue: queue(&format!("q{n}")), ..job() }).collect();
    assert_eq!(world.refused(enqueue(more.clone())), Rejection::Jobs(Refusal::QueuesFull));
    world.run(enqueue(more[1..].to_vec())).unwrap();
    world.run(enqueue(vec![NewJob { queue: queue("q7"), ..job() }])).unwrap();
}
