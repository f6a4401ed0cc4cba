mod counting;

use std::fs;

use exchequer_chains::{Coin, Exclusion};
use exchequer_domain::{ChainAddress, Network};

use super::*;

const VAULT: [u8; 16] = [7; 16];

fn key() -> Key32 {
    Key32::take(&mut [9; 32])
}

fn open(folder: &Path) -> Result<Memory, MemoryError> {
    Memory::open(folder, VAULT, &key())
}

fn fresh() -> (tempfile::TempDir, Memory) {
    let folder = tempfile::tempdir().unwrap();
    Memory::create(folder.path(), VAULT, Timestamp(1)).unwrap();
    let memory = open(folder.path()).unwrap();
    (folder, memory)
}

fn record(body: u8, payment: u8, exclusion: Exclusion) -> SigningRecord {
    SigningRecord {
        vault: VAULT,
        at: Timestamp(1_000_000 * u64::from(body)),
        epoch: 1,
        network: Network::Ethereum,
        generation: 0,
        wallet: "w".into(),
        noop: false,
        payments: vec![Paid { id: PaymentId([payment; 16]), what: [payment; 32] }],
        body: [body; 32],
        exclusion,
        outflow: vec![Outflow { coin: Coin::Native, total: 10, counted: 10 }],
        tx: None,
    }
}

fn nonce(nonce: u64) -> Exclusion {
    Exclusion::Nonce { chain_id: 1, account: ChainAddress::canonical("0xabc").unwrap(), nonce }
}

fn expiry(expires_ms: u64) -> Exclusion {
    Exclusion::Expiry { ref_block_bytes: [0; 2], ref_block_hash: [0; 8], expires_ms, made_ms: 0 }
}

fn feed(after: u64, to: u64, entries: Vec<(u64, Committed)>) -> Feed {
    Feed { lineage: 0, epoch: 1, after, to, entries }
}

fn none(_: &Decided) -> Option<SigningRecord> {
    None
}

fn committed(record: &SigningRecord) -> Committed {
    Committed::Signed(record.seal(&key().derive("exchequer vault signing record v1")).unwrap())
}

/// Goal: a crash at any byte of a write forgets nothing that was answered, and no more is taken for answered; any other change
/// is damage. Method: three signatures, the file cut at every length, grown by zeros, and each of its bytes flipped.
#[test]
fn a_crash_at_any_byte_forgets_nothing() {
    let (folder, mut memory) = fresh();
    let path = folder.path().join(FILE_NAME);
    let mut ends = vec![fs::metadata(&path).unwrap().len()];
    for body in 1..=3 {
        memory.remember(&record(body, body, nonce(u64::from(body)))).unwrap();
        ends.push(fs::metadata(&path).unwrap().len());
    }
    drop(memory);
    let whole = fs::read(&path).unwrap();
    let known = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        open(folder.path()).map(|memory| memory.known.attempts.len())
    };
    for length in (ends[0] as usize)..=whole.len() {
        let answered = ends.iter().filter(|end| **end as usize <= length).count() - 1;
        assert_eq!(known(&whole[..length]).unwrap(), answered, "cut at {length}");
        let mut grown = whole[..length].to_vec();
        grown.resize(whole.len(), 0);
        match known(&grown) {
            Ok(found) => assert_eq!(found, answered, "zeros from {length}"),
            // The last few bytes of a frame: not told from damage, and refused rather than forgotten.
            Err(MemoryError::Damaged { .. }) => {
                let near = ends.iter().any(|end| (length + 1..length + 16).contains(&(*end as usize)));
                assert!(near, "zeros from {length}");
            }
            Err(other) => panic!("{other}"),
        }
    }
    for at in 0..whole.len() {
        let mut wrong = whole.clone();
        wrong[at] ^= 0x10;
        assert!(known(&wrong).is_err(), "byte {at}");
    }
    assert_eq!(known(&whole).unwrap(), 3);
}

