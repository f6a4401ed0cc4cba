//! `exchequer sweep`: how deposits are gathered, what lies on an address, and why it is not swept.

use clap::{Args, Subcommand};
use exchequer_api::dto::{Holding, Holdings, Sweep, Sweeps};

use super::args::ClientArgs;
use super::client::{Client, consistency};
use super::exit::{Exit, Stop};
use super::money_args::AskArgs;
use super::output::{Printer, columns, fields, one_line, or_nothing};

/// `exchequer sweep`.
#[derive(Debug, Clone, Subcommand)]
pub enum SweepVerb {
    /// List the plans to sweep deposits, the newest first
    #[command(after_help = "Example:\n  exchequer sweep list --network tron")]
    List(ListSweepsArgs),
    /// Show a sweep, open or over
    #[command(after_help = "Example:\n  exchequer sweep show 3")]
    Show(ShowSweepArgs),
    /// Say what lies on a deposit address, and why it is not swept
    #[command(after_help = "Example:\n  exchequer sweep explain tron TRyzkFm3RNsSKXeDXXLCjGyjgPUC1LuFPE")]
    Explain(ExplainSweepArgs),
}

/// `exchequer sweep list`.
#[derive(Debug, Clone, Args)]
pub struct ListSweepsArgs {
    /// On this network only
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// How many, at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=500))]
    pub limit: u64,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `exchequer sweep show`.
#[derive(Debug, Clone, Args)]
pub struct ShowSweepArgs {
    /// The sweep's number
    #[arg(value_name = "SWEEP")]
    pub sweep: u64,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `exchequer sweep explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainSweepArgs {
    /// The network
    #[arg(value_name = "NETWORK")]
    pub network: String,
    /// The deposit address
    #[arg(value_name = "ADDRESS")]
    pub deposit_address: String,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

impl SweepVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            SweepVerb::List(args) => &args.ask.client,
            SweepVerb::Show(args) => &args.ask.client,
            SweepVerb::Explain(args) => &args.ask.client,
        }
    }
}

pub(super) async fn run(verb: &SweepVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        SweepVerb::List(args) => {
            let mut query = consistency(args.ask.stale);
            query.push(("limit", args.limit.to_string()));
            query.extend(args.network.iter().map(|network| ("network", network.clone())));
            let sweeps: Sweeps = client.get(&["sweeps"], &query).await?;
            printer.answer(&sweeps, sweeps_text)?;
        }
        SweepVerb::Show(args) => {
            let path = ["sweeps", &args.sweep.to_string()];
            let sweep: Sweep = client.get(&path, &consistency(args.ask.stale)).await?;
            printer.answer(&sweep, sweep_text)?;
        }
        SweepVerb::Explain(args) => {
            let mut query = consistency(args.ask.stale);
            query.push(("network", args.network.clone()));
            query.push(("address", args.deposit_address.clone()));
            let holdings: Holdings = client.get(&["holdings"], &query).await?;
            printer.answer(&holdings, holdings_text)?;
        }
    }
    Ok(Exit::Good)
}

fn sweeps_text(sweeps: &Sweeps) -> String {
    let rows = sweeps.sweeps.iter().map(|sweep| {
        [
            sweep.sweep.to_string(),
            sweep.network.clone(),
            sweep.asset.clone(),
            or_nothing(sweep.index.map(|index| index.to_string())),
            sweep.state.clone(),
            or_nothing(sweep.payout.map(|payout| payout.to_string())),
            sweep.moved_at.clone(),
        ]
    });
    columns(["SWEEP", "NETWORK", "ASSET", "INDEX", "STATE", "PAYOUT", "MOVED"], rows)
}

fn sweep_text(sweep: &Sweep) -> String {
    let numbers = |all: &[u64]| all.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    fields([
        ("Sweep", sweep.sweep.to_string()),
        ("Network", sweep.network.clone()),
        ("Asset", sweep.asset.clone()),
        ("Index", or_nothing(sweep.index.map(|index| index.to_string()))),
        ("State", sweep.state.clone()),
        ("Needs gas", or_nothing(sweep.gas.clone())),
        ("Payout", or_nothing(sweep.payout.map(|payout| payout.to_string()))),
        ("Top-ups", or_nothing(Some(numbers(&sweep.top_ups)).filter(|text| !text.is_empty()))),
        ("Why", one_line(&sweep.why)),
        ("Made", sweep.made_at.clone()),
        ("Moved", sweep.moved_at.clone()),
    ])
}

fn holdings_text(holdings: &Holdings) -> String {
    if holdings.holdings.is_empty() {
        return "Nothing lies there that could be swept".to_owned();
    }
    let one = |holding: &Holding| {
        fields([
            ("Asset", holding.asset.clone()),
            ("Index", or_nothing(holding.index.map(|index| index.to_string()))),
            ("May be moved", holding.free.clone()),
            ("On its way", holding.on_its_way.clone()),
            ("Since", holding.since.clone()),
            ("Deposits", holding.waiting.to_string()),
            ("Held", if holding.held { "yes" } else { "no" }.to_owned()),
            ("Sweep", or_nothing(holding.sweep.as_ref().map(|sweep| sweep.sweep.to_string()))),
            ("Top-ups today", holding.top_ups.to_string()),
            ("Why", one_line(&holding.why)),
        ])
    };
    holdings.holdings.iter().map(one).collect::<Vec<_>>().join("\n\n")
}
