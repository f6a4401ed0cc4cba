//! What is said of a chain counts only where the state knows it too; and the bounds of what is believed otherwise.

use exchequer_ledger::Side;

use super::super::world::{DAY, SECOND};
use super::*;
use crate::planted::Bug;
use crate::withdrawals::{Conflict, Death, GAPS_MAX, IN_FLIGHT_MAX};
use crate::{PayoutDecision, ReviewPayout, coin_owner};

const EVM: Network = Network::Ethereum;
const BITCOIN: Network = Network::Bitcoin;
const TRON: Network = Network::Tron;

fn queued(world: &mut World, network: Network, asset: Asset, name: &str) -> WithdrawalId {
    request(world, on(network, asset, order(ALICE, name, 5 * DOLLAR))).unwrap().0
}

fn coins(numbers: &[u8]) -> Claim {
    Claim::Coins(numbers.iter().copied().map(coin).collect())
}

fn window(world: &World, seconds: u64) -> Claim {
    Claim::Window { reference: block(1), expires: Timestamp(world.now.0 + seconds * SECOND) }
}

/// A payout of each family that was signed as the first transaction.
fn sent(world: &mut World, network: Network) -> PayoutId {
    let (asset, claim) = match network {
        BITCOIN => (BTC, coins(&[1])),
        TRON => (USDT, window(world, 60)),
        _ => (USDT, Claim::Nonce(0)),
    };
    let one = queued(world, network, asset, &network.to_string());
    let payout = prepared(world, prepare(network, &[one], claim, 1)).unwrap();
    step(world, payout, signed(1)).unwrap();
    payout
}

fn bury(world: &mut World, payout: PayoutId, proof: Death) -> Result<Stage, Rejection> {
    step(world, payout, PayoutStep::Dead { proof, requeue: false })
}

/// Goal: what ends a payout without paying is believed at a height that is settled, of the known block there, on a chain that is
/// scanned and does not stand still. Method: each of these missing in turn, for each kind of evidence.
#[test]
fn evidence_is_compared_with_what_is_known() {
    type Break = fn(&mut World, Network);
    let breaks: [Break; 4] = [
        |world, network| settle(world, network, 20, 8),
        |world, network| {
            let key = crate::deposits::hash_key(network, 9);
            world.rows.put(Family::Working, key, codec::encode(&block(77).hash));
            world.state = State::load(&world.rows).unwrap();
        },
        |world, network| {
            let chain = *world.state.deposits().chains().get(network);
            put_chain(world, Chain { tip: None, settled: 0, ..chain });
        },
        |world, network| {
            let chain = *world.state.deposits().chains().get(network);
            let halted = Some(crate::deposits::Halted { since: world.now, common: block(1) });
            put_chain(world, Chain { halted, ..chain });
        },
    ];
    let used = || Death::NonceUsed { at: block(9), next: 1, absent: vec![tx(1)] };
    for (number, breaks) in breaks.into_iter().enumerate() {
        let mut world = bank(1);
        let payout = sent(&mut world, EVM);
        let good = world.clone();
        breaks(&mut world, EVM);
        assert_eq!(refusal(bury(&mut world, payout, used())), Refusal::NoProof { payout }, "{number}");
        let reverted = PayoutStep::Reverted { block: block(9), fee: 1 };
        assert_eq!(refusal(step(&mut world, payout, reverted.clone())), Refusal::NoProof { payout }, "{number}");
        assert_eq!(confirmed(&mut good.clone(), payout, reverted), Ok(Stage::Reverted));
        assert_eq!(bury(&mut good.clone(), payout, used()), Ok(Stage::Review), "somebody has the key");

        let mut world = bank(1);
        let payout = sent(&mut world, TRON);
        later(&mut world, 200 * SECOND);
        let expired = |time| Death::Expired { at: block(9), time, absent_at: vec![0, 1], absent: vec![tx(1)] };
        let (now, ahead) = (world.now, Timestamp(world.now.0 + 1_000_000 * SECOND));
        let good = world.clone();
        breaks(&mut world, TRON);
        assert_eq!(refusal(bury(&mut world, payout, expired(now))), Refusal::NoProof { payout }, "{number}");
        let mut world = good;
        assert_eq!(refusal(bury(&mut world, payout, expired(ahead))), Refusal::NoProof { payout }, "of the future");
        let dead = PayoutStep::Dead { proof: expired(now), requeue: false };
        assert_eq!(confirmed(&mut world, payout, dead), Ok(Stage::Failed));
    }
}

