//! Energy that is lent (TRON): every loan is taken back, once, whatever comes to nothing in between.

use exchequer_domain::{Timestamp, WorkerKind};
use exchequer_ledger::Store;

use super::super::sweeps::{
    self, GAS_TRON, TRON, arrive, books, carry_out, of, pay, plan, pool, prepare_move, refusal, send, step, sweep, wish,
};
use super::super::withdrawals::{TRX, USDT, block, catches, price, tx};
use super::super::world::{DAY, World, set};
use super::loan_lives::lives;
use crate::gas::{DOUBTED_MAX, LOANS_MAX, Loan, LoanStage, MISSED_MIN, UNSEEN_MAX};
use crate::planted::Bug;
use crate::settings::Value;
use crate::sweeps::{SweepId, SweepStatus};
use crate::withdrawals::{
    Claim, Death, Errand, Lent, MoveFault, Payer, PayoutId, Refusal, STAKE_SUN_MIN, Stage, Stake,
};
use crate::{Body, Done, EventKind, NoteGas, PayoutDecision, PayoutStep, PreparePayout, Rejection, ReviewPayout, Wish};

pub(super) const STATION: Payer = Payer { wallet: GAS_TRON, index: 0 };
pub(super) const SUN: u64 = 700 * STAKE_SUN_MIN;

/// A harbour where energy is lent.
pub(super) fn harbour() -> World {
    let mut world = sweeps::harbour();
    world.run(set("gas.lend@network:tron", Value::Bool(true), None)).unwrap();
    world.run(set("gas.stake_trx@network:tron", Value::Integer(700), None)).unwrap();
    world
}

pub(super) fn window(world: &World) -> Claim {
    Claim::Window { reference: block(1), expires: Timestamp(world.now.0 + 60_000_000) }
}

pub(super) fn lent(index: u32, sun: u64, plan: Option<SweepId>) -> Lent {
    Lent { to: pool(TRON, index), to_index: index, sun, plan }
}

pub(super) fn stake(world: &mut World, payer: Payer, stake: Stake) -> Result<PayoutId, Rejection> {
    let claim = window(world);
    prepare_move(world, WorkerKind::Gas, TRON, payer, Errand::Stake(stake), (claim, 500))
}

pub(super) fn loans(world: &World) -> Vec<Loan> {
    world.state.gas().book(TRON).map_or(Vec::new(), |book| book.loans().to_vec())
}

/// Tokens on an address, and the plan to sweep them, which lacks gas.
pub(super) fn waits_for_gas(world: &mut World, number: u64, index: u32) -> SweepId {
    arrive(world, TRON, vec![pay(TRON, number, index, USDT, 700)]);
    wish(world, TRON, Some(index), USDT, Wish::Gas { amount: 9_000_000 }).unwrap()
}

/// It is given up before it was signed, by a person, as nobody else may say so.
pub(super) fn give_up(world: &mut World, payout: PayoutId) {
    step(world, payout, PayoutStep::Review { why: "look".into() }).unwrap();
    let decision = PayoutDecision::Refund { proof: Death::NeverSigned };
    let review = ReviewPayout { payout, from: Stage::Review, decision, reason: "looked".into() };
    assert_eq!(world.run(Body::ReviewPayout(Box::new(review))), Ok(Done::PayoutMoved { stage: Stage::Failed }));
}

/// It was signed and sent, and its time is over without it, as its worker proves.
pub(super) fn expire(world: &mut World, payout: PayoutId) {
    let name = tx(6_000_000 + payout.0);
    step(world, payout, PayoutStep::Signed { tx: name, raw: vec![1], record: vec![2] }).unwrap();
    step(world, payout, PayoutStep::Broadcast { answers: vec![] }).unwrap();
    world.now = Timestamp(world.now.0 + 200_000_000);
    let at = block(world.state.deposits().chains().get(TRON).settled);
    let proof = Death::Expired { at, time: world.now, absent_at: vec![0, 1], absent: vec![name] };
    assert_eq!(step(world, payout, PayoutStep::Dead { proof, requeue: true }), Ok(Stage::Failed));
}

