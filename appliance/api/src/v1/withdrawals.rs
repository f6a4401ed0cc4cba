//! Withdrawals of all users, for those who run the exchange: the list, the whole story of one, approval and
//! refusal.

use axum::extract::State;
use exchequer_domain::{BlockRef, Code, Problem, TxId, UserId, format_decimal};
use exchequer_state::approvals::{ApprovalKeyId, Signature};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::withdrawals::{Destination, Ending, Order, Stage, Standing, Withdrawal, WithdrawalId};
use exchequer_state::{
    Actor, ApproveWithdrawal, Body as Change, Done, Rejection, Rows, State as Replicated, WithdrawalStep,
};

use super::ledger::known_user;
use super::networks::parse_network;
use super::payouts;
use super::withdrawals_of_user::{LIMIT_MAX, step_on};
use crate::app::App;
use crate::auth::Caller;
use crate::dto::{self, shapes};
use crate::extract::{Body, Name, Params, reason};
use crate::money::asset_of;
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;

/// Decimals of a value in dollars.
pub(super) const USD_DECIMALS: u8 = 6;

/// What the query of a list takes.
pub(super) fn page_params() -> [Param; 2] {
    [
        Param::number("before", 1, u64::MAX, "Those before this number"),
        Param::number("limit", 1, LIMIT_MAX, "Withdrawals in the answer, at most"),
    ]
}

pub(crate) fn routes() -> Vec<Route> {
    let named = |route: Route| route.named(Param::number("withdrawal", 1, u64::MAX, "The withdrawal's number"));
    vec![
        Route::get("/v1/withdrawals", list)
            .says("Withdrawals, the newest first")
            .more("Those of one user, or those of all; of a state only what is open.")
            .needs(Permission::UsersRead)
            .asks([
                Param::number("user", 1, u64::MAX, "Of this user only"),
                Param::text::<shapes::NetworkName>("network", "On this network only"),
                Param::word("state", OPEN_STATES, "In this state only"),
            ])
            .asks(page_params()),
        named(Route::get("/v1/withdrawals/{withdrawal}", one))
            .says("One withdrawal, open or over")
            .needs(Permission::UsersRead),
        named(Route::get("/v1/withdrawals/{withdrawal}/explain", explain))
            .says("The whole story of a withdrawal: every edge, every transaction, and what it waits for")
            .needs(Permission::UsersRead),
        named(Route::post("/v1/withdrawals/{withdrawal}/approve", approve))
            .says("Agrees to a withdrawal")
            .more("By a signature of the sender's enrolled key. The last approval that is needed lets it go on.")
            .needs(Permission::ApproveMoney)
            .danger(Danger::Level2),
        named(Route::post("/v1/withdrawals/{withdrawal}/reject", reject))
            .says("Refuses a withdrawal; its money is free again")
            .needs(Permission::ApproveMoney)
            .danger(Danger::Level2),
    ]
}

/// The words of the states in which something is open.
const OPEN_STATES: &[&str] = &[
    "confirming",
    "awaiting-approval",
    "approved",
    "queued",
    "preparing",
    "signed",
    "broadcast",
    "mined",
    "stuck",
    "replacing",
    "unknown",
    "review",
];

pub(super) fn unknown(id: WithdrawalId) -> Problem {
    Problem::new(Code::WithdrawalUnknown, format!("there is no withdrawal {id}"))
}

pub(super) fn number(text: &str, what: &str) -> Result<u64, Problem> {
    let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    number.ok_or_else(|| Problem::new(Code::BadRequest, format!("a {what} has a number from 1")))
}

pub(super) fn stage(word: &str) -> Result<Stage, Problem> {
    let found = Stage::ALL.iter().copied().find(|stage| stage.as_str() == word);
    found.ok_or_else(|| Problem::new(Code::BadRequest, "there is no such state of a withdrawal"))
}

fn block(block: BlockRef) -> dto::Block {
    dto::Block { height: block.height, hash: block.hash.to_string() }
}

/// What is to be said where an address only looks like one that the user knows.
pub(super) fn looks_like(state: &Replicated, rows: &dyn Rows, order: &Order) -> Result<Option<String>, Problem> {
    let known = state.looks_like(rows, order).map_err(|halt| halt.problem())?;
    Ok(known.map(|known| {
        format!(
            "the address {} looks like {known}, which is known, and is another one: compare them letter by letter, and take \
             the withdrawal back unless both are meant",
            order.to
        )
    }))
}

