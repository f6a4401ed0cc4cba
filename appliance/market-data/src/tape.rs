//! Klines and ticker of one market together: what its trades feed.

use exchequer_domain::Timestamp;

use crate::interval::Interval;
use crate::kline::{Closed, Kline, Klines, Newest, Page, Rows};
use crate::ticker::{Plan, Stats, Ticker, Window};
use crate::trade::{Trade, TradeFault};

/// The average price of the last minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AveragePrice {
    /// The window it is of; without trades in it, the last price counts.
    pub stats: Stats,
    /// When the last trade was, in milliseconds.
    pub last_trade_ms: u64,
}

/// Klines and ticker of one market.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tape {
    klines: Klines,
    ticker: Ticker,
    last: Option<Last>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Last {
    price: u64,
    time_ms: u64,
}

impl Tape {
    /// A market without trades.
    #[must_use]
    pub fn new() -> Tape {
        Tape::default()
    }

    /// As it was when `newest` was stored, as [`Klines::restore`]; the caller then gives the trades after
    /// [`Klines::last_trade`] again, and from then on it answers as one that ran on. A day of minutes is read, and few of
    /// the others.
    ///
    /// # Errors
    /// What reading fails with.
    pub fn restore<R: Rows>(newest: Option<&Newest>, rows: &R) -> Result<Tape, R::Error> {
        let klines = Klines::restore(newest, rows)?;
        let mut tape = Tape { klines, ..Tape::default() };
        let Some(newest) = newest else { return Ok(tape) };
        tape.last = Some(Last { price: newest.second.close, time_ms: newest.last_time.millis() });
        // As far back as the newest minute kept when it was closed.
        let Some(closed) = rows.last(Interval::M1, newest.second.open_time)? else { return Ok(tape) };
        let begin = Window::DAY.begin(closed.open_time);
        let before = begin.checked_sub(1).map(|at| rows.last(Interval::M1, at)).transpose()?;
        if let Some(minute) = before.flatten() {
            tape.ticker.close(&minute);
        }
        for minute in rows.range(Interval::M1, begin, Interval::M1.next(closed.open_time))? {
            tape.ticker.close(&minute);
        }
        Ok(tape)
    }

    /// Adds the next trade. `closed` gets the rows of what is over before it.
    ///
    /// # Errors
    /// As [`Klines::push`]; nothing changed.
    pub fn push(&mut self, trade: &Trade, closed: &mut Vec<Closed>) -> Result<(), TradeFault> {
        let before = closed.len();
        self.klines.push(trade, closed)?;
        self.feed(closed, before);
        self.last = Some(Last { price: trade.price, time_ms: trade.time.millis() });
        Ok(())
    }

    /// Closes what is over at `now`, as [`Klines::advance`].
    pub fn advance(&mut self, now: Timestamp, closed: &mut Vec<Closed>) {
        let before = closed.len();
        self.klines.advance(now, closed);
        self.feed(closed, before);
    }

    /// The klines.
    #[must_use]
    pub fn klines(&self) -> &Klines {
        &self.klines
    }

    /// The last price, in ticks.
    #[must_use]
    pub fn last_price(&self) -> Option<u64> {
        self.last.map(|last| last.price)
    }

    /// The 24 h ticker, up to `now`. None before the first trade.
    #[must_use]
    pub fn day(&self, now: Timestamp) -> Option<Stats> {
        self.in_memory(Window::DAY, now)
    }

    /// A page of klines with every period in it, the open one too; see [`Page::fill`].
    ///
    /// # Errors
    /// What `rows` fails with.
    pub fn page<R: Rows>(&self, page: &Page, rows: &R) -> Result<Vec<Kline>, R::Error> {
        let stored = rows.range(page.interval, page.first, page.last.saturating_add(1))?;
        let current = self.klines.current(page.interval);
        // What is open may be older than the page, when nothing came since; no stored one is newer.
        let before = match (&current, page.first.checked_sub(1)) {
            (Some(kline), _) if kline.open_time < page.first => Some(*kline),
            (_, Some(at)) => rows.last(page.interval, at)?,
            (_, None) => None,
        };
        Ok(page.fill(&stored, current.as_ref(), before.map(|kline| kline.close)))
    }

    /// A window of any length, up to `now`; one of more than a day is read from stored rows. None before the first trade.
    ///
    /// # Errors
    /// What `rows` fails with.
    pub fn window<R: Rows>(&self, window: Window, now: Timestamp, rows: &R) -> Result<Option<Stats>, R::Error> {
        if window.is_in_memory() {
            return Ok(self.in_memory(window, now));
        }
        let Plan { head, hours, tail } = Plan::new(window, now.millis());
        let mut klines = Vec::new();
        for (interval, range) in [(Interval::M1, head), (Interval::H1, hours), (Interval::M1, tail)] {
            if range.is_empty() {
                continue;
            }
            let stored = rows.range(interval, range.start, range.end)?;
            // What is open has no row yet, whether or not its time is over.
            let current = self.klines.current(interval).filter(|kline| range.contains(&kline.open_time));
            let current = current.filter(|kline| stored.last().is_none_or(|last| last.open_time < kline.open_time));
            klines.extend(stored);
            klines.extend(current);
        }
        let mut stats = Stats::fold(window, now.millis(), self.last_price(), &klines);
        // The last price is the one before the window only where nothing is in it.
        if let Some(stats) = stats.as_mut().filter(|stats| stats.total.trades > 0) {
            stats.previous_close = None;
        }
        Ok(stats)
    }

    /// The average price over five minutes, in the sense of [`crate::ticker`]. None before the first trade.
    #[must_use]
    pub fn average_price(&self, now: Timestamp) -> Option<AveragePrice> {
        let stats = self.in_memory(Window::AVERAGE, now)?;
        Some(AveragePrice { stats, last_trade_ms: self.last?.time_ms })
    }

    fn in_memory(&self, window: Window, now: Timestamp) -> Option<Stats> {
        let open_minute = self.klines.current(Interval::M1);
        self.ticker.window(window, now.millis(), open_minute.as_ref())
    }

    fn feed(&mut self, closed: &[Closed], from: usize) {
        let new = closed.get(from..).unwrap_or_default();
        for closed in new.iter().filter(|closed| closed.interval == Interval::M1) {
            self.ticker.close(&closed.kline);
        }
    }
}
