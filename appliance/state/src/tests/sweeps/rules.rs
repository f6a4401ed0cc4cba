//! What sweeps and top-ups do, step by step.

use super::*;
use crate::deposits::{Assignee, DepositId, DepositState, Why};
use crate::sweeps::{SweepStage, SweepStatus};
use crate::withdrawals::Death;
use crate::{AssignSuspense, ExplainSweeps, State, SweepVerdict};

fn swept(world: &World, deposit: u64) -> Option<Option<PayoutId>> {
    world.state.deposit_swept(&world.rows, DepositId(deposit)).unwrap()
}

/// Goal: a token is swept in two steps: gas is brought, and only when that is final the sweep can be decided; the books follow each
/// step, and neither arrival is anybody's deposit. Failure mode 32. Method: the whole life of one deposit.
#[test]
pub(super) fn a_token_is_swept_in_two_steps() {
    let mut world = harbour();
    arrive(&mut world, NET, vec![pay(NET, 1, 0, USDT, 700)]);
    assert_eq!((free(&world, NET, 0, USDT), swept(&world, 1)), (700, Some(None)));
    let before = [USDT, ETH].map(|asset| books(&world, NET, Store::Hot, asset));
    assert_eq!(books(&world, NET, Store::Deposit, USDT), 700);

    let id = wish(&mut world, NET, Some(0), USDT, Wish::Gas { amount: 5_000 }).unwrap();
    let one = || of(USDT, "hotevm0", 700, Some(id));
    assert_eq!(refusal(sweep(&mut world, NET, 0, one(), Claim::Nonce(0))), MoveFault::Plan);
    let gas = Move { to_index: Some(0), ..of(ETH, "poolEvm0", 4_000, Some(id)) };
    let payer = Payer { wallet: GAS_EVM, index: 0 };
    let errand = Errand::TopUp(gas);
    let top_up = prepare_move(&mut world, WorkerKind::Gas, NET, payer, errand, (Claim::Nonce(0), 1_000)).unwrap();
    assert_eq!(plan(&world, id).status, SweepStatus::GasPending { payout: top_up });
    assert_eq!(refusal(sweep(&mut world, NET, 0, one(), Claim::Nonce(0))), MoveFault::Plan);
    assert_eq!((free(&world, NET, 0, ETH), books(&world, NET, Store::Deposit, ETH)), (0, 0));
    assert_eq!(carry_out(&mut world, top_up, 600), Stage::Completed);
    assert_eq!((free(&world, NET, 0, ETH), books(&world, NET, Store::Deposit, ETH)), (4_000, 4_000));
    assert_eq!(books(&world, NET, Store::Hot, ETH), before[1] - 4_600);

    let payout = sweep(&mut world, NET, 0, one(), Claim::Nonce(0)).unwrap();
    assert_eq!(plan(&world, id).status, SweepStatus::Sweeping { payout });
    assert_eq!((swept(&world, 1), books(&world, NET, Store::Hot, USDT)), (Some(None), before[0]), "nothing moved yet");
    assert_eq!(balance(&world, store(NET, Store::Deposit, USDT)), (700, 700));
    assert_eq!(carry_out(&mut world, payout, 900), Stage::Completed);
    assert_eq!(plan(&world, id).status, SweepStatus::Done { payout });
    assert_eq!((swept(&world, 1), holding(&world, NET, 0, USDT)), (Some(Some(payout)), None));
    assert_eq!((free(&world, NET, 0, ETH), books(&world, NET, Store::Deposit, ETH)), (3_100, 3_100));
    let after = [USDT, ETH].map(|asset| books(&world, NET, Store::Hot, asset));
    assert_eq!(after, [before[0] + 700, before[1] - 4_600]);
    let expense = AccountKey { holder: Holder::GasExpense { network: NET as u32 }, asset: ETH };
    assert_eq!(balance(&world, expense).0, 1_500);

    // What the chain shows of both is nobody's.
    let own = |number, to: &str, coin, amount, from: &str| Sighting {
        tx: tx(1_000_000 + number),
        to: address(to),
        from: vec![address(from)],
        ..pay(NET, 0, 0, coin, amount)
    };
    let sightings =
        vec![own(top_up.0, "poolEvm0", ETH, 4_000, "gasevm0"), own(payout.0, "hotevm0", USDT, 700, "poolEvm0")];
    arrive(&mut world, NET, sightings);
    assert_eq!(world.state.deposits().last(), DepositId(1));
    assert_eq!(State::load(&world.rows).unwrap(), world.state);
}

