//! From blocks to what arrived at our addresses.
//!
//! Invariants:
//! - An address is ours when its whole key is in the set: nothing is credited by a part of a hash ([`AddressSet`]).
//! - A transaction that failed moves nothing, whatever its log and its calls say; that is asked first.
//! - A sighting's key is its transaction and its [`Place`](exchequer_domain::Place), which a reorganisation does not change:
//!   entries of a log and calls are counted within their transaction.
//! - An amount that is not counted with, or a transaction of an unknown kind, is a [`Doubt`] for people: neither credited nor lost.
//! - What is explained of a transaction is what the scan decided: both are one walk with two listeners ([`Listener`]).

mod addresses;
mod bitcoin;
mod block;
mod evm;
mod explain;
mod file;
mod key;
mod sighting;
#[cfg(test)]
mod tests;
mod trail;
mod tron;

pub use addresses::{AddressSet, KEYS_MAX, OVERLAY_KEYS_MAX, SetError};
pub(crate) use bitcoin::name as bitcoin_name;
pub use block::{
    BitcoinBlock, Block, EvmBlock, EvmLog, EvmReceipt, EvmTx, Frame, Header, TronBlock, TronContract, TronInfo,
    TronInternal, TronTx,
};
pub use evm::{Proved, transfers as evm_transfers};
pub use explain::{Finding, explain};
pub use file::FileError;
pub use key::Key;
pub(crate) use key::account_text;
pub use sighting::{Doubt, Found, Listener, Own, Passed, Sighting, Unsure, Watch, scan, walk};
pub use trail::{HEADERS_MAX, Halt, Step, Trail, Wait};
pub use tron::transfers as tron_transfers;
