//! The bare book under the workload: price-time priority and nothing else.

use super::{Ask, Message, TOUCHED_MAX};
use crate::book::orders::{Detail, Order, Place};
use crate::book::{Book, Left};
use crate::halt::Halt;
use crate::units::{OrderId, Side, Ticks};

/// What a message came to, a line of the canonical output each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A new order was taken in.
    Accepted,
    /// The message's order traded with a resting one.
    Trade {
        /// In ticks, of the resting order.
        price: u64,
        /// In lots.
        lots: u64,
        /// The number of the resting order.
        maker: u64,
        /// Whether the resting order is filled.
        filled: bool,
    },
    /// The order, or what an immediate one could not fill, ended.
    Cancelled {
        /// In ticks.
        price: u64,
    },
    /// The order has its new price and quantity.
    Modified,
    /// The order of a cancel does not rest.
    CancelRejected,
    /// The order of a modification does not rest.
    ModifyRejected,
}

/// A book without rules, and the way from the workload's numbers to its orders.
#[derive(Debug, Default)]
pub struct Plain {
    book: Book,
    ids: Vec<OrderId>,
    sequence: u64,
}

impl Plain {
    /// An empty book with room for the ids of a workload.
    #[must_use]
    pub fn with_capacity(orders: usize) -> Plain {
        Plain { ids: Vec::with_capacity(orders), ..Plain::default() }
    }

    /// The book as it is.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Price and open quantity of a resting order.
    #[must_use]
    pub fn resting(&self, order: u64) -> Option<(Side, Ticks, u64)> {
        let slot = self.book.find(*self.ids.get(order as usize)?)?;
        self.book.order(slot).ok().map(|order| (order.side, order.price, order.open))
    }

    /// Applies one message and tells what came of it.
    ///
    /// # Errors
    /// The book is inconsistent or full.
    #[inline]
    pub fn apply(&mut self, message: &Message, tell: &mut impl FnMut(Line)) -> Result<(), Halt> {
        if self.book.touched().len() >= TOUCHED_MAX {
            self.book.forget_touched();
        }
        let at = message.order as usize;
        let id = self.ids.get(at).copied().unwrap_or(OrderId::NONE);
        match message.ask {
            Ask::New { immediate } => {
                let slot = self.book.next_slot().ok_or(Halt("the book is full"))?;
                self.sequence += 1;
                let id = OrderId::new(self.sequence, slot).ok_or(Halt("the sequence is used up"))?;
                tell(Line::Accepted);
                let left = self.take(message, tell)?;
                if left == 0 {
                    return Ok(());
                }
                if immediate {
                    tell(Line::Cancelled { price: message.price });
                    return Ok(());
                }
                let price = Ticks(message.price);
                let order = Order { id, price, side: message.side, open: left, ..Order::VACANT };
                let slot = self.book.keep(order, Detail { tag: message.order, ..Detail::NONE })?;
                self.rest(slot, message.side)?;
                if at >= self.ids.len() {
                    self.ids.resize(at + 1, OrderId::NONE);
                }
                if let Some(kept) = self.ids.get_mut(at) {
                    *kept = id;
                }
            }
            Ask::Cancel => match self.book.find(id) {
                None => tell(Line::CancelRejected),
                Some(slot) => {
                    let price = self.book.order(slot)?.price.0;
                    self.book.dequeue(slot)?;
                    self.book.forget(slot)?;
                    tell(Line::Cancelled { price });
                }
            },
            Ask::Modify => match self.book.find(id) {
                None => tell(Line::ModifyRejected),
                Some(slot) => {
                    self.book.dequeue(slot)?;
                    tell(Line::Modified);
                    let left = self.take(message, tell)?;
                    if left == 0 {
                        return self.book.forget(slot);
                    }
                    let order = self.book.order_mut(slot)?;
                    (order.price, order.open) = (Ticks(message.price), left);
                    self.rest(slot, message.side)?;
                }
            },
        }
        Ok(())
    }

    fn rest(&mut self, slot: u32, side: Side) -> Result<(), Halt> {
        if self.book.enqueue(slot, Place::of(side))? { Ok(()) } else { Err(Halt("the book is full")) }
    }

    #[inline]
    fn take(&mut self, message: &Message, tell: &mut impl FnMut(Line)) -> Result<u64, Halt> {
        let other = message.side.opposite();
        let mut left = u64::from(message.lots);
        while left > 0
            && let Some(best) = self.book.best(other)
            && message.side.accepts(Ticks(message.price), best)
            && let Some(maker) = self.book.front(other)
        {
            let lots = left.min(self.book.order(maker)?.open);
            let number = self.book.detail(maker)?.tag;
            let filled = self.book.consume(maker, lots)? == Left::Nothing;
            if filled {
                self.book.forget(maker)?;
            }
            left -= lots;
            tell(Line::Trade { price: best.0, lots, maker: number, filled });
        }
        Ok(left)
    }
}
