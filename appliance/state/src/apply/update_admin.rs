//! `UpdateAdmin`: an admin has other roles, other addresses, or may not act any more.

use exchequer_domain::AdminId;
use serde::{Deserialize, Serialize};

use super::create_admin::{known, words};
use super::{Entry, Stop, check_reason};
use crate::api_keys::Range;
use crate::approvals::same_person;
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::people::{self, Admin, AdminStatus, Principal, Role};
use crate::rejection::Rejection;

/// Changes an admin; what is not given stays. Its sessions end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateAdmin {
    /// Whom.
    pub admin: AdminId,
    /// What for, all of it.
    pub roles: Option<Vec<Role>>,
    /// Whether it may act.
    pub status: Option<AdminStatus>,
    /// From where it may act, all of it.
    pub ranges: Option<Vec<Range>>,
    /// Why.
    pub reason: String,
}

impl UpdateAdmin {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let former = known(entry, self.admin)?;
        let roles = self.roles.map(people::check_roles).transpose()?.unwrap_or_else(|| former.roles.clone());
        let ranges = self.ranges.unwrap_or_else(|| former.ranges.clone());
        people::check_ranges(&ranges)?;
        let status = self.status.unwrap_or(former.status);
        let admin = Admin { roles, ranges, status, ..former.clone() };
        if let Actor::Admin(id) = actor {
            if same_person(entry.state.people.person_of(id), &former.person) {
                return Err(Rejection::OwnRoles.into());
            }
            // Whoever finds an account stolen may stop it, whatever it may do: that gives nobody anything.
            let only_disables = Admin { status: AdminStatus::Disabled, ..former.clone() } == admin;
            if !only_disables {
                entry.state.people.reaches(id, &[former.roles.as_slice(), &admin.roles].concat())?;
            }
        }
        if admin == former {
            return Ok(Done::AdminUpdated { changed: false });
        }
        let others = entry.state.people.admins().any(|other| other.id != admin.id && other.is_active_owner());
        if former.is_active_owner() && !admin.is_active_owner() && !others {
            return Err(Rejection::LastOwner.into());
        }
        let of = Principal::Admin(admin.id);
        let sessions = entry.sessions(of)?;

        let told = |admin: &Admin| {
            format!("{}, {}, {} ranges", words(&admin.roles), admin.status.as_str(), admin.ranges.len())
        };
        let detail = format!("{}: {} -> {}", admin.name, told(&former), told(&admin));
        entry.audit(actor, AuditAction::AdminUpdated, admin.id.to_string(), detail, self.reason);
        entry.put_sessions(of, &sessions, &Vec::new());
        entry.note_closed(of, None, sessions.len(), actor);
        entry.event(EventKind::AdminUpdated { admin: admin.id });
        entry.put_admin(admin);
        Ok(Done::AdminUpdated { changed: true })
    }
}
