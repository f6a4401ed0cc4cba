//! A payout: one payment transaction for one or many withdrawals, and the attempts to get it into a block.
//!
//! Invariant: any two attempts of a payout exclude each other by the rules of the network's consensus, or the earlier one was
//! proved dead before the later one was decided. Therefore at most one of them is ever paid.

use exchequer_domain::{BlockRef, Digest, Network, OutPoint, Timestamp, TxId};
use exchequer_ledger::{Asset, HoldId};
use serde::{Deserialize, Serialize};

use super::denial::Denial;
use super::errand::Errand;
use super::signing::Place;
use super::stage::Stage;
use super::withdrawal::WithdrawalId;
use crate::custody::WalletId;

/// Withdrawals that one payout pays.
pub const PAYOUT_WITHDRAWALS_MAX: usize = 100;
/// Attempts of one payout.
pub const ATTEMPTS_MAX: usize = 50;
/// Coins that one attempt spends.
pub const INPUTS_MAX: usize = 200;
/// Longest transaction, signed or not.
pub const RAW_BYTES_MAX: usize = 48 << 10;
/// Answers of endpoints that one attempt keeps; the latest.
pub const ANSWERS_KEPT: usize = 8;
/// Answers of endpoints that are told at once.
pub const ANSWERS_AT_ONCE_MAX: usize = 8;
/// Longest answer or remark.
pub const WHY_BYTES_MAX: usize = 300;
/// Payouts of one payer that are in no block at once. Nodes promise room for 16 of one account's transactions and keep more as
/// long as their pools are not full; what they drop is sent again. Four payers at a block a second then pay 50 and more a second.
pub const IN_FLIGHT_MAX: usize = 64;

/// An address that something is paid from: of a hot or gas wallet by its number in it, of the deposit wallet by its index in
/// the pool. On networks that are built of outputs a wallet pays as a whole, and the number is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Payer {
    /// The wallet.
    pub wallet: WalletId,
    /// The address's number.
    pub index: u32,
}

/// The number of a payout, from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PayoutId(pub u64);

impl std::fmt::Display for PayoutId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// What an attempt uses up on its network, by which others are excluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// The number of a transaction of the wallet's.
    Nonce(u64),
    /// Coins; an attempt that spends one of them excludes every other that does.
    Coins(Vec<OutPoint>),
    /// A span of time; nothing excludes another attempt but its end.
    Window {
        /// The block that the transaction refers to.
        reference: BlockRef,
        /// No block takes the transaction from this moment on.
        expires: Timestamp,
    },
}

impl Claim {
    /// Whether, by the rules of consensus, at most one of two attempts with these claims gets into the chain.
    #[must_use]
    pub fn excludes(&self, other: &Claim) -> bool {
        match (self, other) {
            (Claim::Nonce(one), Claim::Nonce(two)) => one == two,
            (Claim::Coins(some), Claim::Coins(others)) => some.iter().any(|coin| others.contains(coin)),
            (Claim::Window { .. }, Claim::Window { .. })
            | (Claim::Nonce(_), Claim::Coins(_) | Claim::Window { .. })
            | (Claim::Coins(_), Claim::Nonce(_) | Claim::Window { .. })
            | (Claim::Window { .. }, Claim::Nonce(_) | Claim::Coins(_)) => false,
        }
    }
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To pay.
    Payment,
    /// To use up the claim and pay nobody.
    Noop,
}

/// What an endpoint said when it was given a transaction. No answer of it is proof that the transaction is not on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// It took it.
    Accepted,
    /// It had it already.
    Known,
    /// No answer.
    Silent,
    /// It did not want it.
    Refused {
        /// Its words.
        why: String,
    },
}

/// An endpoint's reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Which endpoint, by its place in the network's configuration.
    pub endpoint: u8,
    /// What it said.
    pub reply: Reply,
}

/// A transaction as it was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// From 1.
    pub number: u16,
    /// What it is for.
    pub purpose: Purpose,
    /// What it uses up.
    pub claim: Claim,
    /// The hash of the unsigned bytes; the bytes are a row.
    pub digest: Digest,
    /// The most that it can cost, in minor units of the network's coin.
    pub fee_max: u64,
    /// When it was decided.
    pub prepared: Timestamp,
    /// Where in the signing log that is.
    pub decided: Place,
    /// Its name on chain, once it is signed; the signed bytes are a row.
    pub tx: Option<TxId>,
    /// The latest answers of endpoints.
    pub answers: Vec<Answer>,
    /// Whether it was proved that it can never be mined.
    pub dead: bool,
}

/// What the ledger keeps back for fees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GasHeld {
    /// The network's coin.
    pub coin: Asset,
    /// How much.
    pub amount: u128,
    /// The hold.
    pub hold: HoldId,
}

