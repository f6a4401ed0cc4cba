//! The role matrix: every route, every role, every state of a session.

use axum::http::Method;
use exchequer_state::people::{Permission, Principal, Role};

use super::super::memory::TOKEN;
use super::super::{Reply, World, request};
use super::{MINUTE_US, admin, customer, session, wait};
use crate::route::{Access, Fresh, Route};

/// What the gate says, as a code; `passed` for whatever comes from behind it.
fn gate(reply: &Reply) -> String {
    const GATE: [&str; 8] =
        ["EXQ-0201", "EXQ-0202", "EXQ-0212", "EXQ-0213", "EXQ-0214", "EXQ-0216", "EXQ-0217", "EXQ-0219"];
    let json: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let code = json["error"]["code"].as_str().unwrap_or_default();
    if GATE.contains(&code) { code.to_owned() } else { "passed".to_owned() }
}

/// A path with something in its variable part; users are 1 where it matters.
fn concrete(path: &str) -> String {
    let path = path.replace("{user}", "1").replace("{symbol}", "BTCUSDT").replace("{id}", "00");
    let open = path.find('{');
    match (open, path.find('}')) {
        (Some(from), Some(to)) => format!("{}a{}", &path[..from], &path[to + 1..]),
        _ => path,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    SignedIn,
    FactorMissing,
    Expired,
    /// Signed in, with the second factor shown a while ago.
    Stale,
}

/// What the gate must say, told by the rules and not by the code.
fn expected(route: &Route, role: Role, state: State) -> &'static str {
    let may = |permission: Permission| role.permissions().contains(&permission);
    let permission = match route.access {
        Access::Session => {
            return match state {
                State::Expired => "EXQ-0212",
                State::FactorMissing | State::Stale if route.fresh == Fresh::Always => "EXQ-0216",
                State::SignedIn | State::FactorMissing | State::Stale => "passed",
            };
        }
        // An admin's session is none of a customer's.
        Access::Customer => return "EXQ-0212",
        Access::Operator => None,
        Access::Permitted(permission) | Access::PermittedOrOwn(permission) => Some(permission),
        Access::Open | Access::JoinToken | Access::ApiKey | Access::SignIn => panic!("{} has no gate", route.path),
    };
    match state {
        State::Expired => "EXQ-0212",
        State::FactorMissing => "EXQ-0214",
        State::SignedIn | State::Stale if !permission.is_some_and(may) => "EXQ-0213",
        State::Stale if route.fresh == Fresh::Always => "EXQ-0216",
        State::SignedIn | State::Stale => "passed",
    }
}

fn gated() -> Vec<Route> {
    let open = [Access::Open, Access::JoinToken, Access::ApiKey, Access::SignIn];
    crate::routes().into_iter().filter(|route| !open.contains(&route.access)).collect()
}

async fn ask(world: &World, route: &Route, token: &str) -> String {
    gate(&world.send(request(route.method.clone(), &concrete(route.path), Some(token), None)).await)
}

/// Goal: each role gets through to what its permissions name and to nothing else; without its second factor to nothing but
/// its own session; with a session that is over to nothing; and operations of danger level 3 want a second factor that was
/// shown just now. No route is without an entry. Method: every route of the table, every role, each state of a session, by
/// requests without a body, so that whatever gets through is refused behind the gate and changes nothing.
#[tokio::test]
async fn every_route_every_role_every_state() {
    let world = World::new();
    let house = &world.house;
    admin(house, "first", &[Role::Owner], true);
    let mut asked = 0;
    for role in Role::ALL {
        let whole = Principal::Admin(admin(house, &format!("{role}-whole"), &[*role], true));
        let lacking = Principal::Admin(admin(house, &format!("{role}-lacking"), &[*role], false));
        for route in &gated() {
            for state in [State::SignedIn, State::FactorMissing, State::Expired, State::Stale] {
                let of = if state == State::FactorMissing { lacking } else { whole };
                let token = session(house, of);
                match state {
                    State::SignedIn | State::FactorMissing => {}
                    State::Expired => wait(house, 15 * MINUTE_US),
                    State::Stale => wait(house, MINUTE_US),
                }
                let said = ask(&world, route, &token).await;
                let expected = expected(route, *role, state);
                assert_eq!(said, expected, "{} {} as {role}, {state:?}", route.method, route.path);
                asked += 1;
            }
        }
    }
    println!("{asked} requests");
    assert_eq!(asked, Role::ALL.len() * 4 * gated().len());
}

/// Goal: the operator token opens all but what belongs to a session; no token nothing. A customer gets through to its own
/// user and its own session, and to nothing of another user or of the house. Method: every route.
#[tokio::test]
async fn the_operator_and_customers() {
    let world = World::new();
    let house = &world.house;
    let (own, other) = (Principal::User(customer(house)), Principal::User(customer(house)));
    for route in &gated() {
        let is_session = matches!(route.access, Access::Session | Access::Customer);
        assert_eq!(ask(&world, route, TOKEN).await, if is_session { "EXQ-0212" } else { "passed" }, "{}", route.path);
        let path = concrete(route.path);
        let nothing = world.send(request(route.method.clone(), &path, None, None)).await;
        assert_eq!(gate(&nothing), "EXQ-0201", "{path}");

        let fresh = |of| session(house, of);
        match route.access {
            Access::Customer => {
                let own_way = if route.fresh == Fresh::Always { "EXQ-0216" } else { "passed" };
                assert_eq!(ask(&world, route, &fresh(own)).await, own_way, "{path}");
                let over = fresh(own);
                wait(house, 24 * 60 * MINUTE_US);
                assert_eq!(ask(&world, route, &over).await, "EXQ-0212", "{path}");
            }
            Access::PermittedOrOwn(_) => {
                // Without a second factor nothing of danger level 3.
                let own_way = if route.fresh == Fresh::Always { "EXQ-0216" } else { "passed" };
                assert_eq!(ask(&world, route, &fresh(own)).await, own_way, "{path}");
                assert_eq!(ask(&world, route, &fresh(other)).await, "EXQ-0213", "{path}");
            }
            _ => assert_eq!(ask(&world, route, &fresh(own)).await, "EXQ-0212", "{path}"),
        }
    }
}

/// Goal: what an admin does is on record under its number, and the log refuses what the roles do not allow even if a node
/// let it through. Method: a change by an owner; the same owner disabled after the node's check, by a command of its own.
#[tokio::test]
async fn changes_are_made_in_the_admins_name() {
    let world = World::new();
    let house = &world.house;
    let ada = admin(house, "ada", &[Role::Owner], true);
    let token = session(house, Principal::Admin(ada));
    let body = serde_json::json!({ "value": "false", "reason": "quiet" });
    let reply = world.with(&token, Method::PUT, "/v1/settings/autopilot.promote", Some(&body)).await;
    assert_eq!(reply.status.as_u16(), 200, "{}", reply.text());
    let audit = world.with(&token, Method::GET, "/v1/audit?after=3&limit=1", None).await.json();
    assert_eq!(audit["entries"][0]["actor"], "admin 1", "{audit}");
}
