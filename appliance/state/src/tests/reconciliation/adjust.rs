//! Adjustments: two persons, a posting, and books that agree again.

use super::super::approvals::{ANN, TOM, approve, enforce, executed, propose, send, staff};
use super::*;
use crate::AdjustDiscrepancy;
use crate::people::Role;
use crate::planted::Bug;
use crate::reconciliation::{Category, DiscrepancyId, Refusal};

fn adjust(discrepancy: u64, amount: i128, category: Category) -> Body {
    let (discrepancy, reason) = (DiscrepancyId(discrepancy), "the desk looked at it".to_owned());
    Body::AdjustDiscrepancy(AdjustDiscrepancy { discrepancy, amount, category, reason })
}

/// Treasury with something more on one address, and something less on another.
fn with_differences() -> Bench {
    let mut bench = Bench::new();
    bench.stock(ETH);
    let mut hidden = bench.chain(ETH).payment(&deposit_address(ETH, 0), None, 50 * UNIT + 3);
    hidden.hidden = true;
    let mut theft = model::Tx::empty(bench.chain(ETH).name());
    theft.leaves = vec![(hot(ETH), token(), 40)];
    bench.chain(ETH).mine(vec![hidden, theft]);
    bench.grow(ETH, 6);
    assert!(!bench.reconcile(ETH));
    bench
}

