//! `exchequer network list|show|enable|disable|set|endpoint`: what may be done on each blockchain, and how it is reached.

use clap::{Args, Subcommand};
use exchequer_api::dto::{ConfigureNetwork, ConfigureNetworkAsset, Network, NetworkConfigured, Networks, Switch};
use exchequer_domain::{Code, Problem};
use reqwest::Method;

use super::args::{ClientArgs, ConsentArgs, ProposeArgs, ReasonArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::confirm::{self, Question};
use super::exit::{Exit, Stop};
use super::output::{NOTHING, Printer, columns, fields, or_nothing};

/// `exchequer network`.
#[derive(Debug, Clone, Subcommand)]
pub enum NetworkVerb {
    /// List the networks
    #[command(after_help = "Example:\n  exchequer network list")]
    List(ListNetworksArgs),
    /// Show a network: what may be done, confirmations, fee caps, endpoints, assets
    #[command(after_help = "Example:\n  exchequer network show bitcoin")]
    Show(ShowNetworkArgs),
    /// Use a network for everything that is switched on
    ///
    /// [dangerous] Money comes in and goes out from then on. Asks for the network's name.
    #[command(after_help = "Example:\n  exchequer network enable bitcoin --reason 'OPS-460'")]
    Enable(SwitchNetworkArgs),
    /// Suspend a network: nothing is credited, paid or gathered there
    ///
    /// [dangerous] Asks for the network's name.
    #[command(after_help = "Example:\n  exchequer network disable bitcoin --reason 'OPS-461: a fork'")]
    Disable(SwitchNetworkArgs),
    /// Change a network, or with --asset what may be done with one asset on it
    ///
    /// [dangerous] Asks for the network's name.
    #[command(
        after_help = "Example:\n  exchequer network set bitcoin --state withdrawals-only --reason 'OPS-462'\n  exchequer \
                      network set tron --asset USDT --deposits off --reason 'OPS-463'\n  exchequer network set bitcoin \
                      --tradable 3 --withdrawable 6 --fee-rate-max 400 --reason 'OPS-464'"
    )]
    Set(Box<SetNetworkArgs>),
    /// Change by which nodes a network is reached
    #[command(after_help = "Example:\n  exchequer network endpoint add tron https://node.example --reason 'OPS-465'")]
    Endpoint {
        /// What to do.
        #[command(subcommand)]
        verb: EndpointVerb,
    },
}

/// `exchequer network endpoint`.
#[derive(Debug, Clone, Subcommand)]
pub enum EndpointVerb {
    /// Add an endpoint, the last to be tried; a key in its address is a reference to a secret
    #[command(
        after_help = "Example:\n  exchequer network endpoint add ethereum https://eth.example/v2/secret:node-key --reason \
                      'OPS-466'"
    )]
    Add(EndpointArgs),
    /// Remove an endpoint
    #[command(
        after_help = "Example:\n  exchequer network endpoint remove tron https://node.example --reason 'OPS-467'"
    )]
    Remove(EndpointArgs),
    /// Make an endpoint the first to be tried
    #[command(after_help = "Example:\n  exchequer network endpoint order tron https://node.example --reason 'OPS-468'")]
    Order(EndpointArgs),
}

/// `exchequer network list`.
#[derive(Debug, Clone, Args)]
pub struct ListNetworksArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer network show`.
#[derive(Debug, Clone, Args)]
pub struct ShowNetworkArgs {
    /// The network
    #[arg(value_name = "NETWORK")]
    pub network: String,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer network enable` and `disable`.
