//! Markets and their books. Prices are in whole units of quote per whole unit of base, quantities in whole units of base.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{Amount, AssetCode, CommandIdText, MarketSymbol, Moment, Reason, Span};

/// The rates of a fee tier, in millionths of what is received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeeTier {
    /// Where the order was there first, and in auctions.
    pub maker_ppm: u16,
    /// Where the order came second.
    pub taker_ppm: u16,
}

/// What new orders must satisfy. In an answer, none is no limit; in a request, none leaves it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarketFilters {
    /// Lowest limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Amount>")]
    pub price_min: Option<String>,
    /// Highest limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Amount>")]
    pub price_max: Option<String>,
    /// Limits are multiples of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Amount>")]
    pub price_step: Option<String>,
    /// Smallest quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Amount>")]
    pub quantity_min: Option<String>,
    /// Largest quantity of a limit order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Amount>")]
    pub quantity_max: Option<String>,
    /// Largest quantity of a market order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Amount>")]
    pub market_quantity_max: Option<String>,
    /// Quantities are multiples of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Amount>")]
    pub quantity_step: Option<String>,
    /// Smallest price times quantity, in quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Amount>")]
    pub notional_min: Option<String>,
    /// Largest price times quantity, in quote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Amount>")]
    pub notional_max: Option<String>,
    /// How far below and above the reference price a bid may be, in millionths of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bid_percent: Option<PriceRange>,
    /// The same for an ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_percent: Option<PriceRange>,
    /// Most open orders of a user, up to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orders_max: Option<u32>,
    /// Most orders of a user that wait for a trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stops_max: Option<u32>,
    /// Most of base that a user may have and be buying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Amount>")]
    pub position_max: Option<String>,
}

/// A range around the reference price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceRange {
    /// Lowest, in millionths of the reference.
    pub lowest_ppm: u32,
    /// Highest, in millionths of the reference.
    pub highest_ppm: u32,
}

/// When trading is interrupted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CircuitBreaker {
    /// How far the price may move within a minute, in millionths; zero is off.
    pub band_ppm: u32,
    /// How long orders can only be cancelled then.
    #[schemars(with = "Span")]
    pub pause: String,
    /// How long the auction that follows lasts.
    #[schemars(with = "Span")]
    pub auction: String,
}

/// One market.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Market {
    /// Its name.
    #[schemars(with = "MarketSymbol")]
    pub symbol: String,
    /// Its number.
    pub number: u32,
    /// What is traded.
    #[schemars(with = "AssetCode")]
    pub base: String,
    /// What prices are in.
    #[schemars(with = "AssetCode")]
    pub quote: String,
    /// `pre-open`, `auction`, `uncrossing`, `trading`, `post-only`, `cancel-only`, `halt` or `delisted`.
    pub phase: String,
    /// When the phase ends by itself.
    #[schemars(with = "Option<Moment>")]
    pub phase_ends_at: Option<String>,
    /// The smallest difference between two prices.
    #[schemars(with = "Amount")]
    pub tick: String,
    /// The smallest difference between two quantities.
    #[schemars(with = "Amount")]
    pub lot: String,
    /// Fees by tier; a user of a higher tier than there are has the last one.
    pub fees: Vec<FeeTier>,
    /// What new orders must satisfy.
    pub filters: MarketFilters,
    /// When trading is interrupted.
    pub breaker: CircuitBreaker,
    /// The price that limits are measured by until there is a trade.
    #[schemars(with = "Option<Amount>")]
    pub reference: Option<String>,
    /// The best bid.
    #[schemars(with = "Option<Amount>")]
    pub bid: Option<String>,
    /// The best ask.
    #[schemars(with = "Option<Amount>")]
    pub ask: Option<String>,
    /// The price of the last trade.
    #[schemars(with = "Option<Amount>")]
    pub last: Option<String>,
    /// The price at which an auction would trade now.
    #[schemars(with = "Option<Amount>")]
    pub indication: Option<String>,
    /// Open orders, those that wait included.
    pub open_orders: u32,
}

/// `GET /v1/markets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Markets {
    /// Every market, in the order of the numbers.
    pub markets: Vec<Market>,
}

/// `POST /v1/markets`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateMarket {
    /// 1 to 20 characters of A-Z and 0-9; no other market's.
    #[schemars(with = "MarketSymbol")]
    pub symbol: String,
    /// The code of the asset that is traded.
    #[schemars(with = "AssetCode")]
    pub base: String,
    /// The code of the asset that prices are in.
    #[schemars(with = "AssetCode")]
    pub quote: String,
    /// The smallest difference between two prices, such as `0.01`.
    #[schemars(with = "Amount")]
    pub tick: String,
    /// The smallest difference between two quantities, such as `0.00001`.
    #[schemars(with = "Amount")]
    pub lot: String,
    /// Fees by tier, at least one.
    #[schemars(length(min = 1, max = 32))]
    pub fees: Vec<FeeTier>,
    /// What new orders must satisfy; without limits where nothing is said.
    pub filters: Option<MarketFilters>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`CreateMarket`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MarketCreated {
    /// Its name.
    #[schemars(with = "MarketSymbol")]
    pub symbol: String,
    /// Its number.
    pub number: u32,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `POST /v1/markets/{symbol}/configure`; what is not given stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigureMarket {
    /// What new orders must satisfy.
    pub filters: Option<MarketFilters>,
    /// When trading is interrupted.
    pub breaker: Option<CircuitBreaker>,
    /// The price that limits are measured by until there is a trade.
    #[schemars(with = "Option<Amount>")]
    pub reference: Option<String>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`ConfigureMarket`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MarketConfigured {
    /// Its name.
    #[schemars(with = "MarketSymbol")]
    pub symbol: String,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// `POST /v1/markets/{symbol}/phase`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMarketPhase {
    /// `pre-open`, `auction`, `trading`, `post-only`, `cancel-only`, `halt` or `delisted`, which is for ever.
    #[schemars(extend("enum" = ["pre-open", "auction", "trading", "post-only", "cancel-only", "halt", "delisted"]))]
    pub phase: String,
    /// When an auction ends by itself, in RFC 3339.
    #[schemars(with = "Option<Moment>")]
    pub ends_at: Option<String>,
    /// Why.
    #[schemars(with = "Reason")]
    pub reason: String,
    /// 32 hexadecimal digits drawn by the sender; the same id takes effect once at most in 24 hours.
    #[schemars(with = "Option<CommandIdText>")]
    pub command_id: Option<String>,
}

/// The answer to [`SetMarketPhase`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MarketPhaseSet {
    /// Its name.
    #[schemars(with = "MarketSymbol")]
    pub symbol: String,
    /// The phase it is in.
    pub phase: String,
    /// The entry it was applied in.
    pub index: u64,
    /// The command's id.
    #[schemars(with = "CommandIdText")]
    pub command_id: String,
}

/// One price of a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Level {
    /// The price.
    #[schemars(with = "Amount")]
    pub price: String,
    /// What is shown at it.
    #[schemars(with = "Amount")]
    pub quantity: String,
    /// How many orders.
    pub orders: u32,
}

/// `GET /v1/markets/{symbol}/book`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Book {
    /// The market.
    #[schemars(with = "MarketSymbol")]
    pub symbol: String,
    /// Its phase.
    pub phase: String,
    /// The prices that are bid, the best first.
    pub bids: Vec<Level>,
    /// The prices that are asked, the best first.
    pub asks: Vec<Level>,
}
