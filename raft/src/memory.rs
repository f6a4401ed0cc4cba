//! What nodes remember of each other, so that one that was put back in time is noticed.
//!
//! A folder that is restored from an old copy holds a log and a guard that agree with each other: the node cannot tell
//! that it has voted and acknowledged since. The others can. Each remembers, for as long as it runs, what every other
//! node was last seen to keep, and says so on every call to it; a node that hears that it kept more than it has stops
//! before it answers. What is remembered only grows, and a sound node never falls behind it: a term counts once the vote
//! is synced, an entry once it is both committed and synced in that node's own log.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::wire::proto;

/// What a node keeps whatever befalls it short of damage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The term of its last vote.
    pub(crate) term: u64,
    /// The last entry that is committed and synced in its own log.
    pub(crate) index: u64,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.term, self.index)
    }
}

impl FromStr for Kept {
    type Err = ();

    fn from_str(text: &str) -> Result<Kept, ()> {
        let (term, index) = text.split_once('/').ok_or(())?;
        Ok(Kept { term: term.parse().map_err(drop)?, index: index.parse().map_err(drop)? })
    }
}

impl From<proto::Kept> for Kept {
    fn from(kept: proto::Kept) -> Kept {
        Kept { term: kept.term, index: kept.index }
    }
}

impl From<Kept> for proto::Kept {
    fn from(kept: Kept) -> proto::Kept {
        proto::Kept { term: kept.term, index: kept.index }
    }
}

/// How a node's own log stands, to be held against what others remember.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// What it keeps.
    pub(crate) kept: Kept,
    /// The last entry in its log.
    pub(crate) last: u64,
}

impl Standing {
    /// Why the node cannot be the one that others remember; nothing where it can.
    pub(crate) fn falls_short_of(&self, remembered: Kept) -> Option<String> {
        let Standing { kept, last } = self;
        if remembered.term > kept.term {
            let then = remembered.term;
            return Some(format!("it voted in term {then}, and now knows of no vote after term {}", kept.term));
        }
        (remembered.index > *last).then(|| format!("it had entry {}, and now ends at {last}", remembered.index))
    }
}

/// What the other nodes were seen to keep. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<BTreeMap<u64, Kept>>>);

impl Memory {
    /// What `node` was seen to keep.
    pub(crate) fn of(&self, node: u64) -> Option<Kept> {
        self.0.lock().get(&node).copied()
    }

    /// Notes what `node` keeps now. An answer that was overtaken by a later one changes nothing.
    pub(crate) fn note(&self, node: u64, kept: Kept) {
        let mut seen = self.0.lock();
        let known = seen.entry(node).or_default();
        *known = Kept { term: known.term.max(kept.term), index: known.index.max(kept.index) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a node that lost a vote or an entry is told from one that merely stands still or has gone on. Method: every
    /// relation of what is remembered to what is there.
    #[test]
    fn only_a_node_that_has_less_falls_short() {
        let standing = Standing { kept: Kept { term: 5, index: 90 }, last: 100 };
        for (term, index, short) in [
            (5, 100, false),
            (4, 100, false),
            (5, 90, false),
            (0, 0, false),
            (6, 90, true),
            (5, 101, true),
            (4, 101, true),
        ] {
            let found = standing.falls_short_of(Kept { term, index });
            assert_eq!(found.is_some(), short, "{term}/{index}: {found:?}");
        }
    }

    /// Goal: what is remembered never shrinks, and survives the way over the wire.
    #[test]
    fn memory_only_grows() {
        let memory = Memory::default();
        assert_eq!(memory.of(3), None);
        memory.note(3, Kept { term: 2, index: 10 });
        memory.note(3, Kept { term: 1, index: 12 });
        assert_eq!(memory.of(3), Some(Kept { term: 2, index: 12 }));
        assert_eq!("2/12".parse(), Ok(Kept { term: 2, index: 12 }));
        assert_eq!(Kept { term: 2, index: 12 }.to_string(), "2/12");
        for text in ["", "2", "/", "2/", "a/b", "2/12/3"] {
            assert_eq!(text.parse::<Kept>(), Err(()), "{text}");
        }
    }
}
