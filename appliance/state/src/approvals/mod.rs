//! The room of approvals: what waits for the consent of other people, and the keys with which they give it.
//!
//! A *proposal* holds a command as bytes. Other persons than its initiator approve it, each by a signature of their enrolled
//! key over those bytes' hash; the last approval that is needed carries the command out in its own log entry, with the
//! initiator as actor, and everything is checked anew. `policy.rs` alone says what needs approval.
//!
//! Invariants:
//! - Persons count, not accounts: two accounts of one person are one, and an initiator's second account is the initiator.
//! - An approval counts as long as its key is confirmed and not revoked, and its admin is active, allowed and the same person.
//! - A proposal ends once: executed, refused at execution, rejected, expired or revoked; then it is history.
//! - A key approves nothing before another person has confirmed it; a public key is enrolled once for ever.
//! - The two-person rule is in force from the moment two persons who may approve changes have confirmed keys, for ever.

mod describe;
mod key;
mod policy;

use std::collections::BTreeMap;

use exchequer_domain::{AdminId, ClusterId, Digest, Timestamp};
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::command::{Actor, Body};
use crate::halt::Halt;
use crate::people::{People, Permission};
use crate::rejection::Rejection;
use crate::rows::{self, Rows, Table};

pub use describe::describe;
pub use key::{
    APPROVAL_KEYS_MAX, ApprovalKey, ApprovalKeyId, Confirmation, KEY_LABEL_BYTES_MAX, KeyRevocation, Signature,
    confirmation_bytes,
};
pub(crate) use policy::about;
pub use policy::{Policy, policy_of};

/// Proposals that may wait at once.
pub const PROPOSALS_MAX: usize = 200;
/// Longest encoded operation.
pub const OPERATION_BYTES_MAX: usize = 32 << 10;
/// The longest life of a proposal, in microseconds.
pub const TTL_US_MAX: u64 = 7 * 86_400 * 1_000_000;
/// The shortest life of a proposal, in microseconds.
pub const TTL_US_MIN: u64 = 1_000_000;
/// How long a proposal waits where its initiator does not say, in microseconds.
pub const TTL_US: u64 = 86_400 * 1_000_000;
/// Approvals that one proposal keeps: no policy needs as many.
pub(crate) const APPROVALS_MAX: usize = 16;

/// The number of a proposal, from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProposalId(pub u64);

/// One person's consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub admin: AdminId,
    /// With which key.
    pub key: ApprovalKeyId,
    /// When.
    pub at: Timestamp,
    /// Over [`approval_bytes`].
    pub signature: Signature,
}

/// What waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its number.
    pub id: ProposalId,
    /// Who proposed it, and as whom it is carried out.
    pub initiator: Actor,
    /// The command's body, encoded.
    #[serde(with = "crate::codec::block")]
    pub operation: Vec<u8>,
    /// Why.
    pub reason: String,
    /// When it was proposed.
    pub created: Timestamp,
    /// It cannot be approved from this moment on.
    pub expires: Timestamp,
    /// How many other persons must approve it.
    pub needed: u8,
    /// What they must be allowed.
    pub permission: Permission,
    /// The person whose power it changes, who does not approve it either.
    pub about: Option<String>,
    /// Those that were given.
    pub approvals: Vec<Approval>,
}

impl Proposal {
    /// The hash of the operation, which approvals sign.
    #[must_use]
    pub fn hash(&self) -> Digest {
        operation_hash(&self.operation)
    }

    /// Whether it is a person's own: they proposed it, or it is about what they may do.
    pub(crate) fn is_of(&self, person: &str, people: &People) -> bool {
        let about = self.about.as_deref().is_some_and(|about| same_person(about, person));
        about || is_person(self.initiator, person, people)
    }

    /// The operation as a command's body.
    ///
    /// # Errors
    /// The bytes are those of a newer program.
    pub fn body(&self) -> Result<Body, DecodeError> {
        operation_body(&self.operation)
    }
}

/// Whether an operation holds what was sealed: history keeps its hash alone, so that what is replaced later is gone.
#[must_use]
pub fn holds_sealed(body: &Body) -> bool {
    matches!(body, Body::PutSecret(_) | Body::CreateAdmin(_) | Body::SetCredentials(_))
}

/// The hash of an encoded operation.
#[must_use]
pub fn operation_hash(operation: &[u8]) -> Digest {
    Digest(*blake3::hash(operation).as_bytes())
}

