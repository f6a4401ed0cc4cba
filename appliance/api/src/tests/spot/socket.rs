//! Clients of WebSocket, over pipes in memory.

use std::io;
use std::time::Duration;

use axum::serve::Listener;
use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::protocol::Message;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::super::World;

/// What a pipe holds before its writer waits, in bytes.
const PIPE_BYTES: usize = 64 << 10;
/// How long a client waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes pipes as a server takes connections.
struct Pipes(UnboundedReceiver<DuplexStream>);

impl Listener for Pipes {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (DuplexStream, ()) {
        match self.0.recv().await {
            Some(pipe) => (pipe, ()),
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

/// The way to a server of a world.
pub(in crate::tests) struct Door(UnboundedSender<DuplexStream>);

impl Door {
    pub(in crate::tests) fn new(world: &World) -> Door {
        let (out, pipes) = unbounded_channel();
        tokio::spawn(axum::serve(Pipes(pipes), world.router.clone()).into_future());
        Door(out)
    }

    /// A raw connection, for what no client would send.
    pub(in crate::tests) fn pipe(&self) -> DuplexStream {
        let (near, far) = duplex(PIPE_BYTES);
        self.0.send(far).unwrap();
        near
    }

    pub(super) async fn connect(&self, path: &str) -> Client {
        let (socket, _) = client_async(format!("ws://node.example{path}"), self.pipe()).await.unwrap();
        Client { socket, number: 0 }
    }

    /// Status and code of a connection that is refused.
    pub(super) async fn refused(&self, path: &str) -> (u16, i64) {
        match client_async(format!("ws://node.example{path}"), self.pipe()).await {
            Err(Error::Http(response)) => {
                let body: Value = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap();
                (response.status().as_u16(), body["code"].as_i64().unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
}

/// What a client hears.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    Text(Value),
    /// Code and reason.
    Closed(u16, String),
    /// Without a closing frame.
    Gone,
}

pub(super) struct Client {
    pub(super) socket: WebSocketStream<DuplexStream>,
    number: u64,
}

impl Client {
    pub(super) async fn hear(&mut self) -> Heard {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.socket.next()).await.expect("nothing came in time");
            match message {
                Some(Ok(Message::Text(text))) => return Heard::Text(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(Some(frame)))) => {
                    return Heard::Closed(frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("{other:?}"),
                Some(Err(_)) | None => return Heard::Gone,
            }
        }
    }

    /// The next text.
    pub(super) async fn next(&mut self) -> Value {
        match self.hear().await {
            Heard::Text(value) => value,
            other => panic!("{other:?}"),
        }
    }

    /// The next text that is so.
    pub(super) async fn until(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let value = self.next().await;
            if is_wanted(&value) {
                return value;
            }
        }
    }

    /// The closing frame, after whatever comes before it.
    pub(super) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.hear().await {
                Heard::Text(_) => {}
                Heard::Closed(code, reason) => return (code, reason),
                Heard::Gone => panic!("no closing frame"),
            }
        }
    }

    /// Sends it, unless the other end is closed by now: then its closing frame is what there is to hear.
    pub(super) async fn say(&mut self, message: Message) {
        let _ = self.socket.send(message).await;
    }

    pub(super) async fn text(&mut self, text: impl Into<tungstenite::Utf8Bytes>) {
        self.say(Message::Text(text.into())).await;
    }

    /// A request with a number of its own, and its answer; events between are passed over.
    pub(super) async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let id = self.number;
        self.text(json!({"id": id, "method": method, "params": params}).to_string()).await;
        self.until(|value| value["id"] == json!(id)).await
    }
}
