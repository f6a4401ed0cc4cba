//! Payments on EVM networks: nonces, gas, and the gaps between nonces.

use exchequer_chains::Coin;
use exchequer_chains::evm::{EvmAction, EvmFees, EvmTx, Speed, account_of_text};
use exchequer_domain::ChainAddress;

use super::accounts::{Assigned, Stopped, asked, assign, came, decide_all};
use super::lanes::{self, Lane};
use super::{Hindered, Payments, set_aside, too_dear};
use crate::kinds::paying::evm::{Tried, draft, market, next_nonce, offer, tried};
use crate::kinds::paying::{Desk, Draft, Round, doing, fee_cap, in_order, in_smallest_units};
use crate::money::proto::{PreparePayout, Withdrawal as Queued, wait};

/// Decides what is due, in its order, over the addresses that have least under way; and fills gaps.
pub(super) async fn decide(payments: &Payments, desk: &Desk, round: &Round) -> Result<bool, String> {
    let wanted = payments.wanted(round);
    if wanted.is_empty() && !(round.due.lanes.iter().any(|lane| !lane.gaps.is_empty()) && payments.may_fill()) {
        return Ok(false);
    }
    let fees = offer(round, &market(round).await?, Speed::Normal)?;
    let mut lanes = lanes(desk, round, &wanted).await?;
    let (mut stopped, mut troubles, mut decisions) = (Stopped::default(), Vec::new(), Vec::new());
    if let Some(fees) = fees {
        for lane in lanes.iter_mut().filter(|lane| lane.free > 0) {
            match fill(round, lane, fees).await {
                Ok(Some(draft)) => decisions.push((None, asked(lane, Vec::new(), draft))),
                Ok(None) => {}
                Err(why) => troubles.push(why),
            }
        }
    }
    let wanted = payments.destinations(round, wanted).await?;
    let assigned = assign(payments, desk, &mut lanes, wanted, &mut stopped, &mut troubles).await;
    let trying = assigned.iter().map(|one| doing(tried_one(round, &lanes[one.lane], one)));
    let tried = in_order(trying.collect()).await;
    for (one, tried) in assigned.iter().zip(tried) {
        if stopped.has(one.one) {
            continue;
        }
        match decision(round, &mut lanes[one.lane], one, tried, fees) {
            Ok(decision) => decisions.push((Some(one.one.asset), decision)),
            Err(why) => stopped.hindered(payments, desk, one.one, why, &mut troubles).await,
        }
    }
    let any = decide_all(payments, desk, decisions, &mut troubles).await;
    came(any, troubles)
}

/// The addresses with what the chain says of them.
async fn lanes(desk: &Desk, round: &Round, wanted: &[&Queued]) -> Result<Vec<Lane>, String> {
    let mut lanes = lanes::lanes(desk, round).await?;
    let nonces = in_order(lanes.iter().map(|lane| doing(next_nonce(round, &lane.address))).collect()).await;
    for (lane, chain) in lanes.iter_mut().zip(nonces) {
        lane.chain = chain?;
        lane.next = lane.next.max(lane.chain.next);
        lane.gaps.retain(|gap| *gap >= lane.chain.next);
    }
    let mut coins: Vec<Coin> = vec![Coin::Native];
    let tokens = wanted.iter().filter(|one| !one.coin.is_empty());
    coins.extend(tokens.filter_map(|one| ChainAddress::canonical(&one.coin).ok()).map(Coin::Token));
    coins.sort();
    coins.dedup();
    let asked: Vec<(ChainAddress, Coin)> =
        lanes.iter().flat_map(|lane| coins.iter().map(|coin| (lane.address.clone(), coin.clone()))).collect();
    // Where nobody says what they have, every payment is tried all the same.
    let balances = round.panel.first(|node| {
        let asked = asked.clone();
        Box::pin(async move {
            let head = node.heads().await?.head;
            node.balances(&asked, head).await
        })
    });
    if let Ok(reply) = balances.await {
        for ((address, coin), has) in asked.into_iter().zip(reply.value) {
            let Some(has) = has else { continue };
            lanes.iter_mut().filter(|lane| lane.address == address).for_each(|lane| {
                lane.has.insert(coin.clone(), has);
            });
        }
    }
    lanes::take_off(round, &mut lanes);
    Ok(lanes)
}

fn action(one: &Assigned<'_>) -> Result<EvmAction, Hindered> {
    let to = account_of_text(&one.one.to).map_err(|error| set_aside(&error))?;
    Ok(match &one.coin {
        Coin::Native => EvmAction::Transfer { to, amount: one.amount },
        Coin::Token(contract) => {
            let contract = account_of_text(contract.as_str()).map_err(|error| set_aside(&error))?;
            EvmAction::TokenTransfer { contract, to, amount: one.amount }
        }
    })
}

/// The gas that a payment may use.
async fn tried_one(round: &Round, lane: &Lane, one: &Assigned<'_>) -> Result<(EvmAction, u64), Hindered> {
    let action = action(one)?;
    match tried(round, &lane.address, &action).await? {
        Tried::Gas(gas) => Ok((action, gas)),
        Tried::Fails(why) => Err(set_aside(&why)),
    }
}

fn decision(
    round: &Round,
    lane: &mut Lane,
    one: &Assigned<'_>,
    tried: Result<(EvmAction, u64), Hindered>,
    fees: Option<EvmFees>,
) -> Result<PreparePayout, Hindered> {
    let (action, gas) = tried?;
    let fees = fees.ok_or(Hindered::Waits(wait::Why::FeeTooHigh(true)))?;
    let chain_id = round.params.chain_id().map_err(|error| error.to_string())?;
    let tx = EvmTx { chain_id, nonce: lane.next, fees, gas, action };
    let draft = draft(round, lane.key, &lane.address, tx)?;
    if draft.fee_max > fee_cap(&round.config, std::slice::from_ref(one.one)) {
        return Err(too_dear(round, one.one, draft.fee_max));
    }
    let fee = in_smallest_units(&round.config, draft.fee_max).unwrap_or(0);
    if !lane.has(&Coin::Native, fee) {
        return Err(Hindered::Waits(wait::Why::InsufficientGas(true)));
    }
    lane.spend(&Coin::Native, fee);
    lane.next += 1;
    Ok(asked(lane, vec![one.one.id], draft))
}

/// A transaction that pays nobody and uses up a nonce that is missing on chain; nothing where none is missing.
async fn fill(round: &Round, lane: &mut Lane, fees: EvmFees) -> Result<Option<Draft>, String> {
    let Some(nonce) = lane.gaps.iter().copied().min() else { return Ok(None) };
    let own = account_of_text(lane.address.as_str()).map_err(|error| error.to_string())?;
    let action = EvmAction::Transfer { to: own, amount: 0 };
    let gas = match tried(round, &lane.address, &action).await? {
        Tried::Gas(gas) => gas,
        Tried::Fails(why) => return Err(format!("the gap at nonce {nonce} is not filled: {why}")),
    };
    let chain_id = round.params.chain_id().map_err(|error| error.to_string())?;
    lane.free -= 1;
    lane.in_flight += 1;
    draft(round, lane.key, &lane.address, EvmTx { chain_id, nonce, fees, gas, action }).map(Some)
}
