//! TRON: addresses, messages, transactions, fees, and what nodes say of blocks and receipts.

mod address;
mod expiry;
mod fee;
mod message;
mod tx;
mod unsigned;

pub use address::{PREFIX, account_of_hex, account_of_text, text};
pub use expiry::{LIFE_MS, LIFE_MS_MAX, REF_BLOCKS_MAX, Solid, Testimony, WITNESSES_MIN, expiry, is_void};
pub use fee::{
    ACTIVATION_SUN, BANDWIDTH_OVERHEAD_BYTES, BANDWIDTH_SUN_PER_BYTE, FEE_LIMIT_SUN_MAX, bandwidth, bandwidth_burn,
    energy_burn, fee_limit,
};
pub use tx::{RefBlock, TronAction, TronTx};
pub use unsigned::{UnsignedTron, effects_of_signed};

pub(crate) use address::{is_burn, parse};
