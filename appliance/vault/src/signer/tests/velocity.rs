//! How much leaves in an hour and in a day.

use exchequer_chains::Unsigned;

use super::rig::*;
use crate::policy::{Code, Intent};
use crate::record::{Committed, Decided};

fn decided(after_us: u64, unsigned: &Unsigned, intent: Intent) -> Committed {
    let (at, unsigned) = (exchequer_domain::Timestamp(NOON_US + after_us), unsigned.encode());
    Committed::Decided(Box::new(Decided { at, epoch: EPOCH, generation: 0, unsigned, intent }))
}

/// Goal: a wallet pays so much in any hour and in any 24 hours, however it is split. Method: 2 ether at a time; the windows slide.
#[test]
fn over_velocity_is_refused_however_it_is_split() {
    let rig = Rig::new();
    let mut number = 0u8;
    let mut pay = |rig: &Rig, code: Option<Code>| {
        let unsigned = rig.evm(number.into(), STRANGER, 2_000);
        match code {
            None => {
                rig.signed(&unsigned, withdrawal(number));
                number += 1;
            }
            Some(code) => rig.refuses(&unsigned, withdrawal(number), code),
        }
    };
    // Fees of a thousandth each count too: the tenth of 2 ether would be the twentieth and more.
    for _ in 0..9 {
        pay(&rig, None);
    }
    pay(&rig, Some(Code::VelocityHour));
    rig.pass(3_599);
    pay(&rig, Some(Code::VelocityHour));
    rig.pass(1);
    for _ in 0..9 {
        pay(&rig, None);
    }
    rig.pass(3_600);
    for _ in 0..6 {
        pay(&rig, None);
    }
    // 24 times 2.001 are 48.024 of 50; one more would be 50.025.
    pay(&rig, Some(Code::VelocityDay));
    rig.pass(3_600);
    pay(&rig, Some(Code::VelocityDay));
    // A clock that is set back opens nothing.
    rig.clock.store(NOON_US, std::sync::atomic::Ordering::SeqCst);
    pay(&rig, Some(Code::VelocityDay));
    rig.pass(86_400);
    for _ in 0..9 {
        pay(&rig, None);
    }
    let rig = rig.restart();
    pay(&rig, Some(Code::VelocityHour));
}

/// Goal: a replacement counts by what it adds alone, since one of them takes effect at most; other wallets count apart.
#[test]
fn a_replacement_is_not_counted_twice() {
    use exchequer_chains::KeyPurpose;
    use exchequer_chains::evm::{EvmAction, account_of_text};
    let rig = Rig::new();
    let to = account_of_text(STRANGER).unwrap();
    for round in 0..20u128 {
        let bumped = rig.evm_from(HOT, 1, EvmAction::Transfer { to, amount: 2 * ETHER }, 10_000_000_000 + round);
        rig.signed(&bumped, withdrawal(1));
    }
    for number in 2..10u8 {
        rig.signed(&rig.evm(number.into(), STRANGER, 2_000), withdrawal(number));
    }
    rig.refuses(&rig.evm(10, STRANGER, 2_000), withdrawal(10), Code::VelocityHour);
    let other = at(KeyPurpose::Hot, 1);
    rig.signed(&rig.evm_from(other, 0, EvmAction::Transfer { to, amount: ETHER }, 1_000_000_000), withdrawal(10));
}

/// Goal: what leaves is bounded also where transactions are signed that exclude each other in part. Method: one that spends nine
/// coins, then one for each of the coins, with payments of their own: the nine can all happen.
#[test]
fn a_transaction_that_is_split_up_counts_in_full() {
    let rig = Rig::new();
    const COIN: u64 = 300_000_000;
    let all: Vec<_> = (1..=9).map(|number| (number, COIN)).collect();
    let pays = [(BITCOIN_STRANGER, 200_000_000); 9];
    let batch: Vec<_> = (1..=9).map(|number| order(number, vec![])).collect();
    rig.signed(&rig.bitcoin(&all, &pays), Intent::Withdrawal(batch));
    let one = |number: u8| rig.bitcoin(&[(number, COIN)], &[(BITCOIN_STRANGER, 200_000_000)]);
    rig.refuses(&one(1), withdrawal(11), Code::VelocityHour);
    // Nor does one stand in for the nine that makes one of their payments beside another.
    let more = rig.bitcoin(&[(1, COIN)], &[(BITCOIN_STRANGER, 200_000_000), (BITCOIN_STRANGER, 50_000_000)]);
    let both = Intent::Withdrawal(vec![order(1, vec![]), order(41, vec![])]);
    rig.refuses(&more, both, Code::VelocityHour);
    rig.pass(3_600);
    for number in 2..=10u8 {
        let unsigned = rig.bitcoin(&[(number.min(9), COIN)], &[(BITCOIN_STRANGER, 200_000_000 - u64::from(number))]);
        rig.signed(&unsigned, withdrawal(20 + number));
    }
    rig.refuses(&one(1), withdrawal(40), Code::VelocityHour);
}

