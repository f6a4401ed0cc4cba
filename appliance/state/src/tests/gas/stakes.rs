//! What bounds a stake and its loans: the setting, people who look at one, signatures that may still count, the way back.

use exchequer_domain::{Timestamp, WorkerKind};
use exchequer_ledger::Store;

use super::super::sweeps::{
    TRON, arrive, books, carry_out, of, pay, plan, pool, prepare_move, refusal, step, sweep, wish,
};
use super::super::withdrawals::{TRX, USDT, block, catches, preparation, price, tx};
use super::super::world::World;
use super::loans::{STATION, SUN, expire, give_up, harbour, lent, loans, note, stake, waits_for_gas, window};
use crate::event::EventKind;
use crate::gas::{DOUBTED_MAX, GasBook, LoanStage, MISSED_MIN, UNSEEN_MAX};
use crate::planted::Bug;
use crate::sweeps::SweepStatus;
use crate::withdrawals::{Death, Errand, Move, MoveFault, Payer, Refusal, STAKE_SUN_MIN, Stage, Stake};
use crate::{PayoutStep, Rejection, Wish};

const TRX_SUN: u64 = STAKE_SUN_MIN;

fn frozen(world: &World) -> u64 {
    world.state.gas().book(TRON).unwrap().frozen() / TRX_SUN
}

/// Goal: all that is frozen is what the setting says at most, whatever a worker was told of the network; it counts from the decision
/// on, and no more once it is freed or came to nothing. Method: freezes around the bound, one that is given up, one that expires, and
/// an end of a part of it.
fn no_more_is_frozen_than_is_wanted() {
    let mut world = harbour();
    let freeze = |trx: u64| Stake::Freeze { sun: trx * TRX_SUN };
    assert_eq!(refusal(stake(&mut world, STATION, freeze(701))), MoveFault::Off);
    let first = stake(&mut world, STATION, freeze(400)).unwrap();
    assert_eq!(frozen(&world), 400, "from the decision on");
    carry_out(&mut world, first, 300);
    assert_eq!(refusal(stake(&mut world, STATION, freeze(301))), MoveFault::Off);
    let second = stake(&mut world, STATION, freeze(300)).unwrap();
    give_up(&mut world, second);
    assert_eq!(frozen(&world), 400);
    let second = stake(&mut world, STATION, freeze(300)).unwrap();
    expire(&mut world, second);
    price(&mut world);
    assert_eq!(frozen(&world), 400);
    let second = stake(&mut world, STATION, freeze(300)).unwrap();
    carry_out(&mut world, second, 300);
    assert_eq!(refusal(stake(&mut world, STATION, freeze(1))), MoveFault::Off);
    let ending = stake(&mut world, STATION, Stake::Unfreeze { sun: 100 * TRX_SUN }).unwrap();
    assert_eq!(frozen(&world), 700, "it is frozen until it is freed");
    carry_out(&mut world, ending, 300);
    assert_eq!(refusal(stake(&mut world, STATION, freeze(101))), MoveFault::Off);
    let third = stake(&mut world, STATION, freeze(100)).unwrap();
    carry_out(&mut world, third, 300);
    assert_eq!(frozen(&world), 700);
    let mut book = GasBook::default();
    let other = Payer { index: 1, ..STATION };
    book.freeze(STATION, 5);
    book.freeze(other, 6);
    book.thaw(other, 7);
    assert_eq!(book.frozen(), 5, "one address after the other, and none below nothing");
}

#[test]
fn the_setting_bounds_all_that_is_frozen() {
    no_more_is_frozen_than_is_wanted();
}

