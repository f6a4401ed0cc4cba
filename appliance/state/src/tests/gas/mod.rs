//! What must hold of gas: who tells of it, what is refused, and what a runway says.

pub(super) mod golden;
mod loan_lives;
mod loans;
mod stakes;

use std::time::Duration;

use exchequer_domain::{ChainAddress, Family, Network, WorkerId, WorkerKind};
use exchequer_ledger::{AccountKey, Asset, Holder, Store};

use super::withdrawals::{ETH, ETHER, address, balance, bank, block, by_worker, preparation, price, signed, teller};
use super::world::{World, set};
use crate::attention::Concern;
use crate::custody::{WalletAddress, WalletId, WalletRole};
use crate::event::{EventKind, Severity};
use crate::gas::{GasLevel, GasUse, Refusal, Runway, STATIONS_MAX};
use crate::networks::NetworkState;
use crate::planted::{self, Bug};
use crate::settings::Value;
use crate::withdrawals::{Claim, Errand, Move, Payer, PayoutId, Stage};
use crate::{
    Actor, Body, Command, Done, NoteGas, PayoutStep, PreparePayout, RegisterWallet, Rejection, State, StepPayout,
    StockAddresses,
};

const NET: Network = Network::Ethereum;
const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);
/// The gas wallet, after the three hot ones.
const STATION: WalletId = WalletId(4);

fn pool_address(index: u32) -> ChainAddress {
    address(&format!("pool{index}"))
}

fn gas_worker() -> Actor {
    Actor::Worker(WorkerId { kind: WorkerKind::Gas, network: Some(NET), instance: 1 })
}

/// A bank with a gas wallet, sweeps allowed, and addresses that users pay to.
fn fuelled() -> World {
    let mut world = bank(1);
    let own = WalletAddress { address: address("gas0"), change: false, index: 0 };
    let wallet = RegisterWallet {
        name: "gas".into(),
        role: WalletRole::Gas,
        family: Family::Evm,
        network: None,
        xpub: "xpub".into(),
        addresses: vec![own],
        pinned: false,
        reason: "test".into(),
    };
    world.run(Body::RegisterWallet(Box::new(wallet))).unwrap();
    let entries = (0..4).map(|index| (pool_address(index), [0; 32])).collect();
    world.run(Body::StockAddresses(StockAddresses { family: Family::Evm, first_index: 0, entries })).unwrap();
    let open = super::world::configure(NET, |change| change.state = Some(NetworkState::Enabled));
    world.run(open).unwrap();
    world
}

fn send(world: &mut World, body: Body) -> Result<Done, Rejection> {
    let actor = teller(&body, gas_worker());
    let command = Command { actor, ..by_worker(world, NET, body) };
    world.send(&command)
}

fn note(world: &mut World, fee: u128, stations: Vec<(WalletId, u32, u128)>) -> Result<Done, Rejection> {
    send(world, Body::NoteGas(NoteGas { network: NET, fee, stations, loans: Vec::new(), strays: Vec::new() }))
}

fn top_up(world: &mut World, to: ChainAddress, amount: u128, nonce: u64) -> Result<PayoutId, Rejection> {
    let to_index = (0..4).find(|index| pool_address(*index) == to);
    let one = Move { asset: ETH, coin: None, to, to_index, on_chain: amount, amount, plan: None };
    let command = PreparePayout {
        network: NET,
        payer: Payer { wallet: STATION, index: 0 },
        errand: Errand::TopUp(one),
        withdrawals: Vec::new(),
        preparation: preparation(Claim::Nonce(nonce), nonce),
        chain_nonce: 0,
        settled_nonce: 0,
    };
    match send(world, Body::PreparePayout(Box::new(command)))? {
        Done::PayoutPrepared { payout, .. } => Ok(payout),
        other => panic!("{other:?}"),
    }
}

