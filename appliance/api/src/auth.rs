//! Who asks, and whether they may: the operator token, a session as bearer, or a session in a browser's cookie.
//!
//! Every route says who may use it (`Access`). A token wins over a cookie. The same is asked again in the log, where it
//! cannot be out of date; that the second factor was shown, and how long ago, is asked here alone.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use exchequer_domain::{Code, Problem};
use exchequer_state::people::{Permission, Principal};
use exchequer_state::{Actor, Rejection};
use subtle::ConstantTimeEq as _;

use crate::app::App;
use crate::backend::Backend;
use crate::people::token::{Token, no_cookie, of_cookie, shows_cookie};
use crate::people::{Open, Realm, user_of};
use crate::problem::{Refused, text};
use crate::route::{Access, ClientAddress, Fresh};
use crate::submit::{PROPOSING, Proposing};

/// What a page that holds a session sends along with each change.
const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// On whose behalf a request comes; extracted by the handlers of routes that need somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller(pub(crate) Actor);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Caller, Refused> {
        let caller = parts.extensions.get::<Caller>().copied();
        caller.ok_or_else(|| Problem::new(Code::Internal, "the route asks for a caller and needs none").into())
    }
}

/// The session that a request shows; extracted by the handlers of routes that need one.
#[derive(Clone)]
pub(crate) struct Signed {
    pub(crate) open: Arc<Open>,
    pub(crate) token: Arc<Token>,
    /// Whether a browser shows it.
    pub(crate) is_cookie: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Signed {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Signed, Refused> {
        let signed = parts.extensions.get::<Signed>().cloned();
        signed.ok_or_else(|| Problem::new(Code::SessionUnknown, "this needs a session, not the operator token").into())
    }
}

/// Whether the caller showed a second factor just now, for handlers that ask only sometimes. The operator token has none and
/// needs none.
pub(crate) struct Stepped(Option<Arc<Open>>);

impl Stepped {
    /// # Errors
    /// `StepUpNeeded`.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        self.0.as_ref().map_or(Ok(()), |open| open.check_stepped_up())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Stepped {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Stepped, Refused> {
        Ok(Stepped(parts.extensions.get::<Signed>().map(|signed| signed.open.clone())))
    }
}

/// The session that a request shows, if it shows one: for handlers that the operator token opens as well.
#[derive(Clone)]
pub(crate) struct OfSession(Option<Signed>);

impl OfSession {
    /// The session, where it is a customer's.
    pub(crate) fn customer(&self) -> Option<&Signed> {
        self.0.as_ref().filter(|signed| user_of(signed.open.of()).is_some())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfSession {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<OfSession, Refused> {
        Ok(OfSession(parts.extensions.get::<Signed>().cloned()))
    }
}

/// Where a request comes from, and what sends it.
pub(crate) struct Visitor {
    pub(crate) address: Option<IpAddr>,
    pub(crate) agent: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Refused;

    /// A request from another page is refused: nobody is to be signed in by a stranger's form.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Visitor, Refused> {
        check_origin(parts, false)?;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let visible = agent.chars().filter(|char| !char.is_control());
        let agent = visible.take(exchequer_state::people::AGENT_BYTES_MAX).collect();
        Ok(Visitor { address: address(parts), agent })
    }
}

fn address(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<ClientAddress>().map(|ClientAddress(address)| address.ip())
}

/// What a route asks of its callers.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) app: App,
    pub(crate) access: Access,
    pub(crate) fresh: Fresh,
    pub(crate) approvable: bool,
    pub(crate) forgets: bool,
}

/// Lets a request pass whose caller may use the route.
pub(crate) async fn require(State(gate): State<Gate>, request: Request, next: Next) -> Result<Response, Refused> {
    let (mut parts, body) = request.into_parts();
    let passed = admit(&gate, &mut parts).await;
    note_refusal(&passed);
    if let Err(problem) = passed {
        let cookie = forgotten(&gate, &parts, &problem);
        let mut response = Refused::from(problem).into_response();
        if let Some(cookie) = cookie {
            response.headers_mut().insert(header::SET_COOKIE, text(&cookie));
        }
        return Ok(response);
    }
    let proposing = Proposing::of(&parts.headers, gate.approvable)?;
    Ok(PROPOSING.scope(proposing, next.run(Request::from_parts(parts, body))).await)
}

