//! `exchequer worker` against a node that answers as told.

use clap::Parser as _;
use serde_json::{Value, json};

use super::verbs::ran;
use crate::cli::Cli;
use crate::cli::exit::Exit;

/// Goal: every change asks the route that the API has, with the body that it takes, and says what came of it.
#[tokio::test]
async fn changes_send_what_the_api_takes() {
    let changed = json!({"changed": 1, "index": 9, "command_id": "c"});
    let bulk = json!({"bulk": 3, "changed": 2, "index": 9, "command_id": "c"});
    let plan = "ab".repeat(32);
    let with_plan = format!("worker bulk run stop --kind selftest --plan {plan} --reason r --yes");
    let register = format!("worker binary register next --version 2 --path /opt/next --hash {plan} --reason r");
    for (words, what, body, answer, printed) in [
        (
            "worker add selftest/1 selftest/2 --start --reason r",
            "POST /v1/workers",
            json!({"workers": ["selftest/1", "selftest/2"], "desired": "running", "reason": "r"}),
            json!({"changed": 2, "index": 9, "command_id": "c"}),
            "Added 2 workers",
        ),
        (
            "worker start deposit/bitcoin-1 --reason r",
            "POST /v1/workers/deposit%2Fbitcoin-1/start",
            json!({"reason": "r"}),
            changed.clone(),
            "deposit/bitcoin-1 is to run",
        ),
        (
            "worker stop selftest/1 --reason r --yes",
            "POST /v1/workers/selftest%2F1/stop",
            json!({"reason": "r"}),
            json!({"changed": 0, "index": 9, "command_id": "c"}),
            "selftest/1 is as asked already",
        ),
        (
            "worker restart selftest/1 --reason r",
            "POST /v1/workers/selftest%2F1/restart",
            json!({"reason": "r"}),
            changed.clone(),
            "selftest/1 is to restart",
        ),
        (
            "worker config deposit.bitcoin set threshold.queue_age 20s --reason r",
            "PUT /v1/settings/threshold.queue_age@kind:deposit,network:bitcoin",
            json!({"value": "20s", "if_revision": null, "reason": "r"}),
            json!({"key": "k@p", "value": "20s", "revision": 8, "index": 9, "command_id": "c"}),
            "k@p is 20s since revision 8",
        ),
        (
            "worker remove selftest/1 --reason r --yes",
            "POST /v1/workers/selftest%2F1/remove",
            json!({"reason": "r"}),
            changed.clone(),
            "Removed selftest/1",
        ),
        (
            "worker scale selftest --min 2 --reason r",
            "PUT /v1/workers/fleets",
            json!({
                "kind": "selftest", "network": null, "min": 2, "max": 2, "queue_age_target": null, "reason": "r"
            }),
            json!({"from": 1, "to": 2, "index": 9, "command_id": "c"}),
            "1 workers were to run, and 2 are now",
        ),
        (
            with_plan.as_str(),
            "POST /v1/workers/bulk",
            json!({
                "action": "stop", "kind": "selftest", "network": null, "state": null, "plan": plan, "reason": "r"
            }),
            bulk.clone(),
            "2 workers changed; see `worker bulk show 3`",
        ),
        (
            "worker bulk undo 3 --reason r --yes",
            "POST /v1/workers/bulk/3/undo",
            json!({"reason": "r"}),
            bulk.clone(),
            "2 workers are as before; see `worker bulk show 3`",
        ),
        (
            register.as_str(),
            "POST /v1/workers/binaries",
            json!({"name": "next", "version": "2", "hash": plan, "path": "/opt/next", "reason": "r"}),
            json!({"changed": true, "index": 9, "command_id": "c"}),
            "Registered next",
        ),
        (
            "worker binary use selftest --binary next --reason r --yes",
            "POST /v1/workers/binaries/use",
            json!({"kind": "selftest", "network": null, "binary": "next", "reason": "r"}),
            json!({"changed": true, "index": 9, "command_id": "c"}),
            "Workers of kind selftest run next, from their next start on",
        ),
    ] {
        let ran = ran(&answer, words).await;
        assert_eq!(ran.exit, Exit::Good, "{words}: {}", ran.err);
        assert_eq!(ran.out.trim_end(), printed, "{words}");
        let [asked] = ran.asked.try_into().unwrap();
        assert_eq!(asked.what, what, "{words}");
        let mut sent: Value = serde_json::from_str(&asked.body).unwrap();
        let id = sent.as_object_mut().unwrap().remove("command_id").unwrap();
        assert_eq!(id.as_str().map(str::len), Some(32), "{words}");
        assert_eq!(sent, body, "{words}");
    }
}

/// Goal: a change names its key, value and reason, and what is no worker is told.
#[tokio::test]
async fn settings_of_workers_are_named_in_full() {
    for words in ["worker config selftest/1 set worker.jobs_at_once --reason r", "worker config selftest/1 set k 8"] {
        assert!(Cli::try_parse_from(format!("exchequer {words}").split(' ')).is_err(), "{words}");
    }
    let ran = ran(&json!({}), "worker config selftest/0 set worker.jobs_at_once 8 --reason r").await;
    assert!(ran.exit == Exit::Failed && ran.asked.is_empty(), "{}", ran.out);
}

/// Goal: what interrupts work is not done without consent where nobody can be asked.
#[tokio::test]
async fn interruptions_want_consent() {
    for words in [
        "worker stop selftest/1 --reason r",
        "worker remove selftest/1 --reason r",
        "worker bulk undo 3 --reason r",
        "worker binary use selftest --reason r",
    ] {
        let ran = ran(&json!({}), words).await;
        assert_eq!(ran.exit, Exit::Failed, "{words}");
        assert!(ran.err.contains("--yes") && ran.asked.is_empty(), "{words}: {}", ran.err);
    }
}

/// Goal: a diagnosis is a table, a verdict and the next step, and its exit code tells whether all is well.
#[tokio::test]
async fn diagnoses_are_read_at_a_glance() {
    let check = |name: &str, verdict: &str, detail: &str| json!({"name": name, "verdict": verdict, "detail": detail, "next_step": ""});
    let mut found = json!({
        "worker": "selftest/1", "verdict": "bad", "finding": "it failed", "next_step": "start it",
        "checks": [check("leader", "good", "node 1 leads"), check("failure", "bad", "it failed")],
    });
    let bad = ran(&found, "worker diagnose selftest/1").await;
    let expected = "\
CHECK    VERDICT  DETAIL
leader   good     node 1 leads
failure  bad      it failed

Verdict    bad: it failed
Next step  start it";
    assert_eq!((bad.exit, bad.out.trim_end()), (Exit::Degraded, expected));
    assert_eq!(bad.asked[0].what, "GET /v1/workers/selftest%2F1/diagnosis?consistency=linearizable");
    found["verdict"] = json!("good");
    assert_eq!(ran(&found, "worker diagnose selftest/1").await.exit, Exit::Good);
}
