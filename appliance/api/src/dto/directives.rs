//! Directives: what is asked of workers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::records::Each;
use super::shapes::{CommandIdText, Moment, Reason, TargetText};

/// One directive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Directive {
    /// Its number.
    pub directive: u64,
    /// The name that its sender gave it.
    pub key: Option<String>,
    /// `emergency`, `safety`, `money`, `normal` or `bulk`.
    pub priority: String,
    /// Whom it is for.
    #[schemars(with = "TargetText")]
    pub target: String,
    /// `start`, `stop`, `restart`, or what the worker knows it by.
    pub action: String,
    /// What belongs to it; bytes that are no text are replaced.
    pub payload: String,
    /// Whether doing it twice does no harm.
    pub idempotent: bool,
    /// `pending-approval`, `queued`, `dispatched`, `acked`, `running`, `succeeded`, `failed`, `expired`, `cancelled`,
    /// `superseded` or `needs-review`.
    pub state: String,
    /// In this state since.
    #[schemars(with = "Moment")]
    pub since: String,
    /// The stop that made it pointless.
    pub superseded_by: Option<u64>,
    /// Dispatches so far.
    pub attempt: u32,
    /// When it was dispatched last.
    #[schemars(with = "Option<Moment>")]
    pub dispatched_at: Option<String>,
    /// Attempts that failed.
    pub failed: u32,
    /// So many failed attempts end it.
    pub max_attempts: u32,
    /// It is not dispatched before.
    #[schemars(with = "Moment")]
    pub not_before: String,
    /// It is not dispatched after.
    #[schemars(with = "Option<Moment>")]
    pub deadline: Option<String>,
    /// What came out; bytes that are no text are replaced.
    pub result: String,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// Who asked.
    pub by: String,
    /// When.
    #[schemars(with = "Moment")]
    pub issued_at: String,
    /// Why.
    pub reason: String,
}

/// `GET /v1/directives` and `GET /v1/directives/history`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Directives {
    /// The latest first.
    pub directives: Vec<Directive>,
    /// What to give as `before` for the next page; none at the end.
    pub next_before: Option<u64>,
}

/// `POST /v1/directives`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendDirective {
    /// Whom it is for.
    #[schemars(with = "TargetText")]
    pub target: String,
    /// `start`, `stop`, `restart`, or what the worker knows it by.
    #[schemars(regex(pattern = "^[a-z0-9._-]{1,64}$"))]
    pub action: String,
    /// What belongs to an action of the worker's own.
    #[schemars(length(max = 4096))]
    pub payload: Option<String>,
    /// Whether doing it twice does no harm; where nothing is said, it does.
    pub idempotent: Option<bool>,
    /// `emergency`, `safety`, `money`, `normal` or `bulk`; `normal` where nothing is said.
    #[schemars(regex(pattern = "^(emergency|safety|money|normal|bulk)$"))]
    pub priority: Option<String>,
    /// The same key leads to the same directive, for ever.
    #[schemars(length(min = 1, max = 64))]
    pub key: Option<String>,
    /// It is not dispatched before.
    #[schemars(with = "Option<Moment>")]
    pub not_before: Option<String>,
    /// It is not dispatched after.
    #[schemars(with = "Option<Moment>")]
    pub deadline: Option<String>,
    /// So many failed attempts end it; 3 where nothing is said.
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts: Option<u32>,
    /// Whether it waits until others have agreed.
    pub needs_approval: Option<bool>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// A directive that was to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectiveSent {
    /// Its number.
    pub directive: u64,
    /// False where it was sent before, by its key.
    pub new: bool,
}

/// The answer to [`SendDirective`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectivesSent {
    /// One for each.
    pub directives: Vec<DirectiveSent>,
    /// The log entry.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `POST /v1/directives/release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseDirectives {
    /// Their numbers.
    #[schemars(length(min = 1, max = 1000))]
    pub directives: Vec<u64>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// `POST /v1/directives/cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelDirectives {
    /// Their numbers.
    #[schemars(length(min = 1, max = 1000))]
    pub directives: Vec<u64>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`CancelDirectives`] and [`ReleaseDirectives`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectivesChanged {
    /// One for each, in their order.
    pub outcomes: Vec<Each>,
    /// The log entry.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `POST /v1/directives/{directive}/review`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewDirective {
    /// `retry`: dispatch it again. `done`: it was done. `failed`: it was not done, and shall not be.
    #[schemars(regex(pattern = "^(retry|done|failed)$"))]
    pub decision: String,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`ReviewDirective`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DirectiveReviewed {
    /// Its number.
    pub directive: u64,
    /// The log entry.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}
