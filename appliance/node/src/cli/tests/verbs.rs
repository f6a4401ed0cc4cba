//! Every verb against a node that answers as told: what is sent, what is printed, and the exit code.

use clap::Parser as _;
use exchequer_domain::{Code, Problem};
use serde_json::{Value, json};

use crate::cli::args::Format;
use crate::cli::exit::Exit;
use crate::cli::fixtures::{Asked, Captured, Realm, Reply, peers, status};
use crate::cli::{Cli, conclude, run};
use crate::identity::OperatorToken;

pub(super) struct Ran {
    pub(super) exit: Exit,
    pub(super) out: String,
    pub(super) err: String,
    pub(super) asked: Vec<Asked>,
}

/// Runs the words against one node that replies so.
pub(super) async fn run_at(realm: &Realm, reply: Reply, words: &[&str]) -> Ran {
    let stub = realm.stub(reply).await;
    let (ca, token) = (realm.ca().display().to_string(), realm.token_file().display().to_string());
    let connection = ["--address", &stub.address, "--ca-cert", &ca, "--token-file", &token];
    let words: Vec<&str> = ["exchequer"].iter().chain(words).chain(&connection).copied().collect();
    let cli = Cli::try_parse_from(words).unwrap();
    let captured = Captured::default();
    let mut printer = captured.printer(cli.verb.format());
    let exit = conclude(run(&cli.verb, &mut printer).await, &mut printer);
    Ran { exit, out: captured.out(), err: captured.err(), asked: stub.asked() }
}

pub(super) async fn ran(reply: &Value, words: &str) -> Ran {
    let words: Vec<&str> = words.split(' ').collect();
    run_at(&Realm::new(), Reply::Answer(200, reply.to_string()), &words).await
}

