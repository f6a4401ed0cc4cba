//! `PreparePayout`: a worker decides the transaction that pays withdrawals, before anybody signs it.

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_domain::{Digest, Family, Network, Timestamp, TxId};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use super::nonces::Claimed;
use super::withdrawals::hot_account;
use super::{Entry, Stop};
use crate::command::Actor;
use crate::custody::{WalletRole, address_key};
use crate::event::{EventKind, Severity};
use crate::outcome::Done;
use crate::planted::{self, Bug};
use crate::rejection::Rejection;
use crate::withdrawals::{
    ATTEMPTS_MAX, Attempt, Claim, Errand, Head, PAYOUT_WITHDRAWALS_MAX, Payer, Payout, PayoutId, PayoutStanding,
    Purpose, RAW_BYTES_MAX, RawKind, Refusal, SignedFor, SigningEntry, SigningRecord, Stage, Stake, Standing, Waiting,
    Withdrawal, WithdrawalId,
};

/// The longest span of time in which a transaction may get into a block: what its network allows.
const WINDOW_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Owners of coins that are payouts: their numbers are told from those of others by this bit.
const PAYOUTS_COINS: u64 = 1 << 62;

/// The number under which a payout reserves coins.
#[must_use]
pub const fn coin_owner(payout: PayoutId) -> u64 {
    PAYOUTS_COINS | payout.0
}

/// The payout that reserves coins under this number, if it is one.
pub(super) const fn owning_payout(owner: u64) -> Option<PayoutId> {
    if owner & PAYOUTS_COINS == 0 { None } else { Some(PayoutId(owner & !PAYOUTS_COINS)) }
}

/// A transaction as it is to be signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preparation {
    /// What it is for.
    pub purpose: Purpose,
    /// What it uses up.
    pub claim: Claim,
    /// The unsigned bytes; the signer signs nothing else for this attempt.
    #[serde(with = "crate::codec::block")]
    pub unsigned: Vec<u8>,
    /// The most that it can cost, in minor units of the network's coin.
    pub fee_max: u64,
}

/// Decides a transaction for one or many withdrawals, in their turn; or, for none, one that fills a gap among nonces; or one
/// that moves something between own addresses. Where the hot wallet has too little in the books for withdrawals, nothing is
/// decided and they wait, with the reason put down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparePayout {
    /// On which network.
    pub network: Network,
    /// Who pays.
    pub payer: Payer,
    /// What for.
    pub errand: Errand,
    /// What is paid; none of what moves something.
    pub withdrawals: Vec<WithdrawalId>,
    /// The transaction.
    pub preparation: Preparation,
    /// The payer's next nonce as the chain has it; a floor. Zero where the network has none.
    pub chain_nonce: u64,
    /// The same at a final block.
    pub settled_nonce: u64,
}

