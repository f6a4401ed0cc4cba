//! Payouts: the ledger's side, turns, nonces, coins, replacement, stops, and what people decide.

use exchequer_ledger::{AccountKey, Holder};

use super::super::world::{HOUR, SECOND, configure};
use super::*;
use crate::planted::Bug;
use crate::withdrawals::{Conflict, Death, IN_FLIGHT_MAX, Place, SigningEntry, Standing, Waiting, WithdrawalPolicy};
use crate::{EmergencyResume, EmergencyStop, PayoutDecision, ReviewPayout, coin_owner};

const EVM: Network = Network::Ethereum;
const BITCOIN: Network = Network::Bitcoin;

fn queued(world: &mut World, network: Network, asset: Asset, name: &str, amount: u128) -> WithdrawalId {
    let (id, stage) = request(world, on(network, asset, order(ALICE, name, amount))).unwrap();
    assert_eq!(stage, Stage::Queued);
    id
}

fn gas(network: Network, asset: Asset) -> AccountKey {
    AccountKey { holder: Holder::GasExpense { network: network as u32 }, asset }
}

fn income(asset: Asset) -> AccountKey {
    AccountKey { holder: Holder::FeeIncome, asset }
}

/// Goal: the books of a withdrawal end as the chart of accounts' worked example says: 0.5 with a fee of 0.0001 out of a hot
/// wallet of 0.6, the network takes 0.00002. Method: the numbers of the example, step by step.
#[test]
fn the_worked_example() {
    let mut world = bare(1);
    refill(&mut world, BITCOIN, BTC, 60_000_000);
    let id = TransferId(77);
    world.run(Body::CreditSandbox(CreditSandbox { user: ALICE, asset: BTC, amount: COIN, id })).unwrap();
    let terms =
        Terms { deposit_min: 0, withdrawal_min: 1, withdrawal_max: COIN, withdrawal_step: 1, withdrawal_fee: 10_000 };
    let list = ListAsset { network: BITCOIN, asset: BTC, coin: None, decimals: 8, terms, reason: "test".into() };
    world.run(Body::ListAsset(Box::new(list))).unwrap();
    mint(&mut world, 1..=2);
    let one = queued(&mut world, BITCOIN, BTC, "a", 50_000_000);
    assert_eq!(money(&world, ALICE, BTC), (COIN, 50_010_000));
    let command = prepare(BITCOIN, &[one], Claim::Coins(vec![coin(1)]), 1);
    let preparation = Preparation { fee_max: 5_000, ..command.preparation };
    let payout = prepared(&mut world, PreparePayout { preparation, ..command }).unwrap();
    assert_eq!(balance(&world, hot(BITCOIN, BTC)), (60_000_000, 50_005_000), "nobody else is promised it");
    step(&mut world, payout, signed(1)).unwrap();
    assert_eq!(step(&mut world, payout, final_step(2_000)), Ok(Stage::Completed));
    assert_eq!(money(&world, ALICE, BTC), (49_990_000, 0));
    assert_eq!(balance(&world, hot(BITCOIN, BTC)), (9_998_000, 0));
    assert_eq!(balance(&world, income(BTC)), (10_000, 0));
    assert_eq!(balance(&world, gas(BITCOIN, BTC)), (2_000, 0));
    let explained = world.state.explain_withdrawal(&world.rows, one).unwrap().unwrap();
    let way: Vec<Stage> = explained.traces.iter().map(|trace| trace.to).collect();
    let (s, q) = (Stage::Screening, Stage::Queued);
    assert_eq!(way, [s, Stage::Approved, q, Stage::Preparing, Stage::Signed, Stage::Completed]);
    assert_eq!(explained.payout.unwrap().attempts[0].tx, Some(tx(1)));
    assert_eq!(world.state.signed_bytes(&world.rows, payout, 1).unwrap(), Some(vec![7; 9]));
}

/// Goal: what was mined without effect costs its fee and gives the money back.
#[test]
fn a_failed_receipt_gives_the_money_back() {
    let mut world = bank(1);
    let one = queued(&mut world, EVM, USDT, "a", 5 * DOLLAR);
    let payout = prepared(&mut world, prepare(EVM, &[one], Claim::Nonce(0), 1)).unwrap();
    step(&mut world, payout, signed(1)).unwrap();
    let reverted = PayoutStep::Reverted { block: block(3), fee: 700 };
    assert_eq!(confirmed(&mut world, payout, reverted), Ok(Stage::Reverted));
    assert_eq!(money(&world, ALICE, USDT), (1_000_000 * DOLLAR, 0));
    assert_eq!(balance(&world, gas(EVM, ETH)), (700, 0));
    assert_eq!(balance(&world, hot(EVM, ETH)), (1_000 * ETHER - 700, 0));
    assert_eq!(balance(&world, income(USDT)).0, 0);
}

