//! Every edge, and every pair of stages between which there is none.

use super::*;
use crate::planted::Bug;
use crate::withdrawals::{Answer, Conflict, Death, Payout, Reply};
use crate::{PayoutDecision, ReviewPayout};

const NETWORK: Network = Network::Ethereum;

/// A payout in each of its stages, brought there by commands.
pub(super) fn payout_in(world: &mut World, number: u64, to: Stage) -> PayoutId {
    let (id, _) = request(world, order(ALICE, &format!("n{number}"), 5 * DOLLAR)).unwrap();
    let nonce = world.state.withdrawals().lane(NETWORK, payer(NETWORK, 0)).map_or(0, |lane| lane.next);
    let payout = prepared(world, prepare(NETWORK, &[id], Claim::Nonce(nonce), number)).unwrap();
    let way: &[PayoutStep] = match to {
        Stage::Preparing => &[],
        Stage::Signed => &[signed(number)],
        Stage::Broadcast => &[signed(number), broadcast()],
        Stage::Mined => &[signed(number), PayoutStep::Seen { block: block(5) }],
        Stage::Stuck => &[signed(number), PayoutStep::Stuck],
        Stage::Unknown => &[signed(number), PayoutStep::Unknown { why: "no answer".into() }],
        Stage::Review => &[signed(number), PayoutStep::Review { why: "look".into() }],
        Stage::Replacing => &[signed(number), PayoutStep::Stuck, replace(nonce, number)],
        other => panic!("{other} is no payout's"),
    };
    for one in way {
        step(world, payout, one.clone()).unwrap();
    }
    payout
}

pub(super) fn broadcast() -> PayoutStep {
    PayoutStep::Broadcast { answers: vec![Answer { endpoint: 0, reply: Reply::Silent }] }
}

pub(super) fn replace(nonce: u64, number: u64) -> PayoutStep {
    let preparation = Box::new(Preparation { fee_max: 2_000, ..preparation(Claim::Nonce(nonce), number + 1_000) });
    PayoutStep::Replace { preparation, proof: None }
}

/// A step that leads to a stage, for a payout with this first attempt's number and nonce.
fn step_to(to: Stage, payout: &Payout, number: u64) -> Option<PayoutStep> {
    let nonce = payout.nonce().unwrap();
    let absent: Vec<TxId> = payout.attempts.iter().filter_map(|attempt| attempt.tx).collect();
    let proof = match payout.attempts.iter().any(|attempt| attempt.tx.is_some()) {
        true => Death::NonceUsed { at: block(9), next: nonce + 1, absent },
        false => Death::NeverSigned,
    };
    Some(match to {
        Stage::Signed => signed(number + 2_000),
        Stage::Broadcast => broadcast(),
        Stage::Mined => PayoutStep::Seen { block: block(6) },
        Stage::Stuck => PayoutStep::Stuck,
        Stage::Replacing => replace(nonce, number + 3_000),
        Stage::Unknown => PayoutStep::Unknown { why: "no answer".into() },
        Stage::Review => PayoutStep::Review { why: "look".into() },
        Stage::Completed => final_step(500),
        Stage::Reverted => PayoutStep::Reverted { block: block(9), fee: 500 },
        Stage::Failed => PayoutStep::Dead { proof, requeue: false },
        Stage::Queued => PayoutStep::Dead { proof, requeue: true },
        Stage::Confirming
        | Stage::Screening
        | Stage::AwaitingApproval
        | Stage::Approved
        | Stage::Preparing
        | Stage::Cancelled
        | Stage::Rejected
        | Stage::Expired => return None,
    })
}

const OF_PAYOUTS: [Stage; 8] = [
    Stage::Preparing,
    Stage::Signed,
    Stage::Broadcast,
    Stage::Mined,
    Stage::Stuck,
    Stage::Replacing,
    Stage::Unknown,
    Stage::Review,
];

/// Goal: a worker leads a payout along the edges of the table and along no other, and one refused changes nothing. Method: a
/// payout in each of its stages, and from there a step to every stage that a step leads to.
#[test]
fn every_pair_of_stages() {
    let mut number = 0;
    for from in OF_PAYOUTS {
        for to in Stage::ALL.iter().copied() {
            let mut world = bank(1);
            number += 10;
            let id = payout_in(&mut world, number, from);
            let payout = world.state.withdrawals().payout(id).unwrap().clone();
            assert_eq!(payout.stage(), from);
            let Some(wanted) = step_to(to, &payout, number) else { continue };
            let attempt = match to {
                // The first attempt is the one that is on its way.
                Stage::Mined | Stage::Completed | Stage::Reverted | Stage::Broadcast => 1,
                _ => payout.attempts.len() as u16,
            };
            let before = world.state.clone();
            let outcome = stepped(&mut world, StepPayout { network: NETWORK, payout: id, from, attempt, step: wanted });
            // Where somebody else used a nonce, or nothing but a worker's word shows that it was not paid, people decide.
            let signed = payout.attempts.iter().any(|attempt| attempt.tx.is_some());
            let people = matches!(to, Stage::Failed | Stage::Queued | Stage::Reverted);
            let to = if signed && people { Stage::Review } else { to };
            // People alone say what is sent again after they looked; a worker may, too.
            if from.may_become(to) {
                assert_eq!(outcome, Ok(to), "{from} to {to}");
            } else {
                assert_eq!(refusal(outcome), Refusal::Edge { from, to }, "{from} to {to}");
                assert_eq!(world.state.withdrawals(), before.withdrawals(), "{from} to {to}");
            }
        }
    }
}

