//! The ground the run stands on: three hosts and a switch in network namespaces, with no way to the outside.
//!
//! The run itself happens inside of the switch's namespace, where its clients reach every host: the test starts its own
//! program there once more. Everything has a name of its own (`exq-c1` to `exq-c3`, `exq-cs`), so that drills and a run
//! do not meet; it is taken down when the ground is dropped, and what a killed run left when one is prepared.

use std::env;
use std::fs::File;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::disk;
use crate::lab::HOSTS;

const SWITCH: &str = "exq-cs";
const CLIENTS: &str = "10.78.0.254";
const TABLE: &str = "inet exq_chaos";
/// Wherever temporary files go: the names above are the machine's.
const LOCK: &str = "/tmp/exchequer-chaos.lock";
/// Set for the program that runs inside.
const INSIDE: &str = "EXCHEQUER_CHAOS_INSIDE";
/// The programs that are needed, and the Debian packages that have them.
const PROGRAMS: &[(&str, &str)] = &[
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("mount", "mount"),
    ("mkfs.ext4", "e2fsprogs"),
    ("perl", "perl-base"),
];
/// Hosts and switch.
#[derive(Debug)]
pub(crate) struct Ground {
    _lock: File,
}

/// Takes the ground, of which a machine has one.
fn lock() -> Result<File> {
    let lock = File::options().write(true).create(true).truncate(false).open(LOCK).context(LOCK)?;
    lock.try_lock().context("another run of this test is under way")?;
    Ok(lock)
}

fn permitted() -> Result<()> {
    ensure!(geteuid().is_root(), "network namespaces need root");
    let path = env::var_os("PATH").unwrap_or_default();
    let there = |program: &str| env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !there(program)).map(|(_, package)| *package).collect();
    ensure!(missing.is_empty(), "missing Debian packages: {}", missing.join(", "));
    Ok(())
}

/// Whether this program was started inside.
pub(crate) fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

impl Ground {
    /// Builds hosts and switch; the inner error says what this machine does not permit.
    ///
    /// # Errors
    /// When another run has the ground.
    pub(crate) fn prepare() -> Result<Result<Ground>> {
        match permitted() {
            Ok(()) => lock().map(Ground::build),
            Err(why) => Ok(Err(why)),
        }
    }

    fn build(lock: File) -> Result<Ground> {
        let ground = Ground { _lock: lock };
        sweep();
        ip(&["netns", "add", SWITCH]).context("network namespaces")?;
        ip(&["-n", SWITCH, "link", "set", "lo", "up"])?;
        ip(&["-n", SWITCH, "link", "add", "br0", "type", "bridge"])?;
        ip(&["-n", SWITCH, "address", "add", &format!("{CLIENTS}/24"), "dev", "br0"])?;
        ip(&["-n", SWITCH, "link", "set", "br0", "up"])?;
        for host in 0..HOSTS {
            let (name, port) = (name(host), format!("p{}", host + 1));
            ip(&["netns", "add", &name])?;
            ip(&["-n", &name, "link", "set", "lo", "up"])?;
            ip(&["-n", SWITCH, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &name])?;
            ip(&["-n", SWITCH, "link", "set", &port, "master", "br0", "up"])?;
            ip(&["-n", &name, "address", "add", &format!("{}/24", address(host)), "dev", "eth0"])?;
            ip(&["-n", &name, "link", "set", "eth0", "up"])?;
        }
        heal().context("nftables in a namespace")?;
        Ok(ground)
    }

    /// Runs the test called `test` of this program inside. It ends when this process does.
    ///
    /// # Errors
    /// When it cannot be started, or fails.
    pub(crate) fn run_inside(&self, test: &str) -> Result<()> {
        let program = env::current_exe().context("this program's path is not known")?;
        let network = format!("--net=/run/netns/{SWITCH}");
        let status = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "nsenter", &network])
            .arg(program)
            .args([test, "--exact", "--nocapture"])
            .env(INSIDE, "1")
            .stdin(Stdio::null())
            .status()
            .context("the run inside cannot be started")?;
        ensure!(status.success(), "the run failed ({status}); see above");
        Ok(())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        sweep();
    }
}

