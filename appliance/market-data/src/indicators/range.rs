//! How wide prices range, and whether they go one way: Bollinger bands, ATR, ADX.

use super::{Candle, DEVIATIONS_MAX, Indicator, ParameterError, Recent, Wilder, period};

/// What [`Bollinger`] says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bands {
    /// The average and so many deviations more.
    pub upper: f64,
    /// The average of the last closes.
    pub middle: f64,
    /// The average less so many deviations.
    pub lower: f64,
}

/// Bollinger bands: the plain average of the last closes, with their population deviation on both sides.
#[derive(Debug, Clone)]
pub struct Bollinger {
    recent: Recent,
    deviations: f64,
}

impl Bollinger {
    /// Before the first candle.
    ///
    /// # Errors
    /// A period of 0 or above the limit, or a width that is not from 0 to [`DEVIATIONS_MAX`].
    pub fn new(length: usize, deviations: f64) -> Result<Bollinger, ParameterError> {
        let recent = Recent::new(period(length, 1)?);
        if (0.0..=DEVIATIONS_MAX).contains(&deviations) {
            Ok(Bollinger { recent, deviations })
        } else {
            Err(ParameterError::Factor { factor: deviations })
        }
    }
}

impl Indicator for Bollinger {
    type Value = Bands;

    fn push(&mut self, candle: &Candle) -> Option<Bands> {
        let recent = self.recent.push(candle.close)?;
        let length = recent.len() as f64;
        let middle = recent.iter().sum::<f64>() / length;
        let squares: f64 = recent.iter().map(|number| (number - middle) * (number - middle)).sum();
        let width = self.deviations * (squares / length).sqrt();
        Some(Bands { upper: middle + width, middle, lower: middle - width })
    }
}

/// How far prices went since the close before, gaps included.
fn true_range(candle: &Candle, close_before: f64) -> f64 {
    let gap = (candle.high - close_before).abs().max((candle.low - close_before).abs());
    gap.max(candle.high - candle.low)
}

/// The average true range after Wilder.
#[derive(Debug, Clone)]
pub struct Atr {
    close_before: Option<f64>,
    average: Wilder,
}

impl Atr {
    /// Before the first candle.
    ///
    /// # Errors
    /// A period of 0 or above the limit.
    pub fn new(length: usize) -> Result<Atr, ParameterError> {
        Ok(Atr { close_before: None, average: Wilder::new(period(length, 1)?) })
    }
}

impl Indicator for Atr {
    type Value = f64;

    fn push(&mut self, candle: &Candle) -> Option<f64> {
        let close_before = self.close_before.replace(candle.close)?;
        self.average.push(true_range(candle, close_before))
    }
}

/// What [`Adx`] says; all from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdxValue {
    /// How much prices go one way, whichever.
    pub adx: f64,
    /// The part of the true range that went up.
    pub plus: f64,
    /// The part of the true range that went down.
    pub minus: f64,
}

/// The average directional index after Wilder.
///
/// The sums of movement and range begin with n - 1 candles; from then on a sum loses an n-th of itself with each candle.
/// The index begins with the average of the first n directional figures.
#[derive(Debug, Clone)]
pub struct Adx {
    length: usize,
    before: Option<Candle>,
    summed: usize,
    up: f64,
    down: f64,
    range: f64,
    direction: f64,
    average: Wilder,
}

impl Adx {
    /// Before the first candle.
    ///
    /// # Errors
    /// A period below 2 or above the limit.
    pub fn new(length: usize) -> Result<Adx, ParameterError> {
        let length = period(length, 2)?;
        let average = Wilder::new(length);
        Ok(Adx { length, before: None, summed: 0, up: 0.0, down: 0.0, range: 0.0, direction: 0.0, average })
    }
}

impl Indicator for Adx {
    type Value = AdxValue;

    fn push(&mut self, candle: &Candle) -> Option<AdxValue> {
        let before = self.before.replace(*candle)?;
        let (rise, fall) = (candle.high - before.high, before.low - candle.low);
        let is_first = self.summed < self.length - 1;
        let kept = if is_first { 1.0 } else { 1.0 - 1.0 / self.length as f64 };
        // Only the greater movement counts, and neither where both are the same.
        self.up = self.up * kept + if rise > 0.0 && rise > fall { rise } else { 0.0 };
        self.down = self.down * kept + if fall > 0.0 && fall > rise { fall } else { 0.0 };
        self.range = self.range * kept + true_range(candle, before.close);
        if is_first {
            self.summed += 1;
            return None;
        }
        let part = |movement: f64| if self.range > 0.0 { 100.0 * movement / self.range } else { 0.0 };
        let (plus, minus) = (part(self.up), part(self.down));
        // Where nothing moves, the direction stays what it was.
        if plus + minus > 0.0 {
            self.direction = 100.0 * (plus - minus).abs() / (plus + minus);
        }
        Some(AdxValue { adx: self.average.push(self.direction)?, plus, minus })
    }
}
