//! How far a network is scanned, and the ring of its latest block hashes.

use std::collections::BTreeMap;

use exchequer_domain::{BlockHash, BlockRef, Network, Timestamp};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use crate::codec::{self, DecodeError};
use crate::halt::Halt;
use crate::networks::{NetworkConfig, number};
use crate::planted::{self, Bug};
use crate::rows::{self, Rows, Table};

/// Hashes that are kept of a network at least.
pub const RING_MIN: u64 = 128;
/// Hashes that are kept of a network at most, however deep its rules are and however long its finality stands still.
pub const RING_MAX: u64 = 32_768;

/// Highest height that is believed: no chain gets there, and sums of heights stay far from the end of their range.
pub const HEIGHT_MAX: u64 = 1 << 40;

/// Whether a network's nodes tell which block is final. Where they do, nothing but that has a deposit credited.
#[must_use]
pub const fn has_finality_tag(network: Network) -> bool {
    match network {
        Network::Bitcoin => false,
        Network::Ethereum | Network::Polygon | Network::Bsc | Network::Arbitrum | Network::Tron => true,
    }
}

/// That a network stands still, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halted {
    /// Replicated time.
    pub since: Timestamp,
    /// The last block that the worker's node and the state have in common, as the worker said.
    pub common: BlockRef,
}

/// How far a network is, as the worker that scans it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heights {
    /// The height that the network's nodes are at.
    pub head: u64,
    /// The height that is final, where they tell.
    pub finalized: Option<u64>,
    /// The height up to which two endpoints tell the same blocks.
    pub agreed: u64,
}

impl Heights {
    /// Whether they can be so, with blocks up to this one.
    pub(crate) fn check(&self, tip: u64) -> Result<(), Refusal> {
        let highest = self.finalized.unwrap_or_default().max(self.agreed).max(tip);
        if highest > self.head || self.head > HEIGHT_MAX { Err(Refusal::Heights) } else { Ok(()) }
    }
}

/// How far a network is scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Which.
    pub network: Network,
    /// The last block whose payments are all known; none before the first.
    pub tip: Option<BlockRef>,
    /// The block after it, where only a part of its payments is known.
    pub partial: Option<BlockRef>,
    /// The height that its nodes are at.
    pub head: u64,
    /// The highest height that was final; none where the network does not tell, or did not yet.
    pub finalized: Option<u64>,
    /// The height up to which two endpoints agree.
    pub agreed: u64,
    /// The height up to which deposits were made free to leave, or could have been. It never goes back by itself.
    pub settled: u64,
    /// The lowest height in the ring.
    pub floor: u64,
    /// Whether it stands still.
    pub halted: Option<Halted>,
    /// Since when it is known that no block comes; ended by the next one.
    pub silent: Option<Timestamp>,
    /// When the scan was last where the network's nodes are, in replicated time; none before the first time.
    pub at_head: Option<Timestamp>,
    /// When more of it was final than before, in replicated time, or its first blocks came; none before those, and where nodes do
    /// not tell what is final.
    pub final_at: Option<Timestamp>,
}

/// Blocks of about a minute: a scan that is so far behind the network's nodes is where they are.
const fn near_blocks(network: Network) -> u64 {
    match network {
        Network::Bitcoin => 0,
        Network::Ethereum => 5,
        Network::Polygon => 30,
        Network::Bsc => 60,
        Network::Arbitrum => 240,
        Network::Tron => 20,
    }
}

impl Chain {
    pub(crate) const fn new(network: Network) -> Chain {
        let (tip, partial, finalized, halted) = (None, None, None, None);
        let (silent, at_head, final_at) = (None, None, None);
        let (head, agreed, settled, floor) = (0, 0, 0, 0);
        Chain { network, tip, partial, head, finalized, agreed, settled, floor, halted, silent, at_head, final_at }
    }

    /// The same, where the network is that far now.
    pub(crate) fn at(self, heights: Heights, now: Timestamp) -> Chain {
        let finalized = self.finalized.max(heights.finalized);
        let is_news = finalized > self.finalized || self.final_at.is_none();
        let chain = Chain {
            head: heights.head,
            finalized,
            agreed: heights.agreed,
            silent: self.silent.filter(|_| heights.head <= self.head),
            final_at: if has_finality_tag(self.network) && is_news { Some(now) } else { self.final_at },
            ..self
        };
        Chain { at_head: if chain.is_at_head() { Some(now) } else { chain.at_head }, ..chain }
    }

