//! What the state judges by itself: the ledger against the positions, and what a run leaves behind.

use super::*;
use crate::PostTransfers;
use crate::planted::{self, Bug};
use crate::reconciliation::Equation;
use crate::tests::world::post;

/// Goal: a posting that no chain knows of shows, with its sign, on the network whose custody it changed: an edited book is found
/// however it was edited. Method: money out of nothing in custody, then more out of it than was put in.
#[test]
fn an_edited_book_is_found() {
    let mut bench = Bench::new();
    bench.stock(TRON);
    assert!(bench.reconcile(TRON));
    let asset = native(TRON);
    let holder = Holder::Custody { network: TRON as u32, store: Store::Hot };
    let find = |bench: &Bench, holder| bench.world.state.ledger().find(&AccountKey { holder, asset }).unwrap();
    let (custody, equity) = (find(&bench, holder), find(&bench, Holder::Equity));
    for (number, debit, credit, amount, by, class) in
        [(1_u128, custody, equity, 40, -40, Class::UnknownOutflow), (2, equity, custody, 41, 1, Class::UnknownOutflow)]
    {
        let transfers = vec![post(1 << 90 | number, debit, credit, amount)];
        bench.world.run(Body::PostTransfers(PostTransfers { transfers })).unwrap();
        assert!(!bench.reconcile(TRON));
        let one = bench.only();
        assert_eq!((one.scope.clone(), one.amount, one.class), (Scope::Books { network: TRON, asset }, by, class));
        assert!(bench.is_stopped(TRON));
    }
    let runs = bench.world.state.runs(&bench.world.rows, TRON, RunId(u64::MAX), 9).unwrap();
    assert_eq!(runs.iter().map(|run| run.id.0).collect::<Vec<_>>(), [3, 2, 1]);
    let holds = |run: usize| {
        let found = runs[run].outcomes.iter().find(|one| one.equation == Equation::E3 && one.asset == Some(asset));
        found.and_then(|one| one.holds)
    };
    assert_eq!([holds(0), holds(1), holds(2)], [Some(false), Some(false), Some(true)]);
    assert!(runs[1].posting < runs[0].posting && runs[1].journal != runs[0].journal);
}

/// Goal: a deposit that was seen and that nobody was credited shows as a missed deposit. Method: its row is taken away, as a
/// program with a fault would.
#[test]
fn a_credit_that_is_missing_is_found() {
    let mut bench = Bench::new();
    bench.stock(TRON);
    let payment = bench.chain(TRON).payment(&deposit_address(TRON, 0), None, 700);
    bench.chain(TRON).mine(vec![payment]);
    bench.scan(TRON);
    let last = bench.world.state.deposits().last();
    let key = crate::rows::Table::Deposit.key(&last.0.to_be_bytes());
    let gone = crate::Change { family: crate::Family::Working, key, edit: crate::Edit::Delete };
    bench.world.rows.apply_changes(&[gone]);
    bench.world.state = crate::State::load(&bench.world.rows).unwrap();
    bench.grow(TRON, 6);
    assert!(!bench.reconcile(TRON));
    seen(&bench.only(), Class::MissedDeposit, 700);
}

/// Goal: while a run goes on nothing that its block is compared with is folded away, and afterwards it is. Method: blocks become
/// final between the beginning and the readings.
fn pinned() {
    let mut bench = Bench::new();
    bench.stock(ETH);
    let (run, block) = bench.begin(ETH);
    let readings = bench.readings(ETH, block);
    for _ in 0..3 {
        bench.pay(ETH, &deposit_address(ETH, 0), None, 70 * UNIT);
    }
    assert!(bench.read(ETH, run, block, readings, false).is_empty());
    assert!(bench.world.state.reconciliation().movements_from(ETH, 0).count() > 0);
    assert!(bench.end(ETH, run), "{:#?}", bench.open());
    bench.grow(ETH, 6);
    assert_eq!(bench.world.state.reconciliation().movements_from(ETH, 0).count(), 0);
    assert!(bench.reconcile(ETH));
}

