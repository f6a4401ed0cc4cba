//! The doors over a state in memory.

mod approvals;
mod audit;
mod bad_input;
mod cluster;
mod configuration;
mod console;
mod events;
mod gateway;
mod health;
mod history;
mod jobs;
mod ledger_looks;
mod memory;
mod money;
mod money_looks;
mod money_on_chains;
mod openapi;
mod people;
mod pipe;
mod reads;
mod reconciliation;
mod routes;
mod scratch;
mod settings;
mod spot;
mod trading;
mod worker_logs;
mod workers;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::Value;
use tower::ServiceExt as _;

use memory::{Memory, TOKEN};

/// The doors and the house behind them.
struct World {
    house: Arc<Memory>,
    router: Router,
}

/// An answer.
#[derive(Debug)]
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers)).to_str().unwrap()
    }

    /// Status and code of a refusal, whose body must have the form that all have.
    fn refusal(&self) -> (u16, String) {
        let json = self.json();
        let error = json["error"].as_object().unwrap_or_else(|| panic!("not a refusal: {json}"));
        assert!(!error["message"].as_str().unwrap().is_empty() && error["hint"].is_string(), "{json}");
        assert_eq!(self.header("content-type"), "application/json");
        (self.status.as_u16(), error["code"].as_str().unwrap().to_owned())
    }

    /// The JSON without the index of the entry, which differs where a command is sent again.
    fn effect(&self) -> Value {
        let mut json = self.json();
        json.as_object_mut().unwrap().remove("index");
        json
    }

    fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }
}

impl World {
    /// A sandbox cluster of one node, which leads.
    fn new() -> World {
        let house = Arc::new(Memory::new());
        World { router: crate::router(house.clone()), house }
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let is_endless = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
        let body = match is_endless {
            true => Vec::new(),
            false => axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        };
        Reply { status: parts.status, headers: parts.headers, body }
    }

    async fn call(&self, method: Method, path: &str, body: Option<&str>) -> Reply {
        self.send(request(method, path, Some(TOKEN), body)).await
    }

    async fn get(&self, path: &str) -> Reply {
        self.call(Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: &str) -> Reply {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn put(&self, path: &str, body: &str) -> Reply {
        self.call(Method::PUT, path, Some(body)).await
    }
}

fn request(method: Method, path: &str, token: Option<&str>, body: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_owned()))).unwrap()
}