/// The gas worker tells of every loan that can be judged whether the network has it.
pub(super) fn note(world: &mut World, has: impl Fn(u32) -> bool) {
    let judged = |loan: &Loan| matches!(loan.stage, LoanStage::Lent | LoanStage::Doubted);
    let seen = loans(world).into_iter().filter(judged).map(|loan| (loan.to, has(loan.to_index))).collect();
    tell(world, seen, Vec::new()).unwrap();
}

fn tell(
    world: &mut World,
    loans: Vec<(exchequer_domain::ChainAddress, bool)>,
    strays: Vec<(Payer, u64)>,
) -> Result<Done, Rejection> {
    let stations = vec![(GAS_TRON, 0, 1_000_000_000)];
    send(world, WorkerKind::Gas, TRON, Body::NoteGas(NoteGas { network: TRON, fee: 7, stations, loans, strays }))
}

/// Goal: a sweep goes by energy that is lent for it, with no TRX on its address at all; there is one loan to an address at a time,
/// nothing is taken back while what needs it is on its way, and what is taken back is just what was lent. Method: one sweep from
/// its plan to the return of its loan, and at every step what does not fit there.
fn a_loan_is_taken_back() {
    let mut world = harbour();
    let id = waits_for_gas(&mut world, 1, 0);
    let lend = |plan| Stake::Lend(lent(0, SUN, plan));
    let back = || Stake::TakeBack(lent(0, SUN, None));
    assert_eq!(refusal(stake(&mut world, STATION, back())), MoveFault::Loan);
    assert_eq!(refusal(stake(&mut world, STATION, lend(None))), MoveFault::Plan);
    let little = Stake::Lend(lent(0, STAKE_SUN_MIN - 1, Some(id)));
    assert_eq!(refusal(stake(&mut world, STATION, little)), MoveFault::Amount);
    let stranger = Lent { to_index: 1, ..lent(0, SUN, Some(id)) };
    assert_eq!(refusal(stake(&mut world, STATION, Stake::Lend(stranger))), MoveFault::TopUpDestination);
    assert_eq!(refusal(stake(&mut world, STATION, Stake::Lend(lent(1, SUN, Some(id))))), MoveFault::Plan);
    let hot = Payer { wallet: crate::custody::WalletId(3), index: 0 };
    let by_hot = stake(&mut world, hot, lend(Some(id)));
    assert_eq!(
        by_hot,
        Err(Rejection::Withdrawals(Box::new(Refusal::Wallet))),
        "what pays withdrawals is not locked up"
    );

    let lending = stake(&mut world, STATION, lend(Some(id))).unwrap();
    assert_eq!(plan(&world, id).status, SweepStatus::GasPending { payout: lending });
    assert_eq!(loans(&world)[0].stage, LoanStage::Lending { payout: lending });
    assert_eq!(refusal(stake(&mut world, STATION, lend(Some(id)))), MoveFault::UnderWay);
    assert_eq!(refusal(stake(&mut world, STATION, back())), MoveFault::Loan, "it is not lent yet");
    assert_eq!(carry_out(&mut world, lending, 300), Stage::Completed);
    assert_eq!((plan(&world, id).status, loans(&world)[0].stage), (SweepStatus::Ready, LoanStage::Lent));
    assert_eq!(refusal(stake(&mut world, STATION, Stake::TakeBack(lent(0, SUN - 1, None)))), MoveFault::Loan);

    assert_eq!(books(&world, TRON, Store::Deposit, TRX), 0);
    let claim = window(&world);
    let sweeping = sweep(&mut world, TRON, 0, of(USDT, "hottron0", 700, Some(id)), claim).unwrap();
    assert_eq!(world.state.withdrawals().payout(sweeping).unwrap().gas, None, "there is nothing to keep back");
    assert_eq!(refusal(stake(&mut world, STATION, back())), MoveFault::UnderWay);
    assert_eq!(carry_out(&mut world, sweeping, 0), Stage::Completed);
    assert_eq!(plan(&world, id).status, SweepStatus::Done { payout: sweeping });

    let returning = stake(&mut world, STATION, back()).unwrap();
    assert_eq!(loans(&world)[0].stage, LoanStage::Returning { payout: returning });
    assert_eq!(refusal(stake(&mut world, STATION, back())), MoveFault::Loan, "once");
    give_up(&mut world, returning);
    assert_eq!(loans(&world)[0].stage, LoanStage::Lent, "it is lent as before");
    let returning = stake(&mut world, STATION, back()).unwrap();
    assert_eq!(carry_out(&mut world, returning, 300), Stage::Completed);
    assert_eq!(loans(&world), []);
    assert_eq!(refusal(stake(&mut world, STATION, back())), MoveFault::Loan);
}

