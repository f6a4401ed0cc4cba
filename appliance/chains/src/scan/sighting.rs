//! What is looked for, and what is found.

use std::collections::BTreeSet;

use exchequer_domain::{ChainAddress, OutPoint, Place, TxId};

use super::key::account_text;
use super::{Block, Key, bitcoin, evm, tron};
use crate::rpc::Wide;
use crate::{Coin, NetworkParams};

/// Money that arrived at an address of ours.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sighting {
    /// In which transaction.
    pub tx: TxId,
    /// Where in it; with `tx` the name of this arrival for ever.
    pub place: Place,
    /// Where it arrived.
    pub address: ChainAddress,
    /// What of.
    pub coin: Coin,
    /// How much, in the coin's smallest unit; never 0.
    pub amount: u128,
    /// Whether it came from an address of ours, or by a transaction that spends coins of ours: then it is no deposit.
    pub from_own: bool,
    /// Whether it was made by its block, and cannot be spent for a while (Bitcoin: 100 blocks).
    pub coinbase: bool,
}

/// Why something that may have arrived is not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unsure {
    /// The amount is more than any sum here can be.
    Amount(Wide),
    /// The transaction is of a kind that was unknown when this was written.
    Kind(u64),
    /// The address has a key of ours and no text.
    NoText,
    /// The token's balances do not follow its log, in this block or in one before it.
    Balance,
}

/// Something that may have arrived at an address of ours, and that a person has to look at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Doubt {
    /// In which transaction.
    pub tx: TxId,
    /// Where in it.
    pub place: Place,
    /// Where it arrived, where it can be said.
    pub address: Option<ChainAddress>,
    /// What of.
    pub coin: Coin,
    /// What is the matter.
    pub why: Unsure,
}

/// Why something moved nothing to us. For explanations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// The transaction failed.
    Failed,
    /// The node does not say that the call of a contract succeeded.
    NoSuccess(String),
    /// It carries nothing.
    Nothing,
    /// It goes to none of our addresses.
    NotOurs,
    /// It is no transfer: another event, or no call.
    NoTransfer,
    /// A transfer of a thing, not of an amount: four topics.
    NotFungible,
    /// An event that looks like a transfer and is none by its form.
    Misshapen,
    /// Of a contract that is not listed; written without the prefix of its network.
    Unlisted(ChainAddress),
    /// The node takes it back.
    Removed,
    /// The network's own bookkeeping, which repeats what is counted elsewhere or moves nothing.
    System,
    /// A call that failed, or inside of one that did.
    FailedCall,
    /// A token of TRON's older kind.
    Trc10,
}

/// What the owner of addresses knows.
pub trait Own {
    /// Whether the address is one of ours, of whatever purpose.
    fn holds(&self, key: &Key) -> bool;
    /// Whether the coin is one of ours: an output that an address of ours received (Bitcoin).
    fn spends(&self, coin: &OutPoint) -> bool;
}

/// What is looked for on a network.
pub struct Watch<'a> {
    /// The network.
    pub params: NetworkParams,
    /// Whose addresses.
    pub own: &'a dyn Own,
    /// Contracts of the listed tokens, without the network's prefix.
    pub tokens: &'a BTreeSet<[u8; 20]>,
}

/// Who hears what a walk through a block comes by.
pub trait Listener {
    /// Money arrived.
    fn seen(&mut self, sighting: Sighting);
    /// Something is not certain.
    fn doubt(&mut self, doubt: Doubt);
    /// A coin of ours is spent (Bitcoin).
    fn spent(&mut self, tx: TxId, coin: OutPoint);
    /// Nothing arrived there.
    fn passed(&mut self, tx: TxId, place: Place, why: impl FnOnce() -> Passed);
    /// Whether [`Listener::passed`] is to be told of a transaction whose name takes time to find.
    fn wants(&self, tx: impl FnOnce() -> TxId) -> bool;
}

/// What a block holds for us, in the block's order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// What arrived.
    pub sightings: Vec<Sighting>,
    /// What people have to look at.
    pub doubts: Vec<Doubt>,
    /// Coins of ours that transactions spend (Bitcoin): of our payments, or of somebody who has our keys.
    pub spent: Vec<(TxId, OutPoint)>,
}

impl Listener for Found {
    fn seen(&mut self, sighting: Sighting) {
        self.sightings.push(sighting);
    }
    fn doubt(&mut self, doubt: Doubt) {
        self.doubts.push(doubt);
    }
    fn spent(&mut self, tx: TxId, coin: OutPoint) {
        self.spent.push((tx, coin));
    }
    fn passed(&mut self, _: TxId, _: Place, _: impl FnOnce() -> Passed) {}
    fn wants(&self, _: impl FnOnce() -> TxId) -> bool {
        false
    }
}

/// What a block holds for us.
#[must_use]
pub fn scan(block: &Block, watch: &Watch<'_>) -> Found {
    let mut found = Found::default();
    walk(block, watch, &mut found);
    found
}

/// Goes through a block and tells a listener.
pub fn walk(block: &Block, watch: &Watch<'_>, listener: &mut impl Listener) {
    match block {
        Block::Bitcoin(block) => bitcoin::walk(block, watch, listener),
        Block::Evm(block) => evm::walk(block, watch, listener),
        Block::Tron(block) => tron::walk(block, watch, listener),
    }
}

/// A movement between accounts, before it is known whose they are.
pub(crate) struct Movement {
    pub(crate) tx: TxId,
    pub(crate) place: Place,
    /// `None` for the network's own coin.
    pub(crate) contract: Option<[u8; 20]>,
    pub(crate) from: [u8; 20],
    pub(crate) to: [u8; 20],
    pub(crate) amount: Wide,
    /// A kind of transaction that is not known.
    pub(crate) unknown_kind: Option<u64>,
}

impl Watch<'_> {
    /// Tells what a movement means to us. The amount is asked last: a movement of nothing is common, one to us is not.
    pub(crate) fn tell(&self, moved: Movement, listener: &mut impl Listener) {
        let Movement { tx, place, contract, from, to, amount, unknown_kind } = moved;
        if !self.own.holds(&Key::Account(to)) {
            return listener.passed(tx, place, || Passed::NotOurs);
        }
        if amount.is_zero() {
            return listener.passed(tx, place, || Passed::Nothing);
        }
        let text = account_text(&self.params, &to);
        let coin = match contract.map(|contract| account_text(&self.params, &contract)) {
            None => Some(Coin::Native),
            Some(token) => token.map(Coin::Token),
        };
        let unsure = unknown_kind.map(Unsure::Kind);
        match (text, coin, amount.narrow(), unsure) {
            (Some(address), Some(coin), Some(amount), None) => {
                let from_own = self.own.holds(&Key::Account(from));
                listener.seen(Sighting { tx, place, address, coin, amount, from_own, coinbase: false });
            }
            (address, coin, narrow, unsure) => {
                let why = match (unsure, narrow) {
                    (Some(why), _) => why,
                    (None, None) => Unsure::Amount(amount),
                    (None, Some(_)) => Unsure::NoText,
                };
                listener.doubt(Doubt { tx, place, address, coin: coin.unwrap_or(Coin::Native), why });
            }
        }
    }
}
