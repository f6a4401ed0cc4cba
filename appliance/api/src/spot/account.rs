//! What an account has, what it pays, and its trades.

use std::collections::BTreeMap;

use exchequer_domain::{UserId, format_decimal};
use exchequer_state::ledger::{AccountKey, Holder};
use exchequer_state::markets::{HISTORY_PAGE_MAX, Markets, UserTrade};
use exchequer_state::matching::{OrderId, Side, TradeId};
use exchequer_state::users::UserStatus;
use exchequer_state::{Rows, State};
use serde_json::{Value, json};

use super::door::{Answer, Call};
use super::error::Error;
use super::market_data::{first_at, span};
use super::orders::DAY_MS;
use super::read::{Fresh, unreadable};
use super::view::{View, symbol};

/// A rate in millionths as the dialect's decimal.
fn rate(ppm: u16) -> String {
    format_decimal(ppm.into(), 6)
}

pub(crate) fn account(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let omit_zero = call.params.flag("omitZeroBalances")?.unwrap_or(false);
        call.params.end()?;
        let user = call.user;
        let look = |state: &State| {
            let known = state.users().get(user).ok_or_else(Error::key)?;
            let mut balances = Vec::new();
            for asset in state.assets().iter() {
                let key =
                    AccountKey { holder: Holder::Customer { customer: user.0, sub_account: 0 }, asset: asset.number };
                let account = state.ledger().find(&key).and_then(|id| state.ledger().account(id));
                let (free, whole) = account.map_or((0, 0), |account| {
                    (account.available(), account.sums.balance(account.key.holder.normal_side()))
                });
                if omit_zero && whole == 0 {
                    continue;
                }
                balances.push(json!({
                    "asset": asset.code,
                    "free": format_decimal(free, asset.decimals),
                    "locked": format_decimal(whole.saturating_sub(free), asset.decimals),
                }));
            }
            // Rates differ by market; these are the highest of any.
            let fees = || state.markets().records().map(|record| record.fees(known.fee_tier));
            let maker = fees().map(|fees| fees.maker_ppm).max().unwrap_or_default();
            let taker = fees().map(|fees| fees.taker_ppm).max().unwrap_or_default();
            let active = known.status == UserStatus::Active;
            Ok(json!({
                "makerCommission": maker / 100,
                "takerCommission": taker / 100,
                "buyerCommission": 0,
                "sellerCommission": 0,
                "commissionRates": {
                    "maker": rate(maker), "taker": rate(taker), "buyer": rate(0), "seller": rate(0),
                },
                "canTrade": active,
                "canWithdraw": active,
                "canDeposit": true,
                "brokered": false,
                "requireSelfTradePrevention": false,
                "preventSor": false,
                "updateTime": state.time().millis(),
                "accountType": "SPOT",
                "balances": balances,
                "permissions": ["SPOT"],
                "uid": user.0,
            }))
        };
        Ok(call.app.spot_look(Fresh::Exact, look).await?.0)
    })
}

/// The rates of the caller in a market: an object with `maker` and `taker`.
pub(crate) async fn commission(call: &Call, view: &View) -> Result<Value, Error> {
    let user = call.user;
    let look = |state: &State| {
        let tier = state.users().get(user).ok_or_else(Error::key)?.fee_tier;
        let fees = state.markets().record(view.id).ok_or_else(Error::symbol)?.fees(tier);
        Ok(json!({
            "maker": rate(fees.maker_ppm), "taker": rate(fees.taker_ppm), "buyer": rate(0), "seller": rate(0),
        }))
    };
    Ok(call.app.spot_look(Fresh::Exact, look).await?.0)
}

pub(crate) fn commissions(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let symbol = symbol(&mut call.params)?;
        call.params.end()?;
        let view = call.market(&symbol).await?;
        let none = json!({"maker": rate(0), "taker": rate(0), "buyer": rate(0), "seller": rate(0)});
        Ok(json!({
            "symbol": view.symbol,
            "standardCommission": commission(call, &view).await?,
            "specialCommission": none,
            "taxCommission": none,
            "discount": {"enabledForAccount": false, "enabledForSymbol": false, "discountAsset": "", "discount": rate(0)},
        }))
    })
}

fn shown(view: &View, UserTrade { id, order, side, taker, trade }: &UserTrade, list: i64) -> Value {
    let buyer = *side == Side::Buy;
    let (commission, asset) = match side {
        Side::Buy => (view.base(trade.buyer.fee), &view.base),
        Side::Sell => (view.quote(trade.seller.fee), &view.quote),
    };
    json!({
        "symbol": view.symbol,
        "id": id.0,
        "orderId": order.0,
        "orderListId": list,
        "price": view.price(trade.price),
        "qty": view.lots(trade.lots),
        "quoteQty": view.quote(trade.quote),
        "commission": commission,
        "commissionAsset": asset,
        "time": trade.time.millis(),
        "isBuyer": buyer,
        "isMaker": !taker,
        "isBestMatch": true,
    })
}

/// How many pages a search by order looks through at most.
const PAGES_MAX: usize = 10;

