//! What operators do and what befalls them, against real clusters of the built program.
//!
//! Run with `cargo build -p exchequer-node && cargo test -p exchequer-tests --test operators`. Each test prints what it
//! did; a failing one keeps its folder with every node's logs and says where. What a machine does not permit (mounting a
//! file system, the Debian package `faketime`) is skipped by name.

#![allow(clippy::print_stdout, reason = "what a test did is its report")]

mod approvals;
mod bad_input;
mod configuration;
mod corruption;
mod directives;
mod emergency;
mod events;
mod failing_disk;
mod full_disk;
mod membership_drill;
mod newcomers;
mod people;
mod recovery;
mod support;
mod trading;
mod upkeep;
mod worker_chaos;
mod worker_programs;
mod workers;
