//! The operator token, which every route needs that does not say otherwise.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use exchequer_domain::{Code, Problem};
use exchequer_state::Actor;

use crate::app::App;
use crate::backend::Backend;
use crate::problem::Refused;

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

/// Lets a request pass that shows the operator token.
pub(crate) async fn require(State(app): State<App>, mut request: Request, next: Next) -> Result<Response, Refused> {
    let shown = bearer(request.headers()).and_then(|token| check(app.backend.as_ref(), token));
    note_refusal(&shown);
    shown?;
    request.extensions_mut().insert(Caller(Actor::Operator));
    Ok(next.run(request).await)
}

/// A caller without the token is in the node's log, with the address that the request's span has.
pub(crate) fn note_refusal<T>(shown: &Result<T, Problem>) {
    if let Err(problem) = shown
        && matches!(problem.code, Code::TokenMissing | Code::TokenWrong)
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
