//! `PostTransfers`: transfers as the ledger knows them, each by itself, for benches and tests.

use exchequer_ledger as ledger;
use serde::{Deserialize, Serialize};

use super::{Entry, Stop};
use crate::outcome::Done;
use crate::rejection::{Field, Rejection};

/// Transfers that one command posts at most.
pub const TRANSFERS_AT_ONCE_MAX: usize = 8_190;

/// Posts transfers, each by itself. Only in a sandbox cluster: nothing but the ledger's own rules is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostTransfers {
    /// 1 to 8,190.
    pub transfers: Vec<ledger::Transfer>,
}

impl PostTransfers {
    pub(super) fn apply(self, entry: &mut Entry<'_>) -> Result<Done, Stop> {
        entry.sandbox()?;
        if !(1..=TRANSFERS_AT_ONCE_MAX).contains(&self.transfers.len()) {
            return Err(Rejection::Invalid { field: Field::TransferCount }.into());
        }

        let mut outcomes = Vec::with_capacity(self.transfers.len());
        for transfer in &self.transfers {
            outcomes.push(entry.ledger.run_transfer(transfer)?);
        }
        Ok(Done::Transfers(outcomes))
    }
}

#[cfg(test)]
mod tests {
    use exchequer_ledger::{AccountId, Fault, Outcome, TransferId};

    use super::*;
    use crate::Body;
    use crate::tests::world::{World, post};

    /// Goal: each transfer has its own outcome and sees what the ones before it did; repetitions are told by the
    /// transfer's id, whatever command brings them.
    #[test]
    fn posts_each_by_itself() {
        let mut world = World::with_accounts();
        let (equity, alice, bob) = (AccountId(0), AccountId(1), AccountId(2));
        let transfers = [post(1, equity, alice, 10), post(2, alice, bob, 11), post(3, alice, bob, 10)];
        let command =
            |transfers: &[ledger::Transfer]| Body::PostTransfers(PostTransfers { transfers: transfers.to_vec() });
        let posted = |first| Outcome::Done(ledger::Done::Posted { first, postings: 1 });
        let low = Outcome::Rejected(ledger::Rejection::Leg { leg: 0, fault: Fault::DebitExceedsBalance });
        assert_eq!(world.run(command(&transfers)), Ok(Done::Transfers(vec![posted(1), low, posted(2)])));
        let exists = |first| Outcome::Done(ledger::Done::Exists { first, postings: 1, time: world.now });
        let burnt = Outcome::Rejected(ledger::Rejection::IdBurnt);
        let again = Done::Transfers(vec![exists(1), burnt, exists(2)]);
        assert_eq!(world.run(command(&transfers)), Ok(again));
        assert_eq!(world.state.ledger().account(bob).unwrap().sums.credits_posted, 10);
    }

    /// Goal: a full command works and its outcome is small; one more is refused, as is none, and a cluster that is no
    /// sandbox.
    #[test]
    fn limits() {
        let mut world = World::with_accounts();
        let transfers = |count| (1..).map(|id| post(id, AccountId(0), AccountId(1), 1)).take(count).collect();
        let command = |count| Body::PostTransfers(PostTransfers { transfers: transfers(count) });
        let full = world.command(command(TRANSFERS_AT_ONCE_MAX));
        let outcomes = world.entry(std::slice::from_ref(&full));
        assert!(outcomes[0].encode().len() < 8 * TRANSFERS_AT_ONCE_MAX);
        assert_eq!(world.state.ledger().last_posting(), TRANSFERS_AT_ONCE_MAX as u64);
        assert!(
            world.state.ledger().transfer(TransferId(8_190), &crate::money::HistoryOf(&world.rows)).unwrap().is_some()
        );
        for count in [0, TRANSFERS_AT_ONCE_MAX + 1] {
            assert_eq!(world.refused(command(count)), Rejection::Invalid { field: Field::TransferCount });
        }
        assert_eq!(World::real().refused(command(1)), Rejection::SandboxOnly);
    }
}
