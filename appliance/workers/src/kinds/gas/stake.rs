//! TRON: energy that is lent to an address for one sweep, and the stake that gives it.
//!
//! Invariants:
//! - Whatever is lent is taken back, also by a worker that never heard of it: what is lent the state says, and each look begins with
//!   what can be taken back.
//! - It is lent only where it is all that the sweep lacks; where it is not, TRX is brought as ever.
//! - Half of what a gas wallet has stays free of the stake: top-ups are paid of it ([`lending`]).

use exchequer_chains::node::TronAccount;
use exchequer_chains::tron::TronAction;
use exchequer_chains::{KeyPath, KeyPurpose, Resource};
use exchequer_domain::ChainAddress;

use super::lending::{self, Staker};
use super::work::{Look, Station};
use crate::kinds::consolidation::market::{BANDWIDTH, Market, takes};
use crate::kinds::consolidation::view::View;
use crate::kinds::paying::Round;
use crate::kinds::paying::tron::{self, Prices};
use crate::money::proto::{self, Payer, PreparePayout, note_gas, prepare_payout, stake::Deed};
use crate::money::words;

/// How long something stays lent for a sweep that is not on its way, in microseconds.
pub const LENT_US_MAX: u64 = 3_600_000_000;

/// What of a station's stake was decided to be lent and is not lent for sure, in sun.
pub(super) fn about_to_be_lent(view: &View, payer: Payer) -> u64 {
    let of = view.reply.loans.iter().filter(|loan| loan.payer == Some(payer) && loan.stage == "lending");
    of.filter_map(|loan| loan.lent.as_ref()).fold(0, |sum: u64, lent| sum.saturating_add(lent.sun))
}

/// What of an owner's stake is lent to an address, in sun, as each endpoint that has a say tells it.
async fn lent_by(round: &Round, owner: &ChainAddress, to: &ChainAddress) -> Vec<u64> {
    let asked = round.panel.all(|node| {
        let (owner, to) = (owner.clone(), to.clone());
        Box::pin(async move { node.lent(&owner, &to).await })
    });
    asked.await.0.into_iter().map(|(_, sun)| sun).collect()
}

/// What is to be told of loans: whether the network has them, and what is lent of stations' stakes beyond them. What no quorum says
/// anything about is left out.
pub(super) async fn seen(
    round: &Round,
    view: &View,
    stations: &[note_gas::Station],
) -> Result<(Vec<note_gas::Seen>, Vec<note_gas::Stray>), String> {
    let (mut loans, mut strays) = (Vec::new(), Vec::new());
    let (own, quorum) = (view.addresses("gas", false), round.panel.quorum());
    for loan in view.reply.loans.iter().filter(|loan| matches!(loan.stage.as_str(), "lent" | "doubted")) {
        let Some(lent) = &loan.lent else { continue };
        let Some(owner) = own.iter().find(|own| loan.payer == Some(own.payer())) else { continue };
        let to = words::address(&lent.to).map_err(|error| error.to_string())?;
        if let Some(there) = lending::there(&lent_by(round, &owner.address, &to).await, lent.sun, quorum) {
            loans.push(note_gas::Seen { to: lent.to.clone(), there });
        }
    }
    for own in &own {
        if !stations.iter().any(|told| (told.wallet, told.index) == (own.wallet, own.index)) {
            continue;
        }
        let lent: Vec<u64> = tron::accounts(round, &own.address).await?.iter().map(|told| told.energy_lent).collect();
        let of = view.reply.loans.iter().filter(|loan| loan.payer == Some(own.payer()));
        let booked = of.filter_map(|loan| loan.lent.as_ref()).fold(0, |sum: u64, one| sum.saturating_add(one.sun));
        strays.push(note_gas::Stray { payer: Some(own.payer()), sun: lending::stray(&lent, booked, quorum) });
    }
    Ok((loans, strays))
}

