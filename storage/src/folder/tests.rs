//! The data folder: what a crash or a lost file leaves, and what snapshots are made of.

use tempfile::TempDir;

use super::*;
use crate::Batch;

const FAMILIES: &[&str] = &["rows"];

fn write(engine: &dyn Engine, key: &[u8]) {
    let mut batch = Batch::default();
    batch.put(0, key, vec![7; 100]);
    engine.write(&batch).unwrap();
    engine.sync().unwrap();
}

/// Goal: a state is never thrown away because nothing names it. Method: the folder's `CURRENT` is removed.
#[test]
fn a_missing_current_does_not_lose_the_state() {
    let home = TempDir::new().unwrap();
    write(FolderDisk::open(home.path()).unwrap().state(FAMILIES).unwrap().as_ref(), b"a");
    fs::remove_file(home.path().join(CURRENT_NAME)).unwrap();
    let error = FolderDisk::open(home.path()).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { path, .. } if path.ends_with(CURRENT_NAME)), "{error}");
    assert!(error.to_string().contains("state-1"), "{error}");
    // What the operator may do: name the folder.
    fs::write(home.path().join(CURRENT_NAME), "state-1\n").unwrap();
    let engine = FolderDisk::open(home.path()).unwrap().state(FAMILIES).unwrap();
    assert!(engine.get(0, b"a").unwrap().is_some());
}

/// Goal: a node whose first start, or restore, was cut short starts. Method: what each step leaves.
#[test]
fn a_first_start_may_be_cut_short() {
    for half_made in [false, true] {
        let home = TempDir::new().unwrap();
        fs::write(home.path().join(CURRENT_NAME), CURRENT_NEW).unwrap();
        if half_made {
            create_folder(&home.path().join("state-1")).unwrap();
            fs::write(home.path().join("state-1/LOCK"), "").unwrap();
        }
        write(FolderDisk::open(home.path()).unwrap().state(FAMILIES).unwrap().as_ref(), b"a");
        assert_eq!(fs::read_to_string(home.path().join(CURRENT_NAME)).unwrap(), "state-1");
        let engine = FolderDisk::open(home.path()).unwrap().state(FAMILIES).unwrap();
        assert!(engine.get(0, b"a").unwrap().is_some());
    }
}

/// Goal: a folder that `CURRENT` names and that is gone is damage, not a new node. Method: it is removed.
#[test]
fn a_missing_state_is_damage() {
    let home = TempDir::new().unwrap();
    drop(FolderDisk::open(home.path()).unwrap().state(FAMILIES).unwrap());
    fs::remove_dir_all(home.path().join("state-1")).unwrap();
    let error = FolderDisk::open(home.path()).unwrap().state(FAMILIES).err().unwrap();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

/// Goal: what a snapshot costs is what changed since the last one. Method: the earlier manifest has marked hashes; the
/// marks must be on the tables that did not change, and on nothing else.
#[test]
fn unchanged_tables_are_not_hashed_again() {
    let home = TempDir::new().unwrap();
    let disk = FolderDisk::open(home.path()).unwrap();
    let engine = disk.state(FAMILIES).unwrap();
    write(engine.as_ref(), b"a");
    let working = disk.checkpoint(engine.as_ref()).unwrap();
    let mut first = disk.describe(&working, "first", Vec::new(), None).unwrap();
    disk.seal(&working, "first").unwrap();
    assert_eq!(disk.manifest("first").unwrap(), first);
    first.files.iter_mut().for_each(|entry| entry.hash = [9; 32]);

    write(engine.as_ref(), b"b");
    let working = disk.checkpoint(engine.as_ref()).unwrap();
    let second = disk.describe(&working, "second", Vec::new(), Some(&first)).unwrap();
    disk.seal(&working, "second").unwrap();
    let is_table = |entry: &&FileEntry| entry.name.ends_with(TABLE_SUFFIX);
    let tables: Vec<&FileEntry> = second.files.iter().filter(is_table).collect();
    let marked = |entry: &&&FileEntry| entry.hash == [9; 32];
    assert_eq!((tables.len(), tables.iter().filter(marked).count()), (2, 1), "{second:?}");
    assert!(second.files.iter().all(|entry| is_table(&entry) || entry.hash != [9; 32]), "{second:?}");
    assert_eq!(disk.snapshots().unwrap(), ["first", "second"]);
}

/// Goal: what came of nothing takes no space. Method: a working checkpoint is discarded.
#[test]
fn a_working_checkpoint_can_be_discarded() {
    let home = TempDir::new().unwrap();
    let disk = FolderDisk::open(home.path()).unwrap();
    let engine = disk.state(FAMILIES).unwrap();
    write(engine.as_ref(), b"a");
    let working = disk.checkpoint(engine.as_ref()).unwrap();
    disk.remove_snapshot(&working).unwrap();
    assert_eq!(names(&disk.snapshot_root()).unwrap(), Vec::<String>::new());
}
