//! Jobs in the golden script.

use exchequer_domain::Timestamp;

use super::super::world::START;
use super::{job, queue, worker};
use crate::jobs::{JobId, LeasedJob, Rate, Refusal};
use crate::{
    Body, CancelJobs, ConfigureQueue, Done, EnqueueJobs, Enqueued, FinishJobs, JobEnd, LeaseJobs, NewJob, RateChange,
    Rejection, RenewJobs, RetryJobs,
};

pub(crate) fn bodies() -> Vec<Body> {
    let reason = || "why".to_owned();
    let worker = worker(300);
    let full = NewJob {
        key: Some("k".into()),
        not_before: Some(Timestamp(START.0 + 300)),
        deadline: Some(Timestamp(u64::MAX)),
        ..job()
    };
    let rate = RateChange::Set(Rate { per_second: 300, burst: 400 });
    let ends = [
        JobEnd::Completed { result: b"r".to_vec() },
        JobEnd::Failed { error: "e".into() },
        JobEnd::Snoozed { until: Timestamp(300) },
    ];
    vec![
        Body::EnqueueJobs(EnqueueJobs { jobs: vec![job(), full], reason: reason() }),
        Body::LeaseJobs(LeaseJobs { worker, queues: vec![queue("a")], max: 2, lease_us: 300 }),
        Body::RenewJobs(RenewJobs { worker, jobs: vec![(JobId(1), 1, 500)], lease_us: 300 }),
        Body::FinishJobs(FinishJobs { worker, results: ends.map(|end| (JobId(1), 1, end)).to_vec() }),
        Body::CancelJobs(CancelJobs { jobs: vec![JobId(1)], reason: reason() }),
        Body::RetryJobs(RetryJobs { jobs: vec![JobId(300)], reason: reason() }),
        Body::ConfigureQueue(ConfigureQueue { queue: queue("a"), paused: Some(true), rate, reason: reason() }),
    ]
}

pub(crate) fn done() -> Vec<Done> {
    let leased = LeasedJob {
        id: JobId(300),
        queue: queue("a"),
        attempt: 2,
        priority: 5,
        payload: b"p".to_vec(),
        until: Timestamp(300),
        deadline: Some(Timestamp(300)),
    };
    let refused = [
        Refusal::Full,
        Refusal::Unknown { job: JobId(300) },
        Refusal::NotLeased { job: JobId(300) },
        Refusal::KeyTaken { by: JobId(300) },
        Refusal::NotTheWorker,
    ];
    vec![
        Done::JobsEnqueued(vec![Enqueued { job: JobId(300), new: true }]),
        Done::JobsLeased(vec![leased]),
        Done::Jobs(std::iter::once(Ok(())).chain(refused.map(Err)).collect()),
        Done::QueueConfigured,
    ]
}

pub(crate) fn rejected() -> Vec<Rejection> {
    vec![Rejection::Jobs(Refusal::Deadline)]
}
