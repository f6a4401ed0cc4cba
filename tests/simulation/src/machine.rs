//! The replicated machine of the simulation: append-only lists, chosen because their final content tells everything.
//!
//! An acknowledged append knows its place in its list; a lost one leaves it to another; one that was applied twice is
//! there twice. Lists and outcomes are cold rows, read back through [`RowReader`] at each use; their lengths are the
//! working set. Where the two disagree the machine halts, so that a row that was lost, doubled or read too early is
//! noticed at once.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use exchequer_raft::planted::{self, Bug};
use exchequer_raft::{Applied, At, Change, Halt, Input, Machine, RowReader};
use exchequer_storage::Edit;
use serde::{Deserialize, Serialize};

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Unique; a command with an id that was seen is answered again, not applied again.
    pub id: u64,
    /// Which list it is appended to.
    pub list: u8,
    /// Work of a leader: only good while this epoch is the present one.
    pub epoch: Option<u64>,
}

impl Command {
    /// As it goes into the log.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        encode(self).into()
    }
}

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is the list's element of this number, counted from one.
    Appended {
        /// The place.
        place: u64,
    },
    /// Its epoch was over: nothing happened.
    StaleEpoch,
}

impl Outcome {
    /// Reads an outcome; `None` for bytes that are none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Outcome> {
        postcard::from_bytes(bytes).ok()
    }
}

/// An element of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// The command that appended it.
    pub id: u64,
    /// The epoch it claimed.
    pub epoch: Option<u64>,
    /// The entry that carried it.
    pub index: u64,
}

/// A list as it is in its row.
pub type List = Vec<Element>;

/// A leadership that was activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// Its entry, which is its epoch.
    pub index: u64,
    /// Whose.
    pub node: u64,
    /// In which term.
    pub term: u64,
}

const LISTS: usize = 0;
const OUTCOMES: usize = 1;
const WINDOW: usize = 2;
const META: usize = 3;
const ACTIVATIONS: &[u8] = b"activations";

/// Entries kept in the window family, which exists so that ranges are removed and scanned.
const WINDOW_ENTRIES: usize = 40;

/// The working set.
#[derive(Debug, Default)]
pub struct SimMachine {
    lengths: BTreeMap<u8, u64>,
    activations: Vec<Activation>,
    window: VecDeque<u64>,
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    // Integers, sequences and byte strings always encode.
    postcard::to_stdvec(value).unwrap_or_default()
}

fn halt(detail: impl Into<String>) -> Halt {
    Halt { code: "SIM-0001".to_owned(), detail: detail.into() }
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Halt> {
    postcard::from_bytes(bytes).map_err(|_| halt("a row does not decode"))
}

/// Rows as of this moment inside an entry: what its earlier commands changed comes first.
struct Scratch<'a> {
    rows: &'a dyn RowReader,
    changed: BTreeMap<(usize, Vec<u8>), Vec<u8>>,
    order: Vec<(usize, Vec<u8>)>,
}

impl Scratch<'_> {
    fn get(&self, family: usize, key: &[u8]) -> Result<Option<Vec<u8>>, Halt> {
        match self.changed.get(&(family, key.to_vec())) {
            Some(value) => Ok(Some(value.clone())),
            None => self.rows.get(family, key),
        }
    }

    fn put(&mut self, family: usize, key: &[u8], value: Vec<u8>) {
        let row = (family, key.to_vec());
        if self.changed.insert(row.clone(), value).is_none() {
            self.order.push(row);
        }
    }

    fn changes(mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (family, key) in std::mem::take(&mut self.order) {
            if let Some(value) = self.changed.remove(&(family, key.clone())) {
                changes.push(Change { family, key, edit: Edit::Put(value) });
            }
        }
        changes
    }
}

