//! Random lives of loans: at every moment the book has what the network has.

use std::collections::BTreeMap;

use exchequer_domain::Timestamp;

use super::super::dice::Dice;
use super::super::sweeps::{TRON, USERS, arrive, free, of, pay, pool, step, sweep, wish};
use super::super::withdrawals::{USDT, block, price, tx};
use super::super::world::{DAY, World};
use super::loans::{STATION, SUN, expire, give_up, harbour, lent, loans, note, stake, window};
use crate::gas::{Loan, LoanStage, UNSEEN_MAX};
use crate::sweeps::SweepStatus;
use crate::withdrawals::{Errand, PayoutId, Stake};
use crate::{PayoutStep, Wish};

/// What the network has lent, as payouts that took effect made it.
type Network = BTreeMap<u32, u64>;

/// What a worker that knows nothing but the state does next for an address: it lends where a plan waits, sweeps where one is ready,
/// and takes back where none is open.
fn work(world: &mut World, network: &Network, index: u32, amount: u128) {
    let is_there = |loan: &Loan| network.get(&index).is_some_and(|has| *has >= loan.sun);
    let key = crate::sweeps::HoldingKey { network: TRON, index: Some(index), asset: USDT };
    let open = world.state.sweeps().of(key).cloned();
    let loan = world.state.gas().book(TRON).and_then(|book| book.loan(&pool(TRON, index)).cloned());
    match (open, loan) {
        (Some(open), None) if matches!(open.status, SweepStatus::NeedsGas { .. }) => {
            let _ = stake(world, STATION, Stake::Lend(lent(index, SUN + u64::from(index), Some(open.id))));
        }
        // Nothing was lent after all: it lacks what it lacked.
        (Some(open), None) if open.status == SweepStatus::Ready => {
            wish(world, TRON, Some(index), USDT, Wish::Gas { amount: 9_000_000 });
        }
        (Some(open), _) if open.status == SweepStatus::Ready => {
            let claim = window(world);
            let _ = sweep(world, TRON, index, of(USDT, "hottron0", amount, Some(open.id)), claim);
        }
        (Some(open), Some(loan))
            if loan.stage == LoanStage::Lent
                && is_there(&loan)
                && matches!(open.status, SweepStatus::NeedsGas { .. }) =>
        {
            let _ = stake(world, STATION, Stake::TakeBack(lent(index, loan.sun, None)));
        }
        (None, Some(loan)) if loan.stage == LoanStage::Lent && is_there(&loan) => {
            let _ = stake(world, STATION, Stake::TakeBack(lent(index, loan.sun, None)));
        }
        _ => {}
    }
}

/// What becomes of a payout.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    /// It does what it is for.
    Works,
    /// It is given up before it is signed.
    GivenUp,
    /// Its time is over without it.
    Expires,
    /// So its worker says, and it took effect all the same.
    SaidToExpire,
}

/// An open payout goes on to its end; what took effect the network has.
fn go_on(world: &mut World, network: &mut Network, payout: PayoutId, end: End) {
    let errand = world.state.withdrawals().payout(payout).unwrap().errand.clone();
    match end {
        End::Works => {}
        End::GivenUp => return give_up(world, payout),
        End::Expires => return expire(world, payout),
        End::SaidToExpire => {
            match errand {
                Errand::Stake(Stake::Lend(lent)) => *network.entry(lent.to_index).or_default() += lent.sun,
                Errand::Stake(Stake::TakeBack(lent)) => *network.entry(lent.to_index).or_default() -= lent.sun,
                _ => {}
            }
            expire(world, payout);
            world.now = world.now.plus(UNSEEN_MAX);
            return;
        }
    }
    let name = tx(5_000_000 + payout.0);
    step(world, payout, PayoutStep::Signed { tx: name, raw: vec![1], record: vec![2] }).unwrap();
    step(world, payout, PayoutStep::Broadcast { answers: vec![] }).unwrap();
    let fee = if matches!(errand, Errand::Sweep(_)) { 0 } else { 300 };
    step(world, payout, PayoutStep::Final { block: block(9), fee }).unwrap();
    match errand {
        Errand::Stake(Stake::Lend(lent)) => *network.entry(lent.to_index).or_default() += lent.sun,
        Errand::Stake(Stake::TakeBack(lent)) => {
            let left = network.get(&lent.to_index).and_then(|has| has.checked_sub(lent.sun));
            let left = left.unwrap_or_else(|| panic!("more was taken back of {} than was lent", lent.to_index));
            network.insert(lent.to_index, left);
        }
        _ => {}
    }
}

