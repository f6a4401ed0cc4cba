//! What can become of a call.

use std::time::Duration;

/// How an answer was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// None came in time.
    #[error("no answer in time")]
    Deadline,
    /// The connection broke, before or in the answer.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The server failed, and its answer is none of a node.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// The answer is no JSON, or not of the kind that was asked for.
    #[error("the answer is not what was asked for: {0}")]
    Unreadable(String),
    /// The answer is longer than is read.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// Ids of a batch's answers do not fit its questions.
    #[error("the batch's answers do not fit its questions: {0}")]
    Ids(&'static str),
}

/// Why a call came to no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// Nothing was sent.
    #[error("the endpoint cannot be reached: {0}")]
    Unreachable(String),
    /// Nobody knows whether the node did it.
    #[error("the outcome is unknown: {0}")]
    Lost(Lost),
    /// The node read the call and refused it.
    #[error("the node refused ({code}): {message}")]
    Refused {
        /// The node's number for it.
        code: i64,
        /// Its words, cleaned.
        message: String,
        /// What it gave with it (EVM: a revert's data), as JSON, where it is short.
        data: Option<String>,
    },
    /// The endpoint wants to be asked less often.
    #[error("the endpoint is asked too often")]
    Busy {
        /// When it may be asked again, where it said so.
        after: Option<Duration>,
    },
    /// The endpoint does not let us in, or knows no such thing: status 401 to 405.
    #[error("the endpoint does not let us in (status {0}): check its key and its path")]
    Denied(u16),
}

impl RpcError {
    /// Whether the node may have done what was asked. A front of a node that answers instead of it says nothing about
    /// what the node did before: therefore only a node's own refusal and a call that was not sent are certain.
    #[must_use]
    pub const fn outcome_unknown(&self) -> bool {
        match self {
            RpcError::Unreachable(_) | RpcError::Refused { .. } => false,
            RpcError::Lost(_) | RpcError::Busy { .. } | RpcError::Denied(_) => true,
        }
    }

    /// What cannot be read as JSON of the wanted form. Errors of the reader may quote the answer, and a node may have put what it
    /// was sent, keys included, into it: only the kind of the fault and its place are kept.
    pub(crate) fn misshapen(error: &serde_json::Error) -> RpcError {
        let kind = match error.classify() {
            serde_json::error::Category::Data => "a field is missing or of another type",
            serde_json::error::Category::Io | serde_json::error::Category::Eof => "it ends too early",
            serde_json::error::Category::Syntax => "it is no JSON",
        };
        RpcError::unreadable(format!("{kind}, at line {} column {}", error.line(), error.column()))
    }

    pub(crate) fn unreadable(what: impl std::fmt::Display) -> RpcError {
        RpcError::Lost(Lost::Unreadable(what.to_string()))
    }
}
