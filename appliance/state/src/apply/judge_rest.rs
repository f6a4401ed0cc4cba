//! What else a run brings to judgement: own transactions that one side alone has seen, dust, addresses that nobody reads, the
//! income from fees, and what orders lock.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::{ChainAddress, Network};
use exchequer_ledger::{Asset, Holder};

use super::Entry;
use super::judge_books::plus;
use crate::custody::Listing;
use crate::halt::Halt;
use crate::planted::{self, Bug};
use crate::reconciliation::{
    Class, Equation, Net, Outcome, Part, ROUND_US_MAX, Scope, Spot, Sum, UNENDED_US_MAX, UNTOLD_RUNS_MAX, finality_us,
};

/// Own transactions that were seen on one side only are told of after so many of the network's finality periods.
const AFOOT_PERIODS: u64 = 2;
/// Addresses that are named where many are not read.
const NAMED_MAX: usize = 3;

impl Entry<'_> {
    /// Own transactions of which the chain or the ledger alone has heard for too long. They stop nothing: the exchange signed them.
    pub(super) fn judge_own(&mut self, network: Network) {
        let since = self.now.0.saturating_sub(AFOOT_PERIODS * finality_us(network));
        let room = &self.state.reconciliation;
        let mut late = BTreeMap::new();
        for ((on, tx), afoot) in &room.afoot {
            if *on != network || afoot.since.0 >= since || planted::has(Bug::AfootForEver) {
                continue;
            }
            for (coin, by) in &afoot.effects {
                if let Some(listing) = self.state.custody.listed(network, coin.as_ref()) {
                    late.insert((*tx, listing.asset), (*by, listing.to_ledger(by.unsigned_abs())));
                }
            }
        }
        let of_network = room.open().map(|one| one.scope.clone()).filter(|scope| scope.network() == Some(network));
        let over = of_network.filter(|scope| match scope {
            Scope::Own { tx, asset, .. } => !late.contains_key(&(*tx, *asset)),
            Scope::Spot(_)
            | Scope::Books { .. }
            | Scope::Solvency { .. }
            | Scope::Ledger
            | Scope::Locks
            | Scope::Chain { .. }
            | Scope::Fees { .. }
            | Scope::Dust { .. }
            | Scope::Unread { .. }
            | Scope::Room => false,
        });
        for scope in over.collect::<Vec<Scope>>() {
            self.agrees(&scope);
        }
        for ((tx, asset), (by, units)) in late {
            let what = format!("transaction {tx} moved {by} on chain beyond what the ledger has booked of it");
            let units = units.map_or(u128::MAX, |(units, _)| units);
            self.differs(Scope::Own { network, tx, asset }, Some(asset), by, units, Class::Unbooked, what);
        }
    }

    /// What is on addresses where it is too little to be told of each, all together.
    pub(super) fn judge_dust(&mut self, listing: &Listing) {
        let (network, asset) = (listing.network, listing.asset);
        let tally = self.tally(network, listing.coin.as_ref());
        let scope = Scope::Dust { network, asset };
        if tally.dusty == 0 {
            self.agrees(&scope);
            return;
        }
        let what = format!(
            "{} addresses have {} more than expected, each less than the least deposit",
            tally.dusty, tally.dust
        );
        let units = listing.to_ledger(tally.dust).map_or(u128::MAX, |(units, _)| units);
        self.differs(scope, Some(asset), plus(tally.dust), units, Class::MissedDeposit, what);
    }

    /// Whether what a reading found is counted as dust, without a discrepancy of its own; what was counted there before is not any
    /// more. The position is the caller's to put.
    pub(super) fn take_dust(
        &mut self,
        spot: &Spot,
        (position, listing): (&mut crate::reconciliation::Position, Option<&Listing>),
        (by, class): (i128, Class),
    ) -> bool {
        let least = listing.map(|listing| (listing.terms.deposit_min, listing.to_ledger(by.unsigned_abs())));
        let little = least.is_some_and(|(least, units)| units.is_some_and(|(units, _)| units < least));
        let has_own = self.state.reconciliation.of_scope(&Scope::Spot(spot.clone())).is_some();
        let is_dust =
            by > 0 && class == Class::MissedDeposit && little && !has_own && !planted::has(Bug::DustTakesPlaces);
        let (before, now) = (position.dust, if is_dust { by.unsigned_abs() } else { 0 });
        if before != now {
            position.dust = now;
            self.change_tally(spot.network, spot.coin.as_ref(), |tally| {
                tally.dust = tally.dust.saturating_sub(before).saturating_add(now);
                let (was, is) = (u64::from(before > 0), u64::from(now > 0));
                tally.dusty = tally.dusty.saturating_sub(was).saturating_add(is);
            });
        }
        is_dust
    }

    /// What is to be read on a network, and was told in none of the last runs.
    pub(super) fn judge_read(&mut self, net: &Net) -> Result<(), Halt> {
        let network = net.network;
        let scope = Scope::Unread { network };
        let mut untold: BTreeSet<ChainAddress> = BTreeSet::new();
        // Of the runs that ended this is the last one, which is not among those yet. Runs that were cut short, by one death of a worker
        // after the other, say nothing of what they had not come to; where none ends, `judge_begun` says so.
        if let Some((run, height)) = net.lately.first().filter(|_| net.lately.len() >= UNTOLD_RUNS_MAX) {
            for (address, since) in self.state.reconciliation.touched_since(network) {
                if since <= *run {
                    untold.insert(address.clone());
                }
            }
            // Wallets are read in every run, also where nothing has moved.
            let family = network.family();
            let wallets =
                self.state.custody.wallets().filter(|wallet| wallet.family == family && wallet.covers(network));
            for own in wallets.flat_map(|wallet| &wallet.addresses) {
                let position = self.position(&Spot { network, address: own.address.clone(), coin: None })?;
                if position.checked.is_some_and(|checked| checked.at.height < *height) {
                    untold.insert(own.address.clone());
                }
            }
        }
        let late = net.sweep.begun.0 > 0 && self.now.0.saturating_sub(net.sweep.begun.0) > ROUND_US_MAX;
        if (untold.is_empty() && !late) || planted::has(Bug::UntoldInSilence) {
            self.agrees(&scope);
            return Ok(());
        }
        let named: Vec<String> = untold.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        let mut what = format!(
            "{} addresses were not read in the last {UNTOLD_RUNS_MAX} runs: {}",
            untold.len(),
            named.join(", ")
        );
        if late {
            what = format!("all deposit addresses were not gone through since {}; {what}", net.sweep.begun);
        }
        let count = i128::try_from(untold.len()).unwrap_or(i128::MAX);
        self.differs(scope, None, count, 0, Class::Unread, what);
        Ok(())
    }

    /// A run begins, and so many before it were cut short for so long: whatever does that, nobody compares the network any more.
    pub(super) fn judge_begun(&mut self, net: &Net) {
        let network = net.network;
        // Where none has ended yet: since the first one began.
        let since = net.ended.unwrap_or(net.sweep.begun);
        let cut = net.last.0.saturating_sub(net.lately.last().map_or(0, |(run, _)| run.0) + 1);
        let long = self.now.0.saturating_sub(since.0) > UNENDED_US_MAX;
        if cut < UNTOLD_RUNS_MAX as u64 || !long || planted::has(Bug::UntoldInSilence) {
            return;
        }
        let what = format!("no comparison with the chain has ended since {since}");
        self.differs(Scope::Unread { network }, None, 0, 0, Class::Unread, what);
    }

    /// A withdrawal's fee was earned.
    pub(super) fn note_earned(&mut self, asset: Asset, fee: u128) {
        if fee == 0 {
            return;
        }
        let sum = self.state.reconciliation.earned.get(&asset).copied().unwrap_or(0).saturating_add(fee);
        self.put_part(Part::Earned, &asset.0.to_be_bytes(), &sum);
        self.state.reconciliation.earned.insert(asset, sum);
    }

    /// Fees of trades and of withdrawals are what the ledger has as income from them, per asset.
    pub(super) fn judge_fees(&mut self) -> Vec<Outcome> {
        let mut told: BTreeMap<Asset, u128> = self.state.reconciliation.earned.clone();
        for (asset, fees) in self.state.markets.earned() {
            let sum = told.entry(asset).or_default();
            *sum = sum.saturating_add(fees);
        }
        let ledger = self.ledger.ledger();
        let accounts = ledger.system_accounts().filter(|account| account.key.holder == Holder::FeeIncome);
        let booked: BTreeMap<Asset, u128> =
            accounts.map(|account| (account.key.asset, account.sums.credits_posted)).collect();
        let assets: BTreeSet<Asset> = told.keys().chain(booked.keys()).copied().collect();
        let mut outcomes = Vec::new();
        for asset in assets {
            let of = |sums: &BTreeMap<Asset, u128>| plus(sums.get(&asset).copied().unwrap_or(0));
            let (is, should) = (of(&booked), of(&told));
            let scope = Scope::Fees { asset };
            let mut remark = String::new();
            if is == should {
                self.agrees(&scope);
            } else {
                remark = format!("the ledger has {is} of income from fees, and trades and withdrawals took {should}");
                // Too much is as wrong as too little, and whoever accepts it accepts so much.
                let by = is.saturating_sub(should).saturating_abs().saturating_neg();
                self.differs(scope, Some(asset), by, by.unsigned_abs(), Class::Inconsistent, remark.clone());
            }
            let sum = Some(Sum { is, should });
            outcomes.push(Outcome {
                equation: Equation::E7,
                asset: Some(asset),
                sum,
                holds: Some(is == should),
                remark,
            });
        }
        outcomes
    }

    /// Assets of which the ledger keeps back another amount for orders than open orders lock.
    pub(super) fn orders_amiss(&self) -> usize {
        let mut locked: BTreeMap<Asset, u128> = BTreeMap::new();
        for (asset, held) in self.state.markets.locked() {
            let sum = locked.entry(asset).or_default();
            *sum = sum.saturating_add(held);
        }
        let totals = self.ledger.ledger().totals();
        totals.filter(|(asset, total)| locked.get(asset).copied().unwrap_or(0) != total.reserved).count()
    }
}
