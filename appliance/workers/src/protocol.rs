//! The protocol's messages and times.

use std::time::Duration;

/// Generated from `proto/worker.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
pub mod proto {
    tonic::include_proto!("exchequer.worker.v1");
}

use proto::{FromWorker, ToWorker, from_worker, to_worker};

/// The version that a Hello names.
pub const PROTOCOL_VERSION: u32 = 1;
/// Between two heartbeats of a worker.
pub const HEARTBEAT: Duration = Duration::from_secs(2);
/// Between two renewals of a worker's lease.
pub const LEASE_RENEWAL: Duration = Duration::from_millis(250);
/// A lease is over so long after its leader knew that it leads.
pub const LEASE: Duration = Duration::from_secs(1);
/// A leadership gives no lease before this age: all leases of the one before are over then. What [`LEASE`] lacks to it is
/// for clocks that do not run equally fast.
pub const LEASE_REST: Duration = Duration::from_millis(1_100);
/// The longest message to a worker.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
/// The longest message of a worker: many of them may wait at once, and of all workers together.
pub const SAID_BYTES_MAX: usize = 64 << 10;
/// The longest result of a job.
pub const RESULT_BYTES_MAX: usize = 4_096;
/// The longest text of an error or a line of the log; more is cut.
pub const TEXT_BYTES_MAX: usize = 4_096;
/// The longest word that says what a line of the log is about; more is cut.
pub const TRACE_BYTES_MAX: usize = 64;

/// Shortens a text to the limit, at a character's end.
#[must_use]
pub fn cut(text: String) -> String {
    cut_to(text, TEXT_BYTES_MAX)
}

/// Shortens a text to so many bytes, at a character's end.
#[must_use]
pub fn cut_to(mut text: String, bytes: usize) -> String {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(end);
    text
}

macro_rules! messages {
    ($envelope:ident, $kind:path, $($variant:ident)*) => {
        $(
            impl From<proto::$variant> for $envelope {
                fn from(message: proto::$variant) -> $envelope {
                    use $kind as Message;
                    $envelope { message: Some(Message::$variant(message)) }
                }
            }
        )*
    };
}

messages! { FromWorker, from_worker::Message,
    Hello Heartbeat WantJobs JobProgress JobEnd DirectiveAcked DirectiveRunning DirectiveEnd Log ErrorSeen Drained Condition
}
messages! { ToWorker, to_worker::Message,
    Welcome Lease Settings Jobs JobRecorded JobRefused Directive Drain Refused
}
