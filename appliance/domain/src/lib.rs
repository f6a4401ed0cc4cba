//! The words every other crate speaks: ids, replicated time, units and amounts with their parsers, and the error codes.
//!
//! Invariants: no I/O, no clock, no randomness. Whatever needs one of these takes its result as an argument.

mod chain;
mod code;
mod decimal;
mod ids;
mod network;
mod problem;
mod time;
mod units;
mod worker;

pub use chain::{ADDRESS_BYTES_MAX, BlockHash, BlockRef, ChainAddress, Family, OutPoint, Place, TxId};
pub use code::Code;
pub use decimal::{DecimalError, format_decimal, parse_amount, parse_decimal};
pub use ids::{AdminId, ClusterId, CommandId, Digest, NodeId, ParseIdError, UserId};
pub use network::Network;
pub use problem::Problem;
pub use time::Timestamp;
pub use units::{UnitError, format_bytes, format_duration, parse_bytes, parse_duration};
pub use worker::{WorkerId, WorkerKind};
