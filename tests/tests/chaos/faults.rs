//! The kinds of faults, and which of them a run must have seen.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;

use crate::history::Moment;
use crate::lab::Lab;

macro_rules! kinds {
    ($($name:ident $needs:ident $text:literal;)*) => {
        /// What can be done to the cluster.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Kind {
            $(#[doc = $text] $name,)*
        }

        impl Kind {
            /// All of them.
            pub(crate) const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            /// Its name in the report.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Kind::$name => $text,)* }
            }

            const fn needs(self) -> Needs {
                match self { $(Kind::$name => Needs::$needs,)* }
            }
        }
    };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    Network,
    Disks,
}

kinds! {
    KillLeader Nothing "kill -9 of the leader";
    KillFollower Nothing "kill -9 of a follower";
    KillTwo Nothing "kill -9 of two";
    KillAll Nothing "kill -9 of all three";
    PauseLeader Nothing "SIGSTOP of the leader";
    PauseFollower Nothing "SIGSTOP of a follower";
    IsolateLeader Network "leader in the minority";
    IsolateFollower Network "follower in the minority";
    CutLink Network "leader and one follower cut";
    DeafLeader Network "leader hears nobody";
    MuteLeader Network "nobody hears the leader";
    DeafFollower Network "follower hears nobody";
    MuteFollower Network "nobody hears a follower";
    FillLeader Disks "full disk of the leader";
    FillFollower Disks "full disk of a follower";
    PowerLeader Disks "power cut of the leader";
    PowerFollower Disks "power cut of a follower";
    PowerAll Disks "power cut of all three";
    RemoveAndJoin Nothing "wiped, removed, joined anew";
    Replace Nothing "wiped, replaced by a new id";
    RollingRestart Nothing "rolling restart";
    Transfer Nothing "transfer of leadership";
}

impl Kind {
    /// Those that can be done here, or those of them that were asked for by name.
    pub(crate) fn possible(lab: &Lab, asked: &[String]) -> Vec<Kind> {
        let here = |kind: &Kind| match kind.needs() {
            Needs::Nothing => true,
            Needs::Network => lab.has_network(),
            Needs::Disks => lab.has_disks(),
        };
        let wanted = |kind: &Kind| asked.is_empty() || asked.contains(&format!("{kind:?}"));
        Kind::ALL.iter().copied().filter(|kind| here(kind) && wanted(kind)).collect()
    }
}

/// A fault that happened.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) begun: Moment,
    /// Whether it was seen to have had its effect; only then does it count.
    pub(crate) effective: bool,
    /// After healing, until every node had applied all that was committed then.
    pub(crate) caught_up: Duration,
}

/// Draws kinds such that each comes as often as any other, in an order that the seed tells.
pub(crate) struct Bag {
    kinds: Vec<Kind>,
    left: Vec<Kind>,
}

impl Bag {
    pub(crate) fn new(kinds: Vec<Kind>, dice: &mut StdRng) -> Bag {
        let mut left = kinds.clone();
        left.shuffle(dice);
        Bag { kinds, left }
    }

    /// The next kind; none when a round is over, after which the next one begins.
    pub(crate) fn next(&mut self, dice: &mut StdRng) -> Option<Kind> {
        let kind = self.left.pop();
        if kind.is_none() {
            self.left.clone_from(&self.kinds);
            self.left.shuffle(dice);
        }
        kind
    }
}

/// The kinds that were not seen often enough, with how often they were.
pub(crate) fn missing(kinds: &[Kind], faults: &[Fault], least: usize) -> BTreeMap<Kind, usize> {
    let seen = |kind: Kind| faults.iter().filter(|fault| fault.kind == kind && fault.effective).count();
    kinds.iter().map(|kind| (*kind, seen(*kind))).filter(|(_, seen)| *seen < least).collect()
}

/// A time between two, in milliseconds.
pub(crate) fn between(dice: &mut StdRng, least_ms: u64, most_ms: u64) -> Duration {
    Duration::from_millis(dice.random_range(least_ms..=most_ms))
}
