//! Proof that no attempt of a payout can be mined any more: what must be shown before its money may move otherwise.
//!
//! Invariant: each proof rests on a final block that a quorum has, and on all attempts being unknown to everybody whose chain
//! reaches that block. The state compares it with what it knows of the chain by itself.

use exchequer_chains::node::{Account, Fate};
use exchequer_chains::scan::Header;
use exchequer_domain::{Family, TxId};

use super::watch::live;
use super::{Desk, Round, Step, bitcoin, tron};
use crate::money::proto::{Payout, claim, step_payout, step_payout::Step as What};
use crate::money::words;

/// Another spender's confirmations that are final.
const CONFLICT_CONFIRMATIONS_MIN: u64 = 6;
/// How long after its end a TRON transaction is certainly over, in microseconds.
const EXPIRY_MARGIN_US: u64 = 60_000_000;
/// Endpoints that must not know a transaction that is over.
const ABSENT_ENDPOINTS_MIN: usize = 2;
/// What is not signed so shortly before its end is decided anew, in microseconds.
pub(super) const UNSIGNED_MARGIN_US: u64 = 20_000_000;

/// A proof, with what is said of each attempt.
enum Proof {
    NonceUsed(step_payout::NonceUsed),
    Conflicts(step_payout::Conflicts),
    Expired(step_payout::Expired),
}

impl Desk {
    /// Whether what was never signed cannot or must not be any more: it is given up, and what it pays is decided anew.
    pub(super) fn must_be_given_up(&self, round: &Round, payout: &Payout) -> bool {
        let Some(latest) = payout.attempts.last() else { return false };
        if payout.stage != "preparing" || payout.attempts.iter().any(|attempt| !attempt.tx.is_empty()) {
            return false;
        }
        let late = match latest.claim.as_ref().and_then(|claim| claim.claim.as_ref()) {
            Some(claim::Claim::Window(window)) => {
                window.expires_us <= round.due.now_us.saturating_add(UNSIGNED_MARGIN_US)
            }
            Some(claim::Claim::Nonce(_) | claim::Claim::Coins(_)) | None => false,
        };
        // Whoever was frozen meanwhile is not paid; those who were to be paid with them are. Nor does anything go where it may not.
        late || !(payout.may_pay || latest.noop)
    }

    /// The step that ends a payout, or begins it anew, where it is proved that no attempt of it can be mined.
    pub(super) async fn death(
        &self,
        round: &Round,
        payout: &Payout,
        last: Option<Header>,
    ) -> Result<Option<Step>, String> {
        let number = payout.attempts.last().map_or(0, |attempt| attempt.number);
        let Some(last) = last else { return Ok(None) };
        let proof = match self.network.family() {
            Family::Evm => self.nonce_used(round, payout).await?.map(Proof::NonceUsed),
            Family::Bitcoin => self.conflicts(round, payout).await?.map(Proof::Conflicts),
            Family::Tron => self.expired(round, payout, last).await?.map(Proof::Expired),
        };
        let Some(proof) = proof else { return Ok(None) };
        if let Proof::Expired(expired) = &proof
            && payout.may_send
            && payout.may_pay
            && !payout.wants_noop
            // Who is paid waits in the queue until a balance shows that nobody was; only what moves takes its place at once.
            && payout.withdrawals.is_empty()
            && let Some(draft) = tron::again(self, round, payout).await?
        {
            let proof = Some(step_payout::proof::Proof::Expired(expired.clone()));
            let proof = Some(step_payout::Proof { proof });
            let preparation = Some(draft.preparation(false));
            return Ok(Some((number, What::Replace(step_payout::Replace { preparation, proof }))));
        }
        let proof = match proof {
            Proof::NonceUsed(used) => step_payout::dead::Proof::NonceUsed(used),
            Proof::Conflicts(conflicts) => step_payout::dead::Proof::Conflicts(conflicts),
            Proof::Expired(expired) => step_payout::dead::Proof::Expired(expired),
        };
        // What a person wants ended is not decided anew.
        let requeue = !payout.wants_noop;
        Ok(Some((number, What::Dead(step_payout::Dead { proof: Some(proof), requeue }))))
    }

    /// Whether somebody else used the nonce, at a final block that the state knows as well.
    async fn nonce_used(&self, round: &Round, payout: &Payout) -> Result<Option<step_payout::NonceUsed>, String> {
        let Some((first, _)) = live(payout).next() else { return Ok(None) };
        let Some(claim::Claim::Nonce(nonce)) = first.claim.as_ref().and_then(|claim| claim.claim.clone()) else {
            return Ok(None);
        };
        let effects = self.unsigned_of(payout, first.number).await?.effects(&round.params);
        let effects = effects.map_err(|error| error.to_string())?;
        let from = effects.from.first().ok_or("it is nobody's")?.clone();
        let (answers, _) = round
            .panel
            .all(|node| {
                let from = from.clone();
                Box::pin(async move { node.account(&from).await })
            })
            .await;
        let past = answers.iter().filter_map(|(_, account)| match account {
            Account::Evm { finalized, .. } => finalized.filter(|next| *next > nonce),
            Account::Tron(_) => None,
        });
        let past: Vec<u64> = past.collect();
        if past.len() < round.panel.quorum() {
            self.used.lock().remove(&payout.id);
            return Ok(None);
        }
        // Asked for after the nonces: each of those who count has reached it, so that the nonce was used up to there.
        round.panel.refresh().await;
        let now = round.panel.agreed_final().await.map_err(|error| error.to_string())?.block;
        let at = *self.used.lock().entry(payout.id).or_insert(now);
        if at.height > round.due.settled {
            return Ok(None);
        }
        let same = round.panel.agreed_header(at.height).await.map_err(|error| error.to_string())?.block == at;
        if !same {
            self.used.lock().remove(&payout.id);
            return Ok(None);
        }
        let Some(absent) = self.absent(round, payout, at.height).await? else { return Ok(None) };
        let next = past.iter().copied().min().unwrap_or(0);
        Ok(Some(step_payout::NonceUsed { at: Some(words::of_block(at)), next, absent }))
    }

