//! The open plans in memory.

use std::collections::BTreeMap;

use exchequer_domain::Network;

use super::SweepId;
use super::holding::HoldingKey;
use super::plan::{SweepPlan, SweepStage};
use crate::codec::{self, DecodeError};
use crate::halt::Halt;
use crate::rows::{Rows, Table, for_each_of_table};

/// Open plans of a network.
pub const PLANS_OF_NETWORK_MAX: usize = 5_000;

/// The open plans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sweeps {
    /// The number of the last plan.
    pub(crate) last: u64,
    open: BTreeMap<SweepId, SweepPlan>,
    by_key: BTreeMap<HoldingKey, SweepId>,
}

impl Sweeps {
    pub(crate) fn load(rows: &dyn Rows) -> Result<Sweeps, Halt> {
        let mut room = Sweeps::default();
        let damaged = |error| Halt::row(Table::SweepPlan, error);
        for_each_of_table(rows, Table::SweepPlan, |suffix, row| {
            if suffix.is_empty() {
                room.last = codec::decode(row).map_err(damaged)?;
                return Ok(());
            }
            let plan: SweepPlan = codec::decode(row).map_err(damaged)?;
            if suffix != plan.id.0.to_be_bytes() || plan.id.0 > room.last {
                return Err(damaged(DecodeError::Malformed));
            }
            room.put(plan);
            Ok(())
        })?;
        Ok(room)
    }

    /// An open plan.
    #[must_use]
    pub fn get(&self, id: SweepId) -> Option<&SweepPlan> {
        self.open.get(&id)
    }

    /// The open plan of a holding.
    #[must_use]
    pub fn of(&self, key: HoldingKey) -> Option<&SweepPlan> {
        self.open.get(self.by_key.get(&key)?)
    }

    /// The open plans of a network, by index and asset.
    pub fn plans(&self, network: Network) -> impl Iterator<Item = &SweepPlan> {
        let of = self.by_key.iter().filter(move |(key, _)| key.network == network);
        of.filter_map(|(_, id)| self.open.get(id))
    }

    /// Those of them that stand there.
    pub fn at(&self, network: Network, stage: SweepStage) -> impl Iterator<Item = &SweepPlan> {
        self.plans(network).filter(move |plan| plan.status.stage() == stage)
    }

    /// The number of the last plan.
    #[must_use]
    pub fn last(&self) -> SweepId {
        SweepId(self.last)
    }

    pub(crate) fn put(&mut self, plan: SweepPlan) {
        self.by_key.insert(plan.of, plan.id);
        self.open.insert(plan.id, plan);
    }

    pub(crate) fn take(&mut self, id: SweepId) -> Option<SweepPlan> {
        let plan = self.open.remove(&id)?;
        self.by_key.remove(&plan.of);
        Some(plan)
    }
}
