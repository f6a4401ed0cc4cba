//! What is spent on gas in each hour of a week, learnt as it goes, and how long what there is will last.
//!
//! Each of the 168 hours has a moving average in which the newest week counts three tenths. It is learnt from what was spent in
//! fact, so that prices and counts need not be guessed apart. Whole numbers alone: the same on every node.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

/// Hours of a week.
pub const HOURS_OF_WEEK: usize = 168;
/// What the newest week counts in an average, in tenths.
const NEWEST_TENTHS: u128 = 3;
/// How far ahead is looked, in hours: 90 days.
pub const RUNWAY_HOURS_MAX: u32 = 90 * 24;
/// Hours without spending that are made up for at once: four weeks. A longer silence says no more.
const SILENT_HOURS_MAX: u64 = 4 * HOURS_OF_WEEK as u64;

const HOUR_US: u64 = 3_600_000_000;

/// What is spent in each hour of a week, in minor units of the network's coin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The average of each hour, from the first one of a week on; none of an hour that was never watched whole.
    hours: Vec<Option<u128>>,
    /// The hour that is watched now, counted from 1970, and what was spent in it; none before the first one.
    now: Option<(u64, u128)>,
    /// Whether the hour that is watched now was watched from its beginning.
    whole: bool,
}

/// How long what there is lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Runway {
    /// So many whole hours.
    Hours(u32),
    /// Longer than [`RUNWAY_HOURS_MAX`].
    Beyond,
    /// No hour was watched yet.
    Unknown,
}

impl Profile {
    /// Time passes: hours that are over count.
    pub(crate) fn roll(&mut self, now: Timestamp) {
        let hour = now.0 / HOUR_US;
        let Some((watched, spent)) = self.now else {
            self.now = Some((hour, 0));
            return;
        };
        if hour <= watched {
            return;
        }
        if self.whole {
            self.learn(watched, spent);
        }
        let silent = (hour - watched - 1).min(SILENT_HOURS_MAX);
        for past in hour - silent..hour {
            self.learn(past, 0);
        }
        (self.now, self.whole) = (Some((hour, 0)), true);
    }

    /// So much was spent now.
    pub(crate) fn spend(&mut self, now: Timestamp, amount: u128) {
        self.roll(now);
        if let Some((_, spent)) = &mut self.now {
            *spent = spent.saturating_add(amount);
        }
    }

    fn learn(&mut self, hour: u64, spent: u128) {
        self.hours.resize(HOURS_OF_WEEK, None);
        if let Some(known) = self.hours.get_mut(of_week(hour)) {
            let old_tenths = 10 - NEWEST_TENTHS;
            *known = Some(match *known {
                None => spent,
                Some(old) => {
                    let sum = spent.saturating_mul(NEWEST_TENTHS).saturating_add(old.saturating_mul(old_tenths));
                    sum.saturating_add(5) / 10
                }
            });
        }
    }

    /// What is expected to be spent in an hour, counted from 1970; of one that was never watched the average of the others.
    /// None where none was.
    #[must_use]
    pub fn expected(&self, hour: u64) -> Option<u128> {
        self.hours.get(of_week(hour)).copied().flatten().or_else(|| self.average())
    }

    /// What is spent in an hour on average, rounded up; none where no hour was watched.
    #[must_use]
    pub fn average(&self) -> Option<u128> {
        let known: Vec<u128> = self.hours.iter().flatten().copied().collect();
        let sum = known.iter().fold(0_u128, |sum, one| sum.saturating_add(*one));
        if known.is_empty() { None } else { Some(sum.div_ceil(known.len() as u128)) }
    }

    /// How long so much lasts from now on. What was spent already in the hour that is not over is not taken off.
    #[must_use]
    pub fn runway(&self, now: Timestamp, has: u128) -> Runway {
        let mut left = has;
        for hours in 0..RUNWAY_HOURS_MAX {
            let Some(takes) = self.expected(now.0 / HOUR_US + u64::from(hours)) else { return Runway::Unknown };
            match left.checked_sub(takes) {
                Some(rest) => left = rest,
                None => return Runway::Hours(hours),
            }
        }
        Runway::Beyond
    }
}

