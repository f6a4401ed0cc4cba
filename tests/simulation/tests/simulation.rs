//! Runs seeds and planted bugs; see the crate's documentation for the commands.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use exchequer_raft::planted::Bug;
use exchequer_simulation::nemesis::Fault;
use exchequer_simulation::run::{Report, Verdict, run_seed};
use exchequer_simulation::trace::tell;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn show(report: &Report) {
    tell(&format!("{}\nseed {}: {:?}", report.tail, report.seed, report.verdict));
}

/// Goal: one seed can be looked at. Method: runs the seed in EXCHEQUER_SIM_SEED (else 0), printing its events.
#[test]
fn one_seed() {
    let asked = number("EXCHEQUER_SIM_SEED");
    let started = Instant::now();
    let report = run_seed(asked.unwrap_or(0), None, asked.is_some());
    tell(&format!("seed {}: {:?} in {:?}, {:?}", report.seed, report.verdict, started.elapsed(), report.counts));
    if matches!(report.verdict, Verdict::Violated(_)) {
        show(&report);
        panic!("seed {}: {:?}", report.seed, report.verdict);
    }
}

/// Seeds that run at once: each is single-threaded and on its own.
fn at_once() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Runs seeds from `from` on, several at once, until `enough` says so of the reports so far.
fn run_many(from: u64, most: u64, bug: Option<Bug>, enough: &(dyn Fn(&[Report]) -> bool + Sync)) -> Vec<Report> {
    let next = AtomicU64::new(from);
    let reports = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once() {
            scope.spawn(|| {
                loop {
                    if enough(&reports.lock().unwrap()) {
                        return;
                    }
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + most {
                        return;
                    }
                    let report = run_seed(seed, bug, false);
                    reports.lock().unwrap().push(report);
                }
            });
        }
    });
    let mut reports = reports.into_inner().unwrap();
    reports.sort_by_key(|report| report.seed);
    reports
}

/// Goal: no acknowledged write is lost or applied twice, reads are linearizable, nodes agree and the cluster heals,
/// whatever strikes it. Method: 40 seeds (or EXCHEQUER_SIM_SEEDS, from EXCHEQUER_SIM_FROM) that put something to the
/// test; a run that did not is not counted, and another seed takes its place.
#[test]
fn simulation_40_seeds() {
    let wanted = number("EXCHEQUER_SIM_SEEDS").unwrap_or(40);
    let from = number("EXCHEQUER_SIM_FROM").unwrap_or(0);
    let started = Instant::now();
    let passed = |reports: &[Report]| reports.iter().filter(|report| report.verdict == Verdict::Passed).count() as u64;
    let violated = |reports: &[Report]| {
        reports.iter().filter(|report| matches!(report.verdict, Verdict::Violated(_))).count()
    };
    let reports = run_many(from, wanted * 2, None, &|reports| {
        if let Some(last) = reports.last() {
            if reports.len() as u64 % 20 == 0 {
                let (done, bad) = (passed(reports), violated(reports));
                tell(&format!("{done} of {wanted} seeds passed, {bad} violated, at seed {}", last.seed));
            }
        }
        passed(reports) >= wanted || violated(reports) >= 5
    });
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for report in &reports {
        for (what, count) in &report.counts {
            *counts.entry(what).or_default() += count;
        }
        match &report.verdict {
            Verdict::Passed => {}
            Verdict::Invalid(why) => tell(&format!("seed {} is invalid, not a pass: {why}", report.seed)),
            Verdict::Violated(_) => {
                show(report);
                tell(&format!(
                    "again: EXCHEQUER_SIM_SEED={} cargo test -p exchequer-simulation -p exchequer-node --test simulation one_seed -- --nocapture",
                    report.seed
                ));
            }
        }
    }
    let simulated: u64 = reports.iter().map(|report| report.simulated_ms).sum();
    for (what, count) in &counts {
        tell(&format!("{count:>9}  {what}"));
    }
    let (runs, spent) = (reports.len(), started.elapsed());
    tell(&format!("{runs} runs, {} passed, {} s simulated in {spent:?}", passed(&reports), simulated / 1000));
    assert_eq!(violated(&reports), 0, "see above for the seeds");
    assert!(passed(&reports) >= wanted, "too many runs were invalid");
    for fault in Fault::ALL {
        assert!(counts.contains_key(fault.name()), "no run had the fault `{}`", fault.name());
    }
}

/// Goal: a seed is enough to repeat a run. Method: some seeds twice; the hashes over all events and all that was seen
/// of every node must be equal.
#[test]
fn a_seed_always_gives_the_same_run() {
    for seed in 0..number("EXCHEQUER_SIM_TWICE").unwrap_or(4) {
        let (first, second) = (run_seed(seed, None, false), run_seed(seed, None, false));
        if first.trace != second.trace {
            tell(&format!("first:\n{}\n\nsecond:\n{}", first.tail, second.tail));
        }
        assert_eq!(first.trace, second.trace, "seed {seed} ran in two ways");
    }
}
