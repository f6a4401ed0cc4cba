//! What volume says: OBV and VWAP.

use super::{Candle, Indicator};
use crate::interval::Interval;

/// On-balance volume: a running sum of volume, added where the close rose and taken away where it fell. It begins with
/// the first candle's volume.
#[derive(Debug, Clone, Default)]
pub struct Obv {
    close_before: Option<f64>,
    sum: f64,
}

impl Obv {
    /// Before the first candle.
    #[must_use]
    pub fn new() -> Obv {
        Obv::default()
    }
}

impl Indicator for Obv {
    type Value = f64;

    fn push(&mut self, candle: &Candle) -> Option<f64> {
        let before = self.close_before.replace(candle.close);
        match before {
            Some(before) if candle.close < before => self.sum -= candle.volume,
            Some(before) if candle.close > before => self.sum += candle.volume,
            Some(_) => {}
            None => self.sum = candle.volume,
        }
        Some(self.sum)
    }
}

/// The average price of the day since 00:00 UTC, weighted by volume; a candle's price is the average of high, low and
/// close. None while the day has no volume.
#[derive(Debug, Clone, Default)]
pub struct Vwap {
    day: Option<u64>,
    volume: f64,
    paid: f64,
}

impl Vwap {
    /// Before the first candle.
    #[must_use]
    pub fn new() -> Vwap {
        Vwap::default()
    }
}

impl Indicator for Vwap {
    type Value = f64;

    fn push(&mut self, candle: &Candle) -> Option<f64> {
        let day = Interval::D1.open(candle.open_time);
        if self.day.replace(day) != Some(day) {
            (self.volume, self.paid) = (0.0, 0.0);
        }
        self.volume += candle.volume;
        self.paid += candle.volume * (candle.high + candle.low + candle.close) / 3.0;
        (self.volume > 0.0).then(|| self.paid / self.volume)
    }
}
