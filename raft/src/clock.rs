//! Replicated time: what the leader stamps on entries.
//!
//! It goes on from the last applied stamp with the monotonic clock, whoever leads, and is drawn towards the wall clock
//! by at most a tenth of the time that passes. It never runs backwards. It leaps forward only to a wall clock that is
//! vouched for: one that agrees, within the limit, with a majority of the voters' clocks, its own included; two
//! agreeing of three are enough. A cluster that was switched off for days moves on that way, and one node with a wrong
//! clock moves nothing.
//!
//! A single voter has nobody to ask: it believes the clock it was started with, up to a year ahead of the last applied
//! stamp, and from then on only what the monotonic clock bears out.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// Tells microseconds since 1970.
pub type WallClock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How far ahead of replicated time a single voter may be started: beyond, its clock is more likely wrong.
const ALONE_LEAP_MAX_US: u64 = 366 * 86_400 * 1_000_000;

/// What the voters' clocks say about this node's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Too few were heard.
    Unknown,
    /// This node is the only voter.
    Alone,
    /// A majority of the voters agrees with it.
    Agreed,
    /// It is too far from the voters' median.
    Off,
    /// No majority agrees, and nobody can tell which clock is wrong.
    Disputed,
}

/// A verdict, and how far this node's clock is from the median of three clocks or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) verdict: Verdict,
    pub(crate) offset_us: Option<i64>,
}

/// Judges this node's clock by those of the voters that were heard, each as its difference from this node's. A node
/// that `votes` counts itself among the `voters`.
pub(crate) fn judge(heard: &[i64], votes: bool, voters: usize, limit: Duration) -> Judgement {
    if votes && voters == 1 {
        return Judgement { verdict: Verdict::Alone, offset_us: None };
    }
    let mut offsets = heard.to_vec();
    if votes {
        offsets.push(0);
    }
    offsets.sort_unstable();
    let quorum = voters / 2 + 1;
    if offsets.len() < quorum {
        return Judgement { verdict: Verdict::Unknown, offset_us: None };
    }
    let limit = i64::try_from(limit.as_micros()).unwrap_or(i64::MAX);
    let near = |offset: &i64| offset.saturating_abs() <= limit;
    // A median needs three clocks: of two nobody can say which one is wrong.
    let median = if offsets.len() < 3 { None } else { offsets.get(offsets.len() / 2) };
    let verdict = match median {
        _ if offsets.iter().filter(|offset| near(offset)).count() >= quorum => Verdict::Agreed,
        Some(median) if !near(median) => Verdict::Off,
        Some(_) | None => Verdict::Disputed,
    };
    Judgement { verdict, offset_us: median.map(|median| median.saturating_neg()) }
}

/// A reading of this node's wall clock that may be believed.
#[derive(Debug, Clone, Copy)]
struct Reference {
    at: Instant,
    wall_us: u64,
    /// Nobody but this node vouches for it.
    alone: bool,
}

/// The clock of a node: kept while it follows, read while it leads.
pub(crate) struct ReplicatedClock {
    wall: WallClock,
    /// The last applied stamp and when it was first seen here.
    applied: (Instant, u64),
    /// The last stamp given, and the term it was given in: a later leadership begins with what was applied.
    stamped: Option<(u64, Instant, u64)>,
    reference: Option<Reference>,
    judged: bool,
    limit_us: u64,
}

impl ReplicatedClock {
    /// Starts with the stamp that the state on the disk has.
    pub(crate) fn new(wall: WallClock, applied_us: u64) -> ReplicatedClock {
        let applied = (Instant::now(), applied_us);
        ReplicatedClock { wall, applied, stamped: None, reference: None, judged: false, limit_us: 2_000_000 }
    }

    /// This node's wall clock.
    pub(crate) fn wall_us(&self) -> u64 {
        (self.wall)()
    }

    /// Replicated time as it went on since the last applied stamp, whatever the wall clock says; zero in a new cluster.
    pub(crate) fn now_us(&self) -> u64 {
        self.now_at(Instant::now())
    }

    fn now_at(&self, now: Instant) -> u64 {
        let (at, us) = self.applied;
        if us == 0 { 0 } else { project(at, us, now) }
    }

