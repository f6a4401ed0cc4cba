//! How the four networks of Ethereum's kind differ, as far as a client sees it.

use std::fmt;
use std::str::FromStr;

const GWEI: u128 = 1_000_000_000;

/// Which network's behaviour is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Two tags of finality, half an hour of blocks apart in tests' time.
    Ethereum,
    /// Finality by milestones, a least tip, the chain's own transactions at the end of some blocks.
    Polygon,
    /// Finality two blocks behind, no base fee, a least price.
    Bsc,
    /// Finality by another chain, the chain's own transaction first in every block, gas for the other chain.
    Arbitrum,
}

impl Profile {
    /// All four.
    pub const ALL: [Profile; 4] = [Profile::Ethereum, Profile::Polygon, Profile::Bsc, Profile::Arbitrum];

    /// As it is named on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Profile::Ethereum => "ethereum",
            Profile::Polygon => "polygon",
            Profile::Bsc => "bsc",
            Profile::Arbitrum => "arbitrum",
        }
    }

    /// The chain id of the network's public test chain.
    #[must_use]
    pub fn chain_id(self) -> u64 {
        match self {
            Profile::Ethereum => 11_155_111,
            Profile::Polygon => 80_002,
            Profile::Bsc => 97,
            Profile::Arbitrum => 421_614,
        }
    }

    /// How many blocks the tags `safe` and `finalized` are behind the head.
    #[must_use]
    pub fn finality(self) -> Finality {
        match self {
            Profile::Ethereum => Finality::Behind { safe: 32, finalized: 64 },
            Profile::Polygon => Finality::Behind { safe: 4, finalized: 4 },
            Profile::Bsc => Finality::Behind { safe: 1, finalized: 2 },
            Profile::Arbitrum => Finality::Behind { safe: 10, finalized: 40 },
        }
    }

    /// The least tip that is taken, in wei.
    #[must_use]
    pub fn least_tip(self) -> u128 {
        match self {
            Profile::Ethereum | Profile::Arbitrum => 0,
            Profile::Polygon => 25 * GWEI,
            Profile::Bsc => GWEI / 20,
        }
    }

    /// The most gas that one transaction may have.
    #[must_use]
    pub fn gas_cap(self) -> u64 {
        match self {
            Profile::Ethereum | Profile::Bsc => 1 << 24,
            Profile::Polygon => 1 << 25,
            Profile::Arbitrum => 32_000_000,
        }
    }

    /// The least gas of a transaction: where a part pays for another chain, more than what execution needs.
    #[must_use]
    pub fn least_gas(self) -> u64 {
        match self {
            Profile::Ethereum | Profile::Polygon | Profile::Bsc => 21_000,
            Profile::Arbitrum => 23_000,
        }
    }

    /// How many blocks one question for logs may span.
    #[must_use]
    pub fn logs_blocks(self) -> u64 {
        match self {
            Profile::Ethereum | Profile::Arbitrum => 100_000,
            Profile::Polygon | Profile::Bsc => 5_000,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Profile, String> {
        let found = Profile::ALL.into_iter().find(|profile| profile.name() == text);
        found.ok_or_else(|| format!("{text} is none of ethereum, polygon, bsc, arbitrum"))
    }
}

/// What the tags `safe` and `finalized` mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finality {
    /// So many blocks behind the head that is shown.
    Behind {
        /// Blocks.
        safe: u64,
        /// Blocks.
        finalized: u64,
    },
    /// They stand still, while the head goes on: the network does not finalise.
    Halted {
        /// The last finalised block.
        at: u64,
    },
    /// The node does not know these tags.
    Unsupported,
}
