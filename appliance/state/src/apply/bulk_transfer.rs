//! `BulkTransfer`: transfers as the ledger knows them, all or none, for benches and tests.

use exchequer_ledger as ledger;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::outcome::Done;
use crate::rejection::Rejection;

/// Posts every transfer, or none. Only in a sandbox cluster: nothing but the ledger's own rules is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkTransfer {
    /// 1 to 8,190.
    pub transfers: Vec<ledger::Transfer>,
}

impl BulkTransfer {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        entry.sandbox()?;

        match entry.ledger.run(&ledger::Command::Bulk(self.transfers))? {
            ledger::Outcome::Done(ledger::Done::Bulk(done)) => Ok(Done::Bulk(done)),
            ledger::Outcome::Done(done) => Ok(Done::Transfer(done)),
            ledger::Outcome::Rejected(rejection) => Err(Rejection::Ledger(rejection).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use exchequer_ledger::{AccountId, BulkFault, Fault};

    use super::*;
    use crate::Body;
    use crate::tests::world::{World, post};

    /// Goal: a bulk is posted whole or not at all, and can be repeated; only the id of the transfer that failed is burnt.
    #[test]
    fn all_or_none() {
        let mut world = World::with_accounts();
        let (equity, alice, bob) = (AccountId(0), AccountId(1), AccountId(2));
        let command =
            |transfers: &[ledger::Transfer]| Body::BulkTransfer(BulkTransfer { transfers: transfers.to_vec() });
        let good = post(1, equity, alice, 10);
        let fault = Fault::DebitExceedsBalance;
        let failed = |because| Rejection::Ledger(ledger::Rejection::BulkFailed { transfer: 1, because });
        let bad = command(&[good.clone(), post(2, alice, bob, 11)]);
        assert_eq!(world.run(bad.clone()), Err(failed(BulkFault::Leg { leg: 0, fault })));
        assert_eq!(world.state.ledger().last_posting(), 0);
        let bulk = command(&[good, post(3, alice, bob, 10)]);
        let posted = |first| ledger::Done::Posted { first, postings: 1 };
        assert_eq!(world.run(bulk.clone()), Ok(Done::Bulk(vec![posted(1), posted(2)])));
        let exists = |first| ledger::Done::Exists { first, postings: 1, time: world.now };
        let again = Done::Bulk(vec![exists(1), exists(2)]);
        assert_eq!(world.run(bulk), Ok(again));
        assert_eq!(world.run(bad), Err(failed(BulkFault::IdBurnt)));
    }

    /// Goal: none, too many, and a cluster that is no sandbox are refused.
    #[test]
    fn limits() {
        let mut world = World::with_accounts();
        let many = |count| vec![post(1, AccountId(0), AccountId(1), 1); count];
        let command = |count| Body::BulkTransfer(BulkTransfer { transfers: many(count) });
        assert_eq!(world.refused(command(0)), Rejection::Ledger(ledger::Rejection::BulkEmpty));
        assert_eq!(world.refused(command(8_191)), Rejection::Ledger(ledger::Rejection::BulkTooLarge));
        assert_eq!(World::real().refused(command(1)), Rejection::SandboxOnly);
    }
}
