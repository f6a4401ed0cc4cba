//! A server on the loopback that answers as a test says, and misbehaves as networks do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Auth, Endpoint, Limits, Transport, http_client};

/// What goes back over the connection.
#[derive(Debug, Clone)]
pub(crate) enum Back {
    /// A whole answer of JSON.
    Json(Value),
    /// An answer with this status, these further header lines and this body.
    Raw(u16, &'static str, String),
    /// An answer that announces more bytes than come.
    Cut(String),
    /// The connection ends without an answer.
    Hangup,
    /// Nothing for ever.
    Silence,
}

type Answering = dyn Fn(&str, &Value) -> Back + Send + Sync;

/// The server; ends with its runtime.
pub(crate) struct Server {
    pub(crate) address: String,
    hits: Arc<AtomicUsize>,
}

impl Server {
    /// A server that answers a path and a body.
    pub(crate) async fn start(answering: impl Fn(&str, &Value) -> Back + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (hits, answering) = (Arc::new(AtomicUsize::new(0)), Arc::new(answering) as Arc<Answering>);
        let counter = Arc::clone(&hits);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answering), Arc::clone(&counter)));
            }
        });
        Server { address, hits }
    }

    /// A server of JSON-RPC that answers each call by itself, alone and in batches.
    pub(crate) async fn rpc(
        answer: impl Fn(&str, &Value) -> Result<Value, (i64, String)> + Send + Sync + 'static,
    ) -> Server {
        Server::start(move |_, body| match body {
            Value::Array(calls) => Back::Json(Value::Array(calls.iter().map(|call| reply(&answer, call)).collect())),
            call => Back::Json(reply(&answer, call)),
        })
        .await
    }

    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }

    pub(crate) fn transport(&self) -> Transport {
        let limits = Limits { deadline: Duration::from_secs(20), ..Limits::default() };
        self.transport_within(limits)
    }

    pub(crate) fn transport_within(&self, limits: Limits) -> Transport {
        let endpoint = Endpoint::new(&self.address, Auth::None).unwrap();
        Transport::new(http_client().unwrap(), endpoint, limits)
    }
}

fn reply(answer: &impl Fn(&str, &Value) -> Result<Value, (i64, String)>, call: &Value) -> Value {
    let (method, id) = (call["method"].as_str().unwrap(), &call["id"]);
    match answer(method, &call["params"]) {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err((code, message)) => json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}),
    }
}

async fn serve(mut stream: TcpStream, answering: Arc<Answering>, hits: Arc<AtomicUsize>) {
    while let Some((path, body)) = request(&mut stream).await {
        hits.fetch_add(1, Ordering::SeqCst);
        let (status, headers, body, cut) = match answering(&path, &body) {
            Back::Json(value) => (200, "", value.to_string(), 0),
            Back::Raw(status, headers, body) => (status, headers, body, 0),
            Back::Cut(body) => (200, "", body, 1000),
            Back::Hangup => return,
            Back::Silence => std::future::pending().await,
        };
        let length = body.len() + cut;
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n{body}");
        if stream.write_all(answer.as_bytes()).await.is_err() || cut > 0 {
            return;
        }
    }
}

/// One request's path with its query and body.
async fn request(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut text = Vec::new();
    loop {
        if let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(text[..end].to_vec()).unwrap().to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
            while text.len() < end + 4 + length {
                read(stream, &mut text).await?;
            }
            let path = head.split(' ').nth(1).unwrap().to_owned();
            return Some((path, serde_json::from_slice(&text[end + 4..end + 4 + length]).unwrap_or(Value::Null)));
        }
        read(stream, &mut text).await?;
    }
}

async fn read(stream: &mut TcpStream, text: &mut Vec<u8>) -> Option<()> {
    let mut part = [0; 65536];
    let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
    text.extend_from_slice(&part[..count]);
    Some(())
}
