//! What is not moved: by the wrong hands, to the wrong place, twice, or what is not free.

use super::*;
use crate::planted::Bug;
use crate::tests::withdrawals::catches;
use crate::users::UserStatus;
use crate::{RetireWallet, UpdateUser};

/// A harbour with 700 dollars and a little ether on the address of the first user, and a plan to sweep the dollars.
fn ready() -> (World, SweepId) {
    let mut world = harbour();
    arrive(&mut world, NET, vec![pay(NET, 1, 0, USDT, 700), pay(NET, 2, 0, ETH, 9_000)]);
    let id = wish(&mut world, NET, Some(0), USDT, Wish::Sweep).unwrap();
    (world, id)
}

/// Goal: deposits are swept to pinned wallets in use only, also where one was in use when the sweep was decided. Method: addresses
/// of all kinds; a wallet that is retired before the sweep is signed.
#[test]
fn only_to_pinned_wallets() {
    let (mut world, id) = ready();
    for to in ["0xabc", "gasevm0", "poolEvm1", "hottron0", "poolEvm0"] {
        let payout = sweep(&mut world, NET, 0, of(USDT, to, 700, Some(id)), Claim::Nonce(0));
        assert_eq!(refusal(payout), MoveFault::Destination, "{to}");
    }
    let payout = sweep(&mut world, NET, 0, of(USDT, "coldevm0", 700, Some(id)), Claim::Nonce(0)).unwrap();
    world.run(Body::RetireWallet(RetireWallet { wallet: COLD_EVM, reason: "test".into() })).unwrap();
    let signed = PayoutStep::Signed { tx: tx(7), raw: vec![1], record: vec![2] };
    assert_eq!(refusal(step(&mut world, payout, signed)), MoveFault::Destination);
    // Its worker hears of it, and it ends.
    let open = world.state.withdrawals().payout(payout).unwrap().clone();
    assert!(!world.state.may_go_there(&open));
    let dead = PayoutStep::Dead { proof: crate::withdrawals::Death::NeverSigned, requeue: true };
    assert_eq!(step(&mut world, payout, dead), Ok(Stage::Failed));
}

/// Goal: gas is brought to the exchange's own addresses only, of the network's own coin, by who has it. Method: addresses, coins
/// and payers of all kinds.
#[test]
fn only_own_addresses_get_gas() {
    let (mut world, _) = ready();
    let gas = Payer { wallet: GAS_EVM, index: 0 };
    let mut top_up = |payer, one, nonce| {
        let errand = Errand::TopUp(one);
        prepare_move(&mut world, WorkerKind::Gas, NET, payer, errand, (Claim::Nonce(nonce), 1_000))
    };
    for (to, to_index) in [
        ("0xabc", None),
        ("0xabc", Some(0)),
        ("poolEvm1", None),
        ("poolEvm1", Some(2)),
        ("gasevm0", None),
        ("coldevm0", None),
    ] {
        let one = Move { to_index, ..of(ETH, to, 10, None) };
        assert_eq!(refusal(top_up(gas, one, 0)), MoveFault::TopUpDestination, "{to}");
    }
    let token = Move { to_index: Some(1), ..of(USDT, "poolEvm1", 10, None) };
    assert_eq!(refusal(top_up(gas, token, 0)), MoveFault::TopUpDestination);
    let good = Move { to_index: Some(1), ..of(ETH, "poolEvm1", 10, None) };
    for wallet in [HOT_EVM, POOL_EVM, COLD_EVM, WalletId(99)] {
        let payer = Payer { wallet, index: 0 };
        let refused = top_up(payer, good.clone(), 0);
        assert_eq!(refused, Err(Rejection::Withdrawals(Box::new(Refusal::Wallet))), "{wallet:?}");
    }
    top_up(gas, good.clone(), 0).unwrap();
    assert_eq!(refusal(top_up(gas, good, 1)), MoveFault::UnderWay);
    top_up(gas, of(ETH, "hotevm0", 10, None), 1).unwrap();
}

