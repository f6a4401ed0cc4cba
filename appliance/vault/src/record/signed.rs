//! What is remembered of a signature: the record that the signer gives with it, that the cluster commits before the first
//! broadcast, and that every other signer of the vault is fed.

use exchequer_chains::{Coin, Exclusion};
use exchequer_domain::{Network, OutPoint, Timestamp, TxId};
use serde::{Deserialize, Serialize};

use super::MemoryError;
use crate::policy::Intent;
use crate::secret::Key32;

/// The name of a payment: chosen by whoever asked for it first, the same in every attempt to make it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PaymentId(pub [u8; 16]);

impl PaymentId {
    /// The name of a withdrawal's payment. Names of other payments are chosen by whoever makes them, and begin otherwise.
    #[must_use]
    pub fn of_withdrawal(number: u64) -> PaymentId {
        let mut name = *b"withdraw\0\0\0\0\0\0\0\0";
        name[8..].copy_from_slice(&number.to_be_bytes());
        PaymentId(name)
    }

    /// Whether it is the name of some withdrawal's payment.
    #[must_use]
    pub fn is_of_withdrawal(&self) -> bool {
        self.0.starts_with(b"withdraw")
    }
}

impl std::fmt::Display for PaymentId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// The BLAKE3 hash of an unsigned transaction's bytes: which transaction it is.
pub type BodyHash = [u8; 32];

/// A payment within an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// Which payment.
    pub id: PaymentId,
    /// A hash of destination, coin and amount: it is the same in all attempts.
    pub what: [u8; 32],
}

/// What leaves of a coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outflow {
    /// What of.
    pub coin: Coin,
    /// What the transaction can take away at most, fee included, in the smallest unit.
    pub total: u128,
    /// The part of it that counts against the velocity: what earlier attempts, that this one excludes, did not.
    pub counted: u128,
}

/// A signature that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningRecord {
    /// By which vault.
    pub vault: [u8; 16],
    /// When, by the signer's clock.
    pub at: Timestamp,
    /// Under which epoch.
    pub epoch: u64,
    /// Where.
    pub network: Network,
    /// Out of which seed.
    pub generation: u32,
    /// Which wallet's velocity it counts in.
    pub wallet: String,
    /// Whether it pays nobody.
    pub noop: bool,
    /// The payments that it makes.
    pub payments: Vec<Paid>,
    /// Which transaction.
    pub body: BodyHash,
    /// What it excludes.
    pub exclusion: Exclusion,
    /// What leaves.
    pub outflow: Vec<Outflow>,
    /// Its name on chain, where that is known before it is signed, so that others can build on it: on Bitcoin.
    pub tx: Option<TxId>,
}

impl SigningRecord {
    /// The bytes that the cluster commits: the record, and a tag by the vault's key that nobody else can make.
    pub(crate) fn seal(&self, key: &Key32) -> Result<Vec<u8>, MemoryError> {
        let mut bytes = vec![1];
        bytes = postcard::to_extend(self, bytes).map_err(|_| MemoryError::Internal)?;
        let tag = blake3::keyed_hash(key.bytes(), &bytes);
        bytes.extend_from_slice(tag.as_bytes());
        Ok(bytes)
    }

    /// Reads what [`SigningRecord::seal`] wrote.
    pub(crate) fn open(bytes: &[u8], key: &Key32) -> Result<SigningRecord, MemoryError> {
        let Some((said, tag)) = bytes.split_last_chunk::<32>() else { return Err(MemoryError::Forged) };
        if blake3::keyed_hash(key.bytes(), said) != blake3::Hash::from_bytes(*tag) {
            return Err(MemoryError::Forged);
        }
        match said.split_first() {
            Some((1, body)) => postcard::from_bytes(body).map_err(|_| MemoryError::Forged),
            Some(_) | None => Err(MemoryError::Forged),
        }
    }

