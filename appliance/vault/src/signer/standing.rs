//! How a signer is, and how much is asked of it.

use std::time::Duration;

/// Requests in a second; as many more may come at once after a quiet second.
pub const REQUESTS_PER_SECOND_MAX: u64 = 500;

/// How a signer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whether the vault is sealed: then nothing but the vault and the decision log is known.
    pub sealed: bool,
    /// Which vault.
    pub vault: [u8; 16],
    /// The highest epoch that was seen.
    pub epoch: u64,
    /// The log is followed up to here.
    pub followed: u64,
    /// The lineage of the log that was followed; zero where none was told.
    pub lineage: u64,
    /// Signatures of the log whose records this vault's key did not make: such as those from before it was made anew from its words.
    pub unread: u64,
    /// The policy's version.
    pub policy: u64,
    /// How many seeds there are.
    pub generations: u32,
    /// The number of the decision log's last line.
    pub decisions: u64,
    /// How often the vault was opened or read anew since the process began.
    pub openings: u64,
    /// What opened it last.
    pub opened_by: OpenedBy,
}

/// What opened a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedBy {
    /// It was not opened.
    Nobody,
    /// A passphrase.
    Somebody,
    /// A lock that needs nobody.
    Automatic,
}

impl OpenedBy {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            OpenedBy::Nobody => "nobody",
            OpenedBy::Somebody => "somebody",
            OpenedBy::Automatic => "automatic",
        }
    }

    /// What a word means.
    #[must_use]
    pub fn of(word: &str) -> Option<OpenedBy> {
        [OpenedBy::Nobody, OpenedBy::Somebody, OpenedBy::Automatic].into_iter().find(|by| by.as_str() == word)
    }
}

/// How much was asked of late. By ticks, since a wall clock that is set back would stop the signer, and one that jumps would let
/// a flood in.
pub(super) struct Rate {
    left: u64,
    at: Duration,
    told: Option<Duration>,
}

impl Rate {
    pub(super) fn new(now: Duration) -> Rate {
        Rate { left: 2 * REQUESTS_PER_SECOND_MAX, at: now, told: None }
    }

    /// Whether a refusal is told: once in a second.
    pub(super) fn tell(&mut self, now: Duration) -> bool {
        let of_late = self.told.is_some_and(|told| now.saturating_sub(told) < Duration::from_secs(1));
        if !of_late {
            self.told = Some(now);
        }
        !of_late
    }

    /// Whether one more may be asked.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let gone_us = now.saturating_sub(self.at).as_micros();
        let earned = gone_us.saturating_mul(u128::from(REQUESTS_PER_SECOND_MAX)) / 1_000_000;
        if earned > 0 {
            let earned = u64::try_from(earned).unwrap_or(u64::MAX);
            self.left = self.left.saturating_add(earned).min(2 * REQUESTS_PER_SECOND_MAX);
            self.at = now;
        }
        let allowed = self.left > 0;
        self.left = self.left.saturating_sub(1);
        allowed
    }
}
