//! Those who administer the exchange: listing, making and changing them; and what customers sign in with.

use axum::extract::State;
use exchequer_domain::{AdminId, Code, Problem};
use exchequer_state::api_keys::Range;
use exchequer_state::people::{self, Admin, AdminStatus, Permission, Principal, Role, customers};
use exchequer_state::settings::Danger;
use exchequer_state::{
    Body as Change, CreateAdmin, CredentialChange, Done, Rejection, SetCredentials, State as Exchange, UpdateAdmin,
};

use super::api_keys::{range, range_text};
use super::ledger::known_user;
use super::users::user_id;
use crate::app::App;
use crate::auth::Caller;
use crate::dto;
use crate::dto::shapes::SignInName;
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::Param;
use crate::people::{admin_named, password};
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::{Committed, Effect};

pub(crate) fn routes() -> Vec<Route> {
    let name = || Param::text::<SignInName>("name", "The admin's name or number");
    vec![
        Route::get("/v1/admins", list).needs(Permission::PeopleRead).says("Who administers the exchange"),
        Route::get("/v1/admins/{name}", one).needs(Permission::PeopleRead).says("One admin").named(name()),
        Route::post("/v1/admins", create)
            .approvable()
            .needs(Permission::PeopleChange)
            .danger(Danger::Level3)
            .says("Makes an admin")
            .more("The one-time password is in the answer and nowhere else. With the operator token only as long as there \
                   is no active owner."),
        Route::patch("/v1/admins/{name}", update)
            .approvable()
            .needs(Permission::PeopleChange)
            .danger(Danger::Level3)
            .says("Changes roles, status or addresses of an admin, whose sessions end; what is not given stays")
            .named(name()),
        Route::post("/v1/admins/{name}/reset", reset)
            .approvable()
            .needs(Permission::PeopleChange)
            .danger(Danger::Level3)
            .says("Gives an admin a one-time password; the second factor must be enrolled anew")
            .named(name()),
        Route::post("/v1/users/{user}/credentials", give)
            .approvable()
            .needs(Permission::UsersChange)
            .danger(Danger::Level3)
            .says("Gives a customer a name and a one-time password to sign in with")
            .more("The password is in the answer and nowhere else. A second factor must be enrolled anew. Where there was a password \
                   the user's API keys are revoked, and new ones refused for 24 hours.")
            .named(Param::number("user", 1, u64::MAX, "The user's number")),
    ]
}

async fn list(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Admins>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, |state| {
        Ok(dto::Admins { admins: state.people().admins().map(|admin| view(state, admin)).collect() })
    });
    Ok(seen.await?)
}

async fn one(State(app): State<App>, Name(name): Name, mut params: Params) -> Result<Seen<dto::Admin>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let seen = app.read(freshness, move |state| {
        let admin = admin_named(state, &name)?;
        state.people().admin(admin).map(|admin| view(state, admin)).ok_or_else(|| unknown(admin))
    });
    Ok(seen.await?)
}

fn unknown(admin: AdminId) -> Problem {
    Rejection::AdminUnknown { admin }.problem()
}

async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::CreateAdmin>,
) -> Result<Committed<dto::PasswordGiven>, Refused> {
    let reason = reason(request.reason)?;
    let name = request.name;
    people::check_admin_name(&name).map_err(|rejection| rejection.problem())?;
    let (roles, ranges) = (roles(&request.roles)?, ranges(request.addresses.unwrap_or_default())?);
    let id = app.command_id(None)?;
    let drawn = password::draw(&name)?;
    let password = app.hash_password(drawn.clone(), &name).await?;
    let command = CreateAdmin {
        name: name.clone(),
        person: request.person,
        roles,
        ranges,
        password,
        must_change: true,
        totp: None,
        recovery: Vec::new(),
        reason,
    };
    let sent = app.submit_as(caller.0, id, Change::CreateAdmin(Box::new(command))).await;
    let effect = sent.map_err(|refused| refused.with_once(&drawn))?;
    let Done::AdminCreated { admin } = effect.done else { return Err(effect.unexpected()) };
    Ok(given(u64::from(admin.0), name, &drawn, &effect))
}

fn given(number: u64, name: String, password: &str, effect: &Effect) -> Committed<dto::PasswordGiven> {
    let (one_time_password, command_id) = (password.to_owned(), effect.id.to_string());
    Committed(effect.id, dto::PasswordGiven { number, name, one_time_password, index: effect.index, command_id })
}