/// Goal: deposits become swept in the order in which they came, by what a sweep took and no further; one that came later is not
/// swept by an earlier sweep. Method: three deposits, a sweep of two and a half, one more deposit, a sweep of the rest.
#[test]
fn deposits_are_swept_in_their_order() {
    let mut world = harbour();
    let payments = (1..=3).map(|number| pay(NET, number, 1, USDT, 100)).collect();
    arrive(&mut world, NET, payments);
    arrive(&mut world, NET, vec![pay(NET, 9, 1, ETH, 50_000)]);
    let id = wish(&mut world, NET, Some(1), USDT, Wish::Sweep).unwrap();
    let first = sweep(&mut world, NET, 1, of(USDT, "hotevm0", 250, Some(id)), Claim::Nonce(0)).unwrap();
    arrive(&mut world, NET, vec![pay(NET, 5, 1, USDT, 30)]);
    carry_out(&mut world, first, 1_000);
    let found = [1, 2, 3, 5].map(|deposit| swept(&world, deposit));
    assert_eq!(found, [Some(Some(first)), Some(Some(first)), Some(None), Some(None)]);
    let id = wish(&mut world, NET, Some(1), USDT, Wish::Sweep).unwrap();
    let second = sweep(&mut world, NET, 1, of(USDT, "coldevm0", 80, Some(id)), Claim::Nonce(1)).unwrap();
    carry_out(&mut world, second, 1_000);
    assert_eq!([3, 5].map(|deposit| swept(&world, deposit)), [Some(Some(second)); 2]);
    assert_eq!(books(&world, NET, Store::Cold, USDT), 80);
    // Of the network's own coin what is set aside for the fee is the deposit's share too, and what is left of it stays.
    let id = wish(&mut world, NET, Some(1), ETH, Wish::Sweep).unwrap();
    let most = 48_000 - 1_000;
    assert_eq!(
        refusal(sweep(&mut world, NET, 1, of(ETH, "hotevm0", most + 1, Some(id)), Claim::Nonce(2))),
        MoveFault::Short
    );
    let third = sweep(&mut world, NET, 1, of(ETH, "hotevm0", most, Some(id)), Claim::Nonce(2)).unwrap();
    assert_eq!(holding(&world, NET, 1, ETH).unwrap().available(), 0);
    carry_out(&mut world, third, 400);
    assert_eq!((free(&world, NET, 1, ETH), books(&world, NET, Store::Deposit, ETH)), (600, 600));
}

