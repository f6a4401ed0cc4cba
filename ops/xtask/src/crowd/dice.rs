//! Chance that can be had again: a generator of a seed, and the random walk that the crowd believes to be the price.

use std::time::Duration;

/// A generator of 64 bits (SplitMix64). The same seed throws the same.
#[derive(Debug, Clone)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    /// The dice of one trader or one walk: `stream` tells those of one seed apart.
    pub(crate) fn new(seed: u64, stream: u64) -> Dice {
        let mut dice = Dice { state: seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95) };
        dice.throw();
        dice
    }

    fn throw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `bound`, which is not reached; 0 where it is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The upper half of the product: as even as 64 bits allow.
        ((u128::from(self.throw()) * u128::from(bound)) >> 64) as u64
    }

    /// From `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True so many times in a hundred.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// From minus `most` to `most`.
    fn either_way(&mut self, most: i64) -> i64 {
        self.between(0, most.unsigned_abs() * 2) as i64 - most
    }

    /// `mean`, give or take two fifths.
    pub(crate) fn about(&mut self, mean: Duration) -> Duration {
        mean * (60 + self.below(81) as u32) / 100
    }
}

/// How long one step of a walk takes.
const STEP: Duration = Duration::from_millis(500);
/// Parts of a tick that a walk is counted in, so that small prices move too.
const PARTS: i64 = 1_000_000;
/// Most that chance moves the price in one step, in millionths.
const NOISE_PPM: i64 = 70;
/// Most that chance moves the trend in one step, in millionths.
const TREND_PPM: i64 = 4;
/// One part in so many of the trend is lost in each step.
const TREND_FADES: i64 = 40;
/// One part in so many of the distance to the anchor is made good in each step.
const PULL: i64 = 4_096;
/// The walk never goes farther from its anchor than one part in so many.
const LEASH: i64 = 8;
const MILLION: i64 = 1_000_000;

/// What the crowd believes a market's price to be: a random walk with trends that is drawn back to its anchor. Whoever has
/// the same seed and the same start sees the same price at the same moment, without having to talk about it.
#[derive(Debug, Clone)]
pub(crate) struct Walk {
    dice: Dice,
    anchor: i64,
    price: i64,
    /// In parts of a millionth a step, so that it fades evenly.
    trend: i64,
    steps: u128,
}

impl Walk {
    /// A walk from `start` around `anchor`, both in ticks.
    pub(crate) fn new(dice: Dice, anchor: u64, start: u64) -> Walk {
        let parts = |ticks: u64| i64::try_from(ticks).unwrap_or(0) * PARTS;
        let mut walk = Walk { dice, anchor: parts(anchor), price: parts(start), trend: 0, steps: 0 };
        walk.keep();
        walk
    }

    fn keep(&mut self) {
        let leash = self.anchor / LEASH;
        self.price = self.price.clamp(self.anchor - leash, self.anchor + leash);
    }

    /// The price after so much time, in ticks. Time only goes on.
    pub(crate) fn at(&mut self, elapsed: Duration) -> u64 {
        let due = elapsed.as_millis() / STEP.as_millis();
        while self.steps < due {
            self.steps += 1;
            self.trend += self.dice.either_way(TREND_PPM * TREND_FADES) - self.trend / TREND_FADES;
            let ppm = self.trend / TREND_FADES + self.dice.either_way(NOISE_PPM);
            self.price += self.price / MILLION * ppm + (self.anchor - self.price) / PULL;
            self.keep();
        }
        (self.price / PARTS).unsigned_abs().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what chance gives stays in its range, reaches both ends, and comes again with the seed. Method: many throws.
    #[test]
    fn dice_keep_to_their_range() {
        let (mut one, mut again, mut other) = (Dice::new(7, 1), Dice::new(7, 1), Dice::new(7, 2));
        let thrown: Vec<u64> = (0..2_000).map(|_| one.between(3, 12)).collect();
        assert_eq!((thrown.iter().min(), thrown.iter().max()), (Some(&3), Some(&12)));
        assert_eq!(thrown, (0..2_000).map(|_| again.between(3, 12)).collect::<Vec<_>>());
        assert_ne!(thrown, (0..2_000).map(|_| other.between(3, 12)).collect::<Vec<_>>());
        assert_eq!(one.below(0), 0);
        let taken = (0..1_000).filter(|_| one.chance(30)).count();
        assert!((200..400).contains(&taken), "{taken}");
        let mean = Duration::from_millis(1_000);
        assert!((0..1_000).map(|_| one.about(mean)).all(|pause| (600..=1_400).contains(&pause.as_millis())));
    }

    /// Goal: a walk moves, stays on its leash whatever its seed and however long it lasts, and is the same for everybody.
    /// Method: walks of small and large prices, read at different moments.
    #[test]
    fn walks_move_on_a_leash() {
        for (seed, anchor) in [(1, 27_000), (2, 640_000), (3, 100)] {
            let new = || Walk::new(Dice::new(seed, 9), anchor, anchor);
            let (mut often, mut seldom) = (new(), new());
            let mut prices = Vec::new();
            for second in 0..40_000 {
                prices.push(often.at(Duration::from_secs(second)));
            }
            assert_eq!(seldom.at(Duration::from_secs(39_999)), prices[39_999], "seed {seed}");
            let (low, high) = (prices.iter().min().unwrap(), prices.iter().max().unwrap());
            assert!(*low >= anchor - anchor / 8 - 1 && *high <= anchor + anchor / 8, "seed {seed}: {low} to {high}");
            assert!(high > low, "seed {seed}: it stands still");
        }
        let far = Walk::new(Dice::new(1, 1), 1_000, 5_000).at(Duration::ZERO);
        assert_eq!(far, 1_125);
    }
}
