//! The Raft log on an ordered key-value engine, with a guard beside it.
//!
//! One queue, one writer: votes, entries, truncation and purging keep the order in which openraft asked for them.
//! `append` returns when the entries are readable (they are in the tail, in memory) and calls back when they are
//! synced. Whatever queues up while a sync runs shares the next one.

mod guard;
mod open;
mod reader;
mod writer;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use exchequer_storage::{Batch, Engine};
use openraft::storage::{IOFlushed, LogState as OpenraftLogState, RaftLogStorage};
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::time::Instant;

pub(crate) use guard::GuardKeeper;
pub(crate) use open::LogOptions;
pub(crate) use reader::LogReader;

use crate::alarm::Fatal;
use crate::apply::PersistItem;
use crate::memory::Kept;
use crate::record::{self, Chain, chain_after_snapshot};
use crate::types::{Entry, LogId, TypeConfig, Vote, term_of};
use writer::Op;

/// The log engine's families.
pub(crate) const FAMILIES: &[&str] = &["meta", "entries"];
const META: usize = 0;
const ENTRIES: usize = 1;
const KEY_VOTE: &[u8] = b"vote";
const KEY_COMMITTED: &[u8] = b"committed";
const KEY_PURGED: &[u8] = b"purged";
const KEY_OWNER: &[u8] = b"owner";

/// Entries kept in memory behind the last one, so that replication and apply rarely read the disk.
const TAIL_BYTES_MAX: usize = 32 << 20;

/// Bytes of the tail beyond which no more entries are taken: the disk is that far behind.
const TAIL_BYTES_FULL: usize = 256 << 20;

/// Between two wake-ups of the writer for the committed id alone.
const COMMITTED_PAUSE: Duration = Duration::from_millis(10);

fn key(index: u64) -> [u8; 8] {
    index.to_be_bytes()
}

/// An entry of the tail with its chain hash.
struct Tailed {
    entry: Entry,
    chain: Chain,
    bytes: usize,
}

/// What every handle of the log shares. Held for moments only, never over I/O.
struct Shared {
    vote: Option<Vote>,
    committed: Option<LogId>,
    /// Whether `committed` is other than what was given to the engine.
    committed_unwritten: bool,
    purged: Option<LogId>,
    purged_chain: Chain,
    last: Option<LogId>,
    last_chain: Chain,
    /// Entries up to here, and the vote of this term, are on stable storage.
    synced: Kept,
    tail: VecDeque<Tailed>,
    tail_bytes: usize,
    /// Entries up to here are in the engine and may leave the tail.
    written: u64,
    /// How often the end was cut. What was queued before a cut says nothing about what is in the engine after it.
    cuts: u64,
}

impl Shared {
    fn trim_tail(&mut self) {
        while self.tail_bytes > TAIL_BYTES_MAX {
            match self.tail.front() {
                Some(front) if front.entry.log_id.index <= self.written => {
                    self.tail_bytes -= front.bytes;
                    self.tail.pop_front();
                }
                Some(_) | None => return,
            }
        }
    }
}

/// The log store handed to openraft.
pub(crate) struct LogStore {
    shared: Arc<Mutex<Shared>>,
    engine: Arc<dyn Engine>,
    queue: UnboundedSender<Op>,
    /// Told of cuts, which must not overtake what is applied after them.
    persister: UnboundedSender<PersistItem>,
    /// When the writer was last woken for the committed id alone.
    committed_told: Instant,
}

impl LogStore {
    /// Entries and bytes appended since the node started are counted in metrics; this answers the range that is kept.
    pub(crate) fn reader(&self) -> LogReader {
        LogReader { shared: self.shared.clone(), engine: self.engine.clone() }
    }

    /// Binds the log to the node whose it is. The votes in it are that node's promises: under another node they would be
    /// broken.
    ///
    /// # Errors
    /// `EXQ-0104` for a log that another node wrote; I/O failures.
    pub(crate) fn claim(&self, owner: &[u8]) -> Result<(), Fatal> {
        match self.engine.get(META, KEY_OWNER)? {
            Some(found) if found == owner => Ok(()),
            Some(_) => {
                let detail = "the folder log/ was written by another node, or in another cluster".to_owned();
                Err(Fatal::Halt { code: "EXQ-0104".to_owned(), detail })
            }
            None => {
                let mut batch = Batch::default();
                batch.put(META, KEY_OWNER, owner.to_vec());
                self.engine.write(&batch)?;
                Ok(self.engine.sync()?)
            }
        }
    }

