//! One message of the protocol for programs, whose events are encoded already.

use bytes::Bytes;
use prost::Message as _;

use super::proto;

/// `Told` of `proto/events.proto`: the same bytes, with each event as it was encoded once for everyone.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Told {
    /// Encoded [`proto::Event`]s.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub events: Vec<Bytes>,
    /// Events that are not kept any more.
    #[prost(message, optional, tag = "2")]
    pub gap: Option<proto::Gap>,
    /// One that has no number.
    #[prost(message, optional, tag = "3")]
    pub ephemeral: Option<proto::Ephemeral>,
    /// So many of those were missed.
    #[prost(uint64, tag = "4")]
    pub lost: u64,
    /// Everything before this number was told, or is of other topics.
    #[prost(uint64, tag = "5")]
    pub position: u64,
    /// Why the stream ends.
    #[prost(message, optional, tag = "6")]
    pub end: Option<proto::Problem>,
}

impl Told {
    /// One of its events, read.
    #[must_use]
    pub fn event(&self, at: usize) -> Option<proto::Event> {
        proto::Event::decode(self.events.get(at)?.clone()).ok()
    }
}