#[test]
fn what_is_lent_is_taken_back() {
    a_loan_is_taken_back();
}

/// Goal: without a loan a sweep needs what it takes; no budget and no price keep a loan from being taken back; a stake is changed by
/// one payout at a time. Method: the same sweep without a loan; a loan whose return comes when there is no budget left and prices
/// are old; two payouts that freeze.
#[test]
fn nothing_keeps_a_loan_out() {
    let mut world = harbour();
    let id = waits_for_gas(&mut world, 1, 0);
    wish(&mut world, TRON, Some(0), USDT, Wish::Sweep).unwrap();
    let claim = window(&world);
    let dry = sweep(&mut world, TRON, 0, of(USDT, "hottron0", 700, Some(id)), claim);
    assert_eq!(dry, Err(Rejection::Withdrawals(Box::new(Refusal::HotShort { gas: true }))));
    wish(&mut world, TRON, Some(0), USDT, Wish::Gas { amount: 9_000_000 }).unwrap();
    let lending = stake(&mut world, STATION, Stake::Lend(lent(0, SUN, Some(id)))).unwrap();
    carry_out(&mut world, lending, 300);
    stake(&mut world, STATION, Stake::Freeze { sun: SUN }).unwrap();
    let under_way = stake(&mut world, STATION, Stake::Unfreeze { sun: SUN });
    assert_eq!(refusal(under_way), MoveFault::UnderWay);
    for value in [250, 125, 63, 32, 16, 8, 4, 2, 1, 0] {
        world.run(set("gas.budget_usd_day@network:tron", Value::Integer(value), None)).unwrap();
    }
    let frozen = world.state.withdrawals().moves(TRON).count();
    assert_eq!(frozen, 0, "what is done with stake moves nothing");
    world.now = Timestamp(world.now.0 + 2 * DAY);
    let returning = stake(&mut world, STATION, Stake::TakeBack(lent(0, SUN, None))).unwrap();
    carry_out(&mut world, returning, 300);
    assert_eq!(loans(&world), []);
    price(&mut world);
    let freezing = PayoutId(2);
    carry_out(&mut world, freezing, 300);
    world.run(set("gas.stake_trx@network:tron", Value::Integer(1_400), None)).unwrap();
    let Err(Rejection::Gas(_)) = stake(&mut world, STATION, Stake::Freeze { sun: SUN }) else { panic!("no budget") };
    let ending = stake(&mut world, STATION, Stake::Unfreeze { sun: SUN }).unwrap();
    carry_out(&mut world, ending, 300);
    let collecting = stake(&mut world, STATION, Stake::Collect).unwrap();
    carry_out(&mut world, collecting, 300);
}

