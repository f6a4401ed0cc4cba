//! Transactions of Bitcoin: which coins may be spent, what is paid for a byte, where change goes, and what takes the place of a
//! stuck one.
//!
//! Invariants:
//! - A coin is spent that is settled, or made by a transaction that only the exchange's own keys can have signed, at most two deep.
//! - A replacement spends every coin of the attempt before it, and so shares one with every earlier attempt.

use std::collections::BTreeMap;

use exchequer_chains::bitcoin::{
    ChangeTo, Coins, Draft as Plan, Earlier, FeeRate, Offered, RATE_SAT_PER_KVB_MAX, build, clamp, input_weight,
    output_weight, script_of, vbytes,
};
use exchequer_chains::node::FeeFacts;
use exchequer_chains::{KeyPath, KeyPurpose, Scheme, TxError, Unsigned};
use exchequer_domain::{ChainAddress, OutPoint};
use futures::TryStreamExt as _;

use super::watch::live;
use super::{Desk, Draft, Round, in_minor_units, in_smallest_units, replacement_cap};
use crate::money::proto::{self, claim, coin};
use crate::money::words;

/// Own transactions, one upon the other, below one that is built, which are not settled.
const OWN_UNSETTLED_MAX: u32 = 2;
/// The least that is paid for 1,000 virtual bytes, in satoshi.
const FLOOR_SAT_PER_KVB: u64 = 1_000;
/// Within so many blocks a payment is wanted, and its replacement.
const TARGETS: [u16; 2] = [6, 2];
/// How much more a replacement pays for a byte, in percent.
const BUMP_PERCENT: u64 = 25;
/// So long after it was stuck a payout is replaced although another one builds on it, in microseconds: six times what makes one stuck.
const BUILT_ON_US_MAX: u64 = 6 * 3_600_000_000;
/// Coins that one transaction spends: what the state takes.
pub const INPUTS_MAX: usize = 200;

/// What miners and nodes want for a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// What is paid.
    pub rate: FeeRate,
    /// The most that may be paid.
    pub ceiling: FeeRate,
    /// What nodes want on top for a replacement.
    pub increment: FeeRate,
}

/// Every coin of the exchange's.
///
/// # Errors
/// The node does not answer.
pub async fn coins(desk: &Desk) -> Result<Vec<proto::Coin>, String> {
    let pages = desk.link().coins().await.map_err(|error| error.to_string())?;
    let pages: Vec<proto::CoinPage> = pages.try_collect().await.map_err(|error| error.to_string())?;
    Ok(pages.into_iter().flat_map(|page| page.coins).collect())
}

/// The coins out of these that a wallet may spend now: free, mature, and certain to stay. Of the deposit wallet, those of the pool.
#[must_use]
pub fn usable(all: &[proto::Coin], settled: u64, is_of: impl Fn(&proto::Coin) -> bool) -> Vec<&proto::Coin> {
    // What each of our transactions in a block that is not settled spends.
    let mut unsettled: BTreeMap<&[u8], Vec<&proto::Coin>> = BTreeMap::new();
    for coin in all.iter().filter(|coin| coin.spent_height > settled && !coin.spent_by.is_empty()) {
        unsettled.entry(&coin.spent_by).or_default().push(coin);
    }
    let free = all.iter().filter(|coin| {
        let is_free = matches!(coin.state, Some(coin::State::Free(true)));
        is_free && coin.mature <= settled.saturating_add(1) && is_of(coin)
    });
    free.filter(|coin| is_certain(coin, settled, &unsettled, OWN_UNSETTLED_MAX)).collect()
}

fn is_certain(coin: &proto::Coin, settled: u64, unsettled: &BTreeMap<&[u8], Vec<&proto::Coin>>, more: u32) -> bool {
    if coin.height <= settled {
        return true;
    }
    let spent = coin.outpoint.as_ref().and_then(|outpoint| unsettled.get(outpoint.tx.as_slice()));
    let (Some(more), Some(spent)) = (more.checked_sub(1), spent) else { return false };
    coin.height != u64::MAX && spent.iter().all(|one| is_certain(one, settled, unsettled, more))
}

