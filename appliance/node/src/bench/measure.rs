//! Distributions of durations, to the microsecond and three digits.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Longer durations count as this one.
const LONGEST: Duration = Duration::from_secs(120);
const DIGITS: u8 = 3;

/// A distribution of durations, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Distribution {
    /// Half took no longer.
    pub p50_us: u64,
    /// 90 % took no longer.
    pub p90_us: u64,
    /// 99 % took no longer.
    pub p99_us: u64,
    /// 99.9 % took no longer.
    pub p999_us: u64,
    /// None took longer.
    pub max_us: u64,
    /// The mean.
    pub mean_us: u64,
}

/// Durations as they come in.
pub struct Durations(Option<Histogram<u64>>);

impl std::fmt::Debug for Durations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Durations").field(&self.distribution()).finish()
    }
}

impl Default for Durations {
    fn default() -> Durations {
        Durations::new()
    }
}

impl Durations {
    /// None yet.
    #[must_use]
    pub fn new() -> Durations {
        // The bounds are constants that the library accepts.
        Durations(Histogram::new_with_bounds(1, LONGEST.as_micros() as u64, DIGITS).ok())
    }

    /// Adds one.
    pub fn record(&mut self, duration: Duration) {
        self.record_us(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    /// Adds one of so many microseconds.
    pub fn record_us(&mut self, us: u64) {
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(us);
        }
    }

    /// What came in.
    #[must_use]
    pub fn distribution(&self) -> Distribution {
        let Some(histogram) = &self.0 else { return Distribution::default() };
        let at = |quantile| histogram.value_at_quantile(quantile);
        Distribution {
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max(),
            // Of no value it is not a number, which becomes zero.
            mean_us: histogram.mean().round() as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: percentiles mean what they say. Method: 1 to 1000 microseconds, once each.
    #[test]
    fn percentiles_of_a_known_distribution() {
        let mut durations = Durations::new();
        for us in 1..=1000 {
            durations.record_us(us);
        }
        // The mean is 500.5.
        let expected = Distribution { p50_us: 500, p90_us: 900, p99_us: 990, p999_us: 999, max_us: 1000, mean_us: 501 };
        assert_eq!(durations.distribution(), expected);
        durations.record(Duration::from_secs(1000));
        assert!(durations.distribution().max_us >= 119_000_000);
    }
}
