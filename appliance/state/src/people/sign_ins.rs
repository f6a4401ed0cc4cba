//! The log of sign-ins: who came in, who was refused and whose sessions were ended, from where and when.
//!
//! Nothing decides by it. It is five rings, each of the newest 1,000, by who can fill them: nobody who is refused pushes out
//! anybody who came in, no customer an admin, and nobody who knows no name anything else. A record is a row under its ring and
//! its place in it; the place of the last one says how many there ever were. Numbers go up over all rings.

use std::collections::VecDeque;

use exchequer_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Principal, SessionId};
use crate::codec::{self, DecodeError};
use crate::command::Actor;
use crate::halt::Halt;
use crate::rows::{self, Rows, Table};

/// Records of a ring that are kept; the next one takes the place of the oldest.
pub const SIGN_INS_MAX: usize = 1_000;

/// What happened. Variants are only ever appended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignInWhat {
    /// Somebody signed in.
    Opened {
        /// The session.
        session: SessionId,
        /// Whether a second factor was shown.
        with_factor: bool,
        /// The program, as it calls itself; at most 200 bytes.
        agent: String,
    },
    /// A sign-in was refused: name, password or code were wrong, or the account was locked.
    Refused,
    /// Sessions were ended before their time.
    Closed {
        /// Which, where it was one that was named.
        session: Option<SessionId>,
        /// How many; at least 1.
        count: u32,
        /// On whose behalf; a node's where the session showed too many wrong second factors.
        by: Actor,
    },
}

/// One record, as its row holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInRecord {
    /// From 1 over all rings; higher than that of every earlier record that is kept.
    pub number: u64,
    /// Replicated time.
    pub time: Timestamp,
    /// The log entry.
    pub index: u64,
    /// Who; none where nobody has the name that was typed, which is kept nowhere.
    pub of: Option<Principal>,
    /// What happened.
    pub what: SignInWhat,
    /// From where, as far as the node knew; IPv4 is mapped into IPv6.
    pub address: Option<[u8; 16]>,
}

/// Who can fill a ring. The numbers are in keys of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ring {
    /// Admins who came in, and whose sessions were ended.
    Admins,
    /// Customers.
    Customers,
    /// Whoever knows an admin's name.
    RefusedAdmins,
    /// Whoever knows a customer's name.
    RefusedCustomers,
    /// Anybody at all.
    Nobody,
}

impl Ring {
    fn of(record: &SignInRecord) -> Ring {
        match (record.of, &record.what) {
            (None, _) => Ring::Nobody,
            (Some(Principal::Admin(_)), SignInWhat::Refused) => Ring::RefusedAdmins,
            (Some(Principal::User(_)), SignInWhat::Refused) => Ring::RefusedCustomers,
            (Some(Principal::Admin(_)), _) => Ring::Admins,
            (Some(Principal::User(_)), _) => Ring::Customers,
        }
    }

    /// The end of the row key of the record at this place.
    fn key(self, place: u64) -> [u8; 9] {
        let mut key = [self as u8; 9];
        key.iter_mut().skip(1).zip(place.to_be_bytes()).for_each(|(to, from)| *to = from);
        key
    }
}

/// The newest records of one ring.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Kept {
    /// The place of the last one, which is how many there ever were.
    last: u64,
    /// The oldest first.
    records: VecDeque<SignInRecord>,
}

/// The log of sign-ins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignIns {
    admins: Kept,
    customers: Kept,
    refused_admins: Kept,
    refused_customers: Kept,
    nobody: Kept,
}

/// Where a new record is put, and what it takes the place of: ends of row keys.
pub(crate) struct Put {
    pub(crate) at: [u8; 9],
    pub(crate) gone: Option<[u8; 9]>,
}

