//! Who belongs to the cluster, and changing it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};
use openraft::{ChangeMembers, RaftMetrics};

use super::Node;
use crate::machine::Machine;
use crate::types::{Address, TypeConfig};

/// One member as consensus knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberState {
    /// Its name and address.
    pub address: Address,
    /// Whether it votes.
    pub voter: bool,
    /// On the leader: the last entry it is known to have.
    pub matched_index: Option<u64>,
    /// On the leader: how long ago it last answered.
    pub heard: Option<Duration>,
}

/// Why the membership was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    /// This node does not lead.
    #[error("this node does not lead")]
    NotLeader,
    /// Another change is under way.
    #[error("another membership change is under way")]
    InProgress,
    /// There is no such member.
    #[error("node {0} is not a member")]
    Unknown(u64),
    /// What came of it is not known: look again.
    #[error("the change's outcome is unknown: {0}")]
    Unclear(String),
}

pub(super) fn members(metrics: &RaftMetrics<TypeConfig>) -> BTreeMap<u64, MemberState> {
    let membership = &metrics.membership_config;
    let voters: BTreeSet<u64> = membership.voter_ids().collect();
    let matched = |id: &u64| {
        let replication = metrics.replication.as_ref()?;
        Some(replication.get(id)?.as_ref()?.index)
    };
    let heard = |id: &u64| Some(openraft::Instant::elapsed(&**metrics.heartbeat.as_ref()?.get(id)?.as_ref()?));
    membership
        .nodes()
        .map(|(id, address)| {
            let state = MemberState {
                address: address.clone(),
                voter: voters.contains(id),
                matched_index: matched(id),
                heard: heard(id),
            };
            (*id, state)
        })
        .collect()
}

type WriteError = RaftError<TypeConfig, ClientWriteError<TypeConfig>>;

fn translate(error: WriteError) -> MembershipError {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(_)) => MembershipError::NotLeader,
        RaftError::APIError(ClientWriteError::ChangeMembershipError(change)) => match change {
            ChangeMembershipError::InProgress(_) | ChangeMembershipError::UncommittedLeaderLog(_) => {
                MembershipError::InProgress
            }
            ChangeMembershipError::LearnerNotFound(missing) => MembershipError::Unknown(missing.node_id),
            other @ (ChangeMembershipError::EmptyMembership(_)
            | ChangeMembershipError::UnsupportedMembershipTransition(_)
            | ChangeMembershipError::NodeMetadataChanged(_)) => MembershipError::Unclear(other.to_string()),
        },
        RaftError::APIError(ClientWriteError::PreconditionFailed(_)) => MembershipError::InProgress,
        other @ (RaftError::APIError(ClientWriteError::LogEntryDiscarded(_)) | RaftError::Fatal(_)) => {
            MembershipError::Unclear(other.to_string())
        }
    }
}

impl<M: Machine> Node<M> {
    /// Makes the first membership of a new cluster, with this node alone.
    ///
    /// # Errors
    /// The node already has a log.
    pub async fn found(&self, address: Address) -> Result<(), MembershipError> {
        let members = BTreeMap::from([(self.id(), address)]);
        self.inner.raft.initialize(members).await.map_err(|error| MembershipError::Unclear(error.to_string()))
    }

    /// Whether this node has ever been part of a cluster.
    ///
    /// # Errors
    /// The node is stopping.
    pub async fn is_founded(&self) -> Result<bool, MembershipError> {
        self.inner.raft.is_initialized().await.map_err(|error| MembershipError::Unclear(error.to_string()))
    }

    /// Adds a node without a vote; it begins to receive the log.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn add_learner(&self, node: u64, address: Address) -> Result<(), MembershipError> {
        self.inner.raft.add_learner(node, address, false).await.map(drop).map_err(translate)
    }

    /// Gives votes to learners, all in one change.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn promote(&self, nodes: BTreeSet<u64>) -> Result<(), MembershipError> {
        self.change(ChangeMembers::AddVoterIds(nodes), true).await
    }

    /// Takes the vote from a node and leaves it as a learner.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn demote(&self, node: u64) -> Result<(), MembershipError> {
        self.change(ChangeMembers::RemoveVoters(BTreeSet::from([node])), true).await
    }

    /// Removes a node, voter or learner.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn remove(&self, node: u64) -> Result<(), MembershipError> {
        let (known, voter) = {
            let metrics = self.inner.raft.metrics();
            let metrics = metrics.borrow_watched();
            let membership = &metrics.membership_config;
            (membership.get_node(&node).is_some(), membership.voter_ids().any(|id| id == node))
        };
        if !known {
            return Err(MembershipError::Unknown(node));
        }
        let nodes = BTreeSet::from([node]);
        let change = if voter { ChangeMembers::RemoveVoters(nodes) } else { ChangeMembers::RemoveNodes(nodes) };
        self.change(change, false).await
    }

    /// Records a node's new address.
    ///
    /// # Errors
    /// See [`MembershipError`].
    pub async fn set_address(&self, node: u64, address: Address) -> Result<(), MembershipError> {
        self.change(ChangeMembers::SetNodes(BTreeMap::from([(node, address)])), true).await
    }

    async fn change(&self, change: ChangeMembers<u64, Address>, retain: bool) -> Result<(), MembershipError> {
        self.inner.raft.change_membership(change, retain).await.map(drop).map_err(translate)
    }
}
