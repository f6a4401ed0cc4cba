//! What books that contradict themselves, and money that is owed and not there, stop; and how persons let it go on.

use exchequer_ledger::OpenAccount;
use exchequer_matching::{Fees, Filters, PhaseChange, Side as TradeSide};

use super::super::approvals::{ANN, TOM, approve, enforce, executed, propose, send, staff};
use super::super::trading;
use super::*;
use crate::markets::Step;
use crate::networks::{Operation, Why};
use crate::people::Role;
use crate::planted::Bug;
use crate::reconciliation::{DiscrepancyId, Equation, Refusal};
use crate::tests::world::post;
use crate::{CreateMarket, OpenAccounts, PostTransfers, SetMarketPhase};

fn find(bench: &Bench, holder: Holder, asset: Asset) -> exchequer_ledger::AccountId {
    bench.world.state.ledger().find(&AccountKey { holder, asset }).unwrap()
}

/// A posting that nothing on any chain stands behind.
fn book(bench: &mut Bench, number: u128, from: Holder, to: Holder, (asset, amount): (Asset, u128)) {
    let accounts = [from, to].map(|holder| {
        let overdraft = holder == Holder::Equity;
        OpenAccount { key: AccountKey { holder, asset }, overdraft }
    });
    bench.world.run(Body::OpenAccounts(OpenAccounts { accounts: accounts.to_vec() })).unwrap();
    let [from, to] = [from, to].map(|holder| find(bench, holder, asset));
    let transfers = vec![post(1 << 90 | number, from, to, amount)];
    bench.world.run(Body::PostTransfers(PostTransfers { transfers })).unwrap();
}

const BOB: Holder = Holder::Customer { customer: 2, sub_account: 0 };

fn may(bench: &Bench, network: Network, asset: Asset) -> Result<(), Why> {
    bench.world.state.may(network, asset, Operation::Withdrawal)
}

