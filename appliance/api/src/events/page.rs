//! Events as they are sent: each made into text and bytes once, and shared by all who get them.

use std::sync::OnceLock;

use bytes::Bytes;
use exchequer_domain::Code;
use exchequer_domain::Problem;
use exchequer_state::event::{EVENT_SCHEMA, EventRecord};
use exchequer_state::events::Topics;
use prost::Message as _;
use serde_json::Value;

use super::proto;
use crate::dto;

/// Some events in order, without gaps.
#[derive(Debug)]
pub(crate) struct Page {
    first: u64,
    records: Vec<EventRecord>,
    told: OnceLock<Vec<dto::Event>>,
    frames: OnceLock<Joined>,
    messages: OnceLock<Joined>,
    wires: OnceLock<Joined>,
    /// What it counts for in the ring.
    bytes: usize,
}

/// Pieces of one buffer.
#[derive(Debug, Default)]
struct Joined {
    all: Bytes,
    ends: Vec<usize>,
}

impl Joined {
    fn of(pieces: impl Iterator<Item = Vec<u8>>) -> Joined {
        let (mut all, mut ends) = (Vec::new(), Vec::new());
        for piece in pieces {
            all.extend_from_slice(&piece);
            ends.push(all.len());
        }
        Joined { all: all.into(), ends }
    }

    fn get(&self, at: usize) -> Bytes {
        let from = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.ends.get(at).map_or(Bytes::new(), |until| self.all.slice(from..*until))
    }

    /// From one on to the last.
    fn rest(&self, at: usize) -> Bytes {
        let from = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.all.slice(from..)
    }
}

