//! Events: what others act on after an entry was applied.
//!
//! Durable events are rows, numbered in `apply` from 1 without gaps, identical on every node. A request for a digest
//! concerns only the nodes that apply it and carries no number. Nor do orders and trades, whose own rows are the record;
//! what is told of them here is for those who watch now.

use exchequer_domain::{AdminId, Network, NodeId, Timestamp, UserId};
use exchequer_ledger::Asset;
use exchequer_matching::{Lots, Phase, Ticks, TradeId};
use serde::{Deserialize, Serialize};

use crate::cluster::Epoch;
use crate::codec::{self, DecodeError};
use crate::jobs::{JobId, QueueName};
use crate::markets::{Fill, MarketId, OrderRecord, TradeRecord};
use crate::people::Principal;
use crate::rows::Table;

/// What arose while an entry was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Numbered and kept.
    Durable {
        /// From 1, without gaps.
        sequence: u64,
        /// The same as the event's row.
        record: EventRecord,
    },
    /// Hash all rows as of this entry.
    DigestRequested {
        /// The entry.
        index: u64,
    },
    /// A trade was made; its row is the record for ever.
    Trade {
        /// In which market.
        market: MarketId,
        /// Its number there.
        id: TradeId,
        /// What was traded.
        record: Box<TradeRecord>,
    },
    /// An order was entered, has traded, was changed or is over.
    Order {
        /// The order as it is after this.
        record: Box<OrderRecord>,
        /// What happened to it.
        step: OrderStep,
    },
    /// A market is in another phase.
    Phase {
        /// Which market.
        market: MarketId,
        /// Which phase.
        phase: Phase,
    },
    /// Something was done in a market, once per entry and after everything else: its best prices as they are now.
    Book {
        /// Which market.
        market: MarketId,
        /// The highest bid.
        bid: Option<Best>,
        /// The lowest ask.
        ask: Option<Best>,
    },
}

/// What happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStep {
    /// It was accepted.
    Entered,
    /// What it waited for has come.
    Triggered,
    /// It traded.
    Traded {
        /// Its side of the trade.
        fill: Fill,
        /// Whether it came second.
        taker: bool,
    },
    /// Its owner changed it.
    Amended,
    /// A part of it was taken off because its owner would have traded with itself.
    Reduced,
    /// It is over, and no trade said so; its status says why. One that is measured in quote can be filled by this: what is
    /// left of it buys nothing.
    Ended,
}

/// The best price of one side of a book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Best {
    /// The price.
    pub price: Ticks,
    /// What is shown there.
    pub lots: Lots,
}

/// The row of a durable event, under its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// The entry it arose in.
    pub index: u64,
    /// Replicated time of that entry.
    pub time: Timestamp,
    /// What happened.
    pub kind: EventKind,
}

/// What happened. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// The cluster was made.
    ClusterBootstrapped,
    /// A leader began its work.
    LeaderActivated(Epoch),
    /// A setting has a new value.
    SettingChanged {
        /// Of the setting.
        key: String,
        /// The change's revision.
        revision: u64,
    },
    /// A join token was made.
    JoinTokenCreated {
        /// Of the token.
        id: [u8; 8],
        /// It cannot be used from this moment on.
        expires_at: Timestamp,
    },
    /// A node was admitted.
    NodeAdmitted {
        /// That node.
        node: NodeId,
    },
    /// A node has other addresses, another version or another key.
    NodeUpdated {
        /// That node.
        node: NodeId,
    },
    /// A node was removed.
    NodeRemoved {
        /// That node.
        node: NodeId,
    },
    /// The cluster has a new certificate authority.
    AuthorityRotated,
    /// The cluster has a new operator token.
    OperatorTokenRotated,
    /// Something done outside the state was put on record.
    ActionRecorded {
        /// Its number in the audit.
        sequence: u64,
    },
    /// Newer rules hold.
    VersionRaised {
        /// The version of the rules.
        logic_version: u32,
    },
    /// An asset was created.
    AssetCreated {
        /// Its number.
        asset: Asset,
    },
    /// A user has another level, other fees, another label or another status.
    UserUpdated {
        /// That user.
        user: UserId,
    },
    /// A job failed for good, or its deadline passed.
    JobDiscarded {
        /// That job.
        job: JobId,
        /// Its queue.
        queue: QueueName,
    },
    /// A queue was paused, goes on, or has another rate.
    QueueConfigured {
        /// That queue.
        queue: QueueName,
    },
    /// There is a new admin.
    AdminCreated {
        /// That admin.
        admin: AdminId,
    },
    /// An admin has other roles or addresses, or another status.
    AdminUpdated {
        /// That admin.
        admin: AdminId,
    },
    /// Somebody signs in with something else.
    CredentialsSet {
        /// Who.
        of: Principal,
    },
    /// An admin has signed in.
    SessionOpened {
        /// That admin.
        admin: AdminId,
    },
    /// Sessions were ended.
    SessionsClosed {
        /// Whose.
        of: Principal,
    },
    /// New sign-ins are refused after too many that failed.
    SignInsLocked {
        /// Whose.
        of: Principal,
        /// Until when.
        until: Timestamp,
    },
    /// A flag was made, changed or removed.
    FlagChanged {
        /// Its name.
        name: String,
    },
    /// A secret was put or removed.
    SecretChanged {
        /// Its name.
        name: String,
    },
    /// A network, or an asset on it, is configured otherwise.
    NetworkChanged {
        /// Which one.
        network: Network,
    },
}

impl EventRecord {
    /// Reads the value of a row of [`Table::Event`].
    ///
    /// # Errors
    /// The bytes are not an event, or one of a newer program.
    pub fn decode(bytes: &[u8]) -> Result<EventRecord, DecodeError> {
        codec::decode(bytes)
    }
}

/// The key of the event with this number.
#[must_use]
pub fn key(sequence: u64) -> Vec<u8> {
    Table::Event.key(&sequence.to_be_bytes())
}
