//! `/v1/workers/{worker}/logs`: what a worker logged on this node, and what comes next, as server-sent events.
//! `/v1/supervisor`: what this node's supervisor has counted.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use exchequer_domain::{Code, Problem, Timestamp, WorkerId};
use exchequer_state::people::Permission;
use futures::StreamExt as _;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::app::App;
use crate::backend::{LogLine, LogStart};
use crate::dto::{self, shapes};
use crate::events::{LogPass, Pass};
use crate::extract::{Name, Params};
use crate::openapi::{Input, Param, Shape};
use crate::problem::Refused;
use crate::route::Route;
use crate::spot::Place;
use crate::words;

/// Lines in one answer, at most.
const LINES_MAX: usize = 1_000;
/// Lines in one answer where the client does not say.
const LINES: usize = 100;
/// A stream without lines sends a comment so often, so that a connection that is dead is found.
const QUIET: Duration = Duration::from_secs(15);
/// How often it is asked whether a stream may go on, beside each time that something was logged.
const RECHECK: Duration = Duration::from_millis(500);
/// How long a line may wait for its client.
const SLOW_MAX: Duration = Duration::from_secs(30);
/// Streams of this node, at most: people follow logs, each of them a few.
const STREAMS_MAX: u32 = 256;
/// Streams of one address, at most: a house behind one address, or a proxy, has half of them.
const STREAMS_OF_ADDRESS_MAX: u32 = 128;

pub(crate) fn routes() -> Vec<Route> {
    let worker = || Param::text::<shapes::WorkerName>("worker", "The worker's name, its slash written `%2F`");
    vec![
        Route::get("/v1/workers/{worker}/logs", lines)
            .says("What a worker logged on this node")
            .more("Workers run on the leader; a node that led before still has what they logged there.")
            .named(worker())
            .asks([
                Param::number("after", 0, u64::MAX, "Lines after this one; the latest ones where nothing is said"),
                Param::text::<shapes::Moment>("from", "Or lines of this moment and later"),
                Param::number("limit", 1, LINES_MAX as u64, "Lines in the answer, at most"),
            ])
            .needs(Permission::LogsRead),
        Route::get("/v1/workers/{worker}/logs/stream", follow)
            .says("What a worker logs on this node as it does, as server-sent events")
            .more(
                "Each line has its number as `id` and is the data of an event `line`. `Last-Event-ID` goes on behind that \
                 number. `gap` tells that lines are missing which are not kept any more, `end` why the stream ends.",
            )
            .named(worker())
            .asks([
                Param::number("limit", 1, LINES_MAX as u64, "Earlier lines to begin with, at most"),
                Param::text::<shapes::Moment>("from", "Earlier than this moment; than now where nothing is said"),
            ])
            .gives(&["text/event-stream"])
            .needs(Permission::LogsRead),
        Route::get("/v1/supervisor", supervisor)
            .says("What this node's supervisor of workers has counted")
            .needs(Permission::WorkersRead),
    ]
}

fn worker_of(Name(text): Name) -> Result<WorkerId, Problem> {
    text.parse().map_err(|error: exchequer_domain::ParseIdError| Problem::new(Code::BadRequest, error.to_string()))
}

/// From when on, in microseconds since 1970.
fn moment(params: &mut Params) -> Result<Option<u64>, Problem> {
    Ok(params.take("from")?.map(|text| words::parse_time("from", &text)).transpose()?.map(|Timestamp(us)| us))
}

fn line(line: LogLine) -> dto::WorkerLogLine {
    let LogLine { number, previous, time_us, level, text, trace, dropped } = line;
    dto::WorkerLogLine { number, previous, time: Timestamp(time_us).to_string(), level, text, trace, dropped }
}

async fn lines(State(app): State<App>, name: Name, mut params: Params) -> Result<Json<dto::WorkerLog>, Refused> {
    let worker = worker_of(name)?;
    let after = params.number("after", 0..=u64::MAX)?;
    let from = moment(&mut params)?;
    let limit = params.number("limit", 1..=LINES_MAX)?.unwrap_or(LINES);
    params.end()?;
    let start = match (after, from) {
        (None, None) => LogStart::Latest,
        (Some(number), None) => LogStart::After(number),
        (None, Some(time_us)) => LogStart::Moment { time_us, earlier: 0 },
        (Some(_), Some(_)) => {
            let text = "`after` and `from` both say where the lines begin";
            return Err(Problem::new(Code::BadRequest, text).hint("give one of them").into());
        }
    };
    let lines = app.backend.worker_log(worker, start, limit).await?;
    let node = app.backend.status().node;
    Ok(Json(dto::WorkerLog { node, lines: lines.into_iter().map(line).collect() }))
}

/// The number after which a client that was here before goes on.
struct LastSeen(Option<u64>);

impl<S: Send + Sync> FromRequestParts<S> for LastSeen {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<LastSeen, Refused> {
        let Some(given) = parts.headers.get("last-event-id") else { return Ok(LastSeen(None)) };
        let number = given.to_str().ok().and_then(|text| text.parse().ok());
        let odd = || Problem::new(Code::BadRequest, "`Last-Event-ID` is the number of a line");
        Ok(LastSeen(Some(number.ok_or_else(odd)?)))
    }
}

impl Input for LastSeen {
    fn describe(_: &mut Shape) {}
}

