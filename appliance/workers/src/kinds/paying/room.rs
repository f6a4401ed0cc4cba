//! What a wallet's hour and day have room for, where the signer refused a transaction that pays several at once as too much.
//!
//! Such a transaction is given up in the log before anything else is decided of those it was to pay ([`Signer::give_up`]): nobody signed
//! it, and nobody will. What is remembered here of its refusal only keeps the next transaction small; where it is forgotten, that one is
//! refused in its turn.
//!
//! [`Signer::give_up`]: crate::money::signer::Signer::give_up

use std::time::Duration;

use tokio::time::Instant;

use super::{Desk, Round};
use crate::money::proto::Payout;

/// How long what a signer said counts: room comes as time goes by.
const KEPT: Duration = Duration::from_secs(60);
/// Wallets of which is remembered what they have room for.
const WALLETS_MAX: usize = 1_000;

/// What the next transaction of a wallet may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// What it takes away at most, its fee included, in smallest units.
    pub amount: u128,
    /// It pays fewer than this, so that each try is smaller than the one before, whatever a signer says.
    pub fewer_than: usize,
}

impl Room {
    /// How many of these amounts there is room for, from the first on, without a fee: one at least, which says by itself whether it
    /// waits.
    #[must_use]
    pub fn count(&self, amounts: impl IntoIterator<Item = u128>) -> usize {
        let mut sum = 0_u128;
        let fits = amounts.into_iter().take_while(|amount| {
            sum = sum.saturating_add(*amount);
            sum <= self.amount
        });
        fits.count().min(self.fewer_than.saturating_sub(1)).max(1)
    }
}

/// Whether fewer can be paid by another transaction in its place: it pays several, and nobody has signed an attempt of it.
pub(super) fn may_be_cut(payout: &Payout) -> bool {
    let unsigned = payout.attempts.iter().all(|attempt| attempt.tx.is_empty());
    payout.stage == "preparing" && payout.withdrawals.len() > 1 && unsigned
}

/// Whether a transaction of this wallet waits for its signature. What is decided beside it would only wait as well: what the signer
/// lacks, or has no room for, is the same.
#[must_use]
pub fn waits_for_signature(round: &Round, wallet: u32) -> bool {
    let own =
        round.due.payouts.iter().filter(|payout| payout.payer.as_ref().is_some_and(|payer| payer.wallet == wallet));
    own.filter(|payout| !payout.withdrawals.is_empty()).any(|payout| payout.stage == "preparing")
}

impl Desk {
    /// What a signer said there is room for, when it refused this payout, which was given up.
    pub(super) fn note_room(&self, payout: &Payout, amount: u128) {
        let Some(payer) = payout.payer.as_ref() else { return };
        let mut rooms = self.rooms.lock();
        rooms.retain(|_, (_, at)| at.elapsed() < KEPT);
        if rooms.len() < WALLETS_MAX {
            rooms.insert(payer.wallet, (Room { amount, fewer_than: payout.withdrawals.len() }, Instant::now()));
        }
    }

    /// What a wallet's next transaction may be; none where nothing is known to bound it.
    #[must_use]
    pub fn room(&self, wallet: u32) -> Option<Room> {
        let rooms = self.rooms.lock();
        rooms.get(&wallet).filter(|(_, at)| at.elapsed() < KEPT).map(|(room, _)| *room)
    }

    /// A transaction of a wallet was decided: what there was room for is not any more.
    pub fn used_room(&self, wallet: u32) {
        self.rooms.lock().remove(&wallet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: as many as there is room for, from the first on, fewer than were refused, and never nobody. Method: a table.
    #[test]
    fn rooms_count() {
        for (amount, fewer_than, expected) in
            [(60, 9, 3), (59, 9, 2), (60, 3, 2), (9, 9, 1), (0, 2, 1), (u128::MAX, 9, 4), (60, 0, 1)]
        {
            assert_eq!(Room { amount, fewer_than }.count([10, 20, 30, u128::MAX]), expected, "{amount} {fewer_than}");
        }
    }
}
