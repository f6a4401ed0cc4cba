//! Users: who there is, creating and changing them.

use axum::extract::State;
use exchequer_domain::{Code, Problem, UserId};
use exchequer_state::users::{self, User};
use exchequer_state::{Body as Change, CreateUser, CreateUsers, Done, Rejection, Rows, UpdateUser};

use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;
use crate::{dto, words};
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;

/// Users in one answer, at most: their labels are looked up row by row.
const LIMIT_MAX: u64 = 100;

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/users", page).needs(Permission::UsersRead).says("Users, by number").asks([
            Param::number("from", 1, u64::MAX, "The first one"),
            Param::number("limit", 1, LIMIT_MAX, "Users in the answer, at most"),
        ]),
        Route::post("/v1/users", create)
            .needs(Permission::UsersChange)
            .says("Creates a user; in a sandbox also many at once"),
        Route::get("/v1/users/{user}", one).needs_or_own(Permission::UsersRead).says("One user").named(Param::number(
            "user",
            1,
            u64::MAX,
            "The user's number",
        )),
        Route::patch("/v1/users/{user}", update)
            .needs(Permission::UsersChange)
            .danger(Danger::Level1)
            .says("Changes a user; what is not given stays")
            .named(Param::number("user", 1, u64::MAX, "The user's number")),
    ]
}

/// The number that a client names a user by.
pub(super) fn user_id(text: &str) -> Result<UserId, Problem> {
    // Rust would take a plus sign.
    let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    number.ok_or_else(|| Problem::new(Code::BadRequest, "a user's number is a whole number from 1"))
}

async fn page(State(app): State<App>, mut params: Params) -> Result<Seen<dto::Users>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    let from = params.number("from", 1..=u64::MAX)?.unwrap_or(1);
    let limit = params.number("limit", 1..=LIMIT_MAX)?.unwrap_or(LIMIT_MAX);
    params.end()?;
    let seen = app.read_rows(freshness, move |state, rows| {
        let count = state.users().count();
        let some = state.users().from(UserId(from)).take(usize::try_from(limit).unwrap_or(usize::MAX));
        let users = some.map(|(id, user)| view(rows, id, user)).collect::<Result<Vec<_>, Problem>>()?;
        let next = from.saturating_add(limit);
        Ok(dto::Users { users, count, next_from: (next <= count).then_some(next) })
    });
    Ok(seen.await?)
}

async fn one(State(app): State<App>, Name(user): Name, mut params: Params) -> Result<Seen<dto::User>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let id = user_id(&user)?;
    let seen = app.read_rows(freshness, move |state, rows| {
        let user = state.users().get(id).ok_or_else(|| Rejection::UserUnknown { user: id }.problem())?;
        view(rows, id, user)
    });
    Ok(seen.await?)
}

fn view(rows: &dyn Rows, id: UserId, user: &User) -> Result<dto::User, Problem> {
    Ok(dto::User {
        user: id.0,
        label: users::label(rows, id).map_err(|halt| halt.problem())?,
        kyc_level: user.kyc_level,
        fee_tier: user.fee_tier,
        status: words::status(user.status).to_owned(),
        created_at: user.created_at.to_string(),
    })
}

async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<dto::CreateUser>,
) -> Result<Committed<dto::UserCreated>, Refused> {
    let id = app.command_id(request.command_id.as_deref())?;
    let (kyc_level, fee_tier) = (request.kyc_level.unwrap_or(0), request.fee_tier.unwrap_or(0));
    let change = match request.count {
        None => Change::CreateUser(CreateUser { label: request.label.unwrap_or_default(), kyc_level, fee_tier }),
        Some(count) if request.label.is_none() => Change::CreateUsers(CreateUsers { count, kyc_level, fee_tier }),
        Some(_) => return Err(Problem::new(Code::BadRequest, "`count` makes users without a `label`").into()),
    };
    let effect = app.submit_as(caller.0, id, change).await?;
    let (user, count) = match effect.done {
        Done::UserCreated { user } => (user, 1),
        Done::UsersCreated { first, count } => (first, count),
        _ => return Err(effect.unexpected()),
    };
    let answer = dto::UserCreated { user: user.0, count, index: effect.index, command_id: id.to_string() };
    Ok(Committed(id, answer))
}

async fn update(
    State(app): State<App>,
    caller: Caller,
    Name(user): Name,
    Body(request): Body<dto::UpdateUser>,
) -> Result<Committed<dto::UserUpdated>, Refused> {
    let user = user_id(&user)?;
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    let status = request.status.as_deref().map(words::parse_status).transpose()?;
    let (kyc_level, fee_tier, label) = (request.kyc_level, request.fee_tier, request.label);
    let command = UpdateUser { user, kyc_level, fee_tier, status, label, reason };
    let effect = app.submit_as(caller.0, id, Change::UpdateUser(command)).await?;
    let Done::UserUpdated { changed } = effect.done else { return Err(effect.unexpected()) };
    let answer = dto::UserUpdated { user: user.0, changed, index: effect.index, command_id: id.to_string() };
    Ok(Committed(id, answer))
}