/// Goal: what was signed, sent and came to nothing may be lent all the same: the network is asked, and what it has is taken back like
/// any loan; what it never has for an hour is over. Method: a loan that expires, once with the network having it, once without;
/// meanwhile nothing more is lent to its address.
fn a_doubted_loan_is_asked_for() {
    for has in [true, false] {
        let mut world = harbour();
        let id = waits_for_gas(&mut world, 1, 0);
        let lending = stake(&mut world, STATION, Stake::Lend(lent(0, SUN, Some(id)))).unwrap();
        expire(&mut world, lending);
        assert_eq!((loans(&world)[0].stage, plan(&world, id).status), (LoanStage::Doubted, SweepStatus::Ready));
        wish(&mut world, TRON, Some(0), USDT, Wish::Gas { amount: 9_000_000 }).unwrap();
        price(&mut world);
        let again = stake(&mut world, STATION, Stake::Lend(lent(0, SUN, Some(id))));
        assert_eq!(refusal(again), MoveFault::UnderWay);
        let back = || Stake::TakeBack(lent(0, SUN, None));
        assert_eq!(refusal(stake(&mut world, STATION, back())), MoveFault::Loan, "nobody knows whether it is lent");
        if has {
            note(&mut world, |_| true);
            assert_eq!(loans(&world)[0].stage, LoanStage::Lent);
            let returning = stake(&mut world, STATION, back()).unwrap();
            assert_eq!(carry_out(&mut world, returning, 300), Stage::Completed);
            assert_eq!(loans(&world), []);
            continue;
        }
        world.now = world.now.plus(DOUBTED_MAX - std::time::Duration::from_secs(1));
        for _ in 0..MISSED_MIN {
            note(&mut world, |_| false);
        }
        assert_eq!(loans(&world).len(), 1);
        world.now = world.now.plus(std::time::Duration::from_secs(1));
        note(&mut world, |_| false);
        assert_eq!(loans(&world), []);
        assert!(!told_missing(&world), "nobody took anything");
    }
}

fn told_missing(world: &World) -> bool {
    world.events().iter().any(|kind| matches!(kind, EventKind::LoanDoubted { network: TRON, sun: SUN, .. }))
}

#[test]
fn what_may_be_lent_the_network_is_asked() {
    a_doubted_loan_is_asked_for();
}

/// Goal: a loan that somebody else took back is missed, told once, and counted on no more; it is lent again where the network has it
/// after all. What is so new that nodes may not know of it is not missed, nor what is on its way back. Method: readings around
/// the bounds.
fn a_missing_loan_is_noticed() {
    let mut world = harbour();
    let id = waits_for_gas(&mut world, 1, 0);
    let lending = stake(&mut world, STATION, Stake::Lend(lent(0, SUN, Some(id)))).unwrap();
    carry_out(&mut world, lending, 300);
    let since = loans(&world)[0].since;
    world.now = Timestamp(since.plus(UNSEEN_MAX).0 - 1);
    note(&mut world, |_| false);
    assert_eq!(loans(&world)[0].stage, LoanStage::Lent);
    world.now = since.plus(UNSEEN_MAX);
    note(&mut world, |_| false);
    assert_eq!((loans(&world)[0].stage, told_missing(&world)), (LoanStage::Doubted, true));
    let claim = window(&world);
    price(&mut world);
    let dry = sweep(&mut world, TRON, 0, of(USDT, "hottron0", 700, Some(id)), claim);
    assert_eq!(dry, Err(Rejection::Withdrawals(Box::new(Refusal::HotShort { gas: true }))));
    note(&mut world, |_| true);
    assert_eq!(loans(&world)[0].stage, LoanStage::Lent);
    let returning = stake(&mut world, STATION, Stake::TakeBack(lent(0, SUN, None))).unwrap();
    world.now = world.now.plus(UNSEEN_MAX);
    tell(&mut world, vec![(pool(TRON, 0), false)], Vec::new()).unwrap();
    assert_eq!(loans(&world)[0].stage, LoanStage::Returning { payout: returning });
    carry_out(&mut world, returning, 300);
    assert_eq!(loans(&world), []);
}

#[test]
fn what_others_take_back_is_missed() {
    a_missing_loan_is_noticed();
}

