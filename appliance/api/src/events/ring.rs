//! The newest events, shared by all who listen.

use std::collections::VecDeque;
use std::sync::Arc;

use super::page::Page;

/// How much the ring keeps, as its pages count themselves.
pub(super) const BYTES_MAX: usize = 64 << 20;
/// Pages that it keeps; a page may be of one event.
pub(super) const PAGES_MAX: usize = 8_192;

/// Pages in order, without gaps between them.
#[derive(Debug, Default)]
pub(super) struct Ring {
    pages: VecDeque<Arc<Page>>,
    bytes: usize,
    /// One more than the last event in it; zero while nobody fills it.
    next: u64,
}

/// Where a number is.
#[derive(Debug)]
pub(super) enum Found {
    /// In this page.
    Here(Arc<Page>),
    /// Before what the ring keeps.
    Before,
    /// It has not come yet.
    After,
}

impl Ring {
    /// Begins anew; the next page begins with this number. Zero: it is not filled from now on.
    pub(super) fn begin(&mut self, next: u64) {
        *self = Ring { next, ..Ring::default() };
    }

    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Adds the page that follows.
    pub(super) fn push(&mut self, page: Arc<Page>) {
        debug_assert_eq!(page.first(), self.next, "pages follow each other");
        self.next = page.end();
        self.bytes += page.bytes();
        self.pages.push_back(page);
        while self.pages.len() > 1 && (self.bytes > BYTES_MAX || self.pages.len() > PAGES_MAX) {
            let Some(old) = self.pages.pop_front() else { break };
            self.bytes -= old.bytes();
        }
    }

    pub(super) fn find(&self, number: u64) -> Found {
        if number >= self.next {
            return Found::After;
        }
        let at = self.pages.partition_point(|page| page.end() <= number);
        match self.pages.get(at).filter(|page| page.first() <= number) {
            Some(page) => Found::Here(page.clone()),
            None => Found::Before,
        }
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::Timestamp;
    use exchequer_state::EventKind;
    use exchequer_state::event::EventRecord;

    use super::*;

    fn page(first: u64, count: usize, bytes: usize) -> Arc<Page> {
        let record = EventRecord {
            index: 1,
            time: Timestamp(1),
            command: None,
            actor: None,
            kind: EventKind::ClusterBootstrapped,
        };
        Arc::new(Page::new(first, vec![record; count], bytes))
    }

    fn place(ring: &Ring, number: u64) -> &'static str {
        match ring.find(number) {
            Found::Here(page) => {
                assert!((page.first()..page.end()).contains(&number));
                "here"
            }
            Found::Before => "before",
            Found::After => "after",
        }
    }

    /// Goal: a number is found in its page, before the ring or after it, and neither bytes nor pages pass their limits.
    #[test]
    fn keeps_the_newest() {
        let mut ring = Ring::default();
        assert_eq!(place(&ring, 1), "after");
        ring.begin(10);
        assert_eq!((place(&ring, 9), place(&ring, 10)), ("before", "after"));
        ring.push(page(10, 3, 1));
        ring.push(page(13, 1, 1));
        let places: Vec<&str> = (9..15).map(|number| place(&ring, number)).collect();
        assert_eq!(places, ["before", "here", "here", "here", "here", "after"]);
        ring.push(page(14, 2, BYTES_MAX - 1));
        assert_eq!((place(&ring, 12), place(&ring, 13), place(&ring, 15)), ("before", "here", "here"));
        ring.push(page(16, 2, 2 * BYTES_MAX));
        assert_eq!((place(&ring, 15), place(&ring, 17)), ("before", "here"), "the newest page stays, however large");
        for number in 18..18 + 2 * PAGES_MAX as u64 {
            ring.push(page(number, 1, 0));
        }
        assert_eq!(ring.pages.len(), PAGES_MAX);
        ring.begin(0);
        assert_eq!((ring.next(), place(&ring, 20)), (0, "after"));
    }
}
