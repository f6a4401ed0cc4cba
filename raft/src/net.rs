//! Calling a peer: connections, the headers that say who is meant, and openraft's network on top.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use hyper_util::rt::TokioIo;
use openraft::AnyError;
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{
    Backoff, NetBackoff, NetSnapshot, NetStreamAppend, NetTransferLeader, NetVote, RPCOption, RaftNetworkFactory,
};
use openraft::raft::{SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tonic::Request;
use tonic::codegen::InterceptedService;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::apply::SnapshotFolder;
use crate::memory::Memory;
use crate::sending::{Files, sending};
use crate::types::{Address, TypeConfig, Vote};
use crate::wire::proto::peer_client::PeerClient;
use crate::wire::{self, AppendRpc, StreamResult, VoteRpc, VoteRpcReply, proto};

type Rpc = RPCError<TypeConfig>;
type SnapshotToSend = openraft::alias::SnapshotOf<TypeConfig, SnapshotFolder>;

/// Which cluster this node belongs to, and which node it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The cluster, 128 bits.
    pub cluster: [u8; 16],
    /// Raised when the cluster is restored or recovered; members of an older lineage are refused.
    pub lineage: u64,
    /// This node.
    pub node: u64,
}

/// A connection's bytes.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Io for T {}

/// A connection being made.
pub type Dialling = Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send>>;

/// Makes connections to peers: TCP with mutual TLS in production, a simulated network in tests.
pub trait Dialer: Send + Sync + 'static {
    /// Connects to `address`, where node `target` is to be found.
    fn dial(&self, address: &str, target: u64) -> Dialling;
}

/// Bytes a message may have: an entry of a thousand maximal batches never comes near.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// How long a committed id waits for entries that take it along; the applied state of followers is later by as much.
const COMMITTED_PAUSE: Duration = Duration::from_millis(2);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
const KEEP_ALIVE: Duration = Duration::from_millis(500);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_millis(1000);

pub(crate) const HEADER_CLUSTER: &str = "exq-cluster";
pub(crate) const HEADER_LINEAGE: &str = "exq-lineage";
pub(crate) const HEADER_FROM: &str = "exq-from";
pub(crate) const HEADER_TO: &str = "exq-to";
pub(crate) const HEADER_KEPT: &str = "exq-kept";