pub(crate) fn my_trades(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let symbol = symbol(&mut call.params)?;
        let order = call.params.number("orderId")?.map(OrderId);
        let from = call.params.number("fromId")?.map(TradeId);
        let (start, end) = span(&mut call.params)?;
        let limit = call.params.limit(500, HISTORY_PAGE_MAX)?;
        call.params.end()?;
        if from.is_some() && (start.is_some() || end.is_some()) {
            return Err(Error::new(-1128, "Combination of optional parameters invalid."));
        }
        if let (Some(start), Some(end)) = (start, end)
            && end - start > DAY_MS
        {
            return Err(Error::new(-1127, "More than 24 hours between startTime and endTime."));
        }
        let user = call.user;
        let read = move |state: &State, rows: &dyn Rows| {
            let view = View::named(state, &symbol)?;
            let ask = Ask { user, order, end };
            let first = match (from, start) {
                (Some(from), _) => Some(from),
                (None, Some(start)) => Some(first_at(rows, &view, start)?),
                (None, None) if order.is_some() || end.is_some() => Some(TradeId(1)),
                (None, None) => None,
            };
            let latest = from.is_none() && start.is_none();
            let trades = ask.trades(rows, &view, first, limit, latest)?;
            let mut lists = BTreeMap::new();
            let mut values = Vec::with_capacity(trades.len());
            for trade in &trades {
                let list = match lists.get(&trade.order) {
                    Some(list) => *list,
                    None => {
                        let found = state.markets().order(rows, user, view.id, trade.order).map_err(unreadable)?;
                        let list = found.as_ref().map_or(-1, super::order_view::list_of);
                        lists.insert(trade.order, list);
                        list
                    }
                };
                values.push(shown(&view, trade, list));
            }
            Ok(values)
        };
        Ok(Value::Array(call.app.spot_read(Fresh::Exact, read).await?.0))
    })
}

/// Which trades of a user are wanted.
struct Ask {
    user: UserId,
    order: Option<OrderId>,
    end: Option<u64>,
}

impl Ask {
    /// Those from a number on, or the latest of all; of more than `limit` the latest where `latest` says so.
    fn trades(
        &self,
        rows: &dyn Rows,
        view: &View,
        first: Option<TradeId>,
        limit: usize,
        latest: bool,
    ) -> Result<Vec<UserTrade>, Error> {
        let page = |from, limit| Markets::user_trades(rows, self.user, view.id, from, limit).map_err(unreadable);
        let Some(mut next) = first else { return page(None, limit) };
        let mut found = Vec::new();
        for _ in 0..PAGES_MAX {
            let trades = page(Some(next), HISTORY_PAGE_MAX)?;
            let (count, last) = (trades.len(), trades.last().map(|trade| (trade.id, trade.trade.time.millis())));
            let wanted = |trade: &UserTrade| {
                let in_time = self.end.is_none_or(|end| trade.trade.time.millis() <= end);
                in_time && self.order.is_none_or(|order| order == trade.order)
            };
            found.extend(trades.into_iter().filter(wanted));
            let Some((id, time)) = last.filter(|_| count >= HISTORY_PAGE_MAX) else { break };
            if (!latest && found.len() >= limit) || self.end.is_some_and(|end| time > end) {
                break;
            }
            next = TradeId(id.0 + 1);
        }
        if latest {
            found.drain(..found.len().saturating_sub(limit));
        } else {
            found.truncate(limit);
        }
        Ok(found)
    }
}

pub(crate) fn order_counts(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        call.params.end()?;
        let used = call.app.spot.weights.orders_of(call.user, call.now_ms);
        let row = |interval: &str, count: u32, limit: u32, used: u32| {
            json!({
                "rateLimitType": "ORDERS", "interval": interval, "intervalNum": count, "limit": limit, "count": used,
            })
        };
        let limits = call.app.limits(call.now_ms);
        Ok(json!([
            row("SECOND", 10, limits.orders_ten_seconds, used.ten_seconds),
            row("DAY", 1, limits.orders_day, used.day),
        ]))
    })
}

/// What exists elsewhere and not here: an empty list.
pub(crate) fn nothing(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        // Some clients sign it, others do not; there is nothing to hide.
        call.params.ignore(&["symbol", "symbols", "timestamp", "recvWindow", "signature"]);
        call.params.end()?;
        Ok(json!([]))
    })
}

/// The assets, with what the account has of each and over which networks they come and go.
pub(crate) fn assets(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        call.params.end()?;
        let user = call.user;
        let look = |state: &State| {
            let assets = state.assets().iter().map(|asset| {
                let key =
                    AccountKey { holder: Holder::Customer { customer: user.0, sub_account: 0 }, asset: asset.number };
                let account = state.ledger().find(&key).and_then(|id| state.ledger().account(id));
                let (free, whole) = account.map_or((0, 0), |account| {
                    (account.available(), account.sums.balance(account.key.holder.normal_side()))
                });
                let zero = format_decimal(0, asset.decimals);
                let leaving = super::withdraw::withdrawing(state, user, asset.number);
                let networks = super::capital::networks(state, asset);
                let any = |field: &str| networks.iter().any(|network| network[field] == true);
                json!({
                    "coin": asset.code,
                    "name": asset.name,
                    "depositAllEnable": any("depositEnable"),
                    "withdrawAllEnable": any("withdrawEnable"),
                    "free": format_decimal(free, asset.decimals),
                    "locked": format_decimal(whole.saturating_sub(free), asset.decimals),
                    "freeze": zero,
                    "ipoable": zero,
                    "ipoing": zero,
                    "storage": zero,
                    "withdrawing": format_decimal(leaving, asset.decimals),
                    "isLegalMoney": false,
                    "trading": true,
                    "networkList": networks,
                })
            });
            Ok(Value::Array(assets.collect()))
        };
        Ok(call.app.spot_look(Fresh::Exact, look).await?.0)
    })
}
