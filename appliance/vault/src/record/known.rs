//! What the memory's frames say, in the forms in which it is looked up.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use exchequer_chains::{Coin, Exclusion};
use exchequer_domain::{Network, OutPoint, Timestamp, TxId};

use super::{
    BUILT_UPON_MAX, BodyHash, CLOCK_SKEW_US_MAX, CONFLICT_CONFIRMATIONS_MIN, Claimed, Committed, Death,
    EXPIRY_MARGIN_MS, Frame, MemoryError, Paid, PaymentId, SigningRecord, Told,
};
use crate::secret::Key32;

/// The longest span that velocity looks back, in microseconds.
pub(super) const DAY_US: u64 = 86_400_000_000;

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

fn claimed(claims: &[Claimed]) -> impl Iterator<Item = Slot> + '_ {
    claims.iter().map(|claim| match claim {
        Claimed::Nonce { chain_id, account, nonce } => Slot::Nonce(*chain_id, account.as_str().into(), *nonce),
        Claimed::Coin(coin) => Slot::Input(*coin),
    })
}

/// The coins that an exclusion is by.
fn spent(exclusion: &Exclusion) -> impl Iterator<Item = OutPoint> + '_ {
    let inputs = match exclusion {
        Exclusion::Inputs(inputs) => inputs.as_slice(),
        Exclusion::Nonce { .. } | Exclusion::Expiry { .. } => &[],
    };
    inputs.iter().map(|input| input.outpoint)
}

/// The last moment of a transaction that ends by time, where the chain's time is beyond it at two endpoints.
fn expired(attempt: &SigningRecord, death: &Death) -> Option<u64> {
    let (Death::Expired { solid_ms, endpoints }, Exclusion::Expiry { expires_ms, .. }) = (death, &attempt.exclusion)
    else {
        return None;
    };
    let distinct: BTreeSet<&String> = endpoints.iter().collect();
    (distinct.len() >= 2 && solid_ms > expires_ms).then_some(*expires_ms)
}

/// What the frames say.
#[derive(Default)]
pub(crate) struct Known {
    pub(crate) epoch: u64,
    pub(crate) followed: u64,
    pub(crate) lineage: u64,
    pub(crate) policy: u64,
    by_tx: HashMap<TxId, BodyHash>,
    pub(super) attempts: HashMap<BodyHash, SigningRecord>,
    pub(super) by_payment: HashMap<PaymentId, Vec<BodyHash>>,
    by_slot: HashMap<Slot, Vec<BodyHash>>,
    highest_nonce: HashMap<(u64, Box<str>), u64>,
    /// Those of the attempts that were signed; the others were decided only.
    pub(super) signed: BTreeSet<BodyHash>,
    /// Those of the signed ones whose record this vault's key did not make: the log alone says so.
    pub(super) unread: BTreeSet<BodyHash>,
    /// Signatures of which no decision is known here: what they use up and pay is never signed again.
    pub(super) barred: BTreeMap<BodyHash, Told>,
    barred_slots: HashMap<Slot, BodyHash>,
    barred_payments: HashMap<PaymentId, BodyHash>,
    pub(super) dead: BTreeSet<BodyHash>,
    /// Declared as never signed: a claim that a signature refutes, and that forbids one here. Such an attempt counts nothing.
    pub(super) given_up: BTreeSet<BodyHash>,
    pub(super) over: BTreeSet<PaymentId>,
    /// What counts against velocity, by wallet and coin, by time.
    pub(super) counted: BTreeMap<(String, Coin), BTreeMap<(Timestamp, BodyHash), u128>>,
    /// The order in which attempts were first heard of: that of the log, for what it decided.
    pub(super) order: HashMap<BodyHash, u64>,
    pub(super) latest: Timestamp,
}

impl Known {
    pub(crate) fn attempt(&self, body: &BodyHash) -> Option<&SigningRecord> {
        self.attempts.get(body)
    }

    /// Whether an attempt was signed, as far as this signer knows.
    pub(crate) fn is_signed(&self, body: &BodyHash) -> bool {
        self.signed.contains(body) || self.barred.contains_key(body)
    }

