//! What a withdrawal is worth, what its user may still withdraw, and what the policy says of it.

use std::time::Duration;

use exchequer_domain::UserId;
use exchequer_ledger::Asset;

use super::policy::{DAY_US, Destination, Subject, Verdict};
use super::refusal::Refusal;
use super::spending::{least, sum};
use super::withdrawal::{Order, WithdrawalId};
use crate::custody::Worth;
use crate::planted::{self, Bug};
use crate::state::State;

/// How old a reference price may be by which withdrawals are valued.
pub const PRICE_AGE_MAX: Duration = Duration::from_secs(600);

impl State {
    /// What an amount is worth for limits and for the policy, in millionths of a dollar; none where no price is fresh enough.
    #[must_use]
    pub fn withdrawal_worth(&self, asset: Asset, amount: u128) -> Option<u64> {
        match self.custody.worth(&self.assets, asset, amount, self.time, PRICE_AGE_MAX) {
            Worth::Usd(usd) => Some(u64::try_from(usd).unwrap_or(u64::MAX)),
            Worth::Manual => None,
        }
    }

    /// What a user may still withdraw now, in millionths of a dollar: of the day's limit, and of the month's. What nobody could
    /// value counts nothing: a person looked at it.
    #[must_use]
    pub fn withdrawal_limits_left(&self, user: UserId) -> [u64; 2] {
        let level = self.users.get(user).map_or(0, |user| user.kyc_level);
        let limit = self.withdrawals.policy.limit(level);
        let spent = self.withdrawals.spent.get(&user).map_or(&[][..], Vec::as_slice);
        let left = |limit: u64, window_us| limit.saturating_sub(least(spent, self.time, window_us));
        [left(limit.day_usd, DAY_US), left(limit.month_usd, 30 * DAY_US)]
    }

    /// Whether a user may withdraw so much more. Exactly what is left passes. What nobody can value passes where anything may
    /// be withdrawn at all: the policy has a person look at it.
    pub(crate) fn check_withdrawal_limits(&self, user: UserId, usd: Option<u64>) -> Result<(), Refusal> {
        if planted::has(Bug::LimitsIgnored) {
            return Ok(());
        }
        let asked = usd.unwrap_or(1);
        for (left_usd, month) in self.withdrawal_limits_left(user).into_iter().zip([false, true]) {
            if asked > left_usd {
                return Err(Refusal::Limit { left_usd, month });
            }
        }
        Ok(())
    }

    /// What the policy says of a withdrawal as things stand, and by which rule: also before it is asked for, to see which rule
    /// it would hit. `id` is left out of what is added up.
    #[must_use]
    pub fn judge_withdrawal(
        &self,
        order: &Order,
        id: WithdrawalId,
        destination: Destination,
        usd: Option<u64>,
    ) -> (Verdict, String) {
        let spent = self.withdrawals.spent.get(&order.user);
        let others: Vec<_> = spent.into_iter().flatten().filter(|spent| spent.withdrawal != id).copied().collect();
        let spent = |window_us| sum(&others, self.time, window_us);
        let subject = Subject { asset: order.asset, network: order.network, destination, usd, spent: &spent };
        self.withdrawals.policy.judge(&subject)
    }
}
