//! `CommitConsumer`: a consumer says how far it has come.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::events::{COMMIT_PAUSE, Consumer};
use crate::outcome::Done;
use crate::rejection::Rejection;

/// Moves a consumer's offset: forward, at most once a second; back only where that is said, with a reason, and audited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitConsumer {
    /// Whose.
    pub name: String,
    /// The number of the last event it is done with.
    pub offset: u64,
    /// Why the offset goes back; none where it must not.
    pub rewind: Option<String>,
}

impl CommitConsumer {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let CommitConsumer { name, offset, rewind } = self;
        if let Some(reason) = &rewind {
            check_reason(reason)?;
        }
        let consumer = entry.state.events.known(&name)?.clone();
        let last = entry.state.event_sequence;
        if offset > last {
            return Err(Rejection::OffsetBeyond { last }.into());
        }
        if offset == consumer.offset {
            return Ok(Done::ConsumerCommitted { offset });
        }
        let is_back = offset < consumer.offset;
        if is_back && rewind.is_none() {
            return Err(Rejection::OffsetBack { present: consumer.offset }.into());
        }
        let next = consumer.committed_at.map(|at| at.plus(COMMIT_PAUSE));
        if let Some(next) = next.filter(|next| entry.now < *next) {
            return Err(Rejection::CommitTooSoon { next }.into());
        }

        if let (true, Some(reason)) = (is_back, rewind) {
            let detail = format!("offset {} to {offset}", consumer.offset);
            entry.audit(actor, AuditAction::ConsumerRewound, name, detail, reason);
        }
        let committed_at = Some(entry.now);
        entry.put_consumer(Consumer { offset, committed_at, ..consumer });
        Ok(Done::ConsumerCommitted { offset })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::events::Topics;
    use crate::tests::world::World;
    use crate::{AddConsumer, Body};

    fn commit(offset: u64, rewind: Option<&str>) -> Body {
        Body::CommitConsumer(CommitConsumer { name: "a".into(), offset, rewind: rewind.map(str::to_owned) })
    }

    /// Goal: an offset goes forward, once a second of replicated time, not beyond the last event, and back only where that
    /// is said; saying the same again is free. Method: each on both sides of its limit.
    #[test]
    fn offsets_move_as_allowed() {
        let mut world = World::with_accounts();
        let last = world.state.event_sequence();
        assert!(last >= 3, "{last}");
        assert_eq!(world.refused(commit(1, None)), Rejection::ConsumerUnknown);
        let add = AddConsumer { name: "a".into(), topics: Topics::ALL, offset: Some(0), reason: "test".into() };
        world.run(Body::AddConsumer(add)).unwrap();
        let audited = world.audit().len();

        let done = |offset| Ok(Done::ConsumerCommitted { offset });
        assert_eq!(world.run(commit(1, None)), done(1));
        let next = world.now.plus(COMMIT_PAUSE);
        world.now = world.now.plus(COMMIT_PAUSE - Duration::from_micros(1));
        assert_eq!(world.refused(commit(2, None)), Rejection::CommitTooSoon { next });
        assert_eq!(world.run(commit(1, None)), done(1), "nothing changes");
        world.now = next;
        assert_eq!(world.run(commit(2, None)), done(2));

        world.now = world.now.plus(COMMIT_PAUSE);
        assert_eq!(world.refused(commit(1, None)), Rejection::OffsetBack { present: 2 });
        assert_eq!(world.refused(commit(1, Some(" "))), Rejection::ReasonMissing);
        assert_eq!(world.refused(commit(last + 1, None)), Rejection::OffsetBeyond { last });
        assert_eq!(world.audit().len(), audited, "commits are not on record");
        assert_eq!(world.run(commit(1, Some("lost its data"))), done(1));
        assert_eq!(world.audit().last().unwrap().content.detail, "offset 2 to 1");
        let consumer = world.state.events().consumer("a").unwrap();
        assert_eq!((consumer.offset, consumer.committed_at), (1, Some(world.now)));
    }
}
