//! Networks of the EVM family: addresses, transactions, fees, logs, and what nodes say of blocks and receipts.

mod address;
mod tx;
mod unsigned;

pub use address::{Account, account_of_key, account_of_text, text};
pub use tx::{EvmAction, EvmFees, EvmTx, amount_of_word, read_transfer_data, transfer_data};
pub use unsigned::{UnsignedEvm, effects_of_signed};

pub(crate) use address::{is_burn, is_system, keccak, parse};
pub(crate) use tx::RawSignature;
pub(crate) use unsigned::recover;
