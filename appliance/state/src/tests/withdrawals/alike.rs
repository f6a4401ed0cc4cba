//! Addresses that look like one that is known.

use super::*;
use crate::BookChange;
use crate::ChangeAddressBook;
use crate::planted::Bug;
use crate::withdrawals::{Destination, Match, Rule, Verdict};

const MINE: &str = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed";
const ALIKE: &str = "0x5aae11111111111111111111111111111111eaed";
const OTHER: &str = "0x5aaf11111111111111111111111111111111eaed";

fn to(text: &str, name: &str) -> Order {
    Order { to: address(text), ..order(ALICE, name, 5 * DOLLAR) }
}

fn kind(world: &World, id: WithdrawalId) -> Destination {
    withdrawal(world, id).destination
}

/// The user is paid at an address of its own.
fn paid(world: &mut World, text: &str, name: &str, number: u64) {
    let (id, _) = request(world, to(text, name)).unwrap();
    assert_eq!(stage(world, id), Stage::Queued);
    let lane =
        world.state.withdrawals().lane(Network::Ethereum, payer(Network::Ethereum, 0)).map_or(0, |lane| lane.next);
    let payout = prepared(world, prepare(Network::Ethereum, &[id], Claim::Nonce(lane), number)).unwrap();
    step(world, payout, signed(number)).unwrap();
    assert_eq!(step(world, payout, final_step(9)), Ok(Stage::Completed));
}

/// Goal: an address that has the ends of one that its user was paid at, or has in the book, and is another one waits for a person,
/// where it would have been paid by itself; the known one, one with other ends, and another user's first one do not. What was only
/// asked for is not known by that, and what was paid is. Method: the same request to each of them.
#[test]
fn what_looks_like_a_known_address_waits_for_a_person() {
    let mut world = bank(2);
    let (first, _) = request(&mut world, to(ALIKE, "first")).unwrap();
    assert_eq!((kind(&world, first), stage(&world, first)), (Destination::New, Stage::Queued), "nothing is known yet");
    let cancel = WithdrawalStep::Cancel;
    step_withdrawal(&mut world, Actor::User(ALICE), first, cancel).unwrap();

    paid(&mut world, MINE, "a", 1);
    let (poisoned, stage_now) = request(&mut world, to(ALIKE, "b")).unwrap();
    assert_eq!((kind(&world, poisoned), stage_now), (Destination::Lookalike, Stage::AwaitingApproval));
    let one = withdrawal(&world, poisoned);
    assert_eq!(world.state.looks_like(&world.rows, &one.order), Ok(Some(address(MINE))));
    for (text, name) in [(MINE, "c"), (OTHER, "d")] {
        let (id, stage) = request(&mut world, to(text, name)).unwrap();
        assert_eq!((kind(&world, id), stage), (Destination::New, Stage::Queued), "{text}");
        assert_eq!(world.state.looks_like(&world.rows, &withdrawal(&world, id).order), Ok(None));
    }
    let (bobs, stage) = request(&mut world, Order { user: BOB, ..to(ALIKE, "e") }).unwrap();
    assert_eq!((kind(&world, bobs), stage), (Destination::New, Stage::Queued), "another user knows nothing of it");

    // By the book.
    let mut world = bank(1);
    let (network, memo) = (Network::Ethereum, None);
    let add = BookChange::Add { network, address: address(MINE), memo, label: "mine".into() };
    let body = Body::ChangeAddressBook(ChangeAddressBook { user: ALICE, change: add, proved: Some(world.now) });
    let command = Command { actor: Actor::User(ALICE), ..world.command(body) };
    world.send(&command).unwrap();
    let (id, stage) = request(&mut world, to(ALIKE, "a")).unwrap();
    assert_eq!((kind(&world, id), stage), (Destination::Lookalike, Stage::AwaitingApproval));
}

/// Goal: the policy has the last word: a rule that names such addresses decides about them, one for new ones is for them too.
/// Method: a rule for each.
#[test]
fn a_rule_may_name_them() {
    for (destinations, then, expected) in [
        (vec![Destination::Lookalike], Verdict::Allow, Stage::Queued),
        (vec![Destination::Lookalike], Verdict::Block, Stage::Rejected),
        (vec![Destination::New], Verdict::Block, Stage::Rejected),
        (vec![Destination::New], Verdict::Allow, Stage::AwaitingApproval),
        (vec![Destination::Listed], Verdict::Block, Stage::AwaitingApproval),
    ] {
        let mut world = bank(1);
        paid(&mut world, MINE, "a", 1);
        let mut policy = world.state.withdrawals().policy().clone();
        let when = Match { destinations: destinations.clone(), ..Match::default() };
        policy.rules.insert(0, Rule { name: "alike".into(), when, then });
        let set = crate::SetWithdrawalPolicy { policy, if_version: None, reason: "test".into() };
        world.run(Body::SetWithdrawalPolicy(Box::new(set))).unwrap();
        let (_, stage) = request(&mut world, to(ALIKE, "b")).unwrap();
        assert_eq!(stage, expected, "{destinations:?}");
    }
}

/// Goal: the guard is what makes it wait. Method: it is taken away.
#[test]
fn planted_bugs_of_addresses_are_caught() {
    catches(Bug::LooksIgnored, what_looks_like_a_known_address_waits_for_a_person);
}
