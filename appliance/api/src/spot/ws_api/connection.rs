//! Connections to the WebSocket API: requests in, answers out, several at once.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method as HttpMethod, StatusCode, Uri};
use axum::response::Response;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::super::door::{Call, Caller, Endpoint, Made, Needs};
use super::super::error::Error;
use super::super::params::Params;
use super::super::routes::named;
use super::super::stream::{From, Line, Side, Turn, Upgrade, address_of, open, refused, serve};
use super::request::{Malformed, Request, Used, answer};
use super::session::{Session, unknown_method};
use crate::app::App;
use crate::route::{Access, Route};

/// Requests of one connection that are under way at once; further ones wait to be read.
const UNDER_WAY_MAX: usize = 64;
/// How long a request may take, as over HTTP.
const PATIENCE: Duration = crate::route::QUICK;
/// What it weighs to connect.
const CONNECT_WEIGHT: u32 = 2;

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::with(HttpMethod::GET, "/ws-api/v3", connect).open_to(Access::ApiKey)]
}

async fn connect(State(app): State<App>, from: From, uri: Uri, upgrade: Upgrade) -> Response {
    begin(app, address_of(from), &uri, upgrade).unwrap_or_else(refused)
}

fn begin(app: App, address: Option<IpAddr>, uri: &Uri, upgrade: Upgrade) -> Result<Response, Error> {
    let (upgrade, place) = open(&app, upgrade, address, CONNECT_WEIGHT)?;
    let mut params = Params::new(uri.query().unwrap_or_default().as_bytes(), b"")?;
    let shows_limits = params.flag("returnRateLimits")?.unwrap_or(true);
    params.end()?;
    Ok(upgrade.on_upgrade(async move |socket| {
        let _place = place;
        let line = Arc::new(Line::new(false));
        let session = Arc::new(Session::new(app.clone(), line.clone(), address, shows_limits));
        let calls = Calls { session, places: Arc::new(Semaphore::new(UNDER_WAY_MAX)) };
        serve(app, socket, line, calls).await;
    }))
}

/// The side of a connection that has requests.
struct Calls {
    session: Arc<Session>,
    places: Arc<Semaphore>,
}

impl Side for Calls {
    // Requests are limited by their weight.
    const IS_LIMITED: bool = false;

    async fn hear(&mut self, text: &str) -> Turn {
        // Nobody closes it.
        let Ok(place) = self.places.clone().acquire_owned().await else { return Turn::Stop };
        let session = &self.session;
        let now_ms = session.app.backend.now_ms();
        let request = Request::parse(text);
        let (weight, request) = match request {
            Ok(mut request) => {
                let method = named(&request.method);
                let weight = match method {
                    Some(method) => (method.weight)(&mut request.params),
                    None => Session::weight(&request.method).unwrap_or(1),
                };
                (weight, Ok((request, method)))
            }
            Err(malformed) => (1, Err(malformed)),
        };
        let counted = session.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let limits = session.app.limits(now_ms);
        let (weight, allowed) = session.app.spot.weights.request(counted, weight, &limits, now_ms);
        let used = Used { weight, orders: None, limits };
        match (allowed, request) {
            (Err(error), request) => {
                let id = request.map_or_else(|malformed| malformed.id, |(request, _)| request.id);
                // Who goes on although told to stop is not told for ever.
                let turn = if error.status == StatusCode::IM_A_TEAPOT { Turn::Stop } else { Turn::Go };
                session.line.event(answer(&id, Err(error), Some(used), now_ms));
                turn
            }
            (Ok(()), Err(Malformed { id, error })) => {
                session.line.event(answer(&id, Err(error), Some(used), now_ms));
                Turn::Go
            }
            (Ok(()), Ok((request, method))) => {
                let session = session.clone();
                tokio::spawn(async move {
                    run(&session, request, method, used, now_ms).await;
                    drop(place);
                });
                Turn::Go
            }
        }
    }
}

/// Answers one request.
async fn run(session: &Arc<Session>, request: Request, method: Option<Endpoint>, used: Used, now_ms: u64) {
    let Request { id, method: name, mut params } = request;
    let mut used = used;
    let shows = params.flag("returnRateLimits");
    let shown = *shows.as_ref().unwrap_or(&None);
    let is_change = method.is_some_and(|method| matches!(method.needs, Needs::Trade | Needs::Withdraw));
    let result = match (shows, method) {
        (Err(error), _) => Err(error),
        (Ok(_), Some(method)) => {
            let worker = tokio::spawn(handle(session.clone(), method, params, now_ms));
            match tokio::time::timeout(PATIENCE, worker).await {
                Ok(Ok((result, orders))) => {
                    used.orders = orders;
                    result
                }
                // It took too long or broke off; a change that did may have done what it was for.
                Ok(Err(_)) if !is_change => Err(Error::internal()),
                Err(_) if !is_change => Err(Error::busy()),
                Ok(Err(_)) | Err(_) => Err(Error::unknown_outcome()),
            }
        }
        (Ok(_), None) if Session::weight(&name).is_some() => session.call(&name, &mut params, now_ms).await,
        (Ok(_), None) => Err(unknown_method()),
    };
    let used = shown.unwrap_or(session.shows_limits).then_some(used);
    session.line.event(answer(&id, result, used, session.app.backend.now_ms()));
}

type Handled = (Result<Value, Error>, Option<super::super::weights::Orders>);

async fn handle(session: Arc<Session>, method: Endpoint, mut params: Params, now_ms: u64) -> Handled {
    let caller = match session.admit(method.needs, &mut params, now_ms) {
        Ok(caller) => caller,
        Err(error) => return (Err(error), None),
    };
    let Caller { key, user, imprint } = caller;
    let tail = String::new();
    let (app, made) = (session.app.clone(), Made::default());
    let mut call = Call { app, params, tail, user, key, imprint, made, now_ms, orders: None };
    let result = (method.handler)(&mut call).await;
    (result, call.orders)
}
