//! Why a command about reconciliation is refused.

use exchequer_domain::{BlockRef, ChainAddress, Code};
use serde::{Deserialize, Serialize};

use super::discrepancy::{Category, DiscrepancyId, Reach, STORY_BYTES_MAX, Status};
use super::room::OPEN_DISCREPANCIES_MAX;
use super::run::{READINGS_AT_ONCE_MAX, RunId};

/// Why it is refused. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// Only the network's worker for it may ask for this.
    NotTheWorker,
    /// No run of this number is going on.
    RunUnknown {
        /// The one that is, if any.
        present: Option<RunId>,
    },
    /// A block is none that was scanned, is not known to be final, or what was known of it is folded into positions.
    BlockUnknown {
        /// That block.
        block: BlockRef,
        /// From this height on blocks can be compared.
        floor: u64,
    },
    /// No reading at all, or too many at once.
    ReadingCount,
    /// The address is none of the exchange's.
    NotOurs {
        /// That address.
        address: ChainAddress,
    },
    /// No such discrepancy is open.
    DiscrepancyUnknown {
        /// As given.
        discrepancy: DiscrepancyId,
    },
    /// The discrepancy is in a state in which this cannot be.
    DiscrepancyStatus {
        /// Which state.
        status: Status,
    },
    /// The amount has changed meanwhile.
    AmountMoved {
        /// The amount now.
        amount: i128,
    },
    /// Both sides differ yet.
    StillThere,
    /// The category cannot be of this.
    Category {
        /// As given.
        category: Category,
    },
    /// It has no two sides in the ledger that a posting could make equal.
    NotAdjustable,
    /// Another person has to agree first: propose it.
    SecondPerson,
    /// The explanation is empty or too long.
    Explanation,
    /// Withdrawals were not stopped so far.
    NotStopped {
        /// How far.
        reach: Reach,
    },
    /// A discrepancy stops withdrawals, and whoever lets them go on has not seen it, or has seen less.
    NotSeen {
        /// Which.
        discrepancy: DiscrepancyId,
        /// What it comes to now.
        amount: i128,
    },
    /// Too many discrepancies are named at once, or one twice.
    SeenCount,
    /// Something of a token is told that is not listed there.
    TokenUnknown {
        /// As given.
        token: ChainAddress,
    },
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Refusal::NotTheWorker => Code::WorkerMayNot,
            Refusal::RunUnknown { .. } | Refusal::BlockUnknown { .. } => Code::RunUnknown,
            Refusal::ReadingCount | Refusal::NotOurs { .. } | Refusal::TokenUnknown { .. } => Code::ReadingsRefused,
            Refusal::DiscrepancyUnknown { .. } => Code::DiscrepancyUnknown,
            Refusal::DiscrepancyStatus { .. }
            | Refusal::StillThere
            | Refusal::AmountMoved { .. }
            | Refusal::NotSeen { .. }
            | Refusal::SeenCount => Code::DiscrepancyState,
            Refusal::Category { .. } | Refusal::NotAdjustable | Refusal::Explanation => Code::AdjustmentRefused,
            Refusal::SecondPerson => Code::AdjustmentAlone,
            Refusal::NotStopped { .. } => Code::AlreadyDone,
        }
    }

    /// What is wrong, in words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Refusal::NotTheWorker => "only the network's balance-sync worker says what is on its addresses".into(),
            Refusal::RunUnknown { present: Some(present) } => format!("run {present} is going on, and no other one"),
            Refusal::RunUnknown { present: None } => "no run is going on: begin one".into(),
            Refusal::BlockUnknown { block, floor } => format!(
                "block {} ({}) is none that was scanned from height {floor} on and is final; read again at one that is",
                block.height, block.hash
            ),
            Refusal::ReadingCount => format!("1 to {READINGS_AT_ONCE_MAX} readings are told at once"),
            Refusal::NotOurs { address } => format!("{address} is none of the exchange's addresses"),
            Refusal::DiscrepancyUnknown { discrepancy } => format!("no discrepancy {discrepancy} is open"),
            Refusal::DiscrepancyStatus { status } => format!("the discrepancy is {}", status.as_str()),
            Refusal::AmountMoved { amount } => format!("the difference is {amount} by now; decide anew"),
            Refusal::StillThere => {
                "the two sides differ yet: adjust the books, or explain it without closing it".into()
            }
            Refusal::Category { category } => {
                format!("the category {} is not for a difference of this sign", category.as_str())
            }
            Refusal::NotAdjustable => {
                "no posting can make the two sides equal: find the cause, then close it with an explanation".into()
            }
            Refusal::SecondPerson => {
                "an adjustment is carried out as the operation of a proposal that another person approved".into()
            }
            Refusal::Explanation => format!("an explanation has 1 to {STORY_BYTES_MAX} bytes"),
            Refusal::NotStopped { reach: Reach::Everywhere } => {
                "withdrawals were not stopped everywhere because the books contradict themselves".into()
            }
            Refusal::NotStopped { reach } => {
                format!("withdrawals of {reach} were not stopped because something was missing")
            }
            Refusal::NotSeen { discrepancy, amount } => format!(
                "discrepancy {discrepancy} stops withdrawals and comes to {amount} now, which was not named: look at it, and \
                 decide anew"
            ),
            Refusal::SeenCount => {
                format!("each discrepancy is named once, and {OPEN_DISCREPANCIES_MAX} of them at most")
            }
            Refusal::TokenUnknown { token } => format!("no token {token} is listed there"),
        }
    }
}
