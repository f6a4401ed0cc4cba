//! Users' address books: where somebody wants to withdraw to, and since when.
//!
//! A new address cools down before it counts: whoever takes an account over cannot pay to an address of their own at once.
//! Rows are read when they are needed; nothing of this is in memory.

use exchequer_domain::{ChainAddress, Network, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::policy::DAY_US;
use crate::codec::{self, DecodeError};
use crate::halt::Halt;
use crate::rows::{Family, Rows, Table};

/// How long a new address cools down, in microseconds.
pub const COOLING_US: u64 = DAY_US;
/// The same where only listed addresses are paid.
pub const COOLING_LISTED_ONLY_US: u64 = 2 * DAY_US;
/// How long it takes until others than listed addresses are paid again, in microseconds.
pub const LISTED_ONLY_ENDS_US: u64 = 2 * DAY_US;
/// Addresses of one user's book, archived ones included.
pub const ADDRESSES_MAX: u32 = 500;
/// Longest label.
pub const LABEL_BYTES_MAX: usize = 60;

/// What became of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BookState {
    /// It waits for a second factor.
    Pending,
    /// It counts from a moment on.
    From(Timestamp),
    /// It was taken out.
    Archived,
}

/// An address of a user's book: its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookEntry {
    /// On which network.
    pub network: Network,
    /// The address.
    pub address: ChainAddress,
    /// What its receiver wants to be told.
    pub memo: Option<String>,
    /// For the user.
    pub label: String,
    /// When it was entered.
    pub added: Timestamp,
    /// What became of it.
    pub state: BookState,
}

impl BookEntry {
    /// Whether it counts now.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        match self.state {
            BookState::From(from) => from <= now,
            BookState::Pending | BookState::Archived => false,
        }
    }

    /// The word for its state.
    #[must_use]
    pub fn word(&self, now: Timestamp) -> &'static str {
        match self.state {
            BookState::Pending => "pending",
            BookState::From(from) if from > now => "cooling",
            BookState::From(_) => "active",
            BookState::Archived => "archived",
        }
    }
}

/// What holds of a user's book as a whole: its row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// How many addresses are in it.
    pub count: u32,
    /// Whether only listed addresses are paid.
    pub listed_only: bool,
    /// From this moment on others are paid again.
    pub listed_only_ends: Option<Timestamp>,
}

impl Book {
    /// Whether only listed addresses are paid now.
    #[must_use]
    pub fn is_listed_only(&self, now: Timestamp) -> bool {
        self.listed_only && self.listed_only_ends.is_none_or(|ends| ends > now)
    }
}

/// The key of what holds of a user's book.
pub(crate) fn book_key(user: UserId) -> Vec<u8> {
    Table::AddressBook.key(&user.0.to_be_bytes())
}

/// The key of an address of a user's book. A memo makes another receiver.
pub(crate) fn entry_key(user: UserId, network: Network, address: &ChainAddress, memo: Option<&str>) -> Vec<u8> {
    let hash = blake3::hash(&codec::append(Vec::new(), &(address.as_str(), memo)));
    let network = (network as u16).to_be_bytes();
    Table::AddressBookEntry.key(&[&user.0.to_be_bytes(), network.as_slice(), &hash.as_bytes()[..16]].concat())
}

/// A user's book, in no order that means anything.
///
/// # Errors
/// The rows cannot be read, are damaged, or are of a newer program.
pub fn entries(rows: &dyn Rows, user: UserId) -> Result<Vec<BookEntry>, Halt> {
    let from = Table::AddressBookEntry.key(&user.0.to_be_bytes());
    let until = Table::AddressBookEntry.key(&user.0.saturating_add(1).to_be_bytes());
    let page = rows.scan(Family::Ids, &from, &until, ADDRESSES_MAX as usize, false)?;
    let decoded: Result<Vec<BookEntry>, DecodeError> = page.iter().map(|(_, row)| codec::decode(row)).collect();
    decoded.map_err(|error| Halt::row(Table::AddressBookEntry, error))
}

/// What holds of a user's book as a whole.
///
/// # Errors
/// As [`entries`].
pub fn book(rows: &dyn Rows, user: UserId) -> Result<Book, Halt> {
    let row = rows.get(Family::Ids, &book_key(user))?;
    let row = row.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::AddressBook, error)));
    Ok(row.transpose()?.unwrap_or_default())
}
