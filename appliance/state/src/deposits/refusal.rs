//! Why a command about deposits is refused.

use exchequer_domain::{BlockRef, ChainAddress, Code, Network};
use serde::{Deserialize, Serialize};

use super::block::{
    BLOCKS_AT_ONCE_MAX, PENDING_PER_NETWORK_MAX, SENDERS_MAX, SIGHTINGS_AT_ONCE_MAX, SPENT_AT_ONCE_MAX,
};
use super::deposit::DepositId;
use super::room::OPEN_DEPOSITS_PER_NETWORK_MAX;

/// Why it is refused. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// Only the network's deposit worker may ask for this.
    NotTheWorker,
    /// The network stands still.
    Halted {
        /// Which.
        network: Network,
    },
    /// The network does not stand still.
    NotHalted {
        /// Which.
        network: Network,
    },
    /// The parent is not the block that was scanned last.
    CursorMoved {
        /// That block; none where none was.
        tip: Option<BlockRef>,
    },
    /// No block at all, or too many at once.
    BlockCount,
    /// A block does not follow the one before it.
    BlockOrder {
        /// Its height.
        height: u64,
    },
    /// Heights that contradict each other.
    Heights,
    /// Too many payments, spent outputs or senders at once.
    SightingCount,
    /// A payment without a transaction's name, or from the same place twice.
    Sighting,
    /// The address of a payment is none of the exchange's.
    NotOurs {
        /// That address.
        address: ChainAddress,
    },
    /// As many deposits of the network are open as there may be.
    Full,
    /// The block is not one that is known, or it is not before the one that was scanned last.
    NotInRing,
    /// No such deposit.
    DepositUnknown {
        /// As given.
        deposit: DepositId,
    },
    /// The deposit does not wait for this decision.
    DepositState {
        /// Which.
        deposit: DepositId,
    },
    /// The deposit could be taken back yet: money that can leave is given to nobody before it is final.
    NotFinal {
        /// Which.
        deposit: DepositId,
    },
    /// No directive that is under way has this block committed.
    NotWanted {
        /// As given.
        directive: u64,
    },
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Refusal::NotTheWorker | Refusal::NotWanted { .. } => Code::WorkerMayNot,
            Refusal::Halted { .. } => Code::ChainHalted,
            Refusal::NotHalted { .. } => Code::AlreadyDone,
            Refusal::CursorMoved { .. } | Refusal::NotInRing => Code::CursorMoved,
            Refusal::BlockCount
            | Refusal::BlockOrder { .. }
            | Refusal::Heights
            | Refusal::SightingCount
            | Refusal::Sighting
            | Refusal::NotOurs { .. } => Code::BlocksRefused,
            Refusal::Full => Code::DepositsFull,
            Refusal::DepositUnknown { .. } => Code::DepositUnknown,
            Refusal::DepositState { .. } | Refusal::NotFinal { .. } => Code::DepositState,
        }
    }

    /// What is wrong, in words.
    #[must_use]
    pub fn message(&self) -> String {
        match self {
            Refusal::NotTheWorker => "only the network's deposit worker says what its blocks hold".into(),
            Refusal::Halted { network } => format!("{network} stands still until two persons let it go on"),
            Refusal::NotHalted { network } => format!("{network} does not stand still"),
            Refusal::CursorMoved { tip: Some(tip) } => {
                format!("the block that was scanned last is {} ({})", tip.height, tip.hash)
            }
            Refusal::CursorMoved { tip: None } => "no block was scanned yet".into(),
            Refusal::BlockCount => format!("1 to {BLOCKS_AT_ONCE_MAX} blocks are committed at once"),
            Refusal::BlockOrder { height } => format!("block {height} does not follow the one before it"),
            Refusal::Heights => {
                "what is final or agreed on is not above the head, nor the head below the blocks".into()
            }
            Refusal::SightingCount => format!(
                "a command has up to {SIGHTINGS_AT_ONCE_MAX} payments of {SENDERS_MAX} senders each and {SPENT_AT_ONCE_MAX} spent outputs, and {PENDING_PER_NETWORK_MAX} payments of a network are pending"
            ),
            Refusal::Sighting => "a payment has a transaction's name, and is named once".into(),
            Refusal::NotOurs { address } => format!("{address} is none of the exchange's addresses"),
            Refusal::Full => format!("{OPEN_DEPOSITS_PER_NETWORK_MAX} deposits of the network are open"),
            Refusal::NotInRing => "the block is not one of the latest that were scanned".into(),
            Refusal::DepositUnknown { deposit } => format!("there is no deposit {deposit}"),
            Refusal::DepositState { deposit } => format!("deposit {deposit} does not wait for this"),
            Refusal::NotWanted { directive } => {
                format!("directive {directive} does not have this block looked at again, or is over")
            }
            Refusal::NotFinal { deposit } => {
                format!("deposit {deposit} is not as deep yet as a withdrawal needs it; give it to a user once it is")
            }
        }
    }
}
