//! `UpdateUser`: a user's level, fees, label or freedom is another one. Who is frozen is signed out.

use exchequer_domain::UserId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::people::Principal;
use crate::users::{self, User, UserStatus};

/// Changes a user; what is not given stays. Nothing different is no change and no record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateUser {
    /// Which user.
    pub user: UserId,
    /// 0 to 3.
    pub kyc_level: Option<u8>,
    /// Which fees hold.
    pub fee_tier: Option<u8>,
    /// Whether it may sign in, trade and send money.
    pub status: Option<UserStatus>,
    /// At most 100 bytes; empty for none. Always counts as a change, because labels are not looked up.
    pub label: Option<String>,
    /// Why.
    pub reason: String,
}

impl UpdateUser {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let before = *entry.state.users.known(self.user)?;
        if let Some(level) = self.kyc_level {
            users::check_kyc_level(level)?;
        }
        if let Some(label) = &self.label {
            users::check_label(label)?;
        }
        check_reason(&self.reason)?;

        let after = User {
            kyc_level: self.kyc_level.unwrap_or(before.kyc_level),
            fee_tier: self.fee_tier.unwrap_or(before.fee_tier),
            status: self.status.unwrap_or(before.status),
            ..before
        };
        if after == before && self.label.is_none() {
            return Ok(Done::UserUpdated { changed: false });
        }
        let detail = detail(&before, &after, self.label.is_some());
        let of = Principal::User(self.user);
        let sessions = if self.status == Some(UserStatus::Frozen) { entry.sessions(of)? } else { Vec::new() };

        entry.put_sessions(of, &sessions, &Vec::new());
        entry.note_closed(of, None, sessions.len(), actor);
        entry.put_user(self.user, after);
        if let Some(label) = &self.label {
            entry.put_user_label(self.user, label);
        }
        entry.audit(actor, AuditAction::UpdateUser, format!("user {}", self.user), detail, self.reason);
        entry.event(EventKind::UserUpdated { user: self.user });
        Ok(Done::UserUpdated { changed: true })
    }
}

/// What changed, without the label, which may name a person.
fn detail(before: &User, after: &User, label: bool) -> String {
    let mut changes = Vec::new();
    if before.kyc_level != after.kyc_level {
        changes.push(format!("KYC level {} -> {}", before.kyc_level, after.kyc_level));
    }
    if before.fee_tier != after.fee_tier {
        changes.push(format!("fee tier {} -> {}", before.fee_tier, after.fee_tier));
    }
    match after.status {
        status if status == before.status => {}
        UserStatus::Active => changes.push("active".to_owned()),
        UserStatus::Frozen => changes.push("frozen".to_owned()),
    }
    if label {
        changes.push("label".to_owned());
    }
    changes.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::rejection::{Field, Rejection};
    use crate::tests::world::{World, user};

    fn nothing() -> UpdateUser {
        let (kyc_level, fee_tier, status, label) = (None, None, None, None);
        UpdateUser { user: UserId(1), kyc_level, fee_tier, status, label, reason: "test".into() }
    }

    /// Goal: what is given changes, the rest stays, the record names what changed but no label, and no difference leaves
    /// no trace.
    #[test]
    fn changes_what_differs() {
        let mut world = World::new();
        world.run(user("Ada")).unwrap();
        let frozen = UpdateUser { kyc_level: Some(3), status: Some(UserStatus::Frozen), ..nothing() };
        let body = Body::UpdateUser(frozen);
        assert_eq!(world.run(body.clone()), Ok(Done::UserUpdated { changed: true }));
        let found = *world.state.users().get(UserId(1)).unwrap();
        assert_eq!((found.kyc_level, found.fee_tier, found.status), (3, 7, UserStatus::Frozen));
        assert_eq!(users::label(&world.rows, UserId(1)).unwrap(), "Ada");
        let record = world.audit().pop().unwrap().content;
        assert_eq!((record.target.as_str(), record.detail.as_str()), ("user 1", "KYC level 1 -> 3, frozen"));
        let before = world.audit().len();
        assert_eq!(world.run(body), Ok(Done::UserUpdated { changed: false }));
        assert_eq!(world.audit().len(), before);
        let unnamed = UpdateUser { label: Some(String::new()), ..nothing() };
        assert_eq!(world.run(Body::UpdateUser(unnamed)), Ok(Done::UserUpdated { changed: true }));
        assert_eq!(users::label(&world.rows, UserId(1)).unwrap(), "");
        assert_eq!(world.audit().pop().unwrap().content.detail, "label");
    }

    /// Goal: bad fields, an unknown user and a missing reason are refused.
    #[test]
    fn refuses_bad_updates() {
        let mut world = World::new();
        world.run(user("")).unwrap();
        let mut refused = |command| world.refused(Body::UpdateUser(command));
        let user = UserId(2);
        assert_eq!(refused(UpdateUser { user, ..nothing() }), Rejection::UserUnknown { user });
        let level = UpdateUser { kyc_level: Some(4), ..nothing() };
        assert_eq!(refused(level), Rejection::Invalid { field: Field::KycLevel });
        let label = UpdateUser { label: Some("l".repeat(101)), ..nothing() };
        assert_eq!(refused(label), Rejection::Invalid { field: Field::UserLabel });
        assert_eq!(refused(UpdateUser { reason: " ".into(), ..nothing() }), Rejection::ReasonMissing);
    }
}