/// Goal: every verb asks the route that the API has, with the body that it takes, and says what came of it. Method: a
/// table of words, request, body without the drawn command id, answer, and printed text.
#[tokio::test]
async fn verbs_send_what_the_api_takes() {
    let node = json!({"id": 12, "node": "n2"});
    for (words, what, body, answer, printed) in [
        (
            "cluster add-learner n2 --reason r",
            "POST /v1/cluster/learners",
            json!({"node": "n2", "reason": "r"}),
            node.clone(),
            "Added node n2 with id 12 as a learner",
        ),
        (
            "cluster promote 12 --force --reason r",
            "POST /v1/cluster/promote",
            json!({"node": 12, "force": true, "reason": "r"}),
            node.clone(),
            "Promoted node n2 with id 12 to voter",
        ),
        (
            "cluster remove n2 --reason r --yes",
            "POST /v1/cluster/remove",
            json!({"node": "n2", "reason": "r"}),
            node.clone(),
            "Removed node n2 with id 12",
        ),
        (
            "cluster transfer-leader --reason r",
            "POST /v1/cluster/transfer-leader",
            json!({"to": null, "reason": "r"}),
            node.clone(),
            "Transferred leadership to node n2 with id 12",
        ),
        (
            "cluster token create --ttl 15m --reason r",
            "POST /v1/cluster/tokens",
            json!({"ttl": "15m", "replace": null, "reason": "r"}),
            json!({"token": "exqj_x", "expires_at": "t"}),
            "Token       exqj_x\nExpires at  t",
        ),
        (
            "cluster certificates rotate n2 --reason r",
            "POST /v1/cluster/certificates/rotate",
            json!({"node": "n2", "authority": false, "reason": "r"}),
            json!({}),
            "The certificate is renewed",
        ),
        (
            "cluster certificates rotate --authority --yes --reason r",
            "POST /v1/cluster/certificates/rotate",
            json!({"node": null, "authority": true, "reason": "r"}),
            json!({}),
            "The cluster has a new authority; the nodes are taking up their new certificates",
        ),
        (
            "cluster token create --replace n2 --reason r",
            "POST /v1/cluster/tokens",
            json!({"ttl": null, "replace": "n2", "reason": "r"}),
            json!({"token": "exqj_x", "expires_at": "t"}),
            "Token       exqj_x\nExpires at  t",
        ),
        (
            "settings set join.token_ttl 30m --if-revision 7 --reason r",
            "PUT /v1/settings/join.token_ttl",
            json!({"value": "30m", "if_revision": 7, "reason": "r"}),
            json!({"key": "join.token_ttl", "value": "30m", "revision": 8, "index": 9, "command_id": "c"}),
            "join.token_ttl is 30m since revision 8",
        ),
        (
            "settings set worker.drain_deadline 2s --worker deposit/tron-1 --reason r",
            "PUT /v1/settings/worker.drain_deadline@worker:deposit%2Ftron-1",
            json!({"value": "2s", "if_revision": null, "reason": "r"}),
            json!({"key": "k@p", "value": "2s", "revision": 8, "index": 9, "command_id": "c"}),
            "k@p is 2s since revision 8",
        ),
        (
            "settings unset worker.drain_deadline --kind deposit --network tron --reason r",
            "POST /v1/settings/worker.drain_deadline@kind:deposit,network:tron/unset",
            json!({"if_revision": null, "reason": "r"}),
            json!({"key": "k@p", "revision": 8, "index": 9, "command_id": "c"}),
            "k@p has no value of its own since revision 8",
        ),
        (
            "limit set orders_day 9 --reason r",
            "PUT /v1/settings/limit.orders_day",
            json!({"value": "9", "if_revision": null, "reason": "r"}),
            json!({"key": "limit.orders_day", "value": "9", "revision": 8, "index": 9, "command_id": "c"}),
            "limit.orders_day is 9 since revision 8",
        ),
        (
            "threshold set threshold.queue_age 9s --kind selftest --reason r",
            "PUT /v1/settings/threshold.queue_age@kind:selftest",
            json!({"value": "9s", "if_revision": null, "reason": "r"}),
            json!({"key": "k@p", "value": "9s", "revision": 8, "index": 9, "command_id": "c"}),
            "k@p is 9s since revision 8",
        ),
        (
            "flag remove f --reason r",
            "POST /v1/flags/f/remove",
            json!({"reason": "r"}),
            json!({"name": "f", "index": 9, "command_id": "c"}),
            "Removed flag f",
        ),
        (
            "secret remove k --reason r",
            "POST /v1/secrets/k/remove",
            json!({"reason": "r"}),
            json!({"name": "k", "index": 9, "command_id": "c"}),
            "Removed secret k",
        ),
        (
            "network disable tron --yes --reason r",
            "PUT /v1/networks/tron",
            json!({
                "state": "suspended", "deposits": null, "withdrawals": null, "sweeps": null, "tradable": null,
                "withdrawable": null, "fee_rate_max": null, "fee_max": null, "endpoints": null, "if_version": null,
                "reason": "r",
            }),
            json!({"network": "tron", "version": 4, "index": 9, "command_id": "c"}),
            "tron is suspended since version 4",
        ),
        (
            "network set tron --asset USDT --deposits off --yes --reason r",
            "POST /v1/networks/tron/assets",
            json!({"asset": "USDT", "deposits": false, "withdrawals": null, "sweeps": null, "reason": "r"}),
            json!({"network": "tron", "version": null, "index": 9, "command_id": "c"}),
            "tron is changed for USDT",
        ),
        (
            "settings revert 3 --reason r",
            "POST /v1/settings/revert",
            json!({"to_revision": 3, "if_revision": null, "reason": "r"}),
            json!({"revision": 9, "changed": 2, "index": 9, "command_id": "c"}),
            "Reverted 2 settings to revision 3; the latest revision is 9",
        ),
        (
            "scratch put a/b v --expect 1",
            "PUT /v1/scratch/a%2Fb",
            json!({"value": "dg==", "expect": 1}),
            json!({"version": 2, "index": 9, "command_id": "c"}),
            "a/b is at version 2 since index 9",
        ),
    ] {
        let ran = ran(&answer, words).await;
        assert_eq!(ran.exit, Exit::Good, "{words}: {}", ran.err);
        assert_eq!(ran.out.trim_end(), printed, "{words}");
        let [asked] = ran.asked.try_into().unwrap();
        assert_eq!(asked.what, what, "{words}");
        let mut sent: Value = serde_json::from_str(&asked.body).unwrap();
        if let Some(id) = sent.as_object_mut().unwrap().remove("command_id") {
            assert_eq!(id.as_str().map(str::len), Some(32), "{words}");
        }
        assert_eq!(sent, body, "{words}");
    }
}