/// What excludes a transaction that spends these: those of them that a block spends, and coins that they rest on, of such as no block
/// has any more, where another transaction has spent those than the one that would bring them back.
pub(super) fn conflicting<'a>(
    all: &'a [proto::Coin],
    claimed: &'a [proto::OutPoint],
) -> impl Iterator<Item = &'a proto::Coin> {
    let of = |outpoint: Option<&proto::OutPoint>| outpoint.is_some_and(|outpoint| claimed.contains(outpoint));
    let rests_on = all.iter().filter(move |coin| of(coin.outpoint.as_ref())).flat_map(|coin| &coin.rests_on);
    let rests_on: Vec<&proto::RestsOn> = rests_on.collect();
    let excludes = move |coin: &&proto::Coin| {
        let mut below = rests_on.iter().filter(|on| on.coin == coin.outpoint);
        !coin.spent_by.is_empty() && (of(coin.outpoint.as_ref()) || below.any(|on| on.by != coin.spent_by))
    };
    all.iter().filter(excludes)
}

/// Whether another payout under way builds on a transaction of this one's: what that pays more counts for both, and to replace this one
/// would be its end. That is waited for, and not for ever.
fn is_built_on(due: &proto::DueReply, payout: &proto::Payout) -> bool {
    if due.now_us.saturating_sub(payout.moved_us) >= BUILT_ON_US_MAX {
        return false;
    }
    let own: Vec<&[u8]> = live(payout).map(|(attempt, _)| attempt.tx.as_slice()).collect();
    let builds = |attempt: &proto::Attempt| match attempt.claim.as_ref().and_then(|claim| claim.claim.as_ref()) {
        Some(claim::Claim::Coins(claimed)) => claimed.coins.iter().any(|coin| own.contains(&coin.tx.as_slice())),
        Some(claim::Claim::Nonce(_) | claim::Claim::Window(_)) | None => false,
    };
    let mut others = due.payouts.iter().filter(|other| other.id != payout.id);
    others.any(|other| live(other).any(|(attempt, _)| builds(attempt)))
}

/// A coin as it is offered to be spent by a key of this purpose.
///
/// # Errors
/// It does not read.
pub fn offered(round: &Round, purpose: KeyPurpose, coin: &proto::Coin) -> Result<Offered, String> {
    let outpoint = words::outpoint(coin.outpoint.as_ref()).map_err(|error| error.to_string())?;
    let amount = words::amount(&coin.amount).map_err(|error| error.to_string())?;
    let amount = u64::try_from(amount).map_err(|_| "a coin of more than there is".to_owned())?;
    let address = words::address(&coin.address).map_err(|error| error.to_string())?;
    let script = script_of(&round.params, &address).map_err(|error| error.to_string())?;
    let key = KeyPath { purpose, index: coin.index, change: coin.change };
    Ok(Offered { outpoint, coins: Coins { amount, script, key } })
}

/// What is paid for a byte now; none where it is more than may be paid.
///
/// # Errors
/// No endpoint says so, or the network's coin is not listed.
pub async fn rates(round: &Round, replacing: bool) -> Result<Option<Rates>, String> {
    let facts = round.panel.first(|node| node.fees()).await.map_err(|error| error.to_string())?.value;
    let FeeFacts::Bitcoin { targets, relay_min, pool_min, increment } = facts else {
        return Err("the node is of another family".to_owned());
    };
    // Beyond what is counted with, a rate is above every ceiling all the same.
    let of = |sat: u64| FeeRate::of_kvb(sat.min(RATE_SAT_PER_KVB_MAX)).map_err(|error| error.to_string());
    let most = round.config.fee_rate_max.and_then(|most| in_smallest_units(&round.config, most)).unwrap_or(0);
    let most = u64::try_from(most.saturating_mul(1_000)).unwrap_or(u64::MAX);
    let ceiling = of(most)?;
    let wanted = TARGETS[usize::from(replacing)];
    let estimate = targets.iter().find(|(target, _)| *target == wanted).and_then(|(_, rate)| *rate);
    let estimate = estimate.map(of).transpose()?;
    let floor = of(FLOOR_SAT_PER_KVB)?;
    let rate = clamp(estimate, of(relay_min)?, of(pool_min)?, floor, ceiling).ok();
    let increment = of(increment)?;
    Ok(rate.map(|rate| Rates { rate, ceiling, increment }))
}

