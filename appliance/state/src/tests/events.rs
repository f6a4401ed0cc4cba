//! Random lives of consumers, and of the events they read.

use std::collections::BTreeMap;
use std::time::Duration;

use exchequer_domain::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::world::{DAY, HOUR, SECOND, World, put, set};
use crate::event::EventRecord;
use crate::events::{self, FORGOTTEN_AT_ONCE_MIN, Topic, Topics};
use crate::settings::Value;
use crate::{
    AddConsumer, Body, CommitConsumer, Done, Event, Family, Input, MakeEvents, Rejection, RemoveConsumer, Rows, Table,
};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Where an offset is, seen from the last event.
#[derive(Debug, Clone, Copy)]
enum Place {
    Start(u64),
    End(i64),
}

#[derive(Debug, Clone)]
enum Step {
    Make(u32),
    Add { name: usize, at: Option<Place> },
    Commit { name: usize, at: Place, rewind: bool },
    Remove { name: usize },
    KeepCount(i64),
    KeepDays(u64),
    Nothing,
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![1 => (0_u64..40).prop_map(Place::Start), 3 => (-30_i64..3).prop_map(Place::End)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1_u32..700).prop_map(Step::Make),
        2 => (0..NAMES.len(), option::of(place())).prop_map(|(name, at)| Step::Add { name, at }),
        8 => (0..NAMES.len(), place(), prop::bool::weighted(0.3))
            .prop_map(|(name, at, rewind)| Step::Commit { name, at, rewind }),
        1 => (0..NAMES.len()).prop_map(|name| Step::Remove { name }),
        1 => (1_000_i64..3_000).prop_map(Step::KeepCount),
        1 => (1_u64..4).prop_map(Step::KeepDays),
        1 => Just(Step::Nothing),
    ]
}

/// Everything that ever arose, and what should be left of it.
#[derive(Debug)]
struct Model {
    events: Vec<EventRecord>,
    first: u64,
    count: u64,
    days: u64,
    today: u64,
    consumers: BTreeMap<&'static str, (u64, Option<u64>)>,
}

impl Model {
    fn last(&self) -> u64 {
        self.events.len() as u64
    }

    fn offset(&self, place: Place) -> u64 {
        match place {
            Place::Start(number) => number,
            Place::End(back) => self.last().saturating_add_signed(back),
        }
    }

    /// What a step comes to, from the rules as they are written down.
    fn expect(&mut self, step: &Step, now: u64) -> Result<(), Rejection> {
        let last = self.last();
        match *step {
            Step::Add { name, at } => {
                let offset = at.map_or(last, |at| self.offset(at));
                if self.consumers.contains_key(NAMES[name]) {
                    return Err(Rejection::ConsumerExists);
                }
                if offset > last {
                    return Err(Rejection::OffsetBeyond { last });
                }
                self.consumers.insert(NAMES[name], (offset, None));
            }
            Step::Commit { name, at, rewind } => {
                let offset = self.offset(at);
                let (present, at) = *self.consumers.get(NAMES[name]).ok_or(Rejection::ConsumerUnknown)?;
                if offset > last {
                    return Err(Rejection::OffsetBeyond { last });
                }
                if offset == present {
                    return Ok(());
                }
                if offset < present && !rewind {
                    return Err(Rejection::OffsetBack { present });
                }
                if let Some(at) = at.filter(|at| now < at + SECOND) {
                    return Err(Rejection::CommitTooSoon { next: Timestamp(at + SECOND) });
                }
                self.consumers.insert(NAMES[name], (offset, Some(now)));
            }
            Step::Remove { name } => {
                self.consumers.remove(NAMES[name]).ok_or(Rejection::ConsumerUnknown)?;
            }
            Step::KeepCount(count) => self.count = count as u64,
            Step::KeepDays(days) => self.days = days,
            Step::Make(_) | Step::Nothing => {}
        }
        Ok(())
    }

    /// What is left after an entry in which these arose.
    fn close(&mut self, arose: Vec<EventRecord>, now: u64) {
        let looks = !arose.is_empty() || now / DAY != self.today;
        self.today = now / DAY;
        self.events.extend(arose);
        if !looks {
            return;
        }
        let old = |record: &EventRecord| record.time.0 / DAY + self.days < now / DAY;
        let by_time = self.events.iter().take_while(|record| old(record)).count() as u64 + 1;
        let by_count = (self.last() + 1).saturating_sub(self.count);
        if by_time > self.first {
            self.first = by_time.max(by_count);
        } else if by_count >= self.first + FORGOTTEN_AT_ONCE_MIN {
            self.first = by_count;
        }
    }
}

