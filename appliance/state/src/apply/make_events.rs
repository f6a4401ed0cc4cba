//! `MakeEvents`: durable events for benches, drills and tests.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};

/// Events that one command makes, at most.
pub const EVENTS_AT_ONCE_MAX: u32 = 1_000;
/// Longest filling of an event that is made.
pub const EVENT_FILLING_BYTES_MAX: u32 = 1_024;

/// Makes durable events that mean nothing. Only in a sandbox cluster; not audited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeEvents {
    /// How many, from 1.
    pub count: u32,
    /// How many bytes fill each of them.
    pub filling_bytes: u32,
}

impl MakeEvents {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        if !entry.cluster()?.sandbox {
            return Err(Rejection::SandboxOnly.into());
        }
        if !(1..=EVENTS_AT_ONCE_MAX).contains(&self.count) || self.filling_bytes > EVENT_FILLING_BYTES_MAX {
            return Err(Rejection::Invalid { field: Field::MadeEvents }.into());
        }

        let filling = "x".repeat(self.filling_bytes as usize);
        for number in 1..=self.count {
            entry.event(EventKind::Made { number, filling: filling.clone() });
        }
        Ok(Done::EventsMade { last: entry.state.event_sequence })
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::CommandId;

    use super::*;
    use crate::events::{self, Topic};
    use crate::tests::world::{World, bootstrap};
    use crate::{Actor, Body, Bootstrap};

    fn make(count: u32, filling_bytes: u32) -> Body {
        Body::MakeEvents(MakeEvents { count, filling_bytes })
    }

    /// Goal: events are numbered without gaps and say who caused them with which command. Method: two commands of one entry.
    #[test]
    fn events_say_their_cause() {
        let mut world = World::new();
        let before = world.state.event_sequence();
        let commands = [make(2, 3), make(1, 0)].map(|body| world.command(body));
        world.entry(&commands);
        let last = world.state.event_sequence();
        assert_eq!(last, before + 3);
        let found = events::read(&world.rows, before + 1, last, 10).unwrap();
        let causes: Vec<Option<CommandId>> = found.iter().map(|(_, record)| record.command).collect();
        assert_eq!(causes, [0, 0, 1].map(|at: usize| Some(commands[at].id)));
        for (_, record) in &found {
            assert_eq!((record.actor, record.kind.topic()), (Some(Actor::Operator), Topic::Sandbox));
        }
        assert_eq!(found[1].1.kind, EventKind::Made { number: 2, filling: "xxx".into() });
        assert_eq!(found[1].1.kind.key(), "2");
    }

    /// Goal: there are limits, and only a sandbox makes any.
    #[test]
    fn limits() {
        let mut world = World::new();
        let invalid = Rejection::Invalid { field: Field::MadeEvents };
        for (count, bytes) in [(0, 0), (EVENTS_AT_ONCE_MAX + 1, 0), (1, EVENT_FILLING_BYTES_MAX + 1)] {
            assert_eq!(world.refused(make(count, bytes)), invalid);
        }
        assert!(world.run(make(EVENTS_AT_ONCE_MAX, EVENT_FILLING_BYTES_MAX)).is_ok());
        let mut world = World::empty();
        let Body::Bootstrap(founding) = bootstrap() else { panic!("a bootstrap") };
        world.run(Body::Bootstrap(Box::new(Bootstrap { sandbox: false, ..*founding }))).unwrap();
        assert_eq!(world.refused(make(1, 0)), Rejection::SandboxOnly);
    }
}
