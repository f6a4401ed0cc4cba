//! `ApproveWithdrawal`: a person agrees to a withdrawal; the last one that is needed lets it go on.
//!
//! Persons, keys and signatures are those of the room of approvals: keys are enrolled and confirmed there, persons count and
//! not accounts, and an approval counts as long as its key and its admin do. A proposal is not used: it holds a command that
//! its initiator will have carried out, while here a customer's payment waits, of which there are thousands, with groups and a
//! delay of its own.

use exchequer_domain::AdminId;
use serde::{Deserialize, Serialize};

use super::step_withdrawal::target;
use super::{Entry, Stop};
use crate::approvals::{ApprovalKeyId, Signature, is_person, same_person};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::outcome::Done;
use crate::people::Permission;
use crate::planted::{self, Bug};
use crate::rejection::Rejection;
use crate::withdrawals::{Consent, Need, Refusal, Stage, Standing, Withdrawal, WithdrawalId, consent_bytes};

/// Agrees to a withdrawal by a signature over its payment's hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApproveWithdrawal {
    /// Which.
    pub withdrawal: WithdrawalId,
    /// Who agrees; always the sender.
    pub admin: AdminId,
    /// With which key of theirs.
    pub key: ApprovalKeyId,
    /// Over [`consent_bytes`].
    pub signature: Signature,
}

impl ApproveWithdrawal {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let cluster = entry.cluster()?.id;
        if actor != Actor::Admin(self.admin) {
            return Err(Rejection::NotAPerson.into());
        }
        let one = entry.withdrawal_at(self.withdrawal, Stage::AwaitingApproval)?;
        let Standing::AwaitingApproval { needs, delay_us, until, consents } = one.standing.clone() else {
            return Err(Refusal::Moved { stage: entry.stage_now(one.id)? }.into());
        };
        let (approvals, people) = (&entry.state.approvals, &entry.state.people);
        if !people.may(self.admin, Permission::ApproveMoney) {
            return Err(Rejection::NotPermitted { permission: Some(Permission::ApproveMoney) }.into());
        }
        let person = people.person_of(self.admin);
        if is_person(one.initiator, person, people) && !planted::has(Bug::InitiatorApproves) {
            return Err(Refusal::OwnWithdrawal.into());
        }
        if !needs.iter().any(|need| entry.is_in_group(&need.group, self.admin)) {
            return Err(Refusal::NotInGroup.into());
        }
        let key = approvals.usable(self.key, self.admin, people).filter(|key| key.confirmed.is_some());
        let key = key.ok_or(Rejection::ApprovalKeyUnknown { key: self.key })?;
        let bytes = consent_bytes(cluster, one.id, one.hash, one.approval_until);
        if !key.verifies(&bytes, &self.signature) && !planted::has(Bug::ConsentUnsigned) {
            return Err(Rejection::ApprovalSignature.into());
        }
        let counting = consents.into_iter().filter(|consent| entry.consent_counts(&one, consent));
        let mut consents: Vec<Consent> = counting.collect();
        let again = consents.iter().any(|consent| same_person(people.person_of(consent.admin), person));
        if again && !planted::has(Bug::PersonCountsTwice) {
            return Err(Rejection::ApprovedAlready.into());
        }

        let ApproveWithdrawal { admin, key, signature, .. } = self;
        consents.push(Consent { admin, key, at: entry.now, signature });
        let detail = format!("key {}, payment {}", key.0, one.hash);
        entry.audit(actor, AuditAction::WithdrawalApproved, target(&one), detail, String::new());
        let id = one.id;
        let enough = entry.are_enough(&needs, &consents);
        let mut one = one;
        one.consents.clone_from(&consents);
        if enough {
            entry.approved(
                one,
                Stage::AwaitingApproval,
                delay_us,
                format!("approved by {} persons", consents.len()),
            )?;
        } else {
            let what = format!("{} persons have agreed", consents.len());
            one.standing = Standing::AwaitingApproval { needs, delay_us, until, consents };
            let stage = Stage::AwaitingApproval;
            entry.trace(&mut one, Some(stage), stage, what);
            entry.put_withdrawal(one);
        }
        Ok(Done::WithdrawalMoved { stage: entry.stage_now(id)? })
    }
}

impl Entry<'_> {
    /// Whether an admin is in a group of the policy as it is now.
    fn is_in_group(&self, name: &str, admin: AdminId) -> bool {
        let group = self.state.withdrawals.policy.group(name);
        group.is_some_and(|group| group.members.is_empty() || group.members.contains(&admin))
    }

    /// Whether a consent counts now.
    fn consent_counts(&self, one: &Withdrawal, consent: &Consent) -> bool {
        let (approvals, people) = (&self.state.approvals, &self.state.people);
        let key = approvals.usable(consent.key, consent.admin, people);
        key.is_some_and(|key| key.confirmed.is_some())
            && people.may(consent.admin, Permission::ApproveMoney)
            && !is_person(one.initiator, people.person_of(consent.admin), people)
    }

    /// Whether these persons fill every need, each of them one place.
    fn are_enough(&self, needs: &[Need], consents: &[Consent]) -> bool {
        let places: Vec<&str> =
            needs.iter().flat_map(|need| std::iter::repeat_n(need.group.as_str(), usize::from(need.count))).collect();
        let mut filled: Vec<Option<usize>> = vec![None; places.len()];
        for (person, consent) in consents.iter().enumerate() {
            let fits = |of: usize, place: usize| {
                let admin = consents.get(of).map(|consent| consent.admin);
                places.get(place).zip(admin).is_some_and(|(group, admin)| self.is_in_group(group, admin))
            };
            let _ = consent;
            seat(person, &mut filled, &mut vec![false; places.len()], &fits);
        }
        filled.iter().all(Option::is_some)
    }
}

/// Finds a place for one more person, moving those who have one where that helps.
fn seat(person: usize, filled: &mut [Option<usize>], seen: &mut [bool], fits: &dyn Fn(usize, usize) -> bool) -> bool {
    for place in 0..filled.len() {
        if seen[place] || !fits(person, place) {
            continue;
        }
        seen[place] = true;
        let free = match filled[place] {
            None => true,
            Some(other) => seat(other, filled, seen, fits),
        };
        if free {
            filled[place] = Some(person);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: persons in several groups are seated where they are needed, and nobody takes two places. Method: a table of
    /// groups and persons.
    #[test]
    fn persons_are_seated_once() {
        let seated = |places: &[&[usize]], persons: usize| {
            let mut filled = vec![None; places.len()];
            let fits = |person: usize, place: usize| places[place].contains(&person);
            for person in 0..persons {
                seat(person, &mut filled, &mut vec![false; places.len()], &fits);
            }
            filled.iter().all(Option::is_some)
        };
        assert!(seated(&[&[0, 1], &[0]], 2), "the first moves over");
        assert!(!seated(&[&[0], &[0]], 2));
        assert!(!seated(&[&[0, 1], &[0, 1], &[0, 1]], 2));
        assert!(seated(&[&[0, 1, 2], &[0, 1], &[0]], 3));
    }
}
