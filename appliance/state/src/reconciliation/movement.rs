//! Movements: what a block brought to an address or took from it, at its height.

use exchequer_domain::{Network, Place, TxId};
use serde::{Deserialize, Serialize};

use super::position::{Spot, signed};
use crate::custody::Coin;
use crate::networks::number;

/// How something moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Way {
    /// A block that was scanned brought it.
    In,
    /// A block that was scanned spends a coin.
    Spent,
    /// A payout that is final paid it, whatever block is scanned.
    Paid {
        /// What the network took.
        burnt: u128,
        /// The most that it could have taken.
        fee_max: u128,
        /// Whether the fee was rounded up to the ledger's unit.
        rounded: bool,
    },
}

/// One movement; amounts in the network's smallest units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Movement {
    /// Where.
    pub(crate) spot: Spot,
    /// By which transaction.
    pub(crate) tx: TxId,
    /// How.
    pub(crate) way: Way,
    /// How much, without the fee.
    pub(crate) amount: u128,
    /// Whether the exchange signed the transaction.
    pub(crate) own: bool,
    /// The coin that came or was spent, as it was then, where the network is built of them.
    pub(crate) coin: Option<Box<Coin>>,
}

impl Movement {
    /// What it adds to the address; none where that does not fit.
    pub(crate) fn effect(&self) -> Option<i128> {
        match self.way {
            Way::In => signed(self.amount, 0),
            Way::Spent => signed(0, self.amount),
            Way::Paid { burnt, .. } => signed(0, self.amount.checked_add(burnt)?),
        }
    }

    /// Whether it goes with the block that was scanned.
    pub(crate) const fn is_scanned(&self) -> bool {
        match self.way {
            Way::In | Way::Spent => true,
            Way::Paid { .. } => false,
        }
    }
}

/// The name of a movement within its network and height: the same however often a block is told.
pub(crate) type MovementName = [u8; 16];

/// Names a movement.
pub(crate) fn movement_name(movement: &Movement, place: Option<Place>) -> MovementName {
    let mut hasher = blake3::Hasher::new_derive_key("exchequer movement of an address v1");
    let way = match movement.way {
        Way::In => 0,
        Way::Spent => 1,
        Way::Paid { .. } => 2,
    };
    hasher.update(&movement.tx.0).update(&[way]);
    let place = place.map(|place| place.to_string()).unwrap_or_default();
    for text in [place.as_str(), movement.spot.address.as_str()] {
        hasher.update(&(text.len() as u64).to_be_bytes()).update(text.as_bytes());
    }
    hasher.update(movement.spot.coin.as_ref().map_or("", |coin| coin.as_str()).as_bytes());
    let mut name = MovementName::default();
    name.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    name
}

/// The suffix of a movement's row behind its part's tag.
pub(crate) fn movement_key(network: Network, height: u64, name: &MovementName) -> Vec<u8> {
    [number(network).as_slice(), &height.to_be_bytes(), name].concat()
}
