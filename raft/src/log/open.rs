//! Opening the log: what is there, and whether it is what this node acknowledged.

use std::collections::VecDeque;
use std::sync::Arc;

use exchequer_storage::{Direction, Disk, Engine, Guard, GuardRecord, Scan, Slots, Voted};
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use super::writer::{Writer, decode};
use super::{ENTRIES, FAMILIES, GuardKeeper, KEY_COMMITTED, KEY_PURGED, KEY_VOTE, LogStore, META, Shared, key};
use crate::alarm::{Alarm, Fatal};
use crate::apply::PersistItem;
use crate::memory::Kept;
use crate::planted::{self, Bug};
use crate::record::{CHAIN_START, Chain, Position, Record};
use crate::types::{LogId, Vote};
use crate::work::{Drive, start};

/// What the log needs from its node.
pub(crate) struct LogOptions {
    pub(crate) drive: Drive,
    pub(crate) alarm: Alarm,
    /// Entries up to here are in the state's store; the chain is verified from here on at the latest.
    pub(crate) flushed: u64,
    /// Told what has been synced.
    pub(crate) persister: UnboundedSender<PersistItem>,
}

impl LogStore {
    /// Opens the log on `disk` and compares it with the guard.
    ///
    /// # Errors
    /// [`Fatal::LogLost`] where the log is shorter or other than what was acknowledged: the node must not vote.
    pub(crate) fn open(disk: &dyn Disk, options: LogOptions) -> Result<LogStore, Fatal> {
        LogStore::open_on(disk.guard()?, LogStore::engine(disk)?, options)
    }

    /// The log's engine on `disk`.
    pub(crate) fn engine(disk: &dyn Disk) -> Result<Arc<dyn Engine>, Fatal> {
        Ok(disk.log(FAMILIES)?)
    }

    /// As [`LogStore::open`], on an engine that is open already.
    pub(crate) fn open_on(
        slots: Box<dyn Slots>,
        engine: Arc<dyn Engine>,
        options: LogOptions,
    ) -> Result<LogStore, Fatal> {
        let (mut guard, guarded) = Guard::open(slots)?;
        let found = read(engine.as_ref(), guarded.as_ref(), options.flushed)?;
        if !planted::is(Bug::GuardIgnored) {
            compare(&found, guarded.as_ref())?;
        }
        if guarded.is_none() {
            // Before the first write to the log: from then on an empty guard means that it was lost.
            guard.write(&GuardRecord::default())?;
        }
        let record = GuardRecord {
            vote: found.vote.as_ref().map(crate::record::voted),
            synced: found.last.map(|id| super::writer::mark(&id, found.last_chain)),
        };
        let shared = Arc::new(Mutex::new(Shared {
            vote: found.vote,
            committed: found.committed,
            committed_unwritten: false,
            purged: found.purged,
            purged_chain: found.purged_chain,
            last: found.last,
            last_chain: found.last_chain,
            // It was read from the disk.
            synced: Kept {
                term: found.vote.as_ref().map_or(0, |vote| vote.leader_id.term),
                index: found.last.map_or(0, |id| id.index),
            },
            tail: VecDeque::new(),
            tail_bytes: 0,
            written: found.last.map_or(0, |id| id.index),
            cuts: 0,
        }));
        let guard = Arc::new(GuardKeeper::new(guard, record, &options.drive, options.alarm.clone()));
        // What is in the log at start is on the disk: it was read from there.
        if let Some(last) = found.last {
            let _ = options.persister.send(PersistItem::Synced { index: last.index, cuts: 0 });
        }
        let writer = Writer {
            engine: engine.clone(),
            shared: shared.clone(),
            guard,
            persister: options.persister.clone(),
            alarm: options.alarm,
            group: None,
        };
        let queue = start("log", &options.drive, writer);
        let persister = options.persister;
        Ok(LogStore { shared, engine, queue, persister, committed_told: tokio::time::Instant::now() })
    }
}

/// What the engine holds.
struct Found {
    vote: Option<Vote>,
    committed: Option<LogId>,
    purged: Option<LogId>,
    purged_chain: Chain,
    last: Option<LogId>,
    last_chain: Chain,
    /// The chain at the guard's index, where it was passed.
    at_guard: Option<Chain>,
}

fn meta<T: serde::de::DeserializeOwned>(engine: &dyn Engine, key: &[u8]) -> Result<Option<T>, Fatal> {
    let Some(bytes) = engine.get(META, key)? else { return Ok(None) };
    decode(&bytes).map(Some).ok_or_else(|| lost(format!("the row `{}` is damaged", String::from_utf8_lossy(key))))
}

fn lost(detail: String) -> Fatal {
    Fatal::LogLost { detail }
}

