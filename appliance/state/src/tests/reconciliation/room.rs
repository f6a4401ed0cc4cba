//! What takes a place among discrepancies, what finds none, what nobody reads, and what nobody books.

use super::*;
use crate::event::Severity;
use crate::planted::Bug;
use crate::reconciliation::{OPEN_DISCREPANCIES_MAX, Spot, UNTOLD_RUNS_MAX};

/// Reads of one address and coin, told in a run of its own.
fn tell(bench: &mut Bench, network: Network, readings: Vec<Reading>) {
    let (run, block) = bench.begin(network);
    assert!(bench.read(network, run, block, readings, true).is_empty());
    bench.end(network, run);
}

fn of_class(bench: &Bench, class: Class) -> Vec<Discrepancy> {
    bench.open().into_iter().filter(|one| one.class == class).collect()
}

/// Goal: dust on many addresses, which anybody can send without the scanner seeing it, is one discrepancy with its sum and not one
/// of each address; it goes where it is gone; an address with the least deposit or more has its own, and dust that somebody takes
/// is an outflow. Method: a hidden little on three addresses, more on one of them, all taken from another.
fn dust() {
    let mut bench = Bench::new();
    bench.stock(TRON);
    let hide = |bench: &mut Bench, index, amount| {
        let mut tx = bench.chain(TRON).payment(&deposit_address(TRON, index), None, amount);
        tx.hidden = true;
        bench.chain(TRON).mine(vec![tx]);
        bench.grow(TRON, 6);
        bench.reconcile(TRON);
    };
    for index in 0..3 {
        hide(&mut bench, index, 9 + u128::from(index));
    }
    let one = bench.only();
    assert_eq!((one.scope.clone(), one.amount), (Scope::Dust { network: TRON, asset: Asset(4) }, 30));
    assert_eq!((one.class, one.severity), (Class::MissedDeposit, Severity::P1));
    let before = told(&bench, |kind| matches!(kind, EventKind::DiscrepancyMoved { .. }));
    bench.reconcile(TRON);
    hide(&mut bench, 0, 1);
    assert_eq!(bench.only().amount, 31);
    assert_eq!(
        told(&bench, |kind| matches!(kind, EventKind::DiscrepancyMoved { .. })),
        before,
        "a unit more tells nobody"
    );
    hide(&mut bench, 1, 45);
    let [of_dust, own] = <[Discrepancy; 2]>::try_from(bench.open()).unwrap();
    assert_eq!((of_dust.amount, own.amount), (21, 55), "together they are no dust");
    assert!(bench.stops().is_empty());
    let mut theft = model::Tx::empty(bench.chain(TRON).name());
    theft.leaves = vec![(deposit_address(TRON, 2), None, 4)];
    bench.chain(TRON).mine(vec![theft]);
    bench.grow(TRON, 6);
    bench.reconcile(TRON);
    assert_eq!(of_class(&bench, Class::UnknownOutflow).len(), 1);
    assert_eq!(bench.stops(), [Reach::Network(TRON)]);
    assert_eq!(bench.open()[0].amount, 10, "and no dust any more");
    assert_eq!(crate::State::load(&bench.world.rows).unwrap().reconciliation, bench.world.state.reconciliation);
}

#[test]
fn dust_takes_no_place() {
    dust();
    withdrawals::catches(Bug::DustTakesPlaces, dust);
}

/// As many discrepancies as there may be, made up.
fn fill(bench: &mut Bench) {
    let like = Discrepancy {
        id: crate::reconciliation::DiscrepancyId(1),
        scope: Scope::Ledger,
        asset: Some(Asset(4)),
        amount: 100,
        class: Class::MissedDeposit,
        severity: Severity::P1,
        status: Status::Open,
        first_seen: bench.world.now,
        last_seen: bench.world.now,
        gone: None,
        accepted: None,
        story: Vec::new(),
    };
    for number in 1..=OPEN_DISCREPANCIES_MAX as u64 {
        let id = crate::reconciliation::DiscrepancyId(number);
        let spot = Spot { network: TRON, address: address(&format!("Filled{number}")), coin: None };
        let one = Discrepancy { id, scope: Scope::Spot(spot), ..like.clone() };
        let key = crate::reconciliation::Part::Discrepancy.key(&number.to_be_bytes());
        let key = crate::rows::Table::Reconciliation.key(&key);
        bench.world.rows.put(crate::Family::Working, key, crate::codec::encode(&one));
        bench.world.state.reconciliation.head.discrepancies = number;
    }
    let head = bench.world.state.reconciliation.head;
    let key = crate::rows::Table::Reconciliation.key(&crate::reconciliation::Part::Head.key(&[]));
    bench.world.rows.put(crate::Family::Working, key, crate::codec::encode(&head));
    bench.world.state = crate::State::load(&bench.world.rows).unwrap();
}

