//! Consensus: openraft over our own log store, transport, proposer and membership.
//!
//! This crate replicates bytes. It knows a state machine only as the trait [`Machine`] and knows no exchange. It is
//! the only crate that names openraft, and nothing of openraft is in a wire or disk format.

mod alarm;
mod apply;
pub mod bench;
mod body;
mod clock;
#[cfg(test)]
mod conformance;
mod log;
mod machine;
mod memory;
mod net;
mod node;
pub mod offline;
pub mod planted;
mod proposer;
mod record;
mod runtime;
mod sending;
mod server;
mod stages;
mod types;
mod wire;
mod work;

pub use alarm::{Alarm, Fatal};
pub use apply::SnapshotHold;
pub use clock::WallClock;
pub use machine::{Applied, At, Change, Halt, Input, Machine, RowReader, Rows, Visit};
pub use net::{Dialer, Dialling, Io, Membership};
pub use node::{
    Epoch, Handover, Hooks, MemberState, MembershipError, Node, Options, PeerView, ProposeError, ReadAt, Role,
    SnapshotRules, Status, Timing,
};
pub use proposer::Committed;
pub use runtime::seed_thread;
pub use server::PeerIdentity;
pub use types::Address;
pub use work::{Drive, join_threads};
