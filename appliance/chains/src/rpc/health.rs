//! How far one endpoint can be relied on. Pure: time comes in.
//!
//! Invariants: an endpoint of another network, one whose finality went back, and one that contradicts the others about a
//! block has the score 0, and so has one that lags, fails in a row, or has not been heard of for a while. What is quarantined
//! stays so until a person releases it: a node that forgot what was final is another node than it was.

use std::time::Duration;

use exchequer_domain::BlockRef;
use tokio::time::Instant;

/// The best score.
pub const SCORE_MAX: u32 = 100;
/// What a block of lag costs.
const LAG_PENALTY: u64 = 10;
/// What a failure costs.
const FAILURE_PENALTY: u32 = 25;
/// What a hundred milliseconds of an answer cost, up to [`LATENCY_PENALTY_MAX`].
const LATENCY_PENALTY: u64 = 1;
/// The most that slowness costs: a slow endpoint is still an endpoint.
const LATENCY_PENALTY_MAX: u64 = 20;
/// Where an endpoint says that it is asked too often, and not until when.
const BUSY_PAUSE: Duration = Duration::from_secs(5);

/// From when on an endpoint is not used.
#[derive(Debug, Clone, Copy)]
pub struct HealthRules {
    /// Blocks behind the best head.
    pub lag_blocks_max: u64,
    /// Failures in a row.
    pub failures_max: u32,
    /// Without a sample.
    pub silence_max: Duration,
}

impl Default for HealthRules {
    fn default() -> HealthRules {
        HealthRules { lag_blocks_max: 3, failures_max: 3, silence_max: Duration::from_secs(60) }
    }
}

/// Why an endpoint is not used any more, whatever it says, until a person releases it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Quarantine {
    /// It is a node of another network.
    #[error("it is a node of another network")]
    OtherNetwork,
    /// What was final to it is not any more.
    #[error("its last final block was {was}, and is {is} now")]
    FinalityWentBack {
        /// The highest height that it called final.
        was: u64,
        /// What it calls final since.
        is: u64,
    },
    /// It called two blocks of one height final.
    #[error("it called two blocks of height {0} final")]
    FinalityChanged(u64),
}

/// What an endpoint said of its chain.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Height of its head.
    pub head: u64,
    /// Its last final block, where it knows of any.
    pub finalized: Option<BlockRef>,
    /// How long the answer took.
    pub latency: Duration,
}

/// What is known of one endpoint.
#[derive(Debug, Clone)]
pub struct Health {
    rules: HealthRules,
    identified: bool,
    last: Option<(Instant, Sample)>,
    finalized: Option<BlockRef>,
    latency: Duration,
    failures: u32,
    busy_until: Option<Instant>,
    /// At which height it contradicted the others.
    forked: Option<u64>,
    quarantine: Option<Quarantine>,
}

impl Health {
    /// Of an endpoint that nothing is known of: its score is 0 until it is identified and sampled.
    #[must_use]
    pub fn new(rules: HealthRules) -> Health {
        Health {
            rules,
            identified: false,
            last: None,
            finalized: None,
            latency: Duration::ZERO,
            failures: 0,
            busy_until: None,
            forked: None,
            quarantine: None,
        }
    }

    /// Whether it was found to be of our network.
    #[must_use]
    pub fn identified(&self) -> bool {
        self.identified
    }

    /// Whether it is of our network, as it says itself.
    pub fn identify(&mut self, ours: bool) {
        self.identified = ours;
        if !ours {
            self.quarantine = Some(Quarantine::OtherNetwork);
        }
    }

    /// Takes what it said.
    pub fn sampled(&mut self, now: Instant, sample: Sample) {
        self.failures = 0;
        self.busy_until = None;
        self.latency = if self.last.is_some() { (self.latency * 7 + sample.latency) / 8 } else { sample.latency };
        self.last = Some((now, sample));
        let Some(is) = sample.finalized else { return };
        match self.finalized {
            Some(was) if is.height < was.height => {
                self.quarantine = Some(Quarantine::FinalityWentBack { was: was.height, is: is.height });
            }
            Some(was) if is.height == was.height && is.hash != was.hash => {
                self.quarantine = Some(Quarantine::FinalityChanged(is.height));
            }
            Some(_) | None => self.finalized = Some(is),
        }
    }

    /// A call to it failed for a reason that is the endpoint's.
    pub fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// It wants to be left alone for a while.
    pub fn busy(&mut self, now: Instant, after: Option<Duration>) {
        self.busy_until = Some(now + after.unwrap_or(BUSY_PAUSE));
    }

    /// Whether it contradicts the others about a block; taken back when it agrees again, about that height or a higher one: below where
    /// it left them every branch is alike.
    pub fn contradicts(&mut self, height: u64, forked: bool) {
        self.forked = match self.forked {
            before if forked => Some(before.unwrap_or(0).max(height)),
            before => before.filter(|left| *left > height),
        };
    }

    /// That it contradicted the others counts no more.
    pub fn forgive(&mut self) {
        self.forked = None;
    }

    /// Why it is in quarantine.
    #[must_use]
    pub fn quarantine(&self) -> Option<Quarantine> {
        self.quarantine
    }

    /// A person says that it may be used again. What it called final before is forgotten; it is identified anew.
    pub fn release(&mut self) {
        *self = Health::new(self.rules);
    }

    /// Its head, if it was heard of.
    #[must_use]
    pub fn head(&self) -> Option<u64> {
        self.last.map(|(_, sample)| sample.head)
    }

