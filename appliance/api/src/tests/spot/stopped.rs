//! Customers while the exchange is under maintenance, or stopped.

use axum::http::Method;
use axum::response::IntoResponse as _;
use exchequer_state::api_keys::{Credential, Scopes};
use exchequer_state::{Actor, Body as Change, CreateApiKey, Outcome, RevokeApiKey};
use serde_json::json;

use crate::app::App;
use crate::backend::Backend as _;

use super::{good, limit, open, refusal, signed, world};

/// Goal: during maintenance what a customer would change is refused with the announced text and the seconds to wait, in the
/// dialect; reading goes on, operators see what is open, and afterwards all is as before. Method: an order, a cancel and a
/// read before, during and after; the window is announced ahead through the door.
#[tokio::test]
async fn maintenance_refuses_changes_and_nothing_else() {
    let world = world();
    good(&limit(&world, 1, "SELL", "0.5", "50000", "").await);
    let (starts, ends) = ("2025-11-24T17:00:00Z", "2025-11-24T18:00:00Z");
    let body = json!({"starts_at": starts, "ends_at": ends, "banner": "Back at six.", "reason": "upgrade"});
    let made = world.post("/v1/maintenance/system", &body.to_string()).await.json();
    assert_eq!(made["number"], 1, "{made}");
    good(&limit(&world, 1, "SELL", "0.5", "50001", "").await);
    let status = world.get("/v1/status").await.json();
    assert_eq!(
        (&status["maintenance"][0]["open"], &status["maintenance"][0]["banner"]),
        (&json!(false), &json!("Back at six."))
    );
    world.house.inside.lock().now = exchequer_domain::Timestamp::parse(starts).unwrap();
    world.house.run(exchequer_state::Body::Digest(exchequer_state::RequestDigest {}));
    assert_eq!(world.get("/v1/maintenance").await.json()["windows"][0]["open"], true);
    for (method, path) in [(Method::POST, "/api/v3/order"), (Method::DELETE, "/api/v3/openOrders")] {
        let reply = signed(&world, 1, method, path, "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1").await;
        assert_eq!(refusal(&reply), (503, -1016), "{path}");
        assert_eq!((&reply.json()["msg"], reply.header("retry-after")), (&json!("Back at six."), "3600"));
    }
    assert_eq!(good(&signed(&world, 1, Method::GET, "/api/v3/openOrders", "").await).as_array().unwrap().len(), 2);
    good(&open(&world, "/api/v3/depth?symbol=BTCUSDT").await);
    let end = json!({"reason": "done"}).to_string();
    assert_eq!(world.post("/v1/maintenance/windows/1/end", &end).await.json()["number"], 1);
    assert_eq!(world.post("/v1/maintenance/windows/1/end", &end).await.refusal(), (404, "EXQ-1121".into()));
    good(&limit(&world, 1, "SELL", "0.5", "50002", "").await);
    let banner = json!({"banner": " ", "reason": "x"}).to_string();
    assert_eq!(world.post("/v1/maintenance/networks/tron", &banner).await.refusal(), (400, "EXQ-0108".into()));
    assert_eq!(world.post("/v1/maintenance/networks/doge", &banner).await.refusal(), (400, "EXQ-0108".into()));
}

/// Goal: a customer who is signed in is told of maintenance in `/v1` as in the dialect: 503, the announced text and the seconds
/// to wait; a key that may be out is revoked all the same, and reading goes on. Method: a window with an end, an API key made
/// and revoked by its user.
#[tokio::test]
async fn maintenance_is_told_in_v1() {
    let world = world();
    let house = &world.house;
    let user = crate::tests::people::customer(house);
    let make = |key: &str| {
        Change::CreateApiKey(Box::new(CreateApiKey {
            user,
            key: key.repeat(64),
            label: String::new(),
            credential: Credential::Ed25519 { public: [1; 32] },
            scopes: Scopes { read: true, trade: false, withdraw: false },
            ranges: vec![],
            reason: "test".into(),
        }))
    };
    assert!(matches!(house.run_as(Actor::User(user), make("a")), Outcome::Done(_)));
    let ends = house.inside.lock().now.plus(std::time::Duration::from_secs(90)).to_string();
    let body = json!({"ends_at": ends, "banner": "Back soon.", "reason": "upgrade"}).to_string();
    world.post("/v1/maintenance/system", &body).await.json();
    let app = App::new(house.clone());
    let refused = app.submit_as(Actor::User(user), house.new_id(), make("b")).await.err().unwrap().into_response();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (503, "90"));
    let body = axum::body::to_bytes(refused.into_body(), 10_000).await.unwrap();
    let error: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(error["error"]["code"] == "EXQ-1120" && message.ends_with(": Back soon."), "{error}");
    let id = house.inside.lock().state.api_keys().of_user(user).next().unwrap().id;
    let revoke = Change::RevokeApiKey(RevokeApiKey { id, reason: "out".into() });
    assert!(matches!(house.run_as(Actor::User(user), revoke), Outcome::Done(_)), "who fears for a key need not wait");
}

/// Goal: a stop refuses new orders in the dialect and lets cancels through; operators see who stopped what and since when,
/// and what waits says so. Method: orders around a stop and a resume.
#[tokio::test]
async fn a_stop_lets_cancels_through() {
    let world = world();
    good(&limit(&world, 1, "SELL", "0.5", "50000", "").await);
    let why = json!({"reason": "a key may be out"}).to_string();
    let stopped = world.post("/v1/emergency/stop", &why).await.json();
    assert_eq!((&stopped["stopped"], &stopped["markets"]), (&json!(true), &json!(1)), "{stopped}");
    assert_eq!(world.post("/v1/emergency/stop", &why).await.refusal(), (409, "EXQ-0309".into()));
    let status = world.get("/v1/emergency").await.json();
    assert_eq!(status["blocked"], json!(["signing", "withdrawals", "sweeps", "trading", "changes"]));
    assert_eq!(status["markets"], json!([{"symbol": "BTCUSDT", "before": "trading", "phase": "cancel-only"}]));
    assert_eq!((&status["by"], &status["reason"]), (&json!("operator"), &json!("a key may be out")));
    assert!(world.get("/v1/status").await.json()["stopped_since"].is_string());
    assert_eq!(refusal(&limit(&world, 1, "SELL", "0.5", "50001", "").await), (503, -1016));
    let asset = json!({"code": "ETH", "decimals": 18, "name": "Ether", "reason": "x"}).to_string();
    assert_eq!(world.post("/v1/assets", &asset).await.refusal(), (503, "EXQ-1130".into()));
    good(&signed(&world, 1, Method::DELETE, "/api/v3/openOrders", "symbol=BTCUSDT").await);
    let resumed = world.post("/v1/emergency/resume", &why).await.json();
    assert_eq!((&resumed["stopped"], &resumed["markets"]), (&json!(false), &json!(1)), "{resumed}");
    assert_eq!(world.get("/v1/emergency").await.json()["stopped"], false);
    assert_eq!(world.post("/v1/emergency/resume", &why).await.refusal(), (409, "EXQ-1131".into()));
    assert_eq!(world.get("/v1/markets/BTCUSDT").await.json()["phase"], "auction");
    good(&limit(&world, 1, "SELL", "0.5", "50001", "").await);
}
