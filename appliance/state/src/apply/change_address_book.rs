//! `ChangeAddressBook`: a user says where money may go.

use std::time::Duration;

use exchequer_domain::{ChainAddress, Network, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rows::Table;
use crate::withdrawals::book::{
    self, ADDRESSES_MAX, Book, BookEntry, BookState, COOLING_LISTED_ONLY_US, COOLING_US, LABEL_BYTES_MAX,
    LISTED_ONLY_ENDS_US,
};
use crate::withdrawals::{MEMO_BYTES_MAX, Refusal};

/// How long a second factor holds that was shown for a change.
const PROOF_AGE_MAX: Duration = Duration::from_secs(5 * 60);

/// Changes a user's address book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeAddressBook {
    /// Whose.
    pub user: UserId,
    /// What.
    pub change: BookChange,
    /// When a second factor was shown for this very change, as the door checked; none where none was.
    pub proved: Option<Timestamp>,
}

/// What changes. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BookChange {
    /// An address is entered. With a second factor it begins to cool down at once; without one it waits for it.
    Add {
        /// On which network.
        network: Network,
        /// The address, in canonical form.
        address: ChainAddress,
        /// What its receiver wants to be told.
        memo: Option<String>,
        /// For the user.
        label: String,
    },
    /// A second factor was shown for an address that waits for it.
    Confirm {
        /// On which network.
        network: Network,
        /// The address.
        address: ChainAddress,
        /// Its memo.
        memo: Option<String>,
    },
    /// An address is taken out.
    Archive {
        /// On which network.
        network: Network,
        /// The address.
        address: ChainAddress,
        /// Its memo.
        memo: Option<String>,
    },
    /// Only listed addresses are paid from now on, or others too in two days.
    ListedOnly(bool),
}

impl BookChange {
    /// Whether it only makes less possible.
    #[must_use]
    pub const fn only_restricts(&self) -> bool {
        match self {
            BookChange::Archive { .. } | BookChange::ListedOnly(true) => true,
            BookChange::Add { .. } | BookChange::Confirm { .. } | BookChange::ListedOnly(false) => false,
        }
    }

    const fn address(&self) -> Option<(Network, &ChainAddress, &Option<String>)> {
        match self {
            BookChange::Add { network, address, memo, .. }
            | BookChange::Confirm { network, address, memo }
            | BookChange::Archive { network, address, memo } => Some((*network, address, memo)),
            BookChange::ListedOnly(_) => None,
        }
    }
}

impl ChangeAddressBook {
    /// The row keys that it looks up, in order.
    pub(super) fn lookups(&self) -> Vec<Vec<u8>> {
        let mut keys = vec![book::book_key(self.user)];
        if let Some((network, address, memo)) = self.change.address() {
            keys.push(book::entry_key(self.user, network, address, memo.as_deref()));
        }
        keys
    }

    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let ChangeAddressBook { user, change, proved } = self;
        entry.state.users.known(user)?;
        entry.check_key(actor)?;
        // Nobody but the very user shows its second factor.
        if proved.is_some() && actor != Actor::User(user) {
            return Err(Refusal::Proof.into());
        }
        let now = entry.now;
        let fresh = |at: Timestamp| at <= now && now.since(at) <= PROOF_AGE_MAX;
        if proved.is_some_and(|at| !fresh(at)) {
            return Err(Refusal::Proof.into());
        }
        let key = book::book_key(user);
        let mut book: Book = entry.row(Table::AddressBook, &key)?.unwrap_or_default();
        let after = |us: u64| Timestamp(now.0.saturating_add(us));
        let cooled = || match book.is_listed_only(now) {
            true => BookState::From(after(COOLING_LISTED_ONLY_US)),
            false => BookState::From(after(COOLING_US)),
        };
        match change {
            BookChange::Add { network, address, memo, label } => {
                let bad_memo =
                    |memo: &str| memo.is_empty() || memo.len() > MEMO_BYTES_MAX || memo.contains(char::is_control);
                if memo.as_deref().is_some_and(bad_memo) {
                    return Err(Refusal::Memo.into());
                }
                let at = book::entry_key(user, network, &address, memo.as_deref());
                let known: Option<BookEntry> = entry.row(Table::AddressBookEntry, &at)?;
                let archived = known.as_ref().is_some_and(|known| known.state == BookState::Archived);
                let bad_label = label.len() > LABEL_BYTES_MAX || label.contains(char::is_control);
                if bad_label || (known.is_some() && !archived) || (known.is_none() && book.count >= ADDRESSES_MAX) {
                    return Err(Refusal::Book.into());
                }
                let state = if proved.is_some() { cooled() } else { BookState::Pending };
                if known.is_none() {
                    book.count += 1;
                    entry.put_row(Table::AddressBook, key, &book);
                }
                if state != BookState::Pending {
                    entry.know_address(user, network, &address)?;
                }
                let new = BookEntry { network, address, memo, label, added: now, state };
                entry.put_row(Table::AddressBookEntry, at, &new);
            }
            BookChange::Confirm { network, address, memo } => {
                if proved.is_none() {
                    return Err(Refusal::Proof.into());
                }
                let at = book::entry_key(user, network, &address, memo.as_deref());
                let known: Option<BookEntry> = entry.row(Table::AddressBookEntry, &at)?;
                let known = known.filter(|known| known.state == BookState::Pending).ok_or(Refusal::Book)?;
                entry.know_address(user, network, &address)?;
                entry.put_row(Table::AddressBookEntry, at, &BookEntry { state: cooled(), ..known });
            }
            BookChange::Archive { network, address, memo } => {
                let at = book::entry_key(user, network, &address, memo.as_deref());
                let known: Option<BookEntry> = entry.row(Table::AddressBookEntry, &at)?;
                let known = known.filter(|known| known.state != BookState::Archived).ok_or(Refusal::Book)?;
                entry.put_row(Table::AddressBookEntry, at, &BookEntry { state: BookState::Archived, ..known });
            }
            BookChange::ListedOnly(true) => {
                (book.listed_only, book.listed_only_ends) = (true, None);
                entry.put_row(Table::AddressBook, key, &book);
            }
            BookChange::ListedOnly(false) => {
                if proved.is_none() {
                    return Err(Refusal::Proof.into());
                }
                if book.is_listed_only(now) && book.listed_only_ends.is_none() {
                    book.listed_only_ends = Some(after(LISTED_ONLY_ENDS_US));
                    entry.put_row(Table::AddressBook, key, &book);
                }
            }
        }
        entry.event(EventKind::AddressBookChanged { user });
        Ok(Done::AddressBookChanged)
    }
}
