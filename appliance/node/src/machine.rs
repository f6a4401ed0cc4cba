//! The state machine of the appliance behind consensus's trait: the one place where `state` and `raft` meet.

use std::cell::RefCell;
use std::sync::OnceLock;

use bytes::Bytes;
use exchequer_api::feed::{Batch, Ear};
use exchequer_domain::{Code, NodeId, Timestamp};
use exchequer_raft as raft;
use exchequer_state as state;
use exchequer_storage as storage;

/// The families of the state's store, in the order in which [`position`] numbers them.
const FAMILIES: &[&str] = &["working", "history", "ids"];

/// [`state::State`] as a [`raft::Machine`].
#[derive(Debug, Default)]
pub struct Exchange {
    /// The working set.
    pub state: state::State,
    /// Who is told of what is applied.
    pub ear: OnceLock<Ear>,
}

const fn position(family: state::Family) -> usize {
    match family {
        state::Family::Working => 0,
        state::Family::History => 1,
        state::Family::Ids => 2,
    }
}

/// Rows as `state` reads them, over rows as `raft` gives them.
pub struct RowsOf<'a>(pub &'a dyn raft::RowReader);

impl state::Rows for RowsOf<'_> {
    fn get(&self, family: state::Family, key: &[u8]) -> Result<Option<Vec<u8>>, state::RowsUnavailable> {
        self.0.get(position(family), key).map_err(|halt| state::RowsUnavailable(halt.detail))
    }

    fn scan(
        &self,
        family: state::Family,
        from: &[u8],
        until: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<state::Row>, state::RowsUnavailable> {
        self.0.scan(position(family), from, until, limit, reverse).map_err(|halt| state::RowsUnavailable(halt.detail))
    }

    fn visit(
        &self,
        family: state::Family,
        from: &[u8],
        until: &[u8],
        each: &mut state::Visit<'_>,
    ) -> Result<(), state::RowsUnavailable> {
        let visited = self.0.visit(position(family), from, until, each);
        visited.map_err(|halt| state::RowsUnavailable(halt.detail))
    }
}

/// Rows read ahead of one entry; the others are read one by one. A scratch value can be large, and all are in memory at
/// once.
const READ_AHEAD_ROWS_MAX: usize = 4096;

/// Rows of [`state::Family::Ids`] that were read ahead of an entry's commands, all at once. They are asked for in the order
/// in which they were foretold, though not necessarily for each.
struct Ahead<'a> {
    rows: &'a dyn raft::RowReader,
    read: RefCell<Foretold>,
}

#[derive(Default)]
struct Foretold {
    keys: Vec<Vec<u8>>,
    found: Vec<Option<Vec<u8>>>,
    /// The first of `keys` that was not asked for or passed over.
    next: usize,
}

impl Foretold {
    /// The row with this key, if it was read ahead.
    fn take(&mut self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        let rest = self.keys.get(self.next..).unwrap_or_default();
        let place = self.next + rest.iter().position(|ahead| ahead == key)?;
        self.next = place + 1;
        Some(self.found.get(place).cloned().flatten())
    }
}

impl state::Rows for Ahead<'_> {
    fn get(&self, family: state::Family, key: &[u8]) -> Result<Option<Vec<u8>>, state::RowsUnavailable> {
        let ahead = match family {
            state::Family::Ids => self.read.borrow_mut().take(key),
            state::Family::Working | state::Family::History => None,
        };
        match ahead {
            Some(found) => Ok(found),
            None => RowsOf(self.rows).get(family, key),
        }
    }

    fn prefetch(&self, mut keys: Vec<Vec<u8>>) -> Result<(), state::RowsUnavailable> {
        keys.truncate(READ_AHEAD_ROWS_MAX);
        let wanted: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let found = self.rows.get_many(position(state::Family::Ids), &wanted);
        let found = found.map_err(|halt| state::RowsUnavailable(halt.detail))?;
        *self.read.borrow_mut() = Foretold { keys, found, next: 0 };
        Ok(())
    }

    fn scan(
        &self,
        family: state::Family,
        from: &[u8],
        until: &[u8],
        limit: usize,
        reverse: bool,
    ) -> Result<Vec<state::Row>, state::RowsUnavailable> {
        RowsOf(self.rows).scan(family, from, until, limit, reverse)
    }
}

