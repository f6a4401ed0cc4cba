//! `exchequer bench directives`: its arguments and its report.

use std::time::Duration;

use clap::Args;
use exchequer_domain::parse_duration;
use serde::{Deserialize, Serialize};

use super::args::ClientArgs;
use super::output::fields;
use super::reports::Latency;

/// `exchequer bench directives`.
#[derive(Debug, Clone, Args)]
pub struct DirectivesBenchArgs {
    /// Directives of the bulk
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=90_000))]
    pub directives: u32,

    /// Workers that they are for
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub workers: u32,

    /// Emergencies sent while the bulk runs
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub emergencies: u32,

    /// Between two emergencies
    #[arg(long, value_name = "DURATION", default_value = "10ms", value_parser = parse_duration)]
    pub every: Duration,

    /// How long a worker takes for one
    #[arg(long, value_name = "DURATION", default_value = "100ms", value_parser = parse_duration)]
    pub takes: Duration,

    /// How long it may all take
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse_duration)]
    pub patience: Duration,

    /// Which cluster.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DirectivesBenchReport {
    /// Directives of the bulk.
    pub directives: u32,
    /// Workers that they were for.
    pub workers: u32,
    /// Emergencies sent meanwhile.
    pub emergencies: u32,
    /// How long sending the bulk took, in microseconds.
    pub sent_us: u64,
    /// How long everything took, in microseconds.
    pub took_us: u64,
    /// Directives still open when the last emergency was sent, up to 200; 0 means that the bulk was over too early.
    pub bulk_open_after_emergencies: u64,
    /// From the entry that sent an emergency to the entry that dispatched it.
    pub emergency: Latency,
    /// From an emergency's request to its answer.
    pub answer: Latency,
    /// As `emergency`, of some of the bulk.
    pub bulk: Latency,
}

pub(super) fn text(report: &DirectivesBenchReport) -> String {
    let us = |us: u64| format!("{us}us");
    fields([
        ("Directives of the bulk", report.directives.to_string()),
        ("Workers", report.workers.to_string()),
        ("Emergencies", report.emergencies.to_string()),
        ("Sending the bulk", us(report.sent_us)),
        ("Altogether", us(report.took_us)),
        ("Open after the emergencies", report.bulk_open_after_emergencies.to_string()),
        ("Emergency dispatched p50", us(report.emergency.p50_us)),
        ("Emergency dispatched p99", us(report.emergency.p99_us)),
        ("Emergency dispatched max", us(report.emergency.max_us)),
        ("Emergency answered p99", us(report.answer.p99_us)),
        ("Bulk dispatched p50", us(report.bulk.p50_us)),
        ("Bulk dispatched max", us(report.bulk.max_us)),
    ])
}
