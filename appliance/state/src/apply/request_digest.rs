//! `RequestDigest`: every node hashes all its rows as of this entry, so that rot on disk is found too.

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::outcome::Done;

/// Asks for a digest. Changes no state and is not audited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestDigest {}

impl RequestDigest {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Done {
        entry.request_digest();
        Done::DigestRequested { index: entry.at.index }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::World;
    use crate::{Body, Event, Input, Outcome};

    /// Goal: the node is told to hash as of this entry, and only the row of the command's id is written.
    #[test]
    fn asks_and_changes_nothing() {
        let mut world = World::new();
        let command = world.command(Body::Digest(RequestDigest {})).encode();
        let applied = world.apply(Input::Commands(&[&command])).unwrap();
        let index = world.index;
        assert_eq!(applied.events, [Event::DigestRequested { index }]);
        assert_eq!(applied.changes.len(), 1);
        let outcome = Outcome::decode(&applied.outcomes[0]);
        assert_eq!(outcome, Ok(Outcome::Done(Done::DigestRequested { index })));
    }
}
