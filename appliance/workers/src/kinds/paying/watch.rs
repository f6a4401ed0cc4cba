//! What became of transactions that were sent.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use exchequer_chains::node::{Fate, PanelError, Transfer};
use exchequer_chains::scan::Header;
use exchequer_chains::{Coin, Unsigned};
use exchequer_domain::{BlockRef, Family, TxId};
use tokio::time::Instant;

use super::steps::is_behind;
use super::{Desk, Round, Step, doing, in_minor_units, in_order, is_to_do, told, turn};
use crate::money::proto::{Attempt, DueRequest, Payout, step_payout, step_payout::Step as What};
use crate::money::words;

/// So long after its last step, and not before, the same bytes are sent again where nobody knows them.
const SEND_AGAIN: Duration = Duration::from_secs(30);
/// What was told to have ended without paying is told again after so long: the state may want people to look then.
const DENY_AGAIN: Duration = Duration::from_secs(3_600);
/// Payouts in blocks that are looked at in a round.
const MINED_PAGE: u32 = 500;
/// Transactions that are asked about at once.
const FATES_AT_ONCE: usize = 45;
/// For so long a block counts as part of the chain once a quorum had it there.
const CONFIRMED_FOR: Duration = Duration::from_secs(3);
/// So often endpoints are asked how far they are while nothing is under way.
const IDLE_REFRESH: Duration = Duration::from_secs(5);
/// Attempts after which people should know that none gets into a block.
const ATTEMPTS_TOLD: usize = 6;
/// Blocks that are remembered.
const CONFIRMED_MAX: usize = 4_096;
/// Payouts of other pages of which something is remembered.
const REMEMBERED_MAX: usize = 20_000;

/// An attempt in a block, as a quorum has it.
struct Included {
    attempt: u32,
    block: BlockRef,
    ok: bool,
    transfers: Vec<Transfer>,
    fee: Option<u128>,
}

/// What a quorum knows of all attempts together.
enum Known {
    /// One of them is in a block.
    Included(Included),
    /// At least one waits.
    Pending,
    /// Nobody knows any.
    Nowhere,
}

/// So long after its last step a payout that is in no block is stuck, in microseconds. TRON's end by themselves.
const fn stuck_us(family: Family) -> u64 {
    match family {
        Family::Bitcoin => 3_600_000_000,
        Family::Evm => 120_000_000,
        Family::Tron => 60_000_000,
    }
}

impl Desk {
    /// Looks after everything that may be on its way.
    ///
    /// # Errors
    /// As [`Desk::round`].
    pub async fn watch(&self) -> Result<(), String> {
        let known = self.know(Duration::ZERO).await?;
        let mined_after = self.page.load(Ordering::Relaxed);
        let waiting_after = self.waiting.load(Ordering::Relaxed);
        // What is replaced may still be mined.
        let to_do_after = self.to_do.load(Ordering::Relaxed);
        let asked = DueRequest { withdrawals: 0, mined: MINED_PAGE, mined_after, to_do_after, waiting_after };
        let round = self.read(known, asked).await?;
        // With nothing under way endpoints are asked for their heads as often as it takes to know whom to ask.
        let idle = round.due.payouts.is_empty();
        if idle && self.refreshed.lock().is_some_and(|at| at.elapsed() < IDLE_REFRESH) {
            return Ok(());
        }
        round.panel.refresh().await;
        *self.refreshed.lock() = Some(Instant::now());
        let is_paged = round.due.more_waiting || waiting_after > 0;
        turn(&self.page, round.due.more_mined, &round.due.payouts, |stage| stage == "mined");
        let is_waiting = |stage: &str| stage != "mined" && !is_to_do(stage);
        turn(&self.waiting, round.due.more_waiting, &round.due.payouts, is_waiting);
        // Of a network without a final block nothing ends; what is sent is looked after all the same.
        let last = round.panel.agreed_final().await.ok();
        let mut troubles = Vec::new();
        let looked = self.looked_for(&round, last, &mut troubles).await;
        let fates = fates(&round, &looked).await;
        let following = looked.iter().zip(fates).map(|((payout, _), fates)| {
            let (round, payout) = (&round, *payout);
            doing(async move {
                let came = match known_of(fates) {
                    Ok(known) => self.follow(round, payout, known, last).await,
                    Err(why) => Err(why),
                };
                (payout, came)
            })
        });
        let followed = in_order(following.collect()).await;
        let mut steps = Vec::new();
        for (payout, came) in followed {
            match came {
                Ok(None) => {}
                Ok(Some(step)) => steps.push((payout, step)),
                Err(why) => troubles.push(format!("payout {}: {why}", payout.id)),
            }
        }
        troubles.extend(self.step_all(steps).await.into_iter().filter_map(Result::err));
        let open: Vec<u64> = round.due.payouts.iter().map(|payout| payout.id).collect();
        // What is on another page is not over.
        let kept = |count: usize, payout: &u64| open.contains(payout) || (is_paged && count <= REMEMBERED_MAX);
        let (mut sent, mut used) = (self.sent.lock(), self.used.lock());
        let (sent_count, used_count) = (sent.len(), used.len());
        sent.retain(|payout, _| kept(sent_count, payout));
        used.retain(|payout, _| kept(used_count, payout));
        drop((sent, used));
        told(troubles)
    }

