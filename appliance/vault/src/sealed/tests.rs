use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::files::FileError;

const GOOD: &str = "correct horse battery";
const OTHER: &str = "a wholly different one";
const WORDS: &str = "test test test test test test test test test test test junk";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn refused<T>(result: Result<T, SealedError>) -> SealedError {
    match result {
        Err(error) => error,
        Ok(_) => panic!("it was not refused"),
    }
}

/// Goal: what was sealed comes back, under the right passphrase alone, and the seed is the one of the standard. Method: the
/// words whose seed everybody publishes.
#[test]
fn what_is_sealed_comes_back_under_its_passphrase_alone() {
    let folder = folder();
    let path = folder.path().join("vault");
    import(&path, &format!("  {}\n", WORDS.to_uppercase()), &Opener::Passphrase(GOOD), Timestamp(7)).unwrap();
    let file = path.join(FILE_NAME);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(fs::read_dir(&path).unwrap().count(), 1, "no draft is left");
    let vault = open(&path, &Opener::Passphrase(GOOD)).unwrap();
    assert_eq!(vault.words(0).unwrap().reveal(), WORDS);
    let seed = vault.seed(0).unwrap();
    assert!(hex::encode(seed.as_slice()).starts_with("9dfc3c64c2f8bede1533b6a79f8570e5"));
    assert!(matches!(refused(open(&path, &Opener::Passphrase(OTHER))), SealedError::WrongKey));
    assert!(matches!(refused(open_automatically(&path)), SealedError::NotAutomatic));
    assert!(matches!(refused(init(&path, &Opener::Passphrase(GOOD), Timestamp(8))), SealedError::Exists { .. }));
    assert_eq!(open(&path, &Opener::Passphrase(GOOD)).unwrap().words(0).unwrap().reveal(), WORDS);
}

/// Goal: every bit of the file counts; an accident is told from a wrong passphrase; a thing that was exchanged on purpose,
/// with the checksum made right, is noticed too. Method: each byte flipped in turn (without Argon2id, which comes later), then
/// locks and revision exchanged with a right checksum.
#[test]
fn nothing_in_the_file_can_be_exchanged() {
    let folder = folder();
    let path = folder.path().join("vault");
    init(&path, &Opener::Passphrase(GOOD), Timestamp(7)).unwrap();
    let file = path.join(FILE_NAME);
    let bytes = fs::read(&file).unwrap();
    for at in 0..bytes.len() {
        let mut wrong = bytes.clone();
        wrong[at] ^= 1;
        assert!(Body::read(&wrong).is_err(), "byte {at}");
        assert!(Body::read(&bytes[..at]).is_err(), "cut at {at}");
    }
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    assert!(matches!(refused(open(&path, &Opener::Passphrase(GOOD))), SealedError::Damaged { .. }));

    let resealed = |change: &dyn Fn(&mut Body)| {
        let mut body = Body::read(&bytes).unwrap();
        change(&mut body);
        let mut out = b"EXQVAULT\0\x01".to_vec();
        out = postcard::to_extend(&body, out).unwrap();
        let hash = blake3::hash(&out);
        out.extend_from_slice(hash.as_bytes());
        fs::write(&file, out).unwrap();
        refused(open(&path, &Opener::Passphrase(GOOD)))
    };
    assert!(matches!(resealed(&|body| body.revision = 9), SealedError::Tampered { .. }));
    assert!(matches!(resealed(&|body| body.locks.push(body.locks[0].clone())), SealedError::Tampered { .. }));
    assert!(matches!(resealed(&|body| body.head.created_us = 8), SealedError::WrongKey));
    let cheap = |body: &mut Body| {
        let Method::Passphrase { cost, .. } = &mut body.locks[0].method else { panic!("another lock") };
        cost.memory_kib = 8;
    };
    assert!(matches!(resealed(&cheap), SealedError::Cost { .. }));
    fs::write(&file, &bytes).unwrap();
    assert!(open(&path, &Opener::Passphrase(GOOD)).is_ok());
}