fn name(host: usize) -> String {
    format!("exq-c{}", host + 1)
}

/// A host's address.
pub(crate) fn address(host: usize) -> String {
    format!("10.78.0.{}", host + 1)
}

/// The words that run a program on a host, such that it ends with this process. Not `ip netns exec`, which gives a
/// process mounts of its own: those would keep another host's disk in use after its power was cut.
pub(crate) fn wrap(host: usize) -> Vec<String> {
    let network = format!("--net=/run/netns/{}", name(host));
    ["nsenter", &network, "setpriv", "--pdeathsig", "KILL", "--"].map(str::to_owned).to_vec()
}

/// The words that make a server end with this process, without a host of its own.
pub(crate) fn bound() -> Vec<String> {
    ["setpriv", "--pdeathsig", "KILL", "--"].map(str::to_owned).to_vec()
}

/// From which hosts a host hears nothing, and to which it cannot speak.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cut {
    pub(crate) deaf_to: Vec<usize>,
    pub(crate) mute_to: Vec<usize>,
}

/// Cuts a host off. Clients still reach it.
///
/// # Errors
/// When the rules are refused.
pub(crate) fn cut(host: usize, cut: &Cut) -> Result<()> {
    let rules = |peers: &[usize], field: &str| {
        let rule = |peer: &usize| format!("ip {field} {} counter drop; ", address(*peer));
        peers.iter().map(rule).collect::<String>()
    };
    let (deaf, mute) = (rules(&cut.deaf_to, "saddr"), rules(&cut.mute_to, "daddr"));
    let words = format!(
        "table {TABLE} {{\n\
         chain in {{ type filter hook input priority -10; {deaf} }}\n\
         chain out {{ type filter hook output priority -10; {mute} }}\n}}"
    );
    nft(host, &words).map(drop)
}

/// How many packets a host's cut has swallowed.
///
/// # Errors
/// When there is no cut.
pub(crate) fn swallowed(host: usize) -> Result<u64> {
    let rules = nft(host, &format!("list table {TABLE}"))?;
    let counted = rules.split("counter packets ").skip(1).filter_map(|rest| rest.split(' ').next());
    Ok(counted.filter_map(|packets| packets.parse::<u64>().ok()).sum())
}

/// Undoes all cuts.
///
/// # Errors
/// When a rule cannot be taken away.
pub(crate) fn heal() -> Result<()> {
    (0..HOSTS).try_for_each(|host| nft(host, &format!("add table {TABLE}; delete table {TABLE}")).map(drop))
}

fn ip(words: &[&str]) -> Result<()> {
    run(Command::new("ip").args(words)).map(drop)
}

fn nft(host: usize, words: &str) -> Result<String> {
    run(Command::new("nsenter").arg(format!("--net=/run/netns/{}", name(host))).args(["nft", words]))
}

/// Runs a program to its end; what it printed.
///
/// # Errors
/// When it fails, with what it said.
pub(crate) fn run(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Takes down everything that has a name of ours. The lock is held.
fn sweep() {
    let there = run(Command::new("ip").args(["netns", "list"])).unwrap_or_default();
    let ours: Vec<String> = (0..HOSTS).map(name).chain([SWITCH.to_owned()]).collect();
    for name in there.lines().filter_map(|line| line.split_whitespace().next()) {
        if ours.iter().any(|our| our == name) {
            let pids = run(Command::new("ip").args(["netns", "pids", name])).unwrap_or_default();
            for pid in pids.lines().filter_map(|pid| Pid::from_raw(pid.trim().parse().ok()?)) {
                // It may have ended meanwhile.
                let _ = kill_process(pid, Signal::KILL);
            }
            // Half a ground has only some of them.
            let _ = ip(&["netns", "delete", name]);
        }
    }
    disk::sweep();
}
