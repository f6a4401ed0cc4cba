//! Listings: which coin of a network is which asset, and on what terms it comes in and goes out.

use exchequer_domain::{ChainAddress, Network, Timestamp};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

/// Listings over all networks.
pub const LISTINGS_MAX: usize = 8_192;
/// Most decimals that a coin can have on its network: a unit then still fits into 128 bits.
pub const LISTED_DECIMALS_MAX: u8 = 36;

/// On what terms an asset comes in from a network and goes out to it; all in minor units of the asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Less is gathered on its address until there is as much; zero credits anything.
    pub deposit_min: u128,
    /// The least that may be withdrawn at once.
    pub withdrawal_min: u128,
    /// The most that may be withdrawn at once.
    pub withdrawal_max: u128,
    /// What is withdrawn is a whole number of this; more than zero.
    pub withdrawal_step: u128,
    /// What a withdrawal costs its user.
    pub withdrawal_fee: u128,
}

/// An asset on a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Which network.
    pub network: Network,
    /// Which asset.
    pub asset: Asset,
    /// The token's contract; none for the network's own coin.
    pub coin: Option<ChainAddress>,
    /// A unit on the network is ten to the power of this many of its smallest units.
    pub decimals: u8,
    /// Decimals of the asset in the ledger, which never change.
    pub ledger_decimals: u8,
    /// The terms.
    pub terms: Terms,
    /// What came in and was too small for the ledger, in the network's smallest units; less than one minor unit.
    pub dust: u128,
    /// How often it was changed, from 1.
    pub version: u32,
    /// Replicated time of the last change.
    pub changed_at: Timestamp,
}

impl Listing {
    /// How many of the network's smallest units are one minor unit of the ledger; 1 where the ledger is as fine or finer.
    #[must_use]
    pub fn unit(&self) -> u128 {
        10_u128.pow(u32::from(self.decimals.saturating_sub(self.ledger_decimals)))
    }

    /// An amount on the network in minor units of the asset, and what is left of it, in the network's smallest units; none
    /// where that does not fit into 128 bits.
    #[must_use]
    pub fn to_ledger(&self, amount: u128) -> Option<(u128, u128)> {
        if self.ledger_decimals > self.decimals {
            let finer = 10_u128.checked_pow(u32::from(self.ledger_decimals - self.decimals))?;
            return Some((amount.checked_mul(finer)?, 0));
        }
        // Of so many decimals more, which a contract may tell and no listing has, everything there can be is less than a minor unit.
        let Some(unit) = 10_u128.checked_pow(u32::from(self.decimals - self.ledger_decimals)) else {
            return Some((0, amount));
        };
        Some((amount / unit, amount % unit))
    }

    /// An amount in minor units as the network's smallest units; none where the network cannot express it exactly, or it
    /// does not fit into 128 bits.
    #[must_use]
    pub fn to_network(&self, amount: u128) -> Option<u128> {
        if self.ledger_decimals > self.decimals {
            let finer = 10_u128.checked_pow(u32::from(self.ledger_decimals - self.decimals))?;
            return amount.is_multiple_of(finer).then(|| amount / finer);
        }
        amount.checked_mul(self.unit())
    }

    /// Keeps what is left of an amount that came in; how many minor units it has made whole together with what was there.
    #[must_use]
    pub(crate) fn keep_dust(&mut self, rest: u128) -> u128 {
        let sum = self.dust.saturating_add(rest);
        self.dust = sum % self.unit();
        sum / self.unit()
    }

    /// Gives what is left of an amount back; how many minor units had to be broken for it.
    #[must_use]
    pub(crate) fn give_dust(&mut self, rest: u128) -> u128 {
        let broken = rest.saturating_sub(self.dust).div_ceil(self.unit());
        self.dust = self.dust.saturating_add(broken.saturating_mul(self.unit())).saturating_sub(rest);
        broken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn listing(decimals: u8, ledger_decimals: u8) -> Listing {
        let terms =
            Terms { deposit_min: 0, withdrawal_min: 0, withdrawal_max: 1, withdrawal_step: 1, withdrawal_fee: 0 };
        let (network, asset, changed_at) = (Network::Bsc, Asset(1), Timestamp(0));
        Listing { network, asset, coin: None, decimals, ledger_decimals, terms, dust: 0, version: 1, changed_at }
    }

    proptest! {
        /// Goal: not one of the network's smallest units is lost, whatever comes in and is taken back again: what the ledger
        /// was told and what is kept make up what came. Method: random decimals, random amounts, each of them perhaps taken
        /// back later; the sums after every step, and that less than a minor unit is kept.
        #[test]
        fn nothing_is_lost(
            decimals in 0_u8..=30,
            ledger_decimals in 0_u8..=18,
            amounts in proptest::collection::vec((0_u128..1_000_000_000_000_000_000, any::<bool>()), 1..60),
        ) {
            let mut listing = listing(decimals, ledger_decimals);
            let finer = 10_u128.pow(u32::from(ledger_decimals.saturating_sub(decimals)));
            let (mut chain, mut ledger, mut kept) = (0_u128, 0_u128, Vec::new());
            for (amount, back) in amounts {
                let (units, rest) = listing.to_ledger(amount).unwrap();
                ledger += units + listing.keep_dust(rest);
                chain += amount;
                kept.push(amount);
                if back {
                    let amount = kept.swap_remove(kept.len() / 2);
                    let (units, rest) = listing.to_ledger(amount).unwrap();
                    ledger -= units + listing.give_dust(rest);
                    chain -= amount;
                }
                prop_assert!(listing.dust < listing.unit());
                prop_assert_eq!(chain * finer, ledger * listing.unit() + listing.dust);
            }
        }

        /// Goal: what goes out is what the network can express, exactly, and reads back as the same amount.
        #[test]
        fn out_is_exact(decimals in 0_u8..=30, ledger_decimals in 0_u8..=18, amount in any::<u64>()) {
            let listing = listing(decimals, ledger_decimals);
            match listing.to_network(u128::from(amount)) {
                Some(out) => prop_assert_eq!(listing.to_ledger(out), Some((u128::from(amount), 0))),
                None => prop_assert!(ledger_decimals > decimals || decimals - ledger_decimals > 18),
            }
        }
    }

    /// Goal: what does not fit into 128 bits is none, and never cut off.
    #[test]
    fn too_large_is_none() {
        assert_eq!(listing(0, 18).to_ledger(u128::MAX / 2), None);
        assert_eq!(listing(36, 0).to_network(u128::MAX / 2), None);
        assert_eq!(listing(0, 2).to_network(150), None);
        assert_eq!(listing(6, 6).to_ledger(u128::MAX), Some((u128::MAX, 0)));
    }
}
