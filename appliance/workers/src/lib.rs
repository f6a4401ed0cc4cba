//! Workers: processes that do what must not run inside the state machine, started and steered by the leading node.
//!
//! `protocol` has the messages and their times, `link` the two ends of one conversation, `server` and `host::connect`
//! carry it over a Unix socket; `money` is what workers that move money ask of the node besides. `host` is everything that all workers do alike; a kind (`kinds`) adds what it is for.
//!
//! Invariants: a worker acts outside only through [`host::Outside`], which refuses without a lease of the last second;
//! a job's end has an effect only once the supervisor says that it is recorded; the same host runs in a process of its
//! own and, over a link in memory, in tests.

pub mod clock;
pub mod fingerprint;
pub mod host;
pub mod kinds;
pub mod link;
pub mod money;
pub mod protocol;
pub mod server;

/// What kinds know of chains, for those who play nodes to them.
pub use exchequer_chains as chains;
pub use protocol::proto;
