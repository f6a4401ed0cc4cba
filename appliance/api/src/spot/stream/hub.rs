//! Who listens to what, and the task that tells them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use exchequer_domain::UserId;
use exchequer_market_data::conflate::{Message, Stream};
use exchequer_state::api_keys::ApiKeyId;
use exchequer_state::markets::MarketId;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

use super::accounts::Watch;
use super::line::{Line, Text, codes};
use super::markets::Watched;
use super::messages;
use super::names::{Kind, Speed, Topic};
use crate::backend::Backend;
use crate::feed::{Batch, Feed, Heard, channel};

/// How often books are told of.
const TICK: Duration = Duration::from_millis(100);
/// Every so many ticks the slow streams are told.
const SLOW_TICKS: u64 = 10;
/// How long connections go on after they were told that the server stops, so that answers that are due still leave.
const GOODBYE: Duration = Duration::from_secs(1);

/// One stream that a connection asks for: what it is about, its name, and its number within the connection.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) topic: Topic,
    pub(crate) name: Arc<str>,
    pub(crate) stream: Stream,
}

/// Who asks for the events of a user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watcher {
    pub(crate) user: UserId,
    /// The key it was asked for with; without it, it ends.
    pub(crate) key: ApiKeyId,
    /// The subscription's number within the connection.
    pub(crate) number: u32,
}

enum Ask {
    Join { id: u64, line: Arc<Line> },
    Leave { id: u64 },
    Subscribe { id: u64, wanted: Vec<Wanted>, done: oneshot::Sender<()> },
    Unsubscribe { id: u64, topics: Vec<Topic>, done: oneshot::Sender<()> },
    Watch { id: u64, watcher: Watcher, done: oneshot::Sender<()> },
    Unwatch { id: u64, numbers: Vec<u32>, done: oneshot::Sender<()> },
}

/// The way to the task.
pub(crate) struct Hub {
    asks: UnboundedSender<Ask>,
    next: AtomicU64,
}

impl Hub {
    /// Starts the task; it rests until somebody listens.
    pub(crate) fn start(backend: Arc<dyn Backend>) -> Hub {
        let (asks, heard) = unbounded_channel();
        let (ear, feed) = channel();
        backend.tell(ear);
        tokio::spawn(Desk::new(backend, feed, heard).run());
        Hub { asks, next: AtomicU64::new(1) }
    }

    /// A connection that may listen.
    pub(crate) fn join(&self, line: Arc<Line>) -> Member {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let member = Member { id, asks: self.asks.clone() };
        member.ask(Ask::Join { id, line });
        member
    }
}

/// A connection that the hub knows; forgotten when it is dropped.
pub(crate) struct Member {
    id: u64,
    asks: UnboundedSender<Ask>,
}

impl Member {
    fn ask(&self, ask: Ask) {
        // Without a hub the state machine is gone, and the connection ends with it.
        let _ = self.asks.send(ask);
    }

    async fn answered(&self, ask: impl FnOnce(oneshot::Sender<()>) -> Ask) {
        let (done, answer) = oneshot::channel();
        self.ask(ask(done));
        let _ = answer.await;
    }

    /// Everything that happens after this is told.
    pub(crate) async fn subscribe(&self, wanted: Vec<Wanted>) {
        self.answered(|done| Ask::Subscribe { id: self.id, wanted, done }).await;
    }

    /// Nothing more is told; what waits already is still sent.
    pub(crate) async fn unsubscribe(&self, topics: Vec<Topic>) {
        self.answered(|done| Ask::Unsubscribe { id: self.id, topics, done }).await;
    }

    /// Everything that happens to a user after this is told.
    pub(crate) async fn watch(&self, watcher: Watcher) {
        self.answered(|done| Ask::Watch { id: self.id, watcher, done }).await;
    }

    /// Ends subscriptions to a user, and says so to the client.
    pub(crate) async fn unwatch(&self, numbers: Vec<u32>) {
        self.answered(|done| Ask::Unwatch { id: self.id, numbers, done }).await;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.ask(Ask::Leave { id: self.id });
    }
}

/// Those who listen to one stream.
pub(super) struct Audience {
    name: Arc<str>,
    listeners: BTreeMap<u64, (Arc<Line>, Stream)>,
}

