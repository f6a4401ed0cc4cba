//! One market's orders in memory: a slab of order nodes, four ladders of prices, and the queue of triggered orders.
//!
//! The book knows queues and quantities; rules are the market's. Invariants:
//! - An order is in at most one queue, and the totals of a level are the sums over its orders.
//! - Orders of one price keep the order in which they came to it; an iceberg that shows its next part comes anew,
//!   except in an auction.
//!   The rank that an order gets when it joins a queue ascends, so that queues can be made again from single orders.
//! - No operation allocates once the vectors have grown to the size of the market.

mod free;
pub(crate) mod levels;
pub(crate) mod orders;
mod touched;
pub(crate) mod walk;

use free::Taken;
use levels::{Best, Ladder};
use orders::{Detail, NONE, Order, Place};
use touched::Touched;

use crate::halt::Halt;
use crate::limits::Limits;
use crate::planted::{Bug, has};
use crate::units::{LEVELS_MAX, Lots, OrderId, Side, Ticks};

const NO_ORDER: Halt = Halt("a number of an order points nowhere");
const TOO_MUCH: Halt = Halt("more is taken from an order than it has");

/// What became of an order of which something was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// It is where it was.
    Some,
    /// It showed its next part and went to the end of its queue.
    Refilled,
    /// It is filled and gone.
    Nothing,
}

/// One price of a book as the market sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// The price.
    pub price: Ticks,
    /// The visible quantity; an auction's book has no hidden part to hide from this sum either.
    pub lots: Lots,
    /// How many orders.
    pub orders: u32,
}

/// The orders of one market.
#[derive(Debug, Clone)]
pub struct Book {
    orders: Vec<Order>,
    details: Vec<Detail>,
    taken: Taken,
    pub(crate) bids: Ladder,
    pub(crate) asks: Ladder,
    pub(crate) rising: Ladder,
    pub(crate) falling: Ladder,
    fired: (u32, u32),
    open: u32,
    /// How often an order joined the end of a queue.
    pub(crate) joined: u64,
    touched: Touched,
    pub(crate) limits: Limits,
}

impl Default for Book {
    fn default() -> Book {
        Book::new()
    }
}

impl Book {
    /// An empty book.
    #[must_use]
    pub fn new() -> Book {
        Book::within(Limits::FULL)
    }

    /// An empty book with these limits.
    pub(crate) fn within(limits: Limits) -> Book {
        Book {
            orders: Vec::new(),
            details: Vec::new(),
            taken: Taken::new(),
            bids: Ladder::new(Best::Highest, limits.levels),
            asks: Ladder::new(Best::Lowest, limits.levels),
            rising: Ladder::new(Best::Lowest, LEVELS_MAX),
            falling: Ladder::new(Best::Highest, LEVELS_MAX),
            fired: (NONE, NONE),
            open: 0,
            joined: 0,
            touched: Touched::default(),
            limits,
        }
    }

    /// How many orders are open, those that wait for their trigger included.
    #[must_use]
    pub fn open_orders(&self) -> u32 {
        self.open
    }

    /// How many orders rest on a side.
    #[must_use]
    pub fn resting(&self, side: Side) -> u32 {
        self.ladder(side).orders()
    }

    /// How many prices a side has.
    #[must_use]
    pub fn prices(&self, side: Side) -> usize {
        self.ladder(side).len()
    }

