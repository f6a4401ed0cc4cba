//! Signing in and out, showing the second factor again, and which sessions are open: of admins under `/v1/session`, of
//! customers under `/v1/users/session`. What is behind both is the same.

use axum::Json;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use exchequer_domain::{Code, Problem};
use exchequer_state::people::{Limits, Permission, Principal, Session, SessionId, customers};
use exchequer_state::settings::Danger;
use exchequer_state::{Body as Change, CloseSessions, Done, StepUp, Which};
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use zeroize::Zeroizing;

use super::ledger::known_user;
use super::users::user_id;
use crate::app::App;
use crate::auth::{Caller, Signed, Visitor};
use crate::dto;
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::{Output, Param, Shape};
use crate::people::token::{Token, no_cookie};
use crate::people::{Open, Realm, Shown, SignIn, admin_named, check_factor};
use crate::problem::{Refused, text};
use crate::read::{Freshness, Seen};
use crate::route::{Access, Route};

const SIGN_IN: &str = "One refusal for whatever is wrong. A browser gets a cookie and a token against forged requests, a \
                       program that asks for `bearer` a token.";

pub(crate) fn routes() -> Vec<Route> {
    let both = [("/v1/session", "/v1/sessions"), ("/v1/users/session", "/v1/users/sessions")];
    let of = |at: usize| if at == 0 { Access::Session } else { Access::Customer };
    let [admin, user] = both;
    let mut routes = vec![
        Route::post(admin.0, sign_in).open_to(Access::SignIn).says("Signs an admin in").more(SIGN_IN),
        Route::post(user.0, sign_in_customer).open_to(Access::SignIn).says("Signs a customer in").more(SIGN_IN),
    ];
    for (at, (one, all)) in both.into_iter().enumerate() {
        let step_up = if at == 0 { "/v1/session/step-up" } else { "/v1/users/session/step-up" };
        let revoke = if at == 0 { "/v1/sessions/revoke" } else { "/v1/users/sessions/revoke" };
        routes.extend([
            Route::get(one, show).open_to(of(at)).says("The session that asks"),
            Route::delete(one, sign_out).open_to(of(at)).forgets().says("Ends the session that asks"),
            Route::post(step_up, step_up_handler).open_to(of(at)).says("Shows the second factor again"),
            Route::get(all, list).open_to(of(at)).says("The open sessions: one's own, or with the permission all"),
            Route::post(revoke, revoke_handler)
                .open_to(of(at))
                .danger(Danger::Level1)
                .says("Ends sessions: one's own, or with the permission those of others"),
        ]);
    }
    routes.push(
        Route::post("/v1/users/{user}/sessions/revoke", revoke_of_user)
            .needs(Permission::UsersChange)
            .danger(Danger::Level1)
            .says("Ends every session of a customer")
            .named(Param::number("user", 1, u64::MAX, "The user's number")),
    );
    routes
}

/// An answer that may give the browser a cookie.
pub(super) struct Kept<T>(pub(super) Option<String>, pub(super) T);

impl<T: Serialize> IntoResponse for Kept<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        if let Some(cookie) = self.0 {
            response.headers_mut().insert(SET_COOKIE, text(&cookie));
        }
        response
    }
}

impl<T: JsonSchema> Output for Kept<T> {
    fn describe(shape: &mut Shape) {
        shape.answer = Some(SchemaGenerator::subschema_for::<T>);
    }
}

async fn sign_in(
    State(app): State<App>,
    visitor: Visitor,
    Body(request): Body<dto::SignIn>,
) -> Result<Kept<dto::SignedIn>, Refused> {
    enter(app, Realm::Admins, visitor, request).await
}

async fn sign_in_customer(
    State(app): State<App>,
    visitor: Visitor,
    Body(request): Body<dto::SignIn>,
) -> Result<Kept<dto::SignedIn>, Refused> {
    enter(app, Realm::Customers, visitor, request).await
}

async fn enter(app: App, realm: Realm, visitor: Visitor, request: dto::SignIn) -> Result<Kept<dto::SignedIn>, Refused> {
    let shown = match (request.otp, request.recovery_code) {
        (None, None) => Shown::Nothing,
        (Some(code), None) => Shown::Code(Zeroizing::new(code)),
        (None, Some(code)) => Shown::Recovery(Zeroizing::new(code)),
        (Some(_), Some(_)) => return Err(both()),
    };
    let address = visitor.address;
    let sign_in = SignIn {
        realm,
        name: request.name.trim().to_lowercase(),
        password: Zeroizing::new(request.password),
        shown,
        address,
        agent: visitor.agent,
    };
    let token = app.sign_in(sign_in).await?;
    let open = app.session(realm, &token, address)?;
    let is_program = request.bearer == Some(true);
    Ok(kept(&open, &token, !is_program))
}

