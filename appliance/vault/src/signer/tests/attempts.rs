//! One payment, one effect: nonces, replacements, inputs, expiry, crashes.

use exchequer_chains::tron::{TronAction, account_of_text as tron_account};
use exchequer_chains::{Exclusion, Unsigned};

use super::rig::*;
use crate::policy::{Code, Intent, NONCE_WINDOW};
use crate::record::{Committed, Death, SigningRecord};

/// Goal: a nonce serves one payment. Method: a second transaction of another payment, of the same payment to somebody else, of
/// more; then a fee bump and a no-op, which are allowed, and after them the first ones again.
#[test]
fn a_second_digest_for_a_nonce_is_refused() {
    let rig = Rig::new();
    let first = rig.evm(5, STRANGER, 100);
    rig.signed(&first, withdrawal(1));
    let (more, elsewhere) = (rig.evm(5, STRANGER, 200), rig.evm(5, "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65", 100));
    let bumped = rig.evm_from(
        HOT,
        5,
        exchequer_chains::evm::EvmAction::Transfer {
            to: exchequer_chains::evm::account_of_text(STRANGER).unwrap(),
            amount: ETHER / 10,
        },
        20_000_000_000,
    );
    for of_another in [Code::NonceTaken, Code::PaymentChanged] {
        rig.refuses(&more, withdrawal(2), Code::NonceTaken);
        rig.refuses(&bumped, withdrawal(2), of_another);
        rig.refuses(&more, withdrawal(1), Code::PaymentChanged);
        rig.refuses(&elsewhere, withdrawal(1), Code::PaymentChanged);
        rig.refuses(&first, withdrawal(2), Code::PaymentChanged);
        // The same payment at another nonce would be paid twice.
        rig.refuses(&rig.evm(6, STRANGER, 100), withdrawal(1), Code::NotExclusive);
        assert!(rig.ask(&bumped, &rig.request(&bumped, withdrawal(1))).is_ok());
        assert!(rig.ask(&rig.noop(5), &rig.request(&rig.noop(5), Intent::Noop)).is_ok());
    }
    // A nonce that was used up serves nobody afterwards.
    rig.signed(&rig.noop(9), Intent::Noop);
    rig.refuses(&rig.evm(9, STRANGER, 100), withdrawal(3), Code::NonceTaken);
    // Far below what was signed is nothing that was left over.
    rig.refuses(&rig.evm(10 + NONCE_WINDOW, STRANGER, 100), withdrawal(4), Code::NonceFar);
    rig.signed(&rig.evm(9 + NONCE_WINDOW, STRANGER, 100), withdrawal(4));
    rig.refuses(&rig.evm(8, STRANGER, 100), withdrawal(5), Code::NonceOld);
}

/// Goal: a payment whose nonce went to a no-op can be made again once that is proven, and not before.
#[test]
fn a_displaced_payment_can_be_made_again() {
    let rig = Rig::new();
    let first = rig.evm(5, STRANGER, 100);
    let record = rig.signed(&first, withdrawal(1)).record;
    let noop = rig.signed(&rig.noop(5), Intent::Noop).record;
    let again = rig.evm(6, STRANGER, 100);
    rig.refuses(&again, withdrawal(1), Code::NotExclusive);
    let body = |record: &[u8]| SigningRecord::peek(record).unwrap().body;
    let dead = |by: &[u8]| Committed::Dead { body: body(&record), death: Death::Displaced { by: body(by) } };
    // What proves nothing is passed over.
    rig.feed(vec![dead(&record)]).unwrap();
    rig.refuses(&again, withdrawal(1), Code::NotExclusive);
    rig.feed(vec![dead(&noop)]).unwrap();
    rig.signed(&again, withdrawal(1));
    rig.feed(vec![Committed::Over(paid(1))]).unwrap();
    rig.refuses(&rig.evm(7, STRANGER, 100), withdrawal(1), Code::PaymentOver);
}

