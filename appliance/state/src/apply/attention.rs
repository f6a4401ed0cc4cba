//! Time tells people what waits for them.

use exchequer_domain::Timestamp;

use super::Entry;
use crate::attention::{Concern, LOOK_US, Matter, Subject, matter_key};
use crate::event::EventKind;
use crate::planted::{self, Bug};
use crate::rows::{Edit, Table};
use crate::withdrawals::Withdrawal;

impl Entry<'_> {
    /// In the first entry of a minute: matters that are new, and those that are over.
    pub(super) fn pass_time_in_attention(&mut self, before: Timestamp) {
        if before.0 / LOOK_US == self.now.0 / LOOK_US || planted::has(Bug::NobodyIsTold) {
            return;
        }
        let standing = self.state.matters();
        let told = self.state.attention.told.clone();
        for matter in told.iter().filter(|matter| !standing.contains_key(matter)) {
            let key = Table::Attention.key(&matter_key(matter));
            self.change(Table::Attention.family(), key, Edit::Delete);
            self.state.attention.told.remove(matter);
            let Matter { concern, network, subject } = *matter;
            self.event(EventKind::AttentionEnded { concern, network, subject: subject.to_string() });
        }
        for (matter, stand) in standing.iter().filter(|(matter, _)| !told.contains(matter)) {
            self.put(Table::Attention, &matter_key(matter), matter);
            self.state.attention.told.insert(*matter);
            self.tell_matter(matter, stand.since);
        }
    }

    pub(super) fn tell_matter(&mut self, matter: &Matter, since: Timestamp) {
        let Matter { concern, network, subject } = *matter;
        let severity = concern.severity();
        self.event(EventKind::AttentionNeeded { concern, network, subject: subject.to_string(), since, severity });
    }

    /// A withdrawal is over because nobody approved it in time: its user was kept waiting for nothing.
    pub(super) fn tell_approval_expired(&mut self, one: &Withdrawal) {
        let concern = Concern::ApprovalExpired;
        let matter = Matter { concern, network: one.order.network, subject: Subject::Withdrawal(one.id) };
        self.tell_matter(&matter, one.moved);
    }
}
