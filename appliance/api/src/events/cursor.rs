//! Where one listener is.

use std::sync::Arc;

use exchequer_domain::{Code, Problem};
use exchequer_state::events::{Gap, Topics};
use tokio::sync::watch;

use super::bus::{Bus, Listening};
use super::page::Page;
use super::ring::Found;

/// What comes next.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// The events of this page from a number on; at least one is of the listener's topics.
    Events(Arc<Page>, u64),
    /// These are gone.
    Gap(Gap),
}

/// A listener's place among the events.
pub(crate) struct Cursor {
    bus: Arc<Bus>,
    /// The number of the next event; everything before it was given, or is of other topics.
    next: u64,
    pub(crate) topics: Topics,
    end: watch::Receiver<u64>,
    _listening: Listening,
}

impl Cursor {
    /// A cursor before an event, or behind the last one that there is now.
    ///
    /// # Errors
    /// Those of the backend.
    pub(crate) async fn open(bus: Arc<Bus>, from: Option<u64>, topics: Topics) -> Result<Cursor, Problem> {
        let (listening, end) = bus.listen();
        let next = match from {
            Some(from) => from.max(1),
            None => bus.read(u64::MAX).await?.last + 1,
        };
        Ok(Cursor { bus, next, topics, end, _listening: listening })
    }

    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// What comes next, when there is something. Nothing is lost where the wait is given up.
    ///
    /// # Errors
    /// Those of the backend.
    pub(crate) async fn step(&mut self) -> Result<Step, Problem> {
        loop {
            let (page, from) = match self.bus.find(self.next) {
                Found::Here(page) => (page, self.next),
                Found::After => {
                    let next = self.next;
                    let gone = |_| Problem::new(Code::Internal, "the event bus ended");
                    // Zero and back again: the ring began anew and may be ahead already.
                    self.end.wait_for(|end| *end > next).await.map_err(gone)?;
                    continue;
                }
                Found::Before => {
                    let turn = self.bus.readers.acquire().await;
                    let read = self.bus.read(self.next).await;
                    drop(turn);
                    let read = read?;
                    if let Some(gap) = read.gap {
                        self.next = gap.to + 1;
                        return Ok(Step::Gap(gap));
                    }
                    let missing = || Problem::new(Code::FileCorrupt, format!("event {} is missing", self.next));
                    (Arc::new(read.page.ok_or_else(missing)?), self.next)
                }
            };
            self.next = page.end();
            if page.has(from, self.topics) {
                return Ok(Step::Events(page, from));
            }
        }
    }
}
