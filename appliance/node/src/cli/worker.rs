//! `exchequer worker`: what the registry knows of workers, and what is wanted of them.

use exchequer_api::dto::{
    AddWorkers, ControlWorker, ScaleWorkers, Worker, WorkerDiagnosis, WorkerFleets, Workers, WorkersChanged,
    WorkersScaled,
};
use reqwest::Method;

use super::args::{ClientArgs, ConsentArgs};
use super::client::{Client, consistency};
use super::command::send;
use super::confirm::{self, Question};
use super::exit::{Exit, Stop};
use super::output::{NOTHING, Printer, columns, fields, or_nothing, text_or_nothing};
use super::worker_args::{
    AddWorkerArgs, ControlWorkerArgs, ListWorkersArgs, RiskyWorkerArgs, ScaleWorkersArgs, SelectorArgs, WorkerVerb,
};
use super::{worker_bulk, worker_config, worker_logs};

impl WorkerVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            WorkerVerb::List(args) => &args.client,
            WorkerVerb::Show(args) | WorkerVerb::Diagnose(args) => &args.client,
            WorkerVerb::Add(args) => &args.client,
            WorkerVerb::Start(args) | WorkerVerb::Restart(args) => &args.client,
            WorkerVerb::Stop(args) | WorkerVerb::Remove(args) => &args.control.client,
            WorkerVerb::Fleets(args) => &args.client,
            WorkerVerb::Scale(args) => &args.client,
            WorkerVerb::Bulk { verb } => verb.client(),
            WorkerVerb::Binary { verb } => verb.client(),
            WorkerVerb::Logs(args) => &args.client,
            WorkerVerb::Config(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &WorkerVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        WorkerVerb::List(args) => list(&client, args, printer).await?,
        WorkerVerb::Show(args) => {
            let worker: Worker = client.get(&["workers", &args.worker], &consistency(args.stale)).await?;
            printer.answer(&worker, one_text)?;
        }
        WorkerVerb::Diagnose(args) => {
            let path = ["workers", &args.worker, "diagnosis"];
            let found: WorkerDiagnosis = client.get(&path, &consistency(args.stale)).await?;
            printer.answer(&found, diagnosis_text)?;
            return Ok(if found.verdict == "good" { Exit::Good } else { Exit::Degraded });
        }
        WorkerVerb::Add(args) => add(&client, args, printer).await?,
        WorkerVerb::Start(args) => control(&client, args, "start", printer).await?,
        WorkerVerb::Restart(args) => control(&client, args, "restart", printer).await?,
        WorkerVerb::Stop(args) => {
            let consequence =
                format!("{} finishes what it has begun, takes nothing new, and ends.", args.control.worker);
            risky(&client, args, "stop", &consequence, printer).await?;
        }
        WorkerVerb::Remove(args) => {
            let consequence = format!("The registry forgets {} with its errors.", args.control.worker);
            risky(&client, args, "remove", &consequence, printer).await?;
        }
        WorkerVerb::Fleets(args) => {
            let fleets: WorkerFleets = client.get(&["workers", "fleets"], &consistency(args.stale)).await?;
            printer.answer(&fleets, fleets_text)?;
        }
        WorkerVerb::Scale(args) => scale(&client, args, printer).await?,
        WorkerVerb::Bulk { verb } => worker_bulk::bulk(&client, verb, printer).await?,
        WorkerVerb::Binary { verb } => worker_bulk::binary(&client, verb, printer).await?,
        WorkerVerb::Logs(args) => worker_logs::run(client, args, printer).await?,
        WorkerVerb::Config(args) => worker_config::run(&client, args, printer).await?,
    }
    Ok(Exit::Good)
}

/// What a selector adds to a query.
pub(super) fn selected(args: &SelectorArgs) -> Vec<(&'static str, String)> {
    let parts = [("kind", &args.kind), ("network", &args.network), ("state", &args.state)];
    parts.into_iter().filter_map(|(name, value)| value.clone().map(|value| (name, value))).collect()
}

/// Asks before what interrupts work, unless consent was given.
pub(super) fn consent(
    args: ConsentArgs,
    verb: &str,
    question: &Question<'_>,
    printer: &mut Printer,
) -> Result<(), Stop> {
    if args.yes {
        return Ok(());
    }
    if !printer.can_ask() {
        return Err(confirm::nobody_to_ask(verb).into());
    }
    confirm::ask(printer, question)
}

async fn list(client: &Client, args: &ListWorkersArgs, printer: &mut Printer) -> Result<(), Stop> {
    let mut query = consistency(args.stale);
    query.extend(selected(&args.selector));
    let workers: Workers = client.get(&["workers"], &query).await?;
    printer.answer(&workers, list_text)
}

async fn add(client: &Client, args: &AddWorkerArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = AddWorkers {
        workers: args.workers.clone(),
        desired: Some(if args.start { "running" } else { "stopped" }.to_owned()),
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let done: WorkersChanged = send(client, Method::POST, &["workers"], &body, id).await?;
    printer.answer(&done, |done| format!("Added {} workers", done.changed))
}

async fn risky(
    client: &Client,
    args: &RiskyWorkerArgs,
    verb: &'static str,
    consequence: &str,
    printer: &mut Printer,
) -> Result<(), Stop> {
    let question = Question { consequence, phrase: &args.control.worker, phrase_is: "its name" };
    consent(args.consent, &format!("worker {verb}"), &question, printer)?;
    control(client, &args.control, verb, printer).await
}

async fn control(
    client: &Client,
    args: &ControlWorkerArgs,
    verb: &'static str,
    printer: &mut Printer,
) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = ControlWorker { reason: args.reason.reason.clone(), command_id: Some(id.to_string()) };
    let done: WorkersChanged = send(client, Method::POST, &["workers", &args.worker, verb], &body, id).await?;
    printer.answer(&done, |done| {
        let worker = &args.worker;
        match (done.changed, verb) {
            (0, _) => format!("{worker} is as asked already"),
            (_, "start") => format!("{worker} is to run"),
            (_, "stop") => format!("{worker} is to stop"),
            (_, "restart") => format!("{worker} is to restart"),
            (_, _) => format!("Removed {worker}"),
        }
    })
}

