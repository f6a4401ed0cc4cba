//! What lies on one deposit address of one asset.

use exchequer_domain::{Network, Timestamp};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use crate::deposits::DepositId;
use crate::networks::number;
use crate::rows::Table;
use crate::withdrawals::PayoutId;

/// Longest verdict, in bytes.
pub const WHY_BYTES_MAX: usize = 300;
/// Holdings of one page.
pub const HOLDINGS_PAGE_MAX: usize = 1_000;
/// The place of a network's coins as a whole, behind every index of the pool.
const WHOLE: u32 = u32::MAX;

/// Which holding: of an address of the pool, or of all coins of a network that is built of outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HoldingKey {
    /// On which network.
    pub network: Network,
    /// The address's index in the pool; none for the coins as a whole, of which only verdicts are kept.
    pub index: Option<u32>,
    /// Of what.
    pub asset: Asset,
}

impl HoldingKey {
    /// The row key, without the table.
    fn suffix(self) -> Vec<u8> {
        let index = self.index.unwrap_or(WHOLE).to_be_bytes();
        [number(self.network).as_slice(), &index, &self.asset.0.to_be_bytes()].concat()
    }

    pub(crate) fn row(self) -> Vec<u8> {
        Table::Holding.key(&self.suffix())
    }

    /// From which row key a page begins: behind another holding, or at the first of a network.
    pub(super) fn after(network: Network, after: Option<HoldingKey>) -> Vec<u8> {
        match after {
            Some(key) => [key.row().as_slice(), &[0]].concat(),
            None => Table::Holding.key(&number(network)),
        }
    }

    /// The row key behind the last of a network.
    pub(super) fn end(network: Network) -> Vec<u8> {
        Table::Holding.key(&(network as u16 + 1).to_be_bytes())
    }
}

/// What was said last of why something is not swept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// In words.
    pub why: String,
    /// Since when it is so.
    pub at: Timestamp,
}

/// What lies on an address: its row. Amounts are in the network's smallest units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Which.
    pub key: HoldingKey,
    /// What may be moved, and what is on its way included.
    pub free: u128,
    /// What of that is on its way.
    pub reserved: u128,
    /// What the network took beyond what was free, of money that may not be moved: the next that becomes free makes it up.
    pub overspent: u128,
    /// Since when there is something.
    pub since: Timestamp,
    /// Why it is not swept, as it was told last.
    pub told: Option<Told>,
    /// The place in line of the first deposit that is not swept.
    pub(crate) first: u64,
    /// The place in line that is given next.
    pub(crate) next: u64,
    /// What sweeps have taken and is not parted among deposits yet.
    pub(crate) taken: Option<Taken>,
}

/// What sweeps have taken of deposits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub(crate) left: u128,
    /// Whoever stands in line from here on came later.
    pub(crate) until: u64,
    /// The latest of these sweeps.
    pub(crate) by: PayoutId,
}

impl Holding {
    pub(crate) const fn new(key: HoldingKey, since: Timestamp) -> Holding {
        let (free, reserved, overspent, taken) = (0, 0, 0, None);
        Holding { key, free, reserved, overspent, since, told: None, first: 0, next: 0, taken }
    }

    /// What may be moved and is not on its way.
    #[must_use]
    pub const fn available(&self) -> u128 {
        self.free.saturating_sub(self.reserved)
    }

    /// How many deposits stand in line to be swept.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.next.saturating_sub(self.first)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.free == 0 && self.reserved == 0 && self.overspent == 0 && self.first == self.next && self.told.is_none()
    }

    /// Something became free.
    pub(crate) fn gain(&mut self, amount: u128, now: Timestamp) {
        if self.free == 0 {
            self.since = now;
        }
        let made_up = amount.min(self.overspent);
        self.overspent -= made_up;
        self.free = self.free.saturating_add(amount - made_up);
    }

    /// Something is gone.
    pub(crate) fn lose(&mut self, amount: u128) {
        let beyond = amount.saturating_sub(self.free);
        self.free -= amount - beyond;
        self.overspent = self.overspent.saturating_add(beyond);
    }
}

/// A deposit in line to be swept: its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) deposit: DepositId,
    /// What of it is not swept; nothing where it was taken back.
    pub(crate) left: u128,
}

/// What became of a deposit on its address: its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Swept {
    /// Its place in line.
    pub(crate) place: u64,
    /// The payout that swept the last of it; none while it lies there.
    pub(crate) by: Option<PayoutId>,
    /// Whether it was swept, and vanished from the chain afterwards.
    pub(crate) gone: bool,
}

/// The row key of a place in line.
pub(crate) fn line_key(key: HoldingKey, place: u64) -> Vec<u8> {
    Table::HoldingLine.key(&[key.suffix().as_slice(), &place.to_be_bytes()].concat())
}

/// The row key of what became of a deposit on its address.
pub(crate) fn swept_key(deposit: DepositId) -> Vec<u8> {
    Table::DepositSwept.key(&deposit.0.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is taken beyond what is free is made up by what comes next, and not a unit is lost. Method: gains and losses in
    /// turn; the difference of what is free and what is overspent is always their sum.
    #[test]
    fn nothing_is_lost() {
        let key = HoldingKey { network: Network::Bsc, index: Some(1), asset: Asset(1) };
        let mut holding = Holding::new(key, Timestamp(1));
        let mut sum = 0_i128;
        for (step, amount) in [(1, 10_u128), (-1, 4), (-1, 9), (1, 1), (-1, 3), (1, 50), (-1, 45)] {
            if step > 0 {
                holding.gain(amount, Timestamp(2))
            } else {
                holding.lose(amount)
            }
            sum += step * amount as i128;
            assert_eq!(holding.free as i128 - holding.overspent as i128, sum);
            assert!(holding.free == 0 || holding.overspent == 0);
        }
        assert!(holding.is_empty() && holding.since == Timestamp(2));
    }
}
