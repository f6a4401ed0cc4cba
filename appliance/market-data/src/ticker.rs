//! Statistics of the last day, hours or minutes of one market.
//!
//! # How a window moves
//! By whole minutes. A window of length W at the moment `now` begins at the start of the minute that `now - W` is in, and
//! ends at `now`: it is up to 59,999 ms wider than W, never narrower, and what is in it leaves by whole minutes. This is
//! so for `24h` too. A trade of this very moment is in.
//!
//! # What it costs
//! A trade costs nothing here: closed minutes come from [`crate::Klines`]. The last 24 hours are in memory, 1,442
//! minutes of 128 bytes at most; reading a window folds them, some microseconds. A longer window is read from stored
//! minutes and hours, at most 59 + 168 + 60 rows.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::interval::Interval;
use crate::kline::Kline;

const MINUTE_MS: u64 = 60_000;
const DAY_MINUTES: u32 = 24 * 60;

/// The length of a window: 1 to 59 minutes, 1 to 23 hours, or 1 to 7 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    minutes: u32,
}

/// There is no window of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a window is 1m to 59m, 1h to 23h, or 1d to 7d")]
pub struct UnknownWindow;

impl Window {
    /// The window of the 24 h ticker.
    pub const DAY: Window = Window { minutes: DAY_MINUTES };
    /// The window of the average price.
    pub const AVERAGE: Window = Window { minutes: 5 };

    /// Its length.
    #[must_use]
    pub const fn minutes(self) -> u32 {
        self.minutes
    }

    /// When it begins if it ends at `now_ms`.
    #[must_use]
    pub fn begin(self, now_ms: u64) -> u64 {
        Interval::M1.open(now_ms.saturating_sub(u64::from(self.minutes) * MINUTE_MS))
    }

    /// Whether it is in memory, or read from stored klines.
    #[must_use]
    pub const fn is_in_memory(self) -> bool {
        self.minutes <= DAY_MINUTES
    }
}

impl FromStr for Window {
    type Err = UnknownWindow;

    fn from_str(text: &str) -> Result<Window, UnknownWindow> {
        let digits = text.strip_suffix(['m', 'h', 'd']).ok_or(UnknownWindow)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) || digits.starts_with('0') {
            return Err(UnknownWindow);
        }
        let number: u32 = digits.parse().map_err(|_| UnknownWindow)?;
        let (highest, unit) = match text.as_bytes().last() {
            Some(b'm') => (59, 1),
            Some(b'h') => (23, 60),
            _ => (7, DAY_MINUTES),
        };
        if number == 0 || number > highest { Err(UnknownWindow) } else { Ok(Window { minutes: number * unit }) }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minutes {
            minutes if minutes.is_multiple_of(DAY_MINUTES) => write!(f, "{}d", minutes / DAY_MINUTES),
            minutes if minutes.is_multiple_of(60) => write!(f, "{}h", minutes / 60),
            minutes => write!(f, "{minutes}m"),
        }
    }
}

/// What happened in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// When the window begins, at a whole minute.
    pub open_time: u64,
    /// The moment it was asked for.
    pub close_time: u64,
    /// The last price before the window, in ticks, where it is known.
    pub previous_close: Option<u64>,
    /// Prices, volumes and numbers of the trades in the window; without trades, flat at the last price.
    pub total: Kline,
}

/// Shorter: what an overview of all markets shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mini {
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
}

impl Stats {
    /// Folds minutes or longer klines of one window, in order of time. None where no price is known at all.
    #[must_use]
    pub fn fold<'a>(
        window: Window,
        now_ms: u64,
        previous_close: Option<u64>,
        klines: impl IntoIterator<Item = &'a Kline>,
    ) -> Option<Stats> {
        let open_time = window.begin(now_ms);
        let mut total = Kline { open_time, ..Kline::default() };
        klines.into_iter().for_each(|kline| total.fold(kline));
        if total.trades == 0 {
            total = Kline::flat(open_time, previous_close?);
        }
        Some(Stats { open_time, close_time: now_ms, previous_close, total })
    }

    /// The last price less the first, in ticks.
    #[must_use]
    pub fn change(&self) -> i128 {
        i128::from(self.total.close) - i128::from(self.total.open)
    }

    /// The change in thousandths of a percent of the first price, rounded half away from zero: 1,234 is 1.234 %.
    #[must_use]
    pub fn change_milli_percent(&self) -> i128 {
        let (change, open) = (self.change(), i128::from(self.total.open.max(1)));
        let rounded = (2 * change.abs() * 100_000 + open) / (2 * open);
        if change < 0 { -rounded } else { rounded }
    }

    /// The average price weighted by volume, see [`average`]; none without trades.
    #[must_use]
    pub fn average(&self, scale: &AverageScale) -> Option<u128> {
        average(self.total.base, self.total.quote, scale)
    }

    /// The overview's part of it.
    #[must_use]
    pub fn mini(&self) -> Mini {
        let Kline { open, high, low, close, base, quote, .. } = self.total;
        Mini { open, high, low, close, base, quote }
    }
}

