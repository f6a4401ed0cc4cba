//! Reservations against a naive list of orders.

use super::generate::Random;
use super::world::{World, transfer};
use crate::planted::Bug;
use crate::{AccountId, Asset, At, Holder, Ledger, Leg, Outcome, Reason};

/// What the customers of a test have, kept naively.
#[derive(Clone)]
struct Naive {
    balances: Vec<u128>,
    /// Account and amount of every open order.
    orders: Vec<(usize, u128)>,
}

impl Naive {
    fn reserved(&self, account: usize) -> u128 {
        self.orders.iter().filter(|(of, _)| *of == account).map(|(_, amount)| amount).sum()
    }

    fn available(&self, account: usize) -> u128 {
        self.balances[account] - self.reserved(account)
    }
}

const CUSTOMERS: usize = 3;

/// A random run of orders that come, shrink and go, payments that succeed only with what is free, transfers that fail
/// half-way, and restarts; every answer and every account is compared after each step.
fn run(seed: u64, bug: Option<Bug>) -> Result<u64, String> {
    let mut world = World::new();
    let equity = world.open(Holder::Equity, Asset(1), true);
    let customer = |customer| Holder::Customer { customer, sub_account: 0 };
    let accounts: Vec<AccountId> = (0..CUSTOMERS as u64).map(|id| world.open(customer(id), Asset(1), false)).collect();
    for account in &accounts {
        world.post(equity, *account, 100).map_err(|rejection| format!("{rejection:?}"))?;
    }
    world.ledger.bug = bug;
    let mut naive = Naive { balances: vec![100; CUSTOMERS], orders: Vec::new() };
    let (mut random, mut reserved) = (Random(seed), 0);
    for _ in 0..120 {
        let account = random.below(CUSTOMERS as u64) as usize;
        let amount = u128::from(random.below(60) + 1);
        let (found, expected) = match random.below(5) {
            0 | 1 => {
                let fits = amount <= naive.available(account);
                if fits {
                    naive.orders.push((account, amount));
                    reserved += 1;
                }
                (in_entry(&mut world, |entry| entry.reserve(accounts[account], amount))?, fits)
            }
            2 if !naive.orders.is_empty() => {
                let order = random.below(naive.orders.len() as u64) as usize;
                let (account, left) = naive.orders[order];
                let back = amount.min(left);
                naive.orders[order].1 -= back;
                naive.orders.retain(|(_, amount)| *amount > 0);
                in_entry(&mut world, |entry| entry.unreserve(accounts[account], back).map(|()| true))?;
                (true, true)
            }
            3 if random.one_in(4) => {
                let bug = world.ledger.bug;
                world.ledger = Ledger::load_with_sizes(&world.rows, world.ledger.sizes).unwrap();
                world.ledger.bug = bug;
                for (account, amount) in &naive.orders {
                    world.ledger.reserve(accounts[*account], *amount).unwrap();
                }
                (true, true)
            }
            // Two legs: the first one always fits, the second one may not, and then neither is done.
            _ => {
                let other = (account + 1) % CUSTOMERS;
                let fits = amount <= naive.available(account);
                let legs = vec![
                    Leg::Post { debit: equity, credit: accounts[other], amount: 1 },
                    Leg::Post { debit: accounts[account], credit: equity, amount },
                ];
                if fits {
                    naive.balances[other] += 1;
                    naive.balances[account] -= amount;
                }
                let transfer = transfer(world.id(), Reason::Internal, legs);
                let outcome = in_entry(&mut world, |entry| entry.run_transfer(&transfer))?;
                (matches!(outcome, Outcome::Done(_)), fits)
            }
        };
        if found != expected {
            return Err(format!("{found} where {expected} was right"));
        }
        world.ledger.check().map_err(|halt| halt.to_string())?;
        for (place, account) in accounts.iter().enumerate() {
            let account = world.ledger.account(*account).unwrap();
            let shown = (account.sums.balance(crate::Side::Credit), account.reserved, account.available());
            let right = (naive.balances[place], naive.reserved(place), naive.available(place));
            if shown != right {
                return Err(format!("{shown:?} where {right:?} is right"));
            }
        }
    }
    Ok(reserved)
}

