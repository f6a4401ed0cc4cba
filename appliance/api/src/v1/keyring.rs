//! `POST /v1/keyring/export`: the key to everything that is sealed, without which no snapshot can be restored.

use axum::Json;
use axum::extract::State;

use crate::app::App;
use crate::auth::Caller;
use crate::dto::{ExportedKeyring, WithReason};
use crate::extract::{Body, reason};
use crate::problem::Refused;
use crate::route::Route;
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/keyring/export", export)
            .needs(Permission::KeyringExport)
            .danger(Danger::Level3)
            .says("The keyring, with which a snapshot can be restored"),
    ]
}

async fn export(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<WithReason>,
) -> Result<Json<ExportedKeyring>, Refused> {
    let reason = reason(request.reason)?;
    let backend = app.backend.clone();
    let keyring = app.finish(async move { backend.export_keyring(caller.0, reason).await }).await?;
    Ok(Json(ExportedKeyring { keyring }))
}
