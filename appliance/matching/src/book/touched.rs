//! Which orders changed since their rows were written, each once, in order of the first change.

use crate::units::OrderId;

/// The orders that entered, changed or ended. Nothing is allocated once it has been as long before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Touched {
    /// By place in memory: whether the order that is there now is in the list.
    bits: Vec<u64>,
    ids: Vec<OrderId>,
}

impl Touched {
    /// Lists a new order. One that had its place before stays listed.
    pub(crate) fn enter(&mut self, id: OrderId) {
        let word = id.slot() as usize / 64;
        if word >= self.bits.len() {
            self.bits.resize(word + 1, 0);
        }
        if let Some(bits) = self.bits.get_mut(word) {
            *bits |= 1 << (id.slot() % 64);
        }
        self.ids.push(id);
    }

    /// Lists an open order unless it is listed.
    #[inline]
    pub(crate) fn touch(&mut self, id: OrderId) {
        let mask = 1 << (id.slot() % 64);
        if let Some(bits) = self.bits.get_mut(id.slot() as usize / 64).filter(|bits| **bits & mask == 0) {
            *bits |= mask;
            self.ids.push(id);
        }
    }

    pub(crate) fn ids(&self) -> &[OrderId] {
        &self.ids
    }

    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        for id in &self.ids {
            if let Some(bits) = self.bits.get_mut(id.slot() as usize / 64) {
                *bits &= !(1 << (id.slot() % 64));
            }
        }
        self.ids.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: an order is listed once, and one that takes the place of an ended one is listed beside it.
    #[test]
    fn each_order_is_listed_once() {
        let [first, other, second] = [(1, 70), (2, 3), (3, 70)].map(|(at, slot)| OrderId::new(at, slot).unwrap());
        let mut touched = Touched::default();
        for _ in 0..2 {
            touched.enter(first);
            touched.enter(other);
            touched.touch(first);
            touched.enter(second);
            touched.touch(second);
            assert_eq!(touched.ids(), [first, other, second]);
            touched.clear();
            touched.touch(second);
            touched.touch(second);
            assert_eq!(touched.ids(), [second]);
            touched.clear();
        }
    }
}
