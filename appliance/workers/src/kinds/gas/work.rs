//! What a gas worker decides: top-ups that plans wait for, and what hot wallets lack.

use std::time::Duration;

use exchequer_chains::node::TronAccount;
use exchequer_chains::{Coin, KeyPurpose};
use exchequer_domain::{ChainAddress, Family};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::plan::{Case, Decision, Need, Purse, decide, refill};
use super::{lending, stake};
use crate::kinds::Doing;
use crate::kinds::consolidation::market::{Limits, Market, Weighed, takes};
use crate::kinds::consolidation::view::{Own, View, balances, in_minor, move_of, rate, read_holding};
use crate::kinds::paying::evm::{self, Nonces};
use crate::kinds::paying::{Desk, Errands, Prepared, Round, in_smallest_units, tron};
use crate::money::proto::{self, NoteGas, Payer, PreparePayout, change_request, note_gas, prepare_payout};
use crate::money::words;

/// Between two looks at what waits for gas.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Between two notes of what fees are and what stations have.
const NOTE_EVERY: Duration = Duration::from_secs(600);
/// Top-ups that are decided in one look.
const TOP_UPS_MAX: usize = 50;
/// Stations that are told: what the state takes.
const STATIONS_MAX: usize = 256;

/// Decides top-ups. It remembers when it looks next, and nothing on which money hangs.
pub struct TopUps {
    every: Duration,
    next: Mutex<(Option<Instant>, Option<Instant>)>,
}

impl Default for TopUps {
    fn default() -> TopUps {
        TopUps::every(LOOK_EVERY)
    }
}

/// The gas wallet's address that pays, as one look has it.
pub(super) struct Station {
    pub(super) own: Own,
    pub(super) purpose: KeyPurpose,
    /// What it has free of any stake, less what was decided in this look.
    pub(super) has: u128,
    next: u64,
    chain: Nonces,
    gap: Option<u64>,
    pub(super) free: u32,
    /// What of its stake is about to be lent, also by this look, in sun: the network may count it as not lent yet.
    pub(super) lent: u64,
}

/// One look at what waits.
pub(super) struct Look<'a> {
    pub(super) desk: &'a Desk,
    pub(super) round: &'a Round,
    pub(super) view: &'a View,
    pub(super) market: Market,
    pub(super) stations: Vec<Station>,
    /// TRON: what endpoints tell of each address of gas wallets, also of those that can decide nothing now; a quorum at least.
    pub(super) stakes: Vec<(Payer, Vec<TronAccount>)>,
    /// What is decided in this look, in the network's smallest unit.
    spent: u128,
    budget: u128,
    pub(super) decisions: Vec<PreparePayout>,
    pub(super) troubles: Vec<String>,
}

impl TopUps {
    /// One that looks so often.
    #[must_use]
    pub fn every(every: Duration) -> TopUps {
        TopUps { every, next: Mutex::default() }
    }

    /// Whether it is time to look, and to note.
    fn due(&self) -> (bool, bool) {
        let (mut next, now) = (self.next.lock(), Instant::now());
        let is_due = |at: Option<Instant>| at.is_none_or(|at| at <= now);
        let due = (is_due(next.0), is_due(next.1));
        if due.0 {
            next.0 = Some(now + self.every);
        }
        due
    }

    async fn look(&self, desk: &Desk, round: &Round, notes: bool) -> Result<bool, String> {
        let view = View::read(desk, round, 0, None).await?;
        if notes {
            note(desk, round, &view).await?;
            self.next.lock().1 = Some(Instant::now() + NOTE_EVERY);
        }
        if !view.reply.sweeps || desk.network().family() == Family::Bitcoin {
            return Ok(false);
        }
        let Some(mut look) = Look::begin(desk, round, &view).await? else { return Ok(false) };
        look.fill_gaps().await;
        look.take_back().await;
        look.for_plans().await;
        look.for_hot_wallets().await;
        look.keep_stake().await;
        let Look { decisions, mut troubles, .. } = look;
        let mut any = false;
        for prepared in desk.prepare_all(decisions).await {
            match prepared {
                Prepared::Decided(_) => any = true,
                Prepared::Waits => troubles.push("a top-up waits for coin in the books".to_owned()),
                Prepared::Refused { code, message } => {
                    troubles.push(format!("a top-up was not decided ({code}): {message}"));
                }
                Prepared::Unknown(why) => troubles.push(why),
            }
        }
        match troubles.into_iter().next() {
            Some(why) if !any => Err(why),
            Some(_) | None => Ok(any),
        }
    }
}

