//! `POST /v1/operator-token/rotate`: a new operator token; the old one is refused from then on.
//!
//! Only the new token's hash comes here: whoever asks knows the token before it holds, so that a lost answer locks nobody
//! out.

use axum::extract::State;
use exchequer_domain::{Code, Digest, Problem};
use exchequer_state::{Body as Change, Done, RotateOperatorToken};

use crate::app::App;
use crate::auth::Caller;
use crate::dto;
use crate::extract::{Body, reason};
use crate::problem::Refused;
use crate::route::Route;
use crate::submit::Committed;
use exchequer_state::settings::Danger;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/operator-token/rotate", rotate)
            .danger(Danger::Level2)
            .says("Replaces the operator token; the old one is refused from then on")
            .more("The caller draws the new token and sends its hash, so that a lost answer locks nobody out."),
    ]
}

async fn rotate(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::RotateOperatorToken>,
) -> Result<Committed<dto::OperatorTokenRotated>, Refused> {
    let reason = reason(request.reason)?;
    let hash: Result<Digest, _> = request.new_hash.parse();
    let Digest(new_hash) = hash.map_err(|error| Problem::new(Code::BadRequest, format!("`new_hash`: {error}")))?;
    let id = app.command_id(request.command_id.as_deref())?;
    let effect =
        app.submit_as(caller.0, id, Change::RotateOperatorToken(RotateOperatorToken { new_hash, reason })).await?;
    let Done::OperatorTokenRotated = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::OperatorTokenRotated { index: effect.index, command_id: id.to_string() }))
}
