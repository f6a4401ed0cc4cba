//! `AddConsumer`: someone who reads events has its offset kept here.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::events::{CONSUMERS_MAX, Consumer, Topics, check_name};
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};
use crate::rows::Table;

/// Makes a consumer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddConsumer {
    /// 1 to 64 characters of a-z, 0-9, `-`, `_` and `.`.
    pub name: String,
    /// What it reads; at least one.
    pub topics: Topics,
    /// The number of the last event that it need not see: zero for all that are kept, none for those from now on.
    pub offset: Option<u64>,
    /// Why.
    pub reason: String,
}

impl AddConsumer {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        check_name(&self.name)?;
        if self.topics.is_empty() {
            return Err(Rejection::Invalid { field: Field::ConsumerTopics }.into());
        }
        if entry.state.events.consumer(&self.name).is_some() {
            return Err(Rejection::ConsumerExists.into());
        }
        if entry.state.events.consumers().len() >= CONSUMERS_MAX {
            return Err(Rejection::ConsumersFull.into());
        }
        let last = entry.state.event_sequence;
        let offset = self.offset.unwrap_or(last);
        if offset > last {
            return Err(Rejection::OffsetBeyond { last }.into());
        }

        let AddConsumer { name, topics, reason, .. } = self;
        let detail = format!("topics {topics}, offset {offset}");
        entry.audit(actor, AuditAction::ConsumerAdded, name.clone(), detail, reason);
        let created_at = entry.now;
        entry.put_consumer(Consumer { name, topics, offset, committed_at: None, created_at });
        Ok(Done::ConsumerAdded { offset })
    }
}

impl Entry<'_> {
    pub(super) fn put_consumer(&mut self, consumer: Consumer) {
        self.put(Table::Consumer, consumer.name.as_bytes(), &consumer);
        self.state.events.put(consumer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::events::Topic;
    use crate::tests::world::World;

    fn add(name: &str) -> AddConsumer {
        AddConsumer { name: name.into(), topics: Topics::ALL, offset: None, reason: "test".into() }
    }

    /// Goal: a consumer begins where it was told, or behind the last event, and each rule of it is checked.
    #[test]
    fn begins_where_it_was_told() {
        let mut world = World::new();
        let last = world.state.event_sequence();
        assert_eq!(world.run(Body::AddConsumer(add("a"))), Ok(Done::ConsumerAdded { offset: last }));
        let of_all = AddConsumer { offset: Some(0), topics: Topics::default().with(Topic::Cluster), ..add("b.1_x-") };
        assert_eq!(world.run(Body::AddConsumer(of_all)), Ok(Done::ConsumerAdded { offset: 0 }));
        assert_eq!(world.state.events().consumer("b.1_x-").unwrap().topics.to_string(), "cluster");
        assert_eq!(world.audit().last().unwrap().content.detail, "topics cluster, offset 0");

        let invalid = |field| Rejection::Invalid { field };
        for (bad, rejection) in [
            (add("a"), Rejection::ConsumerExists),
            (add(""), invalid(Field::ConsumerName)),
            (add("A"), invalid(Field::ConsumerName)),
            (add(&"x".repeat(65)), invalid(Field::ConsumerName)),
            (AddConsumer { topics: Topics::default(), ..add("c") }, invalid(Field::ConsumerTopics)),
            (AddConsumer { offset: Some(last + 1), ..add("c") }, Rejection::OffsetBeyond { last }),
            (AddConsumer { reason: " ".into(), ..add("c") }, Rejection::ReasonMissing),
        ] {
            assert_eq!(world.refused(Body::AddConsumer(bad)), rejection);
        }
    }

    /// Goal: there are so many at most, and one that goes makes room.
    #[test]
    fn there_are_so_many_at_most() {
        let mut world = World::new();
        for number in 0..CONSUMERS_MAX {
            world.run(Body::AddConsumer(add(&format!("c{number}")))).unwrap();
        }
        assert_eq!(world.refused(Body::AddConsumer(add("one-more"))), Rejection::ConsumersFull);
        let remove = crate::RemoveConsumer { name: "c0".into(), reason: "test".into() };
        assert_eq!(world.run(Body::RemoveConsumer(remove)), Ok(Done::ConsumerRemoved));
        assert!(world.run(Body::AddConsumer(add("one-more"))).is_ok());
    }
}
