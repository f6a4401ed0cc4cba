//! Money in, in the dialect: what can be moved over which network, addresses, deposits.
//!
//! Numbers of states are the dialect's: 0 pending, 6 credited and not free to leave, 1 done, 7 too small by itself, 2 taken
//! back or replaced.

use exchequer_domain::{Network, Timestamp, UserId, format_decimal};
use exchequer_state::assets::AssetRecord;
use exchequer_state::custody::{self, Listing};
use exchequer_state::deposits::{Deposit, DepositId, DepositStage};
use exchequer_state::ledger::Asset;
use exchequer_state::networks::Operation;
use exchequer_state::{AllocateAddress, Body, Done, Rows, State};
use serde_json::{Value, json};

use super::door::{Answer, Call};
use super::error::Error;
use super::market_data::span;
use super::params::Params;
use super::read::{Fresh, unreadable};
use super::withdraw::refused;
use crate::chain_text;

/// Items of one answer, at most, and where nothing is said.
pub(super) const PAGE_MAX: usize = 1_000;
/// How many one may skip.
const OFFSET_MAX: u64 = 100_000;

/// What the dialect calls a network.
pub(super) const fn network_word(network: Network) -> &'static str {
    match network {
        Network::Bitcoin => "BTC",
        Network::Ethereum => "ETH",
        Network::Polygon => "MATIC",
        Network::Bsc => "BSC",
        Network::Arbitrum => "ARBITRUM",
        Network::Tron => "TRX",
    }
}

pub(super) fn network(params: &mut Params) -> Result<Option<Network>, Error> {
    let Some(word) = params.text("network")? else { return Ok(None) };
    let found = Network::ALL.iter().copied().find(|network| network_word(*network) == word);
    found.map(Some).ok_or_else(|| Error::new(-4018, "The network is not supported."))
}

pub(super) fn asset<'a>(state: &'a State, coin: &str) -> Result<&'a AssetRecord, Error> {
    state.assets().by_code(coin).ok_or_else(|| Error::new(-4024, "There is no such coin."))
}

/// Where an asset is listed; by itself where the client names no network.
pub(super) fn listing(state: &State, asset: Asset, network: Option<Network>) -> Result<&Listing, Error> {
    let mut all = state.custody().listings().filter(|listing| listing.asset == asset);
    let found = all.find(|listing| network.is_none_or(|network| network == listing.network));
    found.ok_or_else(|| Error::new(-4018, "The coin cannot be moved over this network."))
}

pub(crate) fn address(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let coin = call.params.required("coin")?.to_owned();
        let network = network(&mut call.params)?;
        call.params.end()?;
        let user = call.user;
        let read = {
            let coin = coin.clone();
            move |state: &State, rows: &dyn Rows| {
                let network = listing(state, asset(state, &coin)?.number, network)?.network;
                let given = custody::user_addresses(rows, user).map_err(|halt| unreadable(halt.problem()))?;
                let known = given.into_iter().rev().find(|(one, _)| one.family == network.family());
                Ok((network, known.map(|(one, found)| (found.address, one.index))))
            }
        };
        let (network, known) = call.app.spot_read(Fresh::Exact, read).await?.0;
        let (address, index) = match known {
            Some(known) => known,
            None => {
                let body = Body::AllocateAddress(AllocateAddress { user, network, fresh: false });
                match call.submit(body).await? {
                    Ok(Done::AddressAllocated { address, index, .. }) => (address, index),
                    Ok(_) => return Err(Error::unknown_outcome()),
                    Err(rejection) => return Err(refused(&rejection)),
                }
            }
        };
        call.app.backend.vouch(network.family(), index, address.clone()).await?;
        Ok(json!({"address": address.as_str(), "coin": coin, "tag": "", "url": ""}))
    })
}

/// Which part of a history.
pub(super) struct Part {
    pub(super) coin: Option<String>,
    status: Option<u64>,
    start: Option<u64>,
    end: Option<u64>,
    offset: usize,
    limit: usize,
}

