//! The description of the dialect, of the listings' pages and of the charts' feed in OpenAPI 3.1, made of the tables that
//! serve them. Served at `/v1/openapi-spot.json`, and checked in as `docs/openapi-spot.json`.
//!
//! Answers are described by their outer form: what is in them is the dialect's, which others have described.

use serde_json::{Map, Value, json};

use super::arg::{PAIR_NAME, SIGNED};
use super::door::{Endpoint, Gives, Needs};

const ABOUT: &str = "What trading programs speak already: the spot dialect over HTTP, the pages that listings of \
                     exchanges read, and the feed of charts. Parameters may stand in the query or in a form; of a signed \
                     request both are signed, in this order, and the signature is the last parameter. Every refusal has \
                     a negative code and a sentence.";
/// With which statuses anything may be refused.
const OPEN: &[(u16, &str)] = &[
    (400, "Something in the request is wrong, or cannot be done."),
    (413, "The request is too long."),
    (418, "The address is banned for a while: `Retry-After` tells how long."),
    (429, "Over a limit: `Retry-After` tells how long to wait."),
    (503, "The node cannot answer now: nothing was done."),
    (504, "What became of the request is not known."),
];
/// The same for a signed request.
const KEYED: &[(u16, &str)] = &[
    (401, "There is no such key, or it may not do this from here."),
    (409, "One half was done and the other was not."),
];

/// Everything that is described.
pub(crate) fn endpoints() -> impl Iterator<Item = &'static Endpoint> {
    [super::routes::endpoints(), crate::listing::ENDPOINTS, crate::udf::ENDPOINTS].into_iter().flatten()
}

/// The description.
pub(crate) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in endpoints() {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(endpoint.method.to_lowercase(), operation(endpoint));
        }
    }
    let refusals: Map<String, Value> =
        OPEN.iter().chain(KEYED).map(|(status, about)| (format!("Refused{status}"), refused(about))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Exchequer: the spot dialect",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
        },
        "servers": [{ "url": "/", "description": "Any node takes any request." }],
        "paths": paths,
        "components": {
            "schemas": {
                "Refusal": {
                    "type": "object",
                    "required": ["code", "msg"],
                    "properties": {
                        "code": { "type": "integer", "maximum": -1, "description": "What it is, for programs." },
                        "msg": { "type": "string", "minLength": 1, "description": "What it is, for people." },
                        "data": { "type": "object", "description": "What became of each half, of a replacement." },
                    },
                },
            },
            "responses": refusals,
            "securitySchemes": {
                "key": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-MBX-APIKEY",
                    "description": "An API key. Its signature of the request is a parameter.",
                },
            },
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let is_signed = endpoint.needs != Needs::Nothing;
    let words = endpoint.path.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let method = endpoint.method.to_lowercase();
    let id = std::iter::once(method.as_str()).chain(words).collect::<Vec<_>>().join("_");
    let mut args: Vec<Value> = Vec::new();
    args.extend(endpoint.path.contains("{pair}").then(|| PAIR_NAME.describe("path")));
    let own = endpoint.args.iter().copied().flatten();
    args.extend(own.chain(is_signed.then_some(SIGNED).into_iter().flatten()).map(|arg| arg.describe("query")));
    let mut operation = json!({
        "operationId": id,
        "summary": endpoint.summary,
        "tags": [tag(endpoint.path)],
        "security": if is_signed { json!([{ "key": [] }]) } else { json!([]) },
        "responses": responses(endpoint, is_signed),
    });
    if let Value::Object(fields) = &mut operation {
        if !args.is_empty() {
            fields.insert("parameters".to_owned(), args.into());
        }
        if let Some(name) = endpoint.name {
            fields.insert("x-websocket-method".to_owned(), name.into());
        }
    }
    operation
}

fn tag(path: &str) -> &str {
    path.split('/').find(|part| !part.is_empty()).unwrap_or_default()
}

fn responses(endpoint: &Endpoint, is_signed: bool) -> Value {
    let schema = match endpoint.gives {
        Gives::Object => json!({ "type": "object" }),
        Gives::List => json!({ "type": "array" }),
        Gives::Either => json!({ "type": ["object", "array"] }),
        Gives::Number => json!({ "type": "integer" }),
    };
    let good = json!({
        "description": "It is done, or here it is.",
        "headers": {
            "x-mbx-used-weight-1m": {
                "description": "What the address has used up in this minute.",
                "schema": { "type": "string", "pattern": "^[0-9]+$" },
            },
        },
        "content": { "application/json": { "schema": schema } },
    });
    let mut responses: Map<String, Value> = [("200".to_owned(), good)].into_iter().collect();
    for (status, _) in OPEN.iter().chain(is_signed.then_some(KEYED).into_iter().flatten()) {
        let reference = json!({ "$ref": format!("#/components/responses/Refused{status}") });
        responses.insert(status.to_string(), reference);
    }
    Value::Object(responses)
}

fn refused(about: &str) -> Value {
    let schema = json!({ "$ref": "#/components/schemas/Refusal" });
    json!({ "description": about, "content": { "application/json": { "schema": schema } } })
}