fn both() -> Refused {
    Problem::new(Code::BadRequest, "give `otp` or `recovery_code`, not both").into()
}

/// A session under a new token.
pub(super) fn kept(open: &Open, token: &Token, is_cookie: bool) -> Kept<dto::SignedIn> {
    let realm = Realm::of(open.of());
    let mut signed = view(open, token, is_cookie);
    if is_cookie {
        return Kept(Some(token.cookie(realm)), signed);
    }
    signed.token = Some(token.text(realm));
    Kept(None, signed)
}

pub(super) fn view(open: &Open, token: &Token, is_cookie: bool) -> dto::SignedIn {
    let complete = open.check_complete();
    let must = match &complete {
        Ok(()) => "nothing",
        Err(problem) if problem.code == Code::PasswordMustChange => "change-password",
        Err(_) => "enrol-second-factor",
    };
    let (admin, user) = match open.of() {
        Principal::Admin(id) => (Some(id.0), None),
        Principal::User(id) => (None, Some(id.0)),
    };
    let known = open.admin.as_ref();
    let permissions = known.filter(|_| complete.is_ok()).map(|admin| admin.permissions().map(|one| one.to_string()));
    dto::SignedIn {
        name: open.credentials.name.clone(),
        admin,
        user,
        roles: known.map_or_else(Vec::new, |admin| admin.roles.iter().map(ToString::to_string).collect()),
        permissions: permissions.into_iter().flatten().collect(),
        must: must.to_owned(),
        session: open.id.to_string(),
        token: None,
        csrf_token: is_cookie.then(|| token.csrf()),
        over_at: open.over_at.to_string(),
        stepped_up_until: open.stepped_up_until.filter(|until| open.now < *until).map(|until| until.to_string()),
    }
}

async fn show(signed: Signed) -> Result<Json<dto::SignedIn>, Refused> {
    Ok(Json(view(&signed.open, &signed.token, signed.is_cookie)))
}

async fn sign_out(State(app): State<App>, caller: Caller, signed: Signed) -> Result<Kept<dto::SignedOut>, Refused> {
    let (of, which) = (signed.open.of(), Which::One(signed.open.id));
    let close = Change::CloseSessions(CloseSessions { of, which, reason: String::new() });
    let effect = app.submit_as(caller.0, app.command_id(None)?, close).await?;
    let Done::SessionsClosed { count } = effect.done else { return Err(effect.unexpected()) };
    app.applied_here(effect.index).await;
    Ok(Kept(signed.is_cookie.then(|| no_cookie(Realm::of(of))), dto::SignedOut { sessions: count }))
}

async fn step_up_handler(
    State(app): State<App>,
    signed: Signed,
    Body(request): Body<dto::ShowFactor>,
) -> Result<Json<dto::SignedIn>, Refused> {
    let shown = match (request.otp, request.recovery_code) {
        (Some(code), None) => Shown::Code(Zeroizing::new(code)),
        (None, Some(code)) => Shown::Recovery(Zeroizing::new(code)),
        (None, None) | (Some(_), Some(_)) => return Err(both()),
    };
    let open = &signed.open;
    let factor = check_factor(&app, open, &shown).await?;
    let (of, session, revision) = (open.of(), open.id, open.credentials.revision);
    let index = app.submit_own(Change::StepUp(StepUp { of, session, revision, factor })).await?;
    app.applied_here(index).await;
    let open = app.session_anywhere(Realm::of(of), &signed.token)?;
    Ok(Json(view(&open, &signed.token, signed.is_cookie)))
}