/// Reads the rows and walks the chain from the last place that is vouched for to the end.
fn read(engine: &dyn Engine, guarded: Option<&GuardRecord>, flushed: u64) -> Result<Found, Fatal> {
    let vote = meta::<(u64, u64, bool)>(engine, KEY_VOTE)?
        .map(|(term, node, committed)| exchequer_storage::Voted { term, node, committed })
        .map(|voted| crate::record::vote_of(&voted));
    let committed = meta::<Position>(engine, KEY_COMMITTED)?.map(Position::log_id);
    let purged = meta::<(Position, Chain)>(engine, KEY_PURGED)?;
    let (purged, purged_chain) = match purged {
        Some((position, chain)) => (Some(position.log_id()), chain),
        None => (None, CHAIN_START),
    };
    let mark = guarded.and_then(|record| record.synced);
    let first = purged.map_or(0, |id| id.index + 1);
    let from = mark.map_or(0, |mark| mark.index).min(flushed).max(first);

    let mut found = Found {
        vote,
        committed,
        purged,
        purged_chain,
        last: purged,
        last_chain: purged_chain,
        at_guard: mark.filter(|mark| purged.is_some_and(|id| id.index == mark.index)).map(|_| purged_chain),
    };
    let mut expected = None;
    let mut damage = None;
    let scan = Scan { family: ENTRIES, from: &key(from), until: &[], direction: Direction::Forward };
    engine.scan(scan, &mut |row, value| {
        let index = row.try_into().map(u64::from_be_bytes).unwrap_or(u64::MAX);
        let Some(record) = Record::decode(index, value) else {
            damage = Some(format!("entry {index} does not match its checksum"));
            return false;
        };
        let follows = match expected {
            // The first record seen is vouched for by the purge point where it is next to it, else by the guard or
            // by the chain of those behind it.
            None if index == first => record.follows(&purged_chain),
            None => index == from,
            Some(next) => index == next && record.follows(&found.last_chain),
        };
        if !follows {
            damage = Some(format!("entry {index} does not continue the log"));
            return false;
        }
        found.last = Some(record.entry.log_id);
        found.last_chain = record.chain;
        if mark.is_some_and(|mark| mark.index == index) {
            found.at_guard = Some(record.chain);
        }
        expected = Some(index + 1);
        true
    })?;
    match damage {
        Some(detail) => Err(lost(detail)),
        None => Ok(found),
    }
}

/// Whether a vote was answered before another one. Within a term a node grants one vote, and then accepts the leader of
/// whoever was elected, which may be somebody else.
fn is_behind(vote: &Voted, other: &Voted) -> bool {
    let same_term = match (vote.committed, other.committed) {
        (true, false) => false,
        (false, true) => true,
        (true, true) | (false, false) => vote.node != other.node,
    };
    vote.term < other.term || (vote.term == other.term && same_term)
}

/// Whether the node remembers everything it promised.
fn compare(found: &Found, guarded: Option<&GuardRecord>) -> Result<(), Fatal> {
    let Some(guarded) = guarded else {
        return match (found.vote, found.last) {
            (None, None) => Ok(()),
            (Some(_), _) | (_, Some(_)) => Err(lost("the guard is empty beside a log that is not".to_owned())),
        };
    };
    let vote = found.vote.as_ref().map(crate::record::voted);
    if guarded.vote.is_some_and(|guarded| vote.is_none_or(|vote| is_behind(&vote, &guarded))) {
        return Err(lost(format!("the vote {vote:?} is older than the one that was answered, {:?}", guarded.vote)));
    }
    let Some(mark) = guarded.synced else { return Ok(()) };
    let last = found.last.map_or(0, |id| id.index);
    if found.purged.is_some_and(|purged| purged.index > mark.index) {
        return Ok(());
    }
    if last < mark.index || found.last.is_none() {
        return Err(lost(format!("it ends at {last}, but {} was acknowledged", mark.index)));
    }
    if found.at_guard != Some(mark.chain) {
        return Err(lost(format!("entry {} is not the one that was acknowledged", mark.index)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a node that crashed between its log and its guard is not taken for one that forgot its vote, and one that
    /// did forget is. Method: every pair of votes that the two may hold.
    #[test]
    fn votes_of_one_term_are_ordered_by_what_follows_what() {
        let vote = |term, node, committed| Voted { term, node, committed };
        // In the log, in the guard, whether the log forgot.
        let cases = [
            (vote(5, 3, false), vote(5, 3, false), false),
            (vote(5, 3, true), vote(5, 3, false), false),
            (vote(5, 1, true), vote(5, 3, false), false),
            (vote(6, 1, false), vote(5, 3, true), false),
            (vote(5, 3, false), vote(5, 1, true), true),
            (vote(5, 3, false), vote(5, 1, false), true),
            (vote(4, 3, true), vote(5, 1, false), true),
        ];
        for (found, guarded, forgot) in cases {
            assert_eq!(is_behind(&found, &guarded), forgot, "{found:?} beside {guarded:?}");
        }
    }
}
