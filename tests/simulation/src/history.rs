//! What clients asked for and were told, and whether the end of the run agrees with it.
//!
//! Every call and answer has a number in one order that all of the run shares; "before" below means a smaller number.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_raft::ProposeError;

use crate::machine::{Activation, List, Outcome};

/// What is known about a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Sent, not answered: its client or its node may be gone.
    Pending,
    /// Answered "unknown".
    Unknown,
    /// Answered "certainly not".
    Refused,
    /// Answered with its place in its list and the entry that carried it.
    Appended {
        /// Counted from one.
        place: u64,
        /// The index.
        index: u64,
    },
    /// Answered that its epoch was over.
    Stale,
}

/// A command's record.
#[derive(Debug, Clone)]
struct Call {
    list: u8,
    fate: Fate,
    /// Elements its list had at least when it was first sent: everything acknowledged by then.
    floor: u64,
    /// Sent again by its id, so that a refusal of one sending says nothing about the other.
    sendings: u32,
}

/// A linearizable read that was answered.
#[derive(Debug, Clone)]
struct Read {
    list: u8,
    seen: List,
    node: u64,
}

/// Everything that clients did.
#[derive(Debug, Default)]
pub struct History {
    calls: BTreeMap<u64, Call>,
    reads: Vec<Read>,
    /// The longest each list is known to be: by acknowledgements and by finished reads.
    known: BTreeMap<u8, u64>,
    next_id: u64,
    /// The highest index that was acknowledged.
    pub acknowledged_index: u64,
    /// When that grew, in milliseconds, and to what.
    acknowledged_at: Vec<(u64, u64)>,
    /// Writes acknowledged.
    pub acknowledged: u64,
    /// Reads answered.
    pub reads_answered: u64,
    /// Answers "unknown".
    pub unknowns: u64,
    /// Answers "certainly not".
    pub refusals: u64,
}

impl History {
    /// A new command for `list` is about to be sent; answers its id.
    pub fn call(&mut self, list: u8) -> u64 {
        self.next_id += 1;
        let floor = self.known.get(&list).copied().unwrap_or(0);
        self.calls.insert(self.next_id, Call { list, fate: Fate::Pending, floor, sendings: 1 });
        self.next_id
    }

    /// Notes what is acknowledged by now.
    pub fn mark(&mut self, now_ms: u64) {
        if self.acknowledged_at.last().is_none_or(|(_, index)| *index < self.acknowledged_index) {
            self.acknowledged_at.push((now_ms, self.acknowledged_index));
        }
    }

