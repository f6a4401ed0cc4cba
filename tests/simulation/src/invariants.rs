//! What must hold at every moment, looked at from outside between the steps of the simulation.

use std::collections::BTreeMap;

use exchequer_raft::{Node, Role, Status};

use crate::machine::SimMachine;

/// What was last seen of one run of a node.
#[derive(Debug, Clone, Default)]
struct Seen {
    boot: u64,
    term: u64,
    committed: u64,
    applied: u64,
    purged: Option<u64>,
    snapshot: Option<u64>,
}

/// What was ever seen.
#[derive(Debug, Default)]
pub struct Invariants {
    leaders: BTreeMap<u64, u64>,
    hashes: BTreeMap<u64, [u8; 32]>,
    last: BTreeMap<u64, Seen>,
    promises: BTreeMap<u64, u64>,
    /// Leaderships seen.
    pub leaderships: u64,
    /// Snapshots seen to be installed: applied moved past what the log could have fed.
    pub installs: u64,
}

impl Invariants {
    /// The highest term of a vote that a node acted on, in whichever of its runs.
    #[must_use]
    pub fn promise_of(&self, node: u64) -> u64 {
        self.promises.get(&node).copied().unwrap_or(0)
    }

    /// A node acts on a vote of this term.
    pub fn promised(&mut self, node: u64, term: u64) {
        let highest = self.promises.entry(node).or_insert(term);
        *highest = term.max(*highest);
    }

    /// Looks at one node.
    ///
    /// # Errors
    /// Which invariant does not hold, and how.
    pub fn look(
        &mut self,
        node: &Node<SimMachine>,
        status: &Status,
        boot: u64,
        acknowledged: u64,
    ) -> Result<(), (&'static str, String)> {
        let id = status.node;
        let seen = self.last.get(&id).filter(|seen| seen.boot == boot).cloned().unwrap_or_default();
        if status.role == Role::Leader {
            match self.leaders.get(&status.term) {
                Some(leader) if *leader != id => {
                    let text = format!("nodes {leader} and {id} both lead in term {}", status.term);
                    return Err(("election safety", text));
                }
                Some(_) => {}
                None => {
                    let newest = self.leaders.last_key_value().is_none_or(|(term, _)| *term < status.term);
                    if newest && status.last_index < acknowledged {
                        let last = status.last_index;
                        let text = format!("leader {id} ends at {last}, but {acknowledged} was acknowledged");
                        return Err(("leader completeness", text));
                    }
                    self.leaders.insert(status.term, id);
                    self.leaderships += 1;
                }
            }
        }
        let applied = status.applied_index;
        let back = |what: &str, before: u64, now: u64| format!("node {id}: {what} went from {before} back to {now}");
        if status.term < seen.term {
            return Err(("monotone term", back("the term", seen.term, status.term)));
        }
        if applied < seen.applied {
            return Err(("monotone applied", back("applied", seen.applied, applied)));
        }
        if status.committed_index < seen.committed {
            return Err(("monotone committed", back("committed", seen.committed, status.committed_index)));
        }
        if status.purged_index < seen.purged {
            return Err(("monotone purged", format!("node {id}: {:?} after {:?}", status.purged_index, seen.purged)));
        }
        if status.snapshot_index < seen.snapshot {
            let text = format!("node {id}: {:?} after {:?}", status.snapshot_index, seen.snapshot);
            return Err(("monotone snapshot", text));
        }
        // Committed is told through a watch and may be a moment old; the others are read where they are kept.
        if status.purged_index > status.snapshot_index.max(Some(applied)) || status.snapshot_index > Some(applied) {
            let text = format!(
                "node {id}: purged {:?}, snapshot {:?}, applied {applied}",
                status.purged_index, status.snapshot_index
            );
            return Err(("order of progress", text));
        }
        if applied > status.last_index.max(status.snapshot_index.unwrap_or(0)) {
            let text = format!("node {id}: applied {applied}, last {}", status.last_index);
            return Err(("order of progress", text));
        }
        for index in seen.applied.max(1)..=applied {
            let Some(hash) = node.hash_at(index) else { continue };
            match self.hashes.get(&index) {
                Some(known) if *known != hash => {
                    let text = format!("node {id} has another state than others had at index {index}");
                    return Err(("state machine safety", text));
                }
                Some(_) => {}
                None => {
                    self.hashes.insert(index, hash);
                }
            }
        }
        if seen.boot == boot && applied > seen.applied + 1 && node.hash_at(seen.applied + 1).is_none() {
            self.installs += 1;
        }
        self.promised(id, node.promised_term());
        let now = Seen {
            boot,
            term: status.term,
            committed: status.committed_index,
            applied,
            purged: status.purged_index,
            snapshot: status.snapshot_index,
        };
        self.last.insert(id, now);
        Ok(())
    }
}
