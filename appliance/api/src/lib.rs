//! The only doors: HTTP, WebSocket and gRPC.
//!
//! Handlers are thin: extract, call the [`backend::Backend`], map. Invariants:
//! - Every route says in its [`route::Route`] who may use it; a test walks the table with every role.
//! - Every refusal is a [`dto::Refusal`]; no error of a library reaches a client as it is.
//! - A change that has begun runs to its end, whether or not its client still listens.
//! - No token, body or query reaches a log.

mod app;
mod auth;
pub mod backend;
mod candles;
mod chain_text;
mod codec;
mod console;
pub mod dto;
pub mod events;
mod extract;
pub mod feed;
#[cfg(feature = "fuzzing")]
pub mod fuzz;
mod grpc;
mod grpc_events;
mod health;
pub mod history;
mod listing;
mod maintenance;
mod money;
mod openapi;
pub mod people;
mod problem;
mod read;
mod route;
mod spot;
mod submit;
#[cfg(test)]
mod tests;
mod udf;
mod v1;
mod words;

use std::sync::Arc;

use axum::Router;

pub use grpc::{COMMANDS_MAX, REQUEST_BYTES_MAX, proto as gateway};
pub use problem::status_of;
pub use route::ClientAddress;
pub use spot::{Place, Sockets};

use crate::app::App;
use crate::backend::Backend;

/// Everything that is served on the API's port.
pub fn router(backend: Arc<dyn Backend>) -> Router {
    serve(&App::new(backend))
}

fn serve(app: &App) -> Router {
    // The layers are for single requests of people and tools; a program sends thousands a second.
    grpc::router(app).fallback_service(route::surround(app, route::assemble(app, routes())))
}

/// Every HTTP route there is.
fn routes() -> Vec<route::Route> {
    let doors = [
        health::routes(),
        console::routes(),
        openapi::routes(),
        v1::routes(),
        spot::routes(),
        listing::routes(),
        udf::routes(),
    ];
    doors.into_iter().flatten().collect()
}
