//! Transfers that the rules make themselves, such as the settlement of a trade: the ledger names them.
//!
//! The name is a time-ordered id with a mark of its own, told from every other by the number of the transfer's first
//! posting. Nobody else can use such a name, so nothing that a client does stands in the way of a settlement.

use exchequer_domain::Timestamp;

use crate::cause::Cause;
use crate::entry::{Entry, Stop};
use crate::halt::Halt;
use crate::outcome::Done;
use crate::transfer::{Legs, Transfer, TransferId};

/// The twelve bits of a time-ordered id that mark the rules' own ones.
const MARK: u128 = 0xec5;

impl TransferId {
    fn own(now: Timestamp, posting: u64) -> TransferId {
        let number = u128::from(posting) & ((1 << 62) - 1);
        TransferId(u128::from(now.millis()) << 80 | 7 << 76 | MARK << 64 | 2 << 62 | number)
    }

    /// Whether the id is one that only the rules give.
    pub(crate) const fn is_own(self) -> bool {
        self.is_time_ordered() && (self.0 >> 64) & 0xfff == MARK
    }
}

impl Entry<'_> {
    /// Posts legs that were made sure of, under a name that the ledger gives. Answers the number of the first posting.
    ///
    /// # Errors
    /// Where the legs do not fit: whoever made sure of them was wrong, and the node must stop.
    pub fn post_own(&mut self, legs: Legs, cause: Cause) -> Result<u64, Halt> {
        let id = TransferId::own(self.now, self.ledger.next);
        let sound = !legs.is_empty() && legs.len() <= crate::limits::LEGS_MAX;
        match self.place(&Transfer { id, legs, cause, note: None }) {
            Ok(Done::Posted { first, .. }) if sound => Ok(first),
            Err(Stop::Halt(halt)) => Err(halt),
            Ok(_) | Err(Stop::Rejected(_)) => Err(Halt::Invariant("what the rules post fits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryRows;
    use crate::tests::world::{World, cause, transfer};
    use crate::{Asset, At, Command, Holder, Leg, Reason, Rejection};

    /// Goal: the rules' own names are new each time, ascend, and can be used by nobody else; what does not fit halts.
    #[test]
    fn own_names_are_nobody_elses() {
        let mut world = World::new();
        let equity = world.open(Holder::Equity, Asset(1), true);
        let customer = world.open(Holder::Customer { customer: 1, sub_account: 0 }, Asset(1), false);
        let post = |amount| Leg::Post { debit: equity, credit: customer, amount };
        let mut names = Vec::new();
        for _ in 0..5 {
            names.push(TransferId::own(world.now, world.ledger.last_posting() + 1));
            let refused = transfer(*names.last().unwrap(), Reason::Internal, vec![post(1)]);
            assert_eq!(world.run(Command::Transfer(refused)), Err(Rejection::IdInvalid));
            world.index += 1;
            let at = At { index: world.index, time: world.now };
            let mut entry = world.ledger.enter(at, &world.rows).unwrap();
            entry.post_own(post(7).into(), cause(Reason::Trade)).unwrap();
            let changes = entry.close().unwrap();
            world.rows.apply_changes(changes);
        }
        assert!(names.windows(2).all(|pair| pair[0] < pair[1] && pair[1].is_own()));
        assert!(world.ledger.transfer(names[0], &world.rows).unwrap().is_some());
        let rows: &MemoryRows = &world.rows;
        let mut entry = world.ledger.enter(At { index: 99, time: world.now }, rows).unwrap();
        let back = Leg::Post { debit: customer, credit: equity, amount: 36 };
        assert!(entry.post_own(back.into(), cause(Reason::Trade)).is_err(), "more than there is");
    }
}
