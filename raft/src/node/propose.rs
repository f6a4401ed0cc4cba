//! Commands and reads, at this node or through the leader.

use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Node, ReadAt};
use crate::alarm::Fatal;
use crate::apply::View;
use crate::machine::{Halt, Machine, RowReader, Rows};
use crate::planted::{self, Bug};
use crate::proposer::Committed;
use crate::wire::proto;

/// Why commands have no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// No leader took them: they are certainly not in the log.
    #[error("no leader took the commands")]
    NoLeader,
    /// The answer was lost: they may or may not take effect. The same ids may be sent again.
    #[error("the outcome is unknown")]
    Unknown,
    /// Too much is waiting: they were not taken.
    #[error("too many commands are waiting")]
    Overloaded,
    /// The disk is full: they were not taken.
    #[error("the node is read-only")]
    ReadOnly,
}

/// The answer to a command that may be in the log or not.
fn unknown() -> ProposeError {
    if planted::is(Bug::UnknownCalledFailed) { ProposeError::NoLeader } else { ProposeError::Unknown }
}

const RETRY_PAUSE: Duration = Duration::from_millis(20);

/// Whether a forwarded call certainly did not reach the leader's proposer: no connection came about, or it was
/// refused at the door. Everything else may have taken effect.
fn never_arrived(status: &tonic::Status) -> bool {
    let refused = matches!(status.code(), tonic::Code::FailedPrecondition | tonic::Code::PermissionDenied);
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        source = error.source();
    }
    refused
}

/// Rows for a reader, whose own way of telling of damage is not relied upon.
struct Watched<'a> {
    rows: View<'a>,
    damage: Mutex<Option<Halt>>,
}

impl Watched<'_> {
    fn note<T>(&self, read: Result<T, Halt>) -> Result<T, Halt> {
        read.inspect_err(|halt| *self.damage.lock() = Some(halt.clone()))
    }
}

impl RowReader for Watched<'_> {
    fn get(&self, family: usize, key: &[u8]) -> Result<Option<Vec<u8>>, Halt> {
        self.note(self.rows.get(family, key))
    }

    fn scan(&self, family: usize, from: &[u8], until: &[u8], limit: usize, reverse: bool) -> Result<Rows, Halt> {
        self.note(self.rows.scan(family, from, until, limit, reverse))
    }
}

