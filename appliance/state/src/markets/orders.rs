//! The open orders of one market, as their owners know them.

use exchequer_domain::UserId;
use exchequer_matching::OrderId;
use hashbrown::HashMap;

use super::{ClientOrderId, OrderRecord};

/// The open orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    /// Looked up, never iterated.
    by_id: HashMap<OrderId, OrderRecord>,
    /// Looked up, never iterated.
    by_client_id: HashMap<(UserId, ClientOrderId), OrderId>,
}

impl Orders {
    pub(crate) fn get(&self, id: OrderId) -> Option<&OrderRecord> {
        self.by_id.get(&id)
    }

    pub(crate) fn find(&self, user: UserId, client_id: ClientOrderId) -> Option<OrderId> {
        self.by_client_id.get(&(user, client_id)).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Enters an order.
    pub(crate) fn insert(&mut self, record: OrderRecord) {
        self.by_id.insert(record.id, record);
        self.by_client_id.insert((record.user, record.client_id), record.id);
    }

    /// An order that is about to change.
    pub(crate) fn change(&mut self, id: OrderId) -> Option<&mut OrderRecord> {
        self.by_id.get_mut(&id)
    }

    /// Takes out an order that is over.
    pub(crate) fn remove(&mut self, id: OrderId) -> Option<OrderRecord> {
        let record = self.by_id.remove(&id)?;
        self.by_client_id.remove(&(record.user, record.client_id));
        Some(record)
    }
}
