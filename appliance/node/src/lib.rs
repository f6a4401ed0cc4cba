//! The binary `exchequer`: it puts consensus, state, identity and doors together, and is the command line.
//!
//! This is the only crate that knows them all. It holds no logic of the exchange: what is decided is decided in
//! `exchequer-state`, what is agreed on in `exchequer-raft`.

mod autopilot;
pub mod bench;
pub mod cli;
pub mod config;
mod dispatcher;
mod founding;
mod halted;
mod history;
mod house;
pub mod identity;
pub mod install;
mod listen;
pub mod machine;
pub mod recovery;
pub mod restore;
pub mod server;
pub mod signer;
pub mod snapshot_file;
mod supervisor;
mod timekeeper;
