//! Whether a connection is in use: what is under way on it, and since when nothing is.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

/// A connection on which no request has come for so long is given up: as long as the head of one may take.
pub(super) const FIRST_REQUEST: Duration = super::HEADER_TIMEOUT;
/// A connection of HTTP/2 on which nothing is under way for so long is given up. Longer than balancers keep a connection that they
/// do not use, commonly a minute, so that theirs is the end that is heard first. HTTP/1 waits for the next head, not as long.
pub(super) const IDLE: Duration = Duration::from_secs(90);

#[derive(Debug)]
struct Inside {
    /// Requests whose answers have not been sent to their end.
    under_way: u32,
    /// Since when there are none, or since the connection is there.
    since: Instant,
    /// How long that may last.
    patience: Duration,
}

/// The use of one connection.
#[derive(Debug, Clone)]
pub(super) struct Used(Arc<Mutex<Inside>>);

/// A request is under way as long as it lives.
#[derive(Debug)]
pub(super) struct UnderWay(Used);

impl Used {
    /// A connection that has just come.
    pub(super) fn new() -> Used {
        Used(Arc::new(Mutex::new(Inside { under_way: 0, since: Instant::now(), patience: FIRST_REQUEST })))
    }

    /// A request has come.
    pub(super) fn begin(&self) -> UnderWay {
        let mut inside = self.0.lock();
        inside.under_way += 1;
        inside.patience = IDLE;
        UnderWay(self.clone())
    }

    /// How long it will be before it has been idle for too long, if nothing comes; none where something is under way.
    fn left(&self) -> Option<Duration> {
        let inside = self.0.lock();
        (inside.under_way == 0).then(|| inside.patience.saturating_sub(inside.since.elapsed()))
    }

    /// Whether something is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.0.lock().under_way > 0
    }

    /// Until it has been idle for too long.
    pub(super) async fn idle(&self) {
        loop {
            match self.left() {
                Some(Duration::ZERO) => return,
                // What is over while this sleeps has not been over for longer than it sleeps.
                left => tokio::time::sleep(left.unwrap_or(IDLE)).await,
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut inside = self.0.0.lock();
        inside.under_way = inside.under_way.saturating_sub(1);
        inside.since = Instant::now();
    }
}

/// The body of an answer, under way until it has been sent.
pub(super) struct Sent {
    pub(super) body: Body,
    pub(super) _under_way: UnderWay,
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