    /// Whether an attempt was signed, and this vault's key says so.
    pub(crate) fn is_vouched(&self, body: &BodyHash) -> bool {
        self.signed.contains(body) && !self.unread.contains(body)
    }

    /// How many signatures the log says whose record could not be opened.
    pub(crate) fn unread(&self) -> u64 {
        (self.unread.len() + self.barred.len()) as u64
    }

    /// The signature of unknown bytes that uses up or pays some of the same, or is this very one.
    pub(crate) fn barring(&self, body: &BodyHash, exclusion: &Exclusion, payments: &[Paid]) -> Option<&Told> {
        let slots = slots(exclusion);
        let by_slot = slots.iter().find_map(|slot| self.barred_slots.get(slot));
        let by_payment = || payments.iter().find_map(|paid| self.barred_payments.get(&paid.id));
        let found = self.barred.get(body).map(|told| &told.body).or(by_slot).or_else(by_payment)?;
        self.barred.get(found)
    }

    /// Until when the velocity of a network's wallets is not known: a day after the last signature of unknown bytes.
    pub(crate) fn uncountable_until(&self, network: Network) -> Option<Timestamp> {
        let of = self.barred.values().filter(|told| told.network == network).map(|told| told.at.0);
        of.max().map(|at| Timestamp(at.saturating_add(DAY_US)))
    }

    /// Whether an attempt was declared dead: it is never signed again.
    pub(crate) fn is_dead(&self, body: &BodyHash) -> bool {
        self.dead.contains(body) || self.given_up.contains(body)
    }

    /// Attempts at a payment that were signed, by this vault's word, dead ones too.
    pub(crate) fn vouched_attempts(&self, payment: PaymentId) -> impl Iterator<Item = &SigningRecord> {
        let bodies = self.by_payment.get(&payment).into_iter().flatten();
        bodies.filter(|body| self.is_vouched(body)).filter_map(|body| self.attempts.get(body))
    }