fn refused(outcome: Result<Done, Rejection>) -> Refusal {
    match outcome {
        Err(Rejection::Reconciliation(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Goal: where the exchange owes more of an asset than it has, nothing of it is paid out, on whichever network, in the same entry, and
/// everything else is; two persons let it go on who name what they have seen, for as much and no more. Method: to the unit, with
/// an asset that is on two networks.
fn short() {
    let mut bench = Bench::new();
    for network in [ETH, TRON] {
        bench.stock(network);
    }
    let asset = Asset(2);
    let stores = [(ETH, Store::Hot), (ETH, Store::Deposit), (TRON, Store::Hot), (TRON, Store::Deposit)];
    let has: u128 = stores.iter().map(|(network, store)| bench.custody(*network, asset, *store)).sum();
    let owes = bench.sum(Holder::Customer { customer: 1, sub_account: 0 }, asset, Side::Credit);
    book(&mut bench, 0, Holder::Equity, BOB, (asset, has - owes));
    let mut short = bench.world.clone();
    bench.make_real();
    assert!(bench.reconcile(TRON), "to the unit: {:#?}", bench.open());
    assert_eq!(may(&bench, TRON, asset), Ok(()));

    std::mem::swap(&mut bench.world, &mut short);
    book(&mut bench, 1, Holder::Equity, BOB, (asset, 1));
    assert!(bench.reconcile(TRON), "in a sandbox users have money from nowhere");
    staff(&mut bench.world, Role::SecurityOfficer);
    enforce(&mut bench.world);
    bench.make_real();
    assert!(!bench.reconcile(TRON));
    let one = bench.only();
    assert_eq!((one.scope.clone(), one.amount, one.class), (Scope::Solvency { asset }, -1, Class::Shortfall));
    assert_eq!(one.severity, crate::Severity::P0);
    assert_eq!(bench.stops(), [Reach::Asset(asset)]);
    let stopped = |kind: &EventKind| matches!(kind, EventKind::BooksStopped { asset: Some(Asset(2)), .. });
    assert_eq!(told(&bench, stopped), 1);
    for network in [ETH, TRON] {
        assert_eq!(may(&bench, network, asset), Err(Why::Shortfall));
        assert_eq!(may(&bench, network, native(network)), Ok(()));
    }
    let resume = bench.resumes(Reach::Asset(asset));
    assert!(matches!(send(&mut bench.world, TOM, resume.clone()), Err(Rejection::ApprovalNeeded { .. })));
    let proposal = propose(&mut bench.world, TOM, &resume).unwrap();
    let lines = crate::approvals::describe(&resume);
    assert!(lines.contains(&("accepted".to_owned(), "discrepancy 1 at -1".to_owned())), "{lines:?}");
    assert_eq!(executed(approve(&mut bench.world, ANN, proposal)), Done::PaymentsResumed);
    assert_eq!(told(&bench, |kind| matches!(kind, EventKind::BooksResumed { .. })), 1);
    assert_eq!((bench.stops(), may(&bench, TRON, asset)), (vec![], Ok(())));
    bench.reconcile(ETH);
    assert_eq!(bench.stops(), [], "as much was accepted");
}

#[test]
fn a_shortfall_stops_the_asset_everywhere() {
    short();
    withdrawals::catches(Bug::BooksStopNothing, short);
}

/// Two users trade, with fees in both assets; an order of theirs is open after that.
pub(super) fn traded(bench: &mut Bench) {
    bench
        .world
        .run(Body::CreateMarket(Box::new(CreateMarket {
            symbol: "ETHUSDT".into(),
            base: Asset(1),
            quote: Asset(2),
            tick: Step { units: 1, decimals: 1 },
            lot: Step { units: 1, decimals: 5 },
            fees: vec![Fees { maker_ppm: 1_000, taker_ppm: 2_000 }],
            filters: Filters::default(),
            reason: "test".into(),
        })))
        .unwrap();
    let open = SetMarketPhase { market: trading::MARKET, phase: PhaseChange::Trading, reason: "open".into() };
    bench.world.run(Body::SetMarketPhase(open)).unwrap();
    trading::credit(&mut bench.world, trading::BOB, Asset(2), 50_000);
    trading::place(&mut bench.world, trading::ALICE, trading::limit("ask", TradeSide::Sell, 20, 300)).unwrap();
    let bought =
        trading::place(&mut bench.world, trading::BOB, trading::limit("bid", TradeSide::Buy, 20, 200)).unwrap();
    assert_eq!(bought.fills.len(), 1);
}

/// Goal: fees that trades and withdrawals took are the income from fees, to the unit; an edited book is not, and stops everything. Method:
/// trades and a withdrawal with fees; then a row that somebody changed.
fn income() {
    let mut bench = Bench::new();
    for network in [ETH, TRON] {
        bench.stock(network);
    }
    traded(&mut bench);
    let paying = bench.withdraw(TRON, None, 1_000, 9);
    bench.chain(TRON).mine(vec![paying.tx.clone()]);
    bench.grow(TRON, 6);
    bench.finish(&paying);
    bench.reconcile(TRON);
    let outcomes = |bench: &Bench| {
        let run = bench.world.state.runs(&bench.world.rows, TRON, RunId(u64::MAX), 1).unwrap().remove(0);
        let of: Vec<_> = run.outcomes.into_iter().filter(|one| one.equation == Equation::E7).collect();
        of
    };
    let judged = outcomes(&bench);
    let taken = judged.iter().filter(|one| one.sum.unwrap().is > 0).count();
    assert!(taken >= 3 && judged.iter().all(|one| one.holds == Some(true)), "{judged:#?}");
    assert_eq!(crate::State::load(&bench.world.rows).unwrap(), bench.world.state);
    assert_eq!(bench.stops(), []);

    book(&mut bench, 7, Holder::Equity, Holder::FeeIncome, (Asset(4), 3));
    assert!(!bench.reconcile(TRON));
    let one = bench.open().into_iter().find(|one| one.class == Class::Inconsistent).unwrap();
    assert_eq!((one.scope.clone(), one.amount), (Scope::Fees { asset: Asset(4) }, -3));
    assert_eq!((one.severity, bench.stops()), (crate::Severity::P0, vec![Reach::Everywhere]));
    assert_eq!(may(&bench, ETH, Asset(2)), Err(Why::Inconsistent));
    assert_eq!(told(&bench, |kind| matches!(kind, EventKind::BooksStopped { asset: None, .. })), 1);
    bench.resume(Reach::Everywhere).unwrap();
    bench.reconcile(TRON);
    assert_eq!(bench.stops(), []);
}

#[test]
fn fees_are_income() {
    income();
    withdrawals::catches(Bug::BooksStopNothing, income);
}

/// Goal: whoever lets withdrawals go on names everything that stops them, each with what it came to; what is not named, was less, or is
/// named twice is refused, and a stop that is none as well.
fn named() {
    let mut bench = Bench::new();
    bench.stock(TRON);
    for coin in [None, token()] {
        let mut theft = model::Tx::empty(bench.chain(TRON).name());
        theft.leaves = vec![(hot(TRON), coin, 40)];
        bench.chain(TRON).mine(vec![theft]);
    }
    bench.grow(TRON, 6);
    bench.reconcile(TRON);
    let reach = Reach::Network(TRON);
    let resume = |seen: &[(u64, i128)]| {
        let seen = seen.iter().map(|(id, amount)| SeenDiscrepancy { discrepancy: DiscrepancyId(*id), amount: *amount });
        Body::ResumePayments(ResumePayments { reach, seen: seen.collect(), reason: "seen".into() })
    };
    let not_seen = |id, amount| Refusal::NotSeen { discrepancy: DiscrepancyId(id), amount };
    assert_eq!(refused(bench.world.run(resume(&[]))), not_seen(1, -40));
    assert_eq!(refused(bench.world.run(resume(&[(1, -40)]))), not_seen(2, -40));
    assert_eq!(refused(bench.world.run(resume(&[(1, -40), (2, -39)]))), not_seen(2, -40));
    assert_eq!(refused(bench.world.run(resume(&[(1, -40), (1, -40), (2, -40)]))), Refusal::SeenCount);
    let other = Body::ResumePayments(ResumePayments { reach: Reach::Everywhere, seen: vec![], reason: "seen".into() });
    assert_eq!(refused(bench.world.run(other)), Refusal::NotStopped { reach: Reach::Everywhere });
    assert_eq!(bench.stops(), [reach]);
    // What was more when it was seen is no less seen; what is over needs no name, and does no harm.
    bench.world.run(resume(&[(1, -41), (2, -40), (9, -7)])).unwrap();
    assert_eq!(bench.stops(), []);
    let detail = bench.world.audit().pop().unwrap().content.detail;
    assert!(detail.contains("1 (-41), 2 (-40)"), "{detail}");
}

#[test]
fn what_is_accepted_has_a_name() {
    named();
    withdrawals::catches(Bug::ResumedUnnamed, named);
}