    /// The payouts that are looked for, each with the height at which endpoints that count must be.
    async fn looked_for<'a>(
        &self,
        round: &'a Round,
        last: Option<Header>,
        troubles: &mut Vec<String>,
    ) -> Vec<(&'a Payout, u64)> {
        let mut looked = Vec::new();
        let mut doubted: BTreeMap<BlockRef, bool> = BTreeMap::new();
        for payout in &round.due.payouts {
            match payout.stage.as_str() {
                // What is signed is sent first, also where it was sent before.
                "preparing" | "signed" => {}
                "mined" => {
                    let Ok(mined) = words::block(payout.mined.as_ref()) else {
                        troubles.push(format!("payout {} is in no block that can be read", payout.id));
                        continue;
                    };
                    if last.is_some_and(|last| last.block.height >= mined.height) {
                        looked.push((payout, mined.height));
                        continue;
                    }
                    let doubted = match doubted.get(&mined) {
                        Some(doubted) => *doubted,
                        None => {
                            let found = self.is_doubted(round, mined).await;
                            doubted.insert(mined, found);
                            found
                        }
                    };
                    if doubted {
                        looked.push((payout, 0));
                    }
                }
                "broadcast" | "stuck" | "unknown" | "replacing" | "review" => looked.push((payout, 0)),
                other => troubles
                    .push(format!("payout {} is in the stage {other}, which this program does not know", payout.id)),
            }
        }
        // Of what was never signed nothing can be in a block; what people want in its place comes all the same.
        looked.retain(|(payout, _)| payout.stage == "stuck" || live(payout).next().is_some());
        looked
    }

    /// Whether a block may not be part of the chain any more: all that is in it is looked for then.
    async fn is_doubted(&self, round: &Round, block: BlockRef) -> bool {
        let lately = self.confirmed.lock().get(&block).is_some_and(|at| at.elapsed() < CONFIRMED_FOR);
        if lately {
            return false;
        }
        let same = matches!(round.panel.agreed_header(block.height).await, Ok(header) if header.block == block);
        let mut confirmed = self.confirmed.lock();
        if same {
            confirmed.retain(|_, at| at.elapsed() < CONFIRMED_FOR);
            if confirmed.len() < CONFIRMED_MAX {
                confirmed.insert(block, Instant::now());
            }
        } else {
            confirmed.remove(&block);
        }
        !same
    }

    /// The next thing about a payout, by the stage that it is in and by what is known of it.
    async fn follow(
        &self,
        round: &Round,
        payout: &Payout,
        known: Known,
        last: Option<Header>,
    ) -> Result<Option<Step>, String> {
        let latest = payout.attempts.last().ok_or("it has no attempt")?;
        let denied_for = round.due.now_us.saturating_sub(payout.denied_us);
        let is_denied = payout.denied_us > 0 && Duration::from_micros(denied_for) < DENY_AGAIN;
        let seen = |found: &Included| Some((found.attempt, What::Seen(words::of_block(found.block))));
        let is_final = |found: &Included| last.is_some_and(|last| last.block.height >= found.block.height);
        match (payout.stage.as_str(), known) {
            ("mined", Known::Included(found)) => {
                let mined = words::block(payout.mined.as_ref()).map_err(|error| error.to_string())?;
                let same = found.block == mined && found.attempt == payout.mined_attempt;
                match (same, is_final(&found)) {
                    // It waits for somebody else to see it.
                    (true, true) if is_denied => Ok(None),
                    (true, true) => self.finish(round, payout, found).await,
                    (true, false) => Ok(None),
                    (false, _) => Ok(seen(&found)),
                }
            }
            // A reorganisation: the same bytes are sent again at once.
            ("mined", Known::Pending | Known::Nowhere) => {
                if payout.may_send {
                    self.send_again(round, payout).await?;
                }
                Ok(Some((payout.mined_attempt, What::Unseen(true))))
            }
            // A person decides, unless the chain has decided.
            ("review", Known::Included(found)) if is_final(&found) && payout.denied_us == 0 => {
                match self.finish(round, payout, found).await? {
                    Some((_, What::Review(_))) | None => Ok(None),
                    ended => Ok(ended),
                }
            }
            ("review", _) => Ok(None),
            (_, Known::Included(found)) => Ok(seen(&found)),
            // Whether it can be signed is seen where it is signed.
            ("replacing", _) => Ok(None),
            (stage, known) => {
                let nowhere = matches!(known, Known::Nowhere);
                let age = round.due.now_us.saturating_sub(payout.moved_us);
                let settled_otherwise = nowhere && Duration::from_micros(age) >= SEND_AGAIN;
                if is_denied {
                    return Ok(None);
                }
                // Of no attempt everything is true: nothing that was sent is proved to be over.
                if (stage == "stuck" || settled_otherwise)
                    && live(payout).next().is_some()
                    && let Some(step) = self.death(round, payout, last).await?
                {
                    return Ok(Some(step));
                }
                // Once it is on its way, what pays nobody is treated as any other attempt.
                if (stage == "stuck" || (payout.wants_noop && !latest.noop))
                    && payout.may_send
                    // A payment that nobody may sign would wait for its signature where people can decide nothing.
                    && (payout.wants_noop || (payout.may_pay && !is_behind(round, payout)))
                    && let Some(step) = self.replace(round, payout).await?
                {
                    return Ok(Some(step));
                }
                if nowhere && settled_otherwise && payout.may_send {
                    self.send_now_and_then(round, payout).await?;
                }
                if stage != "stuck" && age >= stuck_us(self.network.family()) {
                    return Ok(Some((latest.number, What::Stuck(true))));
                }
                let attempts = payout.attempts.len();
                if stage == "stuck" && attempts >= ATTEMPTS_TOLD {
                    return Err(format!("none of {attempts} attempts gets into a block"));
                }
                Ok(None)
            }
        }
    }

    /// What takes the place of a stuck payout's attempts by the network's rules, if anything can now.
    async fn replace(&self, round: &Round, payout: &Payout) -> Result<Option<Step>, String> {
        let number = payout.attempts.last().map_or(0, |attempt| attempt.number);
        let draft = match self.network.family() {
            Family::Evm => super::evm::replace(self, round, payout).await?,
            Family::Bitcoin => super::bitcoin::replace(self, round, payout).await?,
            // Nothing takes the place of one that may still be mined.
            Family::Tron => None,
        };
        Ok(draft.map(|draft| {
            let preparation = Some(draft.preparation(payout.wants_noop || is_noop(payout)));
            (number, What::Replace(step_payout::Replace { preparation, proof: None }))
        }))
    }

    /// Sends the same bytes once more, unless that was done a moment ago.
    async fn send_now_and_then(&self, round: &Round, payout: &Payout) -> Result<(), String> {
        let lately = self.sent.lock().get(&payout.id).is_some_and(|at| at.elapsed() < SEND_AGAIN);
        if lately {
            return Ok(());
        }
        self.send_again(round, payout).await?;
        self.sent.lock().insert(payout.id, Instant::now());
        Ok(())
    }

    async fn finish(&self, round: &Round, payout: &Payout, found: Included) -> Result<Option<Step>, String> {
        let attempt = payout.attempts.iter().find(|attempt| attempt.number == found.attempt);
        let attempt = attempt.ok_or("there is no such attempt")?;
        // What ends it is compared by the state with the chain that it knows itself.
        if found.block.height > round.due.settled {
            return Ok(None);
        }
        let fee = match found.fee {
            Some(fee) => in_minor_units(&round.config, fee).ok_or("the network's coin is not listed")?,
            // At most what was kept back for it.
            None => u128::from(attempt.fee_max),
        };
        let end = step_payout::Final { block: Some(words::of_block(found.block)), fee: fee.to_string() };
        let step = if !found.ok {
            What::Reverted(end)
        } else if self.did_what_it_says(round, payout, attempt, &found.transfers).await? {
            What::Final(end)
        } else {
            // It succeeded and moved something else than was decided: nothing of that is guessed.
            What::Review("it is final, and its log does not show the transfer that it is for".to_owned())
        };
        Ok(Some((found.attempt, step)))
    }

    /// Whether the log of a token's transfer shows it. The network's own coin moves with the transaction that succeeds.
    async fn did_what_it_says(
        &self,
        round: &Round,
        payout: &Payout,
        attempt: &Attempt,
        transfers: &[Transfer],
    ) -> Result<bool, String> {
        if attempt.noop || self.network.family() == Family::Bitcoin {
            return Ok(true);
        }
        let effects = self.unsigned_of(payout, attempt.number).await?.effects(&round.params);
        let effects = effects.map_err(|error| error.to_string())?;
        let shown = effects.payments.iter().all(|payment| match &payment.coin {
            Coin::Native => true,
            Coin::Token(contract) => transfers.iter().any(|moved| {
                let whose = effects.from.contains(&moved.from) && moved.to == payment.to;
                moved.contract == *contract && whose && moved.amount == Some(payment.amount)
            }),
        });
        Ok(shown)
    }

    /// An attempt as it was decided.
    pub(super) async fn unsigned_of(&self, payout: &Payout, number: u32) -> Result<Unsigned, String> {
        let bytes = self.link.attempt_bytes(payout.id, number).await.map_err(|error| error.to_string())?;
        Unsigned::decode(&bytes.unsigned).map_err(|error| error.to_string())
    }
}

