//! Orders as they stand, and when time is needed.

use super::*;
use crate::{OrderView, Stands};

impl Naive {
    /// Every open order, in order of entry.
    pub(in crate::tests) fn views(&self) -> Vec<OrderView> {
        let mut views: Vec<OrderView> = self.orders.iter().map(|order| self.view(order)).collect();
        views.sort_unstable_by_key(|view| view.id);
        views
    }

    fn view(&self, order: &Open) -> OrderView {
        let Open { id, owner, slots, tag, fees, side, self_trade, when, partner, .. } = *order;
        let lots = Lots(order.lots());
        OrderView {
            id,
            owner,
            slots,
            tag,
            side,
            fees,
            self_trade,
            when,
            stands: match (order.waits, order.fired) {
                (None, _) => Stands::Resting,
                (Some(_), Some(_)) => Stands::Triggered,
                (Some(waits), None) => Stands::Waiting(Ticks(waits.trigger)),
            },
            action: match order.action {
                Action::Limit { life, .. } => Action::Limit { price: Ticks(order.price), lots, life },
                Action::Market { quote, by, fill_or_kill, .. } => Action::Market { lots, quote, by, fill_or_kill },
            },
            open: Lots(order.open),
            hidden: Lots(order.hidden),
            held: self.held(order),
            partner,
        }
    }

    pub(in crate::tests) fn due(&self) -> Option<Timestamp> {
        let fired = self.orders.iter().any(|order| order.fired.is_some());
        let ends = match self.phase {
            Phase::Halt => return None,
            Phase::Uncrossing { .. } => return Some(self.now),
            Phase::Trading if fired => return Some(self.now),
            Phase::Delisted if !self.orders.is_empty() => return Some(self.now),
            Phase::Auction { ends } => ends,
            Phase::CancelOnly { until } => until,
            _ => None,
        };
        let deadlines = self.orders.iter().filter_map(|order| order.until);
        deadlines.chain(self.switches.values().copied()).chain(ends).min()
    }
}
