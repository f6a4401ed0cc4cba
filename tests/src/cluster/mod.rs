//! Clusters of real processes on this machine, for tests.
//!
//! [`Cluster::sandbox`] gives a healthy cluster in seconds; [`Cluster::empty`] gives the pieces for a test that wants to
//! make it step by step. Servers are child processes: they can be stopped, killed, paused and started again, and their
//! logs are kept. A test ends with [`Cluster::finish`], which looks for panics in the logs and removes everything; a
//! cluster that is dropped before that keeps its folder and says where it is.
//!
//! Nothing waits for a fixed time: [`until`] asks again until the answer is good or the deadline has passed.

mod binary;
mod exq;
mod gateway;
mod group;
mod http;
mod node;
mod ports;
mod server;
mod wait;

pub use binary::binary;
pub use exq::{Exq, Ran, Refused};
pub use group::{Cluster, PROMPT};
pub use http::{Answer, Http};
pub use node::{Launch, Node};
pub use ports::free_port;
pub use server::{Ended, Server};
pub use wait::{Deadline, until};
