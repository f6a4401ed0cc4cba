//! The data folder's life: made, refused, locked, cut short by a crash, renewed.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use exchequer_domain::{Code, NodeId, Problem};

use super::files::Dir;
use super::fixtures::{CLUSTER, OTHER_CLUSTER, authority, contents, credentials};
use super::{Contents, Folder, Identity, Keyring, encode_certificates};

const WRITTEN: [&str; 6] = ["ca.pem", "node.pem", "node.key", "keyring", "bootstrap", "identity.toml"];

fn code<T>(result: Result<T, Problem>) -> Option<Code> {
    result.err().map(|problem| problem.code)
}

fn same(left: &Contents, right: &Contents) -> bool {
    left.identity == right.identity
        && left.credentials.authorities == right.credentials.authorities
        && left.credentials.certificate == right.credentials.certificate
        && left.credentials.key.to_pem() == right.credentials.key.to_pem()
        && left.keyring.key_ids() == right.keyring.key_ids()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Goal: what is written reads back; secrets are readable by the owner alone, and nothing is left beside.
#[test]
fn a_new_folder_reads_back_and_is_private() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a/data");
    let written = contents(&authority(CLUSTER));
    drop(Folder::create(&path, &written, Some(b"first")).unwrap());
    assert_eq!(mode(&path), 0o700);
    for secret in ["identity.toml", "node.key", "keyring", "bootstrap", "lock"] {
        assert_eq!(mode(&path.join(secret)), 0o600, "{secret}");
    }
    let mut names: Vec<_> =
        fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["bootstrap", "ca.pem", "identity.toml", "keyring", "lock", "node.key", "node.pem"]);
    let (folder, read) = Folder::open(&path).unwrap();
    assert!(same(&written, &read));
    assert_eq!(folder.path(), path);
}

/// Goal: a folder that others could read, and secrets in it, are closed to them.
#[test]
fn loose_permissions_are_tightened() {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    drop(Folder::create(home.path(), &contents(&authority(CLUSTER)), None).unwrap());
    assert_eq!(mode(home.path()), 0o700);
    let key = home.path().join("node.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    Folder::open(home.path()).unwrap();
    assert_eq!(mode(&key), 0o600);
}

/// Goal: missing and empty folders, folders with a node, and folders in use are told apart.
#[test]
fn each_state_of_a_folder_has_its_code() {
    let home = tempfile::tempdir().unwrap();
    let contents = contents(&authority(CLUSTER));
    assert_eq!(code(Folder::open(&home.path().join("missing"))), Some(Code::FolderNotInitialised));
    assert_eq!(code(Folder::open(home.path())), Some(Code::FolderNotInitialised));
    let folder = Folder::create(home.path(), &contents, None).unwrap();
    assert_eq!(code(Folder::open(home.path())), Some(Code::FolderLocked));
    assert_eq!(code(Folder::create(home.path(), &contents, None)), Some(Code::FolderInitialised));
    drop(folder);
    let (folder, _) = Folder::open(home.path()).unwrap();
    drop(folder);
    assert_eq!(code(Folder::create(home.path(), &contents, None)), Some(Code::FolderInitialised));
}

/// Goal: a log whose identity file was lost is neither started as an empty node nor given to a new one.
#[test]
fn remains_of_a_node_are_not_an_empty_folder() {
    for name in ["log", "guard", "CURRENT", "state-3"] {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(name)).unwrap();
        assert_eq!(code(Folder::open(home.path())), Some(Code::FileCorrupt), "{name}");
        let refused = Folder::create(home.path(), &contents(&authority(CLUSTER)), None);
        assert_eq!(code(refused), Some(Code::FolderInitialised), "{name}");
    }
}