impl Part {
    pub(super) fn of(params: &mut Params) -> Result<Part, Error> {
        let coin = params.text("coin")?.map(str::to_owned);
        let status = params.number("status")?;
        let (start, end) = span(params)?;
        let offset = params.number("offset")?.unwrap_or(0);
        if offset > OFFSET_MAX {
            return Err(Error::invalid("offset"));
        }
        let limit = params.limit(PAGE_MAX, PAGE_MAX)?;
        Ok(Part { coin, status, start, end, offset: usize::try_from(offset).unwrap_or(usize::MAX), limit })
    }

    pub(super) fn covers(&self, at: Timestamp, status: u8) -> bool {
        let ms = at.millis();
        self.start.is_none_or(|start| ms >= start)
            && self.end.is_none_or(|end| ms <= end)
            && self.status.is_none_or(|wanted| wanted == u64::from(status))
    }

    /// Whether nothing earlier than this is wanted.
    pub(super) fn is_before(&self, at: Timestamp) -> bool {
        self.start.is_some_and(|start| at.millis() < start)
    }

    pub(super) fn wanted(&self) -> usize {
        self.offset.saturating_add(self.limit)
    }

    pub(super) fn cut<T>(&self, all: Vec<T>) -> Vec<T> {
        all.into_iter().skip(self.offset).take(self.limit).collect()
    }
}

/// The dialect's number of a deposit's state.
pub(super) const fn deposit_status(stage: DepositStage) -> u8 {
    match stage {
        DepositStage::Pending | DepositStage::Confirming | DepositStage::Suspense | DepositStage::Orphaned => 0,
        DepositStage::Credited => 6,
        DepositStage::Unlocked | DepositStage::Assigned => 1,
        DepositStage::BelowMinimum => 7,
        DepositStage::Replaced | DepositStage::Reversed => 2,
    }
}

pub(crate) fn deposits(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let part = Part::of(&mut call.params)?;
        let tx = call.params.text("txId")?.map(str::to_owned);
        let tx = tx.map(|text| chain_text::transaction("txId", &text).map_err(|_| Error::invalid("txId")));
        let tx = tx.transpose()?;
        call.params.ignore(&["includeSource"]);
        call.params.end()?;
        let user = call.user;
        let read = move |state: &State, rows: &dyn Rows| {
            let coin = part.coin.as_deref().map(|coin| asset(state, coin)).transpose()?.map(|asset| asset.number);
            let mut found: Vec<Deposit> = Vec::new();
            for network in Network::ALL.iter().copied() {
                found.extend(of_network(state, rows, user, network, &part, |deposit| {
                    // What is no listed asset has no name in the dialect.
                    deposit.asset.is_some()
                        && coin.is_none_or(|coin| deposit.asset == Some(coin))
                        && tx.is_none_or(|tx| tx == deposit.tx)
                })?);
            }
            found.sort_unstable_by_key(|deposit| std::cmp::Reverse(deposit.id));
            Ok(Value::Array(part.cut(found).iter().filter_map(|deposit| shown_deposit(state, deposit)).collect()))
        };
        Ok(call.app.spot_read(Fresh::Exact, read).await?.0)
    })
}

/// A user's deposits on a network, the newest first, as many as the part can need.
fn of_network(
    state: &State,
    rows: &dyn Rows,
    user: UserId,
    network: Network,
    part: &Part,
    fits: impl Fn(&Deposit) -> bool,
) -> Result<Vec<Deposit>, Error> {
    let mut found = Vec::new();
    let mut before = DepositId(u64::MAX);
    loop {
        let page = state.deposits().of_user(rows, user, network, before, PAGE_MAX);
        let page = page.map_err(|halt| unreadable(halt.problem()))?;
        let Some(last) = page.last().map(|last| (last.id, last.seen)) else { return Ok(found) };
        let covers = |one: &Deposit| part.covers(one.seen, deposit_status(one.state.stage())) && fits(one);
        found.extend(page.into_iter().filter(covers));
        if found.len() >= part.wanted() || part.is_before(last.1) {
            return Ok(found);
        }
        before = last.0;
    }
}

