//! What is read of sweeps: holdings by pages, plans, and by what a deposit was swept. `rows` must show everything that the
//! state has applied.

use exchequer_domain::{Network, UserId};
use exchequer_ledger::Asset;

use super::SweepId;
use super::holding::{HOLDINGS_PAGE_MAX, Holding, HoldingKey, Swept, swept_key};
use super::plan::{SweepPlan, over_key};
use crate::codec;
use crate::custody::{Coin, cold_coin_key, cold_coins_end, pool_owner};
use crate::deposits::DepositId;
use crate::halt::Halt;
use crate::rows::{Family, Rows, Table};
use crate::state::State;
use crate::users::UserStatus;
use crate::withdrawals::PayoutId;

fn read<T: serde::de::DeserializeOwned>(rows: &dyn Rows, table: Table, key: &[u8]) -> Result<Option<T>, Halt> {
    let row = rows.get(table.family(), key)?;
    row.map(|row| codec::decode(&row).map_err(|error| Halt::row(table, error))).transpose()
}

impl State {
    /// What lies on an address of an asset; none where nothing does.
    ///
    /// # Errors
    /// The rows cannot be read, are damaged, or are of a newer program.
    pub fn holding(&self, rows: &dyn Rows, key: HoldingKey) -> Result<Option<Holding>, Halt> {
        read(rows, Table::Holding, &key.row())
    }

    /// Holdings of a network in the order of index and asset, from behind one on; at most `limit` and
    /// [`HOLDINGS_PAGE_MAX`]. Addresses on which nothing lies have none. The verdicts of coins as a whole come last.
    ///
    /// # Errors
    /// As [`State::holding`].
    pub fn holdings(
        &self,
        rows: &dyn Rows,
        network: Network,
        after: Option<HoldingKey>,
        limit: usize,
    ) -> Result<Vec<Holding>, Halt> {
        let (from, until) = (HoldingKey::after(network, after), HoldingKey::end(network));
        let page = rows.scan(Family::History, &from, &until, limit.min(HOLDINGS_PAGE_MAX), false)?;
        let holdings = page.iter().map(|(_, row)| codec::decode(row));
        holdings.collect::<Result<_, _>>().map_err(|error| Halt::row(Table::Holding, error))
    }

    /// A plan, open or over.
    ///
    /// # Errors
    /// As [`State::holding`].
    pub fn sweep_plan(&self, rows: &dyn Rows, id: SweepId) -> Result<Option<SweepPlan>, Halt> {
        match self.sweeps.get(id) {
            Some(open) => Ok(Some(open.clone())),
            None => read(rows, Table::SweepPlanOver, &over_key(id)),
        }
    }

    /// Plans that are over with numbers below one, the latest first; at most `limit` and [`HOLDINGS_PAGE_MAX`].
    ///
    /// # Errors
    /// As [`State::holding`].
    pub fn sweeps_over(&self, rows: &dyn Rows, before: SweepId, limit: usize) -> Result<Vec<SweepPlan>, Halt> {
        let (from, until) = (over_key(SweepId(0)), over_key(before));
        let page = rows.scan(Family::History, &from, &until, limit.min(HOLDINGS_PAGE_MAX), true)?;
        let plans = page.iter().map(|(_, row)| codec::decode(row));
        plans.collect::<Result<_, _>>().map_err(|error| Halt::row(Table::SweepPlanOver, error))
    }

    /// What became of a deposit on its address: none where it may not be swept, or not yet; the inner one by which payout it
    /// was swept, once that is final.
    ///
    /// # Errors
    /// As [`State::holding`].
    pub fn deposit_swept(&self, rows: &dyn Rows, deposit: DepositId) -> Result<Option<Option<PayoutId>>, Halt> {
        let swept: Option<Swept> = read(rows, Table::DepositSwept, &swept_key(deposit))?;
        Ok(swept.map(|swept| swept.by))
    }

    /// Whether nothing of an address of the pool is swept because its user is frozen, or it is nobody's.
    ///
    /// # Errors
    /// As [`State::holding`].
    pub fn is_address_held(&self, rows: &dyn Rows, network: Network, index: u32) -> Result<bool, Halt> {
        let owner: Option<UserId> = pool_owner(rows, network.family(), index)?;
        Ok(!owner.is_some_and(|user| self.users.get(user).is_some_and(|user| user.status == UserStatus::Active)))
    }

    /// Coins that are in no memory, in the order of their outpoints, from behind one on; at most `limit` and
    /// [`HOLDINGS_PAGE_MAX`]. One that is taken for a transaction meanwhile is in memory again.
    ///
    /// # Errors
    /// As [`State::holding`].
    pub fn cold_coins(
        &self,
        rows: &dyn Rows,
        network: Network,
        after: Option<exchequer_domain::OutPoint>,
        limit: usize,
    ) -> Result<Vec<Coin>, Halt> {
        let from = match after {
            Some(outpoint) => [cold_coin_key(network, &outpoint).as_slice(), &[0]].concat(),
            None => Table::ColdCoin.key(&crate::networks::number(network)),
        };
        let page = rows.scan(Family::History, &from, &cold_coins_end(network), limit.min(HOLDINGS_PAGE_MAX), false)?;
        let coins = page.iter().map(|(_, row)| codec::decode(row));
        coins.collect::<Result<_, _>>().map_err(|error| Halt::row(Table::ColdCoin, error))
    }

    /// Whether a holding's asset is the network's own coin.
    #[must_use]
    pub fn is_native(&self, network: Network, asset: Asset) -> bool {
        self.custody.listed(network, None).is_some_and(|listing| listing.asset == asset)
    }
}
