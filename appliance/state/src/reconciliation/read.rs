//! What is read of reconciliation: positions, runs and discrepancies that are rows.

use exchequer_domain::Network;

use super::discrepancy::{Discrepancy, DiscrepancyId};
use super::position::{Position, Spot, over_key, position_key, run_key};
use super::run::{Run, RunId};
use crate::codec;
use crate::halt::Halt;
use crate::rows::{Rows, Table};
use crate::state::State;

/// Runs of one page.
pub const RUNS_PAGE_MAX: usize = 200;
/// Discrepancies that are over, of one page.
pub const DISCREPANCIES_PAGE_MAX: usize = 200;

fn row<T: serde::de::DeserializeOwned>(rows: &dyn Rows, table: Table, key: &[u8]) -> Result<Option<T>, Halt> {
    let row = rows.get(table.family(), key)?;
    row.map(|row| codec::decode(&row).map_err(|error| Halt::row(table, error))).transpose()
}

impl State {
    /// What the books say of one coin at one address, up to the height that is folded; none where it never moved.
    ///
    /// # Errors
    /// The rows cannot be read, are damaged, or are of a newer program.
    pub fn position(&self, rows: &dyn Rows, spot: &Spot) -> Result<Option<Position>, Halt> {
        row(rows, Table::Position, &position_key(spot))
    }

    /// Runs of a network with numbers below `before`, latest first; at most `limit` and [`RUNS_PAGE_MAX`].
    ///
    /// # Errors
    /// As [`State::position`].
    pub fn runs(&self, rows: &dyn Rows, network: Network, before: RunId, limit: usize) -> Result<Vec<Run>, Halt> {
        let (from, until) = (run_key(network, RunId(0)), run_key(network, before));
        let table = Table::ReconciliationRun;
        let page = rows.scan(table.family(), &from, &until, limit.min(RUNS_PAGE_MAX), true)?;
        page.iter().map(|(_, row)| codec::decode(row).map_err(|error| Halt::row(table, error))).collect()
    }

    /// One run.
    ///
    /// # Errors
    /// As [`State::position`].
    pub fn run_of(&self, rows: &dyn Rows, network: Network, run: RunId) -> Result<Option<Run>, Halt> {
        row(rows, Table::ReconciliationRun, &run_key(network, run))
    }

    /// A discrepancy, open or over.
    ///
    /// # Errors
    /// As [`State::position`].
    pub fn discrepancy(&self, rows: &dyn Rows, id: DiscrepancyId) -> Result<Option<Discrepancy>, Halt> {
        match self.reconciliation().get(id) {
            Some(open) => Ok(Some(open.clone())),
            None => row(rows, Table::DiscrepancyOver, &over_key(id)),
        }
    }

    /// Discrepancies that are over with numbers below `before`, latest first; at most `limit` and
    /// [`DISCREPANCIES_PAGE_MAX`].
    ///
    /// # Errors
    /// As [`State::position`].
    pub fn discrepancies_over(
        &self,
        rows: &dyn Rows,
        before: DiscrepancyId,
        limit: usize,
    ) -> Result<Vec<Discrepancy>, Halt> {
        let (from, until) = (over_key(DiscrepancyId(0)), over_key(before));
        let table = Table::DiscrepancyOver;
        let page = rows.scan(table.family(), &from, &until, limit.min(DISCREPANCIES_PAGE_MAX), true)?;
        page.iter().map(|(_, row)| codec::decode(row).map_err(|error| Halt::row(table, error))).collect()
    }
}
