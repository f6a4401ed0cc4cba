//! What a folder must hold, from the records before the moment of the cut.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use super::checker::Held;
use super::trace::{Kind, Record};
use super::workload::{INITIALISED, SETTINGS, value};

/// What was promised and what was tried so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Expect {
    /// Whether `init` had ended.
    pub(crate) initialised: bool,
    /// For each key, the number of the last acknowledged write and its index.
    acked: BTreeMap<String, (u64, u64)>,
    sent: BTreeMap<String, u64>,
}

/// How what was found differs from what was promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Difference {
    /// These acknowledged entries are missing; nothing else is wrong.
    Lost {
        /// The lowest index that is missing.
        first: u64,
        /// How many are.
        entries: usize,
    },
    /// Something is there that must not be.
    Wrong(String),
}

impl Expect {
    /// Takes notice of a record.
    pub(crate) fn note(&mut self, record: &Record) {
        match record.kind {
            Kind::Mark if record.path == INITIALISED => self.initialised = true,
            Kind::Acked => {
                self.acked.insert(record.path.clone(), (record.offset, record.size));
            }
            Kind::Sent => {
                self.sent.insert(record.path.clone(), record.offset);
            }
            _ => {}
        }
    }

    /// How many writes were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acked.iter().filter(|(key, _)| *key != SETTINGS).map(|(_, (number, _))| number).sum()
    }

    /// The number of the last acknowledged write of each key.
    pub(crate) fn acknowledged_writes(&self) -> impl Iterator<Item = (&str, u64)> {
        let writes = self.acked.iter().filter(|(key, _)| *key != SETTINGS);
        writes.map(|(key, (number, _))| (key.as_str(), *number))
    }

    /// Compares. Each key's version must equal the number of its last write: applied once, each of them, and none left
    /// out in the middle.
    pub(crate) fn compare(&self, held: &Held, digests: &Digests) -> Result<(), Difference> {
        let wrong = |text: String| Err(Difference::Wrong(text));
        for (key, found) in &held.scratch {
            if found.value != value(key, found.version) {
                let head: String = found.value.chars().take(20).collect();
                return wrong(format!("{key} is at version {} and holds `{head}`", found.version));
            }
            let sent = self.sent.get(key).copied().unwrap_or(0);
            if found.version > sent {
                return wrong(format!("{key} is at version {}, {sent} were sent", found.version));
            }
        }
        if held.stored_index > held.last_index() {
            return wrong(format!("the state is at {}, its log ends at {}", held.stored_index, held.last_index()));
        }
        digests.agree(held)?;
        let version = |key: &String| match held.scratch.get(key) {
            Some(found) => found.version,
            None if key == SETTINGS => held.settings_revision,
            None => 0,
        };
        let lost: Vec<u64> = self
            .acked
            .iter()
            .filter(|(key, (number, _))| version(key) < *number)
            .map(|(_, (_, index))| *index)
            .collect();
        match lost.iter().min() {
            Some(first) => Err(Difference::Lost { first: *first, entries: lost.len() }),
            None => Ok(()),
        }
    }
}

/// The state's hash after each entry: the same in every image.
#[derive(Debug, Default)]
pub(crate) struct Digests(Mutex<HashMap<Option<(u64, u64)>, String>>);

impl Digests {
    fn agree(&self, held: &Held) -> Result<(), Difference> {
        let mut known = self.0.lock().unwrap();
        let at = held.last;
        let known = known.entry(at).or_insert_with(|| held.digest.clone());
        if *known == held.digest {
            return Ok(());
        }
        Err(Difference::Wrong(format!("two images that end with entry {at:?} have different hashes")))
    }
}
