//! Jobs, queues and directives through the door.

use axum::http::{Method, StatusCode};

use super::World;

/// Goal: a job's life as an operator sees it: entered once under a key, listed, paused, ended, and then history.
#[tokio::test]
async fn a_job_can_be_followed() {
    let world = World::new();
    let enqueue = r#"{"queue":"a.b","key":"k","payload":"hello","reason":"test"}"#;
    let first = world.post("/v1/jobs", enqueue).await.json();
    assert_eq!((first["jobs"][0]["job"].as_u64(), first["jobs"][0]["new"].as_bool()), (Some(1), Some(true)));
    assert_eq!(world.post("/v1/jobs", enqueue).await.json()["jobs"][0]["new"], false);
    let job = world.get("/v1/jobs/1").await.json();
    assert_eq!((job["state"].as_str(), job["payload"].as_str()), (Some("available"), Some("hello")));
    for (query, count) in [("", 1), ("?queue=a.b&state=available", 1), ("?queue=c", 0), ("?state=discarded", 0)] {
        let jobs = world.get(&format!("/v1/jobs{query}")).await.json();
        assert_eq!(jobs["jobs"].as_array().map(Vec::len), Some(count), "{query}");
    }

    let rate = r#"{"paused":true,"rate":{"per_second":3,"burst":5},"reason":"test"}"#;
    assert_eq!(world.call(Method::PATCH, "/v1/queues/a.b", Some(rate)).await.status, StatusCode::OK);
    let queue = world.get("/v1/queues").await.json()["queues"][0].clone();
    assert_eq!((&queue["paused"], &queue["rate"]["burst"], &queue["available"]), (&true.into(), &5.into(), &1.into()));
    for bad in [r#"{"reason":"test"}"#, r#"{"rate":{"per_second":3,"burst":5},"no_rate":true,"reason":"test"}"#] {
        let reply = world.call(Method::PATCH, "/v1/queues/a.b", Some(bad)).await;
        assert_eq!(reply.refusal(), (400, "EXQ-0108".into()));
    }

    let cancelled = world.post("/v1/jobs/cancel", r#"{"jobs":[1,9],"reason":"test"}"#).await.json();
    assert!(cancelled["outcomes"][0]["error"].is_null());
    assert_eq!(cancelled["outcomes"][1]["error"]["code"], "EXQ-1030");
    assert_eq!(world.get("/v1/jobs").await.json()["jobs"].as_array().map(Vec::len), Some(0));
    let over = world.get("/v1/jobs/history").await.json();
    assert_eq!((over["jobs"][0]["state"].as_str(), over["next_before"].as_u64()), (Some("cancelled"), None));
    assert_eq!(world.get("/v1/jobs/history?limit=1").await.json()["next_before"], 1);
    assert_eq!(world.get("/v1/jobs/1").await.json()["state"], "cancelled");
    assert_eq!(world.get("/v1/jobs/2").await.refusal(), (404, "EXQ-1030".into()));
    for bad in ["/v1/jobs/0", "/v1/jobs/+1", "/v1/jobs/x", "/v1/jobs?state=over", "/v1/jobs?queue=A"] {
        assert_eq!(world.get(bad).await.refusal(), (400, "EXQ-0108".into()), "{bad}");
    }
}

/// Goal: a directive's life as an operator sees it: sent, superseded by a stop, taken back, and then history.
#[tokio::test]
async fn a_directive_can_be_followed() {
    let world = World::new();
    let send = |target: &str, action: &str, more: &str| {
        format!(r#"{{"target":"{target}","action":"{action}","reason":"test"{more}}}"#)
    };
    let start = send("selftest", "start", r#","priority":"bulk","key":"k""#);
    let sent = world.post("/v1/directives", &start).await.json();
    assert_eq!((&sent["directives"][0]["directive"], &sent["directives"][0]["new"]), (&1.into(), &true.into()));
    let other = send("selftest", "start", r#","key":"k""#);
    assert_eq!(world.post("/v1/directives", &other).await.refusal(), (409, "EXQ-1042".into()));
    assert_eq!(world.get("/v1/directives/1").await.json()["state"], "queued");
    world.post("/v1/directives", &send("system", "stop", "")).await.json();
    let superseded = world.get("/v1/directives/1").await.json();
    assert_eq!((superseded["state"].as_str(), superseded["superseded_by"].as_u64()), (Some("superseded"), Some(2)));

    let open = world.get("/v1/directives?state=queued").await.json();
    assert_eq!(open["directives"].as_array().map(Vec::len), Some(1));
    let review = world.post("/v1/directives/2/review", r#"{"decision":"done","reason":"test"}"#).await;
    assert_eq!(review.refusal(), (409, "EXQ-1041".into()));
    let cancelled = world.post("/v1/directives/cancel", r#"{"directives":[2],"reason":"test"}"#).await.json();
    assert!(cancelled["outcomes"][0]["error"].is_null());
    assert_eq!(world.get("/v1/directives/history").await.json()["directives"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.get("/v1/directives/9").await.refusal(), (404, "EXQ-1040".into()));
    for bad in [
        send("nobody", "stop", ""),
        send("selftest.bitcoin", "stop", ""),
        send("system", "stop", r#","payload":"x""#),
        send("system", "stop", r#","priority":"high""#),
        send("system", "Stop", ""),
        send("system", "stop", r#","max_attempts":0"#),
    ] {
        assert_eq!(world.post("/v1/directives", &bad).await.refusal(), (400, "EXQ-0108".into()), "{bad}");
    }
}