/// Goal: where somebody else used a nonce of ours, nothing is decided anew by itself: people are told at once, the money stays
/// held, the network pays out nothing more until it is let go on, and the money is free again by the same proof from persons.
/// Method: proof that a nonce was used; and a chain whose next nonce is above all that were given.
#[test]
fn a_key_that_others_use_stops_the_network() {
    let used = || Death::NonceUsed { at: block(9), next: 1, absent: vec![tx(1)] };
    let urgent = |world: &World| {
        let is = |kind: &&crate::EventKind| {
            matches!(kind, crate::EventKind::KeyUsedElsewhere { severity: crate::event::Severity::P0, .. })
        };
        world.events().iter().filter(is).count()
    };
    let resume = |world: &mut World| {
        let reach = crate::reconciliation::Reach::Network(EVM);
        let resume = crate::ResumePayments { reach, seen: Vec::new(), reason: "the key is known".into() };
        world.run(Body::ResumePayments(resume)).unwrap();
    };
    let mut world = bank(1);
    let payout = sent(&mut world, EVM);
    let held = money(&world, ALICE, USDT).1;
    let dead = PayoutStep::Dead { proof: used(), requeue: true };
    assert_eq!(step(&mut world, payout, dead), Ok(Stage::Review));
    assert_eq!(urgent(&world), 1);
    assert_eq!(money(&world, ALICE, USDT).1, held, "the money stays held");
    let may = |world: &World| world.state.may(EVM, USDT, crate::networks::Operation::Withdrawal).is_ok();
    assert!(!may(&world) && world.state.may(TRON, USDT, crate::networks::Operation::Withdrawal).is_ok());
    resume(&mut world);
    assert!(may(&world));
    let decision = PayoutDecision::Refund { proof: used() };
    let review = ReviewPayout { payout, from: Stage::Review, decision, reason: "test".into() };
    assert_eq!(world.run(Body::ReviewPayout(Box::new(review))), Ok(Done::PayoutMoved { stage: Stage::Failed }));
    assert_eq!(money(&world, ALICE, USDT).1, 0);

    let one = queued(&mut world, EVM, USDT, "b");
    let payout = prepared(&mut world, prepare(EVM, &[one], Claim::Nonce(1), 2)).unwrap();
    let two = queued(&mut world, EVM, USDT, "c");
    let command = PreparePayout { chain_nonce: 40, ..prepare(EVM, &[two], Claim::Nonce(40), 3) };
    let passed = send(&mut world, EVM, Body::PreparePayout(Box::new(command)));
    assert_eq!(passed, Ok(Done::NoncePassed { next: 2, chain: 40 }));
    assert_eq!(urgent(&world), 2);
    assert!(!may(&world) && step(&mut world, payout, signed(2)).is_err(), "nothing is signed meanwhile");
    resume(&mut world);
    assert_eq!(step(&mut world, payout, signed(2)), Ok(Stage::Signed), "and nothing is lost");
}

/// Goal: the guard is what stops. Method: it is taken away.
#[test]
fn planted_bugs_of_foreign_keys_are_caught() {
    catches(Bug::ForeignNonceForgiven, a_key_that_others_use_stops_the_network);
}

/// Goal: what ends a payout by a transaction that pays nobody is compared with the known chain, too.
#[test]
fn a_noop_is_final_where_that_is_known() {
    let mut world = bank(1);
    let payout = sent(&mut world, EVM);
    step(&mut world, payout, PayoutStep::Review { why: "look".into() }).unwrap();
    let review =
        ReviewPayout { payout, from: Stage::Review, decision: PayoutDecision::CancelByNoop, reason: "test".into() };
    world.run(Body::ReviewPayout(Box::new(review))).unwrap();
    let noop = Preparation { purpose: Purpose::Noop, fee_max: 2_000, ..preparation(Claim::Nonce(0), 2) };
    step(&mut world, payout, PayoutStep::Replace { preparation: Box::new(noop), proof: None }).unwrap();
    step(&mut world, payout, signed(2)).unwrap();
    let at = |height| PayoutStep::Final { block: block(height), fee: 1 };
    assert_eq!(refusal(step(&mut world, payout, at(13))), Refusal::NoProof { payout });
    assert_eq!(confirmed(&mut world, payout, at(12)), Ok(Stage::Failed));
}