    fn enqueue(&self, op: Op) -> io::Result<()> {
        self.queue.send(op).map_err(|_| io::Error::other("the log writer has stopped"))
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = LogReader;

    async fn get_log_state(&mut self) -> Result<OpenraftLogState<TypeConfig>, io::Error> {
        let shared = self.shared.lock();
        Ok(OpenraftLogState { last_purged_log_id: shared.purged, last_log_id: shared.last })
    }

    async fn get_log_reader(&mut self) -> LogReader {
        self.reader()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), io::Error> {
        let (done, synced) = oneshot::channel();
        self.enqueue(Op::Vote { vote: *vote, done })?;
        synced.await.map_err(|_| io::Error::other("the vote could not be synced"))?;
        self.shared.lock().vote = Some(*vote);
        Ok(())
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), io::Error> {
        {
            let mut shared = self.shared.lock();
            shared.committed = committed;
            shared.committed_unwritten = true;
        }
        // It only shortens what a restart waits for, and goes along with the next entries; the writer is not woken for
        // it more often than this.
        if self.committed_told.elapsed() < COMMITTED_PAUSE {
            return Ok(());
        }
        self.committed_told = Instant::now();
        self.enqueue(Op::Committed)
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, io::Error> {
        Ok(self.shared.lock().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> Result<(), io::Error>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let mut rows = Vec::new();
        let op = {
            let mut shared = self.shared.lock();
            for entry in entries {
                let (bytes, chain) = record::encode(&shared.last_chain, &entry);
                shared.last = Some(entry.log_id);
                shared.last_chain = chain;
                shared.tail_bytes += bytes.len();
                shared.tail.push_back(Tailed { bytes: bytes.len(), chain, entry: entry.clone() });
                rows.push((entry.log_id.index, bytes));
            }
            let mark = shared.last.map(|id| writer::mark(&id, shared.last_chain));
            Op::Append { rows, mark, callback, cuts: shared.cuts }
        };
        self.enqueue(op)
    }

    async fn truncate_after(&mut self, keep: Option<LogId>) -> Result<(), io::Error> {
        let keep_index = keep.map_or(0, |id| id.index);
        let from_disk = {
            let shared = self.shared.lock();
            if keep.is_some() && shared.last <= keep {
                return Ok(());
            }
            let in_tail = shared.tail.iter().any(|tailed| tailed.entry.log_id.index == keep_index);
            let at_purged = shared.purged == keep;
            !in_tail && !at_purged && keep.is_some()
        };
        // The chain of an entry that has left the tail is in its record.
        let chain_on_disk = if from_disk {
            let chain = self.reader().chain_at(keep_index)?;
            Some(chain.ok_or_else(|| reader::damaged(keep_index))?)
        } else {
            None
        };
        let op = {
            let mut shared = self.shared.lock();
            while shared.tail.back().is_some_and(|last| keep.is_none() || last.entry.log_id.index > keep_index) {
                if let Some(cut) = shared.tail.pop_back() {
                    shared.tail_bytes -= cut.bytes;
                }
            }
            shared.last_chain = match (chain_on_disk, shared.tail.back()) {
                (Some(chain), _) => chain,
                (None, Some(last)) => last.chain,
                (None, None) => shared.purged_chain,
            };
            shared.last = keep;
            shared.written = shared.written.min(keep_index);
            shared.cuts += 1;
            // Here and not by the writer: what takes the place of the cut entries may be applied before it is synced.
            // Gone means that the node is stopping.
            let _ = self.persister.send(PersistItem::Cut { keep: keep.map(|id| id.index), cuts: shared.cuts });
            let mark = keep.map(|id| writer::mark(&id, shared.last_chain));
            Op::Truncate { keep, mark, cuts: shared.cuts }
        };
        self.enqueue(op)
    }

    async fn purge(&mut self, upto: LogId) -> Result<(), io::Error> {
        let chain_on_disk = {
            let shared = self.shared.lock();
            let in_tail = shared.tail.front().is_some_and(|front| front.entry.log_id.index <= upto.index);
            let known = shared.last.is_some_and(|last| last.index >= upto.index);
            known && !in_tail && shared.purged.is_none_or(|purged| purged.index < upto.index)
        };
        let chain_on_disk = if chain_on_disk { self.reader().chain_at(upto.index)? } else { None };
        let op = {
            let mut shared = self.shared.lock();
            let mut chain = chain_on_disk;
            while shared.tail.front().is_some_and(|front| front.entry.log_id.index <= upto.index) {
                if let Some(gone) = shared.tail.pop_front() {
                    shared.tail_bytes -= gone.bytes;
                    if gone.entry.log_id == upto {
                        chain = Some(gone.chain);
                    }
                }
            }
            let chain = chain.unwrap_or_else(|| chain_after_snapshot(&upto));
            shared.purged = Some(upto);
            shared.purged_chain = chain;
            let beyond = shared.last.is_none_or(|last| last.index < upto.index);
            if beyond {
                // A snapshot took this node past the end of its log: the log goes on behind the snapshot.
                shared.last = Some(upto);
                shared.last_chain = chain;
                shared.written = shared.written.max(upto.index);
            }
            Op::Purge { upto, chain, beyond, cuts: shared.cuts }
        };
        self.enqueue(op)
    }
}

/// For messages and metrics: what the log holds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LogExtent {
    pub(crate) purged: Option<u64>,
    pub(crate) last: Option<(u64, u64)>,
}

impl LogReader {
    /// Whether the disk is so far behind that the log should take no more entries.
    pub(crate) fn is_full(&self) -> bool {
        self.shared.lock().tail_bytes > TAIL_BYTES_FULL
    }

    /// The range of entries that can be read.
    pub(crate) fn extent(&self) -> LogExtent {
        let shared = self.shared.lock();
        LogExtent { purged: shared.purged.map(|id| id.index), last: shared.last.map(|id| (term_of(&id), id.index)) }
    }
}
