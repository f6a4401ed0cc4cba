//! Order books with price-time priority: commands in, reports out.
//!
//! A [`Market`] is a [`Book`] and the rules around it. It knows no balances: it asks its [`Desk`] to hold an amount
//! before it accepts an order, and reports exactly what every trade moves and what is free again, in minor units, with
//! the numbers of the balances concerned. Time arrives with each command; [`Market::due`] says when it needs one.
//!
//! # Boundary
//! - What an order holds: [`Report::Accepted`] and [`Report::Amended`] say what is added, [`Party::freed`] and the
//!   `freed` of the other reports what is free again; a buyer's trade takes its quote from it, a seller's its base.
//! - An order is over with its [`Report::Ended`], or when a trade or a [`Report::Reduced`] leaves nothing of it; after
//!   that, only an [`End::Completed`] with the rest of what it held may follow.
//! - [`OrderId::slot`] is a dense number among open orders: records kept beside the market need no search.
//! - A market is kept as rows, one for each order. After a batch of commands [`Market::drain`] gives those that changed;
//!   [`Market::restore`] makes the market from all of them, after which [`Market::orders`] says what to hold anew.
//!
//! # Invariants
//! - The same commands at the same times give the same reports, on every node and after every restore.
//! - A refused command changes nothing. Bad input never halts; a [`Halt`] means that the market must be dropped.
//! - In continuous trading no bid is at or above an ask, and a trade has the price of the order that was first.
//! - What is held for an order follows from its side, price and quantity; what is held, paid and freed always adds up.

mod auction;
mod book;
mod breaker;
mod command;
mod fees;
mod filters;
mod halt;
mod image;
mod limits;
mod market;
mod owners;
mod phase;
mod planted;
mod rejection;
mod reports;
mod rows;
#[cfg(test)]
mod tests;
mod timers;
mod units;
pub mod workload;

pub use auction::Indication;
pub use book::walk::STEPS_MAX;
pub use book::{Book, Depth};
pub use breaker::{Breaker, WINDOW_SECONDS};
pub use command::{Action, By, Command, Life, NewOrder, NewPair, When};
pub use fees::{FEE_PPM_MAX, QUOTE_PER_TICK_MAX, Rounding, Worth};
pub use filters::{Filters, ICEBERG_PARTS_MAX, ORDERS_OF_OWNER_MAX, Percent};
pub use halt::Halt;
pub use image::ImageError;
pub use limits::SHARE;
pub use market::{
    DEADLINES_PER_COMMAND, DELISTED_PER_COMMAND, FIRED_PER_COMMAND, FOLLOW_STEPS_MAX, Market, OrderView,
    SWITCHES_PER_COMMAND, Stands, TRAILING_MAX, WAITING_MAX,
};
pub use owners::OWNERS_MAX;
pub use phase::{Phase, PhaseChange};
pub use rejection::Rejection;
pub use reports::{Desk, End, Hold, Party, Report, Trade};
pub use rows::RowKey;
pub use units::{
    Fees, LEVELS_MAX, Lots, ORDER_LOTS_MAX, ORDERS_MAX, OrderId, Owner, PRICE_TICKS_MAX, SelfTrade, Side, Slots, Ticks,
    TradeId,
};
