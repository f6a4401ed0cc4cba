//! What is known of gas on a network: what a unit of it cost in the last week, what its stations have, what was spent on what.

use std::collections::BTreeMap;

use exchequer_domain::{ChainAddress, Timestamp};
use serde::{Deserialize, Serialize};

use super::forecast::{Profile, Runway};
use super::loan::Loan;
use crate::custody::{WalletId, WalletRole};
use crate::withdrawals::Payer;

/// Hours of which the network's fee is kept: 7 days.
pub const FEE_HOURS_MAX: usize = 168;
/// Fewer hours say nothing of a week.
pub const FEE_HOURS_MIN: usize = 24;
/// What can wait goes at fees that were at most this in so many percent of the hours.
pub const FEE_PERCENTILE: usize = 40;
/// Addresses of stations that are told at once.
pub const STATIONS_MAX: usize = 256;
/// Top-ups of one address within 24 hours.
pub const TOP_UPS_OF_ADDRESS_MAX: usize = 3;

const HOUR_US: u64 = 3_600_000_000;
pub(super) const DAY_US: u64 = 24 * HOUR_US;

/// What a transaction's fee was for. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GasUse {
    /// It paid withdrawals.
    Withdrawal,
    /// It brought deposits to a wallet.
    Sweep,
    /// It brought gas to an address.
    TopUp,
    /// It used up a claim and paid nobody.
    Noop,
    /// It did nothing: only its fee was taken.
    Failed,
    /// It froze coin, lent what that gives, or took it back.
    Stake,
}

impl GasUse {
    /// Every use.
    pub const ALL: &'static [GasUse] =
        &[GasUse::Withdrawal, GasUse::Sweep, GasUse::TopUp, GasUse::Noop, GasUse::Failed, GasUse::Stake];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            GasUse::Withdrawal => "withdrawal",
            GasUse::Sweep => "sweep",
            GasUse::TopUp => "top-up",
            GasUse::Noop => "no-op",
            GasUse::Failed => "failed",
            GasUse::Stake => "stake",
        }
    }
}

/// What was spent on one use, ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// Transactions.
    pub count: u64,
    /// Their fees, in minor units of the network's coin.
    pub fees: u128,
}

/// An address from which gas is paid, as its worker saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Station {
    /// Of which wallet.
    pub wallet: WalletId,
    /// The address's number in it.
    pub index: u32,
    /// What it has of the network's coin, in minor units, rounded down.
    pub balance: u128,
    /// When it had that.
    pub at: Timestamp,
}

/// How pressing it is that a station is filled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GasLevel {
    /// It lasts for a week and longer, or nobody can say.
    #[default]
    Fine,
    /// Less than 7 days.
    P2,
    /// Less than 2 days.
    P1,
    /// Less than 6 hours.
    P0,
}

impl GasLevel {
    /// The level of a runway.
    #[must_use]
    pub const fn of(runway: Runway) -> GasLevel {
        match runway {
            Runway::Hours(0..6) => GasLevel::P0,
            Runway::Hours(6..48) => GasLevel::P1,
            Runway::Hours(48..168) => GasLevel::P2,
            Runway::Hours(_) | Runway::Beyond | Runway::Unknown => GasLevel::Fine,
        }
    }

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            GasLevel::Fine => "fine",
            GasLevel::P2 => "P2",
            GasLevel::P1 => "P1",
            GasLevel::P0 => "P0",
        }
    }
}

/// The book of a network: its row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GasBook {
    /// The network's fee as it was told last in each hour, by hours since 1970: wei for gas, satoshi for 1,000 virtual bytes,
    /// sun for energy.
    pub(crate) fees: BTreeMap<u64, u128>,
    /// The addresses from which gas is paid.
    pub(crate) stations: Vec<Station>,
    /// What leaves gas wallets: what is brought to addresses, and what bringing it costs.
    pub(crate) gas: Profile,
    /// What withdrawals cost hot wallets.
    pub(crate) hot: Profile,
    /// What was spent on what.
    pub(crate) spent: BTreeMap<GasUse, Spent>,
    /// The day, since 1970, and what was decided in it to be brought to addresses, fees included, in minor units.
    pub(crate) day: (u64, u128),
    /// How pressing it was when it was told last: of gas wallets, of hot ones.
    pub(crate) told: (GasLevel, GasLevel),
    /// What is lent, may be, or may still be.
    pub(crate) loans: Vec<Loan>,
    /// Of whose stake how much is lent beyond that, in sun.
    pub(crate) strays: Vec<(Payer, u64)>,
    /// What of which address is frozen, as decided and not freed since, in sun.
    pub(crate) frozen: Vec<(Payer, u64)>,
}

