//! The description of the dialect: it is what the tables say, and what the doors do.

use std::collections::BTreeSet;
use std::path::PathBuf;

use axum::http::Method;
use serde_json::Value;

use super::{good, open, refusal, signed, world};
use crate::spot::arg::PAIR_NAME;
use crate::spot::description::{document, endpoints};
use crate::spot::door::{Endpoint, Needs};

fn checked_in() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi-spot.json")
}

/// Goal: what is served, what is checked in and what the code says are one. Method: with `UPDATE=1` the file is written;
/// without, all three are compared.
#[tokio::test]
async fn the_served_description_is_checked_in() {
    let document = document();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(checked_in(), serde_json::to_string_pretty(&document).unwrap() + "\n").unwrap();
    }
    let read: Value = serde_json::from_slice(&std::fs::read(checked_in()).unwrap()).unwrap();
    let served = good(&open(&world(), "/v1/openapi-spot.json").await);
    let same = served == read && document == read;
    assert!(
        same,
        "docs/openapi-spot.json is not what is served: run the test with UPDATE=1 and look at the difference"
    );
}

/// Goal: every address of the dialect that is no socket is described, with what it is for.
#[test]
fn every_address_is_described() {
    let key = |method: &str, path: &str| (method.to_owned(), path.to_owned());
    let routes = crate::routes().into_iter().filter(|route| route.access == crate::route::Access::ApiKey);
    let sockets = ["/ws", "/ws/{*names}", "/stream", "/ws-api/v3"];
    let routes: BTreeSet<_> = routes
        .filter(|route| !sockets.contains(&route.path))
        .map(|route| key(route.method.as_str(), route.path))
        .collect();
    let described: BTreeSet<_> = endpoints().map(|endpoint| key(endpoint.method, endpoint.path)).collect();
    assert_eq!(described, routes);
    for endpoint in endpoints() {
        assert!(!endpoint.summary.is_empty(), "{} says what it is for", endpoint.path);
        let names: Vec<&str> = endpoint.args.iter().copied().flatten().map(|arg| arg.name).collect();
        let once: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), once.len(), "{}: {names:?}", endpoint.path);
    }
}

/// Sends a request of an endpoint, signed where it must be.
async fn ask(world: &super::World, endpoint: &Endpoint, query: &str) -> super::Reply {
    let path = endpoint.path.replace("{pair}", &PAIR_NAME.example());
    let method = Method::from_bytes(endpoint.method.as_bytes()).unwrap();
    match endpoint.needs {
        Needs::Nothing => open(world, &format!("{path}?{query}")).await,
        Needs::Read | Needs::Trade | Needs::Withdraw => signed(world, 1, method, &path, query).await,
    }
}

/// Goal: every parameter that is described is taken, and in the dialect no other one. Method: each endpoint with each of
/// its parameters, one by one, beside those that it needs, and with a name that nobody knows; that an endpoint asks for no
/// name that is not described is asserted where it asks. Two that exclude each other are not sent together.
#[tokio::test]
async fn parameters_are_what_they_are_said_to_be() {
    const UNREAD: i64 = -1104;
    let mut tried = 0;
    for endpoint in endpoints() {
        // A world of its own: what is asked often is refused after a while.
        let world = world();
        let is_strict = endpoint.path.starts_with("/api/") || endpoint.path.starts_with("/sapi/");
        let args = || endpoint.args.iter().copied().flatten();
        let pair = |arg: &crate::spot::arg::Arg| format!("{}={}", arg.name, arg.example().replace('"', "%22"));
        let mut needed: Vec<String> = args().filter(|arg| arg.is_needed).map(pair).collect();
        // One of two names must say which order it is.
        for (number, other) in [("orderId", "origClientOrderId"), ("orderListId", "Id"), ("cancelOrderId", "Orig")] {
            let both = args().any(|arg| arg.name == number) && args().any(|arg| arg.name.ends_with(other));
            needed.extend(both.then(|| format!("{number}=1")));
        }
        for arg in args() {
            let mut query = needed.clone();
            let name = format!("{}=", arg.name);
            query.extend((!query.iter().any(|pair| pair.starts_with(&name))).then(|| pair(arg)));
            let reply = ask(&world, endpoint, &query.join("&")).await;
            let refused = reply.status.is_client_error().then(|| refusal(&reply).1);
            assert_ne!(refused, Some(UNREAD), "{} {} {query:?}", endpoint.method, endpoint.path);
            assert!(!reply.status.is_server_error(), "{} {query:?}: {}", endpoint.path, reply.text());
            tried += 1;
        }
        if is_strict {
            let reply = ask(&world, endpoint, "no_such_name=1").await;
            assert!(reply.status.is_client_error(), "{}: {}", endpoint.path, reply.text());
        }
    }
    assert!(tried > 100, "{tried} parameters were tried");
}