    /// Attempts at a payment that can still take effect, or have.
    pub(crate) fn live_attempts(&self, payment: PaymentId) -> impl Iterator<Item = &SigningRecord> {
        let bodies = self.by_payment.get(&payment).into_iter().flatten();
        bodies.filter(|body| !self.is_dead(body)).filter_map(|body| self.attempts.get(body))
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

    /// The later of a clock and everything remembered: a clock that was set back opens no window again.
    pub(crate) fn no_earlier(&self, now: Timestamp) -> Timestamp {
        now.max(self.latest)
    }

    /// Takes an attempt out of every index, so that another record of it takes its place.
    fn forget(&mut self, body: &BodyHash) {
        let Some(old) = self.attempts.remove(body) else { return };
        for paid in &old.payments {
            self.by_payment.entry(paid.id).or_default().retain(|other| other != body);
        }
        for slot in slots(&old.exclusion) {
            self.by_slot.entry(slot).or_default().retain(|other| other != body);
        }
        self.uncount(&old);
    }

    /// Takes a signature by the log's word. Of an attempt that is known as decided it is remembered that it was signed, and it counts
    /// from the later of the two moments on; where the decision is not known either, everything that it touches is barred. What only
    /// the log says stands in for nothing else, keeps no approval alive, and displaces nothing that this vault vouches for.
    fn told(&mut self, told: Told) {
        if self.is_vouched(&told.body) {
            return;
        }
        if self.given_up.remove(&told.body) {
            tracing::error!(
                body = hex::encode(told.body),
                "declared as never signed, and the log says it was: it is alive"
            );
        }
        self.latest = self.latest.max(told.at);
        let Some(attempt) = self.attempts.get(&told.body) else {
            claimed(&told.claims).for_each(|slot| self.raise(&slot));
            self.barred_slots.extend(claimed(&told.claims).map(|slot| (slot, told.body)));
            self.barred_payments.extend(told.payments.iter().map(|payment| (*payment, told.body)));
            self.barred.insert(told.body, told);
            return;
        };
        let mut record = attempt.clone();
        if !self.unread.insert(told.body) {
            return;
        }
        self.signed.insert(told.body);
        slots(&record.exclusion).iter().for_each(|slot| self.raise(slot));
        self.forget(&told.body);
        record.at = record.at.max(told.at).max(Timestamp(self.latest.0.saturating_sub(CLOCK_SKEW_US_MAX)));
        self.index(record, false);
    }

    fn learn(&mut self, mut record: SigningRecord, signed: bool) {
        let before = self.is_vouched(&record.body);
        if before || !signed && self.attempts.contains_key(&record.body) {
            return;
        }
        if signed {
            self.signed.insert(record.body);
            self.unread.remove(&record.body);
            if self.given_up.remove(&record.body) {
                tracing::error!(body = hex::encode(record.body), "declared as never signed, and it was: it is alive");
            }
            // A signature says by this vault's key what it is for; a decision is only told.
            self.forget(&record.body);
        } else {
            // A decision of long ago would leave the windows of velocity empty.
            record.at = record.at.max(Timestamp(self.latest.0.saturating_sub(CLOCK_SKEW_US_MAX)));
        }
        if !signed {
            for index in 0..record.outflow.len() {
                let outflow = &record.outflow[index];
                record.outflow[index].counted =
                    self.uncounted(&record.body, &record.payments, &outflow.coin, outflow.total);
            }
        }
        self.index(record, signed);
    }

    /// A nonce was signed.
    fn raise(&mut self, slot: &Slot) {
        if let Slot::Nonce(chain, account, nonce) = slot {
            let highest = self.highest_nonce.entry((*chain, account.clone())).or_default();
            *highest = (*highest).max(*nonce);
        }
    }

    /// Puts an attempt into every index, as it is.
    fn index(&mut self, record: SigningRecord, signed: bool) {
        self.epoch = self.epoch.max(record.epoch);
        self.latest = self.latest.max(record.at);
        let next = self.order.len() as u64;
        self.order.entry(record.body).or_insert(next);
        for paid in &record.payments {
            self.by_payment.entry(paid.id).or_default().push(record.body);
        }
        for slot in slots(&record.exclusion) {
            if signed {
                self.raise(&slot);
            }
            self.by_slot.entry(slot).or_default().push(record.body);
        }
        if let Some(tx) = record.tx {
            self.by_tx.insert(tx, record.body);
        }
        self.count(&record);
        self.attempts.insert(record.body, record);
    }

    /// Whether a TRON transaction is over by the signer's own clock too, since nothing else excludes two of them. A feed that comes
    /// too early may come again; a proof that no time cures is none, and passed over.
    pub(super) fn check_expiry(&self, body: &BodyHash, death: &Death, now: Timestamp) -> Result<(), MemoryError> {
        // Of a network, perhaps, that this signer's policy does not have.
        let Some(attempt) = self.attempts.get(body) else { return Ok(()) };
        match expired(attempt, death) {
            Some(expires_ms) if now.millis() <= expires_ms.saturating_add(EXPIRY_MARGIN_MS) => {
                Err(MemoryError::Proof("its last moment is not over by the signer's clock"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether an attempt was signed that excludes this one and makes none of its payments: without one, whatever used the nonce
    /// or the coins may have made the payment. For what this vault vouches for, only what it vouches for is one.
    fn is_displaced(&self, attempt: &SigningRecord, by: impl Fn(&SigningRecord) -> bool) -> bool {
        let makes = |paid: &Paid| attempt.payments.iter().any(|mine| mine.id == paid.id);
        self.excluded(&attempt.exclusion).into_iter().any(|other| {
            other.body != attempt.body
                && self.is_signed(&other.body)
                && (self.is_vouched(&other.body) || !self.is_vouched(&attempt.body))
                && other.exclusion.excludes(&attempt.exclusion)
                && !other.payments.iter().any(makes)
                && by(other)
        })
    }

    /// Whether a coin of an attempt's is an output of one that is known here, and something was signed that takes the place of that one,
    /// or of what it is built on itself, and makes none of the attempt's payments.
    fn may_never_be(&self, attempt: &SigningRecord, coin: &OutPoint, more: u32) -> bool {
        let Some(more) = more.checked_sub(1) else { return false };
        let parent = self.by_tx.get(&coin.tx).and_then(|body| self.attempts.get(body));
        let Some(parent) = parent else { return false };
        let makes = |paid: &Paid| attempt.payments.iter().any(|mine| mine.id == paid.id);
        let displaced = self.excluded(&parent.exclusion).into_iter().any(|other| {
            other.body != parent.body
                && self.is_signed(&other.body)
                && (self.is_vouched(&other.body) || !self.is_vouched(&attempt.body))
                && !other.payments.iter().any(makes)
        });
        displaced || spent(&parent.exclusion).any(|outpoint| self.may_never_be(attempt, &outpoint, more))
    }

    /// Takes a death. One that is not proven is passed over and told: the attempt stays alive, so that no other payment is made
    /// for it, and the signer goes on.
    fn bury(&mut self, body: BodyHash, death: &Death) {
        let holds = match (death, self.attempts.get(&body)) {
            (Death::NeverSigned, _) => !self.is_signed(&body),
            (_, None) => false,
            // The clock was asked before the entry was written, see `check_expiry`.
            (Death::Expired { .. }, Some(attempt)) => expired(attempt, death).is_some(),
            (Death::Displaced { by }, Some(attempt)) => self.is_displaced(attempt, |other| other.body == *by),
            (Death::NonceUsed { next }, Some(attempt)) => {
                matches!(&attempt.exclusion, Exclusion::Nonce { nonce, .. } if next > nonce)
                    && self.is_displaced(attempt, |_| true)
            }
            (Death::Conflict { coin, confirmations }, Some(attempt)) => {
                let spends = |exclusion: &Exclusion| spent(exclusion).any(|outpoint| outpoint == *coin);
                *confirmations >= CONFLICT_CONFIRMATIONS_MIN
                    && spends(&attempt.exclusion)
                    && (self.is_displaced(attempt, |other| spends(&other.exclusion))
                        || self.may_never_be(attempt, coin, BUILT_UPON_MAX))
            }
        };
        match (holds, death) {
            (false, _) => {
                let body = hex::encode(body);
                tracing::error!(body, ?death, "an attempt is declared dead without proof: it stays alive here");
            }
            (true, Death::NeverSigned) => {
                self.given_up.insert(body);
                // Nothing leaves by it. A signature that refutes that counts, since it takes the attempt's place in every index.
                if let Some(attempt) = self.attempts.get(&body).cloned() {
                    self.uncount(&attempt);
                }
            }
            (true, _) => {
                self.dead.insert(body);
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
            Frame::Dated { record, by } => {
                let record = SigningRecord::open(&record, key)?;
                let at = record.at.min(by).max(Timestamp(self.latest.0.saturating_sub(CLOCK_SKEW_US_MAX)));
                self.learn(SigningRecord { at, ..record }, true);
            }
            Frame::Decided(record) => self.learn(*record, false),
            // It is kept as a record, see `Memory::follow`.
            Frame::Fed(Committed::Decided(_) | Committed::SignedAs { .. }) => {}
            Frame::Fed(Committed::Dead { body, death }) => self.bury(body, &death),
            Frame::Fed(Committed::Over(payment)) => {
                self.over.insert(payment);
            }
            Frame::Followed { to } => self.followed = to,
            Frame::Policy { version } => self.policy = self.policy.max(version),
            Frame::Lineage(lineage) => self.lineage = self.lineage.max(lineage),
            Frame::Told(told) => self.told(*told),
            Frame::Unread(body) => {
                self.signed.insert(body);
                self.unread.insert(body);
                let of = self.attempts.get(&body).map(|attempt| slots(&attempt.exclusion)).unwrap_or_default();
                of.iter().for_each(|slot| self.raise(slot));
            }
            Frame::Kept(record) => self.index(*record, false),
            Frame::Latest(at) => self.latest = self.latest.max(at),
            Frame::Buried(body) => {
                self.dead.insert(body);
            }
        }
        Ok(())
    }
}
