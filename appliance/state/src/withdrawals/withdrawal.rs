//! A withdrawal: what was asked, what it costs and is worth, and where it stands.

use exchequer_domain::{AdminId, BlockRef, ChainAddress, Digest, Network, Timestamp, TxId, UserId};
use exchequer_ledger::{Asset, HoldId};
use serde::{Deserialize, Serialize};

use super::payout::PayoutId;
use super::policy::{Destination, Need};
use super::stage::Stage;
use crate::approvals::{ApprovalKeyId, Signature};
use crate::codec;
use crate::command::Actor;

/// Longest name that a client gives a withdrawal.
pub const CLIENT_ID_BYTES_MAX: usize = 64;
/// Longest memo.
pub const MEMO_BYTES_MAX: usize = 120;

/// How long before its consents end a withdrawal that waits is put before people again, in microseconds: an hour.
pub const ASKED_AGAIN_BEFORE_US: u64 = 3_600_000_000;

/// The number of a withdrawal, from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WithdrawalId(pub u64);

impl std::fmt::Display for WithdrawalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// Who bears the fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeeMode {
    /// It is taken out of the amount: the receiver gets less.
    Deduct,
    /// It comes on top: the receiver gets the amount.
    OnTop,
}

/// What a user asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Whose money.
    pub user: UserId,
    /// The name that the client gives it; a user's for ever.
    pub client_id: String,
    /// Of what.
    pub asset: Asset,
    /// On which network.
    pub network: Network,
    /// Where to, in the network's canonical form.
    pub to: ChainAddress,
    /// What the receiver wants to be told.
    pub memo: Option<String>,
    /// How much, in minor units.
    pub amount: u128,
    /// Who bears the fee.
    pub mode: FeeMode,
}

impl Order {
    /// What a second factor is shown for: a proof for one request is none for another.
    #[must_use]
    pub fn hash(&self) -> Digest {
        let bytes = codec::append(b"exchequer withdrawal request v1\0".to_vec(), self);
        Digest(*blake3::hash(&bytes).as_bytes())
    }
}

/// A second factor was shown for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// [`Order::hash`] of that request.
    pub order: Digest,
    /// When, in replicated time.
    pub at: Timestamp,
}

/// One person's consent to a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who.
    pub admin: AdminId,
    /// With which key.
    pub key: ApprovalKeyId,
    /// When.
    pub at: Timestamp,
    /// Over [`consent_bytes`].
    pub signature: Signature,
}

/// Why a withdrawal waits in the queue. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Waiting {
    /// For its turn.
    Turn,
    /// The hot wallet has not enough of the asset.
    InsufficientHot,
    /// The hot wallet has not enough of the network's coin for the fee.
    InsufficientGas,
    /// The network's fee is more than may be paid.
    FeeTooHigh,
    /// A worker cannot pay it as it is, and says why; others pass it.
    SetAside {
        /// Why.
        why: String,
    },
    /// The network's fee is more than was agreed to for this one, though not more than the network's bound; others pass it.
    FeeCapTooLow {
        /// What its transaction might have cost when it was first set aside, in minor units of the network's coin.
        needed: u64,
    },
}

/// Where a withdrawal stands, with what belongs to that. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// Waits for its user's second factor.
    Confirming {
        /// It ends then.
        until: Timestamp,
    },
    /// Waits for people.
    AwaitingApproval {
        /// Who must approve: so many of each group.
        needs: Vec<Need>,
        /// How long it waits after that, in microseconds.
        delay_us: u64,
        /// It ends then.
        until: Timestamp,
        /// Those that were given.
        consents: Vec<Consent>,
    },
    /// Approved; waits for the delay.
    Approved {
        /// Until then.
        until: Timestamp,
    },
    /// Waits for its turn.
    Queued {
        /// Since when; its place in the queue.
        since: Timestamp,
        /// For what.
        reason: Waiting,
    },
    /// It is part of a payout, which says how far that is.
    Paying {
        /// Which.
        payout: PayoutId,
        /// Since when it was queued, should it have to wait again.
        since: Timestamp,
    },
    /// It is over.
    Over(Ending),
}

/// How a withdrawal ended. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// Paid.
    Paid {
        /// By which payout.
        payout: PayoutId,
        /// By which transaction.
        tx: TxId,
        /// In which block; none where a person vouched for it.
        block: Option<BlockRef>,
    },
    /// The address was another user's: paid inside the exchange.
    Internal {
        /// That user.
        to: UserId,
    },
    /// Taken back.
    Cancelled,
    /// Refused.
    Rejected {
        /// By whom; none where the policy did.
        by: Option<Actor>,
        /// Why.
        reason: String,
    },
    /// Nobody confirmed or approved it in time.
    Expired,
    /// Proved never to be paid.
    Failed {
        /// The payout that came to nothing.
        payout: PayoutId,
    },
    /// Mined without effect.
    Reverted {
        /// By which payout.
        payout: PayoutId,
        /// By which transaction.
        tx: TxId,
    },
}

impl Ending {
    /// The payout that paid it, or came to nothing.
    #[must_use]
    pub const fn payout(&self) -> Option<PayoutId> {
        match self {
            Ending::Paid { payout, .. } | Ending::Failed { payout } | Ending::Reverted { payout, .. } => Some(*payout),
            Ending::Internal { .. } | Ending::Cancelled | Ending::Rejected { .. } | Ending::Expired => None,
        }
    }

