//! A slice of the measurement of catching up (docs/benchmarks.md).

#![allow(clippy::unwrap_used, reason = "a failure is the test's")]

use std::path::PathBuf;
use std::process::Command;

/// Blocks of the slice; a day has 7,200.
const BLOCKS: &str = "300";
const ADDRESSES: &str = "200000";
/// So many times as fast as the network a worker catches up at least,
const TIMES_MIN: u64 = 10;
/// and has so much memory at most, with 25 times as many addresses.
const MEMORY_MIB_MAX: u64 = 400;

/// The number before these words.
fn before(report: &str, words: &str) -> u64 {
    let at = report.find(words).unwrap_or_else(|| panic!("no `{words}` in: {report}"));
    report[..at].split_whitespace().last().unwrap().parse().unwrap()
}

/// Goal: blocks of Ethereum's size, 200 transactions and 400 logs each, are caught up with at ten times the network's pace, through
/// the clients, two endpoints' agreement, the scan and the commits, and every arrival is told. Method: the measurement, for an hour
/// of the network.
#[test]
fn a_backlog_is_caught_up_with() {
    let own = std::env::current_exe().unwrap();
    let program: PathBuf = own.ancestors().nth(2).unwrap().join("examples/catch_up");
    assert!(program.is_file(), "the measurement is not built: cargo build -p exchequer-workers --example catch_up");
    let ran = Command::new(program).args([BLOCKS, ADDRESSES]).output().unwrap();
    let report = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{report}{}", String::from_utf8_lossy(&ran.stderr));
    println!("{report}");
    assert_eq!(before(&report, " arrivals"), 2_400);
    assert!(before(&report, " times real time") >= TIMES_MIN, "{report}");
    let memory = report.split("at most ").nth(1).unwrap();
    assert!(before(memory, " MiB") <= MEMORY_MIB_MAX, "{report}");
}