/// What the network has lent and what the book says of it are the same, at every moment.
fn compare(world: &World, network: &Network, seed: u64) {
    for index in 0..USERS {
        let has = network.get(&index).copied().unwrap_or(0);
        let loan = world.state.gas().book(TRON).and_then(|book| book.loan(&pool(TRON, index)).cloned());
        let sun = loan.as_ref().map_or(0, |loan| loan.sun);
        let fits = match loan.map(|loan| loan.stage) {
            None | Some(LoanStage::Lending { .. }) => has == 0,
            Some(LoanStage::Lent | LoanStage::Returning { .. }) => has == sun,
            Some(LoanStage::Doubted) => has == 0 || has == sun,
        };
        assert!(fits, "seed {seed}: address {index} has {has}: {:?}", loans(world));
    }
}

/// Random lives of loans, and then peace until nothing is left to be done.
pub(super) fn lives(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let mut dice = Dice(seed);
        let (mut world, mut network) = (harbour(), Network::new());
        let mut number = 100;
        let mut lent_ever = 0;
        for turn in 0..170 {
            let peace = turn >= 70;
            let index = u32::try_from(dice.below(USERS as usize)).unwrap();
            let key = crate::sweeps::HoldingKey { network: TRON, index: Some(index), asset: USDT };
            let planned = world.state.sweeps().of(key).is_some();
            if !peace && dice.below(3) == 0 && !planned {
                number += 1;
                arrive(&mut world, TRON, vec![pay(TRON, number, index, USDT, 700)]);
                wish(&mut world, TRON, Some(index), USDT, Wish::Gas { amount: 9_000_000 });
            }
            let amount = free(&world, TRON, index, USDT);
            work(&mut world, &network, index, amount);
            let open: Vec<PayoutId> = world.state.withdrawals().payouts(TRON).map(|payout| payout.id).collect();
            if let Some(payout) = open.get(dice.below(3)).or(open.first()) {
                let end = match dice.below(9) {
                    0 if !peace => End::GivenUp,
                    1 if !peace => End::Expires,
                    2 if !peace => End::SaidToExpire,
                    _ => End::Works,
                };
                go_on(&mut world, &mut network, *payout, end);
            }
            // Somebody else takes back what is lent, who has the key.
            let is_lent = |loan: &&Loan| loan.stage == LoanStage::Lent;
            if let Some(loan) = loans(&world).iter().find(is_lent).filter(|_| !peace && dice.below(12) == 0) {
                network.insert(loan.to_index, 0);
                world.now = world.now.plus(UNSEEN_MAX);
            }
            note(&mut world, |index| network.get(&index).is_some_and(|has| *has > 0));
            lent_ever += network.values().filter(|sun| **sun > 0).count();
            compare(&world, &network, seed);
            // A day's loans to an address are bounded, as top-ups are.
            world.now = Timestamp(world.now.0 + DAY / 3 + 1);
            price(&mut world);
        }
        assert!(lent_ever > 0, "seed {seed}");
        assert_eq!(loans(&world), [], "seed {seed}");
        assert!(network.values().all(|sun| *sun == 0), "seed {seed}: {network:?}");
    }
}

/// Goal: at every moment the book of loans is what the network has lent, and in the end every loan is back, to the sun: whatever was
/// given up on the way, and whoever goes on from there. Method: random lives of three addresses in which a third of everything
/// comes to nothing, or is only said to, each step by a worker that knows the state and the network alone; somebody else takes loans
/// back; then peace. `SEED` begins with another
/// one, `LIVES` says how many there are.
#[test]
fn every_loan_comes_back() {
    let number = |name: &str, otherwise: u64| std::env::var(name).map_or(otherwise, |text| text.parse().unwrap());
    let begin = number("SEED", 0);
    println!("seeds from {begin}");
    lives(begin..begin + number("LIVES", 5));
}
