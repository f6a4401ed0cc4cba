//! Requests as they come in, and answers as they leave.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::super::error::Error;
use super::super::limits::Limits;
use super::super::params::Params;
use super::super::stream::id_of;
use super::super::weights::Orders;

/// What a client asks.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) id: Value,
    pub(crate) method: String,
    pub(crate) params: Params,
}

/// A request that is none, with its id as far as there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) id: Value,
    pub(crate) error: Error,
}

#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(default)]
    id: Value,
    method: Option<Value>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// Names with their values as text: what a client wrote, so that its signature can be checked.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct Reading;
        impl<'de> Visitor<'de> for Reading {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                // A name that comes twice stays twice, and is refused later.
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    let text = value.get();
                    let text = match text.as_bytes().first() {
                        Some(b'"') => serde_json::from_str(text).map_err(serde::de::Error::custom)?,
                        _ => text.to_owned(),
                    };
                    pairs.push((name, text));
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Reading)
    }
}

impl Request {
    pub(crate) fn parse(text: &str) -> Result<Request, Malformed> {
        let malformed = |id: &Value, error| Malformed { id: id.clone(), error };
        let shape: Shape<'_> = serde_json::from_str(text)
            .map_err(|_| malformed(&Value::Null, Error::new(-1135, "The request is not a JSON object.")))?;
        let id = id_of(&json!({"id": shape.id})).ok_or_else(|| {
            let msg = "A request's id is an integer, a string of up to 36 characters, or null.";
            malformed(&Value::Null, Error::new(-1130, msg))
        })?;
        let method = shape.method.as_ref().and_then(Value::as_str);
        let method = method.ok_or_else(|| malformed(&id, Error::missing("method")))?.to_owned();
        let pairs = match shape.params.map(RawValue::get) {
            None | Some("null") => Vec::new(),
            Some(params) => {
                let read = serde_json::from_str::<Pairs>(params);
                let error = |_| malformed(&id, Error::new(-1135, "The parameters are not a JSON object."));
                read.map_err(error)?.0
            }
        };
        let params = Params::of_pairs(pairs).map_err(|error| malformed(&id, error))?;
        Ok(Request { id, method, params })
    }
}

/// What has been used up, for an answer that shows it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Used {
    pub(crate) weight: u32,
    pub(crate) orders: Option<Orders>,
    pub(crate) limits: Limits,
}

impl Used {
    fn shown(self) -> Value {
        let limit = |kind: &str, interval: &str, number: u32, limit: u32, count: u32| {
            json!({
                "rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit, "count": count,
            })
        };
        let mut limits = Vec::new();
        if let Some(Orders { ten_seconds, day }) = self.orders {
            limits.push(limit("ORDERS", "SECOND", 10, self.limits.orders_ten_seconds, ten_seconds));
            limits.push(limit("ORDERS", "DAY", 1, self.limits.orders_day, day));
        }
        limits.push(limit("REQUEST_WEIGHT", "MINUTE", 1, self.limits.weight, self.weight));
        Value::Array(limits)
    }
}

/// The answer to a request, with what has been used up where it is wanted.
pub(crate) fn answer(id: &Value, result: Result<Value, Error>, used: Option<Used>, now_ms: u64) -> String {
    let mut shown = match result {
        Ok(result) => json!({"id": id, "status": 200, "result": result}),
        Err(error) => {
            let mut body = json!({"code": error.code, "msg": error.msg});
            let wait = error.retry_after.map(|seconds| {
                json!({"serverTime": now_ms, "retryAfter": now_ms.saturating_add(seconds.saturating_mul(1_000))})
            });
            if let (Some(data), Some(body)) = (error.data.or(wait), body.as_object_mut()) {
                body.insert("data".into(), data);
            }
            json!({"id": id, "status": error.status.as_u16(), "error": body})
        }
    };
    if let (Some(used), Some(shown)) = (used, shown.as_object_mut()) {
        shown.insert("rateLimits".into(), used.shown());
    }
    shown.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what is signed is what was written, by name. Method: values of each kind, also such as a number that reads
    /// back otherwise.
    #[test]
    fn values_are_kept_as_written() {
        let request = Request::parse(
            r#"{"id":"a","method":"order.place","params":{"symbol":"BTC\u0055SDT","signature":"x","quantity":0.10,
            "price":"1e5","flag":false,"apiKey":"k"}}"#,
        );
        let request = request.unwrap();
        assert_eq!((request.id, request.method.as_str()), (json!("a"), "order.place"));
        let payload = "apiKey=k&flag=false&price=1e5&quantity=0.10&symbol=BTCUSDT";
        assert_eq!(request.params.payload(), payload);
    }

    /// Goal: what is no request is refused with the id that it has, and nothing panics. Method: a table, then random text.
    #[test]
    fn what_is_no_request_is_refused() {
        for (text, id, code) in [
            ("", json!(null), -1135),
            ("[]", json!(null), -1135),
            ("{}", json!(null), -1102),
            (r#"{"id":7}"#, json!(7), -1102),
            (r#"{"id":7,"method":7}"#, json!(7), -1102),
            (r#"{"id":[],"method":"ping"}"#, json!(null), -1130),
            (r#"{"id":1.5,"method":"ping"}"#, json!(null), -1130),
            (r#"{"id":"0123456789012345678901234567890123456","method":"ping"}"#, json!(null), -1130),
            (r#"{"id":1,"method":"ping","params":[]}"#, json!(1), -1135),
            (r#"{"id":1,"method":"ping","params":{"a":1,"a":2}}"#, json!(1), -1101),
            (r#"{"id":1,"id":2,"method":"ping"}"#, json!(null), -1135),
        ] {
            let malformed = Request::parse(text).unwrap_err();
            assert_eq!((malformed.id, malformed.error.code), (id, code), "{text}");
        }
        let seed = 0x5eed_0032_u64;
        println!("seed {seed:#x}");
        let mut state = seed;
        let mut draw = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state >> 16
        };
        let parts = [
            r#"{"#,
            r#""id":"#,
            r#""method":"ping""#,
            r#""params":"#,
            "{}",
            "1",
            ",",
            "}",
            "\"",
            "\\u",
            "nul",
            "[",
            "ä",
        ];
        let mut good = 0;
        for _ in 0..20_000 {
            let text: String = (0..draw() % 10).map(|_| parts[draw() as usize % parts.len()]).collect();
            good += usize::from(Request::parse(&text).is_ok());
        }
        println!("{good} of them are requests");
    }
}
