//! `exchequer market list|show|phase|halt|resume|delist`; making and configuring one is in `market_setup`.

use clap::{Args, Subcommand, ValueEnum};
use exchequer_api::dto::{Market, MarketFilters, MarketPhaseSet, Markets, PriceRange, SetMarketPhase};
use reqwest::Method;

use super::args::{ClientArgs, ConsentArgs, ReasonArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::confirm::{self, Question};
use super::exit::{Exit, Stop};
use super::market_setup::{self, ConfigureMarketArgs, CreateMarketArgs};
use super::output::{NOTHING, Printer, columns, fields, or_nothing};

/// `exchequer market`.
#[derive(Debug, Clone, Subcommand)]
pub enum MarketVerb {
    /// Make a market, in the phase before opening
    #[command(
        after_help = "Example:\n  exchequer market create BTCUSDT --base BTC --quote USDT --tick 0.01 --lot 0.00001 \\\n    \
                            --fees 1000/1500,800/1000 --notional-min 5 --reason 'OPS-402'"
    )]
    Create(Box<CreateMarketArgs>),
    /// List the markets
    #[command(after_help = "Example:\n  exchequer market list")]
    List(ListMarketsArgs),
    /// Show a market with its limits and best prices
    #[command(after_help = "Example:\n  exchequer market show BTCUSDT")]
    Show(ShowMarketArgs),
    /// Change what new orders must satisfy, what interrupts trading, or the reference price
    #[command(after_help = "Example:\n  exchequer market configure BTCUSDT --notional-min 10 --reason 'OPS-403'\n  \
                            exchequer market configure BTCUSDT --band-ppm 100000 --pause 2m --auction 1m --reason 'OPS-404'")]
    Configure(Box<ConfigureMarketArgs>),
    /// Bring a market to a phase
    #[command(
        after_help = "Example:\n  exchequer market phase BTCUSDT auction --ends-at 2026-11-24T08:00:00Z --reason 'opening'"
    )]
    Phase(PhaseArgs),
    /// Stop a market: nothing moves, orders stay as they are
    #[command(after_help = "Example:\n  exchequer market halt BTCUSDT --reason 'OPS-405: odd prices'")]
    Halt(ToPhaseArgs),
    /// Let a market trade
    ///
    /// A book in which prices cross opens with an auction's price.
    #[command(after_help = "Example:\n  exchequer market resume BTCUSDT --reason 'OPS-405: all is well'")]
    Resume(ToPhaseArgs),
    /// Close a market for ever
    ///
    /// [dangerous] All its orders end; it cannot be opened again.
    #[command(after_help = "Example:\n  exchequer market delist BTCUSDT --reason 'OPS-406' --yes")]
    Delist(DelistArgs),
}

/// The phases that a market can be brought to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PhaseWord {
    /// Orders gather and nothing trades.
    PreOpen,
    /// As before, with a price indicated; ends with one price for all.
    Auction,
    /// Orders trade as they come.
    Trading,
    /// Only orders that do not trade on entry.
    PostOnly,
    /// Orders can only be cancelled or made smaller.
    CancelOnly,
    /// Nothing moves.
    Halt,
}

/// `exchequer market list`.
#[derive(Debug, Clone, Args)]
pub struct ListMarketsArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer market show`.
#[derive(Debug, Clone, Args)]
pub struct ShowMarketArgs {
    /// The market
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer market phase`.
#[derive(Debug, Clone, Args)]
pub struct PhaseArgs {
    /// The market
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// The phase
    #[arg(value_name = "PHASE", value_enum)]
    pub phase: PhaseWord,
    /// When an auction ends by itself, in RFC 3339 [default: with the next change of phase]
    #[arg(long, value_name = "TIME")]
    pub ends_at: Option<String>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer market halt` and `resume`.
#[derive(Debug, Clone, Args)]
pub struct ToPhaseArgs {
    /// The market
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer market delist`.
#[derive(Debug, Clone, Args)]
pub struct DelistArgs {
    /// Which market, why and whom to ask.
    #[command(flatten)]
    pub to: ToPhaseArgs,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
}

impl MarketVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            MarketVerb::Create(args) => &args.client,
            MarketVerb::List(args) => &args.client,
            MarketVerb::Show(args) => &args.client,
            MarketVerb::Configure(args) => &args.client,
            MarketVerb::Phase(args) => &args.client,
            MarketVerb::Halt(args) | MarketVerb::Resume(args) => &args.client,
            MarketVerb::Delist(args) => &args.to.client,
        }
    }
}

