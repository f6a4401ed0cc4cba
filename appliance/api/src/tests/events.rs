//! Events at the doors: none missed, none twice, whatever the listener does.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Router;
use axum::body::{Body as Stream, BodyDataStream};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use exchequer_domain::Code;
use exchequer_state::events::{Gap, Topic, Topics};
use exchequer_state::settings::Value as Setting;
use exchequer_state::{At, Body, Command, Input, MakeEvents, SetSetting};
use futures::{SinkExt as _, StreamExt as _};
use prost::Message as _;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tonic::Request;
use tower::ServiceExt as _;

use super::memory::{Memory, TOKEN};
use super::spot::socket::Door;
use super::{World, request};
use crate::app::App;
use crate::backend::Backend as _;
use crate::events::proto::events_client::EventsClient;
use crate::events::proto::{self, CommitRequest, SubscribeRequest, Told};
use crate::events::{Item, Opened, Pass, Wish, open, open_within};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

fn make(house: &Memory, count: u32) {
    house.run(Body::MakeEvents(MakeEvents { count, filling_bytes: 10 }));
}

fn keep(house: &Memory, count: i64) {
    let (key, value) = ("events.kept_max".to_owned(), Setting::Integer(count));
    house.run(Body::SetSetting(SetSetting { key, value, if_revision: None, reason: "test".into() }));
}

fn last(house: &Memory) -> u64 {
    house.inside.lock().state.event_sequence()
}

fn first(house: &Memory) -> u64 {
    house.inside.lock().state.events().first()
}

fn pass(app: &App) -> Pass {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {TOKEN}")).unwrap());
    Pass::of_program(app, &headers, None).unwrap()
}

fn from(from: u64) -> Wish {
    Wish { from: Some(from), ..Wish::default() }
}

/// A listener that keeps what it hears.
struct Listener {
    opened: Opened,
    numbers: Vec<u64>,
    gaps: Vec<Gap>,
    end: Option<Code>,
}

impl Listener {
    async fn new(app: &App, wish: Wish) -> Listener {
        let opened = open(app, pass(app), wish).await.unwrap();
        Listener { opened, numbers: vec![], gaps: vec![], end: None }
    }

    /// Hears one message; whether it was not the end.
    async fn hear(&mut self) -> bool {
        match timeout(PATIENCE, self.opened.items.next()).await.expect("nothing came in time") {
            Some(Item::Events(page, from, topics)) => {
                self.numbers.extend(page.events(from, topics).map(|event| event.number));
            }
            Some(Item::Gap(gap)) => self.gaps.push(gap),
            Some(Item::Ephemeral(_) | Item::Lost(_) | Item::Position(_)) => {}
            Some(Item::End(problem)) => self.end = Some(problem.code),
            None => return false,
        }
        self.end.is_none()
    }

    /// Hears everything up to a number.
    async fn until(&mut self, last: u64) {
        while self.numbers.last().is_none_or(|number| *number < last) {
            assert!(self.hear().await, "{:?}", self.end);
        }
    }
}

/// Goal: whoever listens from a number on, or from now on, gets every event once and in order, those that are there and
/// those that come. Method: listeners at the beginning, in the middle, from now on, of another topic, and ahead of what
/// this node has; pages of many and of single events.
#[tokio::test]
async fn each_event_once_and_in_order() {
    let world = World::new();
    let app = App::new(world.house.clone());
    make(&world.house, 700);
    let before = last(&world.house);
    let mut listeners = Vec::new();
    for (wish, first) in [(from(1), 1), (from(400), 400), (Wish::default(), before + 1), (from(before + 3), before + 3)]
    {
        listeners.push((Listener::new(&app, wish).await, first));
    }
    let settings = Wish { topics: Some(Topics::default().with(Topic::Settings)), ..from(1) };
    let mut of_settings = Listener::new(&app, settings).await;
    for count in [1, 600, 1, 2, 300] {
        make(&world.house, count);
        tokio::task::yield_now().await;
    }
    keep(&world.house, 5_000);
    make(&world.house, 1);
    let end = last(&world.house);
    for (listener, first) in &mut listeners {
        listener.until(end).await;
        assert!(listener.numbers.iter().copied().eq(*first..=end), "from {first}");
        assert_eq!(listener.gaps, []);
    }
    of_settings.until(end - 1).await;
    assert_eq!(of_settings.numbers, [end - 1]);
}