async fn list(State(app): State<App>, signed: Signed, mut params: Params) -> Result<Seen<dto::Sessions>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let asks = signed.open.clone();
    let seen = app.read_rows(freshness, move |state, rows| {
        let all = may_see_others(&asks);
        let sessions: Vec<(SessionId, Session)> = match asks.of() {
            Principal::User(user) => customers::sessions(rows, user).map_err(|halt| halt.problem())?,
            Principal::Admin(id) => {
                let visible = |session: &&Session| all || session.of == Principal::Admin(id);
                let sessions = state.people().sessions().filter(|(_, session)| visible(session));
                sessions.map(|(id, session)| (*id, session.clone())).collect()
            }
        };
        let limits = Limits::of(state.settings(), asks.of());
        let mut sessions: Vec<_> =
            sessions.into_iter().filter(|(_, session)| !limits.is_over(session, asks.now)).collect();
        sessions.sort_by_key(|(_, session)| session.opened_at);
        let name = |of| match of {
            Principal::Admin(id) => state.people().admin(id).map_or_else(String::new, |admin| admin.name.clone()),
            Principal::User(_) => asks.credentials.name.clone(),
        };
        let one = |(id, session): (SessionId, Session)| dto::Session {
            session: id.to_string(),
            name: name(session.of),
            own: id == asks.id,
            opened_at: session.opened_at.to_string(),
            seen_at: session.seen_at.to_string(),
            over_at: limits.over_at(&session).to_string(),
            factor_at: session.factor_at.map(|at| at.to_string()),
            address: session.address.map(|octets| std::net::Ipv6Addr::from(octets).to_canonical().to_string()),
            agent: session.agent.clone(),
        };
        Ok(dto::Sessions { sessions: sessions.into_iter().map(one).collect() })
    });
    Ok(seen.await?)
}

/// Whether the session sees and ends those of other admins.
pub(super) fn may_see_others(open: &Open) -> bool {
    let may = open.admin.as_ref().is_some_and(|admin| admin.may(Permission::SessionsChange));
    may && open.check_complete().is_ok()
}

async fn revoke_handler(
    State(app): State<App>,
    caller: Caller,
    signed: Signed,
    Body(request): Body<dto::RevokeSessions>,
) -> Result<Json<dto::SignedOut>, Refused> {
    let (open, own) = (&signed.open, signed.open.of());
    let mut found = Err(Problem::new(Code::SessionUnknown, "there is no such session"));
    app.backend.read(&mut |state, rows, _| {
        let of = match (&request.name, own) {
            (Some(name), Principal::Admin(_)) => Principal::Admin(admin_named(state, name)?),
            (None, _) | (Some(_), Principal::User(_)) => own,
        };
        let Some(wanted) = &request.session else {
            found = Ok((of, if of == own { Which::Others(open.id) } else { Which::All }));
            return Ok(());
        };
        let ids: Vec<SessionId> = match of {
            Principal::Admin(id) => state.people().sessions_of(id).map(|(id, _)| *id).collect(),
            Principal::User(user) => {
                customers::sessions(rows, user).map_err(|halt| halt.problem())?.iter().map(|(id, _)| *id).collect()
            }
        };
        if let Some(id) = ids.into_iter().find(|id| id.to_string() == *wanted) {
            found = Ok((of, Which::One(id)));
        }
        Ok(())
    })?;
    let (of, which) = found?;
    let why = match request.reason {
        Some(why) => reason(why)?,
        None if of == own => String::new(),
        None => return Err(exchequer_state::Rejection::ReasonMissing.problem().into()),
    };
    if of != own && !may_see_others(open) {
        let permission = Some(Permission::SessionsChange);
        return Err(exchequer_state::Rejection::NotPermitted { permission }.problem().into());
    }
    let close = Change::CloseSessions(CloseSessions { of, which, reason: why });
    let effect = app.submit_as(caller.0, app.command_id(None)?, close).await?;
    let Done::SessionsClosed { count } = effect.done else { return Err(effect.unexpected()) };
    app.applied_here(effect.index).await;
    Ok(Json(dto::SignedOut { sessions: count }))
}

async fn revoke_of_user(
    State(app): State<App>,
    caller: Caller,
    Name(user): Name,
    Body(request): Body<dto::WithReason>,
) -> Result<Json<dto::SignedOut>, Refused> {
    let (user, reason) = (user_id(&user)?, reason(request.reason)?);
    app.read(Freshness::Linearizable, |state| known_user(state, user)).await?;
    let (of, which) = (Principal::User(user), Which::All);
    let close = Change::CloseSessions(CloseSessions { of, which, reason });
    let effect = app.submit_as(caller.0, app.command_id(None)?, close).await?;
    let Done::SessionsClosed { count } = effect.done else { return Err(effect.unexpected()) };
    Ok(Json(dto::SignedOut { sessions: count }))
}