    /// The stage that it is.
    #[must_use]
    pub const fn stage(&self) -> Stage {
        match self {
            Ending::Paid { .. } | Ending::Internal { .. } => Stage::Completed,
            Ending::Cancelled => Stage::Cancelled,
            Ending::Rejected { .. } => Stage::Rejected,
            Ending::Expired => Stage::Expired,
            Ending::Failed { .. } => Stage::Failed,
            Ending::Reverted { .. } => Stage::Reverted,
        }
    }
}

/// What the ledger keeps back for a withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// What will be paid: held against clearing while nobody knows from which wallet, then against the hot wallet.
    pub paid: HoldId,
    /// The exchange's fee.
    pub fee: Option<HoldId>,
}

/// A withdrawal: its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Its number.
    pub id: WithdrawalId,
    /// What was asked.
    pub order: Order,
    /// Who asked.
    pub initiator: Actor,
    /// The exchange's fee, in minor units.
    pub fee: u128,
    /// What leaves for the receiver, in minor units.
    pub paid: u128,
    /// The same in the smallest unit of the asset on its network.
    pub on_chain: u128,
    /// The most that its transaction may cost, in minor units of the network's coin; approved with it.
    pub fee_cap: u64,
    /// What it was worth when it was asked, in millionths of a dollar; none where nobody could say.
    pub usd: Option<u64>,
    /// What kind of place it goes to.
    pub destination: Destination,
    /// The user behind the address, where there is one.
    pub receiver: Option<UserId>,
    /// The version of the policy that judged it, and the name of the rule.
    pub judged_by: (u32, String),
    /// [`payment_hash`].
    pub hash: Digest,
    /// Who agreed to it, where somebody had to.
    pub consents: Vec<Consent>,
    /// Until when the payment may be signed for the chain by these consents; what they sign names it.
    pub approval_until: Timestamp,
    /// What the ledger keeps back; none where it is over, or goes to another user.
    pub held: Option<Held>,
    /// When it was asked.
    pub requested: Timestamp,
    /// When it last moved.
    pub moved: Timestamp,
    /// How many traces it has.
    pub traces: u32,
    /// Where it stands.
    pub standing: Standing,
}

impl Withdrawal {
    /// When time does something to it.
    #[must_use]
    pub const fn due(&self) -> Option<Timestamp> {
        match &self.standing {
            Standing::Confirming { until }
            | Standing::AwaitingApproval { until, .. }
            | Standing::Approved { until } => Some(*until),
            Standing::Queued { .. } => self.asked_again_at(),
            Standing::Paying { .. } | Standing::Over(_) => None,
        }
    }

    /// When people have to be asked again unless its transaction is decided before: so long before their consents end that what is
    /// decided until then is signed in time. None where nobody had to agree.
    #[must_use]
    pub const fn asked_again_at(&self) -> Option<Timestamp> {
        if self.consents.is_empty() {
            return None;
        }
        Some(Timestamp(self.approval_until.0.saturating_sub(ASKED_AGAIN_BEFORE_US)))
    }
}

/// What approvals bind: asset, network, receiver, amount on chain, memo and the most that the network may take. Whatever is
/// different in one of them is another payment.
#[must_use]
pub fn payment_hash(order: &Order, on_chain: u128, fee_cap: u64) -> Digest {
    let bytes = b"exchequer payment v1\0".to_vec();
    let bound = (order.asset.0, order.network, order.to.as_str(), on_chain, order.memo.as_deref(), fee_cap);
    Digest(*blake3::hash(&codec::append(bytes, &bound)).as_bytes())
}

/// What a consent signs.
#[must_use]
pub fn consent_bytes(
    cluster: exchequer_domain::ClusterId,
    withdrawal: WithdrawalId,
    hash: Digest,
    until: Timestamp,
) -> Vec<u8> {
    let mut bytes = b"exchequer withdrawal approval v1\0".to_vec();
    bytes.extend_from_slice(&cluster.0);
    bytes.extend_from_slice(&withdrawal.0.to_be_bytes());
    bytes.extend_from_slice(&hash.0);
    bytes.extend_from_slice(&until.0.to_be_bytes());
    bytes
}

/// One edge that a withdrawal went: a row of its own, so that its whole story can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// When.
    pub at: Timestamp,
    /// In which log entry.
    pub index: u64,
    /// The stage before; none for the first.
    pub from: Option<Stage>,
    /// The stage after.
    pub to: Stage,
    /// On whose behalf; none where time did it.
    pub by: Option<Actor>,
    /// On what grounds.
    pub what: String,
}

impl Waiting {
    /// Whether it is set aside: others pass it, and people are told.
    #[must_use]
    pub const fn is_set_aside(&self) -> bool {
        match self {
            Waiting::SetAside { .. } | Waiting::FeeCapTooLow { .. } => true,
            Waiting::Turn | Waiting::InsufficientHot | Waiting::InsufficientGas | Waiting::FeeTooHigh => false,
        }
    }

    /// Whether it is the same kind of reason, however it is worded.
    pub(crate) fn is_like(&self, other: &Waiting) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// In words.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Waiting::Turn => "for its turn".into(),
            Waiting::InsufficientHot => "the hot wallet has not enough of it".into(),
            Waiting::InsufficientGas => "the hot wallet has not enough of the network's coin for the fee".into(),
            Waiting::FeeTooHigh => "the network's fee is more than may be paid".into(),
            Waiting::SetAside { why } => format!("set aside: {why}"),
            Waiting::FeeCapTooLow { needed } => format!(
                "set aside: its transaction may cost {needed} minor units of the network's coin, more than was agreed to for it"
            ),
        }
    }
}
