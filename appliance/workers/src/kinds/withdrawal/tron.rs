//! Payments on TRON: spans of time, energy and bandwidth.

use exchequer_chains::Coin;
use exchequer_chains::tron::{TronAction, account_of_text, bandwidth_burn};
use exchequer_domain::ChainAddress;

use super::accounts::{Assigned, Stopped, asked, assign, came, decide_all};
use super::lanes::{self, Lane};
use super::{Hindered, Payments, set_aside, too_dear};
use crate::kinds::paying::tron::{Prices, Tried, Window, account, draft, prices, tried};
use crate::kinds::paying::{Desk, Round, doing, fee_cap, in_order};
use crate::money::proto::{PreparePayout, wait};

/// Bytes of the largest payment that is built, for what bandwidth it needs.
const BYTES_MAX: u64 = 420;

/// What an address may use without burning coin for it.
#[derive(Clone, Copy)]
struct Resources {
    energy: u64,
    staked: u64,
    free: u64,
}

/// Decides what is due, in its order.
pub(super) async fn decide(payments: &Payments, desk: &Desk, round: &Round) -> Result<bool, String> {
    let wanted = payments.wanted(round);
    if wanted.is_empty() {
        return Ok(false);
    }
    let prices = prices(round).await?;
    let (mut lanes, mut resources) = (lanes::lanes(desk, round).await?, Vec::new());
    let accounts = in_order(lanes.iter().map(|lane| doing(account(round, &lane.address))).collect()).await;
    for (lane, account) in lanes.iter_mut().zip(accounts) {
        let account = account?;
        lane.has.insert(Coin::Native, u128::from(account.balance));
        let (staked, free) = (account.bandwidth_staked, account.bandwidth_free);
        resources.push(Resources { energy: account.energy, staked, free });
    }
    lanes::take_off(round, &mut lanes);
    let (mut stopped, mut troubles, mut decisions) = (Stopped::default(), Vec::new(), Vec::new());
    let wanted = payments.destinations(round, wanted).await?;
    let assigned = assign(payments, desk, &mut lanes, wanted, &mut stopped, &mut troubles).await;
    if assigned.is_empty() {
        return came(false, troubles);
    }
    let numbers: Vec<u64> = assigned.iter().map(|one| one.one.id).collect();
    let windows = desk.windows(round, &numbers).await?;
    let trying = assigned.iter().map(|one| doing(tried_one(round, &prices, &lanes[one.lane], one)));
    let tried = in_order(trying.collect()).await;
    for ((one, tried), window) in assigned.iter().zip(tried).zip(windows) {
        if stopped.has(one.one) {
            continue;
        }
        let lane = &mut lanes[one.lane];
        match decision(round, &prices, lane, resources[one.lane], one, tried, window) {
            Ok(decision) => decisions.push((Some(one.one.asset), decision)),
            Err(why) => stopped.hindered(payments, desk, one.one, why, &mut troubles).await,
        }
    }
    let any = decide_all(payments, desk, decisions, &mut troubles).await;
    came(any, troubles)
}

/// What a payment does, and the fee limit that it needs.
async fn tried_one(
    round: &Round,
    prices: &Prices,
    lane: &Lane,
    one: &Assigned<'_>,
) -> Result<(TronAction, u64), Hindered> {
    let to = account_of_text(&one.one.to).map_err(|error| set_aside(&error))?;
    let action = match &one.coin {
        Coin::Native => {
            let amount = u64::try_from(one.amount).map_err(|_| set_aside(&"it is more than there is"))?;
            TronAction::Transfer { to, amount }
        }
        Coin::Token(contract) => {
            let contract = account_of_text(contract.as_str()).map_err(|error| set_aside(&error))?;
            TronAction::TokenTransfer { contract, to, amount: one.amount }
        }
    };
    match tried(round, prices, &lane.address, &action).await? {
        Tried::Limit(limit) => Ok((action, limit)),
        Tried::Dear => Err(Hindered::Waits(wait::Why::FeeTooHigh(true))),
        Tried::Fails(why) => match lacks(round, &lane.address, &one.coin, one.amount).await {
            true => Err(Hindered::Waits(wait::Why::InsufficientHot(true))),
            false => Err(set_aside(&why)),
        },
    }
}

/// Whether an address certainly has less than this of a token.
async fn lacks(round: &Round, address: &ChainAddress, coin: &Coin, amount: u128) -> bool {
    let asked = [(address.clone(), coin.clone())];
    let has = round.panel.first(|node| {
        let asked = asked.clone();
        Box::pin(async move {
            let heads = node.heads().await?;
            node.balances(&asked, heads.finalized.unwrap_or(heads.head)).await
        })
    });
    matches!(has.await, Ok(reply) if reply.value.first().copied().flatten().is_some_and(|has| has < amount))
}

fn decision(
    round: &Round,
    prices: &Prices,
    lane: &mut Lane,
    resources: Resources,
    one: &Assigned<'_>,
    tried: Result<(TronAction, u64), Hindered>,
    window: Window,
) -> Result<PreparePayout, Hindered> {
    let (action, limit) = tried?;
    let draft = draft(round, prices, lane.key, &lane.address, action, window, limit)?;
    if draft.fee_max > fee_cap(&round.config, std::slice::from_ref(one.one)) {
        return Err(too_dear(round, one.one, draft.fee_max));
    }
    let burnt = u128::from(limit).saturating_sub(u128::from(resources.energy) * u128::from(prices.energy))
        + u128::from(bandwidth_burn(BYTES_MAX, resources.staked, resources.free, prices.bandwidth));
    if !lane.has(&Coin::Native, burnt) {
        return Err(Hindered::Waits(wait::Why::InsufficientGas(true)));
    }
    lane.spend(&Coin::Native, burnt);
    Ok(asked(lane, vec![one.one.id], draft))
}
