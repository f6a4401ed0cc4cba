//! The one writer of the log.

use std::sync::Arc;
use std::time::Instant;

use exchequer_storage::{Batch, Engine, Mark};
use openraft::storage::IOFlushed;
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::{ENTRIES, GuardKeeper, KEY_COMMITTED, KEY_PURGED, KEY_VOTE, META, Shared, key};
use crate::alarm::Alarm;
use crate::apply::PersistItem;
use crate::planted::{self, Bug};
use crate::record::{Chain, Position, voted};
use crate::types::{LogId, TypeConfig, Vote, term_of};
use crate::work::{Step, Work};

/// What openraft asks of the log, in order.
pub(crate) enum Op {
    Append {
        rows: Vec<(u64, Vec<u8>)>,
        mark: Option<Mark>,
        callback: IOFlushed<TypeConfig>,
        cuts: u64,
    },
    Vote {
        vote: Vote,
        done: oneshot::Sender<()>,
    },
    /// The committed id may be written, which is in [`Shared`].
    Committed,
    Truncate {
        keep: Option<LogId>,
        mark: Option<Mark>,
        cuts: u64,
    },
    Purge {
        upto: LogId,
        chain: Chain,
        beyond: bool,
        cuts: u64,
    },
}

pub(super) fn mark(id: &LogId, chain: Chain) -> Mark {
    Mark { term: term_of(id), index: id.index, chain }
}

/// What is written and waits for its sync.
#[derive(Default)]
pub(super) struct Group {
    callbacks: Vec<IOFlushed<TypeConfig>>,
    votes: Vec<(Vote, oneshot::Sender<()>)>,
    mark: Option<Mark>,
    /// How often the log had been cut when the mark was made.
    cuts: u64,
    entries: u64,
}

/// The consumer of the log's queue.
pub(super) struct Writer {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) shared: Arc<Mutex<Shared>>,
    pub(super) guard: Arc<GuardKeeper>,
    pub(super) persister: UnboundedSender<PersistItem>,
    pub(super) alarm: Alarm,
    /// The group in hand, between its write and its sync.
    pub(super) group: Option<Group>,
}

impl Writer {
    fn fail(&self, error: exchequer_storage::Error, callbacks: Vec<IOFlushed<TypeConfig>>) -> Step {
        // What is on the disk is unknown now. Nothing is retried: pages may be marked clean after a failed sync.
        let text = error.to_string();
        // First, for consensus ends when it hears of it, and has no code for why.
        self.alarm.raise(error);
        for callback in callbacks {
            callback.io_completed(Err(std::io::Error::other(text.clone())));
        }
        Step::Stop
    }
}

impl Writer {
    /// What the group brought is on stable storage.
    fn note_synced(&self, group: &Group) {
        let mut shared = self.shared.lock();
        if let Some((vote, _)) = group.votes.last() {
            shared.synced.term = shared.synced.term.max(vote.leader_id.term);
        }
        if let Some(mark) = group.mark {
            shared.synced.index = mark.index;
        }
    }

    /// Adds the committed id, unless the entry it names is still in the queue: it must never be ahead of the entries.
    fn add_committed(&self, batch: &mut Batch, written: Option<(u64, u64)>) {
        let mut shared = self.shared.lock();
        let here = match written {
            Some((index, cuts)) if cuts == shared.cuts => shared.written.max(index),
            Some(_) | None => shared.written,
        };
        if !shared.committed_unwritten || shared.committed.is_some_and(|id| id.index > here) {
            return;
        }
        shared.committed_unwritten = false;
        match shared.committed {
            Some(id) => batch.put(META, KEY_COMMITTED, encode(&Position::from(&id))),
            None => batch.delete(META, KEY_COMMITTED),
        }
    }
}

impl Work for Writer {
    type Item = Op;

