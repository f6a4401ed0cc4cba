//! What a principal signs in with, and what keeps others from guessing it.
//!
//! Whether a password or a code is right is found out by a node, outside the state. What is decided here, in the order of
//! the log: whether a code was used before, whether the credentials are still those that were checked, and whether new
//! sign-ins are locked.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::rejection::{Field, Rejection};
use crate::settings::{Settings, schema};

/// Longest sealed password or secret.
pub const CREDENTIAL_BYTES_MAX: usize = 512;
/// Recovery codes that a principal has at most.
pub const RECOVERY_CODES_MAX: usize = 10;
/// Longest lock of new sign-ins.
pub const LOCK_US_MAX: u64 = 24 * 3_600 * 1_000_000;
/// Failures that are remembered at most; no more are needed for a lock.
const FAILURES_MAX: usize = 100;

/// What a principal signs in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// What is typed to sign in.
    pub name: String,
    /// Counts the changes. What was checked against another revision opens nothing.
    pub revision: u64,
    /// The hash of the password, sealed.
    #[serde(with = "crate::codec::block")]
    pub password: Vec<u8>,
    /// Whether somebody else chose the password, so that it must be changed before anything else is done.
    pub must_change: bool,
    /// The secret of the second factor, sealed.
    pub totp: Option<Vec<u8>>,
    /// The time step of the last code that was used; none up to it is taken again.
    pub totp_step: u64,
    /// The hashes of the recovery codes that are left.
    pub recovery: Vec<[u8; 32]>,
    /// Failed sign-ins of late.
    pub attempts: Attempts,
}

impl Credentials {
    /// The first ones.
    pub(crate) fn new(name: String, password: Vec<u8>, must_change: bool) -> Credentials {
        Credentials {
            name,
            revision: 1,
            password,
            must_change,
            totp: None,
            totp_step: 0,
            recovery: Vec::new(),
            attempts: Attempts::default(),
        }
    }

    /// Gives a password that must be changed; the second factor must be enrolled anew.
    pub(crate) fn reset(&mut self, password: Vec<u8>) {
        (self.password, self.must_change) = (password, true);
        (self.totp, self.recovery, self.attempts) = (None, Vec::new(), Attempts::default());
    }

    /// Uses up what was shown as second factor.
    ///
    /// # Errors
    /// `FactorUsed` where it was used before, or is none of theirs; `FactorMissing` where there is one and none was shown.
    pub(crate) fn spend(&mut self, factor: Factor) -> Result<(), Rejection> {
        match factor {
            Factor::None if self.totp.is_some() => Err(Rejection::FactorMissing),
            Factor::None => Ok(()),
            Factor::Totp { step } if self.totp.is_some() && step > self.totp_step => {
                self.totp_step = step;
                Ok(())
            }
            Factor::Totp { .. } => Err(Rejection::FactorUsed),
            Factor::Recovery { hash } => {
                let place = self.recovery.iter().position(|left| *left == hash).ok_or(Rejection::FactorUsed)?;
                self.recovery.remove(place);
                Ok(())
            }
        }
    }
}

/// What was shown as second factor, after a node found it right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Factor {
    /// Nothing, as there is none yet.
    None,
    /// A code of the authenticator.
    Totp {
        /// The time step that it is of.
        step: u64,
    },
    /// A recovery code.
    Recovery {
        /// Its hash.
        hash: [u8; 32],
    },
}

impl Factor {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Factor::None => "none",
            Factor::Totp { .. } => "code",
            Factor::Recovery { .. } => "recovery code",
        }
    }
}

/// How many failures lock new sign-ins, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockRules {
    after: usize,
    window_us: u64,
    lock_us: u64,
}

impl LockRules {
    /// As the settings say.
    #[must_use]
    pub fn of(settings: &Settings) -> LockRules {
        let micros =
            |setting| u64::try_from(settings.get::<std::time::Duration>(setting).as_micros()).unwrap_or(u64::MAX);
        LockRules {
            after: usize::try_from(settings.get(&schema::PEOPLE_LOCK_AFTER)).unwrap_or(FAILURES_MAX).min(FAILURES_MAX),
            window_us: micros(&schema::PEOPLE_LOCK_WINDOW),
            lock_us: micros(&schema::PEOPLE_LOCK_FOR),
        }
    }
}

