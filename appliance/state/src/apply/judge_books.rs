//! What the state judges by itself at the end of a run: the ledger against the positions, what the exchange has against what
//! it owes, and the ledger's locks against what locks.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::{ChainAddress, Network};
use exchequer_ledger::{AccountKey, Asset, Holder, Side, Store};

use super::Entry;
use crate::custody::{Listing, WalletRole};
use crate::deposits::Class;
use crate::halt::Halt;
use crate::reconciliation::{Class as Kind, Equation, Outcome, Part, Scope, Spot, Sum};

/// The ledger is gone through as a whole at most so often, where it is large, in microseconds.
const WHOLE_US: u64 = 600_000_000;
/// Up to so many accounts it is gone through with every run.
const ACCOUNTS_SMALL: u32 = 100_000;

/// An amount with a sign; what does not fit is as much as does.
pub(super) fn plus(amount: u128) -> i128 {
    i128::try_from(amount).unwrap_or(i128::MAX)
}

impl Entry<'_> {
    /// What an account has on its debit side, less than zero where it is on the other.
    fn debit_balance(&self, key: &AccountKey) -> i128 {
        let ledger = self.ledger.ledger();
        let account = ledger.find(key).and_then(|id| ledger.account(id));
        account.map_or(0, |account| {
            plus(account.sums.balance(Side::Debit)).saturating_sub(plus(account.sums.balance(Side::Credit)))
        })
    }

    /// What the ledger keeps on a network, in all of its stores.
    fn custody_on(&self, network: Network, asset: Asset) -> i128 {
        let of = |store| {
            let holder = Holder::Custody { network: network as u32, store };
            self.debit_balance(&AccountKey { holder, asset })
        };
        [Store::Deposit, Store::Hot, Store::Cold].into_iter().map(of).fold(0, i128::saturating_add)
    }

    /// What all addresses are expected to hold of a coin by everything that is known now.
    fn on_addresses(&self, network: Network, coin: Option<&ChainAddress>) -> i128 {
        let room = &self.state.reconciliation;
        let folded = room.tallies.get(&(network, coin.cloned())).map_or(0, |tally| tally.folded);
        let above = room.movements_from(network, 0).filter(|(_, _, movement)| movement.spot.coin.as_ref() == coin);
        above.fold(folded, |sum, (_, _, movement)| sum.saturating_add(movement.effect().unwrap_or(0)))
    }

    /// What came in and is in no book yet: what is not deep enough, too small, or waits unbooked for persons.
    fn not_booked(&self, network: Network, coin: Option<&ChainAddress>) -> i128 {
        let tally = self.state.reconciliation.tallies.get(&(network, coin.cloned())).copied().unwrap_or_default();
        // What is below the minimum is in the tally, what was credited is booked, and the rest is in no block.
        let deposits = &self.state.deposits;
        let of = |class| deposits.in_line(network, class, 0, u64::MAX).filter_map(|id| deposits.get(id));
        let open = of(Class::Confirming).chain(of(Class::Closed)).chain(of(Class::Suspense));
        let open = open.filter(|deposit| !deposit.booked && deposit.block.is_some() && deposit.coin.as_ref() == coin);
        let open = open.map(|deposit| plus(deposit.amount.unwrap_or(0)));
        open.fold(plus(tally.gathered), i128::saturating_add)
    }

    /// What own transactions did on one side only.
    fn afoot(&self, network: Network, coin: Option<&ChainAddress>) -> i128 {
        let coin = coin.cloned();
        let of = self.state.reconciliation.afoot.iter().filter(|((on, _), _)| *on == network);
        of.filter_map(|(_, afoot)| afoot.effects.get(&coin)).fold(0, |sum, effect| sum.saturating_add(*effect))
    }

    /// The ledger against the positions of an asset on a network, in the network's smallest units; and how much of what is
    /// more on the addresses is rounding.
    fn books(&self, listing: &Listing) -> (Sum, i128) {
        let (network, coin) = (listing.network, listing.coin.as_ref());
        let finer = 10_i128.pow(u32::from(listing.ledger_decimals.saturating_sub(listing.decimals)).min(38));
        let unit = plus(listing.unit());
        let custody = self.custody_on(network, listing.asset);
        let ledger = (custody.saturating_mul(unit) / finer).saturating_add(plus(listing.dust));
        let tally = self.state.reconciliation.tallies.get(&(network, coin.cloned())).copied().unwrap_or_default();
        let addresses = self
            .on_addresses(network, coin)
            .saturating_sub(self.not_booked(network, coin))
            .saturating_sub(self.afoot(network, coin))
            // What is less than a minor unit no posting can say.
            .saturating_sub(tally.kept % unit)
            .saturating_add(plus(tally.unbooked_fees));
        (Sum { is: addresses, should: ledger }, tally.kept - tally.kept % unit)
    }

    /// Judges everything that a run of a network brings to judgement.
    pub(super) fn judge_books(&mut self, network: Network, differing: u32) -> Result<Vec<Outcome>, Halt> {
        let listings = self.state.custody.listings().filter(|listing| listing.network == network);
        let listings: Vec<Listing> = listings.cloned().collect();
        let (mut outcomes, whole) = self.judge_ledger();
        for listing in &listings {
            outcomes.push(self.judge_custody(listing));
            self.judge_dust(listing);
        }
        self.judge_own(network);
        let remark = match differing {
            0 => "every address that was read is as expected".to_owned(),
            count => format!("{count} addresses are not as expected: see the discrepancies"),
        };
        let holds = Some(differing == 0);
        outcomes.push(Outcome { equation: Equation::E4, asset: None, sum: None, holds, remark });
        let assets: BTreeSet<Asset> = listings.iter().map(|listing| listing.asset).collect();
        for asset in assets {
            outcomes.push(self.judge_solvency(asset));
        }
        outcomes.push(self.judge_locks(whole));
        outcomes.extend(self.judge_fees());
        outcomes.extend(self.judge_gas(network)?);
        Ok(outcomes)
    }

    fn judge_custody(&mut self, listing: &Listing) -> Outcome {
        let (network, asset) = (listing.network, listing.asset);
        let scope = Scope::Books { network, asset };
        let (sum, rounding) = self.books(listing);
        let by = sum.is.saturating_sub(sum.should);
        let (units, _) = listing.to_ledger(by.unsigned_abs()).unwrap_or((u128::MAX, 0));
        let halted = self.state.deposits.chains.get(network).halted.is_some();
        let mut remark = String::new();
        if by != 0 {
            let class = if halted {
                Kind::Reorg
            } else if by == rounding {
                Kind::Rounding
            } else if by < 0 {
                Kind::UnknownOutflow
            } else {
                Kind::MissedDeposit
            };
            let what = format!("addresses are to hold {}, and the ledger has {}", sum.is, sum.should);
            remark.clone_from(&what);
            self.differs(scope, Some(asset), by, units, class, what);
        } else {
            self.agrees(&scope);
        }
        Outcome { equation: Equation::E3, asset: Some(asset), sum: Some(sum), holds: Some(by == 0), remark }
    }

    fn judge_solvency(&mut self, asset: Asset) -> Outcome {
        let custody = self.state.custody.listings().filter(|listing| listing.asset == asset);
        let custody = custody.map(|listing| self.custody_on(listing.network, asset));
        let venues = self
            .ledger
            .ledger()
            .system_accounts()
            .filter(|account| account.key.asset == asset && matches!(account.key.holder, Holder::Venue { .. }));
        let venues = venues.map(|account| plus(account.sums.balance(Side::Debit)));
        let has = custody.chain(venues).fold(0, i128::saturating_add);
        let owed = plus(self.owed(asset));
        let sum = Some(Sum { is: has, should: owed });
        let outcome = |holds, remark: &str| Outcome {
            equation: Equation::E5,
            asset: Some(asset),
            sum,
            holds,
            remark: remark.to_owned(),
        };
        if self.state.cluster.as_ref().is_some_and(|cluster| cluster.sandbox) {
            // Users were given money at the owners' cost, without a coin behind it: what is owed is more than what is there by
            // as much, and by the ledger that is all that could be said.
            return outcome(
                None,
                "in a sandbox users have money that came from nowhere: it is shown, and stops nothing",
            );
        }
        let scope = Scope::Solvency { asset };
        let by = has.saturating_sub(owed);
        if by >= 0 {
            self.agrees(&scope);
            return outcome(Some(true), "");
        }
        let what = format!("the exchange owes {owed} and has {has}");
        self.differs(scope, Some(asset), by, by.unsigned_abs(), Kind::Shortfall, what.clone());
        outcome(Some(false), &what)
    }

    /// The ledger in itself: per asset debits are credits, and what customers have is the rest of the turnover; and whether it was
    /// gone through as a whole.
    fn judge_ledger(&mut self) -> (Vec<Outcome>, bool) {
        let outcome = |equation, holds, remark: &str| Outcome {
            equation,
            asset: None,
            sum: None,
            holds,
            remark: remark.to_owned(),
        };
        let mut head = self.state.reconciliation.head;
        let small = self.ledger.ledger().accounts() <= ACCOUNTS_SMALL;
        if !small && self.now.0.saturating_sub(head.checked.0) < WHOLE_US {
            let remark = "gone through within the last ten minutes";
            return (vec![outcome(Equation::E1, None, remark), outcome(Equation::E2, None, remark)], false);
        }
        head.checked = self.now;
        self.put_part(Part::Head, &[], &head);
        self.state.reconciliation.head = head;
        let (even, users) = (self.ledger.ledger().check().is_ok(), self.users_sums_agree());
        if even && users {
            self.agrees(&Scope::Ledger);
        } else {
            let what = "debits are not credits, or accounts do not make up what users are owed: a row was changed";
            self.differs(Scope::Ledger, None, -1, 0, Kind::Inconsistent, what.to_owned());
        }
        (vec![outcome(Equation::E1, Some(users), ""), outcome(Equation::E2, Some(even), "")], true)
    }

    /// Whether users' accounts, one by one, are what the turnover leaves for them.
    fn users_sums_agree(&self) -> bool {
        let ledger = self.ledger.ledger();
        let mut sums: BTreeMap<Asset, (u128, u128)> = BTreeMap::new();
        for id in 0..ledger.accounts() {
            let Some(account) = ledger.account(exchequer_ledger::AccountId(id)) else { return false };
            if matches!(account.key.holder, Holder::Customer { .. }) {
                let sum = sums.entry(account.key.asset).or_default();
                // Wrapping: an overflow shows as a difference below.
                sum.0 = sum.0.wrapping_add(account.sums.debits_posted);
                sum.1 = sum.1.wrapping_add(account.sums.credits_posted);
            }
        }
        sums.into_iter().all(|(asset, (debits, credits))| {
            ledger.trial_balance(asset).is_some_and(|trial| {
                (trial.customers.debits_posted, trial.customers.credits_posted) == (debits, credits)
            })
        })
    }

    /// Every open withdrawal's money is held, to the unit; and, where everything is gone through, every open order's.
    fn judge_locks(&mut self, whole: bool) -> Outcome {
        let ledger = self.ledger.ledger();
        let amiss = self.state.withdrawals.open().filter(|one| {
            let Some(held) = one.held else { return false };
            let of = |hold| ledger.hold(hold).map(|hold| hold.remaining);
            let fee = held.fee.map_or(Some(0), of);
            of(held.paid) != Some(one.paid) || fee.is_none()
        });
        let amiss = amiss.count();
        let orders = if whole { self.orders_amiss() } else { 0 };
        let holds = amiss == 0 && orders == 0;
        let remark = if holds {
            // What was found when all orders were gone through is over when they are again.
            if whole {
                self.agrees(&Scope::Locks);
            }
            let orders = if whole { "open withdrawals and open orders" } else { "open withdrawals" };
            orders.to_owned()
        } else {
            let what = format!(
                "{amiss} open withdrawals have not locked what they pay, and of {orders} assets orders lock another amount than \
                 the ledger keeps back"
            );
            let count = i128::try_from(amiss.saturating_add(orders)).unwrap_or(i128::MAX);
            self.differs(Scope::Locks, None, count.saturating_neg(), 0, Kind::Inconsistent, what.clone());
            what
        };
        Outcome { equation: Equation::E6, asset: None, sum: None, holds: Some(holds), remark }
    }

    /// Wallets that pay fees, by what their movements come to and what was last read there.
    fn judge_gas(&self, network: Network) -> Result<Option<Outcome>, Halt> {
        let Some(listing) = self.state.custody.listed(network, None) else { return Ok(None) };
        let asset = Some(listing.asset);
        let wallets = self
            .state
            .custody
            .wallets()
            .filter(|wallet| matches!(wallet.role, WalletRole::Hot | WalletRole::Gas) && wallet.covers(network));
        let (mut sum, mut burnt, mut sent, mut unread) = (Sum { is: 0, should: 0 }, 0_u128, 0_u128, 0_u32);
        for own in wallets.flat_map(|wallet| &wallet.addresses) {
            let position = self.position(&Spot { network, address: own.address.clone(), coin: None })?;
            let Some(checked) = position.checked else {
                unread += 1;
                continue;
            };
            sum.is = sum.is.saturating_add(plus(checked.observed));
            sum.should = sum.should.saturating_add(plus(checked.observed).saturating_sub(checked.difference));
            (burnt, sent) = (burnt.saturating_add(position.burnt), sent.saturating_add(position.sent));
        }
        let holds = if unread == 0 { Some(sum.is == sum.should) } else { None };
        let remark = format!("{sent} sent and {burnt} burnt in all; {unread} addresses not read yet");
        Ok(Some(Outcome { equation: Equation::E8, asset, sum: Some(sum), holds, remark }))
    }
}
