//! What lies on deposit addresses, as deposits become final, are taken back, and are swept.

use std::collections::BTreeMap;

use exchequer_domain::{Family, Network, OutPoint};
use exchequer_ledger::Asset;

use super::Entry;
use crate::custody::{Coin, CoinState, Keyed};
use crate::deposits::{Deposit, DepositState};
use crate::halt::Halt;
use crate::planted::{self, Bug};
use crate::rows::Table;
use crate::sweeps::{Holding, HoldingKey, Line, Swept, Taken, line_key, swept_key};
use crate::withdrawals::PayoutId;

/// Deposits that become swept by one command; the rest follows when the holding is touched next.
const SWEPT_PER_COMMAND: usize = 1_000;

/// Whether what lies on an address is coins, each of which is spent as a whole.
pub(super) fn has_coins(network: Network) -> bool {
    network.family() == Family::Bitcoin
}

/// The output that a deposit is, on a network that is built of them.
fn output_of(deposit: &Deposit) -> Option<OutPoint> {
    match deposit.place {
        exchequer_domain::Place::Output(vout) if has_coins(deposit.network) => Some(OutPoint { tx: deposit.tx, vout }),
        _ => None,
    }
}

fn key_of(deposit: &Deposit) -> Option<(HoldingKey, u128)> {
    let key = HoldingKey { network: deposit.network, index: Some(deposit.index?), asset: deposit.asset? };
    Some((key, deposit.amount?))
}

