//! What the memory's frames say, in the forms in which it is looked up.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use exchequer_chains::{Coin, Exclusion};
use exchequer_domain::{OutPoint, Timestamp};

use super::{
    BodyHash, CONFLICT_CONFIRMATIONS_MIN, Committed, Death, EXPIRY_MARGIN_MS, Frame, MemoryError, Paid, PaymentId,
    SigningRecord,
};
use crate::secret::Key32;

/// The longest span that velocity looks back, in microseconds.
const DAY_US: u64 = 86_400_000_000;

/// What may be excluded by nonces and inputs, by its name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Slot {
    Nonce(u64, Box<str>, u64),
    Input(OutPoint),
}

fn slots(exclusion: &Exclusion) -> Vec<Slot> {
    match exclusion {
        Exclusion::Nonce { chain_id, account, nonce } => vec![Slot::Nonce(*chain_id, account.as_str().into(), *nonce)],
        Exclusion::Inputs(inputs) => inputs.iter().map(|input| Slot::Input(input.outpoint)).collect(),
        Exclusion::Expiry { .. } => Vec::new(),
    }
}

/// What the frames say.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) epoch: u64,
    pub(crate) followed: u64,
    pub(crate) policy: u64,
    pub(super) attempts: HashMap<BodyHash, SigningRecord>,
    by_payment: HashMap<PaymentId, Vec<BodyHash>>,
    by_slot: HashMap<Slot, Vec<BodyHash>>,
    highest_nonce: HashMap<(u64, Box<str>), u64>,
    /// Those of the attempts that were signed; the others were decided only.
    pub(super) signed: BTreeSet<BodyHash>,
    dead: BTreeSet<BodyHash>,
    over: BTreeSet<PaymentId>,
    /// What counts against velocity, by wallet and coin, by time.
    counted: BTreeMap<(String, Coin), BTreeMap<(Timestamp, BodyHash), u128>>,
    latest: Timestamp,
}

impl Known {
    pub(crate) fn attempt(&self, body: &BodyHash) -> Option<&SigningRecord> {
        self.attempts.get(body)
    }

    /// Whether an attempt was signed, as far as this signer knows.
    pub(crate) fn is_signed(&self, body: &BodyHash) -> bool {
        self.signed.contains(body)
    }

    /// Attempts at a payment that can still take effect, or have.
    pub(crate) fn live_attempts(&self, payment: PaymentId) -> impl Iterator<Item = &SigningRecord> {
        let bodies = self.by_payment.get(&payment).into_iter().flatten();
        bodies.filter(|body| !self.dead.contains(*body)).filter_map(|body| self.attempts.get(body))
    }

    /// Any attempt at a payment, dead ones too.
    pub(crate) fn any_attempt(&self, payment: PaymentId) -> Option<&SigningRecord> {
        self.by_payment.get(&payment)?.first().and_then(|body| self.attempts.get(body))
    }

    /// Attempts that share a nonce or an input with `exclusion`, each once.
    pub(crate) fn excluded(&self, exclusion: &Exclusion) -> Vec<&SigningRecord> {
        let bodies: BTreeSet<&BodyHash> =
            slots(exclusion).iter().filter_map(|slot| self.by_slot.get(slot)).flatten().collect();
        bodies.into_iter().filter_map(|body| self.attempts.get(body)).collect()
    }

    /// The highest nonce that was signed for an account.
    pub(crate) fn highest_nonce(&self, chain_id: u64, account: &str) -> Option<u64> {
        self.highest_nonce.get(&(chain_id, account.into())).copied()
    }

    pub(crate) fn is_over(&self, payment: PaymentId) -> bool {
        self.over.contains(&payment)
    }

    /// What counted in a wallet within `span_us` before `now`, but for one attempt.
    pub(crate) fn counted(&self, wallet: &str, coin: &Coin, now: Timestamp, span_us: u64, but: &BodyHash) -> u128 {
        let from = (Timestamp(now.0.saturating_sub(span_us).saturating_add(1)), [0; 32]);
        let Some(entries) = self.counted.get(&(wallet.to_owned(), coin.clone())) else { return 0 };
        let others = entries.range(from..).filter(|((_, body), _)| body != but);
        others.fold(0u128, |sum, (_, amount)| sum.saturating_add(*amount))
    }

    /// The part of what an attempt takes away that no earlier attempt counts for which it stands in: one all of whose payments
    /// it makes. Attempts at one payment exclude each other, so that two which can both happen never stand in for the same one.
    /// That an attempt is excluded would not do: two that spend one coin each both exclude one that spends both coins.
    pub(crate) fn uncounted(&self, body: &BodyHash, payments: &[Paid], coin: &Coin, total: u128) -> u128 {
        let makes = |paid: &Paid| payments.iter().any(|mine| mine.id == paid.id);
        let bodies: BTreeSet<&BodyHash> =
            payments.iter().filter_map(|paid| self.by_payment.get(&paid.id)).flatten().collect();
        let earlier = bodies.into_iter().filter(|other| *other != body).filter_map(|other| self.attempts.get(other));
        let replaced =
            earlier.filter(|attempt| !self.dead.contains(&attempt.body) && attempt.payments.iter().all(makes));
        let outflow = replaced.flat_map(|attempt| &attempt.outflow).filter(|outflow| outflow.coin == *coin);
        total.saturating_sub(outflow.fold(0u128, |sum, outflow| sum.saturating_add(outflow.counted)))
    }

