//! How fast and how far prices move: RSI, MACD, Stochastic.

use super::{Candle, Ema, Indicator, ParameterError, Recent, Sma, Wilder, period};

/// Less movement than this is none.
const STILL: f64 = 1e-14;

/// The relative strength index after Wilder: the part of all movement that went up, from 0 to 100.
#[derive(Debug, Clone)]
pub struct Rsi {
    before: Option<f64>,
    up: Wilder,
    down: Wilder,
}

impl Rsi {
    /// Before the first candle.
    ///
    /// # Errors
    /// A period of 0 or above the limit.
    pub fn new(length: usize) -> Result<Rsi, ParameterError> {
        let length = period(length, 1)?;
        Ok(Rsi { before: None, up: Wilder::new(length), down: Wilder::new(length) })
    }
}

impl Indicator for Rsi {
    type Value = f64;

    fn push(&mut self, candle: &Candle) -> Option<f64> {
        let change = candle.close - self.before.replace(candle.close)?;
        let up = self.up.push(change.max(0.0));
        let down = self.down.push((-change).max(0.0));
        let (up, all) = (up?, up? + down?);
        Some(if all < STILL { 0.0 } else { 100.0 * up / all })
    }
}

/// What [`Macd`] says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MacdValue {
    /// The fast average less the slow one.
    pub macd: f64,
    /// The exponential average of it.
    pub signal: f64,
    /// The difference of both.
    pub histogram: f64,
}

/// Moving average convergence and divergence: two exponential averages, their difference, and its average.
#[derive(Debug, Clone)]
pub struct Macd {
    fast: Ema,
    slow: Ema,
    signal: Ema,
    /// Closes that the fast average passes over, so that both begin with the same candle.
    passed_over: usize,
}

impl Macd {
    /// Before the first candle.
    ///
    /// # Errors
    /// A period of 0 or above the limit, or a fast one that is not below the slow one.
    pub fn new(fast: usize, slow: usize, signal: usize) -> Result<Macd, ParameterError> {
        let macd = Macd {
            fast: Ema::new(fast)?,
            slow: Ema::new(slow)?,
            signal: Ema::new(signal)?,
            passed_over: slow.saturating_sub(fast),
        };
        if fast < slow { Ok(macd) } else { Err(ParameterError::Order) }
    }
}

impl Indicator for Macd {
    type Value = MacdValue;

    fn push(&mut self, candle: &Candle) -> Option<MacdValue> {
        let slow = self.slow.number(candle.close);
        let fast = match self.passed_over {
            0 => self.fast.number(candle.close),
            _ => {
                self.passed_over -= 1;
                None
            }
        };
        let macd = fast? - slow?;
        let signal = self.signal.number(macd)?;
        Some(MacdValue { macd, signal, histogram: macd - signal })
    }
}

/// What [`Stochastic`] says; both from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StochasticValue {
    /// Where the close is between lowest and highest, averaged.
    pub k: f64,
    /// The average of `k`.
    pub d: f64,
}

/// The slow stochastic: where the close is between the lowest and the highest price, averaged twice.
#[derive(Debug, Clone)]
pub struct Stochastic {
    highs: Recent,
    lows: Recent,
    k: Sma,
    d: Sma,
}

impl Stochastic {
    /// Before the first candle.
    ///
    /// # Errors
    /// A period of 0 or above the limit.
    pub fn new(length: usize, k: usize, d: usize) -> Result<Stochastic, ParameterError> {
        let length = period(length, 1)?;
        Ok(Stochastic { highs: Recent::new(length), lows: Recent::new(length), k: Sma::new(k)?, d: Sma::new(d)? })
    }
}

impl Indicator for Stochastic {
    type Value = StochasticValue;

    fn push(&mut self, candle: &Candle) -> Option<StochasticValue> {
        let highest = self.highs.push(candle.high).map(|highs| highs.iter().copied().fold(f64::MIN, f64::max));
        let lowest = self.lows.push(candle.low).map(|lows| lows.iter().copied().fold(f64::MAX, f64::min));
        let (highest, lowest) = (highest?, lowest?);
        let range = highest - lowest;
        let place = if range > 0.0 { 100.0 * (candle.close - lowest) / range } else { 0.0 };
        let k = self.k.number(place)?;
        Some(StochasticValue { k, d: self.d.number(k)? })
    }
}