/// Goal: where as many discrepancies are open as may be, that is one itself, of the highest urgency, and told; what stops withdrawals
/// finds room in place of what does not, and stops. Method: a full room; a surplus, then an outflow.
fn full() {
    let mut bench = Bench::new();
    bench.stock(TRON);
    fill(&mut bench);
    let readings = |bench: &mut Bench| {
        let block = bench.settled(TRON);
        bench.readings(TRON, block)
    };
    let mut surplus = readings(&mut bench);
    surplus.iter_mut().take(1).for_each(|one| one.amount = one.amount.map(|amount| amount + 900));
    tell(&mut bench, TRON, surplus);
    let room: Vec<Discrepancy> = bench.open().into_iter().filter(|one| one.scope == Scope::Room).collect();
    assert_eq!(room.len(), 1, "nobody hears of it");
    assert_eq!((room[0].class, room[0].severity, room[0].amount), (Class::Unread, Severity::P0, 1));
    let is_urgent = |kind: &EventKind| matches!(kind, EventKind::DiscrepancyMoved { severity: Severity::P0, .. });
    assert_eq!(told(&bench, is_urgent), 1);
    assert!(bench.stops().is_empty());

    let mut missing = readings(&mut bench);
    missing.iter_mut().take(1).for_each(|one| one.amount = one.amount.map(|amount| amount - 1));
    tell(&mut bench, TRON, missing);
    let outflow = of_class(&bench, Class::UnknownOutflow);
    assert_eq!((outflow.len(), bench.stops()), (1, vec![Reach::Network(TRON)]));
    assert_eq!(bench.world.state.reconciliation().stopped(Reach::Network(TRON)).unwrap().by, outflow[0].id);
    assert_eq!(bench.open().len(), OPEN_DISCREPANCIES_MAX + 1);
    let gone = crate::reconciliation::DiscrepancyId(OPEN_DISCREPANCIES_MAX as u64);
    let gone = bench.world.state.discrepancy(&bench.world.rows, gone).unwrap().unwrap();
    assert_eq!(gone.status, Status::Closed, "kept, with its story");
}

#[test]
fn a_full_room_is_told() {
    full();
    withdrawals::catches(Bug::FullInSilence, full);
    withdrawals::catches(Bug::OutflowFindsNoRoom, full);
}

/// Goal: an address that has moved, or that is a wallet's, and that the worker does not tell of for many runs is a finding; a worker
/// that tells of all is none. Method: runs in which one address is left out.
fn untold() {
    // A wallet's is told of its last reading's block, which is another one from the next run on.
    for (left_out, runs) in [(hot(ETH), UNTOLD_RUNS_MAX + 1), (deposit_address(ETH, 0), UNTOLD_RUNS_MAX)] {
        let mut bench = Bench::new();
        bench.stock(ETH);
        assert!(bench.reconcile(ETH));
        bench.pay(ETH, &deposit_address(ETH, 0), None, 70 * UNIT);
        for _ in 0..runs {
            assert_eq!(bench.open(), []);
            bench.grow(ETH, 1);
            let block = bench.settled(ETH);
            let all = bench.readings(ETH, block);
            tell(&mut bench, ETH, all.into_iter().filter(|one| one.address != left_out).collect());
        }
        let one = bench.only();
        assert_eq!((one.scope.clone(), one.amount, one.class), (Scope::Unread { network: ETH }, 1, Class::Unread));
        assert!(one.story[0].what.contains(left_out.as_str()) && one.severity == Severity::P1);
        assert!(bench.stops().is_empty());
        bench.reconcile(ETH);
        assert!(bench.only().gone.is_some());
    }
    let mut bench = Bench::new();
    bench.stock(ETH);
    for _ in 0..=UNTOLD_RUNS_MAX {
        bench.grow(ETH, 1);
        assert!(bench.reconcile(ETH));
    }
}

