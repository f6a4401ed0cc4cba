//! `PlanSweeps` and `ExplainSweeps`: what the worker that gathers deposits wants to sweep, and why it does not sweep the rest.

use exchequer_domain::{Network, WorkerKind};
use exchequer_ledger::Asset;
use serde::{Deserialize, Serialize};

use super::holdings::has_coins;
use super::{Entry, Stop};
use crate::command::Actor;
use crate::event::EventKind;
use crate::outcome::Done;
use crate::rows::{Edit, Table};
use crate::sweeps::{
    HoldingKey, PLANS_OF_NETWORK_MAX, SweepId, SweepPlan, SweepStage, SweepStatus, Told, WHY_BYTES_MAX, over_key,
};
use crate::withdrawals::{MoveFault, Refusal};

/// Wishes or verdicts of one command.
pub const WISHES_AT_ONCE_MAX: usize = 250;

/// What is wanted of a plan. Variants are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// The network's coin is brought to the address first.
    Gas {
        /// So much at most, in minor units.
        amount: u128,
    },
    /// It is swept as it is.
    Sweep,
    /// It is not swept after all.
    Drop,
}

/// What is wanted with what lies on an address, or with coins as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WishedSweep {
    /// The address's index in the pool; none for coins as a whole.
    pub index: Option<u32>,
    /// Of what.
    pub asset: Asset,
    /// What is wanted.
    pub wish: Wish,
    /// Why, in words.
    pub why: String,
}

/// Makes plans, moves those on that wait for the worker, and drops them. Each wish by itself: one that does not fit where its
/// plan stands is passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSweeps {
    /// On which network.
    pub network: Network,
    /// What is wanted.
    pub wishes: Vec<WishedSweep>,
}

/// Why something is not swept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepVerdict {
    /// The address's index in the pool; none for coins as a whole.
    pub index: Option<u32>,
    /// Of what.
    pub asset: Asset,
    /// Why, in words.
    pub why: String,
}

/// Puts down why something is not swept. What is said of nothing, and what was said before, changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExplainSweeps {
    /// On which network.
    pub network: Network,
    /// The verdicts.
    pub verdicts: Vec<SweepVerdict>,
}

fn check(actor: Actor, network: Network, count: usize) -> Result<(), Refusal> {
    match actor {
        Actor::Worker(worker) if worker.kind == WorkerKind::Consolidation && worker.network == Some(network) => {}
        _ => return Err(Refusal::NotTheWorker),
    }
    if (1..=WISHES_AT_ONCE_MAX).contains(&count) { Ok(()) } else { Err(Refusal::Move { what: MoveFault::Count }) }
}

/// A key as it can be: coins as a whole only where there are coins.
fn key_of(network: Network, index: Option<u32>, asset: Asset) -> Option<HoldingKey> {
    (index.is_none() == has_coins(network)).then_some(HoldingKey { network, index, asset })
}

impl PlanSweeps {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check(actor, self.network, self.wishes.len())?;
        if self.wishes.iter().any(|wished| wished.why.len() > WHY_BYTES_MAX) {
            return Err(Refusal::Why.into());
        }
        let mut plans = Vec::with_capacity(self.wishes.len());
        for wished in self.wishes {
            plans.push(entry.wish(self.network, wished)?);
        }
        Ok(Done::SweepsPlanned { plans })
    }
}

impl ExplainSweeps {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check(actor, self.network, self.verdicts.len())?;
        if self.verdicts.iter().any(|verdict| verdict.why.len() > WHY_BYTES_MAX) {
            return Err(Refusal::Why.into());
        }
        for SweepVerdict { index, asset, why } in self.verdicts {
            // Of each address there may be something to be said, also where coins are swept as a whole.
            let key = HoldingKey { network: self.network, index, asset };
            if index.is_none() && (!has_coins(self.network) || !entry.state.is_native(self.network, asset)) {
                continue;
            }
            let mut holding = entry.holding(key)?;
            let known = holding.told.as_ref().is_some_and(|told| told.why == why);
            if known || (index.is_some() && holding.free == 0) {
                continue;
            }
            holding.told = (!why.is_empty()).then_some(Told { why, at: entry.now });
            entry.put_holding(holding);
        }
        Ok(Done::SweepsExplained)
    }
}

impl Entry<'_> {
    fn wish(&mut self, network: Network, wished: WishedSweep) -> Result<Option<SweepId>, Stop> {
        let WishedSweep { index, asset, wish, why } = wished;
        let Some(key) = key_of(network, index, asset) else { return Ok(None) };
        let status = match wish {
            Wish::Gas { .. } if has_coins(network) => return Ok(None),
            Wish::Gas { amount } => SweepStatus::NeedsGas { amount },
            Wish::Sweep => SweepStatus::Ready,
            Wish::Drop => SweepStatus::Failed { why: why.clone() },
        };
        if let Some(plan) = self.state.sweeps.of(key).cloned() {
            // Whoever is on the way is not called back.
            if !matches!(plan.status.stage(), SweepStage::NeedsGas | SweepStage::Ready) {
                return Ok(None);
            }
            let id = plan.id;
            if plan.status != status || plan.why != why {
                self.put_plan(SweepPlan { status, why, ..plan });
            }
            return Ok(Some(id));
        }
        let something = match index {
            Some(_) => self.holding(key)?.available() > 0,
            None => self.state.is_native(network, asset),
        };
        let full = self.state.sweeps.plans(network).count() >= PLANS_OF_NETWORK_MAX;
        if status.is_over() || !something || full {
            return Ok(None);
        }
        let id = SweepId(self.state.sweeps.last + 1);
        self.state.sweeps.last = id.0;
        self.put(Table::SweepPlan, &[], &id.0);
        let (made, moved) = (self.now, self.now);
        self.put_plan(SweepPlan { id, of: key, status, why, made, moved, top_ups: Vec::new() });
        Ok(Some(id))
    }

    /// Puts a plan that has moved, and tells it.
    pub(super) fn put_plan(&mut self, mut plan: SweepPlan) {
        plan.moved = self.now;
        let (id, stage) = (plan.id, plan.status.stage());
        let before = self.state.sweeps.take(id);
        if plan.status.is_over() {
            self.change(Table::SweepPlan.family(), Table::SweepPlan.key(&id.0.to_be_bytes()), Edit::Delete);
            self.put_row(Table::SweepPlanOver, over_key(id), &plan);
        } else {
            self.put(Table::SweepPlan, &id.0.to_be_bytes(), &plan);
            self.state.sweeps.put(plan.clone());
        }
        if before.is_none_or(|before| before.status.stage() != stage) {
            let (network, asset) = (plan.of.network, plan.of.asset);
            self.event(EventKind::SweepMoved { sweep: id, network, asset, stage });
        }
    }
}
