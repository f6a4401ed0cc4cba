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
use crate::apply::{SnapshotUses, StateMachine, Unwritten, applied_row, families, latest_snapshot, noted_row};
use crate::log::{LogOptions, LogStore};
use crate::machine::{Halt, Machine, RowReader};
use crate::record::{AppliedRow, Position};
use crate::types::{Address, Entry, EntryPayload, LogId, Membership, TypeConfig, Vote, log_id, term_of};
use crate::work::Drive;

/// How far above the last term a reformed node goes on, so that no member of the old lineage can be ahead of it.
const TERM_MARGIN: u64 = 1_000;

/// What a stopped node holds.
#[derive(Debug, Clone)]
pub struct Held {
    /// Term and index of the last entry that it holds, in its log or in a snapshot that took it past the log's end.
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

/// Whether the log ends before the state does, or in something else: the state came from a snapshot, and a crash kept
/// the log from following.
fn is_behind(log: Option<LogId>, applied: Option<LogId>) -> bool {
    match (log, applied) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(log), Some(applied)) => log.index < applied.index || log < applied,
    }
}

/// Drops a log that goes on past the state but is not the one that the state came from: its entries were never committed,
/// and a crash kept a snapshot's installation from cutting them off. Consensus would take such a log for damage.
pub(crate) async fn cut_other_end(log: &mut LogStore, applied: Option<LogId>) -> Result<(), Fatal> {
    let found = log.get_log_state().await.map_err(|error| io(&error))?;
    let is_longer = found.last_log_id.zip(applied).is_some_and(|(last, applied)| last.index >= applied.index);
    if is_longer && is_behind(found.last_log_id, applied) {
        log.truncate_after(found.last_purged_log_id).await.map_err(|error| io(&error))?;
    }
    Ok(())
}

/// The latest snapshot where it is ahead of both state and log: it was received whole, and a crash kept it from being
/// installed. A start would install it.
fn uninstalled(
    disk: &dyn Disk,
    applied: Option<LogId>,
    log: Option<LogId>,
) -> Result<Option<(String, AppliedRow)>, Fatal> {
    let Some(latest) = latest_snapshot(disk).map_err(|error| io(&error))? else { return Ok(None) };
    let last = latest.meta.last_log_id;
    if last <= applied || !is_behind(log, last) {
        return Ok(None);
    }
    let name = latest.snapshot.name;
    Ok(noted_row(&disk.manifest(&name)?).map(|row| (name, row)))
}