impl GasBook {
    /// The fee up to which one that can wait goes; none as long as less than [`FEE_HOURS_MIN`] are known.
    #[must_use]
    pub fn gate(&self) -> Option<u128> {
        let mut fees: Vec<u128> = self.fees.values().copied().collect();
        if fees.len() < FEE_HOURS_MIN {
            return None;
        }
        fees.sort_unstable();
        fees.get((fees.len() * FEE_PERCENTILE).div_ceil(100).saturating_sub(1)).copied()
    }

    /// Hours of which a fee is known.
    #[must_use]
    pub fn fee_hours(&self) -> usize {
        self.fees.len()
    }

    /// The fee that was told last.
    #[must_use]
    pub fn fee(&self) -> Option<u128> {
        self.fees.last_key_value().map(|(_, fee)| *fee)
    }

    pub(crate) fn note_fee(&mut self, now: Timestamp, fee: u128) {
        let hour = now.0 / HOUR_US;
        self.fees.insert(hour, fee);
        let oldest = (hour + 1).saturating_sub(FEE_HOURS_MAX as u64);
        self.fees = self.fees.split_off(&oldest);
    }

    /// The addresses from which gas is paid, as they were told last.
    #[must_use]
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// What was spent on what, ever.
    pub fn spent(&self) -> impl Iterator<Item = (GasUse, Spent)> {
        self.spent.iter().map(|(of, spent)| (*of, *spent))
    }

    /// What was decided today to be brought to addresses, fees included.
    #[must_use]
    pub fn today(&self, now: Timestamp) -> u128 {
        if self.day.0 == now.0 / DAY_US { self.day.1 } else { 0 }
    }

    pub(crate) fn note_top_up(&mut self, now: Timestamp, amount: u128) {
        self.day = (now.0 / DAY_US, self.today(now).saturating_add(amount));
    }

    /// What is spent from wallets of a role in an hour of the week.
    #[must_use]
    pub fn profile(&self, role: WalletRole) -> Option<&Profile> {
        match role {
            WalletRole::Gas => Some(&self.gas),
            WalletRole::Hot => Some(&self.hot),
            WalletRole::Deposit | WalletRole::Cold => None,
        }
    }

    pub(crate) fn profile_mut(&mut self, role: WalletRole) -> Option<&mut Profile> {
        match role {
            WalletRole::Gas => Some(&mut self.gas),
            WalletRole::Hot => Some(&mut self.hot),
            WalletRole::Deposit | WalletRole::Cold => None,
        }
    }
}

/// When an address got gas within the last 24 hours: its row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Topped(pub(crate) Vec<Timestamp>);

impl Topped {
    pub(crate) fn prune(&mut self, now: Timestamp) {
        self.0.retain(|at| now.0.saturating_sub(at.0) < DAY_US);
    }
}

/// The suffix of the row of an address.
pub(crate) fn topped_key(network: [u8; 2], address: &ChainAddress) -> Vec<u8> {
    [network.as_slice(), address.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the gate is the fee that two fifths of the last seven days' hours were not above, and none before a day is
    /// known. Method: hours with ascending fees, and a week later.
    #[test]
    fn the_gate_is_of_seven_days() {
        let mut book = GasBook::default();
        let at = |hour: u64| Timestamp((500_000 + hour) * HOUR_US);
        for hour in 0..23 {
            book.note_fee(at(hour), u128::from(hour));
        }
        assert_eq!((book.gate(), book.fee_hours()), (None, 23));
        book.note_fee(at(23), 1_000);
        book.note_fee(at(23), 23);
        assert_eq!((book.gate(), book.fee()), (Some(9), Some(23)));
        for hour in 24..400 {
            book.note_fee(at(hour), 7);
        }
        assert_eq!((book.gate(), book.fee_hours()), (Some(7), FEE_HOURS_MAX));
    }

    /// Goal: what was decided yesterday is not today's. Method: around midnight.
    #[test]
    fn a_day_ends_at_midnight() {
        let mut book = GasBook::default();
        book.note_top_up(Timestamp(DAY_US - 1), 5);
        book.note_top_up(Timestamp(DAY_US - 1), 6);
        assert_eq!((book.today(Timestamp(DAY_US - 1)), book.today(Timestamp(DAY_US))), (11, 0));
        book.note_top_up(Timestamp(DAY_US), 2);
        assert_eq!(book.today(Timestamp(DAY_US)), 2);
    }

    /// Goal: each level begins where it says. Method: hours around each bound.
    #[test]
    fn levels_follow_the_runway() {
        for (hours, level) in [
            (0, GasLevel::P0),
            (5, GasLevel::P0),
            (6, GasLevel::P1),
            (47, GasLevel::P1),
            (48, GasLevel::P2),
            (167, GasLevel::P2),
            (168, GasLevel::Fine),
        ] {
            assert_eq!(GasLevel::of(Runway::Hours(hours)), level, "{hours}");
        }
        assert_eq!(GasLevel::of(Runway::Beyond), GasLevel::Fine);
    }
}