/// Goal: each worker does its own errands and no others, of its own network. Method: every kind tries each errand.
#[test]
fn each_worker_its_own() {
    let (mut world, id) = ready();
    let not_the_worker = Err(Rejection::Withdrawals(Box::new(Refusal::NotTheWorker)));
    let pool = Payer { wallet: POOL_EVM, index: 0 };
    let gas = Payer { wallet: GAS_EVM, index: 0 };
    let sweep = Errand::Sweep(of(USDT, "hotevm0", 700, Some(id)));
    let top_up = Errand::TopUp(of(ETH, "hotevm0", 10, None));
    for (kind, payer, errand) in [
        (WorkerKind::Withdrawal, pool, &sweep),
        (WorkerKind::Gas, pool, &sweep),
        (WorkerKind::Deposit, pool, &sweep),
        (WorkerKind::Withdrawal, gas, &top_up),
        (WorkerKind::Consolidation, gas, &top_up),
        (WorkerKind::Consolidation, Payer { wallet: HOT_EVM, index: 0 }, &Errand::Withdrawals),
        (WorkerKind::Withdrawal, pool, &Errand::Withdrawals),
    ] {
        let refused = prepare_move(&mut world, kind, NET, payer, errand.clone(), (Claim::Nonce(0), 1_000));
        assert_eq!(refused, not_the_worker, "{kind} {errand:?}");
    }
    let payout =
        prepare_move(&mut world, WorkerKind::Consolidation, NET, pool, sweep, (Claim::Nonce(0), 1_000)).unwrap();
    step(&mut world, payout, PayoutStep::Signed { tx: tx(7), raw: vec![1], record: vec![2] }).unwrap();
    let body = |network| {
        let step = PayoutStep::Broadcast { answers: vec![] };
        Body::StepPayout(Box::new(StepPayout { network, payout, from: Stage::Signed, attempt: 1, step }))
    };
    for (kind, network) in [(WorkerKind::Withdrawal, NET), (WorkerKind::Gas, NET), (WorkerKind::Consolidation, TRON)] {
        assert!(send(&mut world, kind, network, body(network)).is_err(), "{kind} {network}");
    }
    send(&mut world, WorkerKind::Consolidation, NET, body(NET)).unwrap();
}

/// Goal: what waits for a decision, is not final, is nobody's, or is of a user who is frozen is not swept, and nothing is swept
/// twice or beyond what is free. Method: each of them, on an address with a balance and as a coin.
#[test]
fn only_what_is_free() {
    let mut world = harbour();
    // To an address that is nobody's; of a coin that is not listed comes nothing at all.
    arrive(&mut world, NET, vec![pay(NET, 1, 4, USDT, 700)]);
    assert_eq!(wish(&mut world, NET, Some(4), USDT, Wish::Sweep), None);
    let short = sweep(&mut world, NET, 4, of(USDT, "hotevm0", 700, None), Claim::Nonce(0));
    assert_eq!(refusal(short), MoveFault::Plan);
    // Not final.
    commit(&mut world, COINS, vec![(vec![pay(COINS, 2, 0, BTC, 1_000)], vec![])]).unwrap();
    assert_eq!(free(&world, COINS, 0, BTC), 0);
    let id = wish(&mut world, COINS, None, BTC, Wish::Sweep).unwrap();
    let coins = |number| Claim::Coins(vec![OutPoint { tx: tx(number), vout: 0 }]);
    let one = || of(BTC, "hotbitcoin0", 900, Some(id));
    assert!(sweep(&mut world, COINS, 0, one(), coins(2)).is_err());
    // Final, and nobody's.
    arrive(&mut world, COINS, vec![pay(COINS, 3, 5, BTC, 1_000)]);
    assert!(sweep(&mut world, COINS, 0, of(BTC, "hotbitcoin0", 900, Some(id)), coins(3)).is_err());
    // Of a user who is frozen since.
    arrive(&mut world, NET, vec![pay(NET, 4, 2, USDT, 50), pay(NET, 5, 2, ETH, 9_000)]);
    let plan = wish(&mut world, NET, Some(2), USDT, Wish::Sweep).unwrap();
    let freeze = |status| {
        let (user, reason) = (UserId(3), "test".to_owned());
        let status = Some(status);
        Body::UpdateUser(UpdateUser { user, kyc_level: None, fee_tier: None, status, label: None, reason })
    };
    world.run(freeze(UserStatus::Frozen)).unwrap();
    let dollars = |amount| of(USDT, "hotevm0", amount, Some(plan));
    assert_eq!(refusal(sweep(&mut world, NET, 2, dollars(50), Claim::Nonce(0))), MoveFault::Held);
    assert!(world.state.is_address_held(&world.rows, NET, 2).unwrap());
    world.run(freeze(UserStatus::Active)).unwrap();
    assert_eq!(refusal(sweep(&mut world, NET, 2, dollars(51), Claim::Nonce(0))), MoveFault::Short);
    sweep(&mut world, NET, 2, dollars(50), Claim::Nonce(0)).unwrap();
    let again = sweep(&mut world, NET, 2, dollars(50), Claim::Nonce(1));
    assert!(matches!(again, Err(Rejection::Withdrawals(refusal)) if *refusal == Refusal::InFlight));
    // What the ledger cannot express stays where it is.
    let odd = Move { on_chain: 49, ..dollars(50) };
    assert_eq!(refusal(sweep(&mut world, NET, 0, odd, Claim::Nonce(0))), MoveFault::Amount);
}

