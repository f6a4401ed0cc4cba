//! `ScheduleMaintenance`: a window is announced, and opens at its time.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::maintenance::{BANNER_CHARS_MAX, Extent, WINDOW_SPAN_US_MAX, WINDOWS_MAX, Window, WindowId};
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};
use crate::rows::{Edit, Table};

/// Announces a window; one that begins now opens in the same entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleMaintenance {
    /// What it is of.
    pub extent: Extent,
    /// When it begins; at once where there is none.
    pub starts: Option<Timestamp>,
    /// When it ends; when somebody ends it, where there is none.
    pub ends: Option<Timestamp>,
    /// What customers are told: 1 to 280 characters.
    pub banner: String,
    /// Why.
    pub reason: String,
}

impl ScheduleMaintenance {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let invalid = |field| Rejection::Invalid { field };
        check_reason(&self.reason)?;
        let shown = self.banner.chars().take(BANNER_CHARS_MAX + 1).count();
        if self.banner.trim().is_empty() || shown > BANNER_CHARS_MAX || self.banner.chars().any(char::is_control) {
            return Err(invalid(Field::MaintenanceBanner).into());
        }
        let now = entry.now;
        let starts = self.starts.unwrap_or(now);
        let in_time =
            |from: Timestamp, until: Timestamp| until.0.checked_sub(from.0).is_some_and(|us| us <= WINDOW_SPAN_US_MAX);
        let ends_after = self.ends.is_none_or(|ends| ends > starts && in_time(starts, ends));
        if !in_time(now, starts) || !ends_after {
            return Err(invalid(Field::MaintenanceTime).into());
        }
        if entry.state.maintenance.len() >= WINDOWS_MAX {
            return Err(Rejection::MaintenanceFull.into());
        }

        let id = WindowId(entry.state.maintenance.count + 1);
        entry.put(Table::Maintenance, &[], &id.0);
        entry.state.maintenance.count = id.0;
        let ScheduleMaintenance { extent, ends, banner, reason, .. } = self;
        let until = ends.map_or_else(|| "until ended".to_owned(), |ends| format!("to {ends}"));
        let detail = format!("{extent}, from {starts} {until}: {banner}");
        entry.audit(actor, AuditAction::MaintenanceScheduled, format!("maintenance {}", id.0), detail, reason.clone());
        entry.event(EventKind::MaintenanceAnnounced { window: id, extent, starts, ends });
        let window = Window { id, extent, starts, ends, banner, open: false, by: actor, reason, announced: now };
        entry.put_window(window);
        entry.pass_time_in_maintenance();
        Ok(Done::MaintenanceScheduled { window: id })
    }
}

