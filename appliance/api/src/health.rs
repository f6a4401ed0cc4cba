//! What load balancers, probes and Prometheus ask. These need no token and say nothing that is worth one.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use exchequer_domain::{Code, Problem};
use exchequer_raft::{Role, Status};

use crate::app::App;
use crate::backend::Check;
use crate::dto::{Readiness, ReadinessCheck};
use crate::extract::Params;
use crate::openapi::Param;
use crate::problem::{FeltElsewhere, PlainText, Refused};
use crate::route::{Access, Route};

/// A leader whose majority has been silent for longer is not taken for one.
pub(crate) const LEADER_FRESH: Duration = Duration::from_secs(1);

const TEXT: &[&str] = &["text/plain"];

const METRICS_FORMAT: &str = "text/plain; version=0.0.4";

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/livez", livez).open_to(Access::Open).says("Whether the process can work").gives(TEXT),
        Route::get("/readyz", readyz)
            .open_to(Access::Open)
            .says("Whether the node can serve reads, or also writes")
            .asks([
                Param::word("write", &["true", "false"], "Whether it shall be able to serve writes"),
                Param::word("format", &["text", "json"], "The form of the answer"),
            ])
            .gives(&["text/plain", "application/json"]),
        Route::get("/leader", leader)
            .open_to(Access::Open)
            .says("Whether this node leads with a majority behind it")
            .gives(TEXT),
        Route::get("/metrics", metrics).open_to(Access::Open).says("Metrics in Prometheus' text format").gives(TEXT),
    ]
}

fn plain(good: bool, text: String) -> Response {
    let status = if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, text).into_response();
    response.extensions_mut().insert(PlainText);
    response
}

/// Whether a restart would help: nothing but a node that is stopping is dead.
///
/// The console of another node asks it too, from an origin of its own, and learns nothing but whether an answer came: the good
/// one alone is let through to it.
async fn livez(State(app): State<App>) -> Response {
    match app.backend.status().role {
        Role::Leader | Role::Follower | Role::Candidate | Role::Learner => {
            let mut response = plain(true, "ok\n".to_owned());
            response.extensions_mut().insert(FeltElsewhere);
            response
        }
        Role::Stopped => plain(false, "this node is stopping\n".to_owned()),
    }
}

async fn readyz(State(app): State<App>, mut params: Params) -> Result<Response, Refused> {
    let for_write = match params.take("write")?.as_deref() {
        None | Some("false") => false,
        Some("" | "true") => true,
        Some(_) => return Err(Problem::new(Code::BadRequest, "`write` in the query takes no value").into()),
    };
    let json = match params.take("format")?.as_deref() {
        None | Some("text") => false,
        Some("json") => true,
        Some(_) => return Err(Problem::new(Code::BadRequest, "`format` in the query is `text` or `json`").into()),
    };
    params.end()?;
    let checks = app.backend.readiness(for_write);
    let ready = checks.iter().all(|check| check.good);
    if !json {
        return Ok(plain(ready, checks.iter().map(line).collect()));
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let check = |Check { name, good, detail }| ReadinessCheck { name: String::from(name), good, detail };
    let checks = checks.into_iter().map(check).collect();
    Ok((status, Json(Readiness { ready, checks })).into_response())
}

fn line(check: &Check) -> String {
    match check.good {
        true => format!("[+]{} ok\n", check.name),
        false => format!("[-]{}: {}\n", check.name, check.detail),
    }
}

async fn leader(State(app): State<App>) -> Response {
    let status = app.backend.status();
    if leads(&status) {
        return plain(true, format!("{} leads\n", name(&status, status.node)));
    }
    match &status.leader {
        Some((id, _)) if *id == status.node => {
            plain(false, "this node was elected, but has no majority behind it at the moment\n".to_owned())
        }
        Some((id, _)) => plain(false, format!("{} leads\n", name(&status, *id))),
        None => plain(false, "no leader is known\n".to_owned()),
    }
}

fn name(status: &Status, id: u64) -> String {
    match status.members.get(&id) {
        Some(member) => format!("{} (node {id})", member.address.name),
        None => format!("node {id}"),
    }
}

/// Whether this node leads and a majority confirmed it a moment ago.
pub(crate) fn leads(status: &Status) -> bool {
    status.role == Role::Leader && status.epoch.is_some() && has_majority(status)
}

/// Whether a majority answered this leader a moment ago. A leader that is the only voter has itself.
pub(crate) fn has_majority(status: &Status) -> bool {
    let mut others = status.members.iter().filter(|(id, member)| member.voter && **id != status.node);
    others.next().is_none() || status.quorum_age.is_some_and(|age| age <= LEADER_FRESH)
}

async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, METRICS_FORMAT)], app.backend.metrics()).into_response()
}
