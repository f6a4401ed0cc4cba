//! How a run ended, and running a seed to that end.

use std::collections::BTreeMap;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use exchequer_raft::planted::{self, Bug};
use serde::{Deserialize, Serialize};

use crate::run::Run;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Everything held, and faults were at work.
    Passed,
    /// Everything held, but what ought to have been put to the test was not: not a pass.
    Invalid(String),
    /// Something did not hold.
    Violated(String),
}

/// What a run came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// The hash of everything that happened.
    pub trace: [u8; 32],
    /// The last events before the end.
    pub tail: String,
    /// Faults and other things worth counting.
    pub counts: BTreeMap<String, u64>,
    /// Simulated time, in milliseconds.
    pub simulated_ms: u64,
}

/// A run that takes longer than this, in real time, has stopped its simulated clock: something spins.
const HANG: Duration = Duration::from_secs(240);

/// Runs a seed on a thread of its own, so that a panic or a spin is a verdict and not the end.
#[must_use]
pub fn run_seed(seed: u64, bug: Option<Bug>, verbose: bool) -> Report {
    let (done, report) = std::sync::mpsc::channel();
    let worker = std::thread::Builder::new().name(format!("seed-{seed}")).stack_size(16 << 20).spawn(move || {
        // Nobody waits any more after a hang.
        let _ = done.send(run_here(seed, bug, verbose));
    });
    match worker {
        Ok(thread) => match report.recv_timeout(HANG) {
            Ok(report) => report,
            Err(RecvTimeoutError::Timeout) => lost(seed, "simulated time stands still: something spins"),
            Err(RecvTimeoutError::Disconnected) => {
                let panic = thread.join().err();
                let text = panic.as_ref().and_then(|panic| {
                    panic
                        .downcast_ref::<String>()
                        .cloned()
                        .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).into()))
                });
                lost(seed, &format!("panic: {}", text.unwrap_or_default()))
            }
        },
        Err(error) => lost(seed, &format!("the thread could not be started: {error}")),
    }
}

fn lost(seed: u64, text: &str) -> Report {
    Report {
        seed,
        verdict: Verdict::Violated(text.to_owned()),
        trace: [0; 32],
        tail: String::new(),
        counts: BTreeMap::new(),
        simulated_ms: 0,
    }
}

fn run_here(seed: u64, bug: Option<Bug>, verbose: bool) -> Report {
    planted::plant(bug);
    exchequer_raft::seed_thread(Some(seed));
    let mut run = Run::new(seed, verbose);
    run.all();
    exchequer_raft::seed_thread(None);
    planted::plant(None);
    run.report()
}
