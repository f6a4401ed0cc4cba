//! Technical indicators over candles, in floating point.
//!
//! Every indicator is a small machine: a candle in, a value out, nothing until it has seen enough. A whole series is the
//! same machine run over it ([`series`]), so that a chart and its live end agree to the last bit. Sums over a window are
//! added up anew for each candle instead of being carried along: nothing drifts, however long a machine runs, and with
//! at most [`PERIOD_MAX`] candles it is a matter of a microsecond.
//!
//! Definitions are those of TA-Lib, and the values equal its own within 1e-8 (`ops/indicators` compares them). Where the
//! literature differs this means: averages that begin with a plain average of the first candles (EMA, RSI, ATR); MACD's
//! fast average begins where its slow one does; the deviation of the Bollinger bands is that of the population; RSI is 0
//! where nothing moved at all; Stochastic is 0 where high and low are one. VWAP, which TA-Lib lacks, begins anew each
//! day at 00:00 UTC.

mod average;
mod momentum;
mod range;
mod spec;
mod volume;

pub use average::{Ema, Sma, Wma};
pub use momentum::{Macd, MacdValue, Rsi, Stochastic, StochasticValue};
pub use range::{Adx, AdxValue, Atr, Bands, Bollinger};
pub use spec::{Running, Spec, SpecError, Values};
pub use volume::{Obv, Vwap};

use std::collections::VecDeque;

use crate::kline::Kline;

/// Most candles that a parameter may count.
pub const PERIOD_MAX: usize = 1_000;

/// The widest Bollinger bands, in deviations.
pub const DEVIATIONS_MAX: f64 = 1_000.0;

/// What indicators see of a period. All values are finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candle {
    open_time: u64,
    high: f64,
    low: f64,
    close: f64,
    volume: f64,
}

/// A candle's number is infinite or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a candle's numbers are finite")]
pub struct NotFinite;

impl Candle {
    /// A candle that began at `open_time`, in milliseconds.
    ///
    /// # Errors
    /// A number that is not finite.
    pub fn new(open_time: u64, high: f64, low: f64, close: f64, volume: f64) -> Result<Candle, NotFinite> {
        let finite = [high, low, close, volume].iter().all(|number| number.is_finite());
        if finite { Ok(Candle { open_time, high, low, close, volume }) } else { Err(NotFinite) }
    }

    /// The candle of a kline: `price` is what a tick is worth, `volume` what a minor unit of base is.
    ///
    /// # Errors
    /// As [`Candle::new`].
    pub fn of(kline: &Kline, price: f64, volume: f64) -> Result<Candle, NotFinite> {
        let of_ticks = |ticks: u64| ticks as f64 * price;
        let (high, low, close) = (of_ticks(kline.high), of_ticks(kline.low), of_ticks(kline.close));
        Candle::new(kline.open_time, high, low, close, kline.base as f64 * volume)
    }
}

/// Why an indicator cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ParameterError {
    /// A period that is too short for its indicator.
    #[error("a period of {period} is too short: at least {least}")]
    Short {
        /// The period.
        period: usize,
        /// The shortest one.
        least: usize,
    },
    /// A period above [`PERIOD_MAX`].
    #[error("a period of {period} is too long: at most {PERIOD_MAX}")]
    Long {
        /// The period.
        period: usize,
    },
    /// MACD's fast period is not below the slow one.
    #[error("the fast period is below the slow one")]
    Order,
    /// A factor that is not from 0 to [`DEVIATIONS_MAX`].
    #[error("{factor} is no width in deviations: from 0 to {DEVIATIONS_MAX}")]
    Factor {
        /// The factor.
        factor: f64,
    },
}

/// A machine that turns candles into values.
pub trait Indicator {
    /// What it says of a candle.
    type Value;

    /// The value as of this candle; none while it has not seen enough.
    fn push(&mut self, candle: &Candle) -> Option<Self::Value>;
}

/// The values of a whole series, one for each candle.
pub fn series<I: Indicator>(mut indicator: I, candles: &[Candle]) -> Vec<Option<I::Value>> {
    candles.iter().map(|candle| indicator.push(candle)).collect()
}

fn period(period: usize, least: usize) -> Result<usize, ParameterError> {
    if period < least {
        return Err(ParameterError::Short { period, least });
    }
    if period > PERIOD_MAX { Err(ParameterError::Long { period }) } else { Ok(period) }
}

/// The last numbers of a series.
#[derive(Debug, Clone)]
struct Recent {
    numbers: VecDeque<f64>,
    length: usize,
}

impl Recent {
    fn new(length: usize) -> Recent {
        Recent { numbers: VecDeque::with_capacity(length), length }
    }

    /// Adds a number; the last ones, oldest first, as soon as there are as many as wanted.
    fn push(&mut self, number: f64) -> Option<&VecDeque<f64>> {
        if self.numbers.len() == self.length {
            self.numbers.pop_front();
        }
        self.numbers.push_back(number);
        (self.numbers.len() == self.length).then_some(&self.numbers)
    }
}

/// Wilder's smoothing: begins with the plain average of the first numbers, then each one counts an n-th.
#[derive(Debug, Clone)]
struct Wilder {
    period: usize,
    seen: usize,
    value: f64,
}

impl Wilder {
    fn new(period: usize) -> Wilder {
        Wilder { period, seen: 0, value: 0.0 }
    }

    fn push(&mut self, number: f64) -> Option<f64> {
        let length = self.period as f64;
        if self.seen < self.period {
            self.seen += 1;
            self.value += number;
            if self.seen < self.period {
                return None;
            }
            self.value /= length;
        } else {
            self.value = (self.value * (length - 1.0) + number) / length;
        }
        Some(self.value)
    }
}
