//! Approvals as the signer verifies them: Ed25519 signatures over a payment, by keys that are pinned in its own policy.
//!
//! # What is signed
//! A payment's *payload* is `"exchequer payment v1\0"` and then, in postcard's encoding (numbers in 7-bit groups, the lowest
//! first; texts with their length before them; 0 or 1 before what may be absent):
//!
//! ```text
//! asset, u32 | network, its place among all | destination, text | amount on chain, u128 | memo, text or absent | fee cap, u64
//! ```
//!
//! The fee cap is in minor units of the network's coin, as the books have them. What an approval signs is, all numbers
//! big-endian:
//!
//! ```text
//! "exchequer withdrawal approval v1\0" | cluster id, 16 bytes | withdrawal, 8 bytes | BLAKE3 of the payload, 32 bytes
//!   | until, 8 bytes, microseconds
//! ```
//!
//! The state machine makes both from its own code; nothing is shared but this description and the vectors of the tests.

use exchequer_chains::Payment;
use exchequer_domain::{ClusterId, Digest, Network, Timestamp};
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::settings::Policy;
use super::verdict::Code;
use crate::record::PaymentId;

/// Approvals that one payment can come with.
pub const PAYMENT_APPROVALS_MAX: usize = 32;

/// One person's approval, as it was signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The number of the key.
    pub key: u32,
    /// 128 hexadecimal digits.
    pub signature: String,
}

/// A payment that a customer or a person asked for: a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instruction {
    /// Its number.
    pub withdrawal: u64,
    /// Who asked for it: a person's name, or `user N`. Never one who approves it. Approvals do not bind it.
    pub initiator: String,
    /// What the receiver wants to be told.
    pub memo: Option<String>,
    /// The most that its transaction may cost, in minor units of the network's coin.
    pub fee_cap: u64,
    /// Until when approvals count for a first signature.
    pub until: Timestamp,
    /// Who approved it.
    pub approvals: Vec<Approval>,
}

impl Instruction {
    /// Its name in the signing memory.
    #[must_use]
    pub fn id(&self) -> PaymentId {
        PaymentId::of_withdrawal(self.withdrawal)
    }
}

/// A payment as approvals are about it; see the module's description. None cannot happen: a vector grows.
fn payload(asset: u32, network: Network, payment: &Payment, memo: Option<&str>, fee_cap: u64) -> Option<Vec<u8>> {
    let bound = (asset, network, payment.to.as_str(), payment.amount, memo, fee_cap);
    postcard::to_extend(&bound, b"exchequer payment v1\0".to_vec()).ok()
}

/// The hash of a payment that approvals sign; see the module's description.
#[must_use]
pub fn payment_hash(
    asset: u32,
    network: Network,
    payment: &Payment,
    memo: Option<&str>,
    fee_cap: u64,
) -> Option<Digest> {
    Some(Digest(*blake3::hash(&payload(asset, network, payment, memo, fee_cap)?).as_bytes()))
}

/// What an approval signs; see the module's description.
#[must_use]
pub fn approval_bytes(cluster: ClusterId, withdrawal: u64, hash: Digest, until: Timestamp) -> Vec<u8> {
    let mut bytes = b"exchequer withdrawal approval v1\0".to_vec();
    bytes.extend_from_slice(&cluster.0);
    bytes.extend_from_slice(&withdrawal.to_be_bytes());
    bytes.extend_from_slice(&hash.0);
    bytes.extend_from_slice(&until.0.to_be_bytes());
    bytes
}

fn same_person(one: &str, other: &str) -> bool {
    one.trim_ascii().eq_ignore_ascii_case(other.trim_ascii())
}