/// Goal: a rotation whose answer is lost locks nobody out: the token is shown before it is sent, only its hash is sent,
/// and the failure says what holds; and without consent nothing is sent. Method: nodes that accept, refuse, hang up.
#[tokio::test]
async fn a_lost_rotation_locks_nobody_out() {
    let realm = Realm::new();
    let words = ["operator-token", "rotate", "--reason", "r", "--yes"];
    let rotated = json!({"index": 9, "command_id": "c"}).to_string();
    let refusal = json!({"error": Problem::new(Code::NoLeader, "no leader")}).to_string();
    for (reply, exit, hint) in [
        (Reply::Answer(200, rotated), Exit::Good, "The former token is refused from now on"),
        (Reply::Answer(503, refusal), Exit::NoQuorum, "the new token does not hold"),
        (Reply::HangUp, Exit::Failed, "keep both tokens"),
    ] {
        let ran = run_at(&realm, reply, &words).await;
        assert_eq!(ran.exit, exit, "{}", ran.err);
        assert!(ran.err.contains(hint), "{}", ran.err);
        let token = ran.out.trim().strip_prefix("Operator token  ").unwrap();
        let sent: Value = serde_json::from_str(&ran.asked[0].body).unwrap();
        assert_eq!(sent["new_hash"], OperatorToken::parse(token).unwrap().hash().to_string());
        assert!(ran.asked.iter().all(|asked| !asked.body.contains(token)), "the token itself was sent");
    }
    let ran = run_at(&realm, Reply::HangUp, &words[..4]).await;
    assert!(ran.err.contains("--yes") && ran.out.is_empty() && ran.asked.is_empty(), "{}", ran.err);
}

/// Goal: reads ask for the freshness that their flags say. Method: a table of words and requests; the answer does not
/// matter here.
#[tokio::test]
async fn reads_ask_for_their_freshness() {
    for (words, what) in [
        ("status", "GET /v1/status"),
        ("cluster peers", "GET /v1/cluster/peers?consistency=linearizable"),
        ("cluster peers --stale", "GET /v1/cluster/peers?consistency=local"),
        ("cluster autopilot --stale", "GET /v1/cluster/autopilot?consistency=local"),
        ("settings get", "GET /v1/settings?consistency=linearizable"),
        ("settings get a.b --stale --max-stale 1h30m", "GET /v1/settings/a.b?consistency=local&max_stale=1h30m"),
        ("settings diff 3 5", "GET /v1/settings/diff?consistency=linearizable&from=3&to=5"),
        ("settings diff 3", "GET /v1/settings/diff?consistency=linearizable&from=3"),
        (
            "settings history a.b -n 5 --before 9",
            "GET /v1/settings/history?consistency=linearizable&limit=5&key=a.b&before=9",
        ),
        ("audit tail", "GET /v1/audit?consistency=linearizable&limit=20"),
        ("audit tail -n 3 --after 7", "GET /v1/audit?consistency=linearizable&limit=3&after=7"),
        (
            "audit tail --target tron --actor admin* --action set-* --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z \
             --index 9 --before 7",
            "GET /v1/audit?consistency=linearizable&target=tron&actor=admin*&action=set-*&from=2026-11-01T00%3A00%3A00Z\
             &to=2026-11-02T00%3A00%3A00Z&index=9&limit=20&before=7",
        ),
        ("audit verify --stale", "GET /v1/audit/verify?consistency=local"),
        ("scratch get k", "GET /v1/scratch/k?consistency=linearizable"),
        ("flag list", "GET /v1/flags?consistency=linearizable"),
        ("flag check f u --network tron", "GET /v1/flags/f/check?consistency=linearizable&subject=u&network=tron"),
        ("secret list --stale", "GET /v1/secrets?consistency=local"),
        ("network show tron", "GET /v1/networks/tron?consistency=linearizable"),
        ("limit list", "GET /v1/settings?consistency=linearizable"),
    ] {
        assert_eq!(ran(&Value::Null, words).await.asked[0].what, what);
    }
}

