//! `exchequer job list|show|enqueue|cancel|retry`, and `exchequer job queue list|pause|resume|limit`.

use clap::{Args, Subcommand};
use exchequer_api::dto::{
    ChangeJobs, ConfigureQueue, EnqueueJob, Job, Jobs, JobsChanged, JobsEnqueued, QueueConfigured, QueueRate, Queues,
};
use reqwest::Method;

use super::args::{ClientArgs, ReasonArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::exit::{Exit, Stop};
use super::output::{NOTHING, Printer, columns, fields, or_nothing, text_or_nothing};

/// `exchequer job`.
#[derive(Debug, Clone, Subcommand)]
pub enum JobVerb {
    /// List jobs, the latest first
    #[command(after_help = "Example:\n  exchequer job list --queue selftest --state discarded\n  \
        exchequer job list --over")]
    List(ListJobsArgs),
    /// Show one job, open or over
    #[command(after_help = "Example:\n  exchequer job show 17")]
    Show(ShowJobArgs),
    /// Enter a job into a queue
    ///
    /// Where an open job of the queue has the key already, it is that one.
    #[command(after_help = "Example:\n  exchequer job enqueue selftest --payload sleep:100 --reason 'OPS-501: a try'")]
    Enqueue(EnqueueArgs),
    /// End jobs that are not done yet
    ///
    /// Of one that a worker has, nothing is heard any more; what it did outside stays done.
    #[command(after_help = "Example:\n  exchequer job cancel 17 18 --reason 'OPS-502: entered twice'")]
    Cancel(ChangeJobsArgs),
    /// Let jobs of the dead letter begin anew, and such that wait begin at once
    #[command(after_help = "Example:\n  exchequer job retry 17 --reason 'OPS-503: the node is back'")]
    Retry(ChangeJobsArgs),
    /// See, pause and limit the queues
    #[command(after_help = "Example:\n  exchequer job queue list")]
    Queue {
        /// What to do.
        #[command(subcommand)]
        verb: QueueVerb,
    },
}

/// `exchequer job queue`.
#[derive(Debug, Clone, Subcommand)]
pub enum QueueVerb {
    /// List the queues, with how much is in them
    #[command(after_help = "Example:\n  exchequer job queue list")]
    List(ListQueuesArgs),
    /// Let nothing be taken from a queue
    ///
    /// What workers have already they finish.
    #[command(after_help = "Example:\n  exchequer job queue pause selftest --reason 'OPS-504: too many'")]
    Pause(QueueArgs),
    /// Let a paused queue go on
    #[command(after_help = "Example:\n  exchequer job queue resume selftest --reason 'OPS-504: over'")]
    Resume(QueueArgs),
    /// Limit how fast jobs are taken from a queue, or take the limit away
    #[command(
        after_help = "Example:\n  exchequer job queue limit selftest --per-second 10 --burst 20 --reason 'OPS-505'\n  \
        exchequer job queue limit selftest --off --reason 'OPS-505: over'"
    )]
    Limit(LimitArgs),
}

