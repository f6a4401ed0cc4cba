//! Why a command about directives is refused, as a whole or for one of them.

use exchequer_domain::{Code, Problem};
use serde::{Deserialize, Serialize};

use super::directive::{
    ATTEMPTS_MAX, DirectiveId, ERROR_BYTES_MAX, KEY_BYTES_MAX, NAME_BYTES_MAX, PAYLOAD_BYTES_MAX, RESULT_BYTES_MAX,
};
use super::room::OPEN_DIRECTIVES_MAX;
use crate::apply::DIRECTIVES_AT_ONCE_MAX;

/// Why it is refused. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// No directive at all, or too many at once.
    Count,
    /// The key is empty, too long, or has control characters.
    Key,
    /// The name of what is asked for is empty, too long, or has other characters than it may.
    Name,
    /// The payload is too long.
    Payload,
    /// No attempt at all, or too many.
    Attempts,
    /// The deadline is over already, or before the directive may be dispatched.
    Deadline,
    /// The target names a network where it has none.
    Target,
    /// The result is too long.
    Result,
    /// The error text is too long.
    Error,
    /// As much is open as there may be.
    Full,
    /// The key is another directive's.
    KeyReused {
        /// That directive.
        by: DirectiveId,
    },
    /// There is no such directive any more: it is over, or never was.
    Unknown {
        /// As given.
        directive: DirectiveId,
    },
    /// The directive is not in a state in which this can be.
    State {
        /// Which.
        directive: DirectiveId,
    },
    /// Only the leader may ask for this.
    NotTheLeader,
    /// Nobody releases what they sent themselves.
    Own {
        /// Which.
        directive: DirectiveId,
    },
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Refusal::Count
            | Refusal::Key
            | Refusal::Name
            | Refusal::Payload
            | Refusal::Attempts
            | Refusal::Deadline
            | Refusal::Target
            | Refusal::Result
            | Refusal::Error
            | Refusal::NotTheLeader => Code::BadRequest,
            Refusal::Full => Code::DirectivesFull,
            Refusal::KeyReused { .. } => Code::DirectiveKeyReused,
            Refusal::Unknown { .. } => Code::DirectiveUnknown,
            Refusal::State { .. } => Code::DirectiveState,
            Refusal::Own { .. } => Code::ApprovalForbidden,
        }
    }

    /// The code, what is wrong, and what to do about it.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem::new(self.code(), self.message())
    }

    /// What is wrong, in words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Refusal::Count => format!("1 to {DIRECTIVES_AT_ONCE_MAX} directives are dealt with at once"),
            Refusal::Key => format!("a directive's key is 1 to {KEY_BYTES_MAX} bytes without control characters"),
            Refusal::Name => {
                format!(
                    "what a worker is asked for has a name of 1 to {NAME_BYTES_MAX} characters of a-z, 0-9, `.`, `-` and `_`, other than start, stop and restart"
                )
            }
            Refusal::Payload => format!("a directive's payload is at most {PAYLOAD_BYTES_MAX} bytes"),
            Refusal::Attempts => format!("a directive has 1 to {ATTEMPTS_MAX} attempts"),
            Refusal::Deadline => "1 moment is needed between now, or a directive's start, and its deadline".into(),
            Refusal::Target => "only 1 of the kinds that work on networks can be named with one".into(),
            Refusal::Result => format!("a directive's result is at most {RESULT_BYTES_MAX} bytes"),
            Refusal::Error => format!("an error text is at most {ERROR_BYTES_MAX} bytes"),
            Refusal::Full => {
                format!("{OPEN_DIRECTIVES_MAX} directives are open, or their payloads fill what there is for them")
            }
            Refusal::KeyReused { by } => format!("directive {by} has this key and asks for something else"),
            Refusal::Unknown { directive } => format!("there is no open directive {directive}"),
            Refusal::State { directive } => format!("directive {directive} is in a state in which this cannot be"),
            Refusal::Own { directive } => {
                format!("nobody releases what they sent themselves, as directive {directive}")
            }
            Refusal::NotTheLeader => "the leader dispatches directives, under its epoch".into(),
        }
    }
}