/// Puts on every call which cluster and node are meant, and what is remembered of that node.
#[derive(Clone)]
pub(crate) struct Envelope {
    fixed: [(&'static str, MetadataValue<Ascii>); 4],
    target: u64,
    memory: Memory,
}

impl Envelope {
    fn new(us: &Membership, target: u64, memory: Memory) -> Envelope {
        let hex: String = us.cluster.iter().map(|byte| format!("{byte:02x}")).collect();
        // Hexadecimal digits are always a valid header.
        let cluster = MetadataValue::try_from(hex).unwrap_or(MetadataValue::from_static(""));
        let fixed = [
            (HEADER_CLUSTER, cluster),
            (HEADER_LINEAGE, us.lineage.into()),
            (HEADER_FROM, us.node.into()),
            (HEADER_TO, target.into()),
        ];
        Envelope { fixed, target, memory }
    }
}

impl Interceptor for Envelope {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, tonic::Status> {
        for (name, value) in &self.fixed {
            request.metadata_mut().insert(*name, value.clone());
        }
        if let Some(Ok(kept)) = self.memory.of(self.target).map(|kept| MetadataValue::try_from(kept.to_string())) {
            request.metadata_mut().insert(HEADER_KEPT, kept);
        }
        Ok(request)
    }
}

pub(crate) type Client = PeerClient<InterceptedService<Channel, Envelope>>;

/// Makes clients for peers.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) us: Membership,
    pub(crate) dialer: Arc<dyn Dialer>,
    pub(crate) files: Files,
    /// What the other nodes were seen to keep.
    pub(crate) memory: Memory,
    /// Where each member is, as the membership says now.
    pub(crate) addresses: Arc<Mutex<BTreeMap<u64, String>>>,
}

impl Network {
    /// A client for `target` at `address`. It connects when it is first used and again when the connection breaks, at
    /// the member's present address: consensus keeps its clients for as long as a leader leads.
    pub(crate) fn client(&self, target: u64, address: &str) -> Client {
        let dialer = self.dialer.clone();
        let dialled = address.to_owned();
        let addresses = self.addresses.clone();
        let connect = tower::service_fn(move |_: Uri| {
            let address = addresses.lock().get(&target).cloned().unwrap_or_else(|| dialled.clone());
            let dialer = dialer.clone();
            async move {
                // The peer is asked for by name at each connection, so a changed address record is followed.
                let io = tokio::time::timeout(CONNECT_TIMEOUT, dialer.dial(&address, target))
                    .await
                    .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
                Ok::<_, io::Error>(TokioIo::new(io))
            }
        });
        let channel = Endpoint::from_static("http://peer")
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(8 << 20)
            .initial_connection_window_size(16 << 20)
            .tcp_nodelay(true)
            .connect_with_connector_lazy(connect);
        PeerClient::with_interceptor(channel, Envelope::new(&self.us, target, self.memory.clone()))
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Connection;

    async fn new_client(&mut self, target: u64, node: &Address) -> Connection {
        Connection { client: self.client(target, &node.peer), files: self.files.clone() }
    }
}

/// A connection to one peer, for one purpose: replication, heartbeats and snapshots have one each, so that none of
/// them queues behind another.
pub(crate) struct Connection {
    client: Client,
    files: Files,
}

fn unreachable(status: &tonic::Status) -> Rpc {
    match status.code() {
        tonic::Code::Unavailable | tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => {
            RPCError::Network(NetworkError::new(&AnyError::error(status.to_string())))
        }
        _ => RPCError::Unreachable(Unreachable::new(&AnyError::error(status.to_string()))),
    }
}

fn malformed(error: wire::Malformed) -> Rpc {
    RPCError::Unreachable(Unreachable::new(&AnyError::error(error)))
}

async fn within<T>(ttl: Duration, call: impl Future<Output = Result<T, tonic::Status>>) -> Result<T, Rpc> {
    match tokio::time::timeout(ttl, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(status)) => Err(unreachable(&status)),
        Err(_) => Err(RPCError::Network(NetworkError::new(&AnyError::error("no answer in time")))),
    }
}

impl NetBackoff<TypeConfig> for Connection {
    fn backoff(&self) -> Option<Backoff> {
        None
    }
}

impl NetStreamAppend<TypeConfig> for Connection {
    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Result<StreamResult, Rpc>>, Rpc>>
    where
        S: Stream<Item = AppendRpc> + Send + Unpin + 'static,
    {
        Box::pin(async move {
            let _ = option;
            let mut input = input;
            // openraft backs off inside the stream of requests. A connection that fails before anybody asks that stream
            // would be tried again at once, and again, by a leader that does nothing else.
            let Some(first) = input.next().await else {
                let nothing: BoxStream<'s, _> = Box::pin(futures::stream::empty());
                return Ok(nothing);
            };
            let requests = futures::stream::iter([first]).chain(sparing(input)).map(|rpc| wire::append_out(&rpc));
            let replies = self.client.append(requests).await.map_err(|status| unreachable(&status))?.into_inner();
            let results = replies.map(|reply| match reply {
                Ok(reply) => wire::append_reply_in(reply).map_err(malformed),
                Err(status) => Err(unreachable(&status)),
            });
            let results: BoxStream<'s, _> = Box::pin(results);
            Ok(results)
        })
    }
}

/// Keeps back, for a moment, requests that bring nothing but a newer committed id: under load the next entries bring it
/// along. A message of its own after every entry would double what goes over the network.
fn sparing(input: impl Stream<Item = AppendRpc> + Send + Unpin) -> impl Stream<Item = AppendRpc> + Send {
    futures::stream::unfold(input.fuse(), |mut input| async move {
        let mut request = input.next().await?;
        let deadline = tokio::time::Instant::now() + COMMITTED_PAUSE;
        while request.entries.is_empty() {
            match tokio::time::timeout_at(deadline, input.next()).await {
                Ok(Some(newer)) => request = newer,
                Ok(None) | Err(_) => break,
            }
        }
        Some((request, input))
    })
}

impl NetVote<TypeConfig> for Connection {
    async fn vote(&mut self, rpc: VoteRpc, option: RPCOption) -> Result<VoteRpcReply, Rpc> {
        let call = self.client.vote(wire::vote_request_out(&rpc));
        let reply = within(option.hard_ttl(), call).await?;
        wire::vote_reply_in(reply.into_inner()).map_err(malformed)
    }

    async fn pre_vote(&mut self, rpc: VoteRpc, option: RPCOption) -> Result<VoteRpcReply, Rpc> {
        let call = self.client.pre_vote(wire::vote_request_out(&rpc));
        let reply = within(option.hard_ttl(), call).await?;
        wire::vote_reply_in(reply.into_inner()).map_err(malformed)
    }
}

impl NetTransferLeader<TypeConfig> for Connection {
    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, Rpc> {
        let message = proto::TransferRequest {
            leader: Some(wire::vote_out(request.from_leader())),
            to: *request.to_node_id(),
            last: request.last_log_id().copied().map(wire::id_out),
        };
        let reply = within(option.hard_ttl(), self.client.transfer_leader(message)).await?.into_inner();
        if reply.refusal.is_empty() {
            Ok(Ok(()))
        } else {
            Err(RPCError::Network(NetworkError::new(&AnyError::error(reply.refusal))))
        }
    }
}

impl NetSnapshot<TypeConfig> for Connection {
    type SnapshotData = SnapshotFolder;

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: SnapshotToSend,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        tokio::select! {
            closed = cancel => Err(StreamingError::Closed(closed)),
            sent = sending(self.client.clone(), self.files.clone(), vote, snapshot.snapshot, option.hard_ttl()) => sent,
        }
    }
}
