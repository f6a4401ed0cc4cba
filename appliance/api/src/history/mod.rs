//! What the figures of an overview were in the last day: each node samples its own once a minute and keeps them in memory.
//!
//! What is sampled of the state is the same on every node that keeps up, so that a failover loses nothing; a node that was started
//! anew begins anew, and says since when. Invariants:
//! - A day of whole minutes is kept and nothing older; a minute has one sample at most.
//! - Nothing is made up: what was not sampled, or was older than a minute where it was sampled, is absent.
//! - Figures are whole numbers; amounts are in minor units of their asset.

mod sample;
mod series;

use std::collections::VecDeque;

use exchequer_domain::Timestamp;
use exchequer_state::ledger::Asset;
use parking_lot::Mutex;

pub use sample::{Process, STATE_AGE_MAX};
pub use series::{Series, Source, Unit};

use crate::backend::Backend;

/// Between two samples, in microseconds.
pub const SAMPLED_EVERY_US: u64 = 60_000_000;
/// How far back samples are kept, in minutes.
pub const KEPT_MINUTES: u64 = 24 * 60;
/// Assets of which amounts are sampled: those of the markets, in the order in which these were made.
pub const ASSETS_MAX: usize = 32;

/// What a figure is of: its series, and of amounts the asset.
pub type Key = (Series, Option<Asset>);

/// What was the case at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// This node's wall clock.
    pub at: Timestamp,
    /// Sorted by key; what was not known is absent.
    figures: Vec<(Key, i128)>,
}

impl Sample {
    fn new(at: Timestamp, mut figures: Vec<(Key, i128)>) -> Sample {
        figures.sort_unstable_by_key(|(key, _)| *key);
        Sample { at, figures }
    }

    fn minute(&self) -> u64 {
        self.at.0 / SAMPLED_EVERY_US
    }

    /// A figure; none where it was not known.
    #[must_use]
    pub fn get(&self, key: Key) -> Option<i128> {
        let found = self.figures.binary_search_by_key(&key, |(known, _)| *known);
        found.ok().and_then(|place| self.figures.get(place)).map(|(_, figure)| *figure)
    }
}

/// One series as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it is of.
    pub key: Key,
    /// In the order of time.
    pub points: Vec<(Timestamp, i128)>,
    /// The figure of 24 hours before the newest sample.
    pub day_before: Option<(Timestamp, i128)>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// When the oldest sample that is kept was taken; none before the first one.
    pub kept_since: Option<Timestamp>,
    /// When the newest one was.
    pub sampled_at: Option<Timestamp>,
    /// How many minutes lie between two points.
    pub step_minutes: u64,
    /// One of each series, of amounts one of each asset that has any.
    pub lines: Vec<Line>,
}

/// The samples of the last day.
#[derive(Debug, Default)]
pub struct History(Mutex<VecDeque<Sample>>);

impl History {
    /// Samples what is the case now, unless this minute has a sample already. The clock is the node's wall clock.
    pub fn sample(&self, backend: &dyn Backend, now: Timestamp, process: Process) {
        let minute = now.0 / SAMPLED_EVERY_US;
        if self.0.lock().back().is_some_and(|newest| newest.minute() == minute) {
            return;
        }
        self.put(Sample::new(now, sample::figures(backend, now, process)));
    }

    fn put(&self, sample: Sample) {
        let mut kept = self.0.lock();
        // The clock was put back. Of what it called later nobody knows when it was.
        let before = kept.len();
        kept.retain(|one| one.minute() < sample.minute());
        let forgotten = before - kept.len();
        if forgotten > 0 {
            tracing::warn!(forgotten, "the clock was put back: samples of later moments are forgotten");
        }
        kept.retain(|one| one.minute() + KEPT_MINUTES >= sample.minute());
        kept.push_back(sample);
    }

    /// Of each of these series about `points` points that are equally far apart: the newest sample, and going back from there the
    /// newest of each step. A step without a sample has no point.
    #[must_use]
    pub fn read(&self, series: &[Series], points: u64) -> Read {
        let step_minutes = KEPT_MINUTES.div_ceil(points.clamp(1, KEPT_MINUTES));
        let kept = self.0.lock();
        // Of amounts those that there are; the others are in the answer also where nothing is known of them.
        let mut keys: Vec<Key> = kept.iter().flat_map(|sample| sample.figures.iter().map(|(key, _)| *key)).collect();
        keys.retain(|(one, _)| series.contains(one));
        keys.extend(series.iter().filter(|one| one.unit() != Unit::MinorUnits).map(|one| (*one, None)));
        keys.sort_unstable();
        keys.dedup();
        let Some(newest) = kept.back() else {
            let lines = keys.into_iter().map(|key| Line { key, points: Vec::new(), day_before: None }).collect();
            return Read { kept_since: None, sampled_at: None, step_minutes, lines };
        };
        let ago = |sample: &Sample| newest.minute() - sample.minute();
        let mut chosen: Vec<&Sample> = Vec::new();
        for sample in kept.iter().rev().filter(|sample| ago(sample) < KEPT_MINUTES) {
            let slot = ago(sample) / step_minutes;
            if chosen.last().is_none_or(|last| ago(last) / step_minutes != slot) {
                chosen.push(sample);
            }
        }
        chosen.reverse();
        let day_before = kept.front().filter(|oldest| ago(oldest) == KEPT_MINUTES);
        let of = |sample: &&Sample, key| sample.get(key).map(|figure| (sample.at, figure));
        let line = |key| Line {
            key,
            points: chosen.iter().filter_map(|sample| of(sample, key)).collect(),
            day_before: day_before.and_then(|sample| of(&sample, key)),
        };
        let lines = keys.into_iter().map(line).collect();
        Read { kept_since: kept.front().map(|oldest| oldest.at), sampled_at: Some(newest.at), step_minutes, lines }
    }
}

#[cfg(test)]
mod tests;
