//! Approval keys: Ed25519 public keys with which people approve.
//!
//! A key is enrolled by the admin whose it is and counts only after another person has confirmed it, by a signature of their
//! own key. The signatures make a chain that others, such as a signer of transactions, can follow without trusting the state.

use exchequer_domain::{AdminId, ClusterId, Timestamp};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::command::Actor;

/// Keys that may ever be enrolled.
pub const APPROVAL_KEYS_MAX: usize = 4_096;
/// Longest label of a key.
pub const KEY_LABEL_BYTES_MAX: usize = 100;

/// The number of an approval key, from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApprovalKeyId(pub u32);

/// An Ed25519 signature, in its two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature(pub [u8; 32], pub [u8; 32]);

impl Signature {
    /// The signature of 64 bytes; none where there are not so many.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Signature> {
        let (first, second) = bytes.split_at_checked(32)?;
        Some(Signature(first.try_into().ok()?, second.try_into().ok()?))
    }

    /// Its 64 bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&self.0);
        bytes[32..].copy_from_slice(&self.1);
        bytes
    }
}

/// Who vouched for a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Who.
    pub admin: AdminId,
    /// The person that it was.
    pub person: String,
    /// With which key.
    pub key: ApprovalKeyId,
    /// When.
    pub at: Timestamp,
    /// Over [`confirmation_bytes`].
    pub signature: Signature,
}

/// How a key came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRevocation {
    /// Who revoked it.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// An enrolled key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalKey {
    /// Its number.
    pub id: ApprovalKeyId,
    /// Whose it is.
    pub admin: AdminId,
    /// The person that it was at the enrolment.
    pub person: String,
    /// The public key.
    pub public: [u8; 32],
    /// For people.
    pub label: String,
    /// When it was enrolled.
    pub enrolled: Timestamp,
    /// Who vouched for it.
    pub confirmed: Option<Confirmation>,
    /// How it came to its end.
    pub revoked: Option<KeyRevocation>,
}

impl ApprovalKey {
    /// Whether a signature is this key's.
    #[must_use]
    pub fn verifies(&self, bytes: &[u8], signature: &Signature) -> bool {
        // The check of RFC 8032, without randomness: every node comes to the same answer.
        UnparsedPublicKey::new(&ED25519, self.public).verify(bytes, &signature.bytes()).is_ok()
    }
}

/// What whoever confirms a key signs.
#[must_use]
pub fn confirmation_bytes(cluster: ClusterId, key: ApprovalKeyId, admin: AdminId, public: &[u8; 32]) -> Vec<u8> {
    let mut bytes = b"exchequer approval key v1\0".to_vec();
    bytes.extend_from_slice(&cluster.0);
    bytes.extend_from_slice(&key.0.to_be_bytes());
    bytes.extend_from_slice(&admin.0.to_be_bytes());
    bytes.extend_from_slice(public);
    bytes
}
