//! The operator: brings the membership in line with the machines, and knows when it is at rest.

use std::collections::BTreeMap;

use crate::host::Order;
use crate::run::Run;
use crate::world::address;

/// The membership on its way to being the same, and not a joint one, in the logs of all nodes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settling {
    term: u64,
    /// The end of the log when the leader first said that all nodes vote.
    first: u64,
    /// The end of the log when `first` was committed: the end of a joint configuration is before it.
    second: Option<u64>,
}

impl Run {
    /// The operator's round: brings the membership in line with the machines.
    pub(crate) fn operate(&mut self) {
        let Some((slot, status)) = self.leader() else {
            self.settling = None;
            return;
        };
        self.settling = match self.settling.filter(|settling| settling.term == status.term && self.is_whole()) {
            None if self.is_whole() => Some(Settling { term: status.term, first: status.last_index, second: None }),
            Some(Settling { term, first, second: None }) if status.committed_index >= first => {
                Some(Settling { term, first, second: Some(status.last_index) })
            }
            other => other,
        };
        let (wanted, removed) = {
            let mut state = self.world.lock();
            let wanted: BTreeMap<u64, usize> =
                state.slots.iter().enumerate().filter(|(_, s)| s.id > 0).map(|(slot, s)| (s.id, slot)).collect();
            let removed: Vec<u64> = (1..=wanted.keys().last().copied().unwrap_or(0))
                .filter(|id| !wanted.contains_key(id) && !status.members.contains_key(id))
                .collect();
            state.removed.extend(&removed);
            (wanted, removed)
        };
        drop(removed);
        let missing = wanted.iter().find(|(id, _)| !status.members.contains_key(id));
        let ready = status.members.iter().find(|(id, member)| {
            let near = member.matched_index.is_some_and(|matched| matched + 20 >= status.last_index);
            !member.voter && near && wanted.contains_key(id)
        });
        let dead = status.members.keys().find(|id| !wanted.contains_key(id));
        let order = match (missing, ready, dead) {
            (Some((id, slot)), _, _) => Order::AddLearner(*id, address(*slot)),
            (None, Some((id, _)), _) => Order::Promote(*id),
            (None, None, Some(id)) => Order::Remove(*id),
            (None, None, None) => return,
        };
        self.order_slot(slot, order);
    }

    /// Whether every machine's node runs and votes, and nobody else is a member.
    pub(crate) fn is_whole(&self) -> bool {
        let Some((slot, status)) = self.leader() else { return false };
        let state = self.world.lock();
        // Half-way through a change of voters there are two majorities, and losing one disk may be losing one of them.
        if state.slots[slot].node.as_ref().is_none_or(|node| node.is_changing_voters()) {
            return false;
        }
        let ids: Vec<u64> = state.slots.iter().map(|here| here.id).filter(|id| *id > 0).collect();
        let running = state.slots.iter().all(|here| here.id == 0 || here.node.is_some());
        running
            && status.members.len() == ids.len()
            && ids.iter().all(|id| status.members.get(id).is_some_and(|member| member.voter))
    }

    /// Whether all nodes run, vote, and have applied the entry that says so: then losing one disk loses nothing.
    pub(crate) fn is_settled(&self) -> bool {
        let second = self.settling.and_then(|settling| settling.second);
        self.is_whole()
            && second.is_some_and(|second| self.statuses().iter().all(|(_, status)| status.applied_index >= second))
    }

    /// The membership is about to change.
    pub(crate) fn unsettle(&mut self) {
        self.settling = None;
    }
}
