//! Bulks: several transfers, all or none.

use crate::entry::{Entry, Stop};
use crate::limits::BULK_TRANSFERS_MAX;
use crate::outcome::{Done, Rejection};
use crate::planted::Bug;
use crate::transfer::Transfer;

impl Entry<'_> {
    /// Posts every transfer, or none. Transfers that were posted before are no failure, so a bulk can be repeated.
    pub(crate) fn bulk(&mut self, transfers: &[Transfer]) -> Result<Done, Stop> {
        if transfers.is_empty() {
            return Err(Rejection::BulkEmpty.into());
        }
        if transfers.len() > BULK_TRANSFERS_MAX {
            return Err(Rejection::BulkTooLarge.into());
        }
        let mark = self.mark(true);
        let mut done = Vec::with_capacity(transfers.len());
        for (position, transfer) in (0_u16..).zip(transfers) {
            match self.transfer(transfer) {
                Ok(effect) => done.push(effect),
                Err(Stop::Halt(halt)) => return Err(Stop::Halt(halt)),
                Err(Stop::Rejected(rejection)) => {
                    if !self.ledger.has(Bug::BulkInHalves) {
                        self.rewind(mark)?;
                    }
                    if rejection.burns() {
                        self.burn(transfer.id, rejection);
                    }
                    return Err(Rejection::BulkFailed { transfer: position, because: rejection.into() }.into());
                }
            }
        }
        self.forget(mark);
        Ok(Done::Bulk(done))
    }
}
