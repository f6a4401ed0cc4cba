//! `CreateAdmin`: somebody may administer the exchange.

use exchequer_domain::AdminId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::api_keys::Range;
use crate::approvals::same_person;
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::people::{self, Admin, AdminStatus, Credentials, Principal, Role};
use crate::rejection::Rejection;

/// Makes an admin under the next number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateAdmin {
    /// What is typed to sign in: 1 to 64 of a-z, 0-9 and `.-_@+`.
    pub name: String,
    /// Who it is; at most 100 bytes.
    pub person: String,
    /// What for; at least one role.
    pub roles: Vec<Role>,
    /// From where it may act; from anywhere when there is none.
    pub ranges: Vec<Range>,
    /// The hash of the first password, sealed.
    #[serde(with = "crate::codec::block")]
    pub password: Vec<u8>,
    /// Whether the password must be changed before anything else is done.
    pub must_change: bool,
    /// The secret of the second factor, sealed; none where it is to be enrolled at the first sign-in.
    pub totp: Option<Vec<u8>>,
    /// The hashes of the recovery codes.
    pub recovery: Vec<[u8; 32]>,
    /// Why.
    pub reason: String,
}

impl CreateAdmin {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        people::check_admin_name(&self.name)?;
        people::check_person(&self.person)?;
        let roles = people::check_roles(self.roles)?;
        people::check_ranges(&self.ranges)?;
        people::check_sealed(&self.password)?;
        self.totp.as_deref().map_or(Ok(()), people::check_sealed)?;
        people::check_recovery(&self.recovery)?;
        let known = &entry.state.people;
        match actor {
            // With the operator token only as long as nobody can act as owner.
            Actor::Operator if !known.has_owner() => {}
            // The first owner is part of a new cluster.
            Actor::Node(_) if known.admins().next().is_none() => {}
            Actor::Admin(id) if same_person(known.person_of(id), &self.person) => {
                return Err(Rejection::OwnRoles.into());
            }
            Actor::Admin(id) => known.reaches(id, &roles)?,
            Actor::Operator | Actor::Node(_) | Actor::ApiKey(_) | Actor::Worker(_) | Actor::User(_) => {
                return Err(Rejection::NotPermitted { permission: None }.into());
            }
        }
        if let Some(other) = known.named(&self.name) {
            return Err(Rejection::AdminExists { admin: other.id }.into());
        }
        let id = known.next().ok_or(Rejection::AdminsFull)?;

        let mut credentials = Credentials::new(self.name.clone(), self.password, self.must_change);
        (credentials.totp, credentials.recovery) = (self.totp, self.recovery);
        let (name, person, ranges, created_at) = (self.name, self.person, self.ranges, entry.now);
        let detail = format!("{name}, person {person}, roles {}, {} ranges", words(&roles), ranges.len());
        entry.audit(actor, AuditAction::AdminCreated, id.to_string(), detail, self.reason);
        entry.put_admin(Admin { id, name, person, roles, status: AdminStatus::Active, ranges, created_at });
        entry.put_credentials(Principal::Admin(id), credentials);
        entry.event(EventKind::AdminCreated { admin: id });
        Ok(Done::AdminCreated { admin: id })
    }
}

/// Roles as the audit names them.
pub(super) fn words(roles: &[Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join("+")
}

/// What a command about an admin is about.
pub(super) fn known(entry: &Entry<'_>, id: AdminId) -> Result<Admin, Rejection> {
    entry.state.people.admin(id).cloned().ok_or(Rejection::AdminUnknown { admin: id })
}