/// Goal: rotation changes locks alone: the sealed seeds keep their bytes; the old passphrase opens nothing; the last lock
/// stays; an automatic lock is seen by everyone, and gone when it is removed.
#[test]
fn rotation_changes_locks_alone() {
    let folder = folder();
    let path = folder.path().join("vault");
    let first = init(&path, &Opener::Passphrase(GOOD), Timestamp(7)).unwrap();
    let before = fs::read(path.join(FILE_NAME)).unwrap();
    let key = folder.path().join("key");
    create_key_file(&key).unwrap();
    assert!(create_key_file(&key).is_err(), "a key file is never written over");

    let status = rekey(&path, &Opener::Passphrase(GOOD), &Rekeying::Replace(Opener::Passphrase(OTHER))).unwrap();
    assert_eq!((status.revision, status.locks.len(), status.automatic), (2, 1, false));
    assert!(matches!(refused(open(&path, &Opener::Passphrase(GOOD))), SealedError::WrongKey));
    let after = fs::read(path.join(FILE_NAME)).unwrap();
    let sealed = before.windows(60).filter(|window| after.windows(60).any(|other| other == *window)).count();
    assert!(sealed > 0, "the sealed seeds stay");

    let status = rekey(&path, &Opener::Passphrase(OTHER), &Rekeying::Add(Opener::KeyFile(&key))).unwrap();
    assert!(status.automatic);
    assert_eq!(status.locks[1].as_str(), "key-file");
    let opened = open_automatically(&path).unwrap();
    assert_eq!(opened.words(0).unwrap().reveal(), first.words(0).unwrap().reveal());
    assert!(matches!(refused(rekey(&path, &Opener::Passphrase(OTHER), &Rekeying::Remove(2))), SealedError::NoLock(2)));
    rekey(&path, &Opener::KeyFile(&key), &Rekeying::Remove(1)).unwrap();
    assert!(matches!(refused(open_automatically(&path)), SealedError::NotAutomatic));
    assert!(matches!(refused(rekey(&path, &Opener::Passphrase(OTHER), &Rekeying::Remove(0))), SealedError::Locks));
    assert!(open(&path, &Opener::Passphrase(OTHER)).is_ok());
}

/// Goal: what others can read is refused: vault, key file, folder; and what is no file.
#[test]
fn what_others_can_read_is_refused() {
    let folder = folder();
    let path = folder.path().join("vault");
    let key = folder.path().join("key");
    create_key_file(&key).unwrap();
    init(&path, &Opener::KeyFile(&key), Timestamp(7)).unwrap();
    let file = path.join(FILE_NAME);
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let is_mode = |error| matches!(error, SealedError::File(FileError::Mode { .. }));
    for bits in [0o640, 0o604, 0o660, 0o601] {
        mode(&file, bits);
        assert!(is_mode(refused(open(&path, &Opener::KeyFile(&key)))), "{bits:o}");
        mode(&file, 0o600);
        mode(&key, bits);
        assert!(is_mode(refused(open(&path, &Opener::KeyFile(&key)))), "{bits:o}");
        mode(&key, 0o400);
        assert!(open(&path, &Opener::KeyFile(&key)).is_ok());
    }
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&key, &link).unwrap();
    assert!(matches!(refused(open(&path, &Opener::KeyFile(&link))), SealedError::File(_)));
    let open_folder = folder.path().join("open");
    fs::create_dir(&open_folder).unwrap();
    mode(&open_folder, 0o755);
    assert!(is_mode(refused(init(&open_folder, &Opener::Passphrase(GOOD), Timestamp(7)))));
    fs::write(&key, "not a key").unwrap_or_default();
    mode(&key, 0o600);
    fs::write(&key, "not a key").unwrap();
    assert!(matches!(refused(open(&path, &Opener::KeyFile(&key))), SealedError::KeyFile { .. }));
}

