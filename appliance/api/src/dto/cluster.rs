//! Requests that change the cluster, and their answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{CommandIdText, HashText, Moment, Reason, Span};

/// `POST /v1/cluster/join`: what a new node shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// The join token's text.
    pub token: String,
    /// The name the node wants.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Where clients will reach it.
    pub api_address: String,
    /// Where its peers will reach it.
    pub peer_address: String,
    /// Its certificate request, DER in base64.
    pub certificate_request: String,
    /// The release it runs.
    pub release: String,
    /// The highest logic version it can apply.
    pub logic: u32,
    /// The node it takes the place of; where it is given it must be the token's.
    pub replaces: Option<u64>,
}

/// What an admitted node gets. It travels inside the join's TLS and nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JoinReply {
    /// Its id, never used before.
    pub node_id: u64,
    /// The cluster, hexadecimal.
    pub cluster_id: String,
    /// The cluster's lineage.
    pub lineage: u64,
    /// Whether the cluster is a sandbox.
    pub sandbox: bool,
    /// Its certificate, DER in base64.
    pub certificate: String,
    /// The authorities to trust, DER in base64.
    pub authorities: Vec<String>,
    /// The cluster's keyring.
    pub keyring: String,
}

impl std::fmt::Debug for JoinReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinReply").field("node_id", &self.node_id).finish_non_exhaustive()
    }
}

/// A node as a request names it: its id, or the name of a node that was not removed. Digits alone are an id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum NodeRef {
    /// Its id.
    Id(u64),
    /// Its name, or its id as text.
    Name(String),
}

/// `POST /v1/cluster/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// How long it can be used, such as `15m`; the setting `join.token_ttl` where none is given.
    #[schemars(with = "Option<Span>")]
    pub ttl: Option<String>,
    /// The node whose place the new one takes: it is removed once the new one votes.
    #[serde(default)]
    pub replace: Option<NodeRef>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
}

/// The answer to [`CreateToken`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CreatedToken {
    /// The token's text, shown this once.
    pub token: String,
    /// It cannot be used from this moment on.
    #[schemars(with = "Moment")]
    pub expires_at: String,
}

/// `POST /v1/cluster/learners`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddLearner {
    /// A node that was admitted, but is not a member.
    pub node: NodeRef,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
}

/// `POST /v1/cluster/promote`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Promote {
    /// The learner.
    pub node: NodeRef,
    /// Whether to skip the check that it is caught up.
    #[serde(default)]
    pub force: bool,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
}

/// `POST /v1/cluster/remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveNode {
    /// The node; its id is never used again.
    pub node: NodeRef,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
}

/// `POST /v1/cluster/transfer-leader`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferLeader {
    /// Who shall lead; the voter furthest ahead where none is given.
    pub to: Option<NodeRef>,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
}

/// A node by id and name: the answer to requests about one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NamedNode {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub node: String,
}

/// `POST /v1/cluster/certificates/rotate`. The answer is [`Accepted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateCertificates {
    /// The node whose certificate is renewed; every member where none is given.
    pub node: Option<NodeRef>,
    /// Whether to make a new authority and renew every certificate; not together with `node`.
    #[serde(default)]
    pub authority: bool,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
}

/// The answer to a change that has nothing else to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {}

/// `POST /v1/snapshot` and `/v1/keyring/export`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithReason {
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
}

/// The answer of `POST /v1/keyring/export`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExportedKeyring {
    /// The keyring in its export form.
    pub keyring: String,
}

/// `POST /v1/operator-token/rotate`. The client draws the token, so that it is known before the old one is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateOperatorToken {
    /// BLAKE3 of the new token's secret, hexadecimal.
    #[schemars(with = "HashText")]
    pub new_hash: String,
    /// Why; kept in the audit.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// The id under which it is sent; the same id takes effect once at most.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`RotateOperatorToken`]. The old token is refused from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorTokenRotated {
    /// The entry that changed it.
    pub index: u64,
    /// The id under which it was sent.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `POST /v1/cluster/verify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// How long to wait for every node's hash, such as `2m`; a minute where none is given, ten at most.
    #[schemars(with = "Option<Span>")]
    pub patience: Option<String>,
}

/// The answer to [`Verify`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verified {
    /// The hashes are as of this entry.
    pub index: u64,
    /// Whether every node answered and all hashes are the same.
    pub agree: bool,
    /// The members, by id.
    pub nodes: Vec<NodeHash>,
}

/// One node in [`Verified`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeHash {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub node: String,
    /// The hash over all its rows; none where it did not answer in time.
    #[schemars(with = "Option<HashText>")]
    pub hash: Option<String>,
}
