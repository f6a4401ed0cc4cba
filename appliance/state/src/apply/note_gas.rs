//! `NoteGas`: the gas worker says what fees are and what its stations have; and what every payout does to the books of gas.

use exchequer_domain::{ChainAddress, Network, WorkerKind};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::command::Actor;
use crate::custody::{WalletId, WalletRole, Worth};
use crate::event::{EventKind, Severity};
use crate::gas::{
    GasBook, GasLevel, GasUse, LOANS_MAX, Loan, Refusal, STATIONS_MAX, Spent, Station, TOP_UPS_OF_ADDRESS_MAX, Topped,
    topped_key,
};
use crate::networks::number;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::rows::{Edit, Table};
use crate::withdrawals::{Errand, PRICE_AGE_MAX, Payer, Payout, Purpose};

/// Addresses whose top-ups are forgotten at once.
const FORGOTTEN_AT_ONCE: usize = 1_000;

/// Says what the network's fee is and what its stations have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteGas {
    /// Which network.
    pub network: Network,
    /// Its fee for a unit: wei for gas, satoshi for 1,000 virtual bytes, sun for energy.
    pub fee: u128,
    /// Each address of a gas or hot wallet: wallet, index, and what it has of the network's coin in minor units.
    pub stations: Vec<(WalletId, u32, u128)>,
    /// Of what is lent (TRON): to whom, and whether the network has it, as a quorum of its nodes says.
    pub loans: Vec<(ChainAddress, bool)>,
    /// Of whose stake how much more is lent than the book has, in sun; of stations that are told of.
    pub strays: Vec<(Payer, u64)>,
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Rejected(Rejection::Gas(refusal))
    }
}

impl NoteGas {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let NoteGas { network, fee, stations, loans, strays } = self;
        let is_worker = matches!(actor, Actor::Worker(worker)
            if worker.kind == WorkerKind::Gas && worker.network == Some(network));
        if !is_worker {
            return Err(Refusal::NotTheWorker.into());
        }
        let mut named: Vec<(WalletId, u32)> = stations.iter().map(|(wallet, index, _)| (*wallet, *index)).collect();
        named.sort_unstable();
        named.dedup();
        let is_station = |(wallet, index): &(WalletId, u32)| {
            entry.state.custody.wallet(*wallet).is_some_and(|wallet| {
                matches!(wallet.role, WalletRole::Gas | WalletRole::Hot)
                    && wallet.covers(network)
                    && wallet.addresses.iter().any(|own| own.index == *index && !own.change)
            })
        };
        if stations.len() > STATIONS_MAX || named.len() != stations.len() || !named.iter().all(is_station) {
            return Err(Refusal::Stations.into());
        }
        let mut stray: Vec<Payer> = strays.iter().map(|(of, _)| *of).collect();
        stray.sort_unstable();
        stray.dedup();
        let told = |of: &Payer| named.binary_search(&(of.wallet, of.index)).is_ok();
        let mut lent: Vec<&ChainAddress> = loans.iter().map(|(to, _)| to).collect();
        lent.sort_unstable();
        lent.dedup();
        if loans.len() > LOANS_MAX
            || lent.len() != loans.len()
            || stray.len() != strays.len()
            || !stray.iter().all(told)
        {
            return Err(Refusal::Loans.into());
        }
        let now = entry.now;
        let mut book = entry.gas_book(network);
        book.note_fee(now, fee);
        book.stations =
            stations.into_iter().map(|(wallet, index, balance)| Station { wallet, index, balance, at: now }).collect();
        book.gas.roll(now);
        book.hot.roll(now);
        let level = |role| {
            let of = book
                .stations
                .iter()
                .filter(|station| entry.state.custody.wallet(station.wallet).is_some_and(|wallet| wallet.role == role));
            let balances: Vec<u128> = of.map(|station| station.balance).collect();
            let sum = balances.iter().fold(0_u128, |sum, one| sum.saturating_add(*one));
            match book.profile(role) {
                Some(profile) if !balances.is_empty() => GasLevel::of(profile.runway(now, sum)),
                Some(_) | None => GasLevel::Fine,
            }
        };
        let levels = (level(WalletRole::Gas), level(WalletRole::Hot));
        for (role, was, is) in [(WalletRole::Gas, book.told.0, levels.0), (WalletRole::Hot, book.told.1, levels.1)] {
            if was != is {
                entry.event(EventKind::GasLevel { network, role, level: is });
            }
        }
        book.told = levels;
        for (to, there) in loans {
            if let Some(Loan { to, sun, .. }) = book.note_loan(&to, there, now) {
                entry.event(EventKind::LoanDoubted { network, to, sun, severity: Severity::P1 });
            }
        }
        for (payer, sun) in strays {
            if book.note_stray(payer, sun) {
                entry.event(EventKind::StakeStrays { network, payer, sun, severity: Severity::P1 });
            }
        }
        entry.put_gas_book(network, book);
        for address in entry.state.gas.outdated(network, now, FORGOTTEN_AT_ONCE) {
            let key = topped_key(number(network), &address);
            entry.change(Table::Gas.family(), Table::Gas.key(&key), Edit::Delete);
            entry.state.gas.topped.remove(&(network, address));
        }
        Ok(Done::GasNoted)
    }
}

