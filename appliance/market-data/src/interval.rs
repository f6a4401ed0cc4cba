//! The sixteen intervals of klines, all of them in UTC.
//!
//! Seconds, minutes, hours and days are multiples of their length since 1970-01-01T00:00Z, and so is `3d`: one grid for
//! every market (Binance's own `3d` klines begin on other days, which differ from market to market). Weeks begin on Monday; the week of 1970-01-01 is cut off at its Thursday. Months are the calendar's.

use std::fmt;
use std::str::FromStr;

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
/// The Monday before 1970-01-01, a Thursday, is three days earlier.
const WEEK_PHASE_MS: u64 = 3 * DAY_MS;
/// The latest moment that replicated time can name; later ones are taken for it.
const TIME_MS_MAX: u64 = u64::MAX / 1_000;
/// The Gregorian calendar repeats after this many days and months.
const CYCLE_DAYS: u64 = 146_097;
const CYCLE_MONTHS: u64 = 4_800;
/// Days of the year before each month, without a leap day.
const DAYS_BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/// The length of a kline. Its number is part of stored keys and never changes.
#[repr(u8)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Interval {
    /// `1s`
    S1 = 0,
    /// `1m`
    M1 = 1,
    /// `3m`
    M3 = 2,
    /// `5m`
    M5 = 3,
    /// `15m`
    M15 = 4,
    /// `30m`
    M30 = 5,
    /// `1h`
    H1 = 6,
    /// `2h`
    H2 = 7,
    /// `4h`
    H4 = 8,
    /// `6h`
    H6 = 9,
    /// `8h`
    H8 = 10,
    /// `12h`
    H12 = 11,
    /// `1d`
    D1 = 12,
    /// `3d`
    D3 = 13,
    /// `1w`, from Monday
    W1 = 14,
    /// `1M`, of the calendar
    Month = 15,
}

enum Grid {
    /// Length, and how long before 1970 a period began.
    Fixed(u64, u64),
    Calendar,
}

impl Interval {
    /// Every interval, in the order of its number and of its length.
    pub const ALL: [Interval; 16] = [
        Interval::S1,
        Interval::M1,
        Interval::M3,
        Interval::M5,
        Interval::M15,
        Interval::M30,
        Interval::H1,
        Interval::H2,
        Interval::H4,
        Interval::H6,
        Interval::H8,
        Interval::H12,
        Interval::D1,
        Interval::D3,
        Interval::W1,
        Interval::Month,
    ];

