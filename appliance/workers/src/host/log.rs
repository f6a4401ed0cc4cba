//! The worker's own log on its way to the supervisor.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use crate::proto;
use crate::protocol::{TRACE_BYTES_MAX, cut, cut_to};

/// Lines that may wait for the host; further ones are dropped and counted.
const LINES_WAITING_MAX: usize = 1_024;

/// Turns what is traced into lines for the supervisor. Nothing ever waits for it.
#[derive(Debug, Clone)]
pub struct Forward {
    lines: mpsc::Sender<proto::Log>,
    dropped: Arc<AtomicU64>,
}

/// The layer, and the lines that it makes.
#[must_use]
pub fn forward() -> (Forward, mpsc::Receiver<proto::Log>) {
    let (lines, received) = mpsc::channel(LINES_WAITING_MAX);
    (Forward { lines, dropped: Arc::default() }, received)
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
    trace: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            "trace" => value.clone_into(&mut self.trace),
            // Writing to a string does not fail.
            name => drop(write!(self.fields, " {name}={value}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        match field.name() {
            "trace" => self.trace = format!("{value:?}"),
            "message" => self.message = format!("{value:?}"),
            name => drop(write!(self.fields, " {name}={value:?}")),
        }
    }
}

const fn level_of(level: Level) -> proto::Level {
    match level {
        Level::ERROR => proto::Level::Error,
        Level::WARN => proto::Level::Warn,
        Level::INFO => proto::Level::Info,
        Level::DEBUG => proto::Level::Debug,
        Level::TRACE => proto::Level::Trace,
    }
}

impl<S: Subscriber> Layer<S> for Forward {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = proto::Log {
            level: level_of(*event.metadata().level()).into(),
            text: cut(text.message + &text.fields),
            trace: cut_to(text.trace, TRACE_BYTES_MAX),
            dropped: self.dropped.swap(0, Ordering::Relaxed),
            time_us: u64::try_from(now.as_micros()).unwrap_or(u64::MAX),
        };
        if let Err(refused) = self.lines.try_send(line) {
            let lost = refused.into_inner().dropped + 1;
            self.dropped.fetch_add(lost, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    /// Goal: a line says what was traced, what does not fit is counted on the next one that does, and nothing waits.
    /// Method: more lines than fit, taken out again.
    #[test]
    fn lines_are_made_and_dropped_ones_counted() {
        let (layer, mut lines) = forward();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(trace = "job-7", blocks = 3, "it is late");
            let first = lines.try_recv().unwrap();
            assert_eq!((first.text.as_str(), first.trace.as_str()), ("it is late blocks=3", "job-7"));
            assert_eq!((first.level(), first.dropped), (proto::Level::Warn, 0));
            for number in 0..LINES_WAITING_MAX + 3 {
                tracing::info!(number, "one of many");
            }
            while lines.try_recv().is_ok() {}
            tracing::error!("after them");
            let after = lines.try_recv().unwrap();
            assert_eq!((after.dropped, after.level()), (3, proto::Level::Error));
        });
    }
}
