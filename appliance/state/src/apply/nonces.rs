//! The nonces of payers: which are given, what the chain may say of them, and `SetNonce`, by which two persons put a counter where it
//! has to be.
//!
//! Invariant: the exchange alone counts. What a worker says of the chain raises the counter of a payer whose nonces were never given,
//! forgets gaps that a final block has passed, and stops payments; it moves no counter that is in use, for nothing could be mined
//! behind a nonce that is missing.

use std::collections::BTreeSet;

use exchequer_domain::{Family, Network};
use serde::{Deserialize, Serialize};

use super::prepare_payout::Preparation;
use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::custody::WalletRole;
use crate::outcome::Done;
use crate::planted::{self, Bug};
use crate::reconciliation::Spot;
use crate::withdrawals::{Claim, Lane, NONCE_END, Payer, Purpose, Refusal};

/// What becomes of a payer's nonces by a claim.
pub(super) enum Claimed {
    /// Its nonces afterwards.
    Nonces(Lane),
    /// Its network has none.
    Other,
    /// The chain is past every one that was ever given.
    Passed {
        /// The next one that would be given.
        next: u64,
        /// The next one as the chain has it.
        chain: u64,
    },
}

/// Sets the next nonce of a payer: back, where it is above what the chain can take; or on, where somebody used nonces that the exchange
/// never gave. Nonces of open payouts stay theirs. Critical: carried out as an approved proposal alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetNonce {
    /// On which network.
    pub network: Network,
    /// Whose.
    pub payer: Payer,
    /// The next one, as several nodes of the network have it for the payer's address.
    pub next: u64,
    /// Why.
    pub reason: String,
}

impl SetNonce {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let SetNonce { network, payer, next, reason } = self;
        check_reason(&reason)?;
        if network.family() != Family::Evm {
            return Err(Refusal::Claim.into());
        }
        let wallet = entry.state.custody.wallet(payer.wallet).filter(|wallet| wallet.covers(network));
        wallet.filter(|wallet| wallet.role != WalletRole::Cold).ok_or(Refusal::Wallet)?;
        let address = entry.payer_address(network, payer)?.ok_or(Refusal::Wallet)?;
        if next >= NONCE_END {
            return Err(Refusal::NonceBeyond.into());
        }
        // Whoever compares balances has seen a final block that is past it.
        let seen = entry.position(&Spot { network, address, coin: None })?.nonce.unwrap_or(0);
        if next < seen {
            return Err(Refusal::Nonce { next: seen }.into());
        }
        let own = entry.state.withdrawals.payouts(network).filter(|payout| payout.payer == payer);
        let held: BTreeSet<u64> =
            own.filter_map(crate::withdrawals::Payout::nonce).filter(|nonce| *nonce >= next).collect();
        let mut lane = entry.lane_of(network, payer)?;
        let before = lane.next;
        lane.set(next, held)?;
        let (next, held) = (lane.next, lane.held.len());
        entry.put_lane(network, payer, lane);
        let target = format!("{network}, wallet {}, address {}", payer.wallet.0, payer.index);
        let detail = format!("from {before} to {next}; {held} above it are of open payouts");
        entry.audit(actor, AuditAction::NonceSet, target, detail, reason);
        Ok(Done::NonceSet { next })
    }
}

impl Entry<'_> {
    /// Whether the claim is free, and what becomes of the payer's nonces; `chain` and `settled` are the next one at the chain's head
    /// and at a final block, as its worker says.
    pub(super) fn check_claim(
        &self,
        network: Network,
        payer: Payer,
        preparation: &Preparation,
        [chain, settled]: [u64; 2],
    ) -> Result<Claimed, Stop> {
        match (&preparation.claim, network.family()) {
            (Claim::Nonce(nonce), Family::Evm) => {
                let mut lane = self.lane_of(network, payer)?;
                let furthest = chain.max(settled);
                if lane.is_passed(furthest) && !planted::has(Bug::ChainNonceBelieved) {
                    return Ok(Claimed::Passed { next: lane.next, chain: furthest });
                }
                if furthest.max(*nonce) >= NONCE_END {
                    return Err(Refusal::NonceBeyond.into());
                }
                lane.floor(chain, settled);
                if preparation.purpose == Purpose::Noop {
                    // Nothing but a gap needs a transaction that pays nobody.
                    let is_gap = lane.gaps.remove(nonce);
                    return if is_gap { Ok(Claimed::Nonces(lane)) } else { Err(Refusal::Claim.into()) };
                }
                // One payout more would leave no place for the gaps that all together can make.
                if lane.is_full() {
                    return Err(Refusal::Gaps.into());
                }
                if *nonce != lane.next && !planted::has(Bug::NonceGivenTwice) {
                    return Err(Refusal::Nonce { next: lane.next }.into());
                }
                lane.take()?;
                Ok(Claimed::Nonces(lane))
            }
            // Only nonces have gaps, so that nothing else needs what pays nobody.
            (Claim::Coins(_) | Claim::Window { .. }, _) if preparation.purpose == Purpose::Noop => {
                Err(Refusal::Claim.into())
            }
            (Claim::Coins(coins), Family::Bitcoin) => {
                self.check_coins(network, payer, coins, None)?;
                Ok(Claimed::Other)
            }
            (Claim::Window { expires, .. }, Family::Tron) => {
                if self.is_ahead(*expires) {
                    Ok(Claimed::Other)
                } else {
                    Err(Refusal::Claim.into())
                }
            }
            (Claim::Nonce(_), Family::Bitcoin | Family::Tron)
            | (Claim::Coins(_), Family::Evm | Family::Tron)
            | (Claim::Window { .. }, Family::Bitcoin | Family::Evm) => Err(Refusal::Claim.into()),
        }
    }
}
