//! Klines (candles): what the trades of a period come to.
//!
//! # What is stored
//! All sixteen intervals. A busy market makes 86,400 rows of `1s` a day; the other fifteen together add 2,405, which is
//! under 3 % of rows and bytes. In return every page of a chart is one range of at most a thousand rows: out of minutes
//! alone, a thousand rows of `12h` would be a fold of 720,000.
//!
//! # What it costs
//! A trade touches one kline, that of its second. A second that is over is folded into its minute, the minute into
//! three and five minutes, and so on, so that each larger interval costs one fold for each smaller kline. In memory a
//! market has sixteen open klines, about 2 KiB.
//!
//! # Invariants
//! Folding is associative, so a row depends on the trades of its period alone, not on when it was written, how often the
//! program was started, or where the trade log was cut: built again, it has the same bytes. Only periods with trades
//! have rows; [`Page::fill`] adds the others on reading, flat at the price before.

mod klines;
pub mod page;
pub mod row;

pub use klines::{Closed, Klines, Newest};
pub use page::{Page, PageError, Query};
pub use row::{DecodeError, Key};

use crate::interval::Interval;
use crate::trade::{Side, Trade};

/// The stored klines of one market.
pub trait Rows {
    /// Why they cannot be read.
    type Error;

    /// Klines of an interval that open from `from` up to, not including, `until`, in order.
    ///
    /// # Errors
    /// They cannot be read.
    fn range(&self, interval: Interval, from: u64, until: u64) -> Result<Vec<Kline>, Self::Error>;

    /// The last kline of an interval that opens at `at` or before.
    ///
    /// # Errors
    /// It cannot be read.
    fn last(&self, interval: Interval, at: u64) -> Result<Option<Kline>, Self::Error>;
}

/// The trades of one period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kline {
    /// When the period began, in milliseconds.
    pub open_time: u64,
    /// The first price, in ticks.
    pub open: u64,
    /// The highest price, in ticks.
    pub high: u64,
    /// The lowest price, in ticks.
    pub low: u64,
    /// The last price, in ticks.
    pub close: u64,
    /// What changed hands, in minor units of the base asset.
    pub base: u128,
    /// What was paid, in minor units of the quote asset.
    pub quote: u128,
    /// The part of `base` that takers bought.
    pub taker_base: u128,
    /// The part of `quote` that takers paid.
    pub taker_quote: u128,
    /// How many trades; zero in a kline that was filled in.
    pub trades: u64,
    /// The number of the first trade; zero where there is none.
    pub first_trade: u64,
    /// The number of the last trade; zero where there is none.
    pub last_trade: u64,
}

impl Kline {
    /// The kline of one trade.
    #[must_use]
    pub fn of(trade: &Trade, open_time: u64) -> Kline {
        let (taker_base, taker_quote) = taken(trade);
        Kline {
            open_time,
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            base: trade.base,
            quote: trade.quote,
            taker_base,
            taker_quote,
            trades: 1,
            first_trade: trade.id,
            last_trade: trade.id,
        }
    }

    /// A period without trades, flat at the price before it.
    #[must_use]
    pub fn flat(open_time: u64, price: u64) -> Kline {
        Kline { open_time, open: price, high: price, low: price, close: price, ..Kline::default() }
    }

    /// Adds a trade that came after all others.
    pub fn add(&mut self, trade: &Trade) {
        let (taker_base, taker_quote) = taken(trade);
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        self.base = self.base.saturating_add(trade.base);
        self.quote = self.quote.saturating_add(trade.quote);
        self.taker_base = self.taker_base.saturating_add(taker_base);
        self.taker_quote = self.taker_quote.saturating_add(taker_quote);
        self.trades = self.trades.saturating_add(1);
        self.last_trade = trade.id;
    }

    /// Adds the kline of a later time that has trades; a kline without any is replaced by it, but for its open time.
    pub fn fold(&mut self, later: &Kline) {
        if self.trades == 0 {
            *self = Kline { open_time: self.open_time, ..*later };
            return;
        }
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.base = self.base.saturating_add(later.base);
        self.quote = self.quote.saturating_add(later.quote);
        self.taker_base = self.taker_base.saturating_add(later.taker_base);
        self.taker_quote = self.taker_quote.saturating_add(later.taker_quote);
        self.trades = self.trades.saturating_add(later.trades);
        self.last_trade = later.last_trade;
    }

    /// The last millisecond of its period.
    #[must_use]
    pub fn close_time(&self, interval: Interval) -> u64 {
        interval.next(self.open_time) - 1
    }
}

fn taken(trade: &Trade) -> (u128, u128) {
    match trade.taker {
        Side::Buy => (trade.base, trade.quote),
        Side::Sell => (0, 0),
    }
}
