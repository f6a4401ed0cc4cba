//! The events' room: which durable events are still kept, and how far their consumers have come.
//!
//! Invariants: kept are the events from [`Events::first`] to the last one, without gaps; what is forgotten is forgotten
//! from the oldest on, by replicated time and by count, in the same entry on every node; a consumer's offset is at most
//! the last event's number, and holds nothing back.

mod topic;

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

pub use topic::{Topic, Topics};

use crate::codec;
use crate::event::EventRecord;
use crate::halt::Halt;
use crate::rejection::{Field, Rejection};
use crate::rows::{self, Family, Rows, RowsUnavailable, Table};

/// Consumers that may exist.
pub const CONSUMERS_MAX: usize = 256;
/// Longest name of a consumer.
pub const CONSUMER_NAME_BYTES_MAX: usize = 64;
/// A consumer commits at most once in this span of replicated time.
pub const COMMIT_PAUSE: Duration = Duration::from_secs(1);
/// Events are forgotten by their count so many at a time, at least.
pub(crate) const FORGOTTEN_AT_ONCE_MIN: u64 = 256;

const DAY_US: u64 = 24 * 60 * 60 * 1_000_000;

/// Someone who reads events and remembers here how far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumer {
    /// Chosen by whoever made it.
    pub name: String,
    /// What it reads.
    pub topics: Topics,
    /// The number of the last event it is done with; zero for none.
    pub offset: u64,
    /// When it last said so.
    pub committed_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Which events are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The oldest one; one more than the last where none is.
    pub(crate) first: u64,
    /// Days since 1970 in which kept events arose, each with the number of its first one; by both ascending.
    pub(crate) days: Vec<(u32, u64)>,
}

impl Default for Kept {
    fn default() -> Kept {
        Kept { first: 1, days: Vec::new() }
    }
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    /// Whole days; the day of the event itself is not counted.
    pub(crate) days: u32,
    /// Events.
    pub(crate) count: u64,
}

impl Kept {
    /// Takes note of events that arose at `now`, the first of them with this number; whether they are the day's first.
    pub(crate) fn arose(&mut self, first: u64, now: Timestamp) -> bool {
        let today = day(now);
        let is_first = self.days.last().is_none_or(|(day, _)| *day < today);
        if is_first {
            self.days.push((today, first));
        }
        is_first
    }

    /// The first event to keep from now on, where some are to be forgotten. `last` is the last one.
    pub(crate) fn due(&self, last: u64, now: Timestamp, retention: Retention) -> Option<u64> {
        let oldest_day = day(now).saturating_sub(retention.days);
        let young = self.days.iter().find(|(day, _)| *day >= oldest_day);
        let by_time = young.map_or(last + 1, |(_, first)| *first);
        let by_count = (last + 1).saturating_sub(retention.count);
        if by_time > self.first {
            return Some(by_time.max(by_count));
        }
        (by_count >= self.first + FORGOTTEN_AT_ONCE_MIN).then_some(by_count)
    }

    /// Forgets what is before `first`.
    pub(crate) fn forget_before(&mut self, first: u64, last: u64) {
        self.first = first;
        let gone = self.days.windows(2).take_while(|pair| pair.get(1).is_some_and(|(_, next)| *next <= first)).count();
        self.days.drain(..gone);
        if first > last {
            self.days.clear();
        }
    }
}

fn day(at: Timestamp) -> u32 {
    u32::try_from(at.0 / DAY_US).unwrap_or(u32::MAX)
}

/// A look at the events asks for some that are not kept any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The first one that was asked for.
    pub from: u64,
    /// The last one of them that is gone.
    pub to: u64,
}

/// The room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    pub(crate) kept: Kept,
    consumers: BTreeMap<String, Consumer>,
}

impl Events {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Events, Halt> {
        let mut events = Events::default();
        if let Some(row) = rows.get(Family::Working, &Table::EventsKept.key(&[]))? {
            events.kept = codec::decode(&row).map_err(|error| Halt::row(Table::EventsKept, error))?;
        }
        rows::for_each_of_table(rows, Table::Consumer, |key, value| {
            let consumer: Consumer = codec::decode(value).map_err(|error| Halt::row(Table::Consumer, error))?;
            if key != consumer.name.as_bytes() {
                return Err(Halt::RowDamaged { table: Table::Consumer });
            }
            events.put(consumer);
            Ok(())
        })?;
        Ok(events)
    }

