//! What the signer is asked for.

use exchequer_chains::{Effects, KeyPath, SigningInput, TxError, Unsigned};
use serde::{Deserialize, Serialize};

use super::approval::Instruction;
use super::settings::Policy;
use super::verdict::{Code, Verdict};
use crate::record::{BodyHash, PaymentId};

/// What a transaction is for. It decides which rules hold, and what its effects must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Intent {
    /// Payments that were asked for, in the order of the transaction's.
    Withdrawal(Vec<Instruction>),
    /// Money is gathered at a destination that the policy pins.
    Sweep {
        /// Which.
        id: PaymentId,
    },
    /// One of our own addresses gets coin for fees.
    TopUp {
        /// Which.
        id: PaymentId,
        /// Whose it is.
        to: KeyPath,
    },
    /// Nothing is paid: a nonce is used up, coins are gathered.
    Noop,
    /// TRON: one of our own addresses is lent a resource.
    Delegate {
        /// Which.
        id: PaymentId,
        /// Whose it is.
        to: KeyPath,
    },
    /// TRON: what was lent is taken back.
    Undelegate {
        /// Which.
        id: PaymentId,
        /// Who has it.
        from: KeyPath,
    },
    /// TRON: coin is staked.
    Freeze {
        /// Which.
        id: PaymentId,
    },
    /// TRON: a part of the stake ends.
    Unfreeze {
        /// Which.
        id: PaymentId,
    },
    /// TRON: what was staked and is free by now comes back.
    Collect {
        /// Which.
        id: PaymentId,
    },
}

impl Intent {
    /// The word in the decision log.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Intent::Withdrawal(_) => "withdrawal",
            Intent::Sweep { .. } => "sweep",
            Intent::TopUp { .. } => "top-up",
            Intent::Noop => "no-op",
            Intent::Delegate { .. } => "delegate",
            Intent::Undelegate { .. } => "undelegate",
            Intent::Freeze { .. } => "freeze",
            Intent::Unfreeze { .. } => "unfreeze",
            Intent::Collect { .. } => "collect",
        }
    }
}

/// What the signer is asked for, beside the transaction's bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningRequest {
    /// The epoch under which it is asked.
    pub epoch: u64,
    /// The seed whose keys sign.
    pub generation: u32,
    /// What it is for.
    pub intent: Intent,
    /// What whoever asks believes that the transaction does. It must be what it does.
    pub description: Effects,
}

/// A request whose transaction was read.
pub(crate) struct Asked {
    pub(crate) request: SigningRequest,
    pub(crate) unsigned: Unsigned,
    pub(crate) body: BodyHash,
    pub(crate) effects: Effects,
    pub(crate) inputs: Vec<SigningInput>,
}

impl Asked {
    /// Reads a transaction's bytes.
    pub(crate) fn read(policy: &Policy, request: SigningRequest, bytes: &[u8]) -> Result<Asked, Verdict> {
        let refuse = |error: TxError| {
            let code = match error {
                TxError::NotUnderstood(_) => Code::NotUnderstood,
                TxError::OtherNetwork { .. } | TxError::Parameters(_) => Code::Network,
                TxError::KeyPath(_) => Code::Key,
                TxError::Malformed { .. }
                | TxError::Amount(_)
                | TxError::Limit { .. }
                | TxError::Signature { .. }
                | TxError::Insufficient { .. }
                | TxError::Replacement(_)
                | TxError::Address(_) => Code::Malformed,
            };
            Verdict::refuse(code, error.to_string())
        };
        let unsigned = Unsigned::decode(bytes).map_err(refuse)?;
        let params = policy.params(unsigned.network());
        let params = params.map_err(|error| Verdict::refuse(Code::Network, error.to_string()))?;
        let effects = unsigned.effects(&params).map_err(refuse)?;
        let inputs = unsigned.signing_inputs(&params).map_err(refuse)?;
        let body = *blake3::hash(bytes).as_bytes();
        Ok(Asked { request, unsigned, body, effects, inputs })
    }
}
