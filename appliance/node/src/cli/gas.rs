//! `exchequer gas`: what fees are, what stations of gas have and for how long, and what a top-up was for.

use clap::{Args, Subcommand};
use exchequer_api::dto::{Gas, NetworkGas, Payout, Sweep};
use serde::Serialize;

use super::args::ClientArgs;
use super::client::{Client, consistency};
use super::exit::{Exit, Stop};
use super::money_args::AskArgs;
use super::output::{Printer, columns, fields, one_line, or_nothing};

/// `exchequer gas`.
#[derive(Debug, Clone, Subcommand)]
pub enum GasVerb {
    /// Show fees, stations, runways, the budget, and what was spent on what
    #[command(after_help = "Example:\n  exchequer gas status\n  exchequer gas status ethereum")]
    Status(GasStatusArgs),
    /// Say what a top-up was for
    #[command(after_help = "Example:\n  exchequer gas explain 3")]
    Explain(ExplainGasArgs),
}

/// `exchequer gas status`.
#[derive(Debug, Clone, Args)]
pub struct GasStatusArgs {
    /// On this network only
    #[arg(value_name = "NETWORK")]
    pub network: Option<String>,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `exchequer gas explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainGasArgs {
    /// The payout's number
    #[arg(value_name = "PAYOUT")]
    pub payout: u64,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// What a top-up was for.
#[derive(Debug, Clone, Serialize)]
struct Explained {
    payout: Payout,
    sweep: Option<Sweep>,
}

impl GasVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            GasVerb::Status(args) => &args.ask.client,
            GasVerb::Explain(args) => &args.ask.client,
        }
    }
}

pub(super) async fn run(verb: &GasVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        GasVerb::Status(args) => {
            let mut gas: Gas = client.get(&["gas"], &consistency(args.ask.stale)).await?;
            gas.networks.retain(|one| args.network.as_ref().is_none_or(|network| *network == one.network));
            printer.answer(&gas, gas_text)?;
        }
        GasVerb::Explain(args) => {
            let query = consistency(args.ask.stale);
            let payout: Payout = client.get(&["payouts", &args.payout.to_string()], &query).await?;
            let sweep = match payout.moves.as_ref().and_then(|moved| moved.sweep) {
                Some(sweep) => Some(client.get(&["sweeps", &sweep.to_string()], &query).await?),
                None => None,
            };
            printer.answer(&Explained { payout, sweep }, explained_text)?;
        }
    }
    Ok(Exit::Good)
}

fn gas_text(gas: &Gas) -> String {
    if gas.networks.is_empty() {
        return "No gas worker has told anything yet".to_owned();
    }
    gas.networks.iter().map(network_text).collect::<Vec<_>>().join("\n\n")
}

fn network_text(gas: &NetworkGas) -> String {
    let gate = match &gas.fee_gate {
        Some(gate) => format!("{gate}, by {} hours", gas.fee_hours),
        None => format!("not known: {} hours of fees, and 24 are needed", gas.fee_hours),
    };
    let used = gas.topped_today_usd.as_ref().map_or("no fresh price".to_owned(), |usd| format!("{usd} USD"));
    let nearly = if gas.budget_nearly_used { ", nearly used" } else { "" };
    let head = fields([
        ("Network", gas.network.clone()),
        ("Fee now", or_nothing(gas.fee.clone())),
        ("Low fee", gate),
        ("Budget a day", format!("{} USD{nearly}", gas.budget_usd)),
        ("Topped today", format!("{} {} ({used})", gas.topped_today, gas.asset)),
    ]);
    let runways = gas.runways.iter().map(|one| {
        let hours = one.hours.map(|hours| format!("{} d {} h", hours / 24, hours % 24));
        [one.role.clone(), one.balance.clone(), or_nothing(one.hourly.clone()), or_nothing(hours), one.level.clone()]
    });
    let runways = columns(["WALLETS", "HAVE", "HOURLY", "LASTS", "LEVEL"], runways);
    let stations = gas.stations.iter().map(|one| {
        [
            one.wallet.to_string(),
            one.role.clone(),
            one.index.to_string(),
            or_nothing(one.address.clone()),
            one.balance.clone(),
            one.at.clone(),
        ]
    });
    let stations = columns(["WALLET", "ROLE", "INDEX", "ADDRESS", "BALANCE", "AT"], stations);
    let spent =
        gas.spent.iter().map(|one| [one.purpose.clone(), one.count.to_string(), one.fees.clone(), one.each.clone()]);
    let spent = columns(["FOR", "COUNT", "FEES", "EACH"], spent);
    let loans = gas
        .loans
        .iter()
        .map(|one| [one.to.clone(), one.stake.clone(), one.state.clone(), one.wallet.to_string(), one.since.clone()]);
    let loans = match gas.loans.is_empty() {
        true => String::new(),
        false => format!("\n\n{}", columns(["LENT TO", "STAKE", "STATE", "WALLET", "SINCE"], loans)),
    };
    let strays = gas.stations.iter().filter_map(|one| {
        let (sun, address) = (one.stray.as_ref()?, one.address.clone().unwrap_or_default());
        Some(format!("\n\nOthers lend {sun} {} of the stake of {address}: somebody else has its key", gas.asset))
    });
    let strays: String = strays.collect();
    format!("{head}\n\n{runways}\n\n{stations}\n\n{spent}{loans}{strays}")
}

fn explained_text(explained: &Explained) -> String {
    let Explained { payout, sweep } = explained;
    if let Some(stake) = &payout.stake {
        return fields([
            ("Payout", payout.payout.to_string()),
            ("Network", payout.network.clone()),
            ("State", payout.state.clone()),
            ("Stake", format!("{} {}", stake.what, stake.stake.as_deref().unwrap_or("what has ended"))),
            ("To", stake.to.clone().unwrap_or_else(|| "none".to_owned())),
            ("Sweep", stake.sweep.map_or_else(|| "none".to_owned(), |sweep| sweep.to_string())),
        ]);
    }
    let Some(moved) = &payout.moves else {
        return format!(
            "Payout {} brought nothing to an address of the exchange's: it is for withdrawals",
            payout.payout
        );
    };
    let what_for = match (payout.errand.as_str(), sweep) {
        ("top-up", Some(sweep)) => {
            format!("for sweep {}, which is {}: {}", sweep.sweep, sweep.state, one_line(&sweep.why))
        }
        ("top-up", None) => "to keep a hot wallet above its threshold".to_owned(),
        (errand, _) => format!("it is no top-up but a {errand}"),
    };
    fields([
        ("Payout", payout.payout.to_string()),
        ("Network", payout.network.clone()),
        ("State", payout.state.clone()),
        ("To", moved.to.clone()),
        ("Brought", format!("{} of the network's smallest units", moved.on_chain)),
        ("What for", what_for),
    ])
}