/// The wallet's address for change: of those that have the fewest coins, the first.
///
/// # Errors
/// It has no address.
pub fn change_to(wallet: &proto::Wallet, purpose: KeyPurpose, all: &[proto::Coin]) -> Result<ChangeTo, String> {
    let own = |change| wallet.addresses.iter().filter(move |own| own.change == change);
    let load = |own: &proto::wallet::Address| all.iter().filter(|coin| coin.address == own.address).count();
    let best = own(true).min_by_key(|own| load(own)).or_else(|| own(false).min_by_key(|own| load(own)));
    let best = best.ok_or("the wallet has no address for change: register one")?;
    let address = words::address(&best.address).map_err(|error| error.to_string())?;
    Ok(ChangeTo { address, key: KeyPath { purpose, index: best.index, change: best.change } })
}

/// What is to be built.
pub struct Order {
    /// Who gets how many satoshi; nobody where coins are gathered.
    pub payments: Vec<(ChainAddress, u64)>,
    /// Coins that have to be spent.
    pub must: Vec<Offered>,
    /// Coins that may be spent beside them.
    pub may: Vec<Offered>,
    /// Where change goes.
    pub change: ChangeTo,
    /// The most that it may cost, in minor units.
    pub fee_max: u64,
}

/// A transaction that is ready to be decided.
///
/// # Errors
/// As [`build`] says.
pub fn draft(round: &Round, rate: FeeRate, order: Order) -> Result<Draft, TxError> {
    drafted(round, |plan| build(&round.params, plan), rate, order)
}

fn drafted(
    round: &Round,
    make: impl Fn(&Plan) -> Result<exchequer_chains::bitcoin::UnsignedBitcoin, TxError>,
    rate: FeeRate,
    order: Order,
) -> Result<Draft, TxError> {
    let not_listed = || TxError::Amount("a fee in a coin that is not listed".to_owned());
    let fee_max = in_smallest_units(&round.config, order.fee_max).ok_or_else(not_listed)?;
    let Order { payments, must, may, change, .. } = order;
    let tip_height = u32::try_from(round.panel.best_head()).unwrap_or(u32::MAX);
    let fee_max = u64::try_from(fee_max).unwrap_or(u64::MAX);
    let unsigned = make(&Plan { payments, must, may, change, rate, fee_max, tip_height })?;
    if unsigned.coins().len() > INPUTS_MAX {
        let (found, max) = (unsigned.coins().len() as u128, INPUTS_MAX as u128);
        return Err(TxError::Limit { what: "coins in one transaction", found, max });
    }
    let unsigned = Unsigned::Bitcoin(unsigned);
    let effects = unsigned.effects(&round.params)?;
    let fee = in_minor_units(&round.config, effects.fee_max).and_then(|fee| u64::try_from(fee).ok());
    let fee_max = fee.ok_or_else(not_listed)?;
    let coins = inputs(&effects).into_iter().map(words::of_outpoint).collect();
    let claim = proto::Claim { claim: Some(claim::Claim::Coins(claim::Coins { coins })) };
    Ok(Draft { claim, unsigned: unsigned.encode(), fee_max })
}

fn inputs(effects: &exchequer_chains::Effects) -> Vec<OutPoint> {
    match &effects.exclusion {
        exchequer_chains::Exclusion::Inputs(spent) => spent.iter().map(|one| one.outpoint).collect(),
        exchequer_chains::Exclusion::Nonce { .. } | exchequer_chains::Exclusion::Expiry { .. } => Vec::new(),
    }
}

