//! What moves on a network: its own coin or a token, and how much of it to whom.

use exchequer_domain::ChainAddress;
use serde::{Deserialize, Serialize};

/// What is paid with on a network.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Coin {
    /// The network's own.
    Native,
    /// A token, by its contract.
    Token(ChainAddress),
}

/// A sum that leaves for an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Payment {
    /// Who gets it.
    pub to: ChainAddress,
    /// What of.
    pub coin: Coin,
    /// How much, in the coin's smallest unit.
    pub amount: u128,
}
