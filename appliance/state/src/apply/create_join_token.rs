//! `CreateJoinToken`: a one-time token for a node to join with.

use std::time::Duration;

use exchequer_domain::NodeId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::access::{JoinToken, TOKEN_TTL_US_MAX, TOKEN_TTL_US_MIN};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};
use crate::settings::schema;

/// Makes a join token. Its secret never comes here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateJoinToken {
    /// The public part, drawn by the sender.
    pub token_id: [u8; 8],
    /// BLAKE3 of the secret part.
    pub secret_hash: [u8; 32],
    /// How long it can be used, in microseconds; the setting `join.token_ttl` when none is given.
    pub ttl_us: Option<u64>,
    /// The node whose place the new one may take, and takes. That is a removal: it needs the operator, not the joiner.
    pub replaces: Option<NodeId>,
    /// Why.
    pub reason: String,
}

impl CreateJoinToken {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let ttl = match self.ttl_us {
            Some(us) if !(TOKEN_TTL_US_MIN..=TOKEN_TTL_US_MAX).contains(&us) => {
                return Err(Rejection::Invalid { field: Field::JoinTokenTtl }.into());
            }
            Some(us) => Duration::from_micros(us),
            None => entry.state.settings.get(&schema::JOIN_TOKEN_TTL),
        };
        if entry.state.access.join_token(&self.token_id).is_some() {
            return Err(Rejection::JoinTokenExists.into());
        }
        if let Some(node) = self.replaces
            && entry.state.registry.node(node).is_none()
        {
            return Err(Rejection::UnknownNode { node }.into());
        }
        let displaced = entry.state.access.displaced(entry.now)?;

        let expires_at = entry.now.plus(ttl);
        let token = JoinToken {
            id: self.token_id,
            secret_hash: self.secret_hash,
            expires_at,
            used_by: None,
            replaces: self.replaces,
            created_at: entry.now,
            created_by: actor,
            reason: self.reason.clone(),
        };

        if let Some(id) = displaced {
            entry.forget_join_token(&id);
        }
        entry.put_join_token(token);
        let detail = match self.replaces {
            Some(old) => format!("expires {}us, replaces node {old}", expires_at.0),
            None => format!("expires {}us", expires_at.0),
        };
        entry.audit(actor, AuditAction::CreateJoinToken, token_name(&self.token_id), detail, self.reason);
        entry.event(EventKind::JoinTokenCreated { id: self.token_id, expires_at });
        Ok(Done::JoinTokenCreated { expires_at })
    }
}

/// The token's id as the audit shows it.
pub(super) fn token_name(id: &[u8; 8]) -> String {
    format!("join token {:016x}", u64::from_be_bytes(*id))
}

#[cfg(test)]
mod tests {
    use exchequer_domain::Timestamp;

    use super::*;
    use crate::access::TOKENS_MAX;
    use crate::tests::world::{DAY, SECOND, START, World, token};
    use crate::{Body, Outcome};

    /// Goal: the life of a token is the one asked for, or the setting's; outside the limits it is refused.
    #[test]
    fn life_of_a_token() {
        let mut world = World::new();
        let expires_at = START.plus(Duration::from_secs(900));
        assert_eq!(world.run(token(1, None)), Ok(Done::JoinTokenCreated { expires_at }));
        let expires_at = START.plus(Duration::from_secs(1));
        assert_eq!(world.run(token(2, Some(SECOND))), Ok(Done::JoinTokenCreated { expires_at }));
        assert_eq!(world.refused(token(2, None)), Rejection::JoinTokenExists);
        for bad in [0, SECOND - 1, 7 * DAY + 1, u64::MAX] {
            assert_eq!(world.refused(token(3, Some(bad))), Rejection::Invalid { field: Field::JoinTokenTtl });
        }
        let mut blank = CreateJoinToken {
            token_id: [3; 8],
            secret_hash: [0; 32],
            ttl_us: None,
            replaces: None,
            reason: String::new(),
        };
        assert_eq!(world.refused(Body::CreateJoinToken(blank.clone())), Rejection::ReasonMissing);
        (blank.reason, blank.replaces) = ("test".into(), Some(NodeId(99)));
        assert_eq!(world.refused(Body::CreateJoinToken(blank)), Rejection::UnknownNode { node: NodeId(99) });
    }

    /// Goal: a token is forgotten a week after its expiry, at the turn of a day, and not before. Method: one that
    /// expires at a midnight and one a microsecond later, at the midnight a week after and at the next one.
    #[test]
    fn forgotten_after_a_week() {
        let mut world = World::new();
        let midnight = Timestamp((START.0 / DAY + 1) * DAY);
        world.now = Timestamp(midnight.0 - 2 * SECOND);
        world.run(token(1, Some(2 * SECOND))).unwrap();
        world.run(token(2, Some(2 * SECOND + 1))).unwrap();
        for (days, kept) in [(6, [true, true]), (7, [false, true]), (8, [false, false])] {
            world.now = midnight.plus(Duration::from_micros(days * DAY));
            world.apply(crate::Input::Noop).unwrap();
            assert_eq!([1, 2].map(|number| world.join_token(number).is_some()), kept, "after {days} days");
        }
    }

    /// Goal: the tokens kept are bounded. Method: fill up with usable ones, then let one expire: it makes room.
    #[test]
    fn bounded() {
        let mut world = World::new();
        let numbered = |number: u64, ttl_us| {
            let (token_id, secret_hash) = (number.to_be_bytes(), [0; 32]);
            Body::CreateJoinToken(CreateJoinToken {
                token_id,
                secret_hash,
                ttl_us,
                replaces: None,
                reason: "test".into(),
            })
        };
        let commands: Vec<_> = (0..TOKENS_MAX as u64)
            .map(|n| world.command(numbered(n, if n == 5 { Some(SECOND) } else { None })))
            .collect();
        assert!(world.entry(&commands).iter().all(|outcome| matches!(outcome, Outcome::Done(_))));
        assert_eq!(world.refused(numbered(9_999, None)), Rejection::JoinTokensFull);
        world.now = START.plus(Duration::from_secs(1));
        assert!(world.run(numbered(9_999, None)).is_ok());
        assert!(world.state.access().join_token(&5_u64.to_be_bytes()).is_none());
        assert_eq!(world.state.access().join_tokens().count(), TOKENS_MAX);
    }
}