impl Entry<'_> {
    /// What lies on an address, as this entry's commands so far left it.
    pub(super) fn holding(&self, key: HoldingKey) -> Result<Holding, Halt> {
        Ok(self.row(Table::Holding, &key.row())?.unwrap_or_else(|| Holding::new(key, self.now)))
    }

    pub(super) fn put_holding(&mut self, mut holding: Holding) {
        // Of nothing no reason is needed why it lies there.
        if holding.key.index.is_some() && holding.free == 0 && holding.reserved == 0 {
            holding.told = None;
        }
        if holding.is_empty() {
            self.delete_row(Table::Holding, holding.key.row());
        } else {
            self.put_row(Table::Holding, holding.key.row(), &holding);
        }
    }

    /// Something became free, or is gone, that is no deposit's by itself.
    pub(super) fn gain_holding(&mut self, key: HoldingKey, amount: u128) -> Result<(), Halt> {
        if amount > 0 {
            let mut holding = self.holding(key)?;
            holding.gain(amount, self.now);
            self.put_holding(holding);
        }
        Ok(())
    }

    pub(super) fn lose_holding(&mut self, key: HoldingKey, amount: u128) -> Result<(), Halt> {
        if amount > 0 {
            let mut holding = self.holding(key)?;
            holding.lose(amount);
            self.put_holding(holding);
        }
        Ok(())
    }

    /// A deposit is final and somebody's: it may be swept from now on. Nothing happens where that was so before.
    pub(super) fn hold_deposit(&mut self, deposit: &Deposit) -> Result<(), Halt> {
        let is_free = match deposit.state {
            DepositState::Unlocked | DepositState::Assigned { .. } => true,
            DepositState::Suspense { .. } => planted::has(Bug::HeldIsSwept),
            DepositState::Pending
            | DepositState::Confirming
            | DepositState::Credited
            | DepositState::BelowMinimum
            | DepositState::Orphaned
            | DepositState::Replaced
            | DepositState::Reversed { .. } => false,
        };
        let Some((key, amount)) = key_of(deposit).filter(|(_, amount)| is_free && *amount > 0) else { return Ok(()) };
        let row = swept_key(deposit.id);
        let known: Option<Swept> = self.row(Table::DepositSwept, &row)?;
        match known {
            // It came again, and its sweep with it.
            Some(swept) if swept.gone => {
                self.gain_holding(key, amount)?;
                self.put_row(Table::DepositSwept, row, &Swept { gone: false, ..swept });
                return Ok(());
            }
            Some(_) => return Ok(()),
            None => {}
        }
        let mut holding = self.holding(key)?;
        self.allocate(&mut holding)?;
        holding.gain(amount, self.now);
        let mut place = 0;
        if let Some(outpoint) = output_of(deposit) {
            if let Some(coin) = self.coin(key.network, &outpoint)? {
                self.put_coin(Coin { deposit: Some(deposit.id), ..coin })?;
            }
        } else {
            place = holding.next;
            holding.next += 1;
            self.put_row(Table::HoldingLine, line_key(key, place), &Line { deposit: deposit.id, left: amount });
        }
        self.put_row(Table::DepositSwept, row, &Swept { place, by: None, gone: false });
        self.put_holding(holding);
        Ok(())
    }

    /// A deposit's block is not part of the chain any more: what of it was not swept is not there, and what was is missing.
    pub(super) fn unhold_deposit(&mut self, deposit: &Deposit) -> Result<(), Halt> {
        if let Some(outpoint) = output_of(deposit) {
            self.drop_cold_coin(deposit.network, &outpoint)?;
        }
        let row = swept_key(deposit.id);
        let Some(swept) = self.row::<Swept>(Table::DepositSwept, &row)?.filter(|swept| !swept.gone) else {
            return Ok(());
        };
        let Some((key, amount)) = key_of(deposit) else { return Ok(()) };
        let mut holding = self.holding(key)?;
        holding.lose(amount);
        if swept.by.is_some() {
            self.put_row(Table::DepositSwept, row, &Swept { gone: true, ..swept });
        } else {
            if !has_coins(key.network) {
                self.put_row(Table::HoldingLine, line_key(key, swept.place), &Line { deposit: deposit.id, left: 0 });
            }
            self.delete_row(Table::DepositSwept, row);
        }
        self.allocate(&mut holding)?;
        self.put_holding(holding);
        Ok(())
    }

    /// A sweep that is final has taken so much: `share` of it what deposits brought, the rest what was there for its fee.
    pub(super) fn take_holding(
        &mut self,
        key: HoldingKey,
        amount: u128,
        share: u128,
        by: PayoutId,
    ) -> Result<(), Halt> {
        let mut holding = self.holding(key)?;
        holding.lose(amount);
        let before = holding.taken.map_or(0, |taken| taken.left);
        holding.taken = Some(Taken { left: before.saturating_add(share), until: holding.next, by });
        self.allocate(&mut holding)?;
        self.put_holding(holding);
        Ok(())
    }

    /// Deposits become swept, in their order, by what sweeps have taken.
    fn allocate(&mut self, holding: &mut Holding) -> Result<(), Halt> {
        let Some(mut taken) = holding.taken else { return Ok(()) };
        let unit = self.state.custody.listing(holding.key.network, holding.key.asset).map_or(1, |one| one.unit());
        for _ in 0..SWEPT_PER_COMMAND {
            if holding.first >= taken.until {
                // What was taken beyond was no deposit's.
                holding.taken = None;
                return Ok(());
            }
            let row = line_key(holding.key, holding.first);
            let line: Option<Line> = self.row(Table::HoldingLine, &row)?;
            let Some(mut line) = line else { return Err(Halt::Invariant("who stands in line has a row".into())) };
            let was = line.left;
            let part = was.min(taken.left);
            line.left -= part;
            taken.left -= part;
            if part == 0 && was > 0 {
                holding.taken = None;
                return Ok(());
            }
            // Less than a minor unit stays where it is for ever.
            if was > 0 && line.left >= unit {
                if part > 0 {
                    self.put_row(Table::HoldingLine, row, &line);
                }
                holding.taken = None;
                return Ok(());
            }
            if was > 0 {
                let swept = Swept { place: holding.first, by: Some(taken.by), gone: false };
                self.put_row(Table::DepositSwept, swept_key(line.deposit), &swept);
            }
            self.delete_row(Table::HoldingLine, row);
            holding.first += 1;
            holding.taken = Some(taken);
        }
        Ok(())
    }

    /// Coins of deposit addresses were spent by a sweep that is final: each with its deposit.
    pub(super) fn take_coins(
        &mut self,
        network: Network,
        asset: Asset,
        coins: &[OutPoint],
        by: PayoutId,
    ) -> Result<(), Halt> {
        let mut lost: BTreeMap<u32, u128> = BTreeMap::new();
        for outpoint in coins {
            let Some(coin) = self.coin(network, outpoint)? else { continue };
            let (Keyed::Deposit(index), Some(deposit)) = (coin.keyed, coin.deposit) else { continue };
            let sum = lost.entry(index).or_default();
            *sum = sum.saturating_add(coin.amount);
            let swept = Swept { place: 0, by: Some(by), gone: false };
            self.put_row(Table::DepositSwept, swept_key(deposit), &swept);
        }
        for (index, amount) in lost {
            self.lose_holding(HoldingKey { network, index: Some(index), asset }, amount)?;
        }
        Ok(())
    }

    /// A coin that was spent is forgotten. Where no sweep of the exchange's took it, somebody else did.
    pub(super) fn forget_coin(&mut self, network: Network, outpoint: &OutPoint) -> Result<(), Halt> {
        let coin = self.state.custody.coins.get(network, outpoint).cloned();
        self.remove_coin(network, outpoint);
        let Some(coin) = coin.filter(|coin| matches!(coin.state, CoinState::Spent { .. })) else { return Ok(()) };
        let (Keyed::Deposit(index), Some(deposit)) = (coin.keyed, coin.deposit) else { return Ok(()) };
        let row = swept_key(deposit);
        let unswept = self.row::<Swept>(Table::DepositSwept, &row)?.filter(|swept| swept.by.is_none());
        if let (Some(_), Some(listing)) = (unswept, self.state.custody.listed(network, None)) {
            let asset = listing.asset;
            self.delete_row(Table::DepositSwept, row);
            self.lose_holding(HoldingKey { network, index: Some(index), asset }, coin.amount)?;
        }
        Ok(())
    }
}