/// Where a payout stands. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PayoutStanding {
    /// The first attempt is to be signed.
    Preparing,
    /// The latest attempt is signed.
    Signed,
    /// The latest attempt was given to endpoints.
    Broadcast,
    /// An attempt is in a block.
    Mined {
        /// Which.
        attempt: u16,
        /// Which block.
        block: BlockRef,
    },
    /// No attempt gets into a block.
    Stuck,
    /// A further attempt is to be signed.
    Replacing,
    /// Nobody knows.
    Unknown {
        /// What is known.
        why: String,
    },
    /// A person decides.
    Review {
        /// What about.
        why: String,
    },
    /// It is over.
    Over {
        /// How.
        stage: Stage,
    },
}

impl PayoutStanding {
    /// The stage that its withdrawals are in.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            PayoutStanding::Preparing => Stage::Preparing,
            PayoutStanding::Signed => Stage::Signed,
            PayoutStanding::Broadcast => Stage::Broadcast,
            PayoutStanding::Mined { .. } => Stage::Mined,
            PayoutStanding::Stuck => Stage::Stuck,
            PayoutStanding::Replacing => Stage::Replacing,
            PayoutStanding::Unknown { .. } => Stage::Unknown,
            PayoutStanding::Review { .. } => Stage::Review,
            PayoutStanding::Over { stage } => *stage,
        }
    }
}

/// A payout: its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// Its number.
    pub id: PayoutId,
    /// On which network.
    pub network: Network,
    /// Who pays.
    pub payer: Payer,
    /// What for.
    pub errand: Errand,
    /// What it pays; none where it moves something, or only fills a gap among nonces.
    pub withdrawals: Vec<WithdrawalId>,
    /// Its attempts, in order.
    pub attempts: Vec<Attempt>,
    /// What the ledger keeps back for its fees.
    pub gas: Option<GasHeld>,
    /// What the ledger keeps back of what it moves from one of its stores to another.
    pub moving: Option<HoldId>,
    /// Whether a person wants it ended by a transaction that pays nobody.
    pub wants_noop: bool,
    /// When it was prepared.
    pub created: Timestamp,
    /// When it last moved.
    pub moved: Timestamp,
    /// Where it stands.
    pub standing: PayoutStanding,
    /// That it ended without paying, as its worker says and nobody else yet.
    pub denied: Option<Box<Denial>>,
}

impl Payout {
    /// The stage that its withdrawals are in.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        self.standing.stage()
    }

    /// Whether it only fills a gap among nonces.
    #[must_use]
    pub const fn fills_gap(&self) -> bool {
        self.withdrawals.is_empty() && !self.errand.is_own()
    }

    /// The attempt of this number.
    #[must_use]
    pub fn attempt(&self, number: u16) -> Option<&Attempt> {
        self.attempts.get(usize::from(number).checked_sub(1)?)
    }

    /// The latest attempt.
    #[must_use]
    pub fn latest(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The attempts that are signed and not dead: those that may be mined.
    pub fn live(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|attempt| attempt.tx.is_some() && !attempt.dead)
    }

    /// Whether any attempt was ever signed.
    #[must_use]
    pub fn was_signed(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.tx.is_some())
    }

    /// The nonce that all its attempts use, where its network has nonces.
    #[must_use]
    pub fn nonce(&self) -> Option<u64> {
        match self.attempts.first()?.claim {
            Claim::Nonce(nonce) => Some(nonce),
            Claim::Coins(_) | Claim::Window { .. } => None,
        }
    }

    /// Every coin that one of its attempts spends.
    #[must_use]
    pub fn coins(&self) -> Vec<OutPoint> {
        let mut coins: Vec<OutPoint> = Vec::new();
        for attempt in &self.attempts {
            if let Claim::Coins(inputs) = &attempt.claim {
                coins.extend(inputs);
            }
        }
        coins.sort_unstable();
        coins.dedup();
        coins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coin(number: u8) -> OutPoint {
        OutPoint { tx: TxId([number; 32]), vout: 0 }
    }

    /// Goal: two attempts exclude each other exactly where consensus says so. Method: a table of pairs.
    #[test]
    fn exclusion_is_by_consensus() {
        let coins = |numbers: &[u8]| Claim::Coins(numbers.iter().copied().map(coin).collect());
        let window = Claim::Window {
            reference: BlockRef { height: 1, hash: exchequer_domain::BlockHash([1; 32]) },
            expires: Timestamp(9),
        };
        for (one, two, excluded) in [
            (Claim::Nonce(3), Claim::Nonce(3), true),
            (Claim::Nonce(3), Claim::Nonce(4), false),
            (coins(&[1, 2]), coins(&[2, 3]), true),
            (coins(&[1, 2]), coins(&[3, 4]), false),
            (coins(&[]), coins(&[]), false),
            (window.clone(), window.clone(), false),
            (Claim::Nonce(3), window.clone(), false),
            (coins(&[1]), window, false),
        ] {
            assert_eq!(one.excludes(&two), excluded, "{one:?} and {two:?}");
            assert_eq!(two.excludes(&one), excluded, "{two:?} and {one:?}");
        }
    }
}