/// Goal: `init` that stops half-way leaves a folder that counts as empty, and can be repeated. Method: writing fails at
/// each file in turn because a folder is in its place; the identity is never there.
#[test]
fn a_crash_before_the_end_leaves_no_node() {
    let authority = authority(CLUSTER);
    for (done, obstacle) in WRITTEN.iter().enumerate().take(WRITTEN.len() - 1) {
        let home = tempfile::tempdir().unwrap();
        let in_the_way = home.path().join(obstacle);
        fs::create_dir(&in_the_way).unwrap();
        assert!(Folder::create(home.path(), &contents(&authority), Some(b"first")).is_err(), "{obstacle}");
        for earlier in &WRITTEN[..done] {
            assert!(home.path().join(earlier).is_file(), "{earlier} is written before {obstacle}");
        }
        for later in &WRITTEN[done + 1..] {
            assert!(!home.path().join(later).exists(), "{later} is written after {obstacle}");
        }
        assert_eq!(code(Folder::open(home.path())), Some(Code::FolderNotInitialised));
        fs::remove_dir(&in_the_way).unwrap();
        let again = contents(&authority);
        drop(Folder::create(home.path(), &again, None).unwrap());
        let (folder, read) = Folder::open(home.path()).unwrap();
        assert!(same(&again, &read));
        assert!(folder.take_bootstrap().unwrap().is_none(), "the bootstrap of the failed attempt is gone");
    }
}

/// Goal: the bootstrap stays until it is committed, whatever restarts come between.
#[test]
fn the_bootstrap_stays_until_removed() {
    let home = tempfile::tempdir().unwrap();
    drop(Folder::create(home.path(), &contents(&authority(CLUSTER)), Some(b"first")).unwrap());
    for _ in 0..2 {
        let (folder, _) = Folder::open(home.path()).unwrap();
        assert_eq!(folder.take_bootstrap().unwrap().unwrap().as_slice(), b"first");
    }
    let (folder, _) = Folder::open(home.path()).unwrap();
    folder.remove_bootstrap().unwrap();
    folder.remove_bootstrap().unwrap();
    assert!(folder.take_bootstrap().unwrap().is_none());
}

/// Goal: a renewal that is cut short leaves a working pair. Method: the state of the files after each of its steps.
#[test]
fn a_renewal_cut_short_is_mended() {
    let authority = authority(CLUSTER);
    let home = tempfile::tempdir().unwrap();
    let former = contents(&authority);
    drop(Folder::create(home.path(), &former, None).unwrap());
    let renewed = credentials(&authority, 1);
    let next = home.path().join("node.key.next");

    fs::write(&next, renewed.key.to_pem().as_bytes()).unwrap();
    let (folder, read) = Folder::open(home.path()).unwrap();
    assert!(same(&former, &read) && !next.exists(), "before the certificate: the former pair");
    drop(folder);

    fs::write(&next, renewed.key.to_pem().as_bytes()).unwrap();
    fs::write(home.path().join("node.pem"), encode_certificates([&renewed.certificate])).unwrap();
    let (_, read) = Folder::open(home.path()).unwrap();
    assert!(same(&Contents { credentials: renewed, ..former }, &read) && !next.exists(), "after it: the new pair");
}

