//! Runs seeds and planted bugs; see the crate's documentation for the commands.

use std::time::Instant;

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