/// The cookie that goes with a refused sign-out: one that opens nothing any more. A session that could not be ended keeps its
/// own, so that it can be tried again.
fn forgotten(gate: &Gate, parts: &Parts, problem: &Problem) -> Option<String> {
    let is_over = matches!(problem.code, Code::SessionUnknown | Code::TokenMissing);
    let realm = realm(gate.access);
    let is_browser = !parts.headers.contains_key(header::AUTHORIZATION) && shows_cookie(&parts.headers, realm);
    (gate.forgets && is_over && is_browser).then(|| no_cookie(realm))
}

/// Whose sessions a route takes.
fn realm(access: Access) -> Realm {
    if let Access::Customer = access { Realm::Customers } else { Realm::Admins }
}

async fn admit(gate: &Gate, parts: &mut Parts) -> Result<(), Problem> {
    let Gate { app, access, fresh, .. } = gate;
    let Some(signed) = shown(app, *access, realm(*access), parts)? else {
        parts.extensions.insert(Caller(Actor::Operator));
        return Ok(());
    };
    let open = &signed.open;
    if signed.is_cookie {
        check_page(parts, &signed.token)?;
    }
    if !is_safe(&parts.method) {
        open.check_heard()?;
    }
    match access {
        Access::Session | Access::Customer => {}
        Access::Permitted(permission) => allow(open, *permission)?,
        Access::PermittedOrOwn(permission) => match user_of(open.of()) {
            None => allow(open, *permission)?,
            Some(user) => {
                open.check_complete()?;
                let named = named_user(parts).await;
                if named.as_deref() != Some(user.0.to_string().as_str()) {
                    return Err(Problem::new(Code::NotPermitted, "a customer may look after its own user only"));
                }
            }
        },
        Access::Operator | Access::Open | Access::JoinToken | Access::ApiKey | Access::SignIn => {
            open.check_complete()?;
            return Err(Rejection::NotPermitted { permission: None }.problem());
        }
    }
    if *fresh == Fresh::Always {
        open.check_stepped_up()?;
    }
    app.touch(open);
    let caller = match open.of() {
        Principal::Admin(id) => Actor::Admin(id),
        Principal::User(id) => Actor::User(id),
    };
    parts.extensions.insert(Caller(caller));
    parts.extensions.insert(signed);
    Ok(())
}

/// The session that is shown; none where it is the operator token, which only a session's own routes do not take.
fn shown(app: &App, access: Access, realm: Realm, parts: &Parts) -> Result<Option<Signed>, Problem> {
    let is_own = matches!(access, Access::PermittedOrOwn(_));
    if parts.headers.contains_key(header::AUTHORIZATION) {
        let text = bearer(&parts.headers)?;
        for known in [Realm::Admins, Realm::Customers] {
            if let Some(rest) = text.strip_prefix(known.prefix()) {
                // A customer's token opens nothing of the house.
                let token = Token::parse(rest).filter(|_| known == realm || is_own);
                return signed(app, known, token, parts, false).map(Some);
            }
        }
        check(app.backend.as_ref(), text)?;
        if matches!(access, Access::Session | Access::Customer) {
            return Err(Problem::new(Code::SessionUnknown, "this is for a session, not for the operator token"));
        }
        return Ok(None);
    }
    let realms = if is_own { vec![Realm::Admins, Realm::Customers] } else { vec![realm] };
    for realm in realms {
        if let Some(token) = of_cookie(&parts.headers, realm) {
            return signed(app, realm, Some(token), parts, true).map(Some);
        }
    }
    bearer(&parts.headers).map(|_| None)
}

/// Whether what a request showed still allows this, and on whose behalf: asked again as long as its answer goes on. Such a
/// look does not keep a session awake.
pub(crate) fn still(app: &App, parts: &Parts, permission: Permission) -> Result<Actor, Problem> {
    let Some(signed) = shown(app, Access::Permitted(permission), Realm::Admins, parts)? else {
        return Ok(Actor::Operator);
    };
    allow(&signed.open, permission)?;
    match signed.open.of() {
        Principal::Admin(id) => Ok(Actor::Admin(id)),
        Principal::User(_) => Err(Rejection::NotPermitted { permission: Some(permission) }.problem()),
    }
}