    /// The later of a clock and everything remembered: a clock that was set back opens no window again.
    pub(crate) fn no_earlier(&self, now: Timestamp) -> Timestamp {
        now.max(self.latest)
    }

    fn learn(&mut self, mut record: SigningRecord, signed: bool) {
        if signed {
            self.signed.insert(record.body);
        }
        if self.attempts.contains_key(&record.body) {
            return;
        }
        self.epoch = self.epoch.max(record.epoch);
        self.latest = self.latest.max(record.at);
        if !signed {
            for index in 0..record.outflow.len() {
                let outflow = &record.outflow[index];
                record.outflow[index].counted =
                    self.uncounted(&record.body, &record.payments, &outflow.coin, outflow.total);
            }
        }
        for paid in &record.payments {
            self.by_payment.entry(paid.id).or_default().push(record.body);
        }
        for slot in slots(&record.exclusion) {
            if let Slot::Nonce(chain, account, nonce) = &slot {
                let highest = self.highest_nonce.entry((*chain, account.clone())).or_default();
                *highest = (*highest).max(*nonce);
            }
            self.by_slot.entry(slot).or_default().push(record.body);
        }
        for outflow in record.outflow.iter().filter(|outflow| outflow.counted > 0) {
            let entries = self.counted.entry((record.wallet.clone(), outflow.coin.clone())).or_default();
            entries.insert((record.at, record.body), outflow.counted);
            // Twice the span: the clock of another signer may be behind.
            let old = (Timestamp(self.latest.0.saturating_sub(2 * DAY_US)), [0; 32]);
            *entries = entries.split_off(&old);
        }
        self.attempts.insert(record.body, record);
    }

    /// Whether a proof is one. TRON's holds by the signer's own clock too, since nothing else excludes the two.
    pub(super) fn check_death(&self, body: &BodyHash, death: &Death, now: Timestamp) -> Result<(), MemoryError> {
        let attempt = self.attempts.get(body).ok_or(MemoryError::Proof("the attempt is not known"))?;
        match (death, &attempt.exclusion) {
            (Death::Expired { solid_ms, endpoints }, Exclusion::Expiry { expires_ms, .. }) => {
                let distinct: BTreeSet<&String> = endpoints.iter().collect();
                if distinct.len() < 2 {
                    return Err(MemoryError::Proof("fewer than two endpoints were asked"));
                }
                if solid_ms <= expires_ms {
                    return Err(MemoryError::Proof("its last moment is not over on the solid chain"));
                }
                if now.millis() <= expires_ms.saturating_add(EXPIRY_MARGIN_MS) {
                    return Err(MemoryError::Proof("its last moment is not over by the signer's clock"));
                }
                Ok(())
            }
            (Death::Displaced { by }, Exclusion::Nonce { .. } | Exclusion::Inputs(_)) => {
                let other = self.attempts.get(by).ok_or(MemoryError::Proof("what displaced it is not known"))?;
                if other.body == *body || !other.exclusion.excludes(&attempt.exclusion) {
                    return Err(MemoryError::Proof("what displaced it does not exclude it"));
                }
                let same = |paid: &Paid| attempt.payments.iter().any(|mine| mine.id == paid.id);
                if other.payments.iter().any(same) {
                    return Err(MemoryError::Proof("what displaced it makes the same payment"));
                }
                Ok(())
            }
            (Death::NeverSigned, _) if self.signed.contains(body) => Err(MemoryError::Proof("it was signed")),
            (Death::NeverSigned, _) => Ok(()),
            (Death::NonceUsed { next }, Exclusion::Nonce { nonce, .. }) if next > nonce => Ok(()),
            (Death::Conflict { coin, confirmations }, Exclusion::Inputs(inputs))
                if *confirmations >= CONFLICT_CONFIRMATIONS_MIN
                    && inputs.iter().any(|input| input.outpoint == *coin) =>
            {
                Ok(())
            }
            (Death::NonceUsed { .. } | Death::Conflict { .. }, _) => {
                Err(MemoryError::Proof("it does not use that, or that is not final"))
            }
            (Death::Expired { .. } | Death::Displaced { .. }, _) => {
                Err(MemoryError::Proof("this kind of transaction does not end that way"))
            }
        }
    }

    pub(super) fn take(&mut self, frame: Frame, key: &Key32) -> Result<(), MemoryError> {
        match frame {
            Frame::Begun { .. } => {}
            Frame::Epoch(epoch) => self.epoch = self.epoch.max(epoch),
            Frame::Given(sealed) | Frame::Fed(Committed::Signed(sealed)) => {
                self.learn(SigningRecord::open(&sealed, key)?, true);
            }
            Frame::Decided(record) => self.learn(*record, false),
            // It is kept as a record, see `Memory::follow`.
            Frame::Fed(Committed::Decided(_)) => {}
            Frame::Fed(Committed::Dead { body, .. }) => {
                self.dead.insert(body);
            }
            Frame::Fed(Committed::Over(payment)) => {
                self.over.insert(payment);
            }
            Frame::Followed { to } => self.followed = to,
            Frame::Policy { version } => self.policy = self.policy.max(version),
        }
        Ok(())
    }
}
