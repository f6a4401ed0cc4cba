//! `POST /v1/ledger/dry-run`: what moving money would do now. It is an address of its own and not a part of a query, so
//! that nobody moves money who has misspelt it.

use axum::extract::State;
use exchequer_domain::{Code, Problem, format_decimal};
use exchequer_state::ledger::{AccountKey, Rehearsed, Sums};
use exchequer_state::{Body as Change, Done, DryRun, Outcome, Rejection, State as Exchange};

use super::ledger::balance_text;
use super::ledger_changes::{credit_of, revert_of, transfer_of};
use crate::app::App;
use crate::extract::{Body, Params};
use crate::money::{asset_of, posted, transfer_text};
use crate::problem::Refused;
use crate::read::{Freshness, Limit, Seen};
use crate::route::Route;
use crate::{dto, words};
use exchequer_state::people::Permission;

pub(crate) fn routes() -> Vec<Route> {
    let route = Route::post("/v1/ledger/dry-run", dry_run)
        .needs(Permission::LedgerRead)
        .says("What moving money would do now; nothing changes");
    vec![route.more("The body names one of the requests that move money, as it would be sent. What is remembered of a command id that was \
         used before is not looked at; of a transfer's id, it is.")]
}

async fn dry_run(
    State(app): State<App>,
    mut params: Params,
    Body(request): Body<dto::DryRun>,
) -> Result<Seen<dto::DryRunResult>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let of = |id: Option<&str>| app.command_id(id);
    let (id, change) = match request {
        dto::DryRun::Transfer(request) => {
            let command_id = of(request.command_id.as_deref())?;
            let command = transfer_of(&app, request, command_id).await?;
            (command.id, Change::TransferBetweenUsers(command))
        }
        dto::DryRun::Credit(request) => {
            let command = credit_of(&app, &request, of(request.command_id.as_deref())?).await?;
            (command.id, Change::CreditSandbox(command))
        }
        dto::DryRun::Revert(request) => {
            let command_id = of(request.command_id.as_deref())?;
            let command = revert_of(request, command_id)?;
            (command.id, Change::RevertTransfer(command))
        }
    };
    app.read(freshness, |_| Ok(())).await?;
    let backend = app.backend.clone();
    // Rows may be on disk.
    let ran = tokio::task::spawn_blocking(move || backend.dry_run(change)).await;
    let ended = || Problem::new(Code::Internal, "the dry run ended unexpectedly");
    let (DryRun { outcome, postings }, at) = ran.map_err(|_| ended())??;
    // Nothing of an asset ever changes.
    let entries = app.read(Freshness::Local(Limit::None), |state| {
        postings.iter().map(|posted| foreseen(state, posted)).collect::<Result<Vec<_>, Problem>>()
    });
    let entries = entries.await?.value;
    let (word, error, burns_id) = match outcome {
        Outcome::Done(Done::Transfer(done)) => match posted(&done) {
            Some(done) if done.existed => ("exists", None, false),
            Some(_) | None => ("posted", None, false),
        },
        Outcome::Done(_) => return Err(Problem::new(Code::Internal, "a dry run of something else").into()),
        Outcome::Rejected(rejection) => {
            let burns = matches!(&rejection, Rejection::Ledger(why) if why.burns());
            ("refused", Some(rejection.problem()), burns)
        }
    };
    let value = dto::DryRunResult { id: transfer_text(id), outcome: word.to_owned(), error, burns_id, entries };
    Ok(Seen { value, at })
}

fn foreseen(state: &Exchange, posted: &Rehearsed) -> Result<dto::ForeseenEntry, Problem> {
    let posting = &posted.posting;
    let asset = asset_of(state, posted.debit.asset)?;
    let balance = |key: &AccountKey, sums: &Sums| balance_text(sums, key.holder.normal_side(), asset.decimals);
    Ok(dto::ForeseenEntry {
        number: posted.number,
        kind: words::kind(posting.kind).to_owned(),
        reason: words::reason(posting.cause.reason).to_owned(),
        transfer: transfer_text(posting.transfer),
        debit_holder: words::holder(posted.debit.holder),
        debit_balance: balance(&posted.debit, &posting.debit_after),
        credit_holder: words::holder(posted.credit.holder),
        credit_balance: balance(&posted.credit, &posting.credit_after),
        asset: asset.code.clone(),
        amount: format_decimal(posting.amount, asset.decimals),
    })
}
