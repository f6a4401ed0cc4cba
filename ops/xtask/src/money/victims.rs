//! What ends under a withdrawal: processes that are killed (SIGKILL), whoever leads, a worker, a signer, Bitcoin's node; and the doors
//! before a network's node, which are closed or answer nothing.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Signal;

use crate::process;

/// A worker that ends five times within ten minutes stays down until a person looks: nobody is to, so it dies less often. What was to
/// kill it kills the signer then. The span is longer by what lies between the decision and the death.
const WORKER_DEATHS_MAX: usize = 4;
const WORKER_DEATHS_WITHIN: Duration = Duration::from_secs(700);
/// Who is to die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Victim {
    /// The node that leads.
    Leader,
    /// The node that leads, and whoever leads after it as soon as it does.
    Leaders,
    /// The withdrawal worker of the network.
    Worker,
    /// The signer beside the node that leads.
    Signer,
    /// One of the network's two doors: its port and its connections are closed.
    Door,
    /// Both doors.
    Doors,
    /// The network's node itself: Bitcoin's, the only one that can be started again with the blocks that it had.
    Node,
    /// Nobody: for a while one door, or both, do all they are asked and answer nothing.
    Silence,
}

impl Victim {
    pub(super) const ALL: [Victim; 8] = [
        Victim::Leader,
        Victim::Leaders,
        Victim::Worker,
        Victim::Signer,
        Victim::Door,
        Victim::Doors,
        Victim::Node,
        Victim::Silence,
    ];

    /// The word for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Victim::Leader => "leader",
            Victim::Leaders => "two-leaders",
            Victim::Worker => "worker",
            Victim::Signer => "signer",
            Victim::Door => "door",
            Victim::Doors => "both-doors",
            Victim::Node => "node",
            Victim::Silence => "silence",
        }
    }
}

/// When each network's worker was killed.
#[derive(Debug, Default)]
pub(super) struct Deaths(Mutex<Vec<(&'static str, Instant)>>);

impl Deaths {
    /// Who dies in a worker's stead where it died too often of late; a death that is allowed is counted.
    pub(super) fn instead(&self, victim: Victim, network: &'static str, now: Instant) -> Victim {
        if victim != Victim::Worker {
            return victim;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, at)| now.duration_since(*at) < WORKER_DEATHS_WITHIN);
        if all.iter().filter(|(of, _)| *of == network).count() >= WORKER_DEATHS_MAX {
            return Victim::Signer;
        }
        all.push((network, now));
        victim
    }
}

/// What a process is called and who started it.
struct Seen {
    pid: u32,
    parent: u32,
    words: Vec<String>,
}

fn seen(folder: &Path) -> Option<Seen> {
    let pid = folder.file_name()?.to_str()?.parse().ok()?;
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    // The name stands in brackets and may hold anything.
    let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
    let words = fs::read(folder.join("cmdline")).ok()?;
    let words = words.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    Some(Seen { pid, parent, words })
}

/// Sends a signal to the children of `parent` that were started with this word; how many there were.
///
/// # Errors
/// The system tells of no processes.
pub(super) fn end_child(parent: u32, word: &str, signal: Signal) -> Result<usize> {
    let all = fs::read_dir("/proc").context("no list of processes")?.flatten();
    let matching = all.filter_map(|entry| seen(&entry.path()));
    let matching = matching.filter(|seen| seen.parent == parent && seen.words.iter().any(|own| own == word));
    let mut reached = 0;
    for seen in matching {
        // One that ended meanwhile is gone as well.
        reached += usize::from(process::signal(seen.pid, signal).is_ok());
    }
    Ok(reached)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    /// A sleeper that can be told by its word: whoever started it goes on a moment before the system knows what it was started with.
    fn sleeper(word: &str) -> Child {
        let child = Command::new("sleep").arg(word).spawn().unwrap();
        let folder = Path::new("/proc").join(child.id().to_string());
        let begun = Instant::now();
        while !seen(&folder).is_some_and(|seen| seen.words.iter().any(|own| own == word)) {
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not begin");
            std::thread::yield_now();
        }
        child
    }

    /// Goal: only the child that was meant dies, and its parent's other children live. Method: two sleepers, told apart by a
    /// word.
    #[test]
    fn one_child_dies() {
        let (mut meant, mut other) = (sleeper("3001"), sleeper("3002"));
        assert_eq!(end_child(std::process::id(), "3001", Signal::KILL).unwrap(), 1);
        assert!(!meant.wait().unwrap().success());
        assert!(other.try_wait().unwrap().is_none());
        assert_eq!(end_child(std::process::id(), "3003", Signal::KILL).unwrap(), 0);
        other.kill().unwrap();
        other.wait().unwrap();
    }

    /// Goal: no worker is killed so often that a person has to look, and others are not spared for it. Method: deaths one after the
    /// other, then after the span.
    #[test]
    fn a_worker_does_not_die_too_often() {
        let (deaths, begun) = (Deaths::default(), Instant::now());
        let kill = |network| deaths.instead(Victim::Worker, network, begun);
        assert!((0..WORKER_DEATHS_MAX).all(|_| kill("tron") == Victim::Worker));
        assert_eq!((kill("tron"), kill("bsc")), (Victim::Signer, Victim::Worker));
        assert_eq!(deaths.instead(Victim::Leader, "tron", begun), Victim::Leader);
        assert_eq!(deaths.instead(Victim::Worker, "tron", begun + WORKER_DEATHS_WITHIN), Victim::Worker);
    }
}