    /// Whether all blocks are known but for those of about a minute.
    pub(crate) const fn is_at_head(&self) -> bool {
        match self.tip {
            Some(tip) => tip.height.saturating_add(near_blocks(self.network)) >= self.head,
            None => false,
        }
    }

    /// Up to which height deposits count for trading.
    #[must_use]
    pub fn tradable_to(&self, config: &NetworkConfig) -> Option<u64> {
        self.deep_and_final(config.tradable)
    }

    /// Up to which height deposits are free to leave.
    #[must_use]
    pub fn withdrawable_to(&self, config: &NetworkConfig) -> Option<u64> {
        self.deep_and_final(config.withdrawable)
    }

    /// Up to which height blocks are so deep, agreed upon, and final where the network's nodes tell that: a count never stands in
    /// for finality that does not come.
    fn deep_and_final(&self, confirmations: u32) -> Option<u64> {
        let deep = (self.tip?.height + 1).checked_sub(u64::from(confirmations))?;
        let counted = if planted::has(Bug::CreditBeforeAgreed) { deep } else { deep.min(self.agreed) };
        if has_finality_tag(self.network) && !planted::has(Bug::CreditBeforeFinal) {
            Some(counted.min(self.finalized?))
        } else {
            Some(counted)
        }
    }

    /// The lowest height whose hash is to be kept.
    pub(crate) fn floor_for(&self, config: &NetworkConfig) -> u64 {
        let Some(tip) = self.tip else { return self.floor };
        let ring = u64::from(config.withdrawable.max(config.tradable)).saturating_mul(2).max(RING_MIN);
        let wanted = tip.height.saturating_sub(ring).min(self.settled);
        wanted.max(tip.height.saturating_sub(RING_MAX)).max(self.floor)
    }
}

/// All networks' chains, and their hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chains {
    /// In the order of [`Network::ALL`].
    chains: Vec<Chain>,
    hashes: BTreeMap<(Network, u64), BlockHash>,
}

impl Default for Chains {
    fn default() -> Chains {
        Chains { chains: Network::ALL.iter().map(|network| Chain::new(*network)).collect(), hashes: BTreeMap::new() }
    }
}

impl Chains {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Chains, Halt> {
        let mut all = Chains::default();
        let damaged = |error| Halt::row(Table::Chain, error);
        rows::for_each_of_table(rows, Table::Chain, |key, row| {
            let (network, height) = key.split_first_chunk::<2>().ok_or(damaged(DecodeError::Malformed))?;
            let network = Network::ALL.iter().copied().find(|known| number(*known) == *network);
            let network = network.ok_or(damaged(DecodeError::Malformed))?;
            match <[u8; 8]>::try_from(height) {
                Ok(height) => {
                    let hash = codec::decode(row).map_err(damaged)?;
                    all.put_hash(network, BlockRef { height: u64::from_be_bytes(height), hash });
                }
                Err(_) if height.is_empty() => all.put(codec::decode(row).map_err(damaged)?),
                Err(_) => return Err(damaged(DecodeError::Malformed)),
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// How far a network is scanned.
    #[must_use]
    pub fn get(&self, network: Network) -> &Chain {
        // Made with one for each, in the order of their numbers.
        &self.chains[network as usize]
    }

    /// The block of a height, where its hash is still known.
    #[must_use]
    pub fn block(&self, network: Network, height: u64) -> Option<BlockRef> {
        self.hashes.get(&(network, height)).map(|hash| BlockRef { height, hash: *hash })
    }

    /// The known blocks of a network from the latest down, so that a worker can find the last one that its node has too.
    pub fn blocks(&self, network: Network) -> impl Iterator<Item = BlockRef> {
        let of = self.hashes.range((network, 0)..=(network, u64::MAX)).rev();
        of.map(|((_, height), hash)| BlockRef { height: *height, hash: *hash })
    }

    pub(crate) fn put(&mut self, chain: Chain) {
        if let Some(present) = self.chains.get_mut(chain.network as usize) {
            *present = chain;
        }
    }

    pub(crate) fn put_hash(&mut self, network: Network, block: BlockRef) {
        self.hashes.insert((network, block.height), block.hash);
    }

    /// Forgets the hashes of heights from one up to, not including, another.
    pub(crate) fn forget(&mut self, network: Network, from: u64, until: u64) {
        while let Some(key) = self.hashes.range((network, from)..(network, until)).next().map(|(key, _)| *key) {
            self.hashes.remove(&key);
        }
    }
}

/// The row key of a network's hash at a height.
pub(crate) fn hash_key(network: Network, height: u64) -> Vec<u8> {
    Table::Chain.key(&[number(network).as_slice(), &height.to_be_bytes()].concat())
}
