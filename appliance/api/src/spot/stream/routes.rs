//! Where streams are served: `/ws` with anything behind it, and `/stream`.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

use super::super::error::{Error, Ours};
use super::super::params::Params;
use super::connection::{MESSAGE_BYTES_MAX, serve};
use super::control::{Streams, resolve};
use super::sockets::Place;
use super::{Hub, Line, STREAMS_MAX};
use crate::app::App;
use crate::route::{Access, ClientAddress, Route};

/// What a client has that asks for a socket.
pub(crate) type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;
/// Where it comes from.
pub(crate) type From = Option<Extension<ClientAddress>>;

pub(crate) fn routes() -> Vec<Route> {
    let routes = [
        Route::with(Method::GET, "/ws", plain),
        Route::with(Method::GET, "/ws/{*names}", plain),
        Route::with(Method::GET, "/stream", combined),
    ];
    routes.into_iter().map(|route| route.open_to(Access::ApiKey)).collect()
}

/// Where a request comes from, for what is counted by address.
pub(crate) fn address_of(from: From) -> Option<IpAddr> {
    from.map(|Extension(ClientAddress(address))| address.ip())
}

impl App {
    /// The hub, which starts with the first connection.
    pub(crate) fn hub(&self) -> &Hub {
        self.spot.hub.get_or_init(|| Hub::start(self.backend.clone()))
    }
}

/// Admits one more connection, with the limits on what clients may send, and its place among those that are open.
///
/// # Errors
/// What asked is no WebSocket; the address opens too many, or is banned.
pub(crate) fn open(
    app: &App,
    upgrade: Upgrade,
    address: Option<IpAddr>,
    weight: u32,
) -> Result<(WebSocketUpgrade, Place), Error> {
    let counted = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let now_ms = app.backend.now_ms();
    let limits = app.limits(now_ms);
    app.spot.weights.connection(counted, &limits, now_ms)?;
    app.spot.weights.request(counted, weight, &limits, now_ms).1?;
    let upgrade = upgrade.map_err(|_| Error::new(-1020, "This address speaks WebSocket and nothing else."))?;
    let place = app.spot.sockets.take(address, limits.sockets, limits.sockets_of_address);
    let place = place.ok_or_else(|| Error::new(-1034, "Too many connections are open; close some first."))?;
    Ok((upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX), place))
}

pub(crate) fn refused(error: Error) -> Response {
    let mut response = error.into_response();
    response.extensions_mut().insert(Ours);
    response
}

async fn plain(State(app): State<App>, from: From, uri: Uri, upgrade: Upgrade) -> Response {
    // Clients put numbers of their own there; only what looks like a stream's name must be one.
    let names = uri.path().trim_start_matches("/ws").split('/').filter(|name| name.contains(['@', '!', '%']));
    let names = names.map(str::to_owned).collect();
    let params = Params::new(uri.query().unwrap_or_default().as_bytes(), b"");
    let known = params.and_then(|mut params| check_unit(&mut params));
    known.and_then(|()| begin(app, from, upgrade, names, false)).unwrap_or_else(refused)
}

/// Times are in milliseconds; a client that wants others must not take these for them.
fn check_unit(params: &mut Params) -> Result<(), Error> {
    match params.raw("timeUnit") {
        None => {}
        Some(unit) if unit.eq_ignore_ascii_case("millisecond") => {}
        Some(_) => return Err(Error::invalid("timeUnit")),
    }
    params.end()
}

async fn combined(State(app): State<App>, from: From, uri: Uri, upgrade: Upgrade) -> Response {
    let names = Params::new(uri.query().unwrap_or_default().as_bytes(), b"").and_then(|mut params| {
        let names = params.raw("streams").unwrap_or_default();
        let names = names.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        check_unit(&mut params)?;
        Ok(names)
    });
    names.and_then(|names| begin(app, from, upgrade, names, true)).unwrap_or_else(refused)
}

fn begin(app: App, from: From, upgrade: Upgrade, names: Vec<String>, wrapped: bool) -> Result<Response, Error> {
    let (upgrade, place) = open(&app, upgrade, address_of(from), 0)?;
    if names.len() > STREAMS_MAX {
        return Err(Error::new(-1130, format!("A connection has at most {STREAMS_MAX} streams.")));
    }
    {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        resolve(&app, &names).map_err(|text| Error { status: StatusCode::BAD_REQUEST, ..Error::new(-1130, text) })?;
    }
    Ok(upgrade.on_upgrade(async move |socket| {
        let _place = place;
        let line = Arc::new(Line::new(wrapped));
        let member = app.hub().join(line.clone());
        let mut side = Streams::new(app.clone(), line.clone(), member);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        // They were there a moment ago, and markets do not go away.
        if let Ok(found) = resolve(&app, &names)
            && side.add(found).await.is_ok()
        {
            serve(app, socket, line, side).await;
        }
    }))
}