/// Goal: what comes to nothing leaves everything as it was, but for what the network took; the plan of a sweep is over, that of a
/// top-up waits anew. Method: a top-up that is never signed, a sweep that does nothing, and one that is never signed.
#[test]
pub(super) fn what_comes_to_nothing_moves_nothing() {
    let mut world = harbour();
    arrive(&mut world, NET, vec![pay(NET, 1, 0, USDT, 700), pay(NET, 2, 0, ETH, 9_000)]);
    let id = wish(&mut world, NET, Some(0), USDT, Wish::Gas { amount: 5_000 }).unwrap();
    let gas = Move { to_index: Some(0), ..of(ETH, "poolEvm0", 4_000, Some(id)) };
    let payer = Payer { wallet: GAS_EVM, index: 0 };
    let top_up =
        prepare_move(&mut world, WorkerKind::Gas, NET, payer, Errand::TopUp(gas), (Claim::Nonce(0), 1_000)).unwrap();
    step(&mut world, top_up, PayoutStep::Dead { proof: Death::NeverSigned, requeue: true }).unwrap();
    assert_eq!(plan(&world, id).status, SweepStatus::NeedsGas { amount: 4_000 });
    assert_eq!(wish(&mut world, NET, Some(0), USDT, Wish::Sweep), Some(id));

    let payout = sweep(&mut world, NET, 0, of(USDT, "hotevm0", 700, Some(id)), Claim::Nonce(0)).unwrap();
    let signed = PayoutStep::Signed { tx: tx(77), raw: vec![1], record: vec![2] };
    step(&mut world, payout, signed).unwrap();
    step(&mut world, payout, PayoutStep::Broadcast { answers: vec![] }).unwrap();
    step(&mut world, payout, PayoutStep::Reverted { block: block(9), fee: 800 }).unwrap();
    assert_eq!(plan(&world, id).status.stage(), SweepStage::Failed);
    assert_eq!((free(&world, NET, 0, USDT), swept(&world, 1)), (700, Some(None)));
    assert_eq!(holding(&world, NET, 0, USDT).unwrap().available(), 700);
    assert_eq!((free(&world, NET, 0, ETH), books(&world, NET, Store::Deposit, ETH)), (8_200, 8_200));
    assert_eq!(balance(&world, store(NET, Store::Deposit, USDT)), (700, 0));

    let id = wish(&mut world, NET, Some(0), USDT, Wish::Sweep).unwrap();
    let payout = sweep(&mut world, NET, 0, of(USDT, "hotevm0", 700, Some(id)), Claim::Nonce(1)).unwrap();
    step(&mut world, payout, PayoutStep::Dead { proof: Death::NeverSigned, requeue: true }).unwrap();
    assert_eq!((free(&world, NET, 0, USDT), free(&world, NET, 0, ETH)), (700, 8_200));
    // Its nonce is a gap of the address's, which the same worker fills.
    let payer = Payer { wallet: POOL_EVM, index: 0 };
    assert_eq!(world.state.lane(&world.rows, NET, payer).unwrap().unwrap().gaps.len(), 1);
    let fill = crate::Preparation { purpose: crate::withdrawals::Purpose::Noop, ..preparation(Claim::Nonce(1), 5) };
    let errand = Errand::Withdrawals;
    let command = PreparePayout {
        network: NET,
        payer,
        errand,
        withdrawals: vec![],
        preparation: fill,
        chain_nonce: 1,
        settled_nonce: 0,
    };
    let done = send(&mut world, WorkerKind::Consolidation, NET, Body::PreparePayout(Box::new(command)));
    assert!(matches!(done, Ok(Done::PayoutPrepared { .. })), "{done:?}");
    assert_eq!(State::load(&world.rows).unwrap(), world.state);
}

/// Goal: many coins of deposit addresses are gathered in one transaction, each with its deposit; they lie in no memory before, and
/// the wallet has the new coin. Method: three deposits of two users, a sweep of all.
#[test]
pub(super) fn coins_are_gathered() {
    let mut world = harbour();
    let payments = (1..=3).map(|number| pay(COINS, number, (number % 2) as u32, BTC, 1_000)).collect();
    arrive(&mut world, COINS, payments);
    assert_eq!(world.state.custody().coins().of(COINS).count(), 0, "they lie still");
    assert_eq!(world.state.cold_coins(&world.rows, COINS, None, 10).unwrap().len(), 3);
    assert_eq!((free(&world, COINS, 0, BTC), free(&world, COINS, 1, BTC)), (1_000, 2_000));
    let hot = books(&world, COINS, Store::Hot, BTC);
    let coins: Vec<OutPoint> = (1..=3).map(|number| OutPoint { tx: tx(number), vout: 0 }).collect();
    let id = wish(&mut world, COINS, None, BTC, Wish::Sweep).unwrap();
    let one = |amount| of(BTC, "hotbitcoin0", amount, Some(id));
    let too_little = sweep(&mut world, COINS, 0, one(1_900), Claim::Coins(coins.clone()));
    assert_eq!(refusal(too_little), MoveFault::Amount, "the rest would be nowhere in the books");
    let payout = sweep(&mut world, COINS, 0, one(2_400), Claim::Coins(coins.clone())).unwrap();
    assert_eq!(world.state.custody().coins().reserved_by(COINS, crate::coin_owner(payout)).count(), 3);
    carry_out(&mut world, payout, 600);
    let name = tx(1_000_000 + payout.0);
    let made = Sighting { tx: name, to: address("hotbitcoin0"), ..pay(COINS, 0, 0, BTC, 2_400) };
    let spent = coins.iter().map(|coin| (*coin, name)).collect();
    commit(&mut world, COINS, vec![(vec![made], spent), (vec![], vec![]), (vec![], vec![]), (vec![], vec![])]).unwrap();
    assert_eq!([1, 2, 3].map(|deposit| swept(&world, deposit)), [Some(Some(payout)); 3]);
    assert_eq!([0, 1].map(|index| holding(&world, COINS, index, BTC)), [None, None]);
    assert_eq!(books(&world, COINS, Store::Deposit, BTC), 0);
    assert_eq!(books(&world, COINS, Store::Hot, BTC), hot + 2_400);
    let left: Vec<u128> = world.state.custody().coins().of(COINS).map(|coin| coin.amount).collect();
    assert_eq!((left, world.state.deposits().last()), (vec![2_400], DepositId(3)));
}