/// Goal: a memory that is missing, another's, or in use is told, and never replaced in silence.
#[test]
fn a_memory_is_never_replaced_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(open(folder.path()), Err(MemoryError::Lost { .. })));
    Memory::create(folder.path(), VAULT, Timestamp(1)).unwrap();
    assert!(Memory::create(folder.path(), VAULT, Timestamp(1)).is_err());
    let held = open(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(open(folder.path()), Err(MemoryError::InUse { .. })));
    drop(held);
    assert!(matches!(Memory::open(folder.path(), [8; 16], &key()), Err(MemoryError::OtherVault { .. })));
}

/// Goal: the log is followed without gaps, in order, whole or not at all; forged records are refused.
#[test]
fn the_log_is_followed_without_gaps() {
    let (_folder, mut memory) = fresh();
    let now = Timestamp(9_000_000_000);
    let one = record(1, 1, nonce(1));
    assert!(matches!(memory.admit(1), Err(MemoryError::Behind { .. })));
    memory.follow(feed(0, 10, vec![(5, committed(&one))]), now, none).unwrap();
    memory.admit(1).unwrap();
    for (after, to) in [(9, 20), (11, 20), (0, 20)] {
        assert!(matches!(memory.follow(feed(after, to, vec![]), now, none), Err(MemoryError::Gap { .. })), "{after}");
    }
    let two = committed(&record(2, 2, nonce(2)));
    for wrong in [vec![(10, two.clone())], vec![(21, two.clone())], vec![(12, two.clone()), (12, two.clone())]] {
        assert!(matches!(memory.follow(feed(10, 20, wrong), now, none), Err(MemoryError::Order)));
    }
    let Committed::Signed(mut bytes) = two.clone() else { panic!("another kind") };
    bytes[20] ^= 1;
    let forged = vec![(11, two.clone()), (12, Committed::Signed(bytes))];
    assert!(matches!(memory.follow(feed(10, 20, forged), now, none), Err(MemoryError::Forged)));
    assert_eq!((memory.known.attempts.len(), memory.known.followed), (1, 10), "nothing of it was taken");
    assert!(matches!(memory.admit(11), Err(MemoryError::Behind { .. })));
    memory.follow(feed(10, 20, vec![(11, two)]), now, none).unwrap();
    memory.admit(11).unwrap();
    assert!(matches!(memory.admit(10), Err(MemoryError::Stale { asked: 10, highest: 11 })));
    assert!(matches!(memory.follow(feed(20, 30, vec![]), now, none), Err(MemoryError::Stale { .. })));
}