fn refused(outcome: Result<Done, Rejection>) -> Refusal {
    match outcome {
        Err(Rejection::Reconciliation(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// Goal: nobody adjusts alone, whether or not the two-person rule is in force, and whoever proposes does not approve; what two want
/// is posted under the discrepancy's number, to the smallest unit, and the next comparison holds.
fn two_persons() {
    let mut bench = with_differences();
    let [more, less] = <[Discrepancy; 2]>::try_from(bench.open()).unwrap();
    seen(&more, Class::MissedDeposit, 50 * UNIT as i128 + 3);
    seen(&less, Class::UnknownOutflow, -40);
    let windfall = adjust(more.id.0, more.amount, Category::Windfall);
    assert_eq!(refused(bench.world.run(windfall.clone())), Refusal::SecondPerson, "the rule is not in force yet");
    staff(&mut bench.world, Role::SecurityOfficer);
    assert_eq!(refused(send(&mut bench.world, TOM, windfall.clone())), Refusal::SecondPerson);
    enforce(&mut bench.world);
    assert!(matches!(send(&mut bench.world, TOM, windfall.clone()), Err(Rejection::ApprovalNeeded { .. })));
    let proposal = propose(&mut bench.world, TOM, &windfall).unwrap();
    assert!(approve(&mut bench.world, TOM, proposal).is_err(), "the same person twice");
    let asset = native(ETH);
    let (custody, equity) = (bench.custody(ETH, asset, Store::Deposit), bench.sum(Holder::Equity, asset, Side::Credit));
    assert_eq!(executed(approve(&mut bench.world, ANN, proposal)), Done::DiscrepancyMoved);
    assert_eq!(bench.custody(ETH, asset, Store::Deposit), custody + 50);
    assert_eq!(bench.sum(Holder::Equity, asset, Side::Credit), equity + 50);
    let over = bench.world.state.discrepancy(&bench.world.rows, more.id).unwrap().unwrap();
    assert_eq!((over.status, over.amount), (Status::Adjusted, more.amount));
    let record = bench.world.audit().pop().unwrap().content;
    assert_eq!((record.actor, record.target.as_str()), (Actor::Admin(TOM), "discrepancy 1"));
    bench.reconcile(ETH);
    assert_eq!(bench.only().id, less.id, "what was adjusted differs no more");

    // What is missing is a loss; money goes on only after two persons wanted that too.
    let loss = adjust(less.id.0, less.amount, Category::Loss);
    let proposal = propose(&mut bench.world, TOM, &loss).unwrap();
    executed(approve(&mut bench.world, ANN, proposal));
    assert!(bench.reconcile(ETH), "{:#?}", bench.open());
    assert!(bench.is_stopped(ETH));
    let resume = bench.resumes(Reach::Network(ETH));
    assert!(matches!(send(&mut bench.world, TOM, resume.clone()), Err(Rejection::ApprovalNeeded { .. })));
    let proposal = propose(&mut bench.world, TOM, &resume).unwrap();
    assert_eq!(executed(approve(&mut bench.world, ANN, proposal)), Done::PaymentsResumed);
    assert!(!bench.is_stopped(ETH));
}

#[test]
fn adjustments_take_two_persons() {
    two_persons();
    withdrawals::catches(Bug::AdjustedAlone, two_persons);
}

/// Goal: persons let a network go on with what they have seen: where more is gone since they were asked, their consent is of
/// something else.
fn more_is_gone_meanwhile() {
    let mut bench = with_differences();
    staff(&mut bench.world, Role::SecurityOfficer);
    enforce(&mut bench.world);
    let resume = bench.resumes(Reach::Network(ETH));
    let proposal = propose(&mut bench.world, TOM, &resume).unwrap();
    bench.world.now = Timestamp(bench.world.now.0 + 1_000_000);
    let mut theft = model::Tx::empty(bench.chain(ETH).name());
    theft.leaves = vec![(hot(ETH), token(), 900)];
    bench.chain(ETH).mine(vec![theft]);
    bench.grow(ETH, 6);
    bench.reconcile(ETH);
    match approve(&mut bench.world, ANN, proposal) {
        Ok(Done::Approved { execution: crate::Execution::Refused(refusal), .. }) => {
            let discrepancy = bench.open().into_iter().find(|one| one.amount == -940).unwrap().id;
            assert_eq!(*refusal, Rejection::Reconciliation(Refusal::NotSeen { discrepancy, amount: -940 }));
        }
        other => panic!("{other:?}"),
    }
    assert!(bench.is_stopped(ETH));
    bench.world.now = Timestamp(bench.world.now.0 + 1_000_000);
    let resume = bench.resumes(Reach::Network(ETH));
    let proposal = propose(&mut bench.world, TOM, &resume).unwrap();
    bench.reconcile(ETH);
    assert_eq!(executed(approve(&mut bench.world, ANN, proposal)), Done::PaymentsResumed);
    assert!(!bench.is_stopped(ETH));
}

/// Goal: where somebody else uses a key once more, nothing more is missing, and the consent to the former use is none to this one.
fn used_meanwhile() {
    let mut bench = Bench::new();
    bench.stock(ETH);
    let paying = bench.withdraw(ETH, None, 1_000, UNIT);
    bench.chain(ETH).mine(vec![paying.tx.clone()]);
    bench.grow(ETH, 6);
    bench.finish(&paying);
    assert!(bench.reconcile(ETH));
    let use_key = |bench: &mut Bench| {
        let mut foreign = model::Tx::empty(bench.chain(ETH).name());
        foreign.nonce_of = Some(hot(ETH));
        bench.chain(ETH).mine(vec![foreign]);
        bench.grow(ETH, 6);
        bench.reconcile(ETH);
    };
    use_key(&mut bench);
    bench.resume(Reach::Network(ETH)).unwrap();
    staff(&mut bench.world, Role::SecurityOfficer);
    enforce(&mut bench.world);
    use_key(&mut bench);
    let resume = bench.resumes(Reach::Network(ETH));
    let proposal = propose(&mut bench.world, TOM, &resume).unwrap();
    bench.world.now = Timestamp(bench.world.now.0 + 1_000_000);
    use_key(&mut bench);
    match approve(&mut bench.world, ANN, proposal) {
        Ok(Done::Approved { execution: crate::Execution::Refused(refusal), .. }) => {
            assert_eq!(*refusal, Rejection::Reconciliation(Refusal::AmountMoved { amount: 0 }));
        }
        other => panic!("{other:?}"),
    }
    assert!(bench.is_stopped(ETH));
}

#[test]
fn consent_is_to_what_was_seen() {
    more_is_gone_meanwhile();
    withdrawals::catches(Bug::ResumedUnnamed, more_is_gone_meanwhile);
    used_meanwhile();
    withdrawals::catches(Bug::ResumedUnseen, used_meanwhile);
}

/// Goal: where the two sides agree again no posting makes them differ.
#[test]
fn what_is_gone_is_not_adjusted() {
    let mut bench = with_differences();
    let less = bench.open().into_iter().find(|one| one.amount == -40).unwrap();
    let mut back = bench.chain(ETH).payment(&hot(ETH), token(), 40);
    back.hidden = true;
    bench.chain(ETH).mine(vec![back]);
    bench.grow(ETH, 6);
    bench.reconcile(ETH);
    staff(&mut bench.world, Role::SecurityOfficer);
    enforce(&mut bench.world);
    let proposal = propose(&mut bench.world, TOM, &adjust(less.id.0, -40, Category::Loss)).unwrap();
    match approve(&mut bench.world, ANN, proposal) {
        Ok(Done::Approved { execution: crate::Execution::Refused(refusal), .. }) => {
            assert_eq!(*refusal, Rejection::Reconciliation(Refusal::NotAdjustable));
        }
        other => panic!("{other:?}"),
    }
}

/// Goal: what does not fit is refused when it is carried out: an amount that has changed meanwhile, a category of the other sign,
/// what no posting can put right, what is over.
#[test]
fn adjustments_are_of_what_is_seen() {
    let mut bench = with_differences();
    let (run, block) = bench.begin(ETH);
    let mut reading = bench.readings(ETH, block).swap_remove(2);
    reading.amount = None;
    bench.read(ETH, run, block, vec![reading], false);
    staff(&mut bench.world, Role::SecurityOfficer);
    enforce(&mut bench.world);
    for (body, why) in [
        (adjust(1, 4, Category::Windfall), Refusal::AmountMoved { amount: 50 * UNIT as i128 + 3 }),
        (adjust(1, 50 * UNIT as i128 + 3, Category::Loss), Refusal::Category { category: Category::Loss }),
        (adjust(2, -40, Category::Windfall), Refusal::Category { category: Category::Windfall }),
        (adjust(3, 0, Category::Rounding), Refusal::NotAdjustable),
        (adjust(9, 1, Category::Windfall), Refusal::DiscrepancyUnknown { discrepancy: DiscrepancyId(9) }),
    ] {
        let proposal = propose(&mut bench.world, TOM, &body).unwrap();
        match approve(&mut bench.world, ANN, proposal) {
            Ok(Done::Approved { execution: crate::Execution::Refused(refusal), .. }) => {
                assert_eq!(*refusal, Rejection::Reconciliation(why));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bench.open().len(), 3);
}
