//! What ends or replaces the attempts of a payout: an attempt that excludes the earlier ones, or proof that none of them can be
//! mined.

use super::prepare_payout::{Preparation, coin_owner};
use super::withdrawals::hot_account;
use super::{Entry, Stop};
use crate::planted::{self, Bug};
use crate::withdrawals::{
    ATTEMPTS_MAX, Claim, Death, Ending, Errand, Payout, PayoutStanding, Purpose, Refusal, Stage, Standing, Waiting,
};

impl Entry<'_> {
    pub(super) fn replace_payout(
        &mut self,
        mut payout: Payout,
        preparation: Preparation,
        proof: Option<Death>,
    ) -> Result<Stage, Stop> {
        let from = Self::check_edge(&payout, Stage::Replacing)?;
        if payout.attempts.len() >= ATTEMPTS_MAX {
            return Err(Refusal::Attempt.into());
        }
        // It is decided anew, by what is staked and lent then.
        if matches!(payout.errand, Errand::Stake(_)) && !planted::has(Bug::StakeReplaced) {
            return Err(Refusal::Edge { from, to: Stage::Replacing }.into());
        }
        let noop = preparation.purpose == Purpose::Noop;
        // What pays nobody never becomes a payment; what pays becomes none only as a person wants it.
        let fits = if payout.fills_gap() { noop } else { !noop || payout.wants_noop };
        if !fits {
            return Err(Refusal::Claim.into());
        }
        let paid = self.paid_by(&payout);
        for one in &paid {
            self.may_withdraw(payout.network, one.order.asset)?;
        }
        // What pays nobody costs its withdrawals nothing of what was agreed to for them: they could never be got out of the way.
        let bound = if noop && !planted::has(Bug::NoopIsBound) { &[][..] } else { &paid };
        self.check_preparation(payout.network, payout.payer, &payout.errand, &preparation, bound)?;
        self.check_unlike(payout.network, payout.payer, Some(payout.id), &preparation)?;
        if !noop {
            self.check_move_again(&payout, &preparation)?;
            // To pay more helps nothing there; what pays nobody may have to wait, and gets those behind it out of the way.
            if !planted::has(Bug::BumpedFromBehind) {
                self.check_front(&payout)?;
            }
        }
        // Nothing is written before everything is checked.
        let before = payout.clone();
        if let Some(proof) = &proof {
            self.check_death(&payout, proof)?;
            payout.attempts.iter_mut().for_each(|attempt| attempt.dead = true);
        }
        let open = payout.attempts.iter().filter(|attempt| !attempt.dead);
        let excluded = open.clone().all(|attempt| preparation.claim.excludes(&attempt.claim));
        let of_family = payout
            .attempts
            .first()
            .is_some_and(|first| std::mem::discriminant(&first.claim) == std::mem::discriminant(&preparation.claim));
        if !of_family || (!excluded && !planted::has(Bug::ReplacementNotExclusive)) {
            return Err(Refusal::Claim.into());
        }
        match &preparation.claim {
            // A nonce is a payout's for ever, whatever was proved.
            Claim::Nonce(nonce) if payout.nonce() != Some(*nonce) => return Err(Refusal::Claim.into()),
            Claim::Window { expires, .. } if !self.is_ahead(*expires) => return Err(Refusal::Claim.into()),
            Claim::Coins(coins) => {
                self.check_coins(payout.network, payout.payer, coins, Some(coin_owner(payout.id)))?;
            }
            Claim::Nonce(_) | Claim::Window { .. } => {}
        }
        // A second payment beside one that may have been made: nobody pays it on a worker's word alone.
        if proof.is_some() && !payout.withdrawals.is_empty() && !noop && !planted::has(Bug::DenialBelieved) {
            return Err(Refusal::Unconfirmed { payout: payout.id }.into());
        }
        // What it may cost beyond the attempts before it is of the day's budget, too. A person who wants it ended is not refused.
        let dearest = payout.attempts.iter().map(|attempt| attempt.fee_max).max().unwrap_or(0);
        let dearer = match &payout.errand {
            Errand::TopUp(_) => u128::from(preparation.fee_max.saturating_sub(dearest)),
            Errand::Withdrawals | Errand::Sweep(_) | Errand::Stake(_) => 0,
        };
        if dearer > 0 && !noop {
            self.check_gas_budget(payout.network, dearer)?;
        }
        let more = self.more_aside(&payout, preparation.fee_max)?;
        payout.gas = self.hold_gas_or_lent(payout.network, payout.payer, payout.id, preparation.fee_max, payout.gas)?;

        self.set_more_aside(&payout, more)?;
        if let Claim::Coins(coins) = &preparation.claim {
            self.reserve_coins(payout.network, coins, coin_owner(payout.id))?;
        }
        if let Some(proof) = &proof {
            self.log_deaths(&before, proof);
        }
        if dearer > 0 {
            self.note_gas_budget(payout.network, dearer);
        }
        self.decide(&mut payout, preparation);
        payout.standing = PayoutStanding::Replacing;
        Ok(self.move_payout(payout, from, "another transaction takes its place"))
    }

    /// It is proved that no attempt can be mined: the money is free again, or waits for another payout.
    pub(super) fn bury(&mut self, mut payout: Payout, proof: &Death, requeue: bool) -> Result<Stage, Stop> {
        let to = if requeue && !payout.withdrawals.is_empty() { Stage::Queued } else { Stage::Failed };
        let from = Self::check_edge(&payout, to)?;
        self.check_death(&payout, proof)?;
        let what = proof.describe();
        for mut one in self.paid_by(&payout) {
            if to == Stage::Failed {
                self.end_unpaid(one, from, Ending::Failed { payout: payout.id }, what.clone())?;
                continue;
            }
            let Standing::Paying { since, .. } = one.standing else { continue };
            let clearing = exchequer_ledger::Holder::Clearing;
            let key = exchequer_ledger::AccountKey { holder: clearing, ..hot_account(payout.network, one.order.asset) };
            one.held = Some(self.hold_for(&one, &key)?);
            let standing = Standing::Queued { since, reason: Waiting::Turn };
            self.stand(one, from, standing, to, what.clone())?;
        }
        self.log_deaths(&payout, proof);
        self.note_gap(&payout)?;
        self.end_move(&mut payout, None, 0)?;
        self.release_gas(&mut payout)?;
        self.release_coins(payout.network, coin_owner(payout.id))?;
        self.end_payout(payout, to);
        Ok(to)
    }

    /// A nonce that nobody signed for is missing on chain until something fills it.
    pub(super) fn note_gap(&mut self, payout: &Payout) -> Result<(), crate::halt::Halt> {
        let (network, payer) = (payout.network, payout.payer);
        if let Some(nonce) = payout.nonce().filter(|_| !payout.was_signed()) {
            let mut lane = self.lane_of(network, payer)?;
            lane.gap(nonce);
            self.put_lane(network, payer, lane);
        }
        Ok(())
    }
}
