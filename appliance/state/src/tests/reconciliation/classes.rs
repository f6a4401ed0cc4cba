//! Every class of difference: found, of the right urgency, with what it stops, and how it ends. Spec 2.14, balance sync.

use super::*;
use crate::ExplainDiscrepancy;
use crate::deposits::Halted;
use crate::event::Severity;
use crate::planted::Bug;
use crate::rows::Table;

fn explain(discrepancy: u64, close: bool) -> Body {
    let discrepancy = crate::reconciliation::DiscrepancyId(discrepancy);
    Body::ExplainDiscrepancy(ExplainDiscrepancy { discrepancy, explanation: "looked at it".into(), close })
}

/// Money that the scanner does not see.
fn hide(bench: &mut Bench, network: Network, to: &ChainAddress, coin: Option<ChainAddress>, amount: u128) {
    let mut tx = bench.chain(network).payment(to, coin, amount);
    tx.hidden = true;
    bench.chain(network).mine(vec![tx]);
    bench.grow(network, 6);
}

/// Somebody else takes money out of an address.
fn steal(bench: &mut Bench, network: Network, from: &ChainAddress, coin: Option<ChainAddress>, amount: u128) {
    let mut tx = model::Tx::empty(bench.chain(network).name());
    tx.leaves = vec![(from.clone(), coin, amount)];
    bench.chain(network).mine(vec![tx]);
    bench.grow(network, 6);
}

/// Goal: where nothing is amiss nothing is found, on every network, with deposits of all ages, small ones, payouts and their
/// fees; every equation that can be judged holds.
#[test]
fn nothing_amiss() {
    let mut bench = Bench::new();
    for network in [ETH, BTC, TRON] {
        bench.stock(network);
        let to = deposit_address(network, 1);
        // Too small to be credited; not deep enough; to an address that nobody has.
        bench.pay(network, &to, None, 7);
        bench.pay(network, &deposit_address(network, 3), None, if network == ETH { 3 * UNIT + 1 } else { 99 });
        let fresh = bench.chain(network).payment(&to, None, if network == ETH { 60 * UNIT } else { 60 });
        bench.chain(network).mine(vec![fresh]);
        bench.scan(network);
        let paying = bench.withdraw(network, None, 1_000, if network == ETH { 12 * UNIT + 5 } else { 12 });
        bench.chain(network).mine(vec![paying.tx.clone()]);
        bench.grow(network, 6);
        bench.finish(&paying);
        assert!(bench.reconcile(network), "{network}: {:#?}", bench.open());
        let run = bench.world.state.runs(&bench.world.rows, network, RunId(u64::MAX), 1).unwrap().remove(0);
        assert_eq!((run.differing, run.failed, run.whole), (0, 0, true));
        assert_eq!(run.judged as usize, 5 * coins(network).len());
        let named: Vec<_> =
            run.outcomes.iter().filter(|one| one.holds == Some(true)).map(|one| one.equation.as_str()).collect();
        for equation in ["E1", "E2", "E3", "E4", "E6", "E8"] {
            assert!(named.contains(&equation), "{network}: {equation} of {:#?}", run.outcomes);
        }
    }
    assert!(bench.open().is_empty());
}

