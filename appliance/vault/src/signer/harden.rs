//! What the process does for its own protection, as far as the system offers it without `unsafe`.
//!
//! Done: no core dumps (limit 0, hard and soft); not dumpable, so that no other process of the user can look into it; all
//! memory locked as it comes into use, present and future, so that keys get into no swap; no network, in a name space of its own. Not done, since
//! it would take `unsafe` or another
//! library: a filter of system calls, guard pages around keys, memory that is left out of snapshots of the machine. Buffers of
//! the transport, through which a passphrase comes, are not wiped: unseal by the key file where that matters.

use std::{fs, io, panic};

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getegid, geteuid, getrlimit, set_dumpable_behavior, setrlimit,
};
use rustix::thread::UnshareFlags;

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
    /// No network is reached.
    pub no_network: bool,
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
        // Pages that were never touched have no secret in them, and the program's own file is large.
        let locked = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT);
        locked.map_err(|error| refused.push(format!("locking memory: {error}"))).is_ok()
    } else {
        refused.push(format!("locking memory: LimitMEMLOCK is {limit:?}, at least {LOCK_BYTES_MIN} is needed"));
        false
    };
    Hardening { no_core_dumps: limited && closed, memory_locked, no_network: is_isolated(), refused }
}

/// Whether this process reaches no network already: it sees no interface but the one to itself.
fn is_isolated() -> bool {
    // The thread's own word: what `self` names is the first thread. Two lines of headings, then one for each interface.
    let seen = fs::read_to_string("/proc/thread-self/net/dev").unwrap_or_default();
    !seen.is_empty() && seen.lines().skip(2).all(|line| line.trim_start().starts_with("lo:"))
}

/// Takes the network away from this process, for ever. It must have one thread only: others would keep theirs.
///
/// Whoever is not root gets name spaces of users and of networks, in which its own user and group are the only ones: what
/// belongs to others, also to root, belongs to nobody then. Where other users are to be told apart, or root's files
/// are read, `one_user` is false and nothing is done.
///
/// # Errors
/// What the system says. The process goes on as it was.
pub fn isolate(one_user: bool) -> Result<(), String> {
    if is_isolated() {
        return Ok(());
    }
    let (user, group) = (geteuid(), getegid());
    if user.is_root() {
        return separate(UnshareFlags::NEWNET).map_err(|error| format!("network: {error}"));
    }
    if !one_user {
        return Err("network: it is left to the unit, since users are told apart".to_owned());
    }
    separate(UnshareFlags::NEWUSER | UnshareFlags::NEWNET).map_err(|error| format!("network: {error}"))?;
    let (user, group) = (user.as_raw(), group.as_raw());
    let told = fs::write("/proc/self/uid_map", format!("{user} {user} 1"))
        .and_then(|()| fs::write("/proc/self/setgroups", "deny"))
        .and_then(|()| fs::write("/proc/self/gid_map", format!("{group} {group} 1")));
    told.map_err(|error| format!("the user in its name space: {error}"))
}

#[expect(deprecated, reason = "what came in its place is unsafe because of a flag that is given nowhere here")]
fn separate(flags: UnshareFlags) -> io::Result<()> {
    Ok(rustix::thread::unshare(flags)?)
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
