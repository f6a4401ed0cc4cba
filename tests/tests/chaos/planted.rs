//! The checks themselves: each violation they are for is planted in a small history and must be found.

use std::collections::BTreeMap;

use crate::check::{Act, Became, Ending, Step, check};
use crate::history::{History, Key, NEVER, Read, Write, WriteEnd};
use crate::linear::{self, Register};

const KEY: Key = Key::Hot(1);

fn write(value: u64, expect: Option<u64>, times: (u64, u64), end: WriteEnd) -> Write {
    Write { key: KEY, value, expect, id: u128::from(value), invoked: times.0, returned: times.1, end }
}

fn read(seen: (u64, u64), times: (u64, u64)) -> Read {
    let (version, value) = seen;
    Read { key: KEY, host: 0, run: 0, local: false, invoked: times.0, returned: times.1, version, value }
}

/// Two writes in turn, a refused one in between, a lost answer that took effect, and reads of all of it.
fn good() -> (History, Ending) {
    let history = History {
        writes: vec![
            write(10, None, (0, 10), WriteEnd::Done(1)),
            write(11, Some(0), (12, 18), WriteEnd::Mismatch),
            write(20, Some(1), (20, 30), WriteEnd::Done(2)),
            write(30, None, (25, NEVER), WriteEnd::Unknown),
            write(40, None, (26, NEVER), WriteEnd::Unknown),
            write(50, None, (50, 60), WriteEnd::Refused),
        ],
        reads: vec![read((0, 0), (0, 5)), read((1, 10), (5, 25)), read((2, 20), (35, 45)), read((3, 30), (44, 50))],
        ..History::default()
    };
    let became = [(30, Became::Done(3)), (40, Became::Nothing), (50, Became::Nothing), (11, Became::Mismatch)];
    let ending = Ending { values: [(KEY, (3, 30))].into(), became: became.into() };
    (history, ending)
}

fn found(change: impl FnOnce(&mut History, &mut Ending)) -> String {
    let (mut history, mut ending) = good();
    change(&mut history, &mut ending);
    let (orders, mut wrong) = check(&history, &ending);
    wrong.extend(linear::check(&orders).1);
    wrong.join("\n")
}

/// Goal: a good history is good, also with lost answers and refusals.
#[test]
fn a_good_history_passes() {
    assert_eq!(found(|_, _| ()), "");
}

/// Goal: every violation is found. Method: one is planted at a time.
#[test]
fn planted_violations_are_found() {
    let lost = found(|_, ending| {
        let _ = ending.values.insert(KEY, (2, 20));
    });
    assert!(lost.contains("LOST"), "{lost}");
    let changed = found(|_, ending| {
        let _ = ending.values.insert(KEY, (3, 31));
    });
    assert!(changed.contains("ends with 31"), "{changed}");
    let twice = found(|_, ending| {
        let _ = ending.values.insert(KEY, (4, 30));
    });
    assert!(twice.contains("took effect twice"), "{twice}");
    let refused = found(|_, ending| {
        let _ = ending.became.insert(50, Became::Done(4));
    });
    assert!(refused.contains("was told Refused"), "{refused}");
    let one_version = found(|history, _| history.writes[0].end = WriteEnd::Done(2));
    assert!(one_version.contains("is of two commands"), "{one_version}");
    let unexpected = found(|history, _| history.writes[2].expect = Some(0));
    assert!(unexpected.contains("another version than expected"), "{unexpected}");
    let phantom = found(|history, _| history.reads.push(read((2, 21), (46, 47))));
    assert!(phantom.contains("never there"), "{phantom}");
    let unasked = found(|_, ending| {
        let _ = ending.became.remove(&40);
    });
    assert!(unasked.contains("nobody asked"), "{unasked}");
    let stale = found(|history, _| history.reads.push(read((1, 10), (31, 33))));
    assert!(stale.contains("NOT LINEARIZABLE"), "{stale}");
    let never_refused = found(|history, _| history.writes[1].expect = Some(1));
    assert!(never_refused.contains("NOT LINEARIZABLE"), "{never_refused}");
    let back = found(|history, _| {
        let local = |seen, times| Read { local: true, ..read(seen, times) };
        history.reads.extend([local((2, 20), (40, 41)), local((1, 10), (42, 43))]);
    });
    assert!(back.contains("went back"), "{back}");
}

/// Goal: the published checker decides for itself. Method: it is given the steps in good and in bad orders of time,
/// without the other checks.
#[test]
fn the_published_checker_sees_stale_reads() {
    let (history, ending) = good();
    let orders: BTreeMap<Key, Vec<Step>> = check(&history, &ending).0;
    let steps = orders.get(&KEY).cloned().unwrap_or_default();
    assert_eq!(linear::is_linearizable(&steps, Register::default()), Ok(true));
    for step in 0..steps.len() {
        let mut late = steps.clone();
        // A read of an old version after the newest one was read.
        if matches!(late[step].act, Act::Get { version: 0..=2, .. }) {
            (late[step].invoked, late[step].returned) = (70, 80);
            assert_eq!(linear::is_linearizable(&late, Register::default()), Ok(false), "{late:?}");
        }
    }
}
