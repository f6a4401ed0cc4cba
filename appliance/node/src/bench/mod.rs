//! Benchmarks against a running cluster.

use exchequer_domain::{Code, Problem};

use crate::cli::args::BenchArgs;
use crate::cli::reports::BenchReport;

/// Loads a cluster with scratch writes.
///
/// # Errors
/// The cluster cannot be reached.
pub async fn raft(_: &BenchArgs) -> Result<BenchReport, Problem> {
    Err(Problem::new(Code::Internal, "the benchmark is being written"))
}
