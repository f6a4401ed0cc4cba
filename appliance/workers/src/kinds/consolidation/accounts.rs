//! Sweeps on networks with accounts: what lies on each address is looked at by itself, planned, given gas where it lacks some,
//! and moved in one transfer after the other.

use exchequer_chains::{Coin, KeyPurpose};
use exchequer_domain::ChainAddress;

use super::Notes;
use super::economics::{Candidate, Climate, Verdict, judge, native};
use super::market::{Limits, Market, Weighed, takes};
use super::targets::Targets;
use super::view::{View, balances, coin_of, in_minor, move_of, rate, read_holding};
use crate::kinds::gas::plan;
use crate::kinds::paying::evm::{self, Nonces};
use crate::kinds::paying::{Desk, Round, tron};
use crate::money::proto::{self, Holding, HoldingKey, Payer, PreparePayout, prepare_payout};
use crate::money::words;

/// Holdings that are looked at on the chain in one look.
const CHECKED_MAX: usize = 50;
/// After so long a plan that waits for gas is judged anew, in microseconds.
const WAITED_US: u64 = 120_000_000;

/// Why the network's coin stays where it is.
const NEEDED: &str = "not swept: another sweep of the address needs it for its fee";

/// One look at what lies there.
pub(super) struct Look<'a> {
    desk: &'a Desk,
    round: &'a Round,
    view: &'a View,
    market: Market,
    targets: Targets,
    /// The network's fee for a unit.
    fee: u128,
    pub(super) notes: Notes,
}

/// What a holding is, as chain and books have it.
struct Found {
    from: ChainAddress,
    index: u32,
    coin: Coin,
    /// What may be moved, in smallest units: what the books let go and is there.
    available: u128,
    /// What is there of the network's own coin.
    gas: u128,
}

/// What would be done with a holding.
struct Proposal {
    to: super::view::Own,
    amount: u128,
    limit: u64,
    need: plan::Need,
    urgent: bool,
    verdict: Verdict,
}

/// Why nothing is done: in words for whoever asks, or a trouble of ours.
enum Not {
    Said(String),
    Trouble(String),
}

impl From<String> for Not {
    fn from(why: String) -> Not {
        Not::Trouble(why)
    }
}

