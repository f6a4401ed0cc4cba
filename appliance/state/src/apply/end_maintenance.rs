//! `EndMaintenance`: a window ends early, or is called off.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::maintenance::WindowId;
use crate::outcome::Done;
use crate::rejection::Rejection;

/// Ends a window now, whether it has begun or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndMaintenance {
    /// Which.
    pub window: WindowId,
    /// Why.
    pub reason: String,
}

impl EndMaintenance {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let window = entry.state.maintenance.get(self.window);
        let window = window.ok_or(Rejection::MaintenanceUnknown { window: self.window })?;
        let (extent, open) = (window.extent, window.open);

        let detail = format!("{extent}, {}", if open { "ended early" } else { "called off" });
        let target = format!("maintenance {}", self.window.0);
        entry.audit(actor, AuditAction::MaintenanceEnded, target, detail, self.reason);
        entry.event(EventKind::MaintenanceEnded { window: self.window, extent, early: true });
        entry.forget_window(self.window);
        Ok(Done::MaintenanceEnded)
    }
}
