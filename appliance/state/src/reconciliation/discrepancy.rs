//! Discrepancies: where what is and what should be differ, since when, what it seems to be, and what people made of it.

use std::fmt;

use exchequer_domain::{Network, Timestamp, TxId};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use super::position::Spot;
use crate::command::Actor;
use crate::event::Severity;
use crate::networks::number;
use crate::planted::{self, Bug};

/// Lines of a discrepancy's story; the first ones and the latest are kept.
pub const STORY_LINES_MAX: usize = 40;
/// Longest line.
pub const STORY_BYTES_MAX: usize = 500;

/// The number of a discrepancy, from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiscrepancyId(pub u64);

impl fmt::Display for DiscrepancyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where two sides differ. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    /// An address, between the chain and what the books expect there.
    Spot(Spot),
    /// An asset on a network, between the ledger and what all addresses together are expected to hold.
    Books {
        /// Which network.
        network: Network,
        /// Which asset.
        asset: Asset,
    },
    /// An asset, between what the exchange has and what it owes.
    Solvency {
        /// Which asset.
        asset: Asset,
    },
    /// The ledger in itself.
    Ledger,
    /// What the ledger keeps back for open orders and withdrawals, and what those say.
    Locks,
    /// A network's chain, between its nodes and what was scanned.
    Chain {
        /// Which network.
        network: Network,
    },
    /// The income from fees of an asset, between what trades and withdrawals took and what the ledger has.
    Fees {
        /// Which asset.
        asset: Asset,
    },
    /// An asset on a network, on all addresses where a little is more than expected: each less than the least deposit.
    Dust {
        /// Which network.
        network: Network,
        /// Which asset.
        asset: Asset,
    },
    /// A transaction of the exchange's own, between what it did on chain and what the ledger has of it.
    Own {
        /// Which network.
        network: Network,
        /// Which transaction.
        tx: TxId,
        /// Of which asset.
        asset: Asset,
    },
    /// What is to be read on a network, and what its worker told.
    Unread {
        /// Which network.
        network: Network,
    },
    /// The discrepancies themselves: there are more than have room.
    Room,
}

/// How far a stop of withdrawals goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reach {
    /// One network, whatever the asset.
    Network(Network),
    /// One asset, on every network.
    Asset(Asset),
    /// Everything.
    Everywhere,
}

impl Reach {
    /// The end of its row's key.
    pub(crate) fn key(self) -> Vec<u8> {
        match self {
            Reach::Network(network) => [&[0], number(network).as_slice()].concat(),
            Reach::Asset(asset) => [&[1], asset.0.to_be_bytes().as_slice()].concat(),
            Reach::Everywhere => vec![2],
        }
    }

    /// What such an end says.
    pub(crate) fn of_key(key: &[u8]) -> Option<Reach> {
        match key.split_first()? {
            (0, rest) => Network::ALL.iter().copied().find(|known| number(*known) == *rest).map(Reach::Network),
            (1, rest) => Some(Reach::Asset(Asset(u32::from_be_bytes(rest.try_into().ok()?)))),
            (2, []) => Some(Reach::Everywhere),
            _ => None,
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reach::Network(network) => network.fmt(f),
            Reach::Asset(asset) => write!(f, "asset {}", asset.0),
            Reach::Everywhere => f.write_str("everywhere"),
        }
    }
}

impl Scope {
    /// The network that it is on; none where it is on none alone.
    #[must_use]
    pub const fn network(&self) -> Option<Network> {
        match self {
            Scope::Spot(spot) => Some(spot.network),
            Scope::Books { network, .. }
            | Scope::Chain { network }
            | Scope::Dust { network, .. }
            | Scope::Own { network, .. }
            | Scope::Unread { network } => Some(*network),
            Scope::Solvency { .. } | Scope::Ledger | Scope::Locks | Scope::Fees { .. } | Scope::Room => None,
        }
    }

    /// How far withdrawals stop where something is missing here, or is wrong; none where nothing stops.
    #[must_use]
    pub const fn reach(&self) -> Option<Reach> {
        match self {
            Scope::Spot(spot) => Some(Reach::Network(spot.network)),
            Scope::Books { network, .. } => Some(Reach::Network(*network)),
            Scope::Solvency { asset } => Some(Reach::Asset(*asset)),
            Scope::Ledger | Scope::Locks | Scope::Fees { .. } => Some(Reach::Everywhere),
            Scope::Chain { .. } | Scope::Dust { .. } | Scope::Own { .. } | Scope::Unread { .. } | Scope::Room => None,
        }
    }
}

/// What a difference seems to be. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Class {
    /// Something is under way, and one side has heard of it.
    Timing,
    /// There is more than the books know of.
    MissedDeposit,
    /// Something is gone that nobody of the exchange's sent.
    UnknownOutflow,
    /// A network took another fee than was told.
    Fee,
    /// What rounding to the ledger's unit leaves.
    Rounding,
    /// The chain is another one than what was scanned.
    Reorg,
    /// Endpoints contradict each other.
    RpcFault,
    /// A transaction of the exchange's own is in the chain, and after two finality periods not in the books, or the other way
    /// round.
    Unbooked,
    /// The exchange has less than it owes.
    Shortfall,
    /// The books contradict themselves.
    Inconsistent,
    /// Nobody knows: something is not read, or finds no room here.
    Unread,
}

