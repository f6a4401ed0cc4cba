//! The product's own door for programs: gRPC over TLS with the operator token.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use exchequer_api::gateway::gateway_client::GatewayClient;
use exchequer_api::gateway::{SubmitReply, SubmitRequest};
use exchequer_domain::{Code, CommandId, Problem};
use exchequer_state::{Actor, Body, Command, Done, Outcome, PutScratch};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsConnector;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Request, Status};

use super::load::{Door, Failure, Put};
use crate::identity::api_client;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A server that does not answer for as long is given up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(12);
const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// Requests of one stream that may wait for their answers; more writers than this share no stream.
const STREAM_WAITING_MAX: usize = 4096;

/// Where the cluster is and by what right one writes to it.
#[derive(Clone)]
pub struct Target {
    /// `host:port` of each node's API, the one to begin with first.
    pub addresses: Vec<String>,
    /// The operator token.
    pub token: String,
    /// The cluster's authorities.
    pub authorities: Vec<CertificateDer<'static>>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Target {
    /// A client for each address. They connect when they are used.
    fn clients(&self) -> Result<Vec<GatewayClient<Channel>>, Problem> {
        let tls = Arc::new({
            let mut config = api_client(&self.authorities)?;
            config.alpn_protocols = vec![b"h2".to_vec()];
            config
        });
        self.addresses.iter().map(|address| client(address, tls.clone())).collect()
    }

    /// A connection of its own to one of the nodes, by number in turn.
    pub(super) fn channel(&self, number: usize) -> Result<Channel, Problem> {
        let none = || Problem::new(Code::BadRequest, "there is no address");
        let at = number.checked_rem(self.addresses.len()).ok_or_else(none)?;
        let address = self.addresses.get(at).ok_or_else(none)?;
        let mut tls = api_client(&self.authorities)?;
        tls.alpn_protocols = vec![b"h2".to_vec()];
        channel(address, Arc::new(tls))
    }

    pub(super) fn bearer(&self) -> Result<MetadataValue<Ascii>, Problem> {
        MetadataValue::try_from(format!("Bearer {}", self.token))
            .map_err(|_| Problem::new(Code::TokenWrong, "the token has characters that a header cannot have"))
    }
}

fn client(address: &str, tls: Arc<rustls::ClientConfig>) -> Result<GatewayClient<Channel>, Problem> {
    Ok(GatewayClient::new(channel(address, tls)?).max_decoding_message_size(MESSAGE_BYTES_MAX))
}

fn channel(address: &str, tls: Arc<rustls::ClientConfig>) -> Result<Channel, Problem> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host)
        .map_err(|error| Problem::new(Code::BadRequest, format!("`{address}` is not an address: {error}")))?;
    let dialled = address.to_owned();
    let connect = tower::service_fn(move |_: Uri| {
        let (address, name, tls) = (dialled.clone(), name.clone(), tls.clone());
        async move {
            let socket = TcpStream::connect(&address).await?;
            socket.set_nodelay(true)?;
            Ok::<_, io::Error>(TokioIo::new(TlsConnector::from(tls).connect(name, socket).await?))
        }
    });
    Ok(Endpoint::from_static("http://exchequer")
        .connect_timeout(CONNECT_TIMEOUT)
        .initial_stream_window_size(8 << 20)
        .initial_connection_window_size(16 << 20)
        .connect_with_connector_lazy(connect))
}

/// The nodes in turn: when one fails the next is asked.
struct Ring {
    clients: Vec<GatewayClient<Channel>>,
    bearer: MetadataValue<Ascii>,
    at: AtomicUsize,
    random: Mutex<SmallRng>,
}

impl Ring {
    fn new(target: &Target, number: usize) -> Result<Ring, Problem> {
        let seed = u64::from_le_bytes(crate::bench::fresh()?) ^ number as u64;
        Ok(Ring {
            clients: target.clients()?,
            bearer: target.bearer()?,
            at: AtomicUsize::new(0),
            random: Mutex::new(SmallRng::seed_from_u64(seed)),
        })
    }

    fn client(&self) -> Option<(usize, GatewayClient<Channel>)> {
        let at = self.at.load(Ordering::Relaxed);
        Some((at, self.clients.get(at % self.clients.len().max(1))?.clone()))
    }

