//! What counts against velocity, and from when on.

use super::*;

/// Goal: one signature that was made by a clock far ahead holds no other signer up and moves its time no further than its commit,
/// also after a restart and in a shorter file; the tag is still asked for. Method: a record of tomorrow that was committed today.
#[test]
fn a_clock_that_was_ahead_holds_nobody_up() {
    const DAY_US: u64 = 86_400_000_000;
    let (folder, mut memory) = fresh();
    let today = Timestamp(1_000 * DAY_US);
    let tomorrow = SigningRecord { at: Timestamp(today.0 + DAY_US), ..record(1, 1, nonce(1)) };
    let signed = |record: &SigningRecord, at| {
        let Committed::Signed(sealed) = committed(record) else { panic!("another kind") };
        let told = Told { at, network: record.network, body: record.body, claims: vec![], payments: vec![] };
        Committed::SignedAs { record: sealed, told: Box::new(told) }
    };
    let entries = vec![(1, signed(&tomorrow, today)), (2, signed(&record(2, 2, nonce(2)), today))];
    memory.follow(feed(0, 2, entries), today, none).unwrap();
    let by = Timestamp(today.0 + CLOCK_SKEW_US_MAX);
    for step in 0..3 {
        let known = memory.known();
        assert_eq!(known.no_earlier(today), by, "step {step}");
        assert!(known.is_vouched(&tomorrow.body) && known.unread() == 0, "step {step}");
        let within = |now| known.counted("w", &Coin::Native, now, 3_600_000_000, &[9; 32]);
        assert_eq!((within(by), within(Timestamp(by.0 + 3_600_000_000))), (10, 0), "step {step}");
        if step == 1 {
            (3..60).for_each(|to| memory.follow(feed(to - 1, to, vec![]), today, none).unwrap());
            memory.compact(VAULT, Timestamp(1)).unwrap();
        }
        drop(memory);
        memory = open(folder.path()).unwrap();
    }
    // A commit of tomorrow is no committed one, and a record alone says nothing of its commit.
    let late = signed(&record(3, 3, nonce(3)), tomorrow.at);
    assert!(matches!(memory.follow(feed(59, 60, vec![(60, late)]), today, none), Err(MemoryError::Future)));
    let alone = SigningRecord { body: [4; 32], ..tomorrow };
    assert!(matches!(
        memory.follow(feed(59, 60, vec![(60, committed(&alone))]), today, none),
        Err(MemoryError::Future)
    ));
}

/// Goal: an attempt that was given up unsigned counts nothing against velocity, one that was signed all the same counts again, and
/// what was decided counts for what was decided later alone. Method: by steps, each after a restart and in a shorter file too.
#[test]
fn what_counts_follows_the_log() {
    let (folder, mut memory) = fresh();
    let now = Timestamp(1 << 50);
    let decide = |decided: &Decided| {
        let body = decided.unsigned[0];
        // In one moment, and hashed otherwise than in their order.
        Some(SigningRecord { at: decided.at, body: [200 - body; 32], ..record(body, body, nonce(body.into())) })
    };
    let decided = |body: u8| {
        let intent = crate::policy::Intent::Noop;
        Committed::Decided(Box::new(Decided { at: now, epoch: 1, generation: 0, unsigned: vec![body], intent }))
    };
    let never = |body: u8| Committed::Dead { body: [200 - body; 32], death: Death::NeverSigned };
    let signed = SigningRecord { at: now, body: [199; 32], ..record(1, 1, nonce(1)) };
    let mut at = 0;
    for (entry, counted) in [
        (decided(1), [0, 10, 10, 10]),
        (decided(2), [0, 10, 20, 20]),
        (decided(3), [0, 10, 20, 30]),
        (never(1), [0, 0, 10, 20]),
        (never(2), [0, 0, 0, 10]),
        (committed(&signed), [0, 10, 10, 20]),
        (never(1), [0, 10, 10, 20]),
        (Committed::Over(PaymentId([7; 16])), [0, 10, 10, 20]),
    ] {
        at += 1;
        memory.follow(feed(at - 1, at, vec![(at, entry)]), now, decide).unwrap();
        for step in 0..3 {
            let found = [1, 2, 3, 4]
                .map(|body: u8| memory.known().counted("w", &Coin::Native, now, 3_600_000_000, &[200 - body; 32]));
            assert_eq!(found, counted, "after {at}, step {step}");
            if step == 1 {
                (0..60).for_each(|_| memory.follow(feed(at, at, vec![]), now, none).unwrap());
                memory.compact(VAULT, Timestamp(1)).unwrap();
            }
            drop(memory);
            memory = open(folder.path()).unwrap();
        }
    }
}
