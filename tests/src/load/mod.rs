//! The writers and the meter of `exchequer bench raft`, taken from its source: both stores of the side-by-side run are
//! loaded and measured by the same code, and nothing below the product's command line has to be linked for it.

#[path = "../../../appliance/node/src/bench/cpu.rs"]
mod cpu;
#[path = "../../../appliance/node/src/bench/measure.rs"]
mod measure;
#[path = "../../../appliance/node/src/bench/load.rs"]
mod writers;

pub use cpu::CpuTime;
pub use measure::{Distribution, Durations};
pub use writers::{Door, Failure, Load, Measured, Put, Running, key};