/// Goal: money that came and that the scanner did not see is a missed deposit: urgent by its worth, nothing is stopped, nobody is
/// credited; it does not vanish by itself, also when the money is seen no more.
#[test]
fn missed_deposits() {
    let mut bench = Bench::new();
    bench.stock(ETH);
    let to = deposit_address(ETH, 0);
    hide(&mut bench, ETH, &to, None, 60 * UNIT);
    assert!(!bench.reconcile(ETH));
    seen(&bench.only(), Class::MissedDeposit, 60 * UNIT as i128);
    assert_eq!(bench.only().severity, Severity::P1, "less than a dollar, and less than a part in ten thousand");
    assert_eq!((bench.is_stopped(ETH), told(&bench, is_stop)), (false, 0));
    let before = told(&bench, |kind| matches!(kind, EventKind::DiscrepancyMoved { .. }));
    assert!(!bench.reconcile(ETH));
    assert_eq!(told(&bench, |kind| matches!(kind, EventKind::DiscrepancyMoved { .. })), before, "told once");
    // A dollar's worth of a thousand: a unit is a thousand dollars.
    hide(&mut bench, ETH, &to, None, 100_000_000 * UNIT);
    assert!(!bench.reconcile(ETH));
    assert_eq!(bench.only().severity, Severity::P0);
    assert_eq!(bench.world.run(explain(1, true)).unwrap_err().problem().code, exchequer_domain::Code::DiscrepancyState);
    bench.world.run(explain(1, false)).unwrap();
    assert_eq!(bench.only().status, Status::Explained);
    bench.reconcile(ETH);
    assert_eq!(bench.only().status, Status::Explained, "the same difference needs no second explanation");
}

/// Goal: anything that is gone and that nobody sent, however little, is of the highest urgency and stops the withdrawals of its
/// network and of no other, in the same entry; the stop ends by persons, comes again when more is gone, and not for the same.
fn an_outflow() {
    let mut bench = Bench::new();
    for network in [ETH, TRON] {
        bench.stock(network);
    }
    steal(&mut bench, TRON, &hot(TRON), token(), 1);
    assert!(!bench.reconcile(TRON));
    seen(&bench.only(), Class::UnknownOutflow, -1);
    assert_eq!(bench.only().severity, Severity::P0);
    assert!(bench.is_stopped(TRON) && !bench.is_stopped(ETH));
    assert_eq!(told(&bench, is_stop), 1);
    let order = withdrawals::on(TRON, Asset(2), withdrawals::order(UserId(1), "late", 100));
    let refused = withdrawals::refusal(withdrawals::request(&mut bench.world, order));
    assert!(matches!(refused, crate::withdrawals::Refusal::Shut { .. }), "{refused:?}");
    assert!(!bench.reconcile(ETH) || bench.only().scope.network() == Some(TRON));
    bench.resume(Reach::Network(TRON)).unwrap();
    assert!(!bench.is_stopped(TRON));
    bench.reconcile(TRON);
    assert!(!bench.is_stopped(TRON), "persons have accepted as much");
    steal(&mut bench, TRON, &hot(TRON), token(), 1);
    bench.reconcile(TRON);
    assert!(bench.is_stopped(TRON), "and no more");
    assert_eq!(told(&bench, is_stop), 2);
    bench.resume(Reach::Network(TRON)).unwrap();
    assert!(bench.resume(Reach::Network(TRON)).is_err());
}

#[test]
fn outflows_stop_the_network() {
    an_outflow();
}

/// Goal: what persons have accepted as missing is that and no more: what came back and is taken again, in whole or in part, stops
/// the network again, also where it was back when they accepted it. Method: taken, accepted, brought back, taken.
fn taken_twice() {
    for (back, again) in [(100, 100), (100, 40), (60, 60)] {
        for late in [false, true] {
            let mut bench = Bench::new();
            bench.stock(TRON);
            steal(&mut bench, TRON, &hot(TRON), token(), 100);
            bench.reconcile(TRON);
            if !late {
                bench.resume(Reach::Network(TRON)).unwrap();
            }
            hide(&mut bench, TRON, &hot(TRON), token(), back);
            bench.reconcile(TRON);
            if late {
                bench.resume(Reach::Network(TRON)).unwrap();
            }
            bench.reconcile(TRON);
            assert!(!bench.is_stopped(TRON));
            steal(&mut bench, TRON, &hot(TRON), token(), again);
            bench.reconcile(TRON);
            assert!(bench.is_stopped(TRON), "{back} and {again}");
            assert_eq!((bench.only().status, bench.only().gone), (Status::Open, None));
        }
    }
}

