//! One stream: what its client is to be told, one message at a time, until one side ends it.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{Code, Problem};
use exchequer_state::events::{Gap, Topics};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use parking_lot::Mutex;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::cursor::{Cursor, Step};
use super::ephemeral::Passing;
use super::page::Page;
use super::pass::Pass;
use super::wish::Wish;
use crate::app::App;
use crate::spot::Place;

/// How often it is asked whether the stream may go on.
const RECHECK: Duration = Duration::from_millis(500);
/// After this without anything else the client is told how far it is.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long a message may wait for its client.
const SLOW_MAX: Duration = Duration::from_secs(30);

/// One message.
#[derive(Debug, Clone)]
pub(crate) enum Item {
    /// The events of a page from a number on, of these topics.
    Events(Arc<Page>, u64, Topics),
    /// These are not kept any more.
    Gap(Gap),
    /// One without a number.
    Ephemeral(Arc<Passing>),
    /// So many of those were missed.
    Lost(u64),
    /// Everything before this number was told, or is of other topics.
    Position(u64),
    /// The last message.
    End(Problem),
}

/// Messages in order; the last one is [`Item::End`], where the client is there to hear it.
pub(crate) type Stream = BoxStream<'static, Item>;

/// A stream, and when it is over, for who cannot wait until its client takes the last message.
pub(crate) struct Opened {
    pub(crate) items: Stream,
    pub(crate) over: oneshot::Receiver<()>,
}

/// Opens a stream.
///
/// # Errors
/// `StreamsFull`, `ConsumerUnknown`, and those of the backend.
pub(crate) async fn open(app: &App, pass: Pass, wish: Wish) -> Result<Opened, Problem> {
    open_within(app, pass, wish, SLOW_MAX).await
}

/// The same with another patience.
pub(crate) async fn open_within(app: &App, pass: Pass, wish: Wish, slow_max: Duration) -> Result<Opened, Problem> {
    let bus = app.bus().clone();
    let place = bus.place(pass.address)?;
    let wish = wish.settled(app)?;
    let passing = wish.ephemeral.then(|| bus.backend.ephemeral().listen());
    let cursor = Cursor::open(bus, wish.from, wish.topics.unwrap_or(Topics::ALL)).await?;
    let (out, items) = mpsc::channel(1);
    let end = Arc::new(Mutex::new(None));
    let pump = Pump { cursor, passing, out, pass, slow_max, _place: place };
    let stopping = app.backend.stopping();
    let (ended, (is_over, over)) = (end.clone(), oneshot::channel());
    tokio::spawn(async move {
        let (out, why) = pump.run(stopping).await;
        *ended.lock() = why;
        // Only now does the client find nothing more.
        drop((out, is_over));
    });
    let items = stream::unfold(Some((items, end)), |state| async move {
        let (mut items, end) = state?;
        let item = items.recv().await;
        // A pass that ended is the last word, also before what was waiting.
        let refused = end.lock().clone().filter(is_refusal);
        match (item, refused) {
            (Some(item), None) => Some((item, Some((items, end)))),
            (_, Some(problem)) => Some((Item::End(problem), None)),
            (None, None) => {
                let problem = end.lock().take();
                problem.map(|problem| (Item::End(problem), None))
            }
        }
    });
    Ok(Opened { items: items.boxed(), over })
}

fn is_refusal(problem: &Problem) -> bool {
    !matches!(problem.code, Code::SubscriberTooSlow | Code::Unreachable)
}

struct Pump {
    cursor: Cursor,
    passing: Option<Receiver<Arc<Passing>>>,
    out: mpsc::Sender<Item>,
    pass: Pass,
    slow_max: Duration,
    _place: Place,
}

impl Pump {
    /// Runs to the end, and says why it came; nothing where the client is gone.
    async fn run(mut self, stopping: impl Future<Output = ()>) -> (mpsc::Sender<Item>, Option<Problem>) {
        let mut stopping = pin!(stopping);
        let why = self.tell(stopping.as_mut()).await;
        (self.out, why)
    }

    async fn tell(&mut self, mut stopping: Pin<&mut impl Future<Output = ()>>) -> Option<Problem> {
        let stops = || {
            let text = "this node stops; another one tells the same events";
            Some(Problem::new(Code::Unreachable, text).hint("connect to another node, from the last number handled"))
        };
        let mut ticks = interval(RECHECK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = Instant::now();
        loop {
            let item = tokio::select! {
                () = &mut stopping => return stops(),
                () = self.out.closed() => return None,
                _ = ticks.tick() => {
                    if let Err(problem) = self.pass.still() {
                        return Some(problem);
                    }
                    if told.elapsed() < KEEP_ALIVE {
                        continue;
                    }
                    Item::Position(self.cursor.next())
                }
                step = self.cursor.step() => match step {
                    Ok(Step::Events(page, from)) => Item::Events(page, from, self.cursor.topics),
                    Ok(Step::Gap(gap)) => Item::Gap(gap),
                    Err(problem) => return Some(problem),
                },
                passed = pass_by(&mut self.passing) => match passed {
                    Ok(event) if self.cursor.topics.has(event.topic) => Item::Ephemeral(event),
                    Ok(_) => continue,
                    Err(count) => Item::Lost(count),
                },
            };
            let mut late = pin!(sleep_until(Instant::now() + self.slow_max));
            let permit = loop {
                tokio::select! {
                    permit = self.out.reserve() => break permit.ok()?,
                    () = &mut late => {
                        let text = format!("a message waited for {} s and was not taken", self.slow_max.as_secs());
                        return Some(Problem::new(Code::SubscriberTooSlow, text));
                    }
                    () = &mut stopping => return stops(),
                    _ = ticks.tick() => {
                        if let Err(problem) = self.pass.still() {
                            return Some(problem);
                        }
                    }
                }
            };
            permit.send(item);
            told = Instant::now();
        }
    }
}

/// The next ephemeral event, or how many were missed; never where none are wanted.
async fn pass_by(passing: &mut Option<Receiver<Arc<Passing>>>) -> Result<Arc<Passing>, u64> {
    match passing {
        Some(receiver) => match receiver.recv().await {
            Ok(event) => Ok(event),
            Err(RecvError::Lagged(count)) => Err(count),
            Err(RecvError::Closed) => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}
