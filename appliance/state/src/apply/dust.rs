//! Dust: payments of less than the least deposit, which cost their sender next to nothing.
//!
//! They are never in the way of deposits: what nobody is gathered for is dust in suspense, history once it is old, and where a network
//! has many open deposits it is history at once. Then it is in no account, and the reconciliation finds that there is more on the
//! addresses than in the books.

use exchequer_domain::{ChainAddress, Network};

use super::Entry;
use super::ripen::least;
use crate::deposits::{self, DUST_SHELVED_FROM, Deposit, DepositId, DepositState, Why};
use crate::event::EventKind;
use crate::halt::Halt;
use crate::planted::{self, Bug};
use crate::rows::Table;

impl Entry<'_> {
    /// Whether a network has so many open deposits that dust gets no room among them.
    pub(super) fn is_crowded(&self, network: Network) -> bool {
        !planted::has(Bug::DustIsKept) && self.state.deposits.open_count_of(network) >= DUST_SHELVED_FROM
    }

    /// Whether a payment is of a listed coin and less than the least that is credited by itself.
    pub(super) fn is_dust(&self, network: Network, coin: Option<&ChainAddress>, amount: Option<u128>) -> bool {
        let listed = self.state.custody.listed(network, coin);
        let counted = listed.and_then(|listing| Some((listing, listing.to_ledger(amount?)?)));
        counted.is_some_and(|(listing, (units, _))| units < least(listing))
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
