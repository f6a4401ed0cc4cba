//! How a payout that ended without paying, as its worker says, has its money given free: not before balances agree.
//!
//! The blocks that are scanned show what coins were spent, so that on Bitcoin nothing waits. On the other networks the worker that
//! compares balances is the second reader; where there is none, or none agrees in time, people decide.

use exchequer_domain::{BlockRef, ChainAddress, Family, Network, TxId, WorkerKind};

use super::{Entry, Stop};
use crate::custody::CoinState;
use crate::halt::Halt;
use crate::planted::{self, Bug};
use crate::reconciliation::{Movement, Reading, Scope, Spot, Way};
use crate::withdrawals::{
    Claim, DENIAL_WAITS_MAX, Death, Denial, Payout, PayoutId, PayoutStanding, Refusal, Seen, Stage, Unpaid,
};

/// Payouts whose denials one report of balances ends; the next one ends more. A payout has a hundred withdrawals at most, and all
/// that it tells signers finds room within one entry of the log.
const ENDED_AT_ONCE_MAX: usize = 4;

/// A coin that agreed at a payer: which, and how much of it fees could hide.
pub(super) struct Agreed {
    address: ChainAddress,
    coin: Option<ChainAddress>,
    slack: u128,
    nonce: Option<u64>,
}

impl Entry<'_> {
    /// A worker says that no attempt of a payout can be mined any more.
    pub(super) fn bury_denied(
        &mut self,
        payout: Payout,
        number: u16,
        proof: Death,
        requeue: bool,
    ) -> Result<Stage, Stop> {
        let at = match &proof {
            Death::Expired { at, .. } | Death::NonceUsed { at, .. } => *at,
            // Nobody but the node says the one, and blocks that were scanned show the other.
            Death::NeverSigned | Death::Conflicts(_) => return self.bury(payout, &proof, requeue),
        };
        let to = if requeue && !payout.withdrawals.is_empty() { Stage::Queued } else { Stage::Failed };
        Self::check_edge(&payout, to)?;
        self.check_death(&payout, &proof)?;
        match self.deny(&payout, number, Unpaid::Dead { proof: proof.clone(), requeue }, at)? {
            Some(stage) => Ok(stage),
            None => self.bury(payout, &proof, requeue),
        }
    }

    /// Has what was checked so far wait for a second reader; none where there is nothing to wait for.
    pub(super) fn deny(
        &mut self,
        payout: &Payout,
        number: u16,
        how: Unpaid,
        at: BlockRef,
    ) -> Result<Option<Stage>, Stop> {
        // What moves between own addresses gives nobody's money free: where it is, balances show in any case.
        let pays = !payout.withdrawals.is_empty();
        if !pays || payout.network.family() == Family::Bitcoin || planted::has(Bug::DenialBelieved) {
            return Ok(None);
        }
        let from = payout.stage();
        let before = payout.denied.as_deref().filter(|before| before.is_of(number, &how));
        let denial = match before {
            Some(before) => before.clone(),
            None => Denial { attempt: number, how, at, since: self.now, agreed: Vec::new() },
        };
        let waited_us = self.now.0.saturating_sub(denial.since.0);
        let why = if !self.has_second_reader(payout.network) {
            Some("no worker compares the balances of this network")
        } else if waited_us >= u64::try_from(DENIAL_WAITS_MAX.as_micros()).unwrap_or(u64::MAX) {
            Some("no balance has agreed with it within an hour")
        } else {
            None
        };
        let is_new = before.is_none();
        let what = format!("its worker says that {}; its money is free when balances agree", denial.describe());
        let mut payout = Payout { denied: Some(Box::new(denial)), ..payout.clone() };
        if let Some(why) = why.filter(|_| from != Stage::Review && from.may_become(Stage::Review)) {
            let why = format!("{what}, and {why}: two persons say whether it is so (`exchequer payout confirm`)");
            payout.standing = PayoutStanding::Review { why: why.clone() };
            self.payout_needs_people(&payout, why.clone());
            return Ok(Some(self.move_payout(payout, from, &why)));
        }
        if is_new {
            payout.moved = self.now;
            self.put_payout(payout);
        }
        Ok(Some(from))
    }

    /// Whether a worker is to compare the balances of a network.
    fn has_second_reader(&self, network: Network) -> bool {
        self.state.workers.wanted(WorkerKind::BalanceSync, Some(network)) > 0
    }

    /// Two persons say that what a payout's worker says is so.
    pub(super) fn confirm_denial(&mut self, payout: Payout) -> Result<Stage, Stop> {
        let Some(denial) = payout.denied.clone() else { return Err(Refusal::NotDenied { payout: payout.id }.into()) };
        self.end_denied(payout, *denial)
    }

    fn end_denied(&mut self, mut payout: Payout, denial: Denial) -> Result<Stage, Stop> {
        payout.denied = None;
        match denial.how {
            Unpaid::Final { fee, reverted } => self.finish(payout, denial.attempt, (denial.at, fee), reverted, true),
            Unpaid::Dead { proof, requeue } => self.bury(payout, &proof, requeue),
        }
    }

    /// A transaction of Bitcoin's that ends a payout is one that a scanned block has.
    pub(super) fn check_spends(
        &self,
        payout: &Payout,
        claim: &Claim,
        tx: TxId,
        block: BlockRef,
    ) -> Result<(), Refusal> {
        let Claim::Coins(coins) = claim else { return Ok(()) };
        let spent = |outpoint| match self.state.custody.coins.get(payout.network, outpoint).map(|coin| coin.state) {
            Some(CoinState::Spent { by, height, .. }) => by == tx && height == block.height,
            Some(CoinState::Free | CoinState::Reserved { .. }) | None => false,
        };
        let known = coins.iter().any(spent) || planted::has(Bug::ProofNotCompared);
        if known { Ok(()) } else { Err(Refusal::NoProof { payout: payout.id }) }
    }

    /// What the denied payouts of an address have cost as their workers say, where that is in no movement yet: fee, and the most
    /// that it could have been, in the network's smallest units, of those up to a height.
    pub(super) fn denied_fees(&self, network: Network, address: &ChainAddress, height: u64) -> Result<[u128; 2], Halt> {
        let mut sums = [0_u128; 2];
        for payout in self.state.withdrawals.payouts(network) {
            let Some(denial) = payout.denied.as_deref().filter(|denial| denial.at.height <= height) else { continue };
            let Unpaid::Final { fee, .. } = denial.how else { continue };
            if self.payer_address(network, payout.payer)?.as_ref() != Some(address) {
                continue;
            }
            let most = payout.attempt(denial.attempt).map_or(0, |attempt| attempt.fee_max);
            for (sum, more) in sums.iter_mut().zip([fee, u128::from(most)]) {
                *sum = sum.saturating_add(self.fee_on_chain(network, more).0);
            }
        }
        Ok(sums)
    }

    /// How much of a reading fees could hide, where a denial waits for readings of the network; asked before it is judged.
    pub(super) fn slack_of(
        &self,
        network: Network,
        reading: &Reading,
        (from, moves): (BlockRef, &[(u64, Movement)]),
    ) -> Result<Option<Agreed>, Halt> {
        if !self.state.withdrawals.payouts(network).any(|payout| payout.denied.is_some()) {
            return Ok(None);
        }
        let (address, coin, nonce) = (reading.address.clone(), reading.coin.clone(), reading.nonce);
        let mut slack = 0_u128;
        if coin.is_none() {
            let spot = Spot { network, address: address.clone(), coin: None };
            let [denied, _] = self.denied_fees(network, &address, from.height)?;
            slack = self.position(&spot)?.fees.saturating_add(denied);
            for (height, movement) in moves {
                let Way::Paid { burnt, .. } = movement.way else { continue };
                if *height <= from.height && movement.spot == spot {
                    slack = slack.saturating_add(burnt);
                }
            }
        }
        Ok(Some(Agreed { address, coin, slack, nonce }))
    }

    /// Balances of these coins are as they should be: what was denied of their payers is over where all agree.
    pub(super) fn agree_with_denials(
        &mut self,
        network: Network,
        (at, time): (BlockRef, exchequer_domain::Timestamp),
        agreed: &[Agreed],
    ) -> Result<(), Stop> {
        let waiting: Vec<PayoutId> = match agreed {
            [] => return Ok(()),
            _ => self.state.withdrawals.payouts(network).filter(|one| one.denied.is_some()).map(|one| one.id).collect(),
        };
        let mut ended = 0;
        for id in waiting {
            let Some(mut payout) = self.state.withdrawals.payout(id).cloned() else { continue };
            let Some(mut denial) = payout.denied.clone() else { continue };
            // What was settled when it was said may not be any more: nothing ends on a chain that stands still.
            if at.height < denial.at.height || !self.is_settled(network, denial.at) {
                continue;
            }
            let Some(address) = self.payer_address(network, payout.payer)? else { continue };
            let wanted = self.paid_coins(&payout);
            for one in agreed.iter().filter(|one| one.address == address) {
                let Some((_, amount)) = wanted.iter().find(|(coin, _)| *coin == one.coin) else { continue };
                let seen = Seen { at, time, nonce: one.nonce };
                let scope = Scope::Spot(Spot { network, address: address.clone(), coin: one.coin.clone() });
                // What fees could hide says nothing of so little.
                let shows = *amount > one.slack && payout.is_closed_at(&seen);
                let closed = shows || planted::has(Bug::DenialOfPending);
                if closed && self.state.reconciliation.of_scope(&scope).is_none() && !denial.agreed.contains(&one.coin)
                {
                    denial.agreed.push(one.coin.clone());
                }
            }
            if payout.denied.as_ref() == Some(&denial) {
                continue;
            }
            let all = wanted.iter().all(|(coin, _)| denial.agreed.contains(coin));
            if all && ended < ENDED_AT_ONCE_MAX {
                ended += 1;
                self.end_denied(payout, *denial)?;
            } else if !all {
                payout.denied = Some(denial);
                self.put_payout(payout);
            }
        }
        Ok(())
    }

    /// What a payout would have taken from its payer, by coin, without the fee; in the network's smallest units.
    fn paid_coins(&self, payout: &Payout) -> Vec<(Option<ChainAddress>, u128)> {
        let mut sums: Vec<(Option<ChainAddress>, u128)> = Vec::new();
        for one in self.paid_by(payout) {
            let Some(listing) = self.state.custody.listing(payout.network, one.order.asset) else { continue };
            match sums.iter_mut().find(|(coin, _)| *coin == listing.coin) {
                Some((_, sum)) => *sum = sum.saturating_add(one.on_chain),
                None => sums.push((listing.coin.clone(), one.on_chain)),
            }
        }
        sums
    }
}
