//! Like payments on a network where nothing but their bytes keeps transactions apart.

use super::super::world::SECOND;
use super::*;
use crate::planted::Bug;
use crate::withdrawals::Death;

const TRON: Network = Network::Tron;

fn queued(world: &mut World, name: &str) -> WithdrawalId {
    request(world, on(TRON, USDT, order(ALICE, name, 5 * DOLLAR))).unwrap().0
}

fn window(world: &World) -> Claim {
    Claim::Window { reference: block(1), expires: Timestamp(world.now.0 + 60 * SECOND) }
}

/// Goal: two payouts under way are never one transaction, which would pay once, and whose signer knows it as the first one's: what
/// would be one is refused, when it is decided and when it takes the place of another, until it is made at another moment or the first
/// is over. Method: like withdrawals, the second with the bytes of the first one, then with others; a replacement with those of the
/// first.
#[test]
fn no_two_payouts_are_one_transaction() {
    let mut world = bank(1);
    let [one, two] = ["a", "b"].map(|name| queued(&mut world, name));
    let claim = window(&world);
    let first = prepared(&mut world, prepare(TRON, &[one], claim.clone(), 1)).unwrap();
    let twin = prepare(TRON, &[two], claim.clone(), 1);
    assert_eq!(refusal(prepared(&mut world, twin.clone())), Refusal::SameBytes { payout: first });
    step(&mut world, first, signed(1)).unwrap();
    assert_eq!(refusal(prepared(&mut world, twin)), Refusal::SameBytes { payout: first });
    let second = prepared(&mut world, prepare(TRON, &[two], claim, 2)).unwrap();
    step(&mut world, second, signed(2)).unwrap();
    step(&mut world, second, PayoutStep::Stuck).unwrap();

    world.now = Timestamp(world.now.0 + 200 * SECOND);
    let time = world.now;
    let proof = Some(Death::Expired { at: block(9), time, absent_at: vec![0, 1], absent: vec![tx(2)] });
    let preparation = Box::new(preparation(window(&world), 1));
    let replace = PayoutStep::Replace { preparation, proof };
    assert_eq!(refusal(step(&mut world, second, replace)), Refusal::SameBytes { payout: first });
    step(&mut world, first, final_step(50)).unwrap();
    let three = queued(&mut world, "c");
    let later = window(&world);
    prepared(&mut world, prepare(TRON, &[three], later, 1)).unwrap();
}

/// Goal: the guard is what refuses. Method: it is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_twins_are_caught() {
    catches(Bug::BytesShared, no_two_payouts_are_one_transaction);
}
