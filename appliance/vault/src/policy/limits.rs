//! The parts of the judgement that look at what was signed before: at most one effect of a payment, and so much in a time.

use exchequer_chains::{Coin, EffectKind, Effects, Exclusion};
use exchequer_domain::{ChainAddress, Family};

use super::judge::{Judge, Ruled, refuse};
use super::request::Intent;
use super::verdict::{Code, Verdict};
use crate::record::{Outflow, Paid};

/// How far below or above the highest nonce that was signed one may be that never was.
pub const NONCE_WINDOW: u64 = 1_024;
/// How long a TRON transaction may be able to come, by the signer's clock, in milliseconds: as long its payment is stuck.
pub const EXPIRY_AHEAD_MS_MAX: u64 = 420_000;
const HOUR_US: u64 = 3_600_000_000;
const DAY_US: u64 = 24 * HOUR_US;

impl Judge<'_> {
    /// At most one of all attempts at a payment can ever take effect, and a nonce serves one payment.
    pub(super) fn exclusive(&self, payments: &[Paid]) -> Ruled<()> {
        let exclusion = &self.asked.effects.exclusion;
        for paid in payments {
            if self.known.is_over(paid.id) {
                return refuse(Code::PaymentOver, format!("payment {} is over", paid.id));
            }
            let before = self.known.any_attempt(paid.id);
            let before = before.and_then(|attempt| attempt.payments.iter().find(|other| other.id == paid.id));
            if before.is_some_and(|before| before.what != paid.what) {
                return refuse(Code::PaymentChanged, format!("payment {} was another one before", paid.id));
            }
            let mut others = self.known.live_attempts(paid.id).filter(|attempt| attempt.body != self.asked.body);
            if others.any(|attempt| !exclusion.excludes(&attempt.exclusion)) {
                let why = "an earlier attempt could take effect beside this one";
                return refuse(Code::NotExclusive, format!("payment {}: {why}", paid.id));
            }
        }
        let mut sharing = self.known.excluded(exclusion);
        sharing.retain(|attempt| attempt.body != self.asked.body);
        match exclusion {
            Exclusion::Nonce { chain_id, account, nonce } => {
                let noop = self.asked.request.intent == Intent::Noop;
                let ids = |paid: &[Paid]| paid.iter().map(|paid| paid.id).collect::<Vec<_>>();
                let others = sharing.iter().filter(|attempt| !attempt.noop);
                let same = others.clone().all(|attempt| ids(&attempt.payments) == ids(payments));
                if !noop && !sharing.is_empty() && (!same || others.count() == 0) {
                    return refuse(
                        Code::NonceTaken,
                        format!("nonce {nonce} of {account} was signed for something else"),
                    );
                }
                let highest = self.known.highest_nonce(*chain_id, account.as_str());
                if sharing.is_empty() && highest.is_some_and(|highest| nonce.saturating_add(NONCE_WINDOW) < highest) {
                    return refuse(Code::NonceOld, format!("nonce {nonce} of {account} is far below what was signed"));
                }
                // It would wait for a gap that nobody fills, and push the window away from the nonces that are next.
                if highest.is_some_and(|highest| *nonce > highest.saturating_add(NONCE_WINDOW)) {
                    return refuse(Code::NonceFar, format!("nonce {nonce} of {account} is far above what was signed"));
                }
                Ok(())
            }
            Exclusion::Inputs(_) => {
                if sharing.iter().any(|attempt| exclusion.contradicts(&attempt.exclusion)) {
                    return refuse(Code::AmountChanged, "one of its coins was of another amount or address before");
                }
                Ok(())
            }
            Exclusion::Expiry { expires_ms, .. } => {
                let ahead_ms = expires_ms.saturating_sub(self.now.millis());
                if ahead_ms > EXPIRY_AHEAD_MS_MAX {
                    return refuse(Code::ExpiryFar, format!("it could come for {ahead_ms} milliseconds more"));
                }
                Ok(())
            }
        }
    }

    /// What leaves, and that it is not too much. What earlier attempts at the same payments count is not counted again.
    pub(super) fn velocity(&self, payments: &[Paid]) -> Ruled<Vec<Outflow>> {
        let wallet = wallet(&self.asked.effects, self.asked.request.generation);
        if let Some(until) = self.known.uncountable_until(self.network).filter(|until| self.now < *until) {
            let why = format!(
                "what {} paid within a day is not known before {until}: a signature was not read",
                self.network
            );
            return refuse(Code::VelocityDay, why);
        }
        let mut outflow = totals(&self.asked.effects, &self.asked.request.intent);
        for Outflow { coin, total, counted } in &mut outflow {
            let limits = self.listed(coin)?;
            *counted = self.known.uncounted(&self.asked.body, payments, coin, *total);
            let spans = [
                (Code::VelocityHour, HOUR_US, limits.hour_max.0, "an hour"),
                (Code::VelocityDay, DAY_US, limits.day_max.0, "a day"),
            ];
            let so_far = |span_us| self.known.counted(&wallet, coin, self.now, span_us, &self.asked.body);
            // Whoever pays several at once may pay fewer of them now.
            let refuse = |code: Code, why: String| {
                let rooms = spans.iter().map(|(_, span_us, max, _)| max.saturating_sub(so_far(*span_us)));
                Err(Verdict { room: rooms.min(), ..Verdict::refuse(code, why) })
            };
            for (code, span_us, max, word) in spans {
                if *counted > max {
                    let why = format!("{counted} at once is more than the {max} that {wallet} may pay within {word}");
                    return refuse(Code::OverVelocity, why);
                }
                let so_far = so_far(span_us);
                if *counted > 0 && so_far.saturating_add(*counted) > max {
                    let why = format!("{wallet} paid {so_far} within {word}; {counted} more would exceed {max}");
                    return refuse(code, why);
                }
            }
        }
        Ok(outflow)
    }
}

