//! `ConfigureMarket`: filters, circuit breaker and reference price of a market.

use exchequer_matching::{Breaker, Command, Filters, Ticks};
use serde::{Deserialize, Serialize};

use super::{Entry, Stop, check_reason};
use crate::audit::AuditAction;
use crate::command::Actor;
use crate::markets::MarketId;
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};

/// Changes what new orders must satisfy, and what stops trading. What is not given stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigureMarket {
    /// Which.
    pub market: MarketId,
    /// The filters.
    pub filters: Option<Filters>,
    /// The circuit breaker.
    pub breaker: Option<Breaker>,
    /// The price that limits are measured by until there is a trade.
    pub reference: Option<Ticks>,
    /// Why.
    pub reason: String,
}

impl ConfigureMarket {
    pub(super) fn apply(self, entry: &mut Entry<'_>, actor: Actor) -> Result<Done, Stop> {
        check_reason(&self.reason)?;
        let symbol = entry.market(self.market)?.symbol.clone();
        if self.filters.is_some_and(|filters| !filters.is_sound()) {
            return Err(Rejection::Invalid { field: Field::MarketFilters }.into());
        }
        let detail = format!("{:?} {:?} {:?}", self.filters, self.breaker, self.reference);
        entry.check_busy()?;
        // The reference is the one that can be refused; what follows it is done in any case.
        if let Some(reference) = self.reference {
            entry.book(self.market, &Command::SetReference(reference), [])?;
        }
        if let Some(filters) = self.filters {
            entry.book_in_any_case(self.market, &Command::SetFilters(filters), [])?;
        }
        if let Some(breaker) = self.breaker {
            entry.book_in_any_case(self.market, &Command::SetBreaker(breaker), [])?;
        }
        entry.audit(actor, AuditAction::MarketConfigured, symbol, detail, self.reason);
        Ok(Done::MarketConfigured)
    }
}