    /// The number of the oldest event that is kept; one more than the last where none is.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.kept.first
    }

    /// What of the events from `from` on is gone.
    #[must_use]
    pub fn gap(&self, from: u64) -> Option<Gap> {
        (from < self.kept.first).then(|| Gap { from, to: self.kept.first - 1 })
    }

    /// A consumer.
    #[must_use]
    pub fn consumer(&self, name: &str) -> Option<&Consumer> {
        self.consumers.get(name)
    }

    /// All of them, by name.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.consumers.values()
    }

    /// A consumer that must exist.
    pub(crate) fn known(&self, name: &str) -> Result<&Consumer, Rejection> {
        self.consumers.get(name).ok_or(Rejection::ConsumerUnknown)
    }

    pub(crate) fn put(&mut self, consumer: Consumer) {
        self.consumers.insert(consumer.name.clone(), consumer);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.consumers.remove(name);
    }
}

/// The kept events from `from` to `last`, at most `limit`, in order and without gaps.
///
/// # Errors
/// The rows cannot be read, are damaged, or one is missing.
pub fn read(rows: &dyn Rows, from: u64, last: u64, limit: usize) -> Result<Vec<(u64, EventRecord)>, Halt> {
    let damaged = || Halt::RowDamaged { table: Table::Event };
    let mut found = Vec::new();
    for (key, value) in raw(rows, from, last, limit)? {
        let number = from + found.len() as u64;
        if key.get(1..) != Some(number.to_be_bytes().as_slice()) {
            return Err(damaged());
        }
        found.push((number, EventRecord::decode(&value).map_err(|error| Halt::row(Table::Event, error))?));
    }
    Ok(found)
}

/// The same rows as they are: for who holds the state and reads them afterwards.
///
/// # Errors
/// The rows cannot be read.
pub fn raw(rows: &dyn Rows, from: u64, last: u64, limit: usize) -> Result<Vec<rows::Row>, RowsUnavailable> {
    if from > last {
        return Ok(Vec::new());
    }
    let (from, until) = Table::Event.range(from, last);
    rows.scan(Family::History, &from, &until, limit, false)
}

/// Whether a name can be a consumer's.
pub(crate) fn check_name(name: &str) -> Result<(), Rejection> {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    if (1..=CONSUMER_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(known) {
        Ok(())
    } else {
        Err(Rejection::Invalid { field: Field::ConsumerName })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u64) -> Timestamp {
        Timestamp(day * DAY_US + 5)
    }

    /// Goal: events go by age in whole days, by count in steps, whichever asks for more, and days go with their events.
    /// Method: the arithmetic at its edges.
    #[test]
    fn what_is_due() {
        let mut kept = Kept::default();
        for (first, day) in [(1, 10), (11, 10), (21, 11), (31, 14)] {
            kept.arose(first, at(day));
        }
        assert_eq!(kept.days, [(10, 1), (11, 21), (14, 31)]);
        let retention = |days, count| Retention { days, count };
        assert_eq!(kept.due(40, at(14), retention(4, 1_000)), None);
        assert_eq!(kept.due(40, at(14), retention(3, 1_000)), Some(21));
        assert_eq!(kept.due(40, at(14), retention(2, 1_000)), Some(31));
        assert_eq!(kept.due(40, at(20), retention(2, 1_000)), Some(41));
        assert_eq!(kept.due(40, at(14), retention(3, 5)), Some(36));
        assert_eq!(kept.due(40, at(14), retention(9, 5)), None, "not enough for a step");
        assert_eq!(kept.due(FORGOTTEN_AT_ONCE_MIN + 5, at(14), retention(9, 5)), Some(FORGOTTEN_AT_ONCE_MIN + 1));
        kept.forget_before(25, 40);
        assert_eq!((kept.first, kept.days.as_slice()), (25, [(11, 21), (14, 31)].as_slice()));
        kept.forget_before(31, 40);
        assert_eq!(kept.days, [(14, 31)]);
        kept.forget_before(41, 40);
        assert_eq!(kept, Kept { first: 41, days: vec![] });
    }
}