/// A withdrawal as it is shown; to its user without what is the house's own.
pub(super) fn view(
    state: &Replicated,
    rows: &dyn Rows,
    one: &Withdrawal,
    is_inside: bool,
) -> Result<dto::Withdrawal, Problem> {
    let order = &one.order;
    let asset = asset_of(state, order.asset)?;
    let amount = |units| format_decimal(units, asset.decimals);
    let mut paid = (None, None, None);
    let (mut needs, mut approved_by) = (Vec::new(), Vec::new());
    match &one.standing {
        Standing::AwaitingApproval { needs: wanted, consents, .. } => {
            needs = wanted.iter().map(|need| format!("{} of {}", need.count, need.group)).collect();
            approved_by = consents.iter().map(|consent| consent.admin.0).collect();
        }
        Standing::Paying { payout, .. } => {
            let open = state.payout(rows, *payout).map_err(|halt| halt.problem())?;
            paid = (open.and_then(|open| open.attempts.last()?.tx), None, Some(payout.0));
        }
        Standing::Over(Ending::Paid { payout, tx, block }) => paid = (Some(*tx), *block, Some(payout.0)),
        Standing::Over(Ending::Reverted { payout, tx }) => paid = (Some(*tx), None, Some(payout.0)),
        Standing::Over(Ending::Failed { payout }) => paid = (None, None, Some(payout.0)),
        Standing::Confirming { .. }
        | Standing::Approved { .. }
        | Standing::Queued { .. }
        | Standing::Over(Ending::Internal { .. } | Ending::Cancelled | Ending::Rejected { .. } | Ending::Expired) => {}
    }
    if approved_by.is_empty() {
        approved_by = one.consents.iter().map(|consent| consent.admin.0).collect();
    }
    if !is_inside {
        (needs, approved_by) = (Vec::new(), Vec::new());
    }
    let inside = |text: String| if is_inside { text } else { String::new() };
    let (tx, at, payout) = paid;
    Ok(dto::Withdrawal {
        withdrawal: one.id.0,
        user: order.user.0,
        client_id: order.client_id.clone(),
        asset: asset.code.clone(),
        asset_number: order.asset.0,
        network: order.network.to_string(),
        address: order.to.to_string(),
        memo: order.memo.clone(),
        amount: amount(order.amount),
        fee: amount(one.fee),
        receives: amount(one.paid),
        on_chain: one.on_chain.to_string(),
        fee_cap: one.fee_cap.to_string(),
        usd: one.usd.map(|usd| format_decimal(usd.into(), USD_DECIMALS)),
        destination: one.destination.as_str().to_owned(),
        warning: match one.destination {
            Destination::Lookalike => looks_like(state, rows, order)?,
            Destination::New | Destination::Listed | Destination::Internal => None,
        },
        state: state.withdrawals().stage(one).as_str().to_owned(),
        tx: tx.map(|tx: TxId| tx.to_string()),
        block: at.map(block),
        payout,
        initiator: inside(one.initiator.to_string()),
        rule: inside(one.judged_by.1.clone()),
        policy_version: if is_inside { one.judged_by.0 } else { 0 },
        needs,
        approved_by,
        hash: one.hash.to_string(),
        approve_until_us: one.approval_until.0,
        due_at: one.due().map(|at| at.to_string()),
        requested_at: one.requested.to_string(),
        moved_at: one.moved.to_string(),
    })
}

/// As many are read at a time at least.
const PAGE_MIN: usize = 256;
/// Withdrawals that are looked at for one answer where few of them fit.
const LOOKED_MAX: usize = 10_000;

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Withdrawals>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let user = params.number("user", 1..=u64::MAX)?.map(UserId);
    let network = params.take("network")?.map(|text| parse_network(&text)).transpose()?;
    let wanted = params.take("state")?.map(|text| stage(&text)).transpose()?;
    let before = params.number("before", 1..=u64::MAX)?.map_or(WithdrawalId(u64::MAX), WithdrawalId);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    params.end()?;
    let seen = app.read_rows(freshness, move |state, rows| {
        let room = state.withdrawals();
        let fits = |one: &Withdrawal| {
            one.id < before
                && user.is_none_or(|user| user == one.order.user)
                && network.is_none_or(|network| network == one.order.network)
                && wanted.is_none_or(|wanted| wanted == room.stage(one))
        };
        let mut found: Vec<Withdrawal> = Vec::new();
        // Where looking ended before there was nothing more to look at.
        let mut looked_to = None;
        if wanted.is_some() {
            found.extend(room.open().filter(|one| fits(one)).cloned());
            found.sort_unstable_by_key(|one| std::cmp::Reverse(one.id));
        } else if let Some(user) = user {
            known_user(state, user)?;
            let (mut from, mut looked) = (before, 0);
            while found.len() < limit {
                let page =
                    state.withdrawals_of(rows, user, Some(from), limit.max(PAGE_MIN)).map_err(|halt| halt.problem())?;
                let Some(last) = page.last().map(|one| one.id) else { break };
                (from, looked) = (last, looked + page.len());
                found.extend(page.into_iter().filter(|one| fits(one)));
                if looked >= LOOKED_MAX {
                    looked_to = Some(from.0);
                    break;
                }
            }
        } else {
            let mut next = before.0.min(room.count().saturating_add(1));
            let end = next.saturating_sub(LOOKED_MAX as u64).max(1);
            while next > end && found.len() < limit {
                next -= 1;
                let one = state.withdrawal(rows, WithdrawalId(next)).map_err(|halt| halt.problem())?;
                found.extend(one.filter(|one| fits(one)));
            }
            looked_to = Some(next).filter(|next| *next > 1);
        }
        found.truncate(limit);
        let last = found.last().filter(|_| found.len() == limit).map(|last| last.id.0);
        let next_before = last.or(looked_to);
        let withdrawals = found.iter().map(|one| view(state, rows, one, true)).collect::<Result<_, _>>()?;
        Ok(dto::Withdrawals { withdrawals, next_before })
    });
    Ok(seen.await?)
}