#[derive(Debug, Clone, Args)]
pub struct SwitchNetworkArgs {
    /// The network
    #[arg(value_name = "NETWORK")]
    pub network: String,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer network set`.
#[derive(Debug, Clone, Args)]
pub struct SetNetworkArgs {
    /// The network
    #[arg(value_name = "NETWORK")]
    pub network: String,
    /// Only for this asset
    #[arg(long, value_name = "ASSET", conflicts_with_all = ["state", "tradable", "withdrawable", "fee_rate_max", "fee_max"])]
    pub asset: Option<String>,
    /// What the network is used for
    #[arg(long, value_name = "STATE", value_parser = ["enabled", "deposits-only", "withdrawals-only", "suspended", "delisting"])]
    pub state: Option<String>,
    /// Whether deposits are credited
    #[arg(long, value_name = "on|off", value_parser = parse_switch)]
    pub deposits: Option<bool>,
    /// Whether withdrawals are paid
    #[arg(long, value_name = "on|off", value_parser = parse_switch)]
    pub withdrawals: Option<bool>,
    /// Whether deposits are gathered in the exchange's own wallets
    #[arg(long, value_name = "on|off", value_parser = parse_switch)]
    pub sweeps: Option<bool>,
    /// Confirmations until a deposit can be traded with; where nodes tell what is final, its block has to be as well
    #[arg(long, value_name = "N")]
    pub tradable: Option<u32>,
    /// Confirmations until it can be withdrawn
    #[arg(long, value_name = "N")]
    pub withdrawable: Option<u32>,
    /// The highest rate offered for a unit of the network's work, in minor units of its coin
    #[arg(long, value_name = "N")]
    pub fee_rate_max: Option<u64>,
    /// The most that one transaction may cost, in minor units of its coin
    #[arg(long, value_name = "N")]
    pub fee_max: Option<u64>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whether it is proposed.
    #[command(flatten)]
    pub propose: ProposeArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer network endpoint add`, `remove` and `order`.
#[derive(Debug, Clone, Args)]
pub struct EndpointArgs {
    /// The network
    #[arg(value_name = "NETWORK")]
    pub network: String,
    /// The address
    #[arg(value_name = "URL")]
    pub url: String,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whether it is proposed.
    #[command(flatten)]
    pub propose: ProposeArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

fn parse_switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("`on` or `off`".to_owned()),
    }
}

impl NetworkVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            NetworkVerb::List(args) => &args.client,
            NetworkVerb::Show(args) => &args.client,
            NetworkVerb::Enable(args) | NetworkVerb::Disable(args) => &args.client,
            NetworkVerb::Set(args) => &args.client,
            NetworkVerb::Endpoint { verb } => &verb.args().client,
        }
    }
}

impl EndpointVerb {
    fn args(&self) -> &EndpointArgs {
        match self {
            EndpointVerb::Add(args) | EndpointVerb::Remove(args) | EndpointVerb::Order(args) => args,
        }
    }
}

pub(super) async fn run(verb: &NetworkVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        NetworkVerb::List(args) => {
            let networks: Networks = client.get(&["networks"], &consistency(args.stale)).await?;
            printer.answer(&networks, list_text)?;
        }
        NetworkVerb::Show(args) => {
            let network: Network = client.get(&["networks", &args.network], &consistency(args.stale)).await?;
            printer.answer(&network, network_text)?;
        }
        NetworkVerb::Enable(args) => switch(&client, args, "enabled", printer).await?,
        NetworkVerb::Disable(args) => switch(&client, args, "suspended", printer).await?,
        NetworkVerb::Set(args) => set(&client.proposing(&args.propose), args, printer).await?,
        NetworkVerb::Endpoint { verb } => endpoint(&client.proposing(&verb.args().propose), verb, printer).await?,
    }
    Ok(Exit::Good)
}

async fn switch(client: &Client, args: &SwitchNetworkArgs, state: &str, printer: &mut Printer) -> Result<(), Stop> {
    let consequence = format!("{} is {state} from then on.", args.network);
    ask(printer, args.consent, &consequence, &args.network)?;
    let id = args.command.id()?;
    let body = ConfigureNetwork {
        state: Some(state.to_owned()),
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
        ..ConfigureNetwork::default()
    };
    let done: NetworkConfigured = send(client, Method::PUT, &["networks", &args.network], &body, id).await?;
    printer.answer(&done, |done| format!("{} is {state} since version {}", done.network, or_nothing(done.version)))
}

async fn set(client: &Client, args: &SetNetworkArgs, printer: &mut Printer) -> Result<(), Stop> {
    let what = args.asset.as_ref().map_or_else(String::new, |asset| format!(" for {asset}"));
    ask(printer, args.consent, &format!("What may be done on {}{what} is changed.", args.network), &args.network)?;
    let id = args.command.id()?;
    let (reason, command_id) = (args.reason.reason.clone(), Some(id.to_string()));
    let (deposits, withdrawals, sweeps) = (args.deposits, args.withdrawals, args.sweeps);
    let done: NetworkConfigured = match args.asset.clone() {
        Some(asset) => {
            let body = ConfigureNetworkAsset { asset, deposits, withdrawals, sweeps, reason, command_id };
            send(client, Method::POST, &["networks", &args.network, "assets"], &body, id).await?
        }
        None => {
            let body = ConfigureNetwork {
                state: args.state.clone(),
                deposits,
                withdrawals,
                sweeps,
                tradable: args.tradable,
                withdrawable: args.withdrawable,
                fee_rate_max: args.fee_rate_max.map(|units| units.to_string()),
                fee_max: args.fee_max.map(|units| units.to_string()),
                endpoints: None,
                if_version: None,
                reason,
                command_id,
            };
            send(client, Method::PUT, &["networks", &args.network], &body, id).await?
        }
    };
    printer.answer(&done, |done| match done.version {
        Some(version) => format!("{} is at version {version}", done.network),
        None => format!("{} is changed{what}", done.network),
    })
}