/// Goal: certificates, authorities and keyring can be replaced while in use, in the order of a change of authority, and
/// every step survives a restart. What would leave the node without a valid certificate is refused and changes nothing.
#[test]
fn a_change_of_authority() {
    let (old, new) = (authority(CLUSTER), authority(CLUSTER));
    let home = tempfile::tempdir().unwrap();
    let mut folder = Folder::create(home.path(), &contents(&old), None).unwrap();
    let renewed = credentials(&new, 1);
    let invalid = Some(Code::CertificateInvalid);
    assert_eq!(code(folder.install_certificate(renewed.certificate.clone(), renewed.key.clone())), invalid);
    assert_eq!(code(folder.install_authorities(vec![new.certificate().clone()])), invalid);
    assert_eq!(code(folder.install_authorities(vec![])), invalid);
    let both = vec![new.certificate().clone(), old.certificate().clone()];
    folder.install_authorities(both).unwrap();
    folder.install_certificate(renewed.certificate.clone(), renewed.key).unwrap();
    let stranger = credentials(&new, 2);
    assert_eq!(code(folder.install_certificate(stranger.certificate, stranger.key)), invalid);
    folder.install_authorities(vec![new.certificate().clone()]).unwrap();
    let mut keyring = Keyring::generate(CLUSTER).unwrap();
    keyring.rotate().unwrap();
    folder.install_keyring(keyring.clone()).unwrap();
    assert_eq!(code(folder.install_keyring(Keyring::generate(OTHER_CLUSTER).unwrap())), Some(Code::KeyringWrong));
    drop(folder);
    let (_, read) = Folder::open(home.path()).unwrap();
    assert_eq!(read.credentials.certificate, renewed.certificate);
    assert_eq!(read.credentials.authorities, [new.certificate().clone()]);
    assert_eq!(read.keyring.key_ids(), keyring.key_ids());
}

/// Goal: name, addresses and lineage may change; who the node is may not.
#[test]
fn the_identity_changes_only_in_part() {
    let home = tempfile::tempdir().unwrap();
    let first = contents(&authority(CLUSTER));
    let mut folder = Folder::create(home.path(), &first, None).unwrap();
    let moved = Identity { lineage: 2, api_address: "10.0.0.9:8640".to_owned(), ..first.identity.clone() };
    folder.install_identity(&moved).unwrap();
    for stranger in [
        Identity { node_id: NodeId(2), ..first.identity.clone() },
        Identity { cluster_id: OTHER_CLUSTER, ..first.identity },
    ] {
        assert_eq!(code(folder.install_identity(&stranger)), Some(Code::FolderOfAnotherNode));
    }
    drop(folder);
    assert_eq!(Folder::open(home.path()).unwrap().1.identity, moved);
}

/// Goal: files copied from other nodes or clusters are refused with the code that names them. Method: each file is
/// exchanged for a sound one that does not belong here.
#[test]
fn mixed_up_files_are_refused() {
    let (own, other) = (authority(CLUSTER), authority(OTHER_CLUSTER));
    let second = credentials(&own, 2);
    let foreign = credentials(&other, 1);
    let keyring = Keyring::generate(OTHER_CLUSTER).unwrap();
    let text = |c: &super::Credentials| encode_certificates([&c.certificate]).into_bytes();
    let bundle = encode_certificates([own.certificate(), other.certificate()]).into_bytes();
    let exchanged: [(&str, Vec<u8>, Code); 7] = [
        ("node.pem", text(&second), Code::CertificateInvalid),
        ("node.pem", text(&foreign), Code::CertificateInvalid),
        ("node.pem", encode_certificates([own.certificate()]).into_bytes(), Code::CertificateInvalid),
        ("node.key", second.key.to_pem().as_bytes().to_vec(), Code::CertificateInvalid),
        ("ca.pem", encode_certificates([authority(CLUSTER).certificate()]).into_bytes(), Code::CertificateInvalid),
        ("ca.pem", bundle, Code::CertificateInvalid),
        ("keyring", keyring.to_text().as_bytes().to_vec(), Code::KeyringWrong),
    ];
    for (name, bytes, expected) in exchanged {
        let home = tempfile::tempdir().unwrap();
        drop(Folder::create(home.path(), &contents(&own), None).unwrap());
        fs::write(home.path().join(name), bytes).unwrap();
        assert_eq!(code(Folder::open(home.path())), Some(expected), "{name}");
    }
    let home = tempfile::tempdir().unwrap();
    let mixed = Contents { keyring, ..contents(&own) };
    assert_eq!(code(Folder::create(&home.path().join("new"), &mixed, None)), Some(Code::KeyringWrong));
    assert!(!home.path().join("new").exists(), "what does not fit is refused before anything is written");
}

