//! Moving money by hand: between users, out of nothing in a sandbox, and back.

use axum::extract::State;
use exchequer_domain::{CommandId, Problem, UserId};
use exchequer_state::ledger::{Asset, TransferId};
use exchequer_state::{Body as Change, CreditSandbox, Done, RevertTransfer, TransferBetweenUsers};

use crate::app::App;
use crate::auth::Caller;
use crate::dto;
use crate::extract::{Body, reason};
use crate::money::{amount, asset, parse_transfer, posted, transfer_id, transfer_text};
use crate::problem::Refused;
use crate::read::{Freshness, Limit};
use crate::route::Route;
use crate::submit::{Committed, Effect};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/ledger/transfers", between)
            .approvable()
            .needs(Permission::MoneyMove)
            .danger(Danger::Level2)
            .fresh()
            .says("Moves money from one user to another"),
        Route::post("/v1/ledger/credit", credit)
            .needs(Permission::SandboxPlay)
            .says("Gives a user money out of nothing; sandbox clusters only"),
        Route::post("/v1/ledger/revert", revert)
            .approvable()
            .needs(Permission::MoneyMove)
            .danger(Danger::Level2)
            .fresh()
            .says("Undoes a transfer by a counter-entry"),
    ]
}

/// An asset's number and an amount of it. Nothing of an asset ever changes, so what this node has is good enough, unless
/// it does not have the asset yet.
async fn of_asset(app: &App, code: &str, text: &str) -> Result<(Asset, u128), Problem> {
    let look = |state: &exchequer_state::State| asset(state, code).map(|asset| (asset.number, asset.decimals));
    let found = match app.read(Freshness::Local(Limit::None), look).await {
        Ok(found) => found,
        Err(_) => app.read(Freshness::Linearizable, look).await?,
    };
    let (number, decimals) = found.value;
    Ok((number, amount("amount", text, decimals)?))
}

async fn between(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::TransferBetweenUsers>,
) -> Result<Committed<dto::TransferPosted>, Refused> {
    let command_id = app.command_id(request.command_id.as_deref())?;
    let command = transfer_of(&app, request, command_id).await?;
    answer(command.id, app.submit_as(caller.0, command_id, Change::TransferBetweenUsers(command)).await?)
}

async fn credit(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::CreditUser>,
) -> Result<Committed<dto::TransferPosted>, Refused> {
    let command_id = app.command_id(request.command_id.as_deref())?;
    let command = credit_of(&app, &request, command_id).await?;
    answer(command.id, app.submit_as(caller.0, command_id, Change::CreditSandbox(command)).await?)
}

async fn revert(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::RevertTransfer>,
) -> Result<Committed<dto::TransferPosted>, Refused> {
    let command_id = app.command_id(request.command_id.as_deref())?;
    let command = revert_of(request, command_id)?;
    answer(command.id, app.submit_as(caller.0, command_id, Change::RevertTransfer(command)).await?)
}

pub(super) async fn transfer_of(
    app: &App,
    request: dto::TransferBetweenUsers,
    command_id: CommandId,
) -> Result<TransferBetweenUsers, Problem> {
    let id = transfer_id(request.id.as_deref(), command_id)?;
    let (asset, amount) = of_asset(app, &request.asset, &request.amount).await?;
    let (from, to, note) = (UserId(request.from), UserId(request.to), request.note.map(String::into_boxed_str));
    Ok(TransferBetweenUsers { from, to, asset, amount, id, note })
}

pub(super) async fn credit_of(
    app: &App,
    request: &dto::CreditUser,
    command_id: CommandId,
) -> Result<CreditSandbox, Problem> {
    let id = transfer_id(request.id.as_deref(), command_id)?;
    let (asset, amount) = of_asset(app, &request.asset, &request.amount).await?;
    Ok(CreditSandbox { user: UserId(request.user), asset, amount, id })
}

pub(super) fn revert_of(request: dto::RevertTransfer, command_id: CommandId) -> Result<RevertTransfer, Problem> {
    let reason = reason(request.reason)?;
    let id = transfer_id(request.id.as_deref(), command_id)?;
    Ok(RevertTransfer { id, of: parse_transfer("transfer", &request.transfer)?, reason })
}

fn answer(id: TransferId, effect: Effect) -> Result<Committed<dto::TransferPosted>, Refused> {
    let Done::Transfer(done) = &effect.done else { return Err(effect.unexpected()) };
    let posted = posted(done).ok_or_else(|| effect.unexpected())?;
    let answer = dto::TransferPosted {
        id: transfer_text(id),
        first_entry: posted.first,
        entries: posted.postings,
        existed: posted.existed,
        index: effect.index,
        command_id: effect.id.to_string(),
    };
    Ok(Committed(effect.id, answer))
}
