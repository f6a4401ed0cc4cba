//! What a principal signs in with, and what keeps others from guessing it.
//!
//! Whether a password or a code is right is found out by a node, outside the state. What is decided here, in the order of
//! the log: whether a code was used before, whether the credentials are still those that were checked, and whether new
//! sign-ins are locked.

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::attempts::{Attempts, HOME_SEEN_US, HOMES_MAX, Home, LockRules, group};
use crate::rejection::{Field, Rejection};

/// Longest sealed password or secret.
pub const CREDENTIAL_BYTES_MAX: usize = 512;
/// Recovery codes that a principal has at most.
pub const RECOVERY_CODES_MAX: usize = 10;
/// How long nothing new is handed out after somebody else gave a password to a principal that had one.
pub const RESET_HOLD_US: u64 = 24 * 3_600 * 1_000_000;

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
    /// Failed sign-ins of late, from wherever the principal has not signed in.
    pub attempts: Attempts,
    /// From where it has signed in; failures elsewhere lock nobody out there.
    pub homes: Vec<Home>,
    /// When somebody else last gave a password in the place of one that was there.
    pub reset_at: Option<Timestamp>,
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
            homes: Vec::new(),
            reset_at: None,
        }
    }

    /// Gives a password that must be changed; the second factor must be enrolled anew.
    pub(crate) fn reset(&mut self, password: Vec<u8>, now: Timestamp) {
        (self.password, self.must_change, self.reset_at) = (password, true, Some(now));
        (self.totp, self.recovery, self.attempts) = (None, Vec::new(), Attempts::default());
        self.homes.iter_mut().for_each(|home| home.attempts = Attempts::default());
    }

    /// Until when nothing new is handed out to whoever signs in with them: keys and money outlast the next reset, by which
    /// the owner takes the account back.
    #[must_use]
    pub fn held_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = Timestamp(self.reset_at?.0.saturating_add(RESET_HOLD_US));
        (now < until).then_some(until)
    }

    /// Whether new sign-ins from this address are refused.
    #[must_use]
    pub fn is_locked(&self, from: Option<[u8; 16]>, now: Timestamp) -> bool {
        match self.home(from, now) {
            Some(home) => home.attempts.is_locked(now),
            None => self.attempts.is_locked(now),
        }
    }

    /// One more sign-in from this address failed; answers until when it locks, where it does.
    pub(crate) fn fail(&mut self, from: Option<[u8; 16]>, now: Timestamp, rules: LockRules) -> Option<Timestamp> {
        let group = from.map(group);
        let home = self.homes.iter_mut().find(|home| Some(home.group) == group && home.holds(now));
        home.map_or(&mut self.attempts, |home| &mut home.attempts).fail(now, rules)
    }

    /// A sign-in from this address succeeded: its failures are forgotten, and it counts as the principal's for a while.
    pub(crate) fn succeed(&mut self, from: Option<[u8; 16]>, now: Timestamp) {
        match self.home(from, now) {
            Some(_) => {}
            None => self.attempts.succeed(),
        }
        let Some(group) = from.map(group) else { return };
        if let Some(home) = self.homes.iter_mut().find(|home| home.group == group) {
            home.attempts.succeed();
            // Not at every sign-in: it need not be exact, and is a row.
            if now.0 >= home.seen_at.0.saturating_add(HOME_SEEN_US) {
                home.seen_at = now;
            }
            return;
        }
        if self.homes.len() >= HOMES_MAX {
            let oldest = self.homes.iter().enumerate().min_by_key(|(_, home)| home.seen_at).map(|(place, _)| place);
            oldest.map(|place| self.homes.remove(place));
        }
        self.homes.push(Home { group, seen_at: now, attempts: Attempts::default() });
    }

    fn home(&self, from: Option<[u8; 16]>, now: Timestamp) -> Option<&Home> {
        let group = group(from?);
        self.homes.iter().find(|home| home.group == group && home.holds(now))
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
