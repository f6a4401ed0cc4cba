//! Nonces: what the chain is said to have of them, counters that persons set, and what waits behind others; and when a payment ended.

use super::super::world::configure;
use super::*;
use crate::custody::WalletId;
use crate::deposits::Halted;
use crate::planted::Bug;
use crate::reconciliation::{Position, Reach, Spot};
use crate::withdrawals::{Death, Lane, NONCE_END};
use crate::{EventKind, PayoutDecision, ResumePayments, ReviewPayout, SetNonce};

const EVM: Network = Network::Ethereum;
const BITCOIN: Network = Network::Bitcoin;
const TRON: Network = Network::Tron;

fn queued(world: &mut World, name: &str) -> WithdrawalId {
    request(world, order(ALICE, name, 5 * DOLLAR)).unwrap().0
}

fn lane(world: &World) -> Lane {
    world.state.withdrawals().lane(EVM, payer(EVM, 0)).cloned().unwrap_or_default()
}

/// What a worker asks for with nonces of the chain's as it says.
fn decide(world: &mut World, id: WithdrawalId, nonce: u64, [chain, settled]: [u64; 2]) -> Result<Done, Rejection> {
    let number = 1_000 + nonce % 1_000;
    let command = PreparePayout {
        chain_nonce: chain,
        settled_nonce: settled,
        ..prepare(EVM, &[id], Claim::Nonce(nonce), number)
    };
    send(world, EVM, Body::PreparePayout(Box::new(command)))
}

fn fill(world: &mut World, nonce: u64, [chain, settled]: [u64; 2]) -> Result<Done, Rejection> {
    let command = prepare(EVM, &[], Claim::Nonce(nonce), 5_000 + nonce);
    let preparation = Preparation { purpose: Purpose::Noop, ..command.preparation };
    let command = PreparePayout { preparation, chain_nonce: chain, settled_nonce: settled, ..command };
    send(world, EVM, Body::PreparePayout(Box::new(command)))
}

fn number(done: Result<Done, Rejection>) -> PayoutId {
    match done {
        Ok(Done::PayoutPrepared { payout, .. }) => payout,
        other => panic!("{other:?}"),
    }
}

fn resume(world: &mut World) {
    let resume = ResumePayments { reach: Reach::Network(EVM), seen: Vec::new(), reason: "looked".into() };
    world.run(Body::ResumePayments(resume)).unwrap();
}

fn set(world: &mut World, payer: Payer, network: Network, next: u64) -> Result<Done, Rejection> {
    world.run(Body::SetNonce(SetNonce { network, payer, next, reason: "looked".into() }))
}

fn never_signed() -> PayoutStep {
    PayoutStep::Dead { proof: Death::NeverSigned, requeue: true }
}

/// Goal: whatever a worker says a chain's nonces are, the state stands: what no account comes to is refused, and no counter reaches
/// its end. Method: the ends of the range, of a payer that was never used and of one in use, for payments and for what fills gaps.
#[test]
fn no_nonce_is_beyond_all_bounds() {
    let ends = [NONCE_END, u64::MAX - 1, u64::MAX];
    for used in [false, true] {
        for (end, other) in ends.into_iter().flat_map(|end| ends.map(|other| (end, other))) {
            let mut world = bank(1);
            if used {
                let first = queued(&mut world, "first");
                let payout = number(decide(&mut world, first, 0, [0, 0]));
                let dead = PayoutStep::Dead { proof: Death::NeverSigned, requeue: false };
                step(&mut world, payout, dead).unwrap();
            }
            let one = queued(&mut world, "a");
            let before = lane(&world);
            for chain in [[end, 0], [0, end], [end, other]] {
                let mut world = world.clone();
                let outcomes = [decide(&mut world, one, other, chain), fill(&mut world, 0, chain)];
                let said = chain[0].max(chain[1]);
                match used {
                    true => assert_eq!(outcomes[0], Ok(Done::NoncePassed { next: 1, chain: said })),
                    false => assert_eq!(outcomes.map(refusal), [Refusal::NonceBeyond, Refusal::NonceBeyond]),
                }
                assert_eq!(lane(&world), before);
            }
            assert_eq!(refusal(decide(&mut world, one, end, [0, 0])), Refusal::NonceBeyond);
        }
    }
    let mut world = bank(1);
    let last = NONCE_END - 1;
    let [one, two] = ["a", "b"].map(|name| queued(&mut world, name));
    number(decide(&mut world, one, last, [last, last]));
    assert_eq!(refusal(decide(&mut world, two, NONCE_END, [last, last])), Refusal::NonceBeyond);
}

