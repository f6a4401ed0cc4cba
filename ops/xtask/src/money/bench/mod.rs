//! `cargo xtask money-bench`: how fast withdrawals are paid, by a cluster of three real nodes with their signers and workers.
//!
//! `latency` asks for withdrawals at a steady pace and times each from the moment at which its request was due until a node of the
//! network accepted the transaction that pays it, by one clock, since both ends are in this process. `drain` has many wait, then lets
//! their worker run. What was paid is looked up on the chain, once for each withdrawal.
//!
//! Ethereum is a network in memory (`exchequer_test_nodes::bare`): what anvil itself takes is measured beside it, with the very
//! transactions that were sent. Bitcoin is a real node.

mod asking;
mod bitcoin;
mod checks;
mod costs;
mod evm;
mod house;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use self::report::Report;
use crate::demo::cluster::Cluster;
use crate::product::Product;
use crate::say;
use crate::stop::Stop;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum What {
    /// From each request to the first accepted broadcast, on Ethereum
    Latency,
    /// How soon withdrawals that wait are paid, on Ethereum
    Drain,
    /// The same on Bitcoin, in batches
    DrainBitcoin,
}

/// How to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is measured
    what: What,
    /// How many withdrawals [default: 20,000; to be drained 10,000; on Bitcoin 2,000]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=40_000))]
    count: Option<u32>,
    /// Requests a second, of `latency`
    #[arg(long, value_name = "NUMBER", default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pace: u32,
    /// Milliseconds between two blocks
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(50..=60_000))]
    block_ms: u64,
    /// Do not measure what anvil takes
    #[arg(long)]
    no_anvil: bool,
    /// The binary to run [default: the one that cargo last built]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Folder of the cluster, kept [default: a temporary one, removed at the end]
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Write the figures into this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Args {
    fn count(&self) -> usize {
        let usual = match self.what {
            What::Latency => 20_000,
            What::Drain => 10_000,
            What::DrainBitcoin => 2_000,
        };
        self.count.unwrap_or(usual) as usize
    }
}

/// Measures.
///
/// # Errors
/// Something was refused, was not paid in time, or was not paid exactly once; a target that is missed is no error.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let (product, stop) = (Product::find(args.binary.as_deref())?, Stop::on_signals()?);
    let temporary = tempfile::Builder::new().prefix("exchequer-bench-").tempdir()?;
    let folder = args.dir.as_ref().map_or_else(|| Ok(temporary.path().to_owned()), std::path::absolute)?;
    let mut cluster = Cluster::open(product, folder)?;
    let outcome = measure(&mut cluster, args, &stop);
    let last_words = outcome.is_err().then(|| cluster.last_words());
    let stopped = cluster.stop();
    if let (Some(words), None) = (last_words, &args.dir) {
        say::line(words);
    }
    let report = outcome?;
    stopped?;
    say::line(report.text());
    if let Some(file) = &args.json {
        std::fs::write(file, report.json())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(cluster: &mut Cluster, args: &Args, stop: &Stop) -> Result<Report> {
    let mut report = Report::default();
    report.say("sync of 300 appended bytes", costs::sync_of_disk(&cluster.folder)?);
    cluster.bring_up(stop)?;
    match args.what {
        What::Latency => evm::latency(cluster, args, stop, &mut report)?,
        What::Drain => evm::drain(cluster, args, stop, &mut report)?,
        What::DrainBitcoin => bitcoin::drain(cluster, args, stop, &mut report)?,
    }
    Ok(report)
}
