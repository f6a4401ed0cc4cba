//! `EnrolApprovalKey`, `ConfirmApprovalKey`, `RevokeApprovalKey`: how keys come to count, and cease to.
//!
//! An admin enrols a key of their own. It counts once another person, who may approve changes, has confirmed it, by a
//! signature of that person's own key. While the two-person rule is not in force, the confirming key need not be confirmed
//! itself: so the first two confirm each other's, in any order, and whatever else is enrolled at the same time. From the
//! entry in which two persons who may approve changes have confirmed keys on the rule is in force, and only a confirmed key
//! confirms. Entries of the log have an order, so two confirmations at one moment are one before the other on every node;
//! and since a confirmation names the public key, it cannot be given for another one than was looked at.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::approvals::{
    ApprovalKey, ApprovalKeyId, ApprovalsHead, Confirmation, KEY_LABEL_BYTES_MAX, KeyRevocation, Signature,
    confirmation_bytes, same_person,
};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::people::Permission;
use crate::rejection::{Field, Rejection};
use crate::rows::Table;

/// Keys that an admin may have at once, and may ever have had: numbers are not given twice.
const LIVE_KEYS_OF_ADMIN_MAX: usize = 4;
const KEYS_OF_ADMIN_MAX: usize = 64;

/// Enrols a key of the sender's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolApprovalKey {
    /// The Ed25519 public key; enrolled never before.
    pub public: [u8; 32],
    /// For people.
    pub label: String,
    /// Why.
    pub reason: String,
}

impl EnrolApprovalKey {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let Actor::Admin(admin) = actor else { return Err(Rejection::NotAPerson.into()) };
        if self.label.len() > KEY_LABEL_BYTES_MAX || self.label.chars().any(char::is_control) {
            return Err(Rejection::Invalid { field: Field::ApprovalKeyLabel }.into());
        }
        let approvals = &entry.state.approvals;
        // Otherwise one signature could be shown as that of two persons.
        if approvals.keys().any(|key| key.public == self.public) {
            return Err(Rejection::ApprovalKeyExists.into());
        }
        if is_weak(&self.public) {
            return Err(Rejection::Invalid { field: Field::ApprovalKey }.into());
        }
        // There is room for the keys of everybody, whoever enrols.
        let own = || approvals.keys().filter(|key| key.admin == admin);
        let live = own().filter(|key| key.revoked.is_none()).count();
        if live >= LIVE_KEYS_OF_ADMIN_MAX || own().count() >= KEYS_OF_ADMIN_MAX {
            return Err(Rejection::ApprovalKeysFull.into());
        }
        let id = approvals.next_key().ok_or(Rejection::ApprovalKeysFull)?;
        let person = entry.state.people.person_of(admin).to_owned();

        let EnrolApprovalKey { public, label, reason } = self;
        let hex: String = public.iter().map(|byte| format!("{byte:02x}")).collect();
        entry.audit(actor, AuditAction::ApprovalKeyEnrolled, format!("approval key {}", id.0), hex, reason);
        entry.event(EventKind::ApprovalKeyEnrolled { key: id });
        let enrolled = entry.now;
        let key = ApprovalKey { id, admin, person, public, label, enrolled, confirmed: None, revoked: None };
        entry.put_approval_key(key);
        Ok(Done::ApprovalKeyEnrolled { key: id })
    }
}

/// Vouches that a key is the person's whose it claims to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmApprovalKey {
    /// Which.
    pub key: ApprovalKeyId,
    /// The public key that was looked at.
    pub public: [u8; 32],
    /// The sender's own key.
    pub with: ApprovalKeyId,
    /// Of that key, over [`confirmation_bytes`].
    pub signature: Signature,
    /// Why.
    pub reason: String,
}

impl ConfirmApprovalKey {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let cluster = entry.cluster()?.id;
        let Actor::Admin(admin) = actor else { return Err(Rejection::NotAPerson.into()) };
        let (approvals, people) = (&entry.state.approvals, &entry.state.people);
        let unknown = |key| Rejection::ApprovalKeyUnknown { key };
        let key = approvals.key(self.key).filter(|key| key.revoked.is_none() && key.public == self.public);
        let key = key.ok_or(unknown(self.key))?;
        if key.confirmed.is_some() {
            return Err(Rejection::ApprovalKeyConfirmed.into());
        }
        if !people.may(admin, Permission::ApproveChange) {
            return Err(Rejection::NotPermitted { permission: Some(Permission::ApproveChange) }.into());
        }
        let person = people.person_of(admin);
        if same_person(&key.person, person) {
            return Err(Rejection::OwnApprovalKey.into());
        }
        let in_force = approvals.in_force().is_some();
        let own = approvals.usable(self.with, admin, people).filter(|own| !in_force || own.confirmed.is_some());
        let own = own.ok_or(unknown(self.with))?;
        if !own.verifies(&confirmation_bytes(cluster, key.id, key.admin, &key.public), &self.signature) {
            return Err(Rejection::ApprovalSignature.into());
        }

