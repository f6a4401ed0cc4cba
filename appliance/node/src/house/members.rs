//! Members: joining, voting, leaving, leading.
//!
//! A change of membership is made by the leader. Asked elsewhere, the node passes the operation on to the leader and
//! its answer back, and tries again while there is certainly no effect.

use std::time::Duration;

use bytes::Bytes;
use exchequer_domain::{Code, Digest, NodeId, Problem};
use exchequer_raft::{Address, Handover, MembershipError, Role, Status};
use exchequer_state::audit::Action;
use exchequer_state::registry::NodeState;
use exchequer_state::settings::schema;
use exchequer_state::{Actor, Body, RemoveNode};
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{House, PATIENCE};

/// How long a peer may take to answer a question.
const HEARD_WITHIN: Duration = Duration::from_secs(3);
const RETRY_PAUSE: Duration = Duration::from_millis(100);
const TRANSFER_PATIENCE: Duration = Duration::from_secs(5);

/// What the leader is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Operation {
    /// Give a learner its vote.
    Promote { node: u64, force: bool },
    /// Let an admitted node receive the log.
    AddLearner { node: u64 },
    /// Take a node out of the membership.
    Remove { node: u64 },
    /// Make a node the leader.
    Transfer { to: Option<u64> },
    /// Say whether a node may be removed; a leader that is asked about itself hands leadership over first.
    MayRemove { node: u64 },
    /// Say whether a learner could get its vote.
    MayPromote { node: u64, force: bool },
    /// Say whether a node was let in.
    MayAddLearner { node: u64 },
    /// Say whether leadership could be handed over.
    MayTransfer { to: Option<u64> },
}

impl Operation {
    /// What says whether it could be done, and does nothing.
    fn question(&self) -> Operation {
        match *self {
            Operation::Promote { node, force } | Operation::MayPromote { node, force } => {
                Operation::MayPromote { node, force }
            }
            Operation::AddLearner { node } | Operation::MayAddLearner { node } => Operation::MayAddLearner { node },
            Operation::Remove { node } | Operation::MayRemove { node } => Operation::MayRemove { node },
            Operation::Transfer { to } | Operation::MayTransfer { to } => Operation::MayTransfer { to },
        }
    }
}

/// A node that does not answer within this time is not counted on.
const ALIVE_WITHIN: Duration = Duration::from_secs(1);

const TOPIC_ALIVE: &str = "alive";
const TOPIC_OPERATION: &str = "operation";
const TOPIC_DIGEST: &str = "digest";
const TOPIC_RENEW: &str = "renew";

fn not_leader() -> Problem {
    Problem::new(Code::NoLeader, "the leader changed meanwhile; nothing was done")
}

fn translate(error: MembershipError) -> Problem {
    match error {
        MembershipError::NotLeader => not_leader(),
        MembershipError::InProgress => Problem::new(Code::ChangeInProgress, error.to_string()),
        MembershipError::Unknown(_) => Problem::new(Code::UnknownNode, error.to_string()),
        MembershipError::Unclear(_) => Problem::new(Code::OutcomeUnknown, error.to_string()),
    }
}

/// Has the leader do something, and puts it on record. What somebody asks for is on record before it is done: the log says
/// whether they may, and nothing is done that nobody has asked for. Where it is not done after all, that is noted. The leader that did it.
pub(crate) async fn operate(
    house: &House,
    actor: Actor,
    operation: Operation,
    action: Action,
    reason: String,
) -> Result<NodeId, Problem> {
    check_reason(&reason)?;
    let target = match &operation {
        Operation::Promote { node, .. }
        | Operation::MayPromote { node, .. }
        | Operation::AddLearner { node }
        | Operation::MayAddLearner { node }
        | Operation::Remove { node }
        | Operation::MayRemove { node } => format!("node {node}"),
        Operation::Transfer { to } | Operation::MayTransfer { to } => {
            to.map_or("any".to_owned(), |to| format!("node {to}"))
        }
    };
    // What a node does by itself is nobody's wish that could be refused.
    if matches!(actor, Actor::Node(_)) {
        let leader = on_leader(house, &operation).await?;
        return house.record_done(actor, action, target, reason).await.map(|()| leader);
    }
    let question = operation.question();
    let record = house.record(actor, action, target.clone(), reason);
    let note = |problem| async move { house.note_undone(action, target, &problem).await };
    let question = async { on_leader(house, &question).await.map(drop) };
    on_record(question, record, on_leader(house, &operation), note).await
}

