//! Linearizability by a published checker: stateright's `LinearizabilityTester`.
//!
//! The checker searches for an order that agrees with time and with a register that counts its versions. It tries
//! the operations in the order of their thread numbers, so every operation is given a thread of its own, numbered by
//! the order that [`crate::check`] found: on a good history the search goes straight through. It copies all that is
//! left at each step, so a long history is cut into windows along that order; where each window is linearizable from
//! the state in which the window before ended, and no operation returned before one of an earlier window began, the
//! whole is.
//!
//! To search a bad history can take for ever, so only those come here with which nothing was found wrong before, and
//! the search has a limit: what is not decided by then is no pass.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester, SequentialSpec};

use crate::check::{Act, Step};
use crate::history::{Key, Moment};

/// Operations of one window.
const WINDOW: usize = 100;
/// A good window takes milliseconds.
const SEARCH: Duration = Duration::from_secs(60);

/// A register that counts its versions, with compare-and-set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Register {
    pub(crate) version: u64,
    pub(crate) value: u64,
}

/// What is asked of the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    /// Writes; only at a version where one is given.
    Put { value: u64, expect: Option<u64> },
    /// Reads.
    Get,
}

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ret {
    /// Written as this version.
    Put(u64),
    /// Not at the expected version.
    Refusal,
    /// Version and value.
    Get(u64, u64),
}

impl SequentialSpec for Register {
    type Op = Op;
    type Ret = Ret;

    fn invoke(&mut self, op: &Op) -> Ret {
        match op {
            Op::Get => Ret::Get(self.version, self.value),
            Op::Put { expect: Some(expect), .. } if *expect != self.version => Ret::Refusal,
            Op::Put { value, expect: _ } => {
                *self = Register { version: self.version + 1, value: *value };
                Ret::Put(self.version)
            }
        }
    }
}

/// The register after a step.
fn after(step: &Step, before: Register) -> Register {
    match step.act {
        Act::Put { value, version, .. } => Register { version, value },
        Act::Refusal { .. } | Act::Get { .. } => before,
    }
}

/// How many windows were looked at, and what is wrong, in sentences.
pub(crate) fn check(orders: &BTreeMap<Key, Vec<Step>>) -> (usize, Vec<String>) {
    let (mut windows, mut wrong) = (0, Vec::new());
    for (key, steps) in orders {
        let mut register = Register::default();
        let mut latest_begin: Moment = 0;
        for window in steps.chunks(WINDOW) {
            windows += 1;
            if window.iter().any(|step| step.returned < latest_begin) {
                wrong.push(format!("{key}: NOT LINEARIZABLE: a window's order is against time"));
            }
            match decide(window, register) {
                Some(Ok(true)) => {}
                Some(Ok(false)) => wrong.push(format!("{key}: NOT LINEARIZABLE, from {register:?}: {window:?}")),
                Some(Err(invalid)) => wrong.push(format!("{key}: the history is none: {invalid}")),
                None => wrong.push(format!("{key}: NOT DECIDED, from {register:?}: {window:?}")),
            }
            register = window.iter().fold(register, |register, step| after(step, register));
            latest_begin = window.iter().map(|step| step.invoked).max().unwrap_or(0).max(latest_begin);
        }
    }
    (windows, wrong)
}

/// Asks the checker, but not for longer than [`SEARCH`].
fn decide(steps: &[Step], register: Register) -> Option<Result<bool, String>> {
    let (verdict, decided) = mpsc::channel();
    let steps = steps.to_vec();
    thread::spawn(move || {
        // Nobody waits any more when it comes too late.
        let _ = verdict.send(is_linearizable(&steps, register));
    });
    decided.recv_timeout(SEARCH).ok()
}

/// Asks the checker about steps that begin at a state of the register.
///
/// # Errors
/// When the steps are no history.
pub(crate) fn is_linearizable(steps: &[Step], register: Register) -> Result<bool, String> {
    let mut tester = LinearizabilityTester::new(register);
    let mut events: Vec<(Moment, bool, usize)> = Vec::new();
    for (thread, step) in steps.iter().enumerate() {
        events.push((step.invoked, false, thread));
        events.push((step.returned, true, thread));
    }
    // What begins at the moment at which another returns overlaps it: begins come first.
    events.sort_unstable();
    for (_, is_return, thread) in events {
        let Some(step) = steps.get(thread) else { continue };
        let (op, ret) = match step.act {
            Act::Put { value, expect, version } => (Op::Put { value, expect }, Ret::Put(version)),
            Act::Refusal { expect } => (Op::Put { value: 0, expect: Some(expect) }, Ret::Refusal),
            Act::Get { version, value } => (Op::Get, Ret::Get(version, value)),
        };
        if is_return {
            tester.on_return(thread, ret)?;
        } else {
            tester.on_invoke(thread, op)?;
        }
    }
    Ok(tester.is_consistent())
}