/// Changes the list of endpoints, unless somebody else has changed the network since it was read.
async fn endpoint(client: &Client, verb: &EndpointVerb, printer: &mut Printer) -> Result<(), Stop> {
    let args = verb.args();
    let id = args.command.id()?;
    let network: Network = client.get(&["networks", &args.network], &[]).await?;
    let mut endpoints = network.endpoints;
    let at = endpoints.iter().position(|endpoint| *endpoint == args.url);
    match (verb, at) {
        (EndpointVerb::Add(_), _) => endpoints.push(args.url.clone()),
        (EndpointVerb::Remove(_), Some(at)) => drop(endpoints.remove(at)),
        (EndpointVerb::Order(_), Some(at)) => {
            let first = endpoints.remove(at);
            endpoints.insert(0, first);
        }
        (EndpointVerb::Remove(_) | EndpointVerb::Order(_), None) => {
            let message = format!("{} has no such endpoint", args.network);
            return Err(Problem::new(Code::NotFound, message).hint("see `exchequer network show`").into());
        }
    }
    let body = ConfigureNetwork {
        endpoints: Some(endpoints.clone()),
        if_version: Some(network.version),
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
        ..ConfigureNetwork::default()
    };
    let done: NetworkConfigured = send(client, Method::PUT, &["networks", &args.network], &body, id).await?;
    printer.answer(&done, |done| {
        let list = if endpoints.is_empty() { NOTHING.to_owned() } else { endpoints.join("\n  ") };
        format!("{} is reached by:\n  {list}", done.network)
    })
}

fn ask(printer: &mut Printer, consent: ConsentArgs, consequence: &str, network: &str) -> Result<(), Stop> {
    if consent.yes {
        return Ok(());
    }
    if !printer.can_ask() {
        return Err(confirm::nobody_to_ask("network").into());
    }
    confirm::ask(printer, &Question { consequence, phrase: network, phrase_is: "the network's name" })
}

fn word(switch: &Switch) -> &'static str {
    match (&switch.refused, switch.on) {
        (None, _) => "yes",
        (Some(_), true) => "no",
        (Some(_), false) => "off",
    }
}

fn list_text(networks: &Networks) -> String {
    let rows = networks.networks.iter().map(|network| {
        [
            network.network.clone(),
            network.state.clone(),
            word(&network.deposits).to_owned(),
            word(&network.withdrawals).to_owned(),
            word(&network.sweeps).to_owned(),
            format!("{}/{}", network.tradable, network.withdrawable),
            network.endpoints.len().to_string(),
            network.version.to_string(),
        ]
    });
    let headings = ["NETWORK", "STATE", "DEPOSITS", "WITHDRAWALS", "SWEEPS", "CONFIRMATIONS", "ENDPOINTS", "VERSION"];
    columns(headings, rows)
}

fn network_text(network: &Network) -> String {
    let may = |switch: &Switch| match &switch.refused {
        None => "yes".to_owned(),
        Some(why) => format!("no: {why}"),
    };
    let mut rows = vec![
        ("Network", network.network.clone()),
        ("State", network.state.clone()),
        ("Deposits", may(&network.deposits)),
        ("Withdrawals", may(&network.withdrawals)),
        ("Sweeps", may(&network.sweeps)),
        ("Confirmations", format!("{} to trade, {} to withdraw", network.tradable, network.withdrawable)),
        ("Highest fee rate", or_nothing(network.fee_rate_max.as_ref())),
        ("Highest fee", or_nothing(network.fee_max.as_ref())),
        ("Version", network.version.to_string()),
    ];
    let endpoints = network.endpoints.iter().map(|endpoint| ("Endpoint", endpoint.clone()));
    rows.extend(endpoints);
    let mut text = fields(rows);
    if !network.assets.is_empty() {
        let rows = network.assets.iter().map(|asset| {
            let word = |on: bool| if on { "on" } else { "off" }.to_owned();
            [asset.asset.clone(), word(asset.deposits), word(asset.withdrawals), word(asset.sweeps)]
        });
        text = format!("{text}\n\n{}", columns(["ASSET", "DEPOSITS", "WITHDRAWALS", "SWEEPS"], rows));
    }
    text
}
