//! The acceptance list of withdrawals, as far as no other file here plays it: one withdrawal by one name on every node, two of
//! five, a stop in every stage, and a network that is closed after the approval.

use exchequer_domain::AdminId;

use super::super::world::{DAY, SECOND, configure};
use super::approvals::{OFFICER, approve, send_as, treasury_of};
use super::edges::{broadcast, payout_in, replace};
use super::*;
use crate::apply::LOOKED_AT_AGAIN_US;
use crate::approvals::ApprovalKeyId;
use crate::planted::Bug;
use crate::withdrawals::Standing;
use crate::{EmergencyResume, EmergencyStop, PayoutDecision, ReviewPayout, RevokeApprovalKey};

const EVM: Network = Network::Ethereum;
/// What Alice begins with.
const HAD: u128 = 1_000_000 * DOLLAR;

/// Goal: a client's name is one withdrawal on every node, whichever leads and whatever was restarted in between. Method: two nodes
/// that apply one log; the request under the first leadership; the second node starts anew from its rows, a second leadership
/// begins, and the request comes again, as it was and with another amount: both nodes answer alike and hold the same.
#[test]
fn a_name_is_one_withdrawal_on_every_node() {
    let mut first = bank(1);
    let wanted = order(ALICE, "rent", 10 * DOLLAR);
    let body = proved(&first, wanted.clone());
    let asked = Command { actor: Actor::User(ALICE), ..first.command(body) };
    let mut second = first.clone();
    let done = first.send(&asked);
    let Ok(Done::WithdrawalRequested { withdrawal: id, first: true, .. }) = done else { panic!("{done:?}") };
    assert_eq!(second.send(&asked), done);
    second.state = State::load(&second.rows).unwrap();
    second.lead();
    first.lead();
    let body = proved(&second, wanted.clone());
    // The same request, and not the same command: the answer to the first one was lost.
    let again = Command { actor: Actor::User(ALICE), ..second.command(body) };
    let body = proved(&second, Order { amount: 11 * DOLLAR, ..wanted });
    let other = Command { actor: Actor::User(ALICE), ..second.command(body) };
    for world in [&mut second, &mut first] {
        let stage = Stage::Queued;
        assert_eq!(world.send(&again), Ok(Done::WithdrawalRequested { withdrawal: id, stage, first: false }));
        assert!(matches!(refusal(world.send(&other)), Refusal::ExistsDifferent { withdrawal, .. } if withdrawal == id));
        assert_eq!(money(world, ALICE, USDT), (HAD, 10 * DOLLAR + FEE), "held once");
    }
    assert_eq!(first.state, second.state);
}

/// Goal: two of five persons agree, never whoever asked for it, under whichever account; an approval whose key is revoked counts
/// no more, and after a day nothing does. Method: one withdrawal that an approver's person asked for, with each of them in turn;
/// and one that gets one approval and a day.
#[test]
fn two_of_five_without_whoever_asked() {
    let mut world = treasury_of(bank(2));
    let ask = |world: &mut World, name: &str| {
        let (id, stage) = request(world, order(ALICE, name, 200_000 * DOLLAR)).unwrap();
        assert_eq!(stage, Stage::AwaitingApproval);
        // As if the person of the third admin, who has the eighth account, too, had asked for it.
        let mut one = withdrawal(world, id);
        one.initiator = Actor::Admin(AdminId(3));
        world.rows.put(Family::Working, Table::Withdrawal.key(&id.0.to_be_bytes()), codec::encode(&one));
        world.state = State::load(&world.rows).unwrap();
        id
    };
    let (id, late) = (ask(&mut world, "a"), ask(&mut world, "b"));
    for own in [3, 8] {
        assert_eq!(refusal(approve(&mut world, own, id)), Refusal::OwnWithdrawal);
    }
    assert_eq!(approve(&mut world, 4, late), Ok(Stage::AwaitingApproval));
    assert_eq!(approve(&mut world, 4, id), Ok(Stage::AwaitingApproval));
    assert_eq!(approve(&mut world, 4, id), Err(Rejection::ApprovedAlready));
    let revoke = RevokeApprovalKey { key: ApprovalKeyId(4), reason: "lost".into() };
    send_as(&mut world, OFFICER, Body::RevokeApprovalKey(revoke)).unwrap();
    assert_eq!(approve(&mut world, 5, id), Ok(Stage::AwaitingApproval), "the first counts no more");
    assert_eq!(approve(&mut world, 6, id), Ok(Stage::Queued));
    later(&mut world, DAY);
    world.apply(crate::Input::Noop).unwrap();
    assert_eq!((stage(&world, late), stage(&world, id)), (Stage::Expired, Stage::Queued));
    assert_eq!(money(&world, ALICE, USDT), (HAD, 200_000 * DOLLAR + FEE), "what expired is free");
}