    /// The last block that it called final.
    #[must_use]
    pub fn finalized(&self) -> Option<BlockRef> {
        self.finalized
    }

    /// Whether what it says of its head can be held against others: not where it may be of another network or another history.
    #[must_use]
    pub fn credible(&self) -> bool {
        self.identified && self.quarantine.is_none() && self.forked.is_none()
    }

    /// From 0, not to be used, to [`SCORE_MAX`].
    #[must_use]
    pub fn score(&self, now: Instant, best_head: u64) -> u32 {
        let Some((at, sample)) = self.last else { return 0 };
        let lag = best_head.saturating_sub(sample.head);
        let out = !self.credible()
            || lag > self.rules.lag_blocks_max
            || self.failures >= self.rules.failures_max
            || self.busy_until.is_some_and(|until| until > now)
            || now.saturating_duration_since(at) > self.rules.silence_max;
        if out {
            return 0;
        }
        let hundreds = u64::try_from(self.latency.as_millis() / 100).unwrap_or(u64::MAX);
        let penalty = lag
            .saturating_mul(LAG_PENALTY)
            .saturating_add(u64::from(self.failures.saturating_mul(FAILURE_PENALTY)))
            .saturating_add(hundreds.saturating_mul(LATENCY_PENALTY).min(LATENCY_PENALTY_MAX));
        let penalty = u32::try_from(penalty).unwrap_or(u32::MAX);
        SCORE_MAX.saturating_sub(penalty).max(1)
    }
}

#[cfg(test)]
mod tests {
    use exchequer_domain::BlockHash;

    use super::*;

    fn block(height: u64, hash: u8) -> BlockRef {
        BlockRef { height, hash: BlockHash([hash; 32]) }
    }

    fn sample(head: u64, finalized: Option<BlockRef>) -> Sample {
        Sample { head, finalized, latency: Duration::from_millis(20) }
    }

    fn healthy(now: Instant) -> Health {
        let mut health = Health::new(HealthRules::default());
        health.identify(true);
        health.sampled(now, sample(100, Some(block(90, 1))));
        health
    }

    /// Goal: each reason not to use an endpoint brings it to 0, and back where it passes. Method: one after the other, with the
    /// clock moved by hand.
    #[test]
    fn every_reason_counts() {
        let now = Instant::now();
        let unseen = Health::new(HealthRules::default());
        assert_eq!(unseen.score(now, 100), 0, "never heard of");
        let mut health = healthy(now);
        assert_eq!(health.score(now, 100), SCORE_MAX);
        assert!(health.score(now, 102) < SCORE_MAX && health.score(now, 103) > 0, "a little behind");
        assert_eq!(health.score(now, 104), 0, "lags");
        assert_eq!(health.score(now + Duration::from_secs(61), 100), 0, "silent");
        health.busy(now, Some(Duration::from_secs(30)));
        assert_eq!(health.score(now + Duration::from_secs(29), 100), 0, "asked too often");
        assert!(health.score(now + Duration::from_secs(30), 100) > 0);
        health.contradicts(9, true);
        health.contradicts(8, false);
        assert_eq!(health.score(now + Duration::from_secs(30), 100), 0, "forked");
        health.contradicts(9, false);
        health.failed();
        health.failed();
        let damaged = health.score(now + Duration::from_secs(30), 100);
        assert!(damaged > 0 && damaged < SCORE_MAX);
        health.failed();
        assert_eq!(health.score(now + Duration::from_secs(30), 100), 0, "fails");
        health.sampled(now, sample(100, None));
        assert_eq!(health.score(now, 100), SCORE_MAX, "answers again");
        let mut slow = healthy(now);
        for _ in 0..50 {
            slow.sampled(now, Sample { latency: Duration::from_secs(20), ..sample(100, None) });
        }
        assert!(slow.score(now, 100) >= SCORE_MAX - 20, "slow is not out");
    }

    /// Goal: finality that goes back, or changes, and another network put an endpoint away until a person says otherwise; a tag
    /// that is missing for a while does not.
    #[test]
    fn finality_never_goes_back() {
        let now = Instant::now();
        let cases = [
            (Some(block(89, 1)), Some(Quarantine::FinalityWentBack { was: 90, is: 89 })),
            (Some(block(90, 2)), Some(Quarantine::FinalityChanged(90))),
            (Some(block(90, 1)), None),
            (Some(block(91, 2)), None),
            (None, None),
        ];
        for (finalized, quarantine) in cases {
            let mut health = healthy(now);
            health.sampled(now, sample(101, finalized));
            assert_eq!(health.quarantine(), quarantine, "{finalized:?}");
            health.sampled(now, sample(102, Some(block(92, 3))));
            assert_eq!(health.quarantine(), quarantine, "{finalized:?}: not by itself");
            assert_eq!(health.score(now, 102) > 0, quarantine.is_none());
            health.release();
            assert_eq!((health.quarantine(), health.score(now, 102)), (None, 0));
        }
        let mut health = healthy(now);
        health.sampled(now, sample(101, None));
        health.sampled(now, sample(101, Some(block(89, 1))));
        assert!(health.quarantine().is_some(), "remembered while the tag was missing");
        let mut other = healthy(now);
        other.identify(false);
        assert_eq!((other.quarantine(), other.score(now, 100)), (Some(Quarantine::OtherNetwork), 0));
    }
}
