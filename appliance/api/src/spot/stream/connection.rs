//! One connection: what it sends and what it hears, until one side ends it.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Error as SocketError;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use bytes::Bytes;
use exchequer_domain::Problem;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, MissedTickBehavior};

use super::line::{End, Line, Next, codes};
use crate::app::App;

/// How often the server pings.
const PING: Duration = Duration::from_secs(20);
/// How long it waits for the pong to a ping.
const PONG: Duration = Duration::from_secs(60);
/// How long a connection lasts at most.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a connection that ends is given to take what is under way and the closing frame.
const CLOSING: Duration = Duration::from_secs(5);
/// The window of the limit on what a client of streams may send.
const HEARD_WINDOW: Duration = Duration::from_secs(1);
/// Longest message of a client, in bytes.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// What comes of a client's message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Go,
    /// The connection ends.
    Stop,
}

/// What a connection does with what its client says.
pub(crate) trait Side: Send {
    /// Whether a client may send only so many messages a second.
    const IS_LIMITED: bool;

    /// Hears one text.
    fn hear(&mut self, text: &str) -> impl Future<Output = Turn> + Send;
}

/// Pings that wait for their pong.
#[derive(Debug, Default)]
struct Pings {
    sent: AtomicU64,
    answered: AtomicU64,
}

fn close(end: End) -> Message {
    // What the protocol allows; reasons here are shorter.
    let reason: String = end.reason.chars().take(100).collect();
    Message::Close(Some(CloseFrame { code: end.code, reason: reason.into() }))
}

/// Serves a connection to its end.
pub(crate) async fn serve(app: App, socket: WebSocket, line: Arc<Line>, mut side: impl Side) {
    let (sink, stream) = socket.split();
    let pings = Pings::default();
    let mut writer = pin!(write(&app, sink, &line, &pings));
    let mut reader = pin!(read(&app, stream, &line, &pings, &mut side));
    let over = async {
        tokio::select! {
            () = line.over() => {}
            () = tokio::time::sleep(LIFE) => line.end(codes::AWAY, "a connection lasts 24 hours"),
        }
        tokio::time::sleep(CLOSING).await;
    };
    tokio::select! {
        () = &mut reader => {
            // The client is gone, or has broken the rules: the closing frame tells it, if it still listens.
            line.end(codes::AWAY, "");
            let _ = tokio::time::timeout(CLOSING, writer).await;
        }
        () = &mut writer => {
            let _ = tokio::time::timeout(CLOSING, reader).await;
        }
        () = over => {}
    }
}

async fn write(app: &App, mut sink: SplitSink<WebSocket, Message>, line: &Line, pings: &Pings) {
    let mut ticks = tokio::time::interval_at(Instant::now() + PING, PING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let now_ms = || app.backend.now_ms();
    loop {
        let message = tokio::select! {
            next = line.next(now_ms) => match next {
                Next::Text(text) => Message::Text(text.0),
                Next::End(end) => {
                    // Whoever does not take it is gone already.
                    let _ = sink.send(close(end)).await;
                    return;
                }
            },
            _ = ticks.tick() => {
                let (sent, answered) = (pings.sent.load(Ordering::Relaxed), pings.answered.load(Ordering::Relaxed));
                if PING * u32::try_from(sent - answered).unwrap_or(u32::MAX).min(100) >= PONG {
                    line.end(codes::POLICY, "no pong within a minute");
                    continue;
                }
                pings.sent.store(sent + 1, Ordering::Relaxed);
                Message::Ping(Bytes::copy_from_slice((sent + 1).to_string().as_bytes()))
            }
        };
        if sink.send(message).await.is_err() {
            return;
        }
    }
}

/// The code for a connection whose frames cannot be read.
fn broken(error: &SocketError) -> u16 {
    let text = error.to_string();
    if text.contains("too long") || text.contains("too big") {
        codes::LENGTH
    } else if text.to_ascii_lowercase().contains("utf-8") {
        codes::TEXT
    } else {
        codes::PROTOCOL
    }
}

async fn read(app: &App, mut stream: SplitStream<WebSocket>, line: &Line, pings: &Pings, side: &mut impl Side) {
    let limited = side_is_limited(side);
    let mut heard: VecDeque<Instant> = VecDeque::new();
    while let Some(message) = stream.next().await {
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                line.end(broken(&error), "the message cannot be read");
                return;
            }
        };
        let now = Instant::now();
        if limited && !matches!(message, Message::Close(_)) {
            while heard.front().is_some_and(|first| now - *first >= HEARD_WINDOW) {
                heard.pop_front();
            }
            let most = app.limits(app.backend.now_ms()).socket_messages;
            if heard.len() >= most as usize {
                line.end(codes::POLICY, format!("too many messages: {most} a second are allowed"));
                return;
            }
            heard.push_back(now);
        }
        match message {
            Message::Text(text) => {
                if side.hear(&text).await == Turn::Stop {
                    line.end(codes::POLICY, "the limits were passed");
                    return;
                }
            }
            Message::Binary(_) => {
                line.end(codes::KIND, "only text is understood here");
                return;
            }
            Message::Pong(payload) => {
                // Only the answer to a ping counts; a pong of the client's own says nothing.
                let sent = pings.sent.load(Ordering::Relaxed);
                let number = std::str::from_utf8(&payload).ok().and_then(|text| text.parse::<u64>().ok());
                if let Some(number) = number.filter(|number| *number <= sent) {
                    pings.answered.fetch_max(number, Ordering::Relaxed);
                }
            }
            Message::Ping(_) => {}
            // The answer to it is the socket's business; then the stream is over.
            Message::Close(_) => {}
        }
    }
}

fn side_is_limited<S: Side>(_: &S) -> bool {
    S::IS_LIMITED
}

/// A problem of the node in words for a client that can do nothing about it.
pub(crate) fn failed(problem: &Problem) -> String {
    tracing::warn!(code = %problem.code, "a stream's request failed: {}", problem.message);
    "the node cannot look at its state".to_owned()
}