#[test]
fn what_is_taken_twice_stops_twice() {
    taken_twice();
    withdrawals::catches(Bug::AcceptedForEver, taken_twice);
}

/// Goal: each use of a key by somebody else stops the network, also where persons have accepted the one before.
#[test]
fn each_use_of_a_key_is_new() {
    let mut bench = Bench::new();
    bench.stock(ETH);
    let paying = bench.withdraw(ETH, None, 1_000, UNIT);
    bench.chain(ETH).mine(vec![paying.tx.clone()]);
    bench.grow(ETH, 6);
    bench.finish(&paying);
    assert!(bench.reconcile(ETH));
    for _ in 0..2 {
        let mut foreign = model::Tx::empty(bench.chain(ETH).name());
        foreign.nonce_of = Some(hot(ETH));
        bench.chain(ETH).mine(vec![foreign]);
        bench.grow(ETH, 6);
        bench.reconcile(ETH);
        assert!(bench.is_stopped(ETH));
        bench.resume(Reach::Network(ETH)).unwrap();
    }
}

/// Goal: a reading that cannot be is a fault of endpoints and leaves nothing behind: the next one that holds is no outflow, and
/// what was found before stays as it was.
#[test]
fn an_absurd_reading_leaves_nothing() {
    let mut bench = Bench::new();
    bench.stock(TRON);
    let absurd = |bench: &mut Bench| {
        let (run, block) = bench.begin(TRON);
        let mut readings = bench.readings(TRON, block);
        readings.iter_mut().for_each(|reading| reading.amount = Some(u128::MAX));
        bench.read(TRON, run, block, readings, true);
        bench.end(TRON, run);
    };
    absurd(&mut bench);
    assert!(bench.open().iter().all(|one| one.class == Class::RpcFault) && !bench.open().is_empty());
    assert!(bench.reconcile(TRON));
    assert!(bench.open().iter().all(|one| one.class == Class::RpcFault && one.gone.is_some()));
    assert!(!bench.is_stopped(TRON));

    let mut bench = Bench::new();
    bench.stock(TRON);
    steal(&mut bench, TRON, &hot(TRON), token(), 100);
    bench.reconcile(TRON);
    bench.resume(Reach::Network(TRON)).unwrap();
    let before = bench.only();
    absurd(&mut bench);
    bench.reconcile(TRON);
    let after = bench.open().into_iter().find(|one| one.id == before.id).unwrap();
    assert_eq!((after.amount, after.class, after.accepted), (before.amount, before.class, before.accepted));
    assert!(!bench.is_stopped(TRON));
}

/// Goal: on a network that counts a key's transactions one that is not ours is found also where the balance is right; and a coin
/// of an output network that somebody else spends is found in the books.
#[test]
fn keys_that_somebody_else_has() {
    let mut bench = Bench::new();
    bench.stock(ETH);
    let paying = bench.withdraw(ETH, None, 1_000, UNIT);
    bench.chain(ETH).mine(vec![paying.tx.clone()]);
    bench.grow(ETH, 6);
    bench.finish(&paying);
    assert!(bench.reconcile(ETH));
    let mut foreign = model::Tx::empty(bench.chain(ETH).name());
    foreign.nonce_of = Some(hot(ETH));
    bench.chain(ETH).mine(vec![foreign]);
    bench.grow(ETH, 6);
    assert!(!bench.reconcile(ETH));
    seen(&bench.only(), Class::UnknownOutflow, 0);
    assert!(bench.is_stopped(ETH));

    let mut bench = Bench::new();
    bench.stock(BTC);
    let coin = bench.world.state.custody().coins().of(BTC).next().unwrap().clone();
    let mut theft = model::Tx::empty(bench.chain(BTC).name());
    theft.spends = vec![coin.outpoint];
    bench.chain(BTC).mine(vec![theft]);
    bench.grow(BTC, 6);
    assert!(!bench.reconcile(BTC));
    let one = bench.only();
    assert_eq!(one.scope, Scope::Books { network: BTC, asset: Asset(3) });
    seen(&one, Class::UnknownOutflow, -(coin.amount as i128));
    assert!(bench.is_stopped(BTC));
}

