//! Workers' logs through the door.

use futures::StreamExt as _;

use super::*;
use crate::backend::LogLine;

fn line(number: u64, previous: u64) -> LogLine {
    let text = format!("line {number}");
    LogLine { number, previous, time_us: 7, level: "info".into(), text, trace: String::new(), dropped: 0 }
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
