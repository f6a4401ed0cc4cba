//! One admin: who it is, what for, and from where.

use exchequer_domain::{AdminId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Permission, Role};
use crate::api_keys::Range;
use crate::rejection::{Field, Rejection};

/// Admins that may exist, disabled ones included.
pub const ADMINS_MAX: usize = 1_024;
/// Longest name to sign in with.
pub const ADMIN_NAME_BYTES_MAX: usize = 64;
/// Longest identity of a person.
pub const PERSON_BYTES_MAX: usize = 100;
/// Ranges of addresses that an admin may act from.
pub const ADMIN_RANGES_MAX: usize = 30;

/// Whether an admin may act. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminStatus {
    /// As its roles say.
    Active,
    /// Not at all.
    Disabled,
}

impl AdminStatus {
    /// The word for it in listings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            AdminStatus::Active => "active",
            AdminStatus::Disabled => "disabled",
        }
    }
}

/// Someone who administers the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admin {
    /// From 1.
    pub id: AdminId,
    /// What is typed to sign in.
    pub name: String,
    /// Who it is: a personnel number, an e-mail address. The same text on two accounts is the same person.
    pub person: String,
    /// What for; sorted, each once.
    pub roles: Vec<Role>,
    /// Whether it may act.
    pub status: AdminStatus,
    /// From where it may act; from anywhere when there is none.
    pub ranges: Vec<Range>,
    /// Replicated time of its creation.
    pub created_at: Timestamp,
}

impl Admin {
    /// Whether it is active and has a role that allows this.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.status == AdminStatus::Active && self.roles.iter().any(|role| role.permissions().contains(&permission))
    }

    /// What it may do now.
    pub fn permissions(&self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(|permission| self.may(*permission))
    }

    /// Whether it may act from an address; where that is not known, only if it may from anywhere.
    #[must_use]
    pub fn allows(&self, address: Option<std::net::IpAddr>) -> bool {
        self.ranges.is_empty() || address.is_some_and(|address| self.ranges.iter().any(|range| range.contains(address)))
    }

    pub(crate) fn is_active_owner(&self) -> bool {
        self.status == AdminStatus::Active && self.roles.contains(&Role::Owner)
    }
}

/// Whether a name can be signed in with, an admin's or a user's.
///
/// # Errors
/// `Invalid`.
pub fn check_sign_in_name(name: &str) -> Result<(), Rejection> {
    let of_names = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_@+".contains(&byte);
    if (1..=ADMIN_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(of_names) {
        Ok(())
    } else {
        Err(Rejection::Invalid { field: Field::SignInName })
    }
}

/// Whether an admin can have a name: one of digits alone could be taken for another admin's number.
///
/// # Errors
/// `Invalid`.
pub fn check_admin_name(name: &str) -> Result<(), Rejection> {
    check_sign_in_name(name)?;
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Rejection::Invalid { field: Field::SignInName });
    }
    Ok(())
}

pub(crate) fn check_person(person: &str) -> Result<(), Rejection> {
    let blank = person.trim() != person || person.is_empty();
    if blank || person.len() > PERSON_BYTES_MAX || person.chars().any(char::is_control) {
        return Err(Rejection::Invalid { field: Field::Person });
    }
    Ok(())
}

/// Sorts roles and refuses those that nobody may have together.
pub(crate) fn check_roles(mut roles: Vec<Role>) -> Result<Vec<Role>, Rejection> {
    roles.sort_unstable();
    roles.dedup();
    let may = |permission| roles.iter().any(|role| role.permissions().contains(&permission));
    if roles.is_empty() || (may(Permission::MoneyMove) && may(Permission::ApproveMoney)) {
        return Err(Rejection::Invalid { field: Field::AdminRoles });
    }
    Ok(roles)
}

pub(crate) fn check_ranges(ranges: &[Range]) -> Result<(), Rejection> {
    if ranges.len() > ADMIN_RANGES_MAX || !ranges.iter().all(Range::is_sound) {
        return Err(Rejection::Invalid { field: Field::AdminRanges });
    }
    Ok(())
}
