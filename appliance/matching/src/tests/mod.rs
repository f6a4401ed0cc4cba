//! Tests of the whole crate.

mod bounds;
mod coverage;
mod dice;
mod held;
mod naive;
mod random;
mod workload;