/// What cannot be done leaves no record; what is not on record is not done; what was not done after all is noted.
async fn on_record<T, N: Future<Output = ()>>(
    question: impl Future<Output = Result<(), Problem>>,
    record: impl Future<Output = Result<(), Problem>>,
    deed: impl Future<Output = Result<T, Problem>>,
    note: impl FnOnce(Problem) -> N,
) -> Result<T, Problem> {
    question.await?;
    record.await?;
    let done = deed.await;
    if let Err(problem) = &done {
        note(problem.clone()).await;
    }
    done
}

fn check_reason(reason: &str) -> Result<(), Problem> {
    if reason.trim().is_empty() {
        return Err(Problem::new(Code::ReasonMissing, "the change needs a reason"));
    }
    Ok(())
}

/// Removes a node. First the leader says whether the others are a majority; then the registry says for good that the
/// node is no part of the cluster any more; then it leaves the membership. Cut short after the second step, the
/// autopilot does the third; the other way round it would take the node for a new one and add it again.
pub(crate) async fn remove(house: &House, actor: Actor, node: NodeId, reason: String) -> Result<(), Problem> {
    check_reason(&reason)?;
    let known = house.state(|state| state.registry().node(node).cloned())?;
    let member = house.node.status().members.contains_key(&node.0);
    let admitted = match known.map(|record| record.state) {
        None if !member => return Err(Problem::new(Code::UnknownNode, format!("there is no node {node}"))),
        Some(NodeState::Removed { .. }) if !member => {
            return Err(Problem::new(Code::AlreadyDone, format!("node {node} was removed before")));
        }
        None | Some(NodeState::Removed { .. }) => false,
        Some(NodeState::Admitted) => true,
    };
    match on_leader(house, &Operation::MayRemove { node: node.0 }).await {
        Ok(_) => {}
        // Not a member (any more): only the registry is left to do.
        Err(problem) if problem.code == Code::UnknownNode => {}
        Err(problem) => return Err(problem),
    }
    if admitted {
        house.submit_as(actor, Body::RemoveNode(RemoveNode { id: node, reason })).await?;
    }
    leave(house, node).await.map_err(|problem| {
        let text = format!("node {node} is removed, but is still a member: {}", problem.message);
        Problem::new(Code::OutcomeUnknown, text).hint("the leader takes it out as soon as it can: see `cluster peers`")
    })
}

/// Takes a node out of the membership that the registry knows as removed.
async fn leave(house: &House, node: NodeId) -> Result<(), Problem> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match on_leader(house, &Operation::Remove { node: node.0 }).await {
            // The autopilot of the leader is doing the same.
            Err(problem) if problem.code == Code::ChangeInProgress && Instant::now() < deadline => {
                tokio::time::sleep(RETRY_PAUSE).await;
            }
            Err(problem) if problem.code == Code::UnknownNode => return Ok(()),
            // Nobody listens to this node any more: the leader's autopilot does it.
            Err(_) if node == house.id() => return Ok(()),
            other => return other.map(drop),
        }
    }
}

/// Hands leadership over and answers who has it then.
pub(super) async fn transfer(
    house: &House,
    actor: Actor,
    to: Option<NodeId>,
    reason: String,
) -> Result<NodeId, Problem> {
    let operation = Operation::Transfer { to: to.map(|to| to.0) };
    let before = operate(house, actor, operation, Action::TransferLeader, reason).await?;
    // Who was wanted was seen to lead where it was done; of this node's own view that can be a moment ahead.
    if let Some(to) = to {
        return Ok(to);
    }
    successor(before, || house.node.status().leader.map(|(id, _)| NodeId(id))).await.ok_or_else(|| {
        let text = "leadership was handed over, and this node has not heard yet who has it";
        Problem::new(Code::OutcomeUnknown, text).hint("see `exchequer status`")
    })
}

