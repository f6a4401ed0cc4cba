//! Sockets and TLS: accepting at the two doors, and dialling peers.

mod places;
#[cfg(test)]
mod tests;
mod used;

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use exchequer_domain::{Code, NodeId, Problem};
use exchequer_raft::{Dialer, Io, PeerIdentity};
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use crate::house::Doorbell;
use crate::identity::{TlsStore, handshake_problem, peer_identity};

use places::{CONNECTIONS_MAX, Full, Places};
pub(crate) use places::{OF_ADDRESS, OF_ADDRESS_RANGE};
#[cfg(test)]
use used::{FIRST_REQUEST, IDLE};
use used::{Sent, Used};

/// A client that takes longer to send a request's head is given up.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection goes on before its peer's key is looked at again.
const KEY_RECHECK: Duration = Duration::from_secs(5);
/// What is under way on a connection that is ended here has so long to end.
const FAREWELL: Duration = Duration::from_secs(1);
/// Between two lines of the log on connections that were turned away.
const TELL: Duration = Duration::from_secs(10);
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
/// a certificate whose key its node has replaced is turned away. One address holds at most `of_address` connections.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    doorbell: Doorbell,
    router: Router,
    of_address: u32,
    stop: CancellationToken,
) {
    let places = Places::new(of_address);
    let mut turned_away = TurnedAway::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (socket, from) = match accepted {
            Ok((socket, from)) => (socket, from.ip()),
            Err(error) => {
                // Out of descriptors, most likely: let some connections end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let place = match places.take(from) {
            Ok(place) => place,
            Err(full) => {
                turned_away.count(from, full, of_address);
                continue;
            }
        };
        let (tls, doorbell, router, stop) = (tls.clone(), doorbell.clone(), router.clone(), stop.clone());
        tokio::spawn(async move {
            connection(socket, tls, doorbell, router, stop).await;
            drop(place);
        });
    }
}

/// Connections that were turned away; who makes many does not fill the log with them.
#[derive(Debug, Default)]
struct TurnedAway {
    untold: u64,
    told: Option<Instant>,
}

impl TurnedAway {
    fn count(&mut self, from: IpAddr, full: Full, of_address: u32) {
        metrics::counter!("exchequer_connections_turned_away_total").increment(1);
        self.untold += 1;
        if self.told.is_some_and(|told| told.elapsed() < TELL) {
            return;
        }
        let (count, limit) = match full {
            Full::OfAddress => (self.untold, of_address),
            Full::OfAll => (self.untold, CONNECTIONS_MAX),
        };
        tracing::warn!(count, last = %from, reason = ?full, limit, "too many connections: some were turned away");
        (self.untold, self.told) = (0, Some(Instant::now()));
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
    // A connection outlives the certificate that opened it, but not its key.
    let replaced = async {
        let (Some(PeerIdentity(node)), Some(certificate)) = (identity, shown) else {
            return std::future::pending().await;
        };
        while !doorbell.is_retired(NodeId(node), &certificate) {
            tokio::time::sleep(KEY_RECHECK).await;
        }
    };
    let over = async {
        tokio::select! {
            () = replaced => tracing::info!(client = ?client, "a connection ends whose key has been replaced"),
            () = stop.cancelled() => {}
        }
    };
    // Peers are known, few, and must not be kept waiting when an election comes after a long silence.
    if let Err(error) = converse(stream, router, identity.is_none(), over).await {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Serves what comes on a connection until one side ends it, `over` is over, or, where it `must_be_used`, it is not.
async fn converse<I>(
    stream: I,
    router: Router,
    must_be_used: bool,
    over: impl Future<Output = ()>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(hyper_util::rt::TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .initial_stream_window_size(8 << 20)
        .initial_connection_window_size(16 << 20)
        .max_concurrent_streams(1024)
        .keep_alive_interval(Some(Duration::from_secs(5)))
        .timer(hyper_util::rt::TokioTimer::new());
    let (used, inner) = (Used::new(), TowerToHyperService::new(router));
    let service = service_fn(|request| {
        let (under_way, answering) = (used.begin(), inner.call(request));
        async move { answering.await.map(|answer| answer.map(|body| Sent { body, _under_way: under_way })) }
    });
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
    tokio::pin!(serving);
    let idle = async {
        if must_be_used {
            used.idle().await;
        } else {
            std::future::pending().await
        }
    };
    tokio::select! {
        ended = serving.as_mut() => return ended,
        () = over => {
            // What is under way on it may end.
            serving.as_mut().graceful_shutdown();
            return tokio::time::timeout(FAREWELL, serving).await.unwrap_or(Ok(()));
        }
        () = idle => tracing::debug!("a connection that is not used ends"),
    }
    serving.as_mut().graceful_shutdown();
    loop {
        match tokio::time::timeout(FAREWELL, serving.as_mut()).await {
            Ok(ended) => return ended,
            // A request came in the same moment.
            Err(_) if used.is_busy() => {}
            Err(_) => return Ok(()),
        }
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