impl PreparePayout {
    /// The rows that it looks up.
    pub(super) fn lookups(&self) -> Vec<Vec<u8>> {
        match &self.errand {
            Errand::TopUp(one) => vec![address_key(self.network.family(), &one.to)],
            Errand::Stake(Stake::Lend(lent)) => vec![address_key(self.network.family(), &lent.to)],
            Errand::Withdrawals | Errand::Sweep(_) | Errand::Stake(_) => Vec::new(),
        }
    }

    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let PreparePayout { network, payer, errand, withdrawals, preparation, chain_nonce, settled_nonce } = self;
        entry.check_payout_worker(actor, network, payer, &errand)?;
        entry.check_payer(network, payer, &errand, !withdrawals.is_empty())?;
        let moves = errand.is_own();
        if moves && !withdrawals.is_empty() {
            return Err(Refusal::Turn.into());
        }
        let paid = entry.check_turn(network, &withdrawals)?;
        if (preparation.purpose == Purpose::Noop) != (paid.is_empty() && !moves) {
            return Err(Refusal::Claim.into());
        }
        entry.check_preparation(network, payer, &errand, &preparation, &paid)?;
        entry.check_unlike(network, payer, None, &preparation)?;
        entry.check_move(network, payer, &errand, &preparation.claim, preparation.fee_max)?;
        entry.check_stake(network, payer, &errand)?;
        entry.check_no_return(network, payer)?;
        let topped = match &errand {
            Errand::TopUp(one) => {
                let takes = one.amount.saturating_add(u128::from(preparation.fee_max));
                entry.check_top_up(network, &one.to, takes)?;
                Some((one.to.clone(), takes))
            }
            // Lending is one of the ways to bring gas: it counts with the others.
            Errand::Stake(Stake::Lend(lent)) => {
                let takes = u128::from(preparation.fee_max);
                entry.check_top_up(network, &lent.to, takes)?;
                Some((lent.to.clone(), takes))
            }
            Errand::Withdrawals | Errand::Sweep(_) | Errand::Stake(_) => None,
        };
        // What is frozen waits for the budget; what comes back never does.
        let staked = match &errand {
            Errand::Stake(Stake::Lend(_)) | Errand::Withdrawals | Errand::Sweep(_) | Errand::TopUp(_) => 0,
            Errand::Stake(_) => u128::from(preparation.fee_max),
        };
        if matches!(&errand, Errand::Stake(Stake::Freeze { .. })) {
            entry.check_gas_budget(network, staked)?;
        }
        // What fills a gap of an address that pays no withdrawals costs gas, and brings nothing.
        let fills = match entry.payer_role(payer)? {
            WalletRole::Gas | WalletRole::Deposit if paid.is_empty() && !moves => u128::from(preparation.fee_max),
            WalletRole::Gas | WalletRole::Deposit | WalletRole::Hot | WalletRole::Cold => 0,
        };
        if fills > 0 {
            entry.check_gas_budget(network, fills)?;
        }
        let lane = match entry.check_claim(network, payer, &preparation, [chain_nonce, settled_nonce])? {
            Claimed::Nonces(lane) => Some(lane),
            Claimed::Other => None,
            Claimed::Passed { next, chain } => {
                entry.nonce_ran_ahead(network, payer, next, chain);
                return Ok(Done::NoncePassed { next, chain });
            }
        };
        let head = entry.state.withdrawals.head;
        let id = PayoutId(head.payouts + 1);
        if !moves && let Some(short) = entry.shortage(network, payer, &paid, preparation.fee_max)? {
            entry.wait_for_refill(paid, &short);
            return Ok(Done::PayoutWaits { gas: short == Waiting::InsufficientGas });
        }
        let gas = entry.hold_gas_or_lent(network, payer, id, preparation.fee_max, None)?;
        let moving = match entry.hold_move(network, payer, id, &errand) {
            Err(Stop::Rejected(why)) => {
                entry.release_gas_of(gas, id)?;
                return Err(why.into());
            }
            held => held?,
        };

        // Everything fits from here on.
        if let Claim::Coins(coins) = &preparation.claim {
            entry.reserve_coins(network, coins, coin_owner(id))?;
        }
        if let Some(lane) = lane {
            entry.put_lane(network, payer, lane);
        }
        entry.put_withdrawals_head(Head { payouts: id.0, ..head });
        for mut one in paid {
            let Standing::Queued { since, .. } = one.standing else {
                return Err(Refusal::Turn.into());
            };
            one.held = Some(entry.hold_for(&one, &hot_account(network, one.order.asset))?);
            let standing = Standing::Paying { payout: id, since };
            entry.stand(one, Stage::Queued, standing, Stage::Preparing, format!("payout {id} is decided"))?;
        }
        let mut payout = Payout {
            id,
            network,
            payer,
            errand,
            withdrawals,
            attempts: Vec::new(),
            gas,
            moving,
            wants_noop: false,
            created: entry.now,
            moved: entry.now,
            standing: PayoutStanding::Preparing,
            denied: None,
        };
        entry.decide(&mut payout, preparation);
        entry.begin_move(&payout)?;
        entry.put_payout(payout);
        if fills + staked > 0 {
            entry.note_gas_budget(network, fills + staked);
        }
        if let Some((to, takes)) = topped {
            entry.note_top_up(network, &to, takes);
        }
        Ok(Done::PayoutPrepared { payout: id, attempt: 1 })
    }
}