/// The attempts that may be mined, with their names.
pub(super) fn live(payout: &Payout) -> impl Iterator<Item = (&Attempt, TxId)> {
    let signed = payout.attempts.iter().filter(|attempt| !attempt.tx.is_empty() && !attempt.dead);
    signed.filter_map(|attempt| Some((attempt, words::tx(&attempt.tx).ok()?)))
}

/// Whether it pays nobody from the beginning.
fn is_noop(payout: &Payout) -> bool {
    payout.attempts.first().is_some_and(|attempt| attempt.noop)
}

/// What a quorum knows of every attempt that may be in a block: of several at most one is, and it need not be the latest.
async fn fates(round: &Round, looked: &[(&Payout, u64)]) -> Vec<Vec<(u32, Result<Fate, PanelError>)>> {
    let mut asked = Vec::new();
    for (place, (payout, reached)) in looked.iter().enumerate() {
        asked.extend(live(payout).map(|(attempt, tx)| (place, attempt.number, (tx, *reached))));
    }
    let mut found: Vec<Vec<(u32, Result<Fate, PanelError>)>> = looked.iter().map(|_| Vec::new()).collect();
    let asking = asked.chunks(FATES_AT_ONCE).map(|chunk| {
        doing(async move {
            let txs: Vec<(TxId, u64)> = chunk.iter().map(|(_, _, tx)| *tx).collect();
            let fates = round.panel.agreed_fates(&txs).await;
            chunk.iter().map(|(place, number, _)| (*place, *number)).zip(fates).collect::<Vec<_>>()
        })
    });
    for ((place, number), fate) in in_order(asking.collect()).await.into_iter().flatten() {
        if let Some(of) = found.get_mut(place) {
            of.push((number, fate));
        }
    }
    found
}

fn known_of(fates: Vec<(u32, Result<Fate, PanelError>)>) -> Result<Known, String> {
    let (mut pending, mut doubt) = (false, None);
    for (attempt, fate) in fates {
        match fate {
            Ok(Fate::Included { block, ok, transfers, fee }) => {
                return Ok(Known::Included(Included { attempt, block, ok, transfers, fee }));
            }
            Ok(Fate::Pending) => pending = true,
            Ok(Fate::Unseen) => {}
            Err(error) => doubt = Some(error.to_string()),
        }
    }
    match doubt {
        Some(doubt) => Err(doubt),
        None if pending => Ok(Known::Pending),
        None => Ok(Known::Nowhere),
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
