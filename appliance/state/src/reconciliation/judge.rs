//! The judgement of one reading: what a difference is, from what is known of the address.

use super::discrepancy::Class;
use crate::planted::{self, Bug};

/// What is known of an address at the block of a reading. Amounts in the network's smallest units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// What must be there.
    pub(crate) expected: i128,
    /// How much moved between the first and the last block at which it may have been read.
    pub(crate) moved: u128,
    /// The most that payouts may have taken which are in the chain at that block and of which nobody has told yet; none where
    /// there is no such payout.
    pub(crate) under_way: Option<u128>,
    /// Whether the address's key was used by somebody else.
    pub(crate) foreign: bool,
    /// What rounding fees up can have left here.
    pub(crate) rounding: u128,
    /// The fees since the last comparison that held.
    pub(crate) fees: u128,
    /// What they could have been more; none where nothing shows that no other transaction was made with the key.
    pub(crate) fees_more: Option<u128>,
    /// The difference before, where nothing since explains another one.
    pub(crate) before: Option<i128>,
    /// Whether the network stands still after a deep reorganisation.
    pub(crate) halted: bool,
}

/// What a reading comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// It cannot be said yet.
    Wait,
    /// It is as it should be.
    Holds,
    /// It is as it should be but for what rounding left.
    Rounded(i128),
    /// It is not as it should be.
    Differs {
        /// By how much.
        by: i128,
        /// What that seems to be.
        class: Class,
    },
}

/// Judges what was read. `last` says that there is no more time to wait for what is under way.
pub(crate) fn judge(facts: &Facts, observed: u128, last: bool) -> Judgement {
    let Some(by) = i128::try_from(observed).ok().and_then(|observed| observed.checked_sub(facts.expected)) else {
        return Judgement::Differs { by: i128::MAX, class: Class::RpcFault };
    };
    let differs = |class| Judgement::Differs { by, class };
    if facts.foreign {
        return differs(Class::UnknownOutflow);
    }
    if let Some(most) = facts.under_way.filter(|_| !planted::has(Bug::UnderWayIgnored)) {
        let missing = if by < 0 { by.unsigned_abs() } else { 0 };
        // More is gone than all of it together can have taken: no need to wait.
        if missing > most.saturating_add(facts.moved) {
            return differs(Class::UnknownOutflow);
        }
        return match (last, by) {
            (false, _) => Judgement::Wait,
            (true, 0) => Judgement::Holds,
            (true, _) => differs(Class::Timing),
        };
    }
    if facts.moved > 0 {
        // It was read somewhere between two blocks, and what is there is not the same at both.
        return match (last, by.unsigned_abs() <= facts.moved) {
            (false, _) => Judgement::Wait,
            (true, true) => differs(Class::Timing),
            (true, false) if by < 0 => differs(Class::UnknownOutflow),
            (true, false) => differs(Class::MissedDeposit),
        };
    }
    // What was too much and is gone was taken by somebody, also where nothing is missing by the books.
    if facts.before.is_some_and(|before| before > 0 && by < before && !planted::has(Bug::SurplusTaken)) {
        return differs(Class::UnknownOutflow);
    }
    if by == 0 {
        return Judgement::Holds;
    }
    if facts.halted {
        return differs(Class::Reorg);
    }
    if by > 0 {
        let more = by.unsigned_abs();
        return if more < facts.rounding {
            Judgement::Rounded(by)
        } else if more <= facts.fees {
            differs(Class::Fee)
        } else {
            differs(Class::MissedDeposit)
        };
    }
    // Every transaction of the key is one of ours: what is missing can only be what they cost.
    match facts.fees_more {
        Some(room) if by.unsigned_abs() <= room => differs(Class::Fee),
        Some(_) | None => differs(Class::UnknownOutflow),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUT: Class = Class::UnknownOutflow;

    fn differs(by: i128, class: Class) -> Judgement {
        Judgement::Differs { by, class }
    }

    /// Goal: each difference is of the class that what is known of the address makes it. Method: a table of facts and readings,
    /// each with its judgement before and after there is no more time.
    #[test]
    fn differences_have_their_class() {
        let base = Facts { expected: 1_000, ..Facts::default() };
        let paying = Facts { under_way: Some(300), ..base };
        let moving = Facts { moved: 50, ..base };
        let fees = Facts { fees: 40, rounding: 10, ..base };
        let proved = Facts { fees_more: Some(20), ..fees };
        let surplus = Facts { before: Some(100), ..base };
        for (name, facts, observed, now, last) in [
            ("as it should be", base, 1_000, Judgement::Holds, Judgement::Holds),
            ("one too few", base, 999, differs(-1, OUT), differs(-1, OUT)),
            ("one too many", base, 1_001, differs(1, Class::MissedDeposit), differs(1, Class::MissedDeposit)),
            ("a foreign nonce", Facts { foreign: true, ..base }, 1_000, differs(0, OUT), differs(0, OUT)),
            ("under way, gone", paying, 700, Judgement::Wait, differs(-300, Class::Timing)),
            ("under way, there", paying, 1_000, Judgement::Wait, Judgement::Holds),
            ("more gone than under way", paying, 699, differs(-301, OUT), differs(-301, OUT)),
            ("moving", moving, 1_050, Judgement::Wait, differs(50, Class::Timing)),
            ("more than moved", moving, 1_051, Judgement::Wait, differs(51, Class::MissedDeposit)),
            ("less than moved", moving, 949, Judgement::Wait, differs(-51, OUT)),
            ("rounding", fees, 1_009, Judgement::Rounded(9), Judgement::Rounded(9)),
            ("a fee told too high", fees, 1_010, differs(10, Class::Fee), differs(10, Class::Fee)),
            ("more than fees", fees, 1_041, differs(41, Class::MissedDeposit), differs(41, Class::MissedDeposit)),
            ("less, and no proof", fees, 999, differs(-1, OUT), differs(-1, OUT)),
            ("a fee told too low", proved, 980, differs(-20, Class::Fee), differs(-20, Class::Fee)),
            ("more than it can have cost", proved, 979, differs(-21, OUT), differs(-21, OUT)),
            (
                "the surplus is there",
                surplus,
                1_100,
                differs(100, Class::MissedDeposit),
                differs(100, Class::MissedDeposit),
            ),
            ("a part of it is gone", surplus, 1_099, differs(99, OUT), differs(99, OUT)),
            ("all of it is gone", surplus, 1_000, differs(0, OUT), differs(0, OUT)),
            ("halted", Facts { halted: true, ..base }, 900, differs(-100, Class::Reorg), differs(-100, Class::Reorg)),
            (
                "no balance at all",
                base,
                u128::MAX,
                differs(i128::MAX, Class::RpcFault),
                differs(i128::MAX, Class::RpcFault),
            ),
        ] {
            assert_eq!(judge(&facts, observed, false), now, "{name}");
            assert_eq!(judge(&facts, observed, true), last, "{name}, at last");
        }
    }
}
