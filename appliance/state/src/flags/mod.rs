//! The flags' room: what is switched on for whom.
//!
//! A flag is on for a subject (a user, a worker, whatever the asking code names), on a network where that matters. What it
//! answers follows from the flag, the subject and replicated time alone, so that all nodes answer the same. Invariants: a
//! name belongs to one flag; a flag that has expired is off; an unknown flag is off; a subject that a percentage includes
//! stays included when the percentage grows.

mod judge;

use std::collections::BTreeMap;

use exchequer_domain::{Network, Timestamp};
use serde::{Deserialize, Serialize};

pub use judge::{Verdict, Why, draw};

use crate::codec::{self, DecodeError};
use crate::command::Actor;
use crate::halt::Halt;
use crate::rejection::{Field, Rejection};
use crate::rows::{self, Rows, Table};

/// Longest name.
pub const NAME_BYTES_MAX: usize = 64;
/// Longest description.
pub const DESCRIPTION_BYTES_MAX: usize = 200;
/// Flags that may exist.
pub const FLAGS_MAX: usize = 512;
/// Subjects that a flag may name.
pub const ALLOWED_MAX: usize = 1_000;
/// Longest name of a subject.
pub const SUBJECT_BYTES_MAX: usize = 64;
/// Everyone, in thousandths.
pub const PERMILLE_MAX: u16 = 1_000;
/// Changes that a flag remembers; the audit has them all.
pub const CHANGES_KEPT: usize = 20;

/// For whom a flag is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Whether it is on for anyone at all.
    pub on: bool,
    /// Of a thousand subjects, how many; all of them with a thousand.
    pub permille: u16,
    /// Subjects for which it is on beside those, in ascending order.
    pub allowed: Vec<String>,
    /// Where it is on, in ascending order; everywhere when there is none.
    pub networks: Vec<Network>,
    /// From this moment on it is off.
    pub expires_at: Option<Timestamp>,
}

/// One flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// Its name.
    pub name: String,
    /// For people.
    pub description: String,
    /// For whom it is on.
    pub rule: Rule,
    /// How often it was set, from 1.
    pub version: u32,
    /// Replicated time of its making.
    pub created_at: Timestamp,
    /// What was last done to it, the newest last.
    pub changes: Vec<FlagChange>,
}

/// One change of a flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagChange {
    /// The version that it made.
    pub version: u32,
    /// What the flag was from then on, in a line.
    pub summary: String,
    /// On whose behalf.
    pub actor: Actor,
    /// Why.
    pub reason: String,
    /// Replicated time.
    pub time: Timestamp,
}

/// Every flag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    flags: BTreeMap<String, Flag>,
}

impl Flags {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Flags, Halt> {
        let mut flags = Flags::default();
        rows::for_each_of_table(rows, Table::Flag, |key, value| {
            let flag: Flag = codec::decode(value).map_err(|error| Halt::row(Table::Flag, error))?;
            if key != flag.name.as_bytes() {
                return Err(Halt::row(Table::Flag, DecodeError::Malformed));
            }
            flags.put(flag);
            Ok(())
        })?;
        Ok(flags)
    }

    /// A flag by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Flag> {
        self.flags.get(name)
    }

    /// Every flag, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Flag> {
        self.flags.values()
    }

    /// Whether a flag is on for a subject at this moment of replicated time; one that does not exist is off.
    #[must_use]
    pub fn is_on(&self, name: &str, subject: &str, network: Option<Network>, now: Timestamp) -> bool {
        self.judge(name, subject, network, now).is_on
    }

    /// The same, and why.
    #[must_use]
    pub fn judge(&self, name: &str, subject: &str, network: Option<Network>, now: Timestamp) -> Verdict {
        match self.get(name) {
            Some(flag) => flag.rule.judge(name, subject, network, now),
            None => Verdict { is_on: false, why: Why::Unknown },
        }
    }

    /// When the next flag expires after `now`.
    #[must_use]
    pub fn next_expiry(&self, now: Timestamp) -> Option<Timestamp> {
        let expiries = self.iter().filter(|flag| flag.rule.on).filter_map(|flag| flag.rule.expires_at);
        expiries.filter(|at| *at > now).min()
    }

    pub(crate) fn has_room(&self, name: &str) -> bool {
        self.flags.len() < FLAGS_MAX || self.flags.contains_key(name)
    }

    pub(crate) fn put(&mut self, flag: Flag) {
        self.flags.insert(flag.name.clone(), flag);
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.flags.remove(name);
    }
}

/// Whether a text can be the name of a flag or of a secret: letters, digits and `.-_`, a letter first.
///
/// # Errors
/// `Invalid` of the field.
pub(crate) fn check_name(name: &str, field: Field) -> Result<(), Rejection> {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    let begins = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    if begins && name.len() <= NAME_BYTES_MAX && name.bytes().all(inside) {
        Ok(())
    } else {
        Err(Rejection::Invalid { field })
    }
}

impl Rule {
    /// Whether it is one.
    pub(crate) fn check(&self) -> Result<(), Rejection> {
        let ascends = |ordered: bool, field| if ordered { Ok(()) } else { Err(Rejection::Invalid { field }) };
        if self.permille > PERMILLE_MAX {
            return Err(Rejection::Invalid { field: Field::FlagPermille });
        }
        let fits = |subject: &String| {
            (1..=SUBJECT_BYTES_MAX).contains(&subject.len()) && !subject.chars().any(char::is_control)
        };
        let ordered = self.allowed.windows(2).all(|pair| pair[0] < pair[1]);
        let few = self.allowed.len() <= ALLOWED_MAX && self.allowed.iter().all(fits);
        ascends(ordered && few, Field::FlagSubjects)?;
        ascends(self.networks.windows(2).all(|pair| pair[0] < pair[1]), Field::FlagNetworks)
    }

    /// What it is, in a line.
    #[must_use]
    pub fn summary(&self) -> String {
        let whom = match (self.on, self.permille, self.allowed.len()) {
            (false, _, _) => return "off".to_owned(),
            (true, PERMILLE_MAX, _) => "on for all".to_owned(),
            (true, 0, allowed) => format!("on for {allowed} subjects"),
            (true, permille, 0) => format!("on for {}.{}%", permille / 10, permille % 10),
            (true, permille, allowed) => format!("on for {}.{}% and {allowed} subjects", permille / 10, permille % 10),
        };
        let mut summary = whom;
        if !self.networks.is_empty() {
            let networks: Vec<&str> = self.networks.iter().map(|network| network.as_str()).collect();
            summary.push_str(&format!(", on {}", networks.join(", ")));
        }
        if let Some(at) = self.expires_at {
            summary.push_str(&format!(", until {at}"));
        }
        summary
    }
}
