//! Streams over WebSocket: what happens in markets, and what happens to a user's orders and balances.
//!
//! ```text
//! state machine -> feed -> hub: makes each message once -> line: what waits for one connection -> its socket
//! ```
//!
//! The hub is one task of the node. It hears what is applied only while somebody listens, and looks at the state for a
//! moment for what events do not say: levels of books, tickers. It never waits for a connection.
//!
//! Invariants:
//! - No trade and no event of a user is left out between the answer to a subscription and the end of the connection. Where
//!   something was missed, the connection ends.
//! - Update ids of a book are indices of the log, the same on every node: `U` is one above what was told before, `u` the
//!   index that the levels are of.
//! - What waits for a connection is bounded; who is slower than that is closed with 1008.

mod accounts;
mod books;
mod candles;
mod connection;
mod control;
mod hub;
mod line;
mod lists;
mod markets;
mod messages;
mod names;
mod routes;
mod sockets;
mod user;

pub(crate) use connection::{Side, Turn, serve};
pub(crate) use control::id_of;
pub(crate) use hub::{Hub, Member, Watcher};
pub(crate) use line::Line;
pub(crate) use routes::{From, Upgrade, address_of, open, refused, routes};
pub use sockets::{Place, Sockets};

/// Most streams of one connection.
pub(crate) const STREAMS_MAX: usize = 1_024;
