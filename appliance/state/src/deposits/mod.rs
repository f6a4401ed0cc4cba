//! The room of deposits: how far each network is scanned, and what became of every payment to an address of the exchange.
//!
//! A worker says what blocks hold; when a deposit counts is decided here. It is credited, to trade with, once it is deep
//! enough, two endpoints agree on its block, and the block is final where the network tells what is; it can leave again once
//! it is deeper. In between the user's deposit is *unripe*.
//!
//! Invariants:
//! - Every height of a network is committed once, upon the block before it; a block that does not follow is refused.
//! - A payment has one number for ever, by network, transaction, place and address, in however many blocks it is seen.
//! - Nothing is credited above the height on which endpoints agree, nor above what is final where the network tells it.
//! - What is below the settled height is never rewound by a worker: the network halts, and two persons decide.
//! - What the exchange moved itself is nobody's deposit, and no new money: a move between its own addresses that nobody knows
//!   of is not booked.
//! - The network's smallest units that came in are those of the ledger and the dust of the listing, to the last one.
//!
//! In the ledger a credit debits [`Custody`](exchequer_ledger::Holder::Custody) and credits the user. Money that waits for a
//! decision is in [`Suspense`](exchequer_ledger::Holder::Suspense), what rounding gave or took is
//! [`Equity`](exchequer_ledger::Holder::Equity), and what a user owes after a reversal is the debit balance of the user's own
//! sub-account [`DEBT_SUB_ACCOUNT`], so that all of the user's sub-accounts together are what the exchange owes the user.

mod block;
mod chain;
mod deposit;
mod explain;
mod refusal;
mod rescan;
mod ripe;
mod room;

pub use block::{
    BLOCKS_AT_ONCE_MAX, PENDING_PER_NETWORK_MAX, SENDERS_MAX, SIGHTINGS_AT_ONCE_MAX, SPENT_AT_ONCE_MAX, ScannedBlock,
    Sighting,
};
pub(crate) use chain::hash_key;
pub use chain::{Chain, Chains, HEIGHT_MAX, Halted, Heights, RING_MAX, RING_MIN, has_finality_tag};
pub(crate) use deposit::{Accrual, GATHERED_MAX, accrual_key, id_key, of_key, over_key, tx_key};
pub use deposit::{Assignee, Deposit, DepositId, DepositStage, DepositState, Why};
pub use explain::{Explanation, Finding};
pub use refusal::Refusal;
pub use rescan::{RESCAN_APPLY, RESCAN_BLOCKS_MAX, rescan_range};
pub use ripe::{DEBT_SUB_ACCOUNT, NothingLeaves, Withdrawable};
pub(crate) use room::Class;
pub use room::{DEPOSITS_PAGE_MAX, DUST_SHELVED_FROM, Deposits, OPEN_DEPOSITS_PER_NETWORK_MAX};
