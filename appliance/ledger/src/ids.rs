//! Ids of transfers, remembered for ever.
//!
//! Time-ordered ids (UUIDs of version 7) that came since the *fence* are in memory; when they leave the window they are
//! sealed into sorted pages, and the fence rises to the highest of them. A new id above the fence that is not in memory
//! was therefore never used, without looking anywhere. Ids that come below the fence, ids of any other form, and burnt
//! ids get a row each. Pages ascend and never overlap, so one seek finds the only page that can hold an id.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::codec::{self, DecodeError, VERSION, field};
use crate::entry::Entry;
use crate::halt::Halt;
use crate::limits::Sizes;
use crate::outcome::Rejection;
use crate::planted::Bug;
use crate::rows::{Change, Edit, History, Table};
use crate::transfer::TransferId;
use crate::undo::Undo;

/// Bytes of an id in a page: the id, its first posting, how many.
const PAGED_ID_BYTES: usize = 16 + 8 + 1;

/// What became of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Used {
    Posted { first: u64, postings: u8 },
    Burnt { because: Option<Rejection> },
}

/// The row of an id.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum IdRow {
    Posted {
        first: u64,
        postings: u8,
    },
    Burnt {
        /// The last posting when it was burnt.
        as_of: u64,
        because: Rejection,
    },
}

/// An id that will be sealed into a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recent {
    pub(crate) id: TransferId,
    pub(crate) first: u64,
    pub(crate) postings: u8,
}

/// What is in memory of ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ids {
    /// Every id above the fence, and those of the present entry. Looked up, never iterated.
    pub(crate) known: HashMap<TransferId, Known>,
    /// Posted ids above the fence, in the order of their postings.
    pub(crate) recent: Vec<Recent>,
    /// Burnt ids above the fence, and the last posting when they were burnt.
    pub(crate) burnt: BTreeMap<TransferId, u64>,
    /// No id in a page is higher.
    pub(crate) fence: TransferId0,
    /// No posting before this one has an id in `recent`.
    pub(crate) from: u64,
}

/// As [`Used`], small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    Posted { first: u64, postings: u8 },
    Burnt,
}

/// A transfer id, or zero for none.
pub(crate) type TransferId0 = u128;

impl Ids {
    /// Whether an id can go into a page, now or later.
    pub(crate) fn is_packable(&self, id: TransferId) -> bool {
        id.is_time_ordered() && id.0 > self.fence
    }

    /// The row in which an id that is not in memory may be.
    pub(crate) fn lookup(&self, id: TransferId) -> Option<Vec<u8>> {
        (!self.is_packable(id) && !self.known.contains_key(&id)).then(|| row_table(id).key(&id.0.to_be_bytes()))
    }

    /// Seals what has left the window: pages in ascending order, then rows of ids that are below the new fence. `lose` is
    /// a planted bug.
    pub(crate) fn seal(&mut self, last: u64, sizes: &Sizes, lose: bool, changes: &mut Vec<Change>) {
        let window = sizes.window_postings;
        let crowded = self.recent.len() + self.burnt.len() >= 4 * window as usize;
        if !crowded && last < self.from.saturating_add(2 * window) {
            return;
        }
        let cut = if crowded { last } else { last - window };
        let leaving = self.recent.partition_point(|recent| recent.first <= cut);
        let mut sealed: Vec<Recent> = self.recent.drain(..leaving).collect();
        sealed.sort_unstable_by_key(|recent| recent.id);
        for page in sealed.chunks(sizes.page_ids) {
            let Some(first) = page.first() else { continue };
            let mut bytes = Vec::with_capacity(1 + page.len() * PAGED_ID_BYTES);
            bytes.push(VERSION);
            for recent in page {
                bytes.extend_from_slice(&recent.id.0.to_be_bytes());
                bytes.extend_from_slice(&recent.first.to_be_bytes());
                bytes.push(recent.postings);
                self.known.remove(&recent.id);
            }
            changes.push(Change {
                table: Table::IdPage,
                key: Table::IdPage.key(&first.id.0.to_be_bytes()),
                edit: Edit::Put(bytes),
            });
        }
        let highest_burnt = self.burnt.iter().filter(|(_, as_of)| **as_of <= cut).map(|(id, _)| id.0).max();
        let highest = sealed.last().map_or(0, |recent| recent.id.0);
        let fence = self.fence.max(highest).max(highest_burnt.unwrap_or(0));
        (self.fence, self.from) = (fence, cut + 1);
        let known = &mut self.known;
        self.recent.retain(|&Recent { id, first, postings }| {
            if id.0 > fence {
                return true;
            }
            known.remove(&id);
            if lose {
                return false;
            }
            changes.push(id_row(id, &IdRow::Posted { first, postings }));
            false
        });
        self.burnt.retain(|id, _| {
            if id.0 <= fence {
                known.remove(id);
            }
            id.0 > fence
        });
    }