/// Failed sign-ins of late. They keep new sign-ins off, never the sessions that are open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {
    /// When they failed, since the last lock.
    pub failures: Vec<Timestamp>,
    /// Locks one after the other; each is twice as long as the one before.
    pub locks: u32,
    /// Until when new sign-ins are refused.
    pub locked_until: Timestamp,
}

impl Attempts {
    /// Whether new sign-ins are refused.
    #[must_use]
    pub fn is_locked(&self, now: Timestamp) -> bool {
        now < self.locked_until
    }

    /// One more sign-in failed; answers until when it locks, where it does.
    pub(crate) fn fail(&mut self, now: Timestamp, rules: LockRules) -> Option<Timestamp> {
        if self.is_locked(now) {
            return None;
        }
        if now.0 >= self.locked_until.0.saturating_add(LOCK_US_MAX) {
            self.locks = 0;
        }
        self.failures.retain(|at| now.0 < at.0.saturating_add(rules.window_us));
        self.failures.push(now);
        if self.failures.len() < rules.after {
            return None;
        }
        let doubled = rules.lock_us.saturating_mul(1_u64.checked_shl(self.locks).unwrap_or(u64::MAX));
        self.failures.clear();
        self.locks = self.locks.saturating_add(1);
        self.locked_until = Timestamp(now.0.saturating_add(doubled.min(LOCK_US_MAX)));
        Some(self.locked_until)
    }
}

pub(crate) fn check_sealed(sealed: &[u8]) -> Result<(), Rejection> {
    if (1..=CREDENTIAL_BYTES_MAX).contains(&sealed.len()) {
        Ok(())
    } else {
        Err(Rejection::Invalid { field: Field::Credential })
    }
}

pub(crate) fn check_recovery(codes: &[[u8; 32]]) -> Result<(), Rejection> {
    if codes.len() > RECOVERY_CODES_MAX {
        return Err(Rejection::Invalid { field: Field::RecoveryCodes });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000;

    /// Goal: five failures in fifteen minutes lock for fifteen minutes, each further lock twice as long up to a day, and a
    /// quiet day begins anew. Method: failures at chosen moments, also just too far apart.
    #[test]
    fn locks_double() {
        let rules = LockRules::of(&Settings::default());
        let mut attempts = Attempts::default();
        for minute in [0, 4, 8, 12] {
            assert_eq!(attempts.fail(Timestamp(minute * MINUTE), rules), None);
        }
        assert_eq!(attempts.fail(Timestamp(15 * MINUTE), rules), None, "the first one is fifteen minutes ago");
        let mut now = 16 * MINUTE;
        assert_eq!(attempts.fail(Timestamp(now), rules), Some(Timestamp(31 * MINUTE)));
        assert!(attempts.is_locked(Timestamp(31 * MINUTE - 1)) && !attempts.is_locked(Timestamp(31 * MINUTE)));
        assert_eq!(attempts.fail(Timestamp(now + 1), rules), None, "a locked name is not locked longer");
        assert_eq!(attempts.locked_until, Timestamp(31 * MINUTE));
        let mut spans = Vec::new();
        for _ in 0..8 {
            now = attempts.locked_until.0;
            let locked = (0..5).find_map(|_| attempts.fail(Timestamp(now), rules)).unwrap();
            spans.push((locked.0 - now) / MINUTE);
        }
        assert_eq!(spans, [30, 60, 120, 240, 480, 960, 1440, 1440]);
        now = attempts.locked_until.0 + LOCK_US_MAX;
        let locked = (0..5).find_map(|_| attempts.fail(Timestamp(now), rules)).unwrap();
        assert_eq!((locked.0 - now) / MINUTE, 15);
    }
}