        let (at, signature) = (entry.now, self.signature);
        let confirmed = Confirmation { admin, person: person.to_owned(), key: self.with, at, signature };
        let key = ApprovalKey { confirmed: Some(confirmed), ..key.clone() };
        let (target, detail) = (format!("approval key {}", key.id.0), format!("of {}", key.person));
        entry.audit(actor, AuditAction::ApprovalKeyConfirmed, target, detail, self.reason);
        entry.event(EventKind::ApprovalKeyConfirmed { key: key.id });
        entry.put_approval_key(key);
        entry.arm();
        Ok(Done::ApprovalKeyConfirmed { in_force: entry.state.approvals.in_force().is_some() })
    }
}

/// Ends a key for ever. Approvals that it gave to proposals that wait do not count any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeApprovalKey {
    /// Which.
    pub key: ApprovalKeyId,
    /// Why.
    pub reason: String,
}

impl RevokeApprovalKey {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let (approvals, people) = (&entry.state.approvals, &entry.state.people);
        let key = approvals.key(self.key).filter(|key| key.revoked.is_none());
        let key = key.ok_or(Rejection::ApprovalKeyUnknown { key: self.key })?;
        let may = match actor {
            Actor::Operator => true,
            Actor::Admin(id) => id == key.admin || people.may(id, Permission::PeopleChange),
            Actor::Node(_) | Actor::ApiKey(_) | Actor::Worker(_) | Actor::User(_) => false,
        };
        if !may {
            return Err(Rejection::NotPermitted { permission: Some(Permission::PeopleChange) }.into());
        }
        // Nothing could be approved any more, not even another key.
        let left = approvals.approvers(Some(key.id), people);
        if approvals.in_force().is_some() && left < 2 && left < approvals.approvers(None, people) {
            return Err(Rejection::LastApprovalKeys.into());
        }

        let revoked = Some(KeyRevocation { by: actor, at: entry.now, reason: self.reason.clone() });
        let key = ApprovalKey { revoked, ..key.clone() };
        let (target, detail) = (format!("approval key {}", key.id.0), format!("of {}", key.person));
        entry.audit(actor, AuditAction::ApprovalKeyRevoked, target, detail, self.reason);
        entry.event(EventKind::ApprovalKeyRevoked { key: key.id });
        entry.put_approval_key(key);
        Ok(Done::ApprovalKeyRevoked)
    }
}

impl Entry<'_> {
    /// Brings the two-person rule into force once two persons can keep it: another key was confirmed, or somebody may more.
    pub(super) fn arm(&mut self) {
        let is_in_force = self.state.approvals.in_force().is_some();
        if !is_in_force && self.state.approvals.approvers(None, &self.state.people) >= 2 {
            let head = ApprovalsHead { in_force: Some(self.now), ..self.state.approvals.head };
            self.put_approvals_head(head);
            self.event(EventKind::TwoPersonRuleInForce);
        }
    }

    fn put_approval_key(&mut self, key: ApprovalKey) {
        self.put(Table::ApprovalKey, &key.id.0.to_be_bytes(), &key);
        self.state.approvals.put_key(key);
    }
}

/// Whether a signature by this key says nothing: the points of small order, of which some signatures fit any text. The
/// encodings are those of section 3 of "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko, 2020), the sign aside.
fn is_weak(public: &[u8; 32]) -> bool {
    const fn near(low: u8, rest: u8, high: u8) -> [u8; 32] {
        let mut bytes = [rest; 32];
        bytes[0] = low;
        bytes[31] = high;
        bytes
    }
    const OF_ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    // 0, 1, p - 1, p and p + 1.
    const OTHERS: [[u8; 32]; 5] = [
        near(0x00, 0x00, 0x00),
        near(0x01, 0x00, 0x00),
        near(0xec, 0xff, 0x7f),
        near(0xed, 0xff, 0x7f),
        near(0xee, 0xff, 0x7f),
    ];
    let mut unsigned = *public;
    unsigned[31] &= 0x7f;
    OF_ORDER_8.contains(&unsigned) || OTHERS.contains(&unsigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: keys that prove nothing are known as such, and others are not. Method: the identity in both signs, and a key that
    /// was drawn.
    #[test]
    fn weak_keys_are_known() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert!(is_weak(&identity) && is_weak(&[0; 32]));
        identity[31] |= 0x80;
        assert!(is_weak(&identity));
        let drawn = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let public: [u8; 32] = ring::signature::KeyPair::public_key(&drawn).as_ref().try_into().unwrap();
        assert!(!is_weak(&public));
    }
}
