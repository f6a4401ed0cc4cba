//! The open klines of one market.

use exchequer_domain::Timestamp;

use super::{Kline, Rows};
use crate::interval::Interval;
use crate::trade::{Trade, TradeFault};

/// A kline whose period is over: the row to store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// The kline's length.
    pub interval: Interval,
    /// The kline, with at least one trade.
    pub kline: Kline,
}

/// Where a restart goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// The newest stored kline of a second.
    pub second: Kline,
    /// When its last trade was, as the trade log has it.
    pub last_time: Timestamp,
}

/// The open klines of one market.
///
/// Each holds what is closed of its source, so that a trade touches that of its second only; [`Klines::current`] adds
/// the rest on reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Klines {
    open: [Option<Kline>; Interval::ALL.len()],
    /// The first moment at which one of them is over.
    due_ms: u64,
    /// Seconds before this one take no more trades.
    closed_until_ms: u64,
    last_trade: u64,
    last_time: Timestamp,
}

impl Default for Klines {
    fn default() -> Klines {
        Klines::new()
    }
}

impl Klines {
    /// A market without trades.
    #[must_use]
    pub fn new() -> Klines {
        Klines {
            open: [None; Interval::ALL.len()],
            due_ms: u64::MAX,
            closed_until_ms: 0,
            last_trade: 0,
            last_time: Timestamp(0),
        }
    }

    /// As it was when `newest` was stored; the caller then gives the trades after [`Klines::last_trade`] again, which are
    /// those of one second.
    ///
    /// What one trade closed must have been stored together. Then nothing closes twice: after a restart the same rows
    /// are written at the same trades as without one.
    ///
    /// # Errors
    /// What `rows` fails with.
    pub fn restore<R: Rows>(newest: Option<&Newest>, rows: &R) -> Result<Klines, R::Error> {
        let mut klines = Klines::new();
        let Some(newest) = newest else { return Ok(klines) };
        let time_ms = newest.second.open_time;
        for interval in Interval::ALL {
            let Some(source) = interval.source() else { continue };
            let (open_time, next) = (interval.open(time_ms), interval.next(time_ms));
            // A stored one is folded into those that are made of it; nothing is left of it here.
            if !rows.range(interval, open_time, open_time + 1)?.is_empty() {
                continue;
            }
            for row in rows.range(source, open_time, next)? {
                klines.put(interval, &row);
            }
        }
        klines.closed_until_ms = Interval::S1.next(time_ms);
        klines.last_trade = newest.second.last_trade;
        klines.last_time = newest.last_time;
        klines.set_due();
        Ok(klines)
    }

    /// Adds the next trade. `closed` gets what is over before it, smaller intervals first.
    ///
    /// # Errors
    /// The trade is not the next one, or has nothing in it; nothing changed. The first trade of a market may have any
    /// number.
    pub fn push(&mut self, trade: &Trade, closed: &mut Vec<Closed>) -> Result<(), TradeFault> {
        let (id, last) = (trade.id, self.last_trade);
        if trade.price == 0 || trade.base == 0 || id == 0 {
            return Err(TradeFault::Empty { id });
        }
        if id <= last {
            return Err(TradeFault::Repeated { id, last });
        }
        if last != 0 && id != last + 1 {
            return Err(TradeFault::Gap { id, last });
        }
        let time_ms = trade.time.millis();
        if trade.time < self.last_time || time_ms < self.closed_until_ms {
            return Err(TradeFault::Late { id });
        }
        if time_ms >= self.due_ms {
            self.roll(time_ms, closed);
        }
        (self.last_trade, self.last_time) = (id, trade.time);
        let [second, ..] = &mut self.open;
        match second {
            Some(kline) => kline.add(trade),
            None => {
                let open_time = Interval::S1.open(time_ms);
                *second = Some(Kline::of(trade, open_time));
                self.due_ms = Interval::S1.next(time_ms);
            }
        }
        Ok(())
    }

    /// Closes what is over at `now`, without waiting for the next trade. Seconds before `now` take no more trades.
    pub fn advance(&mut self, now: Timestamp, closed: &mut Vec<Closed>) {
        let now_ms = now.millis();
        self.closed_until_ms = self.closed_until_ms.max(Interval::S1.open(now_ms));
        if now_ms >= self.due_ms {
            self.roll(now_ms, closed);
        }
    }

    /// The kline of an interval as far as it has got; its period may be over, when no trade came since.
    #[must_use]
    pub fn current(&self, interval: Interval) -> Option<Kline> {
        let own = self.open.get(interval as usize).copied().flatten();
        let newer = interval.source().and_then(|source| self.current(source));
        match (own, newer) {
            (Some(mut kline), Some(newer)) => {
                kline.fold(&newer);
                Some(kline)
            }
            (None, Some(newer)) => Some(Kline { open_time: interval.open(newer.open_time), ..newer }),
            (own, None) => own,
        }
    }

    /// The number of the last trade; zero before the first.
    #[must_use]
    pub fn last_trade(&self) -> u64 {
        self.last_trade
    }

    /// Closes what is over at `now_ms`, and folds it into what is made of it.
    fn roll(&mut self, now_ms: u64, closed: &mut Vec<Closed>) {
        for interval in Interval::ALL {
            let Some(place) = self.open.get_mut(interval as usize) else { continue };
            let Some(kline) = *place else { continue };
            if interval.next(kline.open_time) > now_ms {
                // Everything larger is made of whole minutes.
                if interval == Interval::M1 {
                    break;
                }
                continue;
            }
            *place = None;
            if interval == Interval::S1 {
                self.closed_until_ms = self.closed_until_ms.max(Interval::S1.next(kline.open_time));
            }
            closed.push(Closed { interval, kline });
            for larger in Interval::ALL.into_iter().filter(|larger| larger.source() == Some(interval)) {
                self.put(larger, &kline);
            }
        }
        self.set_due();
    }

    fn put(&mut self, interval: Interval, part: &Kline) {
        if let Some(place) = self.open.get_mut(interval as usize) {
            match place {
                Some(kline) => kline.fold(part),
                None => *place = Some(Kline { open_time: interval.open(part.open_time), ..*part }),
            }
        }
    }

    fn set_due(&mut self) {
        let ends = Interval::ALL.into_iter().zip(&self.open);
        let mut ends = ends.filter_map(|(interval, kline)| kline.map(|kline| interval.next(kline.open_time)));
        let first = ends.next();
        // A second or a minute is over before anything that holds it; without one, any of the others may be the first.
        let [second, minute, ..] = &self.open;
        self.due_ms = match first {
            Some(end) if second.is_some() || minute.is_some() => end,
            Some(end) => ends.fold(end, u64::min),
            None => u64::MAX,
        };
    }
}
