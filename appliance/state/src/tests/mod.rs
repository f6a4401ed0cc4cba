//! Tests of the whole crate, and the world in which the commands' own tests run.

mod configuration_model;
mod coverage;
mod determinism;
mod dice;
mod entry;
mod exchange_model;
mod generate;
mod generate_money;
mod golden;
mod jobs;
mod model;
mod money_model;
mod people;
mod trading;
pub(crate) mod world;
