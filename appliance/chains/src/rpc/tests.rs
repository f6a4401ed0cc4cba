//! What becomes of calls when endpoints misbehave.

use std::time::Duration;

use serde_json::{Value, json};

use super::testing::{Back, Server};
use super::*;

const SECRET: &str = "s3cr3ts3cr3ts3cr3t";

fn call() -> Call {
    Call::new("eth_sendRawTransaction", json!(["0x00"]))
}

fn within(ms: u64) -> Limits {
    Limits { deadline: Duration::from_millis(ms), answer_bytes: 10_000 }
}

async fn one(back: impl Fn(&Value) -> Back + Send + Sync + 'static) -> RpcError {
    let server = Server::start(move |_, body| back(body)).await;
    let error = server.transport_within(within(20_000)).call::<Value>(&call()).await.unwrap_err();
    assert_eq!(server.hits(), 1, "sent once, whatever came of it");
    error
}

/// Goal: whatever spoils an answer after the call was sent is an unknown outcome, and only a node's own refusal is certain.
/// Method: each fault once; each is asked once and never again.
#[tokio::test]
async fn a_lost_answer_is_no_refusal() {
    let html = "<html>502 Bad Gateway</html>";
    let faults: [(Back, &str); 10] = [
        (Back::Hangup, "broke"),
        (Back::Cut("{\"jsonrpc\":".into()), "broke"),
        (Back::Raw(200, "", html.into()), "not what was asked for"),
        (Back::Raw(200, "", String::new()), "not what was asked for"),
        (Back::Raw(502, "", html.into()), "status 502"),
        (Back::Raw(504, "", String::new()), "status 504"),
        (Back::Raw(200, "", format!("\"{}\"", "x".repeat(20_000))), "longer than"),
        (Back::Json(json!({"jsonrpc": "2.0", "id": 999_999, "result": "0x1"})), "id"),
        (Back::Json(json!({"jsonrpc": "2.0", "id": 1})), "neither"),
        (Back::Raw(302, "location: http://127.0.0.1:1/\r\n", String::new()), "status 302"),
    ];
    for (fault, says) in faults {
        let shown = format!("{fault:?}");
        let error = one(move |_| fault.clone()).await;
        assert!(matches!(error, RpcError::Lost(_)), "{shown}: {error:?}");
        assert!(error.outcome_unknown() && error.to_string().contains(says), "{shown}: {error}");
    }
    let server = Server::start(|_, _| Back::Silence).await;
    let error = server.transport_within(within(50)).call::<Value>(&call()).await.unwrap_err();
    assert_eq!((error.clone(), error.outcome_unknown()), (RpcError::Lost(Lost::Deadline), true));
}

/// Goal: refusals are read whatever the status they come with (Bitcoin nodes answer 500), pauses and closed doors are told
/// apart, and nobody home means that nothing was sent.
#[tokio::test]
async fn refusals_are_read() {
    let refusal = |body: &Value| json!({"result": null, "id": body["id"], "error": {"code": -26, "message": "dust"}});
    let error = one(move |body| Back::Raw(500, "", refusal(body).to_string())).await;
    assert_eq!(error, RpcError::Refused { code: -26, message: "dust".into(), data: None });
    assert!(!error.outcome_unknown());
    let unreadable =
        one(|_| Back::Json(json!({"id": null, "error": {"code": -32700, "message": "parse error"}}))).await;
    assert!(matches!(unreadable, RpcError::Refused { code: -32700, .. }));
    let busy = one(|_| Back::Raw(429, "retry-after: 7\r\n", String::new())).await;
    assert_eq!(busy, RpcError::Busy { after: Some(Duration::from_secs(7)) });
    let long = one(|_| Back::Raw(503, "retry-after: 99999\r\n", String::new())).await;
    assert_eq!(long, RpcError::Busy { after: Some(RETRY_AFTER_MAX) });
    let date = one(|_| Back::Raw(429, "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n", String::new())).await;
    assert_eq!(date, RpcError::Busy { after: None });
    assert!(busy.outcome_unknown() && RpcError::Denied(401).outcome_unknown());
    assert_eq!(one(|_| Back::Raw(401, "", String::new())).await, RpcError::Denied(401));
    // Whoever stands before a node may say the same in a node's form, and under a status of success.
    for (status, code, expected) in [
        (429, 429, RpcError::Busy { after: None }),
        (403, -32_600, RpcError::Denied(403)),
        (402, -32_000, RpcError::Denied(402)),
        (200, 429, RpcError::Busy { after: None }),
        (200, -32_005, RpcError::Busy { after: None }),
        (200, -32_007, RpcError::Busy { after: None }),
        (200, -32_000, RpcError::Refused { code: -32_000, message: "no".into(), data: None }),
    ] {
        let said = move |id: &Value| json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "no"}});
        let told = one(move |body| Back::Raw(status, "", said(&body["id"]).to_string())).await;
        assert_eq!(told, expected, "{status} {code}");
        let server = Server::start(move |_, body| {
            let each: Vec<Value> = ids(body).iter().map(said).collect();
            Back::Raw(status, "", json!(each).to_string())
        });
        let server = server.await;
        let transport = server.transport_within(within(20_000));
        let batch = transport.batch(&[call(), call()]).await.and_then(|all| all.into_iter().next().unwrap());
        assert_eq!(batch.unwrap_err(), expected, "{status} {code} of a batch");
    }
    let nobody = Transport::new(
        http_client().unwrap(),
        Endpoint::new("http://127.0.0.1:1/", Auth::None).unwrap(),
        within(9_000),
    );
    let error = nobody.call::<Value>(&call()).await.unwrap_err();
    assert!(matches!(error, RpcError::Unreachable(_)) && !error.outcome_unknown(), "{error:?}");
}