/// Goal: a fee above what was kept back is booked all the same, up to twice what the transaction could cost; what is above that
/// is believed of nobody, whether the transaction paid or not.
#[test]
fn a_fee_beyond_is_booked_or_refused() {
    let mut world = bank(1);
    for (number, fee) in [(1, 1_500), (2, 2_000)] {
        let one = queued(&mut world, EVM, USDT, &format!("n{number}"), 5 * DOLLAR);
        let payout = prepared(&mut world, prepare(EVM, &[one], Claim::Nonce(number - 1), number)).unwrap();
        step(&mut world, payout, signed(number)).unwrap();
        let absurd = PayoutStep::Reverted { block: block(3), fee: u128::MAX };
        for wrong in [final_step(2_001), final_step(1 << 90), absurd] {
            assert_eq!(refusal(step(&mut world, payout, wrong)), Refusal::FeeCap { most: 2_000 });
        }
        step(&mut world, payout, final_step(fee)).unwrap();
    }
    assert_eq!(balance(&world, gas(EVM, ETH)).0, 1_500 + 2_000, "what was kept back, and as much again");
}

/// Goal: where the hot wallet is short, withdrawals wait in their turn with the reason, and go on in order after a refill; what
/// is smaller passes only where the policy says so. Spec 2.14 (d), 2.1.9.
#[test]
fn shortage_waits_in_order() {
    let mut world = bare(1);
    let id = TransferId(77);
    let amount = 1_000 * DOLLAR;
    world.run(Body::CreditSandbox(CreditSandbox { user: ALICE, asset: USDT, amount, id })).unwrap();
    refill(&mut world, EVM, ETH, ETHER);
    refill(&mut world, EVM, USDT, 10 * DOLLAR);
    let (big, small) =
        (queued(&mut world, EVM, USDT, "big", 50 * DOLLAR), queued(&mut world, EVM, USDT, "small", 5 * DOLLAR));
    let pay = |world: &mut World, one, number| {
        let nonce = world.state.withdrawals().lane(EVM, payer(EVM, 0)).map_or(0, |lane| lane.next);
        send(world, EVM, Body::PreparePayout(Box::new(prepare(EVM, &[one], Claim::Nonce(nonce), number))))
    };
    assert_eq!(pay(&mut world, big, 1), Ok(Done::PayoutWaits { gas: false }));
    let waits = |world: &World, one| match withdrawal(world, one).standing {
        Standing::Queued { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(waits(&world, big), Waiting::InsufficientHot);
    assert_eq!(refusal(pay(&mut world, small, 2)), Refusal::Turn);
    let next: Vec<WithdrawalId> = world.state.withdrawals().next(EVM, USDT).map(|one| one.id).collect();
    assert_eq!(next, [big, small]);
    let policy = WithdrawalPolicy { small_may_pass: true, ..world.state.withdrawals().policy().clone() };
    let set = crate::SetWithdrawalPolicy { policy, if_version: None, reason: "test".into() };
    world.run(Body::SetWithdrawalPolicy(Box::new(set))).unwrap();
    assert!(matches!(pay(&mut world, small, 2), Ok(Done::PayoutPrepared { .. })));
    refill(&mut world, EVM, USDT, 45 * DOLLAR);
    assert!(matches!(pay(&mut world, big, 3), Ok(Done::PayoutPrepared { .. })), "to the last unit");
    let short = world.events().into_iter().filter(|kind| matches!(kind, crate::EventKind::HotWalletShort { .. }));
    assert_eq!(short.count(), 1, "told once");
}

/// Goal: nonces are given one after the other, each to one payout, so many at a time; the chain's is a floor of a payer that was
/// never used; a gap is filled by what pays nobody. Failure mode 23.
#[test]
fn nonces_are_given_once() {
    let mut world = bank(1);
    let pay = |world: &mut World, nonce, number: u64, chain_nonce| {
        let one = queued(world, EVM, USDT, &format!("n{number}"), 5 * DOLLAR);
        let command = PreparePayout { chain_nonce, ..prepare(EVM, &[one], Claim::Nonce(nonce), number) };
        let outcome = prepared(world, command);
        if outcome.is_err() {
            step_withdrawal(world, Actor::User(ALICE), one, WithdrawalStep::Cancel).unwrap();
        }
        outcome
    };
    let first = pay(&mut world, 7, 1, 7).unwrap();
    for wrong in [0, 7, 9] {
        assert_eq!(refusal(pay(&mut world, wrong, 2 + wrong, 3)), Refusal::Nonce { next: 8 }, "{wrong}");
    }
    let second = pay(&mut world, 8, 20, 3).unwrap();
    let dead = |requeue| PayoutStep::Dead { proof: Death::NeverSigned, requeue };
    assert_eq!(step(&mut world, first, dead(true)), Ok(Stage::Queued));
    let lane = world.state.withdrawals().lane(EVM, payer(EVM, 0)).unwrap().clone();
    assert_eq!((lane.next, lane.gaps.iter().copied().collect::<Vec<_>>()), (9, vec![7]));
    let noop = |nonce| {
        let command = prepare(EVM, &[], Claim::Nonce(nonce), 30);
        let preparation = Preparation { purpose: Purpose::Noop, ..command.preparation };
        PreparePayout { preparation, ..command }
    };
    assert_eq!(refusal(prepared(&mut world, noop(8))), Refusal::Claim, "it is no gap");
    let fill = prepared(&mut world, noop(7)).unwrap();
    step(&mut world, fill, signed(30)).unwrap();
    assert_eq!(step(&mut world, fill, final_step(10)), Ok(Stage::Completed));
    step(&mut world, second, signed(20)).unwrap();
    assert_eq!(stage(&world, WithdrawalId(1)), Stage::Queued, "it waits for another payout");
    prepared(&mut world, prepare(EVM, &[WithdrawalId(1)], Claim::Nonce(9), 41)).unwrap();
    let mut number = 50;
    while world.state.withdrawals().unmined(EVM, payer(EVM, 0)) < IN_FLIGHT_MAX {
        let nonce = world.state.withdrawals().lane(EVM, payer(EVM, 0)).unwrap().next;
        pay(&mut world, nonce, number, 0).unwrap();
        number += 1;
    }
    let nonce = world.state.withdrawals().lane(EVM, payer(EVM, 0)).unwrap().next;
    assert_eq!(refusal(pay(&mut world, nonce, 200, 0)), Refusal::InFlight);
    let payers = [payer(EVM, 0), payer(EVM, 1)];
    assert_eq!(world.state.withdrawals().next_payer(EVM, &payers), Some(payer(EVM, 1)));
}

/// Goal: two builders never get the same coin, and a coin of a payout is free again when the payout is over and did not spend it.
/// Failure mode 26. Method: two payouts with one coin in one entry; then the first proved dead.
#[test]
fn a_coin_is_one_payouts() {
    let mut world = bank(1);
    mint(&mut world, 1..=4);
    let ones: Vec<WithdrawalId> =
        (0..2).map(|number| queued(&mut world, BITCOIN, BTC, &format!("n{number}"), 1_000)).collect();
    let commands: Vec<Command> = [(0, [1, 2]), (1, [2, 3])]
        .map(|(at, coins): (usize, [u8; 2])| {
            let claim = Claim::Coins(coins.map(coin).to_vec());
            let body = Body::PreparePayout(Box::new(prepare(BITCOIN, &[ones[at]], claim, at as u64)));
            by_worker(&mut world, BITCOIN, body)
        })
        .to_vec();
    let outcomes = world.entry(&commands);
    assert!(matches!(outcomes[0], crate::Outcome::Done(_)), "{outcomes:?}");
    let coin_refused = crate::Outcome::Rejected(Rejection::Withdrawals(Box::new(Refusal::Coin)));
    assert_eq!(outcomes[1], coin_refused);
    let reserved =
        |world: &World, payout| world.state.custody().coins().reserved_by(BITCOIN, coin_owner(payout)).count();
    assert_eq!(reserved(&world, PayoutId(1)), 2);
    step(&mut world, PayoutId(1), signed(1)).unwrap();
    let conflict = |number, confirmations| Conflict { coin: coin(number), by: tx(70), confirmations };
    for bad in [vec![conflict(1, 5)], vec![conflict(3, 6)], vec![Conflict { by: tx(1), ..conflict(1, 6) }]] {
        let dead = PayoutStep::Dead { proof: Death::Conflicts(bad), requeue: true };
        assert_eq!(refusal(step(&mut world, PayoutId(1), dead)), Refusal::NoProof { payout: PayoutId(1) });
    }
    let dead = PayoutStep::Dead { proof: Death::Conflicts(vec![conflict(1, 6)]), requeue: true };
    change_coin(&mut world, 1, |coin| spend(coin, tx(70), 15));
    assert_eq!(step(&mut world, PayoutId(1), dead), Ok(Stage::Queued));
    assert_eq!(reserved(&world, PayoutId(1)), 0);
}

/// Goal: one transaction pays up to a hundred withdrawals, each once, and one that is set aside is passed; spec 2.14 (e).
/// Method: 101 queued, the fourth set aside, 100 paid at once.
#[test]
fn a_batch_pays_a_hundred() {
    let mut world = bank(1);
    mint(&mut world, 1..=2);
    let ids: Vec<WithdrawalId> =
        (0..101).map(|number| queued(&mut world, BITCOIN, BTC, &format!("n{number}"), 1_000)).collect();
    let batch: Vec<WithdrawalId> = ids.iter().copied().filter(|id| *id != ids[3]).collect();
    let pay = |world: &mut World, ids: &[WithdrawalId], number| {
        prepared(world, prepare(BITCOIN, ids, Claim::Coins(vec![coin(1)]), number))
    };
    assert_eq!(refusal(pay(&mut world, &ids, 1)), Refusal::Turn, "one too many");
    assert_eq!(refusal(pay(&mut world, &batch, 1)), Refusal::Turn, "one was passed");
    assert_eq!(refusal(pay(&mut world, &[ids[0], ids[0]], 1)), Refusal::Turn, "one twice");
    let aside = WithdrawalStep::Wait(Waiting::SetAside { why: "its address is no output".into() });
    step_withdrawal(&mut world, worker(BITCOIN), ids[3], aside).unwrap();
    let payout = pay(&mut world, &batch, 1).unwrap();
    let entries = world.state.signing_entries(&world.rows, Place(0), 10).unwrap();
    let decided = |entry: &SigningEntry| matches!(entry, SigningEntry::Decided(record) if record.pays.len() == 100);
    assert!(entries.len() == 1 && decided(&entries[0].entry), "one transaction for all");
    step(&mut world, payout, signed(1)).unwrap();
    assert_eq!(step(&mut world, payout, final_step(300)), Ok(Stage::Completed));
    assert!(batch.iter().all(|id| stage(&world, *id) == Stage::Completed));
    assert_eq!(stage(&world, ids[3]), Stage::Queued);
    assert_eq!(money(&world, ALICE, BTC), (100 * COIN - 100 * 2_000, 2_000));
    let page = world.state.withdrawals_of(&world.rows, ALICE, Some(ids[100]), 3).unwrap();
    assert_eq!(page.iter().map(|one| one.id).collect::<Vec<_>>(), [ids[99], ids[98], ids[97]]);
}

/// Goal: a replacement excludes every earlier attempt by consensus, or is refused; on TRON it takes proof that the time of the
/// earlier one is over. Failure modes 22 and 24: what was mined in the end completes, whichever attempt it was.
#[test]
fn replacements_exclude() {
    let mut world = bank(1);
    mint(&mut world, 1..=6);
    let replace = |claim, number, proof| {
        let preparation = Box::new(Preparation { fee_max: 2_000, ..preparation(claim, number) });
        PayoutStep::Replace { preparation, proof }
    };
    let coins = |numbers: &[u8]| Claim::Coins(numbers.iter().copied().map(coin).collect());
    let one = queued(&mut world, BITCOIN, BTC, "b", 1_000);
    let payout = prepared(&mut world, prepare(BITCOIN, &[one], coins(&[1, 2]), 1)).unwrap();
    let stuck = |world: &mut World, payout, number| {
        step(world, payout, signed(number)).unwrap();
        step(world, payout, PayoutStep::Stuck).unwrap();
    };
    stuck(&mut world, payout, 1);
    assert_eq!(refusal(step(&mut world, payout, replace(coins(&[3]), 2, None))), Refusal::Claim);
    assert_eq!(step(&mut world, payout, replace(coins(&[2, 3]), 2, None)), Ok(Stage::Replacing));
    stuck(&mut world, payout, 2);
    let one_only = step(&mut world, payout, replace(coins(&[3, 4]), 3, None));
    assert_eq!(refusal(one_only), Refusal::Claim, "it shares nothing with the first");
    assert_eq!(step(&mut world, payout, replace(coins(&[1, 3]), 3, None)), Ok(Stage::Replacing));
    let first = StepPayout { network: BITCOIN, payout, from: Stage::Replacing, attempt: 1, step: final_step(900) };
    for number in [1, 2] {
        change_coin(&mut world, number, |coin| spend(coin, tx(1), 9));
    }
    assert_eq!(stepped(&mut world, first), Ok(Stage::Completed));
    let coins_of = |world: &World| world.state.custody().coins().reserved_by(BITCOIN, coin_owner(payout)).count();
    assert_eq!(coins_of(&world), 0, "a block has two, and the third is free");
    let tron = Network::Tron;
    let two = queued(&mut world, tron, USDT, "t", 5 * DOLLAR);
    let window = |world: &World, seconds| Claim::Window {
        reference: block(1),
        expires: Timestamp(world.now.0 + seconds * SECOND),
    };
    let expires = world.now.0 + 60 * SECOND;
    let claim = window(&world, 60);
    let payout = prepared(&mut world, prepare(tron, &[two], claim, 1)).unwrap();
    stuck(&mut world, payout, 11);
    let expired = |time, absent_at: &[u8]| {
        let (at, absent) = (block(9), vec![tx(11)]);
        Some(Death::Expired { at, time: Timestamp(time), absent_at: absent_at.to_vec(), absent })
    };
    let claim = window(&world, 300);
    assert_eq!(refusal(step(&mut world, payout, replace(claim.clone(), 12, None))), Refusal::Claim);
    for bad in [expired(expires + 60 * SECOND, &[0, 1]), expired(expires + HOUR, &[0, 0])] {
        let refused = refusal(step(&mut world, payout, replace(claim.clone(), 12, bad)));
        assert_eq!(refused, Refusal::NoProof { payout });
    }
    let good = expired(expires + 60 * SECOND + 1, &[0, 1]);
    world.now = Timestamp(expires + 60 * SECOND + 1);
    let unconfirmed = refusal(step(&mut world, payout, replace(claim, 12, good.clone())));
    assert_eq!(unconfirmed, Refusal::Unconfirmed { payout }, "on a worker's word alone nothing is paid once more");
    let dead = PayoutStep::Dead { proof: good.unwrap(), requeue: true };
    assert_eq!(confirmed(&mut world, payout, dead), Ok(Stage::Queued));
}

/// Goal: while the exchange is stopped or the network closed nothing is decided or signed, and what may be on its way is watched
/// to its end; afterwards all goes on. Spec 2.14 (f), (g). Method: a stop, and a switch, in each stage.
#[test]
fn stops_hold_what_is_not_signed() {
    type Stop = fn(&mut World, bool);
    let emergency: Stop = |world, on| {
        let reason = "test".to_owned();
        let body = match on {
            true => Body::EmergencyStop(EmergencyStop { reason }),
            false => Body::EmergencyResume(EmergencyResume { reason }),
        };
        world.run(body).unwrap();
    };
    let switch: Stop = |world, on| {
        world.run(configure(Network::Ethereum, |command| command.withdrawals = Some(!on))).unwrap();
    };
    for stop in [emergency, switch] {
        let mut world = bank(1);
        let ids: Vec<WithdrawalId> =
            (0..3).map(|number| queued(&mut world, EVM, USDT, &format!("n{number}"), 5 * DOLLAR)).collect();
        let deciding = prepared(&mut world, prepare(EVM, &[ids[0]], Claim::Nonce(0), 1)).unwrap();
        let sent = prepared(&mut world, prepare(EVM, &[ids[1]], Claim::Nonce(1), 2)).unwrap();
        step(&mut world, sent, signed(2)).unwrap();
        stop(&mut world, true);
        assert!(step(&mut world, deciding, signed(1)).is_err());
        assert!(prepared(&mut world, prepare(EVM, &[ids[2]], Claim::Nonce(2), 3)).is_err());
        let payout = world.state.withdrawals().payout(sent).unwrap().clone();
        assert!(world.state.may_send(&payout).is_err(), "what was not sent stays");
        step(&mut world, sent, PayoutStep::Seen { block: block(4) }).unwrap();
        assert_eq!(step(&mut world, sent, final_step(9)), Ok(Stage::Completed));
        stop(&mut world, false);
        step(&mut world, deciding, signed(1)).unwrap();
        let payout = world.state.withdrawals().payout(deciding).unwrap().clone();
        assert_eq!(world.state.may_send(&payout), Ok(()));
        assert!(prepared(&mut world, prepare(EVM, &[ids[2]], Claim::Nonce(2), 3)).is_ok(), "and nothing was lost");
    }
}

/// Goal: a person lets the same bytes be sent again, has more paid to the network, has a payment's place taken, says that it was
/// paid elsewhere, or gives the money back; the last two only with proof. Method: each decision on a payout in review.
#[test]
fn people_decide() {
    let mut world = bank(1);
    let review = |world: &mut World, payout, decision| {
        let from = world.state.withdrawals().payout(payout).unwrap().stage();
        let review = ReviewPayout { payout, from, decision, reason: "looked".into() };
        match world.run(Body::ReviewPayout(Box::new(review)))? {
            Done::PayoutMoved { stage } => Ok(stage),
            other => panic!("{other:?}"),
        }
    };
    let in_review = |world: &mut World, number: u64| {
        let one = queued(world, EVM, USDT, &format!("n{number}"), 5 * DOLLAR);
        let payout = prepared(world, prepare(EVM, &[one], Claim::Nonce(number), number)).unwrap();
        step(world, payout, signed(number)).unwrap();
        step(world, payout, PayoutStep::Review { why: "look".into() }).unwrap();
        (one, payout)
    };
    let dead = |number| Death::NonceUsed { at: block(9), next: 100, absent: vec![tx(number)] };
    let (_, payout) = in_review(&mut world, 0);
    assert_eq!(review(&mut world, payout, PayoutDecision::Resend), Ok(Stage::Broadcast));
    assert_eq!(refusal(review(&mut world, payout, PayoutDecision::Bump)), Refusal::Moved { stage: Stage::Broadcast });
    let (one, payout) = in_review(&mut world, 1);
    assert_eq!(review(&mut world, payout, PayoutDecision::CancelByNoop), Ok(Stage::Stuck));
    let noop = Preparation { purpose: Purpose::Noop, fee_max: 2_000, ..preparation(Claim::Nonce(1), 101) };
    step(&mut world, payout, PayoutStep::Replace { preparation: Box::new(noop), proof: None }).unwrap();
    step(&mut world, payout, signed(101)).unwrap();
    assert_eq!(confirmed(&mut world, payout, final_step(50)), Ok(Stage::Failed));
    assert_eq!(stage(&world, one), Stage::Failed);
    let (one, payout) = in_review(&mut world, 2);
    let external = |proof| PayoutDecision::MarkExternal { tx: tx(99), block: block(8), fee: 11, proof };
    assert_eq!(refusal(review(&mut world, payout, external(Death::NeverSigned))), Refusal::NoProof { payout });
    let dear = PayoutDecision::MarkExternal { tx: tx(99), block: block(8), fee: 2_001, proof: dead(2) };
    assert_eq!(refusal(review(&mut world, payout, dear)), Refusal::FeeCap { most: 2_000 });
    assert_eq!(review(&mut world, payout, external(dead(2))), Ok(Stage::Completed));
    assert_eq!(stage(&world, one), Stage::Completed);
    let (one, payout) = in_review(&mut world, 3);
    let refund = |proof| PayoutDecision::Refund { proof };
    assert_eq!(refusal(review(&mut world, payout, refund(Death::NeverSigned))), Refusal::NoProof { payout });
    assert_eq!(review(&mut world, payout, refund(dead(3))), Ok(Stage::Failed));
    assert_eq!(stage(&world, one), Stage::Failed);
    let held = 5 * DOLLAR + FEE;
    assert_eq!(money(&world, ALICE, USDT), (1_000_000 * DOLLAR - held, held), "one is paid, one on its way");
}

/// Goal: nobody has more paid for what waits for a lower nonce of the same address: one that is not signed, or missing. Method: the
/// second of two payouts, while the first one waits, is a gap, and is filled.
#[test]
fn what_waits_for_another_is_not_paid_more_for() {
    let mut world = bank(1);
    let [one, two] = [0, 1].map(|nonce| {
        let asked = queued(&mut world, EVM, USDT, &format!("n{nonce}"), 5 * DOLLAR);
        prepared(&mut world, prepare(EVM, &[asked], Claim::Nonce(nonce), nonce + 1)).unwrap()
    });
    step(&mut world, two, signed(2)).unwrap();
    step(&mut world, two, PayoutStep::Stuck).unwrap();
    let bump = |world: &mut World| {
        let (decision, reason) = (PayoutDecision::Bump, "looked".to_owned());
        let review = ReviewPayout { payout: two, from: Stage::Stuck, decision, reason };
        world.run(Body::ReviewPayout(Box::new(review)))
    };
    assert_eq!(refusal(bump(&mut world)), Refusal::Behind { nonce: 0, payout: Some(one) });
    step(&mut world, one, PayoutStep::Dead { proof: Death::NeverSigned, requeue: false }).unwrap();
    assert_eq!(refusal(bump(&mut world)), Refusal::Behind { nonce: 0, payout: None });
    let noop = Preparation { purpose: Purpose::Noop, ..preparation(Claim::Nonce(0), 9) };
    let fill = PreparePayout { preparation: noop, ..prepare(EVM, &[], Claim::Nonce(0), 9) };
    let fill = prepared(&mut world, fill).unwrap();
    step(&mut world, fill, signed(9)).unwrap();
    assert_eq!(bump(&mut world), Ok(Done::PayoutMoved { stage: Stage::Stuck }));
}

/// Goal: of its signer the leading node alone says something, under its epoch. Method: both steps by the worker, by another node, by
/// the leader of before, and without an epoch.
#[test]
fn only_the_leading_node_says_what_is_signed() {
    let mut world = bank(1);
    let one = queued(&mut world, EVM, USDT, "a", 5 * DOLLAR);
    let payout = prepared(&mut world, prepare(EVM, &[one], Claim::Nonce(0), 1)).unwrap();
    let never = PayoutStep::Dead { proof: Death::NeverSigned, requeue: false };
    for said in [signed(1), never] {
        let (network, from, attempt) = (EVM, Stage::Preparing, 1);
        let body = || Body::StepPayout(Box::new(StepPayout { network, payout, from, attempt, step: said.clone() }));
        let epoch = world.state.epoch().map(|epoch| epoch.index);
        for actor in [worker(EVM), Actor::Operator] {
            let command = Command { actor, epoch, ..world.command(body()) };
            assert_eq!(refusal(world.send(&command)), Refusal::NotTheNode);
        }
        let current = epoch.unwrap();
        for epoch in [None, Some(current - 1)] {
            let command = Command { actor: LEADER, epoch, ..world.command(body()) };
            assert_eq!(world.send(&command), Err(Rejection::StaleEpoch { current }));
        }
    }
    assert_eq!(step(&mut world, payout, signed(1)), Ok(Stage::Signed));
}

/// Goal: only the network's own worker decides and tells, under the present leadership. Failure mode 21. Method: others, and the
/// same worker under an earlier leadership.
#[test]
fn only_the_worker_of_the_leadership() {
    let mut world = bank(1);
    let one = queued(&mut world, EVM, USDT, "a", 5 * DOLLAR);
    let body = || Body::PreparePayout(Box::new(prepare(EVM, &[one], Claim::Nonce(0), 1)));
    assert_eq!(refusal(send(&mut world, Network::Tron, body())), Refusal::NotTheWorker);
    assert_eq!(refusal(world.run(body())), Refusal::NotTheWorker);
    let stale = by_worker(&mut world, EVM, body());
    world.lead();
    let current = world.state.epoch().unwrap().index;
    assert_eq!(world.send(&stale), Err(Rejection::StaleEpoch { current }));
    assert!(send(&mut world, EVM, body()).is_ok());
}

/// Goal: the guards of payouts are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_payouts_are_caught() {
    catches(Bug::AnyWorkerSigns, only_the_leading_node_says_what_is_signed);
    catches(Bug::NonceGivenTwice, nonces_are_given_once);
    catches(Bug::CoinGivenTwice, a_coin_is_one_payouts);
    catches(Bug::ReplacementNotExclusive, replacements_exclude);
    catches(Bug::TurnIgnored, shortage_waits_in_order);
}
