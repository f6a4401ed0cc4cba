//! The one shape in which every refusal reaches a person or a program.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Code;

/// A refusal: a stable code, what happened in this case, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable for ever; `exchequer explain CODE` tells the whole story.
    pub code: Code,
    /// What happened, with the names and numbers of this case. One sentence, no secrets.
    pub message: String,
    /// What to do next. One sentence; may be empty where nothing can be done.
    pub hint: String,
}

impl Problem {
    /// A problem whose hint is the general one of its code.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Problem {
        Problem { code, message: message.into(), hint: code.hint().to_owned() }
    }

    /// The same problem with a hint for this very case.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = hint.into();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, " ({})", self.hint) }
    }
}

impl std::error::Error for Problem {}
