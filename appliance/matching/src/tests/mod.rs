//! Tests of the whole crate.

mod workload;
