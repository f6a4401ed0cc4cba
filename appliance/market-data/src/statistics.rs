//! Figures about a market: how much its price moves, and how deep its book is.

use crate::depth::{Level, Levels};

/// Days of returns in the volatility.
pub const VOLATILITY_DAYS: usize = 30;
const DAYS_PER_YEAR: f64 = 365.0;

/// The volatility of 30 days, annualised: the sample standard deviation of the last 30 daily logarithmic returns, times
/// the square root of 365. As a fraction: 0.6 is 60 %.
///
/// `closes` are the closing prices of consecutive days in any unit, the last day last; days without trades repeat the
/// close before them. None with fewer than 31 days, or with a price that is not positive.
#[must_use]
pub fn volatility(closes: &[f64]) -> Option<f64> {
    let closes = closes.get(closes.len().checked_sub(VOLATILITY_DAYS + 1)?..)?;
    if !closes.iter().all(|close| close.is_finite() && *close > 0.0) {
        return None;
    }
    let days = VOLATILITY_DAYS as f64;
    let returns = || closes.windows(2).filter_map(|pair| Some((pair.get(1)? / pair.first()?).ln()));
    let mean = returns().sum::<f64>() / days;
    let squares: f64 = returns().map(|one| (one - mean) * (one - mean)).sum();
    Some((squares / (days - 1.0) * DAYS_PER_YEAR).sqrt())
}

/// The distance between the best prices.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// In ticks; below zero while a book is crossed in an auction.
    pub ticks: i128,
    /// In hundredths of a percent of the middle between the best prices.
    pub basis_points: f64,
}

/// The spread of a book; none while a side is empty.
#[must_use]
pub fn spread(book: &Levels) -> Option<Spread> {
    let (bid, ask) = best(book)?;
    let ticks = i128::from(ask) - i128::from(bid);
    Some(Spread { ticks, basis_points: ticks as f64 * 20_000.0 / (bid as f64 + ask as f64) })
}

/// What is offered near the middle between the best prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near {
    /// Of the bids, in minor units of the base asset.
    pub bids: u128,
    /// Of the asks, in minor units of the base asset.
    pub asks: u128,
}

/// What is offered up to `percent` percent away from the middle between the best prices, that distance included; none
/// while a side is empty.
#[must_use]
pub fn near(book: &Levels, percent: u32) -> Option<Near> {
    let (bid, ask) = best(book)?;
    // In integers, so that a level exactly at the edge is always in: price x 200 against (bid + ask) x (100 +- percent).
    let middle = u128::from(bid) + u128::from(ask);
    let lowest = middle * u128::from(100_u32.saturating_sub(percent));
    let highest = middle * (100 + u128::from(percent));
    let sum = |total: u128, level: &Level| total.saturating_add(level.total);
    let bids = book.bids.iter().take_while(|level| u128::from(level.price) * 200 >= lowest).fold(0, sum);
    let asks = book.asks.iter().take_while(|level| u128::from(level.price) * 200 <= highest).fold(0, sum);
    Some(Near { bids, asks })
}

impl Near {
    /// From -1, where everything is asks, to 1, where everything is bids; none where nothing is near.
    #[must_use]
    pub fn imbalance(&self) -> Option<f64> {
        let (bids, asks) = (self.bids as f64, self.asks as f64);
        (self.bids > 0 || self.asks > 0).then(|| (bids - asks) / (bids + asks))
    }
}

fn best(book: &Levels) -> Option<(u64, u64)> {
    Some((book.bids.first()?.price, book.asks.first()?.price))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-12 * right.abs().max(1.0)
    }

    /// Goal: volatility is the sample deviation, annualised. Method: returns that alternate between +r and -r have the
    /// deviation r * sqrt(30 / 29).
    #[test]
    fn volatility_of_a_known_series() {
        let up = 0.02_f64;
        let closes: Vec<f64> = (0..40).map(|day| if day % 2 == 0 { 100.0 } else { 100.0 * up.exp() }).collect();
        let expected = up * (30.0_f64 / 29.0).sqrt() * 365.0_f64.sqrt();
        assert!(is_near(volatility(&closes).unwrap(), expected));
        // The same growth every day is no volatility.
        let steady: Vec<f64> = (0..31).map(|day| 1.01_f64.powi(day)).collect();
        assert!(volatility(&steady).unwrap() < 1e-12);
        assert_eq!(volatility(&closes[..30]), None);
        let broken: Vec<f64> = closes.iter().map(|close| close - 100.0).collect();
        assert_eq!(volatility(&broken), None);
    }

    /// Goal: spread, depth and imbalance of a book worked out by hand, with levels exactly at the edges.
    #[test]
    fn figures_of_a_known_book() {
        let level = |price: u64, total: u128| Level { price, total };
        let book = Levels {
            bids: vec![level(9_990, 1), level(9_900, 2), level(9_899, 4), level(9_800, 8)],
            asks: vec![level(10_010, 3), level(10_100, 5), level(10_101, 7), level(10_201, 9)],
        };
        let spread = spread(&book).unwrap();
        assert_eq!(spread.ticks, 20);
        assert!(is_near(spread.basis_points, 20.0));
        assert_eq!(near(&book, 1), Some(Near { bids: 3, asks: 8 }));
        assert_eq!(near(&book, 2), Some(Near { bids: 15, asks: 15 }));
        assert!(is_near(near(&book, 1).unwrap().imbalance().unwrap(), -5.0 / 11.0));
        assert!(is_near(near(&book, 2).unwrap().imbalance().unwrap(), 0.0));
        // More than everything, and nothing.
        assert_eq!(near(&book, u32::MAX), Some(Near { bids: 15, asks: 24 }));
        let one_sided = Levels { asks: vec![], ..book };
        assert_eq!((near(&one_sided, 1), super::spread(&one_sided)), (None, None));
    }
}
