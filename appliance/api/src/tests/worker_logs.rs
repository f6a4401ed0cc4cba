//! Workers' logs through the door.

use futures::StreamExt as _;

use super::*;
use crate::backend::LogLine;

fn line(number: u64, previous: u64) -> LogLine {
    let text = format!("line {number}");
    LogLine { number, previous, time_us: number + 4, level: "info".into(), text, trace: String::new(), dropped: 0 }
}

/// Goal: a log is followed from the latest lines or from where a client was, lines that come later arrive, and what is
/// missing is told. Method: a log with a gap, followed twice, once with `Last-Event-ID`.
#[tokio::test]
async fn logs_are_followed() {
    let house = std::sync::Arc::new(memory::Memory::new());
    let worker = "selftest/1".parse().unwrap();
    house.worker_logs.lock().insert(worker, vec![line(3, 2), line(4, 3), line(9, 8)]);
    let router = crate::router(house.clone());
    let get = |path: &str, last: Option<&str>| {
        let mut request = Request::get(format!("/v1/workers/selftest%2F1/logs{path}"));
        request = request.header("authorization", format!("Bearer {TOKEN}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        router.clone().oneshot(request.body(Body::empty()).unwrap())
    };
    let answer = get("?limit=2", None).await.unwrap();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let log: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((&log["lines"][0]["number"], &log["lines"][1]["text"]), (&Value::from(4), &Value::from("line 9")));

    for (query, first) in [("?from=1970-01-01T00:00:00.000008Z", 4), ("?from=1970-01-01T00:00:00Z&limit=1", 3)] {
        let answer = get(query, None).await.unwrap();
        let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let log: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(log["lines"][0]["number"], first, "{query}");
    }
    for odd in ["?from=yesterday", "?from=1970-01-01T00:00:00Z&after=3", "/stream?from=1"] {
        assert_eq!(get(odd, None).await.unwrap().status(), 400, "{odd}");
    }
    let from = get("/stream?from=1970-01-01T00:00:00.000009Z&limit=1", None).await.unwrap();
    let told =
        from.into_body().into_data_stream().take(2).map(|bytes| bytes.unwrap().to_vec()).collect::<Vec<_>>().await;
    let told = String::from_utf8(told.concat()).unwrap();
    assert!(told.contains("id: 4\n") && !told.contains("id: 3\n"), "{told}");

    let odd = get("/stream", Some("x")).await.unwrap();
    assert_eq!(odd.status(), 400);
    let followed = get("/stream", Some("3")).await.unwrap();
    assert_eq!(followed.headers()["content-type"], "text/event-stream");
    let mut stream = followed.into_body().into_data_stream();
    let mut next = async || String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(next().await.starts_with(": connected"));
    let first = next().await;
    assert!(first.starts_with("event: line\nid: 4\ndata: {") && first.ends_with("}\n\n"), "{first}");
    assert_eq!(next().await, "event: gap\ndata: {\"after\":4,\"until\":8}\n\n");
    assert!(next().await.contains("id: 9\n"));
    house.worker_logs.lock().get_mut(&worker).unwrap().push(line(10, 9));
    house.logged.send_modify(|count| *count += 1);
    assert!(next().await.contains("id: 10\n"));
}

async fn followed(world: &World, token: &str) -> axum::response::Response {
    let path = "/v1/workers/selftest%2F1/logs/stream";
    world.router.clone().oneshot(request(Method::GET, path, Some(token), None)).await.unwrap()
}

/// Goal: a stream ends with the session that opened it, and says why: not a line is told that came later. Method: a session
/// that is revoked while the log is quiet, and one before the next line.
#[tokio::test]
async fn a_log_ends_with_the_session() {
    let world = World::new();
    let worker: exchequer_domain::WorkerId = "selftest/1".parse().unwrap();
    let ada = people::admin(&world.house, "ada", &[exchequer_state::people::Role::Owner], true);
    for next in [false, true] {
        let token = people::session(&world.house, exchequer_state::people::Principal::Admin(ada));
        let answer = followed(&world, &token).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let mut stream = answer.into_body().into_data_stream();
        let mut told = async || {
            let told = tokio::time::timeout(std::time::Duration::from_secs(10), stream.next()).await.expect("an end");
            told.map(|bytes| String::from_utf8(bytes.unwrap().to_vec()).unwrap())
        };
        assert!(told().await.unwrap().starts_with(": connected"));
        assert_eq!(world.with(&token, Method::DELETE, "/v1/session", None).await.status, StatusCode::OK);
        if next {
            world.house.worker_logs.lock().insert(worker, vec![line(1, 0)]);
            world.house.logged.send_modify(|count| *count += 1);
        }
        let end = told().await.unwrap();
        assert!(end.starts_with("event: end\ndata: {") && end.contains("EXQ-0212"), "{end}");
        assert_eq!(told().await, None);
    }
}

/// Goal: a node serves so many streams of logs to one address at most, and one that is closed makes room.
#[tokio::test]
async fn log_streams_are_counted() {
    let world = World::new();
    let mut open = Vec::new();
    let full = loop {
        let answer = followed(&world, TOKEN).await;
        if answer.status() != StatusCode::OK {
            break answer;
        }
        open.push(answer);
    };
    assert_eq!((full.status(), open.len()), (StatusCode::TOO_MANY_REQUESTS, 128));
    open.pop();
    let again = async {
        while followed(&world, TOKEN).await.status() != StatusCode::OK {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), again).await.expect("the place comes back");
}