/// Goal: nothing is missed and nothing told twice across connections that break. Method: a random listener that takes some
/// messages, goes away and connects again behind the last number it has, while events are made; the seed is printed.
#[tokio::test]
async fn connections_that_break_miss_nothing() {
    let seed = 0x5eed_0041_u64;
    println!("seed {seed:#x}");
    let mut state = seed;
    let mut draw = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let world = World::new();
    let app = App::new(world.house.clone());
    let mut numbers = Vec::new();
    for _ in 0..60 {
        let next = numbers.last().map_or(1, |number| number + 1);
        let mut listener = Listener::new(&app, from(next)).await;
        for _ in 0..draw(4) {
            make(&world.house, 1 + draw(400) as u32);
            if listener.numbers.last().copied().unwrap_or(next - 1) < last(&world.house) {
                listener.hear().await;
            }
        }
        assert_eq!((listener.end, listener.gaps.len()), (None, 0));
        numbers.extend(listener.numbers);
    }
    let end = last(&world.house);
    let mut rest = Listener::new(&app, from(numbers.last().map_or(1, |number| number + 1))).await;
    make(&world.house, 1);
    rest.until(end + 1).await;
    numbers.extend(rest.numbers);
    assert!(numbers.iter().copied().eq(1..=end + 1));
}

/// Goal: events that are not kept any more are told as a gap, to a stream once and to a page as a refusal; never skipped
/// silently. Method: so many that most are forgotten, asked for from before, and a listener that is overtaken.
#[tokio::test]
async fn a_gap_is_told() {
    let world = World::new();
    let app = App::new(world.house.clone());
    keep(&world.house, 1_000);
    make(&world.house, 1_000);
    make(&world.house, 1_000);
    let (first, end) = (first(&world.house), last(&world.house));
    assert!(first > 900, "{first}");
    let mut listener = Listener::new(&app, from(5)).await;
    listener.until(end).await;
    assert_eq!(listener.gaps, [Gap { from: 5, to: first - 1 }]);
    assert!(listener.numbers.iter().copied().eq(first..=end));

    let reply = world.get("/v1/events?from=5").await;
    assert_eq!(reply.refusal(), (410, "EXQ-1201".into()));
    assert!(reply.message().contains(&first.to_string()), "{}", reply.message());
    assert_eq!(world.get(&format!("/v1/events?from={first}&limit=1")).await.json()["events"][0]["number"], first);
}

/// Goal: a state that takes this one's place, as a snapshot does, costs no event that is still kept, and a gap is told where
/// some are not. Method: a copy of the state goes far ahead, without a word to anyone, and is put in its place while
/// listeners are there; once with and once without forgetting.
#[tokio::test]
async fn a_snapshot_costs_nothing() {
    for kept in [10_000, 1_000] {
        let world = World::new();
        let app = App::new(world.house.clone());
        keep(&world.house, kept);
        let mut listener = Listener::new(&app, from(1)).await;
        listener.until(last(&world.house)).await;
        {
            let inside = &mut *world.house.inside.lock();
            for number in 0..3_u8 {
                let body = Body::MakeEvents(MakeEvents { count: 1_000, filling_bytes: 0 });
                let id = exchequer_domain::CommandId([100 + number; 16]);
                let command = Command { id, actor: exchequer_state::Actor::Operator, epoch: None, body }.encode();
                inside.index += 1;
                let at = At { index: inside.index, term: 1, time: inside.now };
                let applied = inside.state.apply(at, Input::Commands(&[&command]), &inside.rows).unwrap();
                inside.rows.apply_changes(&applied.changes);
            }
        }
        make(&world.house, 1);
        let (first, end) = (first(&world.house), last(&world.house));
        listener.until(end).await;
        let told: BTreeSet<u64> = listener.numbers.iter().copied().collect();
        assert_eq!(told.len(), listener.numbers.len(), "none twice");
        let gone: u64 = listener.gaps.iter().map(|gap| gap.to + 1 - gap.from).sum();
        assert_eq!(told.len() as u64 + gone, end, "told or gone: {:?}", listener.gaps);
        assert_eq!(listener.gaps.is_empty(), first == 1);
    }
}

