//! Tests of the whole crate, and the world in which they run.

mod compare;
mod coverage;
mod generate;
mod golden;
mod model;
mod replay;
mod reservations;
mod rules;
mod worked_examples;
pub(crate) mod world;