async fn scale(client: &Client, args: &ScaleWorkersArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = ScaleWorkers {
        kind: args.kind.clone(),
        network: args.network.clone(),
        min: args.min,
        max: args.max.unwrap_or(args.min),
        queue_age_target: args.queue_age_target.map(exchequer_domain::format_duration),
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let done: WorkersScaled = send(client, Method::PUT, &["workers", "fleets"], &body, id).await?;
    printer.answer(&done, |done| format!("{} workers were to run, and {} are now", done.from, done.to))
}

pub(super) fn list_text(all: &Workers) -> String {
    let rows = all.workers.iter().map(|worker| {
        let summary = worker.summary.as_ref();
        [
            worker.worker.clone(),
            worker.desired.clone(),
            worker.state.clone(),
            worker.since.clone(),
            text_or_nothing(&worker.version),
            or_nothing(summary.map(|summary| summary.cpu_permille)),
            or_nothing(summary.map(|summary| summary.memory_bytes)),
            or_nothing(summary.map(|summary| summary.queue_depth)),
            or_nothing(summary.map(|summary| summary.done_per_minute)),
            worker.errors.iter().map(|group| group.count).sum::<u64>().to_string(),
        ]
    });
    let headings = [
        "WORKER",
        "DESIRED",
        "STATE",
        "SINCE",
        "VERSION",
        "CPU-PERMILLE",
        "MEMORY-BYTES",
        "QUEUE",
        "DONE-PER-MINUTE",
        "ERRORS",
    ];
    let table = columns(headings, rows);
    if all.versions.len() < 2 {
        return table;
    }
    let versions = all.versions.iter().map(|one| format!("{} of {}", one.workers, one.version));
    format!("{table}\n\nMixed versions: {}", versions.collect::<Vec<_>>().join(", "))
}

pub(super) fn one_text(worker: &Worker) -> String {
    let state = match &worker.why {
        Some(why) => format!("{} since {}: {why}", worker.state, worker.since),
        None => format!("{} since {}", worker.state, worker.since),
    };
    let mut rows = vec![
        ("Worker", worker.worker.clone()),
        ("Desired", worker.desired.clone()),
        ("State", state),
        ("Program", worker.binary.clone().unwrap_or_else(|| "the node's own".to_owned())),
        ("Version", text_or_nothing(&worker.version)),
        ("Program's hash", or_nothing(worker.binary_hash.clone())),
        ("Process", or_nothing(worker.pid)),
        ("Generation", format!("{} (runs {})", worker.generation, worker.started_generation)),
        ("Started", or_nothing(worker.started_at.clone())),
        ("Ended", or_nothing(worker.ended.clone())),
        ("Settings' revision", worker.settings_revision.to_string()),
        ("Crashes lately", worker.crashes.to_string()),
        ("Not started before", worker.next_start.clone()),
    ];
    if let Some(summary) = &worker.summary {
        rows.extend([
            ("Heartbeat", summary.heartbeat.clone()),
            ("CPU", format!("{} permille of a core", summary.cpu_permille)),
            ("Memory", format!("{} bytes", summary.memory_bytes)),
            ("Queue", format!("{} jobs, the oldest waits {}", summary.queue_depth, summary.queue_age)),
            ("Done", format!("{} a minute, {} permille succeed", summary.done_per_minute, summary.success_permille)),
        ]);
    }
    let errors = worker.errors.iter().map(|group| {
        [group.last.clone(), group.count.to_string(), group.fingerprint.clone(), text_or_nothing(&group.message)]
    });
    let errors = columns(["LAST", "COUNT", "FINGERPRINT", "ERROR"], errors);
    if worker.errors.is_empty() { fields(rows) } else { format!("{}\n\n{errors}", fields(rows)) }
}

pub(super) fn diagnosis_text(found: &WorkerDiagnosis) -> String {
    let rows = found.checks.iter().map(|check| [check.name.clone(), check.verdict.clone(), check.detail.clone()]);
    let checks = columns(["CHECK", "VERDICT", "DETAIL"], rows);
    let next = if found.next_step.is_empty() { NOTHING } else { &found.next_step };
    let verdict =
        fields([("Verdict", format!("{}: {}", found.verdict, found.finding)), ("Next step", next.to_owned())]);
    format!("{checks}\n\n{verdict}")
}

pub(super) fn fleets_text(all: &WorkerFleets) -> String {
    let rows = all.fleets.iter().map(|fleet| {
        [
            fleet.kind.clone(),
            or_nothing(fleet.network.clone()),
            fleet.workers.to_string(),
            fleet.wanted.to_string(),
            or_nothing(fleet.min),
            or_nothing(fleet.max),
            or_nothing(fleet.queue_age_target.clone()),
            fleet.queue_age.clone(),
            fleet.queue_depth.to_string(),
            or_nothing(fleet.binary.clone()),
        ]
    });
    columns(["KIND", "NETWORK", "WORKERS", "WANTED", "MIN", "MAX", "TARGET", "QUEUE-AGE", "QUEUE", "PROGRAM"], rows)
}