fn step(world: &mut World, payout: PayoutId, step: PayoutStep) -> Stage {
    let from = world.state.withdrawals().payout(payout).unwrap().stage();
    let body = Body::StepPayout(Box::new(StepPayout { network: NET, payout, from, attempt: 1, step }));
    match send(world, body).unwrap() {
        Done::PayoutMoved { stage } => stage,
        other => panic!("{other:?}"),
    }
}

/// Signs, sends and ends a payout; the network took this fee.
fn carry_out(world: &mut World, payout: PayoutId, number: u64, fee: u128) {
    step(world, payout, signed(number));
    step(world, payout, PayoutStep::Broadcast { answers: Vec::new() });
    step(world, payout, PayoutStep::Seen { block: block(9) });
    assert_eq!(step(world, payout, PayoutStep::Final { block: block(9), fee }), Stage::Completed);
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Rejection>) -> Refusal {
    match outcome {
        Err(Rejection::Gas(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn pass(world: &mut World, span: Duration) {
    world.now = world.now.plus(span);
    price(world);
}

/// Goal: only the gas worker of the network tells what gas is, and only of its own stations; what it tells survives a restart.
/// Method: others, wrong stations, one twice, too many.
#[test]
fn who_tells_and_of_what() {
    let mut world = fuelled();
    let body =
        || Body::NoteGas(NoteGas { network: NET, fee: 7, stations: Vec::new(), loans: Vec::new(), strays: Vec::new() });
    for kind in [WorkerKind::Withdrawal, WorkerKind::Consolidation] {
        let actor = Actor::Worker(WorkerId { kind, network: Some(NET), instance: 1 });
        let command = Command { actor, ..by_worker(&mut world, NET, body()) };
        assert_eq!(refused(world.send(&command)), Refusal::NotTheWorker);
    }
    let elsewhere = Actor::Worker(WorkerId { kind: WorkerKind::Gas, network: Some(Network::Tron), instance: 1 });
    let command = Command { actor: elsewhere, ..by_worker(&mut world, NET, body()) };
    assert_eq!(refused(world.send(&command)), Refusal::NotTheWorker);
    let many = vec![(STATION, 0, 1); STATIONS_MAX + 1];
    let wrong =
        [vec![(STATION, 1, 5)], vec![(WalletId(9), 0, 5)], vec![(WalletId(2), 0, 5)], vec![(STATION, 0, 5); 2], many];
    for stations in wrong {
        assert_eq!(refused(note(&mut world, 7, stations)), Refusal::Stations);
    }
    assert_eq!(note(&mut world, 7, vec![(STATION, 0, 5), (WalletId(1), 1, 6)]), Ok(Done::GasNoted));
    let book = world.state.gas().book(NET).unwrap();
    assert_eq!((book.fee(), book.stations().len(), book.gate()), (Some(7), 2, None));
    assert_eq!(State::load(&world.rows).unwrap().gas(), world.state.gas());
}

/// Goal: an address gets gas three times within 24 hours, not a fourth time, also where each of the sweeps that it was for came
/// to nothing: no top-up loop when a sweep fails. Method: top-ups that end, one after the other, and the same a day later;
/// another address is not touched, and a restart forgets nothing.
#[test]
fn no_top_up_loop_when_a_sweep_fails() {
    let mut world = fuelled();
    for nonce in 0..3 {
        let payout = top_up(&mut world, pool_address(1), 1_000, nonce).unwrap();
        carry_out(&mut world, payout, 100 + nonce, 21);
        pass(&mut world, HOUR);
    }
    assert_eq!(refused(top_up(&mut world, pool_address(1), 1_000, 3)), Refusal::TooOften);
    world.state = State::load(&world.rows).unwrap();
    assert_eq!(refused(top_up(&mut world, pool_address(1), 1_000, 3)), Refusal::TooOften);
    let other = top_up(&mut world, pool_address(2), 1_000, 3).unwrap();
    carry_out(&mut world, other, 103, 21);
    pass(&mut world, 21 * HOUR - Duration::from_micros(1));
    assert_eq!(refused(top_up(&mut world, pool_address(1), 1_000, 4)), Refusal::TooOften);
    pass(&mut world, Duration::from_micros(1));
    top_up(&mut world, pool_address(1), 1_000, 4).unwrap();
    assert_eq!(world.state.gas().top_ups(NET, &pool_address(1), world.now), 3);
    pass(&mut world, 30 * HOUR);
    note(&mut world, 7, Vec::new()).unwrap();
    assert!(world.state.gas().topped.is_empty(), "what is older than a day is forgotten");
    assert_eq!(State::load(&world.rows).unwrap().gas(), world.state.gas());
}

/// Goal: what is brought in a day keeps within the budget, to the minor unit, fees included; the next day has a budget of its
/// own; without a fresh price nothing is brought. Method: a coin of a dollar and a budget of ten.
#[test]
fn the_budget_of_a_day_is_kept() {
    let mut world = fuelled();
    for value in [250, 125, 63, 32, 16, 10] {
        world.run(set("gas.budget_usd_day@network:ethereum", Value::Integer(value), None)).unwrap();
    }
    let fee = u128::from(preparation(Claim::Nonce(0), 0).fee_max);
    top_up(&mut world, pool_address(0), 4 * ETHER - fee, 0).unwrap();
    top_up(&mut world, pool_address(1), 5 * ETHER - fee, 1).unwrap();
    let budget = refused(top_up(&mut world, pool_address(2), ETHER - fee + 1, 2));
    assert_eq!(budget, Refusal::Budget { left_usd_micros: 1_000_000 });
    top_up(&mut world, pool_address(2), ETHER - fee, 2).unwrap();
    assert_eq!(refused(top_up(&mut world, pool_address(3), 1, 3)), Refusal::Budget { left_usd_micros: 0 });
    pass(&mut world, 24 * HOUR);
    let payout = top_up(&mut world, pool_address(3), 9 * ETHER, 3).unwrap();
    for (number, payout) in (1..).zip([PayoutId(1), PayoutId(2), PayoutId(3), payout]) {
        carry_out(&mut world, payout, number, 21);
    }
    world.now = world.now.plus(24 * HOUR);
    assert_eq!(refused(top_up(&mut world, pool_address(3), 1, 4)), Refusal::NoPrice);
}

/// Goal: people are told once when four fifths of a day's budget for gas are used, not a millionth of a dollar before, and once when the next day
/// begins; a price that is too old ends nothing. Method: a coin of a dollar and a budget of ten; the same without the look.
#[test]
fn a_budget_that_is_nearly_used_is_told() {
    let told = |world: &World| -> Vec<bool> {
        let of = |kind| match kind {
            EventKind::AttentionNeeded {
                concern: Concern::GasBudgetNear,
                network: NET,
                severity: Severity::P1,
                ..
            } => Some(true),
            EventKind::AttentionEnded { concern: Concern::GasBudgetNear, .. } => Some(false),
            _ => None,
        };
        world.events().into_iter().filter_map(of).collect()
    };
    let life = || {
        let mut world = fuelled();
        for value in [250, 125, 63, 32, 16, 10] {
            world.run(set("gas.budget_usd_day@network:ethereum", Value::Integer(value), None)).unwrap();
        }
        let fee = u128::from(preparation(Claim::Nonce(0), 0).fee_max);
        let mut seen = Vec::new();
        let mut look = |world: &mut World, later: Duration| {
            world.now = world.now.plus(later);
            let _ = world.entry(&[]);
            seen.push(told(world));
        };
        // What is worth less than a millionth of a dollar counts as one.
        let micro = ETHER / 1_000_000;
        top_up(&mut world, pool_address(0), 8 * ETHER - micro - fee, 0).unwrap();
        look(&mut world, 2 * MINUTE);
        top_up(&mut world, pool_address(1), micro, 1).unwrap();
        look(&mut world, 2 * MINUTE);
        look(&mut world, 15 * MINUTE);
        look(&mut world, 24 * HOUR);
        seen
    };
    assert_eq!(life(), [vec![], vec![true], vec![true], vec![true, false]]);
    planted::plant(Some(Bug::BudgetUntold));
    let without = life();
    planted::plant(None);
    assert_eq!(without.concat(), []);
}

/// Goal: what a top-up may cost more by another attempt is of the day's budget, too. Method: a budget of ten dollars that is spent
/// but for 500 minor units, and attempts that cost 400 and 101 more.
#[test]
fn dearer_attempts_are_of_the_budget() {
    let mut world = fuelled();
    for value in [250, 125, 63, 32, 16, 10] {
        world.run(set("gas.budget_usd_day@network:ethereum", Value::Integer(value), None)).unwrap();
    }
    let fee = preparation(Claim::Nonce(0), 0).fee_max;
    let payout = top_up(&mut world, pool_address(0), 10 * ETHER - u128::from(fee) - 500, 0).unwrap();
    step(&mut world, payout, signed(1));
    step(&mut world, payout, PayoutStep::Broadcast { answers: Vec::new() });
    step(&mut world, payout, PayoutStep::Stuck);
    let replace = |world: &mut World, fee_max| {
        let from = world.state.withdrawals().payout(payout).unwrap().stage();
        let preparation = Box::new(crate::Preparation { fee_max, ..preparation(Claim::Nonce(0), fee_max) });
        let step = PayoutStep::Replace { preparation, proof: None };
        send(world, Body::StepPayout(Box::new(StepPayout { network: NET, payout, from, attempt: 1, step })))
    };
    assert!(matches!(refused(replace(&mut world, fee + 501)), Refusal::Budget { .. }));
    replace(&mut world, fee + 500).unwrap();
    assert_eq!(world.state.gas().book(NET).unwrap().today(world.now), 10 * ETHER);
}

/// Goal: what was spent is put down under what it was for, and what gas wallets have is told to last until it does not: each
/// level once. Method: a top-up an hour for a day, and stations with less and less.
#[test]
fn a_runway_is_told_by_its_level() {
    let mut world = fuelled();
    note(&mut world, 7, vec![(STATION, 0, ETHER)]).unwrap();
    let mut nonce = 0;
    for hour in 0..26_u32 {
        // Twelve a day are all that four addresses get.
        match top_up(&mut world, pool_address(hour % 4), 900, nonce) {
            Ok(payout) => {
                carry_out(&mut world, payout, 200 + nonce, 100);
                nonce += 1;
            }
            Err(why) => assert_eq!(why, Rejection::Gas(Refusal::TooOften)),
        }
        pass(&mut world, HOUR);
    }
    let spent: Vec<_> = world.state.gas().book(NET).unwrap().spent().collect();
    assert_eq!(spent.len(), 1);
    let (of, spent) = spent[0];
    assert_eq!((of, spent.fees), (GasUse::TopUp, u128::from(spent.count) * 100));
    note(&mut world, 7, vec![(STATION, 0, ETHER)]).unwrap();
    let profile = world.state.gas().book(NET).unwrap().profile(WalletRole::Gas).unwrap().clone();
    assert_eq!(profile.runway(world.now, ETHER), Runway::Beyond);
    let average = profile.average().unwrap();
    for (has, level) in
        [(100 * average, GasLevel::P2), (20 * average, GasLevel::P1), (2, GasLevel::P0), (ETHER, GasLevel::Fine)]
    {
        note(&mut world, 7, vec![(STATION, 0, has)]).unwrap();
        note(&mut world, 7, vec![(STATION, 0, has)]).unwrap();
        let of_level = EventKind::GasLevel { network: NET, role: WalletRole::Gas, level };
        let told = world.events().into_iter().filter(|kind| *kind == of_level).count();
        assert_eq!(told, 1, "{level:?} with {has} of {average} an hour");
    }
    let key = AccountKey { holder: Holder::Custody { network: NET as u32, store: Store::Deposit }, asset: Asset(1) };
    assert_eq!(balance(&world, key).0, u128::from(spent.count) * 900, "what was brought lies on deposit addresses");
}
