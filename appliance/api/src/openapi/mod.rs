//! The description of `/v1` in OpenAPI 3.1, made of the table of routes: each says in a line what it is for and what its
//! query takes; body and answer follow from its handler's types. Served at `/v1/openapi.json`, and checked in as
//! `docs/openapi.json`.
//!
//! The spot dialect, the listings and the charts have a description of their own, made of their own tables.

mod endpoint;
mod note;
mod refusals;

use std::sync::LazyLock;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use schemars::generate::{Contract, SchemaSettings};
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

pub(crate) use endpoint::{Endpoint, Input, Output, Shape};
pub(crate) use note::{Note, Param};

use crate::app::App;
use crate::dto::Proposed;
use crate::route::{Access, Route};
use crate::submit::PROPOSE;

const TITLE: &str = "Exchequer";
const ABOUT: &str = "Everything that operators and customers ask of a node beside the spot dialect: users, keys, the \
                     ledger, markets, deposits and withdrawals, workers, people, approvals, events and the cluster \
                     itself. Amounts, prices and quantities are decimal text, moments RFC 3339, spans of time text with a \
                     unit. Every refusal is a `Refusal` with a stable code. Fields are only added.";
const SCHEMAS: &str = "/components/schemas";

/// `GET /v1/openapi.json`. Open: it says nothing of the cluster.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/openapi.json", serve)
            .open_to(Access::Open)
            .says("This description")
            .more("A client generator or a fuzzer can begin here."),
        Route::get("/v1/openapi-spot.json", serve_spot)
            .open_to(Access::Open)
            .says("The description of the spot dialect, the listings and the charts"),
    ]
}

async fn serve(_: State<App>) -> Json<&'static Value> {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| document(&crate::routes()));
    Json(&DOCUMENT)
}

async fn serve_spot(_: State<App>) -> Json<&'static Value> {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(crate::spot::description::document);
    Json(&DOCUMENT)
}

/// The description of all routes that have a note.
pub(crate) fn document(routes: &[Route]) -> Value {
    let (mut asked, mut answered) = (generator(Contract::Deserialize), generator(Contract::Serialize));
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let Some(note) = &route.note else { continue };
        let operation = operation(route, note, &mut asked, &mut answered);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(route.method.as_str().to_lowercase(), operation);
        }
    }
    refusals::define(&mut answered);
    let mut schemas = answered.take_definitions(true);
    schemas.extend(asked.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": { "title": TITLE, "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        "servers": [{ "url": "/", "description": "Any node takes any request." }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": refusals::responses(),
            "headers": {
                "exq-applied-index": header("The entry of the log that the read saw last.", "^[0-9]+$"),
                "exq-age-ms": header("How old the asked node's state was, in milliseconds.", "^[0-9]+$"),
                "exq-command-id": header("The command that made the change.", "^[0-9a-f]{32}$"),
            },
            "securitySchemes": {
                "operator": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The operator token, `exq_...`. A caller who shows it may do everything.",
                },
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An admin's session, `exqs_...`: what the admin's roles allow (`x-permission`). \
                                    Operations of danger level 3 want a second factor that was shown just now.",
                },
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-exchequer",
                    "description": "The same in a browser; changes also carry the header `x-csrf-token`.",
                },
                "customer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A customer's session, `exqu_...`: its own user and nothing else.",
                },
                "customer_cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "__Host-exchequer-user",
                    "description": "The same in a browser; changes also carry the header `x-csrf-token`.",
                },
            },
        },
    })
}

fn generator(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = SCHEMAS.into();
        settings.meta_schema = None;
        settings.contract = contract;
    });
    settings.with_transform(RecursiveTransform(limits)).into_generator()
}

/// Says of a whole number what its type can hold, so that a client need not know the formats' names.
fn limits(schema: &mut Schema) {
    let max = match schema.get("format").and_then(Value::as_str) {
        Some("uint8") => u64::from(u8::MAX),
        Some("uint16") => u64::from(u16::MAX),
        Some("uint32") => u64::from(u32::MAX),
        Some("uint64" | "uint") => u64::MAX,
        _ => return,
    };
    schema.remove("format");
    if schema.get("maximum").is_none() {
        schema.insert("maximum".to_owned(), max.into());
    }
}

fn header(about: &str, pattern: &str) -> Value {
    json!({ "description": about, "schema": { "type": "string", "pattern": pattern } })
}

