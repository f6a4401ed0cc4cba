//! Tests of the whole crate, and the world in which the commands' own tests run.

mod determinism;
mod entry;
mod generate;
mod golden;
mod model;
pub(crate) mod world;
