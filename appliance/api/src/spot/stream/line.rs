//! What waits for one connection, and whether it is to end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::ws::Utf8Bytes;
use exchequer_market_data::conflate::{Message, Outbox, Refused, Stream, Weigh};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::super::view::View;
use super::messages;

/// What may wait for one connection, in bytes.
pub(crate) const WAITING_BYTES_MAX: usize = 4 << 20;

/// Text that is shared by those whom it is sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) Utf8Bytes);

impl Weigh for Text {
    fn bytes(&self) -> usize {
        self.0.as_str().len()
    }
}

impl Text {
    pub(crate) fn new(text: String) -> Text {
        Text(Utf8Bytes::from(text))
    }
}

/// Why a connection ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// The code of the closing frame.
    pub(crate) code: u16,
    /// For people.
    pub(crate) reason: String,
}

/// Codes of closing frames.
pub(crate) mod codes {
    /// The server goes away.
    pub(crate) const AWAY: u16 = 1001;
    /// The frames are none.
    pub(crate) const PROTOCOL: u16 = 1002;
    /// Only text is taken.
    pub(crate) const KIND: u16 = 1003;
    /// Text that is no UTF-8.
    pub(crate) const TEXT: u16 = 1007;
    /// A limit was passed.
    pub(crate) const POLICY: u16 = 1008;
    /// A message is too long.
    pub(crate) const LENGTH: u16 = 1009;
    /// Something was missed: begin anew.
    pub(crate) const RESTART: u16 = 1012;
}

#[derive(Debug)]
struct Inside {
    outbox: Outbox<Text>,
    /// What differences that were merged are written with.
    books: BTreeMap<Stream, (Arc<View>, Arc<str>)>,
    end: Option<End>,
}

/// What is to be sent next.
#[derive(Debug)]
pub(crate) enum Next {
    Text(Text),
    End(End),
}

/// The outgoing side of one connection.
#[derive(Debug)]
pub(crate) struct Line {
    inside: Mutex<Inside>,
    wake: Notify,
    over: Notify,
    /// Whether what is sent names its stream.
    wrapped: AtomicBool,
}

impl Line {
    pub(crate) fn new(wrapped: bool) -> Line {
        let inside = Inside { outbox: Outbox::new(WAITING_BYTES_MAX), books: BTreeMap::new(), end: None };
        Line { inside: Mutex::new(inside), wake: Notify::new(), over: Notify::new(), wrapped: AtomicBool::new(wrapped) }
    }

    pub(crate) fn is_wrapped(&self) -> bool {
        self.wrapped.load(Ordering::Relaxed)
    }

    pub(crate) fn wrap(&self, wrapped: bool) {
        self.wrapped.store(wrapped, Ordering::Relaxed);
    }

    /// Says with what differences of a stream are written.
    pub(crate) fn book(&self, stream: Stream, view: Arc<View>, name: Arc<str>) {
        self.inside.lock().books.insert(stream, (view, name));
    }

    /// Forgets it, and differences of the stream that were merged and still wait.
    pub(crate) fn forget_book(&self, stream: Stream) {
        self.inside.lock().books.remove(&stream);
    }

    /// Gives a message to the connection; where too much waits already, ends it.
    pub(crate) fn push(&self, message: Message<Text>) {
        let mut inside = self.inside.lock();
        if inside.end.is_some() {
            return;
        }
        match inside.outbox.push(message) {
            Ok(()) => self.wake.notify_one(),
            Err(refused) => {
                let (code, reason) = match refused {
                    Refused::TooSlow { limit, .. } => {
                        (codes::POLICY, format!("too slow: more than {limit} bytes would wait"))
                    }
                    Refused::NotAdjacent(_) => (codes::RESTART, "a difference of a book was missed".to_owned()),
                };
                drop(inside);
                self.end(code, reason);
            }
        }
    }

    /// An answer or an event: sent whatever happens, in order.
    pub(crate) fn event(&self, text: String) {
        self.push(Message::Event(Text::new(text)));
    }

    /// Ends the connection after what is being sent; what waits is not sent any more, unless it `drains`.
    pub(crate) fn end(&self, code: u16, reason: impl Into<String>) {
        let mut inside = self.inside.lock();
        if inside.end.is_none() {
            inside.end = Some(End { code, reason: reason.into() });
            // What waits is worth nothing to a client that must begin anew, and room is wanted.
            if code == codes::POLICY {
                inside.outbox = Outbox::new(WAITING_BYTES_MAX);
            }
            self.wake.notify_one();
            self.over.notify_one();
        }
    }

    /// Comes back when the connection is to end.
    pub(crate) async fn over(&self) {
        loop {
            if self.inside.lock().end.is_some() {
                return;
            }
            self.over.notified().await;
        }
    }

    /// What is to be sent next, when there is something. Nothing is lost where the wait is given up.
    pub(crate) async fn next(&self, now_ms: impl Fn() -> u64) -> Next {
        loop {
            if let Some(next) = self.take(&now_ms) {
                return next;
            }
            self.wake.notified().await;
        }
    }

    fn take(&self, now_ms: &impl Fn() -> u64) -> Option<Next> {
        let mut inside = self.inside.lock();
        loop {
            let message = inside.outbox.pop();
            return Some(match message {
                None => Next::End(inside.end.clone()?),
                Some(Message::Event(text) | Message::Latest(_, text) | Message::Trailing(_, text))
                | Some(Message::Depth(_, _, Some(text))) => Next::Text(text),
                Some(Message::Depth(stream, diff, None)) => {
                    // Of a stream that was left meanwhile.
                    let Some((view, name)) = inside.books.get(&stream).cloned() else { continue };
                    drop(inside);
                    let text = Text::new(messages::depth(&view, &diff, now_ms()));
                    Next::Text(if self.is_wrapped() { messages::wrapped(&name, &text) } else { text })
                }
            });
        }
    }
}
