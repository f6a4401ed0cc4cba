//! Steps back: a transfer of several legs, a bulk, a revert or a dry run is taken back whole.
//!
//! While a mark is active, whatever changes in the working set is remembered as it was; lists that only grow within an
//! entry are cut to their former length.

use crate::account::{AccountId, Slot};
use crate::entry::Entry;
use crate::halt::Halt;
use crate::hold::Hold;
use crate::ledger::Total;
use crate::planted::Bug;
use crate::transfer::{HoldId, TransferId};

/// How to take a step back.
#[derive(Debug)]
pub(crate) enum Undo {
    Slot(AccountId, Slot),
    Total(u32, Total),
    Hold(HoldId, Option<Hold>),
    Id(TransferId),
    Opened { new_asset: bool },
}

/// A place to come back to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    /// Whether steps are remembered; without, only a command that changed nothing can be rewound.
    active: bool,
    undo: usize,
    postings: usize,
    changes: usize,
    dirty: usize,
    recent: usize,
    passing: usize,
    next: u64,
}

impl Entry<'_> {
    /// From here on steps can be taken back, if `active`.
    pub(crate) fn mark(&mut self, active: bool) -> Mark {
        self.marks += u32::from(active);
        Mark {
            active,
            undo: self.undo.len(),
            postings: self.postings.len(),
            changes: self.changes.len(),
            dirty: self.ledger.dirty.len(),
            recent: self.ledger.ids.recent.len(),
            passing: self.passing_ids.len(),
            next: self.ledger.next,
        }
    }

    pub(crate) fn remember(&mut self, undo: impl FnOnce() -> Undo) {
        if self.marks > 0 {
            self.undo.push(undo());
        }
    }

    /// What was done since the mark stays done.
    pub(crate) fn forget(&mut self, mark: Mark) {
        self.marks -= u32::from(mark.active);
        if self.marks == 0 {
            self.undo.clear();
        }
    }

    /// Takes back everything since the mark.
    pub(crate) fn rewind(&mut self, mark: Mark) -> Result<(), Halt> {
        if !mark.active {
            let untouched = self.ledger.next == mark.next && self.changes.len() == mark.changes;
            return if untouched { Ok(()) } else { Err(Halt::Invariant("a refused command changed nothing")) };
        }
        while self.undo.len() > mark.undo {
            match self.undo.pop() {
                Some(Undo::Slot(..)) if self.ledger.has(Bug::RewindForgetsSums) => {}
                Some(Undo::Slot(account, slot)) => *self.ledger.slot_mut(account)? = slot,
                Some(Undo::Total(asset, total)) => {
                    if let Some((_, of)) = self.ledger.totals.get_mut(asset as usize) {
                        *of = total;
                    }
                }
                Some(Undo::Hold(id, hold)) => {
                    self.ledger.set_hold(id, hold);
                }
                Some(Undo::Id(id)) => {
                    self.ledger.ids.known.remove(&id);
                    self.ledger.ids.burnt.remove(&id);
                }
                Some(Undo::Opened { new_asset }) => self.ledger.remove_last_account(new_asset),
                None => break,
            }
        }
        self.postings.truncate(mark.postings);
        self.changes.truncate(mark.changes);
        self.overlay.retain(|_, place| *place < mark.changes);
        self.ledger.dirty.truncate(mark.dirty);
        self.ledger.ids.recent.truncate(mark.recent);
        self.passing_ids.truncate(mark.passing);
        self.ledger.next = mark.next;
        self.marks -= 1;
        Ok(())
    }

    /// Takes back the whole entry.
    pub(crate) fn abandon(mut self, mark: Mark) -> Result<(), Halt> {
        self.rewind(mark)?;
        let Entry { ledger, postings: mut buffer, .. } = self;
        buffer.clear();
        ledger.buffer = buffer;
        Ok(())
    }
}
