//! Payouts that are built on change of another one whose block was taken back.

use super::*;
use crate::custody::RestsOn;
use crate::deposits::ScannedBlock;
use crate::deposits::hash_key;
use crate::planted::Bug;
use crate::withdrawals::{Conflict, Death};
use crate::{CommitBlocks, RewindBlocks};

const BITCOIN: Network = Network::Bitcoin;

/// The change of the first payout's transaction, and that of the second one's.
const CHANGE: fn(u64) -> OutPoint = |number| OutPoint { tx: tx(number), vout: 1 };

fn queued(world: &mut World, name: &str) -> WithdrawalId {
    request(world, on(BITCOIN, BTC, order(ALICE, name, 1_000))).unwrap().0
}

/// The deposit worker tells of blocks.
fn told(world: &mut World, body: Body) -> Result<Done, Rejection> {
    let worker = WorkerId { kind: WorkerKind::Deposit, network: Some(BITCOIN), instance: 1 };
    let epoch = world.state.epoch().map(|epoch| epoch.index);
    let command = Command { actor: Actor::Worker(worker), epoch, ..world.command(body) };
    world.send(&command)
}

/// A coin of this transaction's in a block.
fn change_of(world: &mut World, number: u64, height: u64) -> OutPoint {
    let one = world.state.custody().coins().get(BITCOIN, &coin(9)).unwrap().clone();
    put_coins(world, [Coin { outpoint: CHANGE(number), height, mature: height, ..one }]);
    CHANGE(number)
}

fn spend_by(world: &mut World, outpoint: OutPoint, by: TxId, height: u64) {
    let mut coin = world.state.custody().coins().get(BITCOIN, &outpoint).unwrap().clone();
    spend(&mut coin, by, height);
    put_coins(world, [coin]);
}

/// Three payouts, each built on the change of the one before it, the first two in blocks 15 and 16, which are taken back.
fn adrift() -> (World, [PayoutId; 3]) {
    let mut world = bank(1);
    mint(&mut world, [1, 9]);
    let payouts = [1_u64, 2, 3].map(|number| {
        let one = queued(&mut world, &format!("n{number}"));
        let spent = if number == 1 { coin(1) } else { change_of(&mut world, number - 1, 13 + number) };
        let payout = prepared(&mut world, prepare(BITCOIN, &[one], Claim::Coins(vec![spent]), number)).unwrap();
        step(&mut world, payout, signed(number)).unwrap();
        if number < 3 {
            spend_by(&mut world, spent, tx(number), 14 + number);
        }
        payout
    });
    world.rows.put(Family::Working, hash_key(BITCOIN, 14), codec::encode(&block(14).hash));
    world.state = State::load(&world.rows).unwrap();
    let rewind = RewindBlocks { network: BITCOIN, from: block(20), to: block(14) };
    assert_eq!(told(&mut world, Body::RewindBlocks(rewind)), Ok(Done::BlocksRewound { tip: block(14) }));
    assert_eq!(State::load(&world.rows).unwrap(), world.state);
    (world, payouts)
}

fn dead(by: TxId) -> PayoutStep {
    let conflicts = vec![Conflict { coin: coin(1), by, confirmations: 6 }];
    PayoutStep::Dead { proof: Death::Conflicts(conflicts), requeue: true }
}

/// Goal: what is built on a payment that another transaction took the place of, after its block was taken back, is proved dead by
/// that, also two deep, and also when that payment is over and its coins would be forgotten; it is not while the payment may come back,
/// or where its place is taken in a block that may vanish. Method: three payouts one upon the other; the first mined again; another
/// transaction in its place, shallow and deep; blocks after which spent coins are forgotten.
#[test]
fn what_rests_on_a_replaced_payment_is_proved_dead() {
    let (mut world, [parent, child, grandchild]) = adrift();
    let rests_on = |world: &World, number| {
        let coin = world.state.custody().coins().get(BITCOIN, &CHANGE(number));
        coin.map(|coin| coin.rests_on.clone()).unwrap_or_default()
    };
    let first = RestsOn { coin: coin(1), by: tx(1) };
    assert_eq!(rests_on(&world, 1), [first]);
    let mut both = vec![first, RestsOn { coin: CHANGE(1), by: tx(2) }];
    both.sort_unstable();
    assert_eq!(rests_on(&world, 2), both);

    let mut again = world.clone();
    settle(&mut again, BITCOIN, 30, 24);
    spend_by(&mut again, coin(1), tx(1), 15);
    for payout in [child, grandchild] {
        assert_eq!(refusal(step(&mut again, payout, dead(tx(1)))), Refusal::NoProof { payout }, "it rests on that");
    }

    step(&mut world, parent, PayoutStep::Stuck).unwrap();
    let preparation = Preparation { fee_max: 2_000, ..preparation(Claim::Coins(vec![coin(1)]), 4) };
    step(&mut world, parent, PayoutStep::Replace { preparation: Box::new(preparation), proof: None }).unwrap();
    step(&mut world, parent, signed(4)).unwrap();
    settle(&mut world, BITCOIN, 19, 14);
    spend_by(&mut world, coin(1), tx(4), 15);
    assert_eq!(refusal(step(&mut world, child, dead(tx(4)))), Refusal::NoProof { payout: child }, "it may vanish");
    settle(&mut world, BITCOIN, 30, 24);
    assert_eq!(step(&mut world, parent, PayoutStep::Final { block: block(15), fee: 50 }), Ok(Stage::Completed));
    let blocks =
        vec![ScannedBlock { block: block(31), parent: block(30).hash, sightings: Vec::new(), spent: Vec::new() }];
    let commit = CommitBlocks {
        network: BITCOIN,
        parent: block(30),
        blocks,
        more: false,
        head: 31,
        finalized: None,
        agreed: 31,
    };
    told(&mut world, Body::CommitBlocks(Box::new(commit))).unwrap();
    assert!(world.state.custody().coins().get(BITCOIN, &coin(1)).is_some(), "somebody needs it yet");
    for payout in [child, grandchild] {
        assert_eq!(refusal(step(&mut world, payout, dead(tx(9)))), Refusal::NoProof { payout }, "nobody of that name");
        assert_eq!(step(&mut world, payout, dead(tx(4))), Ok(Stage::Queued));
    }
    let left = world.state.custody().coins().of(BITCOIN).filter(|coin| !coin.rests_on.is_empty()).count();
    assert_eq!(left, 0, "their change never was");
}

/// Goal: the guards are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_what_is_adrift_are_caught() {
    catches(Bug::ParentForgotten, what_rests_on_a_replaced_payment_is_proved_dead);
    catches(Bug::ParentIsConflict, what_rests_on_a_replaced_payment_is_proved_dead);
}