/// Goal: an attempt is dead by a proof alone that holds: TRON's by two endpoints, the solid chain's time and the signer's own
/// clock; a nonce's by another transaction that has it and does not make the payment.
#[test]
fn an_attempt_is_dead_by_proof_alone() {
    let (folder, mut memory) = fresh();
    let tron = record(1, 1, expiry(1_000_000));
    let (first, again, other) = (record(2, 2, nonce(5)), record(3, 2, nonce(5)), record(4, 3, nonce(5)));
    let elsewhere = record(5, 3, nonce(6));
    let all = [&tron, &first, &again, &other, &elsewhere];
    let entries = all.iter().zip(1..).map(|(record, index)| (index, committed(record))).collect();
    let late = Timestamp(2_000_000_000);
    memory.follow(feed(0, 10, entries), late, none).unwrap();
    let two = || vec!["a".to_owned(), "b".to_owned()];
    let dead = |memory: &mut Memory, body: u8, death, now| {
        let after = memory.known.followed;
        memory.follow(feed(after, after + 1, vec![(after + 1, Committed::Dead { body: [body; 32], death })]), now, none)
    };
    let expired = |solid_ms, endpoints| Death::Expired { solid_ms, endpoints };
    let by = |body: u8| Death::Displaced { by: [body; 32] };
    // By the signer's clock it is too early: the same feed may come again.
    let early = dead(&mut memory, 1, expired(1_000_001, two()), Timestamp(1_060_000_000));
    assert!(matches!(early, Err(MemoryError::Proof(_))));
    // Taken and passed over: one of them would hold the signer up for ever otherwise.
    for (body, death) in [
        (1, expired(1_000_000, two())),
        (1, expired(1_000_001, vec!["a".into()])),
        (1, expired(1_000_001, vec!["a".into(), "a".into()])),
        (2, expired(1_000_001, two())),
        (1, by(2)),
        (2, by(2)),
        (2, by(3)),
        (2, by(5)),
        (2, by(99)),
        (98, by(2)),
        (2, Death::NeverSigned),
    ] {
        dead(&mut memory, body, death.clone(), late).unwrap();
        let live = |payment| memory.known.live_attempts(PaymentId([payment; 16])).count();
        assert_eq!((live(1), live(2)), (1, 2), "{body} {death:?}");
    }
    dead(&mut memory, 1, expired(1_000_001, two()), late).unwrap();
    dead(&mut memory, 2, by(4), late).unwrap();
    drop(memory);
    let memory = open(folder.path()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(memory.known.live_attempts(PaymentId([1; 16])).count(), 0);
    assert_eq!(memory.known.live_attempts(PaymentId([2; 16])).count(), 1);
    assert!(memory.known.any_attempt(PaymentId([1; 16])).is_some());
}

/// What a memory answers, as far as anybody asks it.
fn answers(memory: &Memory) -> Vec<String> {
    let known = &memory.known;
    let now = known.no_earlier(Timestamp(0));
    let mut told = vec![format!("{now} {} {} {} {}", known.epoch, known.followed, known.policy, known.unread())];
    told.push(format!("{:?}", known.uncountable_until(Network::Ethereum)));
    for body in 0..=255u8 {
        let hash = [body; 32];
        let hour = known.counted("w", &Coin::Native, now, 3_600_000_000, &hash);
        let day = known.counted("w", &Coin::Native, now, 86_400_000_000, &hash);
        told.push(format!("{:?} {} {}", known.attempt(&hash), known.is_signed(&hash), known.is_dead(&hash)));
        let payment = PaymentId([body; 16]);
        let paid = [Paid { id: payment, what: [body; 32] }];
        let uncounted = known.uncounted(&hash, &paid, &Coin::Native, 50);
        let what = known.any_attempt(payment).map(|attempt| &attempt.payments);
        let live = known.live_attempts(payment).map(|attempt| attempt.body).collect::<std::collections::BTreeSet<_>>();
        told.push(format!("{hour} {day} {uncounted} {what:?} {live:?} {}", known.is_over(payment)));
        let sharing: Vec<_> = known.excluded(&nonce(body.into())).iter().map(|attempt| attempt.body).collect();
        told.push(format!("{sharing:?} {:?}", known.highest_nonce(1, "0xabc")));
        let barring = known.barring(&hash, &nonce(body.into()), &paid).map(|told| told.network);
        told.push(format!("{barring:?} {}", known.is_vouched(&hash)));
    }
    told
}

fn assert_same(one: &[String], other: &[String], about: &str) {
    for (one, other) in one.iter().zip(other) {
        assert_eq!(one, other, "{about}");
    }
}

/// Goal: a memory that is compacted answers as before, also after it was opened again and went on; two signers never have it at
/// once. Method: 30 random histories of decisions, signatures, deaths and ends, some of them told twice, with the seed printed.
#[test]
fn a_compacted_memory_forgets_nothing() {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};
    for seed in 0..30 {
        let mut dice = StdRng::seed_from_u64(seed);
        let (folder, mut memory) = fresh();
        memory.use_policy(seed + 1).unwrap();
        let late = Timestamp(1 << 50);
        for step in 1..120u64 {
            let body: u8 = dice.random_range(1..40);
            let mut one = record(body, body / 3, nonce(u64::from(body / 2)));
            one.at = Timestamp(dice.random_range(0..200) * 3_600_000_000);
            let told = Told {
                at: one.at,
                network: one.network,
                body: one.body,
                claims: vec![Claimed::Nonce { chain_id: 1, account: "0xabc".into(), nonce: u64::from(body / 2) }],
                payments: vec![PaymentId([body / 3; 16])],
            };
            let entry = match dice.random_range(0..10) {
                9 => {
                    let Committed::Signed(record) = committed(&one) else { unreachable!() };
                    let at = Timestamp(one.at.0 / 2);
                    Committed::SignedAs { record, told: Box::new(Told { at, ..told }) }
                }
                8 => Committed::SignedAs { record: vec![1; 40], told: Box::new(told) },
                0..=2 => committed(&one),
                3..=5 => {
                    let (at, unsigned) = (one.at, vec![body]);
                    let intent = crate::policy::Intent::Noop;
                    Committed::Decided(Box::new(Decided { at, epoch: 1, generation: 0, unsigned, intent }))
                }
                6 => {
                    let by = [dice.random_range(1..40); 32];
                    let never = dice.random_range(0..2) == 0;
                    let death = if never { Death::NeverSigned } else { Death::Displaced { by } };
                    Committed::Dead { body: [body; 32], death }
                }
                _ => Committed::Over(PaymentId([body / 3; 16])),
            };
            let recorded = |decided: &Decided| {
                let body = decided.unsigned[0];
                Some(SigningRecord { at: decided.at, ..record(body, body / 3, nonce(u64::from(body / 2))) })
            };
            memory.follow(feed(step - 1, step, vec![(step, entry)]), late, recorded).unwrap();
            if dice.random_range(0..3) == 0 {
                memory.remember(&one).unwrap();
            }
        }
        let before = answers(&memory);
        let path = folder.path().join(FILE_NAME);
        let length = fs::metadata(&path).unwrap().len();
        memory.compact(VAULT, Timestamp(1)).unwrap();
        let shorter = fs::metadata(&path).unwrap().len();
        assert!(shorter <= length / 2, "seed {seed}: {length} bytes, then {shorter}");
        assert_same(&answers(&memory), &before, &format!("seed {seed}"));
        assert!(matches!(open(folder.path()), Err(MemoryError::InUse { .. })), "seed {seed}");
        drop(memory);
        let mut memory = open(folder.path()).unwrap();
        assert_same(&answers(&memory), &before, &format!("seed {seed}"));
        memory.follow(feed(119, 125, vec![]), late, none).unwrap();
        memory.remember(&record(200, 200, nonce(200))).unwrap();
        let after = answers(&memory);
        drop(memory);
        assert_same(&answers(&open(folder.path()).unwrap()), &after, &format!("seed {seed}"));
    }
}

