//! A position: what lies on one address of one coin, as far as no reorganisation can reach it.

use exchequer_domain::{BlockRef, ChainAddress, Network, Timestamp};
use serde::{Deserialize, Serialize};

use super::discrepancy::DiscrepancyId;
use super::movement::{Movement, Way};
use super::run::RunId;
use crate::networks::number;
use crate::rows::Table;

/// One coin at one address of the exchange's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spot {
    /// On which network.
    pub network: Network,
    /// At which address.
    pub address: ChainAddress,
    /// The token's contract; none for the network's own coin.
    pub coin: Option<ChainAddress>,
}

/// The latest comparison of a position with the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// At which block.
    pub at: BlockRef,
    /// Replicated time of the comparison.
    pub time: Timestamp,
    /// What was there, in the network's smallest units.
    pub observed: u128,
    /// What was there above what was expected; less than zero where something was missing.
    pub difference: i128,
}

/// What the movements of an address come to; amounts in the network's smallest units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Everything that ever came in.
    pub received: u128,
    /// Everything that ever went out, without fees.
    pub sent: u128,
    /// What networks took for what went out.
    pub burnt: u128,
    /// What persons and roundings put right.
    pub adjusted: i128,
    /// Fees that were rounded up to the ledger's unit since the last comparison that held.
    pub rounded: u32,
    /// Fees since then.
    pub fees: u128,
    /// The most that they could have been.
    pub fees_max: u128,
    /// How many transactions the address's key had made when it was last compared, where the network counts them.
    pub nonce: Option<u64>,
    /// The latest comparison; none before the first.
    pub checked: Option<Checked>,
    /// What is there above what is expected, where that is less than the least deposit and has no discrepancy of its own.
    pub dust: u128,
}

/// A signed sum, where it fits.
pub(super) fn signed(plus: u128, minus: u128) -> Option<i128> {
    i128::try_from(plus).ok()?.checked_sub(i128::try_from(minus).ok()?)
}

impl Position {
    /// What must be there; none where that does not fit.
    #[must_use]
    pub fn expected(&self) -> Option<i128> {
        signed(self.received, self.sent.checked_add(self.burnt)?)?.checked_add(self.adjusted)
    }

    /// The same with one movement more.
    pub(crate) fn take(&mut self, movement: &Movement) {
        match movement.way {
            Way::In => self.received = self.received.saturating_add(movement.amount),
            Way::Spent => self.sent = self.sent.saturating_add(movement.amount),
            Way::Paid { burnt, fee_max, rounded } => {
                self.sent = self.sent.saturating_add(movement.amount);
                self.burnt = self.burnt.saturating_add(burnt);
                self.fees = self.fees.saturating_add(burnt);
                self.fees_max = self.fees_max.saturating_add(fee_max);
                self.rounded = self.rounded.saturating_add(u32::from(rounded));
            }
        }
    }

    /// The same with one movement less, of those that blocks brought: its block is gone.
    pub(crate) fn give_back(&mut self, movement: &Movement) {
        match movement.way {
            Way::In => self.received = self.received.saturating_sub(movement.amount),
            Way::Spent => self.sent = self.sent.saturating_sub(movement.amount),
            // What a payout paid was told by itself, and stays.
            Way::Paid { .. } => {}
        }
    }

    /// The comparison held: what fees could have hidden begins anew.
    pub(crate) fn settle_fees(&mut self) {
        (self.rounded, self.fees, self.fees_max) = (0, 0, 0);
    }
}

/// The row key of a position. An address has letters and digits alone, so that a zero ends it.
pub(crate) fn position_key(spot: &Spot) -> Vec<u8> {
    let coin = spot.coin.as_ref().map_or("", ChainAddress::as_str);
    let network = number(spot.network);
    let parts = [network.as_slice(), spot.address.as_str().as_bytes(), &[0], coin.as_bytes()];
    Table::Position.key(&parts.concat())
}

/// The row key of a run.
pub(crate) fn run_key(network: Network, run: RunId) -> Vec<u8> {
    Table::ReconciliationRun.key(&[number(network).as_slice(), &run.0.to_be_bytes()].concat())
}

/// The row key of a discrepancy that is over.
pub(crate) fn over_key(id: DiscrepancyId) -> Vec<u8> {
    Table::DiscrepancyOver.key(&id.0.to_be_bytes())
}
