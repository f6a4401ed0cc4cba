//! What counts against velocity.
//!
//! Invariants:
//! - What was signed counts, from its signature on, in full but for what an earlier attempt at its payments counts already.
//! - What was decided alone counts for whatever was decided later, and nothing any more once it was declared as never signed.

use std::collections::BTreeSet;

use exchequer_chains::Coin;
use exchequer_domain::Timestamp;

use super::known::{DAY_US, Known};
use super::{BodyHash, Paid, SigningRecord};

impl Known {
    /// What counted in a wallet within `span_us` before `now`, for one attempt that is to be signed: every other one that was signed,
    /// and of those that are only decided the earlier ones. Would later ones count, then several that are too much together would
    /// keep each other from being signed.
    pub(crate) fn counted(&self, wallet: &str, coin: &Coin, now: Timestamp, span_us: u64, of: &BodyHash) -> u128 {
        let from = (Timestamp(now.0.saturating_sub(span_us).saturating_add(1)), [0; 32]);
        let Some(entries) = self.counted.get(&(wallet.to_owned(), coin.clone())) else { return 0 };
        let place = |body: &BodyHash| self.order.get(body).copied().unwrap_or(u64::MAX);
        let before = |body: &BodyHash| self.is_signed(body) || place(body) < place(of);
        let others = entries.range(from..).filter(|((_, body), _)| body != of && before(body));
        others.fold(0u128, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// The part of what an attempt takes away that no earlier attempt counts for which it stands in: one all of whose payments
    /// it makes. Attempts at one payment exclude each other, so that two which can both happen never stand in for the same one.
    /// That an attempt is excluded would not do: two that spend one coin each both exclude one that spends both coins. Only what
    /// was signed stands in: what was decided is said by others, and would make room for what never was.
    pub(crate) fn uncounted(&self, body: &BodyHash, payments: &[Paid], coin: &Coin, total: u128) -> u128 {
        let makes = |paid: &Paid| payments.iter().any(|mine| mine.id == paid.id);
        let bodies: BTreeSet<&BodyHash> =
            payments.iter().filter_map(|paid| self.by_payment.get(&paid.id)).flatten().collect();
        let earlier = bodies.into_iter().filter(|other| *other != body).filter_map(|other| self.attempts.get(other));
        let stands_in = |attempt: &&SigningRecord| self.is_vouched(&attempt.body) && !self.is_dead(&attempt.body);
        let replaced = earlier.filter(stands_in).filter(|attempt| attempt.payments.iter().all(makes));
        let outflow = replaced.flat_map(|attempt| &attempt.outflow).filter(|outflow| outflow.coin == *coin);
        total.saturating_sub(outflow.fold(0u128, |sum, outflow| sum.saturating_add(outflow.counted)))
    }

    /// Makes an attempt count.
    pub(super) fn count(&mut self, record: &SigningRecord) {
        // What was given up counts nothing, whenever it is heard of.
        if self.given_up.contains(&record.body) {
            return;
        }
        for outflow in record.outflow.iter().filter(|outflow| outflow.counted > 0) {
            let entries = self.counted.entry((record.wallet.clone(), outflow.coin.clone())).or_default();
            entries.insert((record.at, record.body), outflow.counted);
            // Twice the span: the clock of another signer may be behind.
            let old = (Timestamp(self.latest.0.saturating_sub(2 * DAY_US)), [0; 32]);
            *entries = entries.split_off(&old);
        }
    }

    /// Takes an attempt out of what counts against velocity.
    pub(super) fn uncount(&mut self, attempt: &SigningRecord) {
        for outflow in &attempt.outflow {
            if let Some(entries) = self.counted.get_mut(&(attempt.wallet.clone(), outflow.coin.clone())) {
                entries.remove(&(attempt.at, attempt.body));
            }
        }
    }
}
