//! Money out, in the dialect: asking for it, and the history.
//!
//! Numbers of states are the dialect's: 0 to be confirmed, 1 cancelled, 2 awaiting approval, 3 refused, 4 processing,
//! 5 failed, 6 done. What is asked for with a key that may withdraw goes to listed addresses only.

use exchequer_domain::{Code, Timestamp, UserId, format_decimal};
use exchequer_state::custody;
use exchequer_state::ledger::Asset;
use exchequer_state::withdrawals::{Ending, FeeMode, Order, Refusal, Standing, Withdrawal, WithdrawalId};
use exchequer_state::{Body, Done, Rejection, RequestWithdrawal, Rows, State};
use serde_json::{Value, json};

use super::capital::{PAGE_MAX, Part, asset, listing, network, network_word, tx_text};
use super::door::{Answer, Call};
use super::error::Error;
use super::read::{Fresh, unreadable};
use crate::chain_text;

pub(crate) fn withdraw(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let coin = call.params.required("coin")?.to_owned();
        let network = network(&mut call.params)?;
        let to = call.params.required("address")?.to_owned();
        let memo = call.params.text("addressTag")?.map(str::to_owned);
        let amount = call.params.required("amount")?.to_owned();
        let client_id = call.params.text("withdrawOrderId")?.map(str::to_owned);
        call.params.ignore(&["transactionFeeFlag", "name", "walletType"]);
        call.params.end()?;
        let user = call.user;
        let look = |state: &State| {
            let asset = asset(state, &coin)?;
            let network = listing(state, asset.number, network)?.network;
            let to = chain_text::destination(state, network, Some(asset.number), "address", &to)
                .map_err(|problem| Error::new(-4007, problem.message))?;
            let amount = super::decimal::amount("amount", &amount, asset.decimals)?;
            Ok((asset.number, network, to, amount))
        };
        let (asset, network, to, amount) = call.app.spot_look(Fresh::Exact, look).await?.0;
        // The same signed request is the same withdrawal, also where its client gave it no name.
        let client_id = client_id.unwrap_or_else(|| call.imprint.name(0));
        let order = Order { user, client_id, asset, network, to, memo, amount, mode: FeeMode::Deduct };
        let body = Body::RequestWithdrawal(Box::new(RequestWithdrawal { order, proof: None }));
        match call.submit(body).await? {
            Ok(Done::WithdrawalRequested { withdrawal, .. }) => Ok(json!({"id": withdrawal.0.to_string()})),
            Ok(_) => Err(Error::unknown_outcome()),
            Err(rejection) => Err(refused(&rejection)),
        }
    })
}

pub(crate) fn withdrawals(call: &mut Call) -> Answer<'_> {
    Box::pin(async move {
        let part = Part::of(&mut call.params)?;
        let name = call.params.text("withdrawOrderId")?.map(str::to_owned);
        let ids = call.params.text("idList")?.map(str::to_owned);
        let numbers = ids.map(|ids| ids.split(',').map(|id| id.trim().parse().map(WithdrawalId)).collect());
        let ids: Option<Result<Vec<WithdrawalId>, _>> = numbers;
        let ids = ids.transpose().map_err(|_| Error::invalid("idList"))?;
        call.params.end()?;
        let user = call.user;
        let read = move |state: &State, rows: &dyn Rows| {
            let coin = part.coin.as_deref().map(|coin| asset(state, coin)).transpose()?.map(|asset| asset.number);
            let fits = |one: &Withdrawal| {
                part.covers(one.requested, state.withdrawals().stage(one).binance())
                    && coin.is_none_or(|coin| coin == one.order.asset)
                    && name.as_ref().is_none_or(|name| *name == one.order.client_id)
                    && ids.as_ref().is_none_or(|ids| ids.contains(&one.id))
            };
            let mut found: Vec<Withdrawal> = Vec::new();
            let mut before = None;
            loop {
                let page = state.withdrawals_of(rows, user, before, PAGE_MAX);
                let page = page.map_err(|halt| unreadable(halt.problem()))?;
                let Some(last) = page.last().map(|last| (last.id, last.requested)) else { break };
                found.extend(page.into_iter().filter(|one| fits(one)));
                if found.len() >= part.wanted() || part.is_before(last.1) {
                    break;
                }
                before = Some(last.0);
            }
            let shown = part.cut(found).iter().map(|one| shown_withdrawal(state, rows, one)).collect::<Result<_, _>>();
            Ok(Value::Array(shown?))
        };
        Ok(call.app.spot_read(Fresh::Exact, read).await?.0)
    })
}

