//! Runs in processes of their own, several at once.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use exchequer_raft::planted::Bug;
use parking_lot::Mutex;

use crate::report::{Report, Verdict};

/// The test that a child process is to run.
const CHILD_TEST: &str = "one_seed";
/// The seed a child runs.
pub const SEED: &str = "EXCHEQUER_SIM_SEED";
/// The name of the bug that is planted in it.
pub const BUG: &str = "EXCHEQUER_SIM_BUG";
/// Set where a parent waits for the report.
pub const REPORT: &str = "EXCHEQUER_SIM_REPORT";
const MARK: &str = "report:";

/// The report as one line for the parent.
#[must_use]
pub fn line(report: &Report) -> String {
    // Strings, integers and byte arrays always encode.
    let bytes = postcard::to_stdvec(report).unwrap_or_default();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\n{MARK}{hex}")
}

fn read(output: &str) -> Option<Report> {
    let hex = output.lines().find_map(|line| line.strip_prefix(MARK))?;
    let digit = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let bytes = (0..hex.len()).step_by(2).map(digit).collect::<Option<Vec<u8>>>()?;
    postcard::from_bytes(&bytes).ok()
}

/// The bug of that name.
#[must_use]
pub fn bug_named(name: &str) -> Option<Bug> {
    Bug::ALL.iter().copied().find(|bug| format!("{bug:?}") == name)
}

/// Runs a seed in a process of its own.
#[must_use]
pub fn run_apart(seed: u64, bug: Option<Bug>) -> Report {
    let output = std::env::current_exe().and_then(|program| {
        let mut command = Command::new(program);
        command.args(["--exact", CHILD_TEST, "--nocapture", "--test-threads=1"]);
        command.env(SEED, seed.to_string()).env(REPORT, "1").env("RUST_BACKTRACE", "0").env_remove(BUG);
        if let Some(bug) = bug {
            command.env(BUG, format!("{bug:?}"));
        }
        command.stdin(Stdio::null()).output()
    });
    let (said, errors) = match &output {
        Ok(output) => (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        Err(error) => (String::new().into(), error.to_string().into()),
    };
    read(&said).unwrap_or_else(|| Report {
        seed,
        verdict: Verdict::Violated("the process of the run died".to_owned()),
        trace: [0; 32],
        tail: errors.into_owned(),
        counts: std::collections::BTreeMap::new(),
        simulated_ms: 0,
    })
}

/// Runs up to `most` seeds from `from` on, as many at once as there are processors, until `enough` says so of the
/// reports so far.
pub fn run_many(from: u64, most: u64, bug: Option<Bug>, enough: &(dyn Fn(&[Report]) -> bool + Sync)) -> Vec<Report> {
    let next = AtomicU64::new(from);
    let reports = Mutex::new(Vec::new());
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                while !enough(&reports.lock()) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + most {
                        return;
                    }
                    let report = run_apart(seed, bug);
                    reports.lock().push(report);
                }
            });
        }
    });
    let mut reports = reports.into_inner();
    reports.sort_by_key(|report: &Report| report.seed);
    reports
}
