//! Jobs and their queues.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::records::Each;
use super::shapes::{CommandIdText, Moment, QueueNameText, Reason, Span};

/// One job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// Its number.
    pub job: u64,
    /// Its queue.
    #[schemars(with = "QueueNameText")]
    pub queue: String,
    /// What tells it from others of its queue while it is open.
    pub key: Option<String>,
    /// 0 to 9; 0 is first.
    pub priority: u8,
    /// `available`, `scheduled`, `executing`, `retryable`, `completed`, `discarded` or `cancelled`.
    pub state: String,
    /// In this state since.
    #[schemars(with = "Moment")]
    pub since: String,
    /// Who has it, while it is executing.
    pub lease: Option<JobLease>,
    /// Leases so far.
    pub attempt: u32,
    /// Attempts that failed.
    pub failed: u32,
    /// How often whoever had it put it off.
    pub snoozes: u32,
    /// So many failures discard it.
    pub max_attempts: u32,
    /// It is not taken before.
    #[schemars(with = "Moment")]
    pub not_before: String,
    /// It is not begun after.
    #[schemars(with = "Option<Moment>")]
    pub deadline: Option<String>,
    /// How far the present attempt is.
    pub progress_permille: u16,
    /// What is to be done; bytes that are no text are replaced.
    pub payload: String,
    /// What came out, in the same way.
    pub result: String,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Who wanted it.
    pub by: String,
    /// When.
    #[schemars(with = "Moment")]
    pub enqueued_at: String,
}

/// Who has a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobLease {
    /// The worker.
    pub worker: String,
    /// The leadership under which it was taken.
    pub epoch: u64,
    /// The lease's end.
    #[schemars(with = "Moment")]
    pub until: String,
}

/// `GET /v1/jobs` and `GET /v1/jobs/history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Jobs {
    /// The latest first.
    pub jobs: Vec<Job>,
    /// What to give as `before` for the next page; none at the end.
    pub next_before: Option<u64>,
}

/// `POST /v1/jobs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnqueueJob {
    /// Its queue, which is made where there is none.
    #[schemars(with = "QueueNameText")]
    pub queue: String,
    /// Where an open job of the queue has this key, it is that one.
    #[schemars(length(min = 1, max = 64))]
    pub key: Option<String>,
    /// 0 to 9; 5 where nothing is said.
    #[schemars(range(max = 9))]
    pub priority: Option<u8>,
    /// What is to be done, in the words of the worker.
    #[schemars(length(max = 4096))]
    pub payload: Option<String>,
    /// It is not taken before.
    #[schemars(with = "Option<Moment>")]
    pub not_before: Option<String>,
    /// It is not begun after.
    #[schemars(with = "Option<Moment>")]
    pub deadline: Option<String>,
    /// So many failures discard it; 5 where nothing is said.
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts: Option<u32>,
    /// How long it waits after the first failure; `1s` where nothing is said. Doubles with each.
    #[schemars(with = "Option<Span>")]
    pub backoff: Option<String>,
    /// How long it waits at most; `1h` where nothing is said.
    #[schemars(with = "Option<Span>")]
    pub backoff_max: Option<String>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// A job that was to be entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobEnqueued {
    /// Its number.
    pub job: u64,
    /// False where an open job of the queue with its key was there already.
    pub new: bool,
}

/// The answer to [`EnqueueJob`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobsEnqueued {
    /// One for each.
    pub jobs: Vec<JobEnqueued>,
    /// The log entry.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `POST /v1/jobs/cancel` and `POST /v1/jobs/retry`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeJobs {
    /// Their numbers.
    #[schemars(length(min = 1, max = 1000))]
    pub jobs: Vec<u64>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`ChangeJobs`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobsChanged {
    /// One for each, in their order.
    pub outcomes: Vec<Each>,
    /// The log entry.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Queue {
    /// Its name.
    #[schemars(with = "QueueNameText")]
    pub queue: String,
    /// Whether nothing is taken from it at present.
    pub paused: bool,
    /// How fast jobs may be taken; as fast as there are workers where there is none.
    pub rate: Option<QueueRate>,
    /// Jobs that may be taken.
    pub available: u32,
    /// Jobs that wait for their time, or for the next attempt.
    pub waiting: u32,
    /// Jobs that workers have.
    pub executing: u32,
    /// Jobs in the dead letter.
    pub dead: u32,
    /// How long the oldest of those that may be taken could have been.
    pub oldest_ms: u64,
    /// Jobs that were entered, since the queue exists.
    pub enqueued: u64,
    /// Jobs that are done.
    pub completed: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Times that a job came into the dead letter.
    pub discarded: u64,
    /// Jobs that someone ended.
    pub cancelled: u64,
}

/// How fast jobs of a queue may be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueueRate {
    /// In the long run.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub per_second: u32,
    /// At once, after a pause.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub burst: u32,
}

/// `GET /v1/queues`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Queues {
    /// By name.
    pub queues: Vec<Queue>,
}

/// `PATCH /v1/queues/{queue}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigureQueue {
    /// Whether nothing is taken from it; as it is where nothing is said.
    pub paused: Option<bool>,
    /// Its rate; as it is where nothing is said.
    pub rate: Option<QueueRate>,
    /// Takes the rate away; does not go with `rate`.
    pub no_rate: Option<bool>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`ConfigureQueue`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueueConfigured {
    /// Which.
    #[schemars(with = "QueueNameText")]
    pub queue: String,
    /// The log entry.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}
