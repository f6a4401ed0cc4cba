//! Proof of death: what must be shown before the money of a signed payment is free again.
//!
//! A time-out is no proof, and neither is a node that does not know a transaction. What counts is that the chain, at a block
//! that is final, holds something that excludes the attempt: another transaction of its nonce, another spender of a coin of
//! its, or the end of its span of time.

use exchequer_domain::{BlockRef, OutPoint, Timestamp, TxId};
use serde::{Deserialize, Serialize};

use super::payout::{Attempt, Claim, Payout};
use super::refusal::Refusal;
use super::signing::AttemptDeath;
use crate::planted::{self, Bug};

/// Confirmations of another spender that make it final.
pub const CONFLICT_CONFIRMATIONS_MIN: u32 = 6;
/// How long after its end a span of time is certainly over, in microseconds.
pub const EXPIRY_MARGIN_US: u64 = 60_000_000;
/// Endpoints that must not know a transaction whose time is over.
pub const ABSENT_ENDPOINTS_MIN: usize = 2;

/// Another spender of a coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The coin.
    pub coin: OutPoint,
    /// Who spent it.
    pub by: TxId,
    /// Blocks upon that, its own included.
    pub confirmations: u32,
}

/// Why no attempt of a payout can be mined any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Death {
    /// No attempt was ever signed, so that none was ever sent.
    NeverSigned,
    /// The wallet's next nonce at a final block is above the payout's, and no attempt has a receipt up to there.
    NonceUsed {
        /// The final block.
        at: BlockRef,
        /// The wallet's next nonce there.
        next: u64,
        /// The attempts that were looked for, and are not there.
        absent: Vec<TxId>,
    },
    /// Coins of every attempt were spent by others.
    Conflicts(Vec<Conflict>),
    /// The time of every attempt is over, and they are in no final block.
    Expired {
        /// The last final block.
        at: BlockRef,
        /// Its time.
        time: Timestamp,
        /// The endpoints that do not know them, by their place in the configuration.
        absent_at: Vec<u8>,
        /// The attempts that were looked for.
        absent: Vec<TxId>,
    },
}

impl Death {
    /// Whether it proves the death of every attempt of a payout.
    ///
    /// # Errors
    /// `NoProof`.
    pub fn check(&self, payout: &Payout) -> Result<(), Refusal> {
        let proved = self.proves(payout) || planted::has(Bug::DeathUnproved);
        if proved { Ok(()) } else { Err(Refusal::NoProof { payout: payout.id }) }
    }

    pub(crate) fn proves(&self, payout: &Payout) -> bool {
        // Of no attempt everything is true: what was never signed has a proof of its own, and each of the others is one of a
        // family.
        let of_family = payout.attempts.first().is_some_and(|attempt| {
            matches!(
                (self, &attempt.claim),
                (Death::NeverSigned, _)
                    | (Death::NonceUsed { .. }, Claim::Nonce(_))
                    | (Death::Conflicts(_), Claim::Coins(_))
                    | (Death::Expired { .. }, Claim::Window { .. })
            )
        });
        if !of_family || payout.was_signed() == matches!(self, Death::NeverSigned) {
            return false;
        }
        let mut signed = payout.live();
        let names = |absent: &[TxId], attempt: &Attempt| attempt.tx.is_some_and(|tx| absent.contains(&tx));
        match self {
            Death::NeverSigned => true,
            Death::NonceUsed { next, absent, .. } => {
                payout.nonce().is_some_and(|nonce| *next > nonce) && signed.all(|attempt| names(absent, attempt))
            }
            Death::Conflicts(conflicts) => {
                let own = |tx: TxId| payout.attempts.iter().any(|attempt| attempt.tx == Some(tx));
                signed.all(|attempt| match &attempt.claim {
                    Claim::Coins(coins) => conflicts.iter().any(|conflict| {
                        let is_final = conflict.confirmations >= CONFLICT_CONFIRMATIONS_MIN;
                        coins.contains(&conflict.coin) && is_final && !own(conflict.by)
                    }),
                    Claim::Nonce(_) | Claim::Window { .. } => false,
                })
            }
            Death::Expired { time, absent_at, absent, .. } => {
                let mut endpoints = absent_at.clone();
                endpoints.sort_unstable();
                endpoints.dedup();
                endpoints.len() >= ABSENT_ENDPOINTS_MIN
                    && signed.all(|attempt| match attempt.claim {
                        Claim::Window { expires, .. } => {
                            time.0 > expires.0.saturating_add(EXPIRY_MARGIN_US) && names(absent, attempt)
                        }
                        Claim::Nonce(_) | Claim::Coins(_) => false,
                    })
            }
        }
    }

    /// What it says of one attempt alone, where it proves the death of all.
    pub(crate) fn of_attempt(&self, attempt: &Attempt) -> AttemptDeath {
        let own = match (self, &attempt.claim) {
            (Death::NonceUsed { next, .. }, Claim::Nonce(_)) if attempt.tx.is_some() => {
                Some(AttemptDeath::NonceUsed { next: *next })
            }
            (Death::Conflicts(conflicts), Claim::Coins(coins)) if attempt.tx.is_some() => {
                let own = conflicts.iter().find(|conflict| {
                    coins.contains(&conflict.coin) && conflict.confirmations >= CONFLICT_CONFIRMATIONS_MIN
                });
                own.map(|conflict| AttemptDeath::Conflict {
                    coin: conflict.coin,
                    confirmations: conflict.confirmations,
                })
            }
            // Time ends also what a signer may have signed and nobody heard of.
            (Death::Expired { time, absent_at, .. }, Claim::Window { expires, .. })
                if time.0 > expires.0.saturating_add(EXPIRY_MARGIN_US) =>
            {
                Some(AttemptDeath::Expired { time: *time, absent_at: absent_at.clone() })
            }
            _ => None,
        };
        own.unwrap_or(AttemptDeath::NeverSigned)
    }

    /// In a few words, for the story of a withdrawal.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Death::NeverSigned => "no attempt was signed".into(),
            Death::NonceUsed { at, next, .. } => {
                format!(
                    "the wallet's next nonce at final block {} is {next}, and no attempt is in the chain",
                    at.height
                )
            }
            Death::Conflicts(conflicts) => match conflicts.first() {
                Some(first) => {
                    format!("{} was spent by {} with {} confirmations", first.coin, first.by, first.confirmations)
                }
                None => "no conflict".into(),
            },
            Death::Expired { at, time, absent_at, .. } => format!(
                "final block {} of {time} is past the end of every attempt, and {} endpoints know none",
                at.height,
                absent_at.len()
            ),
        }
    }
}
