//! One deposit: what arrived where, and what became of it.

use std::fmt;

use exchequer_domain::{BlockRef, ChainAddress, Network, Place, Timestamp, TxId, UserId};
use exchequer_ledger::{Asset, Store};
use serde::{Deserialize, Serialize};

use crate::networks::{asset_key, number};
use crate::rows::Table;

/// Payments too small to be credited that are gathered on one address and could be taken back yet.
pub(crate) const GATHERED_MAX: usize = 256;

/// The number of a deposit, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DepositId(pub u64);

impl fmt::Display for DepositId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why money waits for a decision instead of being credited. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// The coin is no listed asset.
    Unlisted,
    /// The amount is more than can be counted.
    TooLarge,
    /// The address was not given to anybody yet.
    NotGiven,
    /// It went to a wallet of the exchange's.
    ToWallet,
    /// It came from an address of the exchange's, by a transaction that the exchange knows nothing of.
    OwnUnknown,
    /// The user is frozen.
    Frozen,
    /// Deposits of the asset are off; it is credited by itself once they are on again.
    Closed,
    /// So many small payments were gathered on the address that no more are, until some of them cannot be taken back.
    TooManySmall,
    /// It came in a transaction of the exchange's own, and not from the exchange: it paid somebody who paid back at once.
    ThroughOwn,
    /// It is less than the least deposit, and there is nobody to gather it for: it went to a wallet, to an address that is nobody's,
    /// or to one on which too much is gathered.
    Dust,
}

impl Why {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Why::Unlisted => "the coin is not listed",
            Why::TooLarge => "the amount is too large, or not certain",
            Why::NotGiven => "the address was not given to anybody",
            Why::ToWallet => "it went to a wallet of the exchange's own",
            Why::OwnUnknown => "it came from the exchange itself, by a transaction that nobody knows of",
            Why::Frozen => "the user is frozen",
            Why::Closed => "deposits of the asset are off",
            Why::TooManySmall => "too many small payments were gathered on the address",
            Why::ThroughOwn => "somebody paid it on in a transaction of the exchange's own",
            Why::Dust => "it is less than the least deposit, and there is nobody to gather it for",
        }
    }
}

/// Whose money is that waited for a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Assignee {
    /// A user's.
    User(UserId),
    /// The exchange's own.
    Exchange,
    /// Nobody's who did not have it before: the exchange moved it between its own addresses by hand.
    Moved {
        /// Which of the ledger's stores had it.
        from: Store,
        /// The index in the pool of the address that had it; none of a wallet's, and of coins.
        index: Option<u32>,
        /// What the network took for it out of the same store, in minor units of the network's coin.
        fee: u128,
    },
}

/// What became of a deposit. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DepositState {
    /// Seen, and in no block yet.
    Pending,
    /// In a block that is not deep enough.
    Confirming,
    /// The user can trade with it; it cannot leave yet.
    Credited,
    /// It can leave.
    Unlocked,
    /// Too small by itself; it is credited together with what else comes to its address. Where very many were gathered, an
    /// old one stays so also when their sum is credited.
    BelowMinimum,
    /// It waits for a decision.
    Suspense {
        /// Why.
        why: Why,
    },
    /// Its block is not part of the chain any more; it may come again.
    Orphaned,
    /// Another transaction took its place before it was in a block.
    Replaced,
    /// The credit was taken back.
    Reversed {
        /// What the user had no more of it and owes now, in minor units.
        debt: u128,
    },
    /// Persons decided whose it is.
    Assigned {
        /// Whose.
        to: Assignee,
    },
}

/// A state without its data. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DepositStage {
    /// [`DepositState::Pending`].
    Pending,
    /// [`DepositState::Confirming`].
    Confirming,
    /// [`DepositState::Credited`].
    Credited,
    /// [`DepositState::Unlocked`].
    Unlocked,
    /// [`DepositState::BelowMinimum`].
    BelowMinimum,
    /// [`DepositState::Suspense`].
    Suspense,
    /// [`DepositState::Orphaned`].
    Orphaned,
    /// [`DepositState::Replaced`].
    Replaced,
    /// [`DepositState::Reversed`].
    Reversed,
    /// [`DepositState::Assigned`].
    Assigned,
}

impl DepositStage {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            DepositStage::Pending => "pending",
            DepositStage::Confirming => "confirming",
            DepositStage::Credited => "credited",
            DepositStage::Unlocked => "unlocked",
            DepositStage::BelowMinimum => "below-minimum",
            DepositStage::Suspense => "suspense",
            DepositStage::Orphaned => "orphaned",
            DepositStage::Replaced => "replaced",
            DepositStage::Reversed => "reversed",
            DepositStage::Assigned => "assigned",
        }
    }
}