/// Goal: each guard is what the tests see. Method: each is taken away; a test that names it fails.
#[test]
fn planted_bugs_are_caught() {
    catches(Bug::SweptAnywhere, only_to_pinned_wallets);
    catches(Bug::HeldIsSwept, only_what_is_free);
    catches(Bug::PlanNotTaken, super::rules::a_token_is_swept_in_two_steps);
    catches(Bug::SweptStays, super::rules::coins_are_gathered);
    catches(Bug::ToppedUpEarly, super::rules::what_comes_to_nothing_moves_nothing);
}

/// Goal: while something is missing on a network that nobody sent, nothing is brought to a hot wallet, and what goes to a cold one
/// or brings gas to an address of the pool goes on; also what was decided before is not signed. Method: the stop as a row.
fn nothing_to_hot_wallets_meanwhile() {
    let mut world = harbour();
    arrive(&mut world, NET, vec![pay(NET, 1, 0, USDT, 700), pay(NET, 2, 1, USDT, 700), pay(NET, 3, 2, USDT, 700)]);
    arrive(&mut world, NET, (0..3).map(|index| pay(NET, 4 + u64::from(index), index, ETH, 9_000)).collect());
    let wished = |world: &mut World, index| wish(world, NET, Some(index), USDT, Wish::Sweep).unwrap();
    let [one, two, three] = [0, 1, 2].map(|index| wished(&mut world, index));
    let decided = sweep(&mut world, NET, 0, of(USDT, "hotevm0", 700, Some(one)), Claim::Nonce(0)).unwrap();
    let stopped = crate::reconciliation::Stopped { since: world.now, by: crate::reconciliation::DiscrepancyId(1) };
    let part = crate::reconciliation::Part::Stopped.key(&crate::reconciliation::Reach::Network(NET).key());
    let key = crate::rows::Table::Reconciliation.key(&part);
    world.rows.put(crate::Family::Working, key, crate::codec::encode(&stopped));
    world.state = crate::State::load(&world.rows).unwrap();
    let shut = |outcome: Result<(), Rejection>| match outcome {
        Err(Rejection::Withdrawals(why)) => assert!(matches!(*why, Refusal::Shut { .. }), "{why:?}"),
        other => panic!("{other:?}"),
    };
    let signed = PayoutStep::Signed { tx: tx(77), raw: vec![1], record: vec![2] };
    shut(step(&mut world, decided, signed).map(|_| ()));
    let to_hot = of(USDT, "hotevm0", 700, Some(two));
    shut(sweep(&mut world, NET, 1, to_hot, Claim::Nonce(0)).map(|_| ()));
    let payer = Payer { wallet: GAS_EVM, index: 0 };
    let top_up = |world: &mut World, to: Move| {
        prepare_move(world, WorkerKind::Gas, NET, payer, Errand::TopUp(to), (Claim::Nonce(0), 1_000))
    };
    shut(top_up(&mut world, of(ETH, "hotevm0", 4_000, None)).map(|_| ()));
    sweep(&mut world, NET, 2, of(USDT, "coldevm0", 700, Some(three)), Claim::Nonce(0)).unwrap();
    top_up(&mut world, Move { to_index: Some(3), ..of(ETH, "poolEvm3", 4_000, None) }).unwrap();
}

#[test]
fn nothing_goes_to_hot_wallets_while_an_outflow_stands() {
    nothing_to_hot_wallets_meanwhile();
    catches(Bug::FilledMeanwhile, nothing_to_hot_wallets_meanwhile);
}
