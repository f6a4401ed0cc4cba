//! How positions follow the chain: movements come with blocks and final payouts, go with reorganisations, and are folded into
//! positions where no reorganisation reaches them and no run compares them any more.

use std::collections::BTreeMap;

use exchequer_domain::{BlockRef, ChainAddress, Network, TxId};

use super::Entry;
use crate::codec;
use crate::custody::{Coin, WalletRole};
use crate::deposits::Sighting;
use crate::halt::Halt;
use crate::networks::number;
use crate::planted::{self, Bug};
use crate::reconciliation::{
    Afoot, Movement, MovementName, Net, Part, Position, RUN_US_MAX, Reconciliation, Spot, Tally, Touch, Way,
    movement_name, position_key, tally_key,
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

    fn tally(&self, network: Network, coin: Option<&ChainAddress>) -> Tally {
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
        let movement = Movement { spot, tx: sighting.tx, way: Way::In, amount, own };
        let name = movement_name(&movement, Some(sighting.place));
        self.note_movement(block.height, name, movement)
    }

    /// A block spends a coin of the exchange's.
    pub(super) fn note_spent(&mut self, coin: &Coin, by: TxId, height: u64, own: bool) -> Result<(), Halt> {
        let spot = Spot { network: coin.network, address: coin.address.clone(), coin: None };
        let movement = Movement { spot, tx: by, way: Way::Spent, amount: coin.amount, own };
        let place = exchequer_domain::Place::Output(coin.outpoint.vout);
        let mut name = movement_name(&movement, Some(place));
        // A transaction spends coins of the same number and address, of several transactions.
        for (byte, of) in name.iter_mut().zip(coin.outpoint.tx.0) {
            *byte ^= of;
        }
        self.note_movement(height, name, movement)
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
                let movement = Movement { spot, tx, way, amount, own: true };
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
    fn note_afoot(&mut self, network: Network, tx: TxId, coin: &Option<ChainAddress>, more: i128) {
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
        if self.state.reconciliation.movements.contains_key(&(network, height, name)) {
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
        match self.state.reconciliation.touch(network, address) {
            Touch::New => {
                let key = Table::Reconciliation.key(&Part::Touched.key(&rest));
                self.change(Table::Reconciliation.family(), key, Edit::Put(vec![codec::VERSION]));
            }
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

    /// The blocks above a height are gone, and what they moved.
    pub(super) fn note_rewound(&mut self, network: Network, height: u64) {
        if planted::has(Bug::RewoundMovementsStay) {
            return;
        }
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
    }

    /// Folds what no reorganisation reaches, up to the block at which a run compares.
    pub(super) fn fold_movements(&mut self, network: Network) -> Result<(), Halt> {
        let mut net = self.state.reconciliation.net(network);
        let settled = self.state.deposits.chains.get(network).settled;
        let now = self.now.0;
        let pinned = net.begun.as_ref().filter(|begun| now.saturating_sub(begun.at.0) <= RUN_US_MAX);
        let pinned = pinned.filter(|_| !planted::has(Bug::PinIgnored));
        let to = pinned.map_or(settled, |begun| begun.block.height.min(settled));
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
        }
        net.floor = floor;
        self.put_net(net);
        Ok(())
    }
}