impl Errands for TopUps {
    fn decide<'a>(&'a self, desk: &'a Desk, round: &'a Round) -> Doing<'a, Result<bool, String>> {
        Box::pin(async move {
            match self.due() {
                (true, notes) => self.look(desk, round, notes).await.map(|_| false),
                (false, _) => Ok(false),
            }
        })
    }
}

/// Tells the state what fees are and what stations have.
async fn note(desk: &Desk, round: &Round, view: &View) -> Result<(), String> {
    let fee = rate(round).await?;
    let mut stations = Vec::new();
    if let Some(native) = view.native().filter(|_| desk.network().family() != Family::Bitcoin) {
        let mut own = [view.addresses("gas", false), view.addresses("hot", false)].concat();
        own.truncate(STATIONS_MAX);
        let asked: Vec<(ChainAddress, Coin)> = own.iter().map(|own| (own.address.clone(), Coin::Native)).collect();
        for (own, has) in own.iter().zip(balances(round, &asked).await?) {
            // What is staked pays for nothing.
            let is_gas = view.addresses("gas", false).iter().any(|gas| gas.payer() == own.payer());
            let has = match desk.network().family() {
                Family::Tron if is_gas => {
                    has.saturating_sub(staked(round, &tron::accounts(round, &own.address).await?)?)
                }
                Family::Tron | Family::Evm | Family::Bitcoin => has,
            };
            let balance = in_minor(native, has).0.to_string();
            stations.push(note_gas::Station { wallet: own.wallet, index: own.index, balance });
        }
    }
    let (loans, strays) = match desk.network().family() {
        Family::Tron => stake::seen(round, view, &stations).await?,
        Family::Evm | Family::Bitcoin => (Vec::new(), Vec::new()),
    };
    desk.tell(change_request::Change::NoteGas(NoteGas { fee: fee.to_string(), stations, loans, strays })).await
}

/// What an address has staked, in sun, as a quorum agrees.
fn staked(round: &Round, told: &[TronAccount]) -> Result<u128, String> {
    let said: Vec<u64> = told.iter().map(|one| one.staked).collect();
    let agreed = lending::agreed(&said, round.panel.quorum());
    agreed.map(u128::from).ok_or_else(|| "endpoints do not agree on what the gas wallet has staked".to_owned())
}

