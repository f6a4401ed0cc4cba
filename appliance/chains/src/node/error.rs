//! Why a node has no answer for us.

use crate::TxError;
use crate::rpc::RpcError;

/// Why a question to a node came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The way to it.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// Parts of its answer do not fit each other yet, as of a replica that lags: ask again, or elsewhere.
    #[error("the node's answer is not whole: {0}")]
    Incomplete(String),
    /// It is not set up for what we need.
    #[error("the node is not set up for this: {0}")]
    Unfit(&'static str),
    /// It does not keep the state of that block any more.
    #[error("the node has forgotten the state of that block: ask one that keeps it, or for a later block")]
    Pruned,
    /// The question has no meaning on this network.
    #[error("this network has no such thing: {0}")]
    NoSuchThing(&'static str),
    /// What is asked about is not of this network.
    #[error(transparent)]
    Chain(#[from] TxError),
}

impl NodeError {
    pub(crate) fn incomplete(what: impl Into<String>) -> NodeError {
        NodeError::Incomplete(what.into())
    }

    pub(crate) fn unreadable(what: impl std::fmt::Display) -> NodeError {
        NodeError::Rpc(RpcError::unreadable(what))
    }

    /// Whether it is the endpoint's fault, for its health.
    #[must_use]
    pub const fn blames_endpoint(&self) -> bool {
        match self {
            NodeError::Rpc(RpcError::Refused { .. }) | NodeError::Pruned => false,
            NodeError::NoSuchThing(_) | NodeError::Chain(_) => false,
            NodeError::Rpc(_) | NodeError::Incomplete(_) | NodeError::Unfit(_) => true,
        }
    }
}
