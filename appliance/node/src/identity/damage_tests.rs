//! Damaged files of a data folder: always a problem that names the cause, never a panic, never a wrong identity.

use std::fs;

use exchequer_domain::Code;

use super::Folder;
use super::fixtures::{CLUSTER, authority, contents};

/// What a damaged file may be reported as. A changed format number may look like a newer version's.
const FILES: [(&str, &[Code]); 5] = [
    ("ca.pem", &[Code::CertificateInvalid]),
    ("node.pem", &[Code::CertificateInvalid]),
    ("node.key", &[Code::CertificateInvalid]),
    ("keyring", &[Code::KeyringWrong, Code::FormatNewer]),
    ("identity.toml", &[Code::FileCorrupt, Code::FormatNewer]),
];

/// Goal: no damaged byte of the folder goes unnoticed. Method: in each file flip a low, a case and a high bit of each
/// byte, one at a time, and open the folder; the untouched folder opens before and after.
#[test]
fn every_flipped_byte_is_noticed() {
    let home = tempfile::tempdir().unwrap();
    drop(Folder::create(home.path(), &contents(&authority(CLUSTER)), None).unwrap());
    for (name, expected) in FILES {
        let path = home.path().join(name);
        let whole = fs::read(&path).unwrap();
        for position in 0..whole.len() {
            for bit in [0x01, 0x20, 0x80] {
                let mut damaged = whole.clone();
                damaged[position] ^= bit;
                fs::write(&path, &damaged).unwrap();
                let code = Folder::open(home.path()).map(|_| ()).map_err(|problem| problem.code);
                assert!(
                    code.is_err_and(|code| expected.contains(&code)),
                    "{name}: byte {position}, bit {bit}: {code:?}"
                );
            }
        }
        fs::write(&path, &whole).unwrap();
        Folder::open(home.path()).unwrap();
    }
}

/// Goal: a file that is cut, doubled, oversized or missing is noticed as well.
#[test]
fn every_wrong_length_is_noticed() {
    let home = tempfile::tempdir().unwrap();
    drop(Folder::create(home.path(), &contents(&authority(CLUSTER)), None).unwrap());
    for (name, expected) in FILES {
        let path = home.path().join(name);
        let whole = fs::read(&path).unwrap();
        let mut texts: Vec<Vec<u8>> = (0..whole.len()).map(|length| whole[..length].to_vec()).collect();
        texts.push([whole.as_slice(), whole.as_slice()].concat());
        texts.push([whole.as_slice(), b"\n"].concat());
        texts.push([whole.as_slice(), &vec![b'#'; 3 << 20]].concat());
        for text in texts {
            fs::write(&path, &text).unwrap();
            let code = Folder::open(home.path()).map(|_| ()).map_err(|problem| problem.code);
            let oversized = text.len() > 2 << 20 && code == Err(Code::FileCorrupt);
            assert!(
                oversized || code.is_err_and(|code| expected.contains(&code)),
                "{name}: {} bytes: {code:?}",
                text.len()
            );
        }
        fs::remove_file(&path).unwrap();
        assert!(Folder::open(home.path()).is_err(), "{name} missing");
        fs::write(&path, &whole).unwrap();
    }
}

/// Goal: a damaged bootstrap never becomes the cluster's first entry. Method: each flipped byte, each length.
#[test]
fn a_damaged_bootstrap_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let folder = Folder::create(home.path(), &contents(&authority(CLUSTER)), Some(b"first entry")).unwrap();
    let path = home.path().join("bootstrap");
    let whole = fs::read(&path).unwrap();
    for position in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x01;
        for text in [damaged.as_slice(), &whole[..position]] {
            fs::write(&path, text).unwrap();
            assert_eq!(folder.take_bootstrap().map_err(|problem| problem.code), Err(Code::FileCorrupt));
        }
    }
}
