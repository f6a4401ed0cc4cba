//! `exchequer bench raft`: what a bench's report looks like.

use clap::Subcommand;

use super::args::BenchArgs;
use super::exit::{Exit, Stop};
use super::local;
use super::output::{Printer, fields};
use super::reports::BenchReport;

/// `exchequer bench`.
#[derive(Debug, Clone, Subcommand)]
pub enum BenchVerb {
    /// Measure durable writes to a sandbox cluster
    ///
    /// Every write counts when it is acknowledged: on stable storage on a majority, and applied. Client and servers on
    /// one machine share its processors; the report says what the client took.
    #[command(after_help = "Example:\n  exchequer bench raft --clients 64 --duration 30s\n  \
                      exchequer bench raft --mode stream --clients 4 --batch 1024 --output json")]
    Raft(BenchArgs),
}

pub(super) async fn run(verb: &BenchVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let BenchVerb::Raft(args) = verb;
    printer.answer(&local::bench(args).await?, text)?;
    Ok(Exit::Good)
}

pub(super) fn text(report: &BenchReport) -> String {
    let us = |us: u64| format!("{us}us");
    fields([
        ("Mode", report.mode.clone()),
        ("Clients", report.clients.to_string()),
        ("Batch", report.batch.to_string()),
        ("Value bytes", report.value_bytes.to_string()),
        ("Measured", us(report.measured_us)),
        ("Writes", report.writes.to_string()),
        ("Failed", report.failed.to_string()),
        ("Writes per second", report.writes_per_second.to_string()),
        ("Latency p50", us(report.latency.p50_us)),
        ("Latency p90", us(report.latency.p90_us)),
        ("Latency p99", us(report.latency.p99_us)),
        ("Latency p99.9", us(report.latency.p999_us)),
        ("Latency max", us(report.latency.max_us)),
        ("Client processors", report.client_cpu.to_string()),
    ])
}
