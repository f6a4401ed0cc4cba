//! What a chain does not do, or only for more than may be paid: who is told, and what becomes of the money.

use super::*;
use crate::attention::{Concern, Matter, Subject};
use crate::planted::Bug;
use crate::withdrawals::{Standing, Waiting};
use crate::{EventKind, Severity};

const EVM: Network = Network::Ethereum;
const HELD: u128 = 5 * DOLLAR + FEE;

fn queued(world: &mut World, name: &str) -> WithdrawalId {
    let (id, stage) = request(world, order(ALICE, name, 5 * DOLLAR)).unwrap();
    assert_eq!(stage, Stage::Queued);
    id
}

fn waits(world: &mut World, id: WithdrawalId, reason: Waiting) {
    assert_eq!(step_withdrawal(world, worker(EVM), id, WithdrawalStep::Wait(reason)), Ok(Stage::Queued));
}

fn aside(why: &str) -> Waiting {
    Waiting::SetAside { why: why.into() }
}

fn hindered(world: &World) -> Vec<(WithdrawalId, Severity)> {
    let told = world.events().into_iter().filter_map(|kind| match kind {
        EventKind::WithdrawalHindered { withdrawal, severity, .. } => Some((withdrawal, severity)),
        _ => None,
    });
    told.collect()
}

/// Goal: a token that bars a receiver or is paused fails nobody silently: people are told once for each withdrawal, however its
/// chain words it, its money stays its user's and is free again when they take it back, and others are paid; failure mode 35.
/// Method: three withdrawals, two of which the worker sets aside, again and again.
#[test]
fn what_a_chain_would_refuse_is_told_and_costs_nothing() {
    let mut world = bank(1);
    let [one, two, three] = ["a", "b", "c"].map(|name| queued(&mut world, name));
    for why in ["it would fail: blacklisted", "it would fail: paused", "it would fail: blacklisted"] {
        waits(&mut world, one, aside(why));
    }
    waits(&mut world, two, aside("it would fail: blacklisted"));
    assert_eq!(hindered(&world), [(one, Severity::P1), (two, Severity::P1)]);
    assert_eq!(money(&world, ALICE, USDT).1, 3 * HELD, "set aside is not failed");
    let payout = prepared(&mut world, prepare(EVM, &[three], Claim::Nonce(0), 1)).unwrap();
    step(&mut world, payout, signed(1)).unwrap();
    assert_eq!(step(&mut world, payout, final_step(9)), Ok(Stage::Completed));
    assert_eq!(step_withdrawal(&mut world, Actor::User(ALICE), one, WithdrawalStep::Cancel), Ok(Stage::Cancelled));
    assert_eq!(money(&world, ALICE, USDT), (1_000_000 * DOLLAR - HELD, HELD));
    waits(&mut world, two, Waiting::InsufficientGas);
    waits(&mut world, two, aside("it would fail: paused"));
    assert_eq!(hindered(&world).len(), 3, "it waited for something else meanwhile");
    prepared(&mut world, prepare(EVM, &[two], Claim::Nonce(1), 2)).unwrap();
}

/// Goal: what was mined and did nothing is told, and gives nothing free while its block is not settled by what the state itself
/// knows of the chain; failure mode 35. Method: a receipt that failed, above the settled height and below it.
#[test]
fn what_did_nothing_is_told_and_frees_money_once_it_is_settled() {
    let mut world = bank(1);
    let one = queued(&mut world, "a");
    let payout = prepared(&mut world, prepare(EVM, &[one], Claim::Nonce(0), 1)).unwrap();
    step(&mut world, payout, signed(1)).unwrap();
    let reverted = |height| PayoutStep::Reverted { block: block(height), fee: 7 };
    assert!(step(&mut world, payout, reverted(13)).is_err());
    assert_eq!((money(&world, ALICE, USDT).1, hindered(&world).len()), (HELD, 0));
    assert_eq!(confirmed(&mut world, payout, reverted(12)), Ok(Stage::Reverted));
    assert_eq!(hindered(&world), [(one, Severity::P1)]);
}

/// Goal: of fees beyond what may be paid people are told once, however many wait for lower ones, and again only after nobody
/// waited any more; what a customer agreed to is not exceeded, whoever raises what the network may cost; failure mode 37. Method:
/// three that wait; a dear transaction; a higher bound.
#[test]
fn dear_fees_are_told_once_and_stay_within_what_was_agreed() {
    let mut world = bank(1);
    let told = |world: &World| {
        let dear = |kind: &EventKind| *kind == EventKind::FeesTooHigh { network: EVM, severity: Severity::P2 };
        world.events().into_iter().filter(dear).count()
    };
    let all = ["a", "b", "c"].map(|name| queued(&mut world, name));
    for _ in 0..2 {
        for one in all {
            waits(&mut world, one, Waiting::FeeTooHigh);
        }
    }
    assert_eq!(told(&world), 1);
    assert!(matches!(withdrawal(&world, all[2]).standing, Standing::Queued { reason: Waiting::FeeTooHigh, .. }));
    let dear = |one, nonce, fee_max| {
        let command = prepare(EVM, &[one], Claim::Nonce(nonce), nonce + 1);
        PreparePayout { preparation: Preparation { fee_max, ..command.preparation }, ..command }
    };
    let most = FEE_MAX;
    assert_eq!(refusal(prepared(&mut world, dear(all[0], 0, most + 1))), Refusal::FeeCap { most });
    world.run(configure(EVM, |command| command.fee_max = Some(100 * FEE_MAX))).unwrap();
    assert_eq!(
        refusal(prepared(&mut world, dear(all[0], 0, most + 1))),
        Refusal::FeeCap { most },
        "as it was asked for"
    );
    for (nonce, one) in (0..).zip(all) {
        prepared(&mut world, dear(one, nonce, most)).unwrap();
    }
    let later = queued(&mut world, "d");
    prepared(&mut world, dear(later, 3, 100 * FEE_MAX)).unwrap();
    let last = queued(&mut world, "e");
    waits(&mut world, last, Waiting::FeeTooHigh);
    assert_eq!(told(&world), 2);
}

