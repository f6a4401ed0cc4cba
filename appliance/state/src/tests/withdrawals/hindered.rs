//! What a chain does not do, or only for more than may be paid: who is told, and what becomes of the money.

use super::*;
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

/// Goal: the guards are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_hindrances_are_caught() {
    catches(Bug::ProofNotCompared, what_did_nothing_is_told_and_frees_money_once_it_is_settled);
    catches(Bug::FeeCapIgnored, dear_fees_are_told_once_and_stay_within_what_was_agreed);
}
