//! Replicated time.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment in replicated time: microseconds since 1970-01-01T00:00:00Z.
///
/// It is stamped by the leader on each log entry and never runs backwards, whatever the wall clocks do.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// This moment and `span` more; stays at the last representable moment instead of wrapping.
    #[must_use]
    pub fn plus(self, span: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }

    /// How long after `earlier` this is; zero where it is not later.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Reads RFC 3339, such as `2026-11-23T12:00:00Z`; none for anything else, and for moments before 1970.
    #[must_use]
    pub fn parse(text: &str) -> Option<Timestamp> {
        let at: jiff::Timestamp = text.parse().ok()?;
        u64::try_from(at.as_microsecond()).ok().map(Timestamp)
    }

    /// Milliseconds since 1970, rounded down.
    #[must_use]
    pub fn millis(self) -> u64 {
        self.0 / 1000
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds: `2026-11-23T12:00:00.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0).ok().and_then(|us| jiff::Timestamp::from_microsecond(us).ok()) {
            Some(at) => write!(f, "{at:.3}"),
            None => write!(f, "{}us", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the printed form is the one operators and log readers expect, milliseconds always shown.
    #[test]
    fn prints_rfc3339() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp(1_764_000_000_123_456).to_string(), "2025-11-24T16:00:00.123Z");
        assert_eq!(Timestamp(u64::MAX).to_string(), format!("{}us", u64::MAX));
    }

    /// Goal: arithmetic at the edges saturates; a deadline in the far future never wraps into the past.
    #[test]
    fn saturates() {
        assert_eq!(Timestamp(u64::MAX).plus(Duration::from_secs(1)), Timestamp(u64::MAX));
        assert_eq!(Timestamp(5).since(Timestamp(9)), Duration::ZERO);
    }
}
