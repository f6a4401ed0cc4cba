//! What is derived from trades and books: klines, tickers, depth streams, indicators and statistics.
//!
//! Nothing here decides about money. Trades and changes of levels go in, in the order in which the engine made them;
//! everything can be built again from them, and comes out the same. So a follower serves it as well as a leader.
//!
//! - [`kline`]: sixteen intervals out of the trades, rows to store them, pages that fill what is empty.
//! - [`ticker`]: windows that roll by minutes, and the average price.
//! - [`tape`]: both together, for one market.
//! - [`depth`]: the book as others see it, with update ids, differences and a checksum.
//! - [`conflate`]: what a subscriber has not taken yet, and the verdict when that is too much.
//! - [`indicators`], [`statistics`]: floating point, for charts; they never flow back into the rest.
//!
//! # Invariants
//! - Prices are ticks, volumes minor units, times milliseconds since 1970; integers, and sums that stay at the highest
//!   value instead of wrapping.
//! - Every structure is bounded, by a constant or by its caller's limit.
//! - No clock, no randomness, no iteration over hash maps. Bad input is a typed refusal that changes nothing.
#![deny(clippy::float_arithmetic)]

pub mod conflate;
pub mod depth;
#[allow(clippy::float_arithmetic, reason = "indicators are drawn, never booked")]
pub mod indicators;
pub mod interval;
pub mod kline;
#[allow(clippy::float_arithmetic, reason = "statistics are shown, never booked")]
pub mod statistics;
pub mod tape;
#[cfg(test)]
mod tests;
pub mod ticker;
pub mod trade;

pub use interval::Interval;
pub use kline::{Kline, Klines};
pub use tape::Tape;
pub use trade::{Side, Trade, TradeFault};
