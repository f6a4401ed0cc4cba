//! Order books: price-time priority. Commands in, reports out; nothing else.

#![allow(dead_code, reason = "the market around the book follows")]

mod book;
mod halt;
#[cfg(test)]
mod tests;
mod units;
pub mod workload;

pub use book::{Book, Depth};
pub use halt::Halt;
pub use units::{
    Fees, LEVELS_MAX, Lots, ORDER_LOTS_MAX, ORDERS_MAX, OrderId, Owner, PRICE_TICKS_MAX, SelfTrade, Side, Slots, Ticks,
    TradeId,
};

/// Owners are numbered below this.
pub const OWNERS_MAX: u32 = 1 << 22;
/// Highest rate of a fee, in millionths: 5 %.
pub const FEE_PPM_MAX: u16 = 50_000;
