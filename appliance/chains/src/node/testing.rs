//! What clients make of what nodes send, without the way to them: for tests of whole chains, which would wait for that alone.

use exchequer_domain::Network;
use serde_json::Value;
use serde_json::value::RawValue;

use super::evm::EvmOptions;
use super::{NodeError, bitcoin, evm, tron};
use crate::scan::{BitcoinBlock, EvmBlock, Header, TronBlock};

/// A block of Bitcoin, by the name under which it was asked for.
pub(crate) fn bitcoin_block(height: u64, hash: &str, bytes: &[u8]) -> Result<BitcoinBlock, NodeError> {
    bitcoin::block_of(height, hash, bytes)
}

/// A header of Bitcoin, by the name under which it was asked for.
pub(crate) fn bitcoin_header(height: u64, hash: &str, bytes: &[u8]) -> Result<Header, NodeError> {
    bitcoin::header_of(height, hash, bytes)
}

/// A block of an EVM network and its receipts.
pub(crate) fn evm_block(
    how: (Network, EvmOptions),
    height: u64,
    block: &RawValue,
    receipts: &RawValue,
) -> Result<EvmBlock, NodeError> {
    evm_header(how.1, height, block)?;
    evm::joined(how, block, receipts)
}

/// A header of an EVM network.
pub(crate) fn evm_header(options: EvmOptions, height: u64, block: &RawValue) -> Result<Header, NodeError> {
    evm::at(height, evm::header_of(options, block)?)
}

/// Gives a made-up block of an EVM network the roots, the filter, the gas and the name that follow from its receipts.
pub(crate) fn evm_seal(block: &mut Value, receipts: &mut [Value]) {
    evm::seal(block, receipts);
}

/// A block of TRON and what became of its transactions.
pub(crate) fn tron_block(height: u64, block: &RawValue, infos: &RawValue) -> Result<TronBlock, NodeError> {
    tron_header(height, block)?;
    tron::join(block, infos)
}

/// A header of TRON.
pub(crate) fn tron_header(height: u64, block: &RawValue) -> Result<Header, NodeError> {
    tron::header_at(height, block)
}
