//! The supervisor's side of the socket: every conversation that workers begin becomes a [`SupervisorEnd`].
//!
//! The socket belongs to its owner alone (0600). Who is at its other end the system says; the caller compares that with
//! the processes it started.

use std::io;
use std::path::Path;
use std::pin::Pin;

use futures::{Stream, StreamExt as _};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::service::Routes;
use tonic::transport::server::UdsConnectInfo;
use tonic::{Request, Response, Status, Streaming};

use crate::link::{SupervisorEnd, WAITING_MAX};
use crate::money::proto::money_server::{Money, MoneyServer};
use crate::money::{REPLY_BYTES_MAX, REQUEST_BYTES_MAX};
use crate::proto::supervisor_server::{Supervisor, SupervisorServer};
use crate::proto::{FromWorker, ToWorker};
use crate::protocol::SAID_BYTES_MAX;

/// Conversations that may wait to be looked at.
const ARRIVALS_MAX: usize = 64;

struct Door {
    arrivals: mpsc::Sender<SupervisorEnd>,
}

#[tonic::async_trait]
impl Supervisor for Door {
    type WorkStream = Pin<Box<dyn Stream<Item = Result<ToWorker, Status>> + Send>>;

    async fn work(&self, request: Request<Streaming<FromWorker>>) -> Result<Response<Self::WorkStream>, Status> {
        let peer_pid = peer_pid(&request);
        let mut stream = request.into_inner();
        let (up, inbox) = mpsc::channel(WAITING_MAX);
        let (out, down) = mpsc::channel(WAITING_MAX);
        tokio::spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                if up.send(message).await.is_err() {
                    return;
                }
            }
        });
        let end = SupervisorEnd { out, inbox, peer_pid };
        self.arrivals.send(end).await.map_err(|_| Status::unavailable("the supervisor has ended"))?;
        Ok(Response::new(Box::pin(ReceiverStream::new(down).map(Ok))))
    }
}

/// Listens on `path`, in place of whatever socket an earlier process left there.
///
/// # Errors
/// The socket cannot be made: most often its path is longer than the system allows (107 bytes).
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt as _;
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves until `stop` is over. The arrivals end with it.
pub fn serve(listener: UnixListener, stop: impl Future<Output = ()> + Send + 'static) -> mpsc::Receiver<SupervisorEnd> {
    serve_all(listener, stop, Routes::default())
}

/// The same, with the money link beside the conversations.
pub fn serve_with_money(
    listener: UnixListener,
    stop: impl Future<Output = ()> + Send + 'static,
    money: impl Money,
) -> mpsc::Receiver<SupervisorEnd> {
    let money =
        MoneyServer::new(money).max_decoding_message_size(REQUEST_BYTES_MAX).max_encoding_message_size(REPLY_BYTES_MAX);
    serve_all(listener, stop, Routes::new(money))
}

/// The process at the other end of a call, as the system says.
#[must_use]
pub fn peer_pid<T>(request: &Request<T>) -> Option<u32> {
    let peer = request.extensions().get::<UdsConnectInfo>().and_then(|info| info.peer_cred);
    peer.and_then(|peer| peer.pid()).and_then(|pid| u32::try_from(pid).ok())
}

fn serve_all(
    listener: UnixListener,
    stop: impl Future<Output = ()> + Send + 'static,
    routes: Routes,
) -> mpsc::Receiver<SupervisorEnd> {
    let (arrivals, arrived) = mpsc::channel(ARRIVALS_MAX);
    let door = SupervisorServer::new(Door { arrivals }).max_decoding_message_size(SAID_BYTES_MAX);
    let incoming = futures::stream::unfold(listener, |listener| async move {
        let accepted = listener.accept().await.map(|(stream, _)| stream);
        Some((accepted, listener))
    });
    tokio::spawn(async move {
        let server = tonic::transport::Server::builder().add_routes(routes).add_service(door);
        let served = server.serve_with_incoming_shutdown(incoming, stop);
        if let Err(error) = served.await {
            tracing::error!(%error, "the workers' socket is not served any more");
        }
    });
    arrived
}
