//! The prices of one side, sorted, with the orders of each price in a queue.
//!
//! The best price is at the end of the vector, where most changes are. An order knows its level by number, so that
//! only a level that appears or becomes empty costs a search.

use super::orders::{NONE, Order};
use crate::halt::Halt;
use crate::planted::{Bug, has};
use crate::units::Ticks;

const NO_LEVEL: Halt = Halt("an order names a level that does not exist");
const NO_ORDER: Halt = Halt("a level names an order that does not exist");
const TOTALS: Halt = Halt("the totals of a level are not those of its orders");

/// The orders of one price, first come first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level {
    key: u64,
    /// Visible lots.
    pub(crate) open: u64,
    /// Lots behind icebergs.
    pub(crate) hidden: u64,
    pub(crate) head: u32,
    pub(crate) tail: u32,
    pub(crate) orders: u32,
}

/// Which price is the best of a ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Best {
    Highest,
    Lowest,
}

/// The levels of one side, worst to best.
#[derive(Debug, Clone)]
pub(crate) struct Ladder {
    best: Best,
    keys: Vec<u64>,
    index: Vec<u32>,
    levels: Vec<Level>,
    spare: Vec<u32>,
    orders: u32,
    levels_max: usize,
}

impl Ladder {
    pub(crate) fn new(best: Best, levels_max: usize) -> Ladder {
        Ladder {
            best,
            keys: Vec::new(),
            index: Vec::new(),
            levels: Vec::new(),
            spare: Vec::new(),
            orders: 0,
            levels_max,
        }
    }

    /// Prices as keys that ascend from worst to best.
    fn key(&self, price: Ticks) -> u64 {
        match self.best {
            Best::Highest => price.0,
            Best::Lowest => !price.0,
        }
    }

    pub(crate) fn price_of(&self, level: &Level) -> Ticks {
        match self.best {
            Best::Highest => Ticks(level.key),
            Best::Lowest => Ticks(!level.key),
        }
    }

    /// How many orders there are.
    pub(crate) fn orders(&self) -> u32 {
        self.orders
    }

    /// How many prices there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The best level.
    #[inline]
    pub(crate) fn first(&self) -> Option<&Level> {
        self.index.last().and_then(|at| self.levels.get(*at as usize))
    }

    /// The best price.
    #[inline]
    pub(crate) fn best_price(&self) -> Option<Ticks> {
        let key = *self.keys.last()?;
        Some(Ticks(if self.best == Best::Highest { key } else { !key }))
    }

    /// From best to worst.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Level> {
        self.index.iter().rev().filter_map(|at| self.levels.get(*at as usize))
    }

    #[inline]
    pub(crate) fn level_mut(&mut self, at: u32) -> Result<&mut Level, Halt> {
        self.levels.get_mut(at as usize).ok_or(NO_LEVEL)
    }

    /// The number of the level of `price`, made where it does not exist; nothing when there is no room for another.
    fn level_at(&mut self, price: Ticks) -> Option<u32> {
        let key = self.key(price);
        let at = match self.keys.last() {
            None => 0,
            Some(best) if key > *best => self.keys.len(),
            Some(_) => self.keys.partition_point(|other| *other < key),
        };
        if self.keys.get(at) == Some(&key) {
            return self.index.get(at).copied();
        }
        if self.keys.len() >= self.levels_max {
            return None;
        }
        let level = Level { key, open: 0, hidden: 0, head: NONE, tail: NONE, orders: 0 };
        let number = match self.spare.pop() {
            Some(number) => {
                *self.levels.get_mut(number as usize)? = level;
                number
            }
            None => {
                self.levels.push(level);
                self.levels.len() as u32 - 1
            }
        };
        self.keys.insert(at, key);
        self.index.insert(at, number);
        Some(number)
    }

    fn drop_level(&mut self, number: u32, key: u64) -> Result<(), Halt> {
        if self.keys.last() == Some(&key) {
            if has(Bug::BestIsStale) {
                return Ok(());
            }
            self.keys.pop();
            self.index.pop();
        } else {
            let at = self.keys.partition_point(|other| *other < key);
            if self.keys.get(at) != Some(&key) {
                return Err(NO_LEVEL);
            }
            self.keys.remove(at);
            self.index.remove(at);
        }
        self.spare.push(number);
        Ok(())
    }

    /// Puts an order at the end of the queue of its price; false when there is no room for another price.
    pub(crate) fn push(&mut self, orders: &mut [Order], slot: u32) -> Result<bool, Halt> {
        let order = orders.get(slot as usize).ok_or(NO_ORDER)?;
        let (price, open, hidden) = (order.price, order.open, order.hidden);
        let Some(number) = self.level_at(price) else { return Ok(false) };
        let level = self.levels.get_mut(number as usize).ok_or(NO_LEVEL)?;
        level.open += open;
        level.hidden += hidden;
        level.orders += 1;
        self.orders += 1;
        let last = std::mem::replace(&mut level.tail, slot);
        if last == NONE {
            level.head = slot;
        } else {
            orders.get_mut(last as usize).ok_or(NO_ORDER)?.next = slot;
        }
        let order = orders.get_mut(slot as usize).ok_or(NO_ORDER)?;
        (order.prev, order.next, order.level) = (last, NONE, number);
        Ok(true)
    }

    /// Takes an order out of its queue, and its level away where it was the last.
    pub(crate) fn remove(&mut self, orders: &mut [Order], slot: u32) -> Result<(), Halt> {
        let order = orders.get(slot as usize).ok_or(NO_ORDER)?;
        let (number, prev, next, open, hidden) = (order.level, order.prev, order.next, order.open, order.hidden);
        let level = self.levels.get_mut(number as usize).ok_or(NO_LEVEL)?;
        level.open = level.open.checked_sub(open).ok_or(TOTALS)?;
        level.hidden = level.hidden.checked_sub(hidden).ok_or(TOTALS)?;
        level.orders = level.orders.checked_sub(1).ok_or(TOTALS)?;
        self.orders = self.orders.checked_sub(1).ok_or(TOTALS)?;
        if level.orders == 0 {
            let key = level.key;
            return self.drop_level(number, key);
        }
        if prev == NONE {
            level.head = next;
        } else {
            orders.get_mut(prev as usize).ok_or(NO_ORDER)?.next = next;
        }
        if next == NONE {
            level.tail = prev;
        } else {
            orders.get_mut(next as usize).ok_or(NO_ORDER)?.prev = prev;
        }
        Ok(())
    }

    /// Moves an order to the end of the queue it is in.
    pub(crate) fn requeue(&mut self, orders: &mut [Order], slot: u32) -> Result<(), Halt> {
        let order = orders.get(slot as usize).ok_or(NO_ORDER)?;
        let (number, prev, next) = (order.level, order.prev, order.next);
        if next == NONE {
            return Ok(());
        }
        let level = self.levels.get_mut(number as usize).ok_or(NO_LEVEL)?;
        if prev == NONE {
            level.head = next;
        } else {
            orders.get_mut(prev as usize).ok_or(NO_ORDER)?.next = next;
        }
        let last = std::mem::replace(&mut level.tail, slot);
        orders.get_mut(next as usize).ok_or(NO_ORDER)?.prev = prev;
        orders.get_mut(last as usize).ok_or(NO_ORDER)?.next = slot;
        let order = orders.get_mut(slot as usize).ok_or(NO_ORDER)?;
        (order.prev, order.next) = (last, NONE);
        Ok(())
    }
}
