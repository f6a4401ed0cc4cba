//! `CommitBlocks` and `NotePending`: what the blocks of a network hold for the exchange.

use std::collections::BTreeSet;

use exchequer_domain::{BlockRef, Family as ChainFamily, Network, OutPoint, Place, TxId};
use exchequer_ledger::Store;
use serde::{Deserialize, Serialize};

use super::deposits::check_scanner;
use super::{Entry, Stop};
use crate::command::Actor;
use crate::custody::{self, Coin, CoinState, Keyed, PoolAddress};
use crate::deposits::{
    self, BLOCKS_AT_ONCE_MAX, Chain, Class, Deposit, DepositId, DepositState, Heights, PENDING_PER_NETWORK_MAX,
    Refusal, SENDERS_MAX, SIGHTINGS_AT_ONCE_MAX, SPENT_AT_ONCE_MAX, ScannedBlock, Sighting, Why,
};
use crate::event::{EventKind, Severity};
use crate::halt::Halt;
use crate::outcome::Done;
use crate::planted::{self, Bug};
use crate::rows::Table;

/// Commits blocks of a network, each upon the one before it, and credits what has become deep enough thereby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitBlocks {
    /// Which network.
    pub network: Network,
    /// The block that was committed last; before the first one, the block at which scanning begins.
    pub parent: BlockRef,
    /// The blocks after it, without gaps.
    pub blocks: Vec<ScannedBlock>,
    /// Whether the last of them has more payments than are told here: it is told again, with the next ones.
    pub more: bool,
    /// The height that the network's nodes are at.
    pub head: u64,
    /// The height that is final, where they tell.
    pub finalized: Option<u64>,
    /// The height up to which two endpoints tell the same blocks.
    pub agreed: u64,
}

impl CommitBlocks {
    /// The rows that it looks up.
    pub(super) fn lookups(&self) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        for block in &self.blocks {
            sighting_lookups(self.network, &block.sightings, &mut keys);
            keys.extend(block.spent.iter().map(|(_, by)| custody::own_transfer_key(self.network, by)));
        }
        keys
    }

    fn heights(&self) -> Heights {
        Heights { head: self.head, finalized: self.finalized, agreed: self.agreed }
    }

    fn check(&self) -> Result<(), Refusal> {
        if !(1..=BLOCKS_AT_ONCE_MAX).contains(&self.blocks.len()) {
            return Err(Refusal::BlockCount);
        }
        let mut before = self.parent;
        for ScannedBlock { block, parent, .. } in &self.blocks {
            if Some(block.height) != before.height.checked_add(1) || *parent != before.hash || block.hash == *parent {
                return Err(Refusal::BlockOrder { height: block.height });
            }
            before = *block;
        }
        self.heights().check(before.height)?;
        let spent: usize = self.blocks.iter().map(|block| block.spent.len()).sum();
        if spent > SPENT_AT_ONCE_MAX {
            return Err(Refusal::SightingCount);
        }
        check_sightings(self.blocks.iter().flat_map(|block| &block.sightings))
    }

    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let network = self.network;
        check_scanner(actor, network)?;
        let chain = *entry.state.deposits.chains.get(network);
        if chain.halted.is_some() {
            return Err(Refusal::Halted { network }.into());
        }
        if chain.tip.is_some_and(|tip| tip != self.parent) {
            return Err(Refusal::CursorMoved { tip: chain.tip }.into());
        }
        self.check()?;
        let sightings = self.blocks.iter().flat_map(|block| &block.sightings);
        let crowded = entry.is_crowded(network);
        let taking_room = sightings.filter(|one| !(crowded && entry.is_dust(network, one.coin.as_ref(), one.amount)));
        entry.check_room_for_deposits(network, taking_room.count())?;
        for sighting in self.blocks.iter().flat_map(|block| &block.sightings) {
            entry.check_ours(network, sighting)?;
        }

        // A part of another block in this place is no part of the chain any more.
        if let Some(partial) = chain.partial
            && self.blocks.first().is_some_and(|first| first.block != partial)
        {
            entry.orphan_above(network, self.parent.height)?;
        }
        let heights = self.heights();
        let begins = chain.tip.is_none();
        let mut chain = *entry.state.deposits.chains.get(network);
        if begins {
            chain.floor = self.parent.height;
            entry.put_hash(network, self.parent);
            chain.tip = Some(self.parent);
        }
        chain.partial = None;
        let last = self.blocks.last().map(|last| last.block);
        for ScannedBlock { block, sightings, spent, .. } in self.blocks {
            for sighting in sightings {
                entry.sight(network, Some(block), sighting)?;
            }
            for (outpoint, by) in spent {
                entry.see_spent(network, &outpoint, by, block.height)?;
            }
            if self.more && Some(block) == last {
                chain.partial = Some(block);
            } else {
                entry.put_hash(network, block);
                chain.tip = Some(block);
            }
        }
        entry.put_chain(chain.at(heights, entry.now));
        entry.ripen(network)?;
        let tip = chain.tip.unwrap_or(self.parent);
        Ok(Done::BlocksCommitted { tip })
    }
}