/// The same for what changes something.
pub(crate) fn acts(app: &App, parts: &Parts, permission: Permission) -> Result<Actor, Problem> {
    if let Some(signed) = shown(app, Access::Permitted(permission), Realm::Admins, parts)? {
        signed.open.check_heard()?;
    }
    still(app, parts, permission)
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn signed(app: &App, realm: Realm, token: Option<Token>, parts: &Parts, is_cookie: bool) -> Result<Signed, Problem> {
    let token = token.ok_or_else(|| Problem::new(Code::SessionUnknown, "this is no token of a session"))?;
    let open = Arc::new(app.session(realm, &token, address(parts))?);
    Ok(Signed { open, token: Arc::new(token), is_cookie })
}

fn allow(open: &Open, permission: Permission) -> Result<(), Problem> {
    open.check_complete()?;
    if open.admin.as_ref().is_some_and(|admin| admin.may(permission)) {
        return Ok(());
    }
    Err(Rejection::NotPermitted { permission: Some(permission) }.problem())
}

/// The user in the path.
async fn named_user(parts: &mut Parts) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    params.iter().find(|(name, _)| *name == "user").map(|(_, user)| user.to_owned())
}

/// A browser sends its cookie whoever asks it to. What changes something must come from our own page, and show what only
/// that page knows.
fn check_page(parts: &Parts, token: &Token) -> Result<(), Problem> {
    check_origin(parts, !is_safe(&parts.method))?;
    if is_safe(&parts.method) {
        return Ok(());
    }
    let mut all = parts.headers.get_all(CSRF).iter();
    let sent = match (all.next(), all.next()) {
        (Some(sent), None) => sent.as_bytes(),
        (Some(_), Some(_)) | (None, _) => b"".as_slice(),
    };
    if bool::from(sent.ct_eq(token.csrf().as_bytes())) {
        return Ok(());
    }
    Err(Problem::new(Code::RequestForged, "the header `x-csrf-token` is missing or of another session"))
}

fn check_origin(parts: &Parts, is_needed: bool) -> Result<(), Problem> {
    let forged = |what: &str| Err(Problem::new(Code::RequestForged, what.to_owned()));
    let mut origins = parts.headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return if is_needed { forged("the header `Origin` is missing") } else { Ok(()) };
    };
    if origins.next().is_some() {
        return forged("the request has more than one header `Origin`");
    }
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = parts.uri.authority().map(|authority| authority.as_str()).or(host);
    let origin = origin.to_str().ok().and_then(|origin| origin.strip_prefix("https://"));
    match (origin, host) {
        (Some(origin), Some(host)) if origin.eq_ignore_ascii_case(host) => Ok(()),
        _ => forged("the request comes from another page"),
    }
}

/// A caller that is refused is in the node's log, with the address that the request's span has.
pub(crate) fn note_refusal<T>(shown: &Result<T, Problem>) {
    if let Err(problem) = shown
        && matches!(
            problem.code,
            Code::TokenMissing | Code::TokenWrong | Code::SessionUnknown | Code::NotPermitted | Code::RequestForged
        )
    {
        tracing::warn!(code = %problem.code, "a call was refused: {}", problem.message);
    }
}

/// Whether this is the operator token now.
pub(crate) fn check(backend: &dyn Backend, token: &str) -> Result<(), Problem> {
    if backend.token_matches(token)? {
        Ok(())
    } else {
        Err(Problem::new(Code::TokenWrong, "the operator token is not this cluster's"))
    }
}

/// The token that a request shows.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut shown = headers.get_all(header::AUTHORIZATION).iter();
    let value = match (shown.next(), shown.next()) {
        (Some(value), None) => value,
        (None, _) => return Err(Problem::new(Code::TokenMissing, "the request has no `Authorization: Bearer` header")),
        (Some(_), Some(_)) => {
            return Err(Problem::new(Code::TokenWrong, "the request has more than one `Authorization` header"));
        }
    };
    let wrong = || Problem::new(Code::TokenWrong, "the `Authorization` header is not `Bearer` and a token");
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(wrong)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(wrong()) }
}
