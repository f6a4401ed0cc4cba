//! Payments on Bitcoin, many in one transaction. One that cannot be an output is set aside, and the others are paid.

use std::time::Duration;

use exchequer_chains::bitcoin::script_of;
use exchequer_chains::{NetworkParams, TxError};
use exchequer_domain::ChainAddress;
use tokio::time::Instant;

use super::accounts::{Stopped, came};
use super::{Hindered, Payments, destination, set_aside, too_dear};
use crate::kinds::paying::bitcoin::{Order, change_to, coins, draft, offered, rates, usable};
use crate::kinds::paying::{Desk, Draft, Prepared, Round, fee_cap, in_smallest_units, purpose_of, waits_for_signature};
use crate::money::proto::{self, Payer, PreparePayout, Withdrawal as Queued, wait};
use crate::money::words;

/// Payments of one transaction: what the state takes.
const BATCH_MAX: usize = 100;
/// For so long payments are collected.
const WINDOW: Duration = Duration::from_secs(10);

/// Decides one transaction of a wallet's for as many of those that are due as it can pay.
pub(super) async fn decide(payments: &Payments, desk: &Desk, round: &Round) -> Result<bool, String> {
    let wanted = payments.wanted(round);
    if wanted.is_empty() {
        *payments.waiting.lock() = None;
        return Ok(false);
    }
    let since = *payments.waiting.lock().get_or_insert_with(Instant::now);
    if wanted.len() < BATCH_MAX && since.elapsed() < WINDOW {
        return Ok(false);
    }
    let (mut stopped, mut troubles, mut batch) = (Stopped::default(), Vec::new(), Vec::new());
    for one in wanted {
        if batch.len() == BATCH_MAX {
            break;
        }
        match output(&round.params, round, one) {
            Ok(output) => batch.push((one, output)),
            Err(why) => stopped.hindered(payments, desk, one, why, &mut troubles).await,
        }
    }
    let Some((first, _)) = batch.first() else { return came(false, troubles) };
    let first = *first;
    let made = match build(desk, round, &batch).await {
        Ok(Some((payer, pays, draft))) => {
            desk.used_room(payer.wallet);
            let asked = PreparePayout {
                payer: Some(payer),
                withdrawals: pays,
                preparation: Some(draft.preparation(false)),
                ..PreparePayout::default()
            };
            desk.prepare_all(vec![asked]).await.pop()
        }
        Ok(None) => None,
        Err(why) => {
            stopped.hindered(payments, desk, first, why, &mut troubles).await;
            None
        }
    };
    match made {
        Some(Prepared::Decided(_)) => {
            // What is left is collected anew, or goes at once where it is a full batch.
            *payments.waiting.lock() = None;
            Ok(true)
        }
        Some(Prepared::Waits) => {
            payments.rest(first.asset);
            came(false, troubles)
        }
        Some(Prepared::Refused { code, message }) => Err(format!("a batch was not decided ({code}): {message}")),
        Some(Prepared::Unknown(why)) => Err(why),
        None => {
            payments.rest(first.asset);
            came(false, troubles)
        }
    }
}

/// A payment as an output: one that nodes relay, to an address of this chain.
fn output(params: &NetworkParams, round: &Round, one: &Queued) -> Result<(ChainAddress, u64), Hindered> {
    let (_, amount) = destination(params, round, one)?;
    let to = words::address(&one.to).map_err(|error| set_aside(&error))?;
    let amount = u64::try_from(amount).map_err(|_| set_aside(&"it is more than there is"))?;
    script_of(params, &to).map_err(|error| set_aside(&error))?;
    let dust = exchequer_chains::bitcoin::dust(params, &to).map_err(|error| set_aside(&error))?;
    if amount < dust {
        return Err(set_aside(&format!("{amount} satoshi are dust: no node relays less than {dust}")));
    }
    Ok((to, amount))
}

