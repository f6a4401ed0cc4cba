//! Blocks of Bitcoin as their bytes.

use ::bitcoin::consensus::encode::deserialize;

use crate::TxError;

/// Longest block that is read, in bytes: what consensus allows.
pub const BLOCK_BYTES_MAX: usize = 4_000_000;

/// Reads a block, and holds its transactions and their witnesses against what its header commits to: a node that leaves one out
/// is found out.
///
/// # Errors
/// It does not read, or a transaction was left out, added or changed.
pub fn read_block(bytes: &[u8]) -> Result<::bitcoin::Block, TxError> {
    const WHAT: &str = "Bitcoin block";
    if bytes.len() > BLOCK_BYTES_MAX {
        let (found, max) = (bytes.len() as u128, BLOCK_BYTES_MAX as u128);
        return Err(TxError::Limit { what: "bytes of a Bitcoin block", found, max });
    }
    let block: ::bitcoin::Block = deserialize(bytes).map_err(|error| TxError::malformed(WHAT, error))?;
    if block.txdata.is_empty() || !block.check_merkle_root() || !block.check_witness_commitment() {
        return Err(TxError::malformed(WHAT, "its transactions are not those that its header commits to"));
    }
    Ok(block)
}
