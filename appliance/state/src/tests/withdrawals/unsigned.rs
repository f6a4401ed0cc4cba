//! What was decided and never signed, as people get it out of the way: a signer that refuses it, or that has signed it without the
//! log's having the signature.

use super::super::world::SECOND;
use super::*;
use crate::planted::Bug;
use crate::withdrawals::Death;

/// A payout that is decided, in review before anything of it is in the log as signed.
fn in_review(world: &mut World, network: Network, number: u8) -> (WithdrawalId, PayoutId) {
    let asset = if network == Network::Bitcoin { BTC } else { USDT };
    let (id, _) = request(world, on(network, asset, order(ALICE, &format!("n{number}"), 5 * DOLLAR))).unwrap();
    let claim = match network {
        Network::Bitcoin => Claim::Coins(vec![coin(number)]),
        Network::Tron => Claim::Window { reference: block(1), expires: Timestamp(world.now.0 + 60 * SECOND) },
        _ => Claim::Nonce(world.state.withdrawals().lane(network, payer(network, 0)).map_or(0, |lane| lane.next)),
    };
    let payout = prepared(world, prepare(network, &[id], claim, u64::from(number))).unwrap();
    step(world, payout, PayoutStep::Review { why: "the signer refuses".into() }).unwrap();
    (id, payout)
}

fn decide(world: &mut World, payout: PayoutId, decision: PayoutDecision) -> Result<Stage, Rejection> {
    let from = world.state.withdrawals().payout(payout).unwrap().stage();
    match world.run(Body::ReviewPayout(Box::new(ReviewPayout { payout, from, decision, reason: "looked".into() })))? {
        Done::PayoutMoved { stage } => Ok(stage),
        other => panic!("{other:?}"),
    }
}

/// What a worker puts in its place, of the same nonce or coin.
fn replace(world: &World, payout: PayoutId, purpose: Purpose) -> PayoutStep {
    let claim = world.state.withdrawals().payout(payout).unwrap().attempts[0].claim.clone();
    let preparation = Preparation { purpose, fee_max: 2_000, ..preparation(claim, 1_000 + payout.0) };
    PayoutStep::Replace { preparation: Box::new(preparation), proof: None }
}

/// Goal: what was never signed, because a signer refused it or because its signature was not committed and must not be sent, is paid
/// for more, or its place is taken by what pays nobody, by `bump` and `cancel`; and `retry` takes back either. Method: each decision
/// on networks where others take its place, to the end of what follows; and `retry` after each, after which it is signed.
#[test]
fn what_was_never_signed_is_bumped_cancelled_and_tried_again() {
    for network in [Network::Ethereum, Network::Bitcoin] {
        let mut world = bank(1);
        mint(&mut world, 1..=4);
        let (one, payout) = in_review(&mut world, network, 1);
        assert_eq!(decide(&mut world, payout, PayoutDecision::CancelByNoop), Ok(Stage::Stuck));
        let noop = replace(&world, payout, Purpose::Noop);
        assert_eq!(step(&mut world, payout, noop), Ok(Stage::Replacing));
        step(&mut world, payout, signed(1)).unwrap();
        step(&mut world, payout, final_step(50)).unwrap();
        // On Bitcoin the block's coins show it; elsewhere two persons agree.
        believe(&mut world, payout);
        assert_eq!(stage(&world, one), Stage::Failed, "it waits for no other one");

        let (two, payout) = in_review(&mut world, network, 2);
        assert_eq!(decide(&mut world, payout, PayoutDecision::Bump), Ok(Stage::Stuck));
        let more = replace(&world, payout, Purpose::Payment);
        assert_eq!(step(&mut world, payout, more), Ok(Stage::Replacing));
        step(&mut world, payout, signed(2)).unwrap();
        assert_eq!(step(&mut world, payout, final_step(50)), Ok(Stage::Completed));
        assert_eq!(stage(&world, two), Stage::Completed);

        for (number, decision) in [(3, PayoutDecision::Bump), (4, PayoutDecision::CancelByNoop)] {
            let (_, payout) = in_review(&mut world, network, number);
            assert_eq!(decide(&mut world, payout, decision), Ok(Stage::Stuck));
            assert_eq!(decide(&mut world, payout, PayoutDecision::Resend), Ok(Stage::Preparing), "{network}");
            assert!(!world.state.withdrawals().payout(payout).unwrap().wants_noop, "{network}: it is to be paid");
            assert_eq!(step(&mut world, payout, signed(u64::from(number))), Ok(Stage::Signed));
        }
    }
}

/// Goal: where nothing takes the place of what was never signed, nobody makes it stuck for ever: they are told what to do instead,
/// and that works. Method: both decisions on TRON, before and after it is signed; a retry; and a refund.
#[test]
fn nothing_is_stuck_where_nothing_takes_its_place() {
    let mut world = bank(1);
    let (_, payout) = in_review(&mut world, Network::Tron, 1);
    for decision in [PayoutDecision::Bump, PayoutDecision::CancelByNoop] {
        let refused = decide(&mut world, payout, decision).unwrap_err();
        let told = refused.problem();
        assert!(told.hint.contains("exchequer payout retry"), "{told}");
        assert_eq!(refusal::<Stage>(Err(refused)), Refusal::NothingReplaces { payout });
    }
    let mut tried = world.clone();
    assert_eq!(decide(&mut tried, payout, PayoutDecision::Resend), Ok(Stage::Preparing));
    step(&mut tried, payout, signed(1)).unwrap();
    step(&mut tried, payout, PayoutStep::Review { why: "look".into() }).unwrap();
    assert_eq!(decide(&mut tried, payout, PayoutDecision::CancelByNoop), Ok(Stage::Stuck), "it ends by itself");

    let refund = PayoutDecision::Refund { proof: Death::NeverSigned };
    assert_eq!(decide(&mut world, payout, refund), Ok(Stage::Failed));
}

/// Goal: the guards are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_what_is_unsigned_are_caught() {
    catches(Bug::NoopOutlivesRetry, what_was_never_signed_is_bumped_cancelled_and_tried_again);
    catches(Bug::UnsignedIsStuck, nothing_is_stuck_where_nothing_takes_its_place);
}