/// Goal: `--output json` prints the API's answer and nothing else. Method: an answer of every kind, compared as JSON.
#[tokio::test]
async fn json_is_the_answer_itself() {
    let (status, peers) = (serde_json::to_value(status()).unwrap(), serde_json::to_value(peers()).unwrap());
    for (words, answer) in [
        ("status -o json", status),
        ("cluster peers --output json", peers),
        ("cluster token create --reason r --output json", json!({"token": "exqj_x", "expires_at": "t"})),
        ("audit verify --output=json", json!({"records": 3, "hash": "ab"})),
        ("scratch get k -o json", json!({"value": "dg==", "version": 18_446_744_073_709_551_615_u64})),
    ] {
        let ran = ran(&answer, words).await;
        assert_eq!(serde_json::from_str::<Value>(&ran.out).unwrap(), answer, "{words}");
        assert_eq!(ran.err, "", "{words}");
    }
}

/// Goal: the exit codes of the verbs that judge. Method: each verdict of each of them.
#[tokio::test]
async fn exit_codes_tell_the_verdict() {
    for (health, exit) in [("healthy", Exit::Good), ("degraded", Exit::Degraded), ("no-quorum", Exit::NoQuorum)] {
        let mut answer = serde_json::to_value(status()).unwrap();
        answer["health"] = json!(health);
        assert_eq!(ran(&answer, "status").await.exit, exit);
    }
    let mut members = peers();
    assert_eq!(ran(&serde_json::to_value(&members).unwrap(), "cluster peers --stale").await.exit, Exit::Good);
    members.peers[1].state = "unreachable".to_owned();
    let cut_off = ran(&serde_json::to_value(&members).unwrap(), "cluster peers --stale").await;
    assert_eq!(cut_off.exit, Exit::NoQuorum);
    assert!(cut_off.out.starts_with("NODE"), "the table is shown all the same");

    let verified = |agree: bool, hash: Option<&str>| {
        json!({"index": 9, "agree": agree, "nodes": [
            {"id": 1, "node": "n1", "hash": "aa"}, {"id": 12, "node": "n2", "hash": hash}]})
    };
    assert_eq!(ran(&verified(true, Some("aa")), "cluster verify").await.exit, Exit::Good);
    assert_eq!(ran(&verified(false, None), "cluster verify").await.exit, Exit::Degraded);
    let differing = ran(&verified(false, Some("bb")), "cluster verify").await;
    assert_eq!(differing.exit, Exit::Failed);
    assert!(differing.err.starts_with("EXQ-0702: ") && differing.out.contains("bb"), "{}", differing.err);
}