impl Class {
    /// Every class.
    pub const ALL: &'static [Class] = &[
        Class::Timing,
        Class::MissedDeposit,
        Class::UnknownOutflow,
        Class::Fee,
        Class::Rounding,
        Class::Reorg,
        Class::RpcFault,
        Class::Unbooked,
        Class::Shortfall,
        Class::Inconsistent,
        Class::Unread,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::Timing => "timing",
            Class::MissedDeposit => "missed-deposit",
            Class::UnknownOutflow => "unknown-outflow",
            Class::Fee => "fee",
            Class::Rounding => "rounding",
            Class::Reorg => "reorg",
            Class::RpcFault => "rpc-fault",
            Class::Unbooked => "unbooked",
            Class::Shortfall => "shortfall",
            Class::Inconsistent => "inconsistent",
            Class::Unread => "unread",
        }
    }

    /// Whether it stops withdrawals, whatever the amount.
    #[must_use]
    pub const fn stops(self) -> bool {
        match self {
            Class::UnknownOutflow | Class::Shortfall | Class::Inconsistent => true,
            Class::Timing
            | Class::MissedDeposit
            | Class::Fee
            | Class::Rounding
            | Class::Reorg
            | Class::RpcFault
            | Class::Unbooked
            | Class::Unread => false,
        }
    }
}

/// What became of a discrepancy. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// Nobody has said anything.
    Open,
    /// A person said what it is; it is there yet.
    Explained,
    /// Two persons put the books right.
    Adjusted,
    /// It is over.
    Closed,
}

impl Status {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Open => "open",
            Status::Explained => "explained",
            Status::Adjusted => "adjusted",
            Status::Closed => "closed",
        }
    }
}

/// What an adjustment is booked as. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Category {
    /// It was there before the exchange watched the address: the owners'.
    OpeningBalance,
    /// Somebody's, and nobody knows whose: it goes into suspense.
    UnknownSender,
    /// Nobody's deposit, such as an airdrop or a reward: the owners'.
    Windfall,
    /// A network took it, or gave it back.
    NetworkFee,
    /// It is lost, and the owners bear it.
    Loss,
    /// What rounding left.
    Rounding,
    /// The owners moved it by hand.
    OwnersMove,
}

impl Category {
    /// Every category.
    pub const ALL: &'static [Category] = &[
        Category::OpeningBalance,
        Category::UnknownSender,
        Category::Windfall,
        Category::NetworkFee,
        Category::Loss,
        Category::Rounding,
        Category::OwnersMove,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Category::OpeningBalance => "opening-balance",
            Category::UnknownSender => "unknown-sender",
            Category::Windfall => "windfall",
            Category::NetworkFee => "network-fee",
            Category::Loss => "loss",
            Category::Rounding => "rounding",
            Category::OwnersMove => "owners-move",
        }
    }

    /// Whether it can be of what is more, or of what is less, than it should be.
    #[must_use]
    pub const fn fits(self, surplus: bool) -> bool {
        match self {
            Category::OpeningBalance | Category::UnknownSender | Category::Windfall => surplus,
            Category::Loss => !surplus,
            Category::NetworkFee | Category::Rounding | Category::OwnersMove => true,
        }
    }
}

/// A line of a story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Replicated time.
    pub at: Timestamp,
    /// Who; none where it came by itself.
    pub by: Option<Actor>,
    /// What.
    pub what: String,
}

/// A discrepancy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discrepancy {
    /// Its number.
    pub id: DiscrepancyId,
    /// Where.
    pub scope: Scope,
    /// Of which asset, where it is of one that is listed.
    pub asset: Option<Asset>,
    /// What is there above what should be; less than zero where something is missing. In the network's smallest units where
    /// the scope is of a network, in minor units of the asset otherwise.
    pub amount: i128,
    /// What it seems to be.
    pub class: Class,
    /// How urgent it is.
    pub severity: Severity,
    /// What became of it.
    pub status: Status,
    /// Replicated time of the first sight.
    pub first_seen: Timestamp,
    /// Replicated time of the last sight.
    pub last_seen: Timestamp,
    /// Since when the two sides agree again; none while they do not.
    pub gone: Option<Timestamp>,
    /// The amount with which persons let withdrawals go on.
    pub accepted: Option<i128>,
    /// What happened to it.
    pub story: Vec<Line>,
}

/// The longest story, with the longest lines, is far from the length of a row.
const _: () = assert!(STORY_LINES_MAX * STORY_BYTES_MAX <= 32 << 10);

impl Discrepancy {
    /// Adds a line. Where there are as many as there may be, one from the middle goes.
    pub(crate) fn tell(&mut self, at: Timestamp, by: Option<Actor>, mut what: String) {
        let end = (0..=STORY_BYTES_MAX.min(what.len())).rev().find(|end| what.is_char_boundary(*end));
        what.truncate(end.unwrap_or(0));
        if self.story.len() >= STORY_LINES_MAX {
            self.story.remove(STORY_LINES_MAX / 2);
        }
        self.story.push(Line { at, by, what });
    }

    /// Persons accepted what was missing, and no more than that: where less is missing now they have accepted less.
    pub(crate) fn accept_at_most(&mut self, amount: i128) {
        if !planted::has(Bug::AcceptedForEver) {
            self.accepted = self.accepted.map(|accepted| accepted.max(amount));
        }
    }

    /// How far it stops withdrawals: something is missing or wrong, and more than persons have accepted. None where it does not.
    #[must_use]
    pub fn stops(&self) -> Option<Reach> {
        let open = matches!(self.status, Status::Open | Status::Explained);
        let unseen = self.accepted.is_none_or(|accepted| self.amount < accepted);
        self.scope.reach().filter(|_| open && unseen && self.class.stops())
    }

    /// What persons accept who let withdrawals go on: where the two sides agree again nothing is missing.
    #[must_use]
    pub const fn to_accept(&self) -> i128 {
        if self.gone.is_some() { 0 } else { self.amount }
    }
}
