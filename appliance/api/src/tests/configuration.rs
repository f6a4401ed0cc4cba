//! Flags, secrets and networks through the door.

use axum::http::StatusCode;
use exchequer_state::networks::Operation;
use exchequer_state::{Body, CreateAsset};
use serde_json::{Value, json};

use super::World;

/// Goal: a flag is made, asked, changed and removed, and who did what is shown. Method: the whole life of one, with a
/// second writer and with what is no flag.
#[tokio::test]
async fn the_life_of_a_flag() {
    let world = World::new();
    let put = |body: Value| {
        let mut body = body;
        body["reason"] = json!("test");
        body.to_string()
    };
    let check = async |subject: &str| world.get(&format!("/v1/flags/f/check?subject={subject}")).await.json();
    assert_eq!(check("a").await["why"], "there is no such flag");
    let made = world.put("/v1/flags/f", &put(json!({"on": true, "description": "what", "if_version": 0}))).await.json();
    assert_eq!((&made["version"], &made["summary"]), (&json!(1), &json!("on for all")));
    assert_eq!(check("a").await["on"], true);
    let stale = world.put("/v1/flags/f", &put(json!({"on": false, "if_version": 0}))).await;
    assert_eq!(stale.refusal(), (409, "EXQ-0404".into()));
    let named = json!({"on": true, "permille": 0, "allowed": ["b", "a", "b"], "networks": ["tron", "bitcoin"]});
    world.put("/v1/flags/f", &put(named)).await;
    assert_eq!(check("a").await["why"], "it is not for this network");
    let on_tron = world.get("/v1/flags/f/check?subject=a&network=tron").await.json();
    assert_eq!((&on_tron["on"], &on_tron["why"]), (&json!(true), &json!("it names this subject")));
    world.put("/v1/flags/f", &put(json!({"on": true, "expires_at": "2025-11-24T16:00:00Z"}))).await;
    assert_eq!(check("a").await["on"], false);
    let flag = world.get("/v1/flags/f").await.json();
    assert_eq!((&flag["expired"], &flag["description"], &flag["version"]), (&json!(true), &json!("what"), &json!(3)));
    assert_eq!(flag["changes"].as_array().unwrap().len(), 3);
    assert_eq!(flag["changes"][0]["by"], "operator");
    assert_eq!(world.get("/v1/flags").await.json()["flags"][0], flag);

    for (body, code) in [
        (json!({"on": true, "permille": 1_001}), (400, "EXQ-0108")),
        (json!({"on": true, "networks": ["dogecoin"]}), (400, "EXQ-0108")),
        (json!({"on": true, "expires_at": "tomorrow"}), (400, "EXQ-0108")),
        (json!({"on": true, "allowed": [""]}), (400, "EXQ-0108")),
    ] {
        assert_eq!(world.put("/v1/flags/f", &put(body)).await.refusal(), (code.0, code.1.into()));
    }
    let remove = async || world.post("/v1/flags/f/remove", r#"{"reason":"test"}"#).await;
    assert_eq!(remove().await.status, StatusCode::OK);
    assert_eq!(remove().await.refusal(), (404, "EXQ-0411".into()));
    assert_eq!(world.get("/v1/flags/f").await.refusal(), (404, "EXQ-0411".into()));
}

/// Goal: the text of a secret is in no answer, no row, no event and no refusal, whatever is done with it. Method: texts
/// that occur nowhere else are put, put again, referred to, sent in broken bodies and removed; then every answer and every
/// row that ever was is searched for them.
#[tokio::test]
async fn a_secret_is_shown_nowhere() {
    let world = World::new();
    let (first, second) = ("a first text of a secret 4711", "a second text of a secret 4712");
    let put = |text: &str| json!({"value": text, "reason": "test"}).to_string();
    let mut seen = Vec::new();
    let mut ask = async |method: &str, path: &str, body: &str| {
        let reply = match method {
            "GET" => world.get(path).await,
            "PUT" => world.put(path, body).await,
            _ => world.post(path, body).await,
        };
        let inside = world.house.inside.lock();
        seen.extend(inside.rows.iter().map(|(_, _, row)| row.to_vec()));
        seen.push(reply.body.clone());
        seen.push(format!("{:?}", reply.headers).into_bytes());
        reply
    };
    let made = ask("PUT", "/v1/secrets/node-key", &put(first)).await;
    assert_eq!(made.json()["version"], 1);
    let id = made.header("exq-command-id").to_owned();
    assert_eq!(ask("PUT", "/v1/secrets/node-key", &put(second)).await.json()["version"], 2);
    let endpoint = json!({"endpoints": ["https://n.example/v2/secret:node-key"], "reason": "test"}).to_string();
    assert_eq!(ask("PUT", "/v1/networks/tron", &endpoint).await.status, StatusCode::OK);
    let listed = ask("GET", "/v1/secrets", "").await.json()["secrets"][0].clone();
    assert_eq!((&listed["version"], &listed["used_by"]), (&json!(2), &json!("tron")));
    for path in ["/v1/audit", "/v1/networks", "/v1/networks/tron", &format!("/v1/commands/{id}")] {
        assert_eq!(ask("GET", path, "").await.status, StatusCode::OK, "{path}");
    }
    for body in [
        json!({"value": [second], "reason": "test"}),
        json!({"value": {"text": second}, "reason": "test"}),
        json!({"value": second, "reason": " "}),
        json!({"value": second, "reason": "test", "if_version": 7}),
        json!({"value": second.repeat(200), "reason": "test"}),
        json!({"value": "", "reason": "test"}),
    ] {
        let refused = ask("PUT", "/v1/secrets/node-key", &body.to_string()).await;
        assert!(refused.status.is_client_error(), "{}", refused.text());
    }
    assert!(ask("PUT", "/v1/secrets/B", &put(second)).await.status.is_client_error());
    let cut = &put(second)[..30];
    assert_eq!(ask("PUT", "/v1/secrets/node-key", cut).await.refusal(), (400, "EXQ-0108".into()));
    let remove = r#"{"reason":"test"}"#;
    assert_eq!(ask("POST", "/v1/secrets/node-key/remove", remove).await.refusal(), (409, "EXQ-0413".into()));
    ask("PUT", "/v1/networks/tron", r#"{"endpoints":[],"reason":"test"}"#).await;
    assert_eq!(ask("POST", "/v1/secrets/node-key/remove", remove).await.status, StatusCode::OK);
    assert_eq!(ask("POST", "/v1/secrets/node-key/remove", remove).await.refusal(), (404, "EXQ-0412".into()));

    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|at| at == text.as_bytes());
    for text in [first, second, "text of a secret"] {
        assert!(!seen.iter().any(|bytes| holds(bytes, text)), "`{text}` was shown");
    }
    // The search would find it: the reason of every change is in it.
    assert!(seen.iter().any(|bytes| holds(bytes, "test")));
    let shown = format!(
        "{:?}",
        crate::dto::PutSecret {
            value: crate::dto::SecretText(zeroize::Zeroizing::new(first.to_owned())),
            if_version: None,
            reason: String::new(),
        }
    );
    assert!(!shown.contains(first), "{shown}");
}

/// Goal: what is configured of a network holds for what may be done there, and credentials in the open are refused without
/// being kept. Method: a network is enabled and an asset switched off; addresses good and bad.
#[tokio::test]
async fn networks_are_configured() {
    let world = World::new();
    let asset = CreateAsset { code: "USDT".into(), decimals: 6, name: "Tether".into(), reason: "test".into() };
    world.house.run(Body::CreateAsset(asset));
    let put = async |body: Value| {
        let mut body = body;
        body["reason"] = json!("test");
        world.put("/v1/networks/tron", &body.to_string()).await
    };
    let fresh = world.get("/v1/networks/tron").await.json();
    assert_eq!(
        (&fresh["state"], &fresh["version"], &fresh["changed_at"]),
        (&json!("suspended"), &json!(0), &json!(null))
    );
    assert_eq!(fresh["deposits"], json!({"on": true, "refused": "the network is suspended"}));
    assert_eq!(world.get("/v1/networks").await.json()["networks"].as_array().unwrap().len(), 6);

    let enabled = put(json!({"state": "enabled", "withdrawals": false, "fee_max": "9", "if_version": 0})).await.json();
    assert_eq!(enabled["version"], 1);
    let off = r#"{"asset":"USDT","deposits":false,"reason":"test"}"#;
    assert_eq!(world.post("/v1/networks/tron/assets", off).await.json()["version"], json!(null));
    let shown = world.get("/v1/networks/tron").await.json();
    assert_eq!(shown["deposits"], json!({"on": true, "refused": null}));
    assert_eq!(shown["withdrawals"], json!({"on": false, "refused": "switched off on the network"}));
    assert_eq!(shown["assets"], json!([{"asset": "USDT", "deposits": false, "withdrawals": true, "sweeps": true}]));
    let may = |operation| {
        let inside = world.house.inside.lock();
        inside.state.may(exchequer_domain::Network::Tron, exchequer_state::ledger::Asset(1), operation).is_ok()
    };
    assert_eq!(Operation::ALL.iter().map(|operation| may(*operation)).collect::<Vec<_>>(), [false, false, true]);

    for (body, refusal) in [
        (json!({"state": "open"}), (400, "EXQ-0108")),
        (json!({"tradable": 0}), (400, "EXQ-0108")),
        (json!({"fee_max": "0"}), (400, "EXQ-0108")),
        (json!({"fee_max": 9}), (400, "EXQ-0108")),
        (json!({"fee_max": "1.5"}), (400, "EXQ-0108")),
        (json!({"fee_rate_max": "18446744073709551616"}), (400, "EXQ-0108")),
        (json!({"fee_rate_max": "000000000000000000001"}), (400, "EXQ-0108")),
        (json!({"endpoints": ["https://user:hunter2@n.example"]}), (422, "EXQ-0414")),
        (json!({"endpoints": ["https://n.example/secret:none"]}), (404, "EXQ-0412")),
        (json!({"endpoints": ["n.example"]}), (400, "EXQ-0108")),
        (json!({"state": "enabled", "if_version": 0}), (409, "EXQ-0404")),
    ] {
        let reply = put(body).await;
        assert_eq!(reply.refusal(), (refusal.0, refusal.1.into()));
        assert!(!reply.text().contains("hunter2"));
    }
    assert_eq!(world.get("/v1/networks/tron").await.json()["fee_max"], json!("9"));
    let unknown = world.post("/v1/networks/tron/assets", r#"{"asset":"X","reason":"test"}"#).await;
    assert_eq!(unknown.refusal(), (404, "EXQ-0801".into()));
    assert_eq!(world.get("/v1/networks/dogecoin").await.refusal(), (404, "EXQ-0109".into()));
    assert!(world.house.inside.lock().rows.iter().all(|(_, _, row)| !row.windows(7).any(|at| at == b"hunter2")));
}

/// Goal: an amount of 64 bits comes back as it was sent, to the last digit, also where a program that takes numbers for floats would
/// lose some. Method: 10 ether and one wei, and the greatest amount there is, through a change and the read behind it.
#[tokio::test]
async fn amounts_of_networks_keep_their_digits() {
    let world = World::new();
    let (fee, rate) = ("10000000000000000001", "18446744073709551615");
    let body = json!({ "fee_max": fee, "fee_rate_max": rate, "reason": "test" });
    assert_eq!(world.put("/v1/networks/ethereum", &body.to_string()).await.status.as_u16(), 200);
    let shown = world.get("/v1/networks/ethereum").await.json();
    assert_eq!((&shown["fee_max"], &shown["fee_rate_max"]), (&json!(fee), &json!(rate)));
}
