//! What an answer means.

use serde_json::Value;

use crate::crowd::https::Response;

/// The dialect's code for an outcome that nobody knows.
pub(super) const UNKNOWN: i64 = -1007;
/// Its code for a cluster that takes nothing at the moment.
pub(super) const BUSY: i64 = -1008;
/// Its codes for an order, and for a list of orders, that is not there.
pub(super) const MISSING: [i64; 2] = [-2013, -2018];

/// What came of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// It was done.
    Done(Value),
    /// It was not, and nothing else was: the dialect's code, and the body.
    Refused(i64, Value),
    /// Nobody knows.
    Unknown,
    /// No node was there to send it to.
    Nobody,
}

/// What came of a request that was answered.
pub(super) fn judge(response: &Response) -> Answer {
    let body: Option<Value> = serde_json::from_slice(&response.body).ok();
    match (response.status, body) {
        (200..300, Some(body)) => Answer::Done(body),
        // Done, but what was done cannot be read.
        (200..300, None) | (504, _) => Answer::Unknown,
        (_, body) => {
            let body = body.unwrap_or_default();
            match body.get("code").and_then(Value::as_i64) {
                Some(UNKNOWN) => Answer::Unknown,
                Some(code) => Answer::Refused(code, body),
                None => Answer::Unknown,
            }
        }
    }
}

/// The code that tells why: a request that does two things has one for each of them inside of its own.
pub(super) fn sub_code(code: i64, body: &Value) -> i64 {
    let inside = |half: &str| body.pointer(&format!("/data/{half}/code")).and_then(Value::as_i64);
    inside("newOrderResponse").or_else(|| inside("cancelResponse")).unwrap_or(code)
}
