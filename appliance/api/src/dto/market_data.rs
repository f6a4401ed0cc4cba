//! Market data that is worked out of klines and books.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shapes::{Amount, Balance, IndicatorText, IntervalText, MarketSymbol};

/// The values of an indicator, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Indicators {
    /// The market.
    #[schemars(with = "MarketSymbol")]
    pub symbol: String,
    /// The length of the candles.
    #[schemars(with = "IntervalText")]
    pub interval: String,
    /// The indicator with its parameters, as it was asked for.
    #[schemars(with = "IndicatorText")]
    pub indicator: String,
    /// The names of the values of each point.
    pub columns: Vec<String>,
    /// One a candle.
    pub points: Vec<IndicatorPoint>,
}

/// The values of an indicator as of one candle. Numbers for charts, never for money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IndicatorPoint {
    /// When the candle began, in milliseconds since 1970.
    pub open_time_ms: u64,
    /// In the order of the columns; none before the indicator has seen enough.
    pub values: Option<Vec<f64>>,
}

/// What happened in a market in the last 24 hours, and how its book looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MarketStatistics {
    /// The market.
    #[schemars(with = "MarketSymbol")]
    pub symbol: String,
    /// The last 24 hours; none before the first trade.
    pub day: Option<MarketDay>,
    /// The distance between the best prices; none while a side is empty.
    pub spread: Option<BookSpread>,
    /// What is offered near the middle between the best prices; empty while a side is.
    pub depth: Vec<BookDepth>,
    /// The annualised volatility of 30 daily returns as a fraction; none before there are 31 days.
    pub volatility_30d: Option<f64>,
}

/// The last 24 hours of a market.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MarketDay {
    /// The first price.
    #[schemars(with = "Amount")]
    pub open: String,
    /// The highest price.
    #[schemars(with = "Amount")]
    pub high: String,
    /// The lowest price.
    #[schemars(with = "Amount")]
    pub low: String,
    /// The last price.
    #[schemars(with = "Amount")]
    pub last: String,
    /// What changed hands, in base.
    #[schemars(with = "Amount")]
    pub volume: String,
    /// What was paid for it, in quote.
    #[schemars(with = "Amount")]
    pub quote_volume: String,
    /// The part of the volume whose buyer came second, in base.
    #[schemars(with = "Amount")]
    pub taker_buy_volume: String,
    /// How many trades.
    pub trades: u64,
    /// The last price less the first, in percent of the first.
    pub change_percent: f64,
}

/// The distance between the best prices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BookSpread {
    /// In quote; below zero while a book is crossed in an auction.
    #[schemars(with = "Balance")]
    pub price: String,
    /// In hundredths of a percent of the middle.
    pub basis_points: f64,
}

/// What is offered within a distance of the middle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BookDepth {
    /// The distance, in percent.
    pub percent: u32,
    /// Of the bids, in base.
    #[schemars(with = "Amount")]
    pub bids: String,
    /// Of the asks, in base.
    #[schemars(with = "Amount")]
    pub asks: String,
    /// From -1, where all is asks, to 1, where all is bids.
    pub imbalance: Option<f64>,
}
