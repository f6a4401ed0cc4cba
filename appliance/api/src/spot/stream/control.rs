//! What clients of streams say: SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY.

use std::collections::BTreeMap;
use std::sync::Arc;

use exchequer_market_data::conflate::Stream;
use serde_json::{Value, json};

use super::STREAMS_MAX;
use super::connection::{Side, Turn, failed};
use super::hub::{Member, Wanted};
use super::line::Line;
use super::markets::OF_MARKETS;
use super::names::{self, Topic};
use crate::app::App;

/// Longest id of a request that is text.
const ID_CHARS_MAX: usize = 36;

/// A request's refusal: the number and the sentence that the dialect has for it.
struct Refusal(u8, String);

impl Refusal {
    fn request(text: impl std::fmt::Display) -> Refusal {
        Refusal(2, format!("Invalid request: {text}"))
    }
}

/// The side of a connection that has streams.
pub(crate) struct Streams {
    app: App,
    line: Arc<Line>,
    member: Member,
    known: BTreeMap<Arc<str>, Topic>,
    next: u32,
}

/// The topics of names, in order.
///
/// # Errors
/// The first name that is of no stream; a sentence where the state cannot be looked at.
pub(super) fn resolve<'a>(app: &App, names: &[&'a str]) -> Result<Vec<(&'a str, Topic)>, String> {
    let mut found = Vec::with_capacity(names.len());
    let mut unknown = None;
    let looked = app.backend.read(&mut |state, _, _| {
        for name in names {
            match names::find(state, name) {
                Some(topic) => found.push((*name, topic)),
                None => {
                    unknown = Some(*name);
                    break;
                }
            }
        }
        Ok(())
    });
    looked.map_err(|problem| failed(&problem))?;
    match unknown {
        // A name may be anything; it is echoed up to a length.
        Some(name) => Err(format!("unknown stream `{}`", name.chars().take(64).collect::<String>())),
        None => Ok(found),
    }
}

impl Streams {
    pub(super) fn new(app: App, line: Arc<Line>, member: Member) -> Streams {
        Streams { app, line, member, known: BTreeMap::new(), next: 0 }
    }

    /// Adds streams; those that are there already stay.
    pub(super) async fn add(&mut self, found: Vec<(&str, Topic)>) -> Result<(), String> {
        let mut new: BTreeMap<Arc<str>, Topic> = BTreeMap::new();
        for (name, topic) in found {
            if !self.known.contains_key(name) {
                new.insert(Arc::from(name), topic);
            }
        }
        if self.known.len() + new.len() > STREAMS_MAX {
            return Err(format!("a connection has at most {STREAMS_MAX} streams"));
        }
        let mut wanted = Vec::with_capacity(new.len());
        for (name, topic) in new {
            // Numbers come round after as many subscriptions as no connection lives to make.
            self.next = (self.next + 1) % OF_MARKETS;
            wanted.push(Wanted { topic, name: name.clone(), stream: Stream(self.next) });
            self.known.insert(name, topic);
        }
        self.member.subscribe(wanted).await;
        Ok(())
    }

    async fn remove(&mut self, names: &[&str]) {
        let topics = names.iter().filter_map(|name| self.known.remove(*name)).collect();
        self.member.unsubscribe(topics).await;
    }

    async fn answer(&mut self, request: &Value) -> Result<Value, Refusal> {
        let Some(method) = request.get("method") else { return Err(Refusal::request("missing field `method`")) };
        let method = method.as_str().ok_or_else(|| Refusal::request("the method must be a string"))?;
        let params = match request.get("params") {
            None | Some(Value::Null) => &[][..],
            Some(Value::Array(params)) => params.as_slice(),
            Some(_) => return Err(Refusal::request("the parameters must be a list")),
        };
        let names = || -> Result<Vec<&str>, Refusal> {
            let names = params.iter().map(Value::as_str).collect::<Option<Vec<&str>>>();
            let names = names.ok_or_else(|| Refusal::request("the name of a stream must be a string"))?;
            if names.len() > STREAMS_MAX {
                return Err(Refusal::request("too many parameters"));
            }
            Ok(names)
        };
        match method {
            "SUBSCRIBE" => {
                let found = resolve(&self.app, &names()?).map_err(Refusal::request)?;
                self.add(found).await.map_err(Refusal::request)?;
                Ok(Value::Null)
            }
            "UNSUBSCRIBE" => {
                let names = names()?;
                self.remove(&names).await;
                Ok(Value::Null)
            }
            "LIST_SUBSCRIPTIONS" => {
                let names = self.known.keys().map(|name| json!(name.as_ref())).collect();
                Ok(Value::Array(names))
            }
            "SET_PROPERTY" => match params {
                [Value::String(name), value] if name == "combined" => {
                    let wrapped = value.as_bool();
                    self.line.wrap(wrapped.ok_or(Refusal(1, "Invalid value type: expected Boolean".into()))?);
                    Ok(Value::Null)
                }
                [Value::String(_), _] => Err(Refusal(0, "Unknown property".into())),
                [_, _] => Err(Refusal::request("property name must be a string")),
                _ => Err(Refusal::request("a property has a name and a value")),
            },
            "GET_PROPERTY" => match params {
                [Value::String(name)] if name == "combined" => Ok(json!(self.line.is_wrapped())),
                [Value::String(_)] => Err(Refusal(0, "Unknown property".into())),
                [_] => Err(Refusal::request("property name must be a string")),
                _ => Err(Refusal::request("a property has a name")),
            },
            _ => Err(Refusal::request(
                "unknown method, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, \
                 `GET_PROPERTY`",
            )),
        }
    }
}

/// A request's id, where it is one: a whole number, a short text, or none.
pub(crate) fn id_of(request: &Value) -> Option<Value> {
    match request.get("id") {
        None => Some(Value::Null),
        Some(id @ Value::Null) => Some(id.clone()),
        Some(id @ Value::Number(number)) => (number.is_u64() || number.is_i64()).then(|| id.clone()),
        Some(id @ Value::String(text)) => (text.chars().count() <= ID_CHARS_MAX).then(|| id.clone()),
        Some(_) => None,
    }
}

impl Side for Streams {
    const IS_LIMITED: bool = true;

    async fn hear(&mut self, text: &str) -> Turn {
        let (id, answer) = match serde_json::from_str::<Value>(text) {
            Err(error) => (Value::Null, Err(Refusal(3, format!("Invalid JSON: {error}")))),
            Ok(request) if !request.is_object() => (Value::Null, Err(Refusal::request("expected an object"))),
            Ok(request) => match id_of(&request) {
                None => {
                    let text = "request ID must be an integer, a string of up to 36 characters, or null";
                    (Value::Null, Err(Refusal::request(text)))
                }
                Some(id) => (id, self.answer(&request).await),
            },
        };
        let answer = match answer {
            Ok(result) => json!({"result": result, "id": id}),
            Err(Refusal(code, msg)) => json!({"error": {"code": code, "msg": msg}, "id": id}),
        };
        self.line.event(answer.to_string());
        Turn::Go
    }
}