impl SignIns {
    pub(crate) fn load(rows: &dyn Rows) -> Result<SignIns, Halt> {
        let mut log = SignIns::default();
        let damaged = || Halt::row(Table::SignIn, DecodeError::Malformed);
        rows::for_each_of_table(rows, Table::SignIn, |suffix, value| {
            let record: SignInRecord = codec::decode(value).map_err(|error| Halt::row(Table::SignIn, error))?;
            let ring = Ring::of(&record);
            let kept = log.ring(ring);
            let place = suffix.get(1..).and_then(|place| place.try_into().ok()).map(u64::from_be_bytes);
            let place = place.filter(|place| suffix == ring.key(*place)).ok_or_else(damaged)?;
            if kept.records.len() == SIGN_INS_MAX || !kept.records.is_empty() && place != kept.last + 1 {
                return Err(damaged());
            }
            kept.last = place;
            kept.records.push_back(record);
            Ok(())
        })?;
        Ok(log)
    }

    fn rings(&self) -> [&Kept; 5] {
        [&self.admins, &self.customers, &self.refused_admins, &self.refused_customers, &self.nobody]
    }

    fn ring(&mut self, ring: Ring) -> &mut Kept {
        match ring {
            Ring::Admins => &mut self.admins,
            Ring::Customers => &mut self.customers,
            Ring::RefusedAdmins => &mut self.refused_admins,
            Ring::RefusedCustomers => &mut self.refused_customers,
            Ring::Nobody => &mut self.nobody,
        }
    }

    /// The number of the next record.
    pub(crate) fn next(&self) -> u64 {
        self.rings().iter().filter_map(|kept| kept.records.back()).map(|last| last.number).max().unwrap_or(0) + 1
    }

    /// Adds the newest record.
    pub(crate) fn push(&mut self, record: SignInRecord) -> Put {
        let ring = Ring::of(&record);
        let kept = self.ring(ring);
        kept.last += 1;
        kept.records.push_back(record);
        let gone = (kept.records.len() > SIGN_INS_MAX).then(|| {
            kept.records.pop_front();
            ring.key(kept.last - SIGN_INS_MAX as u64)
        });
        Put { at: ring.key(kept.last), gone }
    }

    /// Every record that is kept, in no order between rings; at most 5,000.
    pub fn iter(&self) -> impl Iterator<Item = &SignInRecord> {
        self.rings().into_iter().flat_map(|kept| &kept.records)
    }

    /// How many sign-ins with names that nobody has were ever refused, kept or not.
    #[must_use]
    pub fn refused_of_nobody(&self) -> u64 {
        self.nobody.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use exchequer_domain::{AdminId, UserId};

    fn record(log: &SignIns, of: Option<Principal>, what: SignInWhat) -> SignInRecord {
        SignInRecord { number: log.next(), time: Timestamp(7), index: 9, of, what, address: None }
    }

    /// Goal: nobody fills another one's ring, and each keeps the newest 1,000. Method: an admin comes in once; then everybody else
    /// does what they can 1,500 times over, and each of the four others takes nothing but its own oldest away.
    #[test]
    fn nobody_pushes_another_one_out() {
        let mut log = SignIns::default();
        let (ada, user) = (Some(Principal::Admin(AdminId(1))), Some(Principal::User(UserId(1))));
        let closed = || SignInWhat::Closed { session: None, count: 1, by: Actor::Operator };
        let first = record(&log, ada, closed());
        log.push(first.clone());
        for _ in 0..1_500 {
            for (of, what) in
                [(user, closed()), (ada, SignInWhat::Refused), (user, SignInWhat::Refused), (None, SignInWhat::Refused)]
            {
                let next = record(&log, of, what);
                log.push(next);
            }
        }
        assert_eq!(log.iter().count(), 1 + 4 * SIGN_INS_MAX);
        assert!(log.iter().any(|kept| *kept == first), "the admin's is still there");
        let newest = log.iter().map(|kept| kept.number).filter(|number| *number > 1).min();
        assert_eq!((newest, log.next()), (Some(1 + 4 * 500 + 1), 1 + 4 * 1_500 + 1));
        assert_eq!(log.refused_of_nobody(), 1_500);
    }
}