async fn update(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::UpdateAdmin>,
) -> Result<Committed<dto::AdminUpdated>, Refused> {
    let reason = reason(request.reason)?;
    let roles = request.roles.as_deref().map(roles).transpose()?;
    let ranges = request.addresses.map(ranges).transpose()?;
    let status = match request.status.as_deref() {
        None => None,
        Some("active") => Some(AdminStatus::Active),
        Some("disabled") => Some(AdminStatus::Disabled),
        Some(_) => return Err(Problem::new(Code::BadRequest, "`status` is active or disabled").into()),
    };
    let id = app.command_id(request.command_id.as_deref())?;
    let admin = app.read(Freshness::Linearizable, move |state| admin_named(state, &name)).await?.value;
    let command = UpdateAdmin { admin, roles, status, ranges, reason };
    let effect = app.submit_as(caller.0, id, Change::UpdateAdmin(command)).await?;
    let Done::AdminUpdated { changed } = effect.done else { return Err(effect.unexpected()) };
    let (admin, index, command_id) = (admin.0, effect.index, id.to_string());
    Ok(Committed(id, dto::AdminUpdated { admin, changed, index, command_id }))
}

async fn reset(
    State(app): State<App>,
    caller: Caller,
    Name(name): Name,
    Body(request): Body<dto::ResetAdmin>,
) -> Result<Committed<dto::PasswordGiven>, Refused> {
    let reason = reason(request.reason)?;
    let found = app.read(Freshness::Linearizable, move |state| {
        let admin = admin_named(state, &name)?;
        let credentials = state.people().credentials(admin).ok_or_else(|| unknown(admin))?;
        Ok((admin, credentials.name.clone(), credentials.revision))
    });
    let (admin, name, revision) = found.await?.value;
    let drawn = password::draw(&name)?;
    let change = CredentialChange::Reset { password: app.hash_password(drawn.clone(), &name).await? };
    let sent = set(&app, caller, Principal::Admin(admin), revision, change, reason).await;
    let effect = sent.map_err(|refused| refused.with_once(&drawn))?;
    Ok(given(u64::from(admin.0), name, &drawn, &effect))
}

async fn give(
    State(app): State<App>,
    caller: Caller,
    Name(user): Name,
    Body(request): Body<dto::GiveCredentials>,
) -> Result<Committed<dto::PasswordGiven>, Refused> {
    let user = user_id(&user)?;
    let reason = reason(request.reason)?;
    let name = request.name;
    people::check_sign_in_name(&name).map_err(|rejection| rejection.problem())?;
    let found = app.read_rows(Freshness::Linearizable, move |state, rows| {
        known_user(state, user)?;
        let credentials = customers::credentials(rows, user).map_err(|halt| halt.problem())?;
        Ok(credentials.map_or(0, |credentials| credentials.revision))
    });
    let revision = found.await?.value;
    let drawn = password::draw(&name)?;
    let hashed = app.hash_password(drawn.clone(), &name).await?;
    let change = CredentialChange::Begin { name: name.clone(), password: hashed };
    let sent = set(&app, caller, Principal::User(user), revision, change, reason).await;
    let effect = sent.map_err(|refused| refused.with_once(&drawn))?;
    Ok(given(user.0, name, &drawn, &effect))
}

async fn set(
    app: &App,
    caller: Caller,
    of: Principal,
    revision: u64,
    change: CredentialChange,
    reason: String,
) -> Result<Effect, Refused> {
    let body = SetCredentials { of, revision, change, session: None, reason };
    let effect = app.submit_as(caller.0, app.command_id(None)?, Change::SetCredentials(Box::new(body))).await?;
    if let Done::CredentialsSet { .. } = effect.done { Ok(effect) } else { Err(effect.unexpected()) }
}

fn roles(words: &[String]) -> Result<Vec<Role>, Problem> {
    let one = |word: &String| {
        word.parse().map_err(|_| {
            let known: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
            Problem::new(Code::BadRequest, format!("`roles` are of {}", known.join(", ")))
        })
    };
    words.iter().map(one).collect()
}

fn ranges(texts: Vec<String>) -> Result<Vec<Range>, Problem> {
    texts.iter().map(|text| range(text)).collect()
}

fn view(state: &Exchange, admin: &Admin) -> dto::Admin {
    let people = state.people();
    let credentials = people.credentials(admin.id);
    let locked = credentials.filter(|known| known.attempts.is_locked(state.time()));
    let permissions =
        Permission::ALL.iter().filter(|one| admin.roles.iter().any(|role| role.permissions().contains(one)));
    dto::Admin {
        admin: admin.id.0,
        name: admin.name.clone(),
        person: admin.person.clone(),
        roles: admin.roles.iter().map(ToString::to_string).collect(),
        permissions: permissions.map(ToString::to_string).collect(),
        status: admin.status.as_str().to_owned(),
        addresses: admin.ranges.iter().map(range_text).collect(),
        second_factor: credentials.is_some_and(|known| known.totp.is_some()),
        recovery_codes: credentials.map_or(0, |known| u32::try_from(known.recovery.len()).unwrap_or(u32::MAX)),
        must_change_password: credentials.is_some_and(|known| known.must_change),
        locked_until: locked.map(|known| known.attempts.locked_until.to_string()),
        sessions: u32::try_from(people.sessions_of(admin.id).count()).unwrap_or(u32::MAX),
        created_at: admin.created_at.to_string(),
    }
}