    /// A node says that its state has everything up to `index`, and is `age_ms` old.
    ///
    /// # Errors
    /// More was acknowledged before that.
    pub fn aged(&self, node: u64, index: u64, age_ms: u64, now_ms: u64) -> Result<(), String> {
        // A step and a rounding on either side.
        let Some(then) = now_ms.checked_sub(age_ms.saturating_add(3)) else { return Ok(()) };
        let until = self.acknowledged_at.partition_point(|(at, _)| *at <= then);
        match until.checked_sub(1).and_then(|last| self.acknowledged_at.get(last)) {
            Some((at, acknowledged)) if *acknowledged > index => Err(format!(
                "node {node} has {index} at {now_ms} ms and says that it is {age_ms} ms old; {acknowledged} was \
                 acknowledged at {at} ms"
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// A command whose fate is unknown, to be sent again; `pick` chooses among so many.
    pub fn resend(&mut self, pick: impl FnOnce(usize) -> usize) -> Option<(u64, u8)> {
        let open: Vec<u64> = self
            .calls
            .iter()
            .filter(|(_, call)| matches!(call.fate, Fate::Unknown | Fate::Pending | Fate::Appended { .. }))
            .map(|(id, _)| *id)
            .rev()
            .take(30)
            .collect();
        let id = *open.get(pick(open.len().max(1)))?;
        let call = self.calls.get_mut(&id)?;
        call.sendings += 1;
        Some((id, call.list))
    }

    /// A command was answered by an outcome in the entry `index`.
    ///
    /// # Errors
    /// The answer contradicts an earlier one, or what was known when it was sent.
    pub fn answered(&mut self, id: u64, index: u64, outcome: Outcome) -> Result<(), String> {
        let Some(call) = self.calls.get_mut(&id) else { return Err(format!("command {id} was never sent")) };
        let fate = match outcome {
            Outcome::StaleEpoch => Fate::Stale,
            Outcome::Appended { place } => Fate::Appended { place, index },
        };
        match (call.fate, fate) {
            (Fate::Appended { place: before, .. }, Fate::Appended { place: now, .. }) if before == now => return Ok(()),
            (Fate::Appended { .. }, _) => return Err(format!("command {id} was {:?}, then {fate:?}", call.fate)),
            (Fate::Stale, Fate::Stale) => return Ok(()),
            (Fate::Pending | Fate::Unknown | Fate::Refused | Fate::Stale, _) => {}
        }
        call.fate = fate;
        if let Fate::Appended { place, index } = fate {
            if place <= call.floor {
                return Err(format!("command {id} got place {place}, but {} were known before it", call.floor));
            }
            let known = self.known.entry(call.list).or_default();
            *known = (*known).max(place);
            self.acknowledged_index = self.acknowledged_index.max(index);
            self.acknowledged += 1;
        }
        Ok(())
    }

    /// A sending of a command had no outcome.
    pub fn failed(&mut self, id: u64, error: ProposeError) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let certain = match error {
            ProposeError::Unknown => false,
            ProposeError::NoLeader | ProposeError::Overloaded | ProposeError::ReadOnly => true,
        };
        if certain {
            self.refusals += 1;
        } else {
            self.unknowns += 1;
        }
        if call.fate == Fate::Pending {
            // One certain refusal among several sendings says nothing about the others.
            call.fate = if certain && call.sendings == 1 { Fate::Refused } else { Fate::Unknown };
        }
    }

    /// What a read that begins now has to see at least.
    #[must_use]
    pub fn floor(&self, list: u8) -> u64 {
        self.known.get(&list).copied().unwrap_or(0)
    }

    /// A linearizable read that began when `floor` elements were known has seen `seen`.
    ///
    /// # Errors
    /// It missed some.
    pub fn read(&mut self, node: u64, list: u8, floor: u64, seen: List) -> Result<(), String> {
        let length = seen.len() as u64;
        if length < floor {
            let text = format!("node {node} read {length} elements of list {list}, but {floor} were known before");
            return Err(text);
        }
        let known = self.known.entry(list).or_default();
        *known = (*known).max(length);
        self.reads_answered += 1;
        self.reads.push(Read { list, seen, node });
        Ok(())
    }

    /// Holds everything against the final lists.
    ///
    /// # Errors
    /// The first contradiction.
    pub fn judge(&self, lists: &BTreeMap<u8, List>, activations: &[Activation]) -> Result<(), String> {
        let mut present = BTreeSet::new();
        for (list, elements) in lists {
            let mut before = 0;
            for element in elements {
                let id = element.id;
                if !present.insert(id) {
                    return Err(format!("write {id} was applied twice"));
                }
                let Some(call) = self.calls.get(&id) else { return Err(format!("write {id} was never sent")) };
                if call.list != *list {
                    return Err(format!("write {id} went to list {list} instead of {}", call.list));
                }
                match call.fate {
                    Fate::Refused => return Err(format!("write {id} was refused for certain and yet applied")),
                    Fate::Stale => return Err(format!("write {id} was stale and yet applied")),
                    Fate::Pending | Fate::Unknown | Fate::Appended { .. } => {}
                }
                if element.index < before {
                    return Err(format!("write {id} stands behind a later entry's"));
                }
                before = element.index;
                if let Some(epoch) = element.epoch {
                    let present_epoch = activations.iter().rev().find(|activation| activation.index < element.index);
                    if present_epoch.is_none_or(|activation| activation.index != epoch) {
                        let index = element.index;
                        return Err(format!("write {id} of epoch {epoch} took effect at {index}, in another epoch"));
                    }
                }
            }
        }
        for (id, call) in &self.calls {
            if let Fate::Appended { place, .. } = call.fate {
                let list = lists.get(&call.list);
                let at = usize::try_from(place - 1).ok().and_then(|at| list.and_then(|list| list.get(at)));
                if at.is_none_or(|element| element.id != *id) {
                    let found = at.map(|element| element.id);
                    return Err(format!("acknowledged write {id} is lost: its place {place} holds {found:?}"));
                }
            }
        }
        for read in &self.reads {
            let list = lists.get(&read.list).map_or(&[][..], Vec::as_slice);
            if !list.starts_with(&read.seen) {
                let (node, list) = (read.node, read.list);
                return Err(format!(
                    "a read on node {node} saw {} elements of list {list} that are not its beginning",
                    read.seen.len()
                ));
            }
        }
        Ok(())
    }
}