pub(super) async fn run(verb: &MarketVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        MarketVerb::Create(args) => market_setup::create(&client, args, printer).await?,
        MarketVerb::Configure(args) => market_setup::configure(&client, args, printer).await?,
        MarketVerb::List(args) => {
            let markets: Markets = client.get(&["markets"], &consistency(args.stale)).await?;
            printer.answer(&markets, list_text)?;
        }
        MarketVerb::Show(args) => {
            let market: Market = client.get(&["markets", &args.symbol], &consistency(args.stale)).await?;
            printer.answer(&market, one_text)?;
        }
        MarketVerb::Phase(args) => {
            let word = args.phase.to_possible_value().map(|word| word.get_name().to_owned()).unwrap_or_default();
            let change = To { symbol: &args.symbol, phase: &word, ends_at: args.ends_at.clone() };
            set_phase(&client, change, &args.reason, args.command, printer).await?;
        }
        MarketVerb::Halt(args) => to(&client, args, "halt", printer).await?,
        MarketVerb::Resume(args) => to(&client, args, "trading", printer).await?,
        MarketVerb::Delist(args) => {
            if !args.consent.yes {
                if !printer.can_ask() {
                    return Err(confirm::nobody_to_ask("market delist").into());
                }
                let consequence = format!("The market {} is closed for ever, and all its orders end.", args.to.symbol);
                let phrase = &args.to.symbol;
                confirm::ask(printer, &Question { consequence: &consequence, phrase, phrase_is: "the symbol" })?;
            }
            to(&client, &args.to, "delisted", printer).await?;
        }
    }
    Ok(Exit::Good)
}

struct To<'a> {
    symbol: &'a str,
    phase: &'a str,
    ends_at: Option<String>,
}

async fn to(client: &Client, args: &ToPhaseArgs, phase: &str, printer: &mut Printer) -> Result<(), Stop> {
    let change = To { symbol: &args.symbol, phase, ends_at: None };
    set_phase(client, change, &args.reason, args.command, printer).await
}

async fn set_phase(
    client: &Client,
    to: To<'_>,
    reason: &ReasonArgs,
    command: CommandArgs,
    printer: &mut Printer,
) -> Result<(), Stop> {
    let id = command.id()?;
    let body = SetMarketPhase {
        phase: to.phase.to_owned(),
        ends_at: to.ends_at,
        reason: reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let done: MarketPhaseSet = send(client, Method::POST, &["markets", to.symbol, "phase"], &body, id).await?;
    printer.answer(&done, |done| format!("{} is in the phase {}", done.symbol, done.phase))
}

pub(super) fn list_text(markets: &Markets) -> String {
    let rows = markets.markets.iter().map(|market| {
        [
            market.symbol.clone(),
            market.phase.clone(),
            or_nothing(market.bid.clone()),
            or_nothing(market.ask.clone()),
            or_nothing(market.last.clone()),
            market.tick.clone(),
            market.lot.clone(),
            market.open_orders.to_string(),
        ]
    });
    columns(["MARKET", "PHASE", "BID", "ASK", "LAST", "TICK", "LOT", "ORDERS"], rows)
}

pub(super) fn one_text(market: &Market) -> String {
    let fees: Vec<String> = market.fees.iter().map(|tier| format!("{}/{}", tier.maker_ppm, tier.taker_ppm)).collect();
    let phase = match &market.phase_ends_at {
        Some(at) => format!("{} until {at}", market.phase),
        None => market.phase.clone(),
    };
    let breaker = match market.breaker.band_ppm {
        0 => "off".to_owned(),
        band => format!("{band} ppm, pause {}, auction {}", market.breaker.pause, market.breaker.auction),
    };
    let mut rows = vec![
        ("Market", format!("{} (number {})", market.symbol, market.number)),
        ("Base", market.base.clone()),
        ("Quote", market.quote.clone()),
        ("Phase", phase),
        ("Bid", or_nothing(market.bid.clone())),
        ("Ask", or_nothing(market.ask.clone())),
        ("Last", or_nothing(market.last.clone())),
        ("Reference", or_nothing(market.reference.clone())),
        ("Indication", or_nothing(market.indication.clone())),
        ("Tick", market.tick.clone()),
        ("Lot", market.lot.clone()),
        ("Fees (maker/taker ppm)", fees.join(", ")),
        ("Circuit breaker", breaker),
        ("Open orders", market.open_orders.to_string()),
    ];
    rows.extend(filters(&market.filters));
    fields(rows)
}

fn filters(filters: &MarketFilters) -> Vec<(&'static str, String)> {
    let span = |low: &Option<String>, high: &Option<String>| match (low, high) {
        (None, None) => NOTHING.to_owned(),
        (low, high) => format!("{} to {}", or_nothing(low.clone()), or_nothing(high.clone())),
    };
    let percent = |range: Option<PriceRange>| {
        or_nothing(range.map(|range| format!("{} to {} ppm", range.lowest_ppm, range.highest_ppm)))
    };
    vec![
        ("Price", span(&filters.price_min, &filters.price_max)),
        ("Price step", or_nothing(filters.price_step.clone())),
        ("Quantity", span(&filters.quantity_min, &filters.quantity_max)),
        ("Quantity step", or_nothing(filters.quantity_step.clone())),
        ("Quantity of market orders", span(&None, &filters.market_quantity_max)),
        ("Notional", span(&filters.notional_min, &filters.notional_max)),
        ("Bids from reference", percent(filters.bid_percent)),
        ("Asks from reference", percent(filters.ask_percent)),
        ("Orders of a user", or_nothing(filters.orders_max)),
        ("Waiting orders of a user", or_nothing(filters.stops_max)),
        ("Position of a user", or_nothing(filters.position_max.clone())),
    ]
}
