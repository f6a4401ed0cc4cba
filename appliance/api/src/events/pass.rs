//! On whose behalf a stream is open, of events or of a worker's log, and whether that still holds.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Request, header};
use exchequer_domain::Problem;
use exchequer_state::Actor;
use exchequer_state::people::Permission;

use crate::app::App;
use crate::auth;
use crate::openapi::{Input, Shape};
use crate::problem::Refused;
use crate::route::ClientAddress;

/// What a request showed, to be looked at again as long as its stream goes on; and where it comes from.
#[derive(Clone)]
pub(crate) struct Pass {
    app: App,
    shown: Arc<Parts>,
    /// What it must allow.
    reads: Permission,
    pub(crate) address: Option<IpAddr>,
    /// The number of the last event that the client says it has.
    pub(crate) last_seen: Option<String>,
}

impl Pass {
    /// What a program's call shows. A browser's cookie is nothing: it comes along whoever made the browser ask, and the call
    /// has nothing against that.
    ///
    /// # Errors
    /// That nothing is shown, or nothing that allows following events.
    pub(crate) fn of_program(app: &App, headers: &HeaderMap, client: Option<ClientAddress>) -> Result<Pass, Problem> {
        Pass::of(app, headers, &[header::AUTHORIZATION], client, Permission::EventsRead)
    }

    fn of(
        app: &App,
        headers: &HeaderMap,
        names: &[HeaderName],
        client: Option<ClientAddress>,
        reads: Permission,
    ) -> Result<Pass, Problem> {
        let (mut parts, ()) = Request::new(()).into_parts();
        for name in names {
            for value in headers.get_all(name) {
                parts.headers.append(name.clone(), value.clone());
            }
        }
        if let Some(client) = client {
            parts.extensions.insert(client);
        }
        let last_seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let address = client.map(|ClientAddress(address)| address.ip());
        let pass = Pass { app: app.clone(), shown: Arc::new(parts), reads, address, last_seen };
        pass.still()?;
        Ok(pass)
    }

    /// Whether it still holds, and for whom: the one place where streams ask.
    ///
    /// # Errors
    /// That it does not.
    pub(crate) fn still(&self) -> Result<Actor, Problem> {
        auth::still(&self.app, &self.shown, self.reads)
    }

    /// Whether it moves offsets, and on whose behalf.
    ///
    /// # Errors
    /// That it does not.
    pub(crate) fn acts(&self) -> Result<Actor, Problem> {
        auth::acts(&self.app, &self.shown, Permission::EventsConsume)
    }
}

impl FromRequestParts<App> for Pass {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Pass, Refused> {
        Ok(of_request(parts, app, Permission::EventsRead)?)
    }
}

impl Input for Pass {
    fn describe(_: &mut Shape) {}
}

/// The same for the log of a worker.
pub(crate) struct LogPass(pub(crate) Pass);

impl FromRequestParts<App> for LogPass {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<LogPass, Refused> {
        Ok(LogPass(of_request(parts, app, Permission::LogsRead)?))
    }
}

impl Input for LogPass {
    fn describe(_: &mut Shape) {}
}

fn of_request(parts: &Parts, app: &App, reads: Permission) -> Result<Pass, Problem> {
    let names = [header::AUTHORIZATION, header::COOKIE];
    Pass::of(app, &parts.headers, &names, parts.extensions.get::<ClientAddress>().copied(), reads)
}