/// What turns minor units into a price in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AverageScale {
    /// Decimals of the base asset.
    pub base_decimals: u8,
    /// Decimals of the quote asset.
    pub quote_decimals: u8,
    /// Decimals of the answer.
    pub digits: u8,
}

/// `quote` for one unit of base, as an integer with the scale's `digits`, rounded half up. None where `base` is zero or
/// the answer or a step on the way is beyond 128 bits.
#[must_use]
pub fn average(base: u128, quote: u128, scale: &AverageScale) -> Option<u128> {
    let up = u32::from(scale.base_decimals) + u32::from(scale.digits);
    let down = u32::from(scale.quote_decimals);
    // Whatever shrinks the answer goes into the divisor; what is left of the exponent is long division, digit by digit.
    let divisor = base.checked_mul(10_u128.checked_pow(down.saturating_sub(up))?)?;
    let mut whole = quote.checked_div(divisor)?;
    let mut rest = quote % divisor;
    for _ in 0..up.saturating_sub(down) {
        rest = rest.checked_mul(10)?;
        whole = whole.checked_mul(10)?.checked_add(rest / divisor)?;
        rest %= divisor;
    }
    // At half of the divisor or more, without doubling.
    whole.checked_add(u128::from(rest >= divisor - rest))
}

/// The rows that a window beyond memory is read from. All ranges are open times, the end not included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Minutes before the first whole hour.
    pub(crate) head: Range<u64>,
    /// Whole hours.
    pub(crate) hours: Range<u64>,
    /// Minutes after the last whole hour.
    pub(crate) tail: Range<u64>,
}

impl Plan {
    /// The rows for `window` at `now_ms`.
    pub(crate) fn new(window: Window, now_ms: u64) -> Plan {
        let (begin, end) = (window.begin(now_ms), Interval::M1.next(now_ms));
        let first_hour = Interval::H1.open(begin + Interval::H1.next(0) - 1).min(end);
        let last_hour = Interval::H1.open(now_ms).max(first_hour);
        Plan { head: begin..first_hour, hours: first_hour..last_hour, tail: last_hour..end }
    }
}

/// The closed minutes of the last 24 hours of one market, and the last one before them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ticker {
    minutes: VecDeque<Kline>,
}

impl Ticker {
    /// Adds a closed minute; minutes come in order, and one that came already is passed over.
    pub(crate) fn close(&mut self, minute: &Kline) {
        if self.minutes.back().is_some_and(|last| last.open_time >= minute.open_time) {
            return;
        }
        self.minutes.push_back(*minute);
        // Whoever asks will ask at this minute's end or later.
        let begin = Window::DAY.begin(minute.open_time);
        while self.minutes.get(1).is_some_and(|second| second.open_time < begin) {
            self.minutes.pop_front();
        }
    }