/// The ids of a batch's calls.
fn ids(body: &Value) -> Vec<Value> {
    body.as_array().unwrap().iter().map(|call| call["id"].clone()).collect()
}

fn answers(ids: &[Value]) -> Vec<Value> {
    ids.iter().map(|id| json!({"jsonrpc": "2.0", "id": id, "result": id})).collect()
}

/// Goal: answers of a batch go to their questions in whatever order they come; one that is doubled, missing, foreign or nameless
/// spoils the whole batch. Method: each disorder once.
#[tokio::test]
async fn batches_are_matched_by_id() {
    type Disorder = fn(&mut Vec<Value>);
    let spoiled: [(Disorder, &str); 6] = [
        (|all| all.push(all[0].clone()), "two answers"),
        (|all| all[1] = all[0].clone(), "two answers"),
        (|all| drop(all.pop()), "missing"),
        (|all| all[2]["id"] = json!(4_000_000), "no question"),
        (|all| all[2]["id"] = Value::Null, "no id"),
        (|all| all[2]["id"] = json!(all[2]["id"].to_string()), "no id"),
    ];
    let calls: Vec<Call> = (0..5).map(|_| call()).collect();
    for (disorder, says) in spoiled {
        let server = Server::start(move |_, body| {
            let mut all = answers(&ids(body));
            disorder(&mut all);
            Back::Json(Value::Array(all))
        });
        let error = server.await.transport().batch(&calls).await.unwrap_err();
        assert!(matches!(error, RpcError::Lost(Lost::Ids(why)) if why.contains(says)), "{error:?}");
    }
    let server = Server::start(|_, body| {
        let mut all = answers(&ids(body));
        all.reverse();
        all[0] = json!({"id": all[0]["id"], "error": {"code": 3, "message": "no", "data": "0x08c379a0"}});
        Back::Json(Value::Array(all))
    })
    .await;
    let transport = server.transport();
    let many: Vec<Call> = (0..250).map(|_| call()).collect();
    let results = transport.batch(&many).await.unwrap();
    assert_eq!((results.len(), server.hits()), (250, 3), "in pieces of a hundred");
    for (at, result) in results.iter().enumerate() {
        match (at, result) {
            (99 | 199 | 249, Err(RpcError::Refused { code: 3, data, .. })) => {
                assert_eq!(data.as_deref(), Some("\"0x08c379a0\""));
            }
            (_, Ok(value)) => assert_eq!(value.get(), (at + 1).to_string()),
            (_, Err(error)) => panic!("{at}: {error}"),
        }
    }
    let server =
        Server::start(|_, _| Back::Json(json!({"id": null, "error": {"code": -32600, "message": "too large"}}))).await;
    let error = server.transport().batch(&calls).await.unwrap_err();
    assert!(matches!(error, RpcError::Refused { code: -32600, .. }), "{error:?}");
}

/// Goal: a result of null is a result, for callers to tell from an empty one.
#[tokio::test]
async fn null_is_a_result() {
    let server = Server::rpc(|_, _| Ok(Value::Null)).await;
    assert_eq!(server.transport().call::<Option<u8>>(&call()).await, Ok(None));
    assert!(matches!(server.transport().call::<u8>(&call()).await, Err(RpcError::Lost(Lost::Unreadable(_)))));
}

/// Goal: whatever goes wrong with an endpoint of secrets, no error and no `Debug` shows one. Method: a server that repeats what
/// it was sent, and every kind of failure.
#[tokio::test]
async fn errors_show_no_secrets() {
    let echo = Server::start(|path, body| {
        let error = json!({"code": 1, "message": format!("no such key: {path} {SECRET}")});
        Back::Json(json!({"id": body["id"], "error": error}))
    });
    let html = Server::start(|path, _| Back::Raw(200, "", format!("<html>{path}</html>")));
    let (echo, html) = (echo.await, html.await);
    let silent = Server::start(|_, _| Back::Silence).await;
    let hangup = Server::start(|_, _| Back::Hangup).await;
    let hosts = [
        &echo.address,
        &html.address,
        &silent.address,
        &hangup.address,
        "http://127.0.0.1:1",
        "http://nowhere.invalid",
    ];
    for host in hosts {
        let (scheme, host) = host.split_once("://").unwrap();
        let address = format!("{scheme}://u{SECRET}:p{SECRET}@{host}/v3/{SECRET}?key={SECRET}");
        let endpoint = Endpoint::new(&address, Auth::None).unwrap();
        let transport = Transport::new(http_client().unwrap(), endpoint, within(200));
        let error = transport.call::<Value>(&call()).await.unwrap_err();
        let text = format!("{error} {error:?} {transport:?} {}", transport.endpoint());
        assert!(!text.contains(&SECRET[..6]), "{text}");
    }
}
