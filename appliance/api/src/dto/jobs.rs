//! Jobs and their queues.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A job that was to be entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobEnqueued {
    /// Its number.
    pub job: u64,
    /// False where an open job of the queue with its key was there already.
    pub new: bool,
}
