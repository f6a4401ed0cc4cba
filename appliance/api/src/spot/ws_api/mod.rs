//! The WebSocket API under `/ws-api/v3`: the requests of the dialect over one connection, and a user's events.
//!
//! A request is `{id, method, params}` and gets `{id, status, result | error, rateLimits}`; answers leave as they come.
//! Handlers, refusals and counts are those of the HTTP addresses. What is signed are the parameters by name, as
//! `name=value` joined by `&`; after `session.logon` no signature is needed.

mod connection;
mod request;
mod session;

pub(crate) use connection::routes;