impl Entry<'_> {
    /// The withdrawals that are to be paid: each queued on this network, once, and none before its turn.
    fn check_turn(&self, network: Network, ids: &[WithdrawalId]) -> Result<Vec<Withdrawal>, Stop> {
        let most = if network.family() == Family::Bitcoin { PAYOUT_WITHDRAWALS_MAX } else { 1 };
        let mut sorted = ids.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != ids.len() || ids.len() > most {
            return Err(Refusal::Turn.into());
        }
        let room = &self.state.withdrawals;
        let mut paid = Vec::with_capacity(ids.len());
        for id in ids {
            let one = self.withdrawal_at(*id, Stage::Queued)?;
            if one.order.network != network {
                return Err(Refusal::Turn.into());
            }
            self.may_go_on(&one)?;
            if self.must_ask_again(&one) {
                return Err(Refusal::Turn.into());
            }
            paid.push(one);
        }
        let mut assets: Vec<Asset> = paid.iter().map(|one| one.order.asset).collect();
        assets.sort_unstable();
        assets.dedup();
        if planted::has(Bug::TurnIgnored) {
            return Ok(paid);
        }
        for asset in assets {
            // Whoever is passed by nobody must be paid first; of the rest each may be.
            let mut left = paid.iter().filter(|one| one.order.asset == asset).count();
            for first in room.line(network, asset) {
                if left == 0 {
                    break;
                }
                if sorted.binary_search(&first.id).is_ok() {
                    left -= 1;
                } else if !room.may_be_passed(first) && self.may_send(first).is_ok() {
                    return Err(Refusal::Turn.into());
                }
            }
        }
        Ok(paid)
    }

    /// What can be said of a transaction whatever it uses up.
    pub(super) fn check_preparation(
        &self,
        network: Network,
        payer: Payer,
        errand: &Errand,
        preparation: &Preparation,
        paid: &[Withdrawal],
    ) -> Result<(), Refusal> {
        self.may_errand(network, payer, errand)?;
        if preparation.unsigned.is_empty() || preparation.unsigned.len() > RAW_BYTES_MAX {
            return Err(Refusal::Raw);
        }
        let limit = self.state.networks.get(network).fee_max.ok_or(Refusal::FeeCapUnset)?;
        let most = paid.iter().map(|one| one.fee_cap).fold(limit, u64::min);
        if preparation.fee_max > most && !planted::has(Bug::FeeCapIgnored) {
            Err(Refusal::FeeCap { most })
        } else {
            Ok(())
        }
    }

    /// Whether no other payout under way has an attempt of these bytes. Nonces and coins keep transactions apart; like payments within
    /// one span of time would be one transaction, which pays once, and which a signer knows as the first one's.
    pub(super) fn check_unlike(
        &self,
        network: Network,
        payer: Payer,
        own: Option<PayoutId>,
        preparation: &Preparation,
    ) -> Result<(), Refusal> {
        if !matches!(preparation.claim, Claim::Window { .. }) || planted::has(Bug::BytesShared) {
            return Ok(());
        }
        let digest = Digest(*blake3::hash(&preparation.unsigned).as_bytes());
        let mut others = self.state.withdrawals.payouts(network);
        let alike = others.find(|other| {
            let has = |payout: &Payout| payout.attempts.iter().any(|attempt| attempt.digest == digest);
            other.payer == payer && Some(other.id) != own && has(other)
        });
        alike.map_or(Ok(()), |other| Err(Refusal::SameBytes { payout: other.id }))
    }

    /// Whether a span of time that ends then has not ended, and is one that the network allows.
    pub(super) fn is_ahead(&self, expires: Timestamp) -> bool {
        expires > self.now && expires.since(self.now) <= WINDOW_MAX
    }

    /// What the hot wallet lacks in the books, if anything.
    fn shortage(
        &self,
        network: Network,
        payer: Payer,
        paid: &[Withdrawal],
        fee_max: u64,
    ) -> Result<Option<Waiting>, Stop> {
        let mut needed: BTreeMap<Asset, u128> = BTreeMap::new();
        for one in paid {
            let sum = needed.entry(one.order.asset).or_default();
            *sum = sum.checked_add(one.paid).ok_or(Rejection::BadRequest)?;
        }
        let lacks = |asset: Asset, amount: u128| self.available(&self.payer_account(network, payer, asset)) < amount;
        if needed.iter().any(|(asset, amount)| lacks(*asset, *amount)) {
            return Ok(Some(Waiting::InsufficientHot));
        }
        if fee_max > 0 {
            let coin = self.coin_of(network)?;
            let paid_in_coin = needed.get(&coin).copied().unwrap_or_default();
            if lacks(coin, paid_in_coin.saturating_add(u128::from(fee_max))) {
                return Ok(Some(Waiting::InsufficientGas));
            }
        }
        Ok(None)
    }

    fn wait_for_refill(&mut self, paid: Vec<Withdrawal>, short: &Waiting) {
        for one in paid {
            if let Standing::Queued { since, reason } = &one.standing
                && reason != short
            {
                let since = *since;
                let (network, asset) = (one.order.network, one.order.asset);
                self.event(EventKind::HotWalletShort { network, asset, gas: *short == Waiting::InsufficientGas });
                self.wait_for(one, since, short.clone());
            }
        }
    }

    /// Adds an attempt that was made sure of, with its bytes and its signing record.
    pub(super) fn decide(&mut self, payout: &mut Payout, preparation: Preparation) {
        let Preparation { purpose, claim, unsigned, fee_max } = preparation;
        let number = u16::try_from(payout.attempts.len() + 1).unwrap_or(ATTEMPTS_MAX as u16);
        let digest = Digest(*blake3::hash(&unsigned).as_bytes());
        let record = SigningRecord {
            network: payout.network,
            payer: payout.payer,
            payout: payout.id,
            attempt: number,
            purpose,
            claim: claim.clone(),
            digest,
            fee_max,
            pays: match purpose {
                Purpose::Payment => self.signed_for(&payout.withdrawals),
                Purpose::Noop => Vec::new(),
            },
            errand: payout.errand.clone(),
        };
        let decided = self.log_for_signers(SigningEntry::Decided(Box::new(record)));
        self.put_payout_bytes(payout.id, number, RawKind::Unsigned, unsigned);
        payout.moved = self.now;
        payout.attempts.push(Attempt {
            number,
            purpose,
            claim,
            digest,
            fee_max,
            prepared: self.now,
            decided,
            tx: None::<TxId>,
            answers: Vec::new(),
            dead: false,
        });
    }

    fn signed_for(&self, withdrawals: &[WithdrawalId]) -> Vec<SignedFor> {
        let open = withdrawals.iter().filter_map(|id| self.state.withdrawals.get(*id));
        let of = |one: &Withdrawal| SignedFor {
            withdrawal: one.id,
            user: one.order.user,
            asset: one.order.asset,
            to: one.order.to.clone(),
            memo: one.order.memo.clone(),
            on_chain: one.on_chain,
            usd: one.usd,
            fee_cap: one.fee_cap,
            approved: (!one.consents.is_empty()).then_some((one.hash, one.approval_until)),
            consents: one.consents.clone(),
        };
        open.map(of).collect()
    }

    /// Tells people that a payout needs them, at once.
    pub(super) fn payout_needs_people(&mut self, payout: &Payout, why: String) {
        self.payout_alarm(payout, why, Severity::P1);
    }
}
