//! What this node applies, as it applies it, for those who watch.
//!
//! The state machine has an [`Ear`] and calls it for every entry, in the order of the log; a [`Feed`] takes what was heard.
//! The ear never waits. With nobody listening it keeps nothing, and when more waits than the limit allows it forgets the
//! rest and says so: watching must not hold up applying.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use exchequer_domain::Timestamp;
use exchequer_state::Event;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How many events may wait, entries counting as one more each.
const WAITING_MAX: usize = 200_000;

/// What one entry of the log did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The entry's index.
    pub index: u64,
    /// Replicated time after it.
    pub time: Timestamp,
    /// What arose, in order.
    pub events: Vec<Event>,
    /// The numbers of its first posting, and of the one behind its last; equal where it made none.
    pub postings: (u64, u64),
}

/// What a feed gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The next entry with events or postings.
    Entry(Batch),
    /// Entries are missing: a snapshot took the state's place, or too much was waiting. Who follows must look at the state
    /// anew.
    Gap,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: AtomicUsize,
    listening: AtomicBool,
}

/// The end that the state machine holds. Clones are one ear.
#[derive(Debug, Clone)]
pub struct Ear {
    out: UnboundedSender<Heard>,
    shared: Arc<Shared>,
    limit: usize,
}

/// The end that is listened at.
#[derive(Debug)]
pub struct Feed {
    heard: UnboundedReceiver<Heard>,
    shared: Arc<Shared>,
}

/// An ear and its feed, which does not listen yet.
#[must_use]
pub fn channel() -> (Ear, Feed) {
    limited(WAITING_MAX)
}

fn limited(limit: usize) -> (Ear, Feed) {
    let (out, heard) = unbounded_channel();
    let shared = Arc::new(Shared::default());
    (Ear { out, shared: Arc::clone(&shared), limit }, Feed { heard, shared })
}

impl Ear {
    /// Whether anybody listens. A batch need not be made otherwise.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.shared.listening.load(Ordering::Acquire)
    }

    /// Tells what an entry did. Entries without events and postings are passed over.
    pub fn entry(&self, batch: Batch) {
        let (first, next) = batch.postings;
        if !self.listens() || (batch.events.is_empty() && first == next) {
            return;
        }
        let weight = 1 + batch.events.len();
        if self.shared.waiting.fetch_add(weight, Ordering::AcqRel) + weight > self.limit {
            // Nothing more is taken until the feed has come to the gap and listens again.
            self.shared.waiting.fetch_sub(weight, Ordering::AcqRel);
            self.gap();
            return;
        }
        // Without a feed nobody is left to tell.
        let _ = self.out.send(Heard::Entry(batch));
    }

    /// Tells that entries are missing; then nobody listens until the feed does so again.
    pub fn gap(&self) {
        if self.shared.listening.swap(false, Ordering::AcqRel) {
            let _ = self.out.send(Heard::Gap);
        }
    }
}

impl Feed {
    /// Begins to listen, or goes on after a [`Heard::Gap`]. Everything applied from now on is heard.
    pub fn listen(&self) {
        self.shared.listening.store(true, Ordering::Release);
    }

    /// Stops listening, where nobody is interested any more. What comes until [`Feed::listen`] is not heard, and no gap is
    /// told of it: whoever rests knows. What waits is still given.
    pub fn rest(&self) {
        self.shared.listening.store(false, Ordering::Release);
    }

    /// What was heard next; none when the state machine is gone.
    pub async fn next(&mut self) -> Option<Heard> {
        let heard = self.heard.recv().await?;
        Some(self.taken(heard))
    }

    /// The same, if it is there already.
    pub fn at_once(&mut self) -> Option<Heard> {
        let heard = self.heard.try_recv().ok()?;
        Some(self.taken(heard))
    }

    fn taken(&self, heard: Heard) -> Heard {
        if let Heard::Entry(batch) = &heard {
            self.shared.waiting.fetch_sub(1 + batch.events.len(), Ordering::AcqRel);
        }
        heard
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(index: u64, events: usize) -> Batch {
        let events = (0..events).map(|_| Event::DigestRequested { index }).collect();
        Batch { index, time: Timestamp(index), events, postings: (1, 1) }
    }

    async fn indices(feed: &mut Feed, count: usize) -> Vec<Option<u64>> {
        let mut seen = Vec::new();
        for _ in 0..count {
            seen.push(match feed.next().await.unwrap() {
                Heard::Entry(batch) => Some(batch.index),
                Heard::Gap => None,
            });
        }
        seen
    }

    /// Goal: nothing is kept while nobody listens, and entries arrive in order once somebody does. Method: entries before
    /// and after, and one in which nothing arose.
    #[tokio::test]
    async fn entries_arrive_in_order() {
        let (ear, mut feed) = channel();
        ear.entry(batch(1, 1));
        feed.listen();
        for (index, events) in [(2, 1), (3, 0), (4, 2)] {
            ear.entry(batch(index, events));
        }
        ear.entry(Batch { postings: (1, 2), ..batch(5, 0) });
        assert_eq!(indices(&mut feed, 3).await, [Some(2), Some(4), Some(5)]);
        drop(ear);
        assert_eq!(feed.next().await, None);
    }

    /// Goal: what cannot wait is a gap, told once, behind what came before it; after it the feed can go on. Method: a limit
    /// of ten, met exactly and then exceeded.
    #[tokio::test]
    async fn too_much_is_a_gap() {
        let (ear, mut feed) = limited(10);
        feed.listen();
        ear.entry(batch(1, 4));
        ear.entry(batch(2, 4));
        ear.entry(batch(3, 1));
        ear.entry(batch(4, 1));
        assert!(!ear.listens());
        assert_eq!(indices(&mut feed, 3).await, [Some(1), Some(2), None]);
        feed.listen();
        ear.entry(batch(5, 9));
        assert_eq!(indices(&mut feed, 1).await, [Some(5)]);
        ear.gap();
        ear.gap();
        feed.listen();
        ear.entry(batch(6, 1));
        assert_eq!(indices(&mut feed, 2).await, [None, Some(6)]);
    }
}