    /// A window [in memory](Window::is_in_memory) up to `now_ms`, with the minute that is still open. None before the
    /// first trade.
    pub(crate) fn window(&self, window: Window, now_ms: u64, open_minute: Option<&Kline>) -> Option<Stats> {
        let begin = window.begin(now_ms);
        let open_minute =
            open_minute.filter(|open| self.minutes.back().is_none_or(|last| last.open_time < open.open_time));
        let before = self.minutes.partition_point(|minute| minute.open_time < begin);
        let inside = self.minutes.range(before..).chain(open_minute.filter(|minute| minute.open_time >= begin));
        let inside = inside.take_while(|minute| minute.open_time <= now_ms);
        let previous = before.checked_sub(1).and_then(|at| self.minutes.get(at));
        let previous = open_minute.filter(|minute| minute.open_time < begin).or(previous);
        Stats::fold(window, now_ms, previous.map(|minute| minute.close), inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(number: u64, price: u64) -> Kline {
        Kline { base: 10, quote: 20, trades: 1, ..Kline::flat(number * MINUTE_MS, price) }
    }

    /// Goal: the window's left edge stands where the documentation says, to the millisecond. Method: one trade that
    /// leaves a window of an hour.
    #[test]
    fn the_window_moves_by_minutes() {
        let mut ticker = Ticker::default();
        ticker.close(&minute(100, 7));
        let window: Window = "1h".parse().unwrap();
        let trades = |now_ms| ticker.window(window, now_ms, None).unwrap().total.trades;
        assert_eq!(trades(100 * MINUTE_MS), 1);
        assert_eq!(trades(161 * MINUTE_MS - 1), 1);
        assert_eq!(trades(161 * MINUTE_MS), 0);
        // Without trades it is flat at the last price, which is also the one before.
        let empty = ticker.window(window, 500 * MINUTE_MS, None).unwrap();
        assert_eq!((empty.total.open, empty.total.high, empty.total.close), (7, 7, 7));
        assert_eq!((empty.previous_close, empty.change_milli_percent()), (Some(7), 0));
        assert_eq!((empty.open_time, empty.close_time), (440 * MINUTE_MS, 500 * MINUTE_MS));
    }

    /// Goal: memory is bounded, and the price before the window stays known. Method: three days of minutes.
    #[test]
    fn a_day_is_kept() {
        let mut ticker = Ticker::default();
        for number in 0..3 * 1_440 {
            ticker.close(&minute(number, 1 + number));
        }
        assert_eq!(ticker.minutes.len(), 1_442);
        let now_ms = 3 * 1_440 * MINUTE_MS - 1;
        let stats = ticker.window(Window::DAY, now_ms, None).unwrap();
        assert_eq!((stats.total.trades, stats.total.open), (1_441, 2_880));
        assert_eq!(stats.previous_close, Some(2_879));
        // A minute that comes again is passed over.
        let before = ticker.clone();
        ticker.close(&minute(4_000, 1));
        assert_eq!(ticker, before);
    }

    /// Goal: percent is rounded half away from zero, both ways.
    #[test]
    fn percent_is_rounded_half_away_from_zero() {
        let percent = |open: u64, close: u64| {
            let total = Kline { open, close, ..Kline::flat(0, open) };
            Stats { open_time: 0, close_time: 0, previous_close: None, total }.change_milli_percent()
        };
        assert_eq!(percent(100, 101), 1_000);
        assert_eq!(percent(3, 4), 33_333);
        assert_eq!(percent(3, 5), 66_667);
        assert_eq!(percent(3, 1), -66_667);
        // Half of a thousandth exactly.
        assert_eq!(percent(200_000, 200_001), 1);
        assert_eq!(percent(200_000, 199_999), -1);
        assert_eq!(percent(200_001, 200_002), 0);
        assert_eq!(percent(1, u64::MAX), (i128::from(u64::MAX) - 1) * 100_000);
    }

    /// Goal: the average is exact and rounded half up. Method: figures worked out by hand, and the limits.
    #[test]
    fn the_average_is_exact() {
        let scale = |base_decimals, quote_decimals, digits| AverageScale { base_decimals, quote_decimals, digits };
        // 0.5 BTC for 18,250.61 USD is 36,501.22 for one.
        assert_eq!(average(50_000_000, 1_825_061, &scale(8, 2, 8)), Some(3_650_122_000_000));
        assert_eq!(average(3, 2, &scale(0, 0, 2)), Some(67));
        assert_eq!(average(200, 1, &scale(0, 0, 2)), Some(1));
        assert_eq!(average(201, 1, &scale(0, 0, 2)), Some(0));
        assert_eq!(average(1, 25, &scale(0, 1, 0)), Some(3));
        assert_eq!(average(0, 25, &scale(8, 2, 8)), None);
        assert_eq!(average(1, u128::MAX, &scale(0, 0, 1)), None);
        assert_eq!(average(1, u128::MAX, &scale(0, 0, 0)), Some(u128::MAX));
        assert_eq!(average(u128::MAX, u128::MAX, &scale(0, 0, 0)), Some(1));
        assert_eq!(average(1, 1, &scale(0, 255, 0)), None);
    }

    /// Goal: exactly the windows of the dialect have a name. Method: every number with every unit.
    #[test]
    fn windows_have_names() {
        for number in 0..70_u32 {
            for (unit, highest, minutes) in [("m", 59, 1), ("h", 23, 60), ("d", 7, 1_440)] {
                let name = format!("{number}{unit}");
                let window = name.parse::<Window>();
                let expected = (1..=highest).contains(&number).then_some(number * minutes);
                assert_eq!(window.ok().map(Window::minutes), expected, "{name}");
                if let Ok(window) = window {
                    assert_eq!(window.to_string(), name);
                }
            }
        }
        for text in ["", "m", "1", "+1m", "01m", "1M", "1s", "99999999999m"] {
            assert_eq!(text.parse::<Window>(), Err(UnknownWindow), "{text}");
        }
    }

    /// Goal: a plan's ranges follow each other and cover the window exactly, with few rows. Method: all of a day's
    /// minutes as the present.
    #[test]
    fn plans_cover_the_window() {
        for days in 2..=7_u32 {
            let window: Window = format!("{days}d").parse().unwrap();
            for minute in 0..1_440 {
                let now_ms = 1_700_006_400_000 + minute * MINUTE_MS + 17;
                let Plan { head, hours, tail } = Plan::new(window, now_ms);
                assert_eq!((head.start, tail.end), (window.begin(now_ms), Interval::M1.next(now_ms)));
                assert_eq!((head.end, hours.end), (hours.start, tail.start));
                assert_eq!((Interval::H1.open(hours.start), Interval::H1.open(hours.end)), (hours.start, hours.end));
                let rows = (head.end - head.start + tail.end - tail.start) / MINUTE_MS;
                assert!(rows + (hours.end - hours.start) / 3_600_000 <= 59 + 168 + 60);
            }
        }
        let early = Plan::new("7d".parse().unwrap(), 5);
        assert_eq!(early, Plan { head: 0..0, hours: 0..0, tail: 0..MINUTE_MS });
    }
}
