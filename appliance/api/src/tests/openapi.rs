//! The description of the API: it is what the table of routes says, and what the handlers do.

use std::collections::BTreeSet;
use std::path::PathBuf;

use axum::http::{Method, StatusCode};
use serde::Serialize as _;
use serde_json::{Value, json};

use super::{World, request};
use crate::route::{Access, Fresh, Route};

fn docs(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

fn checked_in() -> Value {
    serde_json::from_slice(&std::fs::read(docs("openapi.json")).unwrap()).unwrap()
}

/// The routes that are described: all but the dialect's, and the pages of the console, which are for browsers.
fn ours() -> Vec<Route> {
    let is_page = |path: &str| path == "/" || path.starts_with("/ui");
    crate::routes().into_iter().filter(|route| route.access != Access::ApiKey && !is_page(route.path)).collect()
}

fn operations(document: &Value) -> BTreeSet<(String, String)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |(path, methods): (&String, &Value)| {
        let methods: Vec<String> = methods.as_object().unwrap().keys().cloned().collect();
        methods.into_iter().map(move |method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(methods).collect()
}

/// Goal: what is served, what is checked in and what the code says are one. Method: with `UPDATE=1` the file is written;
/// without, all three are compared.
#[tokio::test]
async fn the_served_description_is_checked_in() {
    let document = super::super::openapi::document(&crate::routes());
    if std::env::var_os("UPDATE").is_some() {
        // A narrow indentation: with a wider one a third of the file is spaces.
        let mut text = Vec::new();
        let narrow = serde_json::ser::PrettyFormatter::with_indent(b" ");
        document.serialize(&mut serde_json::Serializer::with_formatter(&mut text, narrow)).unwrap();
        text.push(b'\n');
        std::fs::write(docs("openapi.json"), text).unwrap();
    }
    let world = World::new();
    let served = world.send(request(Method::GET, "/v1/openapi.json", None, None)).await;
    assert_eq!((served.status, served.header("content-type")), (StatusCode::OK, "application/json"));
    let same = served.json() == checked_in() && document == checked_in();
    assert!(same, "docs/openapi.json is not what is served: run the test with UPDATE=1 and look at the difference");
}

/// Who may use a route, as the page for operators says it.
fn access(route: &Route) -> String {
    let who = match route.access {
        Access::Open | Access::SignIn => "open".to_owned(),
        Access::JoinToken => "join token".to_owned(),
        Access::Operator => "operator".to_owned(),
        Access::Permitted(permission) => permission.to_string(),
        Access::PermittedOrOwn(permission) => format!("{permission}, own"),
        Access::Session => "session".to_owned(),
        Access::Customer => "customer".to_owned(),
        Access::ApiKey => "key".to_owned(),
    };
    match route.fresh {
        Fresh::Never => who,
        Fresh::Sometimes => format!("{who}, sometimes fresh factor"),
        Fresh::Always => format!("{who}, fresh factor"),
    }
}

/// Goal: every route is described and every description is a route, in OpenAPI and in the page for operators, which says
/// truly who may use it and names it once.
#[test]
fn every_route_is_described() {
    let routes: BTreeSet<(String, String)> =
        ours().iter().map(|route| (route.method.to_string(), route.path.to_owned())).collect();
    assert_eq!(operations(&checked_in()), routes);
    let page = std::fs::read_to_string(docs("operators/api.md")).unwrap();
    let cell =
        |row: &str, at: usize| row.split(" | ").nth(at).unwrap_or_default().trim_matches(['|', ' ', '`']).to_owned();
    let rows = page
        .lines()
        .filter(|line| ["| GET", "| PUT", "| POST", "| PATCH", "| DELETE"].iter().any(|row| line.starts_with(row)));
    let mut listed: Vec<[String; 3]> =
        rows.map(|row| [cell(row, 0), cell(row, 1), cell(row, row.split(" | ").count() - 1)]).collect();
    listed.sort_unstable();
    let mut told: Vec<[String; 3]> =
        ours().iter().map(|route| [route.method.to_string(), route.path.to_owned(), access(route)]).collect();
    told.sort_unstable();
    assert_eq!(listed, told, "docs/operators/api.md");
    for route in ours() {
        let note = route.note.as_ref().unwrap();
        assert!(!note.summary.is_empty(), "{} says what it is for", route.path);
        assert_eq!(note.name.is_some(), route.path.contains('{'), "{}", route.path);
        assert_eq!(note.shape.has_name, note.name.is_some(), "{}", route.path);
        assert!(note.shape.has_query || note.query.is_empty(), "{} looks at its query", route.path);
        assert_eq!(note.shape.answer.is_none(), !note.content.is_empty(), "{}", route.path);
    }
}

/// Goal: every name that a query is said to take is taken, and no other one. Method: each route with each of its names,
/// one by one, beside those that it needs, and with a name that nobody knows; that a handler asks for no name that is not
/// described is asserted where it asks.
#[tokio::test]
async fn queries_take_what_they_are_said_to_take() {
    let world = World::new();
    super::money::two_users(&world).await;
    let mut tried = 0;
    let sessions = [Access::Session, Access::Customer];
    for route in ours().iter().filter(|route| route.method == Method::GET && !sessions.contains(&route.access)) {
        let note = route.note.as_ref().unwrap();
        let names = note.names();
        let path = match &note.name {
            Some(name) => route.path.replace(&format!("{{{}}}", name.name), &name.example().replace('/', "%2F")),
            None => route.path.to_owned(),
        };
        let needed: Vec<String> = names
            .iter()
            .filter(|param| param.is_needed)
            .map(|param| format!("{}={}", param.name, param.example()))
            .collect();
        // An answer that has no end is another test's.
        let ends = note.content != ["text/event-stream"];
        for param in names.iter().filter(|param| !param.is_needed && ends) {
            let value = param.example().replace('+', "%2B");
            let mut query = needed.clone();
            query.push(format!("{}={value}", param.name));
            query.extend((param.name == "max_stale").then(|| "consistency=local".to_owned()));
            let reply = world.get(&format!("{path}?{}", query.join("&"))).await;
            let text = reply.text();
            assert!(!text.contains("does not know") && !text.contains("EXQ-0112"), "{path} {query:?}: {text}");
            tried += 1;
        }
        if note.shape.has_query {
            let reply = world.get(&format!("{path}?{}&no_such_name=1", needed.join("&"))).await;
            assert_eq!(reply.refusal(), (400, "EXQ-0108".to_owned()), "{path}: {}", reply.text());
            assert!(reply.message().contains("no_such_name"), "{path}: {}", reply.message());
        }
    }
    assert!(tried > 60, "{tried} names were tried");
}

/// Goal: the description is sound: whatever it refers to is there, and bodies of requests take nothing that is not named.
#[test]
fn references_and_bodies() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document = checked_in();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in &found {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} is not there");
    }
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for name in schemas.keys() {
        assert!(found.contains(&format!("#/components/schemas/{name}")), "nothing refers to {name}");
    }
    let paths = document["paths"].as_object().unwrap();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let Some(body) = operation.pointer("/requestBody/content/application~1json/schema/$ref") else { continue };
            let schema = document.pointer(body.as_str().unwrap().trim_start_matches('#')).unwrap();
            let closed = schema["additionalProperties"] == json!(false) || schema.get("oneOf").is_some();
            assert!(closed, "{method} {path}: {schema}");
        }
    }
}