fn stop(world: &mut World) {
    world.run(Body::EmergencyStop(EmergencyStop { reason: "test".into() })).unwrap();
}

fn resume(world: &mut World) {
    world.run(Body::EmergencyResume(EmergencyResume { reason: "test".into() })).unwrap();
}

/// As if it had been approved, with a delay that ends in a second.
fn approved(world: &mut World, id: WithdrawalId) {
    let standing = Standing::Approved { until: Timestamp(world.now.0 + SECOND) };
    let one = Withdrawal { standing, ..withdrawal(world, id) };
    world.rows.put(Family::Working, Table::Withdrawal.key(&id.0.to_be_bytes()), codec::encode(&one));
    world.state = State::load(&world.rows).unwrap();
}

/// A withdrawal of five dollars, or of 20,000 where people are to be asked, in a stage before its payout.
fn asked_in(world: &mut World, at: Stage) -> WithdrawalId {
    let wanted = order(ALICE, "a", if at == Stage::AwaitingApproval { 20_000 } else { 5 } * DOLLAR);
    let unproved = matches!(at, Stage::Confirming | Stage::Approved);
    let proof = (!unproved).then(|| Proof { order: wanted.hash(), at: world.now });
    let body = Body::RequestWithdrawal(Box::new(RequestWithdrawal { order: wanted, proof }));
    let command = Command { actor: Actor::User(ALICE), ..world.command(body) };
    world.send(&command).unwrap();
    let id = WithdrawalId(1);
    if at == Stage::Approved {
        approved(world, id);
    }
    assert_eq!(stage(world, id), at);
    id
}

/// Pays a withdrawal that is queued.
fn pay(world: &mut World, id: WithdrawalId) {
    let payout = prepared(world, prepare(EVM, &[id], Claim::Nonce(0), 70)).unwrap();
    step(world, payout, signed(70)).unwrap();
    assert_eq!(step(world, payout, final_step(9)), Ok(Stage::Completed));
}

/// Time passes until whatever was held back was looked at again.
fn wait(world: &mut World) {
    later(world, LOOKED_AT_AGAIN_US);
    world.apply(crate::Input::Noop).unwrap();
}

/// Tries to bring a withdrawal that no payout has yet one stage on.
fn push_on(world: &mut World, id: WithdrawalId, at: Stage) -> Result<(), Rejection> {
    match at {
        Stage::Confirming => {
            let proof = Proof { order: withdrawal(world, id).order.hash(), at: world.now };
            step_withdrawal(world, Actor::User(ALICE), id, WithdrawalStep::Confirm(proof)).map(|_| ())
        }
        Stage::Queued => prepared(world, prepare(EVM, &[id], Claim::Nonce(0), 70)).map(|_| ()),
        // Time does it, or people: what they agree to in a stop waits for its end, as `held_back` shows.
        _ => {
            wait(world);
            Ok(())
        }
    }
}

