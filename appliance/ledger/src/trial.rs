//! The trial balance: what each kind of holder has of an asset, both sides of which add up to the same.

use crate::account::{Account, Asset, Sums};
use crate::chart::Holder;
use crate::ledger::{Ledger, Total};

/// The sums of an asset by holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialBalance {
    /// The asset.
    pub asset: Asset,
    /// Everything ever debited, which is also everything ever credited.
    pub total: Total,
    /// The accounts that are not customers', in the order of their opening.
    pub system: Vec<Account>,
    /// All customers' accounts together.
    pub customers: Sums,
}

impl Ledger {
    /// The accounts that are not customers', in the order of their opening.
    pub fn system_accounts(&self) -> impl Iterator<Item = Account> {
        self.system.iter().filter_map(|id| self.account(*id))
    }

    /// The trial balance of an asset; none where it has no account. Takes as long as there are accounts that are not
    /// customers'; what customers have is the rest of the asset's turnover.
    #[must_use]
    pub fn trial_balance(&self, asset: Asset) -> Option<TrialBalance> {
        let (_, total) = self.totals().find(|(of, _)| *of == asset)?;
        let system: Vec<Account> = self.system_accounts().filter(|account| account.key.asset == asset).collect();
        let mut customers = Sums {
            debits_posted: total.posted,
            credits_posted: total.posted,
            debits_pending: total.pending,
            credits_pending: total.pending,
        };
        for Account { sums, key, .. } in &system {
            debug_assert!(!matches!(key.holder, Holder::Customer { .. }), "the system's accounts are no customers'");
            // No account's sum exceeds its asset's turnover.
            customers.debits_posted = customers.debits_posted.saturating_sub(sums.debits_posted);
            customers.credits_posted = customers.credits_posted.saturating_sub(sums.credits_posted);
            customers.debits_pending = customers.debits_pending.saturating_sub(sums.debits_pending);
            customers.credits_pending = customers.credits_pending.saturating_sub(sums.credits_pending);
        }
        Some(TrialBalance { asset, total, system, customers })
    }
}