/// Goal: a withdrawal that agreed to less than its transaction takes is set aside by itself: those behind it are paid, people are told
/// once, with what it would take and as a matter that stands until it is over, it keeps its place, and it is paid where fees fall, or
/// asked anew under a higher bound after a person has rejected it; failure mode 37. Method: three, of which the first two were asked
/// under a lower bound; the worker's words again and again, and words that cannot be.
#[test]
fn a_fee_cap_of_its_own_sets_one_aside_and_no_other() {
    let mut world = bank(1);
    let [one, two] = ["a", "b"].map(|name| queued(&mut world, name));
    world.run(configure(EVM, |command| command.fee_max = Some(100 * FEE_MAX))).unwrap();
    let three = queued(&mut world, "c");
    let pay = |world: &mut World, id, nonce| prepared(world, prepare(EVM, &[id], Claim::Nonce(nonce), nonce + 1));
    assert_eq!(refusal(pay(&mut world, three, 0)), Refusal::Turn);
    let low = |needed| WithdrawalStep::Wait(Waiting::FeeCapTooLow { needed });
    assert_eq!(
        refusal(step_withdrawal(&mut world, worker(EVM), one, low(FEE_MAX))),
        Refusal::FeeCap { most: FEE_MAX },
        "so much was agreed to"
    );
    for needed in [FEE_MAX + 7, FEE_MAX + 9, FEE_MAX + 7] {
        for id in [one, two] {
            assert_eq!(step_withdrawal(&mut world, worker(EVM), id, low(needed)), Ok(Stage::Queued));
        }
    }
    assert_eq!(hindered(&world), [(one, Severity::P1), (two, Severity::P1)]);
    let first = withdrawal(&world, one);
    assert_eq!(
        first.standing,
        Standing::Queued { since: first.requested, reason: Waiting::FeeCapTooLow { needed: FEE_MAX + 7 } }
    );
    let matter = |id| Matter { concern: Concern::WithdrawalSetAside, network: EVM, subject: Subject::Withdrawal(id) };
    let stands = |world: &World, id| world.state.matters().contains_key(&matter(id));
    assert!(stands(&world, one) && stands(&world, two) && !stands(&world, three));
    pay(&mut world, three, 0).unwrap();

    assert_eq!(money(&world, ALICE, USDT).1, 3 * HELD);
    pay(&mut world, one, 1).unwrap();
    assert!(!stands(&world, one), "fees have fallen");
    let reject = WithdrawalStep::Reject { reason: "CASE-7: ask anew".into() };
    assert_eq!(step_withdrawal(&mut world, Actor::Operator, two, reject), Ok(Stage::Rejected));
    assert!(!stands(&world, two));
    assert_eq!(money(&world, ALICE, USDT).1, 2 * HELD);
    let again = queued(&mut world, "d");
    assert_eq!(withdrawal(&world, again).fee_cap, 100 * FEE_MAX);
}

/// Goal: what agreed to no higher fee can be got out of the way of those behind it: what pays nobody is bound by the network's bound,
/// a payment by its own still. Method: a payout that gets into no block, at the most that was agreed to for it.
#[test]
fn what_pays_nobody_may_cost_what_the_network_allows() {
    let mut world = bank(1);
    let one = queued(&mut world, "a");
    world.run(configure(EVM, |command| command.fee_max = Some(100 * FEE_MAX))).unwrap();
    let payout = prepared(&mut world, prepare(EVM, &[one], Claim::Nonce(0), 1)).unwrap();
    step(&mut world, payout, signed(1)).unwrap();
    step(&mut world, payout, PayoutStep::Stuck).unwrap();
    let replace = |purpose, fee_max, number| {
        let command = prepare(EVM, &[one], Claim::Nonce(0), number);
        let preparation = Box::new(Preparation { purpose, fee_max, ..command.preparation });
        PayoutStep::Replace { preparation, proof: None }
    };
    let dearer = FEE_MAX + FEE_MAX / 10;
    assert_eq!(
        refusal(step(&mut world, payout, replace(Purpose::Payment, dearer, 2))),
        Refusal::FeeCap { most: FEE_MAX }
    );
    let (decision, reason) = (PayoutDecision::CancelByNoop, "those behind it".to_owned());
    let review = ReviewPayout { payout, from: Stage::Stuck, decision, reason };
    world.run(Body::ReviewPayout(Box::new(review))).unwrap();
    assert_eq!(
        refusal(step(&mut world, payout, replace(Purpose::Noop, 100 * FEE_MAX + 1, 2))),
        Refusal::FeeCap { most: 100 * FEE_MAX }
    );
    assert_eq!(step(&mut world, payout, replace(Purpose::Noop, dearer, 2)), Ok(Stage::Replacing));
}

/// Goal: the guards are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_hindrances_are_caught() {
    catches(Bug::ProofNotCompared, what_did_nothing_is_told_and_frees_money_once_it_is_settled);
    catches(Bug::FeeCapIgnored, dear_fees_are_told_once_and_stay_within_what_was_agreed);
    catches(Bug::NobodyIsPassed, a_fee_cap_of_its_own_sets_one_aside_and_no_other);
    catches(Bug::NoopIsBound, what_pays_nobody_may_cost_what_the_network_allows);
}
