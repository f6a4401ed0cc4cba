//! The open orders of one market, as their owners know them.

use exchequer_domain::UserId;
use exchequer_matching::OrderId;
use hashbrown::HashMap;

use super::{ClientOrderId, OrderRecord};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Open {
    record: OrderRecord,
    /// Whether it has a row.
    written: bool,
}

/// The open orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    /// Looked up, never iterated.
    by_id: HashMap<OrderId, Open>,
    /// Looked up, never iterated.
    by_client_id: HashMap<(UserId, ClientOrderId), OrderId>,
    /// Those that changed since rows were written, in the order of the first change.
    changed: Vec<OrderId>,
}

impl Orders {
    pub(crate) fn get(&self, id: OrderId) -> Option<&OrderRecord> {
        self.by_id.get(&id).map(|open| &open.record)
    }

    pub(crate) fn find(&self, user: UserId, client_id: ClientOrderId) -> Option<OrderId> {
        self.by_client_id.get(&(user, client_id)).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Enters a new order.
    pub(crate) fn insert(&mut self, record: OrderRecord) {
        self.put(record, false);
        self.changed.push(record.id);
    }

    /// Enters an order that was read from its row.
    pub(crate) fn load(&mut self, record: OrderRecord) {
        self.put(record, true);
    }

    fn put(&mut self, record: OrderRecord, written: bool) {
        self.by_id.insert(record.id, Open { record, written });
        self.by_client_id.insert((record.user, record.client_id), record.id);
    }

    /// An order that is about to change.
    pub(crate) fn change(&mut self, id: OrderId) -> Option<&mut OrderRecord> {
        let open = self.by_id.get_mut(&id)?;
        self.changed.push(id);
        Some(&mut open.record)
    }

    /// Takes out an order that is over; also tells whether it has a row.
    pub(crate) fn remove(&mut self, id: OrderId) -> Option<(OrderRecord, bool)> {
        let Open { record, written } = self.by_id.remove(&id)?;
        self.by_client_id.remove(&(record.user, record.client_id));
        Some((record, written))
    }

    /// Gives every open order that changed since the last call, once.
    pub(crate) fn drain(&mut self, mut take: impl FnMut(&OrderRecord)) {
        let mut changed = std::mem::take(&mut self.changed);
        // In the order of entry, which is also the order of their rows.
        changed.sort_unstable();
        changed.dedup();
        for id in changed.drain(..) {
            if let Some(open) = self.by_id.get_mut(&id) {
                open.written = true;
                take(&open.record);
            }
        }
        self.changed = changed;
    }
}
