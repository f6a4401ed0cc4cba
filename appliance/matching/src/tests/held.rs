//! What is held for each order, from reports alone.

use std::collections::BTreeMap;

use crate::{End, OrderId, OrderView, Report};

/// What the reports say is held for each order.
#[derive(Debug, Default)]
pub(super) struct Held {
    of: BTreeMap<OrderId, u128>,
}

impl Held {
    fn take_from(&mut self, id: OrderId, amount: u128) {
        let held = self.of.get_mut(&id).expect("something is paid or freed that is not held");
        *held = held.checked_sub(amount).expect("more is paid or freed than is held");
    }

    pub(super) fn take(&mut self, reports: &[Report]) {
        let mut of_pair = 0;
        for report in reports {
            match *report {
                Report::Accepted { id, held, .. } => assert_eq!(self.of.insert(id, held), None),
                Report::Trade(trade) => {
                    self.take_from(trade.buyer.id, trade.quote + trade.buyer.freed);
                    self.take_from(trade.seller.id, trade.base + trade.seller.freed);
                    assert!(trade.buyer.fee <= trade.base && trade.seller.fee <= trade.quote);
                }
                // The rest of what both legs of a pair held goes to the other one, whose end follows.
                Report::Triggered { id, held, .. } => {
                    let before = self.of.insert(id, held).unwrap();
                    of_pair = before.wrapping_sub(held);
                }
                Report::Ended { id, freed, why, .. } => {
                    let held = self.of.remove(&id).unwrap();
                    assert_eq!(held.wrapping_add(of_pair), freed);
                    assert!(of_pair == 0 || why == End::Pair);
                    of_pair = 0;
                }
                Report::Reduced { id, freed, .. } => self.take_from(id, freed),
                Report::Amended { id, held, freed, .. } => {
                    *self.of.get_mut(&id).unwrap() += held;
                    self.take_from(id, freed);
                }
                Report::Rejected { .. } | Report::Phase(_) => {}
            }
        }
        assert_eq!(of_pair, 0, "what a pair held is lost");
    }

    /// That is what the open orders hold.
    pub(super) fn compare(&self, views: &[OrderView]) {
        let open: BTreeMap<OrderId, u128> = views.iter().map(|view| (view.id, view.held)).collect();
        for (id, held) in &self.of {
            assert_eq!(open.get(id).copied().unwrap_or(0), *held, "of {id:?}");
        }
        assert!(open.keys().all(|id| self.of.contains_key(id)));
    }
}