/// Who leads after the one that handed leadership over; nobody where none but that one is heard of for as long as a handover may take.
async fn successor(before: NodeId, leader: impl Fn() -> Option<NodeId>) -> Option<NodeId> {
    let deadline = Instant::now() + TRANSFER_PATIENCE;
    loop {
        let now = leader().filter(|now| *now != before);
        if Instant::now() >= deadline || now.is_some() {
            return now;
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

/// Does it here where this node leads, else asks the leader; again while it certainly had no effect. Leadership that went to another
/// member than was wanted is asked for there: to hand it to the same one twice does no more than once. The leader that did it.
pub(crate) async fn on_leader(house: &House, operation: &Operation) -> Result<NodeId, Problem> {
    let deadline = Instant::now() + PATIENCE;
    let hands_over = matches!(operation, Operation::Transfer { to: Some(_) });
    let mut begun = None;
    loop {
        let leader = house.node.status().leader.map(|(id, _)| id);
        let done = match leader {
            Some(leader) if leader == house.id().0 => perform(house, operation).await.map(|()| leader),
            Some(leader) => {
                let body =
                    postcard::to_stdvec(operation).map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
                let asked = house.node.ask(leader, TOPIC_OPERATION, body.into(), PATIENCE).await;
                asked.map(|_| leader).map_err(|text| {
                    serde_json::from_str(&text).unwrap_or_else(|_| Problem::new(Code::OutcomeUnknown, text))
                })
            }
            None => Err(super::submit::problem(house, exchequer_raft::ProposeError::NoLeader)),
        };
        let again = Instant::now() < deadline;
        match (done, leader) {
            (Ok(leader), _) => return Ok(NodeId(leader)),
            (Err(problem), Some(leader)) if problem.code == Code::AlreadyDone && begun.is_some() => {
                return Ok(NodeId(leader));
            }
            (Err(problem), _) if problem.code == Code::NoLeader && again => {}
            (Err(problem), _) if problem.code == Code::OutcomeUnknown && hands_over && again => begun = Some(problem),
            // What was begun once may come about, whatever a later asking says.
            (Err(problem), _) => return Err(begun.unwrap_or(problem)),
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

/// Does it as the leader.
async fn perform(house: &House, operation: &Operation) -> Result<(), Problem> {
    let status = house.node.status();
    if status.role != Role::Leader {
        return Err(not_leader());
    }
    match operation {
        Operation::MayPromote { node, force } => may_vote(house, &status, *node, *force),
        Operation::MayAddLearner { node } => admitted(house, *node).map(drop),
        Operation::MayTransfer { to } => may_lead(house, &status, *to).await,
        Operation::Promote { node, force } => {
            may_vote(house, &status, *node, *force)?;
            house.node.promote([*node].into()).await.map_err(translate)
        }
        Operation::AddLearner { node } => {
            let address = admitted(house, *node)?;
            house.node.add_learner(*node, address).await.map_err(translate)
        }
        Operation::Remove { node } | Operation::MayRemove { node } => {
            keeps_quorum(house, &status, *node).await?;
            if *node == status.node {
                // Someone else has to do it: this node would have to answer for its own removal.
                house.node.transfer_leader(None, TRANSFER_PATIENCE).await;
                return Err(not_leader());
            }
            match operation {
                Operation::Remove { .. } => house.node.remove(*node).await.map_err(translate),
                _ => Ok(()),
            }
        }
        Operation::Transfer { to } => {
            may_lead(house, &status, *to).await?;
            match house.node.transfer_leader(*to, TRANSFER_PATIENCE).await {
                Handover::Done => Ok(()),
                Handover::NotBegun => {
                    // It may have been known only to the other node itself, and have been heard of since.
                    to.map_or(Ok(()), |to| must_not_lead(house, to))?;
                    Err(Problem::new(Code::NoQuorum, "no other voter can take over")
                        .hint("see `exchequer cluster peers`"))
                }
                Handover::Unclear => {
                    let text =
                        "leadership was let go of, and whoever was to take it has not yet, or another one has it";
                    Err(Problem::new(Code::OutcomeUnknown, text).hint("see `exchequer status`"))
                }
            }
        }
    }
}

/// The address of a node that was let in.
fn admitted(house: &House, node: u64) -> Result<Address, Problem> {
    let record = house.state(|state| state.registry().node(NodeId(node)).cloned())?;
    match record {
        Some(record) if record.state == NodeState::Admitted => {
            Ok(Address { name: record.name, peer: record.peer_address })
        }
        Some(_) => Err(Problem::new(Code::NodeRemoved, format!("node {node} was removed"))),
        None => Err(Problem::new(Code::UnknownNode, format!("node {node} was never admitted"))),
    }
}

/// Whether leadership can be handed to a node, or to any where none is named.
async fn may_lead(house: &House, status: &Status, to: Option<u64>) -> Result<(), Problem> {
    let Some(to) = to else {
        let others = status.members.iter().any(|(id, member)| member.voter && *id != status.node);
        return if others { Ok(()) } else { Err(Problem::new(Code::NotVoter, "there is no other voter to lead")) };
    };
    match status.members.get(&to) {
        None => Err(Problem::new(Code::UnknownNode, format!("node {to} is not a member"))),
        Some(member) if !member.voter => Err(Problem::new(Code::NotVoter, format!("node {to} has no vote"))),
        Some(_) if to == status.node => Err(Problem::new(Code::AlreadyDone, format!("node {to} leads already"))),
        // What keeps it from leading is asked as well: of what has just changed a new leader has not heard.
        Some(_) if !(answers(house, to).await && house.node.look_at(to).await) => {
            Err(Problem::new(Code::Unreachable, format!("node {to} does not answer")))
        }
        Some(_) => must_not_lead(house, to),
    }
}

/// What keeps a member from leading, as far as it has been heard of here.
fn must_not_lead(house: &House, node: u64) -> Result<(), Problem> {
    if house.node.clock_is_off(node) {
        return Err(Problem::new(Code::ClockOff, format!("the clock of node {node} is too far off to lead")));
    }
    if house.node.is_read_only(node) {
        return Err(Problem::new(Code::DiskFull, format!("the disk of node {node} is full: it must not lead")));
    }
    Ok(())
}

/// Whether a member can get its vote.
fn may_vote(house: &House, status: &Status, node: u64, force: bool) -> Result<(), Problem> {
    let Some(member) = status.members.get(&node) else {
        return Err(Problem::new(Code::UnknownNode, format!("node {node} is not a member")));
    };
    if member.voter {
        return Err(Problem::new(Code::AlreadyDone, format!("node {node} votes already")));
    }
    let lag_max = house.state(|state| state.settings().get(&schema::AUTOPILOT_MAX_TRAILING_ENTRIES))?;
    let lag = member.matched_index.map(|matched| status.last_index.saturating_sub(matched));
    let caught_up = lag.is_some_and(|lag| i64::try_from(lag).unwrap_or(i64::MAX) <= lag_max);
    if !caught_up && !force {
        let text = match lag {
            Some(lag) => format!("node {node} is {lag} entries behind; at most {lag_max} are allowed"),
            None => format!("node {node} has not answered yet"),
        };
        return Err(Problem::new(Code::LearnerLagging, text));
    }
    Ok(())
}

/// Whether a node answers now. What was heard of it lately says nothing about one that died a moment ago.
async fn answers(house: &House, node: u64) -> bool {
    node == house.id().0 || house.node.ask(node, TOPIC_ALIVE, Bytes::new(), ALIVE_WITHIN).await.is_ok()
}

/// Refuses a removal after which the voters that are left and alive are no majority: the change could not be carried
/// through, and the cluster would stand still half-way.
async fn keeps_quorum(house: &House, status: &Status, node: u64) -> Result<(), Problem> {
    let Some(member) = status.members.get(&node) else {
        return Err(Problem::new(Code::UnknownNode, format!("node {node} is not a member")));
    };
    if !member.voter {
        return Ok(());
    }
    let left: Vec<u64> =
        status.members.iter().filter(|(id, member)| member.voter && **id != node).map(|(id, _)| *id).collect();
    let answered = join_all(left.iter().map(|id| answers(house, *id))).await;
    let alive = answered.into_iter().filter(|answered| *answered).count();
    if left.is_empty() || alive < left.len() / 2 + 1 {
        let text = format!("without node {node} there are {} voters, of which {alive} are alive", left.len());
        return Err(Problem::new(Code::WouldLoseQuorum, text));
    }
    Ok(())
}

/// Answers what a peer's house asks.
pub(super) async fn answer(house: &House, from: u64, topic: &str, body: &[u8]) -> Result<Bytes, Problem> {
    match topic {
        TOPIC_ALIVE => Ok(Bytes::new()),
        TOPIC_OPERATION => {
            let operation = postcard::from_bytes(body)
                .map_err(|error| Problem::new(Code::BadRequest, format!("the operation cannot be read: {error}")))?;
            perform(house, &operation).await.map(|()| Bytes::new())
        }
        TOPIC_DIGEST => {
            let index = body.try_into().map(u64::from_le_bytes).unwrap_or(0);
            Ok(house.node.digest_at(index).map_or(Bytes::new(), |digest| Bytes::copy_from_slice(&digest)))
        }
        TOPIC_RENEW => {
            tracing::info!(from, "a peer passed on the operator's wish to renew this node's certificate");
            house.renew_certificate()?;
            Ok(Bytes::new())
        }
        other => Err(Problem::new(Code::BadRequest, format!("there is no topic `{other}`"))),
    }
}

/// Asks a peer to renew its own certificate.
pub(super) async fn ask_renewal(house: &House, node: u64) -> Result<(), Problem> {
    if node == house.id().0 {
        return house.renew_certificate();
    }
    let asked = house.node.ask(node, TOPIC_RENEW, Bytes::new(), PATIENCE).await;
    asked.map(drop).map_err(|text| {
        serde_json::from_str(&text).unwrap_or_else(|_| Problem::new(Code::Unreachable, format!("node {node}: {text}")))
    })
}

/// A node's digest of all rows as of `index`, once it has it.
pub(super) async fn ask_digest(house: &House, node: u64, index: u64) -> Option<Digest> {
    let bytes = if node == house.id().0 {
        house.node.digest_at(index).map(|digest| Bytes::copy_from_slice(&digest))
    } else {
        let body = Bytes::copy_from_slice(&index.to_le_bytes());
        house.node.ask(node, TOPIC_DIGEST, body, HEARD_WITHIN).await.ok()
    };
    bytes?.as_ref().try_into().ok().map(Digest)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Goal: what somebody asks for is done only once it is on record, where the log judges it; what cannot be done leaves no
    /// record, and what fails is noted. Method: each step refused in turn, and none.
    #[tokio::test]
    async fn nothing_is_done_off_the_record() {
        for (refused, expected) in [
            ("question", vec!["question"]),
            ("record", vec!["question", "record"]),
            ("deed", vec!["question", "record", "deed", "note"]),
            ("", vec!["question", "record", "deed"]),
        ] {
            let steps = RefCell::new(Vec::new());
            let step = async |name: &'static str| {
                steps.borrow_mut().push(name);
                if name == refused { Err(Problem::new(Code::NotPermitted, name)) } else { Ok(()) }
            };
            let note = |_| async { steps.borrow_mut().push("note") };
            let done = on_record(step("question"), step("record"), step("deed"), note).await;
            assert_eq!(done.is_ok(), refused.is_empty());
            assert_eq!(*steps.borrow(), expected);
        }
    }

    /// Goal: who handed leadership over to whoever is fit hears who has it, also where this node hears of it late, or still
    /// believes in the leader before. Method: what a node knows as it changes from one look to the next.
    #[tokio::test(start_paused = true)]
    async fn a_successor_is_waited_for() {
        let [one, two] = [1, 2].map(|id| Some(NodeId(id)));
        for (seen, expected) in
            [(vec![one, None, None, two], two), (vec![two], two), (vec![None, one], None), (vec![one], None)]
        {
            let looks = RefCell::new(seen.iter().copied());
            let last = *seen.last().unwrap();
            let found = successor(NodeId(1), || looks.borrow_mut().next().unwrap_or(last)).await;
            assert_eq!(found, expected, "{seen:?}");
        }
    }
}