/// Goal: a coin of a deposit address that somebody else spends is not believed to lie there any more. Method: it is spent by a
/// transaction that nobody knows, and settled.
#[test]
fn a_stranger_takes_a_coin() {
    let mut world = harbour();
    arrive(&mut world, COINS, vec![pay(COINS, 1, 0, BTC, 1_000), pay(COINS, 2, 0, BTC, 500)]);
    let coin = OutPoint { tx: tx(1), vout: 0 };
    let empty = || (vec![], vec![]);
    commit(&mut world, COINS, vec![(vec![], vec![(coin, tx(99))]), empty(), empty()]).unwrap();
    assert_eq!((free(&world, COINS, 0, BTC), swept(&world, 1), swept(&world, 2)), (500, None, Some(None)));
    assert!(world.events().iter().any(|event| matches!(event, crate::EventKind::OwnUnknown { .. })));
}

/// Goal: however many coins are paid to deposit addresses, the memory holds none that lies still, and no block is refused.
/// Method: 2,000 payments; what is in memory afterwards; one of them is found and spent all the same.
#[test]
fn coins_fill_no_memory() {
    let mut world = harbour();
    for round in 0..5_u64 {
        let payments = (0..400).map(|number| pay(COINS, round * 400 + number + 1, 0, BTC, 10)).collect();
        arrive(&mut world, COINS, payments);
    }
    assert_eq!(world.state.custody().coins().count(), 0);
    assert_eq!(free(&world, COINS, 0, BTC), 20_000);
    let page = world.state.cold_coins(&world.rows, COINS, None, 1_000).unwrap();
    let rest = world.state.cold_coins(&world.rows, COINS, Some(page[999].outpoint), 5_000).unwrap();
    assert_eq!((page.len(), rest.len()), (1_000, 1_000));
    let coin = OutPoint { tx: tx(1_234), vout: 0 };
    commit(&mut world, COINS, vec![(vec![], vec![(coin, tx(99_999))])]).unwrap();
    assert_eq!(world.state.custody().coins().of(COINS).map(|coin| coin.outpoint).collect::<Vec<_>>(), [coin]);
}

/// Goal: what the exchange moved by hand between its own addresses is put right by decision: the books of both stores, the fee,
/// and what lies on the address. Method: an own transaction that nobody knows of, from a deposit address to the hot wallet.
#[test]
fn what_was_moved_by_hand_is_put_right() {
    let mut world = harbour();
    arrive(&mut world, NET, vec![pay(NET, 1, 0, USDT, 700), pay(NET, 2, 0, ETH, 9_000)]);
    let hot = books(&world, NET, Store::Hot, USDT);
    let by_hand = Sighting { to: address("hotevm0"), from: vec![pool(NET, 0)], ..pay(NET, 3, 0, USDT, 500) };
    arrive(&mut world, NET, vec![by_hand]);
    let state = world.state.deposits().get(DepositId(3)).unwrap().state;
    assert_eq!(state, DepositState::Suspense { why: Why::OwnUnknown });
    let assign = |to| Body::AssignSuspense(AssignSuspense { deposit: DepositId(3), to, reason: "by hand".into() });
    let moved = |from, index| Assignee::Moved { from, index, fee: 40 };
    for wrong in [
        Assignee::Exchange,
        Assignee::User(UserId(1)),
        moved(Store::Deposit, None),
        moved(Store::Deposit, Some(POOL)),
        moved(Store::Hot, Some(0)),
    ] {
        assert!(world.run(assign(wrong)).is_err(), "{wrong:?}");
    }
    world.run(assign(moved(Store::Deposit, Some(0)))).unwrap();
    assert_eq!(books(&world, NET, Store::Deposit, USDT), 200);
    assert_eq!(books(&world, NET, Store::Hot, USDT), hot + 500);
    assert_eq!((free(&world, NET, 0, USDT), free(&world, NET, 0, ETH)), (200, 8_960));
    assert_eq!(books(&world, NET, Store::Deposit, ETH), 8_960);
}