/// Goal: the counter of a payer in use follows nobody: where the chain is said to be past it nothing is decided, people are told once
/// and at once, and the network pays nothing until they have looked; failure mode 23. Method: a chain that is said to be at 900, for
/// payments and for what fills gaps; then the truth.
#[test]
fn a_counter_in_use_follows_no_chain() {
    let mut world = bank(1);
    let [one, two] = ["a", "b"].map(|name| queued(&mut world, name));
    number(decide(&mut world, one, 20, [20, 20]));
    let before = (lane(&world), world.state.withdrawals().last_payout());
    let told = |world: &World| {
        let foreign = |kind: &&EventKind| matches!(kind, EventKind::ForeignNonce { nonce: 900, .. });
        let urgent = |kind: &&EventKind| matches!(kind, EventKind::KeyUsedElsewhere { .. });
        [world.events().iter().filter(foreign).count(), world.events().iter().filter(urgent).count()]
    };
    for (times, chain) in [(1, [900, 20]), (2, [20, 900])] {
        assert_eq!(decide(&mut world, two, 900, chain), Ok(Done::NoncePassed { next: 21, chain: 900 }));
        assert_eq!((lane(&world), world.state.withdrawals().last_payout()), before, "nothing is decided");
        assert_eq!(told(&world), [times; 2]);
        assert!(world.state.reconciliation().stopped(Reach::Network(EVM)).is_some());
        assert!(decide(&mut world, two, 900, chain).is_err());
        let _ = fill(&mut world, 20, chain);
        assert_eq!(told(&world), [times; 2], "told once");
        resume(&mut world);
    }
    number(decide(&mut world, two, 21, [20, 20]));
    assert_eq!(lane(&world).next, 22);
}

/// Goal: a gap is filled until a final block has passed it, whatever the head is said to be. Method: two gaps; the head past both,
/// the final block past one.
#[test]
fn a_gap_stays_until_a_final_block_has_passed_it() {
    let mut world = bank(1);
    for name in ["a", "b"] {
        let one = queued(&mut world, name);
        let next = lane(&world).next;
        let payout = number(decide(&mut world, one, next, [0, 0]));
        step(&mut world, payout, PayoutStep::Review { why: "look".into() }).unwrap();
        let review = ReviewPayout {
            payout,
            from: Stage::Review,
            decision: PayoutDecision::Refund { proof: Death::NeverSigned },
            reason: "test".into(),
        };
        world.run(Body::ReviewPayout(Box::new(review))).unwrap();
    }
    let gaps = |world: &World| lane(world).gaps.into_iter().collect::<Vec<_>>();
    assert_eq!(gaps(&world), [0, 1]);
    let one = queued(&mut world, "c");
    number(decide(&mut world, one, 2, [2, 1]));
    assert_eq!(gaps(&world), [1], "a block that may vanish has passed it");
    number(fill(&mut world, 1, [2, 1]));
}