/// Goal: what rounding fees up leaves is adopted, to the smallest unit, without a word; where it has come to a minor unit the
/// books are told of it as rounding.
#[test]
fn rounding() {
    let mut bench = Bench::new();
    bench.stock(ETH);
    for number in 1..=3_u128 {
        let paying = bench.withdraw(ETH, None, 1_000, UNIT + UNIT / 2);
        bench.chain(ETH).mine(vec![paying.tx.clone()]);
        bench.grow(ETH, 6);
        bench.finish(&paying);
        let holds = bench.reconcile(ETH);
        assert_eq!(holds, number < 2, "half a unit each");
    }
    let one = bench.only();
    assert_eq!(one.scope, Scope::Books { network: ETH, asset: Asset(1) });
    seen(&one, Class::Rounding, UNIT as i128);
    assert!(!bench.is_stopped(ETH));
}

/// Goal: a fee that was told wrong, either way, is a fee, where the network counts transactions; more than the transaction could
/// cost is none.
#[test]
fn wrong_fees() {
    for (told_fee, class, stops) in [(1_u128, Class::Fee, false), (90, Class::Fee, false)] {
        let mut bench = Bench::new();
        bench.stock(ETH);
        let mut paying = bench.withdraw(ETH, None, 1_000, 40 * UNIT);
        bench.chain(ETH).mine(vec![paying.tx.clone()]);
        bench.grow(ETH, 6);
        paying.fee = told_fee;
        bench.finish(&paying);
        assert!(!bench.reconcile(ETH));
        let by = (told_fee as i128 - 40) * UNIT as i128;
        seen(&bench.only(), class, by);
        assert_eq!(bench.is_stopped(ETH), stops, "{told_fee}");
    }
    let mut bench = Bench::new();
    bench.stock(ETH);
    let mut paying = bench.withdraw(ETH, None, 1_000, (u128::from(FEE_MAX) + 2) * UNIT);
    bench.chain(ETH).mine(vec![paying.tx.clone()]);
    bench.grow(ETH, 6);
    paying.fee = 1;
    bench.finish(&paying);
    assert!(!bench.reconcile(ETH));
    assert_eq!(bench.only().class, Class::UnknownOutflow);
    assert!(bench.is_stopped(ETH));
}

