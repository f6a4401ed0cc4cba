//! Tests of the whole crate.

mod naive;
mod random;
mod workload;
