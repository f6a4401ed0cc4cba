//! The id of a command, with which it can be sent again without being carried out twice.

use clap::Args;
use exchequer_domain::{Code, CommandId, Problem};
use rand::TryRng as _;
use rand::rngs::SysRng;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::{Client, Repeat};
use super::exit::Stop;

/// Which command it is.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct CommandArgs {
    /// The command's id, 32 hexadecimal digits, to repeat one whose answer was lost [default: a fresh one]
    #[arg(long, value_name = "HEX")]
    pub command_id: Option<CommandId>,
}

impl CommandArgs {
    /// The id that was given, or a fresh one.
    ///
    /// # Errors
    /// `Internal` when the system has no randomness.
    pub(crate) fn id(self) -> Result<CommandId, Problem> {
        if let Some(id) = self.command_id {
            return Ok(id);
        }
        let mut bytes = [0; 16];
        SysRng.try_fill_bytes(&mut bytes).map_err(|error| {
            Problem::new(Code::Internal, format!("the system's random numbers are not available: {error}"))
        })?;
        Ok(CommandId(bytes))
    }
}

/// Sends a change that carries its command's id, so that it can be sent again.
///
/// # Errors
/// As [`Client::change`]; where the outcome is unknown the hint names the id.
pub(crate) async fn send<B: Serialize, T: DeserializeOwned>(
    client: &Client,
    method: Method,
    path: &[&str],
    body: &B,
    id: CommandId,
) -> Result<T, Stop> {
    match client.change_or_propose(method, path, body, Repeat::SameCommand).await {
        Err(Stop::Problem(problem)) => Err(with_id(problem, id).into()),
        ended => ended,
    }
}

/// Where the outcome is unknown, the id is what the operator needs.
pub(crate) fn with_id(problem: Problem, id: CommandId) -> Problem {
    if problem.code != Code::OutcomeUnknown {
        return problem;
    }
    problem.hint(format!("repeat it within 24 hours with `--command-id {id}`: it takes effect once at most"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a repeated command has the id that was given, every other one its own, and only a lost answer shows it.
    #[test]
    fn ids_are_kept_or_drawn() {
        let given = CommandId([7; 16]);
        assert_eq!(CommandArgs { command_id: Some(given) }.id(), Ok(given));
        assert_ne!(CommandArgs::default().id(), CommandArgs::default().id());
        let lost = with_id(Problem::new(Code::OutcomeUnknown, "lost"), given);
        assert!(lost.hint.contains("--command-id 07070707"), "{lost}");
        let refused = Problem::new(Code::SettingUnknown, "no such setting");
        assert_eq!(with_id(refused.clone(), given), refused);
    }
}