async fn follow(
    State(app): State<App>,
    name: Name,
    mut params: Params,
    LastSeen(last): LastSeen,
    LogPass(pass): LogPass,
) -> Result<Response, Refused> {
    let worker = worker_of(name)?;
    let limit = params.number("limit", 1..=LINES_MAX)?.unwrap_or(LINES);
    let from = moment(&mut params)?;
    params.end()?;
    let place = app.log_streams.take(pass.address, STREAMS_MAX, STREAMS_OF_ADDRESS_MAX).ok_or_else(|| {
        Problem::new(Code::StreamsFull, "this node serves no more streams of workers' logs at the moment")
    })?;
    let stopping = app.backend.stopping();
    let (out, frames) = mpsc::channel(1);
    let (seen, began) = (last.unwrap_or(0), last.is_some());
    let mut following = Following { app, worker, pass, out, seen, began, ready: VecDeque::new(), _place: place };
    // So that whoever waits knows at once that it is connected.
    following.ready.push_back(Bytes::from_static(b": connected\n\n"));
    if last.is_none() {
        let start = from.map_or(LogStart::Latest, |time_us| LogStart::Moment { time_us, earlier: limit });
        let earlier = following.app.backend.worker_log(worker, start, limit).await?;
        following.take(earlier);
    }
    let end = Arc::new(Mutex::new(None));
    let ended = end.clone();
    tokio::spawn(async move {
        let why = following.tell(stopping).await;
        *ended.lock() = why;
        // Only now does the client find nothing more.
        drop(following);
    });
    let told = futures::stream::unfold(Some((frames, end)), |state| async move {
        let (mut frames, end) = state?;
        let next = frames.recv().await;
        // Why it ends is the last word, also before what was waiting: whoever comes again is told that once more.
        let why: Option<Problem> = end.lock().clone();
        match (next, why) {
            (Some(frame), None) => Some((frame, Some((frames, end)))),
            (_, Some(error)) => frame("end", None, &dto::Refusal { error }).map(|last| (last, None)),
            (None, None) => None,
        }
    });
    let body = Body::from_stream(told.map(Ok::<Bytes, Infallible>));
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, body).into_response())
}

/// One stream. It lasts as long as what its client showed still holds, and the client takes what it is told.
struct Following {
    app: App,
    worker: WorkerId,
    pass: Pass,
    out: mpsc::Sender<Bytes>,
    /// The number of the last line that was sent.
    seen: u64,
    /// Whether anything was sent, so that a gap can be told from a beginning.
    began: bool,
    ready: VecDeque<Bytes>,
    _place: Place,
}

impl Following {
    fn take(&mut self, lines: Vec<LogLine>) {
        for one in lines {
            if self.began && one.previous > self.seen {
                let gap = dto::WorkerLogGap { after: self.seen, until: one.previous };
                self.ready.extend(frame("gap", None, &gap));
            }
            (self.seen, self.began) = (one.number, true);
            self.ready.extend(frame("line", Some(one.number), &line(one)));
        }
    }

    /// Tells until one side ends it, and says why; nothing where the client is gone.
    async fn tell(&mut self, stopping: impl Future<Output = ()>) -> Option<Problem> {
        let stops = || Some(Problem::new(Code::Unreachable, "this node stops").hint("connect to another node"));
        let mut stopping = pin!(stopping);
        let mut ticks = interval(RECHECK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = Instant::now();
        loop {
            while let Some(frame) = self.ready.pop_front() {
                let mut late = pin!(sleep_until(Instant::now() + SLOW_MAX));
                let permit = loop {
                    tokio::select! {
                        permit = self.out.reserve() => break permit.ok()?,
                        () = &mut late => {
                            let text = format!("a line waited for {} s and was not taken", SLOW_MAX.as_secs());
                            return Some(Problem::new(Code::SubscriberTooSlow, text));
                        }
                        () = &mut stopping => return stops(),
                        _ = ticks.tick() => if let Err(problem) = self.pass.still() {
                            return Some(problem);
                        },
                    }
                };
                permit.send(frame);
                told = Instant::now();
            }
            // Before it is looked for: a line that comes meanwhile is not missed.
            let mut logged = pin!(self.app.backend.worker_logged(QUIET));
            let lines = match self.app.backend.worker_log(self.worker, LogStart::After(self.seen), LINES_MAX).await {
                Ok(lines) => lines,
                Err(problem) => return Some(problem),
            };
            let is_quiet = lines.is_empty();
            while is_quiet && told.elapsed() < QUIET {
                tokio::select! {
                    () = &mut logged => break,
                    () = &mut stopping => return stops(),
                    () = self.out.closed() => return None,
                    _ = ticks.tick() => if let Err(problem) = self.pass.still() {
                        return Some(problem);
                    },
                }
            }
            if let Err(problem) = self.pass.still() {
                return Some(problem);
            }
            self.take(lines);
            if self.ready.is_empty() && told.elapsed() >= QUIET {
                self.ready.push_back(Bytes::from_static(b": quiet\n\n"));
            }
        }
    }
}

fn frame(event: &str, id: Option<u64>, data: &impl serde::Serialize) -> Option<Bytes> {
    // Plain structures of texts and numbers have a form in JSON, which has no line breaks.
    let data = serde_json::to_string(data).ok()?;
    let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
    Some(Bytes::from(format!("event: {event}\n{id}data: {data}\n\n")))
}

async fn supervisor(State(app): State<App>) -> Result<Json<dto::Supervision>, Refused> {
    let counted = app.backend.supervised();
    let fenced = |(worker, commands): (WorkerId, u64)| dto::Fenced { worker: worker.to_string(), commands };
    Ok(Json(dto::Supervision {
        node: app.backend.status().node,
        epoch: counted.epoch,
        processes: counted.processes,
        started: counted.started,
        commands: counted.commands,
        fenced: counted.fenced,
        refused: counted.refused,
        fenced_by_worker: counted.fenced_of.into_iter().map(fenced).collect(),
    }))
}
