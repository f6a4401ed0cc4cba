//! On whose behalf a stream is open, and whether that still holds.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use exchequer_domain::Problem;
use zeroize::Zeroizing;

use crate::app::App;
use crate::auth;
use crate::openapi::{Input, Shape};
use crate::problem::Refused;
use crate::route::ClientAddress;

/// What a request showed, to be looked at again as long as its stream goes on; and where it comes from.
#[derive(Clone)]
pub(crate) struct Pass {
    app: App,
    token: Zeroizing<String>,
    pub(crate) address: Option<IpAddr>,
    /// The number of the last event that the client says it has.
    pub(crate) last_seen: Option<String>,
}

impl Pass {
    /// What these headers show.
    ///
    /// # Errors
    /// That nothing is shown, or nothing that is right.
    pub(crate) fn of(app: &App, headers: &HeaderMap, address: Option<IpAddr>) -> Result<Pass, Problem> {
        let token = Zeroizing::new(auth::bearer(headers)?.to_owned());
        let last_seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
        let pass = Pass { app: app.clone(), token, address, last_seen };
        pass.still()?;
        Ok(pass)
    }

    /// Whether it still holds: the one place where streams of events ask.
    ///
    /// # Errors
    /// That it does not.
    pub(crate) fn still(&self) -> Result<(), Problem> {
        auth::check(self.app.backend.as_ref(), &self.token)
    }
}

impl FromRequestParts<App> for Pass {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Pass, Refused> {
        let address = parts.extensions.get::<ClientAddress>().map(|ClientAddress(address)| address.ip());
        Ok(Pass::of(app, &parts.headers, address)?)
    }
}

impl Input for Pass {
    fn describe(_: &mut Shape) {}
}
