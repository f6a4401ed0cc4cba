//! A log that lies: what is fed without a signature of the vault never makes more possible than nothing would.

use exchequer_chains::evm::{EvmAction, account_of_text};
use exchequer_chains::tron::{TronAction, account_of_text as tron_account};
use exchequer_chains::{Exclusion, Unsigned};
use exchequer_domain::Timestamp;

use super::attempts::copy_of;
use super::rig::*;
use crate::policy::{Code, Intent};
use crate::record::{Committed, Death, Decided, FEED_SPAN_MAX, Feed};

const TWO_DAYS_US: u64 = 2 * 86_400_000_000;

fn decided(at_us: u64, unsigned: &Unsigned, intent: Intent) -> Committed {
    let (at, unsigned) = (Timestamp(at_us), unsigned.encode());
    Committed::Decided(Box::new(Decided { at, epoch: EPOCH, generation: 0, unsigned, intent }))
}

fn dead(unsigned: &Unsigned, death: Death) -> Vec<Committed> {
    vec![Committed::Dead { body: body(unsigned), death }]
}

fn body(unsigned: &Unsigned) -> [u8; 32] {
    *blake3::hash(&unsigned.encode()).as_bytes()
}

/// Goal: a payment that is approved once is not signed again and again under decisions for other payments. Method: decided as
/// one, asked as another, with several nonces; what was decided is signed.
#[test]
fn what_was_decided_for_one_payment_is_not_signed_for_another() {
    let rig = Rig::new();
    let all: Vec<_> = (1..=3u8).map(|number| rig.evm(number.into(), STRANGER, 100)).collect();
    let entries = all.iter().zip(90..).map(|(unsigned, number)| decided(NOON_US, unsigned, withdrawal(number)));
    rig.feed(entries.collect()).unwrap();
    for unsigned in &all {
        rig.refuses(unsigned, withdrawal(2), Code::PaymentChanged);
    }
    rig.signed(&all[0], withdrawal(90));
    rig.refuses(&all[0], withdrawal(2), Code::PaymentChanged);
}

/// Goal: a decision of long ago leaves no window of velocity empty. Method: ten decided two days ago and signed now; ten whose
/// siblings were decided so; nine decided so after a signature, and one more asked for.
#[test]
fn what_was_decided_long_ago_counts_when_it_is_signed() {
    let ten = |rig: &Rig| (1..=10u8).map(|number| rig.evm(number.into(), STRANGER, 2_000)).collect::<Vec<_>>();
    let feed = |rig: &Rig, all: &[Unsigned]| {
        let entries = all.iter().zip(1..);
        let entries = entries.map(|(unsigned, number)| decided(NOON_US - TWO_DAYS_US, unsigned, withdrawal(number)));
        rig.feed(entries.collect()).unwrap();
    };
    let rig = Rig::new();
    let all = ten(&rig);
    feed(&rig, &all);
    for (unsigned, number) in all[..9].iter().zip(1..) {
        rig.signed(unsigned, withdrawal(number));
    }
    rig.refuses(&all[9], withdrawal(10), Code::VelocityHour);
    let rig = rig.restart();
    rig.refuses(&all[9], withdrawal(10), Code::VelocityHour);

    let rig = Rig::new();
    feed(&rig, &ten(&rig));
    let to = account_of_text(STRANGER).unwrap();
    let bumped =
        |number: u8| rig.evm_from(HOT, number.into(), EvmAction::Transfer { to, amount: 2 * ETHER }, 11_000_000_000);
    for number in 1..=9 {
        rig.signed(&bumped(number), withdrawal(number));
    }
    rig.refuses(&bumped(10), withdrawal(10), Code::VelocityHour);

    let rig = Rig::new();
    rig.signed(&rig.evm(0, STRANGER, 100), withdrawal(50));
    feed(&rig, &ten(&rig)[..9]);
    rig.refuses(&rig.evm(20, STRANGER, 2_000), withdrawal(20), Code::VelocityHour);
}

/// Goal: a decision keeps no approval alive that is over.
#[test]
fn a_decision_revives_no_approval() {
    let rig = Rig::new();
    let unsigned = rig.evm(1, STRANGER, 3_000);
    let approval = consent(1, &unsigned, &order(1, vec![]));
    let intent = || Intent::Withdrawal(vec![order(1, vec![approval.clone()])]);
    rig.feed(vec![decided(NOON_US, &unsigned, intent())]).unwrap();
    rig.pass(86_401);
    rig.refuses(&unsigned, intent(), Code::ApprovalExpired);
}

