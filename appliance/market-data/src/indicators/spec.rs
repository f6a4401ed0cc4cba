//! Indicators by name, as a client asks for them: `ema:20`, `macd:12,26,9`, `vwap`.

use std::str::FromStr;

use super::{
    Adx, AdxValue, Atr, Bands, Bollinger, Candle, Ema, Indicator, Macd, MacdValue, Obv, ParameterError, Rsi, Sma,
    Stochastic, StochasticValue, Vwap, Wma,
};

/// An indicator and its parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spec {
    /// `sma:20`: period.
    Sma(usize),
    /// `ema:20`: period.
    Ema(usize),
    /// `wma:20`: period.
    Wma(usize),
    /// `rsi:14`: period.
    Rsi(usize),
    /// `macd:12,26,9`: fast, slow, signal.
    Macd(usize, usize, usize),
    /// `bb:20,2`: period, deviations.
    Bollinger(usize, f64),
    /// `atr:14`: period.
    Atr(usize),
    /// `stoch:14,3,3`: period, slowing of k, period of d.
    Stochastic(usize, usize, usize),
    /// `adx:14`: period.
    Adx(usize),
    /// `obv`
    Obv,
    /// `vwap`: the day's, from 00:00 UTC.
    Vwap,
}

/// Why a text names no indicator.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SpecError {
    /// No indicator of this name.
    #[error("no indicator has this name")]
    Name,
    /// Parameters that are no numbers, or too many of them.
    #[error("the parameters are no numbers, or too many")]
    Parameters,
    /// Parameters out of range.
    #[error(transparent)]
    Range(#[from] ParameterError),
}

/// The values of one candle, in the order of [`Spec::columns`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Values {
    numbers: [f64; 3],
    length: usize,
}

impl Values {
    /// The values.
    #[must_use]
    pub fn as_slice(&self) -> &[f64] {
        self.numbers.get(..self.length).unwrap_or_default()
    }
}

impl From<f64> for Values {
    fn from(value: f64) -> Values {
        Values { numbers: [value, 0.0, 0.0], length: 1 }
    }
}

impl From<MacdValue> for Values {
    fn from(value: MacdValue) -> Values {
        Values { numbers: [value.macd, value.signal, value.histogram], length: 3 }
    }
}

impl From<Bands> for Values {
    fn from(value: Bands) -> Values {
        Values { numbers: [value.upper, value.middle, value.lower], length: 3 }
    }
}

impl From<StochasticValue> for Values {
    fn from(value: StochasticValue) -> Values {
        Values { numbers: [value.k, value.d, 0.0], length: 2 }
    }
}

impl From<AdxValue> for Values {
    fn from(value: AdxValue) -> Values {
        Values { numbers: [value.adx, value.plus, value.minus], length: 3 }
    }
}

/// An indicator of a [`Spec`], on its way through the candles.
#[derive(Debug, Clone)]
pub struct Running(Machine);

#[derive(Debug, Clone)]
enum Machine {
    Sma(Sma),
    Ema(Ema),
    Wma(Wma),
    Rsi(Rsi),
    Macd(Macd),
    Bollinger(Bollinger),
    Atr(Atr),
    Stochastic(Stochastic),
    Adx(Adx),
    Obv(Obv),
    Vwap(Vwap),
}

impl Indicator for Running {
    type Value = Values;

    fn push(&mut self, candle: &Candle) -> Option<Values> {
        match &mut self.0 {
            Machine::Sma(machine) => machine.push(candle).map(Values::from),
            Machine::Ema(machine) => machine.push(candle).map(Values::from),
            Machine::Wma(machine) => machine.push(candle).map(Values::from),
            Machine::Rsi(machine) => machine.push(candle).map(Values::from),
            Machine::Macd(machine) => machine.push(candle).map(Values::from),
            Machine::Bollinger(machine) => machine.push(candle).map(Values::from),
            Machine::Atr(machine) => machine.push(candle).map(Values::from),
            Machine::Stochastic(machine) => machine.push(candle).map(Values::from),
            Machine::Adx(machine) => machine.push(candle).map(Values::from),
            Machine::Obv(machine) => machine.push(candle).map(Values::from),
            Machine::Vwap(machine) => machine.push(candle).map(Values::from),
        }
    }
}

