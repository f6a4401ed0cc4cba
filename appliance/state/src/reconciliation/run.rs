//! Runs: one comparison of a network with its chain, from a pinned block on, and what a network's comparisons have come to.

use exchequer_domain::{BlockRef, ChainAddress, Digest, Network, Timestamp};
use serde::{Deserialize, Serialize};

use super::discrepancy::DiscrepancyId;
use super::equation::Outcome;

/// Readings of one command.
pub const READINGS_AT_ONCE_MAX: usize = 300;
/// So long runs can keep something pinned, one after the other as well, in microseconds.
pub const RUN_US_MAX: u64 = 3 * 3_600_000_000;
/// An address that is to be read and was told in none of so many runs that ended is a finding. Twice as many as it takes to tell of every
/// touched address there may be.
pub const UNTOLD_RUNS_MAX: usize = 50;
/// So long, in microseconds, as many runs may be cut short and none end before people are told.
pub const UNENDED_US_MAX: u64 = 24 * 3_600_000_000;
/// All deposit addresses are gone through within so long, in microseconds.
pub const ROUND_US_MAX: u64 = 7 * 24 * 3_600_000_000;

/// The number of a run among those of its network, from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How long a network takes until something is final, in microseconds, as a rule.
#[must_use]
pub const fn finality_us(network: Network) -> u64 {
    const MINUTE: u64 = 60_000_000;
    match network {
        Network::Bitcoin => 60 * MINUTE,
        Network::Ethereum | Network::Arbitrum => 20 * MINUTE,
        Network::Polygon => 10 * MINUTE,
        Network::Bsc | Network::Tron => 2 * MINUTE,
    }
}

/// What a worker read of one coin at one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Which address.
    pub address: ChainAddress,
    /// The token's contract; none for the network's own coin.
    pub coin: Option<ChainAddress>,
    /// How much is there, in the network's smallest units; none where endpoints contradict each other, or it does not fit.
    pub amount: Option<u128>,
    /// How many transactions the address's key has made, where the network counts them.
    pub nonce: Option<u64>,
}

/// A run that is going on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Its number.
    pub run: RunId,
    /// The block at which the network is compared; readings are of this one or of later ones.
    pub block: BlockRef,
    /// Replicated time of the beginning.
    pub at: Timestamp,
    /// How many readings were judged.
    pub judged: u32,
    /// How many of them differ.
    pub differing: u32,
    /// Over everything that was read, in the order in which it came.
    pub inputs: Digest,
}

/// How far all deposit addresses are gone through, again and again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sweep {
    /// The index of the next one.
    pub next: u32,
    /// Replicated time at which this round of it began.
    pub begun: Timestamp,
    /// Replicated time at which the last whole round ended.
    pub whole: Option<Timestamp>,
}

/// What is remembered of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Net {
    /// Which.
    pub network: Network,
    /// Movements up to this height are in positions.
    pub floor: u64,
    /// Up to this height what blocks brought is history, whatever branch is told of it later: what is known is not told again.
    pub history: u64,
    /// Up to this height readings may lack payouts that were final on a branch that is gone, and come again.
    pub branched: u64,
    /// Since when runs keep movements from being folded; none while they do not.
    pub pinned: Option<Timestamp>,
    /// The latest runs that ended, each with the height of its block, the oldest first; [`UNTOLD_RUNS_MAX`] at most.
    pub lately: Vec<(RunId, u64)>,
    /// The run that is going on.
    pub begun: Option<Begun>,
    /// The number of the last run.
    pub last: RunId,
    /// Replicated time at which the last one ended.
    pub ended: Option<Timestamp>,
    /// The block of the last run that ended.
    pub block: Option<BlockRef>,
    /// How far the deposit addresses are gone through.
    pub sweep: Sweep,
    /// Addresses that were not noted as touched because there were too many; the sweep comes to them.
    pub untold: u64,
}

impl Net {
    pub(crate) fn new(network: Network) -> Net {
        let (begun, ended, block) = (None, None, None);
        let (pinned, lately, sweep) = (None, Vec::new(), Sweep::default());
        let (floor, history, branched, untold) = (0, 0, 0, 0);
        Net { network, floor, history, branched, pinned, lately, begun, last: RunId(0), ended, block, sweep, untold }
    }
}

/// A run that is over: its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// On which network.
    pub network: Network,
    /// At which block.
    pub block: BlockRef,
    /// Replicated time of its beginning.
    pub begun: Timestamp,
    /// Replicated time of its end.
    pub ended: Timestamp,
    /// The number of the ledger's last posting.
    pub posting: u64,
    /// The hash of the journal up to its last whole block.
    pub journal: Digest,
    /// How many readings were judged.
    pub judged: u32,
    /// How many of them differ.
    pub differing: u32,
    /// How many could not be made.
    pub failed: u32,
    /// Whether every deposit address was gone through with the end of this run.
    pub whole: bool,
    /// The hash over everything that was read, in the order in which it came.
    pub inputs: Digest,
    /// What each equation came to.
    pub outcomes: Vec<Outcome>,
    /// Discrepancies that were open at its end, a hundred at most.
    pub open: Vec<DiscrepancyId>,
}
