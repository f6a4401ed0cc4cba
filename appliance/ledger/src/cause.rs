//! Why money moves: every posting names it.

use serde::{Deserialize, Serialize};

/// Why a transfer is made. Mandatory, and part of every posting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What kind of business.
    pub reason: Reason,
    /// Who or what caused it.
    pub actor: Actor,
    /// What caused it: a chain transaction, a command id, an order's or trade's number, right-aligned. Not zero.
    pub reference: [u8; 32],
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $byte:literal,)*) => {
        /// What kind of business moves the money. Bytes are never given to another one.
        #[repr(u8)]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Reason { $($(#[$doc])* $name = $byte,)* }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];

            pub(crate) const fn from_byte(byte: u8) -> Option<Reason> {
                match byte { $($byte => Some(Reason::$name),)* _ => None }
            }
        }
    };
}

reasons! {
    /// A customer's deposit.
    Deposit = 1,
    /// An order that keeps money back by a hold, outside the order books.
    Order = 2,
    /// A trade with its fees.
    Trade = 3,
    /// A customer's withdrawal.
    Withdrawal = 4,
    /// Coins moved between the exchange's own wallets.
    Sweep = 5,
    /// A fee paid to a network.
    Gas = 6,
    /// A fee earned outside a trade.
    Fee = 7,
    /// Money between customers or sub-accounts.
    Internal = 8,
    /// Money between the exchange and a venue, or from its owners.
    Funding = 9,
    /// A correction by a person. Needs a note.
    Adjustment = 10,
    /// A transfer is undone.
    Reversal = 11,
    /// A hold's time was over. Only the ledger itself gives this one.
    Expiry = 12,
}

/// Who or what caused a transfer. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// The rules themselves: matching, expiry.
    System,
    /// A person who operates the exchange.
    Operator(u64),
    /// A customer.
    Customer(u64),
    /// A worker.
    Worker(u64),
}

impl Actor {
    pub(crate) const fn parts(self) -> (u8, u64) {
        match self {
            Actor::System => (1, 0),
            Actor::Operator(id) => (2, id),
            Actor::Customer(id) => (3, id),
            Actor::Worker(id) => (4, id),
        }
    }

    pub(crate) const fn from_parts(kind: u8, id: u64) -> Option<Actor> {
        match (kind, id) {
            (1, 0) => Some(Actor::System),
            (2, id) => Some(Actor::Operator(id)),
            (3, id) => Some(Actor::Customer(id)),
            (4, id) => Some(Actor::Worker(id)),
            _ => None,
        }
    }
}
