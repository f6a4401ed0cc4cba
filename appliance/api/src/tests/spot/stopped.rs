//! Customers while the exchange is under maintenance, or stopped.

use axum::http::Method;
use serde_json::json;

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
    let at = |text: &str| exchequer_domain::Timestamp::parse(text).unwrap();
    world.house.inside.lock().now = at(starts);
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