/// Which hour of a week, from 0; when a week begins does not matter.
fn of_week(hour: u64) -> usize {
    usize::try_from(hour % HOURS_OF_WEEK as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_HOUR: u64 = 490_000;

    fn at(hour: u64, minute: u64) -> Timestamp {
        Timestamp(hour * HOUR_US + minute * 60_000_000)
    }

    /// What a synthetic exchange spends in an hour: busy days, quiet nights, quieter weekends.
    fn typical(hour: u64) -> u128 {
        let (day, of_day) = (hour / 24 % 7, hour % 24);
        let busy = if (8..20).contains(&of_day) { 1_000 } else { 250 };
        if day < 5 { busy } else { busy / 2 }
    }

    /// Goal: after some weeks a week is foretold to a quarter, in sum and hour by hour on average. Method: five synthetic weeks
    /// in which each hour's payments vary by three tenths at random, a sixth one to compare with.
    #[test]
    fn a_week_is_foretold_to_a_quarter() {
        let mut seed = 0xfeed_u64;
        println!("seed {seed:#x}");
        let mut profile = Profile::default();
        let week = HOURS_OF_WEEK as u64;
        let (mut sum, mut foretold, mut wrong) = (0_u128, 0_u128, 0_u128);
        for hour in START_HOUR..START_HOUR + 6 * week {
            let mut spent = 0;
            for minute in [5, 25, 45] {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let varied = 70 + u128::from((seed >> 33) % 61);
                let part = typical(hour) * varied / 100 / 3;
                profile.spend(at(hour, minute), part);
                spent += part;
            }
            if hour >= START_HOUR + 5 * week {
                let expected = profile.expected(hour).unwrap();
                sum += spent;
                foretold += expected;
                wrong += spent.abs_diff(expected);
            }
        }
        assert!(sum.abs_diff(foretold) * 4 < sum, "{foretold} foretold and {sum} spent");
        assert!(wrong * 4 < sum, "{wrong} wrong of {sum}");
    }

    /// Goal: the newest week counts three tenths, an hour that was not watched whole does not count, and one without spending
    /// does. Method: one hour of three weeks.
    #[test]
    fn averages_move() {
        let mut profile = Profile::default();
        profile.spend(at(START_HOUR, 59), 7_000);
        profile.spend(at(START_HOUR + 1, 0), 100);
        assert_eq!(profile.average(), None);
        profile.roll(at(START_HOUR + 2, 0));
        assert_eq!((profile.expected(START_HOUR + 1), profile.hours[of_week(START_HOUR)]), (Some(100), None));
        let later = START_HOUR + 1 + HOURS_OF_WEEK as u64;
        profile.spend(at(later, 1), 200);
        profile.roll(at(later + 1, 0));
        assert_eq!(profile.expected(later), Some(130));
        assert_eq!(profile.expected(START_HOUR + 5), Some(0));
        let after_silence = later + 9 * HOURS_OF_WEEK as u64;
        profile.roll(at(after_silence, 0));
        assert_eq!(profile.expected(later), Some(32), "four silent weeks");
    }

    /// Goal: a runway ends in the hour that what is left does not cover. Method: a profile of known hours, and none.
    #[test]
    fn a_runway_ends_with_the_money() {
        let mut profile = Profile::default();
        assert_eq!(profile.runway(at(START_HOUR, 0), u128::MAX), Runway::Unknown);
        profile.roll(at(START_HOUR - 1, 0));
        for hour in START_HOUR..START_HOUR + HOURS_OF_WEEK as u64 {
            profile.spend(at(hour, 1), 10);
        }
        let now = at(START_HOUR + HOURS_OF_WEEK as u64, 0);
        profile.roll(now);
        assert_eq!(profile.average(), Some(10));
        assert_eq!(profile.runway(now, 9), Runway::Hours(0));
        assert_eq!(profile.runway(now, 10), Runway::Hours(1));
        assert_eq!(profile.runway(now, 479), Runway::Hours(47));
        assert_eq!(profile.runway(now, 10 * u128::from(RUNWAY_HOURS_MAX)), Runway::Beyond);
        assert_eq!(profile.runway(now, 10 * u128::from(RUNWAY_HOURS_MAX) - 1), Runway::Hours(RUNWAY_HOURS_MAX - 1));
    }
}
