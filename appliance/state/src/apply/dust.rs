//! Dust: payments of less than the least deposit, which cost their sender next to nothing.
//!
//! They are never in the way of deposits: what nobody is gathered for is dust in suspense, history once it is old, and where a network
//! has many open deposits it is history at once. Then it is in no account, and the reconciliation finds that there is more on the
//! addresses than in the books.

use exchequer_domain::{ChainAddress, Network};

use super::Entry;
use super::ripen::least;
use crate::custody::Listing;
use crate::deposits::{self, DUST_SHELVED_FROM, Deposit, DepositId, DepositState, Why};
use crate::event::EventKind;
use crate::halt::Halt;
use crate::planted::{self, Bug};
use crate::rows::Table;

/// From so many open deposits of a network on, a token that is doubted takes no room by what either side counts, and what waits for
/// persons waits in history.
const NEARLY_FULL: usize = DUST_SHELVED_FROM + DUST_SHELVED_FROM / 2;

impl Entry<'_> {
    /// Whether a network has so many open deposits that dust gets no room among them.
    pub(super) fn is_crowded(&self, network: Network) -> bool {
        !planted::has(Bug::DustIsKept) && self.state.deposits.open_count_of(network) >= DUST_SHELVED_FROM
    }

    /// Whether three quarters of a network's room are taken.
    pub(super) fn is_nearly_full(&self, network: Network) -> bool {
        self.state.deposits.open_count_of(network) >= NEARLY_FULL
    }

    /// Whether a payment is of a listed coin and less than the least that is credited by itself. Of a token whose contract counts
    /// otherwise than it is listed, by both: who is right is not known before people have looked, and what is dust is in no account.
    /// Where three quarters of a network's room are taken, by either: what is next to nothing must not stop all other deposits.
    pub(super) fn is_dust(&self, network: Network, coin: Option<&ChainAddress>, amount: Option<u128>) -> bool {
        let Some((listing, amount)) = self.state.custody.listed(network, coin).zip(amount) else { return false };
        let told = self.state.counts_otherwise(network, listing.asset).filter(|_| !planted::has(Bug::DustByListing));
        let is_little = |decimals: u8| {
            let counting = Listing { decimals, ..listing.clone() };
            counting.to_ledger(amount).is_some_and(|(units, _)| units < least(listing))
        };
        let is_full = self.is_nearly_full(network);
        match told.map(is_little) {
            Some(by_contract) if is_full => by_contract || is_little(listing.decimals),
            Some(by_contract) => by_contract && is_little(listing.decimals),
            None => is_little(listing.decimals),
        }
    }

    /// Whether a payment that comes again is dust that is history already.
    pub(super) fn is_shelved(&self, id: DepositId) -> Result<bool, Halt> {
        if self.state.deposits.get(id).is_some() {
            return Ok(false);
        }
        let over: Option<Deposit> = self.row(Table::DepositOver, &deposits::over_key(id))?;
        Ok(over.is_some_and(|over| over.state == DepositState::Suspense { why: Why::Dust } && !over.booked))
    }

    /// Dust for which there is no room is history at once, in no account.
    pub(super) fn shelve_dust(&mut self, deposit: Deposit) {
        let state = DepositState::Suspense { why: Why::Dust };
        let (id, network, user) = (deposit.id, deposit.network, deposit.user);
        self.put_row(Table::DepositOver, deposits::over_key(id), &Deposit { state, ..deposit });
        self.event(EventKind::DepositMoved { deposit: id, network, user, stage: state.stage(), severity: None });
    }
}