/// Goal: a listener that takes nothing holds nothing up, is closed with a reason after its time, and goes on from its
/// number without a loss. Method: one that does not look, while events are made; the patience is short.
#[tokio::test]
async fn a_slow_listener_is_closed_and_goes_on() {
    let world = World::new();
    let app = App::new(world.house.clone());
    let opened = open_within(&app, pass(&app), from(1), Duration::from_millis(20)).await.unwrap();
    for _ in 0..20 {
        make(&world.house, 400);
    }
    let end = last(&world.house);
    let Opened { items, over } = opened;
    let _ = timeout(PATIENCE, over).await.expect("it is closed");
    let (_never, over) = tokio::sync::oneshot::channel();
    let mut slow = Listener { opened: Opened { items, over }, numbers: vec![], gaps: vec![], end: None };
    while slow.hear().await {}
    assert_eq!(slow.end, Some(Code::SubscriberTooSlow));
    let seen = *slow.numbers.last().unwrap();
    assert!(slow.numbers.len() <= 512 && seen < end, "what waits for a listener is bounded: {}", slow.numbers.len());
    let mut again = Listener::new(&app, from(seen + 1)).await;
    again.until(end).await;
    assert!(slow.numbers.iter().chain(&again.numbers).copied().eq(1..=end));
}

/// Goal: a token that does not hold any more ends its streams within a second, with the reason, also where a client takes
/// nothing; a node that stops says so. Method: streams that wait, then another token; then the node's end.
#[tokio::test]
async fn who_may_not_listen_any_more_is_told() {
    let world = World::new();
    let app = App::new(world.house.clone());
    let mut waits = Listener::new(&app, Wish::default()).await;
    let stuck = open(&app, pass(&app), from(1)).await.unwrap();
    make(&world.house, 600);
    waits.until(last(&world.house)).await;
    world.house.knobs.lock().token = "exq_other";
    let _ = timeout(Duration::from_secs(2), stuck.over).await.expect("it is closed in time");
    while waits.hear().await {}
    assert_eq!(waits.end, Some(Code::TokenWrong));
    let mut items = stuck.items;
    assert!(matches!(items.next().await, Some(Item::End(problem)) if problem.code == Code::TokenWrong));
    assert!(items.next().await.is_none());

    world.house.knobs.lock().token = TOKEN;
    let mut stops = Listener::new(&app, Wish::default()).await;
    world.house.stop.send_replace(true);
    while stops.hear().await {}
    assert_eq!(stops.end, Some(Code::Unreachable));
}

/// Goal: ephemeral events reach who wants them, and those who do not keep up are told how many they missed. Method: more
/// than may wait, published while the listener does not look.
#[tokio::test]
async fn ephemeral_events_are_counted_where_missed() {
    let world = World::new();
    let app = App::new(world.house.clone());
    let ephemeral = world.house.ephemeral();
    assert!(!ephemeral.is_heard());
    let mut opened = open(&app, pass(&app), Wish { ephemeral: true, ..Wish::default() }).await.unwrap();
    assert!(ephemeral.is_heard());
    for number in 0..3_000 {
        ephemeral.publish(Topic::Workers, "worker-heartbeat", "selftest/1", &json!({ "number": number }));
    }
    let (mut heard, mut lost, mut newest) = (0, 0, 0);
    while newest < 2_999 {
        match timeout(PATIENCE, opened.items.next()).await.unwrap().unwrap() {
            Item::Ephemeral(event) if event.kind == "worker-heartbeat" => {
                heard += 1;
                let data: Value = serde_json::from_str(&event.data).unwrap();
                newest = data["number"].as_u64().unwrap();
            }
            Item::Lost(count) => lost += count,
            _ => {}
        }
    }
    assert!(lost > 1_000, "{lost}");
    assert_eq!(heard + lost, 3_000);
}

/// Goal: a node has so many streams of one address at most, and one that is closed makes room.
#[tokio::test]
async fn streams_are_counted() {
    let world = World::new();
    let app = App::new(world.house.clone());
    let mut opened = Vec::new();
    let full = loop {
        match open(&app, pass(&app), Wish::default()).await {
            Ok(stream) => opened.push(stream),
            Err(problem) => break problem,
        }
    };
    assert_eq!((full.code, opened.len()), (Code::StreamsFull, 512));
    let Opened { items, over } = opened.pop().unwrap();
    drop(items);
    let _ = timeout(PATIENCE, over).await.expect("it ends with its client");
    assert!(open(&app, pass(&app), Wish::default()).await.is_ok());
}

async fn begin(world: &World, path: &str, last_seen: Option<&str>) -> BodyDataStream {
    let mut request = request(Method::GET, path, Some(TOKEN), None);
    if let Some(last_seen) = last_seen {
        request.headers_mut().insert("last-event-id", last_seen.parse().unwrap());
    }
    let response = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    Stream::new(response.into_body()).into_data_stream()
}

