//! Jobs, queues and directives on the command line.

use serde_json::{Value, json};

use super::verbs::ran;
use crate::cli::exit::Exit;

/// Goal: changes reach the API as they were typed, with an id of their own. Method: a table of words, request, body, answer
/// and what is printed.
#[tokio::test]
async fn changes_are_sent_as_typed() {
    let done = |more: Value| {
        let mut answer = json!({"index": 9, "command_id": "c"});
        answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        answer
    };
    for (words, what, body, answer, printed) in [
        (
            "job enqueue a.b --payload x --key k --priority 0 --reason r",
            "POST /v1/jobs",
            json!({"queue": "a.b", "payload": "x", "key": "k", "priority": 0, "max_attempts": 5, "reason": "r"}),
            done(json!({"jobs": [{"job": 7, "new": true}]})),
            "Entered job 7",
        ),
        (
            "job queue pause a --reason r",
            "PATCH /v1/queues/a",
            json!({"paused": true, "reason": "r"}),
            done(json!({"queue": "a"})),
            "Queue a is as asked",
        ),
        (
            "job queue limit a --per-second 10 --reason r",
            "PATCH /v1/queues/a",
            json!({"rate": {"per_second": 10, "burst": 10}, "reason": "r"}),
            done(json!({"queue": "a"})),
            "Queue a is as asked",
        ),
        (
            "job queue limit a --off --reason r",
            "PATCH /v1/queues/a",
            json!({"no_rate": true, "reason": "r"}),
            done(json!({"queue": "a"})),
            "Queue a is as asked",
        ),
        (
            "command send deposit stop --priority safety --reason r",
            "POST /v1/directives",
            json!({"target": "deposit", "action": "stop", "priority": "safety", "max_attempts": 3, "reason": "r"}),
            done(json!({"directives": [{"directive": 7, "new": false}]})),
            "Directive 7 was sent under this key before",
        ),
        (
            "command send system rescan --idempotent --reason r --yes",
            "POST /v1/directives",
            json!({
                "target": "system", "action": "rescan", "idempotent": true, "priority": "normal", "max_attempts": 3,
                "reason": "r",
            }),
            done(json!({"directives": [{"directive": 7, "new": true}]})),
            "Sent directive 7",
        ),
        (
            "command review 7 done --reason r --yes",
            "POST /v1/directives/7/review",
            json!({"decision": "done", "reason": "r"}),
            done(json!({"directive": 7})),
            "Directive 7 is decided",
        ),
    ] {
        let ran = ran(&answer, words).await;
        assert_eq!((ran.exit, ran.out.trim_end()), (Exit::Good, printed), "{words}: {}", ran.err);
        assert_eq!(ran.asked[0].what, what, "{words}");
        let mut sent: Value = serde_json::from_str(&ran.asked[0].body).unwrap();
        let fields = sent.as_object_mut().unwrap();
        assert_eq!(fields.remove("command_id").unwrap().as_str().map(str::len), Some(32), "{words}");
        fields.retain(|_, value| !value.is_null());
        assert_eq!(sent, body, "{words}");
    }
}

/// Goal: of several, each has its outcome, and one that was refused makes the verb fail.
#[tokio::test]
async fn each_has_its_outcome() {
    let error = json!({"code": "EXQ-1030", "message": "there is no open job 2", "hint": "look"});
    let answer = json!({"outcomes": [{"error": null}, {"error": error}], "index": 9, "command_id": "c"});
    let cancelled = ran(&answer, "job cancel 1 2 --reason r").await;
    assert_eq!((cancelled.exit, cancelled.asked[0].what.as_str()), (Exit::Failed, "POST /v1/jobs/cancel"));
    assert!(cancelled.out.contains("done") && cancelled.out.contains("EXQ-1030"), "{}", cancelled.out);
    let cancelled = ran(&answer, "command cancel 1 2 --reason r").await;
    assert_eq!((cancelled.exit, cancelled.asked[0].what.as_str()), (Exit::Failed, "POST /v1/directives/cancel"));
    let all = json!({"outcomes": [{"error": null}], "index": 9, "command_id": "c"});
    assert_eq!(ran(&all, "job retry 1 --reason r").await.exit, Exit::Good);
}

/// Goal: what is for all workers, and what decides about the unknown, asks first. Method: no terminal to ask on.
#[tokio::test]
async fn consent_is_asked_for() {
    for words in ["command send system stop --reason r", "command review 7 retry --reason r"] {
        let ran = ran(&Value::Null, words).await;
        assert!(ran.asked.is_empty() && ran.err.contains("--yes"), "{words}: {}", ran.err);
    }
}

/// Goal: reads ask for what their flags say.
#[tokio::test]
async fn reads_ask_for_what_was_typed() {
    for (words, what) in [
        (
            "job list --queue a --state discarded -n 5",
            "GET /v1/jobs?consistency=linearizable&limit=5&queue=a&state=discarded",
        ),
        ("job list --over --before 9", "GET /v1/jobs/history?consistency=linearizable&limit=50&before=9"),
        ("job show 7 --stale", "GET /v1/jobs/7?consistency=local"),
        ("job queue list", "GET /v1/queues?consistency=linearizable"),
        ("command list --state queued", "GET /v1/directives?consistency=linearizable&limit=50&state=queued"),
        ("command list --over", "GET /v1/directives/history?consistency=linearizable&limit=50"),
        ("command show 7", "GET /v1/directives/7?consistency=linearizable"),
    ] {
        assert_eq!(ran(&Value::Null, words).await.asked[0].what, what, "{words}");
    }
}
