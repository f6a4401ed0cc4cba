//! Coins on Bitcoin's deposit addresses, gathered in one transaction for one wallet where fees are low.

use exchequer_chains::bitcoin::{ChangeTo, FeeRate, Offered, input_weight, output_weight, script_of, vbytes};
use exchequer_chains::{KeyPath, KeyPurpose, Scheme};
use exchequer_domain::OutPoint;

use super::Notes;
use super::coins::{FEE_PERCENT_MAX, Gatherable, Gathering, Sizes, gather};
use super::economics::UNGATED_US;
use super::targets::Targets;
use super::view::{Own, View, move_of, rate};
use crate::kinds::paying::bitcoin::{Order, coins, draft, offered, rates};
use crate::kinds::paying::{Desk, Round};
use crate::money::proto::{self, Holding, HoldingKey, Payer, PreparePayout, prepare_payout};
use crate::money::words;

/// The least that is paid for 1,000 virtual bytes, in satoshi.
const FLOOR_SAT_PER_KVB: u64 = 1_000;
/// The first byte of a script that pays a taproot key.
const TAPROOT: u8 = 0x51;

/// Looks at the coins, and decides a transaction where one is planned.
pub(super) async fn look(desk: &Desk, round: &Round, view: &View) -> Result<(Notes, Vec<PreparePayout>), String> {
    let mut notes = Notes::default();
    let Some(native) = view.native() else { return Err("the network's coin is not listed".to_owned()) };
    let of = HoldingKey { index: None, asset: native.asset };
    let plan = view.reply.plans.iter().find(|plan| plan.holding.as_ref().is_some_and(|holding| holding.of == Some(of)));
    // One transaction at a time: what it gathers is seen in the next look.
    if plan.is_some_and(|plan| plan.status != "ready") {
        return Ok((notes, Vec::new()));
    }
    let told = view.reply.holdings.iter().find(|holding| holding.of == Some(of)).cloned();
    let whole = told.unwrap_or(Holding { of: Some(of), ..Holding::default() });
    let said = |notes: &mut Notes, why: &str| match plan {
        Some(_) => notes.drop_plan(of, why),
        None => notes.explain(&whole, why),
    };
    let Some(rates) = rates(round, false).await? else {
        said(&mut notes, "not swept: the network takes more for a byte than may be paid");
        return Ok((notes, Vec::new()));
    };
    let mut targets = Targets::of(view)?;
    let all = coins(desk).await?;
    let stand = targets.stand_of_coins(view, native.asset, &all);
    let now = rate(round).await?;
    // What can wait goes at the rate of low fees.
    let slow = FeeRate::of_kvb(u64::try_from(now).unwrap_or(u64::MAX)).map_err(|error| error.to_string())?;
    let floor = FeeRate::of_kvb(FLOOR_SAT_PER_KVB).map_err(|error| error.to_string())?;
    let paid = if stand.low { rates.rate } else { slow.max(floor).min(rates.rate) };
    let all = read(view, round)?;
    let sum = all.iter().map(|coin| u128::from(coin.sats)).sum();
    let Some((to, room)) = targets.peek(view, native.asset, sum, Some(0)) else {
        return Err("there is nowhere to sweep it to".to_owned());
    };
    // Coins are not parted: those that go to hot wallets are together no more than there is room for.
    let (to, gatherable) = match (within(&all, room), targets.cold()) {
        (some, Some(cold)) if some.is_empty() => (cold.clone(), all),
        (some, _) => (to, some),
    };
    let script = script_of(&round.params, &to.address).map_err(|error| error.to_string())?;
    let size = |weights: &[u64]| vbytes((weights.len(), weights.iter().sum()), (1, output_weight(script.len())));
    let usual = [input_weight(Scheme::Segwit); 2];
    let input = paid.fee(size(&usual) - size(&usual[..1]));
    let sizes = Sizes { input, rest: paid.fee(size(&usual[..1])).saturating_sub(input) };
    let oldest = view.reply.holdings.iter().filter(|one| one.of != Some(of)).map(|one| one.since_us).min();
    let age = oldest.map_or(0, |since| view.reply.now_us.saturating_sub(since));
    let gate = view.reply.fee_gate.as_ref().and_then(|gate| words::amount(gate).ok());
    if let Some(gate) = gate.filter(|gate| now > *gate && !stand.low && age <= UNGATED_US) {
        said(
            &mut notes,
            &format!("not swept: it waits for lower fees, {now} satoshi for 1,000 virtual bytes now, {gate} at most"),
        );
        return Ok((notes, Vec::new()));
    }
    let chosen = match gather(&gatherable, sizes, stand.low) {
        Gathering::Gather { coins, .. } => coins,
        Gathering::Not { why } => {
            said(&mut notes, &why);
            return Ok((notes, Vec::new()));
        }
    };
    let Some(plan) = plan else {
        notes.plan(of, 0, &format!("swept: {} coins are gathered", chosen.len()));
        return Ok((notes, Vec::new()));
    };
    match build(round, view, plan.id, &to, paid, &chosen)? {
        Some(decision) => Ok((notes, vec![decision])),
        None => {
            notes.drop_plan(of, "not swept: nothing would be left once the fee is paid");
            Ok((notes, Vec::new()))
        }
    }
}

