//! Moving averages of the closing price.

use super::{Candle, Indicator, ParameterError, Recent, period};

/// The plain average of the last closes.
#[derive(Debug, Clone)]
pub struct Sma {
    recent: Recent,
}

impl Sma {
    /// Before the first candle.
    ///
    /// # Errors
    /// A period of 0 or above the limit.
    pub fn new(length: usize) -> Result<Sma, ParameterError> {
        Ok(Sma { recent: Recent::new(period(length, 1)?) })
    }

    pub(super) fn number(&mut self, number: f64) -> Option<f64> {
        let recent = self.recent.push(number)?;
        Some(recent.iter().sum::<f64>() / recent.len() as f64)
    }
}

impl Indicator for Sma {
    type Value = f64;

    fn push(&mut self, candle: &Candle) -> Option<f64> {
        self.number(candle.close)
    }
}

/// The exponential average: begins with the plain average of the first closes, then each one counts `2 / (n + 1)`.
#[derive(Debug, Clone)]
pub struct Ema {
    length: usize,
    seen: usize,
    value: f64,
}

impl Ema {
    /// Before the first candle.
    ///
    /// # Errors
    /// A period of 0 or above the limit.
    pub fn new(length: usize) -> Result<Ema, ParameterError> {
        Ok(Ema { length: period(length, 1)?, seen: 0, value: 0.0 })
    }

    pub(super) fn number(&mut self, number: f64) -> Option<f64> {
        if self.seen < self.length {
            self.seen += 1;
            self.value += number;
            if self.seen < self.length {
                return None;
            }
            self.value /= self.length as f64;
        } else {
            self.value += (number - self.value) * 2.0 / (self.length as f64 + 1.0);
        }
        Some(self.value)
    }
}

impl Indicator for Ema {
    type Value = f64;

    fn push(&mut self, candle: &Candle) -> Option<f64> {
        self.number(candle.close)
    }
}

/// The average in which the newest close counts n times, the one before n - 1 times, and so on.
#[derive(Debug, Clone)]
pub struct Wma {
    recent: Recent,
}

impl Wma {
    /// Before the first candle.
    ///
    /// # Errors
    /// A period of 0 or above the limit.
    pub fn new(length: usize) -> Result<Wma, ParameterError> {
        Ok(Wma { recent: Recent::new(period(length, 1)?) })
    }
}

impl Indicator for Wma {
    type Value = f64;

    fn push(&mut self, candle: &Candle) -> Option<f64> {
        let recent = self.recent.push(candle.close)?;
        let length = recent.len() as f64;
        let weighted = recent.iter().zip(1_u16..).map(|(number, weight)| number * f64::from(weight));
        Some(weighted.sum::<f64>() * 2.0 / (length * (length + 1.0)))
    }
}
