//! Scratch values, for benches, drills and tests. Sandbox clusters only.

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exchequer_domain::{Code, Problem};
use exchequer_state::{Body as Change, Done, Family, Field, PutScratch, Rejection, scratch};

use crate::app::App;
use crate::auth::Caller;
use crate::dto::shapes;
use crate::dto::{self, ScratchPut, ScratchValue};
use crate::extract::{Body, Name, Params};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen, unreadable};
use crate::route::Route;
use crate::submit::Committed;
use exchequer_state::people::Permission;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::put("/v1/scratch/{key}", put)
            .needs(Permission::SandboxPlay)
            .says("Writes a scratch value; sandbox clusters only")
            .named(Param::text::<shapes::ScratchKey>("key", "Its key")),
        Route::get("/v1/scratch/{key}", get)
            .needs(Permission::SandboxPlay)
            .says("A scratch value; sandbox clusters only")
            .named(Param::text::<shapes::ScratchKey>("key", "Its key")),
    ]
}

async fn put(
    State(app): State<App>,
    caller: Caller,
    Name(key): Name,
    Body(request): Body<dto::PutScratch>,
) -> Result<Committed<ScratchPut>, Refused> {
    let id = app.command_id(request.command_id.as_deref())?;
    let value = STANDARD.decode(&request.value);
    let value = value.map_err(|_| Problem::new(Code::BadRequest, "`value` is not base64 with padding"))?;
    let (key, expect) = (key.into_bytes(), request.expect);
    // What the log would not take is refused before it gets there.
    if key.len() > scratch::KEY_BYTES_MAX {
        return Err(Rejection::Invalid { field: Field::ScratchKey }.problem().into());
    }
    if value.len() > scratch::VALUE_BYTES_MAX {
        return Err(Rejection::Invalid { field: Field::ScratchValue }.problem().into());
    }
    let effect = app.submit_as(caller.0, id, Change::PutScratch(PutScratch { key, value, expect })).await?;
    let Done::ScratchPut { version } = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, ScratchPut { version, index: effect.index, command_id: id.to_string() }))
}

async fn get(State(app): State<App>, Name(key): Name, mut params: Params) -> Result<Seen<ScratchValue>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read_rows(freshness, move |state, rows| {
        if !state.cluster().is_some_and(|cluster| cluster.sandbox) {
            return Err(Rejection::SandboxOnly.problem());
        }
        let row = rows.get(Family::Ids, &scratch::key(key.as_bytes())).map_err(unreadable)?;
        let row = row.ok_or_else(|| Problem::new(Code::NotFound, "there is no scratch value under this key"))?;
        let (version, value) = scratch::decode(&row).map_err(unreadable)?;
        Ok(ScratchValue { value: STANDARD.encode(value), version })
    });
    Ok(seen.await?)
}
