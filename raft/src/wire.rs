//! The peer protocol's messages, and their translation to and from openraft's.

/// Generated from `proto/peer.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
pub(crate) mod proto {
    tonic::include_proto!("exchequer.peer.v1");
}

use crate::record;
use crate::types::{LogId, TypeConfig, Vote, log_id, term_of};

pub(crate) type AppendRpc = openraft::raft::AppendEntriesRequest<TypeConfig>;
pub(crate) type StreamResult = openraft::raft::StreamAppendResult<TypeConfig>;
pub(crate) type StreamError = openraft::raft::StreamAppendError<TypeConfig>;
pub(crate) type VoteRpc = openraft::raft::VoteRequest<TypeConfig>;
pub(crate) type VoteRpcReply = openraft::raft::VoteResponse<TypeConfig>;

/// A message that lacks a field or has an unknown kind.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the message has no usable {0}")]
pub(crate) struct Malformed(pub(crate) &'static str);

impl From<Malformed> for tonic::Status {
    fn from(malformed: Malformed) -> tonic::Status {
        tonic::Status::invalid_argument(malformed.to_string())
    }
}

pub(crate) fn id_out(id: LogId) -> proto::LogId {
    proto::LogId { term: term_of(&id), index: id.index }
}

pub(crate) fn id_in(id: proto::LogId) -> LogId {
    log_id(id.term, id.index)
}

pub(crate) fn vote_out(vote: &Vote) -> proto::Vote {
    let voted = record::voted(vote);
    proto::Vote { term: voted.term, node: voted.node, committed: voted.committed }
}

pub(crate) fn vote_in(vote: Option<proto::Vote>) -> Result<Vote, Malformed> {
    let vote = vote.ok_or(Malformed("vote"))?;
    Ok(record::vote_of(&exchequer_storage::Voted { term: vote.term, node: vote.node, committed: vote.committed }))
}

pub(crate) fn append_out(rpc: &AppendRpc) -> proto::AppendRequest {
    let entries = rpc
        .entries
        .iter()
        .map(|entry| {
            let (kind, body) = record::split(entry);
            proto::Entry { term: term_of(&entry.log_id), index: entry.log_id.index, kind: u32::from(kind), body }
        })
        .collect();
    proto::AppendRequest {
        vote: Some(vote_out(&rpc.vote)),
        previous: rpc.prev_log_id.map(id_out),
        entries,
        committed: rpc.leader_commit.map(id_out),
    }
}

pub(crate) fn append_in(message: proto::AppendRequest) -> Result<AppendRpc, Malformed> {
    let entries = message
        .entries
        .into_iter()
        .map(|entry| {
            let kind = u8::try_from(entry.kind).map_err(|_| Malformed("entry kind"))?;
            record::join(entry.term, entry.index, kind, entry.body).ok_or(Malformed("entry"))
        })
        .collect::<Result<Vec<_>, Malformed>>()?;
    Ok(AppendRpc {
        vote: vote_in(message.vote)?,
        prev_log_id: message.previous.map(id_in),
        entries,
        leader_commit: message.committed.map(id_in),
    })
}

pub(crate) fn append_reply_out(result: &StreamResult) -> proto::AppendReply {
    use proto::append_reply::Result as Out;
    let result = match result {
        Ok(last) => Out::Accepted(proto::Accepted { last: last.map(id_out) }),
        Err(StreamError::Conflict(id)) => Out::Conflict(id_out(*id)),
        Err(StreamError::HigherVote(vote)) => Out::Higher(vote_out(vote)),
    };
    proto::AppendReply { result: Some(result) }
}

pub(crate) fn append_reply_in(message: proto::AppendReply) -> Result<StreamResult, Malformed> {
    use proto::append_reply::Result as In;
    match message.result {
        Some(In::Accepted(accepted)) => Ok(Ok(accepted.last.map(id_in))),
        Some(In::Conflict(id)) => Ok(Err(StreamError::Conflict(id_in(id)))),
        Some(In::Higher(vote)) => Ok(Err(StreamError::HigherVote(vote_in(Some(vote))?))),
        None => Err(Malformed("result")),
    }
}

pub(crate) fn vote_request_out(rpc: &VoteRpc) -> proto::VoteRequest {
    proto::VoteRequest {
        vote: Some(vote_out(&rpc.vote)),
        last: rpc.last_log_id.map(id_out),
        transfer: rpc.leadership_transfer,
    }
}

pub(crate) fn vote_request_in(message: proto::VoteRequest) -> Result<VoteRpc, Malformed> {
    let mut rpc = VoteRpc::new(vote_in(message.vote)?, message.last.map(id_in));
    rpc.leadership_transfer = message.transfer;
    Ok(rpc)
}

pub(crate) fn vote_reply_out(reply: &VoteRpcReply) -> proto::VoteReply {
    proto::VoteReply {
        vote: Some(vote_out(&reply.vote)),
        granted: reply.vote_granted,
        last: reply.last_log_id.map(id_out),
    }
}

pub(crate) fn vote_reply_in(message: proto::VoteReply) -> Result<VoteRpcReply, Malformed> {
    Ok(VoteRpcReply::new(vote_in(message.vote)?, message.last.map(id_in), message.granted))
}
