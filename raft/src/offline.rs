//! Surgery on a node that does not run: looking at what it holds, and making it the only member.
//!
//! Both recovery from a lost quorum and the restore of a snapshot end in the same step: a membership entry that names
//! this node alone is put behind the log, in a term far above any that was seen. From there the node elects itself.
//! Entries that were not known to be committed become committed by it: nothing that was acknowledged can be lost, and
//! something that was not may appear.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use exchequer_storage::{Disk, Manifest};
use openraft::storage::{IOFlushed, RaftLogReader, RaftLogStorage};
use openraft::type_config::TypeConfigExt;

use crate::alarm::{Alarm, Fatal};
use crate::apply::{SnapshotUses, StateMachine, Unwritten, applied_row, families, noted_row};
use crate::log::{LogOptions, LogStore};
use crate::machine::{Halt, Machine, RowReader};
use crate::types::{Address, Entry, EntryPayload, Membership, TypeConfig, Vote, log_id, term_of};
use crate::work::Drive;

/// How far above the last term a reformed node goes on, so that no member of the old lineage can be ahead of it.
const TERM_MARGIN: u64 = 1_000;

/// What a stopped node holds.
#[derive(Debug, Clone)]
pub struct Held {
    /// Term and index of the last entry in its log.
    pub last: Option<(u64, u64)>,
    /// The last entry it knew to be committed.
    pub committed: Option<u64>,
    /// The last entry whose rows are on its disk.
    pub applied: Option<u64>,
    /// The term it voted in.
    pub voted_term: u64,
    /// The members of the last membership it knows: name and address, and whether it votes.
    pub members: BTreeMap<u64, (Address, bool)>,
}

fn io(error: &std::io::Error) -> Fatal {
    Fatal::Halt { code: "EXQ-0504".to_owned(), detail: error.to_string() }
}

async fn open_log(disk: &dyn Disk) -> Result<LogStore, Fatal> {
    // Nothing is applied here, so nobody has to be told what is synced.
    let (persister, _) = tokio::sync::mpsc::unbounded_channel();
    let alarm = Alarm::new(|fatal| tracing::error!(%fatal, "the disk failed"));
    LogStore::open(disk, LogOptions { drive: Drive::Threads, alarm, flushed: 0, persister })
}

/// Looks at a stopped node without changing it.
///
/// # Errors
/// Damage, and [`Fatal::LogLost`] where it forgot something it had acknowledged.
pub async fn inspect<M: Machine>(disk: Arc<dyn Disk>) -> Result<Held, Fatal> {
    let state = disk.state(&families::<M>())?;
    let row = applied_row(state.as_ref())?;
    let mut log = open_log(disk.as_ref()).await?;
    let found = log.get_log_state().await.map_err(|error| io(&error))?;
    let committed = log.read_committed().await.map_err(|error| io(&error))?;
    let vote = log.get_log_reader().await.read_vote().await.map_err(|error| io(&error))?;
    let first = found.last_purged_log_id.map_or(0, |id| id.index + 1);
    let until = found.last_log_id.map_or(0, |id| id.index + 1);
    let mut membership = row.members.membership();
    let entries = log.reader().read(first, until, usize::MAX).map_err(|error| io(&error))?;
    for entry in entries {
        if let EntryPayload::Membership(later) = entry.payload {
            membership = later;
        }
    }
    let voters: BTreeSet<u64> = membership.voter_ids().collect();
    Ok(Held {
        last: found.last_log_id.map(|id| (term_of(&id), id.index)),
        committed: committed.map(|id| id.index),
        applied: row.last.map(|last| last.index),
        voted_term: vote.map_or(0, |vote| vote.leader_id.term),
        members: membership.nodes().map(|(id, node)| (*id, (node.clone(), voters.contains(id)))).collect(),
    })
}

/// Makes node `id` the only member, behind everything it holds. `id` of `None` takes the index of the new entry, for
/// a node that never existed before. Answers the id and the index of the entry.
///
/// # Errors
/// Damage and I/O failures; the log is then as it was.
pub async fn reform<M: Machine>(disk: Arc<dyn Disk>, id: Option<u64>, address: Address) -> Result<(u64, u64), Fatal> {
    let state = disk.state(&families::<M>())?;
    let applied = applied_row(state.as_ref())?.last;
    let mut log = open_log(disk.as_ref()).await?;
    let found = log.get_log_state().await.map_err(|error| io(&error))?;
    let vote = log.get_log_reader().await.read_vote().await.map_err(|error| io(&error))?;
    let last = match (found.last_log_id, applied) {
        (None, Some(applied)) => {
            // A restored state without a log: the log begins behind it.
            let begin = applied.log_id();
            log.purge(begin).await.map_err(|error| io(&error))?;
            Some(begin)
        }
        (last, _) => last,
    };
    let seen = last.map_or(0, |id| term_of(&id)).max(vote.map_or(0, |vote| vote.leader_id.term));
    let (term, index) = (seen + TERM_MARGIN, last.map_or(0, |id| id.index + 1));
    let id = id.unwrap_or(index);
    let nodes = BTreeMap::from([(id, address)]);
    let membership = Membership::new(vec![BTreeSet::from([id])], nodes).unwrap_or_default();
    let entry = Entry { log_id: log_id(term, index), payload: EntryPayload::Membership(membership) };
    log.save_vote(&Vote::new(term, id)).await.map_err(|error| io(&error))?;
    let (done, synced) = TypeConfig::oneshot();
    log.append([entry], IOFlushed::signal(done)).await.map_err(|error| io(&error))?;
    match synced.await {
        Ok(Ok(())) => Ok((id, index)),
        Ok(Err(error)) => Err(io(&error)),
        Err(_) => Err(io(&std::io::Error::other("the log writer stopped"))),
    }
}