    /// The node at `at` failed; the first writer to notice moves all on.
    fn next(&self, at: usize) {
        // Somebody else has moved on already where this fails.
        let _ = self.at.compare_exchange(at, at + 1, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn request(&self, bodies: Vec<Body>) -> SubmitRequest {
        let commands = bodies.into_iter().map(|body| self.command(body)).collect();
        SubmitRequest { commands }
    }

    fn command(&self, body: Body) -> Bytes {
        // Ids that begin with the time lie side by side in the servers' stores, which makes them cheap to keep.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut id = (since.as_micros() << 64).to_be_bytes();
        self.random.lock().fill_bytes(&mut id[8..]);
        let command = Command { id: CommandId(id), actor: Actor::Operator, epoch: None, body };
        command.encode().into()
    }

    fn authorised<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.bearer.clone());
        request
    }
}

/// The outcomes of `commands` commands.
fn outcomes(reply: SubmitReply, commands: usize) -> Result<Vec<Bytes>, Failure> {
    if let Some(problem) = &reply.problem {
        let text = format!("{}: {}", problem.code, problem.message);
        let unknown = problem.code == Code::OutcomeUnknown.to_string();
        return Err(if unknown { Failure::Unknown(text) } else { Failure::Refused(text) });
    }
    if reply.outcomes.len() == commands {
        Ok(reply.outcomes)
    } else {
        Err(Failure::Refused("there are not as many outcomes as commands".to_owned()))
    }
}

fn scratch(puts: Vec<Put>) -> Vec<Body> {
    let body = |put: Put| PutScratch { key: put.key.into_bytes(), value: put.value.to_vec(), expect: None };
    puts.into_iter().map(|put| Body::PutScratch(body(put))).collect()
}

/// What the outcomes of scratch writes say.
fn judge(outcomes: &[Bytes]) -> Result<(), Failure> {
    let done = |bytes: &Bytes| matches!(Outcome::decode(bytes), Ok(Outcome::Done(Done::ScratchPut { .. })));
    match outcomes.iter().find(|bytes| !done(bytes)).map(|bytes| Outcome::decode(bytes)) {
        None => Ok(()),
        Some(first) => Err(Failure::Refused(format!("a write was not carried out: {first:?}"))),
    }
}

fn broken(status: &Status) -> Failure {
    let text = format!("{:?}: {}", status.code(), status.message());
    match status.code() {
        tonic::Code::Unauthenticated | tonic::Code::PermissionDenied | tonic::Code::InvalidArgument => {
            Failure::Refused(text)
        }
        _ => Failure::Unknown(text),
    }
}

/// One request a write, over one connection.
pub struct UnaryDoor(Ring);

impl std::fmt::Debug for UnaryDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnaryDoor")
    }
}

impl UnaryDoor {
    /// A door of its own connection; `number` tells doors apart.
    ///
    /// # Errors
    /// An address, authority or token that cannot be used.
    pub fn new(target: &Target, number: usize) -> Result<UnaryDoor, Problem> {
        Ring::new(target, number).map(UnaryDoor)
    }
}

impl Door for UnaryDoor {
    async fn write(&self, puts: Vec<Put>) -> Result<(), Failure> {
        judge(&self.submit(scratch(puts)).await?)
    }
}

impl UnaryDoor {
    /// Has commands committed, and gives their outcomes.
    pub(super) async fn submit(&self, bodies: Vec<Body>) -> Result<Vec<Bytes>, Failure> {
        let commands = bodies.len();
        let request = self.0.authorised(self.0.request(bodies));
        let Some((at, mut client)) = self.0.client() else {
            return Err(Failure::Refused("there is no address".to_owned()));
        };
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, client.submit(request)).await;
        let result = match answered {
            Ok(Ok(reply)) => return outcomes(reply.into_inner(), commands),
            Ok(Err(status)) => broken(&status),
            Err(_late) => Failure::Unknown("no answer in time".to_owned()),
        };
        self.0.next(at);
        Err(result)
    }
}

type Answer = Result<SubmitReply, Failure>;

/// An open stream: requests go in at one end, and whoever sent them waits in the same order.
struct Lane {
    requests: mpsc::Sender<SubmitRequest>,
    waiting: Arc<Mutex<Option<VecDeque<oneshot::Sender<Answer>>>>>,
}