impl DepositState {
    /// The state without its data.
    #[must_use]
    pub const fn stage(&self) -> DepositStage {
        match self {
            DepositState::Pending => DepositStage::Pending,
            DepositState::Confirming => DepositStage::Confirming,
            DepositState::Credited => DepositStage::Credited,
            DepositState::Unlocked => DepositStage::Unlocked,
            DepositState::BelowMinimum => DepositStage::BelowMinimum,
            DepositState::Suspense { .. } => DepositStage::Suspense,
            DepositState::Orphaned => DepositStage::Orphaned,
            DepositState::Replaced => DepositStage::Replaced,
            DepositState::Reversed { .. } => DepositStage::Reversed,
            DepositState::Assigned { .. } => DepositStage::Assigned,
        }
    }
}

/// A deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deposit {
    /// Its number.
    pub id: DepositId,
    /// On which network.
    pub network: Network,
    /// By which transaction.
    pub tx: TxId,
    /// Where in it.
    pub place: Place,
    /// To which address.
    pub to: ChainAddress,
    /// The index of that address in the pool; none of a wallet's.
    pub index: Option<u32>,
    /// Which of the ledger's stores has it.
    pub store: Store,
    /// Whose it is, or would be.
    pub user: Option<UserId>,
    /// The token's contract; none for the network's own coin.
    pub coin: Option<ChainAddress>,
    /// Which asset that is; none where it is not listed.
    pub asset: Option<Asset>,
    /// How much, in the network's smallest units; none where it does not fit.
    pub amount: Option<u128>,
    /// How much the ledger counts of it, in minor units; what is left is dust.
    pub units: u128,
    /// Whether the ledger has it.
    pub booked: bool,
    /// Its block; none while it is in none.
    pub block: Option<BlockRef>,
    /// How many blocks more it takes until the network lets it be spent.
    pub immature: u32,
    /// Why it will not be credited, where that was clear from the beginning.
    pub held: Option<Why>,
    /// What became of it.
    pub state: DepositState,
    /// Replicated time of the first sight.
    pub seen: Timestamp,
    /// Replicated time of the last change.
    pub since: Timestamp,
}

/// What waits in memory must cost little.
const _: () = assert!(size_of::<Deposit>() <= 320);

impl Deposit {
    /// The height at which it counts as included: of its block, or later for what was mined.
    #[must_use]
    pub fn height(&self) -> Option<u64> {
        self.block.map(|block| block.height.saturating_add(u64::from(self.immature)))
    }

    /// Whether what it came to is not known yet, and told now: of the block that it is in.
    pub(crate) fn lacks_amount_of(&self, block: Option<BlockRef>, amount: Option<u128>) -> bool {
        let waits = matches!(self.state, DepositState::Confirming | DepositState::Suspense { .. });
        waits && self.amount.is_none() && amount.is_some() && block.is_some() && self.block == block
    }

    /// Whether nothing but a reorganisation changes it any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        match self.state {
            DepositState::Unlocked
            | DepositState::BelowMinimum
            | DepositState::Orphaned
            | DepositState::Replaced
            | DepositState::Reversed { .. }
            | DepositState::Assigned { .. } => true,
            DepositState::Pending
            | DepositState::Confirming
            | DepositState::Credited
            | DepositState::Suspense { .. } => false,
        }
    }
}

/// What is gathered on an address until it is enough to be credited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accrual {
    /// In the network's smallest units.
    pub(crate) sum: u128,
    /// The deposits that make it up, at least those of them that a reorganisation can reach. Others are in the sum alone where
    /// there were too many.
    pub(crate) deposits: Vec<DepositId>,
}

/// The row key, in [`crate::Family::Ids`], by which a payment is known for ever.
pub(crate) fn id_key(network: Network, tx: &TxId, place: Place, to: &ChainAddress) -> Vec<u8> {
    let (kind, at) = match place {
        Place::Output(at) => (0, at),
        Place::Value => (1, 0),
        Place::Call(at) => (2, at),
        Place::Log(at) => (3, at),
    };
    let (number, at) = (number(network), at.to_be_bytes());
    let parts = [number.as_slice(), &tx.0, &[kind], &at, to.as_str().as_bytes()];
    Table::DepositId.key(&parts.concat())
}

/// The row key of a deposit that is not in memory any more.
pub(crate) fn over_key(id: DepositId) -> Vec<u8> {
    Table::DepositOver.key(&id.0.to_be_bytes())
}

/// The row key of a deposit under its user and network.
pub(crate) fn of_key(user: UserId, network: Network, id: DepositId) -> Vec<u8> {
    Table::DepositOf.key(&[&user.0.to_be_bytes(), number(network).as_slice(), &id.0.to_be_bytes()].concat())
}

/// The row key of a deposit under its transaction.
pub(crate) fn tx_key(network: Network, tx: &TxId, id: DepositId) -> Vec<u8> {
    Table::DepositTx.key(&[number(network).as_slice(), &tx.0, &id.0.to_be_bytes()].concat())
}

/// The row key of what is gathered on an address.
pub(crate) fn accrual_key(network: Network, asset: Asset, index: u32) -> Vec<u8> {
    Table::Accrual.key(&[asset_key(network, asset).as_slice(), &index.to_be_bytes()].concat())
}
