//! `exchequer market create|configure`: what a market is, and what its orders must satisfy.

use clap::Args;
use exchequer_api::dto::{
    CircuitBreaker, ConfigureMarket, CreateMarket, FeeTier, MarketConfigured, MarketCreated, MarketFilters, PriceRange,
};
use reqwest::Method;

use super::args::{ClientArgs, ReasonArgs};
use super::client::Client;
use super::command::{CommandArgs, send};
use super::exit::Stop;
use super::output::Printer;

/// `exchequer market create`.
#[derive(Debug, Clone, Args)]
pub struct CreateMarketArgs {
    /// Its name: 1 to 20 characters of A-Z and 0-9
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// The asset that is traded
    #[arg(long, value_name = "ASSET")]
    pub base: String,
    /// The asset that prices are in
    #[arg(long, value_name = "ASSET")]
    pub quote: String,
    /// The smallest difference between two prices
    #[arg(long, value_name = "DECIMAL")]
    pub tick: String,
    /// The smallest difference between two quantities
    #[arg(long, value_name = "DECIMAL")]
    pub lot: String,
    /// The fees of each tier from 0 on, for orders that were there first and for those that came second, in millionths of
    /// what is received; tiers with commas between
    #[arg(long, value_name = "MAKER/TAKER", value_delimiter = ',', default_value = "1000/1000", value_parser = fee_tier)]
    pub fees: Vec<FeeTier>,
    /// What new orders must satisfy.
    #[command(flatten)]
    pub filters: FilterArgs,
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

/// `exchequer market configure`.
#[derive(Debug, Clone, Args)]
pub struct ConfigureMarketArgs {
    /// The market
    #[arg(value_name = "SYMBOL")]
    pub symbol: String,
    /// What new orders must satisfy.
    #[command(flatten)]
    pub filters: FilterArgs,
    /// How far the price may move within a minute before trading is interrupted, in millionths; 0 for any distance
    #[arg(long, value_name = "PPM", requires = "pause", requires = "auction")]
    pub band_ppm: Option<u32>,
    /// How long orders can only be cancelled then
    #[arg(long, value_name = "DURATION", requires = "band_ppm")]
    pub pause: Option<String>,
    /// How long the auction that follows lasts
    #[arg(long, value_name = "DURATION", requires = "band_ppm")]
    pub auction: Option<String>,
    /// The price that limits are measured by until there is a trade
    #[arg(long, value_name = "DECIMAL")]
    pub reference: Option<String>,
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

/// What new orders must satisfy; what is not given stays, or has no limit in a new market.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Limits")]
pub struct FilterArgs {
    /// Lowest limit of an order
    #[arg(long, value_name = "DECIMAL")]
    pub price_min: Option<String>,
    /// Highest limit of an order
    #[arg(long, value_name = "DECIMAL")]
    pub price_max: Option<String>,
    /// Limits are multiples of it
    #[arg(long, value_name = "DECIMAL")]
    pub price_step: Option<String>,
    /// Smallest quantity
    #[arg(long, value_name = "DECIMAL")]
    pub quantity_min: Option<String>,
    /// Largest quantity of a limit order
    #[arg(long, value_name = "DECIMAL")]
    pub quantity_max: Option<String>,
    /// Largest quantity of a market order
    #[arg(long, value_name = "DECIMAL")]
    pub market_quantity_max: Option<String>,
    /// Quantities are multiples of it
    #[arg(long, value_name = "DECIMAL")]
    pub quantity_step: Option<String>,
    /// Smallest price times quantity
    #[arg(long, value_name = "DECIMAL")]
    pub notional_min: Option<String>,
    /// Largest price times quantity
    #[arg(long, value_name = "DECIMAL")]
    pub notional_max: Option<String>,
    /// How low and high a bid may be, in millionths of the reference price
    #[arg(long, value_name = "LOWEST/HIGHEST", value_parser = price_range)]
    pub bid_ppm: Option<PriceRange>,
    /// How low and high an ask may be, in millionths of the reference price
    #[arg(long, value_name = "LOWEST/HIGHEST", value_parser = price_range)]
    pub ask_ppm: Option<PriceRange>,
    /// Most open orders of a user
    #[arg(long, value_name = "N")]
    pub orders_max: Option<u32>,
    /// Most orders of a user that wait for a price
    #[arg(long, value_name = "N")]
    pub stops_max: Option<u32>,
    /// Most of the base asset that a user may have and be buying
    #[arg(long, value_name = "DECIMAL")]
    pub position_max: Option<String>,
}

/// Two whole numbers with a slash between.
fn pair<T: std::str::FromStr>(text: &str) -> Result<(T, T), String> {
    let numbers = text.split_once('/').and_then(|(low, high)| Some((low.parse().ok()?, high.parse().ok()?)));
    numbers.ok_or_else(|| "two whole numbers with a slash between, such as 800/1000".to_owned())
}

fn fee_tier(text: &str) -> Result<FeeTier, String> {
    pair(text).map(|(maker_ppm, taker_ppm)| FeeTier { maker_ppm, taker_ppm })
}

fn price_range(text: &str) -> Result<PriceRange, String> {
    pair(text).map(|(lowest_ppm, highest_ppm)| PriceRange { lowest_ppm, highest_ppm })
}

impl FilterArgs {
    /// None where nothing is given.
    fn filters(&self) -> Option<MarketFilters> {
        let filters = MarketFilters {
            price_min: self.price_min.clone(),
            price_max: self.price_max.clone(),
            price_step: self.price_step.clone(),
            quantity_min: self.quantity_min.clone(),
            quantity_max: self.quantity_max.clone(),
            market_quantity_max: self.market_quantity_max.clone(),
            quantity_step: self.quantity_step.clone(),
            notional_min: self.notional_min.clone(),
            notional_max: self.notional_max.clone(),
            bid_percent: self.bid_ppm,
            ask_percent: self.ask_ppm,
            orders_max: self.orders_max,
            stops_max: self.stops_max,
            position_max: self.position_max.clone(),
        };
        (filters != MarketFilters::default()).then_some(filters)
    }
}

pub(super) async fn create(client: &Client, args: &CreateMarketArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = CreateMarket {
        symbol: args.symbol.clone(),
        base: args.base.clone(),
        quote: args.quote.clone(),
        tick: args.tick.clone(),
        lot: args.lot.clone(),
        fees: args.fees.clone(),
        filters: args.filters.filters(),
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let made: MarketCreated = send(client, Method::POST, &["markets"], &body, id).await?;
    printer.answer(&made, |made| format!("Created market {} with number {}", made.symbol, made.number))?;
    printer.note(&format!("\nIt gathers orders. To open it: exchequer market resume {} --reason TEXT", made.symbol))
}

pub(super) async fn configure(client: &Client, args: &ConfigureMarketArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let breaker = match (args.band_ppm, &args.pause, &args.auction) {
        (Some(band_ppm), Some(pause), Some(auction)) => {
            Some(CircuitBreaker { band_ppm, pause: pause.clone(), auction: auction.clone() })
        }
        _ => None,
    };
    let body = ConfigureMarket {
        filters: args.filters.filters(),
        breaker,
        reference: args.reference.clone(),
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let path = ["markets", &args.symbol, "configure"];
    let done: MarketConfigured = send(client, Method::POST, &path, &body, id).await?;
    printer.answer(&done, |done| format!("{} is configured", done.symbol))
}