/// Goal: what others lend of the stake is told when it changes and when it is over; only of stations that are told of, each once, and of
/// no more loans than there may be. Method: the same amount twice, another, none; each bound.
#[test]
fn what_others_lend_is_told() {
    let mut world = harbour();
    let strays = |world: &World| {
        let of = world.events().into_iter().filter_map(|kind| match kind {
            EventKind::StakeStrays { network: TRON, payer: STATION, sun, .. } => Some(sun),
            _ => None,
        });
        of.collect::<Vec<u64>>()
    };
    for sun in [0, 5, 5, 7, 0, 0] {
        tell(&mut world, Vec::new(), vec![(STATION, sun)]).unwrap();
        assert_eq!(world.state.gas().book(TRON).unwrap().stray(STATION), sun);
    }
    assert_eq!(strays(&world), [5, 7, 0]);
    let nobody = Payer { index: 1, ..STATION };
    let many = vec![(pool(TRON, 0), true); LOANS_MAX + 1];
    for (loans, strays) in [(vec![], vec![(nobody, 1)]), (vec![], vec![(STATION, 1), (STATION, 2)]), (many, vec![])] {
        assert_eq!(tell(&mut world, loans, strays), Err(Rejection::Gas(crate::gas::Refusal::Loans)));
    }
}

/// Goal: the guards of loans are what keeps them in pairs. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_loans_are_caught() {
    catches(Bug::LoanForgotten, || lives(0..3));
    catches(Bug::TakenBackEarly, a_loan_is_taken_back);
    catches(Bug::LoanNotAsked, a_doubted_loan_is_asked_for);
    catches(Bug::LoanNotAsked, || lives(0..3));
    catches(Bug::LoanNotMissed, a_missing_loan_is_noticed);
    catches(Bug::LentUnasked, settings_decide);
}

/// Goal: by default nothing is lent and nothing is staked; what is staked at once is what the setting says at most; what is lent already
/// comes back whatever settings say. Method: each around its setting.
fn settings_decide() {
    let mut world = sweeps::harbour();
    let id = waits_for_gas(&mut world, 1, 0);
    let freeze = |sun| Stake::Freeze { sun };
    let lend = || Stake::Lend(lent(0, SUN, Some(id)));
    assert_eq!(refusal(stake(&mut world, STATION, freeze(STAKE_SUN_MIN))), MoveFault::Off);
    assert_eq!(refusal(stake(&mut world, STATION, lend())), MoveFault::Off);
    world.run(set("gas.stake_trx@network:tron", Value::Integer(700), None)).unwrap();
    assert_eq!(refusal(stake(&mut world, STATION, freeze(SUN + 1))), MoveFault::Off);
    let freezing = stake(&mut world, STATION, freeze(SUN)).unwrap();
    carry_out(&mut world, freezing, 300);
    assert_eq!(refusal(stake(&mut world, STATION, lend())), MoveFault::Off);
    world.run(set("gas.lend@network:tron", Value::Bool(true), None)).unwrap();
    let lending = stake(&mut world, STATION, lend()).unwrap();
    carry_out(&mut world, lending, 300);
    world.run(set("gas.lend@network:tron", Value::Bool(false), None)).unwrap();
    world.run(set("gas.stake_trx@network:tron", Value::Integer(0), None)).unwrap();
    for back in [Stake::TakeBack(lent(0, SUN, None)), Stake::Unfreeze { sun: SUN }, Stake::Collect] {
        let payout = stake(&mut world, STATION, back).unwrap();
        carry_out(&mut world, payout, 300);
    }
    assert_eq!(loans(&world), []);
}

#[test]
fn lending_is_off_unless_it_is_wanted() {
    settings_decide();
}

/// Goal: only the gas worker does anything with stake. Method: the worker of sweeps and that of withdrawals.
#[test]
fn others_do_nothing_with_stake() {
    let mut world = harbour();
    for kind in [WorkerKind::Consolidation, WorkerKind::Withdrawal] {
        let preparation = crate::Preparation { fee_max: 500, ..super::preparation(window(&world), 1) };
        let errand = Errand::Stake(Stake::Freeze { sun: SUN });
        let command = PreparePayout {
            network: TRON,
            payer: STATION,
            errand,
            withdrawals: vec![],
            preparation,
            chain_nonce: 0,
            settled_nonce: 0,
        };
        let refused = send(&mut world, kind, TRON, Body::PreparePayout(Box::new(command)));
        assert_eq!(refused, Err(Rejection::Withdrawals(Box::new(Refusal::NotTheWorker))));
    }
}