fn shown_deposit(state: &State, deposit: &Deposit) -> Option<Value> {
    let asset = state.assets().get(deposit.asset?)?;
    let config = state.networks().get(deposit.network);
    let tip = state.deposits().chains().get(deposit.network).tip.map_or(0, |tip| tip.height);
    let deep = deposit.block.map_or(0, |block| (tip + 1).saturating_sub(block.height));
    let stage = deposit.state.stage();
    let mut shown = json!({
        "id": deposit.id.0.to_string(),
        "amount": format_decimal(deposit.units, asset.decimals),
        "coin": asset.code,
        "network": network_word(deposit.network),
        "status": deposit_status(stage),
        "address": deposit.to.as_str(),
        "addressTag": "",
        "txId": tx_text(deposit.network, &deposit.tx.to_string()),
        "insertTime": deposit.seen.millis(),
        "transferType": 0,
        "confirmTimes": format!("{}/{}", deep.min(config.tradable.into()), config.tradable),
        "unlockConfirm": config.withdrawable,
        "walletType": 0,
    });
    if let (DepositStage::Unlocked | DepositStage::Credited, Value::Object(fields)) = (stage, &mut shown) {
        fields.insert("completeTime".to_owned(), deposit.since.millis().into());
    }
    Some(shown)
}

/// A transaction as its network writes it.
pub(super) fn tx_text(network: Network, digits: &str) -> String {
    match network.family() {
        exchequer_domain::Family::Evm => format!("0x{digits}"),
        exchequer_domain::Family::Bitcoin | exchequer_domain::Family::Tron => digits.to_owned(),
    }
}

/// What can be moved over which network, for the list of assets.
pub(super) fn networks(state: &State, asset: &AssetRecord) -> Vec<Value> {
    let amount = |units| format_decimal(units, asset.decimals);
    let all = state.custody().listings().filter(|listing| listing.asset == asset.number);
    let shown = all.enumerate().map(|(at, listing)| {
        let config = state.networks().get(listing.network);
        let may = |operation| state.may(listing.network, asset.number, operation);
        let (deposit, withdrawal) = (may(Operation::Deposit), may(Operation::Withdrawal));
        let why = |refused: Option<String>| refused.unwrap_or_default();
        let terms = &listing.terms;
        json!({
            "network": network_word(listing.network),
            "coin": asset.code,
            "name": listing.network.to_string(),
            "isDefault": at == 0,
            "depositEnable": deposit.is_ok(),
            "depositDesc": why(deposit.err().map(|why| why.to_string())),
            "withdrawEnable": withdrawal.is_ok(),
            "withdrawDesc": why(withdrawal.err().map(|why| why.to_string())),
            "withdrawIntegerMultiple": amount(terms.withdrawal_step),
            "withdrawFee": amount(terms.withdrawal_fee),
            "withdrawMin": amount(terms.withdrawal_min),
            "withdrawMax": amount(terms.withdrawal_max),
            "depositDust": amount(terms.deposit_min),
            "minConfirm": config.tradable,
            "unLockConfirm": config.withdrawable,
            "contractAddress": listing.coin.as_ref().map_or("", |coin| coin.as_str()),
            "addressRegex": "",
            "memoRegex": "",
            "sameAddress": false,
            "resetAddressStatus": false,
        })
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: networks are told apart in the dialect, and transactions are written as their networks do.
    #[test]
    fn words_of_networks() {
        let words: std::collections::BTreeSet<&str> = Network::ALL.iter().map(|one| network_word(*one)).collect();
        assert_eq!(words.len(), Network::ALL.len());
        assert_eq!(tx_text(Network::Bsc, "ab"), "0xab");
        assert_eq!(tx_text(Network::Tron, "ab"), "ab");
    }
}