/// Goal: in whatever stage a stop finds a withdrawal, nothing more of it is decided, signed or sent until the stop is over, money
/// stays held, what may be on its way is watched to its end, and afterwards it is paid by itself, once, to the last unit. Method:
/// a stop in every stage that is no end, the step that would lead on tried during the stop, and the way to the end after it. In
/// `Screening` nothing stays: a command passes it.
#[test]
fn an_emergency_stops_every_stage() {
    let before_payout = [Stage::Confirming, Stage::AwaitingApproval, Stage::Approved, Stage::Queued];
    for at in before_payout {
        let mut world = bank(2);
        let id = asked_in(&mut world, at);
        let one = withdrawal(&world, id);
        stop(&mut world);
        let tried = push_on(&mut world, id, at);
        assert!(tried.is_err() || matches!(at, Stage::AwaitingApproval | Stage::Approved), "{at}");
        assert_eq!(stage(&world, id), at, "{at}");
        assert_eq!(money(&world, ALICE, USDT), (HAD, one.on_chain + one.fee), "{at}");
        resume(&mut world);
        price(&mut world);
        match at {
            Stage::Confirming => push_on(&mut world, id, at).unwrap(),
            Stage::AwaitingApproval => {
                world = treasury_of(world);
                assert_eq!(approve(&mut world, 3, id), Ok(Stage::Queued));
            }
            Stage::Approved => wait(&mut world),
            _ => {}
        }
        pay(&mut world, id);
        assert_eq!(money(&world, ALICE, USDT), (HAD - one.on_chain - one.fee, 0), "{at}");
    }
    for at in Stage::ALL.iter().copied().filter(|at| !at.is_over() && *at != Stage::Screening) {
        if before_payout.contains(&at) {
            continue;
        }
        let mut world = bank(2);
        let payout = payout_in(&mut world, 10, at);
        let id = WithdrawalId(1);
        stop(&mut world);
        let there = world.state.withdrawals().payout(payout).unwrap().clone();
        assert!(world.state.may_send(&there).is_err(), "{at}: nothing is sent");
        let on = match at {
            Stage::Preparing | Stage::Replacing => Some(signed(11)),
            Stage::Stuck => Some(replace(0, 10)),
            _ => None,
        };
        if let Some(on) = on.clone() {
            assert!(step(&mut world, payout, on).is_err(), "{at}");
        }
        let paid = |world: &mut World, attempt| {
            let from = world.state.withdrawals().payout(payout).unwrap().stage();
            let last = StepPayout { network: EVM, payout, from, attempt, step: final_step(9) };
            assert_eq!(stepped(world, last), Ok(Stage::Completed), "{at}");
        };
        match at {
            // A block has it, whatever is stopped here.
            Stage::Signed | Stage::Broadcast | Stage::Mined => paid(&mut world, 1),
            _ => {
                assert_eq!(stage(&world, id), at);
                assert_eq!(money(&world, ALICE, USDT), (HAD, 5 * DOLLAR + FEE), "{at}");
            }
        }
        resume(&mut world);
        match at {
            Stage::Preparing | Stage::Replacing => {
                step(&mut world, payout, signed(11)).unwrap();
                let attempt = world.state.withdrawals().payout(payout).unwrap().attempts.len() as u16;
                paid(&mut world, attempt);
            }
            Stage::Stuck => {
                step(&mut world, payout, replace(0, 10)).unwrap();
                step(&mut world, payout, signed(11)).unwrap();
                paid(&mut world, 2);
            }
            Stage::Unknown | Stage::Review => {
                let (from, decision) = (at, PayoutDecision::Resend);
                let review = ReviewPayout { payout, from, decision, reason: "looked".into() };
                world.run(Body::ReviewPayout(Box::new(review))).unwrap();
                let open = world.state.withdrawals().payout(payout).unwrap().clone();
                assert_eq!(world.state.may_send(&open), Ok(()));
                step(&mut world, payout, broadcast()).unwrap();
                paid(&mut world, 1);
            }
            _ => {}
        }
        assert_eq!(stage(&world, id), Stage::Completed, "{at}");
        assert_eq!(money(&world, ALICE, USDT), (HAD - 5 * DOLLAR - FEE, 0), "{at}");
        assert_eq!(balance(&world, hot(EVM, USDT)).0, (10_000_000 - 5) * DOLLAR, "{at}: paid once");
    }
}

/// Goal: what was approved when its network is disabled waits, with its money held and nothing sent, however long; when the network
/// is used again it is paid, once. Method: a network that is suspended while a withdrawal is approved, queued, and decided.
#[test]
fn a_network_disabled_after_approval_holds_what_was_approved() {
    let state = |world: &mut World, state| {
        world.run(configure(EVM, |command| command.state = Some(state))).unwrap();
    };
    for at in [Stage::Approved, Stage::Queued, Stage::Preparing] {
        let mut world = bank(2);
        let (id, payout) = match at {
            Stage::Preparing => (WithdrawalId(1), Some(payout_in(&mut world, 10, at))),
            _ => (asked_in(&mut world, at), None),
        };
        state(&mut world, NetworkState::Suspended);
        for _ in 0..3 {
            match payout {
                None => {
                    let tried = push_on(&mut world, id, at);
                    assert!(tried.is_err() || at == Stage::Approved, "{at}");
                    wait(&mut world);
                }
                Some(payout) => {
                    assert!(step(&mut world, payout, signed(11)).is_err());
                    later(&mut world, 10 * DAY);
                    world.apply(crate::Input::Noop).unwrap();
                }
            }
            assert_eq!(stage(&world, id), at);
            assert_eq!(money(&world, ALICE, USDT), (HAD, 5 * DOLLAR + FEE), "{at}");
        }
        state(&mut world, NetworkState::Enabled);
        price(&mut world);
        wait(&mut world);
        match payout {
            None => pay(&mut world, id),
            Some(payout) => {
                step(&mut world, payout, signed(11)).unwrap();
                assert_eq!(step(&mut world, payout, final_step(9)), Ok(Stage::Completed));
            }
        }
        assert_eq!(money(&world, ALICE, USDT), (HAD - 5 * DOLLAR - FEE, 0), "{at}");
        assert_eq!(balance(&world, hot(EVM, USDT)).0, (10_000_000 - 5) * DOLLAR, "{at}: paid once");
    }
}

/// Goal: the guards are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_acceptance_are_caught() {
    catches(Bug::InitiatorApproves, two_of_five_without_whoever_asked);
    catches(Bug::PersonCountsTwice, two_of_five_without_whoever_asked);
    catches(Bug::GoesOnUnasked, an_emergency_stops_every_stage);
    catches(Bug::GoesOnUnasked, a_network_disabled_after_approval_holds_what_was_approved);
}
