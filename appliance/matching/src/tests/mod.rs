//! Tests of the whole crate.

mod auctions;
mod bounds;
mod cases;
mod coverage;
mod dice;
mod golden;
mod held;
mod naive;
mod random;
mod workload;