    /// The names of all attempts, where nobody knows any of them, up to a height.
    async fn absent(&self, round: &Round, payout: &Payout, reached: u64) -> Result<Option<Vec<Vec<u8>>>, String> {
        let txs: Vec<TxId> = live(payout).map(|(_, tx)| tx).collect();
        let asked: Vec<(TxId, u64)> = txs.iter().map(|tx| (*tx, reached)).collect();
        for fate in round.panel.agreed_fates(&asked).await {
            match fate {
                Ok(Fate::Unseen) => {}
                Ok(Fate::Pending | Fate::Included { .. }) => return Ok(None),
                Err(error) => return Err(error.to_string()),
            }
        }
        Ok(Some(txs.iter().map(|tx| tx.0.to_vec()).collect()))
    }

    /// Whether coins of every attempt were spent by others, deep enough.
    async fn conflicts(&self, round: &Round, payout: &Payout) -> Result<Option<step_payout::Conflicts>, String> {
        let coins = bitcoin::coins(self).await?;
        let own: Vec<TxId> = live(payout).map(|(_, tx)| tx).collect();
        let head = round.panel.best_head();
        let mut conflicts = Vec::new();
        for (attempt, _) in live(payout) {
            let Some(claim::Claim::Coins(claimed)) = attempt.claim.as_ref().and_then(|claim| claim.claim.as_ref())
            else {
                return Ok(None);
            };
            let spent = bitcoin::conflicting(&coins, &claimed.coins)
                .filter(|coin| (head + 1).saturating_sub(coin.spent_height) >= CONFLICT_CONFIRMATIONS_MIN);
            let mut found = None;
            for coin in spent {
                let by = words::tx(&coin.spent_by).map_err(|error| error.to_string())?;
                if own.contains(&by) {
                    return Ok(None);
                }
                let fate = round.panel.agreed_fate(by, coin.spent_height).await.map_err(|error| error.to_string())?;
                let there = matches!(fate, Fate::Included { block, .. } if block.height == coin.spent_height);
                if there {
                    let confirmations = u32::try_from((head + 1).saturating_sub(coin.spent_height)).unwrap_or(0);
                    let (outpoint, by) = (coin.outpoint.clone(), coin.spent_by.clone());
                    found = Some(step_payout::Conflict { coin: outpoint, by, confirmations });
                    break;
                }
            }
            match found {
                Some(conflict) => conflicts.push(conflict),
                None => return Ok(None),
            }
        }
        Ok((!conflicts.is_empty()).then_some(step_payout::Conflicts { conflicts }))
    }

    /// Whether the time of every attempt is over, at a final block that the state knows as well, and two endpoints know none.
    async fn expired(
        &self,
        round: &Round,
        payout: &Payout,
        last: Header,
    ) -> Result<Option<step_payout::Expired>, String> {
        let mut end_us = 0;
        for (attempt, _) in live(payout) {
            match attempt.claim.as_ref().and_then(|claim| claim.claim.as_ref()) {
                Some(claim::Claim::Window(window)) => end_us = end_us.max(window.expires_us),
                Some(claim::Claim::Nonce(_) | claim::Claim::Coins(_)) | None => return Ok(None),
            }
        }
        if last.time_ms.saturating_mul(1_000) <= end_us.saturating_add(EXPIRY_MARGIN_US) {
            return Ok(None);
        }
        let height = last.block.height.min(round.due.settled);
        let at = round.panel.agreed_header(height).await.map_err(|error| error.to_string())?;
        let time_us = at.time_ms.saturating_mul(1_000);
        if time_us <= end_us.saturating_add(EXPIRY_MARGIN_US) {
            return Ok(None);
        }
        let txs: Vec<TxId> = live(payout).map(|(_, tx)| tx).collect();
        let (answers, errors) = round
            .panel
            .all(|node| {
                let txs = txs.clone();
                Box::pin(async move { node.fates_and_final(&txs).await })
            })
            .await;
        let mut absent_at = Vec::new();
        for (place, (fates, reached)) in &answers {
            for fate in fates {
                match fate {
                    Ok(Fate::Unseen) => {}
                    Ok(Fate::Pending | Fate::Included { .. }) => return Ok(None),
                    // Who has half of a transaction knows it.
                    Err(error) => return Err(error.to_string()),
                }
            }
            if reached.is_some_and(|reached| reached >= height) {
                absent_at.push(u32::try_from(*place).unwrap_or(u32::MAX));
            }
        }
        if absent_at.len() < ABSENT_ENDPOINTS_MIN {
            let seats = round.panel.seats().len();
            let last = errors.last().map(|error| format!("; the last error: {error}")).unwrap_or_default();
            return Err(match seats {
                1 => "its time is over, and a single endpoint cannot prove that it was not paid: configure a second one, \
                      of another provider; in a sandbox another port of this machine is one, though it would agree with \
                      itself"
                    .to_owned(),
                _ => format!(
                    "its time is over, and {} of {seats} endpoints say that they do not know it, two have to{last}",
                    absent_at.len()
                ),
            });
        }
        let absent = txs.iter().map(|tx| tx.0.to_vec()).collect();
        Ok(Some(step_payout::Expired { at: Some(words::of_block(at.block)), time_us, absent_at, absent }))
    }
}
