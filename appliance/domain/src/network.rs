//! The blockchains.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ParseIdError;

/// A blockchain. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Network {
    /// Bitcoin.
    Bitcoin,
    /// Ethereum.
    Ethereum,
    /// Polygon PoS.
    Polygon,
    /// BNB Smart Chain.
    Bsc,
    /// Arbitrum One.
    Arbitrum,
    /// TRON.
    Tron,
}

impl Network {
    /// Every network, in the order of its number.
    pub const ALL: &'static [Network] =
        &[Network::Bitcoin, Network::Ethereum, Network::Polygon, Network::Bsc, Network::Arbitrum, Network::Tron];

    /// The name in commands, keys and listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Network::Bitcoin => "bitcoin",
            Network::Ethereum => "ethereum",
            Network::Polygon => "polygon",
            Network::Bsc => "bsc",
            Network::Arbitrum => "arbitrum",
            Network::Tron => "tron",
        }
    }

    /// How long finality may stand still before people hear of it: twice what is usual at the worst. None where nodes do not tell
    /// what is final, and depth is counted, which stands still with the head alone.
    #[must_use]
    pub const fn finality_patience(self) -> Option<Duration> {
        match self {
            Network::Bitcoin => None,
            Network::Ethereum => Some(Duration::from_secs(30 * 60)),
            Network::Polygon | Network::Bsc | Network::Tron => Some(Duration::from_secs(10 * 60)),
            Network::Arbitrum => Some(Duration::from_secs(60 * 60)),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Network {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Network, ParseIdError> {
        let expected = "bitcoin, ethereum, polygon, bsc, arbitrum or tron";
        let found = Network::ALL.iter().copied().find(|network| network.as_str() == text);
        found.ok_or(ParseIdError { kind: "network", expected })
    }
}
