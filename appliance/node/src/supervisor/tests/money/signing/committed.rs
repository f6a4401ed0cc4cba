//! What a worker is given is in the log; what the log does not have nobody was given.

use exchequer_domain::Code;
use exchequer_state::Rejection;
use exchequer_state::withdrawals::{Death, Refusal, SigningEntry};
use exchequer_workers::money::proto::{SignRequest, sign_reply};

use super::super::super::stage::Loss;
use super::*;

fn signs(body: &Body) -> bool {
    matches!(body, Body::StepPayout(command) if matches!(command.step, PayoutStep::Signed { .. }))
}

/// What a worker is answered through the node's door.
async fn asked(world: &World, payout: PayoutId) -> sign_reply::Answer {
    let request = SignRequest { payout: payout.0, attempt: 1 };
    let door = Door::new(world.stage.shared.clone());
    door.have_signed(world.caller(), request).await.unwrap().answer.unwrap()
}

async fn given_up(world: &World, payout: PayoutId) -> sign_reply::Answer {
    let request = SignRequest { payout: payout.0, attempt: 1 };
    let door = Door::new(world.stage.shared.clone());
    door.give_up(world.caller(), request).await.unwrap().answer.unwrap()
}

fn bytes(world: &World, payout: PayoutId) -> Option<Vec<u8>> {
    world.ground().rows(|state, rows| state.signed_bytes(rows, payout, 1).unwrap()).unwrap()
}

fn raw_of(answer: sign_reply::Answer) -> Vec<u8> {
    match answer {
        sign_reply::Answer::Signed(signature) => signature.raw,
        other => panic!("{other:?}"),
    }
}

/// Goal: a worker has bytes only when the log has them, and has the same ones however often it asks, once in the log. Method: commits
/// that fail on their way, before and after they took effect; a second order.
#[tokio::test(start_paused = true)]
async fn bytes_leave_as_the_log_has_them() {
    let (_vaults, mut world, process, _) = world(true).await;
    let payout = world.prepared(100).await;
    // Nobody knows of the commit, again and again, and it has not taken effect.
    *world.ground().loss.lock() = Some(Loss { meets: signs, code: Code::NoLeader, times: 3 });
    let answer = asked(&world, payout).await;
    assert!(matches!(&answer, sign_reply::Answer::Unknown(_)), "{answer:?}");
    assert_eq!(bytes(&world, payout), None);
    let first = raw_of(asked(&world, payout).await);
    assert_eq!(bytes(&world, payout), Some(first.clone()));
    assert_eq!(raw_of(asked(&world, payout).await), first);

    let other = world.prepared(100).await;
    // It has taken effect, and the answer is lost: asked under its id, it is known.
    *world.ground().loss.lock() = Some(Loss { meets: signs, code: Code::OutcomeUnknown, times: 1 });
    assert_eq!(bytes(&world, other), None);
    assert_eq!(Some(raw_of(asked(&world, other).await)), bytes(&world, other));
    let log = world.ground().rows(|state, rows| {
        let log = state.signing_entries(rows, exchequer_state::withdrawals::Place(0), 100).unwrap();
        log.into_iter().filter(|logged| matches!(logged.entry, SigningEntry::Signed { .. })).count()
    });
    assert_eq!(log.unwrap(), 2);
    process.end().await;
}

/// Goal: a leader that ends between the signature and its commit leaves nothing open: the next one has the same bytes signed again,
/// and they are sent once they are in the log. Method: a commit that never arrives; another leadership.
#[tokio::test(start_paused = true)]
async fn a_leader_that_ends_before_the_commit() {
    let (_vaults, mut world, process, _) = world(true).await;
    let payout = world.prepared(100).await;
    *world.ground().loss.lock() = Some(Loss { meets: signs, code: Code::NoLeader, times: 3 });
    assert!(matches!(asked(&world, payout).await, sign_reply::Answer::Unknown(_)));
    let unheard = process.core.standing().unwrap().decisions;
    world.change_leader().await;
    let raw = raw_of(asked(&world, payout).await);
    assert_eq!(bytes(&world, payout), Some(raw));
    assert!(process.core.standing().unwrap().decisions > unheard);
    process.end().await;
}

/// Goal: a worker's word that something is signed, or never was, counts for nothing. Method: both steps in a worker's name.
#[tokio::test(start_paused = true)]
async fn of_signatures_no_worker_says_anything() {
    let (_vaults, mut world, process, _) = world(true).await;
    let payout = world.prepared(100).await;
    let signed = PayoutStep::Signed { tx: TxId([7; 32]), raw: vec![1], record: vec![2] };
    let never = PayoutStep::Dead { proof: Death::NeverSigned, requeue: true };
    for step in [signed, never] {
        let (id, from) = (world.ground().command_id(), Standing::Preparing);
        let body = Body::StepPayout(Box::new(StepPayout { network: NETWORK, payout, from, attempt: 1, step }));
        let command = Command { id, actor: Actor::Worker(worker()), epoch: Some(world.epoch), body };
        let outcome = world.ground().submit(command).await.unwrap();
        assert_eq!(outcome, Outcome::Rejected(Rejection::Withdrawals(Box::new(Refusal::NotTheNode))));
    }
    process.end().await;
}

/// Goal: what nobody signed is given up, and its withdrawal waits for another payout; what this node's signer has signed for a
/// leadership that ended is committed instead, though a worker says that it shall be given up. Method: both, through the door.
#[tokio::test(start_paused = true)]
async fn the_signer_is_asked_before_anything_is_given_up() {
    let (_vaults, mut world, process, _) = world(true).await;
    let withdrawal = world.ask(100);
    let unsigned = world.unsigned(0, STRANGER, ETHER);
    let payout = world.decide(withdrawal, &unsigned).await;
    assert_eq!(given_up(&world, payout).await, sign_reply::Answer::GivenUp(true));
    assert!(world.ground().state(|state| state.withdrawals().payout(payout).is_none()).unwrap());

    // It is its withdrawal's turn again, before anybody else's.
    let unsigned = world.unsigned(1, STRANGER, ETHER);
    let payout = world.decide(withdrawal, &unsigned).await;
    *world.ground().loss.lock() = Some(Loss { meets: signs, code: Code::NoLeader, times: 3 });
    assert!(matches!(asked(&world, payout).await, sign_reply::Answer::Unknown(_)));
    assert_eq!(bytes(&world, payout), None);
    let raw = raw_of(given_up(&world, payout).await);
    assert_eq!(bytes(&world, payout), Some(raw), "it was signed, and the log has it now");
    process.end().await;
}
