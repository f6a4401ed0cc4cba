//! What the process does for its own protection, as far as the system offers it without `unsafe`.
//!
//! Done: no core dumps (limit 0, hard and soft); not dumpable, so that no other process of the user can look into it; all
//! memory locked, present and future, so that keys get into no swap. Not done, since it would take `unsafe` or another
//! library: a filter of system calls, guard pages around keys, memory that is left out of snapshots of the machine. Buffers of
//! the transport, through which a passphrase comes, are not wiped: unseal by the key file where that matters.

use std::panic;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// Below this limit of locked memory nothing is locked: the first allocation beyond it would end the process.
const LOCK_BYTES_MIN: u64 = 1 << 30;
/// The exit code after a panic.
const PANIC_EXIT_CODE: i32 = 70;

/// What was achieved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardening {
    /// No core dumps, and no looking in.
    pub no_core_dumps: bool,
    /// Memory is locked.
    pub memory_locked: bool,
    /// What the system refused, for the log.
    pub refused: Vec<String>,
}

/// Protects this process, as far as the system lets it.
#[must_use]
pub fn harden() -> Hardening {
    let mut refused = Vec::new();
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let limited = setrlimit(Resource::Core, none).map_err(|error| refused.push(format!("core dumps: {error}"))).is_ok();
    let closed = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let closed = closed.map_err(|error| refused.push(format!("dumpable: {error}"))).is_ok();
    let limit = getrlimit(Resource::Memlock).current;
    let roomy = rustix::process::geteuid().is_root() || limit.is_none_or(|limit| limit >= LOCK_BYTES_MIN);
    let memory_locked = if roomy {
        let locked = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE);
        locked.map_err(|error| refused.push(format!("locking memory: {error}"))).is_ok()
    } else {
        refused.push(format!("locking memory: LimitMEMLOCK is {limit:?}, at least {LOCK_BYTES_MIN} is needed"));
        false
    };
    Hardening { no_core_dumps: limited && closed, memory_locked, refused }
}

/// From now on a panic in any thread ends the process. What it was about is not told, only where: a message could have a
/// secret in it.
pub fn end_on_panic() {
    panic::set_hook(Box::new(|about| {
        let place = about.location().map_or_else(|| "nowhere".to_owned(), ToString::to_string);
        tracing::error!(place, "the signer panicked and ends");
        std::process::exit(PANIC_EXIT_CODE);
    }));
}
