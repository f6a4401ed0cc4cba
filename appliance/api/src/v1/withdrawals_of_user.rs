//! A user's withdrawals: asking for one, showing the second factor for it, taking it back, and the list.

use axum::extract::State;
use exchequer_domain::{Code, Problem, UserId};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;
use exchequer_state::withdrawals::{FeeMode, Order, Proof, Refusal, Stage, Withdrawal, WithdrawalId};
use exchequer_state::{
    Actor, Body as Change, Done, RequestWithdrawal, Rows, State as Replicated, StepWithdrawal, WithdrawalStep,
};

use super::addresses::prove;
use super::ledger::known_user;
use super::networks::parse_network;
use super::users::user_id;
use super::withdrawals::{looks_like, page_params, unknown, view};
use crate::app::App;
use crate::auth::{Caller, OfSession};
use crate::extract::{Body, Name, Params};
use crate::money::{amount, asset};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;
use crate::{chain_text, dto};

/// Withdrawals of one answer, at most.
pub(super) const LIMIT_MAX: u64 = 100;

pub(crate) fn routes() -> Vec<Route> {
    let named = |route: Route| route.named(Param::number("user", 1, u64::MAX, "The user's number"));
    vec![
        named(Route::get("/v1/users/{user}/withdrawals", list))
            .says("A user's withdrawals, the newest first")
            .needs_or_own(Permission::UsersRead)
            .asks(page_params()),
        named(Route::post("/v1/users/{user}/withdrawals", request))
            .says("Asks for a withdrawal")
            .more(
                "The same name with the same content is the same withdrawal, for ever. A customer shows the second \
                 factor with it, or it waits for that; what somebody else asks for in a user's name wants another \
                 person.",
            )
            .needs_or_own(Permission::MoneyMove)
            .danger(Danger::Level2)
            .approvable(),
        named(Route::post("/v1/users/{user}/withdrawals/confirm", confirm))
            .says("Shows the second factor for a withdrawal that waits for it")
            .needs_or_own(Permission::MoneyMove)
            .danger(Danger::Level2),
        named(Route::post("/v1/users/{user}/withdrawals/cancel", cancel))
            .says("Takes a withdrawal back, as long as nothing of it is signed")
            .needs_or_own(Permission::MoneyMove)
            .danger(Danger::Level1),
    ]
}

async fn list(
    State(app): State<App>,
    session: OfSession,
    Name(user): Name,
    mut params: Params,
) -> Result<Seen<dto::Withdrawals>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let before = params.number("before", 1..=u64::MAX)?.map(WithdrawalId);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_MAX);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    params.end()?;
    let (user, is_inside) = (user_id(&user)?, session.customer().is_none());
    let seen = app.read_rows(freshness, move |state, rows| {
        known_user(state, user)?;
        let found = state.withdrawals_of(rows, user, before, limit).map_err(|halt| halt.problem())?;
        let next_before = found.last().filter(|_| found.len() == limit).map(|last| last.id.0);
        let withdrawals = found.iter().map(|one| view(state, rows, one, is_inside)).collect::<Result<_, _>>()?;
        Ok(dto::Withdrawals { withdrawals, next_before })
    });
    Ok(seen.await?)
}

/// A fee mode by its word.
pub(super) fn parse_mode(word: Option<&str>) -> Result<FeeMode, Problem> {
    match word {
        None | Some("deduct") => Ok(FeeMode::Deduct),
        Some("on-top") => Ok(FeeMode::OnTop),
        Some(_) => Err(Problem::new(Code::BadRequest, "`fee_mode` is `deduct` or `on-top`")),
    }
}

