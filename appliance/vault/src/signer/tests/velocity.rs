//! How much leaves in an hour and in a day.

use super::rig::*;
use crate::policy::Code;

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
    rig.signed(&rig.bitcoin(&all, &pays), crate::policy::Intent::Withdrawal(batch));
    let one = |number: u8| rig.bitcoin(&[(number, COIN)], &[(BITCOIN_STRANGER, 200_000_000)]);
    rig.refuses(&one(1), withdrawal(11), Code::VelocityHour);
    // Nor does one stand in for the nine that makes one of their payments beside another.
    let more = rig.bitcoin(&[(1, COIN)], &[(BITCOIN_STRANGER, 200_000_000), (BITCOIN_STRANGER, 50_000_000)]);
    let both = crate::policy::Intent::Withdrawal(vec![order(1, vec![]), order(41, vec![])]);
    rig.refuses(&more, both, Code::VelocityHour);
    rig.pass(3_600);
    for number in 2..=10u8 {
        let unsigned = rig.bitcoin(&[(number.min(9), COIN)], &[(BITCOIN_STRANGER, 200_000_000 - u64::from(number))]);
        rig.signed(&unsigned, withdrawal(20 + number));
    }
    rig.refuses(&one(1), withdrawal(40), Code::VelocityHour);
}

/// Goal: a record of a time to come does not open the windows. Method: a decision of tomorrow is fed.
#[test]
fn a_record_of_tomorrow_is_refused() {
    use crate::record::{Committed, Decided};
    let rig = Rig::new();
    let unsigned = rig.evm(1, STRANGER, 100);
    let decided = |ahead_us| {
        let at = exchequer_domain::Timestamp(NOON_US + ahead_us);
        let (unsigned, intent) = (unsigned.encode(), withdrawal(1));
        vec![Committed::Decided(Box::new(Decided { at, epoch: EPOCH, generation: 0, unsigned, intent }))]
    };
    assert_eq!(rig.feed(decided(600_000_001)).unwrap_err().code, Code::Feed);
    rig.feed(decided(600_000_000)).unwrap();
}