impl<'a> Look<'a> {
    /// Looks around; none where there is nothing to pay from, or fees are more than may be paid.
    async fn begin(desk: &'a Desk, round: &'a Round, view: &'a View) -> Result<Option<Look<'a>>, String> {
        let Some(market) = Market::read(round).await? else { return Ok(None) };
        let gas = view.addresses("gas", false);
        // Where there is no gas wallet the hot one pays.
        let (role, purpose) = if gas.is_empty() { ("hot", KeyPurpose::Hot) } else { ("gas", KeyPurpose::Gas) };
        let own = view.addresses(role, false);
        let asked: Vec<(ChainAddress, Coin)> = own.iter().map(|own| (own.address.clone(), Coin::Native)).collect();
        let (mut stations, mut stakes) = (Vec::new(), Vec::new());
        for (own, has) in own.into_iter().zip(balances(round, &asked).await?) {
            let payer = own.payer();
            // What is staked is its own, and cannot be sent.
            let has = if matches!(market, Market::Tron(_)) && purpose == KeyPurpose::Gas {
                let told = tron::accounts(round, &own.address).await?;
                let has = has.saturating_sub(staked(round, &told)?);
                stakes.push((payer, told));
                has
            } else {
                has
            };
            let lane = view.reply.stations.iter().find(|lane| lane.payer == Some(payer));
            let Some(lane) = lane.filter(|lane| lane.free > 0) else { continue };
            let chain = match market {
                Market::Evm { .. } => evm::next_nonce(round, &own.address).await?,
                Market::Tron(_) => Nonces { next: 0, settled: 0 },
            };
            let gap = lane.gaps.iter().copied().filter(|gap| *gap >= chain.next).min();
            let next = lane.next.max(chain.next);
            let lent = stake::about_to_be_lent(view, payer);
            stations.push(Station { own, purpose, has, next, chain, gap, free: lane.free, lent });
        }
        if stations.is_empty() {
            return Ok(None);
        }
        let budget = view.minor_of_usd(view.reply.gas_budget_usd_micros.into()).unwrap_or(0);
        let today = words::amount(&view.reply.topped_today).map_err(|error| error.to_string())?;
        let smallest = |minor: u128| in_smallest_units(&round.config, u64::try_from(minor).unwrap_or(u64::MAX));
        let (spent, budget) = (smallest(today).unwrap_or(u128::MAX), smallest(budget).unwrap_or(0));
        let (decisions, troubles) = (Vec::new(), Vec::new());
        Ok(Some(Look { desk, round, view, market, stations, stakes, spent, budget, decisions, troubles }))
    }

    /// The station that has most, of those that may have more under way.
    fn richest(&self) -> Option<usize> {
        let free = self.stations.iter().enumerate().filter(|(_, station)| station.free > 0 && station.gap.is_none());
        free.max_by_key(|(place, station)| (station.has, std::cmp::Reverse(*place))).map(|(place, _)| place)
    }

    /// Gas for the plans that wait for it, the oldest first.
    async fn for_plans(&mut self) {
        let mut waiting: Vec<&proto::SweepPlan> =
            self.view.reply.plans.iter().filter(|plan| plan.status == "needs-gas").collect();
        waiting.sort_by_key(|plan| plan.id);
        for plan in waiting.into_iter().take(TOP_UPS_MAX) {
            if let Err(why) = self.for_plan(plan).await {
                self.troubles.push(format!("gas for sweep {}: {why}", plan.id));
            }
        }
    }

    async fn for_plan(&mut self, plan: &proto::SweepPlan) -> Result<(), String> {
        let (Some(holding), Some(at)) = (&plan.holding, self.richest()) else { return Ok(()) };
        let (to, available) = read_holding(holding)?;
        if self.view.is_awaited(&to) {
            return Ok(());
        }
        let asset = holding.of.map_or(0, |of| of.asset);
        let most = words::amount(&plan.gas).map_err(|error| error.to_string())?;
        let most = u64::try_from(most).ok().and_then(|most| in_smallest_units(&self.round.config, most));
        let most = most.ok_or("what it takes is beyond all bounds")?;
        let has = balances(self.round, &[(to.clone(), Coin::Native)]).await?;
        let balance = has.first().copied().ok_or("an answer of another length")?;
        let fee_max = self.market.top_up_fee();
        // What the plan says is what its transaction lacks, with the room for dearer gas in it.
        let need = Need { units: 1, price: balance.saturating_add(most).saturating_mul(100) / 125, balance };
        let case = Case {
            need,
            worth: self.view.worth(asset, available),
            cost: self.view.cost(most.saturating_add(fee_max)),
            top_ups: holding.top_ups,
            failures: holding.failures,
            failed_us_ago: self.view.reply.now_us.saturating_sub(holding.failed_us),
        };
        match decide(&case, &self.purse(at, fee_max)) {
            Decision::TopUp { .. } => {
                let index = holding.of.and_then(|of| of.index);
                let price = need.price;
                if let Some(index) = index
                    && self.lend(plan.id, (&to, index), price).await?
                {
                    return Ok(());
                }
                self.bring(at, (&to, index), most, Some(plan.id)).await
            }
            // The consolidation worker sees that it has enough.
            Decision::Enough => Ok(()),
            other => Err(other.to_string()),
        }
    }

    fn purse(&self, at: usize, fee_max: u128) -> Purse {
        let station = self.stations.get(at).map_or(0, |station| station.has);
        Purse { spent: self.spent, budget: self.budget, station, fee_max }
    }

    /// Hot wallets that have less than their threshold, where a gas wallet pays.
    async fn for_hot_wallets(&mut self) {
        if self.stations.first().is_none_or(|station| station.purpose != KeyPurpose::Gas) {
            return;
        }
        let hot = self.view.addresses("hot", false);
        let native = self.view.native().map_or(0, |native| native.asset);
        let units = |usd: u64| self.view.units_of(native, usd.into());
        let reply = &self.view.reply;
        let marks = units(reply.gas_hot_threshold_usd_micros).zip(units(reply.gas_hot_cap_usd_micros));
        // Without a price nobody can say what is little.
        let Some((threshold, cap)) = marks else { return };
        let asked: Vec<(ChainAddress, Coin)> = hot.iter().map(|own| (own.address.clone(), Coin::Native)).collect();
        let has = match balances(self.round, &asked).await {
            Ok(has) => has,
            Err(why) => return self.troubles.push(format!("what hot wallets have: {why}")),
        };
        for (own, has) in hot.iter().zip(has) {
            let Some(amount) = refill(has, threshold, cap).filter(|_| !self.view.is_awaited(&own.address)) else {
                continue;
            };
            let Some(at) = self.richest() else { return };
            let purse = self.purse(at, self.market.top_up_fee());
            let takes = amount.saturating_add(purse.fee_max);
            let came = if takes > purse.budget.saturating_sub(purse.spent) {
                Err(Decision::Budget { amount: takes, left: purse.budget.saturating_sub(purse.spent) }.to_string())
            } else if takes > purse.station {
                Err(Decision::Station { amount: takes, has: purse.station }.to_string())
            } else {
                self.bring(at, (&own.address, None), amount, None).await
            };
            if let Err(why) = came {
                self.troubles.push(format!("gas for the hot wallet at {}: {why}", own.address));
            }
        }
    }

    /// Decides one top-up of so many smallest units.
    async fn bring(
        &mut self,
        at: usize,
        (to, to_index): (&ChainAddress, Option<u32>),
        amount: u128,
        plan: Option<u64>,
    ) -> Result<(), String> {
        let native = self.view.native().ok_or("the network's coin is not listed")?;
        let moved = move_of(native, to, amount, plan).ok_or("it is less than a minor unit")?;
        let moved = proto::Move { to_index, ..moved };
        let whole = words::amount(&moved.on_chain).map_err(|error| error.to_string())?;
        let station = self.stations.get(at).ok_or("there is no station")?;
        let (from, what) = (station.own.address.clone(), (&Coin::Native, whole));
        let weighed = self.market.weigh(self.round, &from, to, what, station.has, true).await?;
        let limit = match weighed {
            Weighed::Can { limit, .. } => limit,
            Weighed::Fails(why) => return Err(format!("it would fail: {why}")),
            Weighed::Dear => return Err("it takes more than may be paid".to_owned()),
        };
        let (key, way) = ((station.purpose, station.own.index), (&from, to));
        let limits = Limits { limit, nonce: station.next, urgent: true };
        let payer = station.own.payer();
        let chain = station.chain;
        let draft = self.market.draft(self.desk, self.round, key, way, what, limits).await?;
        let spent = takes(self.round, &draft)?.saturating_add(whole);
        if let Some(station) = self.stations.get_mut(at) {
            station.has = station.has.checked_sub(spent).ok_or("the gas wallet has too little for its fee")?;
            station.next += 1;
            station.free = station.free.saturating_sub(1);
        }
        self.spent = self.spent.saturating_add(spent);
        self.decisions.push(PreparePayout {
            payer: Some(payer),
            preparation: Some(draft.preparation(false)),
            chain_nonce: chain.next,
            settled_nonce: chain.settled,
            errand: Some(prepare_payout::Errand::TopUp(moved)),
            ..PreparePayout::default()
        });
        Ok(())
    }

    /// Transfers of nothing where nonces of a station were given and never used: nothing else gets past them.
    async fn fill_gaps(&mut self) {
        for at in 0..self.stations.len() {
            let Some(station) = self.stations.get(at) else { return };
            let Some(nonce) = station.gap else { continue };
            let (from, nothing) = (station.own.address.clone(), (&Coin::Native, 0));
            let payer = station.own.payer();
            let (key, chain, has) = ((station.purpose, station.own.index), station.chain, station.has);
            let made = async {
                let weighed = self.market.weigh(self.round, &from, &from, nothing, has, true).await?;
                let Weighed::Can { limit, .. } = weighed else { return Err(format!("it cannot be made: {weighed:?}")) };
                let way = (&from, &from);
                self.market.draft(self.desk, self.round, key, way, nothing, Limits { limit, nonce, urgent: true }).await
            };
            match made.await {
                Ok(draft) => self.decisions.push(PreparePayout {
                    payer: Some(payer),
                    preparation: Some(draft.preparation(true)),
                    chain_nonce: chain.next,
                    settled_nonce: chain.settled,
                    ..PreparePayout::default()
                }),
                Err(why) => self.troubles.push(format!("the gap at nonce {nonce} is not filled: {why}")),
            }
        }
    }
}