/// Goal: another spender of a coin counts where the state's own coin is spent by it, six blocks deep; and as long as a payout is
/// open, the state remembers. Method: the coin free, spent by another, and too late.
#[test]
fn conflicts_are_the_states_own() {
    let mut world = bank(1);
    mint(&mut world, 1..=2);
    let payout = sent(&mut world, BITCOIN);
    let proof = || Death::Conflicts(vec![Conflict { coin: coin(1), by: tx(70), confirmations: 6 }]);
    let breaks: [fn(&mut Coin); 3] = [|_| {}, |coin| spend(coin, tx(71), 15), |coin| spend(coin, tx(70), 16)];
    for breaks in breaks {
        let mut world = world.clone();
        change_coin(&mut world, 1, breaks);
        assert_eq!(refusal(bury(&mut world, payout, proof())), Refusal::NoProof { payout });
    }
    change_coin(&mut world, 1, |coin| spend(coin, tx(70), 15));
    assert_eq!(bury(&mut world, payout, proof()), Ok(Stage::Failed));
}

/// Goal: a transaction of Bitcoin's cannot fail in a block; and where somebody else's paid, nothing is written that only the
/// blocks' own movements could make up for. Method: both, and then the books of what is on its way.
#[test]
fn nothing_stays_afoot_of_foreign_transactions() {
    let mut world = bank(1);
    mint(&mut world, 1..=2);
    let payout = sent(&mut world, BITCOIN);
    let reverted = PayoutStep::Reverted { block: block(9), fee: 1 };
    let no = Refusal::Edge { from: Stage::Signed, to: Stage::Reverted };
    assert_eq!(refusal(step(&mut world, payout, reverted)), no);
    step(&mut world, payout, PayoutStep::Review { why: "look".into() }).unwrap();
    change_coin(&mut world, 1, |coin| spend(coin, tx(70), 15));
    let proof = Death::Conflicts(vec![Conflict { coin: coin(1), by: tx(70), confirmations: 6 }]);
    let decision = PayoutDecision::MarkExternal { tx: tx(70), block: block(9), fee: 5, proof };
    let review = ReviewPayout { payout, from: Stage::Review, decision, reason: "test".into() };
    assert_eq!(world.run(Body::ReviewPayout(Box::new(review))), Ok(Done::PayoutMoved { stage: Stage::Completed }));
    assert!(world.state.reconciliation().afoot.is_empty());
}

/// Goal: of nothing signed no proof of another kind is true, a proof of another family proves nothing, and a nonce that nobody
/// signed for is a gap, whatever ended its payout. Method: empty proofs for a payout that is not signed.
#[test]
fn vacuous_proofs_prove_nothing() {
    let mut world = bank(1);
    let one = queued(&mut world, EVM, USDT, "a");
    let payout = prepared(&mut world, prepare(EVM, &[one], Claim::Nonce(0), 1)).unwrap();
    let expired = Death::Expired { at: block(9), time: world.now, absent_at: vec![0, 1], absent: vec![] };
    let used = Death::NonceUsed { at: block(9), next: 1, absent: vec![] };
    for proof in [Death::Conflicts(vec![]), expired, used] {
        assert_eq!(refusal(bury(&mut world, payout, proof)), Refusal::NoProof { payout });
    }
    step(&mut world, payout, PayoutStep::Review { why: "look".into() }).unwrap();
    let decision = PayoutDecision::MarkExternal { tx: tx(9), block: block(9), fee: 0, proof: Death::NeverSigned };
    let review = ReviewPayout { payout, from: Stage::Review, decision, reason: "test".into() };
    world.run(Body::ReviewPayout(Box::new(review))).unwrap();
    let gaps = world.state.withdrawals().lane(EVM, payer(EVM, 0)).unwrap().gaps.clone();
    assert_eq!(gaps.into_iter().collect::<Vec<_>>(), [0]);
}