/// Goal: what is done with stake is decided anew from what is staked and lent by then, and never built anew as it was. Method: a loan
/// whose time is over, with the proof by which a transfer is built anew.
fn stake_is_decided_anew() {
    let mut world = harbour();
    let id = waits_for_gas(&mut world, 1, 0);
    let lending = stake(&mut world, STATION, Stake::Lend(lent(0, SUN, Some(id)))).unwrap();
    let name = tx(6_500_000);
    step(&mut world, lending, PayoutStep::Signed { tx: name, raw: vec![1], record: vec![2] }).unwrap();
    step(&mut world, lending, PayoutStep::Broadcast { answers: vec![] }).unwrap();
    // From there a transfer is built anew.
    step(&mut world, lending, PayoutStep::Stuck).unwrap();
    world.now = Timestamp(world.now.0 + 200_000_000);
    let at = block(world.state.deposits().chains().get(TRON).settled);
    let proof = Death::Expired { at, time: world.now, absent_at: vec![0, 1], absent: vec![name] };
    let again = crate::Preparation { fee_max: 500, ..preparation(window(&world), 7) };
    let again = PayoutStep::Replace { preparation: Box::new(again), proof: Some(proof.clone()) };
    let refused = Refusal::Edge { from: Stage::Stuck, to: Stage::Replacing };
    assert_eq!(step(&mut world, lending, again), Err(Rejection::Withdrawals(Box::new(refused))));
    assert_eq!(step(&mut world, lending, PayoutStep::Dead { proof, requeue: true }), Ok(Stage::Failed));
    assert_eq!((plan(&world, id).status, loans(&world)[0].stage), (SweepStatus::Ready, LoanStage::Doubted));
}

#[test]
fn stake_is_never_built_anew_as_it_was() {
    stake_is_decided_anew();
}

/// Goal: an address sends nothing while what was lent to it is on its way back. Method: a second plan of the address while its loan
/// comes back, and once it is back.
fn nothing_is_sent_on_the_way_back() {
    let mut world = harbour();
    let id = waits_for_gas(&mut world, 1, 0);
    let lending = stake(&mut world, STATION, Stake::Lend(lent(0, SUN, Some(id)))).unwrap();
    carry_out(&mut world, lending, 300);
    arrive(&mut world, TRON, vec![pay(TRON, 2, 0, TRX, 5_000)]);
    let returning = stake(&mut world, STATION, Stake::TakeBack(lent(0, SUN, None))).unwrap();
    let send = |world: &mut World| {
        let claim = window(world);
        sweep(world, TRON, 0, of(USDT, "hottron0", 700, Some(id)), claim)
    };
    assert_eq!(refusal(send(&mut world)), MoveFault::UnderWay);
    carry_out(&mut world, returning, 300);
    let sweeping = send(&mut world).unwrap();
    assert_eq!(carry_out(&mut world, sweeping, 900), Stage::Completed);
}

#[test]
fn nothing_is_swept_while_a_loan_comes_back() {
    nothing_is_sent_on_the_way_back();
}

/// Goal: what the network takes of an address of which nothing was kept back is booked as far as the books have it, and told as far as
/// they have it not. Method: a sweep by a loan from an address with less than it could cost, whose fee is less, and more, than that.
fn fees_without_a_hold_are_booked() {
    for (has, fee, left, unbooked) in [(400, 100, 300, None), (400, 700, 0, Some(300)), (0, 100, 0, Some(100))] {
        let mut world = harbour();
        let id = waits_for_gas(&mut world, 1, 0);
        if has > 0 {
            arrive(&mut world, TRON, vec![pay(TRON, 2, 0, TRX, has)]);
        }
        let lending = stake(&mut world, STATION, Stake::Lend(lent(0, SUN, Some(id)))).unwrap();
        carry_out(&mut world, lending, 300);
        let claim = window(&world);
        let sweeping = sweep(&mut world, TRON, 0, of(USDT, "hottron0", 700, Some(id)), claim).unwrap();
        assert_eq!(world.state.withdrawals().payout(sweeping).unwrap().gas, None);
        assert_eq!(carry_out(&mut world, sweeping, fee), Stage::Completed);
        assert_eq!(books(&world, TRON, Store::Deposit, TRX), left, "{has} there, {fee} taken");
        let told = world.events().into_iter().find_map(|kind| match kind {
            EventKind::FeeUnbooked { amount, .. } => Some(amount),
            _ => None,
        });
        assert_eq!(told, unbooked, "{has} there, {fee} taken");
    }
}

#[test]
fn a_fee_of_which_nothing_was_kept_back_is_booked() {
    fees_without_a_hold_are_booked();
}