/// Tells of payments that are in no block yet, and of such that never will be. Whoever tells it without heights, though there are none,
/// has scanned every block that there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotePending {
    /// On which network.
    pub network: Network,
    /// Payments that wait for a block.
    pub sightings: Vec<Sighting>,
    /// Transactions in whose place others were seen.
    pub replaced: Vec<TxId>,
    /// How far the network is, where blocks wait that are not taken: what was taken before ripens all the same. Deposits become
    /// fewer by that alone, and where there are as many as there may be no block is taken before they are fewer.
    pub heights: Option<Heights>,
}

impl NotePending {
    /// The rows that it looks up.
    pub(super) fn lookups(&self) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        sighting_lookups(self.network, &self.sightings, &mut keys);
        keys
    }

    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        let network = self.network;
        check_scanner(actor, network)?;
        check_sightings(&self.sightings)?;
        let pending = entry.state.deposits.in_line(network, Class::Pending, 0, u64::MAX).count();
        if pending + self.sightings.len() > PENDING_PER_NETWORK_MAX || self.replaced.len() > SIGHTINGS_AT_ONCE_MAX {
            return Err(Refusal::SightingCount.into());
        }
        entry.check_room_for_deposits(network, self.sightings.len())?;
        let tip = entry.state.deposits.chains.get(network).tip;
        self.heights.map_or(Ok(()), |heights| heights.check(tip.map_or(0, |tip| tip.height)))?;
        for sighting in &self.sightings {
            entry.check_ours(network, sighting)?;
        }

        for sighting in self.sightings {
            entry.sight(network, None, sighting)?;
        }
        let replaced: BTreeSet<TxId> = self.replaced.into_iter().collect();
        let waiting: Vec<DepositId> = entry.state.deposits.in_line(network, Class::Pending, 0, u64::MAX).collect();
        for id in waiting {
            if entry.state.deposits.get(id).is_some_and(|deposit| replaced.contains(&deposit.tx))
                && let Some(deposit) = entry.state.deposits.take(id)
            {
                entry.move_deposit(deposit, DepositState::Replaced);
            }
        }
        let chain = *entry.state.deposits.chains.get(network);
        if chain.tip.is_some() && chain.halted.is_none() {
            match self.heights {
                Some(_) if planted::has(Bug::FullStaysFull) => {}
                Some(heights) => {
                    entry.put_chain(chain.at(heights, entry.now));
                    entry.ripen(network)?;
                }
                None => entry.put_chain(Chain { at_head: Some(entry.now), ..chain }),
            }
        }
        Ok(Done::PendingNoted)
    }
}

pub(super) fn sighting_lookups(network: Network, sightings: &[Sighting], keys: &mut Vec<Vec<u8>>) {
    for sighting in sightings {
        keys.push(custody::address_key(network.family(), &sighting.to));
        keys.push(custody::own_transfer_key(network, &sighting.tx));
        keys.push(deposits::id_key(network, &sighting.tx, sighting.place, &sighting.to));
        keys.extend(sighting.from.iter().map(|from| custody::address_key(network.family(), from)));
    }
}

pub(super) fn check_sightings<'a>(sightings: impl IntoIterator<Item = &'a Sighting>) -> Result<(), Refusal> {
    let (mut seen, mut count) = (BTreeSet::new(), 0);
    for sighting in sightings {
        count += 1;
        if count > SIGHTINGS_AT_ONCE_MAX || sighting.from.len() > SENDERS_MAX {
            return Err(Refusal::SightingCount);
        }
        if sighting.tx == TxId([0; 32]) || !seen.insert((sighting.tx, sighting.place, &sighting.to)) {
            return Err(Refusal::Sighting);
        }
    }
    Ok(())
}