/// Goal: two persons bring a counter back that stands where nothing can be mined, and on where others used nonces; open payouts keep
/// theirs, and below what a final block has seen nothing is given. No signer signs for a nonce that was decided for another payment:
/// what is given up is a gap in its turn, filled by nothing before. Method: a payer whose first nonces were 900 and 901, the latter
/// never signed; then payers, networks and nonces that cannot be.
#[test]
fn persons_set_a_counter_and_open_payouts_keep_their_nonces() {
    let mut world = bank(1);
    let [one, two, three, four] = ["a", "b", "c", "d"].map(|name| queued(&mut world, name));
    let first = number(decide(&mut world, one, 900, [900, 900]));
    step(&mut world, first, signed(1)).unwrap();
    let second = number(decide(&mut world, two, 901, [20, 20]));
    let hot = payer(EVM, 0);
    assert_eq!(set(&mut world, hot, EVM, 899), Ok(Done::NonceSet { next: 899 }));
    assert_eq!(State::load(&world.rows).unwrap(), world.state);
    step(&mut world, second, never_signed()).unwrap();
    assert!(lane(&world).gaps.is_empty(), "it is not its turn");
    assert_eq!(refusal(fill(&mut world, 901, [20, 20])), Refusal::Claim);
    let third = number(decide(&mut world, two, 899, [20, 20]));
    assert_eq!(refusal(decide(&mut world, three, 901, [20, 20])), Refusal::Nonce { next: 902 });
    let gaps = |world: &World| lane(world).gaps.into_iter().collect::<Vec<_>>();
    assert_eq!(gaps(&world), [901]);
    let mut kept = world.clone();
    assert_eq!(set(&mut kept, hot, EVM, 895), Ok(Done::NonceSet { next: 895 }));
    assert!(gaps(&kept).is_empty() && lane(&kept).given_up.contains(&901), "a gap, too, waits for its turn");
    assert_eq!(State::load(&kept.rows).unwrap(), kept.state);
    number(fill(&mut world, 901, [20, 20]));
    number(decide(&mut world, three, 902, [20, 20]));
    let nonces: Vec<_> = world.state.withdrawals().payouts(EVM).filter_map(crate::withdrawals::Payout::nonce).collect();
    assert_eq!(nonces, [900, 899, 901, 902]);
    // On, where others used what was never given.
    assert_eq!(decide(&mut world, four, 950, [950, 20]), Ok(Done::NoncePassed { next: 903, chain: 950 }));
    assert_eq!(set(&mut world, hot, EVM, 950), Ok(Done::NonceSet { next: 950 }));
    resume(&mut world);
    number(decide(&mut world, four, 950, [950, 20]));
    assert_eq!(set(&mut world, hot, EVM, 899), Ok(Done::NonceSet { next: 903 }), "four are held");
    step(&mut world, third, never_signed()).unwrap();
    assert_eq!(gaps(&world), [899]);

    let spot = Spot { network: EVM, address: address("hotevm0"), coin: None };
    let position = Position { nonce: Some(30), ..Position::default() };
    let key = crate::reconciliation::position_key(&spot);
    world.rows.put(Table::Position.family(), key, codec::encode(&position));
    assert_eq!(refusal(set(&mut world, hot, EVM, 29)), Refusal::Nonce { next: 30 });
    assert_eq!(refusal(set(&mut world, hot, EVM, NONCE_END)), Refusal::NonceBeyond);
    assert_eq!(refusal(set(&mut world, payer(BITCOIN, 0), BITCOIN, 30)), Refusal::Claim);
    for nobody in [payer(EVM, 7), Payer { wallet: WalletId(99), index: 0 }, payer(TRON, 0)] {
        assert_eq!(refusal(set(&mut world, nobody, EVM, 30)), Refusal::Wallet);
    }
}

/// Goal: what waits behind a nonce that nobody has signed for pays no more for that; what pays nobody may take its place all the same.
/// Method: a head that is not signed, one behind it that is stuck; and the same behind a gap.
#[test]
fn nobody_pays_more_from_behind() {
    let mut world = bank(1);
    let [one, two] = ["a", "b"].map(|name| queued(&mut world, name));
    let head = number(decide(&mut world, one, 0, [0, 0]));
    let behind = number(decide(&mut world, two, 1, [0, 0]));
    step(&mut world, behind, signed(1)).unwrap();
    step(&mut world, behind, PayoutStep::Stuck).unwrap();
    let replace = |purpose| {
        let preparation = Preparation { purpose, fee_max: 2_000, ..preparation(Claim::Nonce(1), 77) };
        PayoutStep::Replace { preparation: Box::new(preparation), proof: None }
    };
    world.run(configure(EVM, |command| command.fee_max = Some(10 * FEE_MAX))).unwrap();
    let mut cancelled = world.clone();
    let more = || {
        let preparation = Preparation { fee_max: FEE_MAX, ..preparation(Claim::Nonce(1), 77) };
        PayoutStep::Replace { preparation: Box::new(preparation), proof: None }
    };
    let refused = refusal(step(&mut world, behind, more()));
    assert_eq!(refused, Refusal::Behind { nonce: 0, payout: Some(head) });
    step(&mut world, head, never_signed()).unwrap();
    assert_eq!(refusal(step(&mut world, behind, more())), Refusal::Behind { nonce: 0, payout: None });
    number(fill(&mut world, 0, [0, 0]));
    let filling = world.state.withdrawals().last_payout();
    step(&mut world, filling, signed(9)).unwrap();
    assert_eq!(step(&mut world, behind, more()), Ok(Stage::Replacing), "the way is free");

    let review =
        ReviewPayout { payout: behind, from: Stage::Stuck, decision: PayoutDecision::CancelByNoop, reason: "t".into() };
    cancelled.run(Body::ReviewPayout(Box::new(review))).unwrap();
    assert_eq!(step(&mut cancelled, behind, replace(Purpose::Noop)), Ok(Stage::Replacing));
}

