//! The accounts' room: the users. What `apply` needs of one takes 16 bytes of memory; labels are rows only.
//!
//! Invariants: numbers go from 1 without gaps; a user is never removed.

use exchequer_domain::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError};
use crate::halt::Halt;
use crate::rejection::{Field, Rejection};
use crate::rows::{self, Family, Rows, Table};

/// Longest label.
pub const LABEL_BYTES_MAX: usize = 100;
/// Highest KYC level.
pub const KYC_LEVEL_MAX: u8 = 3;
/// Users that one command makes at most.
pub const USERS_AT_ONCE_MAX: u32 = 10_000;
/// Users that may exist.
pub const USERS_MAX: u64 = 1 << 24;

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UserStatus {
    /// Everything.
    Active,
    /// Receive money; not send any, enter orders, sign in or get API keys. Its open orders go on until they are cancelled.
    Frozen,
}

/// A user without label and number: its row, and what memory holds of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Replicated time of its creation.
    pub created_at: Timestamp,
    /// How well the person is known, 0 to [`KYC_LEVEL_MAX`].
    pub kyc_level: u8,
    /// Which fees hold for it.
    pub fee_tier: u8,
    /// What it may do.
    pub status: UserStatus,
}

/// A million of them must cost little.
const _: () = assert!(size_of::<User>() <= 32);

/// Every user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users {
    /// In the order of their numbers.
    users: Vec<User>,
}

impl Users {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Users, Halt> {
        let mut users = Users::default();
        rows::for_each_of_table(rows, Table::User, |key, value| {
            let user = codec::decode(value).map_err(|error| Halt::row(Table::User, error))?;
            users.users.push(user);
            if key == users.count().to_be_bytes() {
                Ok(())
            } else {
                Err(Halt::row(Table::User, DecodeError::Malformed))
            }
        })?;
        Ok(users)
    }

    /// How many users there are; their numbers are all from 1 to this one.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.users.len() as u64
    }

    /// A user by number.
    #[must_use]
    pub fn get(&self, id: UserId) -> Option<&User> {
        self.users.get(usize::try_from(id.0.checked_sub(1)?).ok()?)
    }

    /// Users in the order of their numbers, from a number on.
    pub fn from(&self, first: UserId) -> impl Iterator<Item = (UserId, &User)> {
        let skipped = usize::try_from(first.0.max(1) - 1).unwrap_or(usize::MAX);
        self.users.iter().skip(skipped).zip(first.0.max(1)..).map(|(user, id)| (UserId(id), user))
    }

    /// The user with this number, or the refusal that there is none.
    pub(crate) fn known(&self, user: UserId) -> Result<&User, Rejection> {
        self.get(user).ok_or(Rejection::UserUnknown { user })
    }

    /// The number that the next user gets, if `count` more may exist.
    pub(crate) fn room_for(&self, count: u32) -> Result<UserId, Rejection> {
        let after = self.count() + u64::from(count);
        if after > USERS_MAX { Err(Rejection::UsersFull) } else { Ok(UserId(self.count() + 1)) }
    }

    /// Puts a user in its place: one that is there, or the next.
    pub(crate) fn put(&mut self, id: UserId, user: User) {
        let place = usize::try_from(id.0 - 1).unwrap_or(usize::MAX);
        match self.users.get_mut(place) {
            Some(present) => *present = user,
            None => self.users.push(user),
        }
    }
}

/// The row key of a user's label; the row is in [`Family::Ids`] and only there where the label is not empty.
#[must_use]
pub fn label_key(id: UserId) -> Vec<u8> {
    Table::UserLabel.key(&id.0.to_be_bytes())
}

/// A user's label; empty where it has none.
///
/// # Errors
/// The rows cannot be read, are damaged, or are of a newer program.
pub fn label(rows: &dyn Rows, id: UserId) -> Result<String, Halt> {
    match rows.get(Family::Ids, &label_key(id))? {
        Some(row) => codec::decode(&row).map_err(|error| Halt::row(Table::UserLabel, error)),
        None => Ok(String::new()),
    }
}

pub(crate) fn check_label(label: &str) -> Result<(), Rejection> {
    if label.len() > LABEL_BYTES_MAX || label.chars().any(char::is_control) {
        return Err(Rejection::Invalid { field: Field::UserLabel });
    }
    Ok(())
}

pub(crate) fn check_kyc_level(level: u8) -> Result<(), Rejection> {
    if level > KYC_LEVEL_MAX {
        return Err(Rejection::Invalid { field: Field::KycLevel });
    }
    Ok(())
}