async fn request(
    State(app): State<App>,
    caller: Caller,
    session: OfSession,
    Name(user): Name,
    Body(request): Body<dto::RequestWithdrawal>,
) -> Result<Committed<dto::WithdrawalRequested>, Refused> {
    let (user, network) = (user_id(&user)?, parse_network(&request.network)?);
    let mode = parse_mode(request.fee_mode.as_deref())?;
    let id = app.command_id(request.command_id.as_deref())?;
    let (client_id, memo) = (request.client_id, request.memo);
    let read = app.read_rows(Freshness::Linearizable, move |state, rows| {
        let asset = asset(state, &request.asset)?;
        let to = chain_text::destination(state, network, Some(asset.number), "address", &request.address)?;
        let amount = amount("amount", &request.amount, asset.decimals)?;
        // It may be read again.
        let (client_id, memo) = (client_id.clone(), memo.clone());
        let order = Order { user, client_id, asset: asset.number, network, to, memo, amount, mode };
        let warning = looks_like(state, rows, &order)?;
        Ok((order, warning))
    });
    let (order, warning) = read.await?.value;
    let shown = prove(&app, &session, request.otp).await?;
    let proof = shown.map(|at| Proof { order: order.hash(), at });
    let command = RequestWithdrawal { order, proof };
    let effect = app.submit_as(caller.0, id, Change::RequestWithdrawal(Box::new(command))).await?;
    let Done::WithdrawalRequested { withdrawal, stage, first } = effect.done else { return Err(effect.unexpected()) };
    let (state, index, command_id) = (stage.as_str().to_owned(), effect.index, id.to_string());
    let asked = dto::WithdrawalRequested { withdrawal: withdrawal.0, state, first, warning, index, command_id };
    Ok(Committed(id, asked))
}

/// An open withdrawal of this user, and where it stands.
fn own(state: &Replicated, rows: &dyn Rows, user: UserId, id: WithdrawalId) -> Result<(Withdrawal, Stage), Problem> {
    let found = state.withdrawal(rows, id).map_err(|halt| halt.problem())?;
    // Of another's withdrawal nobody learns that there is one.
    let found = found.filter(|one| one.order.user == user).ok_or_else(|| unknown(id))?;
    let stage = state.withdrawals().stage(&found);
    if stage.is_over() {
        return Err(Refusal::Moved { stage }.problem());
    }
    Ok((found, stage))
}

async fn confirm(
    State(app): State<App>,
    caller: Caller,
    session: OfSession,
    Name(user): Name,
    Body(request): Body<dto::ConfirmWithdrawal>,
) -> Result<Committed<dto::WithdrawalMoved>, Refused> {
    let (user, withdrawal) = (user_id(&user)?, WithdrawalId(request.withdrawal));
    let id = app.command_id(request.command_id.as_deref())?;
    let read = app.read_rows(Freshness::Linearizable, move |state, rows| own(state, rows, user, withdrawal));
    let (one, from) = read.await?.value;
    let shown = prove(&app, &session, Some(request.otp)).await?;
    let at = shown.ok_or_else(|| Problem::new(Code::FactorMissing, "the second factor is needed"))?;
    let step = WithdrawalStep::Confirm(Proof { order: one.order.hash(), at });
    step_on(&app, caller.0, id, withdrawal, from, step).await
}

async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Name(user): Name,
    Body(request): Body<dto::NamedWithdrawal>,
) -> Result<Committed<dto::WithdrawalMoved>, Refused> {
    let (user, withdrawal) = (user_id(&user)?, WithdrawalId(request.withdrawal));
    let id = app.command_id(request.command_id.as_deref())?;
    let read = app.read_rows(Freshness::Linearizable, move |state, rows| own(state, rows, user, withdrawal));
    let from = read.await?.value.1;
    step_on(&app, caller.0, id, withdrawal, from, WithdrawalStep::Cancel).await
}

/// Moves a withdrawal from where it was found.
pub(super) async fn step_on(
    app: &App,
    actor: Actor,
    id: exchequer_domain::CommandId,
    withdrawal: WithdrawalId,
    from: Stage,
    step: WithdrawalStep,
) -> Result<Committed<dto::WithdrawalMoved>, Refused> {
    let command = StepWithdrawal { withdrawal, from, step };
    let effect = app.submit_as(actor, id, Change::StepWithdrawal(command)).await?;
    let Done::WithdrawalMoved { stage } = effect.done else { return Err(effect.unexpected()) };
    let (state, index, command_id) = (stage.as_str().to_owned(), effect.index, id.to_string());
    Ok(Committed(id, dto::WithdrawalMoved { withdrawal: withdrawal.0, state, index, command_id }))
}