/// Goal: root at work in the service user's folder leaves files the service can read, and a link placed there does not
/// make it touch a file elsewhere. Method: where the test runs as root it gives the folder away; the link is tried
/// always.
#[test]
fn root_works_for_the_owner_of_the_folder() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&data, Some(12_345), Some(12_346)).unwrap();
    }
    let owner = fs::metadata(&data).unwrap();
    let contents = contents(&authority(CLUSTER));
    let elsewhere = home.path().join("elsewhere");
    fs::write(&elsewhere, "precious").unwrap();
    symlink(&elsewhere, data.join("lock")).unwrap();
    assert!(Folder::create(&data, &contents, None).is_err());
    fs::remove_file(data.join("lock")).unwrap();
    for name in WRITTEN {
        symlink(&elsewhere, data.join(format!(".{name}.new"))).unwrap();
    }
    drop(Folder::create(&data, &contents, Some(b"first")).unwrap());
    for name in WRITTEN.iter().chain(&["lock"]) {
        let file = fs::symlink_metadata(data.join(name)).unwrap();
        assert!(file.is_file());
        assert_eq!((file.uid(), file.gid()), (owner.uid(), owner.gid()), "{name}");
    }
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "precious");
    assert_eq!(fs::metadata(&elsewhere).unwrap().uid(), rustix::process::geteuid().as_raw());
}

/// Goal: what is put into a claimed folder and then cleared is gone, and nothing is ever claimed or cleared that was
/// there before. Method: claim a missing folder, fill and clear it, claim it again; a folder with somebody's files; a
/// fresh file system; two claims at once.
#[test]
fn only_an_empty_folder_is_claimed() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("data");
    let claimed = Folder::claim(&path).unwrap();
    assert_eq!(code(Folder::claim(&path)), Some(Code::FolderLocked));
    for name in ["log", "snapshots/x", "incoming/restore"] {
        fs::create_dir_all(path.join(name)).unwrap();
    }
    claimed.complete(&contents(&authority(CLUSTER)), b"first").unwrap();
    claimed.clear();
    drop(claimed);
    let left: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
    fs::create_dir(path.join("lost+found")).unwrap();
    drop(Folder::claim(&path).unwrap());

    for strange in ["snapshots", "incoming", "notes.txt"] {
        let other = home.path().join(format!("with {strange}"));
        fs::create_dir_all(other.join(strange)).unwrap();
        assert_eq!(code(Folder::claim(&other)), Some(Code::FolderInitialised), "{strange}");
        let left: Vec<_> = fs::read_dir(&other).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, [strange]);
    }
}

/// Goal: what root makes in the service's folder can be read by the service; the file system's own folder stays
/// root's, and no link is followed. Method: where the test runs as root, a tree of somebody else's with root's files in
/// it; elsewhere nothing may change.
#[test]
fn what_root_made_is_given_to_the_owner() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("data");
    fs::create_dir_all(path.join("log/deep")).unwrap();
    fs::create_dir_all(path.join("lost+found")).unwrap();
    fs::write(path.join("log/deep/file"), b"x").unwrap();
    fs::write(home.path().join("outside"), b"x").unwrap();
    symlink(home.path().join("outside"), path.join("log/link")).unwrap();
    let owner = |path: &Path| fs::symlink_metadata(path).unwrap().uid();
    let root = owner(home.path()) == 0;
    if root {
        std::os::unix::fs::chown(&path, Some(65_534), Some(65_534)).unwrap();
    }
    Dir::open(&path).unwrap().give_all().unwrap();
    let given = if root { 65_534 } else { owner(home.path()) };
    for name in ["log", "log/deep", "log/deep/file", "log/link"] {
        assert_eq!(owner(&path.join(name)), given, "{name}");
    }
    for name in ["data/lost+found", "outside"] {
        assert_eq!(owner(&home.path().join(name)), owner(home.path()), "{name}");
    }
}
