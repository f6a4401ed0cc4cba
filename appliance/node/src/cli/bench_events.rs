//! `exchequer bench events`: its arguments and its report.

use std::time::Duration;

use clap::Args;
use exchequer_domain::parse_duration;
use serde::{Deserialize, Serialize};

use super::args::ClientArgs;
use super::exit::{Exit, Stop};
use super::local;
use super::output::{NOTHING, Printer, fields};
use super::reports::Latency;

/// `exchequer bench events`.
#[derive(Debug, Clone, Args)]
pub struct EventsBenchArgs {
    /// Programs that follow all events at the same time, spread over the nodes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub consumers: u32,

    /// Commands that make events and are under way at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub makers: u32,

    /// Events of one command
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub batch: u32,

    /// What each event carries
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u32).range(0..=1024))]
    pub filling_bytes: u32,

    /// Events that are made in a second, as far as the cluster takes them [default: as many as it takes]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: Option<u32>,

    /// How long each of both parts measures: without consumers, and with them
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub duration: Duration,

    /// How long each part runs before that without measuring
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    pub warm_up: Duration,

    /// Server processes on this machine whose processor time is reported; several with commas between
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub server_pids: Vec<u32>,

    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// Events as they were made and applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MadePart {
    /// How long it measured, in microseconds.
    pub measured_us: u64,
    /// Events that were acknowledged in that time.
    pub events: u64,
    /// The same a second.
    pub events_per_second: f64,
    /// How long a command took.
    pub latency: Latency,
    /// Processors that this client kept busy.
    pub client_cpu: f64,
    /// Processors that each server process kept busy.
    pub server_cpu: Vec<f64>,
}

/// `exchequer bench events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventsBenchReport {
    /// Programs that followed.
    pub consumers: u32,
    /// Events of one command.
    pub batch: u32,
    /// What each event carried.
    pub filling_bytes: u32,
    /// Commands that failed.
    pub failed: u64,
    /// The first failure's words.
    pub first_failure: Option<String>,
    /// With nobody following.
    pub alone: MadePart,
    /// With all of them following.
    pub followed: MadePart,
    /// Events a second with consumers, for one without.
    pub ratio: f64,
    /// Events a second that the slowest consumer got.
    pub slowest_per_second: f64,
    /// Events a second that all got together.
    pub delivered_per_second: f64,
    /// How many events the slowest consumer was behind the last one made, at the end of the measurement.
    pub behind_max: u64,
    /// Numbers that a consumer was given twice, out of order, or not at all.
    pub wrong: u64,
    /// Streams that ended before their time.
    pub ended: u32,
    /// Why the first of them did.
    pub first_end: Option<String>,
}

pub(super) async fn run(args: &EventsBenchArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let report = local::bench_events(args).await?;
    printer.answer(&report, text)?;
    Ok(if report.wrong == 0 && report.ended == 0 { Exit::Good } else { Exit::Failed })
}

pub(super) fn text(report: &EventsBenchReport) -> String {
    let us = |us: u64| format!("{us}us");
    let list = |figures: &[f64]| {
        let words: Vec<String> = figures.iter().map(|figure| format!("{figure:.2}")).collect();
        if words.is_empty() { NOTHING.to_owned() } else { words.join(", ") }
    };
    let (alone, followed) = (&report.alone, &report.followed);
    fields([
        ("Consumers", report.consumers.to_string()),
        ("Events a command", report.batch.to_string()),
        ("Filling bytes", report.filling_bytes.to_string()),
        ("Failed commands", report.failed.to_string()),
        ("First failure", report.first_failure.clone().unwrap_or_else(|| NOTHING.to_owned())),
        ("Made per second, alone", format!("{:.0}", alone.events_per_second)),
        ("Command p50, p99, alone", format!("{}, {}", us(alone.latency.p50_us), us(alone.latency.p99_us))),
        ("Made per second, followed", format!("{:.0}", followed.events_per_second)),
        ("Command p50, p99, followed", format!("{}, {}", us(followed.latency.p50_us), us(followed.latency.p99_us))),
        ("Ratio", format!("{:.3}", report.ratio)),
        ("Slowest consumer per second", format!("{:.0}", report.slowest_per_second)),
        ("Delivered per second", format!("{:.0}", report.delivered_per_second)),
        ("Behind at the end", report.behind_max.to_string()),
        ("Missing, twice, out of order", report.wrong.to_string()),
        ("Ended streams", report.ended.to_string()),
        ("First end", report.first_end.clone().unwrap_or_else(|| NOTHING.to_owned())),
        ("Client processors", format!("{:.2}, {:.2}", alone.client_cpu, followed.client_cpu)),
        ("Server processors, alone", list(&alone.server_cpu)),
        ("Server processors, followed", list(&followed.server_cpu)),
    ])
}
