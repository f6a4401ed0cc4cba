//! Which of many payouts a worker is told of at a time: a window that moves by itself.
//!
//! Invariants:
//! - Payouts come in their order, class by class, and those of one class take no place of another's: what is to be signed or sent
//!   is not kept back by what waits for the chain or for people, nor the other way round.
//! - Whoever asks again behind the last one that was told, as long as there are more, and from the beginning then, is told of every
//!   one, also where none of the first ones ever ends.

use exchequer_state::withdrawals::{Payout, PayoutId, Stage};

/// Payouts and withdrawals of theirs of one class in one answer.
const TOLD_MAX: usize = 2_000;

/// What is to be done about a payout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// It is to be signed, or sent.
    ToDo,
    /// It may be on its way, or waits for people.
    Waiting,
    /// It is in a block.
    Mined,
}

impl Class {
    /// Of a payout that is not over.
    pub(super) const fn of(stage: Stage) -> Class {
        match stage {
            Stage::Preparing | Stage::Signed | Stage::Replacing => Class::ToDo,
            Stage::Mined => Class::Mined,
            Stage::Broadcast | Stage::Stuck | Stage::Unknown | Stage::Review => Class::Waiting,
            // None of an open payout's.
            Stage::Confirming
            | Stage::Screening
            | Stage::AwaitingApproval
            | Stage::Approved
            | Stage::Queued
            | Stage::Completed
            | Stage::Cancelled
            | Stage::Rejected
            | Stage::Expired
            | Stage::Failed
            | Stage::Reverted => Class::Waiting,
        }
    }
}

/// What is told of one class.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    class: Class,
    after: PayoutId,
    most: usize,
    payouts: usize,
    told: usize,
    /// Whether there are further ones behind those that were told.
    pub(super) more: bool,
}

impl Page {
    /// A page of a class behind a payout; of at most so many payouts.
    pub(super) const fn new(class: Class, after: u64, most: usize) -> Page {
        Page { class, after: PayoutId(after), most, payouts: 0, told: 0, more: false }
    }

    /// Whether a payout of this stage is of this page, and there is room for it. A batch of a hundred withdrawals is as long as
    /// many payouts.
    pub(super) fn takes(&mut self, payout: &Payout) -> bool {
        if Class::of(payout.stage()) != self.class || payout.id <= self.after {
            return false;
        }
        if self.more || self.payouts >= self.most || self.told >= TOLD_MAX {
            self.more = true;
            return false;
        }
        self.payouts += 1;
        self.told += 1 + payout.withdrawals.len();
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use exchequer_domain::{Network, Timestamp};
    use exchequer_state::custody::WalletId;
    use exchequer_state::withdrawals::{Errand, Payer, PayoutStanding, WithdrawalId};

    use super::*;

    const PAYOUTS: u64 = 10_000;

    fn payout(id: u64) -> Payout {
        Payout {
            id: PayoutId(id),
            network: Network::Ethereum,
            payer: Payer { wallet: WalletId(1), index: 0 },
            errand: Errand::Withdrawals,
            withdrawals: vec![WithdrawalId(id)],
            attempts: Vec::new(),
            gas: None,
            moving: None,
            wants_noop: false,
            created: Timestamp(0),
            moved: Timestamp(0),
            standing: PayoutStanding::Preparing,
            denied: None,
        }
    }

    /// What an answer tells of both classes behind two payouts.
    fn told(open: &BTreeMap<u64, Payout>, after: [u64; 2]) -> ([Vec<u64>; 2], [bool; 2]) {
        let mut pages = [Page::new(Class::ToDo, after[0], usize::MAX), Page::new(Class::Waiting, after[1], usize::MAX)];
        let mut told = [Vec::new(), Vec::new()];
        for one in open.values() {
            for (page, told) in pages.iter_mut().zip(&mut told) {
                if page.takes(one) {
                    told.push(one.id.0);
                }
            }
        }
        (told, pages.map(|page| page.more))
    }

    /// Goal: of 10,000 payouts that wait at once every one is told, those that came first first, however few an answer has, and also
    /// where a third of them never ends; what waits for people takes no place of what is to be sent. Method: a worker that sends
    /// what it is told to do and ends what it is told of but for every third one, with a cursor for each class.
    #[test]
    fn ten_thousand_are_told_in_their_order() {
        let mut open: BTreeMap<u64, Payout> = (1..=PAYOUTS).map(|id| (id, payout(id))).collect();
        let (mut sent, mut met, mut after) = (Vec::new(), BTreeSet::new(), [0, 0]);
        for _ in 0..40 {
            let (told, more) = told(&open, after);
            for (class, told) in told.iter().enumerate() {
                assert!(told.len() <= TOLD_MAX && told.is_sorted());
                after[class] = told.last().copied().filter(|_| more[class]).unwrap_or(0);
            }
            for id in &told[0] {
                sent.push(*id);
                if let Some(one) = open.get_mut(id) {
                    one.standing = PayoutStanding::Broadcast;
                }
            }
            for id in &told[1] {
                met.insert(*id);
                match open.get_mut(id) {
                    Some(one) if id % 3 == 0 => one.standing = PayoutStanding::Review { why: String::new() },
                    Some(_) | None => drop(open.remove(id)),
                }
            }
        }
        assert_eq!(sent, (1..=PAYOUTS).collect::<Vec<u64>>());
        assert_eq!(met.len() as u64, PAYOUTS);
        assert_eq!(open.len() as u64, PAYOUTS / 3, "and those that people must decide are told again and again");
    }
}
