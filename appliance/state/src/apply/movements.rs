//! How positions follow the chain: movements come with blocks and final payouts, go with reorganisations, and are folded into
//! positions where no reorganisation reaches them and no run compares them any more.
//!
//! Persons can let a network go on from below what was settled. What blocks brought above that is taken out of the positions
//! again, for which it is remembered as long as the hashes of its blocks are. Below the known hashes it is history: what was
//! known there is not taken in a second time.

use std::collections::BTreeMap;

use exchequer_domain::{BlockRef, ChainAddress, Network, OutPoint, Place, TxId};

use super::Entry;
use crate::custody::{Coin, WalletRole};
use crate::deposits::Sighting;
use crate::halt::Halt;
use crate::networks::number;
use crate::planted::{self, Bug};
use crate::reconciliation::{
    Afoot, Movement, MovementName, Net, Part, Position, RUN_US_MAX, Reconciliation, Spot, Tally, Touch, Way,
    movement_key, movement_name, position_key, tally_key,
};
use crate::rows::{Edit, Table};
use crate::withdrawals::{Payer, Payout};

/// Movements that one command folds into positions; the rest follows with the next blocks.
const FOLDED_PER_COMMAND: usize = 2_000;

impl Entry<'_> {
    /// Writes a row of the room's.
    pub(super) fn put_part<T: serde::Serialize>(&mut self, part: Part, rest: &[u8], value: &T) {
        self.put(Table::Reconciliation, &part.key(rest), value);
    }

    pub(super) fn delete_part(&mut self, part: Part, rest: &[u8]) {
        let key = Table::Reconciliation.key(&part.key(rest));
        self.change(Table::Reconciliation.family(), key, Edit::Delete);
    }

    pub(super) fn put_net(&mut self, net: Net) {
        self.put_part(Part::Net, &number(net.network), &net);
        self.state.reconciliation.nets.insert(net.network, net);
    }

    pub(super) fn tally(&self, network: Network, coin: Option<&ChainAddress>) -> Tally {
        self.state.reconciliation.tallies.get(&(network, coin.cloned())).copied().unwrap_or_default()
    }

    /// Changes what all positions of a coin come to.
    pub(super) fn change_tally(
        &mut self,
        network: Network,
        coin: Option<&ChainAddress>,
        change: impl FnOnce(&mut Tally),
    ) {
        let mut tally = self.tally(network, coin);
        change(&mut tally);
        self.put_part(Part::Tally, &tally_key(network, coin), &tally);
        self.state.reconciliation.tallies.insert((network, coin.cloned()), tally);
    }

    /// A block brought something to an address of the exchange's.
    pub(super) fn note_in(
        &mut self,
        network: Network,
        block: BlockRef,
        sighting: &Sighting,
        own: bool,
    ) -> Result<(), Halt> {
        // What has no amount nobody can count; the address has more than expected then, and is found by that.
        let Some(amount) = sighting.amount.filter(|amount| *amount > 0) else { return Ok(()) };
        let spot = Spot { network, address: sighting.to.clone(), coin: sighting.coin.clone() };
        let coin = match sighting.place {
            Place::Output(vout) => self.coin(network, &OutPoint { tx: sighting.tx, vout })?.map(Box::new),
            Place::Value | Place::Log(_) | Place::Call(_) => None,
        };
        let movement = Movement { spot, tx: sighting.tx, way: Way::In, amount, own, coin };
        if block.height <= self.state.reconciliation.net(network).history && self.is_history(&movement, sighting)? {
            return Ok(());
        }
        let name = movement_name(&movement, Some(sighting.place));
        self.note_movement(block.height, name, movement)
    }

    /// A block spends a coin of the exchange's.
    pub(super) fn note_spent(&mut self, coin: &Coin, by: TxId, height: u64, own: bool) -> Result<(), Halt> {
        // A coin that is spent so far down was forgotten when it was, and has come back with its block alone.
        if height <= self.state.reconciliation.net(coin.network).history && !planted::has(Bug::FoldedTwice) {
            return Ok(());
        }
        let spot = Spot { network: coin.network, address: coin.address.clone(), coin: None };
        let state = coin.spent(by, height);
        let spent = Some(Box::new(Coin { state, ..coin.clone() }));
        let movement = Movement { spot, tx: by, way: Way::Spent, amount: coin.amount, own, coin: spent };
        let place = Place::Output(coin.outpoint.vout);
        let mut name = movement_name(&movement, Some(place));
        // A transaction spends coins of the same number and address, of several transactions.
        for (byte, of) in name.iter_mut().zip(coin.outpoint.tx.0) {
            *byte ^= of;
        }
        self.note_movement(height, name, movement)
    }

    /// Whether a payment in a block below all known ones is in its position already: what the exchange moved itself is, and what it
    /// was told of before.
    fn is_history(&self, movement: &Movement, sighting: &Sighting) -> Result<bool, Halt> {
        if planted::has(Bug::FoldedTwice) {
            return Ok(false);
        }
        let network = movement.spot.network;
        let key = crate::deposits::id_key(network, &sighting.tx, sighting.place, &sighting.to);
        if movement.own {
            return Ok(true);
        }
        let Some(id) = self.row::<u64>(Table::DepositId, &key)? else { return Ok(false) };
        // What was told without an amount is in no position.
        let known = self.known_deposit(crate::deposits::DepositId(id))?;
        Ok(known.is_none_or(|known| known.amount.is_some()))
    }

    /// The address that a payer pays from; none where it is none, and on networks that are built of outputs.
    pub(super) fn payer_address(&self, network: Network, payer: Payer) -> Result<Option<ChainAddress>, Halt> {
        let family = network.family();
        let Some(wallet) = self.state.custody.wallet(payer.wallet) else { return Ok(None) };
        if family == exchequer_domain::Family::Bitcoin {
            return Ok(None);
        }
        if wallet.role == WalletRole::Deposit {
            let key = crate::custody::pool_key(family, payer.index);
            let found: Option<crate::custody::PoolAddress> = self.row(Table::PoolAddress, &key)?;
            return Ok(found.map(|found| found.address));
        }
        let own = wallet.addresses.iter().find(|own| own.index == payer.index && !own.change);
        Ok(own.map(|own| own.address.clone()))
    }

    /// A payout is over by a transaction in a final block: what it took from its payer, and that the ledger has booked it.
    /// `did` says whether it did what it was for. To be told before its withdrawals are put away.
    pub(super) fn note_paid(
        &mut self,
        payout: &Payout,
        tx: TxId,
        height: u64,
        fee: u128,
        did: bool,
    ) -> Result<(), Halt> {
        let network = payout.network;
        let mut paid: BTreeMap<Option<ChainAddress>, u128> = BTreeMap::new();
        let mut moved: BTreeMap<Option<ChainAddress>, u128> = BTreeMap::new();
        if did {
            for one in self.paid_by(payout) {
                let listing = self.state.custody.listing(network, one.order.asset);
                let Some(listing) = listing else { continue };
                let sum = paid.entry(listing.coin.clone()).or_default();
                *sum = sum.saturating_add(one.on_chain);
            }
            if let Some(one) = payout.errand.moves() {
                moved.insert(one.coin.clone(), one.on_chain);
            }
        }
        let (burnt, rounded) = self.fee_on_chain(network, fee);
        let payer = self.payer_address(network, payout.payer)?;
        let written = payer.is_some();
        if let Some(address) = payer {
            let attempt = payout.attempts.iter().find(|attempt| attempt.tx == Some(tx));
            let fee_max = attempt.map_or(0, |attempt| self.fee_on_chain(network, u128::from(attempt.fee_max)).0);
            let coins = paid.keys().chain(moved.keys()).cloned().chain([None]);
            let coins: std::collections::BTreeSet<Option<ChainAddress>> = coins.collect();
            for coin in coins {
                let of = |sums: &BTreeMap<_, u128>| sums.get(&coin).copied().unwrap_or_default();
                let amount = of(&paid).saturating_add(of(&moved));
                let of_fee = coin.is_none() && burnt > 0;
                let (burnt, fee_max) = if of_fee { (burnt, fee_max) } else { (0, 0) };
                let way = Way::Paid { burnt, fee_max, rounded: of_fee && rounded };
                let spot = Spot { network, address: address.clone(), coin };
                let movement = Movement { spot, tx, way, amount, own: true, coin: None };
                let name = movement_name(&movement, None);
                self.note_movement(height, name, movement)?;
            }
        }
        // Of a transaction that is none of the exchange's own, and of which no movement was written, nothing will be told that
        // could make up for this.
        let is_own = payout.attempts.iter().any(|attempt| attempt.tx == Some(tx));
        let is_known = is_own
            || written
            || (network.family() == exchequer_domain::Family::Bitcoin && self.own_transfer(network, &tx)?.is_some());
        if !is_known {
            return Ok(());
        }
        // What it moved from one own address to another one the ledger has as before.
        let fee = paid.entry(None).or_default();
        *fee = fee.saturating_add(burnt);
        for (coin, amount) in paid {
            self.note_afoot(network, tx, &coin, i128::try_from(amount).unwrap_or(i128::MAX));
        }
        Ok(())
    }

    /// A fee in the network's smallest units, and whether it was rounded to come to the ledger's.
    pub(super) fn fee_on_chain(&self, network: Network, fee: u128) -> (u128, bool) {
        let Some(listing) = self.state.custody.listed(network, None) else { return (fee, false) };
        match listing.to_network(fee) {
            Some(exact) => (exact, listing.unit() > 1 && fee > 0),
            // The ledger is finer, and the fee was no whole number on the network.
            None => {
                let finer = listing.ledger_decimals.saturating_sub(listing.decimals);
                (10_u128.checked_pow(u32::from(finer)).map_or(fee, |finer| fee.div_ceil(finer)), true)
            }
        }
    }

    /// A network took more than the ledger could book.
    pub(super) fn note_unbooked_fee(&mut self, network: Network, amount: u128) {
        let (amount, _) = self.fee_on_chain(network, amount);
        self.change_tally(network, None, |tally| tally.unbooked_fees = tally.unbooked_fees.saturating_add(amount));
    }

    /// A payment that is too small by itself is gathered, or is not any more.
    pub(super) fn note_gathered(&mut self, network: Network, coin: Option<&ChainAddress>, more: u128, less: u128) {
        self.change_tally(network, coin, |tally| {
            tally.gathered = tally.gathered.saturating_add(more).saturating_sub(less);
        });
    }

    /// What an own transaction did to addresses, less what it did to the ledger, has changed.
    pub(super) fn note_afoot(&mut self, network: Network, tx: TxId, coin: &Option<ChainAddress>, more: i128) {
        if more == 0 {
            return;
        }
        let key = (network, tx);
        let present = self.state.reconciliation.afoot.remove(&key);
        let mut afoot = present.unwrap_or(Afoot { since: self.now, effects: BTreeMap::new() });
        let sum = afoot.effects.entry(coin.clone()).or_default();
        *sum = sum.saturating_add(more);
        if *sum == 0 {
            afoot.effects.remove(coin);
        }
        let rest = [number(network).as_slice(), &tx.0].concat();
        if afoot.effects.is_empty() {
            self.delete_part(Part::Afoot, &rest);
        } else {
            self.put_part(Part::Afoot, &rest, &afoot);
            self.state.reconciliation.afoot.insert(key, afoot);
        }
    }

    fn note_movement(&mut self, height: u64, name: MovementName, movement: Movement) -> Result<(), Halt> {
        let network = movement.spot.network;
        // A part of a block is told again with the rest of it.
        let key = (network, height, name);
        let room = &self.state.reconciliation;
        if room.movements.contains_key(&key) || room.folded.contains_key(&key) {
            return Ok(());
        }
        if movement.own
            && let Some(effect) = movement.effect()
        {
            self.note_afoot(network, movement.tx, &movement.spot.coin, effect);
        }
        let net = self.state.reconciliation.net(network);
        self.touch(net.clone(), movement.spot.address.clone());
        let late = net.block.is_some_and(|block| height <= block.height);
        if height <= net.floor || late {
            let mut position = self.position(&movement.spot)?;
            // What was compared before this was known says nothing of what comes after.
            position.checked = position.checked.filter(|checked| checked.at.height < height);
            if height <= net.floor {
                self.fold(position, &movement);
                self.keep_folded(height, name, movement);
                return Ok(());
            }
            self.put_position(&movement.spot, &position);
        }
        let suffix = Reconciliation::movement_suffix(network, height, &name);
        self.put(Table::Reconciliation, &suffix, &movement);
        self.state.reconciliation.movements.insert((network, height, name), movement);
        Ok(())
    }

    fn touch(&mut self, mut net: Net, address: ChainAddress) {
        let network = net.network;
        let rest = [number(network).as_slice(), address.as_str().as_bytes()].concat();
        match self.state.reconciliation.touch(network, address, net.last) {
            Touch::New => self.put_part(Part::Touched, &rest, &net.last),
            Touch::Known => {}
            Touch::Full => {
                net.untold = net.untold.saturating_add(1);
                self.put_net(net);
            }
        }
    }

    /// A position that is a row; an empty one where there is none.
    pub(super) fn position(&self, spot: &Spot) -> Result<Position, Halt> {
        self.row(Table::Position, &position_key(spot)).map(Option::unwrap_or_default)
    }

    pub(super) fn put_position(&mut self, spot: &Spot, position: &Position) {
        self.put_row(Table::Position, position_key(spot), position);
    }

    /// Puts a movement into a position that nothing takes it out of again.
    fn fold(&mut self, mut position: Position, movement: &Movement) {
        let spot = &movement.spot;
        position.take(movement);
        self.put_position(spot, &position);
        let effect = movement.effect().unwrap_or(0);
        self.change_tally(spot.network, spot.coin.as_ref(), |tally| {
            tally.folded = tally.folded.saturating_add(effect);
        });
    }

    /// What a block brought is remembered as long as a rewinding can reach it.
    fn keep_folded(&mut self, height: u64, name: MovementName, movement: Movement) {
        let network = movement.spot.network;
        if movement.is_scanned() && height >= self.state.deposits.chains.get(network).floor {
            self.put_part(Part::Folded, &movement_key(network, height, &name), &movement);
            self.state.reconciliation.folded.insert((network, height, name), movement);
        }
    }

    /// The blocks above a height are gone, and what they moved. That may be below what is folded, where persons want it.
    pub(super) fn note_rewound(&mut self, network: Network, height: u64) -> Result<(), Halt> {
        if planted::has(Bug::RewoundMovementsStay) {
            return Ok(());
        }
        self.unfold_above(network, height)?;
        let gone = self.state.reconciliation.movements_from(network, height.saturating_add(1));
        let gone = gone.filter(|(_, _, movement)| movement.is_scanned());
        let gone: Vec<(u64, MovementName)> = gone.map(|(height, name, _)| (height, *name)).collect();
        for (height, name) in gone {
            let Some(movement) = self.state.reconciliation.movements.remove(&(network, height, name)) else { continue };
            let key = Table::Reconciliation.key(&Reconciliation::movement_suffix(network, height, &name));
            self.change(Table::Reconciliation.family(), key, Edit::Delete);
            if movement.own
                && let Some(effect) = movement.effect()
            {
                self.note_afoot(network, movement.tx, &movement.spot.coin, effect.saturating_neg());
            }
        }
        Ok(())
    }

    /// What blocks above a height brought leaves the positions that it is in.
    fn unfold_above(&mut self, network: Network, height: u64) -> Result<(), Halt> {
        let mut net = self.state.reconciliation.net(network);
        if height >= net.floor || planted::has(Bug::FoldedTwice) {
            return Ok(());
        }
        let floor = self.state.deposits.chains.get(network).floor;
        let gone = self.state.reconciliation.folded_from(network, height.saturating_add(1));
        let gone: Vec<(u64, MovementName)> = gone.map(|(height, name, _)| (height, *name)).collect();
        for (at, name) in gone {
            let Some(movement) = self.state.reconciliation.folded.remove(&(network, at, name)) else { continue };
            self.delete_part(Part::Folded, &movement_key(network, at, &name));
            let mut position = self.position(&movement.spot)?;
            position.give_back(&movement);
            self.put_position(&movement.spot, &position);
            let effect = movement.effect().unwrap_or(0);
            self.change_tally(network, movement.spot.coin.as_ref(), |tally| {
                tally.folded = tally.folded.saturating_sub(effect);
            });
            if movement.own {
                self.note_afoot(network, movement.tx, &movement.spot.coin, effect.saturating_neg());
            }
            self.touch(net.clone(), movement.spot.address.clone());
            self.unfold_coin(&movement, height)?;
        }
        net = self.state.reconciliation.net(network);
        net.floor = height;
        // Payouts stay: until the chain comes to where they were, there is more on their addresses.
        net.branched = self.state.deposits.chains.get(network).tip.map_or(height, |tip| tip.height);
        if height < floor {
            net.history = net.history.max(floor.saturating_sub(1));
        }
        // What a run pinned is gone, or not what it was.
        (net.begun, net.pinned) = (None, None);
        self.put_net(net);
        Ok(())
    }

    /// A coin that a block brought is in no row any more, and one that it spent is known again: whose it was has it, so that nobody
    /// builds on it before it is known whether the chain spends it once more.
    fn unfold_coin(&mut self, movement: &Movement, height: u64) -> Result<(), Halt> {
        let Some(coin) = &movement.coin else { return Ok(()) };
        let network = coin.network;
        let warm = self.state.custody.coins.get(network, &coin.outpoint).is_some();
        match movement.way {
            Way::In if !warm => {
                self.delete_row(Table::ColdCoin, crate::custody::cold_coin_key(network, &coin.outpoint));
            }
            Way::Spent if coin.height <= height && self.coin(network, &coin.outpoint)?.is_none() => {
                self.put_coin(Coin::clone(coin))?;
            }
            Way::In | Way::Spent | Way::Paid { .. } => {}
        }
        Ok(())
    }

    /// No rewinding reaches below the known hashes: what is in positions there is there for good.
    pub(super) fn forget_folded(&mut self, network: Network, floor: u64) {
        let room = &mut self.state.reconciliation.folded;
        let end = (network, floor, MovementName::default());
        let mut any = false;
        while let Some(key) = room.range((network, 0, MovementName::default())..end).next().map(|(key, _)| *key) {
            room.remove(&key);
            any = true;
        }
        if any {
            let key = |height: u64| {
                let rest = [number(network).as_slice(), &height.to_be_bytes()].concat();
                Table::Reconciliation.key(&Part::Folded.key(&rest))
            };
            self.change(Table::Reconciliation.family(), key(0), Edit::DeleteUntil(key(floor)));
        }
    }

    /// Folds what no reorganisation reaches, up to the block at which a run compares.
    pub(super) fn fold_movements(&mut self, network: Network) -> Result<(), Halt> {
        let mut net = self.state.reconciliation.net(network);
        let settled = self.state.deposits.chains.get(network).settled;
        let pin = net.begun.as_ref().map(|begun| begun.block.height).filter(|height| *height < settled);
        // Of a run that lasts, or of one that begins where the one before did.
        let since = pin.map(|_| net.pinned.unwrap_or(self.now));
        let lasts = since.is_some_and(|since| self.now.0.saturating_sub(since.0) > RUN_US_MAX);
        let pin = pin.filter(|_| !planted::has(Bug::PinIgnored) && (!lasts || planted::has(Bug::PinnedForEver)));
        let to = pin.unwrap_or(settled);
        if net.pinned != since {
            net.pinned = since;
            self.put_net(net.clone());
        }
        if to <= net.floor {
            return Ok(());
        }
        let below = self.state.reconciliation.movements_from(network, 0).take_while(|(height, ..)| *height <= to);
        let below: Vec<(u64, MovementName)> = below.map(|(height, name, _)| (height, *name)).collect();
        // Whole heights alone.
        let floor = below.get(FOLDED_PER_COMMAND).map_or(to, |(height, _)| *height);
        for (height, name) in below.into_iter().take_while(|(height, _)| *height <= floor) {
            let Some(movement) = self.state.reconciliation.movements.remove(&(network, height, name)) else { continue };
            let key = Table::Reconciliation.key(&Reconciliation::movement_suffix(network, height, &name));
            self.change(Table::Reconciliation.family(), key, Edit::Delete);
            let position = self.position(&movement.spot)?;
            self.fold(position, &movement);
            self.keep_folded(height, name, movement);
        }
        net.floor = floor;
        self.put_net(net);
        Ok(())
    }
}