/// `exchequer job list`.
#[derive(Debug, Clone, Args)]
pub struct ListJobsArgs {
    /// Only of this queue
    #[arg(long, value_name = "QUEUE", conflicts_with = "over")]
    pub queue: Option<String>,
    /// Only in this state: available, scheduled, executing, retryable or discarded
    #[arg(long, value_name = "STATE", conflicts_with = "over")]
    pub state: Option<String>,
    /// Jobs that are over, instead of open ones and the dead letter
    #[arg(long)]
    pub over: bool,
    /// Only numbers below this one
    #[arg(long, value_name = "NUMBER")]
    pub before: Option<u64>,
    /// Jobs to list at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    pub limit: u16,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer job show`.
#[derive(Debug, Clone, Args)]
pub struct ShowJobArgs {
    /// The job's number
    #[arg(value_name = "JOB")]
    pub job: u64,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer job enqueue`.
#[derive(Debug, Clone, Args)]
pub struct EnqueueArgs {
    /// The queue, which is made where there is none
    #[arg(value_name = "QUEUE")]
    pub queue: String,
    /// What is to be done, in the words of the worker
    #[arg(long, value_name = "TEXT")]
    pub payload: Option<String>,
    /// What tells it from other open jobs of the queue
    #[arg(long, value_name = "TEXT")]
    pub key: Option<String>,
    /// 0 to 9; 0 is first
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub priority: u8,
    /// Not before this moment, such as 2026-11-23T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub not_before: Option<String>,
    /// Not to be begun after this moment
    #[arg(long, value_name = "TIME")]
    pub deadline: Option<String>,
    /// Failures after which it is discarded
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub max_attempts: u32,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer job cancel|retry`.
#[derive(Debug, Clone, Args)]
pub struct ChangeJobsArgs {
    /// The jobs' numbers
    #[arg(value_name = "JOB", required = true)]
    pub jobs: Vec<u64>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer job queue list`.
#[derive(Debug, Clone, Args)]
pub struct ListQueuesArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer job queue pause|resume`.
#[derive(Debug, Clone, Args)]
pub struct QueueArgs {
    /// The queue
    #[arg(value_name = "QUEUE")]
    pub queue: String,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer job queue limit`.
#[derive(Debug, Clone, Args)]
pub struct LimitArgs {
    /// Jobs a second, in the long run
    #[arg(long, value_name = "N", required_unless_present = "off")]
    pub per_second: Option<u32>,
    /// Jobs at once after a pause [default: as many as a second]
    #[arg(long, value_name = "N", requires = "per_second")]
    pub burst: Option<u32>,
    /// Take the limit away
    #[arg(long, conflicts_with = "per_second")]
    pub off: bool,
    /// The queue, and why.
    #[command(flatten)]
    pub of: QueueArgs,
}

impl JobVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            JobVerb::List(args) => &args.client,
            JobVerb::Show(args) => &args.client,
            JobVerb::Enqueue(args) => &args.client,
            JobVerb::Cancel(args) | JobVerb::Retry(args) => &args.client,
            JobVerb::Queue { verb } => match verb {
                QueueVerb::List(args) => &args.client,
                QueueVerb::Pause(args) | QueueVerb::Resume(args) => &args.client,
                QueueVerb::Limit(args) => &args.of.client,
            },
        }
    }
}

pub(super) async fn run(verb: &JobVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        JobVerb::List(args) => list(&client, args, printer).await?,
        JobVerb::Show(args) => {
            let job: Job = client.get(&["jobs", &args.job.to_string()], &consistency(args.stale)).await?;
            printer.answer(&job, one_text)?;
        }
        JobVerb::Enqueue(args) => enqueue(&client, args, printer).await?,
        JobVerb::Cancel(args) => return change(&client, "cancel", args, printer).await,
        JobVerb::Retry(args) => return change(&client, "retry", args, printer).await,
        JobVerb::Queue { verb } => queue(&client, verb, printer).await?,
    }
    Ok(Exit::Good)
}

async fn list(client: &Client, args: &ListJobsArgs, printer: &mut Printer) -> Result<(), Stop> {
    let mut query = consistency(args.stale);
    query.push(("limit", args.limit.to_string()));
    query.extend(args.before.map(|before| ("before", before.to_string())));
    query.extend(args.queue.clone().map(|queue| ("queue", queue)));
    query.extend(args.state.clone().map(|state| ("state", state)));
    let path: &[&str] = if args.over { &["jobs", "history"] } else { &["jobs"] };
    let jobs: Jobs = client.get(path, &query).await?;
    printer.answer(&jobs, list_text)?;
    match jobs.next_before {
        Some(before) => printer.note(&format!("\nThere may be more: --before {before}")),
        None => Ok(()),
    }
}

async fn enqueue(client: &Client, args: &EnqueueArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = EnqueueJob {
        queue: args.queue.clone(),
        key: args.key.clone(),
        priority: Some(args.priority),
        payload: args.payload.clone(),
        not_before: args.not_before.clone(),
        deadline: args.deadline.clone(),
        max_attempts: Some(args.max_attempts),
        backoff: None,
        backoff_max: None,
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let done: JobsEnqueued = send(client, Method::POST, &["jobs"], &body, id).await?;
    printer.answer(&done, |done| {
        let text = |job: &exchequer_api::dto::JobEnqueued| match job.new {
            true => format!("Entered job {}", job.job),
            false => format!("Job {} is open under this key already", job.job),
        };
        done.jobs.iter().map(text).collect::<Vec<_>>().join("\n")
    })
}

async fn change(client: &Client, what: &str, args: &ChangeJobsArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let id = args.command.id()?;
    let (reason, command_id) = (args.reason.reason.clone(), Some(id.to_string()));
    let body = ChangeJobs { jobs: args.jobs.clone(), reason, command_id };
    let done: JobsChanged = send(client, Method::POST, &["jobs", what], &body, id).await?;
    let errors = done.outcomes.iter().map(|each| each.error.as_ref().map(ToString::to_string));
    let rows: Vec<[String; 2]> = args
        .jobs
        .iter()
        .zip(errors)
        .map(|(job, error)| [job.to_string(), error.unwrap_or_else(|| "done".into())])
        .collect();
    printer.answer(&done, |_| columns(["JOB", "OUTCOME"], rows))?;
    Ok(if done.outcomes.iter().all(|each| each.error.is_none()) { Exit::Good } else { Exit::Failed })
}

async fn queue(client: &Client, verb: &QueueVerb, printer: &mut Printer) -> Result<(), Stop> {
    let body = |args: &QueueArgs, id: exchequer_domain::CommandId| ConfigureQueue {
        paused: None,
        rate: None,
        no_rate: None,
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let (args, id, body) = match verb {
        QueueVerb::List(args) => {
            let queues: Queues = client.get(&["queues"], &consistency(args.stale)).await?;
            return printer.answer(&queues, queues_text);
        }
        QueueVerb::Pause(args) => {
            let id = args.command.id()?;
            (args, id, ConfigureQueue { paused: Some(true), ..body(args, id) })
        }
        QueueVerb::Resume(args) => {
            let id = args.command.id()?;
            (args, id, ConfigureQueue { paused: Some(false), ..body(args, id) })
        }
        QueueVerb::Limit(limit) => {
            let id = limit.of.command.id()?;
            let rate = |per_second| QueueRate { per_second, burst: limit.burst.unwrap_or(per_second) };
            let (rate, no_rate) = (limit.per_second.map(rate), limit.off.then_some(true));
            (&limit.of, id, ConfigureQueue { rate, no_rate, ..body(&limit.of, id) })
        }
    };
    let done: QueueConfigured = send(client, Method::PATCH, &["queues", &args.queue], &body, id).await?;
    printer.answer(&done, |done| format!("Queue {} is as asked", done.queue))
}

pub(super) fn list_text(jobs: &Jobs) -> String {
    let rows = jobs.jobs.iter().map(|job| {
        [
            job.job.to_string(),
            job.queue.clone(),
            job.priority.to_string(),
            job.state.clone(),
            format!("{}/{}", job.failed, job.max_attempts),
            job.lease.as_ref().map_or(NOTHING.to_owned(), |lease| lease.worker.clone()),
            job.since.clone(),
            or_nothing(job.key.as_ref()),
        ]
    });
    columns(["JOB", "QUEUE", "PRIORITY", "STATE", "FAILED", "WORKER", "SINCE", "KEY"], rows)
}

pub(super) fn one_text(job: &Job) -> String {
    let lease = job.lease.as_ref().map(|lease| format!("{} until {}", lease.worker, lease.until));
    fields([
        ("Job", job.job.to_string()),
        ("Queue", job.queue.clone()),
        ("Key", or_nothing(job.key.as_ref())),
        ("Priority", job.priority.to_string()),
        ("State", format!("{} since {}", job.state, job.since)),
        ("Lease", or_nothing(lease)),
        (
            "Attempts",
            format!("{}, {} of {} failed, {} put off", job.attempt, job.failed, job.max_attempts, job.snoozes),
        ),
        ("Progress", format!("{} of 1000", job.progress_permille)),
        ("Not before", job.not_before.clone()),
        ("Deadline", or_nothing(job.deadline.as_ref())),
        ("Payload", text_or_nothing(&job.payload)),
        ("Result", text_or_nothing(&job.result)),
        ("Error", or_nothing(job.error.as_ref())),
        ("Entered", format!("{} by {}", job.enqueued_at, job.by)),
    ])
}

pub(super) fn queues_text(queues: &Queues) -> String {
    let rows = queues.queues.iter().map(|queue| {
        let rate = queue.rate.as_ref().map(|rate| format!("{}/s+{}", rate.per_second, rate.burst));
        [
            queue.queue.clone(),
            if queue.paused { "paused" } else { "flows" }.to_owned(),
            or_nothing(rate),
            queue.available.to_string(),
            format!("{}ms", queue.oldest_ms),
            queue.waiting.to_string(),
            queue.executing.to_string(),
            queue.dead.to_string(),
            queue.completed.to_string(),
        ]
    });
    columns(["QUEUE", "STATE", "RATE", "AVAILABLE", "OLDEST", "WAITING", "EXECUTING", "DEAD", "COMPLETED"], rows)
}
