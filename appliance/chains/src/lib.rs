//! Bitcoin, EVM networks and TRON: addresses, keys' paths, transactions, fees; and, in `rpc`, `node` and `scan`, what talks to
//! their nodes.
//!
//! Invariants of the codecs (`bitcoin`, `evm`, `tron`, and the root's types over them):
//! - Pure: no I/O, no clock, no randomness, no keys. Signatures come from outside and are verified before they are used.
//! - What a transaction does is read from its bytes alone ([`Effects`]); what is not understood to the last byte is an error.
//! - Amounts are integers of the network's smallest unit, at most `u128`; a larger one is an error, never cut.
//! - Reading any bytes ends in a value or an error, never in a panic.

mod address;
pub mod bitcoin;
mod coin;
mod derive;
mod effects;
mod error;
pub mod evm;
mod key;
pub mod node;
mod params;
pub mod rpc;
pub mod scan;
#[cfg(test)]
mod tests;
pub mod tron;
mod unsigned;
mod wire;

pub use address::{DestinationError, check_destination, is_burn_address, parse_address};
pub use coin::{Coin, Payment};
pub use derive::{AccountKey, address_of_key};
pub use effects::{Change, EffectKind, Effects, Exclusion, Resource, Spent};
pub use error::{AddressError, TxError};
pub use key::{INDEX_MAX, KeyPath, KeyPurpose, Scheme, Signature, SigningInput};
pub use params::{BitcoinKind, NetworkParams, Parameters};
pub use unsigned::{Signed, UNSIGNED_BYTES_MAX, Unsigned};
