//! Tests of the whole crate, and the world in which the commands' own tests run.

mod approvals;
mod configuration_model;
mod counts;
mod coverage;
mod deposits;
mod determinism;
mod dice;
mod directives;
mod entry;
mod events;
mod exchange_model;
mod gas;
mod generate;
mod generate_money;
mod golden;
mod jobs;
mod model;
mod money_model;
mod people;
mod reconciliation;
mod sweeps;
mod trading;
mod withdrawals;
mod workers;
pub(crate) mod world;