/// Goal: no gap is forgotten: payments wait while all that are under way could make more than are remembered. What fills gaps
/// goes on.
#[test]
fn gaps_have_room() {
    let mut world = bank(1);
    for (gaps, refused) in [(GAPS_MAX - IN_FLIGHT_MAX, true), (GAPS_MAX - IN_FLIGHT_MAX - 1, false)] {
        let lane = crate::withdrawals::Lane {
            next: 1_000,
            gaps: (0..gaps as u64).collect(),
            used: true,
            ..Default::default()
        };
        let key = Table::WalletLane.key(&crate::withdrawals::lane_key(EVM, payer(EVM, 0)));
        world.rows.put(Family::Working, key, codec::encode(&lane));
        world.state = State::load(&world.rows).unwrap();
        let one = queued(&mut world, EVM, USDT, &format!("n{gaps}"));
        let ids = [WithdrawalId(one.0.min(1))];
        let outcome = prepared(&mut world, prepare(EVM, &ids, Claim::Nonce(1_000), 1));
        match refused {
            true => assert_eq!(refusal(outcome), Refusal::Gaps),
            false => assert!(outcome.is_ok(), "{outcome:?}"),
        }
        if refused {
            let mut world = world.clone();
            let command = prepare(EVM, &[], Claim::Nonce(0), 2);
            let preparation = Preparation { purpose: Purpose::Noop, ..command.preparation };
            prepared(&mut world, PreparePayout { preparation, ..command }).unwrap();
        }
    }
}

/// Goal: a payment is built on coins that stay: settled and mature, or change of the exchange's own, two deep at most; what was
/// reserved when its block vanished is no coin any more once it is released. Method: coins of each kind.
#[test]
fn coins_are_built_on_that_stay() {
    let mut world = bank(1);
    mint(&mut world, 1..=9);
    let one = queued(&mut world, BITCOIN, BTC, "a");
    change_coin(&mut world, 2, |coin| coin.height = 13);
    change_coin(&mut world, 3, |coin| coin.mature = 22);
    change_coin(&mut world, 4, |coin| coin.mature = 21);
    // 5 is spent by the transaction that made 6, that by the one that made 7, and that by the one that made 8.
    change_coin(&mut world, 5, |coin| spend(coin, TxId([6; 32]), 14));
    change_coin(&mut world, 6, |coin| (coin.height = 14, spend(coin, TxId([7; 32]), 15)).1);
    change_coin(&mut world, 7, |coin| (coin.height = 15, spend(coin, TxId([8; 32]), 16)).1);
    change_coin(&mut world, 8, |coin| coin.height = 16);
    let pay = |world: &mut World, number| prepared(world, prepare(BITCOIN, &[one], coins(&[number]), 1));
    for (number, good) in [(2, false), (3, false), (4, true), (8, false)] {
        let outcome = pay(&mut world.clone(), number);
        match good {
            true => assert!(outcome.is_ok(), "{number}: {outcome:?}"),
            false => assert_eq!(refusal(outcome), Refusal::Coin, "{number}"),
        }
    }
    let mut shorter = world.clone();
    change_coin(&mut shorter, 7, |coin| coin.state = CoinState::Free);
    assert!(pay(&mut shorter, 7).is_ok(), "two deep");

    let payout = pay(&mut world, 1).unwrap();
    change_coin(&mut world, 1, |coin| (coin.height, coin.mature) = (u64::MAX, u64::MAX));
    assert_eq!(bury(&mut world, payout, Death::NeverSigned), Ok(Stage::Failed));
    assert_eq!(world.state.custody().coins().get(BITCOIN, &coin(1)), None);
    assert_eq!(world.state.custody().coins().reserved_by(BITCOIN, coin_owner(payout)).count(), 0);
}

/// Goal: a fee that a worker tells moves no more than was kept back and as much again, and never overdraws the hot wallet, also
/// where its account could be; the rest is told. Method: an absurd fee, and a wallet with less than that.
#[test]
fn fees_are_bounded() {
    let mut world = bare(1);
    let wallet = open(&mut world, OpenAccount { key: hot(EVM, ETH), overdraft: true });
    let equity = open(&mut world, account(Holder::Equity, ETH, true));
    let transfer = super::super::world::post(1 << 41, wallet, equity, 1_300);
    world.run(Body::PostTransfers(PostTransfers { transfers: vec![transfer] })).unwrap();
    refill(&mut world, EVM, USDT, 100 * DOLLAR);
    let id = TransferId(77);
    world.run(Body::CreditSandbox(CreditSandbox { user: ALICE, asset: USDT, amount: 50 * DOLLAR, id })).unwrap();
    let payout = sent(&mut world, EVM);
    assert_eq!(refusal(step(&mut world, payout, final_step(1 << 90))), Refusal::FeeCap { most: 2_000 });
    step(&mut world, payout, final_step(2_000)).unwrap();
    let account = world.state.account(&hot(EVM, ETH)).unwrap();
    assert_eq!((account.sums.balance(Side::Debit), account.sums.balance(Side::Credit)), (0, 0));
    let told = world.events().into_iter().find_map(|kind| match kind {
        crate::EventKind::FeeUnbooked { amount, .. } => Some(amount),
        _ => None,
    });
    assert_eq!(told, Some(2_000 - 1_300));
}

