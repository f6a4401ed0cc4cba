//! The spot dialect under `/api/v3` and `/sapi/v1`, and over WebSocket under `/ws`, `/stream` and `/ws-api/v3`: what
//! trading programs speak already.
//!
//! Invariants: every refusal is `{code,msg}`; a signed request has shown a key that is not revoked, from an address it
//! may be used from, for a scope it has, in time; -1007 and nothing else means that the outcome is not known.

mod account;
pub(crate) mod arg;
mod candles;
mod capital;
pub(crate) mod decimal;
pub(crate) mod description;
pub(crate) mod door;
pub(crate) mod error;
mod exchange_info;
mod keys;
pub(crate) mod limits;
mod lists;
pub(crate) mod market_data;
mod order_spec;
mod order_view;
mod orders;
pub(crate) mod params;
pub(crate) mod read;
mod replace;
mod routes;
mod sign;
mod stream;
pub(crate) mod tickers;
pub(crate) mod view;
mod weights;
mod withdraw;
mod ws_api;

use std::sync::OnceLock;

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};

pub use stream::{Place, Sockets};

/// Every route of the dialect.
pub(crate) fn routes() -> Vec<crate::route::Route> {
    [routes::routes(), stream::routes(), ws_api::routes()].into_iter().flatten().collect()
}

/// What the dialect keeps in memory.
#[derive(Default)]
pub(crate) struct Memory {
    weights: weights::Weights,
    secrets: keys::Secrets,
    hub: OnceLock<stream::Hub>,
    sockets: stream::Sockets,
    limits: limits::Seen,
}

/// Whether a path belongs to the dialect, or to what is served through its door.
pub(crate) fn speaks(path: &str) -> bool {
    let doors = ["/api/v3/", "/sapi/v1/", "/ws/", "/ws-api/", "/coingecko/", "/cmc/", "/udf/"];
    doors.iter().any(|prefix| path.starts_with(prefix)) || ["/ws", "/stream"].contains(&path)
}

/// The answer of a layer in the dialect, if it is a refusal and not in it yet.
pub(crate) fn translate(response: Response, method: &Method) -> Response {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    if !failed || response.extensions().get::<error::Ours>().is_some() {
        return response;
    }
    let status = if status == StatusCode::REQUEST_TIMEOUT { StatusCode::GATEWAY_TIMEOUT } else { status };
    error::Error::of_status(status, method).into_response()
}
