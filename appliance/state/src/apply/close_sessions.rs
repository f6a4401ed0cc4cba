//! `CloseSessions`: sessions end before their time.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::people::customers::Sessions;
use crate::people::{Principal, SessionId};
use crate::rejection::Rejection;

/// Ends sessions of one principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseSessions {
    /// Whose.
    pub of: Principal,
    /// Which.
    pub which: Which,
    /// Why; may be empty.
    pub reason: String,
}

/// Which sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// This one.
    One(SessionId),
    /// All but this one.
    Others(SessionId),
    /// All.
    All,
}

impl CloseSessions {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let CloseSessions { of, which, reason } = self;
        super::check_reason_length(&reason)?;
        if let Principal::Admin(admin) = of
            && entry.state.people.admin(admin).is_none()
        {
            return Err(Rejection::AdminUnknown { admin }.into());
        }
        let former = entry.sessions(of)?;
        let stays = |id: &SessionId| match which {
            Which::One(closed) => *id != closed,
            Which::Others(kept) => *id == kept,
            Which::All => false,
        };
        let next: Sessions = former.iter().filter(|(id, _)| stays(id)).cloned().collect();
        let count = former.len().saturating_sub(next.len()) as u32;
        if count == 0 && matches!(which, Which::One(_)) {
            return Err(Rejection::SessionUnknown.into());
        }

        entry.put_sessions(of, &former, &next);
        let one = if let Which::One(id) = which { Some(id) } else { None };
        entry.note_closed(of, one, count as usize, actor);
        if count > 0 && (matches!(of, Principal::Admin(_)) || !of.is(actor)) {
            entry.audit(actor, AuditAction::SessionsClosed, of.to_string(), format!("{count} sessions"), reason);
            entry.event(EventKind::SessionsClosed { of });
        }
        Ok(Done::SessionsClosed { count })
    }
}