/// Goal: a refusal reaches the operator as code, message and hint, or as the API's JSON, with its exit code.
#[tokio::test]
async fn refusals_are_shown() {
    let realm = Realm::new();
    let problem = Problem::new(Code::NoQuorum, "1 of 3 voters can be reached").hint("bring n2 back");
    let reply = Reply::Answer(503, json!({ "error": problem }).to_string());
    let table = run_at(&realm, reply.clone(), &["cluster", "peers"]).await;
    assert_eq!((table.exit, table.out.as_str()), (Exit::NoQuorum, ""));
    assert_eq!(table.err, "EXQ-0304: 1 of 3 voters can be reached\nhint: bring n2 back\n");
    let json = run_at(&realm, reply, &["cluster", "peers", "-o", "json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&json.err).unwrap(), json!({ "error": problem }));
}

/// Goal: what cannot be taken back is not done unasked where nobody can be asked. Method: each dangerous verb without
/// a terminal and without consent; nothing may be sent.
#[tokio::test]
async fn dangerous_verbs_need_consent() {
    for (words, code) in [
        ("cluster remove n2 --reason r", "EXQ-0108"),
        ("cluster certificates rotate --authority --reason r", "EXQ-0108"),
    ] {
        let ran = ran(&Value::Null, words).await;
        assert_eq!((ran.exit, ran.asked.len()), (Exit::Failed, 0), "{words}");
        assert!(ran.err.starts_with(code) && ran.err.contains("--yes"), "{}", ran.err);
    }
    let folder = tempfile::tempdir().unwrap().path().join("d").display().to_string();
    for (words, code) in [
        ("cluster recover apply --reason r", "EXQ-0605"),
        ("snapshot restore f --keyring k --name n1 --api a:1 --peer a:2 --reason r", "EXQ-0108"),
    ] {
        let words = format!("exchequer {words} --data-dir {folder}");
        let cli = Cli::try_parse_from(words.split(' ')).unwrap();
        let captured = Captured::default();
        let mut printer = captured.printer(Format::Table);
        let ended = run(&cli.verb, &mut printer).await;
        assert_eq!(conclude(ended, &mut printer), Exit::Failed, "{words}");
        assert!(captured.err().starts_with(code), "{}", captured.err());
    }
}

/// Goal: a command whose answer was lost can be repeated: the error shows the id, and the same id is sent again.
#[tokio::test]
async fn a_lost_command_can_be_repeated() {
    let realm = Realm::new();
    let lost = run_at(&realm, Reply::HangUp, &["scratch", "put", "k", "v"]).await;
    assert!(lost.err.starts_with("EXQ-0305: "), "{}", lost.err);
    let id = lost.err.split("--command-id ").nth(1).unwrap().split('`').next().unwrap();
    assert!(lost.asked[0].body.contains(id));
    let done = Reply::Answer(200, json!({"version": 1, "index": 2, "command_id": id}).to_string());
    let again = run_at(&realm, done, &["scratch", "put", "k", "v", "--command-id", id]).await;
    assert_eq!((again.exit, &again.asked[0].body), (Exit::Good, &lost.asked[0].body));
}

/// Goal: an exported keyring is a new file of mode 0600 that opens; a failure leaves no file, and an existing one is
/// not touched nor the export asked for.
#[tokio::test]
async fn keyrings_are_exported_to_new_files() {
    use std::os::unix::fs::PermissionsExt as _;

    let realm = Realm::new();
    let keyring = crate::identity::Keyring::generate(exchequer_domain::ClusterId([7; 16])).unwrap();
    let export = keyring.export();
    let file = realm.path().join("keyring");
    let path = file.display().to_string();
    let words = ["keyring", "export", &path, "--reason", "r"];
    let damaged = Reply::Answer(200, json!({"keyring": export.replace("Checksum: ", "Checksum: 0")}).to_string());
    let refused = run_at(&realm, damaged, &words).await;
    assert!(refused.exit == Exit::Failed && !file.exists(), "{}", refused.err);

    let reply = Reply::Answer(200, json!({"keyring": *export}).to_string());
    let saved = run_at(&realm, reply.clone(), &words).await;
    assert_eq!(saved.exit, Exit::Good, "{}", saved.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), *export);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = run_at(&realm, reply.clone(), &words).await;
    assert_eq!((again.exit, again.asked.len()), (Exit::Failed, 0));

    let printed = run_at(&realm, reply, &["keyring", "export", "--reason", "r"]).await;
    assert_eq!(printed.out, *export);
}

/// Goal: a snapshot appears under its name only when it is whole; what is cut or refused leaves nothing behind, and an
/// existing file is not touched.
#[tokio::test]
async fn snapshots_are_saved_whole_or_not_at_all() {
    let realm = Realm::new();
    let file = realm.path().join("s.exqsnap");
    let path = file.display().to_string();
    let words = ["snapshot", "save", &path];
    let refusal = json!({"error": Problem::new(Code::DiskFull, "no room")}).to_string();
    let odd = "no snapshot".to_owned();
    for reply in [Reply::Answer(200, odd.clone()), Reply::Cut(odd), Reply::Answer(503, refusal), Reply::HangUp] {
        let ran = run_at(&realm, reply, &words).await;
        assert_eq!(ran.exit, Exit::Failed);
        assert_eq!(
            (ran.asked[0].what.as_str(), ran.asked[0].body.as_str()),
            ("POST /v1/snapshot", r#"{"reason":"backup"}"#)
        );
        let left = std::fs::read_dir(realm.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("s.exqsnap"));
        assert_eq!(left.count(), 0, "{}", ran.err);
    }
    std::fs::write(&file, "precious").unwrap();
    let ran = run_at(&realm, Reply::HangUp, &words).await;
    assert_eq!((ran.exit, ran.asked.len()), (Exit::Failed, 0));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}
