//! `CreateUsers`: many users at once, for loads and benches.

use exchequer_domain::UserId;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};
use crate::users::{self, USERS_AT_ONCE_MAX, User, UserStatus};

/// Creates active users without labels under the next numbers. Only in a sandbox cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateUsers {
    /// How many, 1 to 10,000.
    pub count: u32,
    /// 0 to 3.
    pub kyc_level: u8,
    /// Which fees hold for them.
    pub fee_tier: u8,
}

impl CreateUsers {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        let CreateUsers { count, kyc_level, fee_tier } = self;
        entry.sandbox()?;
        if !(1..=USERS_AT_ONCE_MAX).contains(&count) {
            return Err(Rejection::Invalid { field: Field::UserCount }.into());
        }
        users::check_kyc_level(kyc_level)?;
        let first = entry.state.users.room_for(count)?;

        let user = User { created_at: entry.now, kyc_level, fee_tier, status: UserStatus::Active };

        for number in (first.0..).take(count as usize) {
            entry.put_user(UserId(number), user);
        }
        Ok(Done::UsersCreated { first, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Body;
    use crate::tests::world::{World, user};

    /// Goal: many users follow the ones that are there, with the numbers that the outcome tells, up to the limit.
    #[test]
    fn numbers_follow() {
        let mut world = World::new();
        world.run(user("one")).unwrap();
        let users = |count| Body::CreateUsers(CreateUsers { count, kyc_level: 2, fee_tier: 1 });
        let done = Done::UsersCreated { first: UserId(2), count: USERS_AT_ONCE_MAX };
        assert_eq!(world.run(users(USERS_AT_ONCE_MAX)), Ok(done));
        assert_eq!(world.run(user("two")), Ok(Done::UserCreated { user: UserId(10_002) }));
        for count in [0, USERS_AT_ONCE_MAX + 1] {
            assert_eq!(world.refused(users(count)), Rejection::Invalid { field: Field::UserCount });
        }
        let level = Body::CreateUsers(CreateUsers { count: 1, kyc_level: 4, fee_tier: 1 });
        assert_eq!(world.refused(level), Rejection::Invalid { field: Field::KycLevel });
        assert_eq!(World::real().refused(users(1)), Rejection::SandboxOnly);
    }
}
