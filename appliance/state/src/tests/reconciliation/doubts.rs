//! Tokens that are doubted: their log says something else than their balances, or they count otherwise than they are listed.

use super::super::approvals::{ANN, OPS, SAM, TOM, approve, enforce, executed, propose, send, staff};
use super::*;
use crate::networks::{Operation, Why};
use crate::people::Role;
use crate::planted::{self, Bug};
use crate::reconciliation::{Category, Refusal};
use crate::{AdjustDiscrepancy, ConfigureNetworkAsset, DoubtToken, Execution, custody};

fn refused(outcome: Result<Done, Rejection>) -> Refusal {
    match outcome {
        Err(Rejection::Reconciliation(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Why what others had approved was refused.
fn execution_refused(outcome: Result<Done, Rejection>) -> Rejection {
    match outcome {
        Ok(Done::Approved { execution: Execution::Refused(refusal), .. }) => *refusal,
        other => panic!("{other:?}"),
    }
}

/// The token's decimals as it is listed.
fn decimals(bench: &Bench) -> u8 {
    bench.world.state.custody().listing(TRON, Asset(2)).unwrap().decimals
}

/// The worker says of the token that it counts with so many decimals, or where it is none, that its balances do not follow its log.
fn doubt(bench: &mut Bench, decimals: Option<u8>) {
    let (token, why) = (address("Token"), "others".to_owned());
    let doubt = DoubtToken { network: TRON, token, why, decimals };
    assert_eq!(bench.send_as(WorkerKind::Deposit, TRON, Body::DoubtToken(Box::new(doubt))), Ok(Done::PendingNoted));
}

fn doubted(bench: &Bench) -> Option<(bool, Option<u8>)> {
    let doubted = bench.world.state.reconciliation().doubted(TRON, &address("Token"));
    doubted.map(|doubted| (doubted.of_log, doubted.decimals))
}

/// Deposits of the token are switched on.
fn switched_on() -> Body {
    Body::ConfigureNetworkAsset(ConfigureNetworkAsset {
        network: TRON,
        asset: Asset(2),
        deposits: Some(true),
        withdrawals: Some(true),
        sweeps: Some(true),
        reason: "looked at it".to_owned(),
    })
}

/// Goal: a token whose balances do not follow its log is halted on its network, and nowhere else, by the worker's word, with an event; it
/// stays so, also in a state that is read anew, until a person switches its deposits on. Method: told twice, by the worker, by
/// another one, and of what is not listed; a deposit meanwhile.
#[test]
fn a_doubted_token() {
    let mut bench = Bench::new();
    for network in [ETH, TRON] {
        bench.stock(network);
    }
    let doubt = |network, token: &str| {
        Body::DoubtToken(Box::new(DoubtToken { network, token: address(token), why: "x".repeat(501), decimals: None }))
    };
    let unknown = bench.send_as(WorkerKind::Deposit, TRON, doubt(TRON, "Other"));
    assert_eq!(refused(unknown), Refusal::TokenUnknown { token: address("Other") });
    assert!(bench.send_as(WorkerKind::BalanceSync, TRON, doubt(TRON, "Token")).is_err());
    assert!(bench.send_as(WorkerKind::Deposit, ETH, doubt(TRON, "Token")).is_err());
    assert!(bench.world.run(doubt(TRON, "Token")).is_err(), "no person says so");
    let all =
        |bench: &Bench, network| Operation::ALL.iter().all(|op| bench.world.state.may(network, Asset(2), *op).is_ok());
    assert!(all(&bench, TRON));
    for _ in 0..2 {
        assert_eq!(bench.send_as(WorkerKind::Deposit, TRON, doubt(TRON, "Token")), Ok(Done::PendingNoted));
    }
    let is_doubt = |kind: &EventKind| matches!(kind, EventKind::TokenDoubted { network: TRON, asset: Asset(2), .. });
    assert_eq!(told(&bench, is_doubt), 1);
    bench.world.state = crate::State::load(&bench.world.rows).unwrap();
    for operation in Operation::ALL {
        assert_eq!(bench.world.state.may(TRON, Asset(2), *operation), Err(Why::Doubted));
    }
    assert!(all(&bench, ETH) && bench.world.state.reconciliation().doubted(TRON, &address("Token")).is_some());
    let before = bench.sum(Holder::Customer { customer: 1, sub_account: 0 }, Asset(2), Side::Credit);
    bench.pay(TRON, &deposit_address(TRON, 0), token(), 700);
    assert_eq!(bench.sum(Holder::Customer { customer: 1, sub_account: 0 }, Asset(2), Side::Credit), before);

    let switch = |deposits, withdrawals| {
        let (network, asset, sweeps, reason) = (TRON, Asset(2), None, "looked at it".to_owned());
        Body::ConfigureNetworkAsset(ConfigureNetworkAsset { network, asset, deposits, withdrawals, sweeps, reason })
    };
    bench.world.run(switch(None, Some(true))).unwrap();
    assert!(bench.world.state.reconciliation().doubted(TRON, &address("Token")).is_some());
    // The switch is on, and says nothing of the doubt.
    assert_eq!(bench.world.state.may(TRON, Asset(2), Operation::Withdrawal), Err(Why::Doubted));
    planted::plant(Some(Bug::DoubtIgnored));
    assert_eq!(bench.world.state.may(TRON, Asset(2), Operation::Withdrawal), Ok(()));
    planted::plant(None);
    bench.world.run(switch(Some(true), None)).unwrap();
    assert!(bench.world.state.reconciliation().doubted(TRON, &address("Token")).is_none());
    bench.grow(TRON, 6);
    assert_eq!(bench.sum(Holder::Customer { customer: 1, sub_account: 0 }, Asset(2), Side::Credit), before + 700);
    bench.send_as(WorkerKind::Deposit, TRON, doubt(TRON, "Token")).unwrap();
    assert_eq!(told(&bench, is_doubt), 2);
}

/// A token that counts with 6 decimals and is listed with 9, told so before anything of it came; then 700 of its units come, which stand
/// in no book. Whether anything of it is booked before it is listed as it counts; and the bench after that.
fn counted_anew() -> (Bench, bool) {
    let mut bench = Bench::new();
    let of = address("Token");
    let present = bench.world.state.custody().listing(TRON, Asset(2)).unwrap().clone();
    let list = |decimals| {
        let (network, asset, coin, terms, reason) = (TRON, Asset(2), Some(of.clone()), present.terms, "test".into());
        Body::ListAsset(Box::new(ListAsset { network, asset, coin, decimals, terms, reason }))
    };
    let other = present.decimals + 3;
    let pinned = |bench: &mut Bench, decimals| {
        let refused = bench.world.refused(list(decimals));
        assert_eq!(refused, Rejection::Custody(custody::Refusal::ListingPinned));
    };
    pinned(&mut bench, other);
    doubt(&mut bench, Some(other));
    pinned(&mut bench, other + 1);
    let told = custody::Refusal::Miscounted { told: other, listed: present.decimals };
    assert_eq!(bench.world.refused(switched_on()), Rejection::Custody(told));
    bench.pay(TRON, &deposit_address(TRON, 0), token(), 700_000);
    bench.grow(TRON, 8);
    let held = |bench: &Bench| bench.sum(Holder::Suspense, Asset(2), Side::Credit);
    let booked = held(&bench) > 0;
    if !booked {
        bench.world.run(list(other)).unwrap();
        bench.world.run(switched_on()).unwrap();
        bench.grow(TRON, 8);
        pinned(&mut bench, present.decimals);
    }
    (bench, booked)
}

/// Goal: what a token comes to is booked by the decimals that its contract counts with, whatever it was listed with first: before that
/// nothing of it is in any book, nobody can switch it on, and its listing gets these decimals and no others; what came meanwhile is
/// credited by them, and from then on the listing keeps them. Method: such a token, a payment, the right listing; with each guard gone.
#[test]
fn a_token_that_counts_otherwise() {
    let (bench, booked) = counted_anew();
    assert!(!booked);
    assert_eq!(bench.sum(Holder::Customer { customer: 1, sub_account: 0 }, Asset(2), Side::Credit), 700);
    planted::plant(Some(Bug::Miscounted));
    let (_, booked) = counted_anew();
    planted::plant(None);
    assert!(booked, "it was booked by what it is listed with");
}

/// A token that its contract counts with three decimals more than it is listed with, and the people who decide about it.
fn with_people(mut bench: Bench) -> (Bench, u8) {
    staff(&mut bench.world, Role::SecurityOfficer);
    enforce(&mut bench.world);
    let told = decimals(&bench) + 3;
    doubt(&mut bench, Some(told));
    pass(&mut bench);
    (bench, told)
}

/// A second goes by.
fn pass(bench: &mut Bench) {
    bench.world.now = Timestamp(bench.world.now.0 + 1_000_000);
}

/// Where endpoints were wrong about a token, or its contract is, two persons say that it counts as it is listed, and one alone cannot.
/// The same is not doubted again; another number is, and so is what its log does.
fn overruled() {
    let (mut bench, told) = with_people(Bench::new());
    let listed = decimals(&bench);
    // What its log does is doubted beside that, and both are on record.
    doubt(&mut bench, None);
    assert_eq!(doubted(&bench), Some((true, Some(told))));
    // One that was compared with a listing that is no more doubts nothing.
    doubt(&mut bench, Some(listed));
    assert_eq!(doubted(&bench), Some((true, Some(told))));
    pass(&mut bench);

    let on = switched_on();
    assert!(send(&mut bench.world, OPS, on.clone()).is_err(), "one person alone");
    let proposal = propose(&mut bench.world, OPS, &on).unwrap();
    assert_eq!(executed(approve(&mut bench.world, SAM, proposal)), Done::NetworkAssetConfigured);
    let record = bench.world.audit().pop().unwrap().content;
    assert!(record.detail.contains(&format!("although its contract says {told} decimals")), "{}", record.detail);
    for _ in 0..2 {
        assert_eq!(doubted(&bench), None);
        let overruled = bench.world.state.reconciliation().overruled(TRON, &address("Token"));
        assert_eq!(overruled.map(|one| (one.told, one.listed)), Some((told, listed)));
        doubt(&mut bench, Some(told));
        assert_eq!(
            bench.world.state.may(TRON, Asset(2), Operation::Withdrawal),
            Ok(()),
            "what is there can be paid out"
        );
        bench.world.state = crate::State::load(&bench.world.rows).unwrap();
    }
    doubt(&mut bench, None);
    assert_eq!(doubted(&bench), Some((true, None)));
    bench.world.run(on).unwrap();
    doubt(&mut bench, Some(told));
    assert_eq!(doubted(&bench), None, "what one person said of its log takes nothing of that back");
    doubt(&mut bench, Some(told + 1));
    assert_eq!(doubted(&bench), Some((false, Some(told + 1))));
}

/// Goal: as [`overruled`] says. Method: a doubt, one person, two, and the same and others again; then without what is remembered.
#[test]
fn two_persons_overrule_a_contract() {
    overruled();
    withdrawals::catches(Bug::DoubtedAgain, overruled);
}

/// The token is listed with other decimals, as two persons want it; why not, where it is refused.
fn listed_anew(bench: &mut Bench, proposal: crate::approvals::ProposalId) -> Result<(), custody::Refusal> {
    match approve(&mut bench.world, SAM, proposal) {
        Ok(Done::Approved { execution: Execution::Done(_), .. }) => Ok(()),
        Ok(Done::Approved { execution: Execution::Refused(refusal), .. }) => match *refusal {
            Rejection::Custody(refusal) => Err(refusal),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Somebody wants the token to be listed with these decimals.
fn list_with(bench: &mut Bench, decimals: u8) -> crate::approvals::ProposalId {
    let terms = bench.world.state.custody().listing(TRON, Asset(2)).unwrap().terms;
    let (network, asset, coin, reason) = (TRON, Asset(2), Some(address("Token")), "test".to_owned());
    let list = Body::ListAsset(Box::new(ListAsset { network, asset, coin, decimals, terms, reason }));
    propose(&mut bench.world, OPS, &list).unwrap()
}

/// Two persons do not believe the contract.
fn overrule(bench: &mut Bench) {
    let proposal = propose(&mut bench.world, OPS, &switched_on()).unwrap();
    executed(approve(&mut bench.world, SAM, proposal));
    pass(bench);
}

/// Goal: two persons who believed a listing that is wrong can put it right, as long as nothing was counted by it, and what they said of the
/// contract before does not live on; who wanted it before the contract was overruled has not seen that. Method: they overrule it, and
/// list the token as the contract counts after all; then the contract says the former number, and after that the latter again.
#[test]
fn an_overrule_can_be_taken_back() {
    let (mut bench, told) = with_people(Bench::new());
    let listed = decimals(&bench);
    let stale = list_with(&mut bench, told);
    pass(&mut bench);
    overrule(&mut bench);
    assert_eq!(listed_anew(&mut bench, stale), Err(custody::Refusal::ListingPinned));
    for (decimals, may) in [(told + 1, false), (told, true), (listed, false)] {
        let proposal = list_with(&mut bench, decimals);
        let done = listed_anew(&mut bench, proposal);
        assert_eq!(done, if may { Ok(()) } else { Err(custody::Refusal::ListingPinned) }, "{decimals}");
    }
    assert_eq!(bench.world.state.reconciliation().overruled(TRON, &address("Token")), None);
    doubt(&mut bench, Some(listed));
    pass(&mut bench);
    let proposal = list_with(&mut bench, listed);
    assert_eq!(listed_anew(&mut bench, proposal), Ok(()));
    bench.world.run(switched_on()).unwrap();
    doubt(&mut bench, Some(told));
    assert_eq!(doubted(&bench), Some((false, Some(told))), "it is listed anew, and nobody has said this of it since");
}

/// Goal: once something was counted by a listing nobody takes an overrule of its contract back. Method: one overrule, and a payment.
#[test]
fn what_was_counted_keeps_its_overrule() {
    let (mut bench, told) = with_people(Bench::new());
    overrule(&mut bench);
    bench.pay(TRON, &deposit_address(TRON, 0), token(), 700);
    let proposal = list_with(&mut bench, told);
    assert_eq!(listed_anew(&mut bench, proposal), Err(custody::Refusal::ListingPinned));
}

/// A token is doubted of more after somebody proposed to believe it: who approves that approves what was seen then.
fn unseen() {
    let (mut bench, told) = with_people(Bench::new());
    let proposal = propose(&mut bench.world, OPS, &switched_on()).unwrap();
    doubt(&mut bench, None);
    let refused = execution_refused(approve(&mut bench.world, SAM, proposal));
    assert_eq!(refused, Rejection::Custody(custody::Refusal::DoubtIsNewer));
    assert_eq!(doubted(&bench), Some((true, Some(told))));
    pass(&mut bench);
    let proposal = propose(&mut bench.world, OPS, &switched_on()).unwrap();
    executed(approve(&mut bench.world, SAM, proposal));
    assert_eq!(doubted(&bench), None);
}

/// Goal: persons believe what they have seen. Method: [`unseen`]; then without the guard.
#[test]
fn consent_is_to_the_doubt_that_was_seen() {
    unseen();
    withdrawals::catches(Bug::UnseenBelieved, unseen);
}

/// Goal: the books are not put right by decimals that the contract does not count with: they would be further off after it. Method: a
/// payment that nobody told of, the doubt, and two persons.
#[test]
fn what_is_miscounted_is_not_adjusted() {
    let mut bench = Bench::new();
    bench.stock(TRON);
    let mut hidden = bench.chain(TRON).payment(&deposit_address(TRON, 0), token(), 500);
    hidden.hidden = true;
    bench.chain(TRON).mine(vec![hidden]);
    bench.grow(TRON, 6);
    assert!(!bench.reconcile(TRON));
    let one = bench.only();
    seen(&one, Class::MissedDeposit, 500);
    let (mut bench, _) = with_people(bench);
    let (discrepancy, amount, reason) = (one.id, one.amount, "the desk looked at it".to_owned());
    let adjust =
        Body::AdjustDiscrepancy(AdjustDiscrepancy { discrepancy, amount, category: Category::Windfall, reason });
    let equity = bench.sum(Holder::Equity, Asset(2), Side::Credit);
    let proposal = propose(&mut bench.world, TOM, &adjust).unwrap();
    let refused = execution_refused(approve(&mut bench.world, ANN, proposal));
    assert_eq!(refused, Rejection::Reconciliation(Refusal::NotAdjustable));
    assert_eq!(bench.sum(Holder::Equity, Asset(2), Side::Credit), equity);
}

/// Goal: what was credited before anybody knew goes out of the books as it came in where its block is gone, however deep; what comes in
/// its place is in no book. Method: a final credit, the doubt, and another branch with the same payment, from which persons go on.
#[test]
fn what_was_credited_goes_as_it_came() {
    const ALICE: Holder = Holder::Customer { customer: 1, sub_account: 0 };
    let mut bench = Bench::new();
    bench.stock(TRON);
    let has = |bench: &Bench| {
        let custody = bench.custody(TRON, Asset(2), Store::Deposit);
        (bench.sum(ALICE, Asset(2), Side::Credit), custody, bench.sum(Holder::Suspense, Asset(2), Side::Credit))
    };
    let before @ (alice, custody, suspense) = has(&bench);
    let common = bench.chain(TRON).tip();
    bench.pay(TRON, &deposit_address(TRON, 0), token(), 700);
    assert_eq!(has(&bench), (alice + 700, custody + 700, suspense));
    let told = decimals(&bench) + 3;
    doubt(&mut bench, Some(told));
    let back = bench.chain(TRON).vanish_above(common.height);
    for txs in [vec![], back, vec![], vec![], vec![], vec![], vec![]] {
        bench.chain(TRON).mine(txs);
    }
    super::deep::resume_from(&mut bench, TRON, common);
    bench.grow(TRON, 6);
    assert_eq!(has(&bench), before, "what it comes to nobody can say");
}

/// Goal: what was booked before anybody knew that it counts otherwise stays as it is for persons: it is given to nobody, and the listing
/// keeps the decimals by which it is booked. Method: a payment to the hot wallet, which waits for a decision, and the doubt after it.
#[test]
fn what_is_booked_keeps_its_decimals() {
    let mut bench = Bench::new();
    bench.pay(TRON, &hot(TRON), token(), 500);
    let held = bench.sum(Holder::Suspense, Asset(2), Side::Credit);
    assert!(held > 0);
    let (of, listing) = (address("Token"), bench.world.state.custody().listing(TRON, Asset(2)).unwrap().clone());
    doubt(&mut bench, Some(listing.decimals + 3));
    let deposit = bench.world.state.deposits().in_suspense(TRON).next().unwrap().id;
    let to = crate::deposits::Assignee::Exchange;
    let refused = bench.world.refused(Body::AssignSuspense(AssignSuspense { deposit, to, reason: "funds".into() }));
    assert_eq!(refused, Rejection::Deposits(crate::deposits::Refusal::DepositState { deposit }));
    let (coin, decimals, terms) = (Some(of), listing.decimals + 3, listing.terms);
    let list = ListAsset { network: TRON, asset: Asset(2), coin, decimals, terms, reason: "test".into() };
    let refused = bench.world.refused(Body::ListAsset(Box::new(list)));
    assert_eq!(refused, Rejection::Custody(custody::Refusal::ListingPinned));
    assert_eq!(bench.sum(Holder::Suspense, Asset(2), Side::Credit), held);
}
