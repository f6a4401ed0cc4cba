//! Whether a withdrawal may go on as things stand now: asked before money leaves an account, in each stage before that, because
//! what was true when it was asked for need not be true any more.

use exchequer_domain::{Timestamp, TxId};

use super::withdrawals::reference;
use super::{Entry, Stop};
use crate::deposits::NothingLeaves;
use crate::planted::{self, Bug};
use crate::users::UserStatus;
use crate::withdrawals::{Refusal, Stage, Standing, Withdrawal};

/// After how long what was approved and must not go on is looked at again, in microseconds.
pub(crate) const LOOKED_AT_AGAIN_US: u64 = 300_000_000;

impl Entry<'_> {
    /// Whether a withdrawal may go on: its network and asset are open, and its user is free to send and owes nothing.
    pub(super) fn may_go_on(&self, one: &Withdrawal) -> Result<(), Refusal> {
        if planted::has(Bug::GoesOnUnasked) {
            return Ok(());
        }
        self.may_withdraw(one.order.network, one.order.asset)?;
        self.may_send(one)
    }

    /// Whether its user may send money away: neither frozen nor in debt after a deposit that was taken back.
    pub(super) fn may_send(&self, one: &Withdrawal) -> Result<(), Refusal> {
        let user = one.order.user;
        if self.state.users.get(user).is_none_or(|user| user.status == UserStatus::Frozen) {
            return Err(Refusal::Frozen);
        }
        match self.state.deposits.nothing_leaves(self.ledger.ledger(), user) {
            Some(NothingLeaves::Debt { .. }) => Err(Refusal::Owes),
            // That counts when it is asked for; what is held since then is the user's.
            Some(NothingLeaves::TradedAway { .. }) | None => Ok(()),
        }
    }

    /// What is approved and must not go on stays so, and is looked at again later.
    pub(super) fn hold_back(&mut self, mut one: Withdrawal, from: Stage, why: &Refusal) -> Result<(), Stop> {
        let until = Timestamp(self.now.0.saturating_add(LOOKED_AT_AGAIN_US));
        let standing = Standing::Approved { until };
        if from != Stage::Approved {
            let what = format!("approved, and held back: {}", why.message());
            return self.stand(one, from, standing, Stage::Approved, what);
        }
        // Told once: it may be looked at for weeks.
        one.standing = standing;
        self.put_withdrawal(one);
        Ok(())
    }

    /// What a user owes of the asset is paid out of what has become free of a withdrawal.
    pub(super) fn pay_debt_after(&mut self, one: &Withdrawal) -> Result<(), Stop> {
        Ok(self.pay_debt(one.order.user, one.order.asset, &TxId(reference(one.id)))?)
    }
}
