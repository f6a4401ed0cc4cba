//! A queue: its name, its rate, and what went through it.

use std::fmt;
use std::str::FromStr;

use exchequer_domain::{ParseIdError, Timestamp};
use serde::{Deserialize, Serialize};

use crate::planted::{self, Bug};

/// Longest name of a queue.
pub const QUEUE_NAME_BYTES_MAX: usize = 64;
/// Highest rate.
pub const RATE_PER_SECOND_MAX: u32 = 1_000_000;
/// Most jobs taken at once after a pause.
pub const BURST_MAX: u32 = 1_000_000;

/// Millionths of a token in a token.
const MICRO: u64 = 1_000_000;

/// The name of a queue, such as `deposit.bitcoin`: 1 to 64 characters of a-z, 0-9, `.`, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QueueName(String);

impl QueueName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for QueueName {
    type Error = ParseIdError;
    fn try_from(text: String) -> Result<QueueName, ParseIdError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        match (1..=QUEUE_NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(fits) {
            true => Ok(QueueName(text)),
            false => {
                let expected = "1 to 64 characters of a-z, 0-9, `.`, `-` and `_`, such as deposit.bitcoin";
                Err(ParseIdError { kind: "queue name", expected })
            }
        }
    }
}

impl FromStr for QueueName {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<QueueName, ParseIdError> {
        text.to_owned().try_into()
    }
}

impl From<QueueName> for String {
    fn from(name: QueueName) -> String {
        name.0
    }
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How fast jobs of a queue may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// In the long run.
    pub per_second: u32,
    /// At once, after a pause.
    pub burst: u32,
}

/// What is left of a rate: a token a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Millionths of a token, as of `at`.
    micro: u64,
    at: Timestamp,
}

impl Bucket {
    /// A full one.
    pub(crate) fn full(rate: Rate, now: Timestamp) -> Bucket {
        Bucket { micro: u64::from(rate.burst) * MICRO, at: now }
    }

    /// As of `now`: a microsecond at one a second is a millionth of a token, so that nothing is ever rounded.
    fn micro(&self, rate: Rate, now: Timestamp) -> u64 {
        let gained = now.0.saturating_sub(self.at.0).saturating_mul(u64::from(rate.per_second));
        self.micro.saturating_add(gained).min(u64::from(rate.burst) * MICRO)
    }

    /// Whole tokens as of `now`.
    pub(crate) fn tokens(&self, rate: Rate, now: Timestamp) -> u64 {
        self.micro(rate, now) / MICRO
    }

    /// Takes a token that is there.
    pub(crate) fn take(&mut self, rate: Rate, now: Timestamp) {
        *self = Bucket { micro: self.micro(rate, now).saturating_sub(MICRO), at: now };
    }
}

/// What went through a queue since it exists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Jobs that were entered.
    pub enqueued: u64,
    /// Jobs that are done.
    pub completed: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Times that a job came into the dead letter.
    pub discarded: u64,
    /// Jobs that someone ended.
    pub cancelled: u64,
}

/// A queue, as its row holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Its name.
    pub name: QueueName,
    /// Whether nothing is taken from it at present.
    pub paused: bool,
    /// How fast jobs may be taken; as fast as there are workers where there is none.
    pub rate: Option<Rate>,
    /// What is left of the rate.
    pub bucket: Bucket,
    /// What went through.
    pub totals: Totals,
}

impl Queue {
    pub(crate) fn new(name: QueueName) -> Queue {
        Queue { name, paused: false, rate: None, bucket: Bucket::default(), totals: Totals::default() }
    }

    /// Whether a job may be taken from it at this moment.
    pub(crate) fn flows(&self, now: Timestamp) -> bool {
        (!self.paused || planted::has(Bug::PauseIgnored))
            && self.rate.is_none_or(|rate| self.bucket.tokens(rate, now) > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: over any time no more is taken than burst and rate allow, and no less. Method: a bucket is emptied at random
    /// moments from a fixed sequence; what was taken is compared with the product.
    #[test]
    fn a_bucket_gives_its_rate_exactly() {
        let (rate, start) = (Rate { per_second: 7, burst: 3 }, Timestamp(1_000_000));
        let mut bucket = Bucket::full(rate, start);
        let (mut now, mut taken, mut step) = (start, 0, 17_u64);
        while now.0 < start.0 + 60_000_000 {
            while bucket.tokens(rate, now) > 0 {
                bucket.take(rate, now);
                taken += 1;
            }
            step = step * 1_103_515_245 % 65_537;
            now = Timestamp(now.0 + step);
        }
        assert!((3 + 7 * 60 - 1..=3 + 7 * 60).contains(&taken), "{taken} in a minute");
        assert_eq!(bucket.tokens(rate, Timestamp(u64::MAX)), 3, "no pause gives more than the burst");
    }

    /// Goal: a name is what its rule says.
    #[test]
    fn names() {
        for good in ["a", "deposit.bitcoin", "a-b_c.9", &"x".repeat(64)] {
            assert_eq!(good.parse::<QueueName>().unwrap().as_str(), good);
        }
        for bad in ["", "A", "a b", "a/b", &"x".repeat(65)] {
            assert!(bad.parse::<QueueName>().is_err(), "{bad}");
        }
    }
}