/// Goal: a payout that is in the chain and of which the worker has not told yet is nothing amiss: the reading waits and holds once
/// it is told. Where there is no time to wait it is of time, closes by itself within two finality periods, and is urgent and
/// stays after that. What is gone beside it is found at once.
fn what_is_under_way() {
    for coin in [None, token()] {
        let mut bench = Bench::new();
        bench.stock(ETH);
        assert!(bench.reconcile(ETH));
        let paying = bench.withdraw(ETH, coin.clone(), 1_000, 30 * UNIT);
        bench.chain(ETH).mine(vec![paying.tx.clone()]);
        bench.grow(ETH, 6);
        let (run, block) = bench.begin(ETH);
        let readings = bench.readings(ETH, block);
        let waits = bench.read(ETH, run, block, readings.clone(), false);
        assert!(!waits.is_empty() && bench.open().is_empty(), "{waits:?}");
        bench.finish(&paying);
        assert!(bench.read(ETH, run, block, readings, false).is_empty());
        assert!(bench.end(ETH, run), "{:#?}", bench.open());

        let paying = bench.withdraw(ETH, coin.clone(), 1_000, 30 * UNIT);
        bench.chain(ETH).mine(vec![paying.tx.clone()]);
        bench.grow(ETH, 6);
        bench.reconcile(ETH);
        let open = bench.open();
        assert!(!open.is_empty() && open.iter().all(|one| one.class == Class::Timing && one.severity == Severity::P3));
        assert!(!bench.is_stopped(ETH));
        let mut late = bench.world.clone();
        bench.finish(&paying);
        assert!(bench.reconcile(ETH));
        assert!(bench.open().is_empty(), "closed by itself");

        // The same, too late.
        std::mem::swap(&mut bench.world, &mut late);
        bench.world.now = Timestamp(bench.world.now.0 + 41 * 60_000_000);
        bench.price();
        bench.reconcile(ETH);
        assert!(bench.open().iter().all(|one| one.class == Class::Unbooked && one.severity != Severity::P3), "urgent");
        bench.finish(&paying);
        bench.reconcile(ETH);
        assert_eq!(bench.open().len(), open.len(), "a person says what it was");
        for one in open {
            bench.world.run(explain(one.id.0, true)).unwrap();
        }
        assert!(bench.open().is_empty());

        // More is gone than is under way.
        let paying = bench.withdraw(ETH, coin.clone(), 1_000, 30 * UNIT);
        bench.chain(ETH).mine(vec![paying.tx.clone()]);
        steal(&mut bench, ETH, &hot(ETH), coin.clone(), 900_000 * UNIT.min(if coin.is_some() { 1 } else { UNIT }));
        let (run, block) = bench.begin(ETH);
        let readings = bench.readings(ETH, block);
        bench.read(ETH, run, block, readings, false);
        assert!(bench.is_stopped(ETH), "without waiting for anything");
    }
}

#[test]
fn timing() {
    what_is_under_way();
}

/// Goal: a surplus that is taken is an outflow, although nothing is missing by the books.
fn a_surplus_that_goes() {
    let mut bench = Bench::new();
    bench.stock(TRON);
    hide(&mut bench, TRON, &hot(TRON), None, 500);
    bench.reconcile(TRON);
    steal(&mut bench, TRON, &hot(TRON), None, 500);
    bench.reconcile(TRON);
    assert_eq!(bench.only().class, Class::UnknownOutflow);
    assert!(bench.is_stopped(TRON));
}

#[test]
fn a_surplus_that_is_taken() {
    a_surplus_that_goes();
}

/// Goal: while a network stands still after a deep reorganisation a difference is called that; a settled block that nodes have
/// not is told and urgent; endpoints that contradict each other are their fault and stop nothing.
#[test]
fn reorganisations_and_endpoints() {
    let mut bench = Bench::new();
    bench.stock(ETH);
    let block = bench.settled(ETH);
    bench.report(ETH, BalanceStep::Diverged { block }).unwrap();
    seen(&bench.only(), Class::Reorg, 0);
    assert_eq!((bench.only().severity, bench.only().scope), (Severity::P0, Scope::Chain { network: ETH }));
    assert!(bench.reconcile(ETH) && bench.only().gone.is_some());
    bench.world.run(explain(1, true)).unwrap();

    let (run, block) = bench.begin(ETH);
    let mut readings = bench.readings(ETH, block);
    readings.truncate(1);
    readings[0].amount = None;
    assert!(bench.read(ETH, run, block, readings, false).is_empty());
    seen(&bench.only(), Class::RpcFault, 0);
    assert!(bench.only().severity < Severity::P2 && !bench.is_stopped(ETH));
    bench.world.run(explain(2, true)).unwrap();

    let halted = Some(Halted { since: bench.world.now, common: block });
    let chain = crate::deposits::Chain { halted, ..*bench.world.state.deposits().chains().get(ETH) };
    let key = Table::Chain.key(&crate::networks::number(ETH));
    bench.world.rows.put(crate::Family::Working, key, crate::codec::encode(&chain));
    bench.world.state = crate::State::load(&bench.world.rows).unwrap();
    let (run, block) = bench.begin(ETH);
    let mut readings = bench.readings(ETH, block);
    readings[0].amount = readings[0].amount.map(|amount| amount - 3);
    bench.read(ETH, run, block, readings, false);
    seen(&bench.only(), Class::Reorg, -3);
}

