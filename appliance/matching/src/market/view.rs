//! What can be read of a market: orders as they stand, those of an owner, what is held, and when time is needed.

use exchequer_domain::Timestamp;

use super::Market;
use crate::book::orders::{
    BY_QUOTE, FILL_OR_KILL, HAS_DEADLINE, IMMEDIATE, IN_PAIR, MARKET, NONE, Order, POST_ONLY, Place,
};
use crate::command::{Action, By, Life, When};
use crate::phase::Phase;
use crate::units::{Fees, Lots, OrderId, Owner, SelfTrade, Side, Slots, Ticks};

/// Where an open order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// In the book.
    Resting,
    /// Outside the book, until the price comes to this one.
    Waiting(Ticks),
    /// Triggered; its turn comes with one of the next commands.
    Triggered,
}

/// An open order as it stands now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderView {
    /// Its id.
    pub id: OrderId,
    /// Whose.
    pub owner: Owner,
    /// The balances that it moves.
    pub slots: Slots,
    /// The caller's own number.
    pub tag: u64,
    /// Buy or sell.
    pub side: Side,
    /// Its rates.
    pub fees: Fees,
    /// What happens where it would trade with its owner.
    pub self_trade: SelfTrade,
    /// What it waits for, or waited for before it came into the book.
    pub when: Option<When>,
    /// Where it stands.
    pub stands: Stands,
    /// What it does in the book, with the quantity that is left of it and the present limit.
    pub action: Action,
    /// What the book shows of it; of an order outside the book, all.
    pub open: Lots,
    /// What it hides as an iceberg.
    pub hidden: Lots,
    /// Minor units held for it: of quote for a buy, of base for a sell.
    pub held: u128,
    /// The other leg of a pair.
    pub partner: Option<OrderId>,
}

impl Market {
    /// An open order; nothing where it is over or never was.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<OrderView> {
        self.view(self.book.find(id)?)
    }

    /// Every open order, by place in memory: for who must reserve anew what they hold, as after a restore.
    pub fn orders(&self) -> impl Iterator<Item = OrderView> {
        self.book.open().filter_map(|order| self.view(order.id.slot()))
    }

    /// The open orders of an owner, the latest first. At most [`crate::ORDERS_OF_OWNER_MAX`].
    pub fn orders_of(&self, owner: Owner) -> impl Iterator<Item = OrderView> {
        let at = |slot: u32| (slot != NONE).then_some(slot);
        let next = move |slot: &u32| at(self.book.detail(*slot).ok()?.owner_next);
        std::iter::successors(at(self.owners.get(owner).head), next).filter_map(|slot| self.view(slot))
    }

    /// When the dead man's switch of an owner falls; nothing where it is off.
    #[must_use]
    pub fn cancels_after(&self, owner: Owner) -> Option<Timestamp> {
        Some(self.owners.get(owner).cancel_after).filter(|at| *at != crate::owners::NEVER)
    }

    /// When a command is needed next, [`crate::Command::Tick`] if there is no other: at once where a command left
    /// work, else when the first deadline, switch or phase is over.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        let (book, phase) = (&self.book, self.phase);
        let left = match phase {
            Phase::Uncrossing { .. } => true,
            Phase::Trading => book.next_fired().is_some(),
            Phase::Delisted => book.open_orders() > 0,
            Phase::PreOpen | Phase::Auction { .. } | Phase::PostOnly | Phase::CancelOnly { .. } | Phase::Halt => false,
        };
        if left {
            return Some(self.now);
        }
        if !phase.cancels() {
            return None;
        }
        let ends = match phase {
            Phase::Auction { ends } => ends,
            Phase::CancelOnly { until } => until,
            _ => None,
        };
        let deadline = self.timers.first().map(|(at, _)| at);
        let switch = self.switches.first().map(|(at, _)| *at);
        [ends, deadline, switch].into_iter().flatten().min()
    }

    /// Everything that is held for open orders of a side, in minor units. Looks at every order.
    #[must_use]
    pub fn held_in_all(&self, side: Side) -> u128 {
        let orders = self.book.open().filter(|order| order.side == side);
        orders.map(|order| self.held_for(order.id.slot()).unwrap_or(0)).sum()
    }

    fn view(&self, slot: u32) -> Option<OrderView> {
        let order = self.book.order(slot).ok()?;
        let detail = self.book.detail(slot).ok()?;
        let Order { id, owner, slots, side, fees, self_trade, .. } = *order;
        let (stands, limit) = match order.place {
            Place::Bids | Place::Asks | Place::Nowhere => (Stands::Resting, order.price),
            Place::Rising | Place::Falling => (Stands::Waiting(order.price), detail.limit),
            Place::Fired => (Stands::Triggered, detail.limit),
        };
        let lots = Lots(order.lots());
        let fill_or_kill = order.has(FILL_OR_KILL);
        let action = if order.has(MARKET) {
            let by = if order.has(BY_QUOTE) { By::Quote } else { By::Lots };
            Action::Market { lots, quote: detail.quote, by, fill_or_kill }
        } else {
            let life = if fill_or_kill {
                Life::FillOrKill
            } else if order.has(IMMEDIATE) {
                Life::Immediate
            } else {
                Life::Rest {
                    until: order.has(HAS_DEADLINE).then_some(detail.deadline),
                    peak: (detail.peak > 0).then_some(Lots(detail.peak)),
                    post_only: order.has(POST_ONLY),
                }
            };
            Action::Limit { price: limit, lots, life }
        };
        Some(OrderView {
            id,
            owner,
            slots,
            tag: detail.tag,
            side,
            fees,
            self_trade,
            when: detail.when,
            stands,
            action,
            open: Lots(order.open),
            hidden: Lots(order.hidden),
            held: self.held_for(slot).ok()?,
            partner: order.has(IN_PAIR).then_some(detail.partner),
        })
    }
}
