//! `/v1/workers/{worker}/logs`: what a worker logged on this node, and what comes next, as server-sent events.
//! `/v1/supervisor`: what this node's supervisor has counted.

use std::collections::VecDeque;
use std::convert::Infallible;
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

use crate::app::App;
use crate::backend::LogLine;
use crate::dto::{self, shapes};
use crate::extract::{Name, Params};
use crate::openapi::{Input, Param, Shape};
use crate::problem::Refused;
use crate::route::Route;

/// Lines in one answer, at most.
const LINES_MAX: usize = 1_000;
/// Lines in one answer where the client does not say.
const LINES: usize = 100;
/// A stream without lines sends a comment so often, so that a connection that is dead is found.
const QUIET: Duration = Duration::from_secs(15);

pub(crate) fn routes() -> Vec<Route> {
    let worker = || Param::text::<shapes::WorkerName>("worker", "The worker's name, its slash written `%2F`");
    vec![
        Route::get("/v1/workers/{worker}/logs", lines)
            .says("What a worker logged on this node")
            .more("Workers run on the leader; a node that led before still has what they logged there.")
            .named(worker())
            .asks([
                Param::number("after", 0, u64::MAX, "Lines after this one; the latest ones where nothing is said"),
                Param::number("limit", 1, LINES_MAX as u64, "Lines in the answer, at most"),
            ])
            .needs(Permission::LogsRead),
        Route::get("/v1/workers/{worker}/logs/stream", follow)
            .says("What a worker logs on this node as it does, as server-sent events")
            .more(
                "Each line has its number as `id` and is the data of an event `line`. `Last-Event-ID` goes on behind that \
                 number. `gap` tells that lines are missing which are not kept any more.",
            )
            .named(worker())
            .asks([Param::number("limit", 1, LINES_MAX as u64, "Earlier lines to begin with, at most")])
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

fn line(line: LogLine) -> dto::WorkerLogLine {
    let LogLine { number, previous, time_us, level, text, trace, dropped } = line;
    dto::WorkerLogLine { number, previous, time: Timestamp(time_us).to_string(), level, text, trace, dropped }
}

async fn lines(State(app): State<App>, name: Name, mut params: Params) -> Result<Json<dto::WorkerLog>, Refused> {
    let worker = worker_of(name)?;
    let after = params.number("after", 0..=u64::MAX)?;
    let limit = params.number("limit", 1..=LINES_MAX)?.unwrap_or(LINES);
    params.end()?;
    let lines = app.backend.worker_log(worker, after, limit).await?;
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

struct Following {
    app: App,
    worker: WorkerId,
    /// The number of the last line that was sent.
    seen: u64,
    /// Whether anything was sent, so that a gap can be told from a beginning.
    began: bool,
    ready: VecDeque<Bytes>,
}

async fn follow(
    State(app): State<App>,
    name: Name,
    mut params: Params,
    LastSeen(last): LastSeen,
) -> Result<Response, Refused> {
    let worker = worker_of(name)?;
    let limit = params.number("limit", 1..=LINES_MAX)?.unwrap_or(LINES);
    params.end()?;
    let mut following =
        Following { app, worker, seen: last.unwrap_or(0), began: last.is_some(), ready: VecDeque::new() };
    // So that whoever waits knows at once that it is connected.
    following.ready.push_back(Bytes::from_static(b": connected\n\n"));
    if last.is_none() {
        let latest = following.app.backend.worker_log(worker, None, limit).await?;
        following.take(latest);
    }
    let frames = futures::stream::unfold(following, |mut following| async move {
        let frame = following.next().await?;
        Some((Ok::<Bytes, Infallible>(frame), following))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(frames)).into_response())
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

    /// What is sent next; none when the node stops or the log cannot be read.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            // Before it is looked for: a line that comes meanwhile is not missed.
            let logged = self.app.backend.worker_logged(QUIET);
            let lines = self.app.backend.worker_log(self.worker, Some(self.seen), LINES_MAX).await.ok()?;
            if lines.is_empty() {
                let waited = tokio::time::Instant::now();
                tokio::select! {
                    () = logged => {}
                    () = self.app.backend.stopping() => return None,
                }
                if waited.elapsed() >= QUIET {
                    return Some(Bytes::from_static(b": quiet\n\n"));
                }
            }
            self.take(lines);
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
