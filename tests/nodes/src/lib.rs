//! Nodes of the six networks for tests and for the demo.
//!
//! | network | what answers |
//! | --- | --- |
//! | Ethereum, Polygon, BSC, Arbitrum | anvil behind a [`shim`] that adds what anvil lacks of each, and faults |
//! | Bitcoin | a real node on a chain of its own, behind a door that adds faults |
//! | TRON | a simulator, in [`tron`] |
//! | any of Ethereum's kind, for measurements | transfers of coin in memory, in [`bare`] |
//!
//! Invariants:
//! - Nothing here uses the product's crates: what these nodes accept, encode and hash is a second implementation, so
//!   that a mistake of the product's is not repeated by what it is tested with. Clients that others wrote check it
//!   (`ops/nodes --check`).
//! - Everything listens on 127.0.0.1 only, on ports that were free, keeps its files in a folder of its own, and ends with
//!   the process that started it.
//! - A fault is injected by rules that the test gives; by chance only from a seed that the test knows.
//! - A node that is not installed is [`Missing`], which is no failure and no success: see [`or_skip`].

pub mod anvil;
pub mod bare;
pub mod bitcoin;
pub mod contracts;
pub mod dice;
mod endpoint;
pub mod faults;
mod http;
mod installed;
mod ports;
mod process;
pub mod rpc;
pub mod shim;
mod transport;
pub mod tron;
mod wait;

pub use anvil::Anvil;
pub use bare::Bare;
pub use bitcoin::Bitcoin;
pub use endpoint::Endpoint;
pub use installed::{Missing, or_skip};
pub use tron::Tron;
