//! What the command line's tests share: fixed answers of the API, captured output, and a node's API that answers as it
//! was told.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use exchequer_api::dto::{NodeStatus, Peer, Peers};
use exchequer_domain::{ClusterId, NodeId};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::args::{ClientArgs, Format, OutputArgs};
use super::output::Printer;
use crate::identity::{Authority, Credentials, Grant, NodeKey, OperatorToken, TlsStore, encode_certificates};

const CLUSTER: ClusterId = ClusterId([7; 16]);
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Two buffers in place of the process's streams.
#[derive(Clone, Default)]
pub(super) struct Captured {
    out: Buffer,
    err: Buffer,
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Captured {
    pub(super) fn printer(&self, format: Format) -> Printer {
        Printer::onto(format, Box::new(self.out.clone()), Box::new(self.err.clone()))
    }

    pub(super) fn out(&self) -> String {
        self.out.text()
    }

    pub(super) fn err(&self) -> String {
        self.err.text()
    }
}

/// Arguments that name nothing that exists.
pub(super) fn client_args() -> ClientArgs {
    ClientArgs {
        address: Some("127.0.0.1:1".to_owned()),
        token_file: None,
        ca_cert: None,
        data_dir: None,
        timeout: Duration::from_secs(5),
        form: OutputArgs::default(),
    }
}

/// One request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// Method, path and query.
    pub(super) what: String,
    /// The header `authorization`.
    pub(super) authorization: Option<String>,
    pub(super) body: String,
}

/// What comes of a request.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// A status and a body.
    Answer(u16, String),
    /// The first body whose beginning of a request fits; 404 where none does.
    Each(Vec<(&'static str, String)>),
    /// A success whose body is one byte shorter than its head says.
    Cut(String),
    /// The connection is cut.
    HangUp,
    /// Nothing, for as long as the client waits.
    Silence,
}

/// The API of a node.
pub(super) struct Stub {
    pub(super) address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Stub {
    /// Everything that was asked so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// A cluster's authority, and the files with which a client of it is set up.
pub(super) struct Realm {
    authority: Authority,
    folder: TempDir,
    token: String,
}

impl Realm {
    pub(super) fn new() -> Realm {
        let authority = Authority::create(CLUSTER, SystemTime::now()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let token = OperatorToken::generate().unwrap().text().to_string();
        std::fs::write(folder.path().join("ca.pem"), encode_certificates([authority.certificate()])).unwrap();
        std::fs::write(folder.path().join("token"), format!("{token}\n")).unwrap();
        Realm { authority, folder, token }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub(super) fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    pub(super) fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// Flags for the stubs.
    pub(super) fn args(&self, stubs: &[&Stub]) -> ClientArgs {
        let addresses: Vec<&str> = stubs.iter().map(|stub| stub.address.as_str()).collect();
        ClientArgs {
            address: Some(addresses.join(",")),
            token_file: Some(self.token_file()),
            ca_cert: Some(self.ca()),
            ..client_args()
        }
    }

    /// A node of this cluster whose API replies to every request in the same way.
    pub(super) async fn stub(&self, reply: Reply) -> Stub {
        let key = NodeKey::generate().unwrap();
        let grant =
            Grant { node_id: NodeId(1), addresses: &[], ttl: Duration::from_secs(3600), now: SystemTime::now() };
        let certificate = self.authority.sign(&key.request().unwrap(), &grant).unwrap();
        let credentials = Credentials { authorities: vec![self.authority.certificate().clone()], certificate, key };
        let store = TlsStore::new(CLUSTER, NodeId(1), &credentials).unwrap();
        let mut tls = (*store.api_server().unwrap()).clone();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), socket, reply.clone(), seen.clone()));
            }
        });
        Stub { address, asked }
    }
}

