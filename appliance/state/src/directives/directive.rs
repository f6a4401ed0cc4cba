//! One directive, and the states it can be in.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::target::Target;
use crate::command::Actor;
use crate::planted::{self, Bug};
use crate::rank::Rank;
use crate::rows::Table;

/// Longest key.
pub const KEY_BYTES_MAX: usize = 64;
/// Longest name of what a worker is asked for.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest payload.
pub const PAYLOAD_BYTES_MAX: usize = 4 << 10;
/// Longest result.
pub const RESULT_BYTES_MAX: usize = 4 << 10;
/// Longest error text.
pub const ERROR_BYTES_MAX: usize = 500;
/// Attempts of a directive.
pub const ATTEMPTS_MAX: u32 = 100;

/// What a directive counts without its payload and texts.
const DIRECTIVE_BYTES: usize = 512;
/// The wait after the first failed attempt; it doubles up to [`BACK_OFF_US_MAX`].
const BACK_OFF_US: u64 = 1_000_000;
const BACK_OFF_US_MAX: u64 = 60_000_000;

/// The number of a directive, from 1 without gaps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DirectiveId(pub u64);

impl std::fmt::Display for DirectiveId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How urgent it is. Waiting makes up for a level in a minute, but for the first: nothing becomes an emergency by waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Priority {
    /// Level 0. Goes before everything, and does not wait for a target that is busy with anything else.
    Emergency,
    /// Level 1.
    Safety,
    /// Level 2.
    Money,
    /// Level 5.
    Normal,
    /// Level 8.
    Bulk,
}

impl Priority {
    /// Every one, the most urgent first.
    pub const ALL: [Priority; 5] =
        [Priority::Emergency, Priority::Safety, Priority::Money, Priority::Normal, Priority::Bulk];

    /// The level.
    #[must_use]
    pub const fn level(self) -> u8 {
        match self {
            Priority::Emergency => 0,
            Priority::Safety => 1,
            Priority::Money => 2,
            Priority::Normal => 5,
            Priority::Bulk => 8,
        }
    }

    /// The name in listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Priority::Emergency => "emergency",
            Priority::Safety => "safety",
            Priority::Money => "money",
            Priority::Normal => "normal",
            Priority::Bulk => "bulk",
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DirectiveAction {
    /// Workers are to run.
    Start,
    /// Workers are to stop. Supersedes what waits to start or restart them.
    Stop,
    /// The processes of workers are replaced.
    Restart,
    /// Something that the worker knows.
    Custom {
        /// Its name.
        name: String,
        /// What belongs to it.
        #[serde(with = "crate::codec::block")]
        payload: Vec<u8>,
        /// Whether doing it twice does no harm.
        idempotent: bool,
    },
}

impl DirectiveAction {
    /// The name in listings.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            DirectiveAction::Start => "start",
            DirectiveAction::Stop => "stop",
            DirectiveAction::Restart => "restart",
            DirectiveAction::Custom { name, .. } => name,
        }
    }

    fn is_idempotent(&self) -> bool {
        match self {
            // They are over as soon as they are dispatched.
            DirectiveAction::Start | DirectiveAction::Stop | DirectiveAction::Restart => true,
            DirectiveAction::Custom { idempotent, .. } => *idempotent,
        }
    }
}

/// In which state a directive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DirectiveState {
    /// Others have to agree first.
    PendingApproval,
    /// It waits for its time, its turn or its target.
    Queued,
    /// The leader of this epoch gives it to its target.
    Dispatched {
        /// Which leadership.
        epoch: u64,
    },
    /// The target has it.
    Acked {
        /// Which leadership.
        epoch: u64,
    },
    /// The target does it.
    Running {
        /// Which leadership.
        epoch: u64,
    },
    /// It is done.
    Succeeded,
    /// It could not be done.
    Failed,
    /// Its deadline passed before it was dispatched.
    Expired,
    /// Someone took it back.
    Cancelled,
    /// A stop made it pointless.
    Superseded {
        /// That stop.
        by: DirectiveId,
    },
    /// Nobody knows whether it was done: its worker or the leadership ended meanwhile, and
    /// doing it twice may do harm.
    NeedsReview,
}