/// Goal: why something is not swept is kept as it was told last, and told again only where it changed; of nothing there is no
/// reason. Method: verdicts of an address with something, of one without, and of coins as a whole.
#[test]
fn why_it_lies_there() {
    let mut world = harbour();
    arrive(&mut world, NET, vec![pay(NET, 1, 0, USDT, 700)]);
    let tell = |world: &mut World, network, index, asset, why: &str| {
        let verdicts = vec![SweepVerdict { index, asset, why: why.into() }];
        let body = Body::ExplainSweeps(ExplainSweeps { network, verdicts });
        send(world, WorkerKind::Consolidation, network, body).unwrap();
    };
    tell(&mut world, NET, Some(0), USDT, "too small");
    let told = holding(&world, NET, 0, USDT).unwrap().told.unwrap();
    world.now = exchequer_domain::Timestamp(world.now.0 + 5);
    tell(&mut world, NET, Some(0), USDT, "too small");
    assert_eq!(holding(&world, NET, 0, USDT).unwrap().told, Some(told.clone()));
    tell(&mut world, NET, Some(0), USDT, "too dear");
    assert_ne!(holding(&world, NET, 0, USDT).unwrap().told, Some(told));
    tell(&mut world, NET, Some(1), USDT, "nothing");
    tell(&mut world, NET, None, ETH, "no coins here");
    tell(&mut world, COINS, None, BTC, "three coins are too few");
    assert_eq!(holding(&world, NET, 1, USDT), None);
    assert_eq!(world.state.holdings(&world.rows, NET, None, 10).unwrap().len(), 1);
    assert_eq!(world.state.holdings(&world.rows, COINS, None, 10).unwrap().len(), 1);
}

/// Goal: a deposit that vanishes after it was final is not believed to lie there, and once again when it comes again. Method: a
/// network halts and is resumed from before it; the same payment comes in another block.
#[test]
fn what_vanishes_is_not_there() {
    let mut world = harbour();
    let first = world.state.deposits().chains().get(NET).tip.unwrap();
    arrive(&mut world, NET, vec![pay(NET, 1, 0, USDT, 700)]);
    let from = world.state.deposits().chains().get(NET).tip.unwrap();
    let to = block(first.height);
    let rewind = crate::RewindBlocks { network: NET, from, to };
    assert_eq!(send(&mut world, WorkerKind::Deposit, NET, Body::RewindBlocks(rewind)), Ok(Done::ChainHalted));
    // The first block of the test is not one whose hash is known; the one after it is.
    let resume = |to| Body::ResumeChain(crate::ResumeChain { network: NET, to, reason: "why".into() });
    let known = block(first.height + 1);
    world.run(resume(Some(known))).unwrap();
    assert_eq!(free(&world, NET, 0, USDT), 700, "it is in the block that stays");
    let later = pay(NET, 2, 0, USDT, 40);
    arrive(&mut world, NET, vec![later.clone()]);
    let from = world.state.deposits().chains().get(NET).tip.unwrap();
    let rewind = crate::RewindBlocks { network: NET, from, to: known };
    send(&mut world, WorkerKind::Deposit, NET, Body::RewindBlocks(rewind)).unwrap();
    world.run(resume(Some(known))).unwrap();
    assert_eq!((free(&world, NET, 0, USDT), swept(&world, 2)), (700, None));
    arrive(&mut world, NET, vec![later]);
    assert_eq!((free(&world, NET, 0, USDT), swept(&world, 2)), (740, Some(None)));
    assert_eq!(holding(&world, NET, 0, USDT).unwrap().waiting(), 3, "the place that was left is empty");
}
