//! `POST /v1/snapshot`: takes a snapshot and streams it as one file.

use axum::body::Body as Stream;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::auth::Caller;
use crate::dto::WithReason;
use crate::extract::{Body, reason};
use crate::problem::Refused;
use crate::route::Route;
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::post("/v1/snapshot", save)
            .needs(Permission::SnapshotSave)
            .danger(Danger::Level1)
            .fresh()
            .slow()
            .says("Takes a snapshot and sends it as one file")
            .gives(&["application/zstd"]),
    ]
}

/// A failure after the first byte cuts the answer off; the file's own end mark tells a cut one from a whole one.
async fn save(State(app): State<App>, caller: Caller, Body(request): Body<WithReason>) -> Result<Response, Refused> {
    let reason = reason(request.reason)?;
    let backend = app.backend.clone();
    let stream = app.finish(async move { backend.save_snapshot(caller.0, reason).await }).await?;
    Ok(([(header::CONTENT_TYPE, "application/zstd")], Stream::from_stream(stream)).into_response())
}