/// The command's body that an operation is.
///
/// # Errors
/// The bytes are none, or those of a newer program.
pub fn operation_body(operation: &[u8]) -> Result<Body, DecodeError> {
    codec::whole(operation)
}

/// The bytes of a command's body as a proposal holds them.
#[must_use]
pub fn operation_of(body: &Body) -> Vec<u8> {
    codec::append(Vec::new(), body)
}

/// What an approval signs.
#[must_use]
pub fn approval_bytes(cluster: ClusterId, proposal: ProposalId, hash: Digest, expires: Timestamp) -> Vec<u8> {
    let mut bytes = b"exchequer approval v1\0".to_vec();
    bytes.extend_from_slice(&cluster.0);
    bytes.extend_from_slice(&proposal.0.to_be_bytes());
    bytes.extend_from_slice(&hash.0);
    bytes.extend_from_slice(&expires.0.to_be_bytes());
    bytes
}

/// How a proposal ended. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The last approval carried it out.
    Executed,
    /// The last approval would have, but it was refused as it stood then; nothing was changed.
    RefusedAtExecution {
        /// Why.
        why: Rejection,
    },
    /// Somebody who could have approved it did not want it.
    Rejected {
        /// Who.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// Its time was over.
    Expired,
    /// Its initiator took it back.
    Revoked {
        /// Why.
        reason: String,
    },
}

impl Ending {
    /// The word in listings and events.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Ending::Executed => "executed",
            Ending::RefusedAtExecution { .. } => "refused-at-execution",
            Ending::Rejected { .. } => "rejected",
            Ending::Expired => "expired",
            Ending::Revoked { .. } => "revoked",
        }
    }
}

/// A proposal that is over: the row of its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposalOver {
    /// The proposal as it was at its end; without its operation where that holds what was sealed.
    pub proposal: Proposal,
    /// The hash of the operation.
    pub hash: Digest,
    /// When it ended.
    pub ended: Timestamp,
    /// In which log entry.
    pub index: u64,
    /// How.
    pub ending: Ending,
}

impl ProposalOver {
    /// Reads the value of a row of [`Table::ProposalOver`].
    ///
    /// # Errors
    /// The bytes are no proposal, or one of a newer program.
    pub fn decode(bytes: &[u8]) -> Result<ProposalOver, DecodeError> {
        codec::decode(bytes)
    }
}

/// The key of a proposal that is over.
#[must_use]
pub fn over_key(id: ProposalId) -> Vec<u8> {
    Table::ProposalOver.key(&id.0.to_be_bytes())
}

/// What the room keeps beside proposals and keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalsHead {
    /// How many proposals there ever were.
    pub proposals: u64,
    /// Since when the two-person rule is in force.
    pub in_force: Option<Timestamp>,
}

/// What waits, and who may approve it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Approvals {
    pub(crate) head: ApprovalsHead,
    open: BTreeMap<ProposalId, Proposal>,
    /// In the order of their numbers.
    keys: Vec<ApprovalKey>,
}

impl Approvals {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Approvals, Halt> {
        let mut approvals = Approvals::default();
        let damaged = |table, error| Halt::row(table, error);
        rows::for_each_of_table(rows, Table::Proposal, |suffix, value| {
            let damaged = |error| damaged(Table::Proposal, error);
            if suffix.is_empty() {
                approvals.head = codec::decode(value).map_err(damaged)?;
                return Ok(());
            }
            let proposal: Proposal = codec::decode(value).map_err(damaged)?;
            if suffix != proposal.id.0.to_be_bytes() || proposal.id.0 > approvals.head.proposals {
                return Err(damaged(DecodeError::Malformed));
            }
            approvals.put(proposal);
            Ok(())
        })?;
        rows::for_each_of_table(rows, Table::ApprovalKey, |suffix, value| {
            let key: ApprovalKey = codec::decode(value).map_err(|error| damaged(Table::ApprovalKey, error))?;
            if suffix != key.id.0.to_be_bytes() || Some(key.id) != approvals.next_key() {
                return Err(damaged(Table::ApprovalKey, DecodeError::Malformed));
            }
            approvals.put_key(key);
            Ok(())
        })?;
        Ok(approvals)
    }

    /// Since when the two-person rule is in force; none before two persons who may approve changes have confirmed keys.
    #[must_use]
    pub fn in_force(&self) -> Option<Timestamp> {
        self.head.in_force
    }

    /// Proposals that wait, by number.
    pub fn open(&self) -> impl Iterator<Item = &Proposal> {
        self.open.values()
    }

