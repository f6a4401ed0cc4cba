//! The kline that a stream tells of at the moment, out of the trades as they are heard.

use exchequer_market_data::{Interval, Kline, Trade};

/// How long after a period's end, by the clock, it is over although nothing was heard since: clocks of nodes differ by
/// less, or they would not lead.
const SETTLE_MS: u64 = 3_000;

/// The newest kline of one market and interval.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Candle {
    kline: Option<Kline>,
    is_changed: bool,
    is_closed: bool,
}

impl Candle {
    /// Goes on from the kline that the state has.
    pub(crate) fn new(kline: Option<Kline>, interval: Interval, now_ms: u64) -> Candle {
        let is_closed = kline.is_some_and(|kline| interval.next(kline.open_time) <= now_ms);
        Candle { kline, is_changed: kline.is_some(), is_closed }
    }

    /// To be told again, for somebody new.
    pub(crate) fn refresh(&mut self) {
        self.is_changed = self.kline.is_some();
    }

    /// Adds a trade, unless it is in already; gives the kline before where that is over by it and was not told to be.
    pub(crate) fn push(&mut self, interval: Interval, trade: &Trade) -> Option<Kline> {
        let open_time = interval.open(trade.time.millis());
        let over = match &mut self.kline {
            Some(kline) if trade.id <= kline.last_trade => return None,
            Some(kline) if kline.open_time == open_time => {
                kline.add(trade);
                None
            }
            before => before.replace(Kline::of(trade, open_time)).filter(|_| !self.is_closed),
        };
        (self.is_changed, self.is_closed) = (true, false);
        over
    }

    /// What there is to tell at `now_ms`, and whether it is over: replicated time has passed its end at `heard_ms`, or
    /// the clock has for long enough.
    pub(crate) fn take(&mut self, interval: Interval, heard_ms: u64, now_ms: u64) -> Option<(Kline, bool)> {
        let kline = self.kline?;
        let end = interval.next(kline.open_time);
        let over = !self.is_closed && (heard_ms >= end || now_ms >= end.saturating_add(SETTLE_MS));
        if !over && !self.is_changed {
            return None;
        }
        self.is_changed = false;
        self.is_closed |= over;
        Some((kline, self.is_closed))
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::Timestamp;
    use exchequer_market_data::Side;

    use super::*;

    fn trade(id: u64, ms: u64) -> Trade {
        Trade { id, time: Timestamp(ms * 1_000), price: id, base: 1, quote: 1, taker: Side::Buy }
    }

    /// Goal: each kline is told to be closed exactly once, with all of its trades, by the next trade or by time; a trade
    /// that the state had already is not counted twice. Method: the cases one after the other.
    #[test]
    fn a_kline_is_closed_once() {
        let minute = Interval::M1;
        let mut candle = Candle::new(Some(Kline::of(&trade(1, 10), 0)), minute, 20);
        assert_eq!(candle.take(minute, 20, 20).map(|(kline, over)| (kline.trades, over)), Some((1, false)));
        assert_eq!(candle.take(minute, 20, 20), None);
        assert_eq!(candle.push(minute, &trade(1, 10)), None);
        assert_eq!(candle.take(minute, 20, 20), None);
        assert_eq!(candle.push(minute, &trade(2, 59_999)), None);
        // The next period's trade.
        let over = candle.push(minute, &trade(3, 60_000)).unwrap();
        assert_eq!((over.trades, over.last_trade, over.open_time), (2, 2, 0));
        assert_eq!(candle.take(minute, 60_000, 60_000).map(|(kline, over)| (kline.trades, over)), Some((1, false)));
        // Time by the clock alone, then what was heard.
        assert_eq!(candle.take(minute, 60_000, 122_999), None);
        assert_eq!(candle.take(minute, 60_000, 123_000).map(|(_, over)| over), Some(true));
        assert_eq!(candle.take(minute, 130_000, 130_000), None);
        assert_eq!(candle.push(minute, &trade(4, 131_000)), None, "it was told to be over");
        assert_eq!(candle.take(minute, 180_000, 180_000).map(|(kline, over)| (kline.trades, over)), Some((1, true)));
        // One that was over before anybody listened is told as such.
        let mut candle = Candle::new(Some(Kline::of(&trade(1, 10), 0)), minute, 70_000);
        assert_eq!(candle.take(minute, 0, 70_000).map(|(_, over)| over), Some(true));
    }
}
