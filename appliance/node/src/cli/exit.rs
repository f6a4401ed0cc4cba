//! Exit codes, and how a verb ends early.
//!
//! 0: done, or healthy. 1: refused or failed, wrong usage included. 2: answered, but degraded. 3: the cluster has no
//! quorum or no leader. 4: a server stopped, or did not start, for a reason for which it must not be started again.
//! Scripts and the service's unit rely on them; they never change.

use std::io;

use exchequer_api::dto::Proposed;
use exchequer_domain::{Code, Problem};

/// The exit codes of every verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, or healthy.
    Good = 0,
    /// Refused or failed.
    Failed = 1,
    /// Answered, but something is wrong with the cluster.
    Degraded = 2,
    /// The cluster cannot decide anything.
    NoQuorum = 3,
    /// The server must not be started again on this folder before a person has looked.
    Halted = 4,
}

impl Exit {
    /// The exit code of a refusal.
    #[must_use]
    pub fn of(problem: &Problem) -> Exit {
        if matches!(problem.code, Code::NoLeader | Code::NoQuorum) { Exit::NoQuorum } else { Exit::Failed }
    }

    /// The exit code of the health that a node reports.
    ///
    /// # Errors
    /// `BadRequest` for a word that this version does not know; it is not taken for good health.
    pub fn of_health(health: &str) -> Result<Exit, Problem> {
        match health {
            "healthy" => Ok(Exit::Good),
            "degraded" => Ok(Exit::Degraded),
            "no-quorum" => Ok(Exit::NoQuorum),
            other => Err(Problem::new(Code::BadRequest, format!("the server reports the unknown health `{other}`"))
                .hint("use the command line of the server's version")),
        }
    }
}

/// Why a verb ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// With an error that is to be shown.
    Problem(Problem),
    /// With a change that waits for approval. That is no error either.
    Proposed(Box<Proposed>),
    /// Nobody reads the output any more, as under `head`. That is no error.
    PipeClosed,
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Stop {
        Stop::Problem(problem)
    }
}

impl From<io::Error> for Stop {
    /// For errors of writing the output.
    fn from(error: io::Error) -> Stop {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Stop::PipeClosed;
        }
        Stop::Problem(Problem::new(Code::Internal, format!("the output could not be written: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the exit codes that scripts rely on. Method: one case of each, and every other code is 1.
    #[test]
    fn exit_codes_are_the_documented_ones() {
        for code in Code::ALL {
            let expected = if ["EXQ-0303", "EXQ-0304"].contains(&code.as_str()) { 3 } else { 1 };
            assert_eq!(Exit::of(&Problem::new(*code, "x")) as u8, expected, "{code}");
        }
        assert_eq!(Exit::of_health("healthy").map(|exit| exit as u8), Ok(0));
        assert_eq!(Exit::of_health("degraded").map(|exit| exit as u8), Ok(2));
        assert_eq!(Exit::of_health("no-quorum").map(|exit| exit as u8), Ok(3));
        assert!(Exit::of_health("splendid").is_err());
    }

    /// Goal: the service does not start a server again that must not go on. Method: the unit names the exit code.
    #[test]
    fn the_unit_knows_the_exit_code_of_a_halt() {
        let unit = include_str!("../../../../ops/package/exchequer.service");
        let line = format!("\nRestartPreventExitStatus={}\n", Exit::Halted as u8);
        assert!(unit.contains(&line), "the unit lacks `{}`", line.trim());
    }

    /// Goal: a reader that goes away is told apart from a disk that is full.
    #[test]
    fn a_closed_pipe_is_no_error() {
        assert_eq!(Stop::from(io::Error::from(io::ErrorKind::BrokenPipe)), Stop::PipeClosed);
        assert!(matches!(Stop::from(io::Error::from(io::ErrorKind::StorageFull)), Stop::Problem(_)));
    }
}