/// Looks at a stopped node. It changes nothing that a read-only disk would not let it.
///
/// # Errors
/// Damage, and [`Fatal::LogLost`] where it forgot something it had acknowledged.
pub async fn inspect<M: Machine>(disk: Arc<dyn Disk>) -> Result<Held, Fatal> {
    let state = disk.state(&families::<M>())?;
    let mut row = applied_row(state.as_ref())?;
    let mut log = open_log(disk.as_ref()).await?;
    let found = log.get_log_state().await.map_err(|error| io(&error))?;
    if let Some((_, noted)) = uninstalled(disk.as_ref(), row.last.map(Position::log_id), found.last_log_id)? {
        row = noted;
    }
    let applied = row.last.map(Position::log_id);
    let behind = is_behind(found.last_log_id, applied);
    let last = if behind { applied } else { found.last_log_id };
    let committed = log.read_committed().await.map_err(|error| io(&error))?;
    let vote = log.get_log_reader().await.read_vote().await.map_err(|error| io(&error))?;
    let first = found.last_purged_log_id.max(applied).map_or(0, |id| id.index + 1);
    let until = if behind { first } else { found.last_log_id.map_or(0, |id| id.index + 1) };
    // The state has the membership of its last entry; what follows it may bring another.
    let mut membership = row.members.membership();
    let entries = log.reader().read(first, until, usize::MAX).map_err(|error| io(&error))?;
    for entry in entries {
        if let EntryPayload::Membership(later) = entry.payload {
            membership = later;
        }
    }
    let voters: BTreeSet<u64> = membership.voter_ids().collect();
    Ok(Held {
        last: last.map(|id| (term_of(&id), id.index)),
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
    let mut applied = applied_row(state.as_ref())?.last.map(Position::log_id);
    let mut log = open_log(disk.as_ref()).await?;
    let found = log.get_log_state().await.map_err(|error| io(&error))?;
    let vote = log.get_log_reader().await.read_vote().await.map_err(|error| io(&error))?;
    if let Some((name, _)) = uninstalled(disk.as_ref(), applied, found.last_log_id)? {
        drop(state);
        applied = applied_row(disk.install(&name, &families::<M>())?.as_ref())?.last.map(Position::log_id);
    }
    let last = match applied.filter(|_| is_behind(found.last_log_id, applied)) {
        Some(begin) => {
            // A restored state without a log, or one that is past its log's end: the log goes on behind it.
            cut_other_end(&mut log, Some(begin)).await?;
            log.purge(begin).await.map_err(|error| io(&error))?;
            Some(begin)
        }
        None => found.last_log_id,
    };
    let terms =
        [last.map(|id| term_of(&id)), found.last_log_id.map(|id| term_of(&id)), vote.map(|it| it.leader_id.term)];
    let seen = terms.into_iter().flatten().max().unwrap_or(0);
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

#[cfg(test)]
mod tests {
    use exchequer_storage::sim::Platter;
    use exchequer_storage::{Batch, Engine};
    use openraft::storage::StorageHelper;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::apply::{APPLIED_KEY, RAFT_FAMILY, snapshot_note};
    use crate::machine::{Applied, At, Input};
    use crate::record::Members;

    /// A machine without rows.
    struct Still;

    impl Machine for Still {
        const FAMILIES: &'static [&'static str] = &["rows"];

        fn load(_: &dyn RowReader) -> Result<Still, Halt> {
            Ok(Still)
        }

        fn apply(&mut self, _: At, _: Input<'_>, _: &dyn RowReader) -> Result<Applied, Halt> {
            Ok(Applied { outcomes: Vec::new(), changes: Vec::new(), digest: false })
        }
    }

    fn of(ids: &[u64]) -> Membership {
        let address = |id: &u64| (*id, Address { name: format!("n{id}"), peer: format!("n{id}:1") });
        Membership::new(vec![ids.iter().copied().collect()], ids.iter().map(address).collect::<BTreeMap<_, _>>())
            .unwrap()
    }

    fn set_applied(engine: &dyn Engine, row: &AppliedRow) {
        let mut batch = Batch::default();
        batch.put(RAFT_FAMILY, APPLIED_KEY, row.encode());
        engine.write(&batch).unwrap();
        engine.sync().unwrap();
    }

    fn row(index: u64, ids: &[u64]) -> AppliedRow {
        let last = Some(Position { term: 2, index });
        let members = Arc::new(Members::from(&of(ids)));
        AppliedRow { last, membership_at: Some(Position { term: 1, index: 1 }), members, ..AppliedRow::default() }
    }

    /// A disk whose log ends at `log` and whose state ends at 400, with a snapshot of entry 1000 that has node 4 in
    /// place of node 3; installed, or only received.
    async fn cut_short(log: u64, installed: bool) -> Arc<dyn Disk> {
        let disk: Arc<dyn Disk> = Arc::new(Platter::new(1).power_on());
        let mut store = open_log(disk.as_ref()).await.unwrap();
        let entry = |index| {
            let payload = if index == 1 { EntryPayload::Membership(of(&[1, 2, 3])) } else { EntryPayload::Blank };
            Entry { log_id: log_id(1, index), payload }
        };
        store.append((0..=log).map(entry), IOFlushed::noop()).await.unwrap();
        store.save_vote(&Vote::new(2, 1)).await.unwrap();
        let state = disk.state(&families::<Still>()).unwrap();
        set_applied(state.as_ref(), &row(1_000, &[1, 2, 4]));
        let working = disk.checkpoint(state.as_ref()).unwrap();
        disk.describe(&working, "snapshot", snapshot_note(&row(1_000, &[1, 2, 4])), None).unwrap();
        disk.seal(&working, "snapshot").unwrap();
        set_applied(state.as_ref(), &row(400, &[1, 2, 3]));
        drop(state);
        if installed {
            disk.install("snapshot", &families::<Still>()).unwrap();
        }
        disk
    }

    /// Goal: a node whose snapshot took it past the end of its log counts with what it holds, and goes on alone behind
    /// it. Method: a power cut between the snapshot and the log, at each of its places and with a log that is short or
    /// has another end; inspect, reform, inspect, and what consensus then starts from.
    #[tokio::test]
    async fn a_snapshot_ahead_of_the_log_counts() {
        for (log, installed) in [(500, true), (500, false), (1_200, true)] {
            let disk = cut_short(log, installed).await;
            let held = inspect::<Still>(disk.clone()).await.unwrap();
            assert_eq!(held.last, Some((2, 1_000)), "log {log}, installed {installed}");
            assert_eq!(held.members.keys().copied().collect::<Vec<_>>(), [1, 2, 4]);

            let address = Address { name: "n1".to_owned(), peer: "n1:1".to_owned() };
            assert_eq!(reform::<Still>(disk.clone(), Some(1), address).await.unwrap(), (1, 1_001));
            let held = inspect::<Still>(disk.clone()).await.unwrap();
            assert_eq!(held.last, Some((2 + TERM_MARGIN, 1_001)));
            assert_eq!(held.members.keys().copied().collect::<Vec<_>>(), [1]);

            let alarm = Alarm::new(|fatal| panic!("{fatal}"));
            let (persister, _) = unbounded_channel();
            let (unwritten, uses) = (Unwritten::default(), SnapshotUses::default());
            let mut machine = StateMachine::<Still>::open(disk.clone(), persister, &unwritten, uses, alarm).unwrap();
            let mut store = open_log(disk.as_ref()).await.unwrap();
            let mut helper = StorageHelper::new(&mut store, &mut machine).with_id(1);
            let state = helper.get_initial_state().await.unwrap();
            let effective = state.membership_state.effective();
            assert_eq!(effective.membership().voter_ids().collect::<Vec<_>>(), [1]);
        }
    }
}