/// Which wallet's velocity a transaction counts in.
pub(super) fn wallet(effects: &Effects, generation: u32) -> String {
    match effects.network.family() {
        // Coins of many addresses are one wallet.
        Family::Bitcoin => format!("{}/{generation}", effects.network),
        Family::Evm | Family::Tron => {
            let from = effects.from.first().map_or("", ChainAddress::as_str);
            format!("{}/{from}", effects.network)
        }
    }
}

/// What a transaction can take away at most, by coin, fee included; nothing of it counted yet.
pub(super) fn totals(effects: &Effects, intent: &Intent) -> Vec<Outflow> {
    let mut totals = vec![Outflow { coin: Coin::Native, total: effects.fee_max, counted: 0 }];
    let mut add = |coin: &Coin, amount: u128| match totals.iter_mut().find(|known| known.coin == *coin) {
        Some(known) => known.total = known.total.saturating_add(amount),
        None => totals.push(Outflow { coin: coin.clone(), total: amount, counted: 0 }),
    };
    match intent {
        Intent::Withdrawal(_) | Intent::TopUp { .. } => {
            effects.payments.iter().for_each(|payment| add(&payment.coin, payment.amount));
        }
        Intent::Freeze { .. } => {
            if let EffectKind::Freeze { amount, .. } = &effects.kind {
                add(&Coin::Native, *amount);
            }
        }
        // To pinned destinations and to ourselves: only the fee is lost.
        Intent::Sweep { .. }
        | Intent::Noop
        | Intent::Delegate { .. }
        | Intent::Undelegate { .. }
        | Intent::Unfreeze { .. }
        | Intent::Collect { .. } => {}
    }
    totals
}

/// Whether two transactions take the same away at most, coin by coin.
pub(super) fn same_totals(one: &[Outflow], other: &[Outflow]) -> bool {
    let total = |outflow: &Outflow| (outflow.coin.clone(), outflow.total);
    one.iter().map(total).eq(other.iter().map(total))
}