/// Goal: a payment is over as the state's own chain shows it, not as one worker says: in a block that is settled, of a chain that does
/// not stand still; on Bitcoin by a block that spends its coins. Method: on each family a block that is too high, and a chain that
/// stands still; coins that are not spent, or by another, or elsewhere; then the truth.
#[test]
fn paid_is_what_the_known_chain_shows() {
    for network in [EVM, BITCOIN, TRON] {
        let mut world = bank(1);
        mint(&mut world, 1..=1);
        let asset = if network == BITCOIN { BTC } else { USDT };
        let id = request(&mut world, on(network, asset, order(ALICE, "a", 5 * DOLLAR))).unwrap().0;
        let claim = match network {
            BITCOIN => Claim::Coins(vec![coin(1)]),
            TRON => Claim::Window { reference: block(1), expires: Timestamp(world.now.0 + 30_000_000) },
            _ => Claim::Nonce(0),
        };
        let payout = prepared(&mut world, prepare(network, &[id], claim, 1)).unwrap();
        step(&mut world, payout, signed(1)).unwrap();
        let told = |world: &mut World, block| {
            let step = PayoutStep::Final { block, fee: 1 };
            stepped(world, StepPayout { network, payout, from: Stage::Signed, attempt: 1, step })
        };
        let no = Refusal::NoProof { payout };
        if network == BITCOIN {
            let breaks: [fn(&mut Coin); 3] = [|_| {}, |coin| spend(coin, tx(2), 9), |coin| spend(coin, tx(1), 8)];
            for breaks in breaks {
                let mut world = world.clone();
                change_coin(&mut world, 1, breaks);
                assert_eq!(refusal(told(&mut world, block(9))), no);
            }
        }
        let at = |world: &World, height| {
            let mut world = world.clone();
            scan_spent(&mut world, payout, height);
            world
        };
        assert_eq!(refusal(told(&mut at(&world, 13), block(13))), no, "{network}: it may vanish");
        let mut still = at(&world, 12);
        let halted = Some(Halted { since: still.now, common: block(1) });
        put_chain(&mut still, Chain { halted, ..*world.state.deposits().chains().get(network) });
        assert_eq!(refusal(told(&mut still, block(12))), no, "{network}: nobody knows which branch holds");
        assert_eq!(stage(&still, id), Stage::Signed);
        assert_eq!(told(&mut at(&world, 12), block(12)), Ok(Stage::Completed));
    }
}

/// Goal: the guards are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_nonces_are_caught() {
    catches(Bug::ChainNonceBelieved, a_counter_in_use_follows_no_chain);
    catches(Bug::ChainNonceBelieved, no_nonce_is_beyond_all_bounds);
    catches(Bug::GapForgotten, a_gap_stays_until_a_final_block_has_passed_it);
    catches(Bug::HeldNonceGiven, persons_set_a_counter_and_open_payouts_keep_their_nonces);
    catches(Bug::GivenUpNonceGiven, persons_set_a_counter_and_open_payouts_keep_their_nonces);
    catches(Bug::BumpedFromBehind, nobody_pays_more_from_behind);
    catches(Bug::PaidOnOneWord, paid_is_what_the_known_chain_shows);
}