/// Makes a received or unpacked snapshot the state of a node that has none, and reads something of it.
///
/// # Errors
/// Damage, a snapshot whose note contradicts its rows, I/O failures.
pub fn adopt<M: Machine, T>(
    disk: &dyn Disk,
    manifest: &Manifest,
    read: impl FnOnce(&dyn RowReader) -> Result<T, Halt>,
) -> Result<T, Fatal> {
    disk.finish_receive(manifest)?;
    let engine = disk.install(&manifest.name, &families::<M>())?;
    let row = applied_row(engine.as_ref())?;
    if noted_row(manifest).is_none_or(|noted| noted.last != row.last) {
        let name = &manifest.name;
        return Err(exchequer_storage::Error::corrupt(name, "its note and its rows contradict each other").into());
    }
    let overlay = crate::apply::Overlay::default();
    let view = crate::apply::View { overlay: &overlay, engine };
    read(&view).map_err(|halt| Fatal::Halt { code: halt.code, detail: halt.detail })
}

/// What a stopped node would go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Term and index of the last entry in its log.
    pub last: Option<(u64, u64)>,
    /// The last entry that is no longer in its log.
    pub purged: Option<u64>,
    /// The last entry whose rows were on its disk.
    pub stored: Option<u64>,
    /// The rolling hash of the state after the last entry.
    pub digest: [u8; 32],
}

/// Entries applied at a time.
const REPLAY_BYTES_MAX: usize = 2 << 20;

/// Opens the disk of a stopped node as its start does, applies, in memory, every entry that its state lacks, committed
/// or not, and reads something of the result.
///
/// # Errors
/// What keeps the node from starting: damage, and [`Fatal::LogLost`] where it forgot something it had acknowledged.
pub async fn replay<M: Machine, T>(
    disk: Arc<dyn Disk>,
    read: impl FnOnce(&M, &dyn RowReader) -> Result<T, Halt>,
) -> Result<(Replayed, T), Fatal> {
    // Nothing is written, so nobody has to be told what is applied and synced.
    let (persister, _) = tokio::sync::mpsc::unbounded_channel();
    let alarm = Alarm::new(|fatal| tracing::error!(%fatal, "the disk failed"));
    let machine = StateMachine::<M>::open(
        disk.clone(),
        persister.clone(),
        &Unwritten::default(),
        SnapshotUses::default(),
        alarm.clone(),
    )?;
    let stored = machine.shared.applied.lock().last.map(|last| last.index);
    let options = LogOptions { drive: Drive::Threads, alarm, flushed: stored.unwrap_or(0), persister };
    let mut log = LogStore::open(disk.as_ref(), options)?;
    let found = log.get_log_state().await.map_err(|error| io(&error))?;
    let until = found.last_log_id.map_or(0, |id| id.index + 1);
    let mut next = stored.map_or(0, |index| index + 1);
    while next < until {
        let entries = log.reader().read(next, until, REPLAY_BYTES_MAX).map_err(|error| io(&error))?;
        if entries.first().is_none_or(|entry| entry.log_id.index != next) {
            let detail = format!("the state ends at {stored:?}, but the log does not go on with entry {next}");
            return Err(Fatal::Halt { code: "EXQ-0112".to_owned(), detail });
        }
        for entry in &entries {
            machine.apply_one(entry)?;
            next = entry.log_id.index + 1;
        }
    }
    let shared = &machine.shared;
    let replayed = Replayed {
        last: found.last_log_id.map(|id| (term_of(&id), id.index)),
        purged: found.last_purged_log_id.map(|id| id.index),
        stored,
        digest: shared.applied.lock().digest,
    };
    let read = read(&shared.machine.read(), &shared.view())
        .map_err(|halt| Fatal::Halt { code: halt.code, detail: halt.detail })?;
    Ok((replayed, read))
}
