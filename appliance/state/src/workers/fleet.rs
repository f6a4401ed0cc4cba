//! Fleets: the workers of one kind on one network, how many of them there shall be, and what they run.
//!
//! Between its bounds a fleet grows when its oldest job has waited longer than its target for half a minute, and shrinks when
//! it has waited less than a quarter of it for five minutes. After each change both begin anew, so that it does not swing.

use std::time::Duration;

use exchequer_domain::{Network, Timestamp, WorkerKind};
use serde::{Deserialize, Serialize};

use super::{FLEET_SIZE_MAX, QUEUE_AGE_TARGET_US_MAX, QUEUE_AGE_TARGET_US_MIN};
use crate::rejection::{Field, Rejection};

/// How long a queue must be too old before its fleet grows.
pub const GROWS_AFTER: Duration = Duration::from_secs(30);
/// How long a queue must be young before its fleet shrinks.
pub const SHRINKS_AFTER: Duration = Duration::from_secs(300);
/// An older measurement decides nothing.
pub const MEASURED_WITHIN: Duration = Duration::from_secs(30);

/// The workers of one kind on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// What they do.
    pub kind: WorkerKind,
    /// Where; none for kinds without networks, and for what holds on all networks where nothing else is said.
    pub network: Option<Network>,
    /// How many there shall be; none where people alone decide.
    pub bounds: Option<Bounds>,
    /// The registered program that they run; none for the node's own.
    pub binary: Option<String>,
    /// What its queue was like.
    pub pressure: Pressure,
    /// Jobs that waited, as of the latest measurement.
    pub queue_depth: u64,
    /// For how long the oldest of them had waited, in microseconds.
    pub queue_age_us: u64,
    /// Replicated time of that measurement.
    pub measured_at: Option<Timestamp>,
    /// Replicated time of the latest change of its size by itself.
    pub scaled_at: Option<Timestamp>,
}

/// How many workers a fleet has at least and at most, and what decides between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// At least.
    pub min: u16,
    /// At most.
    pub max: u16,
    /// Its oldest job should not wait longer, in microseconds.
    pub queue_age_target_us: u64,
}

/// Since when a fleet's queue is as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pressure {
    /// Neither too old nor idle.
    Steady,
    /// Older than the target.
    High {
        /// Since then.
        since: Timestamp,
    },
    /// Younger than a quarter of the target.
    Low {
        /// Since then.
        since: Timestamp,
    },
}

/// What the leader measured of a fleet's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetReport {
    /// What its workers do.
    pub kind: WorkerKind,
    /// Where.
    pub network: Option<Network>,
    /// Jobs that wait.
    pub queue_depth: u64,
    /// For how long the oldest of them has waited, in microseconds.
    pub queue_age_us: u64,
}

/// A change of a fleet's size that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaling {
    /// What its workers do.
    pub kind: WorkerKind,
    /// Where.
    pub network: Option<Network>,
    /// How many there shall be.
    pub to: u16,
    /// What decided it, in words for the audit.
    pub why: String,
}

impl Bounds {
    pub(crate) fn check(&self) -> Result<(), Rejection> {
        if self.min > self.max || self.max > FLEET_SIZE_MAX {
            return Err(Rejection::Invalid { field: Field::FleetSize });
        }
        if !(QUEUE_AGE_TARGET_US_MIN..=QUEUE_AGE_TARGET_US_MAX).contains(&self.queue_age_target_us) {
            return Err(Rejection::Invalid { field: Field::QueueAgeTarget });
        }
        Ok(())
    }
}

impl Fleet {
    /// One about which nothing was decided.
    pub(crate) const fn new(kind: WorkerKind, network: Option<Network>) -> Fleet {
        Fleet {
            kind,
            network,
            bounds: None,
            binary: None,
            pressure: Pressure::Steady,
            queue_depth: 0,
            queue_age_us: 0,
            measured_at: None,
            scaled_at: None,
        }
    }

    /// Takes a measurement into the record.
    pub(crate) fn measure(&mut self, report: FleetReport, now: Timestamp) {
        (self.queue_depth, self.queue_age_us, self.measured_at) = (report.queue_depth, report.queue_age_us, Some(now));
        let target = self.bounds.map_or(u64::MAX, |bounds| bounds.queue_age_target_us);
        self.pressure = match self.pressure {
            Pressure::High { since } if report.queue_age_us > target => Pressure::High { since },
            Pressure::Low { since } if report.queue_age_us < target / 4 => Pressure::Low { since },
            Pressure::Steady | Pressure::High { .. } | Pressure::Low { .. } => {
                if report.queue_age_us > target {
                    Pressure::High { since: now }
                } else if report.queue_age_us < target / 4 {
                    Pressure::Low { since: now }
                } else {
                    Pressure::Steady
                }
            }
        };
    }

