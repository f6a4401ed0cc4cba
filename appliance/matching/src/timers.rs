//! The deadlines of orders: a heap in which every order knows its place, so that one can be taken out anywhere.

use exchequer_domain::Timestamp;

use crate::book::Book;
use crate::book::orders::NONE;
use crate::halt::Halt;
use crate::units::OrderId;

const LOST: Halt = Halt("a deadline is not where its order says");

/// Deadlines, the earliest first; of equal ones that of the earlier order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Timers {
    heap: Vec<(Timestamp, OrderId)>,
}

impl Timers {
    pub(crate) fn first(&self) -> Option<(Timestamp, OrderId)> {
        self.heap.first().copied()
    }

    pub(crate) fn add(&mut self, book: &mut Book, deadline: Timestamp, id: OrderId) -> Result<(), Halt> {
        self.heap.push((deadline, id));
        self.rise(book, self.heap.len() - 1)
    }

    /// Takes out the deadline of an order that has one.
    pub(crate) fn remove(&mut self, book: &mut Book, slot: u32) -> Result<(), Halt> {
        let at = std::mem::replace(&mut book.detail_mut(slot)?.timer, NONE) as usize;
        if self.heap.get(at).is_none_or(|(_, id)| id.slot() != slot) {
            return Err(LOST);
        }
        self.heap.swap_remove(at);
        if at < self.heap.len() {
            self.sink(book, at)?;
            self.rise(book, at)?;
        }
        Ok(())
    }

    fn note(&self, book: &mut Book, at: usize) -> Result<(), Halt> {
        let (_, id) = self.heap.get(at).ok_or(LOST)?;
        book.detail_mut(id.slot())?.timer = at as u32;
        Ok(())
    }

    fn rise(&mut self, book: &mut Book, mut at: usize) -> Result<(), Halt> {
        while at > 0 && self.heap.get(at) < self.heap.get((at - 1) / 2) {
            self.heap.swap(at, (at - 1) / 2);
            self.note(book, at)?;
            at = (at - 1) / 2;
        }
        self.note(book, at)
    }

    fn sink(&mut self, book: &mut Book, mut at: usize) -> Result<(), Halt> {
        loop {
            let children = [2 * at + 1, 2 * at + 2].into_iter().filter(|child| *child < self.heap.len());
            let Some(least) = children.min_by_key(|child| self.heap.get(*child).copied()) else { break };
            if self.heap.get(at) <= self.heap.get(least) {
                break;
            }
            self.heap.swap(at, least);
            self.note(book, at)?;
            at = least;
        }
        self.note(book, at)
    }
}
