//! Double entry: accounts, transfers, holds and the journal. Commands in; outcomes and changed rows out.
//!
//! A *transfer* has an id, a cause and one or more *legs*; each leg moves, holds, captures or releases one amount
//! between one debit and one credit account of the same asset, so that nothing unbalanced can be expressed. What a leg
//! did is a *posting* in the *journal*: numbered from 1 without gaps, with the sums of both accounts afterwards.
//!
//! # Boundary
//! Accounts, open holds and recent ids are in memory; the journal, the ids for ever and the balances over time are
//! rows that the caller keeps and shows again through [`History`]. [`Ledger::enter`] opens a log entry, in which other
//! rooms of the state may move money command by command; [`Ledger::apply`] runs a whole list.
//!
//! A warm transfer writes no row of its own. Postings go in blocks of one log entry; ids that ascend with time go in
//! sorted pages; rows of accounts and holds are written when their last change leaves a window of 65,536 postings, and
//! a load reads the window again from the journal. So rows depend on entries alone: they are the same on every node,
//! also after a restart.
//!
//! Orders keep money back by *reservations*, which are no postings: [`reservation`] says why.
//!
//! # Invariants
//! - Per asset, debits equal credits, posted and pending; every sum is the fold of its account's postings.
//! - A command validates, then mutates, or is rewound whole; a refused one changes nothing but burns its id, as
//!   [`outcome`] says.
//! - No clock, no randomness, no iteration over hash maps. Bad input never halts; a [`Halt`] means that this node
//!   cannot go on, and the ledger in memory must be dropped.
//!
//! The chart of accounts is in [`chart`]; worked examples are in the README beside this crate and are tests.

pub mod account;
mod accounts;
mod bulk;
pub mod cause;
pub mod chart;
mod check;
mod codec;
mod command;
mod entry;
mod halt;
pub mod hold;
mod ids;
mod journal;
mod ledger;
pub mod limits;
mod load;
mod opening;
pub mod outcome;
mod own;
mod planted;
pub mod posting;
mod problem;
pub mod query;
mod rehearsal;
pub mod reservation;
mod revert;
pub mod rows;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;
pub mod transfer;
pub mod trial;
mod undo;
pub mod verify;

pub use account::{Account, AccountId, AccountKey, Asset, OpenAccount, Sums};
pub use cause::{Actor, Cause, Reason};
pub use chart::{Holder, Side, Store};
pub use codec::DecodeError;
pub use command::Command;
pub use entry::Entry;
pub use halt::Halt;
pub use hold::Hold;
pub use ledger::{Applied, At, Ledger, Total, Trial};
pub use opening::Progress;
pub use outcome::{BulkFault, Done, Fault, Field, Outcome, Rejection};
pub use posting::{Kind, Posting};
pub use rehearsal::{Rehearsal, Rehearsed};
pub use revert::Revert;
pub use rows::{Change, Edit, Family, History, HistoryUnavailable, Row, Table, Visit};
pub use transfer::{HoldId, Leg, Legs, Transfer, TransferId};
pub use trial::TrialBalance;
pub use verify::Verification;
