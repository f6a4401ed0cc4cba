//! When deposits count: what a deeper chain credits, makes free to leave, or lets be forgotten.

use exchequer_domain::Network;
use exchequer_ledger::Asset;

use super::Entry;
use super::deposits::Owed;
use super::holdings::has_coins;
use crate::custody::Listing;
use crate::deposits::{self, Accrual, Class, Deposit, DepositId, DepositState, GATHERED_MAX, Why, has_finality_tag};
use crate::halt::Halt;
use crate::networks::{self, Operation};
use crate::planted::{self, Bug};
use crate::rows::{Edit, Table};
use crate::sweeps::HoldingKey;
use crate::users::UserStatus;

/// Deposits that one command credits, makes free, or moves to the history, each; the rest follows with the next blocks.
const MOVED_PER_COMMAND: usize = 1_000;

/// Blocks below what was settled before in which coins are looked for that should be in no memory: such as were free again.
const COOLED_AGAIN_BLOCKS: u64 = 1_000;

/// What becomes of a deposit that is deep enough.
enum Verdict {
    /// It is credited.
    Credit,
    /// It is too small by itself.
    Gather(Listing),
    /// It waits for a decision.
    Suspend(Why),
    /// Not now.
    Wait,
}

impl Entry<'_> {
    /// Does what has become due on a network by its latest blocks.
    pub(super) fn ripen(&mut self, network: Network) -> Result<(), Halt> {
        let config = self.state.networks.get(network).clone();
        let mut chain = *self.state.deposits.chains.get(network);
        let Some(tip) = chain.tip else { return Ok(()) };
        let (tradable_to, withdrawable_to) = (chain.tradable_to(&config), chain.withdrawable_to(&config));
        if let Some(to) = tradable_to {
            let ids = self.due(network, Class::Confirming, to);
            for id in ids {
                self.ripen_deposit(id)?;
            }
        }
        self.reopen_deposits(network)?;
        if let Some(to) = withdrawable_to {
            for id in self.due(network, Class::Credited, to) {
                if let Some(deposit) = self.state.deposits.take(id) {
                    let deposit = Deposit { state: DepositState::Unlocked, ..deposit };
                    self.move_deposit(deposit.clone(), DepositState::Unlocked);
                    self.hold_deposit(&deposit)?;
                }
            }
        }
        let settled = if has_finality_tag(network) { chain.finalized } else { withdrawable_to };
        chain.settled = chain.settled.max(settled.unwrap_or_default().min(tip.height));
        let floor = chain.floor_for(&config);
        let spent = self.state.custody.coins.spent_until(network, chain.settled);
        let spent = spent.filter(|outpoint| !self.is_evidence(network, outpoint)).take(MOVED_PER_COMMAND);
        for outpoint in spent.collect::<Vec<_>>() {
            self.forget_coin(network, &outpoint)?;
        }
        if floor > chain.floor {
            let until = deposits::hash_key(network, floor);
            self.change(Table::Chain.family(), deposits::hash_key(network, chain.floor), Edit::DeleteUntil(until));
            self.state.deposits.chains.forget(network, chain.floor, floor);
            self.forget_folded(network, floor);
            chain.floor = floor;
        }
        let lowest = self.state.deposits.chains.get(network).settled.saturating_sub(COOLED_AGAIN_BLOCKS);
        self.put_chain(chain);
        if has_coins(network) {
            self.cool_coins(network, lowest, chain.settled, MOVED_PER_COMMAND)?;
        }
        self.fold_movements(network)?;
        // What no rewinding can reach is history; where there is hardly any room left, what none reaches without persons.
        let reached = self.is_nearly_full(network).then_some(chain.settled);
        if let Some(below) = floor.checked_sub(1).max(reached) {
            for id in self.due(network, Class::Over, below) {
                // What was the exchange's own before it was final is so now.
                if let Some(deposit) = self.state.deposits.get(id).cloned() {
                    self.hold_deposit(&deposit)?;
                }
                self.retire_deposit(id);
            }
            // What waits for persons costs its sender next to nothing, and must not stop the deposits of others: it waits in history. What
            // is on addresses and in no account stays: the books are compared with what is known here.
            if reached.is_some() && !planted::has(Bug::WaitingFills) {
                let is_counted = |deposit: &Deposit| {
                    deposit.booked || deposit.amount.is_none() || planted::has(Bug::UnbookedRetires)
                };
                let waiting = self.state.deposits.in_line(network, Class::Suspense, 0, below);
                let retired = waiting.filter(|id| self.state.deposits.get(*id).is_some_and(is_counted));
                for id in retired.take(MOVED_PER_COMMAND).collect::<Vec<_>>() {
                    self.retire_deposit(id);
                }
            }
        }
        Ok(())
    }

    fn due(&self, network: Network, class: Class, to: u64) -> Vec<DepositId> {
        self.state.deposits.in_line(network, class, 0, to).take(MOVED_PER_COMMAND).collect()
    }

    /// What waited for deposits of its asset to be on is judged anew where they are.
    fn reopen_deposits(&mut self, network: Network) -> Result<(), Halt> {
        let closed: Vec<DepositId> = self.state.deposits.in_line(network, Class::Closed, 0, u64::MAX).collect();
        let mut open: std::collections::BTreeMap<Asset, bool> = std::collections::BTreeMap::new();
        let mut moved = 0;
        for id in closed {
            let Some(asset) = self.state.deposits.get(id).and_then(|deposit| deposit.asset) else { continue };
            let state = &self.state;
            let is_open = *open.entry(asset).or_insert_with(|| state.may(network, asset, Operation::Deposit).is_ok());
            if !is_open {
                continue;
            }
            if let Some(deposit) = self.state.deposits.take(id) {
                let deposit = self.leave_suspense(deposit)?;
                self.move_deposit(deposit, DepositState::Confirming);
                self.ripen_deposit(id)?;
                moved += 1;
            }
            if moved >= MOVED_PER_COMMAND {
                break;
            }
        }
        Ok(())
    }

    /// The ledger has a deposit not in suspense any more.
    pub(super) fn leave_suspense(&mut self, deposit: Deposit) -> Result<Deposit, Halt> {
        if deposit.booked {
            self.book_out(&deposit, Owed::Suspense)?;
        }
        Ok(Deposit { booked: false, ..deposit })
    }

    /// A deposit is deep enough.
    fn ripen_deposit(&mut self, id: DepositId) -> Result<(), Halt> {
        let Some(mut deposit) = self.state.deposits.take(id) else { return Ok(()) };
        // It may have been listed meanwhile.
        let listed = self.state.custody.listed(deposit.network, deposit.coin.as_ref());
        deposit.asset = listed.map(|listing| listing.asset);
        let counted = self.counted(&deposit).filter(|_| !self.is_miscounted(&deposit));
        deposit.units = counted.map_or(0, |(_, units, _)| units);
        match self.judge_deposit(&deposit) {
            Verdict::Credit => match deposit.user {
                Some(user) if self.book_in(&deposit, Owed::User(user))? => {
                    self.move_deposit(Deposit { booked: true, ..deposit }, DepositState::Credited);
                }
                // The ledger is full: it is tried again with the next blocks.
                Some(_) | None => self.put_deposit(deposit),
            },
            Verdict::Gather(listing) => self.gather(deposit, listing)?,
            Verdict::Suspend(why) => self.suspend_deposit(deposit, why)?,
            Verdict::Wait => self.put_deposit(deposit),
        }
        Ok(())
    }

    fn judge_deposit(&self, deposit: &Deposit) -> Verdict {
        if let Some(why) = deposit.held {
            return Verdict::Suspend(why);
        }
        let Some(asset) = deposit.asset else { return Verdict::Suspend(Why::Unlisted) };
        // It can be counted once people have looked, and is judged anew then.
        if deposit.amount.is_some() && self.is_miscounted(deposit) {
            return Verdict::Suspend(Why::Closed);
        }
        let Some((listing, units, _)) = self.counted(deposit) else { return Verdict::Suspend(Why::TooLarge) };
        match self.state.may(deposit.network, asset, Operation::Deposit) {
            Ok(()) => {}
            Err(
                networks::Why::Emergency
                | networks::Why::Maintenance { .. }
                | networks::Why::Halted
                | networks::Why::Silent
                | networks::Why::Outflow
                | networks::Why::Shortfall
                | networks::Why::Inconsistent,
            ) => {
                return Verdict::Wait;
            }
            Err(
                networks::Why::Asset
                | networks::Why::State { .. }
                | networks::Why::Network
                | networks::Why::AssetOnNetwork
                | networks::Why::Doubted,
            ) => return Verdict::Suspend(Why::Closed),
        }
        let status = deposit.user.and_then(|user| self.state.users.get(user)).map(|user| user.status);
        match status {
            Some(UserStatus::Active) => {}
            Some(UserStatus::Frozen) | None => return Verdict::Suspend(Why::Frozen),
        }
        if units < least(&listing) { Verdict::Gather(listing) } else { Verdict::Credit }
    }

    /// A payment that is too small is kept with the others of its address; together they are credited once they are enough.
    fn gather(&mut self, deposit: Deposit, listing: Listing) -> Result<(), Halt> {
        let (Some(index), Some(amount), Some(user)) = (deposit.index, deposit.amount, deposit.user) else {
            self.move_deposit(deposit, DepositState::Suspense { why: Why::NotGiven });
            return Ok(());
        };
        let holding = HoldingKey { network: deposit.network, index: Some(index), asset: listing.asset };
        let key = deposits::accrual_key(deposit.network, listing.asset, index);
        let mut accrual: Accrual = self.row(Table::Accrual, &key)?.unwrap_or_default();
        let sum = accrual.sum.checked_add(amount);
        let Some((sum, (units, rest))) = sum.and_then(|sum| Some((sum, listing.to_ledger(sum)?))) else {
            return self.suspend_deposit(deposit, Why::TooLarge);
        };
        if units < least(&listing) {
            if accrual.deposits.len() >= GATHERED_MAX {
                // What is not in memory no reorganisation reaches any more: the sum alone is enough of it.
                let deposits = &self.state.deposits;
                accrual.deposits.retain(|id| deposits.get(*id).is_some());
            }
            if accrual.deposits.len() >= GATHERED_MAX {
                return self.suspend_deposit(deposit, Why::TooManySmall);
            }
            accrual.sum = sum;
            self.note_gathered(deposit.network, deposit.coin.as_ref(), amount, 0);
            accrual.deposits.push(deposit.id);
            self.put_row(Table::Accrual, key, &accrual);
            self.move_deposit(deposit, DepositState::BelowMinimum);
            return Ok(());
        }
        if !self.take_in(&deposit, listing.clone(), units, rest, Owed::User(user))? {
            self.put_deposit(deposit);
            return Ok(());
        }
        self.delete_row(Table::Accrual, key);
        self.note_gathered(deposit.network, deposit.coin.as_ref(), 0, accrual.sum);
        let mut gathered = Vec::with_capacity(accrual.deposits.len());
        for id in accrual.deposits {
            gathered.extend(self.take_deposit(id)?);
        }
        let alone = gathered.iter().fold(accrual.sum, |sum, one| sum.saturating_sub(one.amount.unwrap_or_default()));
        // What is in the sum alone is long final.
        if !has_coins(deposit.network) {
            self.gain_holding(holding, alone)?;
        }
        gathered.push(deposit);
        // Each comes to what the sum grew by with it: without the last ones, the user is left with what the others come to together.
        let units_of = |sum: u128| listing.to_ledger(sum).map_or(0, |(units, _)| units);
        let mut sum = alone;
        for one in gathered {
            let before = units_of(sum);
            sum = sum.saturating_add(one.amount.unwrap_or_default());
            let units = units_of(sum).saturating_sub(before);
            self.move_deposit(Deposit { booked: true, units, ..one }, DepositState::Credited);
        }
        Ok(())
    }

    fn suspend_deposit(&mut self, deposit: Deposit, why: Why) -> Result<(), Halt> {
        let has_no_owner = matches!(why, Why::ToWallet | Why::NotGiven | Why::TooManySmall);
        let is_dust = has_no_owner && self.is_dust(deposit.network, deposit.coin.as_ref(), deposit.amount);
        let why = if is_dust && !planted::has(Bug::DustIsKept) { Why::Dust } else { why };
        // Where the source was never credited, the target would be money out of nothing.
        let is_known = why != Why::OwnUnknown;
        let booked = is_known && self.book_in(&deposit, Owed::Suspense)?;
        self.move_deposit(Deposit { booked, ..deposit }, DepositState::Suspense { why });
        Ok(())
    }

    /// A payment that was gathered is gone from its block.
    pub(super) fn ungather(&mut self, deposit: &Deposit) -> Result<(), Halt> {
        let (Some(index), Some(asset), Some(amount)) = (deposit.index, deposit.asset, deposit.amount) else {
            return Ok(());
        };
        let key = deposits::accrual_key(deposit.network, asset, index);
        let Some(mut accrual) = self.row::<Accrual>(Table::Accrual, &key)? else { return Ok(()) };
        let count = accrual.deposits.len();
        accrual.deposits.retain(|id| *id != deposit.id);
        if accrual.deposits.len() < count {
            self.note_gathered(deposit.network, deposit.coin.as_ref(), 0, amount.min(accrual.sum));
            accrual.sum = accrual.sum.saturating_sub(amount);
        }
        // What is in the sum alone stays in it.
        if accrual.sum == 0 {
            self.delete_row(Table::Accrual, key);
        } else {
            self.put_row(Table::Accrual, key, &accrual);
        }
        Ok(())
    }
}

/// The least that is credited: what the terms say, and never nothing.
pub(super) fn least(listing: &Listing) -> u128 {
    listing.terms.deposit_min.max(1)
}