    fn write(&mut self, items: Vec<Op>) -> Step {
        let mut batch = Batch::default();
        let mut group = Group::default();
        let mut needs_sync = false;
        let mut written = None;
        let mut lowered = None;
        for op in items {
            match op {
                Op::Append { rows, mark, callback, cuts } => {
                    for (index, bytes) in rows {
                        batch.put(ENTRIES, key(index), bytes);
                        written = Some((index, cuts));
                        group.entries += 1;
                    }
                    group.mark = mark.or(group.mark);
                    group.cuts = cuts;
                    group.callbacks.push(callback);
                    needs_sync = true;
                }
                Op::Vote { vote, done } => {
                    batch.put(META, KEY_VOTE, encode(&(vote.leader_id.term, vote.leader_id.voted_for, vote.committed)));
                    group.votes.push((vote, done));
                    needs_sync = true;
                }
                Op::Committed => {}
                Op::Truncate { keep, mark, cuts } => {
                    let from = keep.map_or(0, |id| id.index + 1);
                    if !planted::is(Bug::TruncateForgotten) {
                        batch.delete_range(ENTRIES, key(from), u64::MAX.to_be_bytes());
                    }
                    lowered = Some(mark);
                    group.mark = mark;
                    group.cuts = cuts;
                }
                Op::Purge { upto, chain, beyond, cuts } => {
                    batch.put(META, KEY_PURGED, encode(&(Position::from(&upto), chain)));
                    batch.delete_range(ENTRIES, key(0), key(upto.index + 1));
                    if beyond {
                        group.mark = Some(mark(&upto, chain));
                        group.cuts = cuts;
                        needs_sync = true;
                    }
                }
            }
        }
        if let Some(mark) = lowered {
            // The guard must forget the cut entries before the log does, or their absence would look like loss.
            self.shared.lock().synced.index = mark.map_or(0, |mark: Mark| mark.index);
            if let Err(error) = self.guard.lower(mark) {
                return self.fail(error, group.callbacks);
            }
        }
        self.add_committed(&mut batch, written);
        if let Err(error) = self.engine.write(&batch) {
            return self.fail(error, group.callbacks);
        }
        if let Some((index, cuts)) = written {
            let mut shared = self.shared.lock();
            if shared.cuts == cuts {
                shared.written = shared.written.max(index);
                shared.trim_tail();
            }
        }
        if planted::is(Bug::AckBeforeSync) {
            for callback in group.callbacks.drain(..) {
                callback.io_completed(Ok(()));
            }
        }
        if planted::is(Bug::VoteNotSynced) {
            for (_, done) in group.votes.drain(..) {
                let _ = done.send(());
            }
        }
        if !needs_sync {
            return Step::Done;
        }
        self.group = Some(group);
        Step::Sync
    }

    fn sync(&mut self) -> Step {
        let Some(group) = self.group.take() else { return Step::Done };
        let started = Instant::now();
        if let Err(error) = self.engine.sync() {
            return self.fail(error, group.callbacks);
        }
        self.note_synced(&group);
        metrics::histogram!("exchequer_raft_log_sync_seconds").record(started.elapsed());
        metrics::histogram!("exchequer_raft_log_group_entries").record(group.entries as f64);
        if !group.votes.is_empty() {
            let last = group.votes.last().map(|(vote, _)| voted(vote));
            if let Err(error) = self.guard.vote(last, group.mark) {
                return self.fail(error, group.callbacks);
            }
        } else if let Some(mark) = group.mark {
            self.guard.synced(mark);
        }
        for (_, done) in group.votes {
            // openraft waits for it; where it is gone the node is stopping.
            let _ = done.send(());
        }
        for callback in group.callbacks {
            callback.io_completed(Ok(()));
        }
        if let Some(mark) = group.mark {
            // The persister may now hand these entries' rows to the state's store. Gone means stopping.
            let _ = self.persister.send(PersistItem::Synced { index: mark.index, cuts: group.cuts });
        }
        Step::Done
    }
}

fn encode(value: &impl serde::Serialize) -> Vec<u8> {
    // Integers and byte arrays always encode.
    let mut bytes = vec![1];
    bytes.extend(postcard::to_stdvec(value).unwrap_or_default());
    bytes
}

pub(super) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (version, body) = bytes.split_first()?;
    if *version != 1 {
        return None;
    }
    postcard::from_bytes(body).ok()
}