impl<'a> Look<'a> {
    /// Looks around; none where the network takes more than may be paid.
    pub(super) async fn begin(desk: &'a Desk, round: &'a Round, view: &'a View) -> Result<Option<Look<'a>>, String> {
        let Some(market) = Market::read(round).await? else { return Ok(None) };
        let (targets, fee) = (Targets::of(view)?, rate(round).await?);
        Ok(Some(Look { desk, round, view, market, targets, fee, notes: Notes::default() }))
    }

    /// Judges holdings without a plan; how many of them were looked at before there was enough to do.
    pub(super) async fn consider(&mut self, holdings: &[Holding]) -> usize {
        let planned: Vec<_> = self.view.reply.plans.iter().filter_map(|plan| plan.holding.as_ref()?.of).collect();
        let mut checked = 0;
        for (place, holding) in holdings.iter().enumerate() {
            let Some(of) = holding.of.filter(|of| !planned.contains(of)) else { continue };
            if checked == CHECKED_MAX {
                return place;
            }
            let came = match self.worth_a_look(holding).await {
                Ok(false) => continue,
                Ok(true) => {
                    checked += 1;
                    self.propose(holding).await
                }
                Err(why) => Err(why),
            };
            match came {
                Ok(proposal) => match self.gas_for(&proposal) {
                    Some(gas) => self.notes.plan(of, gas, &proposal.verdict.to_string()),
                    None => self.notes.explain(holding, "not swept: what it takes is beyond all bounds"),
                },
                Err(Not::Said(why)) => self.notes.explain(holding, &why),
                Err(Not::Trouble(why)) => self.notes.troubles.push(format!("address {}: {why}", holding.address)),
            }
        }
        holdings.len()
    }

    /// Whether the network's coin on an address is there for another sweep of it, or on its way to it.
    fn is_needed(&self, holding: &Holding) -> bool {
        let of = |one: &Holding| one.of.map(|of| (of.index, of.asset));
        let planned = self.view.reply.plans.iter().filter_map(|plan| plan.holding.as_ref());
        let mut others = planned.filter(|one| one.address == holding.address && of(one) != of(holding));
        others.next().is_some() || self.view.reply.moves.iter().any(|one| one.to == holding.address)
    }

    /// What has to be brought to an address first, in minor units of the network's coin; zero where it has enough.
    fn gas_for(&self, proposal: &Proposal) -> Option<u128> {
        let missing = plan::missing(&proposal.need)?;
        let coin = self.view.native()?;
        // Rounded up: what is brought is whole minor units.
        let (minor, whole) = in_minor(coin, missing);
        if whole == missing { Some(minor) } else { minor.checked_add(1) }
    }

    /// Whether it is worth asking the chain about, by what it takes about.
    async fn worth_a_look(&mut self, holding: &Holding) -> Result<bool, Not> {
        let of = holding.of.ok_or_else(|| "a holding without a name".to_owned())?;
        let listing = self.view.listing(of.asset).ok_or_else(|| "its asset is not listed".to_owned())?;
        let (coin, available) = (coin_of(listing)?, read_holding(holding)?.1);
        if available == 0 {
            return Ok(false);
        }
        if coin == Coin::Native && self.is_needed(holding) {
            return Err(Not::Said(NEEDED.to_owned()));
        }
        let stand = self.targets.stand(self.view, self.round, of.asset, &coin).await?;
        let cost = self.market.about(&coin);
        let moved = if coin == Coin::Native { native(available, cost) } else { Some(available) };
        let verdict = self.judged(holding, moved.unwrap_or(0), cost, false, stand.low);
        match verdict {
            Verdict::Sweep { .. } => {}
            other => return Err(Not::Said(other.to_string())),
        }
        let rest = plan::rests(holding.failures, self.view.reply.now_us.saturating_sub(holding.failed_us));
        match rest {
            Some(left) => Err(Not::Said(format!(
                "not swept: its last {} sweeps failed; it is tried again in {} minutes",
                holding.failures,
                left.div_ceil(60_000_000)
            ))),
            None => Ok(true),
        }
    }

    fn judged(&self, holding: &Holding, moved: u128, cost: u128, needs_gas: bool, low: bool) -> Verdict {
        let asset = holding.of.map_or(0, |of| of.asset);
        let reply = &self.view.reply;
        let min = self.view.min(asset);
        // What is left of gas is no deposit: it goes where it is worth it, and for no other reason.
        let is_native = self.view.native().is_some_and(|native| native.asset == asset);
        let leftover = is_native && holding.waiting == 0;
        let candidate = Candidate {
            held: holding.held,
            worth: self.view.worth(asset, moved),
            cost: self.view.cost(cost),
            needs_gas,
            age_us: if leftover { 0 } else { reply.now_us.saturating_sub(holding.since_us) },
        };
        let gate = reply.fee_gate.as_ref().and_then(|gate| words::amount(gate).ok());
        let hot_low = low && !leftover;
        judge(&candidate, &Climate { min, hot_low, fee: self.fee, gate })
    }

    /// What is there, by the books and by the chain. Of less than the books have nothing is moved: people have to look.
    async fn found(&self, holding: &Holding) -> Result<Found, Not> {
        let of = holding.of.ok_or_else(|| "a holding without a name".to_owned())?;
        let index = of.index.ok_or_else(|| "a holding of no address".to_owned())?;
        let listing = self.view.listing(of.asset).ok_or_else(|| "its asset is not listed".to_owned())?;
        let (coin, (from, available)) = (coin_of(listing)?, read_holding(holding)?);
        let asked = [(from.clone(), coin.clone()), (from.clone(), Coin::Native)];
        let has = balances(self.round, &asked).await?;
        let [there, gas] = has.as_slice() else { return Err("an answer of another length".to_owned().into()) };
        if *there < available {
            return Err(Not::Said(format!(
                "not swept: {available} may be moved by the books, and {there} are there: a person has to look"
            )));
        }
        Ok(Found { from, index, coin, available, gas: *gas })
    }

    /// What would be done with a holding now.
    async fn propose(&mut self, holding: &Holding) -> Result<Proposal, Not> {
        let found = self.found(holding).await?;
        let asset = holding.of.map_or(0, |of| of.asset);
        if found.coin == Coin::Native && self.is_needed(holding) {
            return Err(Not::Said(NEEDED.to_owned()));
        }
        let stand = self.targets.stand(self.view, self.round, asset, &found.coin).await?;
        let about = self.view.cost(self.market.about(&found.coin));
        // Chosen on a copy: nothing is decided yet.
        let chosen = self.targets.peek(self.view, asset, found.available, about);
        let (to, amount) = chosen.ok_or_else(|| "there is nowhere to sweep it to".to_owned())?;
        let what = (&found.coin, amount);
        let weighed = self.market.weigh(self.round, &found.from, &to.address, what, found.gas, stand.low).await?;
        let (need, limit) = match weighed {
            Weighed::Can { need, limit } => (need, limit),
            Weighed::Fails(why) => return Err(Not::Said(format!("not swept: its transfer would fail: {why}"))),
            Weighed::Dear => return Err(Not::Said("not swept: it takes more than may be paid".to_owned())),
        };
        let need = match self.view.lent_to(&found.from).filter(|_| found.coin != Coin::Native) {
            Some(lent) => self.market.relieved(need, limit, lent, &tron::accounts(self.round, &found.from).await?),
            None => need,
        };
        let fee = need.units.checked_mul(need.price).ok_or_else(|| "a fee beyond all bounds".to_owned())?;
        let (amount, need) = if found.coin == Coin::Native {
            // What is moved is what the fee leaves; what it takes is there.
            let left = native(found.available.min(found.gas), fee);
            let left = left.ok_or_else(|| Not::Said(Verdict::BelowFee.to_string()))?;
            (left.min(amount), plan::Need { balance: fee, ..need })
        } else {
            (amount, need)
        };
        let needs_gas = need.balance < fee;
        let cost = if needs_gas { fee.saturating_add(self.market.top_up_fee()) } else { fee };
        let verdict = self.judged(holding, amount, cost, needs_gas, stand.low);
        match verdict {
            Verdict::Sweep { .. } => Ok(Proposal { to, amount, limit, need, urgent: stand.low, verdict }),
            other => Err(Not::Said(other.to_string())),
        }
    }

    /// Decides the transfers of plans that are ready: balances are read anew, and nothing is sent that they do not cover. Those
    /// that have waited for gas for a while are judged anew: fees may have fallen, or gas have come.
    pub(super) async fn carry_out(&mut self) -> Vec<PreparePayout> {
        let now = self.view.reply.now_us;
        let plans = self.view.reply.plans.iter().filter(|plan| match plan.status.as_str() {
            "ready" => true,
            "needs-gas" => now.saturating_sub(plan.moved_us) > WAITED_US,
            _ => false,
        });
        let plans: Vec<proto::SweepPlan> = plans.take(CHECKED_MAX).cloned().collect();
        let mut decisions = Vec::new();
        for plan in plans {
            let Some((holding, of)) = plan.holding.as_ref().and_then(|holding| Some((holding, holding.of?))) else {
                continue;
            };
            let came = if plan.status == "ready" {
                self.transfer(&plan, holding, of).await
            } else {
                self.judge_again(&plan, holding, of).await.map(|()| None)
            };
            match came {
                Ok(Some(decision)) => decisions.push(decision),
                Ok(None) => {}
                Err(Not::Said(why)) => self.notes.drop_plan(of, &why),
                Err(Not::Trouble(why)) => self.notes.troubles.push(format!("sweep {}: {why}", plan.id)),
            }
        }
        decisions
    }

    /// What a plan that waits for gas lacks now. Small changes are not worth telling.
    async fn judge_again(&mut self, plan: &proto::SweepPlan, holding: &Holding, of: HoldingKey) -> Result<(), Not> {
        let proposal = self.propose(holding).await?;
        let gas = self.gas_for(&proposal).ok_or_else(|| "what it takes is beyond all bounds".to_owned())?;
        let before = words::amount(&plan.gas).map_err(|error| error.to_string())?;
        if gas == 0 || gas.abs_diff(before).saturating_mul(10) > before {
            self.notes.plan(of, gas, &proposal.verdict.to_string());
        }
        Ok(())
    }

    async fn transfer(
        &mut self,
        plan: &proto::SweepPlan,
        holding: &Holding,
        of: HoldingKey,
    ) -> Result<Option<PreparePayout>, Not> {
        // One transfer of an address after the other.
        let mut others = self.view.reply.plans.iter().filter(|other| other.status == "sweeping");
        if others.any(|other| other.holding.as_ref().is_some_and(|other| other.address == holding.address)) {
            return Ok(None);
        }
        if self.view.is_returning(&holding.address) {
            return Ok(None);
        }
        let proposal = self.propose(holding).await?;
        let gas = self.gas_for(&proposal).ok_or_else(|| "what it takes is beyond all bounds".to_owned())?;
        if gas > 0 {
            // Fees have risen since it got gas, or the gas is gone: it is brought what is missing, as often as it may.
            self.notes.plan(of, gas, &proposal.verdict.to_string());
            return Ok(None);
        }
        let found = self.found(holding).await?;
        let listing = self.view.listing(of.asset).ok_or_else(|| "its asset is not listed".to_owned())?;
        let wallet = self.view.deposit_wallet().ok_or_else(|| "there is no deposit wallet".to_owned())?;
        let payer = Payer { wallet, index: found.index };
        let (nonce, chain, gap) = self.nonce(holding, &found.from).await?;
        if let Some(gap) = gap {
            return self.fill(payer, &found, gap, chain).await.map(Some);
        }
        let Some(moved) = move_of(listing, &proposal.to.address, proposal.amount, Some(plan.id)) else {
            return Err(Not::Said("not swept: it is less than a minor unit".to_owned()));
        };
        let amount = words::amount(&moved.on_chain).map_err(|error| error.to_string())?;
        let draft = self
            .market
            .draft(
                self.desk,
                self.round,
                (KeyPurpose::Deposit, found.index),
                (&found.from, &proposal.to.address),
                (&found.coin, amount),
                Limits { limit: proposal.limit, nonce, urgent: proposal.urgent },
            )
            .await?;
        let fee = takes(self.round, &draft)?;
        // Of what the transaction could cost at most, what is lent pays the most.
        let fee = match self.view.lent_to(&found.from).is_some() && found.coin != Coin::Native {
            true => proposal.need.units.saturating_mul(proposal.need.price),
            false => fee,
        };
        let spent = if found.coin == Coin::Native { amount.checked_add(fee) } else { Some(fee) };
        if spent.is_none_or(|spent| spent > found.gas) {
            return Err("what it takes is not there any more".to_owned().into());
        }
        self.targets.take(of.asset, &proposal.to, amount);
        Ok(Some(PreparePayout {
            payer: Some(payer),
            preparation: Some(draft.preparation(false)),
            chain_nonce: chain.next,
            settled_nonce: chain.settled,
            errand: Some(prepare_payout::Errand::Sweep(moved)),
            ..PreparePayout::default()
        }))
    }

    /// The next nonce of an address, the same as the chain has it, and the lowest that was given and never used. Zeros on TRON.
    async fn nonce(&self, holding: &Holding, from: &ChainAddress) -> Result<(u64, Nonces, Option<u64>), Not> {
        match self.market {
            Market::Tron(_) => Ok((0, Nonces { next: 0, settled: 0 }, None)),
            Market::Evm { .. } => {
                let chain = evm::next_nonce(self.round, from).await?;
                let gap = holding.gaps.iter().copied().filter(|gap| *gap >= chain.next).min();
                Ok((holding.next.max(chain.next), chain, gap))
            }
        }
    }

    /// A transfer of nothing to itself, where a nonce was given and never used: nothing else gets past it.
    async fn fill(&self, payer: Payer, found: &Found, nonce: u64, chain: Nonces) -> Result<PreparePayout, Not> {
        let nothing = (&Coin::Native, 0);
        let limit = match self.market.weigh(self.round, &found.from, &found.from, nothing, found.gas, true).await? {
            Weighed::Can { limit, .. } => limit,
            Weighed::Fails(why) => return Err(format!("the gap at nonce {nonce} is not filled: {why}").into()),
            Weighed::Dear => return Err("the gap is not filled: fees are too high".to_owned().into()),
        };
        let key = (KeyPurpose::Deposit, found.index);
        let way = (&found.from, &found.from);
        let draft =
            self.market.draft(self.desk, self.round, key, way, nothing, Limits { limit, nonce, urgent: true }).await?;
        Ok(PreparePayout {
            payer: Some(payer),
            preparation: Some(draft.preparation(true)),
            chain_nonce: chain.next,
            settled_nonce: chain.settled,
            ..PreparePayout::default()
        })
    }
}

/// What of a text is not a number: two verdicts that differ in numbers alone are the same.
pub(super) fn gist(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit() && *c != '.').collect()
}
