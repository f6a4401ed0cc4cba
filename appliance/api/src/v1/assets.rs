//! Assets: what there is, and creating one.

use axum::extract::State;
use exchequer_state::assets::AssetRecord;
use exchequer_state::{Body as Change, CreateAsset, Done};

use crate::app::App;
use crate::auth::Caller;
use crate::dto;
use crate::extract::{Body, Params, reason};
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;
use exchequer_state::people::Permission;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/assets", list).needs(Permission::MarketsRead).says("All assets"),
        Route::post("/v1/assets", create).needs(Permission::MarketsChange).says("Creates an asset"),
    ]
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Assets>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| Ok(dto::Assets { assets: state.assets().iter().map(view).collect() }));
    Ok(seen.await?)
}

fn view(asset: &AssetRecord) -> dto::Asset {
    dto::Asset {
        code: asset.code.clone(),
        number: asset.number.0,
        decimals: asset.decimals,
        name: asset.name.clone(),
        created_at: asset.created_at.to_string(),
    }
}

async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::CreateAsset>,
) -> Result<Committed<dto::AssetCreated>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let code = request.code.clone();
    let command = CreateAsset { code: request.code, decimals: request.decimals, name: request.name, reason };
    let effect = app.submit_as(caller.0, id, Change::CreateAsset(command)).await?;
    let Done::AssetCreated { asset } = effect.done else { return Err(effect.unexpected()) };
    let answer = dto::AssetCreated { code, number: asset.0, index: effect.index, command_id: id.to_string() };
    Ok(Committed(id, answer))
}