/// Goal: a sound memory that cannot be made shorter is used as it is. Method: a folder where the new file would be written.
#[test]
fn a_memory_that_cannot_be_compacted_is_used() {
    let (folder, mut memory) = fresh();
    for step in 1..40 {
        memory.follow(feed(step - 1, step, vec![]), Timestamp(1), none).unwrap();
    }
    let path = folder.path().join(FILE_NAME);
    let before = fs::read(&path).unwrap();
    let mut draft = path.clone();
    draft.as_mut_os_string().push(".compact");
    fs::create_dir(&draft).unwrap();
    assert!(memory.compact(VAULT, Timestamp(1)).is_err());
    memory.try_compact(VAULT, Timestamp(1)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    memory.remember(&record(200, 200, nonce(200))).unwrap();
    fs::remove_dir(&draft).unwrap();
    memory.try_compact(VAULT, Timestamp(1)).unwrap();
    assert!(fs::metadata(&path).unwrap().len() < before.len() as u64 && !draft.exists());
    drop(memory);
    assert_eq!(open(folder.path()).unwrap().known().attempts.len(), 1);
}

/// Goal: the log of a lineage that is over is not followed, and the signer knows which one it followed also after a restart and after
/// its memory was made shorter.
#[test]
fn the_lineage_is_remembered() {
    let (folder, mut memory) = fresh();
    let of = |lineage, after| Feed { lineage, ..feed(after, after + 1, vec![]) };
    memory.follow(of(0, 0), Timestamp(1), none).unwrap();
    memory.follow(of(5, 1), Timestamp(1), none).unwrap();
    let former = memory.follow(of(4, 2), Timestamp(1), none);
    assert!(matches!(former, Err(MemoryError::FormerLineage { asked: 4, highest: 5 })));
    for after in 2..40 {
        memory.follow(of(5, after), Timestamp(1), none).unwrap();
    }
    memory.compact(VAULT, Timestamp(1)).unwrap();
    drop(memory);
    let memory = open(folder.path()).unwrap();
    assert_eq!((memory.known().lineage, memory.known().followed), (5, 40));
}