fn in_entry<T>(
    world: &mut World,
    step: impl FnOnce(&mut crate::Entry<'_>) -> Result<T, crate::Halt>,
) -> Result<T, String> {
    world.index += 1;
    let at = At { index: world.index, time: world.now };
    let mut entry = world.ledger.enter(at, &world.rows).map_err(|halt| halt.to_string())?;
    let done = step(&mut entry).map_err(|halt| halt.to_string())?;
    let changes = entry.close().map_err(|halt| halt.to_string())?;
    world.rows.apply_changes(changes);
    Ok(done)
}

/// Goal: what orders keep back is never spent, never lost and never kept for ever, also over restarts and transfers that
/// are taken back. Method: random runs against the naive list.
#[test]
fn reservations_are_what_orders_keep_back() {
    let reserved: u64 = (0..2_000).map(|seed| run(seed, None).unwrap_or_else(|why| panic!("seed {seed}: {why}"))).sum();
    assert!(reserved > 20_000, "{reserved} reservations");
}

/// Goal: the comparison can fail. Method: two bugs, planted one by one.
#[test]
fn planted_bugs_of_reservations_are_caught() {
    for bug in [Bug::LimitIgnoresReservations, Bug::ReservationKept] {
        let caught = (0..100).find(|seed| run(*seed, Some(bug)).is_err());
        println!("{bug:?}: caught by seed {caught:?}");
        assert!(caught.is_some(), "{bug:?} was not caught");
    }
}

/// Goal: turnover never shrinks, so what it has no room for can neither be promised nor posted, and what was promised can
/// always be posted. Method: an account with overdraft promises nearly all that 128 bits hold.
#[test]
fn promises_have_room() {
    let mut world = World::new();
    let equity = world.open(Holder::Equity, Asset(1), true);
    let customer = world.open(Holder::Customer { customer: 1, sub_account: 0 }, Asset(1), false);
    let most = u128::MAX - 10;
    world.post(equity, customer, 10).unwrap();
    assert_eq!(world.ledger.reserve(equity, most), Ok(true));
    assert_eq!(world.ledger.reserve(customer, 1), Ok(false));
    let mut post = |amount| {
        let legs = vec![Leg::Post { debit: equity, credit: customer, amount }];
        let transfer = transfer(world.id(), Reason::Internal, legs);
        in_entry(&mut world, |entry| {
            if amount == most {
                entry.unreserve(equity, amount)?;
            }
            entry.run_transfer(&transfer)
        })
    };
    assert!(matches!(post(1), Ok(Outcome::Rejected(_))));
    assert!(matches!(post(most), Ok(Outcome::Done(_))));
    assert!(world.ledger.check().is_ok());
}

/// Goal: giving back more than is reserved stops the node, and so does reserving what nobody is owed. Method: the edges
/// by hand, and a step that is taken back inside a dry run's mark.
#[test]
fn impossible_reservations_halt() {
    let mut world = World::new();
    let equity = world.open(Holder::Equity, Asset(1), true);
    let customer = world.open(Holder::Customer { customer: 1, sub_account: 0 }, Asset(1), false);
    let custody = world.open(Holder::Custody { network: 1, store: crate::Store::Hot }, Asset(1), false);
    world.post(equity, customer, 10).unwrap();
    assert_eq!(world.ledger.reserve(customer, 10), Ok(true));
    assert_eq!(world.ledger.reserve(customer, 1), Ok(false));
    assert!(world.ledger.reserve(custody, 0).is_err());
    assert!(in_entry(&mut world, |entry| entry.unreserve(customer, 11)).is_err());
}
