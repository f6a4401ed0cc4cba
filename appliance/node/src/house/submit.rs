//! Commands on their way into the log.

use std::time::Duration;

use bytes::Bytes;
use exchequer_api::backend::Submitted;
use exchequer_domain::{Code, Problem};
use exchequer_raft::ProposeError;
use exchequer_state::command::is_too_large;
use exchequer_state::{Command, Outcome, Rejection};

use super::House;
use crate::signer::never;

/// A proposal's failure in the words of a client.
pub(super) fn problem(house: &House, error: ProposeError) -> Problem {
    let status = house.node.status();
    match error {
        ProposeError::NoLeader if quorum_is_gone(house, &status) => {
            let voters = status.members.values().filter(|member| member.voter).count();
            Problem::new(Code::NoQuorum, format!("fewer than a majority of the {voters} voters can be reached"))
        }
        ProposeError::NoLeader => Problem::new(Code::NoLeader, "no leader took the command; it had no effect"),
        ProposeError::Unknown => Problem::new(Code::OutcomeUnknown, "the answer was lost on its way"),
        ProposeError::Overloaded => Problem::new(Code::Overloaded, "too many commands are waiting; it had no effect"),
        ProposeError::ReadOnly => Problem::new(Code::DiskFull, "the disk is full; it had no effect"),
    }
}

/// Whether this node hears too few voters for any leader to exist.
pub(super) fn quorum_is_gone(house: &House, status: &exchequer_raft::Status) -> bool {
    let voters: Vec<u64> = status.members.iter().filter(|(_, member)| member.voter).map(|(id, _)| *id).collect();
    let peers = house.node.peers();
    let heard = voters
        .iter()
        .filter(|id| {
            **id == status.node || peers.get(id).is_some_and(|view| view.heard.elapsed() < Duration::from_secs(3))
        })
        .count();
    heard < voters.len() / 2 + 1
}

/// Encodes, proposes, decodes; what people say of signatures is asked about first.
pub(super) async fn commands(house: &House, commands: Vec<Command>, patience: Duration) -> Result<Submitted, Problem> {
    never::check(house, &house.signer, &commands).await?;
    let bytes = commands.iter().map(|command| Bytes::from(command.encode())).collect();
    let (outcomes, index) = encoded(house, bytes, patience).await?;
    let outcomes = outcomes
        .iter()
        .map(|bytes| Outcome::decode(bytes))
        .collect::<Result<_, _>>()
        .map_err(|error| Problem::new(Code::FormatNewer, format!("an outcome cannot be read: {error}")))?;
    Ok(Submitted { outcomes, index })
}

/// Proposes what is encoded already. What no entry would take does not get into the log.
pub(super) async fn encoded(
    house: &House,
    commands: Vec<Bytes>,
    patience: Duration,
) -> Result<(Vec<Bytes>, u64), Problem> {
    if commands.iter().any(|command| is_too_large(command)) {
        return Err(Rejection::TooLarge.problem());
    }
    let committed = house.node.propose(commands, patience).await.map_err(|error| problem(house, error))?;
    Ok((committed.outcomes, committed.index))
}