/// A state without what belongs to it: by it directives are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// [`DirectiveState::PendingApproval`].
    PendingApproval,
    /// [`DirectiveState::Queued`].
    Queued,
    /// [`DirectiveState::Dispatched`].
    Dispatched,
    /// [`DirectiveState::Acked`].
    Acked,
    /// [`DirectiveState::Running`].
    Running,
    /// [`DirectiveState::Succeeded`].
    Succeeded,
    /// [`DirectiveState::Failed`].
    Failed,
    /// [`DirectiveState::Expired`].
    Expired,
    /// [`DirectiveState::Cancelled`].
    Cancelled,
    /// [`DirectiveState::Superseded`].
    Superseded,
    /// [`DirectiveState::NeedsReview`].
    NeedsReview,
}

impl Stage {
    /// Every one.
    pub const ALL: [Stage; 11] = [
        Stage::PendingApproval,
        Stage::Queued,
        Stage::Dispatched,
        Stage::Acked,
        Stage::Running,
        Stage::Succeeded,
        Stage::Failed,
        Stage::Expired,
        Stage::Cancelled,
        Stage::Superseded,
        Stage::NeedsReview,
    ];

    /// The name in listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::PendingApproval => "pending-approval",
            Stage::Queued => "queued",
            Stage::Dispatched => "dispatched",
            Stage::Acked => "acked",
            Stage::Running => "running",
            Stage::Succeeded => "succeeded",
            Stage::Failed => "failed",
            Stage::Expired => "expired",
            Stage::Cancelled => "cancelled",
            Stage::Superseded => "superseded",
            Stage::NeedsReview => "needs-review",
        }
    }

    /// Whether something may still become of it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Stage::PendingApproval
            | Stage::Queued
            | Stage::Dispatched
            | Stage::Acked
            | Stage::Running
            | Stage::NeedsReview => true,
            Stage::Succeeded | Stage::Failed | Stage::Expired | Stage::Cancelled | Stage::Superseded => false,
        }
    }
}

impl DirectiveState {
    /// The state without what belongs to it.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            DirectiveState::PendingApproval => Stage::PendingApproval,
            DirectiveState::Queued => Stage::Queued,
            DirectiveState::Dispatched { .. } => Stage::Dispatched,
            DirectiveState::Acked { .. } => Stage::Acked,
            DirectiveState::Running { .. } => Stage::Running,
            DirectiveState::Succeeded => Stage::Succeeded,
            DirectiveState::Failed => Stage::Failed,
            DirectiveState::Expired => Stage::Expired,
            DirectiveState::Cancelled => Stage::Cancelled,
            DirectiveState::Superseded { .. } => Stage::Superseded,
            DirectiveState::NeedsReview => Stage::NeedsReview,
        }
    }

    /// The leadership that has it in flight.
    #[must_use]
    pub const fn epoch(&self) -> Option<u64> {
        match self {
            DirectiveState::Dispatched { epoch }
            | DirectiveState::Acked { epoch }
            | DirectiveState::Running { epoch } => Some(*epoch),
            DirectiveState::PendingApproval
            | DirectiveState::Queued
            | DirectiveState::Succeeded
            | DirectiveState::Failed
            | DirectiveState::Expired
            | DirectiveState::Cancelled
            | DirectiveState::Superseded { .. }
            | DirectiveState::NeedsReview => None,
        }
    }
}

