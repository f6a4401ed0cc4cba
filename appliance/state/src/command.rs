//! Commands: what anyone may ask of the replicated state.
//!
//! Encoded as version byte, header, body. The bytes of the body alone are hashed to tell a repeated command from a
//! reused id, so that a repeat through another node or epoch is still the same command.

use exchequer_domain::{CommandId, NodeId};
use serde::{Deserialize, Serialize};

use crate::apply::{
    AdmitNode, Bootstrap, CreateJoinToken, PutScratch, RaiseVersion, RecordAction, Reform, RemoveNode, RequestDigest,
    RevertSettings, RotateAuthority, RotateOperatorToken, SetSetting, UpdateNode,
};
use crate::codec::{self, DecodeError};

/// A longer encoded command is refused. Fits the largest scratch value and the largest authority.
pub const COMMAND_BYTES_MAX: usize = 128 << 10;

/// The tag of [`Body::PutScratch`], the one variant whose cold key is looked up ahead of `apply`.
const PUT_SCRATCH_TAG: u8 = 10;

/// One command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Chosen by the sender; the same id takes effect once at most.
    pub id: CommandId,
    /// On whose behalf.
    pub actor: Actor,
    /// Leader-only work carries the epoch it was started in; refused when another one is current. A refusal is
    /// remembered like any outcome, so an id derived from the work must have the epoch mixed in.
    pub epoch: Option<u64>,
    /// What is asked.
    pub body: Body,
}

/// On whose behalf a command is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// A holder of the operator token.
    Operator,
    /// A node by itself.
    Node(NodeId),
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Actor::Operator => f.write_str("operator"),
            Actor::Node(id) => write!(f, "node {id}"),
        }
    }
}

/// What is asked. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// Makes the cluster; accepted once.
    Bootstrap(Box<Bootstrap>),
    /// Changes one setting.
    SetSetting(SetSetting),
    /// Brings every setting back to its value as of a revision.
    RevertSettings(RevertSettings),
    /// Makes a one-time token for a node to join with.
    CreateJoinToken(CreateJoinToken),
    /// Enters a node into the registry.
    AdmitNode(Box<AdmitNode>),
    /// Changes addresses, version or key of a node.
    UpdateNode(Box<UpdateNode>),
    /// Marks a node as removed, for ever.
    RemoveNode(RemoveNode),
    /// Replaces the cluster's certificate authority.
    RotateAuthority(RotateAuthority),
    /// Replaces the operator token.
    RotateOperatorToken(RotateOperatorToken),
    /// Puts something done outside the state on the audit record.
    RecordAction(RecordAction),
    /// Writes a scratch value; sandbox clusters only.
    PutScratch(PutScratch),
    /// Makes every node hash all its rows as of this entry.
    Digest(RequestDigest),
    /// Switches the cluster to newer rules.
    RaiseVersion(RaiseVersion),
    /// Begins a new lineage with one node.
    Reform(Box<Reform>),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Header {
    pub(crate) id: CommandId,
    pub(crate) actor: Actor,
    pub(crate) epoch: Option<u64>,
}

impl Command {
    /// The bytes that go into the log.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let header = Header { id: self.id, actor: self.actor, epoch: self.epoch };
        codec::append(codec::encode(&header), &self.body)
    }

    /// Reads what [`Command::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are not a command, or one of a newer program.
    pub fn decode(bytes: &[u8]) -> Result<Command, DecodeError> {
        let (Header { id, actor, epoch }, body) = split(bytes)?;
        Ok(Command { id, actor, epoch, body: codec::whole(body)? })
    }
}

/// The header and the bytes of the body.
pub(crate) fn split(bytes: &[u8]) -> Result<(Header, &[u8]), DecodeError> {
    codec::take(codec::content(bytes)?)
}

/// The scratch key that a body writes, if it writes one.
pub(crate) fn scratch_key(body: &[u8]) -> Option<&[u8]> {
    match body.split_first() {
        Some((&PUT_SCRATCH_TAG, rest)) => codec::take(rest).ok().map(|(key, _)| key),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: prefetching finds the key that a scratch command will read, and none in another command. Method: the key
    /// cut out of encoded bodies.
    #[test]
    fn finds_the_scratch_key_in_the_body() {
        let put = Body::PutScratch(PutScratch { key: b"k".to_vec(), value: b"v".to_vec(), expect: Some(3) });
        assert_eq!(scratch_key(&codec::append(Vec::new(), &put)), Some(b"k".as_slice()));
        assert_eq!(scratch_key(&codec::append(Vec::new(), &Body::Digest(RequestDigest {}))), None);
        assert_eq!(scratch_key(&[]), None);
    }
}
