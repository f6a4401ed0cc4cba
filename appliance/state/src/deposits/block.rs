//! What a worker saw: blocks, and the payments in them that concern the exchange.

use exchequer_domain::{BlockHash, BlockRef, ChainAddress, OutPoint, Place, TxId};
use serde::{Deserialize, Serialize};

/// Blocks of one command.
pub const BLOCKS_AT_ONCE_MAX: usize = 512;
/// Payments of one command; a block with more is told in several.
pub const SIGHTINGS_AT_ONCE_MAX: usize = 400;
/// Own outputs that the blocks of one command spend.
pub const SPENT_AT_ONCE_MAX: usize = 1_000;
/// Senders that are told of a payment, the exchange's own ones first.
pub const SENDERS_MAX: usize = 8;
/// Payments of a network that are in no block yet.
pub const PENDING_PER_NETWORK_MAX: usize = 10_000;

/// A payment to an address of the exchange: one that took effect, as its transaction's receipt says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The transaction.
    pub tx: TxId,
    /// Where in it.
    pub place: Place,
    /// To which address.
    pub to: ChainAddress,
    /// The token's contract; none for the network's own coin.
    pub coin: Option<ChainAddress>,
    /// How much, in the network's smallest units; none where it does not fit into 128 bits.
    pub amount: Option<u128>,
    /// From where, as far as that is known.
    pub from: Vec<ChainAddress>,
    /// How many blocks more it takes until the network lets it be spent, as for what was mined; zero for most.
    pub immature: u32,
}

/// A block, and what in it concerns the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScannedBlock {
    /// Which.
    pub block: BlockRef,
    /// The block before it.
    pub parent: BlockHash,
    /// Payments to the exchange's addresses.
    pub sightings: Vec<Sighting>,
    /// The exchange's own outputs that are spent in it, and by which transaction.
    pub spent: Vec<(OutPoint, TxId)>,
}