impl<M: Machine> Node<M> {
    /// Has commands committed and applied, here or through the leader, and answers their outcomes.
    ///
    /// While it is certain that nobody took them, it looks for a leader again until `patience` has passed.
    ///
    /// # Errors
    /// [`ProposeError::Unknown`] is final: the caller may ask again with the same command ids. The others are certain:
    /// nothing happened.
    pub async fn propose(&self, commands: Vec<Bytes>, patience: Duration) -> Result<Committed, ProposeError> {
        let deadline = Instant::now() + patience;
        loop {
            let refused = match self.propose_once(&commands, deadline).await {
                Err(ProposeError::NoLeader) => ProposeError::NoLeader,
                other => return other,
            };
            if Instant::now() + RETRY_PAUSE >= deadline {
                return Err(refused);
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn propose_once(&self, commands: &[Bytes], deadline: Instant) -> Result<Committed, ProposeError> {
        let inner = &self.inner;
        let Some((leader, address)) = inner.leader() else { return Err(ProposeError::NoLeader) };
        if leader == inner.us.node {
            let proposed = inner.propose_here(commands.to_vec());
            return tokio::time::timeout_at(deadline, proposed).await.unwrap_or(Err(unknown()));
        }
        // One hop: the leader answers or refuses, and never forwards in its turn.
        let mut client = inner.client_to(leader, &address);
        let request = proto::ForwardRequest { commands: commands.to_vec() };
        let reply = match tokio::time::timeout_at(deadline, client.forward(request)).await {
            Ok(Ok(reply)) => reply.into_inner(),
            Ok(Err(status)) if never_arrived(&status) => return Err(ProposeError::NoLeader),
            Ok(Err(_)) => return Err(unknown()),
            Err(_) => return Err(unknown()),
        };
        match (reply.status, reply.at) {
            (0, Some(at)) => Ok(Committed { outcomes: reply.outcomes, term: at.term, index: at.index }),
            (1, _) => Err(ProposeError::NoLeader),
            (3, _) => Err(ProposeError::Overloaded),
            (4, _) => Err(ProposeError::ReadOnly),
            (_, _) => Err(unknown()),
        }
    }

    /// Waits until this node has applied everything that was acknowledged before the call, so that a read after it is
    /// linearizable. Answers the index it waited for.
    ///
    /// # Errors
    /// No leader with a majority behind it could be asked, or this node did not catch up, within `patience`.
    pub async fn linearize(&self, patience: Duration) -> Result<u64, ProposeError> {
        let deadline = Instant::now() + patience;
        if planted::is(Bug::ReadWithoutIndex) {
            return Ok(self.applied_index());
        }
        loop {
            if let Ok(Some(index)) = tokio::time::timeout_at(deadline, self.read_index()).await {
                let mut progress = self.inner.state.progress.subscribe();
                let waited = tokio::time::timeout_at(deadline, progress.wait_for(|applied| *applied >= index)).await;
                return match waited {
                    Ok(Ok(_)) => Ok(index),
                    Ok(Err(_)) | Err(_) => Err(ProposeError::NoLeader),
                };
            }
            if Instant::now() + RETRY_PAUSE >= deadline {
                return Err(ProposeError::NoLeader);
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    async fn read_index(&self) -> Option<u64> {
        let inner = &self.inner;
        let (leader, address) = inner.leader()?;
        if leader == inner.us.node {
            return inner.read_index_here().await;
        }
        let mut client = inner.client_to(leader, &address);
        let reply = client.read_index(proto::ReadIndexRequest {}).await.ok()?.into_inner();
        reply.ready.then_some(reply.index)
    }

    /// Reads the machine and its rows at one applied index. Nothing is applied meanwhile: keep it short.
    ///
    /// A read that meets damage is refused, and the node stops.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn read<T>(&self, read: impl FnOnce(&M, &dyn RowReader, ReadAt) -> Result<T, Halt>) -> Result<T, Halt> {
        let state = &self.inner.state;
        let machine = state.machine.read();
        let index = state.applied.lock().last.map_or(0, |last| last.index);
        let at = ReadAt { index, age: self.age() };
        let rows = Watched { rows: state.view(), damage: Mutex::default() };
        let found = read(&machine, &rows, at);
        if let Some(Halt { code, detail }) = rows.damage.into_inner() {
            // The next row that this node reads, or that it needs to apply an entry, may be damaged as well.
            self.inner.condemn(Fatal::Halt { code, detail });
        }
        found
    }

    /// As [`Node::read`], but `rehearse` may change the machine, as long as it changes it back before it answers. Nobody
    /// else looks at the machine meanwhile: keep it much shorter than a read.
    ///
    /// # Errors
    /// Those of `rehearse`. The node stops, because the machine may not be what its rows say.
    pub fn rehearse<T>(
        &self,
        rehearse: impl FnOnce(&mut M, &dyn RowReader, ReadAt) -> Result<T, Halt>,
    ) -> Result<T, Halt> {
        let state = &self.inner.state;
        let mut machine = state.machine.write();
        let index = state.applied.lock().last.map_or(0, |last| last.index);
        let at = ReadAt { index, age: self.age() };
        let found = rehearse(&mut machine, &state.view(), at);
        drop(machine);
        if let Err(Halt { code, detail }) = &found {
            self.inner.condemn(Fatal::Halt { code: code.clone(), detail: detail.clone() });
        }
        found
    }

    /// Waits until this node has applied more than the entries up to `index`, or `patience` is over. Answers how far it
    /// has come.
    pub async fn applied_beyond(&self, index: u64, patience: Duration) -> u64 {
        let mut progress = self.inner.state.progress.subscribe();
        // A time-out and an end of the node are no reason to wait any longer.
        let _ = tokio::time::timeout(patience, progress.wait_for(|applied| *applied > index)).await;
        self.applied_index()
    }

    /// How old this node's state is: it has everything that was acknowledged so long ago.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.inner.fresh_at.lock().map_or(Duration::MAX, |at| at.elapsed())
    }

    /// How long ago this node last knew itself to be in touch with a leader that has a majority behind it.
    #[must_use]
    pub fn contact(&self) -> Duration {
        self.inner.leader_seen.lock().map_or(Duration::MAX, |seen| seen.elapsed())
    }
}
