//! Networks of the EVM family: addresses, transactions, fees, logs, and what nodes say of blocks and receipts.

mod address;
mod fee;
mod tx;
mod unsigned;

pub use address::{Account, account_of_key, account_of_text, text};
pub use fee::{BUMP_PERCENT, FeePolicy, GasMarket, Speed, bump, gas_limit, quote};
pub use tx::{EvmAction, EvmFees, EvmTx, amount_of_word, read_transfer_data, transfer_data};
pub use unsigned::{UnsignedEvm, effects_of_signed};

#[cfg(test)]
pub(crate) use address::account_of_point;
pub(crate) use address::{is_burn, is_system, parse};
pub(crate) use tx::RawSignature;
pub(crate) use unsigned::recover;
