//! The run's events, folded into a hash as they come: two runs of one seed must agree on it.

use std::collections::VecDeque;

/// Events kept to be shown with a failure.
const SHOWN_EVENTS: usize = 60;

/// The running hash and the last events.
#[derive(Debug, Default)]
pub struct Trace {
    hasher: blake3::Hasher,
    last: VecDeque<String>,
    events: u64,
    verbose: bool,
}

impl Trace {
    /// A trace that also prints its events as they come, if `verbose`.
    #[must_use]
    pub fn new(verbose: bool) -> Trace {
        Trace { verbose, ..Trace::default() }
    }

    /// Notes an event at `at_ms` of simulated time.
    pub fn event(&mut self, at_ms: u64, text: &str) {
        let line = format!("{at_ms:>6} ms  {text}");
        self.hasher.update(line.as_bytes());
        self.events += 1;
        if self.verbose {
            tell(&line);
        }
        if self.last.len() >= SHOWN_EVENTS {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    /// Folds a fact that is too frequent to be shown.
    pub fn fold(&mut self, line: &str) {
        self.hasher.update(line.as_bytes());
        if self.verbose {
            tell(&format!("           {line}"));
        }
    }

    /// The hash so far.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        *self.hasher.finalize().as_bytes()
    }

    /// How many events there were.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The last events, for people.
    #[must_use]
    pub fn tail(&self) -> String {
        self.last.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// Prints a line for people who watch a run.
#[expect(clippy::print_stderr, reason = "the simulation's progress is for the person at the terminal")]
pub fn tell(line: &str) {
    eprintln!("{line}");
}

/// Prints a line for the process that waits for it.
#[expect(clippy::print_stdout, reason = "standard output is how a run's process reports to its parent")]
pub fn tell_parent(line: &str) {
    println!("{line}");
}
