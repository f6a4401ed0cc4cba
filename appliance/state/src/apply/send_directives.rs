//! `SendDirectives`: someone asks something of workers.

use std::collections::BTreeMap;

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::directives::{check_count, target};
use super::jobs::{check_reason_of, is_person};
use super::{Entry, Stop};
use crate::audit::AuditAction;
use crate::codec;
use crate::command::Actor;
use crate::deposits::RESCAN_APPLY;
use crate::directives::{
    ATTEMPTS_MAX, Directive, DirectiveAction, DirectiveId, DirectiveState, KEY_BYTES_MAX, NAME_BYTES_MAX,
    PAYLOAD_BYTES_MAX, Priority, Refusal, Target, key_row,
};
use crate::halt::Halt;
use crate::ids::{self, BodyHash};
use crate::outcome::Done;
use crate::planted::{self, Bug};
use crate::rows::{Family, Table};

/// A directive to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDirective {
    /// The same key leads to the same directive, for ever; with anything else in it, it is refused.
    pub key: Option<String>,
    /// How urgent it is.
    pub priority: Priority,
    /// Whom it is for.
    pub target: Target,
    /// What is asked for.
    pub action: DirectiveAction,
    /// It is not dispatched before.
    pub not_before: Option<Timestamp>,
    /// It is not dispatched after.
    pub deadline: Option<Timestamp>,
    /// So many failed attempts end it.
    pub max_attempts: u32,
    /// Whether others have to agree first.
    pub needs_approval: bool,
}

/// Sends directives, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendDirectives {
    /// Which.
    pub directives: Vec<NewDirective>,
    /// Why; a person must say.
    pub reason: String,
}

impl SendDirectives {
    /// Whether it has deposit workers commit what they missed.
    #[must_use]
    pub fn commits_missed(&self) -> bool {
        self.directives.iter().any(|new| match &new.action {
            DirectiveAction::Custom { name, .. } => name == RESCAN_APPLY,
            DirectiveAction::Start | DirectiveAction::Stop | DirectiveAction::Restart => false,
        })
    }
}

/// What became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its number.
    pub directive: DirectiveId,
    /// False where it was sent before, by its key.
    pub new: bool,
}

impl SendDirectives {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_count(self.directives.len())?;
        check_reason_of(actor, &self.reason)?;
        for new in &self.directives {
            new.check(entry.now)?;
            if let Target::Worker(worker) = new.target {
                entry.check_worker_known(worker)?;
            }
        }
        // What the keys lead to already; of two in this command with one key, the second leads to the first.
        let mut named: BTreeMap<String, (Option<DirectiveId>, BodyHash)> = BTreeMap::new();
        for new in &self.directives {
            let Some(key) = &new.key else { continue };
            let (before, hash) = match named.get(key) {
                Some((before, hash)) => (*before, *hash),
                None => match entry.directive_named(key)? {
                    Some((before, hash)) => (Some(before), hash),
                    None => (None, new.hash()),
                },
            };
            if hash != new.hash() {
                return Err(Refusal::KeyReused { by: before.unwrap_or_default() }.into());
            }
            named.insert(key.clone(), (before, hash));
        }
        let bytes = self.directives.iter().map(|new| new.directive(actor, entry.now, &self.reason).weight()).sum();
        if !entry.state.directives.has_room(self.directives.len(), bytes) {
            return Err(Refusal::Full.into());
        }

        let mut sent = Vec::with_capacity(self.directives.len());
        for new in self.directives {
            let before = new.key.as_ref().and_then(|key| named.get(key)).and_then(|(before, _)| *before);
            if let Some(directive) = before.filter(|_| !planted::has(Bug::KeyForgotten)) {
                sent.push(Sent { directive, new: false });
                continue;
            }
            let (hash, needs_approval) = (new.hash(), new.needs_approval);
            let directive = new.directive(actor, entry.now, &self.reason);
            let id = entry.enter_directive(directive, hash, needs_approval);
            if let Some(key) = new.key {
                named.insert(key, (Some(id), hash));
            }
            sent.push(Sent { directive: id, new: true });
        }
        if is_person(actor) {
            let ids: Vec<DirectiveId> = sent.iter().map(|sent| sent.directive).collect();
            let detail = format!("{} new", sent.iter().filter(|sent| sent.new).count());
            entry.audit(actor, AuditAction::DirectivesSent, target(&ids), detail, self.reason);
        }
        Ok(Done::DirectivesSent(sent))
    }
}

impl NewDirective {
    fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        let fits = |key: &String| (1..=KEY_BYTES_MAX).contains(&key.len()) && !key.chars().any(char::is_control);
        if !self.key.as_ref().is_none_or(fits) {
            return Err(Refusal::Key);
        }
        if !self.target.is_sound() {
            return Err(Refusal::Target);
        }
        if let DirectiveAction::Custom { name, payload, idempotent: _ } = &self.action {
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
            let own = ["start", "stop", "restart"].contains(&name.as_str());
            if own || !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(fits) {
                return Err(Refusal::Name);
            }
            if payload.len() > PAYLOAD_BYTES_MAX {
                return Err(Refusal::Payload);
            }
        }
        if !(1..=ATTEMPTS_MAX).contains(&self.max_attempts) {
            return Err(Refusal::Attempts);
        }
        let begins = self.not_before.map_or(now, |not_before| not_before.max(now));
        if self.deadline.is_some_and(|deadline| deadline <= begins) {
            return Err(Refusal::Deadline);
        }
        Ok(())
    }

    /// What tells a repeated directive from another one under the same key.
    fn hash(&self) -> BodyHash {
        ids::hash(&codec::encode(self))
    }

    fn directive(&self, issued_by: Actor, now: Timestamp, reason: &str) -> Directive {
        Directive {
            id: DirectiveId(0),
            key: self.key.clone(),
            priority: self.priority,
            target: self.target,
            action: self.action.clone(),
            issued_by,
            issued_at: now,
            reason: reason.to_owned(),
            not_before: self.not_before.map_or(now, |not_before| not_before.max(now)),
            ready: false,
            deadline: self.deadline,
            max_attempts: self.max_attempts,
            state: DirectiveState::PendingApproval,
            attempt: 0,
            dispatched_at: None,
            failed: 0,
            result: Vec::new(),
            error: None,
            since: now,
        }
    }
}

impl Entry<'_> {
    /// The directive that a key leads to, and what tells it from another.
    fn directive_named(&self, key: &str) -> Result<Option<(DirectiveId, BodyHash)>, Stop> {
        if let Some(named) = self.state.directives.named(key) {
            return Ok(Some(named));
        }
        let row = self.rows.get(Family::Ids, &key_row(key))?;
        let named = row.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::DirectiveKey, error)));
        Ok(named.transpose()?)
    }

    fn enter_directive(&mut self, directive: Directive, hash: BodyHash, needs_approval: bool) -> DirectiveId {
        let id = self.state.directives.number();
        if let Some(key) = directive.key.clone() {
            self.state.directives.name(key, id, hash);
        }
        let directive = Directive { id, ..directive };
        match needs_approval {
            true => self.state.directives.put(directive),
            false => self.queue_directive(directive),
        }
        id
    }
}