/// Reads a stream until the event with this id has come; answers its fields as they came.
async fn lines(body: &mut BodyDataStream, until: &str) -> Vec<(String, String)> {
    let mut text = String::new();
    while !text.contains(until) || !text.ends_with("\n\n") {
        let piece = timeout(PATIENCE, body.next()).await.expect("nothing came in time").unwrap().unwrap();
        text.push_str(std::str::from_utf8(&piece).unwrap());
    }
    let fields = text.lines().filter_map(|line| line.split_once(": ")).filter(|(name, _)| !name.is_empty());
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn ids(fields: &[(String, String)]) -> Vec<u64> {
    fields.iter().filter(|(name, _)| name == "id").map(|(_, id)| id.parse().unwrap()).collect()
}

/// Goal: server-sent events are well-formed, have numbers as ids, and go on behind `Last-Event-ID`; topics are filtered by
/// the server; a wrong token, number or topic is refused.
#[tokio::test]
async fn server_sent_events() {
    let world = World::new();
    keep(&world.house, 2_000);
    make(&world.house, 2);
    let end = last(&world.house);
    let mut body = begin(&world, "/v1/events/stream?from=1", None).await;
    let fields = lines(&mut body, &format!("id: {end}\n")).await;
    assert!(ids(&fields).into_iter().eq(1..=end));
    let data: Value = serde_json::from_str(&fields.last().unwrap().1).unwrap();
    assert_eq!(
        (&data["type"], &data["topic"], &data["actor"]),
        (&json!("made"), &json!("sandbox"), &json!("operator"))
    );

    let mut body = begin(&world, "/v1/events/stream?from=1", Some(&(end - 1).to_string())).await;
    let fields = lines(&mut body, &format!("id: {end}\n")).await;
    assert_eq!(ids(&fields), [end]);

    let mut body = begin(&world, "/v1/events/stream?from=1&topics=settings", None).await;
    let fields = lines(&mut body, "id: ").await;
    assert_eq!(fields[1], ("event".to_owned(), "settings".to_owned()));

    for _ in 0..3 {
        make(&world.house, 1_000);
    }
    let mut body = begin(&world, "/v1/events/stream?from=1", None).await;
    let fields = lines(&mut body, "event: gap").await;
    assert_eq!(fields[1].1, "gap");
    for (path, refusal) in [
        ("/v1/events/stream?from=0", (400, "EXQ-0108")),
        ("/v1/events/stream?topics=nothing", (400, "EXQ-0108")),
        ("/v1/events/stream?consumer=nobody", (404, "EXQ-1202")),
        ("/v1/events/ws", (400, "EXQ-0108")),
    ] {
        assert_eq!(world.get(path).await.refusal(), (refusal.0, refusal.1.to_owned()), "{path}");
    }
    world.house.knobs.lock().token = "exq_other";
    assert!(lines(&mut body, "event: end").await.iter().any(|(_, value)| value.contains("EXQ-0202")));
}

/// Goal: the WebSocket takes what is wanted in its address or its first message, tells events in JSON, and says why it
/// closes.
#[tokio::test]
async fn websockets() {
    let world = World::new();
    make(&world.house, 2);
    let door = Door::new(&world);
    let connect = async |path: &str| {
        let mut request = format!("ws://node.example{path}").into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
        tokio_tungstenite::client_async(request, door.pipe()).await.unwrap().0
    };
    let end = last(&world.house);
    let mut by_address = connect(&format!("/v1/events/ws?from={end}")).await;
    let mut by_message = connect("/v1/events/ws").await;
    let ask = json!({ "op": "subscribe", "from": end, "topics": ["sandbox"] });
    by_message.send(Message::text(ask.to_string())).await.unwrap();
    let mut wrong = connect("/v1/events/ws").await;
    wrong.send(Message::text(r#"{"op":"publish"}"#)).await.unwrap();
    for socket in [&mut by_address, &mut by_message] {
        let text = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap().into_text().unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["event"]["number"], end);
    }
    let text = timeout(PATIENCE, wrong.next()).await.unwrap().unwrap().unwrap().into_text().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["end"]["code"], "EXQ-0108");
    assert!(matches!(timeout(PATIENCE, wrong.next()).await.unwrap(), Some(Ok(Message::Close(Some(_))))));
    world.house.knobs.lock().token = "exq_other";
    let text = timeout(PATIENCE, by_address.next()).await.unwrap().unwrap().unwrap().into_text().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["end"]["code"], "EXQ-0202");
}

fn authorised<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
    request
}

