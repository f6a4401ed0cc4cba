//! The client against nodes that answer, refuse, fall silent, or are not who they should be.

use std::time::Duration;

use exchequer_domain::{Code, Problem};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Client, Repeat, consistency};
use crate::cli::args::{ClientArgs, StaleArgs};
use crate::cli::fixtures::{Realm, Reply, Stub};

fn good() -> Reply {
    Reply::Answer(200, r#"{"it":1}"#.to_owned())
}

fn refusing(code: Code) -> Reply {
    let problem = Problem::new(code, "as told");
    Reply::Answer(503, json!({ "error": problem }).to_string())
}

async fn get(args: &ClientArgs) -> Result<Value, Problem> {
    Client::open(args).unwrap().get(&["status"], &[]).await
}

async fn change(args: &ClientArgs, repeat: Repeat) -> Result<Value, Problem> {
    Client::open(args).unwrap().change(Method::POST, &["cluster", "remove"], &json!({"a": 1}), repeat).await
}

fn count(stub: &Stub) -> usize {
    stub.asked().len()
}

/// Goal: a request arrives as the API expects it, with the token and nothing else that is secret.
#[tokio::test]
async fn a_request_arrives_whole() {
    let realm = Realm::new();
    let stub = realm.stub(good()).await;
    let args = realm.args(&[&stub]);
    assert_eq!(change(&args, Repeat::Never).await, Ok(json!({"it": 1})));
    let asked = stub.asked().remove(0);
    assert_eq!(asked.what, "POST /v1/cluster/remove");
    assert_eq!((asked.authorization, asked.body.as_str()), (Some(realm.bearer()), r#"{"a":1}"#));
    let without = Client { token: None, ..Client::open(&args).unwrap() };
    without.get::<Value>(&["status"], &consistency(StaleArgs { stale: true, max_stale: None })).await.unwrap();
    let asked = stub.asked().remove(1);
    assert_eq!((asked.what.as_str(), asked.authorization), ("GET /v1/status?consistency=local", None));
}

/// Goal: one dead node among the addresses does not matter. Method: a closed port first, then a node without a leader,
/// then a good one; reads and changes alike, since nothing was done before.
#[tokio::test]
async fn addresses_are_tried_in_order() {
    let realm = Realm::new();
    let (leaderless, well) = (realm.stub(refusing(Code::NoLeader)).await, realm.stub(good()).await);
    let mut args = realm.args(&[&leaderless, &well]);
    args.address = Some(format!("127.0.0.1:1,{}", args.address.unwrap_or_default()));
    assert_eq!(get(&args).await, Ok(json!({"it": 1})));
    assert_eq!(change(&args, Repeat::Never).await, Ok(json!({"it": 1})));
    assert_eq!((count(&leaderless), count(&well)), (2, 2));
}

/// Goal: a refusal that every node would repeat is final, and comes through as it was said.
#[tokio::test]
async fn a_refusal_is_final() {
    let realm = Realm::new();
    let (strict, well) = (realm.stub(refusing(Code::TokenWrong)).await, realm.stub(good()).await);
    let refused = get(&realm.args(&[&strict, &well])).await.unwrap_err();
    assert_eq!(refused, Problem::new(Code::TokenWrong, "as told"));
    assert_eq!(count(&well), 0);
}

/// Goal: when every address fails, what a node said about the cluster is told rather than that another one was silent,
/// and where all were silent each is named.
#[tokio::test]
async fn the_most_telling_failure_is_told() {
    let realm = Realm::new();
    let stub = realm.stub(refusing(Code::NoQuorum)).await;
    let mut args = realm.args(&[&stub]);
    args.address = Some(format!("127.0.0.1:1,{}", args.address.unwrap_or_default()));
    assert_eq!(get(&args).await.unwrap_err().code, Code::NoQuorum);
    args.address = Some("127.0.0.1:1,127.0.0.1:2".to_owned());
    let silent = get(&args).await.unwrap_err();
    assert_eq!(silent.code, Code::Unreachable);
    assert!(silent.message.contains("127.0.0.1:1: ") && silent.message.contains("127.0.0.1:2: "), "{silent}");
    assert!(silent.message.contains("refused"), "{silent}");
}

/// Goal: a change whose answer is lost is repeated only under the same command id, and is never called done or undone
/// without knowing. Method: a node that cuts the connection, one that falls silent, one that says that it does not
/// know; a good one after each.
#[tokio::test]
async fn lost_answers_are_unknown() {
    let realm = Realm::new();
    for reply in [Reply::HangUp, Reply::Silence, refusing(Code::OutcomeUnknown)] {
        let (lossy, well) = (realm.stub(reply).await, realm.stub(good()).await);
        let mut args = realm.args(&[&lossy, &well]);
        args.timeout = Duration::from_millis(500);
        let unknown = change(&args, Repeat::Never).await.unwrap_err();
        assert_eq!((unknown.code, count(&well)), (Code::OutcomeUnknown, 0), "{unknown}");
        assert_eq!(change(&args, Repeat::SameCommand).await, Ok(json!({"it": 1})));
        assert_eq!(get(&args).await, Ok(json!({"it": 1})));
        args = ClientArgs { address: Some(lossy.address.clone()), ..args };
        assert_eq!(change(&args, Repeat::SameCommand).await.unwrap_err().code, Code::OutcomeUnknown);
    }
}

/// Goal: a server that is not of this cluster gets neither the token nor the request, and no other address is tried as
/// if nothing had been. Method: a node of another cluster.
#[tokio::test]
async fn another_clusters_node_is_refused() {
    let (ours, theirs) = (Realm::new(), Realm::new());
    let (stranger, well) = (theirs.stub(good()).await, ours.stub(good()).await);
    let refused = get(&ours.args(&[&stranger, &well])).await.unwrap_err();
    assert_eq!(refused.code, Code::AuthorityMismatch, "{refused}");
    assert_eq!((count(&stranger), count(&well)), (0, 0));
}

/// Goal: a port at which something else answers is told as such, and quickly. Method: a listener that closes.
#[tokio::test]
async fn a_port_without_tls_is_unreachable() {
    let realm = Realm::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let refused = get(&ClientArgs { address: Some(address), ..realm.args(&[]) }).await.unwrap_err();
    assert_eq!(refused.code, Code::Unreachable, "{refused}");
}

/// Goal: an answer of another version, or without end, is a clear error. Method: a body that is no JSON, a refusal
/// larger than any.
#[tokio::test]
async fn odd_answers_are_refused() {
    let realm = Realm::new();
    let odd = realm.stub(Reply::Answer(200, "<html>".to_owned())).await;
    assert_eq!(get(&realm.args(&[&odd])).await.unwrap_err().code, Code::BadRequest);
    let flood = realm.stub(Reply::Answer(500, "x".repeat(super::REFUSAL_BYTES_MAX + 1))).await;
    assert_eq!(get(&realm.args(&[&flood])).await.unwrap_err().code, Code::TooLarge);
}

/// Goal: a download arrives piece by piece, and one that is cut short is an error, not a shorter file. Method: a
/// whole body, one that lacks its last byte, one that never begins.
#[tokio::test]
async fn downloads_are_whole_or_fail() {
    let realm = Realm::new();
    let stub = realm.stub(Reply::Answer(200, "0123456789".repeat(1000))).await;
    let client = Client::open(&realm.args(&[&stub])).unwrap();
    let mut response = client.download(&["snapshot"], &json!({}), Duration::from_secs(5)).await.unwrap();
    let mut length = 0;
    while let Some(chunk) = client.chunk(&mut response).await.unwrap() {
        length += chunk.as_ref().len();
    }
    assert_eq!(length, 10_000);
    let cut = realm.stub(Reply::Cut("0123456789".to_owned())).await;
    let client = Client::open(&realm.args(&[&cut])).unwrap();
    let mut response = client.download(&["snapshot"], &json!({}), Duration::from_secs(5)).await.unwrap();
    let ended = loop {
        match client.chunk(&mut response).await {
            Ok(Some(_)) => {}
            Ok(None) => break Ok(()),
            Err(problem) => break Err(problem.code),
        }
    };
    assert_eq!(ended, Err(Code::Unreachable));
    let silent = realm.stub(Reply::Silence).await;
    let client = Client::open(&realm.args(&[&silent])).unwrap();
    let late = client.download(&["snapshot"], &json!({}), Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(late.code, Code::Unreachable, "{late}");
}
