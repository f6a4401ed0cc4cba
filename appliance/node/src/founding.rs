//! The first command of a folder that `init`, `recover` or `restore` left: it is sent until it is committed, once.

use std::sync::Arc;
use std::time::Duration;

use exchequer_api::backend::Backend;
use exchequer_domain::{Code, CommandId, NodeId};
use exchequer_raft::{Address, Alarm, Fatal, MemberState};
use exchequer_state::{Actor, Body, Bootstrap, Command, Outcome, Rejection};

use crate::house::House;
use crate::recovery::FirstCommand;

/// Between two looks or tries.
const PAUSE: Duration = Duration::from_millis(100);
/// How long one try waits for a leader and its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Has the first command committed, and forgets it. A refusal is final, since the same command gets the same outcome
/// for ever: the node stops and says why.
pub(crate) async fn run(house: Arc<House>, alarm: Alarm) {
    let bytes = match house.take_bootstrap() {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return,
        Err(problem) => {
            tracing::error!(%problem, "the bootstrap cannot be read");
            return;
        }
    };
    let bodies = match postcard::from_bytes::<FirstCommand>(&bytes) {
        Ok(FirstCommand::Bootstrap(bootstrap)) => {
            if !found(&house, &bootstrap).await {
                return;
            }
            vec![Body::Bootstrap(Box::new(bootstrap))]
        }
        Ok(FirstCommand::BootstrapWithOwner(bootstrap, owner)) => {
            if !found(&house, &bootstrap).await {
                return;
            }
            vec![Body::Bootstrap(Box::new(bootstrap)), Body::CreateAdmin(owner)]
        }
        Ok(FirstCommand::Reform(reform)) => {
            if !is_alone(&house).await {
                // In a cluster of several it would remove the others.
                tracing::warn!(
                    "a recovery of this node was cut short, and it is not the only voter: the recovery is forgotten. \
                     Where the others are gone for good, run `exchequer cluster recover apply` again"
                );
                forget(&house);
                return;
            }
            vec![Body::Reform(Box::new(reform))]
        }
        Err(_) => {
            tracing::error!(code = %Code::FileCorrupt, "the bootstrap cannot be read");
            return;
        }
    };
    for (number, body) in bodies.into_iter().enumerate() {
        // The same id at each try, so that it takes effect once however often it is sent.
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes);
        if number > 0 {
            hasher.update(&number.to_le_bytes());
        }
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        let command = Command { id: CommandId(id), actor: Actor::Node(house.id()), epoch: None, body };
        if let Err(fatal) = insist(&house, &command).await {
            return alarm.raise(fatal);
        }
    }
    forget(&house);
    tracing::info!("the cluster exists");
}

/// Makes this node the cluster's first member; whether there is one now.
async fn found(house: &House, bootstrap: &Bootstrap) -> bool {
    let address = Address { name: bootstrap.node.name.clone(), peer: bootstrap.node.peer_address.clone() };
    if !house.node.is_founded().await.unwrap_or(true)
        && let Err(error) = house.node.found(address).await
    {
        tracing::error!(%error, "the cluster could not be founded");
        return false;
    }
    true
}

/// Sends a command until it has an outcome.
async fn insist(house: &House, command: &Command) -> Result<(), Fatal> {
    loop {
        match house.submit(vec![command.clone()], PATIENCE).await {
            Ok(submitted) => match submitted.outcomes.into_iter().next().map(refusal) {
                Some(None) => return Ok(()),
                Some(Some(fatal)) => return Err(fatal),
                None => tracing::debug!("the first entry has no outcome"),
            },
            Err(problem) => tracing::debug!(%problem, "the first entry is not committed yet"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Why the node cannot go on with this outcome of its first command; `None` where it, or an earlier start, did it.
fn refusal(outcome: Outcome) -> Option<Fatal> {
    let rejection = match outcome {
        // An owner that is there was made by an earlier start.
        Outcome::Done(_)
        | Outcome::Rejected(
            Rejection::AlreadyBootstrapped
            | Rejection::LineageNotNewer { .. }
            | Rejection::NotPermitted { .. }
            | Rejection::AdminExists { .. },
        ) => return None,
        Outcome::Rejected(rejection) => rejection,
    };
    let problem = rejection.problem();
    let detail = format!("the cluster refuses the first command of this node: {}", problem.message);
    Some(Fatal::Halt { code: problem.code.to_string(), detail })
}

/// Whether this node is the only voter of the membership that it knows, once it knows one.
async fn is_alone(house: &House) -> bool {
    loop {
        let members = house.node.status().members;
        if !members.is_empty() {
            return is_only_voter(house.id(), members.iter());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn is_only_voter<'a>(node: NodeId, members: impl Iterator<Item = (&'a u64, &'a MemberState)>) -> bool {
    members.filter(|(_, member)| member.voter).map(|(id, _)| *id).eq([node.0])
}

fn forget(house: &House) {
    if let Err(problem) = house.remove_bootstrap() {
        tracing::warn!(%problem, "the bootstrap could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use exchequer_state::{Done, Field};

    use super::*;

    /// Goal: a first command that can never succeed is told with its code, and one that was done before is not taken
    /// for a failure. Method: each kind of outcome.
    #[test]
    fn only_a_definite_refusal_stops_the_node() {
        let done = Outcome::Done(Done::Bootstrapped { node: NodeId(1) });
        let before = [Rejection::AlreadyBootstrapped, Rejection::LineageNotNewer { present: 2 }];
        for fine in before.into_iter().map(Outcome::Rejected).chain([done]) {
            assert!(refusal(fine.clone()).is_none(), "{fine:?}");
        }
        for (never, expected) in [
            (Rejection::Invalid { field: Field::NodeName }, Code::BadRequest),
            (Rejection::ReasonMissing, Code::ReasonMissing),
            (Rejection::NodeTooOld { needed: 2 }, Code::LogicVersion),
        ] {
            let Some(Fatal::Halt { code, .. }) = refusal(Outcome::Rejected(never)) else { panic!("not fatal") };
            assert_eq!(code, expected.to_string());
        }
    }
}