/// A moment as the dialect's histories write it: seconds, UTC.
fn second(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(..19).map_or(text.clone(), |text| text.replace('T', " "))
}

fn shown_withdrawal(state: &State, rows: &dyn Rows, one: &Withdrawal) -> Result<Value, Error> {
    let order = &one.order;
    let asset = state.assets().get(order.asset).ok_or_else(Error::internal)?;
    let tx = match &one.standing {
        Standing::Over(Ending::Paid { tx, .. } | Ending::Reverted { tx, .. }) => Some(*tx),
        Standing::Over(Ending::Internal { .. }) => None,
        Standing::Paying { payout, .. } => {
            let open = state.payout(rows, *payout).map_err(|halt| unreadable(halt.problem()))?;
            open.and_then(|open| open.attempts.last()?.tx)
        }
        Standing::Confirming { .. }
        | Standing::AwaitingApproval { .. }
        | Standing::Approved { .. }
        | Standing::Queued { .. }
        | Standing::Over(Ending::Cancelled | Ending::Rejected { .. } | Ending::Expired | Ending::Failed { .. }) => None,
    };
    let stage = state.withdrawals().stage(one);
    let mut shown = json!({
        "id": one.id.0.to_string(),
        "amount": format_decimal(one.paid, asset.decimals),
        "transactionFee": format_decimal(one.fee, asset.decimals),
        "coin": asset.code,
        "status": stage.binance(),
        "address": order.to.as_str(),
        "addressTag": order.memo.as_deref().unwrap_or_default(),
        "txId": tx.map_or_else(String::new, |tx| tx_text(order.network, &tx.to_string())),
        "applyTime": second(one.requested),
        "network": network_word(order.network),
        "transferType": u8::from(one.receiver.is_some()),
        "withdrawOrderId": order.client_id,
        "info": stage.as_str(),
        "walletType": 0,
        "txKey": "",
    });
    if let (true, Value::Object(fields)) = (stage.is_over(), &mut shown) {
        fields.insert("completeTime".to_owned(), second(one.moved).into());
    }
    Ok(shown)
}

/// What of a user's money is on its way out.
pub(super) fn withdrawing(state: &State, user: UserId, asset: Asset) -> u128 {
    let own = state.withdrawals().of_user(user).filter(|one| one.order.asset == asset);
    own.fold(0, |sum, one| sum.saturating_add(one.paid).saturating_add(one.fee))
}

/// What a customer's program can be refused, by what it is about; the rest is between workers and the state.
fn of_withdrawal(refusal: &Refusal) -> Error {
    let message = refusal.message();
    match refusal.code() {
        Code::BadRequest => Error::new(-4001, message),
        Code::WithdrawalAddress => Error::new(-4007, message),
        Code::WithdrawalExists => Error::new(-4010, message),
        Code::WithdrawalsShut | Code::UserFrozen => Error::new(-4019, message),
        Code::WithdrawalAmount => Error::new(-4022, message),
        Code::WithdrawalLimit => Error::new(-4023, message),
        Code::WithdrawalUnripe => Error::new(-4026, message),
        Code::WithdrawalUnknown => Error::new(-4029, message),
        Code::Overloaded => Error::busy(),
        _ => Error::internal(),
    }
}

/// A refusal of money in or out, in the dialect.
pub(super) fn refused(rejection: &Rejection) -> Error {
    match rejection {
        Rejection::Withdrawals(refusal) => of_withdrawal(refusal),
        Rejection::Custody(custody::Refusal::PoolEmpty) => Error::busy(),
        Rejection::Custody(custody::Refusal::AddressesTooFast { .. }) => {
            Error::new(-4005, "Too many new addresses; use one that was given before.")
        }
        Rejection::Ledger(_) => Error::new(-4026, "You have insufficient balance."),
        Rejection::UserFrozen { .. } => Error::new(-4019, "The account may not withdraw or deposit."),
        _ => super::error::of_rejection(rejection, super::error::Purpose::Cancel),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: moments are written to the second, as the dialect's histories write them.
    #[test]
    fn moments_are_seconds() {
        assert_eq!(second(Timestamp(1_764_000_000_123_456)), "2025-11-24 16:00:00");
    }
}