pub(crate) fn halt(halt: &state::Halt) -> raft::Halt {
    let problem = halt.problem();
    raft::Halt { code: problem.code.to_string(), detail: problem.message }
}

fn change(change: state::Change) -> raft::Change {
    let edit = match change.edit {
        state::Edit::Put(value) => storage::Edit::Put(value),
        state::Edit::Delete => storage::Edit::Delete,
        state::Edit::DeletePrefix => storage::Edit::DeletePrefix,
        state::Edit::DeleteUntil(until) => storage::Edit::DeleteUntil(until),
    };
    raft::Change { family: position(change.family), key: change.key, edit }
}

impl raft::Machine for Exchange {
    const FAMILIES: &'static [&'static str] = FAMILIES;

    fn load(rows: &dyn raft::RowReader) -> Result<Exchange, raft::Halt> {
        let state = state::State::load(&RowsOf(rows)).map_err(|stop| halt(&stop))?;
        Ok(Exchange { state, ear: OnceLock::new() })
    }

    fn succeed(&mut self, former: &Exchange) {
        if let Some(ear) = former.ear.get() {
            self.ear = OnceLock::from(ear.clone());
            ear.gap();
        }
    }

    fn apply(
        &mut self,
        at: raft::At,
        input: raft::Input<'_>,
        rows: &dyn raft::RowReader,
    ) -> Result<raft::Applied, raft::Halt> {
        let at = state::At { index: at.index, term: at.term, time: Timestamp(at.time_us) };
        let first_posting = self.state.ledger().last_posting() + 1;
        let applied = match input {
            raft::Input::Noop => self.state.apply(at, state::Input::Noop, &RowsOf(rows)),
            raft::Input::Activate { node, boot } => {
                self.state.apply(at, state::Input::Activate { node: NodeId(node), boot }, &RowsOf(rows))
            }
            raft::Input::Commands(commands) => {
                let commands: Vec<&[u8]> = commands.iter().map(Bytes::as_ref).collect();
                let ahead = Ahead { rows, read: RefCell::default() };
                self.state.apply(at, state::Input::Commands(&commands), &ahead)
            }
        }
        .map_err(|stop| halt(&stop))?;
        let digest = applied.events.iter().any(|event| matches!(event, state::Event::DigestRequested { .. }));
        if let Some(ear) = self.ear.get().filter(|ear| ear.listens()) {
            let postings = (first_posting, self.state.ledger().last_posting() + 1);
            ear.entry(Batch { index: at.index, time: self.state.time(), events: applied.events, postings });
        }
        Ok(raft::Applied {
            outcomes: applied.outcomes.into_iter().map(Bytes::from).collect(),
            changes: applied.changes.into_iter().map(change).collect(),
            digest,
        })
    }
}

/// The problem that stops a node, in the words of an operator.
#[must_use]
pub fn problem_of(fatal: &raft::Fatal) -> exchequer_domain::Problem {
    use exchequer_domain::Problem;
    match fatal {
        raft::Fatal::Disk(error) => storage_problem(error),
        raft::Fatal::LogLost { .. } => Problem::new(Code::LogLost, fatal.to_string()),
        raft::Fatal::Halt { code, detail } => {
            Problem::new(code.parse().unwrap_or(Code::InvariantBroken), detail.clone())
        }
        raft::Fatal::Diverged { .. } => Problem::new(Code::StateDiverged, fatal.to_string()),
        raft::Fatal::Undecodable { .. } => Problem::new(Code::FormatNewer, fatal.to_string()),
    }
}

/// A failure of the disk in the words of an operator.
#[must_use]
pub fn storage_problem(error: &storage::Error) -> exchequer_domain::Problem {
    use exchequer_domain::Problem;
    let code = match error {
        storage::Error::Full { .. } => Code::DiskFull,
        storage::Error::Corrupt { path, .. } if path.ends_with("guard") => Code::GuardDamaged,
        storage::Error::Corrupt { .. } => Code::FileCorrupt,
        storage::Error::Locked { .. } => Code::FolderLocked,
        storage::Error::FormatNewer { .. } => Code::FormatNewer,
        storage::Error::Io { action: "sync", .. } => Code::SyncFailed,
        storage::Error::Io { .. } | storage::Error::Engine { .. } => Code::Internal,
    };
    let mut message = error.to_string();
    if let Some(source) = std::error::Error::source(error) {
        message = format!("{message}: {source}");
    }
    Problem::new(code, message)
}