fn operation(route: &Route, note: &Note, asked: &mut SchemaGenerator, answered: &mut SchemaGenerator) -> Value {
    let (_, room) = route.path.split_at(route.path.find("/v1/").map_or(0, |at| at + "/v1/".len()));
    let tag = room.split(['/', '{']).find(|part| !part.is_empty()).unwrap_or("node");
    let shape = note.shape;
    let mut operation = json!({
        "operationId": operation_id(&route.method, route.path),
        "summary": note.summary,
        "tags": [tag],
        "responses": responses(route, note, answered),
    });
    let Value::Object(fields) = &mut operation else { return operation };
    if !note.more.is_empty() {
        fields.insert("description".to_owned(), note.more.into());
    }
    if route.access.is_for_admins() {
        fields.insert("security".to_owned(), security(route.access));
        fields.insert("x-danger".to_owned(), json!(route.danger as u8));
    }
    if let Some(word) = route.fresh.as_str() {
        fields.insert("x-fresh-factor".to_owned(), word.into());
    }
    if route.access == Access::Customer {
        fields.insert("security".to_owned(), security(route.access));
    }
    if let Access::Permitted(permission) | Access::PermittedOrOwn(permission) = route.access {
        fields.insert("x-permission".to_owned(), permission.as_str().into());
    }
    let mut parameters: Vec<Value> = note.name.iter().map(|name| name.describe("path", asked)).collect();
    parameters.extend(note.names().iter().map(|param| param.describe("query", asked)));
    parameters.extend(route.approvable.then(propose));
    if !parameters.is_empty() {
        fields.insert("parameters".to_owned(), parameters.into());
    }
    if let Some(make) = shape.body {
        let schema = transformed(make(asked));
        let body = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        fields.insert("requestBody".to_owned(), body);
    }
    operation
}

/// The header with which a change is proposed.
fn propose() -> Value {
    json!({
        "name": PROPOSE,
        "in": "header",
        "required": false,
        "description": "Has the change wait for the approval of others instead of making it: `true`, or how long it waits.",
        "schema": { "type": "string", "pattern": "^(true|[0-9]+(us|ms|s|m|h|d))$" },
    })
}

/// What a request may show.
fn security(access: Access) -> Value {
    let any = |names: &[&str]| Value::Array(names.iter().map(|name| json!({ *name: [] })).collect());
    match access {
        Access::Open | Access::JoinToken | Access::ApiKey | Access::SignIn => any(&[]),
        Access::Operator => any(&["operator"]),
        Access::Permitted(_) => any(&["operator", "session", "cookie"]),
        Access::PermittedOrOwn(_) => any(&["operator", "session", "cookie", "customer", "customer_cookie"]),
        Access::Session => any(&["session", "cookie"]),
        Access::Customer => any(&["customer", "customer_cookie"]),
    }
}

/// Definitions are transformed when they are taken; what stands in its place is transformed here.
fn transformed(mut schema: Schema) -> Value {
    RecursiveTransform(limits).transform(&mut schema);
    schema.to_value()
}

/// `GET /v1/users/{user}` is `get_users_user`.
fn operation_id(method: &Method, path: &str) -> String {
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let words = path.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method.as_str().to_lowercase().as_str()).chain(words).collect::<Vec<_>>().join("_")
}

fn responses(route: &Route, note: &Note, answered: &mut SchemaGenerator) -> Value {
    let shape = note.shape;
    let content: Map<String, Value> = match shape.answer {
        Some(make) => {
            let schema = transformed(make(answered));
            [("application/json".to_owned(), json!({ "schema": schema }))].into_iter().collect()
        }
        None => note.content.iter().map(|kind| ((*kind).to_owned(), json!({}))).collect(),
    };
    let mut headers = Map::new();
    let names: &[&str] = match (shape.is_read, shape.is_command) {
        (true, _) => &["exq-applied-index", "exq-age-ms"],
        (_, true) => &["exq-command-id"],
        (false, false) => &[],
    };
    for name in names {
        headers.insert((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    }
    let mut responses = Map::new();
    let good = json!({ "description": "It is done, or here it is.", "headers": headers, "content": content });
    responses.insert("200".to_owned(), good);
    if route.approvable {
        let schema = transformed(answered.subschema_for::<Proposed>());
        let content = json!({ "application/json": { "schema": schema } });
        let proposed = json!({ "description": "It waits for approval.", "headers": headers, "content": content });
        responses.insert("202".to_owned(), proposed);
    }
    for status in refusals::of(route, note) {
        let name = refusals::name(status);
        responses.insert(status.to_string(), json!({ "$ref": format!("#/components/responses/{name}") }));
    }
    if route.path == "/livez" || route.path == "/readyz" || route.path == "/leader" {
        responses.insert("503".to_owned(), json!({ "description": "The answer is no.", "content": content }));
    }
    Value::Object(responses)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a type has one name and one description, whether it is asked or answered. Method: what both generators make
    /// of all routes; a type that would differ has to be two types.
    #[test]
    fn types_are_the_same_asked_and_answered() {
        let (mut asked, mut answered) = (generator(Contract::Deserialize), generator(Contract::Serialize));
        for route in crate::routes() {
            let Some(note) = &route.note else { continue };
            operation(&route, note, &mut asked, &mut answered);
        }
        let (asked, answered) = (asked.take_definitions(true), answered.take_definitions(true));
        let shared: Vec<&String> = asked.keys().filter(|name| answered.contains_key(*name)).collect();
        assert!(shared.len() > 5, "{shared:?}");
        for name in shared {
            assert_eq!(asked[name], answered[name], "{name}");
        }
    }
}