/// Goal: what is more than an hour allows by itself is refused as that, not as something that waits for the hour to pass: persons have
/// to look at it. Method: eleven payments of two coins in one transaction, where an hour allows twenty; ten afterwards are too many with
/// their fee, and nine are signed.
#[test]
fn too_much_at_once_is_refused_for_good() {
    let rig = Rig::new();
    let batch = |count: u8| {
        let coins: Vec<_> = (1..=count).map(|number| (number, 201_000_000)).collect();
        let orders = (1..=count).map(|number| order(number, vec![])).collect();
        (rig.bitcoin(&coins, &vec![(BITCOIN_STRANGER, 200_000_000); count.into()]), Intent::Withdrawal(orders))
    };
    for count in [11, 10] {
        let (unsigned, intent) = batch(count);
        rig.refuses(&unsigned, intent, Code::OverVelocity);
    }
    let (unsigned, intent) = batch(9);
    rig.signed(&unsigned, intent);
}

/// Goal: whoever is refused for an hour or a day is told what would be signed, to the unit, and that is signed, after what was refused
/// is given up. Method: a batch that is too much by itself; one that is too much beside it; what is left, and a satoshi more; the day.
#[test]
fn a_refusal_says_what_there_is_room_for() {
    use crate::record::Death;
    const COIN: u64 = 100_000_000;
    const FEE: u64 = 10_000;
    let rig = Rig::new();
    let batch = |first: u8, amounts: &[u64]| {
        let numbers = || (first..).take(amounts.len());
        let coins: Vec<_> = numbers().zip(amounts).map(|(number, amount)| (number, amount + 2 * FEE)).collect();
        let pays: Vec<_> = amounts.iter().map(|amount| (BITCOIN_STRANGER, *amount)).collect();
        let orders = numbers().map(|number| order(number, vec![])).collect();
        (rig.bitcoin(&coins, &pays), Intent::Withdrawal(orders))
    };
    let refused = |after_us, (unsigned, intent): (Unsigned, Intent), code| {
        rig.feed(vec![decided(after_us, &unsigned, intent.clone())]).unwrap();
        let verdict = rig.ask(&unsigned, &rig.request(&unsigned, intent)).err().unwrap();
        assert_eq!(verdict.code, code, "{verdict}");
        let body = *blake3::hash(&unsigned.encode()).as_bytes();
        rig.feed(vec![Committed::Dead { body, death: Death::NeverSigned }]).unwrap();
        verdict.room.map(|room| u64::try_from(room).unwrap())
    };
    let signed = |(unsigned, intent): (Unsigned, Intent)| drop(rig.signed(&unsigned, intent));
    assert_eq!(refused(0, batch(1, &[2 * COIN; 11]), Code::OverVelocity), Some(20 * COIN));
    signed(batch(1, &[2 * COIN; 9]));
    let left = 2 * COIN - FEE;
    assert_eq!(refused(0, batch(21, &[2 * COIN; 2]), Code::VelocityHour), Some(left));
    assert_eq!(refused(0, batch(23, &[left - FEE + 1]), Code::VelocityHour), Some(left));
    signed(batch(24, &[left - FEE]));
    rig.pass(3_600);
    signed(batch(31, &[2 * COIN; 9]));
    rig.pass(3_600);
    // Twenty and eighteen, with a fee, of fifty are gone in the day: it is that which bounds now, not the hour.
    let left = 50 * COIN - 20 * COIN - (18 * COIN + FEE);
    assert_eq!(refused(7_200_000_000, batch(41, &[2 * COIN; 7]), Code::VelocityDay), Some(left));
    signed(batch(41, &[2 * COIN; 5]));
}

/// Goal: a record of a time to come does not open the windows. Method: a decision of tomorrow is fed.
#[test]
fn a_record_of_tomorrow_is_refused() {
    let rig = Rig::new();
    let unsigned = rig.evm(1, STRANGER, 100);
    let ahead = |by_us| vec![decided(by_us, &unsigned, withdrawal(1))];
    assert_eq!(rig.feed(ahead(600_000_001)).unwrap_err().code, Code::Feed);
    rig.feed(ahead(600_000_000)).unwrap();
}

