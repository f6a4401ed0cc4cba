//! Moves and what they are planned for: plans, and what lies on the addresses that they go from and to.

use exchequer_domain::{Network, TxId};
use exchequer_ledger::Asset;

use super::holdings::has_coins;
use super::{Entry, Stop};
use crate::custody::{Keyed, WalletRole};
use crate::halt::Halt;
use crate::planted::{self, Bug};
use crate::sweeps::{HoldingKey, SweepPlan, SweepStatus};
use crate::users::UserStatus;
use crate::withdrawals::{Claim, Errand, Move, MoveFault, Payer, Payout, Refusal};

const fn no(what: MoveFault) -> Refusal {
    Refusal::Move { what }
}

/// The most that any attempt could cost, in minor units of the network's coin.
fn fee_most(payout: &Payout) -> u64 {
    payout.attempts.iter().map(|attempt| attempt.fee_max).max().unwrap_or(0)
}

impl Entry<'_> {
    /// An amount of a network's coin in its smallest units.
    fn native(&self, network: Network, amount: u128) -> Option<(Asset, u128)> {
        let listing = self.state.custody.listed(network, None)?;
        Some((listing.asset, amount.saturating_mul(listing.unit())))
    }

    /// What a sweep sets aside of the holding: of the network's own coin its fee too.
    fn set_aside(&self, network: Network, one: &Move, fee_max: u64) -> u128 {
        let fee = self.native(network, u128::from(fee_max)).filter(|_| one.coin.is_none());
        one.on_chain.saturating_add(fee.map_or(0, |(_, fee)| fee))
    }

    /// The holding that a sweep takes from; none of coins, which are taken one by one.
    fn swept_from(&self, network: Network, payer: Payer, errand: &Errand) -> Option<HoldingKey> {
        match errand {
            Errand::Sweep(one) if self.payer_role(payer) == Ok(WalletRole::Deposit) && !has_coins(network) => {
                Some(HoldingKey { network, index: Some(payer.index), asset: one.asset })
            }
            Errand::Sweep(_) | Errand::Withdrawals | Errand::TopUp(_) | Errand::Stake(_) => None,
        }
    }

    /// Whether the plan of a move waits for just this. What lies on deposit addresses is swept by a plan alone; what gathers a
    /// wallet's own coins, or fills a wallet, has none.
    pub(super) fn check_plan(&self, network: Network, payer: Payer, errand: &Errand) -> Result<(), Refusal> {
        let Some(one) = errand.moves() else { return Ok(()) };
        let needed = match errand {
            Errand::Withdrawals => false,
            Errand::Sweep(_) => self.payer_role(payer)? == WalletRole::Deposit,
            // A station or an address that lacks gas for something else is filled without one, within its limits.
            Errand::TopUp(_) | Errand::Stake(_) => false,
        };
        let plan = match one.plan {
            None if needed => return Err(no(MoveFault::Plan)),
            None => return Ok(()),
            Some(id) => self.state.sweeps.get(id).ok_or(no(MoveFault::Plan))?,
        };
        let fits = match errand {
            Errand::Withdrawals | Errand::Stake(_) => false,
            Errand::Sweep(one) => {
                let index = (!has_coins(network)).then_some(payer.index);
                let ready = plan.status == SweepStatus::Ready || planted::has(Bug::PlanNotTaken);
                needed && plan.of == HoldingKey { network, index, asset: one.asset } && ready
            }
            Errand::TopUp(one) => {
                let waits = match plan.status {
                    SweepStatus::NeedsGas { amount } => one.amount <= amount,
                    // A sweep that gets into no block may need more than was thought.
                    SweepStatus::Sweeping { .. } => true,
                    SweepStatus::GasPending { .. }
                    | SweepStatus::Ready
                    | SweepStatus::Done { .. }
                    | SweepStatus::Failed { .. } => false,
                };
                plan.of.network == network && plan.of.index == one.to_index && waits
            }
        };
        if fits { Ok(()) } else { Err(no(MoveFault::Plan)) }
    }

    /// Whether what is to be swept is free, and of somebody who is not frozen.
    pub(super) fn check_free(
        &self,
        network: Network,
        payer: Payer,
        errand: &Errand,
        claim: &Claim,
        fee_max: u64,
    ) -> Result<(), Stop> {
        let Errand::Sweep(one) = errand else { return Ok(()) };
        if let Some(key) = self.swept_from(network, payer, errand) {
            self.check_owner(network, payer.index)?;
            if self.holding(key)?.available() < self.set_aside(network, one, fee_max) {
                return Err(no(MoveFault::Short).into());
            }
        }
        if let Claim::Coins(coins) = claim {
            for outpoint in coins {
                let coin = self.coin(network, outpoint)?.ok_or(Refusal::Coin)?;
                if let Keyed::Deposit(index) = coin.keyed {
                    self.check_owner(network, index)?;
                }
            }
        }
        Ok(())
    }

    fn check_owner(&self, network: Network, index: u32) -> Result<(), Stop> {
        let key = crate::custody::pool_key(network.family(), index);
        let found: Option<crate::custody::PoolAddress> = self.row(crate::rows::Table::PoolAddress, &key)?;
        let user = found.and_then(|found| found.given).and_then(|given| self.state.users.get(given.user));
        let active = user.is_some_and(|user| user.status == UserStatus::Active);
        if active || planted::has(Bug::HeldIsSwept) { Ok(()) } else { Err(no(MoveFault::Held).into()) }
    }

    /// A move is decided: its plan waits for it, and what it takes is on its way.
    pub(super) fn begin_move(&mut self, payout: &Payout) -> Result<(), Halt> {
        self.begin_stake(payout);
        let Some(one) = payout.errand.moves() else { return Ok(()) };
        if let Some(key) = self.swept_from(payout.network, payout.payer, &payout.errand) {
            let aside = self.set_aside(payout.network, one, fee_most(payout));
            let mut holding = self.holding(key)?;
            holding.reserved = holding.reserved.saturating_add(aside);
            self.put_holding(holding);
        }
        let Some(mut plan) = one.plan.and_then(|id| self.state.sweeps.get(id)).cloned() else { return Ok(()) };
        match (&payout.errand, &plan.status) {
            (Errand::Sweep(_), _) => plan.status = SweepStatus::Sweeping { payout: payout.id },
            (Errand::TopUp(_), SweepStatus::NeedsGas { .. }) => {
                plan.status = SweepStatus::GasPending { payout: payout.id };
                plan.note_top_up(payout.id);
            }
            (Errand::TopUp(_), _) => plan.note_top_up(payout.id),
            (Errand::Withdrawals | Errand::Stake(_), _) => return Ok(()),
        }
        self.put_plan(plan);
        Ok(())
    }

    /// How much more is to be set aside for another attempt, which may cost more.
    pub(super) fn more_aside(&self, payout: &Payout, fee_max: u64) -> Result<u128, Stop> {
        let (Some(one), Some(key)) =
            (payout.errand.moves(), self.swept_from(payout.network, payout.payer, &payout.errand))
        else {
            return Ok(0);
        };
        let most = fee_most(payout);
        let more = self.set_aside(payout.network, one, fee_max.max(most)) - self.set_aside(payout.network, one, most);
        if self.holding(key)?.available() < more { Err(no(MoveFault::Short).into()) } else { Ok(more) }
    }

    pub(super) fn set_more_aside(&mut self, payout: &Payout, more: u128) -> Result<(), Halt> {
        if let Some(key) = self.swept_from(payout.network, payout.payer, &payout.errand).filter(|_| more > 0) {
            let mut holding = self.holding(key)?;
            holding.reserved = holding.reserved.saturating_add(more);
            self.put_holding(holding);
        }
        Ok(())
    }

    /// A payout is over: the ledger, what lies on addresses, and the plan follow. `arrived` is the transaction that moved
    /// something, `fee` what the network took, in minor units of its coin.
    pub(super) fn end_move(&mut self, payout: &mut Payout, arrived: Option<TxId>, fee: u128) -> Result<(), Halt> {
        let of_pool = self.payer_role(payout.payer) == Ok(WalletRole::Deposit);
        let (network, id) = (payout.network, payout.id);
        let fee = self.native(network, fee);
        if let Some((asset, fee)) = fee.filter(|_| of_pool && !has_coins(network)) {
            self.lose_holding(HoldingKey { network, index: Some(payout.payer.index), asset }, fee)?;
        }
        self.end_stake(payout, arrived.is_some());
        let Some(one) = payout.errand.moves().cloned() else { return Ok(()) };
        self.settle_move(payout, arrived)?;
        if let Some(key) = self.swept_from(network, payout.payer, &payout.errand) {
            let aside = self.set_aside(network, &one, fee_most(payout));
            let mut holding = self.holding(key)?;
            holding.reserved = holding.reserved.saturating_sub(aside);
            self.put_holding(holding);
            if arrived.is_some() && !planted::has(Bug::SweptStays) {
                self.take_holding(key, one.on_chain, aside, id)?;
            }
        } else if of_pool && arrived.is_some() {
            let mined = payout.attempts.iter().find(|attempt| attempt.tx == arrived);
            let coins = match mined.map(|attempt| &attempt.claim) {
                Some(Claim::Coins(coins)) => coins.clone(),
                Some(Claim::Nonce(_) | Claim::Window { .. }) | None => payout.coins(),
            };
            if !planted::has(Bug::SweptStays) {
                self.take_coins(network, one.asset, &coins, id)?;
            }
        }
        if let (Errand::TopUp(_), Some(index)) = (&payout.errand, one.to_index)
            && (arrived.is_some() || planted::has(Bug::ToppedUpEarly))
        {
            self.gain_holding(HoldingKey { network, index: Some(index), asset: one.asset }, one.on_chain)?;
        }
        self.move_plan(payout, &one, arrived);
        Ok(())
    }

    fn move_plan(&mut self, payout: &Payout, one: &Move, arrived: Option<TxId>) {
        let Some(plan) = one.plan.and_then(|id| self.state.sweeps.get(id)).cloned() else { return };
        let status = match (&payout.errand, &plan.status, arrived) {
            (Errand::Sweep(_), SweepStatus::Sweeping { payout: of }, Some(_)) if *of == payout.id => {
                SweepStatus::Done { payout: payout.id }
            }
            (Errand::Sweep(_), SweepStatus::Sweeping { payout: of }, None) if *of == payout.id => {
                SweepStatus::Failed { why: format!("payout {} came to nothing", payout.id) }
            }
            // Only what arrived can be spent; the worker reads the balance anew.
            (Errand::TopUp(_), SweepStatus::GasPending { payout: of }, Some(_)) if *of == payout.id => {
                SweepStatus::Ready
            }
            (Errand::TopUp(_), SweepStatus::GasPending { payout: of }, None) if *of == payout.id => {
                SweepStatus::NeedsGas { amount: one.amount }
            }
            _ => return,
        };
        self.put_plan(SweepPlan { status, ..plan });
    }
}
