//! The types openraft is set up with. Nothing outside this crate sees them, and nothing of them is written to disk or
//! wire: [`crate::record`] and [`crate::wire`] have formats of their own.

use std::fmt;

use bytes::Bytes;
use openraft::vote::leader_id_std;

use crate::runtime::Runtime;
use crate::stages::ApplyWork;

openraft::declare_raft_types!(
    /// How this crate uses openraft.
    pub(crate) TypeConfig:
        D = Payload,
        R = Reply,
        NodeId = u64,
        Node = Address,
        Term = u64,
        // One leader a term, so that a term names its leader.
        LeaderId = leader_id_std::LeaderId<u64, u64>,
        AsyncRuntime = Runtime,
);

pub(crate) type LogId = openraft::LogId<leader_id_std::CommittedLeaderId<u64>>;
pub(crate) type CommittedTerm = leader_id_std::CommittedLeaderId<u64>;
pub(crate) type Vote = openraft::Vote<leader_id_std::LeaderId<u64, u64>>;
pub(crate) type Entry = openraft::alias::EntryOf<TypeConfig>;
pub(crate) type EntryPayload = openraft::EntryPayload<Payload, u64, Address>;
pub(crate) type Membership = openraft::Membership<u64, Address>;
pub(crate) type StoredMembership = openraft::alias::StoredMembershipOf<TypeConfig>;
pub(crate) type SnapshotMeta = openraft::alias::SnapshotMetaOf<TypeConfig>;
pub(crate) type Raft<M> = openraft::Raft<TypeConfig, crate::apply::StateMachine<M>>;

pub(crate) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new_term_index(term, index)
}

pub(crate) fn term_of(id: &LogId) -> u64 {
    id.committed_leader_id().term
}

/// Where a node can be reached by its peers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// The node's name, for people.
    pub name: String,
    /// `host:port` of the peer protocol.
    pub peer: String,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.peer)
    }
}

/// The encoded content of a log entry: see [`crate::body`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Payload(pub(crate) Bytes);

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// What applying an entry answered: one outcome a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) outcomes: Vec<Bytes>,
    /// When and for how long it was applied; none for the default, which nothing was applied for.
    pub(crate) work: Option<ApplyWork>,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} outcomes", self.outcomes.len())
    }
}
