//! Tests of the whole crate.

mod bounds;
mod naive;
mod random;
mod workload;
