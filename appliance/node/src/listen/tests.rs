//! A door over sockets and pipes.

use std::time::SystemTime;

use axum::body::Body;
use axum::routing::get;
use exchequer_domain::ClusterId;
use hyper::client::conn::http2::{SendRequest, handshake};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::*;
use crate::identity::{Authority, Credentials, Grant, NodeKey};

/// How long the slow answer takes.
const SLOW: Duration = Duration::from_secs(300);
/// The clock's grain, and the farewell.
const ABOUT: Duration = Duration::from_secs(2);

fn router() -> Router {
    let slow = || async {
        tokio::time::sleep(SLOW).await;
        "at last"
    };
    Router::new().route("/", get(|| async { "at once" })).route("/slow", get(slow))
}

/// A conversation, how long it lasts, and its other end.
fn begin(stop: impl Future<Output = ()> + Send + 'static) -> (JoinHandle<Duration>, DuplexStream) {
    let (here, there) = tokio::io::duplex(64 << 10);
    let began = Instant::now();
    let lasts = tokio::spawn(async move {
        let _ = converse(here, router(), true, stop).await;
        began.elapsed()
    });
    (lasts, there)
}

async fn http2(pipe: DuplexStream) -> SendRequest<Body> {
    let (client, driven) = handshake(TokioExecutor::new(), TokioIo::new(pipe)).await.unwrap();
    tokio::spawn(driven);
    client
}

async fn ask(client: &mut SendRequest<Body>, path: &str) -> String {
    let request = axum::http::Request::get(format!("https://n1.example{path}")).body(Body::empty()).unwrap();
    let answer = client.send_request(request).await.unwrap();
    let bytes = axum::body::to_bytes(Body::new(answer.into_body()), 1 << 10).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn about(lasted: Duration, expected: Duration) {
    assert!(lasted >= expected && lasted < expected + ABOUT, "{lasted:?} for {expected:?}");
}

/// Goal: a connection on which nothing is asked is given up, whatever it says otherwise. Method: one that is silent, one that
/// begins a head, and one of HTTP/2 whose client answers each ping.
#[tokio::test(start_paused = true)]
async fn who_asks_nothing_goes() {
    let (lasts, _silent) = begin(std::future::pending());
    about(lasts.await.unwrap(), FIRST_REQUEST);
    let (lasts, mut pipe) = begin(std::future::pending());
    pipe.write_all(b"GET / HT").await.unwrap();
    about(lasts.await.unwrap(), FIRST_REQUEST);
    let (lasts, pipe) = begin(std::future::pending());
    let _client = http2(pipe).await;
    about(lasts.await.unwrap(), FIRST_REQUEST);
}

/// Goal: a connection that is used stays, and goes when it has not been used for long; an answer that takes longer than that
/// is waited for. Method: quick requests with pauses, then a slow one, then none.
#[tokio::test(start_paused = true)]
async fn who_is_idle_goes() {
    let (lasts, pipe) = begin(std::future::pending());
    let mut client = http2(pipe).await;
    for _ in 0..3 {
        assert_eq!(ask(&mut client, "/").await, "at once");
        tokio::time::sleep(IDLE - Duration::from_secs(1)).await;
    }
    assert_eq!(ask(&mut client, "/slow").await, "at last");
    about(lasts.await.unwrap(), 3 * (IDLE - Duration::from_secs(1)) + SLOW + IDLE);
}

/// Goal: what is under way when the node stops may end within a moment, and no longer.
#[tokio::test(start_paused = true)]
async fn a_stop_ends_conversations() {
    let stop = CancellationToken::new();
    let (lasts, pipe) = begin(stop.clone().cancelled_owned());
    let mut client = http2(pipe).await;
    let asking = tokio::spawn(async move { client.send_request(slow_request()).await.is_err() });
    tokio::time::sleep(Duration::from_secs(3)).await;
    stop.cancel();
    about(lasts.await.unwrap(), Duration::from_secs(3) + FAREWELL);
    assert!(asking.await.unwrap());
}

fn slow_request() -> axum::http::Request<Body> {
    axum::http::Request::get("https://n1.example/slow").body(Body::empty()).unwrap()
}

/// Goal: the door turns away at once whoever has its share, and nobody else. Method: a share of eight, over real sockets.
#[tokio::test]
async fn a_share_is_all_one_gets() {
    const CLUSTER: ClusterId = ClusterId([0xc1; 16]);
    const SHARE: u32 = 8;
    let authority = Authority::create(CLUSTER, SystemTime::now()).unwrap();
    let key = NodeKey::generate().unwrap();
    let grant = Grant { node_id: NodeId(1), addresses: &[], ttl: Duration::from_secs(3_600), now: SystemTime::now() };
    let certificate = authority.sign(&key.request().unwrap(), &grant).unwrap();
    let credentials = Credentials { authorities: vec![authority.certificate().clone()], certificate, key };
    let tls = TlsStore::new(CLUSTER, NodeId(1), &credentials).unwrap().api_server().unwrap();
    let listener = bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let door =
        tokio::spawn(serve(listener, TlsAcceptor::from(tls), Doorbell::default(), router(), SHARE, stop.clone()));
    let mut held = Vec::new();
    for _ in 0..SHARE {
        held.push(TcpStream::connect(address).await.unwrap());
    }
    let mut one_more = TcpStream::connect(address).await.unwrap();
    let ended = timeout(HANDSHAKE_TIMEOUT / 2, one_more.read(&mut [0; 1])).await.expect("it is turned away");
    // Nobody says a word to it.
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    let kept = held.last_mut().unwrap();
    assert!(
        kept.try_read(&mut [0; 1]).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock),
        "it is waited for"
    );
    stop.cancel();
    door.await.unwrap();
}
