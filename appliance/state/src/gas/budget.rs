//! What is used of a day's budget for gas.

use exchequer_domain::{Network, Timestamp};
use exchequer_ledger::Asset;

use super::book::DAY_US;
use crate::custody::Worth;
use crate::settings::{Scope, schema};
use crate::state::State;
use crate::withdrawals::PRICE_AGE_MAX;

/// From so much of the day's budget on it is nearly used, in percent, and people are told: what is left may be for what is urgent.
pub const NEARLY_PERCENT: u128 = 80;
/// Millionths of a dollar in one.
const USD_MICROS: u128 = 1_000_000;

/// A network's budget for gas, and what is used of it today (a day of UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GasBudget {
    /// What may be brought in a day, in dollars.
    pub whole_usd: u64,
    /// What was brought or kept for it today, in minor units of the network's coin.
    pub today: u128,
    /// The same in millionths of a dollar; none where there is no fresh reference price.
    pub today_usd_micros: Option<u128>,
}

impl GasBudget {
    /// Whether [`NEARLY_PERCENT`] of it are used; false where nobody can say.
    #[must_use]
    pub fn is_nearly_used(&self) -> bool {
        let used = self.today_usd_micros.unwrap_or(0).saturating_mul(100);
        self.today > 0 && used >= self.whole_usd_micros().saturating_mul(NEARLY_PERCENT)
    }

    /// All of it, in millionths of a dollar.
    pub(crate) fn whole_usd_micros(&self) -> u128 {
        u128::from(self.whole_usd).saturating_mul(USD_MICROS)
    }
}

impl State {
    /// A network's budget for gas at a moment; none where its coin is not listed.
    #[must_use]
    pub fn gas_budget(&self, network: Network, now: Timestamp) -> Option<GasBudget> {
        Some(self.gas_budget_in(self.custody.listed(network, None)?.asset, network, now))
    }

    /// The same where the network's coin is known.
    pub(crate) fn gas_budget_in(&self, coin: Asset, network: Network, now: Timestamp) -> GasBudget {
        let today = self.gas.book(network).map_or(0, |book| book.today(now));
        let today_usd_micros = match self.custody.worth(&self.assets, coin, today, now, PRICE_AGE_MAX) {
            Worth::Usd(micros) => Some(micros),
            Worth::Manual => None,
        };
        let whole = self.settings.get_for(&schema::GAS_BUDGET_USD_DAY, &Scope::network(network));
        GasBudget { whole_usd: u64::try_from(whole).unwrap_or(0), today, today_usd_micros }
    }

    /// Where a network's budget of this day is nearly used, the day's beginning. Without a fresh price it stays what it was said to be.
    pub(crate) fn gas_is_short(&self, network: Network, was_short: bool) -> Option<Timestamp> {
        self.gas.book(network)?;
        let budget = self.gas_budget(network, self.time)?;
        let is_unknown = budget.today > 0 && budget.today_usd_micros.is_none();
        let is_short = if is_unknown { was_short } else { budget.is_nearly_used() };
        is_short.then(|| Timestamp(self.time.0 / DAY_US * DAY_US))
    }
}
