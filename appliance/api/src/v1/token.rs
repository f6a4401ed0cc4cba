//! `POST /v1/operator-token/rotate`: a new operator token; the old one is refused from then on.

use axum::Json;
use axum::extract::State;

use crate::app::App;
use crate::dto::{RotatedOperatorToken, WithReason};
use crate::extract::{Body, reason};
use crate::problem::Refused;
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::post("/v1/operator-token/rotate", rotate)]
}

async fn rotate(
    State(app): State<App>,
    Body(request): Body<WithReason>,
) -> Result<Json<RotatedOperatorToken>, Refused> {
    let reason = reason(request.reason)?;
    let backend = app.backend.clone();
    let operator_token = app.finish(async move { backend.rotate_operator_token(reason).await }).await?;
    Ok(Json(RotatedOperatorToken { operator_token }))
}