    /// What became of an id, wherever that is.
    pub(crate) fn find(
        &self,
        id: TransferId,
        history: &dyn History,
        get: impl FnOnce(&[u8]) -> Result<Option<Vec<u8>>, Halt>,
    ) -> Result<Option<Used>, Halt> {
        match self.known.get(&id) {
            Some(Known::Posted { first, postings }) => {
                return Ok(Some(Used::Posted { first: *first, postings: *postings }));
            }
            Some(Known::Burnt) => return Ok(Some(Used::Burnt { because: None })),
            None if self.is_packable(id) => return Ok(None),
            None => {}
        }
        if id.is_time_ordered()
            && let Some(used) = find_paged(id, history)?
        {
            return Ok(Some(used));
        }
        let table = row_table(id);
        let Some(row) = get(&table.key(&id.0.to_be_bytes()))? else { return Ok(None) };
        Ok(Some(match codec::decode(&row).map_err(|error| Halt::row(table, error))? {
            IdRow::Posted { first, postings } => Used::Posted { first, postings },
            IdRow::Burnt { because, .. } => Used::Burnt { because: Some(because) },
        }))
    }
}

fn find_paged(id: TransferId, history: &dyn History) -> Result<Option<Used>, Halt> {
    let damaged = |error| Halt::row(Table::IdPage, error);
    let until = id.0.checked_add(1).map_or(Table::IdPage.end(), |next| Table::IdPage.key(&next.to_be_bytes()));
    let page = history.scan(&Table::IdPage.key(&[]), &until, 1, true)?;
    let Some((_, value)) = page.first() else { return Ok(None) };
    let ids = codec::content(value).map_err(damaged)?;
    if !ids.len().is_multiple_of(PAGED_ID_BYTES) {
        return Err(damaged(DecodeError::Malformed));
    }
    let of = |at: usize| field(ids, at * PAGED_ID_BYTES).map(u128::from_be_bytes).map_err(damaged);
    let (mut low, mut high) = (0, ids.len() / PAGED_ID_BYTES);
    while low < high {
        let middle = low.midpoint(high);
        match of(middle)?.cmp(&id.0) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => {
                let at = middle * PAGED_ID_BYTES;
                let first = field(ids, at + 16).map(u64::from_be_bytes).map_err(damaged)?;
                let [postings] = field(ids, at + 24).map_err(damaged)?;
                return Ok(Some(Used::Posted { first, postings }));
            }
        }
    }
    Ok(None)
}

fn row_table(id: TransferId) -> Table {
    if id.is_time_ordered() { Table::LateId } else { Table::OtherId }
}

fn id_row(id: TransferId, row: &IdRow) -> Change {
    let table = row_table(id);
    Change { table, key: table.key(&id.0.to_be_bytes()), edit: Edit::Put(codec::encode(row)) }
}

impl Entry<'_> {
    /// What became of an id before.
    pub(crate) fn used(&mut self, id: TransferId) -> Result<Option<Used>, Halt> {
        let used = self.ledger.ids.find(id, self.history, |key| self.get(key))?;
        let forgotten = match used {
            Some(Used::Posted { .. }) => self.ledger.has(Bug::IdForgotten),
            Some(Used::Burnt { .. }) => self.ledger.has(Bug::IdNotBurnt),
            None => false,
        };
        Ok(used.filter(|_| !forgotten))
    }

    pub(crate) fn use_id(&mut self, id: TransferId, first: u64, postings: u8) {
        self.remember(|| Undo::Id(id));
        self.ledger.ids.known.insert(id, Known::Posted { first, postings });
        if self.ledger.ids.is_packable(id) {
            self.ledger.ids.recent.push(Recent { id, first, postings });
        } else {
            self.changes.push(id_row(id, &IdRow::Posted { first, postings }));
            self.passing_ids.push(id);
        }
    }

    /// The id has failed for ever.
    pub(crate) fn burn(&mut self, id: TransferId, because: Rejection) {
        self.remember(|| Undo::Id(id));
        let as_of = self.ledger.next - 1;
        self.changes.push(id_row(id, &IdRow::Burnt { as_of, because }));
        self.ledger.ids.known.insert(id, Known::Burnt);
        if self.ledger.ids.is_packable(id) {
            self.ledger.ids.burnt.insert(id, as_of);
        } else {
            self.passing_ids.push(id);
        }
    }
}