impl Entry<'_> {
    fn put_window(&mut self, window: Window) {
        self.put(Table::Maintenance, &window.id.0.to_be_bytes(), &window);
        self.state.maintenance.put(window);
    }

    pub(super) fn forget_window(&mut self, id: WindowId) {
        self.change(Table::Maintenance.family(), Table::Maintenance.key(&id.0.to_be_bytes()), Edit::Delete);
        self.state.maintenance.remove(id);
    }

    /// Opens windows whose time has come and ends those whose time is over. One that was missed as a whole opens and
    /// ends in the same entry.
    pub(crate) fn pass_time_in_maintenance(&mut self) {
        for id in self.state.maintenance.due(self.now) {
            let Some(window) = self.state.maintenance.get(id).cloned() else { continue };
            let over = window.ends.is_some_and(|ends| ends <= self.now);
            if !window.open {
                self.event(EventKind::MaintenanceStarted { window: id, extent: window.extent });
                if !over {
                    self.put_window(Window { open: true, ..window.clone() });
                }
            }
            if over {
                self.event(EventKind::MaintenanceEnded { window: id, extent: window.extent, early: false });
                self.forget_window(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::Network;

    use super::*;
    use crate::tests::world::{HOUR, SECOND, World};
    use crate::{Body, EndMaintenance, Event, State};

    fn window(extent: Extent, starts: Option<u64>, ends: Option<u64>) -> Body {
        let banner = "Back in an hour.".to_owned();
        let (starts, ends) = (starts.map(Timestamp), ends.map(Timestamp));
        Body::ScheduleMaintenance(ScheduleMaintenance { extent, starts, ends, banner, reason: "upgrade".into() })
    }

    /// What an entry without commands tells of windows.
    fn told(world: &mut World) -> Vec<EventKind> {
        let applied = world.apply(crate::Input::Noop).unwrap();
        let durable = applied.events.into_iter().filter_map(|event| match event {
            Event::Durable { record, .. } => Some(record.kind),
            _ => None,
        });
        durable.collect()
    }

    /// Goal: a window opens and ends by replicated time alone, each told once, survives a reload of the state between,
    /// and its number does not come back. Method: announced an hour ahead for an hour, with entries around both ends.
    #[test]
    fn opens_and_ends_on_time() {
        let mut world = World::new();
        let start = world.now.0;
        let done = world.run(window(Extent::System, Some(start + HOUR), Some(start + 2 * HOUR)));
        assert_eq!(done, Ok(Done::MaintenanceScheduled { window: WindowId(1) }));
        assert_eq!(world.state.maintenance().system(), None, "announced only");
        assert_eq!(world.state.next_due(), Some(Timestamp(start + HOUR)));
        world.now = Timestamp(start + HOUR - 1);
        assert_eq!(told(&mut world), []);
        world.now = Timestamp(start + HOUR);
        let (window_id, extent) = (WindowId(1), Extent::System);
        assert_eq!(told(&mut world), [EventKind::MaintenanceStarted { window: window_id, extent }]);
        assert_eq!(told(&mut world), [], "once");
        assert_eq!(State::load(&world.rows).unwrap().maintenance(), world.state.maintenance());
        assert_eq!(world.state.maintenance().system().map(|window| window.banner.as_str()), Some("Back in an hour."));
        world.now = Timestamp(start + 2 * HOUR);
        assert_eq!(told(&mut world), [EventKind::MaintenanceEnded { window: window_id, extent, early: false }]);
        assert!(world.state.maintenance().is_empty() && world.state.next_due().is_none());
        let reloaded = State::load(&world.rows).unwrap();
        assert_eq!(reloaded.maintenance(), world.state.maintenance());
        assert_eq!(
            world.run(window(Extent::System, None, None)),
            Ok(Done::MaintenanceScheduled { window: WindowId(2) })
        );
    }

    /// Goal: a cluster that was away through a whole window tells both ends and goes on.
    #[test]
    fn a_missed_window_opens_and_ends() {
        let mut world = World::new();
        let start = world.now.0;
        world.run(window(Extent::System, Some(start + SECOND), Some(start + 2 * SECOND))).unwrap();
        world.now = Timestamp(start + HOUR);
        assert_eq!(told(&mut world).len(), 2);
        assert!(world.state.maintenance().is_empty());
    }

    /// Goal: one that has begun can be ended early, one that has not can be called off, and both are on record.
    #[test]
    fn can_be_ended_early_and_called_off() {
        let mut world = World::new();
        let start = world.now.0;
        world.run(window(Extent::Network(Network::Tron), None, None)).unwrap();
        world.run(window(Extent::System, Some(start + HOUR), None)).unwrap();
        let maintenance = world.state.maintenance();
        assert!(maintenance.network(Network::Tron).is_some() && maintenance.network(Network::Bitcoin).is_none());
        assert!(maintenance.system().is_none());
        for id in [2, 1] {
            let end = EndMaintenance { window: WindowId(id), reason: "done".into() };
            assert_eq!(world.run(Body::EndMaintenance(end.clone())), Ok(Done::MaintenanceEnded));
            let unknown = Rejection::MaintenanceUnknown { window: WindowId(id) };
            assert_eq!(world.refused(Body::EndMaintenance(end)), unknown);
        }
        assert!(world.state.maintenance().is_empty());
        assert_eq!(world.audit().last().unwrap().content.target, "maintenance 1");
    }

    /// Goal: texts and times that cannot be are refused, as is one window too many.
    #[test]
    fn refuses_what_does_not_fit() {
        let mut world = World::new();
        let start = world.now.0;
        let (banner, time) = (Field::MaintenanceBanner, Field::MaintenanceTime);
        let Body::ScheduleMaintenance(good) = window(Extent::System, None, None) else { panic!("a window") };
        for text in ["", "  ", "a\nb", &"é".repeat(BANNER_CHARS_MAX + 1)] {
            let bad = ScheduleMaintenance { banner: text.to_owned(), ..good.clone() };
            assert_eq!(world.refused(Body::ScheduleMaintenance(bad)), Rejection::Invalid { field: banner }, "{text}");
        }
        let long = WINDOW_SPAN_US_MAX + 1;
        let ends =
            [(Some(start - 1), None), (Some(start + long), None), (None, Some(start)), (None, Some(start + long))];
        for (starts, ends) in ends {
            let bad = window(Extent::System, starts, ends);
            assert_eq!(world.refused(bad), Rejection::Invalid { field: time }, "{starts:?} {ends:?}");
        }
        let exact = ScheduleMaintenance { banner: "é".repeat(BANNER_CHARS_MAX), ..good };
        world.run(Body::ScheduleMaintenance(exact)).unwrap();
        for _ in 1..WINDOWS_MAX {
            world.run(window(Extent::Network(Network::Bsc), None, None)).unwrap();
        }
        assert_eq!(world.refused(window(Extent::System, None, None)), Rejection::MaintenanceFull);
    }
}