impl Look<'_> {
    fn prices(&self) -> Option<Prices> {
        match self.market {
            Market::Tron(prices) => Some(prices),
            Market::Evm { .. } => None,
        }
    }

    /// Takes back what was lent to an address of which no sweep is to come.
    pub(super) async fn take_back(&mut self) {
        let now = self.view.reply.now_us;
        for loan in self.view.reply.loans.iter().filter(|loan| loan.stage == "lent") {
            let (Some(lent), Some(payer)) = (&loan.lent, loan.payer) else { continue };
            let plans = self.view.reply.plans.iter();
            let of = plans.filter(|plan| {
                let of = plan.holding.as_ref().and_then(|holding| holding.of);
                of.and_then(|of| of.index) == Some(lent.to_index)
            });
            let is_old = now.saturating_sub(loan.since_us) >= LENT_US_MAX;
            let mut of = of.map(|plan| plan.status.as_str());
            let needed = of.any(|status| status == "sweeping" || !is_old);
            let at = self.stations.iter().position(|station| station.own.payer() == payer && station.free > 0);
            let Some(at) = at.filter(|_| !needed) else { continue };
            if let Err(why) = self.return_loan(at, lent).await {
                self.troubles.push(format!("energy that was lent to {}: {why}", lent.to));
            }
        }
    }

    async fn return_loan(&mut self, at: usize, lent: &proto::Lent) -> Result<(), String> {
        let to = words::address(&lent.to).map_err(|error| error.to_string())?;
        let station = self.stations.get(at).ok_or("there is no station")?;
        let said = lent_by(self.round, &station.own.address, &to).await;
        match lending::there(&said, lent.sun, self.round.panel.quorum()) {
            Some(true) => self.stake(at, Deed::TakeBack(proto::Lent { plan: None, ..lent.clone() })).await,
            // What is not there the network would never take back; whether it is gone is told with the next note.
            Some(false) => Err("the network does not have it".to_owned()),
            None => Err("endpoints do not agree on whether the network has it".to_owned()),
        }
    }

    /// What endpoints tell of the stake of an address; nothing where it is no gas wallet's of TRON.
    fn told(&self, of: Payer) -> &[TronAccount] {
        self.stakes.iter().find(|(payer, _)| *payer == of).map_or(&[], |(_, told)| told)
    }

    /// Lends a planned sweep the energy that it takes, where that is all that it lacks; whether it was decided. `price` is all that
    /// the sweep takes, in sun.
    pub(super) async fn lend(
        &mut self,
        plan: u64,
        (to, to_index): (&ChainAddress, u32),
        price: u128,
    ) -> Result<bool, String> {
        let (Some(prices), true) = (self.prices(), self.view.reply.lend) else { return Ok(false) };
        let known = |loan: &proto::Loan| loan.lent.as_ref().is_some_and(|lent| lent.to == to.as_str());
        if prices.energy == 0 || self.view.reply.loans.iter().any(known) {
            return Ok(false);
        }
        let told = tron::accounts(self.round, to).await?;
        // Who is not known to the network can be lent nothing, and bytes are paid in TRX where they are not free.
        let bytes = u64::try_from(BANDWIDTH).unwrap_or(u64::MAX);
        let fits = |one: &TronAccount| one.activated && (one.bandwidth_free >= bytes || one.bandwidth_staked >= bytes);
        if !told.iter().all(fits) {
            return Ok(false);
        }
        let burnt = BANDWIDTH.saturating_mul(prices.bandwidth.into());
        let energy = price.saturating_sub(burnt).div_ceil(prices.energy.into());
        let energy = u64::try_from(energy).map_err(|_| "more energy than there is".to_owned())?;
        // All of it: what others lent there they may take back.
        let energy = energy.saturating_add(told.iter().map(|one| one.energy_used).max().unwrap_or(0));
        let lenders = self.stations.iter().map(|station| {
            let payer = station.own.payer();
            let usable = station.free > 0
                && station.purpose == KeyPurpose::Gas
                && !lending::is_stopped(&self.view.reply.loans, payer);
            Staker { told: self.told(payer).to_vec(), decided: station.lent, usable }
        });
        let lenders: Vec<Staker> = lenders.collect();
        let Some((at, sun)) = lending::lender(&lenders, energy) else { return Ok(false) };
        let lent = proto::Lent { to: to.to_string(), to_index, sun, plan: Some(plan) };
        self.stake(at, Deed::Lend(lent)).await?;
        Ok(true)
    }

    /// Stakes more, or less, where it is not what it shall be.
    pub(super) async fn keep_stake(&mut self) {
        if let Err(why) = self.move_stake().await {
            self.troubles.push(format!("the stake of the gas wallet: {why}"));
        }
    }

    async fn move_stake(&mut self) -> Result<(), String> {
        let wanted = self.view.reply.stake_sun;
        let is_staked = self.stakes.iter().any(|(_, told)| told.iter().any(|one| one.staked > 0));
        // What is under way is read anew once it is over.
        if self.prices().is_none() || self.view.reply.staking || (wanted == 0 && !is_staked) {
            return Ok(());
        }
        let station = |payer: Payer| {
            let of = |station: &Station| station.own.payer() == payer && station.free > 0;
            self.stations.iter().position(|one| of(one) && one.purpose == KeyPurpose::Gas)
        };
        let stakers = self.stakes.iter().map(|(payer, told)| {
            let decided = station(*payer).and_then(|at| self.stations.get(at)).map(|station| station.lent);
            Staker { told: told.clone(), decided: decided.unwrap_or(0), usable: decided.is_some() }
        });
        let stakers: Vec<Staker> = stakers.collect();
        let last = self.round.panel.agreed_final().await.map_err(|error| error.to_string())?;
        let (frozen, quorum) = (self.view.reply.frozen_sun, self.round.panel.quorum());
        let Some((place, deed)) =
            lending::towards(&stakers, wanted, frozen, last.time_ms, quorum, &self.view.reply.halted)
        else {
            return Ok(());
        };
        let at = self.stakes.get(place).and_then(|(payer, _)| station(*payer)).ok_or("there is no station")?;
        self.stake(at, deed).await
    }

    /// Decides something with the stake of a station.
    async fn stake(&mut self, at: usize, deed: Deed) -> Result<(), String> {
        let prices = self.prices().ok_or("there is no price of energy")?;
        let station = self.stations.get(at).ok_or("there is no station")?;
        let (from, index, purpose) = (station.own.address.clone(), station.own.index, station.purpose);
        let payer = station.own.payer();
        let resource = Resource::Energy;
        let whose = |lent: &proto::Lent| {
            let to = words::address(&lent.to).map_err(|error| error.to_string())?;
            exchequer_chains::tron::account_of_text(to.as_str()).map_err(|error| error.to_string())
        };
        let action = match &deed {
            Deed::Freeze(sun) => TronAction::Freeze { resource, amount: *sun },
            Deed::Unfreeze(sun) => TronAction::Unfreeze { resource, amount: *sun },
            Deed::Collect(_) => TronAction::Collect,
            Deed::Lend(lent) => TronAction::Delegate { to: whose(lent)?, resource, amount: lent.sun },
            Deed::TakeBack(lent) => TronAction::Undelegate { from: whose(lent)?, resource, amount: lent.sun },
        };
        let window = self.desk.window_now(self.round).await?;
        let key = KeyPath { purpose, index, change: false };
        let draft = tron::draft(self.round, &prices, key, &from, action, window, 0)?;
        let spent = takes(self.round, &draft)?;
        let frozen = if let Deed::Freeze(sun) = &deed { u128::from(*sun) } else { 0 };
        if let Some(station) = self.stations.get_mut(at) {
            let left = station.has.checked_sub(spent.saturating_add(frozen));
            station.has = left.ok_or("the gas wallet has too little for its fee")?;
            station.free = station.free.saturating_sub(1);
            if let Deed::Lend(lent) = &deed {
                station.lent = station.lent.saturating_add(lent.sun);
            }
        }
        self.decisions.push(PreparePayout {
            payer: Some(payer),
            preparation: Some(draft.preparation(false)),
            errand: Some(prepare_payout::Errand::Stake(proto::Stake { deed: Some(deed) })),
            ..PreparePayout::default()
        });
        Ok(())
    }
}
