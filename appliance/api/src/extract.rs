//! Extractors whose refusals are problems.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

#[cfg(test)]
use axum::extract::MatchedPath;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Json, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use bytes::Bytes;
use exchequer_domain::{Code, Problem, parse_duration};
use exchequer_state::Rejection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;

use crate::problem::{Refused, too_large};

/// The longest reason, in bytes; the state's own limit, checked here before anything is done outside of it.
const REASON_BYTES_MAX: usize = 500;

fn bad(message: impl Into<String>) -> Problem {
    Problem::new(Code::BadRequest, message)
}

/// A JSON body.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned + Serialize, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Refused> {
        let (parts, body) = request.into_parts();
        let bytes = match Bytes::from_request(Request::from_parts(parts.clone(), body), state).await {
            Ok(bytes) => bytes,
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => return Err(too_large().into()),
            Err(rejection) => return Err(bad(rejection.body_text()).into()),
        };
        match Json::<T>::from_request(Request::from_parts(parts, bytes.clone().into()), state).await {
            Ok(Json(body)) if is_of_its_shape(&bytes, &body) => Ok(Body(body)),
            Ok(_) => Err(bad("the body has a list where an object belongs").into()),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(too_large().into()),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Refused::with_status(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                bad("the body must be JSON, with the header `Content-Type: application/json`"),
            )),
            Err(rejection) => Err(bad(rejection.body_text()).into()),
        }
    }
}

/// Whether objects were sent as objects: a list of their values in order is one to the parser, but a change of the order of
/// fields would give it another meaning.
fn is_of_its_shape<T: Serialize>(sent: &[u8], read: &T) -> bool {
    match (serde_json::from_slice(sent), serde_json::to_value(read)) {
        (Ok(sent), Ok(read)) => agree(&sent, &read),
        _ => false,
    }
}

fn agree(sent: &Value, read: &Value) -> bool {
    match (sent, read) {
        (Value::Array(_), Value::Object(_)) => false,
        (Value::Object(sent), Value::Object(read)) => {
            sent.iter().all(|(name, sent)| read.get(name).is_none_or(|read| agree(sent, read)))
        }
        (Value::Array(sent), Value::Array(read)) => sent.iter().zip(read).all(|(sent, read)| agree(sent, read)),
        _ => true,
    }
}

/// The one variable part of a path.
pub(crate) struct Name(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Name, Refused> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(name)| Name(name)).map_err(|rejection| bad(rejection.body_text()).into())
    }
}

/// The query, taken apart name by name; what nobody takes is refused by [`Params::end`].
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    /// In tests: what is described of the route's query, and nothing else may be asked for.
    #[cfg(test)]
    described: Option<Vec<&'static str>>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Params, Refused> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = pairs.map_err(|rejection| bad(rejection.body_text()))?;
        Ok(Params {
            pairs,
            #[cfg(test)]
            described: parts.extensions.get::<MatchedPath>().and_then(|path| described(path.as_str(), &parts.method)),
        })
    }
}

#[cfg(test)]
fn described(path: &str, method: &axum::http::Method) -> Option<Vec<&'static str>> {
    let route = crate::routes().into_iter().find(|route| route.path == path && route.method == *method)?;
    Some(route.note?.names().iter().map(|param| param.name).collect())
}

impl Params {
    /// The value of `name`.
    pub(crate) fn take(&mut self, name: &str) -> Result<Option<String>, Problem> {
        #[cfg(test)]
        assert!(self.described.as_ref().is_none_or(|names| names.contains(&name)), "`{name}` is not described");
        let Some(at) = self.pairs.iter().position(|(key, _)| key == name) else { return Ok(None) };
        let (_, value) = self.pairs.remove(at);
        if self.pairs.iter().any(|(key, _)| key == name) {
            return Err(bad(format!("the query names `{name}` more than once")));
        }
        Ok(Some(value))
    }

    /// The value of `name` as a number inside `range`.
    pub(crate) fn number<T>(&mut self, name: &str, range: RangeInclusive<T>) -> Result<Option<T>, Problem>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.take(name)? else { return Ok(None) };
        // Rust would take a plus sign.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<T>() {
            Ok(number) if digits && range.contains(&number) => Ok(Some(number)),
            Ok(_) | Err(_) => {
                Err(bad(format!("`{name}` in the query is a whole number from {} to {}", range.start(), range.end())))
            }
        }
    }

    /// Refuses what was not taken.
    pub(crate) fn end(self) -> Result<(), Problem> {
        match self.pairs.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let name: String = name.chars().take(64).collect();
                Err(bad(format!("the query has `{name}`, which this address does not know")))
            }
        }
    }
}

/// A duration with its unit.
pub(crate) fn duration(name: &str, text: &str) -> Result<Duration, Problem> {
    parse_duration(text).map_err(|error| bad(format!("`{name}`: {error}")))
}

/// A reason that the audit will take.
pub(crate) fn reason(text: String) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Rejection::ReasonMissing.problem());
    }
    if text.len() > REASON_BYTES_MAX {
        return Err(Rejection::ReasonTooLong.problem());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the door's limit on reasons is the state's. Method: the state's own message names its limit.
    #[test]
    fn reasons_have_the_limit_of_the_state() {
        let problem = reason("x".repeat(REASON_BYTES_MAX + 1)).unwrap_err();
        assert!(problem.message.contains(&REASON_BYTES_MAX.to_string()), "{problem}");
        assert!(reason("x".repeat(REASON_BYTES_MAX)).is_ok());
        assert_eq!(reason(" \n".into()).unwrap_err().code, Code::ReasonMissing);
    }
}