/// Goal: while people look at one loan no further ones of that stake are asked for, and TRX may be brought; while they look at one change
/// of the stake its like waits, and what brings it back does not. Method: what signers refused, and then what people gave up.
fn what_people_look_at_is_not_piled_up() {
    let mut world = harbour();
    let plans = [waits_for_gas(&mut world, 1, 0), waits_for_gas(&mut world, 2, 1)];
    let lend = |index: u32| Stake::Lend(lent(index, SUN, Some(plans[index as usize])));
    let first = stake(&mut world, STATION, lend(0)).unwrap();
    step(&mut world, first, PayoutStep::Review { why: "the policy allows no staking".into() }).unwrap();
    assert_eq!(refusal(stake(&mut world, STATION, lend(1))), MoveFault::UnderWay);
    let one = Move {
        asset: TRX,
        coin: None,
        to: pool(TRON, 1),
        to_index: Some(1),
        on_chain: 9_000_000,
        amount: 9_000_000,
        plan: Some(plans[1]),
    };
    let claim = window(&world);
    let brought = prepare_move(&mut world, WorkerKind::Gas, TRON, STATION, Errand::TopUp(one), (claim, 500)).unwrap();
    assert_eq!(plan(&world, plans[1]).status, SweepStatus::GasPending { payout: brought });
    let decision = crate::PayoutDecision::Refund { proof: Death::NeverSigned };
    let review = crate::ReviewPayout { payout: first, from: Stage::Review, decision, reason: "looked".into() };
    world.run(crate::Body::ReviewPayout(Box::new(review))).unwrap();
    assert_eq!((loans(&world), plan(&world, plans[0]).status), (vec![], SweepStatus::Ready));
    wish(&mut world, TRON, Some(0), USDT, Wish::Gas { amount: 9_000_000 }).unwrap();
    stake(&mut world, STATION, lend(0)).unwrap();

    let freezing = stake(&mut world, STATION, Stake::Freeze { sun: TRX_SUN }).unwrap();
    assert_eq!(refusal(stake(&mut world, STATION, Stake::Collect)), MoveFault::UnderWay);
    step(&mut world, freezing, PayoutStep::Review { why: "more than an hour allows".into() }).unwrap();
    assert_eq!(refusal(stake(&mut world, STATION, Stake::Freeze { sun: TRX_SUN })), MoveFault::UnderWay);
    let collecting = stake(&mut world, STATION, Stake::Collect).unwrap();
    carry_out(&mut world, collecting, 300);
    let ending = stake(&mut world, STATION, Stake::Unfreeze { sun: TRX_SUN }).unwrap();
    carry_out(&mut world, ending, 300);
}

#[test]
fn people_look_at_one_loan_at_a_time() {
    what_people_look_at_is_not_piled_up();
}

/// Goal: a single note that comes late ends no loan. Method: notes an hour and more after the loan was doubted, and one between
/// them that says that it is there.
fn it_is_asked_for_several_times() {
    let mut world = harbour();
    let id = waits_for_gas(&mut world, 1, 0);
    let lending = stake(&mut world, STATION, Stake::Lend(lent(0, SUN, Some(id)))).unwrap();
    expire(&mut world, lending);
    world.now = world.now.plus(DOUBTED_MAX);
    for missed in 1..MISSED_MIN {
        note(&mut world, |_| false);
        assert_eq!(loans(&world).first().map(|loan| loan.missed), Some(missed));
    }
    note(&mut world, |_| true);
    assert_eq!((loans(&world)[0].stage, loans(&world)[0].missed), (LoanStage::Lent, 0));
    world.now = world.now.plus(UNSEEN_MAX);
    note(&mut world, |_| false);
    world.now = world.now.plus(DOUBTED_MAX);
    note(&mut world, |_| false);
    assert_eq!(loans(&world).len(), 1);
    note(&mut world, |_| false);
    assert_eq!(loans(&world), []);
}

#[test]
fn one_late_note_ends_no_loan() {
    it_is_asked_for_several_times();
}

/// Goal: the guards above are what does it. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_stakes_are_caught() {
    catches(Bug::FrozenForgotten, no_more_is_frozen_than_is_wanted);
    catches(Bug::StakeReplaced, stake_is_decided_anew);
    catches(Bug::SweptWhileReturning, nothing_is_sent_on_the_way_back);
    catches(Bug::FeeUnheld, fees_without_a_hold_are_booked);
    catches(Bug::LentInReview, what_people_look_at_is_not_piled_up);
    catches(Bug::LoanEndedAtOnce, it_is_asked_for_several_times);
}