/// Goal: what was declared as never signed is signed no more, and a signature that exists all the same is alive again. Method:
/// another signer of the vault, which was told nothing, signs it.
#[test]
fn what_was_given_up_is_not_signed() {
    let rig = Rig::new();
    let other = copy_of(&rig);
    other.core.follow(Feed { lineage: 0, epoch: EPOCH, after: 0, to: 20, entries: vec![] }).unwrap();
    let (given_up, again) = (rig.evm(30, STRANGER, 100), rig.evm(31, STRANGER, 100));
    rig.feed(vec![decided(NOON_US, &given_up, withdrawal(30))]).unwrap();
    rig.feed(dead(&given_up, Death::NeverSigned)).unwrap();
    let rig = rig.restart();
    rig.refuses(&given_up, withdrawal(30), Code::AttemptDead);
    let record = other.signed(&given_up, withdrawal(30)).record;
    rig.feed(vec![Committed::Signed(record)]).unwrap();
    let rig = rig.restart();
    rig.refuses(&again, withdrawal(30), Code::NotExclusive);
}

/// Goal: a nonce or a coin that is used ends an attempt only where a signed one is known that used it for something else.
#[test]
fn what_used_a_nonce_or_a_coin_must_be_known() {
    let rig = Rig::new();
    let first = rig.evm(5, STRANGER, 100);
    rig.signed(&first, withdrawal(1));
    let again = rig.evm(6, STRANGER, 100);
    let noop = rig.noop(5);
    rig.feed(dead(&first, Death::NonceUsed { next: 9 })).unwrap();
    rig.refuses(&again, withdrawal(1), Code::NotExclusive);
    rig.feed(vec![decided(NOON_US, &noop, Intent::Noop)]).unwrap();
    for death in [Death::NonceUsed { next: 9 }, Death::Displaced { by: body(&noop) }] {
        rig.feed(dead(&first, death)).unwrap();
        rig.refuses(&again, withdrawal(1), Code::NotExclusive);
    }
    rig.signed(&noop, Intent::Noop);
    rig.feed(dead(&first, Death::NonceUsed { next: 5 })).unwrap();
    rig.refuses(&again, withdrawal(1), Code::NotExclusive);
    rig.feed(dead(&first, Death::NonceUsed { next: 6 })).unwrap();
    rig.signed(&again, withdrawal(1));

    const COIN: u64 = 100_000_000;
    let pay = |coin| rig.bitcoin(&[(coin, COIN)], &[(BITCOIN_STRANGER, COIN / 2)]);
    rig.signed(&pay(1), withdrawal(2));
    let Exclusion::Inputs(inputs) = rig.request(&pay(1), Intent::Noop).description.exclusion else {
        panic!("no coins")
    };
    let conflict = |confirmations| Death::Conflict { coin: inputs[0].outpoint, confirmations };
    rig.feed(dead(&pay(1), conflict(100))).unwrap();
    rig.refuses(&pay(2), withdrawal(2), Code::NotExclusive);
    rig.signed(&rig.bitcoin(&[(1, COIN), (7, COIN)], &[]), Intent::Noop);
    rig.feed(dead(&pay(1), conflict(5))).unwrap();
    rig.refuses(&pay(2), withdrawal(2), Code::NotExclusive);
    rig.feed(dead(&pay(1), conflict(6))).unwrap();
    rig.signed(&pay(2), withdrawal(2));
}

