//! Answering peers.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::{Stream, StreamExt};
use openraft::raft::TransferLeaderRequest;
use tonic::{Request, Response, Status, Streaming};

use crate::apply::snapshot_of;
use crate::machine::Machine;
use crate::net::{HEADER_CLUSTER, HEADER_FROM, HEADER_KEPT, HEADER_LINEAGE, HEADER_TO, MESSAGE_BYTES_MAX};
use crate::node::{Inner, ProposeError};
use crate::wire::proto::peer_server::{Peer, PeerServer};
use crate::wire::{self, proto};

/// Who is at the other end of a connection, as its certificate proves. Put into each request's extensions by the
/// acceptor; absent in a simulation without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerIdentity(pub u64);

/// The peer service of one node.
pub(crate) struct Service<M: Machine> {
    pub(crate) inner: Arc<Inner<M>>,
}

impl<M: Machine> Service<M> {
    pub(crate) fn into_server(self) -> PeerServer<Self> {
        PeerServer::new(self).max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Refuses a call that was meant for another cluster, lineage or node, or that comes from a node other than the
    /// one whose certificate it shows, or from one that was removed.
    fn admit<T>(&self, request: &Request<T>) -> Result<u64, Status> {
        let us = &self.inner.us;
        let header = |name: &str| request.metadata().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        let number = |name: &str| header(name).parse::<u64>().unwrap_or(0);
        let cluster: String = us.cluster.iter().map(|byte| format!("{byte:02x}")).collect();
        if header(HEADER_CLUSTER) != cluster {
            return Err(Status::failed_precondition("EXQ-0301: the call was meant for another cluster"));
        }
        if number(HEADER_LINEAGE) != us.lineage {
            return Err(Status::failed_precondition("EXQ-0316: the call comes from another lineage of the cluster"));
        }
        if number(HEADER_TO) != us.node {
            let text = format!("EXQ-0302: the call was meant for node {}, this is node {}", header(HEADER_TO), us.node);
            return Err(Status::failed_precondition(text));
        }
        let from = number(HEADER_FROM);
        if let Some(PeerIdentity(proven)) = request.extensions().get::<PeerIdentity>()
            && *proven != from
        {
            let text = format!("EXQ-0208: the certificate is node {proven}'s, the call says node {from}");
            return Err(Status::permission_denied(text));
        }
        if self.inner.is_removed(from) {
            return Err(Status::permission_denied(format!("EXQ-0310: node {from} was removed from the cluster")));
        }
        // Before the call is answered: a node that was put back in time must not vote or acknowledge a second time.
        if let Ok(remembered) = header(HEADER_KEPT).parse()
            && let Some(detail) = self.inner.recall(from, remembered)
        {
            return Err(Status::failed_precondition(format!("EXQ-0505: {detail}")));
        }
        Ok(from)
    }

    /// Refuses a snapshot where it would fill what is left of the disk: the votes need that.
    fn has_room(&self) -> Result<(), Status> {
        match self.inner.has_room() {
            true => Ok(()),
            false => Err(Status::resource_exhausted("EXQ-0501: no room for a snapshot")),
        }
    }

    /// Refuses to vote for a node that has forgotten entries which it is known to have acknowledged: they may be on no
    /// other disk that it needs.
    fn has_its_log(&self, from: u64, rpc: &wire::VoteRpc) -> Result<(), Status> {
        let last = rpc.last_log_id.map_or(0, |id| id.index);
        match self.inner.network.memory.of(from) {
            Some(kept) if kept.index > last => {
                let text = format!("EXQ-0505: node {from} had entry {}, and now ends at {last}", kept.index);
                Err(Status::failed_precondition(text))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn stopped(error: impl std::fmt::Display) -> Status {
    Status::unavailable(error.to_string())
}

/// A received snapshot that is not what its manifest says: the sender is to look at its own.
fn incomplete(error: std::io::Error) -> Status {
    if error.kind() == std::io::ErrorKind::InvalidData {
        return Status::data_loss(format!("EXQ-0602: {error}"));
    }
    stopped(error)
}

#[tonic::async_trait]
impl<M: Machine> Peer for Service<M> {
    type AppendStream = Pin<Box<dyn Stream<Item = Result<proto::AppendReply, Status>> + Send>>;

    async fn append(
        &self,
        request: Request<Streaming<proto::AppendRequest>>,
    ) -> Result<Response<Self::AppendStream>, Status> {
        self.admit(&request)?;
        let inner = self.inner.clone();
        // A message that cannot be read ends the stream; the leader opens another one.
        let requests = request.into_inner().scan((), move |(), message| {
            let rpc = message.ok().and_then(|message| wire::append_in(message).ok());
            // A disk that is full or far behind takes heartbeats, but no entries.
            std::future::ready(rpc.filter(|rpc| rpc.entries.is_empty() || inner.takes_entries()))
        });
        let replies = self.inner.raft.stream_append(requests).map(|result| match result {
            Ok(result) => Ok(wire::append_reply_out(&result)),
            Err(fatal) => Err(stopped(fatal)),
        });
        Ok(Response::new(Box::pin(replies)))
    }

    async fn vote(&self, request: Request<proto::VoteRequest>) -> Result<Response<proto::VoteReply>, Status> {
        let from = self.admit(&request)?;
        let rpc = wire::vote_request_in(request.into_inner())?;
        self.has_its_log(from, &rpc)?;
        let reply = self.inner.raft.vote(rpc).await.map_err(stopped)?;
        Ok(Response::new(wire::vote_reply_out(&reply)))
    }

    async fn pre_vote(&self, request: Request<proto::VoteRequest>) -> Result<Response<proto::VoteReply>, Status> {
        let from = self.admit(&request)?;
        let rpc = wire::vote_request_in(request.into_inner())?;
        self.has_its_log(from, &rpc)?;
        let reply = self.inner.raft.pre_vote(rpc).await.map_err(stopped)?;
        Ok(Response::new(wire::vote_reply_out(&reply)))
    }

    async fn transfer_leader(
        &self,
        request: Request<proto::TransferRequest>,
    ) -> Result<Response<proto::TransferReply>, Status> {
        self.admit(&request)?;
        if !self.inner.may_stand.load(Ordering::Relaxed) {
            let refusal = "this node must not lead: its clock is off, or its disk is full".to_owned();
            return Ok(Response::new(proto::TransferReply { refusal }));
        }
        let message = request.into_inner();
        let rpc = TransferLeaderRequest::new(wire::vote_in(message.leader)?, message.to, message.last.map(wire::id_in));
        let refusal = match self.inner.raft.handle_transfer_leader(rpc).await.map_err(stopped)? {
            Ok(()) => String::new(),
            Err(refusal) => refusal.to_string(),
        };
        Ok(Response::new(proto::TransferReply { refusal }))
    }

    async fn offer_snapshot(
        &self,
        request: Request<proto::SnapshotOffer>,
    ) -> Result<Response<proto::SnapshotHeld>, Status> {
        self.admit(&request)?;
        self.has_room()?;
        let manifest = exchequer_storage::Manifest::decode("offer".as_ref(), &request.into_inner().manifest)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        let disk = self.inner.disk.clone();
        let bytes = self.inner.blocking(move || disk.begin_receive(&manifest)).await.map_err(stopped)?;
        Ok(Response::new(proto::SnapshotHeld { bytes }))
    }

    async fn send_snapshot(
        &self,
        request: Request<Streaming<proto::SnapshotPiece>>,
    ) -> Result<Response<proto::SnapshotReply>, Status> {
        let from = self.admit(&request)?;
        let mut pieces = request.into_inner();
        let first = pieces.message().await?.ok_or_else(|| Status::invalid_argument("the stream is empty"))?;
        let vote = wire::vote_in(first.vote)?;
        let manifest = exchequer_storage::Manifest::decode("snapshot".as_ref(), &first.manifest)
            .map_err(|error| Status::invalid_argument(error.to_string()))?;
        tracing::info!(from, snapshot = %manifest.name, bytes = manifest.total_bytes(), "receiving a snapshot");
        // Waiting for the disk must not hold up the heartbeats on this thread.
        let (disk, manifest) = (&self.inner.disk, Arc::new(manifest));
        while let Some(piece) = pieces.message().await? {
            self.has_room()?;
            if crc32fast::hash(&piece.bytes) != piece.crc32 {
                return Err(Status::data_loss("EXQ-0602: a piece of the snapshot was damaged on its way"));
            }
            let (disk, into) = (disk.clone(), manifest.clone());
            let writing = move || disk.write_piece(&into, piece.file as usize, piece.offset, &piece.bytes);
            self.inner.blocking(writing).await.map_err(stopped)?;
        }
        let finishing = disk.clone();
        let finished = manifest.clone();
        self.inner.blocking(move || finishing.finish_receive(&finished)).await.map_err(incomplete)?;
        let snapshot = snapshot_of(&manifest).ok_or_else(|| Status::invalid_argument("the note cannot be read"))?;
        let reply = self.inner.raft.install_full_snapshot(vote, snapshot).await.map_err(stopped)?;
        tracing::info!(from, snapshot = %manifest.name, "the snapshot is installed");
        Ok(Response::new(proto::SnapshotReply { vote: Some(wire::vote_out(&reply.vote)) }))
    }

    async fn forward(&self, request: Request<proto::ForwardRequest>) -> Result<Response<proto::ForwardReply>, Status> {
        self.admit(&request)?;
        let result = self.inner.propose_here(request.into_inner().commands).await;
        let leader = self.inner.leader().map_or(0, |(id, _)| id);
        let mut reply = proto::ForwardReply { leader, ..proto::ForwardReply::default() };
        match result {
            Ok(committed) => {
                reply.outcomes = committed.outcomes;
                reply.at = Some(proto::LogId { term: committed.term, index: committed.index });
            }
            Err(ProposeError::NoLeader) => reply.status = 1,
            Err(ProposeError::Unknown) => reply.status = 2,
            Err(ProposeError::Overloaded) => reply.status = 3,
            Err(ProposeError::ReadOnly) => reply.status = 4,
        }
        Ok(Response::new(reply))
    }

    async fn read_index(
        &self,
        request: Request<proto::ReadIndexRequest>,
    ) -> Result<Response<proto::ReadIndexReply>, Status> {
        self.admit(&request)?;
        let index = self.inner.read_index_here().await;
        Ok(Response::new(proto::ReadIndexReply { ready: index.is_some(), index: index.unwrap_or(0) }))
    }

    async fn beacon(&self, request: Request<proto::BeaconRequest>) -> Result<Response<proto::BeaconReply>, Status> {
        let from = self.admit(&request)?;
        Ok(Response::new(self.inner.beacon(from, &request.into_inner())))
    }

    async fn ask(&self, request: Request<proto::AskRequest>) -> Result<Response<proto::AskReply>, Status> {
        let from = self.admit(&request)?;
        let message = request.into_inner();
        let reply = match self.inner.answer(from, message.topic, message.body).await {
            Ok(body) => proto::AskReply { body, problem: String::new() },
            Err(problem) => proto::AskReply { body: bytes::Bytes::new(), problem },
        };
        Ok(Response::new(reply))
    }
}
