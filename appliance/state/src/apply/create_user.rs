//! `CreateUser`: the exchange has one more user.

use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::outcome::Done;
use crate::users::{self, User, UserStatus};

/// Creates an active user under the next number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateUser {
    /// For people; at most 100 bytes, may be empty.
    pub label: String,
    /// 0 to 3.
    pub kyc_level: u8,
    /// Which fees hold for the user.
    pub fee_tier: u8,
}

impl CreateUser {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        users::check_label(&self.label)?;
        users::check_kyc_level(self.kyc_level)?;
        let user = entry.state.users.room_for(1)?;

        let (kyc_level, fee_tier) = (self.kyc_level, self.fee_tier);

        entry.put_user(user, User { created_at: entry.now, kyc_level, fee_tier, status: UserStatus::Active });
        if !self.label.is_empty() {
            entry.put_user_label(user, &self.label);
        }
        Ok(Done::UserCreated { user })
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::UserId;

    use super::*;
    use crate::rejection::{Field, Rejection};
    use crate::tests::world::{START, World, user};
    use crate::{Body, Table};

    /// Goal: users get numbers from 1 and are as asked; a label is a row, and none where it is empty.
    #[test]
    fn numbers_and_labels() {
        let mut world = World::new();
        assert_eq!(world.run(user("")), Ok(Done::UserCreated { user: UserId(1) }));
        assert_eq!(world.run(user("Ada")), Ok(Done::UserCreated { user: UserId(2) }));
        let expected = User { created_at: START, kyc_level: 1, fee_tier: 7, status: UserStatus::Active };
        assert_eq!(world.state.users().get(UserId(2)), Some(&expected));
        assert_eq!((world.state.users().get(UserId(0)), world.state.users().get(UserId(3))), (None, None));
        let label = |id| users::label(&world.rows, UserId(id)).unwrap();
        assert_eq!((label(1).as_str(), label(2).as_str()), ("", "Ada"));
        assert_eq!(world.rows.iter().filter(|(_, key, _)| key[0] == Table::UserLabel as u8).count(), 1);
        let listed: Vec<u64> = world.state.users().from(UserId(2)).map(|(id, _)| id.0).collect();
        assert_eq!(listed, [2]);
        assert_eq!(world.state.users().from(UserId(0)).count(), 2);
    }

    /// Goal: what breaks a rule is refused, at both sides of each limit.
    #[test]
    fn refuses_broken_fields() {
        let mut world = World::new();
        for label in [&"l".repeat(101), "a\u{7}"] {
            assert_eq!(world.refused(user(label)), Rejection::Invalid { field: Field::UserLabel }, "{label}");
        }
        let user = |kyc_level| Body::CreateUser(CreateUser { label: "l".repeat(100), kyc_level, fee_tier: 255 });
        assert_eq!(world.refused(user(4)), Rejection::Invalid { field: Field::KycLevel });
        assert!(world.run(user(3)).is_ok());
    }
}
