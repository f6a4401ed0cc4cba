//! Denials: a worker's word that a payout ended without paying.
//!
//! Nothing that the state knows by itself shows on EVM networks and on TRON whether a transaction did what it was for. Whoever says
//! that it did not has the money of those whom it pays given free, or paid once more: a lie about it is worth that money. So it
//! waits for a second reader, the worker that compares balances, which is another process and asks nodes by itself: where the payer
//! still has what the payout would have taken, at a block behind which the transaction can have no effect any more, it was not paid.
//!
//! Invariants: a denial frees nothing by itself; what frees is a balance that agrees, or two persons. A transaction that may still
//! be mined is denied by nobody: at the block of the balance its nonce is used, or its span of time is over.

use std::time::Duration;

use exchequer_domain::{BlockRef, ChainAddress, Timestamp};
use serde::{Deserialize, Serialize};

use super::evidence::Death;
use super::payout::{Claim, Payout};

/// For so long a denial waits for a balance that agrees; after that people decide.
pub const DENIAL_WAITS_MAX: Duration = Duration::from_secs(3_600);

/// How a payout ended, as its worker says. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unpaid {
    /// An attempt is in a final block, and did nothing, or pays nobody.
    Final {
        /// What the network took, in minor units of its coin.
        fee: u128,
        /// Whether it failed.
        reverted: bool,
    },
    /// No attempt can be mined any more.
    Dead {
        /// Why.
        proof: Death,
        /// Whether the withdrawals wait for another payout; they fail otherwise.
        requeue: bool,
    },
}

/// A worker's word that a payout ended without paying.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// Which of its attempts it is about.
    pub attempt: u16,
    /// How it ended.
    pub how: Unpaid,
    /// The final block that shows it; balances before it say nothing.
    pub at: BlockRef,
    /// Replicated time at which it was said first.
    pub since: Timestamp,
    /// The coins of which the payer's balance has agreed since.
    pub agreed: Vec<Option<ChainAddress>>,
}

impl Denial {
    /// In a few words, for people.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.how {
            Unpaid::Final { reverted: true, .. } => {
                format!("attempt {} in final block {} did nothing", self.attempt, self.at.height)
            }
            Unpaid::Final { reverted: false, .. } => {
                format!("attempt {} in final block {} pays nobody", self.attempt, self.at.height)
            }
            Unpaid::Dead { proof, .. } => proof.describe(),
        }
    }

    /// Whether another one says the same, of a block that may be later.
    pub(crate) fn is_of(&self, attempt: u16, how: &Unpaid) -> bool {
        let same = match (&self.how, how) {
            (Unpaid::Final { .. }, Unpaid::Final { .. }) => self.how == *how,
            (Unpaid::Dead { requeue: one, .. }, Unpaid::Dead { requeue: two, .. }) => one == two,
            (Unpaid::Final { .. }, Unpaid::Dead { .. }) | (Unpaid::Dead { .. }, Unpaid::Final { .. }) => false,
        };
        same && self.attempt == attempt
    }
}

/// What a second reader says of a payer beside the balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// At which block.
    pub(crate) at: BlockRef,
    /// The time of that block; zero where it was not told.
    pub(crate) time: Timestamp,
    /// How many transactions the payer's key had made by then, where the network counts them.
    pub(crate) nonce: Option<u64>,
}

impl Payout {
    /// Whether no attempt that was signed can take effect behind this any more: what had an effect up to there shows in the
    /// balance.
    pub(crate) fn is_closed_at(&self, seen: &Seen) -> bool {
        let mut signed = self.attempts.iter().filter(|attempt| attempt.tx.is_some());
        signed.all(|attempt| match &attempt.claim {
            Claim::Nonce(nonce) => seen.nonce.is_some_and(|next| next > *nonce),
            Claim::Window { expires, .. } => seen.time > *expires,
            // The blocks that were scanned say it, and nobody is asked.
            Claim::Coins(_) => false,
        })
    }
}