impl Lane {
    /// Sends a request; an error where the stream is at its end.
    fn send(&self, request: SubmitRequest) -> Result<oneshot::Receiver<Answer>, Failure> {
        let (answer, answered) = oneshot::channel();
        let over = || Failure::Refused("the stream has ended".to_owned());
        // One lock over both, so that answers find their senders in the order of the requests.
        let mut waiting = self.waiting.lock();
        let queue = waiting.as_mut().ok_or_else(over)?;
        self.requests.try_send(request).map_err(|_| over())?;
        queue.push_back(answer);
        Ok(answered)
    }
}

/// Many writes a request, on one stream.
pub struct StreamDoor {
    ring: Ring,
    lane: tokio::sync::Mutex<Option<Arc<Lane>>>,
}

impl std::fmt::Debug for StreamDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StreamDoor")
    }
}

impl StreamDoor {
    /// A door of its own connection and stream; `number` tells doors apart.
    ///
    /// # Errors
    /// An address, authority or token that cannot be used.
    pub fn new(target: &Target, number: usize) -> Result<StreamDoor, Problem> {
        Ok(StreamDoor { ring: Ring::new(target, number)?, lane: tokio::sync::Mutex::new(None) })
    }

    async fn lane(&self) -> Result<Arc<Lane>, Failure> {
        let mut lane = self.lane.lock().await;
        if let Some(open) = lane.as_ref().filter(|lane| lane.waiting.lock().is_some()) {
            return Ok(open.clone());
        }
        let Some((at, mut client)) = self.ring.client() else {
            return Err(Failure::Refused("there is no address".to_owned()));
        };
        let (requests, queue) = mpsc::channel(STREAM_WAITING_MAX);
        let stream = self.ring.authorised(tokio_stream::wrappers::ReceiverStream::new(queue));
        let opened = tokio::time::timeout(ANSWER_TIMEOUT, client.submit_stream(stream)).await;
        let mut replies = match opened {
            Ok(Ok(replies)) => replies.into_inner(),
            Ok(Err(status)) => {
                self.ring.next(at);
                return Err(Failure::Refused(status.to_string()));
            }
            Err(_late) => {
                self.ring.next(at);
                return Err(Failure::Refused("no stream in time".to_owned()));
            }
        };
        let waiting = Arc::new(Mutex::new(Some(VecDeque::<oneshot::Sender<Answer>>::new())));
        let opened = Arc::new(Lane { requests, waiting: waiting.clone() });
        *lane = Some(opened.clone());
        tokio::spawn(async move {
            let end = loop {
                match replies.message().await {
                    Ok(Some(reply)) => {
                        let first = waiting.lock().as_mut().and_then(VecDeque::pop_front);
                        if let Some(first) = first {
                            // The writer is gone only when the load was cut off.
                            let _ = first.send(Ok(reply));
                        }
                    }
                    Ok(None) => break Failure::Unknown("the stream ended".to_owned()),
                    Err(status) => break broken(&status),
                }
            };
            for left in waiting.lock().take().into_iter().flatten() {
                let _ = left.send(Err(end.clone()));
            }
        });
        Ok(opened)
    }
}

impl Door for StreamDoor {
    async fn write(&self, puts: Vec<Put>) -> Result<(), Failure> {
        judge(&self.submit(scratch(puts)).await?)
    }
}

impl StreamDoor {
    /// Has commands committed, and gives their outcomes.
    pub(super) async fn submit(&self, bodies: Vec<Body>) -> Result<Vec<Bytes>, Failure> {
        self.send(self.request(bodies)).await
    }

    /// Commands under ids of their own. They take effect once, however often they are sent.
    pub(super) fn request(&self, bodies: Vec<Body>) -> SubmitRequest {
        self.ring.request(bodies)
    }

    /// Has commands committed, and gives their outcomes.
    pub(super) async fn send(&self, request: SubmitRequest) -> Result<Vec<Bytes>, Failure> {
        let commands = request.commands.len();
        let at = self.ring.at.load(Ordering::Relaxed);
        let answered = self.lane().await?.send(request)?;
        let answer = match tokio::time::timeout(ANSWER_TIMEOUT, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => Err(Failure::Unknown("no answer in time".to_owned())),
        };
        match answer {
            Ok(reply) => outcomes(reply, commands),
            Err(failure) => {
                self.ring.next(at);
                Err(failure)
            }
        }
    }
}