/// Goal: a new seed is another one, and the former one stays; easy passphrases are refused when a lock is made.
#[test]
fn a_new_seed_comes_beside_the_former_one() {
    let folder = folder();
    let path = folder.path().join("vault");
    for weak in
        ["", "short", "aaaaaaaaaaaaaaaaaaaa", " correct horse battery", "correct\thorse battery", &"ab".repeat(600)]
    {
        let error = refused(init(&path, &Opener::Passphrase(weak), Timestamp(7)));
        assert!(matches!(error, SealedError::WeakPassphrase { .. }), "{weak}");
    }
    import(&path, WORDS, &Opener::Passphrase(GOOD), Timestamp(7)).unwrap();
    let vault = rotate(&path, &Opener::Passphrase(GOOD), Timestamp(8)).unwrap();
    assert_eq!(vault.generations(), 2);
    assert_eq!(vault.words(0).unwrap().reveal(), WORDS);
    assert_eq!(vault.words(1).unwrap().reveal().split(' ').count(), 24);
    assert!(vault.words(2).is_err());
    let again = open(&path, &Opener::Passphrase(GOOD)).unwrap();
    assert_eq!(again.words(1).unwrap().reveal(), vault.words(1).unwrap().reveal());
    assert_eq!(again.id(), vault.id());
}

/// Goal: no error tells anything of what was typed or sealed. Method: every refusal that passphrases, words and key files can
/// cause, printed in both ways, and searched.
#[test]
fn errors_tell_no_secrets() {
    let folder = folder();
    let path = folder.path().join("vault");
    let secrets = ["hunter2hunter2", "zebra", "c0ffee", "correct horse"];
    let mut said = Vec::new();
    let mut tell = |error: SealedError| said.push(format!("{error} {error:?}"));
    tell(refused(init(&path, &Opener::Passphrase("hunter2"), Timestamp(7))));
    tell(refused(import(&path, "zebra zebra zebra", &Opener::Passphrase(GOOD), Timestamp(7))));
    tell(refused(import(&path, &WORDS.replace("junk", "zebra"), &Opener::Passphrase(GOOD), Timestamp(7))));
    let key = folder.path().join("key");
    files::write_private(&key, b"c0ffee and more", Existing::Replace).unwrap();
    tell(refused(init(&path, &Opener::KeyFile(&key), Timestamp(7))));
    init(&path, &Opener::Passphrase(GOOD), Timestamp(7)).unwrap();
    tell(refused(open(&path, &Opener::Passphrase("hunter2hunter2"))));
    fs::write(path.join(FILE_NAME), "EXQVAULT c0ffee").unwrap();
    tell(refused(open(&path, &Opener::Passphrase(GOOD))));
    for (text, secret) in said.iter().flat_map(|text| secrets.iter().map(move |secret| (text, secret))) {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(said.len(), 6);
}

/// Goal: a vault of several seeds comes back from the words of each of them, in their order. Method: one that was rotated twice; words
/// that are none among others.
#[test]
fn every_seed_comes_back_from_its_words() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let key = at("key");
    create_key_file(&key).unwrap();
    init(&at("one"), &Opener::KeyFile(&key), Timestamp(7)).unwrap();
    rotate(&at("one"), &Opener::KeyFile(&key), Timestamp(8)).unwrap();
    let vault = rotate(&at("one"), &Opener::KeyFile(&key), Timestamp(9)).unwrap();
    let words: Vec<String> = (0..3).map(|seed| vault.words(seed).unwrap().reveal().to_owned()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let made = import_all(&at("two"), &words, &Opener::KeyFile(&key), Timestamp(10)).unwrap();
    assert!(made.generations() == 3 && made.id() != vault.id());
    let again = open(&at("two"), &Opener::KeyFile(&key)).unwrap();
    for seed in 0..3 {
        assert_eq!(again.seed(seed).unwrap(), vault.seed(seed).unwrap(), "{seed}");
    }
    for wrong in [vec![], vec![words[0], "no words"], vec![WORDS; GENERATIONS_MAX + 1]] {
        assert!(import_all(&at("three"), &wrong, &Opener::KeyFile(&key), Timestamp(10)).is_err());
    }
    assert!(!at("three").exists());
}