/// Goal: nobody but the network's worker tells balances; of blocks that are not known, of other runs and of addresses that are not
/// ours nothing is taken; too many or none at once neither.
#[test]
fn what_is_refused() {
    use crate::reconciliation::Refusal;
    let mut bench = Bench::new();
    bench.stock(ETH);
    let (run, block) = bench.begin(ETH);
    let readings = bench.readings(ETH, block);
    let refused = |bench: &mut Bench, step| match bench.report(ETH, step) {
        Err(Rejection::Reconciliation(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let read = |run, from, readings| {
        let payouts = PayoutId(9);
        BalanceStep::Read { run, from, until: block, payouts, readings, last: false, time: Timestamp(0) }
    };
    let strange = BlockRef { hash: exchequer_domain::BlockHash([1; 32]), ..block };
    assert!(matches!(refused(&mut bench, BalanceStep::Begin { block: strange }), Refusal::BlockUnknown { .. }));
    assert!(matches!(refused(&mut bench, read(run, strange, readings.clone())), Refusal::BlockUnknown { .. }));
    let other = read(RunId(9), block, readings.clone());
    assert_eq!(refused(&mut bench, other), Refusal::RunUnknown { present: Some(run) });
    assert_eq!(refused(&mut bench, read(run, block, vec![])), Refusal::ReadingCount);
    let many = vec![readings[0].clone(); crate::reconciliation::READINGS_AT_ONCE_MAX + 1];
    assert_eq!(refused(&mut bench, read(run, block, many)), Refusal::ReadingCount);
    let foreign = Reading { address: address("Somebody"), ..readings[0].clone() };
    assert!(matches!(refused(&mut bench, read(run, block, vec![foreign])), Refusal::NotOurs { .. }));
    let step = BalanceStep::End { run, failed: 0, swept: 0, whole: false };
    let body = Body::ReportBalances(Box::new(ReportBalances { network: ETH, step }));
    for kind in [WorkerKind::Deposit, WorkerKind::Withdrawal] {
        let refused = bench.send_as(kind, ETH, body.clone());
        assert_eq!(refused, Err(Rejection::Reconciliation(Refusal::NotTheWorker)));
    }
    assert_eq!(
        bench.send_as(WorkerKind::BalanceSync, BTC, body.clone()),
        Err(Rejection::Reconciliation(Refusal::NotTheWorker))
    );
    assert!(bench.world.run(body).is_err(), "no person either");
}

/// Goal: each guard is missed where it is not there. Method: each one removed, with the test that must notice.
#[test]
fn tests_notice_what_is_missing() {
    for (bug, test) in [
        (Bug::OutflowGoesOn, an_outflow as fn()),
        (Bug::AnythingVanishes, vanishing),
        (Bug::UnderWayIgnored, what_is_under_way),
        (Bug::SurplusTaken, a_surplus_that_goes),
    ] {
        withdrawals::catches(bug, test);
    }
}

/// Goal: nothing but what was of time is over by itself.
fn vanishing() {
    let mut bench = Bench::new();
    bench.stock(TRON);
    let (run, block) = bench.begin(TRON);
    let mut readings = bench.readings(TRON, block);
    readings[0].amount = readings[0].amount.map(|amount| amount - 1);
    bench.read(TRON, run, block, readings, false);
    assert!(bench.is_stopped(TRON));
    bench.reconcile(TRON);
    let one = bench.only();
    assert!(one.gone.is_some() && one.status == Status::Open);
    assert!(bench.is_stopped(TRON), "that it is there again says nothing of where it was");
    bench.world.run(explain(one.id.0, true)).unwrap();
    assert!(bench.open().is_empty() && bench.is_stopped(TRON));
}

#[test]
fn nothing_else_vanishes() {
    vanishing();
}