#[test]
fn a_run_has_its_block_pinned() {
    pinned();
    withdrawals::catches(Bug::PinIgnored, pinned);
}

/// Goal: what reorganised blocks moved is gone from the books, own transactions and coins included, and a block that is told in
/// parts or twice moves once. Method: the same payments in two branches, by hand.
fn rewound() {
    for network in [ETH, BTC, TRON] {
        let mut bench = Bench::new();
        bench.stock(network);
        let amount = if network == ETH { 80 * UNIT } else { 80 };
        let payment = bench.chain(network).payment(&deposit_address(network, 0), None, amount);
        let paying = bench.withdraw(network, None, 1_000, if network == ETH { UNIT } else { 9 });
        bench.chain(network).mine(vec![payment.clone(), paying.tx.clone()]);
        bench.scan(network);
        assert!(bench.reconcile(network));
        bench.chain(network).reorganise(1);
        bench.chain(network).mine(vec![]);
        bench.chain(network).mine(vec![paying.tx.clone()]);
        bench.scan(network);
        assert!(bench.reconcile(network), "{network}: {:#?}", bench.open());
        bench.grow(network, 6);
        bench.finish(&paying);
        assert!(bench.reconcile(network), "{network}: {:#?}", bench.open());
    }
}

#[test]
fn reorganised_movements_go() {
    rewound();
    withdrawals::catches(Bug::RewoundMovementsStay, rewound);
    planted::plant(None);
}

/// Goal: touched addresses are told until they were compared after they were touched.
#[test]
fn touched_until_compared() {
    let mut bench = Bench::new();
    let touched = |bench: &Bench| bench.world.state.reconciliation().touched(TRON).cloned().collect::<Vec<_>>();
    bench.pay(TRON, &deposit_address(TRON, 0), None, 700);
    assert_eq!(touched(&bench), [deposit_address(TRON, 0)]);
    let late = bench.chain(TRON).payment(&deposit_address(TRON, 0), None, 60);
    bench.chain(TRON).mine(vec![late]);
    bench.scan(TRON);
    bench.reconcile(TRON);
    assert_eq!(touched(&bench).len(), 1, "it was touched after the block of the run");
    bench.grow(TRON, 6);
    bench.reconcile(TRON);
    assert_eq!(touched(&bench), []);
}

/// Goal: what the exchange moved by hand is an outflow until persons say so; then the ledger's stores and what is expected on the
/// addresses follow together, and nothing differs any more.
#[test]
fn moves_by_hand() {
    let mut bench = Bench::new();
    bench.stock(TRON);
    let mut by_hand = model::Tx::empty(bench.chain(TRON).name());
    let to = deposit_address(TRON, 1);
    by_hand.arrives = vec![bench.chain(TRON).arrival(by_hand.id, 0, &to, None, 500, true)];
    by_hand.leaves = vec![(hot(TRON), None, 503)];
    bench.chain(TRON).mine(vec![by_hand]);
    bench.grow(TRON, 6);
    assert!(!bench.reconcile(TRON));
    seen(&bench.only(), Class::UnknownOutflow, -503);
    let deposit = bench.world.state.deposits().last();
    let to = crate::deposits::Assignee::Moved { from: Store::Hot, index: None, fee: 3 };
    let assign = AssignSuspense { deposit, to, reason: "moved by hand".into() };
    bench.world.run(Body::AssignSuspense(assign)).unwrap();
    assert_eq!(bench.open(), []);
    assert!(bench.reconcile(TRON), "{:#?}", bench.open());
    let over = bench.world.state.discrepancies_over(&bench.world.rows, crate::reconciliation::DiscrepancyId(9), 9);
    assert_eq!(over.unwrap()[0].status, Status::Adjusted);
    assert!(bench.is_stopped(TRON), "two persons let it go on");
}