impl Audience {
    /// Gives everyone a message, made once; `pack` says how it waits.
    pub(super) fn tell(&self, message: String, pack: impl Fn(Stream, Text) -> Message<Text>) {
        let plain = Text::new(message);
        let mut wrapped: Option<Text> = None;
        for (line, stream) in self.listeners.values() {
            let text = if line.is_wrapped() {
                wrapped.get_or_insert_with(|| messages::wrapped(&self.name, &plain)).clone()
            } else {
                plain.clone()
            };
            line.push(pack(*stream, text));
        }
    }

    /// The same for what counts by itself.
    pub(super) fn event(&self, message: String) {
        self.tell(message, |_, text| Message::Event(text));
    }
}

/// What is to be told next, and whether the prices that it touched are noted already.
async fn next(backlog: &mut VecDeque<Heard>, feed: &mut Feed) -> Option<(Heard, bool)> {
    match backlog.pop_front() {
        Some(heard) => Some((heard, true)),
        None => feed.next().await.map(|heard| (heard, false)),
    }
}

/// The task.
pub(super) struct Desk {
    pub(super) backend: Arc<dyn Backend>,
    feed: Feed,
    /// What was taken from the feed and is still to be told.
    backlog: VecDeque<Heard>,
    asks: UnboundedReceiver<Ask>,
    lines: BTreeMap<u64, Arc<Line>>,
    of_line: BTreeMap<u64, BTreeSet<Topic>>,
    pub(super) topics: BTreeMap<Topic, Audience>,
    pub(super) users: BTreeMap<UserId, Vec<Watch>>,
    pub(super) markets: BTreeMap<MarketId, Watched>,
    is_listening: bool,
    /// Entries up to this one are in what was read when listening began.
    floor: u64,
    /// Replicated time of the last entry that was heard.
    pub(super) heard_ms: u64,
    ticks: u64,
    /// The minute in which tickers were told last.
    pub(super) minute: u64,
}

impl Desk {
    fn new(backend: Arc<dyn Backend>, feed: Feed, asks: UnboundedReceiver<Ask>) -> Desk {
        Desk {
            backend,
            feed,
            backlog: VecDeque::new(),
            asks,
            lines: BTreeMap::new(),
            of_line: BTreeMap::new(),
            topics: BTreeMap::new(),
            users: BTreeMap::new(),
            markets: BTreeMap::new(),
            is_listening: false,
            floor: 0,
            heard_ms: 0,
            ticks: 0,
            minute: 0,
        }
    }