async fn one(State(app): State<App>, Name(text): Name, mut params: Params) -> Result<Seen<dto::Withdrawal>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = WithdrawalId(number(&text, "withdrawal")?);
    let seen = app.read_rows(freshness, move |state, rows| {
        let found = state.withdrawal(rows, id).map_err(|halt| halt.problem())?.ok_or_else(|| unknown(id))?;
        view(state, rows, &found, true)
    });
    Ok(seen.await?)
}

async fn explain(
    State(app): State<App>,
    Name(text): Name,
    mut params: Params,
) -> Result<Seen<dto::WithdrawalExplained>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = WithdrawalId(number(&text, "withdrawal")?);
    let seen = app.read_rows(freshness, move |state, rows| {
        let told = state.explain_withdrawal(rows, id).map_err(|halt| halt.problem())?.ok_or_else(|| unknown(id))?;
        let traces = told.traces.iter().map(|trace| dto::WithdrawalTrace {
            at: trace.at.to_string(),
            index: trace.index,
            from: trace.from.map(|stage| stage.as_str().to_owned()),
            to: trace.to.as_str().to_owned(),
            by: trace.by.map(|by| by.to_string()),
            what: trace.what.clone(),
        });
        Ok(dto::WithdrawalExplained {
            withdrawal: view(state, rows, &told.withdrawal, true)?,
            traces: traces.collect(),
            payout: told.payout.as_ref().map(payouts::view),
            now: told.now,
        })
    });
    Ok(seen.await?)
}

async fn approve(
    State(app): State<App>,
    caller: Caller,
    Name(text): Name,
    Body(request): Body<dto::ApproveWithdrawal>,
) -> Result<Committed<dto::WithdrawalMoved>, Refused> {
    let withdrawal = WithdrawalId(number(&text, "withdrawal")?);
    let id = app.command_id(request.command_id.as_deref())?;
    let Actor::Admin(admin) = caller.0 else { return Err(Rejection::NotAPerson.problem().into()) };
    let signature = hex::decode(&request.signature).ok().and_then(|bytes| Signature::new(&bytes));
    let signature = signature.ok_or_else(|| Problem::new(Code::BadRequest, "`signature` is 128 hexadecimal digits"))?;
    let command = ApproveWithdrawal { withdrawal, admin, key: ApprovalKeyId(request.key), signature };
    let effect = app.submit_as(caller.0, id, Change::ApproveWithdrawal(command)).await?;
    let Done::WithdrawalMoved { stage } = effect.done else { return Err(effect.unexpected()) };
    let (state, index, command_id) = (stage.as_str().to_owned(), effect.index, id.to_string());
    Ok(Committed(id, dto::WithdrawalMoved { withdrawal: withdrawal.0, state, index, command_id }))
}

async fn reject(
    State(app): State<App>,
    caller: Caller,
    Name(text): Name,
    Body(request): Body<dto::Reasoned>,
) -> Result<Committed<dto::WithdrawalMoved>, Refused> {
    let reason = reason(request.reason.clone())?;
    let withdrawal = WithdrawalId(number(&text, "withdrawal")?);
    let read = app.read_rows(Freshness::Linearizable, move |state, rows| {
        let found = state.withdrawal(rows, withdrawal).map_err(|halt| halt.problem())?;
        Ok(state.withdrawals().stage(&found.ok_or_else(|| unknown(withdrawal))?))
    });
    let from = read.await?.value;
    let id = app.command_id(request.command_id.as_deref())?;
    step_on(&app, caller.0, id, withdrawal, from, WithdrawalStep::Reject { reason }).await
}