impl Page {
    pub(crate) fn new(first: u64, records: Vec<EventRecord>, bytes: usize) -> Page {
        let (told, frames, messages, wires) = Default::default();
        Page { first, records, told, frames, messages, wires, bytes }
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// One more than the number of its last event.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The places of the events from a number on that are of these topics.
    fn places(&self, from: u64, topics: Topics) -> impl Iterator<Item = usize> + '_ {
        let skipped = usize::try_from(from.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let rest = self.records.iter().enumerate().skip(skipped);
        rest.filter(move |(_, record)| topics.has(record.kind.topic())).map(|(place, _)| place)
    }

    /// Whether there is anything from a number on that is of these topics.
    pub(crate) fn has(&self, from: u64, topics: Topics) -> bool {
        self.places(from, topics).next().is_some()
    }

    fn told(&self) -> &[dto::Event] {
        self.told.get_or_init(|| {
            self.records.iter().enumerate().map(|(at, record)| event(self.first + at as u64, record)).collect()
        })
    }

    /// The events from a number on that are of these topics.
    pub(crate) fn events(&self, from: u64, topics: Topics) -> impl Iterator<Item = &dto::Event> {
        let told = self.told();
        self.places(from, topics).filter_map(|place| told.get(place))
    }

    /// The same as frames of server-sent events.
    pub(crate) fn frames(&self, from: u64, topics: Topics) -> Bytes {
        let frames = self.frames.get_or_init(|| {
            Joined::of(self.told().iter().map(|event| {
                format!("id: {}\nevent: {}\ndata: {}\n\n", event.number, event.topic, text(event)).into_bytes()
            }))
        });
        let places: Vec<usize> = self.places(from, topics).collect();
        match (places.first(), places.last()) {
            (Some(first), Some(_)) if first + places.len() == self.records.len() => frames.rest(*first),
            _ => places.into_iter().flat_map(|place| frames.get(place)).collect(),
        }
    }

    /// The same as messages of a WebSocket.
    pub(crate) fn messages(&self, from: u64, topics: Topics) -> impl Iterator<Item = Bytes> {
        let messages = self.messages.get_or_init(|| {
            Joined::of(self.told().iter().map(|event| format!("{{\"event\":{}}}", text(event)).into_bytes()))
        });
        self.places(from, topics).map(|place| messages.get(place))
    }

    /// The same as messages of the protocol for programs.
    pub(crate) fn wires(&self, from: u64, topics: Topics) -> Vec<Bytes> {
        let wires = self.wires.get_or_init(|| {
            Joined::of(self.told().iter().zip(&self.records).map(|(event, record)| wire(event, record)))
        });
        self.places(from, topics).map(|place| wires.get(place)).collect()
    }
}

fn text(event: &impl serde::Serialize) -> String {
    // Texts and numbers always are JSON.
    serde_json::to_string(event).unwrap_or_default()
}

fn wire(event: &dto::Event, record: &EventRecord) -> Vec<u8> {
    proto::Event {
        number: event.number,
        topic: event.topic.clone(),
        r#type: event.kind.clone(),
        key: event.key.clone(),
        schema: event.schema.into(),
        index: event.index,
        time_us: record.time.0,
        command: event.command.clone().unwrap_or_default(),
        actor: event.actor.clone().unwrap_or_default(),
        data: event.data.to_string(),
    }
    .encode_to_vec()
}

/// An event as it is told.
fn event(number: u64, record: &EventRecord) -> dto::Event {
    let (kind, data) = match serde_json::to_value(&record.kind) {
        Ok(Value::String(name)) => (name, Value::Object(serde_json::Map::new())),
        Ok(Value::Object(fields)) => fields.into_iter().next().unwrap_or_default(),
        Ok(_) | Err(_) => (String::new(), Value::Null),
    };
    dto::Event {
        number,
        topic: record.kind.topic().as_str().to_owned(),
        kind: kebab(&kind),
        key: record.kind.key(),
        schema: EVENT_SCHEMA,
        index: record.index,
        time: record.time.to_string(),
        command: record.command.map(|id| id.to_string()),
        actor: record.actor.map(|actor| actor.to_string()),
        data,
    }
}

/// `SettingChanged` as `setting-changed`.
fn kebab(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for (at, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && at > 0 {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// Reads rows of events, of which the first has this number.
///
/// # Errors
/// `FileCorrupt`: a row is damaged or missing.
pub(crate) fn decode(first: u64, rows: &[(Vec<u8>, Vec<u8>)]) -> Result<Page, Problem> {
    let mut records = Vec::with_capacity(rows.len());
    let mut bytes = 0;
    for (number, (key, value)) in (first..).zip(rows) {
        if key.get(1..) != Some(number.to_be_bytes().as_slice()) {
            return Err(Problem::new(Code::FileCorrupt, format!("event {number} is missing")));
        }
        // As rows, and about as much again in each form that it is sent in.
        bytes += 600 + 4 * value.len();
        records.push(EventRecord::decode(value).map_err(crate::read::unreadable)?);
    }
    Ok(Page::new(first, records, bytes))
}

#[cfg(test)]
mod tests {
    use exchequer_domain::{CommandId, NodeId, Timestamp};
    use exchequer_state::events::Topic;
    use exchequer_state::{Actor, EventKind};
    use serde_json::json;

    use super::*;

    fn page() -> Page {
        let kinds = [
            EventKind::SettingChanged { key: "a.b".into(), revision: 3 },
            EventKind::ClusterBootstrapped,
            EventKind::NodeAdmitted { node: NodeId(4) },
            EventKind::SettingChanged { key: "c.d".into(), revision: 4 },
        ];
        let (command, actor) = (Some(CommandId([7; 16])), Some(Actor::Operator));
        let record = |kind| EventRecord { index: 9, time: Timestamp(1_764_000_000_000_000), command, actor, kind };
        Page::new(5, kinds.into_iter().map(record).collect(), 1)
    }

    /// Goal: an amount in an event is its digits, however large: a number would be told wrong, or not at all. Method: the largest.
    #[test]
    fn amounts_are_digits() {
        let (payout, network) = (exchequer_state::withdrawals::PayoutId(7), exchequer_domain::Network::Tron);
        let kind = EventKind::FeeUnbooked { payout, network, amount: u128::MAX };
        let record = EventRecord { index: 9, time: Timestamp(1_764_000_000_000_000), command: None, actor: None, kind };
        let told = event(1, &record);
        assert_eq!((told.kind.as_str(), &told.data["amount"]), ("fee-unbooked", &json!(u128::MAX.to_string())));
    }

    /// Goal: an event's JSON is the documented one.
    #[test]
    fn events_are_told_as_documented() {
        let page = page();
        let events: Vec<Value> =
            page.events(5, Topics::ALL).map(|event| serde_json::to_value(event).unwrap()).collect();
        assert_eq!(
            events[0],
            json!({
                "number": 5, "topic": "settings", "type": "setting-changed", "key": "a.b", "schema": 1, "index": 9,
                "time": "2025-11-24T16:00:00.000Z", "command": "07".repeat(16), "actor": "operator",
                "data": { "key": "a.b", "revision": 3 },
            })
        );
        assert_eq!((&events[1]["type"], &events[1]["data"]), (&json!("cluster-bootstrapped"), &json!({})));
    }

    /// Goal: each form has the events from a number on and of the topics, and the shared buffer gives the same as single
    /// pieces. Method: every beginning, with and without a filter, in three forms.
    #[test]
    fn forms_agree() {
        let page = page();
        let settings = Topics::default().with(Topic::Settings);
        for (from, topics, expected) in [
            (1, Topics::ALL, vec![5, 6, 7, 8]),
            (7, Topics::ALL, vec![7, 8]),
            (9, Topics::ALL, vec![]),
            (5, settings, vec![5, 8]),
            (6, settings, vec![8]),
        ] {
            let numbers: Vec<u64> = page.events(from, topics).map(|event| event.number).collect();
            assert_eq!(numbers, expected);
            assert_eq!(page.has(from, topics), !expected.is_empty());
            let frames = String::from_utf8(page.frames(from, topics).to_vec()).unwrap();
            let ids: Vec<u64> =
                frames.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().unwrap()).collect();
            assert_eq!(ids, expected, "{frames}");
            let messages: Vec<Value> =
                page.messages(from, topics).map(|text| serde_json::from_slice(&text).unwrap()).collect();
            assert_eq!(messages.iter().map(|it| it["event"]["number"].as_u64().unwrap()).collect::<Vec<_>>(), expected);
            let wires = page.wires(from, topics);
            let wires: Vec<u64> = wires.iter().map(|it| proto::Event::decode(it.clone()).unwrap().number).collect();
            assert_eq!(wires, expected);
        }
    }
}
