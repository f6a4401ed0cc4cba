//! What readers ask of directives.

use std::time::Duration;

use exchequer_domain::Timestamp;

use super::directive::{Directive, DirectiveId, Stage};
use super::room::Directives;
use crate::codec;
use crate::halt::Halt;
use crate::rows::{Family, Rows, Table};
use crate::workers::Workers;

/// Most directives of one page.
pub const DIRECTIVES_PAGE_MAX: usize = 1_000;

/// How much is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Waits until others agree.
    pub pending_approval: u32,
    /// Waits for its time, its turn or its target.
    pub queued: u32,
    /// At its target, or on the way there.
    pub in_flight: u32,
    /// Waits for a person.
    pub needs_review: u32,
    /// How long the oldest of those that may be dispatched could have been.
    pub oldest: Duration,
}

impl Directives {
    /// Whether anything waits whose target is free, and there; `stopped` where an emergency lasts.
    #[must_use]
    pub fn has_work(&self, workers: &Workers, stopped: bool) -> bool {
        self.turn(workers, stopped).next(self).is_some()
    }

    /// How much is open as of `now`.
    #[must_use]
    pub fn load_of(&self, now: Timestamp) -> Load {
        let mut load = Load::default();
        for directive in self.open.values() {
            match directive.state.stage() {
                Stage::PendingApproval => load.pending_approval += 1,
                Stage::Queued => {
                    load.queued += 1;
                    if directive.ready {
                        load.oldest = load.oldest.max(now.since(directive.not_before));
                    }
                }
                Stage::Dispatched | Stage::Acked | Stage::Running => load.in_flight += 1,
                Stage::NeedsReview => load.needs_review += 1,
                Stage::Succeeded | Stage::Failed | Stage::Expired | Stage::Cancelled | Stage::Superseded => {}
            }
        }
        load
    }

    /// Open directives with numbers below `before`, latest first.
    pub fn latest(&self, before: DirectiveId) -> impl Iterator<Item = &Directive> {
        self.open.range(..before).rev().map(|(_, directive)| directive)
    }

    /// A directive, open or over.
    ///
    /// # Errors
    /// The rows cannot be read or are damaged.
    pub fn find(&self, rows: &dyn Rows, id: DirectiveId) -> Result<Option<Directive>, Halt> {
        if let Some(directive) = self.get(id) {
            return Ok(Some(directive.clone()));
        }
        let row = rows.get(Family::History, &Table::DirectiveOver.key(&id.0.to_be_bytes()))?;
        row.map(|row| codec::decode(&row).map_err(|error| Halt::row(Table::DirectiveOver, error))).transpose()
    }

    /// Directives that are over, with numbers below `before`, latest first; at most `limit` and
    /// [`DIRECTIVES_PAGE_MAX`].
    ///
    /// # Errors
    /// As [`Directives::find`].
    pub fn history(rows: &dyn Rows, before: DirectiveId, limit: usize) -> Result<Vec<Directive>, Halt> {
        let (from, until) = Table::DirectiveOver.range(0, before.0.saturating_sub(1));
        let page = rows.scan(Family::History, &from, &until, limit.min(DIRECTIVES_PAGE_MAX), true)?;
        let read = |row: &[u8]| codec::decode(row).map_err(|error| Halt::row(Table::DirectiveOver, error));
        page.iter().map(|(_, row)| read(row)).collect()
    }
}
