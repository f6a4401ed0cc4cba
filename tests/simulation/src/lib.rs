//! Consensus under simulation: the product's nodes on a simulated network and simulated disks, on one thread, every
//! choice drawn from one seed.
//!
//! A run founds a cluster of three machines, lets clients append to lists while [`Fault`](fault::Fault)s strike, then
//! takes all faults away and demands that the cluster heals, serves and agrees. Two things watch it: the
//! [`invariants`], which look at every node between the steps, and the [`history`], which holds what clients were told
//! against what the cluster finally says. A run in which nothing crashed or nobody took over is counted as invalid.
//!
//! This crate plants bugs and simulates disks by features of `exchequer-raft` and `exchequer-storage`. Cargo unites
//! features over everything that one command builds: build the product by a command of its own
//! (`cargo build -p exchequer-node`), not with `--workspace`. A planted bug is off unless a thread plants it, so that
//! tests of other crates that are built together with this one behave the same.
//!
//! A run depends on nothing but its seed as long as it is the first of its process (tokio numbers its tasks through the
//! whole process, and the numbers decide in which order a crash drops them). So each run of a series has a process of
//! its own: [`apart`].
//!
//! Commands (each names `exchequer-node` too, so that the same RocksDB is used as everywhere):
//! - the 40 seeds of every change: `cargo test -p exchequer-simulation -p exchequer-node --test simulation`
//! - 500: `EXCHEQUER_SIM_SEEDS=500 EXCHEQUER_SIM_FROM=0 cargo test ... --test simulation simulation_40_seeds`
//! - one again, with its events: `EXCHEQUER_SIM_SEED=17 cargo test ... --test simulation one_seed -- --nocapture`
//! - every planted bug from the first seed on: `EXCHEQUER_SIM_BUGS=full cargo test ... --test simulation planted`

pub mod apart;
pub mod fault;
pub mod history;
pub mod host;
pub mod invariants;
pub mod machine;
mod machines;
mod nemesis;
mod operator;
pub mod report;
mod run;
pub mod trace;
pub mod world;