fn body(step: &Step, model: &Model) -> Body {
    let reason = || "test".to_owned();
    match *step {
        Step::Make(count) => Body::MakeEvents(MakeEvents { count, filling_bytes: 3 }),
        Step::Add { name, at } => {
            let offset = at.map(|at| model.offset(at));
            let topics = Topics::default().with(Topic::Sandbox);
            Body::AddConsumer(AddConsumer { name: NAMES[name].into(), topics, offset, reason: reason() })
        }
        Step::Commit { name, at, rewind } => {
            let (name, offset) = (NAMES[name].into(), model.offset(at));
            Body::CommitConsumer(CommitConsumer { name, offset, rewind: rewind.then(reason) })
        }
        Step::Remove { name } => Body::RemoveConsumer(RemoveConsumer { name: NAMES[name].into(), reason: reason() }),
        Step::KeepCount(count) => set("events.kept_max", Value::Integer(count), None),
        Step::KeepDays(days) => set("events.retention", Value::DurationUs(days * DAY), None),
        Step::Nothing => put(b"k", b"v", None),
    }
}

fn kept(rows: &dyn Rows) -> usize {
    let (from, until) = Table::Event.range(0, u64::MAX);
    rows.scan(Family::History, &from, &until, usize::MAX, false).unwrap().len()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Goal: offsets move as the rules say; what is kept are the newest events, without a gap, as they were told when they
    /// arose; and neither depends on restarts. Method: random consumers, amounts of events, settings and pauses up to days,
    /// beside a model that keeps everything; the world loads the state from its rows after every entry.
    #[test]
    fn consumers_and_retention(steps in vec((prop_oneof![
        8 => Just(0), 6 => Just(SECOND / 2), 4 => Just(SECOND), 2 => Just(7 * HOUR), 1 => Just(2 * DAY), 1 => Just(9 * DAY),
    ], step()), 1..60)) {
        let mut world = World::new();
        let told = events::read(&world.rows, 1, world.state.event_sequence(), 100).unwrap();
        let mut model = Model {
            events: told.into_iter().map(|(_, record)| record).collect(),
            first: 1,
            count: 10_000_000,
            days: 90,
            today: world.now.0 / DAY,
            consumers: BTreeMap::new(),
        };
        for (pause, step) in steps {
            world.now = world.now.plus(Duration::from_micros(pause));
            let command = world.command(body(&step, &model));
            let verdict = model.expect(&step, world.now.0);
            let bytes = command.encode();
            let applied = world.apply(Input::Commands(&[&bytes])).unwrap();
            let outcome = crate::Outcome::decode(&applied.outcomes[0]).unwrap();
            match (&outcome, &verdict) {
                (crate::Outcome::Done(done), Ok(())) => {
                    if let Done::EventsMade { last } = done {
                        prop_assert_eq!(*last, world.state.event_sequence());
                    }
                }
                (crate::Outcome::Rejected(rejection), Err(expected)) => prop_assert_eq!(rejection, expected),
                (outcome, verdict) => prop_assert!(false, "{:?} but {:?}", outcome, verdict),
            }
            let arose = applied.events.into_iter().filter_map(|event| match event {
                Event::Durable { record, .. } => Some(record),
                _ => None,
            });
            model.close(arose.collect(), world.now.0);

            let (first, last) = (world.state.events().first(), world.state.event_sequence());
            prop_assert_eq!((first, last), (model.first, model.last()));
            prop_assert_eq!(kept(&world.rows) as u64, last + 1 - first);
            let found = events::read(&world.rows, first, last, usize::MAX).unwrap();
            prop_assert!(found.iter().map(|(_, record)| record).eq(model.events.iter().skip(first as usize - 1)));
            let offsets: BTreeMap<&str, (u64, Option<u64>)> = world.state.events().consumers()
                .map(|consumer| (consumer.name.as_str(), (consumer.offset, consumer.committed_at.map(|at| at.0))))
                .collect();
            prop_assert_eq!(offsets, model.consumers.clone());
        }
    }
}