/// Where a payment arrived.
struct Arrival {
    keyed: Keyed,
    store: Store,
    pool: Option<(u32, PoolAddress)>,
}

impl Entry<'_> {
    /// Whether a payment is to an address of the exchange: the worker's set of addresses is the state's.
    pub(super) fn check_ours(&self, network: Network, sighting: &Sighting) -> Result<(), Stop> {
        if self.is_own_address(network.family(), &sighting.to)? {
            return Ok(());
        }
        Err(Refusal::NotOurs { address: sighting.to.clone() }.into())
    }

    pub(super) fn put_hash(&mut self, network: Network, block: BlockRef) {
        let key = deposits::hash_key(network, block.height);
        let row = crate::codec::encode(&block.hash);
        self.change(Table::Chain.family(), key, crate::rows::Edit::Put(row));
        self.state.deposits.chains.put_hash(network, block);
    }

    fn arrival(&self, network: Network, sighting: &Sighting) -> Result<Arrival, Halt> {
        let family = network.family();
        if let Some(wallet) = self.state.custody.wallet_at(family, &sighting.to) {
            let own = wallet.addresses.iter().find(|own| own.address == sighting.to);
            let (change, index) = own.map_or((false, 0), |own| (own.change, own.index));
            let keyed = Keyed::Wallet { wallet: wallet.id, change, index };
            return Ok(Arrival { keyed, store: wallet.role.store(), pool: None });
        }
        let pool = self.pool_address(family, &sighting.to)?;
        let index = pool.as_ref().map_or(0, |(index, _)| *index);
        Ok(Arrival { keyed: Keyed::Deposit(index), store: Store::Deposit, pool })
    }

    /// A payment was seen, in a block or waiting for one.
    pub(super) fn sight(&mut self, network: Network, block: Option<BlockRef>, sighting: Sighting) -> Result<(), Halt> {
        let arrival = self.arrival(network, &sighting)?;
        if let Some(block) = block {
            self.see_coin(network, block, &sighting, arrival.keyed)?;
        }
        let in_own = self.own_transfer(network, &sighting.tx)?.is_some() && !planted::has(Bug::OwnCredited);
        let from_own = self.is_from_own(network, &sighting)?;
        // Of a transaction built of outputs the exchange signed every input.
        let is_own = in_own && (from_own || network.family() == ChainFamily::Bitcoin);
        if let Some(block) = block {
            self.note_in(network, block, &sighting, is_own)?;
        }
        // What the exchange moved itself is nobody's deposit; payments of nothing are none.
        if is_own || sighting.amount == Some(0) {
            return Ok(());
        }
        let strange = if from_own { Some(Why::OwnUnknown) } else { in_own.then_some(Why::ThroughOwn) };
        let key = deposits::id_key(network, &sighting.tx, sighting.place, &sighting.to);
        match self.row(Table::DepositId, &key)? {
            Some(id) if self.is_shelved(DepositId(id))? => Ok(()),
            Some(id) if !planted::has(Bug::PaymentForgotten) => self.see_again(DepositId(id), block, sighting),
            Some(_) | None => self.see_first(network, key, block, sighting, arrival, strange),
        }
    }

    /// Whether an address of the exchange's is among the senders.
    fn is_from_own(&self, network: Network, sighting: &Sighting) -> Result<bool, Halt> {
        for sender in &sighting.from {
            if self.is_own_address(network.family(), sender)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn see_again(&mut self, id: DepositId, block: Option<BlockRef>, sighting: Sighting) -> Result<(), Halt> {
        let Some(deposit) = self.take_deposit(id)? else {
            return Err(Halt::Invariant(format!("deposit {id} is numbered and not there")));
        };
        let state = match deposit.state {
            // It waits for a block, or has lost one.
            DepositState::Pending | DepositState::Orphaned | DepositState::Replaced | DepositState::Reversed { .. } => {
                match block {
                    Some(_) => DepositState::Confirming,
                    None if deposit.state == DepositState::Pending => {
                        self.put_deposit(deposit);
                        return Ok(());
                    }
                    None => DepositState::Pending,
                }
            }
            // What it came to was not certain when its block was taken.
            _ if deposit.lacks_amount_of(block, sighting.amount) => DepositState::Confirming,
            // It is in a block of this chain, and a transaction is in one at most.
            DepositState::Confirming
            | DepositState::Credited
            | DepositState::Unlocked
            | DepositState::BelowMinimum
            | DepositState::Suspense { .. }
            | DepositState::Assigned { .. } => {
                self.put_deposit(deposit);
                return Ok(());
            }
        };
        // The same transaction can do otherwise in another block: what it did there counts.
        let Sighting { coin, amount, immature, .. } = sighting;
        let listed = self.state.custody.listed(deposit.network, coin.as_ref());
        let asset = listed.map(|listing| listing.asset);
        let counted = listed.and_then(|listing| listing.to_ledger(amount?));
        let units = counted.map_or(0, |(units, _)| units);
        let held = match amount {
            None => Some(Why::TooLarge),
            Some(_) => deposit.held.filter(|why| *why != Why::TooLarge),
        };
        self.move_deposit(Deposit { block, coin, asset, amount, units, immature, held, ..deposit }, state);
        Ok(())
    }

    fn see_first(
        &mut self,
        network: Network,
        key: Vec<u8>,
        block: Option<BlockRef>,
        sighting: Sighting,
        arrival: Arrival,
        strange: Option<Why>,
    ) -> Result<(), Halt> {
        let Sighting { tx, place, to, coin, amount, from: _, immature } = sighting;
        let given = arrival.pool.as_ref().and_then(|(_, address)| address.given);
        let user = given.map(|given| given.user);
        let held = if strange.is_some() {
            strange
        } else if arrival.pool.is_none() {
            Some(Why::ToWallet)
        } else if user.is_none() {
            Some(Why::NotGiven)
        } else if amount.is_none() {
            Some(Why::TooLarge)
        } else {
            None
        };
        let listed = self.state.custody.listed(network, coin.as_ref());
        let asset = listed.map(|listing| listing.asset);
        let counted = listed.and_then(|listing| listing.to_ledger(amount?));
        let id = self.number_deposit(network, &tx, user);
        self.put_row(Table::DepositId, key, &id.0);
        let state = if block.is_some() { DepositState::Confirming } else { DepositState::Pending };
        let is_shelved = held.is_none_or(|why| matches!(why, Why::ToWallet | Why::NotGiven))
            && block.is_some()
            && self.is_crowded(network)
            && self.is_dust(network, coin.as_ref(), amount);
        let deposit = Deposit {
            id,
            network,
            tx,
            place,
            to,
            index: arrival.pool.map(|(index, _)| index),
            store: arrival.store,
            user,
            coin,
            asset,
            amount,
            units: counted.map_or(0, |(units, _)| units),
            booked: false,
            block,
            immature,
            held,
            state,
            seen: self.now,
            since: self.now,
        };
        if is_shelved {
            self.shelve_dust(deposit);
            return Ok(());
        }
        self.move_deposit(deposit, state);
        if strange == Some(Why::OwnUnknown) {
            self.event(EventKind::OwnUnknown { network, tx, severity: Severity::P0 });
        }
        Ok(())
    }

    /// On a network that is built of outputs, a payment is a coin.
    fn see_coin(&mut self, network: Network, block: BlockRef, sighting: &Sighting, keyed: Keyed) -> Result<(), Halt> {
        let (Place::Output(vout), ChainFamily::Bitcoin, Some(amount)) =
            (sighting.place, network.family(), sighting.amount)
        else {
            return Ok(());
        };
        let outpoint = OutPoint { tx: sighting.tx, vout };
        // One that somebody has reserved while its block was gone stays theirs.
        let present = self.coin(network, &outpoint)?;
        let (state, deposit) = present.map_or((CoinState::Free, None), |coin| (coin.state, coin.deposit));
        let (height, address) = (block.height, sighting.to.clone());
        let mature = height.saturating_add(u64::from(sighting.immature));
        let rests_on = Vec::new();
        self.put_coin(Coin { network, outpoint, amount, address, keyed, height, mature, state, deposit, rests_on })
    }

    /// A block spends an output of the exchange's.
    fn see_spent(&mut self, network: Network, outpoint: &OutPoint, by: TxId, height: u64) -> Result<(), Halt> {
        let coin = self.coin(network, outpoint)?;
        let own = self.own_transfer(network, &by)?.is_some();
        if let Some(coin) = &coin {
            self.note_spent(coin, by, height, own)?;
        }
        if coin.is_some() && !own {
            self.event(EventKind::OwnUnknown { network, tx: by, severity: Severity::P0 });
        }
        if let Some(coin) = coin.as_ref().filter(|_| !own) {
            self.coin_spent_elsewhere(coin, outpoint, by);
        }
        self.spend_coin(network, outpoint, by, height)
    }
}