impl SimMachine {
    /// The present epoch; zero before the first.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.activations.last().map_or(0, |last| last.index)
    }

    /// All activations so far.
    #[must_use]
    pub fn activations(&self) -> &[Activation] {
        &self.activations
    }

    /// Reads a list and holds it against the working set.
    ///
    /// # Errors
    /// The row is not what the working set says.
    pub fn list(&self, list: u8, rows: &dyn RowReader) -> Result<List, Halt> {
        let found: List = rows.get(LISTS, &[list])?.map_or(Ok(List::new()), |bytes| decode(&bytes))?;
        self.check_length(list, found.len())?;
        Ok(found)
    }

    fn check_length(&self, list: u8, found: usize) -> Result<(), Halt> {
        let known = self.lengths.get(&list).copied().unwrap_or(0);
        if known == found as u64 {
            return Ok(());
        }
        Err(halt(format!("list {list} has {found} elements in its row and {known} in memory")))
    }

    fn apply_command(&mut self, at: At, command: &Command, rows: &mut Scratch<'_>) -> Result<Outcome, Halt> {
        let id = command.id.to_be_bytes();
        if let Some(known) = rows.get(OUTCOMES, &id)?
            && !planted::is(Bug::DuplicateApplied)
        {
            return decode(&known);
        }
        if command.epoch.is_some_and(|epoch| epoch != self.epoch()) && !planted::is(Bug::FenceIgnored) {
            return Ok(Outcome::StaleEpoch);
        }
        let key = [command.list];
        let mut list: List = rows.get(LISTS, &key)?.map_or(Ok(List::new()), |bytes| decode(&bytes))?;
        self.check_length(command.list, list.len())?;
        list.push(Element { id: command.id, epoch: command.epoch, index: at.index });
        let outcome = Outcome::Appended { place: list.len() as u64 };
        self.lengths.insert(command.list, list.len() as u64);
        rows.put(LISTS, &key, encode(&list));
        rows.put(OUTCOMES, &id, encode(&outcome));
        Ok(outcome)
    }

    /// Slides the window by this entry, after comparing it with its rows.
    fn slide(&mut self, at: At, rows: &dyn RowReader, changes: &mut Vec<Change>) -> Result<(), Halt> {
        let found = rows.scan(WINDOW, &[], &[], WINDOW_ENTRIES * 2, at.index.is_multiple_of(2))?;
        let mut found: Vec<u64> =
            found.iter().filter_map(|(key, _)| key.as_slice().try_into().ok().map(u64::from_be_bytes)).collect();
        if at.index.is_multiple_of(2) {
            found.reverse();
        }
        if !self.window.iter().eq(&found) {
            return Err(halt(format!("the window is {:?} in memory and {found:?} in its rows", self.window)));
        }
        let key = at.index.to_be_bytes().to_vec();
        changes.push(Change { family: WINDOW, key, edit: Edit::Put(at.time_us.to_be_bytes().to_vec()) });
        self.window.push_back(at.index);
        if self.window.len() > WINDOW_ENTRIES {
            // Half at once, by range; the rest by key now and then.
            let keep = at.index.saturating_sub(WINDOW_ENTRIES as u64 / 2);
            let until = keep.to_be_bytes().to_vec();
            changes.push(Change { family: WINDOW, key: Vec::new(), edit: Edit::DeleteUntil(until) });
            self.window.retain(|index| *index >= keep);
        } else if at.index.is_multiple_of(7)
            && let Some(first) = self.window.pop_front()
        {
            changes.push(Change { family: WINDOW, key: first.to_be_bytes().to_vec(), edit: Edit::Delete });
        }
        Ok(())
    }
}

impl Machine for SimMachine {
    const FAMILIES: &'static [&'static str] = &["lists", "outcomes", "window", "meta"];

    fn load(rows: &dyn RowReader) -> Result<SimMachine, Halt> {
        let mut machine = SimMachine::default();
        for (key, value) in rows.scan(LISTS, &[], &[], usize::MAX, false)? {
            let list: List = decode(&value)?;
            machine.lengths.insert(key.first().copied().unwrap_or(0), list.len() as u64);
        }
        if let Some(bytes) = rows.get(META, ACTIVATIONS)? {
            machine.activations = decode(&bytes)?;
        }
        for (key, _) in rows.scan(WINDOW, &[], &[], usize::MAX, false)? {
            machine.window.extend(key.as_slice().try_into().ok().map(u64::from_be_bytes));
        }
        Ok(machine)
    }

    fn apply(&mut self, at: At, input: Input<'_>, rows: &dyn RowReader) -> Result<Applied, Halt> {
        let mut scratch = Scratch { rows, changed: BTreeMap::new(), order: Vec::new() };
        let mut outcomes = Vec::new();
        match input {
            Input::Noop => {}
            Input::Activate { node, .. } => {
                self.activations.push(Activation { index: at.index, node, term: at.term });
                scratch.put(META, ACTIVATIONS, encode(&self.activations));
            }
            Input::Commands(commands) => {
                for bytes in commands {
                    let outcome = self.apply_command(at, &decode(bytes)?, &mut scratch)?;
                    outcomes.push(encode(&outcome).into());
                }
            }
        }
        let mut changes = scratch.changes();
        self.slide(at, rows, &mut changes)?;
        Ok(Applied { outcomes, changes, digest: false })
    }
}
