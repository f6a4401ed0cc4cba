//! The way to nodes of networks: JSON-RPC and HTTP with JSON, to one endpoint.
//!
//! Invariants:
//! - Every call has a deadline, every answer a limit of bytes.
//! - What came to no whole and fitting answer is [`RpcError::Lost`]: nobody knows whether it was done. It is never taken
//!   for a refusal. [`RpcError::outcome_unknown`] says which is which.
//! - An answer belongs to a question by its id. Where the ids of a batch do not fit, none of its answers is believed.
//! - No user, password, path or query of an address is in any error, log or `Debug` ([`Endpoint`]).
//! - Nothing is sent twice by itself, and no redirect is followed.

mod decimal;
mod endpoint;
mod error;
mod health;
mod jsonrpc;
mod quantity;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod transport;

pub use decimal::{BITCOIN_SATS_MAX, satoshis};
pub use endpoint::{Auth, Endpoint, EndpointError};
pub use error::{Lost, RpcError};
pub use health::{Health, HealthRules, Quarantine, SCORE_MAX, Sample};
pub use jsonrpc::{BATCH_CALLS_MAX, Call};
pub use quantity::{Wide, data, fixed, quantity_u64, quantity_wide};
pub use transport::{ANSWER_BYTES_MAX, CONNECT_TIMEOUT, Limits, RETRY_AFTER_MAX, Transport, http_client};