/// Goal: runs that were cut short leave nothing out. Method: as many as would be a finding are whole; then an address moves, and as many
/// are begun in each of which a worker dies; the next one is told without that address, and the one after it with it.
#[test]
fn runs_that_are_cut_short_leave_nothing_out() {
    let mut bench = Bench::new();
    bench.stock(ETH);
    for _ in 0..=UNTOLD_RUNS_MAX {
        bench.grow(ETH, 1);
        assert!(bench.reconcile(ETH));
    }
    let moved = deposit_address(ETH, 0);
    bench.pay(ETH, &moved, None, 70 * UNIT);
    bench.grow(ETH, 1);
    for _ in 0..=UNTOLD_RUNS_MAX {
        bench.begin(ETH);
    }
    let block = bench.settled(ETH);
    let all = bench.readings(ETH, block);
    tell(&mut bench, ETH, all.into_iter().filter(|one| one.address != moved).collect());
    assert_eq!(bench.open(), []);
    assert!(bench.reconcile(ETH));
}

/// Goal: runs of which none ends are a finding after a day, and a cluster that was off for longer is none. Method: a run after two days of
/// which nothing was heard; then as many that are cut short as are a finding, within a day and after it; then one that ends.
fn unended() {
    const HOUR_US: u64 = 3_600_000_000;
    let mut bench = Bench::new();
    bench.stock(ETH);
    assert!(bench.reconcile(ETH));
    let after = |bench: &mut Bench, hours: u64| bench.world.now = Timestamp(bench.world.now.0 + hours * HOUR_US);
    after(&mut bench, 48);
    bench.begin(ETH);
    assert_eq!(bench.open(), []);
    assert!(bench.reconcile(ETH));
    for _ in 0..=UNTOLD_RUNS_MAX {
        bench.begin(ETH);
    }
    assert_eq!(bench.open(), []);
    after(&mut bench, 25);
    bench.begin(ETH);
    let one = bench.only();
    assert_eq!(
        (one.scope.clone(), one.class, one.severity),
        (Scope::Unread { network: ETH }, Class::Unread, Severity::P1)
    );
    assert!(one.story[0].what.starts_with("no comparison with the chain has ended since "), "{one:?}");
    assert!(bench.reconcile(ETH));
    assert!(bench.only().gone.is_some());
}

#[test]
fn runs_of_which_none_ends_are_told() {
    unended();
    withdrawals::catches(Bug::UntoldInSilence, unended);
}

#[test]
fn an_address_that_nobody_reads() {
    untold();
    withdrawals::catches(Bug::UntoldInSilence, untold);
}

/// Goal: an own transaction that the chain has and that nobody books is no matter of time for ever: after two finality periods it has
/// a class, an amount and an urgency of its own, both where blocks tell it and where a balance does; it stops nothing, and ends
/// once it is booked. Method: a payout in a block that its worker never tells, on a network of outputs and on one of nonces.
fn unbooked() {
    let mut bench = Bench::new();
    bench.stock(BTC);
    let paying = bench.withdraw(BTC, None, 1_000, 9);
    bench.chain(BTC).mine(vec![paying.tx.clone()]);
    bench.grow(BTC, 6);
    assert!(bench.reconcile(BTC), "{:#?}", bench.open());
    bench.world.now = Timestamp(bench.world.now.0 + 121 * 60_000_000);
    bench.price();
    bench.grow(BTC, 1);
    bench.reconcile(BTC);
    let one = bench.only();
    assert_eq!(one.scope, Scope::Own { network: BTC, tx: paying.tx.id, asset: Asset(3) });
    assert_eq!((one.class, one.amount, one.severity), (Class::Unbooked, -1_009, Severity::P0), "a thousandth of all");
    assert!(bench.stops().is_empty());
    bench.finish(&paying);
    assert!(bench.reconcile(BTC));
    assert!(bench.only().gone.is_some());

    let mut bench = Bench::new();
    bench.stock(ETH);
    assert!(bench.reconcile(ETH));
    let paying = bench.withdraw(ETH, token(), 1_000, 30 * UNIT);
    bench.chain(ETH).mine(vec![paying.tx.clone()]);
    bench.grow(ETH, 6);
    bench.reconcile(ETH);
    assert_eq!(of_class(&bench, Class::Timing).len(), 2);
    bench.world.now = Timestamp(bench.world.now.0 + 41 * 60_000_000);
    bench.price();
    bench.reconcile(ETH);
    assert_eq!(of_class(&bench, Class::Unbooked).len(), 2, "{:#?}", bench.open());
    bench.reconcile(ETH);
    assert_eq!(of_class(&bench, Class::Unbooked).len(), 2);
    bench.finish(&paying);
    assert!(bench.reconcile(ETH));
    assert!(bench.open().iter().all(|one| one.gone.is_some()) && bench.stops().is_empty());
}

#[test]
fn nothing_is_under_way_for_ever() {
    unbooked();
    withdrawals::catches(Bug::AfootForEver, unbooked);
}