/// Goal: a payment on whose parent's change another one is built is dead where something was signed that takes the parent's place, also
/// two deep and after a restart, and where nothing was, or what was makes the payment itself, it is not. Method: three transactions,
/// each out of the change of the one before it; deaths of the last two before and after another one is signed for the first.
#[test]
fn what_is_built_on_a_displaced_payment_is_dead() {
    const COIN: u64 = 100_000_000;
    let rig = Rig::new();
    let first = rig.bitcoin(&[(1, COIN)], &[(BITCOIN_STRANGER, COIN / 2)]);
    let change = |of: &Unsigned| {
        let Unsigned::Bitcoin(of) = of else { panic!("another family") };
        exchequer_domain::OutPoint { tx: of.id(), vout: 1 }
    };
    let child = rig.bitcoin_of(&[(change(&first), COIN / 4)], &[(BITCOIN_STRANGER, COIN / 8)]);
    let grandchild = rig.bitcoin_of(&[(change(&child), COIN / 16)], &[(BITCOIN_STRANGER, COIN / 32)]);
    for (unsigned, number) in [(&first, 1), (&child, 2), (&grandchild, 3)] {
        rig.signed(unsigned, withdrawal(number));
    }
    let conflict = |coin, confirmations| Death::Conflict { coin, confirmations };
    let other = rig.bitcoin(&[(8, COIN)], &[(BITCOIN_STRANGER, COIN / 8)]);
    let last = rig.bitcoin(&[(9, COIN)], &[(BITCOIN_STRANGER, COIN / 32)]);
    rig.feed(dead(&child, conflict(change(&first), 6))).unwrap();
    rig.feed(dead(&grandchild, conflict(change(&child), 6))).unwrap();
    rig.refuses(&other, withdrawal(2), Code::NotExclusive);
    // Another attempt of the first payment, which takes its place.
    rig.signed(&rig.bitcoin(&[(1, COIN), (7, COIN)], &[(BITCOIN_STRANGER, COIN / 2)]), withdrawal(1));
    rig.feed(dead(&child, conflict(change(&first), 5))).unwrap();
    rig.feed(dead(&child, conflict(change(&child), 6))).unwrap();
    rig.feed(dead(&first, conflict(change(&first), 6))).unwrap();
    rig.refuses(&other, withdrawal(2), Code::NotExclusive);
    let rig = rig.restart();
    rig.feed(dead(&grandchild, conflict(change(&child), 6))).unwrap();
    rig.signed(&last, withdrawal(3));
    rig.feed(dead(&child, conflict(change(&first), 6))).unwrap();
    rig.signed(&other, withdrawal(2));
}

/// Goal: a death of what this signer does not know does not hold it up. Method: one of each kind.
#[test]
fn the_death_of_an_unknown_attempt_is_passed_over() {
    let rig = Rig::new();
    let unknown = rig.evm(5, STRANGER, 100);
    let endpoints = vec!["one".to_owned(), "two".to_owned()];
    for death in
        [Death::NonceUsed { next: 6 }, Death::Displaced { by: [1; 32] }, Death::Expired { solid_ms: 1, endpoints }]
    {
        rig.feed(dead(&unknown, death)).unwrap();
    }
    rig.signed(&unknown, withdrawal(1));
}

/// Goal: nothing reaches far ahead: a feed, the epoch of a decision, a TRON transaction's last moment; and no sweep has the name
/// of a withdrawal's payment.
#[test]
fn nothing_reaches_far_ahead() {
    let rig = Rig::new();
    let to = 20 + FEED_SPAN_MAX;
    let far = |to| rig.core.follow(Feed { lineage: 0, epoch: EPOCH, after: 20, to, entries: vec![] });
    assert_eq!(far(to + 1).unwrap_err().code, Code::Feed);
    assert_eq!(far(u64::MAX).unwrap_err().code, Code::Feed);
    let Committed::Decided(mut later) = decided(NOON_US, &rig.evm(1, STRANGER, 1), withdrawal(1)) else {
        panic!("other")
    };
    later.epoch = EPOCH + 1;
    assert_eq!(rig.feed(vec![Committed::Decided(later)]).unwrap_err().code, Code::Feed);
    assert_eq!(far(to).unwrap(), to);
    let to = tron_account(TRON_STRANGER).unwrap();
    let trx = |made_s| rig.tron(HOT, TronAction::Transfer { to, amount: 5_000_000 }, made_s);
    rig.refuses(&trx(121), withdrawal(1), Code::ExpiryFar);
    rig.signed(&trx(120), withdrawal(1));
    let to = account_of_text("0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65").unwrap();
    let sweep = rig.evm_from(DEPOSIT, 0, EvmAction::Transfer { to, amount: ETHER }, 10_000_000_000);
    rig.refuses(&sweep, Intent::Sweep { id: paid(7) }, Code::Malformed);
}
