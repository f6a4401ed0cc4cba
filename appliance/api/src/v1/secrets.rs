//! Secrets: put, listed without their text, removed. What comes in is sealed here and goes nowhere else.

use axum::extract::State;
use exchequer_domain::Problem;
use exchequer_state::people::Permission;
use exchequer_state::secrets::{REFERENCE, Secret, TEXT_BYTES_MAX, purpose};
use exchequer_state::settings::Danger;
use exchequer_state::{Body as Change, Done, Field, PutSecret, Rejection, RemoveSecret, State as Replicated};

use crate::app::App;
use crate::auth::Caller;
use crate::dto;
use crate::dto::shapes;
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;

pub(crate) fn routes() -> Vec<Route> {
    let name = || Param::text::<shapes::SecretName>("name", "The secret");
    vec![
        Route::get("/v1/secrets", list).says("All secrets, without their texts").needs(Permission::SecretsChange),
        Route::put("/v1/secrets/{name}", put)
            .approvable()
            .says("Puts a secret; a former version is gone")
            .more("The text is sealed before it is stored, and no answer shows it. A lost answer is made good by looking at the version.")
            .named(name())
            .needs(Permission::SecretsChange)
            .danger(Danger::Level2)
            .fresh(),
        Route::post("/v1/secrets/{name}/remove", remove)
            .approvable()
            .says("Removes a secret that nothing refers to")
            .named(name())
            .needs(Permission::SecretsChange)
            .danger(Danger::Level2)
            .fresh(),
    ]
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Secrets>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        Ok(dto::Secrets { secrets: state.secrets().iter().map(|secret| view(state, secret)).collect() })
    });
    Ok(seen.await?)
}

async fn put(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::PutSecret>,
) -> Result<Committed<dto::SecretPut>, Refused> {
    let reason = reason(request.reason)?;
    let text = request.value.0;
    if !(1..=TEXT_BYTES_MAX).contains(&text.len()) {
        return Err(Rejection::Invalid { field: Field::SecretText }.problem().into());
    }
    // Sealed anew each time, so that the same command could not be sent twice: its id is always a fresh one.
    let id = app.command_id(None)?;
    let sealed = seal(&app, &name, text.as_bytes())?;
    let command = PutSecret { name: name.clone(), sealed, if_version: request.if_version, reason };
    let effect = app.submit_as(caller.0, id, Change::PutSecret(command)).await?;
    let Done::SecretPut { version } = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::SecretPut { name, version, index: effect.index, command_id: id.to_string() }))
}

/// The sealed text, once it is known to open again: what does not would be noticed only when it is needed.
fn seal(app: &App, name: &str, text: &[u8]) -> Result<Vec<u8>, Problem> {
    let sealed = app.backend.seal(&purpose(name), text)?;
    match app.backend.unseal(&purpose(name), &sealed)?.as_slice() == text {
        true => Ok(sealed),
        false => Err(Problem::new(exchequer_domain::Code::Internal, "the sealed secret opens to something else")),
    }
}

async fn remove(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::RemoveNamed>,
) -> Result<Committed<dto::NamedRemoved>, Refused> {
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let command = RemoveSecret { name: name.clone(), reason };
    let effect = app.submit_as(caller.0, id, Change::RemoveSecret(command)).await?;
    let Done::SecretRemoved = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::NamedRemoved { name, index: effect.index, command_id: id.to_string() }))
}

fn view(state: &Replicated, secret: &Secret) -> dto::Secret {
    dto::Secret {
        name: secret.name.clone(),
        reference: format!("{REFERENCE}{}", secret.name),
        version: secret.version,
        created_at: secret.created_at.to_string(),
        changed: dto::Changed {
            by: secret.changed_by.to_string(),
            reason: secret.reason.clone(),
            at: secret.changed_at.to_string(),
        },
        used_by: state.networks().user_of_secret(&secret.name).map(|network| network.to_string()),
    }
}
