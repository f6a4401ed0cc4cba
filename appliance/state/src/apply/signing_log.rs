//! What signers follow: entries of the signing log, each written with what it is about.

use super::Entry;
use crate::codec;
use crate::rows::{Edit, Family};
use crate::withdrawals::{Death, Head, Logged, Payout, Place, SigningEntry, record_key};

impl Entry<'_> {
    /// Writes the next entry of the signing log; gives its place.
    pub(super) fn log_for_signers(&mut self, entry: SigningEntry) -> Place {
        let head = self.state.withdrawals.head;
        let place = Place::next(head.signing_place, self.at.index);
        let epoch = self.state.epoch.map_or(0, |epoch| epoch.index);
        let number = head.records + 1;
        let row = Logged { number, place, index: self.at.index, at: self.now, epoch, entry };
        self.change(Family::History, record_key(place), Edit::Put(codec::encode(&row)));
        self.put_withdrawals_head(Head { records: number, signing_place: place, ..head });
        place
    }

    /// Tells signers that no attempt of a payout can take effect any more; of those that were told dead before, nothing new.
    pub(super) fn log_deaths(&mut self, payout: &Payout, proof: &Death) {
        let proof = self.read_through(payout, proof);
        for attempt in payout.attempts.iter().filter(|attempt| !attempt.dead) {
            self.log_for_signers(SigningEntry::Dead {
                payout: payout.id,
                attempt: attempt.number,
                digest: attempt.digest,
                death: proof.of_attempt(attempt),
            });
        }
    }
}
