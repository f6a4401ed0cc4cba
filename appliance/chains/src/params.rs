//! What distinguishes a live network from its test networks.

use exchequer_domain::Network;
use serde::{Deserialize, Serialize};

use crate::error::TxError;

/// Which of Bitcoin's chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BitcoinKind {
    /// The one with money in it.
    Mainnet,
    /// The public test network, also its fourth edition: their addresses are alike.
    Testnet,
    /// The signed test network.
    Signet,
    /// One's own.
    Regtest,
}

impl BitcoinKind {
    /// As the Bitcoin library names it.
    #[must_use]
    pub const fn library(self) -> ::bitcoin::Network {
        match self {
            BitcoinKind::Mainnet => ::bitcoin::Network::Bitcoin,
            BitcoinKind::Testnet => ::bitcoin::Network::Testnet,
            BitcoinKind::Signet => ::bitcoin::Network::Signet,
            BitcoinKind::Regtest => ::bitcoin::Network::Regtest,
        }
    }
}

/// The part of [`NetworkParams`] that depends on the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Parameters {
    /// Of the Bitcoin family.
    Bitcoin(BitcoinKind),
    /// Of the EVM family: the chain id that every signature commits to.
    Evm {
        /// From 1.
        chain_id: u64,
    },
    /// Of TRON: the first byte of an address. It has no chain id; a transaction is bound to a chain by the block it names.
    Tron {
        /// 0x41 on the live network and on today's test networks.
        prefix: u8,
    },
}

/// A network as it is run against: live, or one of its test networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct NetworkParams {
    network: Network,
    parameters: Parameters,
}

impl NetworkParams {
    /// The live network.
    #[must_use]
    pub const fn mainnet(network: Network) -> NetworkParams {
        let parameters = match network {
            Network::Bitcoin => Parameters::Bitcoin(BitcoinKind::Mainnet),
            Network::Ethereum => Parameters::Evm { chain_id: 1 },
            Network::Polygon => Parameters::Evm { chain_id: 137 },
            Network::Bsc => Parameters::Evm { chain_id: 56 },
            Network::Arbitrum => Parameters::Evm { chain_id: 42_161 },
            Network::Tron => Parameters::Tron { prefix: 0x41 },
        };
        NetworkParams { network, parameters }
    }

    /// The usual test network: regtest, Sepolia, Amoy, Chapel, Arbitrum Sepolia. TRON's have the live network's addresses.
    #[must_use]
    pub const fn test(network: Network) -> NetworkParams {
        let parameters = match network {
            Network::Bitcoin => Parameters::Bitcoin(BitcoinKind::Regtest),
            Network::Ethereum => Parameters::Evm { chain_id: 11_155_111 },
            Network::Polygon => Parameters::Evm { chain_id: 80_002 },
            Network::Bsc => Parameters::Evm { chain_id: 97 },
            Network::Arbitrum => Parameters::Evm { chain_id: 421_614 },
            Network::Tron => Parameters::Tron { prefix: 0x41 },
        };
        NetworkParams { network, parameters }
    }

    /// A network with parameters of one's own.
    ///
    /// # Errors
    /// They are another family's, the chain id is 0, or the prefix is not 0x41.
    pub fn custom(network: Network, parameters: Parameters) -> Result<NetworkParams, TxError> {
        use exchequer_domain::Family;
        match (network.family(), parameters) {
            (Family::Bitcoin, Parameters::Bitcoin(_)) | (Family::Tron, Parameters::Tron { prefix: 0x41 }) => {}
            (Family::Evm, Parameters::Evm { chain_id }) if chain_id > 0 => {}
            (Family::Bitcoin | Family::Evm | Family::Tron, _) => {
                return Err(TxError::Parameters(format!("{parameters:?} is nothing that {network} can run with")));
            }
        }
        Ok(NetworkParams { network, parameters })
    }

    /// Which network.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.network
    }

    /// What its family needs.
    #[must_use]
    pub const fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// Which of Bitcoin's chains.
    ///
    /// # Errors
    /// It is no Bitcoin.
    pub fn bitcoin(&self) -> Result<BitcoinKind, TxError> {
        match self.parameters {
            Parameters::Bitcoin(kind) => Ok(kind),
            Parameters::Evm { .. } | Parameters::Tron { .. } => Err(self.other_family("the Bitcoin family")),
        }
    }

    /// The chain id.
    ///
    /// # Errors
    /// It is no EVM network.
    pub fn chain_id(&self) -> Result<u64, TxError> {
        match self.parameters {
            Parameters::Evm { chain_id } => Ok(chain_id),
            Parameters::Bitcoin(_) | Parameters::Tron { .. } => Err(self.other_family("the EVM family")),
        }
    }

    /// The first byte of an address.
    ///
    /// # Errors
    /// It is not TRON.
    pub fn tron_prefix(&self) -> Result<u8, TxError> {
        match self.parameters {
            Parameters::Tron { prefix } => Ok(prefix),
            Parameters::Bitcoin(_) | Parameters::Evm { .. } => Err(self.other_family("TRON")),
        }
    }

    fn other_family(&self, wanted: &'static str) -> TxError {
        TxError::OtherNetwork { wanted: wanted.into(), found: self.network.as_str().into() }
    }
}