    async fn run(mut self) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stopping = self.backend.stopping();
        let mut closing = None;
        loop {
            tokio::select! {
                () = &mut stopping, if closing.is_none() => {
                    self.say_goodbye();
                    closing = Some(Box::pin(tokio::time::sleep(GOODBYE)));
                }
                () = async { if let Some(closing) = &mut closing { closing.await } }, if closing.is_some() => {
                    // Whoever comes after this goes with the process.
                    closing = Some(Box::pin(tokio::time::sleep(GOODBYE)));
                    for line in self.lines.values() {
                        line.end(codes::AWAY, "the server stops; another node serves");
                    }
                }
                ask = self.asks.recv() => match ask {
                    Some(ask) => self.take(ask),
                    None => return,
                },
                heard = next(&mut self.backlog, &mut self.feed) => match heard {
                    Some((Heard::Entry(batch), is_noted)) => {
                        if !is_noted {
                            self.note_prices(&batch);
                        }
                        if self.is_listening && batch.index > self.floor {
                            self.entry(&batch).await;
                        }
                    }
                    Some((Heard::Gap, _)) => self.gap(),
                    None => return,
                },
                _ = ticks.tick(), if self.is_listening => self.tick(),
            }
        }
    }

    fn take(&mut self, ask: Ask) {
        // Whoever asked may be gone, and needs no answer then.
        match ask {
            Ask::Join { id, line } => {
                self.lines.insert(id, line);
            }
            Ask::Leave { id } => {
                self.lines.remove(&id);
                for topic in self.of_line.remove(&id).unwrap_or_default() {
                    self.leave(id, topic);
                }
                self.forget_user(|watch| watch.id == id);
                self.rest();
            }
            Ask::Subscribe { id, wanted, done } => {
                self.listen();
                for wanted in wanted {
                    self.join(id, wanted);
                }
                self.rest();
                let _ = done.send(());
            }
            Ask::Unsubscribe { id, topics, done } => {
                for topic in topics {
                    if self.of_line.get_mut(&id).is_some_and(|topics| topics.remove(&topic)) {
                        self.leave(id, topic);
                    }
                }
                self.rest();
                let _ = done.send(());
            }
            Ask::Watch { id, watcher, done } => {
                self.listen();
                if let Some(line) = self.lines.get(&id) {
                    let watch = Watch { id, line: line.clone(), key: watcher.key, number: watcher.number };
                    self.users.entry(watcher.user).or_default().push(watch);
                }
                self.rest();
                let _ = done.send(());
            }
            Ask::Unwatch { id, numbers, done } => {
                let now_ms = self.backend.now_ms();
                self.forget_user(|watch| {
                    let ends = watch.id == id && numbers.contains(&watch.number);
                    if ends {
                        watch.terminated(now_ms);
                    }
                    ends
                });
                self.rest();
                let _ = done.send(());
            }
        }
    }

    fn join(&mut self, id: u64, Wanted { topic, name, stream }: Wanted) {
        let Some(line) = self.lines.get(&id).cloned() else { return };
        if !self.of_line.entry(id).or_default().insert(topic) {
            return;
        }
        self.prepare(topic);
        if let Topic::Of(market, Kind::Depth(_)) = topic
            && let Some(watched) = self.markets.get(&market)
        {
            line.book(stream, watched.view.clone(), name.clone());
        }
        let audience = self.topics.entry(topic).or_insert_with(|| Audience { name, listeners: BTreeMap::new() });
        audience.listeners.insert(id, (line, stream));
    }

    fn leave(&mut self, id: u64, topic: Topic) {
        let Some(audience) = self.topics.get_mut(&topic) else { return };
        if let Some((line, stream)) = audience.listeners.remove(&id) {
            line.forget_book(stream);
        }
        if audience.listeners.is_empty() {
            self.topics.remove(&topic);
            self.drop_topic(topic);
        }
    }

    /// Begins to listen. What is read from now on has everything that will not be heard.
    fn listen(&mut self) {
        if self.is_listening {
            return;
        }
        self.feed.listen();
        self.is_listening = true;
        let mut floor = 0;
        let seen = self.backend.read(&mut |_, _, at| {
            floor = at.index;
            Ok(())
        });
        if let Err(problem) = seen {
            tracing::warn!(code = %problem.code, "streams cannot read the state: {}", problem.message);
        }
        self.floor = floor;
    }

    /// Stops listening where nobody is left who would.
    fn rest(&mut self) {
        if self.is_listening && self.topics.is_empty() && self.users.is_empty() {
            self.feed.rest();
            self.is_listening = false;
            self.markets.clear();
        }
    }

    async fn entry(&mut self, batch: &Batch) {
        self.heard_ms = self.heard_ms.max(batch.time.millis());
        self.tell_markets(batch);
        if let Err(problem) = self.tell_users(batch).await {
            tracing::warn!(code = %problem.code, "an entry cannot be told to its users: {}", problem.message);
            self.gap();
        }
    }

    /// Notes the prices that everything touched which has been applied by now: what is read of books is as new.
    pub(super) fn note_what_waits(&mut self) {
        while let Some(heard) = self.feed.at_once() {
            if let Heard::Entry(batch) = &heard {
                self.note_prices(batch);
            }
            self.backlog.push_back(heard);
        }
    }

    fn tick(&mut self) {
        self.tell_books(Speed::Fast);
        self.ticks += 1;
        if self.ticks.is_multiple_of(SLOW_TICKS) {
            self.tell_books(Speed::Slow);
            self.tell_klines();
            self.tell_tickers();
            self.check_keys();
        }
    }

    /// Something was missed: everyone who listens must begin anew, and is told so.
    fn gap(&mut self) {
        let now_ms = self.backend.now_ms();
        tracing::warn!(lines = self.of_line.len(), users = self.users.len(), "streams missed entries and are closed");
        let mut ended: BTreeSet<u64> = self.of_line.keys().copied().collect();
        for watch in self.users.values().flatten() {
            watch.terminated(now_ms);
            ended.insert(watch.id);
        }
        for line in ended.iter().filter_map(|id| self.lines.get(id)) {
            line.end(codes::RESTART, "events were missed; connect again");
        }
        self.topics.clear();
        self.of_line.clear();
        self.users.clear();
        self.markets.clear();
        // The ear does not listen any more.
        self.is_listening = false;
        self.feed.rest();
    }

    /// The node is about to stop.
    fn say_goodbye(&self) {
        let message = messages::server_shutdown(self.backend.now_ms());
        for line in self.lines.values() {
            line.event(message.clone());
        }
    }
}
