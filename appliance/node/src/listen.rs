//! Sockets and TLS: accepting at the two doors, and dialling peers.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use exchequer_domain::{Code, NodeId, Problem};
use exchequer_raft::{Dialer, Io, PeerIdentity};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use crate::house::Doorbell;
use crate::identity::{TlsStore, handshake_problem, peer_identity};

/// Connections that one door holds at once.
const CONNECTIONS_MAX: usize = 4096;
/// A client that takes longer to send a request's head is given up.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection goes on before its peer's key is looked at again.
const KEY_RECHECK: Duration = Duration::from_secs(5);
/// A handshake that takes longer is given up.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Binds an address.
///
/// # Errors
/// `PortOccupied`, or what else the system says.
pub(crate) async fn bind(address: &str) -> Result<TcpListener, Problem> {
    TcpListener::bind(address).await.map_err(|error| {
        let code = if error.kind() == io::ErrorKind::AddrInUse { Code::PortOccupied } else { Code::ConfigInvalid };
        Problem::new(code, format!("cannot listen on {address}: {error}"))
    })
}

/// Serves `router` over TLS until `stop`. On the peer door each request carries who the certificate says it is from, and
/// a certificate whose key its node has replaced is turned away.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    doorbell: Doorbell,
    router: Router,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                // Out of descriptors, most likely: let some connections end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            tracing::warn!(limit = CONNECTIONS_MAX, "too many connections: one is turned away");
            continue;
        };
        let (tls, doorbell, router, stop) = (tls.clone(), doorbell.clone(), router.clone(), stop.clone());
        tokio::spawn(async move {
            connection(socket, tls, doorbell, router, stop).await;
            drop(place);
        });
    }
}

async fn connection(socket: TcpStream, tls: TlsAcceptor, doorbell: Doorbell, router: Router, stop: CancellationToken) {
    let client = socket.peer_addr().ok();
    // Answers are small and wanted at once.
    let _ = socket.set_nodelay(true);
    let stream = match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a handshake failed");
            return;
        }
        Err(_) => return,
    };
    let identity = match known(stream.get_ref().1, &doorbell) {
        Ok(identity) => identity,
        Err(problem) => {
            tracing::warn!(code = %problem.code, client = ?client, "a connection was refused: {}", problem.message);
            return;
        }
    };
    let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).cloned();
    let router = match identity {
        Some(identity) => router.layer(axum::Extension(identity)),
        None => router,
    };
    let router = match client {
        Some(address) => router.layer(axum::Extension(exchequer_api::ClientAddress(address))),
        None => router,
    };
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .initial_stream_window_size(8 << 20)
        .initial_connection_window_size(16 << 20)
        .max_concurrent_streams(1024)
        .keep_alive_interval(Some(Duration::from_secs(5)))
        .timer(hyper_util::rt::TokioTimer::new());
    let service = TowerToHyperService::new(router);
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(serving);
    // A connection outlives the certificate that opened it, but not its key.
    let replaced = async {
        let (Some(PeerIdentity(node)), Some(certificate)) = (identity, shown) else {
            return std::future::pending().await;
        };
        while !doorbell.is_retired(NodeId(node), &certificate) {
            tokio::time::sleep(KEY_RECHECK).await;
        }
    };
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = replaced => {
            tracing::info!(client = ?client, "a connection ends whose key has been replaced");
            // If it is the node's own former one, what is under way on it may end.
            serving.as_mut().graceful_shutdown();
            tokio::time::timeout(Duration::from_secs(1), serving).await.unwrap_or(Ok(()))
        }
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            tokio::time::timeout(Duration::from_secs(1), serving).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Who the certificate at the other end says it is, unless its key is one that its node has replaced.
fn known(connection: &rustls::CommonState, doorbell: &Doorbell) -> Result<Option<PeerIdentity>, Problem> {
    let Some(certificate) = connection.peer_certificates().and_then(|chain| chain.first()) else { return Ok(None) };
    let Some((_, node)) = peer_identity(certificate) else { return Ok(None) };
    if doorbell.is_retired(node, certificate) {
        let text = format!("the certificate shown as node {node}'s has a key that the node has replaced");
        return Err(Problem::new(Code::CertificateInvalid, text));
    }
    Ok(Some(PeerIdentity(node.0)))
}

/// Dials peers over mutual TLS.
pub(crate) struct TlsDialer(pub(crate) Arc<TlsStore>, pub(crate) Doorbell);

impl Dialer for TlsDialer {
    fn dial(&self, address: &str, target: u64) -> Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send>> {
        let (store, doorbell, address) = (self.0.clone(), self.1.clone(), address.to_owned());
        Box::pin(async move {
            let config = store.peer_client(NodeId(target)).map_err(io::Error::other)?;
            let name = store.peer_name(NodeId(target)).map_err(io::Error::other)?;
            let socket = TcpStream::connect(&address).await?;
            socket.set_nodelay(true)?;
            let shaken = TlsConnector::from(config).connect(name, socket).await;
            // Whoever logs the error shows its code then.
            let stream = shaken.map_err(|error| handshake_problem(&error).map_or(error, io::Error::other))?;
            known(stream.get_ref().1, &doorbell).map_err(io::Error::other)?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}