    /// Notes the last applied stamp, so that it is known how long ago it was applied.
    pub(crate) fn observe(&mut self, applied_us: u64) {
        self.observe_at(Instant::now(), applied_us);
    }

    /// Notes what the others' clocks said of this node's as it was read at `at`.
    pub(crate) fn judged(&mut self, verdict: Verdict, at: Instant, wall_us: u64, limit: Duration) {
        self.limit_us = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        self.reference = match verdict {
            Verdict::Agreed => Some(Reference { at, wall_us, alone: false }),
            // Only the clock that the process was started with, and as far as it goes on evenly: time may have passed
            // unseen while the node was off, not while it ran.
            Verdict::Alone if !self.judged || self.is_borne_out(at, wall_us) => {
                Some(Reference { at, wall_us, alone: true })
            }
            Verdict::Alone => self.reference,
            Verdict::Unknown | Verdict::Off | Verdict::Disputed => None,
        };
        self.judged |= verdict != Verdict::Unknown;
    }

    /// Whether replicated time is drawn towards this node's wall clock when it leads.
    pub(crate) fn is_believed(&self) -> bool {
        let (now, wall) = (Instant::now(), self.wall_us());
        self.believes(now, wall, project(self.applied.0, self.applied.1, now))
    }

    /// The next stamp in `term`; never before `floor_us`, the last applied one.
    pub(crate) fn stamp(&mut self, term: u64, floor_us: u64) -> u64 {
        self.stamp_at(Instant::now(), self.wall_us(), term, floor_us)
    }

    fn observe_at(&mut self, now: Instant, applied_us: u64) {
        if applied_us > self.applied.1 {
            self.applied = (now, applied_us);
        }
    }

    fn stamp_at(&mut self, now: Instant, wall: u64, term: u64, floor_us: u64) -> u64 {
        self.observe_at(now, floor_us);
        let ours = self.stamped.filter(|(of, ..)| *of == term).map(|(_, at, us)| (at, us));
        let bases = [Some(self.applied), ours];
        let base = bases.into_iter().flatten().max_by_key(|(at, us)| project(*at, *us, now)).unwrap_or(self.applied);
        let elapsed = elapsed_us(now, base.0);
        let straight = base.1.saturating_add(elapsed);
        let believed = self.believes(now, wall, straight);
        let stamped = if base.1 == 0 {
            // A new cluster: there is nothing yet that a wrong time could undo.
            wall
        } else if believed && wall > straight.saturating_add(self.limit_us) {
            tracing::warn!(seconds = (wall - straight) / 1_000_000, "replicated time leaps forward to the wall clock");
            wall
        } else if believed || wall.abs_diff(straight) <= self.limit_us {
            slew(base.1, wall, elapsed)
        } else {
            straight
        };
        let stamped = stamped.max(floor_us);
        self.stamped = Some((term, now, stamped));
        stamped
    }

    fn believes(&self, now: Instant, wall: u64, straight: u64) -> bool {
        let alone = self.reference.is_some_and(|reference| reference.alone);
        let plausible = !alone || straight == 0 || wall <= straight.saturating_add(ALONE_LEAP_MAX_US);
        plausible && self.is_borne_out(now, wall)
    }

    /// Whether the wall clock went on since the reference as the monotonic clock did.
    fn is_borne_out(&self, now: Instant, wall: u64) -> bool {
        let expected = self.reference.map(|reference| project(reference.at, reference.wall_us, now));
        expected.is_some_and(|expected| wall.abs_diff(expected) <= self.limit_us)
    }
}

fn elapsed_us(now: Instant, then: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(then).as_micros()).unwrap_or(u64::MAX)
}

fn project(at: Instant, us: u64, now: Instant) -> u64 {
    us.saturating_add(elapsed_us(now, at))
}

/// Advances `before` by what passed, plus or minus a tenth of it in the direction of the wall clock.
fn slew(before: u64, wall: u64, elapsed: u64) -> u64 {
    let straight = before.saturating_add(elapsed);
    let pull = elapsed / 10;
    if wall > straight {
        straight.saturating_add(pull.min(wall - straight))
    } else {
        straight - pull.min(straight - wall).min(elapsed)
    }
}

#[cfg(test)]
mod tests;
