//! `SetMarketPhase`: opens, halts, auctions, closes a market.

use exchequer_matching::{Command, PhaseChange};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::halt::Halt;
use crate::markets::MarketId;
use crate::outcome::Done;

/// Brings a market to another phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMarketPhase {
    /// Which.
    pub market: MarketId,
    /// To which.
    pub phase: PhaseChange,
    /// Why.
    pub reason: String,
}

impl SetMarketPhase {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let symbol = entry.market(self.market)?.symbol.clone();
        entry.book(self.market, &Command::SetPhase(self.phase), [])?;
        let detail = format!("{:?}", self.phase);
        entry.audit(actor, AuditAction::MarketPhaseSet, symbol, detail, self.reason);
        let market = entry.state.markets.market(self.market);
        let phase = market.map(exchequer_matching::Market::phase);
        let phase = phase.ok_or_else(|| Halt::Invariant("a market that changed is there".into()))?;
        Ok(Done::MarketPhase { phase })
    }
}
