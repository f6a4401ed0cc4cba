//! What waits for people, and that they are told.

use super::*;
use crate::EventKind;
use crate::attention::{Concern, Matter, QUEUE_US_MAX, Subject, blocked_us};
use crate::event::Severity;
use crate::planted::Bug;

const EVM: Network = Network::Ethereum;
const SECOND_US: u64 = 1_000_000;

/// What was told since: the concern, and whether it ended.
fn told(world: &World, from: usize) -> Vec<(Concern, String, bool)> {
    let of = |kind: &EventKind| match kind {
        EventKind::AttentionNeeded { concern, subject, severity, .. } => {
            assert_eq!(*severity, Severity::P1);
            Some((*concern, subject.clone(), false))
        }
        EventKind::AttentionEnded { concern, subject, .. } => Some((*concern, subject.clone(), true)),
        _ => None,
    };
    world.events().iter().skip(from).filter_map(of).collect()
}

/// Time passes, and an entry without commands shows it.
fn pass(world: &mut World, us: u64) {
    later(world, us);
    let _ = world.entry(&[]);
}

fn asked(world: &mut World, name: &str) -> WithdrawalId {
    request(world, order(ALICE, name, 5 * DOLLAR)).unwrap().0
}

/// Goal: what people must know is told once when it begins and once when it ends: a payout that is set aside, a transaction that
/// keeps others from blocks, a queue that stands, a hot wallet that is short; not before its time, not again and again, and also by
/// whoever reads the state from its rows. Method: each of them, with time around its bound.
#[test]
fn what_waits_for_people_is_told_once() {
    let mut world = bank(1);
    let one = asked(&mut world, "a");
    let payout = prepared(&mut world, prepare(EVM, &[one], Claim::Nonce(0), 1)).unwrap();
    step(&mut world, payout, signed(1)).unwrap();
    let from = world.events().len();
    pass(&mut world, blocked_us(EVM.family()) - SECOND_US);
    assert_eq!(told(&world, from), []);
    pass(&mut world, 61 * SECOND_US);
    let lane = (Concern::LaneBlocked, "address 0 of wallet 1".to_owned(), false);
    assert_eq!(told(&world, from), [lane]);
    let matter = Matter { concern: Concern::LaneBlocked, network: EVM, subject: Subject::Payer(payer(EVM, 0)) };
    assert_eq!(world.state.matters()[&matter].payout, Some(payout), "where to begin");
    pass(&mut world, 600 * SECOND_US);
    assert_eq!(told(&world, from).len(), 1, "once");

    let from = world.events().len();
    step(&mut world, payout, PayoutStep::Unknown { why: "nobody knows".into() }).unwrap();
    pass(&mut world, 61 * SECOND_US);
    let aside = (Concern::PayoutSetAside, format!("payout {payout}"), false);
    let free = (Concern::LaneBlocked, "address 0 of wallet 1".to_owned(), true);
    assert_eq!(told(&world, from), [free, aside]);
    assert_eq!(State::load(&world.rows).unwrap(), world.state);
    let from = world.events().len();
    step(&mut world, payout, final_step(9)).unwrap();
    pass(&mut world, 61 * SECOND_US);
    assert_eq!(told(&world, from), [(Concern::PayoutSetAside, format!("payout {payout}"), true)]);
    assert_eq!(world.state.next_due(), None, "nothing is left to look at");
}

/// Goal: a queue whose first one waits too long is told, one on a network that people closed is not; a hot wallet that is short is
/// told with it. Method: the same queue, open and closed, and a payment that the wallet cannot make.
#[test]
fn queues_that_stand_are_told() {
    let mut world = bank(1);
    let _ = asked(&mut world, "a");
    assert!(world.state.next_due().is_some_and(|due| due > world.now), "time looks by itself");
    let from = world.events().len();
    world.run(configure(EVM, |command| command.withdrawals = Some(false))).unwrap();
    pass(&mut world, QUEUE_US_MAX + 61 * SECOND_US);
    assert_eq!(told(&world, from), []);
    world.run(configure(EVM, |command| command.withdrawals = Some(true))).unwrap();
    pass(&mut world, 61 * SECOND_US);
    assert_eq!(told(&world, from), [(Concern::QueueStands, "asset 2".to_owned(), false)]);

    let mut world = bare(1);
    let id = TransferId(77);
    let credit = CreditSandbox { user: ALICE, asset: USDT, amount: 1_000 * DOLLAR, id };
    world.run(Body::CreditSandbox(credit)).unwrap();
    let one = asked(&mut world, "a");
    let command = prepare(EVM, &[one], Claim::Nonce(0), 1);
    let waits = send(&mut world, EVM, Body::PreparePayout(Box::new(command)));
    assert!(matches!(waits, Ok(Done::PayoutWaits { .. })), "{waits:?}");
    let from = world.events().len();
    pass(&mut world, 61 * SECOND_US);
    assert_eq!(told(&world, from), [(Concern::HotWalletShort, "asset 2".to_owned(), false)]);
}

/// Goal: a withdrawal that nobody approved in time is told to people. Method: one that waits for approval, until it is over.
#[test]
fn approvals_that_expired_are_told() {
    let mut world = bank(1);
    let (one, stage) = request(&mut world, order(ALICE, "a", 20_000 * DOLLAR)).unwrap();
    assert_eq!(stage, Stage::AwaitingApproval);
    let from = world.events().len();
    pass(&mut world, 25 * 3_600 * SECOND_US);
    assert!(told(&world, from).contains(&(Concern::ApprovalExpired, format!("withdrawal {one}"), false)));
}

/// Goal: the tests above find a world in which nobody is told. Method: the telling is taken away.
#[test]
fn planted_bugs_of_attention_are_caught() {
    catches(Bug::NobodyIsTold, what_waits_for_people_is_told_once);
}