impl Spec {
    /// The indicator before its first candle.
    ///
    /// # Errors
    /// Parameters out of range.
    pub fn start(self) -> Result<Running, ParameterError> {
        Ok(Running(match self {
            Spec::Sma(period) => Machine::Sma(Sma::new(period)?),
            Spec::Ema(period) => Machine::Ema(Ema::new(period)?),
            Spec::Wma(period) => Machine::Wma(Wma::new(period)?),
            Spec::Rsi(period) => Machine::Rsi(Rsi::new(period)?),
            Spec::Macd(fast, slow, signal) => Machine::Macd(Macd::new(fast, slow, signal)?),
            Spec::Bollinger(period, deviations) => Machine::Bollinger(Bollinger::new(period, deviations)?),
            Spec::Atr(period) => Machine::Atr(Atr::new(period)?),
            Spec::Stochastic(period, k, d) => Machine::Stochastic(Stochastic::new(period, k, d)?),
            Spec::Adx(period) => Machine::Adx(Adx::new(period)?),
            Spec::Obv => Machine::Obv(Obv::new()),
            Spec::Vwap => Machine::Vwap(Vwap::new()),
        }))
    }

    /// The names of its values.
    #[must_use]
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Spec::Sma(_) => &["sma"],
            Spec::Ema(_) => &["ema"],
            Spec::Wma(_) => &["wma"],
            Spec::Rsi(_) => &["rsi"],
            Spec::Macd(..) => &["macd", "signal", "histogram"],
            Spec::Bollinger(..) => &["upper", "middle", "lower"],
            Spec::Atr(_) => &["atr"],
            Spec::Stochastic(..) => &["k", "d"],
            Spec::Adx(_) => &["adx", "plus", "minus"],
            Spec::Obv => &["obv"],
            Spec::Vwap => &["vwap"],
        }
    }

    /// How many candles have no value yet before the first one that has. VWAP has one with its day's first volume, and
    /// needs the candles since midnight to be right.
    #[must_use]
    pub fn warm_up(self) -> usize {
        match self {
            Spec::Sma(period) | Spec::Ema(period) | Spec::Wma(period) | Spec::Bollinger(period, _) => {
                period.saturating_sub(1)
            }
            Spec::Rsi(period) | Spec::Atr(period) => period,
            Spec::Macd(_, slow, signal) => slow.saturating_add(signal).saturating_sub(2),
            Spec::Stochastic(period, k, d) => period.saturating_add(k).saturating_add(d).saturating_sub(3),
            Spec::Adx(period) => period.saturating_mul(2).saturating_sub(1),
            Spec::Obv | Spec::Vwap => 0,
        }
    }
}

impl FromStr for Spec {
    type Err = SpecError;

    /// A name, and after a colon its parameters; those that are left out are the usual ones.
    fn from_str(text: &str) -> Result<Spec, SpecError> {
        let (name, parameters) = text.split_once(':').unwrap_or((text, ""));
        let mut given = (!parameters.is_empty()).then(|| parameters.split(',')).into_iter().flatten();
        let mut period = |usual: usize| match given.next() {
            Some(text) => text.parse().map_err(|_| SpecError::Parameters),
            None => Ok(usual),
        };
        let spec = match name {
            "sma" => Spec::Sma(period(20)?),
            "ema" => Spec::Ema(period(20)?),
            "wma" => Spec::Wma(period(20)?),
            "rsi" => Spec::Rsi(period(14)?),
            "macd" => Spec::Macd(period(12)?, period(26)?, period(9)?),
            "bb" => {
                let period = period(20)?;
                let deviations = given.next().map_or(Ok(2.0), str::parse).map_err(|_| SpecError::Parameters)?;
                Spec::Bollinger(period, deviations)
            }
            "atr" => Spec::Atr(period(14)?),
            "stoch" => Spec::Stochastic(period(14)?, period(3)?, period(3)?),
            "adx" => Spec::Adx(period(14)?),
            "obv" => Spec::Obv,
            "vwap" => Spec::Vwap,
            _ => return Err(SpecError::Name),
        };
        if given.next().is_some() {
            return Err(SpecError::Parameters);
        }
        spec.start()?;
        Ok(spec)
    }
}
