//! What became of transactions that were sent.

use exchequer_chains::node::{Fate, Transfer};
use exchequer_domain::BlockRef;

use super::{Desk, Round, in_minor_units};
use crate::money::proto::{Attempt, Payout, step_payout};
use crate::money::words;

/// So long after its last step a payout that is in no block is stuck, in microseconds.
const STUCK_US: u64 = 120_000_000;
/// So long after its last step, and not before, the same bytes are sent again where nobody knows them, in microseconds.
const SEND_AGAIN_US: u64 = 30_000_000;

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

impl Desk {
    /// Looks for every attempt that may be in a block: of several at most one is, and it need not be the latest. Only endpoints
    /// count whose final block is at `reached`.
    async fn find(&self, round: &Round, payout: &Payout, reached: u64) -> Result<Known, String> {
        let mut pending = false;
        for attempt in payout.attempts.iter().filter(|attempt| !attempt.tx.is_empty() && !attempt.dead) {
            let tx = words::tx(&attempt.tx).map_err(|error| error.to_string())?;
            match round.panel.agreed_fate(tx, reached).await.map_err(|error| error.to_string())? {
                Fate::Included { block, ok, transfers, fee } => {
                    return Ok(Known::Included(Included { attempt: attempt.number, block, ok, transfers, fee }));
                }
                Fate::Pending => pending = true,
                Fate::Unseen => {}
            }
        }
        Ok(if pending { Known::Pending } else { Known::Nowhere })
    }

    /// A payout that was sent and is in no block, as far as the state knows.
    pub(super) async fn watch(&self, round: &Round, payout: &Payout) -> Result<(), String> {
        let latest = payout.attempts.last().ok_or("it has no attempt")?;
        let age = round.due.now_us.saturating_sub(payout.moved_us);
        match self.find(round, payout, 0).await? {
            Known::Included(found) => {
                let step = step_payout::Step::Seen(words::of_block(found.block));
                self.step(payout, found.attempt, step).await.map(drop)
            }
            // Once it is on its way, what pays nobody is treated as any other attempt.
            Known::Pending | Known::Nowhere if payout.stage == "stuck" || (payout.wants_noop && !latest.noop) => {
                self.replace(round, payout).await
            }
            Known::Pending | Known::Nowhere if age >= STUCK_US => {
                self.step(payout, latest.number, step_payout::Step::Stuck(true)).await.map(drop)
            }
            Known::Nowhere if age >= SEND_AGAIN_US && payout.may_send => self.send_again(round, payout).await,
            Known::Pending | Known::Nowhere => Ok(()),
        }
    }

    async fn send_again(&self, round: &Round, payout: &Payout) -> Result<(), String> {
        for attempt in payout.attempts.iter().filter(|attempt| !attempt.tx.is_empty() && !attempt.dead) {
            // Every one of them: any may be the one that gets through.
            self.send_attempt(round, payout, attempt.number).await?;
        }
        Ok(())
    }

    /// A payout in a block: until that is final, and whether it still is in it.
    pub(super) async fn watch_mined(&self, round: &Round, payout: &Payout) -> Result<(), String> {
        let mined = words::block(payout.mined.as_ref()).map_err(|error| error.to_string())?;
        let last = round.panel.agreed_final().await.map_err(|error| error.to_string())?.block;
        let is_final = last.height >= mined.height;
        let reached = if is_final { mined.height } else { 0 };
        match self.find(round, payout, reached).await? {
            Known::Included(found) if found.block == mined && found.attempt == payout.mined_attempt => {
                if is_final {
                    self.finish(round, payout, found).await
                } else {
                    Ok(())
                }
            }
            Known::Included(found) => {
                let step = step_payout::Step::Seen(words::of_block(found.block));
                self.step(payout, found.attempt, step).await.map(drop)
            }
            Known::Pending | Known::Nowhere => {
                let stage = self.step(payout, payout.mined_attempt, step_payout::Step::Unseen(true)).await?;
                let payout = Payout { stage, ..payout.clone() };
                // A reorganisation: the same bytes are sent again at once.
                if payout.may_send { self.send_again(round, &payout).await } else { Ok(()) }
            }
        }
    }

    async fn finish(&self, round: &Round, payout: &Payout, found: Included) -> Result<(), String> {
        let attempt = payout.attempts.iter().find(|attempt| attempt.number == found.attempt);
        let attempt = attempt.ok_or("there is no such attempt")?;
        let fee = match found.fee {
            Some(fee) => in_minor_units(&round.config, fee).ok_or("the network's coin is not listed")?,
            // At most what was kept back for it.
            None => u128::from(attempt.fee_max),
        };
        let end = step_payout::Final { block: Some(words::of_block(found.block)), fee: fee.to_string() };
        let step = if !found.ok {
            step_payout::Step::Reverted(end)
        } else if did_what_it_says(payout, attempt, &found.transfers)? {
            step_payout::Step::Final(end)
        } else {
            // It succeeded and moved something else than was decided: nothing of that is guessed.
            step_payout::Step::Review("it is final, and its log does not show the transfer that it is for".to_owned())
        };
        self.step(payout, found.attempt, step).await.map(drop)
    }
}

/// Whether the log of a token's transfer shows it. The network's own coin moves with the transaction that succeeds.
fn did_what_it_says(payout: &Payout, attempt: &Attempt, transfers: &[Transfer]) -> Result<bool, String> {
    if attempt.noop {
        return Ok(true);
    }
    for one in payout.withdrawals.iter().filter(|one| !one.coin.is_empty()) {
        let amount = words::amount(&one.on_chain).map_err(|error| error.to_string())?;
        let shown = transfers.iter().any(|moved| {
            moved.contract.as_str() == one.coin && moved.to.as_str() == one.to && moved.amount == Some(amount)
        });
        if !shown {
            return Ok(false);
        }
    }
    Ok(true)
}
