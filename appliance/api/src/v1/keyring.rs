//! `POST /v1/keyring/export`: the key to everything that is sealed, without which no snapshot can be restored.

use axum::Json;
use axum::extract::State;

use crate::app::App;
use crate::dto::{ExportedKeyring, WithReason};
use crate::extract::{Body, reason};
use crate::problem::Refused;
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::post("/v1/keyring/export", export).says("The keyring, with which a snapshot can be restored")]
}

async fn export(State(app): State<App>, Body(request): Body<WithReason>) -> Result<Json<ExportedKeyring>, Refused> {
    let reason = reason(request.reason)?;
    let backend = app.backend.clone();
    let keyring = app.finish(async move { backend.export_keyring(reason).await }).await?;
    Ok(Json(ExportedKeyring { keyring }))
}
