//! The parts of the judgement that look at what was signed before: at most one effect of a payment, and so much in a time.

use exchequer_chains::{Coin, EffectKind, Effects, Exclusion};
use exchequer_domain::{ChainAddress, Family};

use super::judge::{Judge, Ruled, refuse};
use super::request::Intent;
use super::verdict::Code;
use crate::record::{Outflow, Paid};

/// How far below the highest nonce that was signed one may be that never was.
pub const NONCE_WINDOW: u64 = 1_024;
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
                Ok(())
            }
            Exclusion::Inputs(inputs) => {
                for attempt in sharing {
                    let Exclusion::Inputs(before) = &attempt.exclusion else { continue };
                    for (input, other) in inputs.iter().flat_map(|input| before.iter().map(move |other| (input, other)))
                    {
                        if input.outpoint == other.outpoint && input != other {
                            let why = format!("{} was of another amount or address before", input.outpoint);
                            return refuse(Code::AmountChanged, why);
                        }
                    }
                }
                Ok(())
            }
            Exclusion::Expiry { .. } => Ok(()),
        }
    }

    /// What leaves, and that it is not too much. What earlier attempts at the same payments count is not counted again.
    pub(super) fn velocity(&self, payments: &[Paid]) -> Ruled<Vec<Outflow>> {
        let wallet = wallet(&self.asked.effects, self.asked.request.generation);
        let mut outflow = totals(&self.asked.effects, &self.asked.request.intent);
        for Outflow { coin, total, counted } in &mut outflow {
            let limits = self.listed(coin)?;
            *counted = self.known.uncounted(&self.asked.body, payments, coin, *total);
            for (code, span_us, max, word) in [
                (Code::VelocityHour, HOUR_US, limits.hour_max.0, "an hour"),
                (Code::VelocityDay, DAY_US, limits.day_max.0, "a day"),
            ] {
                let so_far = self.known.counted(&wallet, coin, self.now, span_us, &self.asked.body);
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
        Intent::Sweep { .. } | Intent::Noop | Intent::Delegate { .. } | Intent::Undelegate { .. } => {}
    }
    totals
}