/// Whether a payment is approved by so many persons. One approval that is not in order refuses the whole: who sends a forged
/// one along is not to be served. `again` says that it was
/// signed before, as it is now, while its approvals were in time.
pub(crate) fn approved(
    policy: &Policy,
    asset: u32,
    network: Network,
    instruction: &Instruction,
    payment: &Payment,
    needed: u8,
    (now, again): (Timestamp, bool),
) -> Result<(), (Code, String)> {
    let number = instruction.withdrawal;
    let refuse = |code, why: String| Err((code, format!("withdrawal {number}: {why}")));
    if instruction.approvals.len() > PAYMENT_APPROVALS_MAX {
        return refuse(Code::Malformed, format!("{} approvals", instruction.approvals.len()));
    }
    let Ok(cluster) = policy.cluster_id() else { return refuse(Code::Internal, "the policy's cluster".into()) };
    let hash = payment_hash(asset, network, payment, instruction.memo.as_deref(), instruction.fee_cap);
    let Some(hash) = hash else { return refuse(Code::Internal, "its hash".into()) };
    let bytes = approval_bytes(cluster, number, hash, instruction.until);
    let mut persons: Vec<&str> = Vec::new();
    for approval in &instruction.approvals {
        let Some(approver) = policy.approvers.iter().find(|approver| approver.key == approval.key) else {
            return refuse(Code::ApprovalForged, format!("key {} is not enrolled with this signer", approval.key));
        };
        let mut signature = [0; 64];
        let read = hex::decode_to_slice(&approval.signature, &mut signature);
        let Ok(public) = approver.public_key() else { return refuse(Code::Internal, "an approver's key".into()) };
        let verified = read.is_ok() && UnparsedPublicKey::new(&ED25519, public).verify(&bytes, &signature).is_ok();
        if !verified {
            let why = format!("the signature by key {} is not one over this payment as it is", approval.key);
            return refuse(Code::ApprovalForged, why);
        }
        if instruction.until <= now && !again {
            return refuse(Code::ApprovalExpired, format!("the approval by key {} is over", approval.key));
        }
        if same_person(&approver.person, &instruction.initiator) {
            return refuse(Code::ApprovalOwn, format!("{} asked for it and cannot approve it", approver.person));
        }
        if persons.iter().any(|person| same_person(person, &approver.person)) {
            return refuse(Code::ApprovalDuplicate, format!("{} approves it twice", approver.person));
        }
        persons.push(&approver.person);
    }
    if persons.len() < usize::from(needed) {
        return refuse(Code::ApprovalMissing, format!("{needed} persons must approve it, {} did", persons.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use exchequer_chains::Coin;
    use exchequer_domain::ChainAddress;

    use super::*;

    /// Goal: the bytes that approvals sign never change, and are those of the state machine. Method: vectors that were made
    /// by a script of its own after the module's description.
    #[test]
    fn approvals_sign_these_bytes() {
        let pay = |text, amount| Payment { to: ChainAddress::canonical(text).unwrap(), coin: Coin::Native, amount };
        let made = payload(7, Network::Tron, &pay("TAdPhL67oBXwwNVvFQuMzNh9yWHmiptf8H", 1_500_000), None, 2_000_000);
        let wanted = concat!(
            "657863686571756572207061796d656e742076310007052254416450684c36376f425877774e56764651754d7a4e68397957",
            "486d697074663848e0c65b0080897a",
        );
        assert_eq!(hex::encode(made.unwrap()), wanted);
        let much = pay("0xa0Ee7A142d267C1f36714E4a8F75612F20a79720", (1 << 100) + 5);
        let made = payload(300, Network::Ethereum, &much, Some("for lunch"), 1 << 63);
        let wanted = concat!(
            "657863686571756572207061796d656e7420763100ac02012a30786130456537413134326432363743316633363731344534",
            "61384637353631324632306137393732308580808080808080808080808080040109666f72206c756e636880808080808080",
            "808001",
        );
        assert_eq!(hex::encode(made.unwrap()), wanted);
        let made = approval_bytes(ClusterId([2; 16]), 3, Digest([4; 32]), Timestamp(5));
        let wanted = concat!(
            "657863686571756572207769746864726177616c20617070726f76616c207631000202020202020202020202020202020200",
            "0000000000000304040404040404040404040404040404040404040404040404040404040404040000000000000005",
        );
        assert_eq!(hex::encode(made), wanted);
    }
}
