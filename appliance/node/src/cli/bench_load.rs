//! `exchequer bench load`: its flags, its report, and its progress.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

use super::args::ClientArgs;
use super::exit::Stop;
use super::local;
use super::output::{Printer, fields};

const TICK: Duration = Duration::from_millis(120);

/// `exchequer bench load`.
#[derive(Debug, Clone, Args)]
pub struct LoadBenchArgs {
    /// How many users are made
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    pub users: u32,

    /// How many assets; every user has a balance of each, and all but the first are traded against the first
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=26))]
    pub assets: u32,

    /// How many orders are left open
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    pub orders: u64,

    /// Requests under way at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub in_flight: u32,

    /// Server processes on this machine whose memory is reported; several with commas between
    #[arg(long, value_name = "PID", value_delimiter = ',')]
    pub server_pids: Vec<u32>,

    /// Data folders on this machine whose size is reported; several with commas between
    #[arg(long, value_name = "FOLDER", value_delimiter = ',')]
    pub data_dirs: Vec<PathBuf>,

    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// What `exchequer bench load` made, and what it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBenchReport {
    /// Users that were made.
    pub users: u32,
    /// Their accounts, each with money on it.
    pub balances: u64,
    /// Markets that were made.
    pub markets: u32,
    /// Orders that were entered and rest.
    pub orders: u64,
    /// How long users, accounts and money took, in microseconds.
    pub accounts_us: u64,
    /// How long the orders took, in microseconds.
    pub orders_us: u64,
    /// Requests that were sent again under the same ids, because they were refused or their answer was lost.
    pub sent_again: u64,
    /// Resident memory of each server process that was named, at the end, in bytes.
    pub resident_bytes: Vec<u64>,
    /// The most that was resident of each since it started, in bytes.
    pub resident_peak_bytes: Vec<u64>,
    /// What each data folder that was named takes on the disk at the end, in bytes.
    pub disk_bytes: Vec<u64>,
}

pub(super) async fn run(args: &LoadBenchArgs, printer: &mut Printer) -> Result<(), Stop> {
    let report = local::bench_load(args, &progress(printer)).await?;
    printer.answer(&report, text)
}

pub(super) fn text(report: &LoadBenchReport) -> String {
    let seconds = |us: u64| format!("{:.1}s", us as f64 / 1e6);
    fields([
        ("Users", report.users.to_string()),
        ("Balances", report.balances.to_string()),
        ("Markets", report.markets.to_string()),
        ("Open orders", report.orders.to_string()),
        ("Users and balances took", seconds(report.accounts_us)),
        ("Orders took", seconds(report.orders_us)),
        ("Sent again", report.sent_again.to_string()),
        ("Resident memory", mebibytes(&report.resident_bytes)),
        ("Resident at most", mebibytes(&report.resident_peak_bytes)),
        ("On disk", mebibytes(&report.disk_bytes)),
    ])
}

fn mebibytes(bytes: &[u64]) -> String {
    match bytes {
        [] => super::output::NOTHING.to_owned(),
        _ => bytes.iter().map(|one| format!("{} MiB", one >> 20)).collect::<Vec<_>>().join(", "),
    }
}

fn progress(printer: &Printer) -> ProgressBar {
    if !printer.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {pos} of {len}, {per_sec}, {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}