/// Goal: programs get the same events, encoded once for all, commit their offset, and begin behind it. Method: the client
/// that is generated from the protocol.
#[tokio::test]
async fn programs_subscribe_and_commit() {
    let world = World::new();
    make(&world.house, 300);
    let end = last(&world.house);
    let mut client: EventsClient<Router> = EventsClient::new(world.router.clone());
    let mut stream =
        client.subscribe(authorised(SubscribeRequest { from: 1, ..Default::default() })).await.unwrap().into_inner();
    let mut numbers = Vec::new();
    while numbers.last() != Some(&end) {
        let told: Told = timeout(PATIENCE, stream.message()).await.unwrap().unwrap().unwrap();
        for event in told.events {
            let event = proto::Event::decode(event).unwrap();
            assert!(serde_json::from_str::<Value>(&event.data).unwrap().is_object());
            numbers.push(event.number);
        }
    }
    assert!(numbers.into_iter().eq(1..=end));

    let body = r#"{"name":"reports","topics":["sandbox"],"offset":0,"reason":"test"}"#;
    assert_eq!(world.post("/v1/events/consumers", body).await.json()["offset"], 0);
    let mut commit = async |consumer: &str, offset| {
        let request = CommitRequest { consumer: consumer.into(), offset, rewind: String::new() };
        client.commit(authorised(request)).await.unwrap().into_inner()
    };
    assert_eq!(commit("reports", 300).await.offset, 300);
    assert_eq!(commit("reports", 301).await.problem.unwrap().code, "EXQ-1205");
    assert_eq!(commit("nobody", 300).await.problem.unwrap().code, "EXQ-1202");
    let request = SubscribeRequest { consumer: "reports".into(), ..Default::default() };
    let mut stream = client.subscribe(authorised(request)).await.unwrap().into_inner();
    let told = timeout(PATIENCE, stream.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(proto::Event::decode(told.events[0].clone()).unwrap().number, 301);
    let request = SubscribeRequest { topics: vec!["nothing".into()], ..Default::default() };
    let mut stream = client.subscribe(authorised(request)).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().end.unwrap().code, "EXQ-0108");
    assert!(client.subscribe(SubscribeRequest::default()).await.is_err());
}

/// Goal: the life of a consumer over HTTP, and pages by topic that go on from `next`.
#[tokio::test]
async fn consumers_and_pages() {
    let world = World::new();
    make(&world.house, 700);
    keep(&world.house, 3_000);
    let end = last(&world.house);
    let page = world.get("/v1/events?from=1&limit=1000").await.json();
    assert_eq!(page["events"].as_array().unwrap().len() as u64, end);
    assert_eq!((&page["first"], &page["last"], &page["next"]), (&json!(1), &json!(end), &json!(end + 1)));
    let page = world.get("/v1/events?from=1&topics=settings,cluster&limit=2").await.json();
    assert_eq!((&page["events"][1]["number"], &page["next"]), (&json!(2), &json!(3)));
    let page = world.get("/v1/events?from=3&topics=settings,cluster&limit=2").await.json();
    assert_eq!((&page["events"][0]["type"], &page["next"]), (&json!("setting-changed"), &json!(end + 1)));
    let newest = world.get("/v1/events?limit=2").await.json();
    assert_eq!(newest["events"][0]["number"], end - 1);

    let add = r#"{"name":"a","reason":"test"}"#;
    assert_eq!(world.post("/v1/events/consumers", add).await.json()["offset"], end);
    assert_eq!(world.post("/v1/events/consumers", add).await.refusal(), (409, "EXQ-1203".into()));
    let commit = async |body: &str| world.post("/v1/events/consumers/a/commit", body).await;
    assert_eq!(commit(r#"{"offset":5}"#).await.refusal(), (422, "EXQ-1206".into()));
    assert_eq!(commit(r#"{"offset":5,"rewind":"read again"}"#).await.json()["offset"], 5);
    assert_eq!(commit(r#"{"offset":6}"#).await.refusal(), (429, "EXQ-1205".into()));
    let listed = world.get("/v1/events/consumers").await.json();
    let consumer = &listed["consumers"][0];
    assert_eq!((&consumer["behind"], &consumer["topics"]), (&json!(end - 5), &json!("all")));
    let removed = world.post("/v1/events/consumers/a/remove", r#"{"reason":"test"}"#).await;
    assert_eq!(removed.json()["offset"], Value::Null);
    assert_eq!(world.post("/v1/events/consumers/a/remove", r#"{"reason":"test"}"#).await.refusal().0, 404);
}