    /// The change of its size that is due where it has so many workers; none where none is.
    #[must_use]
    pub fn due(&self, workers: u16, now: Timestamp) -> Option<Scaling> {
        let Bounds { min, max, queue_age_target_us: target } = self.bounds?;
        if self.measured_at.is_none_or(|at| now.since(at) > MEASURED_WITHIN) {
            return None;
        }
        let age = self.queue_age_us;
        let to = match self.pressure {
            Pressure::High { since } if now.since(since) >= GROWS_AFTER && workers < max => {
                let more = if age / 4 >= target { workers.max(1) } else { 1 };
                workers.saturating_add(more).clamp(min, max)
            }
            Pressure::Low { since } if now.since(since) >= SHRINKS_AFTER && workers > min => {
                (workers - 1).clamp(min, max)
            }
            Pressure::Steady | Pressure::High { .. } | Pressure::Low { .. } => return None,
        };
        let (depth, age_ms, target_ms) = (self.queue_depth, age / 1_000, target / 1_000);
        let why = format!("{depth} jobs wait, the oldest for {age_ms} ms, with a target of {target_ms} ms");
        Some(Scaling { kind: self.kind, network: self.network, to, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn fleet() -> Fleet {
        let bounds = Some(Bounds { min: 1, max: 8, queue_age_target_us: 4 * SECOND });
        Fleet { bounds, ..Fleet::new(WorkerKind::Selftest, None) }
    }

    /// Measures every ten seconds and does what is due; the sizes after each.
    fn follow(fleet: &mut Fleet, mut workers: u16, ages_s: &[u64]) -> Vec<u16> {
        let mut now = fleet.measured_at.unwrap_or(Timestamp(1_000 * SECOND));
        let mut sizes = Vec::new();
        for age in ages_s {
            now = now.plus(Duration::from_secs(10));
            let (kind, network) = (fleet.kind, fleet.network);
            fleet.measure(FleetReport { kind, network, queue_depth: 9, queue_age_us: age * SECOND }, now);
            if let Some(scaling) = fleet.due(workers, now) {
                workers = scaling.to;
                fleet.pressure = Pressure::Steady;
            }
            sizes.push(workers);
        }
        sizes
    }

    /// Goal: a fleet grows after half a minute of pressure, by one or twofold, and begins anew after that; at its bounds it
    /// stays.
    #[test]
    fn grows_under_pressure() {
        assert_eq!(follow(&mut fleet(), 1, &[5; 9]), [1, 1, 1, 2, 2, 2, 2, 3, 3]);
        assert_eq!(follow(&mut fleet(), 3, &[16; 9]), [3, 3, 3, 6, 6, 6, 6, 8, 8]);
        assert_eq!(follow(&mut fleet(), 8, &[99; 5]), [8; 5]);
    }

    /// Goal: a short peak, and an age between the limits, change nothing; only five idle minutes let it shrink, by one.
    #[test]
    fn does_not_swing() {
        assert_eq!(follow(&mut fleet(), 2, &[5, 5, 5, 4, 5, 5, 5, 1, 0, 2]), [2; 10]);
        let sizes = follow(&mut fleet(), 3, &[0; 64]);
        assert_eq!((sizes[29], sizes[30], sizes[60], sizes[61]), (3, 2, 2, 1));
        assert_eq!(follow(&mut fleet(), 1, &[0; 40]), [1; 40]);
    }

    /// Goal: what was measured long ago decides nothing, and without bounds nothing is decided.
    #[test]
    fn needs_fresh_measurements_and_bounds() {
        let mut fleet = fleet();
        follow(&mut fleet, 8, &[9; 6]);
        let measured = fleet.measured_at.unwrap();
        assert!(fleet.due(1, measured.plus(MEASURED_WITHIN)).is_some());
        assert_eq!(fleet.due(1, measured.plus(MEASURED_WITHIN + Duration::from_micros(1))), None);
        fleet.bounds = None;
        assert_eq!(fleet.due(1, measured), None);
    }
}