impl Entry<'_> {
    pub(super) fn gas_book(&self, network: Network) -> GasBook {
        self.state.gas.book(network).cloned().unwrap_or_default()
    }

    pub(super) fn put_gas_book(&mut self, network: Network, book: GasBook) {
        self.put(Table::Gas, &number(network), &book);
        self.state.gas.books.insert(network, book);
    }

    /// Whether an address may get gas, of an amount and a fee in minor units of the network's coin. Hot wallets are refilled
    /// beside the limit of addresses: they pay many transactions, and are filled between two marks.
    pub(super) fn check_top_up(&self, network: Network, to: &ChainAddress, amount: u128) -> Result<(), Stop> {
        let of_wallet = self.state.custody.wallet_at(network.family(), to).is_some();
        if !of_wallet && self.state.gas.top_ups(network, to, self.now) >= TOP_UPS_OF_ADDRESS_MAX {
            return Err(Refusal::TooOften.into());
        }
        self.check_gas_budget(network, amount)
    }

    /// Whether so much more, in minor units of the network's coin, may be spent of the day's budget.
    pub(super) fn check_gas_budget(&self, network: Network, amount: u128) -> Result<(), Stop> {
        let coin = self.coin_of(network)?;
        let budget = self.state.gas_budget_in(coin, network, self.now);
        let (whole, today) = (budget.whole_usd_micros(), budget.today.saturating_add(amount));
        let worth = self.state.custody.worth(&self.state.assets, coin, today, self.now, PRICE_AGE_MAX);
        let Worth::Usd(takes) = worth else { return Err(Refusal::NoPrice.into()) };
        if takes > whole {
            let left = budget.today_usd_micros.map_or(0, |spent| whole.saturating_sub(spent));
            return Err(Refusal::Budget { left_usd_micros: u64::try_from(left).unwrap_or(u64::MAX) }.into());
        }
        Ok(())
    }

    /// Something was decided that costs so much more of the day's budget.
    pub(super) fn note_gas_budget(&mut self, network: Network, amount: u128) {
        let now = self.now;
        let mut book = self.gas_book(network);
        book.note_top_up(now, amount);
        self.put_gas_book(network, book);
    }

    /// A top-up was decided: it counts from now on, whatever becomes of it.
    pub(super) fn note_top_up(&mut self, network: Network, to: &ChainAddress, amount: u128) {
        let now = self.now;
        self.note_gas_budget(network, amount);
        let key = (network, to.clone());
        let mut topped = self.state.gas.topped.get(&key).cloned().unwrap_or_default();
        topped.prune(now);
        // A hot wallet's are not limited, and not counted further than an address's.
        let Topped(times) = &mut topped;
        if times.len() >= TOP_UPS_OF_ADDRESS_MAX {
            times.remove(0);
        }
        times.push(now);
        self.put(Table::Gas, &topped_key(number(network), to), &topped);
        self.state.gas.topped.insert(key, topped);
    }

    /// A payout is over: what the network took for it, in minor units of its coin, is put down under what it was for.
    pub(super) fn note_gas_used(&mut self, payout: &Payout, paid: Purpose, reverted: bool, fee: u128) {
        let of = match (paid, reverted, &payout.errand) {
            (Purpose::Noop, _, _) => GasUse::Noop,
            (Purpose::Payment, true, _) => GasUse::Failed,
            (Purpose::Payment, false, Errand::Withdrawals) => GasUse::Withdrawal,
            (Purpose::Payment, false, Errand::Sweep(_)) => GasUse::Sweep,
            (Purpose::Payment, false, Errand::TopUp(_)) => GasUse::TopUp,
            (Purpose::Payment, false, Errand::Stake(_)) => GasUse::Stake,
        };
        let brought = match (&payout.errand, of) {
            (Errand::TopUp(one), GasUse::TopUp) => one.amount,
            _ => 0,
        };
        let now = self.now;
        let mut book = self.gas_book(payout.network);
        let Spent { count, fees } = book.spent.entry(of).or_default();
        *count = count.saturating_add(1);
        *fees = fees.saturating_add(fee);
        let role = self.state.custody.wallet(payout.payer.wallet).map(|wallet| wallet.role);
        if let Some(profile) = role.and_then(|role| book.profile_mut(role)) {
            profile.spend(now, fee.saturating_add(brought));
        }
        self.put_gas_book(payout.network, book);
    }
}