/// A directive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directive {
    /// Its number.
    pub id: DirectiveId,
    /// The name that its sender gave it, where there is one.
    pub key: Option<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// Whom it is for.
    pub target: Target,
    /// What is asked for.
    pub action: DirectiveAction,
    /// Who asked.
    pub issued_by: Actor,
    /// When.
    pub issued_at: Timestamp,
    /// Why.
    pub reason: String,
    /// It is not dispatched before.
    pub not_before: Timestamp,
    /// Whether that has come.
    pub ready: bool,
    /// It is not dispatched after.
    pub deadline: Option<Timestamp>,
    /// So many failed attempts end it.
    pub max_attempts: u32,
    /// What state it is in.
    pub state: DirectiveState,
    /// Dispatches so far; the number of the present one while it is in flight.
    pub attempt: u32,
    /// When it was dispatched last.
    pub dispatched_at: Option<Timestamp>,
    /// Attempts that failed.
    pub failed: u32,
    /// What came out.
    #[serde(with = "crate::codec::block")]
    pub result: Vec<u8>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// In this state since.
    pub since: Timestamp,
}

impl Directive {
    pub(crate) fn is_emergency(&self) -> bool {
        self.priority == Priority::Emergency
    }

    /// Whether it may be dispatched again although nobody knows what became of the last time.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.action.is_idempotent()
    }

    /// Whether it waits to start or restart workers.
    pub(crate) fn would_start(&self) -> bool {
        let waits = matches!(self.state, DirectiveState::PendingApproval | DirectiveState::Queued);
        waits && matches!(self.action, DirectiveAction::Start | DirectiveAction::Restart)
    }

    pub(crate) fn rank(&self) -> Rank {
        let since = if planted::has(Bug::DirectivesDoNotAge) { Timestamp(0) } else { self.not_before };
        Rank::new(self.priority.level(), since)
    }

    /// What it counts against the bytes of open directives.
    pub(crate) fn weight(&self) -> usize {
        let payload = match &self.action {
            DirectiveAction::Custom { name, payload, .. } => name.len() + payload.len(),
            DirectiveAction::Start | DirectiveAction::Stop | DirectiveAction::Restart => 0,
        };
        let texts = self.reason.len() + self.error.as_ref().map_or(0, String::len);
        DIRECTIVE_BYTES + payload + texts + self.key.as_ref().map_or(0, String::len)
    }
}

/// The wait of one that did not get to its target.
pub(crate) const RETURNED_US: u64 = 1_000_000;

/// The wait after the `failed`-th failed attempt, from 1.
pub(crate) fn backoff_us(failed: u32) -> u64 {
    (BACK_OFF_US << failed.saturating_sub(1).min(16)).min(BACK_OFF_US_MAX)
}

/// The row that a directive's key has for ever.
pub(crate) fn key_row(key: &str) -> Vec<u8> {
    Table::DirectiveKey.key(key.as_bytes())
}

/// What becomes of a directive that is in flight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DirectiveStep {
    /// The target has it.
    Acked,
    /// The target has begun.
    Running,
    /// It is done.
    Succeeded {
        /// What came out.
        #[serde(with = "crate::codec::block")]
        result: Vec<u8>,
    },
    /// This attempt failed, and nothing was done. There may be another.
    Failed {
        /// Why.
        error: String,
    },
    /// It did not get to its target, which knows nothing of it: it is dispatched again a second later, and no attempt failed.
    Returned {
        /// Why.
        why: String,
    },
    /// Nobody knows whether it was done: its worker died while it had it.
    Lost,
}

/// What a person says of a directive that needs review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decision {
    /// It is to be dispatched again.
    Retry,
    /// It was done.
    Done,
    /// It was not done, and shall not be.
    Failed,
}

/// A directive as the leader gives it to its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatched {
    /// Its number.
    pub id: DirectiveId,
    /// The number of this dispatch, to be named with each step.
    pub attempt: u32,
    /// How urgent it is.
    pub priority: Priority,
    /// Whom it is for.
    pub target: Target,
    /// What is asked for.
    pub name: String,
    /// What belongs to it.
    #[serde(with = "crate::codec::block")]
    pub payload: Vec<u8>,
    /// It should have begun by then.
    pub deadline: Option<Timestamp>,
}