    /// The best price of a side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Ticks> {
        self.ladder(side).best_price()
    }

    /// The prices of a side from the best one on; take as many as are wanted.
    pub fn depth(&self, side: Side) -> impl Iterator<Item = Depth> {
        let ladder = self.ladder(side);
        ladder.iter().map(|level| Depth { price: ladder.price_of(level), lots: Lots(level.open), orders: level.orders })
    }

    #[inline]
    pub(crate) fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    /// Every open order, by place in memory.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.id != OrderId::NONE)
    }

    /// The first open order by place in memory.
    pub(crate) fn lowest_open(&self) -> Option<u32> {
        self.taken.lowest_taken()
    }

    /// Where the next order will be kept; nothing when the market is full.
    #[inline]
    pub(crate) fn next_slot(&self) -> Option<u32> {
        self.taken.lowest_free().filter(|slot| *slot < self.limits.orders)
    }

    /// Where an open order is kept.
    #[inline]
    pub(crate) fn find(&self, id: OrderId) -> Option<u32> {
        let slot = id.slot();
        self.orders.get(slot as usize).filter(|order| order.id == id && id != OrderId::NONE).map(|_| slot)
    }

    #[inline]
    pub(crate) fn order(&self, slot: u32) -> Result<&Order, Halt> {
        self.orders.get(slot as usize).ok_or(NO_ORDER)
    }

    #[inline]
    pub(crate) fn order_mut(&mut self, slot: u32) -> Result<&mut Order, Halt> {
        self.orders.get_mut(slot as usize).ok_or(NO_ORDER)
    }

    #[inline]
    pub(crate) fn detail(&self, slot: u32) -> Result<&Detail, Halt> {
        self.details.get(slot as usize).ok_or(NO_ORDER)
    }

    #[inline]
    pub(crate) fn detail_mut(&mut self, slot: u32) -> Result<&mut Detail, Halt> {
        self.details.get_mut(slot as usize).ok_or(NO_ORDER)
    }

    /// The order that is next to trade on a side.
    #[inline]
    pub(crate) fn front(&self, side: Side) -> Option<u32> {
        self.ladder(side).first().map(|level| level.head)
    }

    /// The orders that entered, changed or ended since the last [`Book::forget_touched`], in order of the first change.
    pub(crate) fn touched(&self) -> &[OrderId] {
        self.touched.ids()
    }

    /// Lists an order whose marks were changed.
    pub(crate) fn touch(&mut self, slot: u32) -> Result<(), Halt> {
        let id = self.order(slot)?.id;
        self.touched.touch(id);
        Ok(())
    }

    /// The rows of the touched orders are written.
    pub(crate) fn forget_touched(&mut self) {
        self.touched.clear();
    }

    /// Keeps an order in the slot that its id names, in no queue yet.
    pub(crate) fn keep(&mut self, order: Order, detail: Detail) -> Result<u32, Halt> {
        let slot = order.id.slot();
        if !self.taken.take(slot) {
            return Err(Halt("the place of a new order is taken"));
        }
        let at = slot as usize;
        if at >= self.orders.len() {
            self.orders.resize(at + 1, Order::VACANT);
            self.details.resize(at + 1, Detail::NONE);
        }
        *self.order_mut(slot)? = Order { place: Place::Nowhere, ..order };
        *self.detail_mut(slot)? = detail;
        self.touched.enter(order.id);
        self.open += 1;
        Ok(slot)
    }

    /// Forgets an order that is in no queue.
    pub(crate) fn forget(&mut self, slot: u32) -> Result<(), Halt> {
        let order = self.orders.get_mut(slot as usize).ok_or(NO_ORDER)?;
        if order.place != Place::Nowhere || !self.taken.give(slot) {
            return Err(Halt("an order was forgotten while it was in a queue"));
        }
        self.touched.touch(order.id);
        order.id = OrderId::NONE;
        self.open = self.open.checked_sub(1).ok_or(NO_ORDER)?;
        Ok(())
    }

    /// Puts an order that is in no queue at the end of one; false when a ladder has no room for another price.
    pub(crate) fn enqueue(&mut self, slot: u32, place: Place) -> Result<bool, Halt> {
        let Book { orders, details, bids, asks, rising, falling, fired, joined, touched, .. } = self;
        let queued = match place {
            Place::Nowhere => true,
            Place::Bids => bids.push(orders, slot)?,
            Place::Asks => asks.push(orders, slot)?,
            Place::Rising => rising.push(orders, slot)?,
            Place::Falling => falling.push(orders, slot)?,
            Place::Fired => {
                let last = std::mem::replace(&mut fired.1, slot);
                match last {
                    NONE => fired.0 = slot,
                    last => orders.get_mut(last as usize).ok_or(NO_ORDER)?.next = slot,
                }
                let order = orders.get_mut(slot as usize).ok_or(NO_ORDER)?;
                (order.prev, order.next) = (last, NONE);
                true
            }
        };
        if queued {
            let order = orders.get_mut(slot as usize).ok_or(NO_ORDER)?;
            order.place = place;
            *joined += 1;
            details.get_mut(slot as usize).ok_or(NO_ORDER)?.rank = *joined;
            touched.touch(order.id);
        }
        Ok(queued)
    }

    /// Takes an order out of its queue.
    pub(crate) fn dequeue(&mut self, slot: u32) -> Result<(), Halt> {
        let Book { orders, bids, asks, rising, falling, fired, .. } = self;
        let order = orders.get_mut(slot as usize).ok_or(NO_ORDER)?;
        match std::mem::replace(&mut order.place, Place::Nowhere) {
            Place::Nowhere => Ok(()),
            Place::Bids => bids.remove(orders, slot),
            Place::Asks => asks.remove(orders, slot),
            Place::Rising => rising.remove(orders, slot),
            Place::Falling => falling.remove(orders, slot),
            Place::Fired => {
                let (prev, next) = (order.prev, order.next);
                match prev {
                    NONE => fired.0 = next,
                    prev => orders.get_mut(prev as usize).ok_or(NO_ORDER)?.next = next,
                }
                match next {
                    NONE => fired.1 = prev,
                    next => orders.get_mut(next as usize).ok_or(NO_ORDER)?.prev = prev,
                }
                Ok(())
            }
        }
    }

    /// The triggered order whose turn is next.
    pub(crate) fn next_fired(&self) -> Option<u32> {
        (self.fired.0 != NONE).then_some(self.fired.0)
    }

    /// Takes visible lots from a resting order.
    #[inline]
    pub(crate) fn consume(&mut self, slot: u32, lots: u64) -> Result<Left, Halt> {
        let Book { orders, bids, asks, details, joined, touched, .. } = self;
        let order = orders.get_mut(slot as usize).ok_or(NO_ORDER)?;
        if !has(Bug::TradeNotWritten) {
            touched.touch(order.id);
        }
        let ladder = match order.place {
            Place::Bids => bids,
            Place::Asks => asks,
            Place::Nowhere | Place::Rising | Place::Falling | Place::Fired => {
                return Err(Halt("an order outside the book was to trade"));
            }
        };
        if lots < order.open {
            order.open -= lots;
            let level = ladder.level_mut(order.level)?;
            level.open = level.open.checked_sub(lots).ok_or(TOO_MUCH)?;
            if has(Bug::PlaceLostByTrade) {
                ladder.requeue(orders, slot)?;
            }
            return Ok(Left::Some);
        }
        if lots > order.open {
            return Err(TOO_MUCH);
        }
        if order.hidden == 0 {
            order.place = Place::Nowhere;
            ladder.remove(orders, slot)?;
            return Ok(Left::Nothing);
        }
        let detail = details.get_mut(slot as usize).ok_or(NO_ORDER)?;
        let shown = order.hidden.min(detail.peak.max(1));
        if !has(Bug::RankNotGiven) {
            *joined += 1;
            detail.rank = *joined;
        }
        let level = ladder.level_mut(order.level)?;
        level.open = level.open.checked_sub(order.open).ok_or(TOO_MUCH)? + shown;
        level.hidden = level.hidden.checked_sub(shown).ok_or(TOO_MUCH)?;
        order.open = shown;
        order.hidden -= shown;
        if !has(Bug::RefillKeepsPlace) {
            ladder.requeue(orders, slot)?;
        }
        Ok(Left::Refilled)
    }

    /// Takes lots from a resting order, hidden ones included. What is left of an iceberg shows a part anew and keeps its
    /// place: others must not come between two trades of an auction with the same order.
    pub(crate) fn consume_whole(&mut self, slot: u32, lots: u64) -> Result<Left, Halt> {
        let Book { orders, details, bids, asks, touched, .. } = self;
        let order = orders.get_mut(slot as usize).ok_or(NO_ORDER)?;
        touched.touch(order.id);
        let ladder = match order.place {
            Place::Bids => bids,
            Place::Asks => asks,
            Place::Nowhere | Place::Rising | Place::Falling | Place::Fired => {
                return Err(Halt("an order outside the book was to trade"));
            }
        };
        let left = order.lots().checked_sub(lots).ok_or(TOO_MUCH)?;
        if left == 0 {
            order.place = Place::Nowhere;
            ladder.remove(orders, slot)?;
            return Ok(Left::Nothing);
        }
        let peak = details.get(slot as usize).ok_or(NO_ORDER)?.peak;
        let open = if peak == 0 { left } else { left.min(peak) };
        let level = ladder.level_mut(order.level)?;
        level.open = level.open.checked_sub(order.open).ok_or(TOO_MUCH)? + open;
        level.hidden = level.hidden.checked_sub(order.hidden).ok_or(TOO_MUCH)? + (left - open);
        (order.open, order.hidden) = (open, left - open);
        Ok(Left::Some)
    }

    /// Makes a resting order smaller where it stands: the hidden part first.
    pub(crate) fn shrink(&mut self, slot: u32, by: u64) -> Result<(), Halt> {
        let Book { orders, bids, asks, touched, .. } = self;
        let order = orders.get_mut(slot as usize).ok_or(NO_ORDER)?;
        touched.touch(order.id);
        let from_hidden = by.min(order.hidden);
        let from_open = by - from_hidden;
        order.hidden -= from_hidden;
        order.open = order.open.checked_sub(from_open).filter(|open| *open > 0).ok_or(TOO_MUCH)?;
        let level = match order.place {
            Place::Bids => bids.level_mut(order.level)?,
            Place::Asks => asks.level_mut(order.level)?,
            Place::Nowhere | Place::Rising | Place::Falling | Place::Fired => return Ok(()),
        };
        level.hidden = level.hidden.checked_sub(from_hidden).ok_or(TOO_MUCH)?;
        level.open = level.open.checked_sub(from_open).ok_or(TOO_MUCH)?;
        Ok(())
    }
}
