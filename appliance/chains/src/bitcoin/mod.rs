//! Bitcoin: addresses and scripts, coin selection, transactions, replacement, fees, blocks.

mod address;
mod block;
mod build;
mod fee;
mod psbt;
mod unsigned;

pub use address::{address_of_script, dust, script_of};
pub use block::{BLOCK_BYTES_MAX, read_block};
pub use build::{ChangeTo, Draft, Earlier, OFFERED_MAX, Offered, build, replace};
pub use fee::{FeeRate, RATE_SAT_PER_KVB_MAX, clamp, input_weight, output_weight, vbytes};
pub use psbt::PSBT_BYTES_MAX;
pub use unsigned::{Coins, INPUTS_MAX, OUTPUTS_MAX, UnsignedBitcoin, effects_of_signed};

pub(crate) use address::{address_of_key, is_burn, parse};
#[cfg(test)]
pub(crate) use unsigned::tx_id;