    /// How many proposals wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.open.len()
    }

    /// A proposal that waits.
    #[must_use]
    pub fn get(&self, id: ProposalId) -> Option<&Proposal> {
        self.open.get(&id)
    }

    /// How many proposals there ever were; the number of the last one.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.head.proposals
    }

    pub(crate) fn put(&mut self, proposal: Proposal) {
        self.open.insert(proposal.id, proposal);
    }

    pub(crate) fn remove(&mut self, id: ProposalId) {
        self.open.remove(&id);
    }

    /// Proposals whose time is over.
    pub(crate) fn expired(&self, now: Timestamp) -> Vec<ProposalId> {
        self.open.values().filter(|proposal| proposal.expires <= now).map(|proposal| proposal.id).collect()
    }

    /// When a proposal expires next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.open.values().map(|proposal| proposal.expires).min()
    }

    /// Every key, revoked ones too, by number.
    pub fn keys(&self) -> impl Iterator<Item = &ApprovalKey> {
        self.keys.iter()
    }

    /// A key by its number.
    #[must_use]
    pub fn key(&self, id: ApprovalKeyId) -> Option<&ApprovalKey> {
        self.keys.get((id.0 as usize).checked_sub(1)?)
    }

    /// The number of the next key; none when there are as many as there may be.
    pub(crate) fn next_key(&self) -> Option<ApprovalKeyId> {
        (self.keys.len() < APPROVAL_KEYS_MAX).then(|| ApprovalKeyId(self.keys.len() as u32 + 1))
    }

    /// Puts a key in its place: one that is there, or the next.
    pub(crate) fn put_key(&mut self, key: ApprovalKey) {
        match (key.id.0 as usize).checked_sub(1).and_then(|place| self.keys.get_mut(place)) {
            Some(present) => *present = key,
            None => self.keys.push(key),
        }
    }

    /// The key of an admin that can be used now: not revoked, and still of the person who enrolled it. It need not be
    /// confirmed.
    pub(crate) fn usable(&self, id: ApprovalKeyId, admin: AdminId, people: &People) -> Option<&ApprovalKey> {
        let key = self.key(id)?;
        let same = same_person(&key.person, people.person_of(admin));
        (key.admin == admin && key.revoked.is_none() && same && people.active(admin)).then_some(key)
    }

    /// Whether an approval counts now.
    pub(crate) fn counts(&self, proposal: &Proposal, approval: &Approval, people: &People) -> bool {
        let key = self.usable(approval.key, approval.admin, people);
        key.is_some_and(|key| key.confirmed.is_some())
            && people.may(approval.admin, proposal.permission)
            && !proposal.is_of(people.person_of(approval.admin), people)
    }

    /// How many persons have approved a proposal in a way that counts now.
    #[must_use]
    pub fn counted(&self, proposal: &Proposal, people: &People) -> usize {
        let counts = proposal.approvals.iter().filter(|approval| self.counts(proposal, approval, people));
        let mut persons: Vec<&str> = Vec::new();
        for approval in counts {
            let person = people.person_of(approval.admin);
            if !persons.iter().any(|known| same_person(known, person)) {
                persons.push(person);
            }
        }
        persons.len()
    }

    /// How many persons can approve changes, with keys other than `without`: others could confirm nobody either.
    pub(crate) fn approvers(&self, without: Option<ApprovalKeyId>, people: &People) -> usize {
        let mut persons: Vec<&str> = Vec::new();
        for key in self.keys.iter().filter(|key| key.confirmed.is_some() && Some(key.id) != without) {
            let can = self.usable(key.id, key.admin, people).is_some();
            let known = persons.iter().any(|known| same_person(known, &key.person));
            if can && !known && people.may(key.admin, Permission::ApproveChange) {
                persons.push(&key.person);
            }
        }
        persons.len()
    }
}

/// Whether two texts name one person: blanks around them and upper case make no difference. Nobody is nobody else.
#[must_use]
pub fn same_person(one: &str, other: &str) -> bool {
    // Persons' names are ASCII: letters of others would be the same or not by the tables of the compiler.
    one.trim_ascii().eq_ignore_ascii_case(other.trim_ascii())
}

/// Whether an actor is this person. Whoever shows the operator token is nobody known.
pub(crate) fn is_person(actor: Actor, person: &str, people: &People) -> bool {
    match actor {
        Actor::Admin(id) => same_person(people.person_of(id), person),
        Actor::Operator | Actor::Node(_) | Actor::ApiKey(_) | Actor::Worker(_) | Actor::User(_) => false,
    }
}
