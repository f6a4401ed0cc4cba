//! The circuit breaker: how far the price may move within a minute.
//!
//! The lowest and highest price of each of the last seconds are kept. A trade more than the band above the lowest or
//! below the highest of them is not made: the market stops trading and opens again with an auction.

use serde::{Deserialize, Serialize};

use exchequer_domain::Timestamp;

use crate::planted::{Bug, has};
use crate::units::Ticks;

/// The window, in seconds.
pub const WINDOW_SECONDS: u64 = 60;

const SECOND_US: u64 = 1_000_000;
const MILLION: u128 = 1_000_000;

/// When the breaker trips and what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    /// How far the price may move within [`WINDOW_SECONDS`], in millionths; zero switches the breaker off.
    pub band_ppm: u32,
    /// How long orders can only be cancelled, in microseconds.
    pub pause_us: u64,
    /// How long the auction lasts then, in microseconds.
    pub auction_us: u64,
}

impl Default for Breaker {
    /// A tenth; two minutes without trading, one of auction.
    fn default() -> Breaker {
        Breaker { band_ppm: 100_000, pause_us: 120 * SECOND_US, auction_us: 60 * SECOND_US }
    }
}

/// The prices of one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Second {
    number: u64,
    lowest: Ticks,
    highest: Ticks,
}

/// The prices of the last seconds in which there was a trade, oldest first, and the band that follows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    seconds: Vec<Second>,
    band: Option<(Ticks, Ticks)>,
}

/// The number of the oldest second of the window.
fn first_second(now: Timestamp) -> u64 {
    (now.0 / SECOND_US + 1).saturating_sub(WINDOW_SECONDS)
}

impl Window {
    /// The lowest and highest price that may be traded now. Where nothing traded within the window, `reference` is what
    /// the price moves from. It holds for the whole walk of one order.
    #[inline]
    pub(crate) fn band(&mut self, breaker: &Breaker, now: Timestamp, reference: Option<Ticks>) -> (Ticks, Ticks) {
        const ALL: (Ticks, Ticks) = (Ticks(0), Ticks(u64::MAX));
        if breaker.band_ppm == 0 {
            return ALL;
        }
        let first = first_second(now);
        if self.seconds.first().is_some_and(|second| second.number < first) {
            self.seconds.retain(|second| second.number >= first);
            self.band = None;
        }
        if let Some(band) = self.band {
            return band;
        }
        let lowest = self.seconds.iter().map(|second| second.lowest).min().or(reference);
        let highest = self.seconds.iter().map(|second| second.highest).max().or(reference);
        let (Some(lowest), Some(highest)) = (lowest, highest) else { return ALL };
        let part = u128::from(breaker.band_ppm);
        // At most 2^40 times 2^33: fits.
        let top = u128::from(lowest.0) * (MILLION + part) / MILLION;
        let bottom = (u128::from(highest.0) * MILLION.saturating_sub(part)).div_ceil(MILLION);
        let ticks = |price: u128| Ticks(u64::try_from(price).unwrap_or(u64::MAX));
        let band = (ticks(bottom), ticks(top));
        if !self.seconds.is_empty() {
            self.band = Some(band);
        }
        band
    }

    /// Takes a trade into the window.
    #[inline]
    pub(crate) fn traded(&mut self, price: Ticks, now: Timestamp) {
        if has(Bug::BandForgets) {
            self.clear();
        }
        let number = now.0 / SECOND_US;
        match self.seconds.last_mut() {
            Some(second) if second.number == number => {
                if price >= second.lowest && price <= second.highest {
                    return;
                }
                second.lowest = second.lowest.min(price);
                second.highest = second.highest.max(price);
            }
            _ => self.seconds.push(Second { number, lowest: price, highest: price }),
        }
        self.band = None;
    }

    /// Forgets all prices.
    pub(crate) fn clear(&mut self) {
        self.seconds.clear();
        self.band = None;
    }

    /// The numbers of the seconds that still count, with their lowest and highest prices.
    pub(crate) fn parts(&self, now: Timestamp) -> Vec<(u64, Ticks, Ticks)> {
        let first = first_second(now);
        let seconds = self.seconds.iter().filter(|second| second.number >= first);
        seconds.map(|second| (second.number, second.lowest, second.highest)).collect()
    }

    pub(crate) fn of_parts(parts: &[(u64, Ticks, Ticks)]) -> Window {
        let seconds = parts.iter().map(|(number, lowest, highest)| Second {
            number: *number,
            lowest: *lowest,
            highest: *highest,
        });
        Window { seconds: seconds.collect(), band: None }
    }
}