/// A transaction of the wallet that has most, for as many of a batch as it can pay.
async fn build(
    desk: &Desk,
    round: &Round,
    batch: &[(&Queued, (ChainAddress, u64))],
) -> Result<Option<(Payer, Vec<u64>, Draft)>, Hindered> {
    let Some(rates) = rates(round, false).await? else {
        return Err(Hindered::Waits(wait::Why::FeeTooHigh(true)));
    };
    let all = coins(desk).await?;
    let wallets = desk.link().wallets().await.map_err(|error| error.to_string())?.wallets;
    let free = round.due.lanes.iter().filter(|lane| lane.free > 0).filter_map(|lane| lane.payer);
    let mut able: Vec<(u128, &proto::Wallet, Payer, Vec<&proto::Coin>)> = Vec::new();
    for payer in free {
        let wallet = wallets.iter().find(|wallet| wallet.id == payer.wallet && wallet.in_use);
        let Some(wallet) = wallet.filter(|wallet| !waits_for_signature(round, wallet.id)) else { continue };
        let own = usable(&all, round.due.settled, |coin| coin.wallet == Some(wallet.id));
        let sum = own.iter().filter_map(|coin| words::amount(&coin.amount).ok()).sum();
        able.push((sum, wallet, payer, own));
    }
    able.sort_by_key(|(sum, ..)| std::cmp::Reverse(*sum));
    let Some((_, wallet, payer, own)) = able.into_iter().next() else {
        return if round.due.lanes.is_empty() {
            Err(Hindered::Trouble("there is no hot wallet to pay from".to_owned()))
        } else {
            Ok(None)
        };
    };
    let purpose = purpose_of(&wallet.role).ok_or_else(|| "the wallet has no keys of ours".to_owned())?;
    let may = own.into_iter().map(|coin| offered(round, purpose, coin)).collect::<Result<Vec<_>, _>>()?;
    let change = change_to(wallet, purpose, &all)?;
    let room = desk.room(wallet.id);
    let amounts = batch.iter().map(|(_, (_, amount))| u128::from(*amount));
    let mut count = room.map_or(batch.len(), |room| room.count(amounts).min(batch.len()));
    loop {
        let part = &batch[..count];
        let pays: Vec<Queued> = part.iter().map(|(one, _)| (*one).clone()).collect();
        let order = |fee_max| Order {
            payments: part.iter().map(|(_, output)| output.clone()).collect(),
            must: Vec::new(),
            may: may.clone(),
            change: change.clone(),
            fee_max,
        };
        match draft(round, rates.rate, order(fee_cap(&round.config, &pays))) {
            // With its fee it may be more than the signer has room for.
            Ok(draft) if count > 1 && room.is_some_and(|room| takes(round, part, &draft) > room.amount) => count -= 1,
            Ok(draft) => return Ok(Some((payer, pays.iter().map(|one| one.id).collect(), draft))),
            // Fewer of them, from the first on, may be what it has, or cost what may be paid.
            Err(TxError::Insufficient { .. } | TxError::Limit { .. }) if count > 1 => count /= 2,
            Err(TxError::Insufficient { .. }) => return Err(Hindered::Waits(wait::Why::InsufficientHot(true))),
            // Within the network's bound it is its own that is too low.
            Err(TxError::Limit { .. }) => {
                let unbound = draft(round, rates.rate, order(fee_cap(&round.config, &[])));
                return Err(match (unbound, pays.first()) {
                    (Ok(draft), Some(one)) => too_dear(round, one, draft.fee_max),
                    (Ok(_) | Err(_), _) => Hindered::Waits(wait::Why::FeeTooHigh(true)),
                });
            }
            Err(error) => return Err(Hindered::Trouble(error.to_string())),
        }
    }
}

/// What a transaction takes away at most, in satoshi.
fn takes(round: &Round, part: &[(&Queued, (ChainAddress, u64))], draft: &Draft) -> u128 {
    let paid: u128 = part.iter().map(|(_, (_, amount))| u128::from(*amount)).sum();
    paid.saturating_add(in_smallest_units(&round.config, draft.fee_max).unwrap_or(0))
}
