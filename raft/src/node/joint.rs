//! Finishing changes of voters that were left half-way.
//!
//! A change of voters takes two entries: one under which the old voters and the new ones must both agree, and one that
//! leaves the new ones alone. openraft writes the second on behalf of whoever asked for the change. If its leader loses
//! the leadership in between, or whoever asked goes away, nobody writes it, and the cluster needs two majorities for
//! everything from then on: one that seems to have three voters may not survive the loss of one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use openraft::ChangeMembers;
use openraft::async_runtime::watch::WatchReceiver;
use tokio::time::Instant;

use super::{Inner, Node};
use crate::machine::Machine;

/// Between two looks.
const ROUND: Duration = Duration::from_millis(250);
/// Whoever asked for the change writes the second entry as soon as the first is committed. What is not written after
/// this was left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

/// Has the leader write the second entry where nobody else does.
pub(super) async fn run<M: Machine>(inner: Arc<Inner<M>>) {
    let mut since: Option<(u64, Instant)> = None;
    loop {
        tokio::time::sleep(ROUND).await;
        let Some((index, goal)) = left(&inner) else {
            since = None;
            continue;
        };
        match since {
            Some((seen, at)) if seen == index => {
                if at.elapsed() < LEFT_BEHIND {
                    continue;
                }
            }
            Some(_) | None => {
                since = Some((index, Instant::now()));
                continue;
            }
        }
        since = None;
        tracing::warn!(index, voters = ?goal, "finishing a change of voters that was left half-way");
        // Who loses a vote by this stays as a learner: whether it is to leave altogether is not written in the log.
        if let Err(error) = inner.raft.change_membership(ChangeMembers::ReplaceAllVoters(goal), true).await {
            tracing::warn!(%error, "the change of voters is not finished yet");
        }
    }
}

/// On a leader: the index of a committed first entry without its second, and the voters that the change was to end with.
fn left<M: Machine>(inner: &Inner<M>) -> Option<(u64, BTreeSet<u64>)> {
    let metrics = inner.raft.metrics();
    let metrics = metrics.borrow_watched();
    let present = &metrics.membership_config;
    let committed = metrics.committed_membership_config.log_id() == present.log_id();
    let configs = present.membership().get_joint_config();
    if !metrics.state.is_leader() || !committed || configs.len() < 2 {
        return None;
    }
    Some((present.log_id().as_ref()?.index, configs.last()?.clone()))
}

impl<M: Machine> Node<M> {
    /// Whether this node knows of a change of voters that is not finished.
    #[must_use]
    pub fn is_changing_voters(&self) -> bool {
        self.inner.raft.metrics().borrow_watched().membership_config.membership().get_joint_config().len() > 1
    }
}