    /// The name in the API: `1m` is a minute, `1M` a month.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Interval::S1 => "1s",
            Interval::M1 => "1m",
            Interval::M3 => "3m",
            Interval::M5 => "5m",
            Interval::M15 => "15m",
            Interval::M30 => "30m",
            Interval::H1 => "1h",
            Interval::H2 => "2h",
            Interval::H4 => "4h",
            Interval::H6 => "6h",
            Interval::H8 => "8h",
            Interval::H12 => "12h",
            Interval::D1 => "1d",
            Interval::D3 => "3d",
            Interval::W1 => "1w",
            Interval::Month => "1M",
        }
    }

    /// The interval with this number.
    #[must_use]
    pub fn of_number(number: u8) -> Option<Interval> {
        Interval::ALL.get(usize::from(number)).copied()
    }

    const fn grid(self) -> Grid {
        match self {
            Interval::S1 => Grid::Fixed(SECOND_MS, 0),
            Interval::M1 => Grid::Fixed(MINUTE_MS, 0),
            Interval::M3 => Grid::Fixed(3 * MINUTE_MS, 0),
            Interval::M5 => Grid::Fixed(5 * MINUTE_MS, 0),
            Interval::M15 => Grid::Fixed(15 * MINUTE_MS, 0),
            Interval::M30 => Grid::Fixed(30 * MINUTE_MS, 0),
            Interval::H1 => Grid::Fixed(HOUR_MS, 0),
            Interval::H2 => Grid::Fixed(2 * HOUR_MS, 0),
            Interval::H4 => Grid::Fixed(4 * HOUR_MS, 0),
            Interval::H6 => Grid::Fixed(6 * HOUR_MS, 0),
            Interval::H8 => Grid::Fixed(8 * HOUR_MS, 0),
            Interval::H12 => Grid::Fixed(12 * HOUR_MS, 0),
            Interval::D1 => Grid::Fixed(DAY_MS, 0),
            Interval::D3 => Grid::Fixed(3 * DAY_MS, 0),
            Interval::W1 => Grid::Fixed(7 * DAY_MS, WEEK_PHASE_MS),
            Interval::Month => Grid::Calendar,
        }
    }

    /// The interval whose klines this one is folded from; none for the smallest.
    pub(crate) const fn source(self) -> Option<Interval> {
        Some(match self {
            Interval::S1 => return None,
            Interval::M1 => Interval::S1,
            Interval::M3 | Interval::M5 => Interval::M1,
            Interval::M15 => Interval::M5,
            Interval::M30 => Interval::M15,
            Interval::H1 => Interval::M30,
            Interval::H2 => Interval::H1,
            Interval::H4 | Interval::H6 => Interval::H2,
            Interval::H8 | Interval::H12 => Interval::H4,
            Interval::D1 => Interval::H12,
            Interval::D3 | Interval::W1 | Interval::Month => Interval::D1,
        })
    }

    /// When the period that `time_ms` is in began.
    #[must_use]
    pub fn open(self, time_ms: u64) -> u64 {
        let time_ms = time_ms.min(TIME_MS_MAX);
        match self.grid() {
            Grid::Fixed(length, phase) => ((time_ms + phase) / length * length).saturating_sub(phase),
            Grid::Calendar => month_start(month_of(time_ms / DAY_MS)) * DAY_MS,
        }
    }

    /// When the period after the one that `time_ms` is in begins.
    #[must_use]
    pub fn next(self, time_ms: u64) -> u64 {
        let time_ms = time_ms.min(TIME_MS_MAX);
        match self.grid() {
            Grid::Fixed(length, phase) => ((time_ms + phase) / length + 1) * length - phase,
            Grid::Calendar => month_start(month_of(time_ms / DAY_MS) + 1) * DAY_MS,
        }
    }

    /// When the period began that is `periods` before the one that `time_ms` is in; stays at the first.
    #[must_use]
    pub fn back(self, time_ms: u64, periods: u64) -> u64 {
        let time_ms = time_ms.min(TIME_MS_MAX);
        match self.grid() {
            Grid::Fixed(length, phase) => {
                (((time_ms + phase) / length).saturating_sub(periods) * length).saturating_sub(phase)
            }
            Grid::Calendar => month_start(month_of(time_ms / DAY_MS).saturating_sub(periods)) * DAY_MS,
        }
    }

    /// When the period begins that is `periods` after the one that `time_ms` is in; far enough ahead, any later moment.
    #[must_use]
    pub fn ahead(self, time_ms: u64, periods: u64) -> u64 {
        let time_ms = time_ms.min(TIME_MS_MAX);
        let periods = periods.min(1 << 20);
        match self.grid() {
            Grid::Fixed(length, phase) => (((time_ms + phase) / length + periods) * length).saturating_sub(phase),
            Grid::Calendar => month_start(month_of(time_ms / DAY_MS) + periods) * DAY_MS,
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no interval of this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no interval has this name")]
pub struct UnknownInterval;

impl FromStr for Interval {
    type Err = UnknownInterval;

    fn from_str(text: &str) -> Result<Interval, UnknownInterval> {
        Interval::ALL.into_iter().find(|interval| interval.name() == text).ok_or(UnknownInterval)
    }
}

/// Days from 1970-01-01 to the first day of a month; months count from January 1970.
fn month_start(month: u64) -> u64 {
    let year = 1970 + month / 12;
    let leap_years_until = |year: u64| year / 4 - year / 100 + year / 400;
    let is_leap = leap_years_until(year) > leap_years_until(year - 1);
    let of_year = month % 12;
    let before: u64 = DAYS_BEFORE.get(of_year as usize).copied().unwrap_or_default();
    let leap_days = leap_years_until(year - 1) - leap_years_until(1969) + u64::from(is_leap && of_year >= 2);
    365 * (year - 1970) + leap_days + before
}

/// The month that a day is in.
fn month_of(day: u64) -> u64 {
    // The average length leads to the month or to a neighbour of it.
    let mut month = day * CYCLE_MONTHS / CYCLE_DAYS;
    while month_start(month) > day {
        month -= 1;
    }
    while month_start(month + 1) <= day {
        month += 1;
    }
    month
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds of a day's midnight, by counting days one by one from 1970.
    fn midnight(year: u64, month: u64, day: u64) -> u64 {
        let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let length = |year: u64, month: u64| match month {
            2 => 28 + u64::from(is_leap(year)),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let years: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
        let months: u64 = (1..month).map(|month| length(year, month)).sum();
        (years + months + day - 1) * DAY_MS
    }

    /// Goal: every interval opens where its documentation says. Method: one moment whose periods are known by hand.
    #[test]
    fn periods_of_a_known_moment() {
        // Wednesday, 2024-02-28 at 23:59:59.999, in a leap year.
        let moment = midnight(2024, 2, 29) - 1;
        let day = midnight(2024, 2, 28);
        let opens = |interval: Interval| interval.open(moment);
        assert_eq!(opens(Interval::S1), moment - 999);
        assert_eq!(opens(Interval::M15), day + 23 * HOUR_MS + 45 * MINUTE_MS);
        assert_eq!(opens(Interval::H8), day + 16 * HOUR_MS);
        assert_eq!(opens(Interval::D1), day);
        assert_eq!(opens(Interval::W1), midnight(2024, 2, 26));
        assert_eq!(opens(Interval::Month), midnight(2024, 2, 1));
        assert_eq!(Interval::Month.next(moment), midnight(2024, 3, 1));
        // 19,781 days since 1970, of which 19,779 fill whole threes.
        assert_eq!(opens(Interval::D3), 19_779 * DAY_MS);
    }

    /// Goal: months are the calendar's, over every day of 500 years. Method: counted days against the closed form.
    #[test]
    fn months_are_the_calendars() {
        let (mut year, mut month) = (1970, 1);
        while year < 2470 {
            let begin = midnight(year, month, 1);
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            let end = midnight(year, month, 1);
            for time in (begin..end).step_by(DAY_MS as usize).chain([end - 1]) {
                assert_eq!((Interval::Month.open(time), Interval::Month.next(time)), (begin, end));
            }
        }
    }

    /// Goal: periods follow each other without gap or overlap, steps agree with each other, and nothing overflows.
    /// Method: each interval at moments spread over all of time.
    #[test]
    fn periods_tile_time() {
        let moments = (0..63).flat_map(|bit| [1_u64 << bit, (1 << bit) - 1, (1 << bit) / 3 * 2]);
        for moment in moments.chain([u64::MAX, TIME_MS_MAX]) {
            for interval in Interval::ALL {
                let (open, next) = (interval.open(moment), interval.next(moment));
                let clamped = moment.min(TIME_MS_MAX);
                assert!(open <= clamped && clamped < next, "{interval} at {moment}");
                assert_eq!(interval.open(open), open);
                assert_eq!(interval.next(open), next);
                if next < TIME_MS_MAX {
                    assert_eq!(interval.open(next), next, "{interval} at {moment}");
                    assert_eq!((interval.back(next, 1), interval.ahead(open, 1)), (open, next));
                    assert_eq!(interval.back(interval.ahead(open, 7), 7), open);
                }
                assert_eq!(interval.back(moment, u64::MAX), 0);
                assert!(interval.ahead(moment, u64::MAX) > clamped);
            }
        }
    }

    /// Goal: klines can be folded from their sources. Method: every boundary of an interval is one of its source.
    #[test]
    fn sources_nest() {
        for interval in Interval::ALL {
            let Some(source) = interval.source() else { continue };
            assert!(source < interval);
            let mut open = interval.open(1_700_000_000_000);
            for _ in 0..500 {
                assert_eq!(source.open(open), open, "{interval} of {source}");
                open = interval.next(open);
            }
        }
    }

    /// Goal: names lead back to their interval, with minute and month apart, and numbers too.
    #[test]
    fn names_and_numbers() {
        for (number, interval) in Interval::ALL.into_iter().enumerate() {
            assert_eq!(interval.name().parse(), Ok(interval));
            assert_eq!(Interval::of_number(number as u8), Some(interval));
            assert_eq!(interval as usize, number);
        }
        assert_eq!("2d".parse::<Interval>(), Err(UnknownInterval));
        assert_eq!(Interval::of_number(16), None);
    }
}