/// Goal: a payment that the hour has no room for uses up no hour by being decided anew again and again, and is paid as soon as there is
/// room; another one goes on meanwhile. Method: TRON, where what is not signed in time is given up; twelve times in an hour.
#[test]
fn what_was_given_up_uses_up_no_hour() {
    use crate::record::Death;
    use exchequer_chains::tron::{TronAction, account_of_text};
    const BILLION: u64 = 1_000_000_000;
    let mut rig = Rig::new();
    let to = account_of_text(TRON_STRANGER).unwrap();
    let pay = |rig: &Rig, sun, made_s| rig.tron(HOT, TronAction::Transfer { to, amount: sun }, made_s);
    for number in 1..=9u8 {
        rig.signed(&pay(&rig, 2 * BILLION, number.into()), withdrawal(number));
    }
    rig.signed(&pay(&rig, BILLION / 2, 10), withdrawal(10));
    for round in 0..12 {
        if round == 6 {
            rig = rig.restart();
        }
        let unsigned = pay(&rig, 2 * BILLION, round * 280);
        rig.feed(vec![decided(round * 280_000_000, &unsigned, withdrawal(20))]).unwrap();
        rig.refuses(&unsigned, withdrawal(20), Code::VelocityHour);
        rig.pass(280);
        let body = *blake3::hash(&unsigned.encode()).as_bytes();
        rig.feed(vec![Committed::Dead { body, death: Death::NeverSigned }]).unwrap();
        if round == 3 {
            rig.signed(&pay(&rig, BILLION, round * 280 + 281), withdrawal(21));
        }
    }
    rig.pass(300);
    let unsigned = pay(&rig, 2 * BILLION, 3_660);
    rig.feed(vec![decided(3_660_000_000, &unsigned, withdrawal(20))]).unwrap();
    rig.signed(&unsigned, withdrawal(20));
}

/// Goal: payments that are too much together do not keep each other from being made: those that the log decided first are, as far as
/// the hour goes, and none overtakes them. Method: twelve times 2 of 20 ether, decided in one moment.
#[test]
fn what_is_too_much_together_is_paid_in_its_order() {
    let rig = Rig::new();
    let all: Vec<_> = (1..=12u8).map(|number| rig.evm(number.into(), STRANGER, 2_000)).collect();
    let entries = all.iter().zip(1..).map(|(unsigned, number)| decided(0, unsigned, withdrawal(number)));
    rig.feed(entries.collect()).unwrap();
    let rig = rig.restart();
    rig.refuses(&all[11], withdrawal(12), Code::VelocityHour);
    for (unsigned, number) in all[..9].iter().zip(1..) {
        rig.signed(unsigned, withdrawal(number));
    }
    for number in 10..=12u8 {
        rig.refuses(&all[usize::from(number) - 1], withdrawal(number), Code::VelocityHour);
    }
    rig.pass(3_600);
    for number in 10..=12u8 {
        rig.signed(&all[usize::from(number) - 1], withdrawal(number));
    }
}

/// Goal: a signer whose clock is far ahead of the log's signs nothing, and says so; set right, it signs what it was asked for. One that
/// was not told the time signs, and holds no other signer of the vault up. Method: a clock of tomorrow at one of two.
#[test]
fn a_clock_that_is_ahead_signs_nothing() {
    use crate::record::{CLOCK_SKEW_US_MAX, Feed, Told};
    use exchequer_domain::Timestamp;
    let rig = Rig::new();
    let other = super::attempts::copy_of(&rig);
    other.core.follow(Feed { lineage: 0, epoch: EPOCH, after: 0, to: 20, entries: vec![] }).unwrap();
    let unsigned = rig.evm(1, STRANGER, 2_000);
    let request = serde_json::to_vec(&rig.request(&unsigned, withdrawal(1))).unwrap();
    let ask = |behind_us| rig.core.sign(&unsigned.encode(), &request, Some(Timestamp(NOON_US - behind_us)));
    assert_eq!(ask(CLOCK_SKEW_US_MAX + 1).unwrap_err().code, Code::Clock);
    ask(CLOCK_SKEW_US_MAX).unwrap();
    // The log may be ahead of a clock.
    rig.core.sign(&unsigned.encode(), &request, Some(Timestamp(NOON_US + 86_400_000_000))).unwrap();

    rig.pass(86_400);
    let unsigned = rig.evm(2, STRANGER, 2_000);
    let later = || {
        let until = Timestamp(UNTIL.0 * 2);
        Intent::Withdrawal(vec![crate::policy::Instruction { until, ..order(2, vec![]) }])
    };
    let record = rig.signed(&unsigned, later()).record;
    let body = *blake3::hash(&unsigned.encode()).as_bytes();
    let network = exchequer_domain::Network::Ethereum;
    let told = Told { at: Timestamp(NOON_US), network, body, claims: vec![], payments: vec![paid(2)] };
    other.feed(vec![Committed::SignedAs { record, told: Box::new(told) }]).unwrap();
    let mut other = other.restart();
    for restart in [false, true] {
        if restart {
            other = other.restart();
        }
        other.refuses(&other.evm(3, STRANGER, 2_000), withdrawal(2), Code::NotExclusive);
        assert_eq!(other.core.standing().unwrap().unread, 0);
    }
    for number in 3..=10u8 {
        other.signed(&other.evm(number.into(), STRANGER, 2_000), withdrawal(number));
    }
    other.refuses(&other.evm(11, STRANGER, 2_000), withdrawal(11), Code::VelocityHour);
    // Ten minutes more than an hour, and not a day.
    other.pass(4_200);
    other.signed(&other.evm(11, STRANGER, 2_000), withdrawal(11));
}