/// Goal: of seven that ask at once for different payments with one nonce, one is served.
#[test]
fn of_seven_at_once_one_is_served() {
    let rig = Rig::new();
    let asked: Vec<_> = (1..=7u8)
        .map(|number| {
            let unsigned = rig.evm(5, STRANGER, u128::from(number));
            let request = rig.request(&unsigned, withdrawal(number));
            (unsigned, request)
        })
        .collect();
    let start = std::sync::Barrier::new(7);
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = asked
            .iter()
            .map(|(unsigned, request)| {
                scope.spawn(|| {
                    start.wait();
                    rig.ask(unsigned, request)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err());
    assert!(refused.clone().all(|verdict| verdict.code == Code::NonceTaken));
    assert_eq!(refused.count(), 6);
}

/// Goal: who asks again after a crash gets the same bytes, and another payment is refused as before. Method: the process is
/// begun anew after the signature, also without the signature having been told.
#[test]
fn after_a_crash_the_same_is_signed_with_the_same_bytes() {
    let rig = Rig::new();
    let first = rig.evm(5, STRANGER, 1_500);
    let given = rig.signed(&first, withdrawal(1));
    let spent = rig.core.standing().unwrap();
    let rig = rig.restart();
    let request = rig.request(&first, withdrawal(1));
    for _ in 0..3 {
        let (code, again) = rig.ask(&first, &request).unwrap();
        assert_eq!((code, &again), (Code::SignedAgain, &given));
    }
    assert_eq!(rig.core.standing().unwrap().epoch, spent.epoch);
    rig.refuses(&rig.evm(5, STRANGER, 100), withdrawal(2), Code::NonceTaken);
    // What came through the log is known too.
    let other = Rig::new();
    other.refuses(&rig.evm(5, STRANGER, 20_000), withdrawal(2), Code::NoRule);
}

/// Goal: what one signer signed, another one of the same vault knows after it followed the log; velocity included.
#[test]
fn another_signer_follows() {
    let rig = Rig::new();
    let records: Vec<_> = (0..9u8)
        .map(|number| rig.signed(&rig.evm(number.into(), STRANGER, 2_000), withdrawal(number)).record)
        .map(Committed::Signed)
        .collect();
    // The same vault's folder on another node: a copy of the sealed file and policy, and a memory that knows nothing.
    let other = copy_of(&rig);
    other.core.follow(crate::record::Feed { lineage: 0, epoch: EPOCH, after: 0, to: 20, entries: vec![] }).unwrap();
    other.feed(records).unwrap();
    other.refuses(&other.evm(3, STRANGER, 1), withdrawal(77), Code::NonceTaken);
    other.refuses(&other.evm(20, STRANGER, 2_000), withdrawal(3), Code::NotExclusive);
    other.signed(&other.evm(20, STRANGER, 1_900), withdrawal(78));
    other.refuses(&other.evm(21, STRANGER, 1_000), withdrawal(79), Code::VelocityHour);
}

pub(super) fn copy_of(rig: &Rig) -> Rig {
    let other = Rig::new();
    let Rig { folder, clock, core } = other;
    drop(core);
    let (from, to) = (rig.path(), folder.path().join("vault"));
    for name in ["vault.sealed", "policy.sealed"] {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
    std::fs::copy(rig.folder.path().join("key"), folder.path().join("key")).unwrap();
    std::fs::remove_file(to.join("memory.log")).unwrap();
    let key = folder.path().join("key");
    let vault = crate::sealed::open(&to, &crate::sealed::Opener::KeyFile(&key)).unwrap();
    crate::record::recreate(&to, &vault, exchequer_domain::Timestamp(NOON_US)).unwrap();
    let core = crate::signer::Core::new(&to, Box::new(|| exchequer_domain::Timestamp(NOON_US))).unwrap();
    Rig { folder, clock, core }.restart()
}

fn trx(rig: &Rig, sun: u64, made_s: u64) -> Unsigned {
    let to = tron_account(TRON_STRANGER).unwrap();
    rig.tron(HOT, TronAction::Transfer { to, amount: sun }, made_s)
}

/// Goal: nothing replaces a TRON transaction: a second one is signed after proof alone that the first can never come.
#[test]
fn a_second_tron_transaction_needs_proof() {
    let rig = Rig::new();
    let first = rig.signed(&trx(&rig, 5_000_000, 0), withdrawal(1));
    let again = trx(&rig, 5_000_000, 1);
    rig.refuses(&again, withdrawal(1), Code::NotExclusive);
    let body = SigningRecord::peek(&first.record).unwrap().body;
    let expires = NOON_US / 1_000 + 300_000;
    let two = || vec!["one".to_owned(), "two".to_owned()];
    let dead = |solid_ms, endpoints| vec![Committed::Dead { body, death: Death::Expired { solid_ms, endpoints } }];
    rig.pass(301);
    assert_eq!(rig.feed(dead(expires + 1, two())).unwrap_err().code, Code::Feed, "not by the signer's clock");
    rig.pass(100);
    // What no time cures is passed over: the first one stays alive, and the log goes on.
    rig.feed(dead(expires, two())).unwrap();
    rig.feed(dead(expires + 1, vec!["one".into()])).unwrap();
    rig.refuses(&again, withdrawal(1), Code::NotExclusive);
    rig.feed(dead(expires + 1, two())).unwrap();
    rig.refuses(&trx(&rig, 6_000_000, 400), withdrawal(1), Code::PaymentChanged);
    rig.signed(&trx(&rig, 5_000_000, 400), withdrawal(1));
    rig.refuses(&trx(&rig, 5_000_000, 401), withdrawal(1), Code::NotExclusive);
}

/// Goal: every attempt of a Bitcoin payment excludes every earlier one; a coin has one amount.
#[test]
fn a_second_bitcoin_transaction_shares_an_input_with_every_earlier_one() {
    let rig = Rig::new();
    const COIN: u64 = 100_000_000;
    let pay = |inputs: &[u8], sat| {
        let inputs: Vec<_> = inputs.iter().map(|number| (*number, COIN)).collect();
        rig.bitcoin(&inputs, &[(BITCOIN_STRANGER, sat)])
    };
    rig.signed(&pay(&[1], COIN / 2), withdrawal(1));
    rig.refuses(&pay(&[2], COIN / 2), withdrawal(1), Code::NotExclusive);
    rig.signed(&pay(&[1, 2], COIN / 2), withdrawal(1));
    rig.refuses(&pay(&[2, 3], COIN / 2), withdrawal(1), Code::NotExclusive);
    rig.signed(&pay(&[1, 3], COIN / 2), withdrawal(1));
    // A batch that leaves nobody out.
    let both = rig.bitcoin(&[(1, COIN), (4, COIN)], &[(BITCOIN_STRANGER, COIN / 2), (BITCOIN_STRANGER, COIN / 4)]);
    let batch = |first, second| Intent::Withdrawal(vec![order(first, vec![]), order(second, vec![])]);
    rig.refuses(&both, batch(1, 1), Code::Malformed);
    rig.refuses(&both, batch(2, 1), Code::PaymentChanged);
    rig.refuses(&both, withdrawal(1), Code::OtherThanDescribed);
    rig.signed(&both, batch(1, 2));
    rig.refuses(&pay(&[5], COIN / 4), withdrawal(2), Code::NotExclusive);
    rig.signed(&pay(&[4], COIN / 4), withdrawal(2));
    // Two signatures over different amounts of one coin could be put together to pay a fee that nobody agreed to.
    let lie = rig.bitcoin(&[(4, 3 * COIN)], &[(BITCOIN_STRANGER, COIN / 4)]);
    assert!(matches!(rig.request(&lie, Intent::Noop).description.exclusion, Exclusion::Inputs(_)));
    rig.refuses(&lie, withdrawal(2), Code::AmountChanged);
    let gathered = rig.bitcoin(&[(6, COIN), (7, COIN)], &[]);
    rig.signed(&gathered, Intent::Noop);
}

/// Goal: what the cluster decided counts before anybody signed it: another signer keeps its nonce, payment and velocity for it,
/// and signs it once asked; where the policy says so, nothing else is signed.
#[test]
fn what_was_decided_counts_before_it_is_signed() {
    use crate::record::Decided;
    let rig = Rig::new();
    let decided = |unsigned: &Unsigned, intent| {
        let (at, unsigned) = (exchequer_domain::Timestamp(NOON_US), unsigned.encode());
        Committed::Decided(Box::new(Decided { at, epoch: EPOCH, generation: 0, unsigned, intent }))
    };
    let all: Vec<_> = (1..=9u8).map(|number| rig.evm(number.into(), STRANGER, 2_000)).collect();
    let entries = all.iter().zip(1..).map(|(unsigned, number)| decided(unsigned, withdrawal(number)));
    rig.feed(entries.collect()).unwrap();
    let rig = rig.restart();
    rig.refuses(&rig.evm(1, STRANGER, 100), withdrawal(20), Code::NonceTaken);
    rig.refuses(&rig.evm(20, STRANGER, 2_000), withdrawal(1), Code::NotExclusive);
    rig.refuses(&rig.evm(20, STRANGER, 2_000), withdrawal(20), Code::VelocityHour);
    for (unsigned, number) in all.iter().zip(1..) {
        rig.signed(unsigned, withdrawal(number));
    }
    let (code, _) = rig.ask(&all[0], &rig.request(&all[0], withdrawal(1))).unwrap();
    assert_eq!(code, Code::SignedAgain);
    let body = *blake3::hash(&all[0].encode()).as_bytes();
    let never = vec![Committed::Dead { body, death: Death::NeverSigned }];
    // It was signed here: it stays alive.
    rig.feed(never).unwrap();
    rig.refuses(&rig.evm(10, STRANGER, 2_000), withdrawal(1), Code::NotExclusive);
    rig.ask(&all[0], &rig.request(&all[0], withdrawal(1))).unwrap();
    // Decided and given up: its payment goes another way.
    rig.pass(3_600);
    let given_up = rig.evm(30, STRANGER, 100);
    let body = *blake3::hash(&given_up.encode()).as_bytes();
    rig.feed(vec![decided(&given_up, withdrawal(30))]).unwrap();
    rig.refuses(&rig.evm(31, STRANGER, 100), withdrawal(30), Code::NotExclusive);
    rig.feed(vec![Committed::Dead { body, death: Death::NeverSigned }]).unwrap();
    rig.signed(&rig.evm(31, STRANGER, 100), withdrawal(30));

    let params = exchequer_chains::NetworkParams::mainnet(exchequer_domain::Network::Polygon);
    let Unsigned::Evm(like) = rig.evm(1, STRANGER, 100) else { panic!("another family") };
    let mut tx = like.tx().clone();
    tx.chain_id = 137;
    let there = exchequer_chains::evm::UnsignedEvm::new(&params, HOT, *like.from(), tx).unwrap();
    let there = Unsigned::Evm(there);
    rig.refuses(&there, withdrawal(40), Code::NotDecided);
    rig.feed(vec![decided(&there, withdrawal(40))]).unwrap();
    rig.signed(&there, withdrawal(40));
}