/// The coins that may be gathered.
fn read(view: &View, round: &Round) -> Result<Vec<Gatherable>, String> {
    let held: Vec<u32> = view.reply.holdings.iter().filter(|one| one.held).filter_map(|one| one.of?.index).collect();
    let settled = |coin: &&proto::Coin| coin.height <= round.due.settled && coin.mature <= round.due.settled + 1;
    let one = |coin: &proto::Coin| {
        let outpoint: OutPoint = words::outpoint(coin.outpoint.as_ref()).map_err(|error| error.to_string())?;
        let sats = words::amount(&coin.amount).map_err(|error| error.to_string())?;
        let sats = u64::try_from(sats).map_err(|_| "a coin of more than there is".to_owned())?;
        Ok(Gatherable { outpoint, index: coin.index, sats, held: held.contains(&coin.index) })
    };
    view.reply.coins.iter().filter(settled).map(one).collect()
}

/// As many coins, the largest first, as are together no more than so much.
fn within(all: &[Gatherable], room: u128) -> Vec<Gatherable> {
    let mut sorted = all.to_vec();
    sorted.sort_by_key(|coin| (std::cmp::Reverse(coin.sats), coin.outpoint));
    let mut left = room;
    sorted.retain(|coin| match left.checked_sub(coin.sats.into()) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    });
    sorted
}

fn build(
    round: &Round,
    view: &View,
    plan: u64,
    to: &Own,
    rate: FeeRate,
    chosen: &[Gatherable],
) -> Result<Option<PreparePayout>, String> {
    let Some(native) = view.native() else { return Ok(None) };
    let wallet = view.deposit_wallet().ok_or("there is no deposit wallet")?;
    let is_chosen = |coin: &&proto::Coin| {
        words::outpoint(coin.outpoint.as_ref()).is_ok_and(|one| chosen.iter().any(|coin| coin.outpoint == one))
    };
    let must = view.reply.coins.iter().filter(is_chosen).map(|coin| offered(round, KeyPurpose::Deposit, coin));
    let must: Vec<Offered> = must.collect::<Result<_, _>>()?;
    let scheme = |coin: &Offered| {
        if coin.coins.script.first() == Some(&TAPROOT) { Scheme::Taproot } else { Scheme::Segwit }
    };
    let weight: u64 = must.iter().map(|coin| input_weight(scheme(coin))).sum();
    let script = script_of(&round.params, &to.address).map_err(|error| error.to_string())?;
    let sum: u64 = must.iter().map(|coin| coin.coins.amount).sum();
    let fee = rate.fee(vbytes((must.len(), weight), (1, output_weight(script.len()))));
    let Some(amount) = sum.checked_sub(fee).filter(|left| *left > 0) else { return Ok(None) };
    let most = round.config.fee_max.unwrap_or(0);
    if fee > most || u128::from(fee) * 100 > u128::from(sum) * u128::from(FEE_PERCENT_MAX) {
        return Ok(None);
    }
    let Some(moved) = move_of(native, &to.address, amount.into(), Some(plan)) else { return Ok(None) };
    // Nothing comes back: inputs, payment and fee are the same to the satoshi.
    let change = ChangeTo {
        address: to.address.clone(),
        key: KeyPath { purpose: KeyPurpose::Hot, index: to.index, change: true },
    };
    let order = Order { payments: vec![(to.address.clone(), amount)], must, may: Vec::new(), change, fee_max: most };
    let draft = draft(round, rate, order).map_err(|error| error.to_string())?;
    Ok(Some(PreparePayout {
        payer: Some(Payer { wallet, index: 0 }),
        preparation: Some(draft.preparation(false)),
        errand: Some(prepare_payout::Errand::Sweep(moved)),
        ..PreparePayout::default()
    }))
}
