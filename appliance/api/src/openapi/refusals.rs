//! The refusals in the description: one for each HTTP status, with the codes that have it.

use axum::http::StatusCode;
use exchequer_domain::Code;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::note::Note;
use crate::dto::Refusal;
use crate::problem::status_of;
use crate::route::{Access, Route};

/// What any request may be told.
const ALWAYS: &[u16] = &[400, 429, 503, 504];
/// What a request with a body may be told on top.
const WITH_BODY: &[u16] = &[403, 404, 409, 410, 413, 415, 422, 502, 507];
/// What a request that names something may be told on top.
const WITH_NAMES: &[u16] = &[403, 404, 413];
/// Where something can be asked for that is not kept any more.
const FORGETS: &str = "/v1/events";
/// Where a query is judged as a body would be.
const JUDGES: &str = "/v1/settings/preview";

/// The statuses with which a route may refuse.
pub(super) fn of(route: &Route, note: &Note) -> Vec<u16> {
    if route.access == Access::Open {
        return if note.shape.has_query { vec![400] } else { Vec::new() };
    }
    let mut statuses = ALWAYS.to_vec();
    match route.access {
        Access::Open | Access::JoinToken | Access::ApiKey => {}
        Access::SignIn => statuses.push(401),
        Access::Operator | Access::Permitted(_) | Access::PermittedOrOwn(_) | Access::Session | Access::Customer => {
            statuses.extend([401, 403])
        }
    }
    if note.shape.body.is_some() {
        statuses.extend(WITH_BODY);
    } else if note.shape.has_name || !note.query.is_empty() {
        statuses.extend(WITH_NAMES);
        statuses.extend((route.path == FORGETS).then_some(410));
        statuses.extend((route.path == JUDGES).then_some(422));
    }
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}

/// The name of a status's refusal among the components.
pub(super) fn name(status: u16) -> String {
    format!("Refused{status}")
}

/// The schema of their body.
pub(super) fn define(generator: &mut SchemaGenerator) {
    generator.subschema_for::<Refusal>();
}

pub(super) fn responses() -> Value {
    let mut statuses: Vec<u16> = ALWAYS.iter().chain(WITH_BODY).chain(WITH_NAMES).copied().chain([401]).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let all = statuses.into_iter().map(|status| (name(status), response(status)));
    Value::Object(all.collect::<Map<String, Value>>())
}

fn response(status: u16) -> Value {
    let has = |code: &&Code| StatusCode::from_u16(status).is_ok_and(|status| status_of(**code) == status);
    let codes: Vec<String> = Code::ALL.iter().filter(has).map(|code| format!("{code} {}", code.title())).collect();
    let about = match status {
        415 => "EXQ-0108 the body is not JSON".to_owned(),
        504 => format!("{}; EXQ-0313 a read's answer took too long", codes.join("; ")),
        _ => codes.join("; "),
    };
    json!({
        "description": about,
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Refusal" } } },
    })
}
