//! Bitcoin: addresses and scripts, coin selection, transactions, replacement, fees, blocks.

mod address;
mod unsigned;

pub use address::{address_of_script, script_of};
pub use unsigned::{Coins, INPUTS_MAX, OUTPUTS_MAX, UnsignedBitcoin, effects_of_signed};

pub(crate) use address::{address_of_key, is_burn, parse};
