//! `exchequer bench directives`: how long emergencies wait for their dispatch while a bulk runs.
//!
//! The workers are tasks of the leader (`EXCHEQUER_PRETEND_WORKERS`) which speak the workers' protocol, or its processes where
//! there is memory for them. Waits are read from the directives' own records: from the entry that sent one to the entry that
//! dispatched it, in replicated time, to the millisecond.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use exchequer_api::dto;
use exchequer_domain::{Code, Problem, Timestamp, WorkerId, WorkerKind};
use exchequer_state::directives::{DirectiveAction, DirectiveId, Priority, Target};
use exchequer_state::workers::Desired;
use exchequer_state::{AddWorkers, Body, Done, NewDirective, RemoveWorkers, SendDirectives, SetWorkers};

use super::way::Way;
use super::{Durations, cluster, fresh};
use crate::cli::{BenchMode, Client, DirectivesBenchArgs, DirectivesBenchReport};

/// Directives sent with one command.
const SENT_AT_ONCE: usize = 500;
/// Between two looks at what is still open.
const LOOK: Duration = Duration::from_millis(50);

/// Loads a running sandbox cluster with directives.
///
/// # Errors
/// The cluster cannot be reached, or directives do not end.
pub async fn directives(args: &DirectivesBenchArgs) -> Result<DirectivesBenchReport, Problem> {
    let target = cluster::find(&args.client).await?;
    let (client, way) = (Client::open(&args.client)?, Way::new(BenchMode::Unary, &target, 0)?);
    let workers = add_workers(&way, args.workers).await?;
    all_are(&client, &workers, "running", args.patience).await?;

    let began = Instant::now();
    let (mut bulk, mut left) = (Vec::new(), args.directives as usize);
    while left > 0 {
        let some = left.min(SENT_AT_ONCE);
        let next = (bulk.len()..bulk.len() + some).map(|number| wish(&workers, number, Priority::Bulk, args.takes));
        bulk.extend(send(&way, next.collect()).await?);
        left -= some;
    }
    let sent = began.elapsed();

    let mut answered = Durations::new();
    let mut emergencies = Vec::with_capacity(args.emergencies as usize);
    for number in 0..args.emergencies as usize {
        let asked = Instant::now();
        // Steps that share no factor with the number of workers meet all of them.
        emergencies.extend(send(&way, vec![wish(&workers, number * 7, Priority::Emergency, args.takes)]).await?);
        answered.record(asked.elapsed());
        tokio::time::sleep(args.every).await;
    }
    let still_open = open(&client).await?;
    while open(&client).await? > 0 {
        if began.elapsed() > args.patience {
            return Err(Problem::new(Code::Unreachable, "the directives did not end in the time that was allowed")
                .hint("the nodes need EXCHEQUER_PRETEND_WORKERS=1, or memory for as many processes"));
        }
        tokio::time::sleep(LOOK).await;
    }
    let took = began.elapsed();
    let emergency = waits(&client, &emergencies).await?;
    // A few hundred of the bulk tell its median.
    let some: Vec<DirectiveId> = bulk.iter().copied().step_by((bulk.len() / 200).max(1)).collect();
    let bulk_wait = waits(&client, &some).await?;
    set_workers(&way, &workers, Desired::Stopped).await?;
    all_are(&client, &workers, "stopped", args.patience).await?;
    let remove = RemoveWorkers { workers, reason: "bench".to_owned() };
    way.does(Body::RemoveWorkers(remove)).await?;
    let us = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Ok(DirectivesBenchReport {
        directives: args.directives,
        workers: args.workers,
        emergencies: args.emergencies,
        sent_us: us(sent),
        took_us: us(took),
        bulk_open_after_emergencies: still_open,
        emergency: emergency.distribution().into(),
        answer: answered.distribution().into(),
        bulk: bulk_wait.distribution().into(),
    })
}

/// Enters workers, which are started; their numbers are not those of real ones.
async fn add_workers(way: &Way, count: u32) -> Result<Vec<WorkerId>, Problem> {
    let from = 1_000 + u16::from_le_bytes([fresh()?[0], fresh()?[1]]) % 50_000;
    let instances = (from..).take(count as usize);
    let workers: Vec<WorkerId> =
        instances.map(|instance| WorkerId { kind: WorkerKind::Selftest, network: None, instance }).collect();
    let add = AddWorkers { workers: workers.clone(), desired: Desired::Running, reason: "bench".to_owned() };
    way.does(Body::AddWorkers(add)).await?;
    Ok(workers)
}

async fn set_workers(way: &Way, workers: &[WorkerId], desired: Desired) -> Result<(), Problem> {
    let set = SetWorkers { workers: workers.to_vec(), desired, reason: "bench".to_owned() };
    way.does(Body::SetWorkers(set)).await.map(drop)
}

/// Waits until all of them are in this state.
async fn all_are(client: &Client, workers: &[WorkerId], state: &str, patience: Duration) -> Result<(), Problem> {
    let names: BTreeSet<String> = workers.iter().map(ToString::to_string).collect();
    let began = Instant::now();
    loop {
        let list: dto::Workers = client.get(&["workers"], &[]).await?;
        let there =
            list.workers.iter().filter(|worker| names.contains(&worker.worker) && worker.state == state).count();
        if there == names.len() {
            return Ok(());
        }
        if began.elapsed() > patience {
            let what = format!("{there} of {} workers are {state} in the time that was allowed", names.len());
            return Err(Problem::new(Code::Unreachable, what).hint("the nodes need EXCHEQUER_PRETEND_WORKERS=1"));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn wish(workers: &[WorkerId], number: usize, priority: Priority, takes: Duration) -> NewDirective {
    let payload = format!("{}ms", takes.as_millis()).into_bytes();
    let target = workers.get(number % workers.len().max(1)).map_or(Target::System, |worker| Target::Worker(*worker));
    NewDirective {
        key: None,
        priority,
        target,
        action: DirectiveAction::Custom { name: "sleep".to_owned(), payload, idempotent: true },
        not_before: None,
        deadline: None,
        max_attempts: 1,
        needs_approval: false,
    }
}

async fn send(way: &Way, directives: Vec<NewDirective>) -> Result<Vec<DirectiveId>, Problem> {
    let command = SendDirectives { directives, reason: "bench".to_owned() };
    match way.does(Body::SendDirectives(command)).await? {
        Done::DirectivesSent(sent) => Ok(sent.iter().map(|sent| sent.directive).collect()),
        _ => Err(Problem::new(Code::Internal, "the directives have no outcome")),
    }
}

/// How many directives are open, up to a page.
async fn open(client: &Client) -> Result<u64, Problem> {
    let page: dto::Directives = client.get(&["directives"], &[("limit", "200".to_owned())]).await?;
    Ok(page.directives.len() as u64)
}

/// From being sent to being dispatched.
async fn waits(client: &Client, directives: &[DirectiveId]) -> Result<Durations, Problem> {
    let mut waits = Durations::new();
    for id in directives {
        let one: dto::Directive = client.get(&["directives", &id.to_string()], &[]).await?;
        let dispatched = one.dispatched_at.as_deref().and_then(Timestamp::parse);
        match (Timestamp::parse(&one.issued_at), dispatched) {
            (Some(issued), Some(dispatched)) => waits.record(dispatched.since(issued)),
            _ => return Err(Problem::new(Code::Internal, format!("directive {id} was not dispatched"))),
        }
    }
    Ok(waits)
}
