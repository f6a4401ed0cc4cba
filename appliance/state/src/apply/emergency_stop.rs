//! `EmergencyStop`: one officer stops the exchange, at once and as a whole.

use exchequer_matching::{Command, PhaseChange};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::emergency::{Brake, Emergency, brakes};
use crate::event::EventKind;
use crate::halt::Halt;
use crate::markets::MarketId;
use crate::outcome::Done;
use crate::rejection::Rejection;
use crate::rows::Table;

/// Stops the exchange: signing, withdrawals, sweeps, trading, changes, in this order and in this entry. It is not refused
/// where the books have had much to do already: what stops them is more urgent than what they do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyStop {
    /// Why.
    pub reason: String,
}

impl EmergencyStop {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        if let Some(Emergency { since, .. }) = entry.state.emergency {
            return Err(Rejection::EmergencyLasts { since }.into());
        }

        let phase = |id| entry.state.markets.market(id).map(exchequer_matching::Market::phase);
        let ids = entry.state.markets.records().map(|record| record.id);
        let phases: Vec<_> =
            ids.filter_map(|id| phase(id).filter(|phase| brakes(*phase)).map(|phase| (id, phase))).collect();
        let markets = u32::try_from(phases.len()).unwrap_or(u32::MAX);

        let by = actor;
        let (since, index) = (entry.now, entry.at.index);
        entry.event(EventKind::EmergencyStopped { by });
        let emergency = Emergency { since, index, by, reason: self.reason.clone(), phases };
        let stopped: Vec<MarketId> = emergency.phases.iter().map(|(id, _)| *id).collect();
        entry.put(Table::Emergency, &[], &emergency);
        entry.state.emergency = Some(emergency);
        for brake in Brake::ALL {
            if *brake == Brake::Trading {
                for market in &stopped {
                    entry.stop_trading(*market)?;
                }
            }
            entry.event(EventKind::EmergencyStep { brake: *brake });
        }
        let detail = format!("{markets} markets cancel-only");
        entry.audit(actor, AuditAction::EmergencyStopped, "exchange".into(), detail, self.reason);
        Ok(Done::EmergencyStopped { since, markets })
    }
}

impl Entry<'_> {
    fn stop_trading(&mut self, market: MarketId) -> Result<(), Stop> {
        let deeds = self.book_in_any_case(market, &Command::SetPhase(PhaseChange::CancelOnly), [])?;
        match deeds.refused {
            None => Ok(()),
            Some(why) => Err(Halt::Invariant(format!("market {} does not stop: {why:?}", market.0)).into()),
        }
    }
}