    /// Reads a record without its vault's key: for whoever shows it, not for whoever decides by it.
    ///
    /// # Errors
    /// It does not read.
    pub fn peek(bytes: &[u8]) -> Result<SigningRecord, MemoryError> {
        let Some((said, _)) = bytes.split_last_chunk::<32>() else { return Err(MemoryError::Forged) };
        match said.split_first() {
            Some((1, body)) => postcard::from_bytes(body).map_err(|_| MemoryError::Forged),
            Some(_) | None => Err(MemoryError::Forged),
        }
    }
}

/// A transaction that the cluster has decided, before anybody signs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// When, in replicated time.
    pub at: Timestamp,
    /// Under which epoch.
    pub epoch: u64,
    /// The seed whose keys will sign.
    pub generation: u32,
    /// Its bytes.
    pub unsigned: Vec<u8>,
    /// What it is for.
    pub intent: Intent,
}

/// Why an attempt can never take effect. What a signer cannot check by itself (what is final on a chain) it believes the
/// committed log; everything else it checks. What ended by a nonce or a coin, it believes only where it knows a signed attempt
/// that excludes it and makes none of its payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Death {
    /// TRON: its last moment is over on the solid chain, and it is on none.
    Expired {
        /// The time of the solid head at which it was looked for, in milliseconds since 1970; the least of all endpoints'.
        solid_ms: u64,
        /// The endpoints that were asked; two at least.
        endpoints: Vec<String>,
    },
    /// Another transaction, which this one excludes and which does not make the payment, is final.
    Displaced {
        /// Which.
        by: BodyHash,
    },
    /// It was decided and never signed: by nobody, as far as the log says, and not by this signer.
    NeverSigned,
    /// EVM: its account's next nonce, at a final block, is higher, and it has no receipt up to there.
    NonceUsed {
        /// The next nonce there.
        next: u64,
    },
    /// Bitcoin: one of its coins was spent by a transaction that does not make the payment.
    Conflict {
        /// The coin.
        coin: OutPoint,
        /// Blocks upon its spender, its own included.
        confirmations: u32,
    },
}

/// What the cluster committed that concerns signing. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Committed {
    /// A signature, as the signer gave its record, and nothing in the clear.
    Signed(Vec<u8>),
    /// An attempt that can never take effect.
    Dead {
        /// Which attempt.
        body: BodyHash,
        /// Why.
        death: Death,
    },
    /// A payment that is over: paid for good, or given up. Nothing is signed for it any more.
    Over(PaymentId),
    /// A transaction that was decided.
    Decided(Box<Decided>),
    /// A signature: the signer's record, and what the log says of it in the clear.
    SignedAs {
        /// As the signer gave it.
        record: Vec<u8>,
        /// For a signer that cannot open that.
        told: Box<Told>,
    },
}

/// What an attempt uses up, in the clear. TRON's have nothing of that kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claimed {
    /// EVM: an account's nonce.
    Nonce {
        /// On which chain.
        chain_id: u64,
        /// Whose.
        account: String,
        /// Which.
        nonce: u64,
    },
    /// Bitcoin: a coin.
    Coin(OutPoint),
}

/// A signature as the log says it in the clear, for a signer that cannot open its record: that of another vault around the same
/// seeds, or one that was damaged. Nobody of the vault vouches for it, so that it forbids and never allows (see `Known::told`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When it was committed, in replicated time.
    pub at: Timestamp,
    /// Where.
    pub network: Network,
    /// Which transaction.
    pub body: BodyHash,
    /// What it uses up.
    pub claims: Vec<Claimed>,
    /// What it pays.
    pub payments: Vec<PaymentId>,
}

/// A stretch of the committed log: everything of it that concerns signing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// The lineage of the log, which a restore or a recovery raises; zero where it is not told.
    pub lineage: u64,
    /// Under which epoch it is fed.
    pub epoch: u64,
    /// The index after which it begins: where the signer is.
    pub after: u64,
    /// The index with which it ends; not less than the epoch's by the time something is to be signed.
    pub to: u64,
    /// With their indexes, in order.
    pub entries: Vec<(u64, Committed)>,
}