/// What takes the place of a stuck payout's attempts: the same payments for more, out of the coins of the attempt before it and,
/// where they are too few, further ones. Where that is more than may be paid, nothing does.
pub(super) async fn replace(desk: &Desk, round: &Round, payout: &proto::Payout) -> Result<Option<Draft>, String> {
    if !payout.wants_noop && is_built_on(&round.due, payout) {
        return Ok(None);
    }
    let Some(rates) = rates(round, true).await? else { return Ok(None) };
    let (mut earlier, mut must, mut payments, mut back) = (Vec::new(), Vec::new(), Vec::new(), None);
    let mut least = rates.rate.sat_per_kvb();
    for attempt in &payout.attempts {
        let unsigned = desk.unsigned_of(payout, attempt.number).await?;
        let effects = unsigned.effects(&round.params).map_err(|error| error.to_string())?;
        let Unsigned::Bitcoin(unsigned) = unsigned else { return Err("an attempt is of another family".to_owned()) };
        let spent = inputs(&effects);
        let fee = u64::try_from(effects.fee_max).unwrap_or(u64::MAX);
        let size = size_of(&unsigned);
        let paid = fee.saturating_mul(1_000).div_ceil(size.max(1));
        least = least.max((paid.saturating_mul(100 + BUMP_PERCENT)).div_ceil(100)).max(paid.saturating_add(1));
        let offered = spent.iter().zip(unsigned.coins());
        must = offered.map(|(outpoint, coins)| Offered { outpoint: *outpoint, coins: coins.clone() }).collect();
        if !effects.payments.is_empty() {
            payments = effects.payments.iter().map(|one| (one.to.clone(), one.amount)).collect();
        }
        back = effects.change.first().map(|change| ChangeTo { address: change.address.clone(), key: change.key });
        earlier.push(Earlier { inputs: spent, fee, vbytes: size });
    }
    if payout.wants_noop {
        payments.clear();
    }
    let rate = match FeeRate::of_kvb(least) {
        Ok(rate) if rate <= rates.ceiling => rate,
        Ok(_) | Err(_) => return Ok(None),
    };
    let payer = payout.payer.ok_or("it has no payer")?;
    let wallets = desk.link().wallets().await.map_err(|error| error.to_string())?.wallets;
    let wallet = wallets.iter().find(|wallet| wallet.id == payer.wallet).ok_or("its wallet is not there")?;
    // What is swept is all that its coins hold: nothing is left to pay more with, and it is in no hurry.
    if wallet.role == "deposit" {
        return Ok(None);
    }
    let purpose = super::purpose_of(&wallet.role).ok_or("its wallet has no keys of ours")?;
    let all = coins(desk).await?;
    let claimed: Vec<proto::OutPoint> = must.iter().map(|coin| words::of_outpoint(coin.outpoint)).collect();
    // Nothing that spends such a coin gets into a block: it waits for the proof of that.
    if conflicting(&all, &claimed).next().is_some() {
        return Ok(None);
    }
    let free = usable(&all, round.due.settled, |coin| coin.wallet == Some(wallet.id));
    let may = free.into_iter().map(|coin| offered(round, purpose, coin)).collect::<Result<_, _>>()?;
    let change = match back {
        Some(change) => change,
        None => change_to(wallet, purpose, &all)?,
    };
    let narrow = |(to, amount): (ChainAddress, u128)| u64::try_from(amount).ok().map(|amount| (to, amount));
    let payments = payments.into_iter().map(narrow).collect::<Option<_>>().ok_or("a payment of more than there is")?;
    let fee_max = replacement_cap(&round.config, payout);
    let order = Order { payments, must, may, change, fee_max };
    let make = |plan: &Plan| exchequer_chains::bitcoin::replace(&round.params, plan, &earlier, rates.increment);
    match drafted(round, make, rate, order) {
        Ok(draft) => Ok(Some(draft)),
        // It waits: for lower fees, or for coins.
        Err(TxError::Limit { .. } | TxError::Insufficient { .. }) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// The virtual bytes of a transaction with its signatures, at most.
fn size_of(unsigned: &exchequer_chains::bitcoin::UnsignedBitcoin) -> u64 {
    let scheme = |script: &[u8]| if script.first() == Some(&0x51) { Scheme::Taproot } else { Scheme::Segwit };
    let ins: u64 = unsigned.coins().iter().map(|coins| input_weight(scheme(&coins.script))).sum();
    let outs: u64 = unsigned.tx().output.iter().map(|out| output_weight(out.script_pubkey.len())).sum();
    vbytes((unsigned.coins().len(), ins), (unsigned.tx().output.len(), outs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coin(number: u8, spent_by: &[u8], rests_on: &[(u8, &[u8])]) -> proto::Coin {
        let of = |number: u8| Some(proto::OutPoint { tx: vec![number; 32], vout: 0 });
        let rests_on = rests_on.iter().map(|(number, by)| proto::RestsOn { coin: of(*number), by: by.to_vec() });
        let (outpoint, spent_by) = (of(number), spent_by.to_vec());
        proto::Coin { outpoint, spent_by, rests_on: rests_on.collect(), ..proto::Coin::default() }
    }

    /// Goal: a transaction is excluded by what spends its coins, and by what spends the coins that those rest on unless it brings them
    /// back; by nothing else. Method: a table of coins, of which the second one alone is spent by the transaction.
    #[test]
    fn conflicts_are_found_below_what_is_adrift() {
        for (spent_by, rests_on, found) in [
            (&[][..], vec![], false),
            (&[5], vec![], false),
            (&[5], vec![(1, &[5][..])], false),
            (&[6], vec![(1, &[5][..])], true),
            (&[], vec![(1, &[5][..])], false),
            (&[6], vec![(3, &[5][..])], false),
        ] {
            let all = [coin(1, spent_by, &[]), coin(2, &[], &rests_on), coin(3, &[], &[(1, &[9])])];
            let claimed = [all[1].outpoint.clone().unwrap()];
            assert_eq!(conflicting(&all, &claimed).next().is_some(), found, "{spent_by:?} {rests_on:?}");
        }
        let all = [coin(2, &[7], &[])];
        assert_eq!(conflicting(&all, &[all[0].outpoint.clone().unwrap()]).count(), 1, "its own coin is spent");
    }
    /// Goal: what another payout builds on is not replaced by a worker, for six hours; what nobody builds on is, and what only such
    /// build on as are not on their way. Method: the one beside it spends a coin of its transaction, or of another; signed or not.
    #[test]
    fn what_is_built_on_is_not_replaced() {
        let payout = |id: u64, spends: u8, signed: bool| {
            let coins = vec![proto::OutPoint { tx: vec![spends; 32], vout: 1 }];
            let claim = claim::Claim::Coins(claim::Coins { coins });
            let tx = if signed { vec![id as u8; 32] } else { Vec::new() };
            let attempt = proto::Attempt {
                number: 1,
                tx,
                claim: Some(proto::Claim { claim: Some(claim) }),
                ..Default::default()
            };
            proto::Payout { id, attempts: vec![attempt], moved_us: 5, ..proto::Payout::default() }
        };
        let parent = payout(1, 9, true);
        for (other, after_us, expected) in [
            (payout(2, 1, true), BUILT_ON_US_MAX - 1, true),
            (payout(2, 1, true), BUILT_ON_US_MAX, false),
            (payout(2, 9, true), 0, false),
            (payout(2, 1, false), 0, false),
        ] {
            let payouts = vec![parent.clone(), other];
            let due = proto::DueReply { payouts, now_us: 5 + after_us, ..proto::DueReply::default() };
            assert_eq!(is_built_on(&due, &parent), expected, "{after_us}");
        }
    }
}
