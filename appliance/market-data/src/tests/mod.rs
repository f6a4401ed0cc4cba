//! Tests over several modules, with random trades and changes against naive models.

mod books;
mod klines;
mod naive;
mod outbox;
#[allow(clippy::float_arithmetic, reason = "the definitions of indicators")]
mod series;
mod tickers;
mod world;

/// A stream of numbers from a seed; what fails prints its seed.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Any number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // Steps of the golden ratio, mixed.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        for shift in [30, 27, 31] {
            mixed = (mixed ^ (mixed >> shift)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        }
        (mixed >> 11) % end
    }

    /// True once in `often` times.
    pub(crate) fn once_in(&mut self, often: u64) -> bool {
        self.below(often) == 0
    }
}
