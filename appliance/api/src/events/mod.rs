//! The event bus of this node: what was applied, told to whoever listens, at every node alike.
//!
//! One tail reads each new event once and keeps it in a bounded ring, made into text and bytes once for all. A listener
//! that is behind the ring reads rows itself. Invariants: a listener gets each event of its topics that is kept, once and
//! in order, and is told of a gap where some are not kept any more; nothing here makes applying wait, whatever listeners
//! do; one that takes nothing for too long is closed with a reason, and goes on from its number when it likes; a token
//! that ends, ends its streams within a second.

mod bus;
mod cursor;
mod ephemeral;
mod page;
mod pass;
mod pump;
mod ring;
pub(crate) mod wire;
mod wish;

/// Generated from `proto/events.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    missing_debug_implementations,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
pub mod proto {
    pub use super::wire::Told;

    tonic::include_proto!("exchequer.events.v1");
}

pub(crate) use bus::{Bus, PAGE_EVENTS};
pub use ephemeral::Ephemeral;
pub(crate) use ephemeral::Passing;
pub(crate) use page::decode;
pub(crate) use pass::{LogPass, Pass};
#[cfg(test)]
pub(crate) use pump::open_within;
pub(crate) use pump::{Item, Opened, open};
pub(crate) use wish::{Wish, topics};