/// Goal: what fills a gap can be paid more for and never becomes a payment; nothing but nonces has gaps; and a replacement's span
/// of time is one that the network allows.
#[test]
fn noops_and_spans_have_a_cause() {
    let mut world = bank(1);
    mint(&mut world, 1..=2);
    let one = queued(&mut world, EVM, USDT, "a");
    let first = prepared(&mut world, prepare(EVM, &[one], Claim::Nonce(0), 1)).unwrap();
    bury(&mut world, first, Death::NeverSigned).unwrap();
    let noop = |claim, number| Preparation { purpose: Purpose::Noop, ..preparation(claim, number) };
    let fill = PreparePayout { preparation: noop(Claim::Nonce(0), 2), ..prepare(EVM, &[], Claim::Nonce(0), 2) };
    let fill = prepared(&mut world, fill).unwrap();
    step(&mut world, fill, signed(2)).unwrap();
    step(&mut world, fill, PayoutStep::Stuck).unwrap();
    let replace = |preparation| PayoutStep::Replace { preparation: Box::new(preparation), proof: None };
    let payment = replace(Preparation { fee_max: 2_000, ..preparation(Claim::Nonce(0), 3) });
    assert_eq!(refusal(step(&mut world, fill, payment)), Refusal::Claim);
    let bump = replace(Preparation { fee_max: 2_000, ..noop(Claim::Nonce(0), 3) });
    assert_eq!(step(&mut world, fill, bump), Ok(Stage::Replacing));

    for (network, claim) in [(BITCOIN, coins(&[1])), (TRON, window(&world, 60))] {
        let command = PreparePayout { preparation: noop(claim.clone(), 4), ..prepare(network, &[], claim, 4) };
        assert_eq!(refusal(prepared(&mut world, command)), Refusal::Claim);
    }

    let payout = sent_after(&mut world, 5);
    later(&mut world, 200 * SECOND);
    let now = world.now;
    let expired = || Some(Death::Expired { at: block(9), time: now, absent_at: vec![0, 1], absent: vec![tx(5)] });
    let long = window(&world, DAY / SECOND + 1);
    let replace = |claim| PayoutStep::Replace { preparation: Box::new(preparation(claim, 6)), proof: expired() };
    assert_eq!(refusal(step(&mut world, payout, replace(long))), Refusal::Claim);
    let day = window(&world, DAY / SECOND);
    let alone = refusal(step(&mut world, payout, replace(day)));
    assert_eq!(alone, Refusal::Unconfirmed { payout }, "as far as its span goes");
}

/// A payout of TRON that is stuck.
fn sent_after(world: &mut World, number: u64) -> PayoutId {
    let one = queued(world, TRON, USDT, "t");
    let claim = window(world, 60);
    let payout = prepared(world, prepare(TRON, &[one], claim, number)).unwrap();
    step(world, payout, signed(number)).unwrap();
    step(world, payout, PayoutStep::Stuck).unwrap();
    payout
}

/// Goal: two addresses of a wallet never have one key.
#[test]
fn a_wallets_addresses_have_keys_of_their_own() {
    let mut world = bare(1);
    let own = |text: &str, change| WalletAddress { address: address(text), change, index: 7 };
    let register = |addresses| {
        Body::RegisterWallet(Box::new(RegisterWallet {
            name: "other".into(),
            role: WalletRole::Hot,
            family: ChainFamily::Evm,
            network: None,
            xpub: "xpub".into(),
            addresses,
            pinned: false,
            reason: "test".into(),
        }))
    };
    assert!(world.run(register(vec![own("0x71", false), own("0x72", false)])).is_err());
    assert!(world.run(register(vec![own("0x71", false), own("0x72", true)])).is_ok());
}

/// Goal: the guards are what refuses. Method: each is taken away, and the test that names it fails.
#[test]
fn planted_bugs_of_proofs_are_caught() {
    catches(Bug::ProofNotCompared, evidence_is_compared_with_what_is_known);
    catches(Bug::ProofNotCompared, a_noop_is_final_where_that_is_known);
    catches(Bug::ProofNotCompared, conflicts_are_the_states_own);
    catches(Bug::CoinUnsettled, coins_are_built_on_that_stay);
    catches(Bug::FeeUnbounded, fees_are_bounded);
}