/// Goal: whoever looks at another stage than the present one is refused, whatever they want. Method: each stage, told as each
/// other.
#[test]
fn the_stage_is_compared() {
    for from in OF_PAYOUTS {
        let mut world = bank(1);
        let id = payout_in(&mut world, 10, from);
        for believed in Stage::ALL.iter().copied().filter(|believed| *believed != from) {
            let command = StepPayout {
                network: NETWORK,
                payout: id,
                from: believed,
                attempt: 1,
                step: PayoutStep::Review { why: "x".into() },
            };
            assert_eq!(refusal(stepped(&mut world, command)), Refusal::Moved { stage: from }, "{from} as {believed}");
            let review =
                ReviewPayout { payout: id, from: believed, decision: PayoutDecision::Bump, reason: "test".into() };
            assert!(world.run(Body::ReviewPayout(Box::new(review))).is_err());
        }
        let one = world.state.withdrawals().payout(id).unwrap().withdrawals[0];
        for believed in [Stage::Queued, Stage::Approved] {
            let cancel = StepWithdrawal { withdrawal: one, from: believed, step: WithdrawalStep::Cancel };
            let command = Command { actor: Actor::User(ALICE), ..world.command(Body::StepWithdrawal(cancel)) };
            assert_eq!(refusal(world.send(&command)), Refusal::Moved { stage: from });
        }
    }
}

/// Goal: of a user's cancel and a worker's payout that come together exactly one takes effect, whichever is first; spec 2.14
/// (i). Method: both in one entry, in both orders.
#[test]
fn cancel_races_with_prepare() {
    for cancel_first in [true, false] {
        let mut world = bank(1);
        let (id, _) = request(&mut world, order(ALICE, "a", 5 * DOLLAR)).unwrap();
        let step = StepWithdrawal { withdrawal: id, from: Stage::Queued, step: WithdrawalStep::Cancel };
        let cancel = Command { actor: Actor::User(ALICE), ..world.command(Body::StepWithdrawal(step)) };
        let body = Body::PreparePayout(Box::new(prepare(NETWORK, &[id], Claim::Nonce(0), 1)));
        let prepare = by_worker(&mut world, NETWORK, body);
        let both = if cancel_first { [cancel, prepare] } else { [prepare, cancel] };
        let outcomes = world.entry(&both);
        assert!(matches!(outcomes[0], crate::Outcome::Done(_)), "{outcomes:?}");
        assert!(matches!(outcomes[1], crate::Outcome::Rejected(_)), "{outcomes:?}");
        let expected = if cancel_first { Stage::Cancelled } else { Stage::Preparing };
        assert_eq!(stage(&world, id), expected);
        let held = if cancel_first { 0 } else { 5 * DOLLAR + FEE };
        assert_eq!(money(&world, ALICE, USDT), (1_000_000 * DOLLAR, held));
    }
}

/// Goal: money of what was signed is free only by proof of death, of each kind, with each part of it missing in turn; two
/// persons' refund needs the same. Method: a table of proofs for each family; failure mode 22 among them.
#[test]
fn only_death_frees_money() {
    let mut world = bank(1);
    let id = payout_in(&mut world, 10, Stage::Broadcast);
    let ours = tx(10);
    let used = |next, absent: &[TxId]| Death::NonceUsed { at: block(9), next, absent: absent.to_vec() };
    let window = |time: u64, absent_at: &[u8]| Death::Expired {
        at: block(9),
        time: Timestamp(time),
        absent_at: absent_at.to_vec(),
        absent: vec![ours],
    };
    for bad in [
        Death::NeverSigned,
        used(0, &[ours]),
        used(1, &[]),
        used(1, &[tx(11)]),
        Death::Conflicts(vec![]),
        Death::Conflicts(vec![Conflict { coin: coin(1), by: tx(5), confirmations: 99 }]),
        window(u64::MAX, &[0, 1]),
    ] {
        let dead = PayoutStep::Dead { proof: bad.clone(), requeue: false };
        assert_eq!(refusal(step(&mut world, id, dead)), Refusal::NoProof { payout: id }, "{bad:?}");
        let present = Stage::Broadcast;
        let refund = ReviewPayout {
            payout: id,
            from: present,
            decision: PayoutDecision::Refund { proof: bad },
            reason: "test".into(),
        };
        assert!(world.run(Body::ReviewPayout(Box::new(refund))).is_err());
    }
    assert_eq!(money(&world, ALICE, USDT).1, 5 * DOLLAR + FEE, "held all the while");
    let good = PayoutStep::Dead { proof: used(1, &[ours]), requeue: false };
    assert_eq!(step(&mut world, id, good), Ok(Stage::Review), "somebody else used the nonce");
    let alarms =
        world.events().iter().filter(|kind| matches!(kind, crate::EventKind::PayoutNeedsReview { .. })).count();
    assert_eq!(alarms, 1);
    assert_eq!(money(&world, ALICE, USDT).1, 5 * DOLLAR + FEE, "held until persons have looked");
    let decision = PayoutDecision::Refund { proof: used(1, &[ours]) };
    let refund = ReviewPayout { payout: id, from: Stage::Review, decision, reason: "test".into() };
    world.run(Body::ReviewPayout(Box::new(refund))).unwrap();
    assert_eq!(money(&world, ALICE, USDT), (1_000_000 * DOLLAR, 0));
}

/// Goal: the guards of edges are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_edges_are_caught() {
    catches(Bug::StageNotCompared, the_stage_is_compared);
    catches(Bug::DeathUnproved, only_death_frees_money);
}