async fn serve(acceptor: TlsAcceptor, socket: TcpStream, reply: Reply, asked: Arc<Mutex<Vec<Asked>>>) {
    // A client that does not trust this cluster leaves during the handshake.
    let Ok(mut stream) = acceptor.accept(socket).await else { return };
    let Some(request) = read(&mut stream).await else { return };
    let what = request.what.clone();
    asked.lock().unwrap().push(request);
    let (status, body, length) = match reply {
        Reply::Each(answers) => match answers.into_iter().find(|(begins, _)| what.starts_with(begins)) {
            Some((_, body)) => (200, body.clone(), body.len()),
            None => (404, String::new(), 0),
        },
        Reply::Answer(status, body) => (status, body.clone(), body.len()),
        Reply::Cut(body) => (200, body.clone(), body.len() + 1),
        Reply::HangUp => return,
        Reply::Silence => std::future::pending().await,
    };
    let head = format!("HTTP/1.1 {status} S\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    let _client_may_be_gone = stream.write_all((head + &body).as_bytes()).await;
    let _client_may_be_gone = stream.shutdown().await;
}

async fn read(stream: &mut TlsStream<TcpStream>) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                head.lines().filter_map(|line| line.split_once(": ")).find(|(key, _)| key.eq_ignore_ascii_case(name))
            };
            let length: usize = header("content-length").map_or(0, |(_, value)| value.parse().unwrap());
            if body.len() >= length {
                let what = head.lines().next()?.trim_end_matches(" HTTP/1.1").to_owned();
                let authorization = header("authorization").map(|(_, value)| value.to_owned());
                return Some(Asked { what, authorization, body: body.to_owned() });
            }
        }
        if bytes.len() > HEAD_BYTES_MAX || stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// Three members: a leader, a follower, and a learner that is away.
pub(super) fn peers() -> Peers {
    let follower = Peer {
        node: "n2".to_owned(),
        id: 12,
        address: "10.0.0.2:8641".to_owned(),
        api_address: "10.0.0.2:8640".to_owned(),
        state: "follower".to_owned(),
        voter: true,
        term: 3,
        last_index: 18_446_744_073_709_551_615,
        applied: 8_418,
        trails_leader_by: Some(1),
        last_contact_ms: Some(12),
        snap_index: Some(8_000),
        version: "0.1.0".to_owned(),
        stable_since: Some("2026-11-23T12:00:00.000Z".to_owned()),
    };
    let leader = Peer {
        node: "n1".to_owned(),
        id: 1,
        address: "10.0.0.1:8641".to_owned(),
        api_address: "10.0.0.1:8640".to_owned(),
        state: "leader".to_owned(),
        trails_leader_by: None,
        last_contact_ms: None,
        ..follower.clone()
    };
    let learner = Peer {
        node: "n3".to_owned(),
        id: 41,
        address: "10.0.0.3:8641".to_owned(),
        api_address: "10.0.0.3:8640".to_owned(),
        state: "unreachable".to_owned(),
        voter: false,
        trails_leader_by: Some(8_419),
        last_contact_ms: Some(61_002),
        snap_index: None,
        stable_since: None,
        ..follower.clone()
    };
    Peers { from: 1, peers: vec![leader, follower, learner] }
}

/// A node that says what is wrong.
pub(super) fn status() -> NodeStatus {
    NodeStatus {
        node: "n1".to_owned(),
        id: 1,
        cluster_id: "07".repeat(16),
        sandbox: true,
        role: "leader".to_owned(),
        health: "degraded".to_owned(),
        failure_tolerance: 0,
        problems: vec!["n3 was last heard of 1m1s ago".to_owned()],
        leader: Some("n1".to_owned()),
        leader_id: Some(1),
        term: 3,
        epoch: Some(8_001),
        last_index: 8_419,
        committed: 8_419,
        applied: 8_419,
        flushed: 8_300,
        snap_index: None,
        state_hash: "ab".repeat(32),
        time: "2026-11-23T12:00:00.000Z".to_owned(),
        version: "0.1.0".to_owned(),
        voters: 2,
        learners: 1,
        authority_waits: Some(vec!["n3".to_owned()]),
        stopped_since: None,
        maintenance: Vec::new(),
        signer: None,
    }
}
