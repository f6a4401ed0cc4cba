//! `EmergencyResume`: the exchange goes on.

use exchequer_matching::{Command, PhaseChange};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::emergency::{Emergency, reopening};
use crate::event::EventKind;
use crate::halt::Halt;
use crate::markets::MarketId;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::rows::{Edit, Table};

/// Ends the emergency. Markets that the stop made cancel-only go on as [`crate::emergency`] says; one that somebody
/// brought to another phase meanwhile stays there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyResume {
    /// Why.
    pub reason: String,
}

impl EmergencyResume {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let Some(Emergency { phases, since, .. }) = entry.state.emergency.clone() else {
            return Err(Rejection::NoEmergency.into());
        };

        entry.state.emergency = None;
        entry.change(Table::Emergency.family(), Table::Emergency.key(&[]), Edit::Delete);
        let mut markets = 0_u32;
        for (id, former) in phases {
            let market = entry.state.markets.market(id);
            let market = market.ok_or_else(|| Halt::Invariant("a market that was stopped is there".into()))?;
            if market.phase() != (exchequer_matching::Phase::CancelOnly { until: None }) {
                continue;
            }
            let auction_us = market.breaker().auction_us;
            if let Some(change) = reopening(former, entry.now, auction_us) {
                entry.reopen(id, change)?;
                markets += 1;
            }
        }
        entry.event(EventKind::EmergencyResumed { by: actor });
        let detail = format!("stopped since {since}, {markets} markets reopen");
        entry.audit(actor, AuditAction::EmergencyResumed, "exchange".into(), detail, self.reason);
        Ok(Done::EmergencyResumed { markets })
    }
}

impl Entry<'_> {
    /// Brings a market to a phase. Where prices cross that must not, it gathers orders until somebody decides.
    fn reopen(&mut self, market: MarketId, change: PhaseChange) -> Result<(), Stop> {
        let deeds = self.book_in_any_case(market, &Command::SetPhase(change), [])?;
        if deeds.refused.is_some() {
            let deeds = self.book_in_any_case(market, &Command::SetPhase(PhaseChange::PreOpen), [])?;
            if let Some(why) = deeds.refused {
                return Err(Halt::Invariant(format!("market {} does not reopen: {why:?}", market.0)).into());
            }
        }
        Ok(())
    }
}
