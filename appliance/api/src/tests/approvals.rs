//! Approvals through the doors: what is refused alone, proposed, approved and carried out; and the attacks.

use axum::http::Method;
use exchequer_domain::{AdminId, ClusterId, Timestamp};
use exchequer_state::approvals::{ApprovalKeyId, ProposalId, approval_bytes, confirmation_bytes, operation_hash};
use exchequer_state::people::{AdminStatus, Principal, Role};
use exchequer_state::{Actor, Body as Change, CreateUser, Outcome, State, UpdateAdmin};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value as Json, json};

use super::people::{MINUTE_US, admin, session, sign_in, unlimited, wait};
use super::{Reply, World, request};

pub(super) const CLUSTER: ClusterId = ClusterId([7; 16]);
const CRITICAL: &str = "/v1/settings/autopilot.min_quorum";

/// An admin with a key; the first of them has number 1, as has their key.
#[derive(Clone, Copy)]
pub(super) struct Who(pub(super) u32);

const ADA: Who = Who(1);
pub(super) const SAM: Who = Who(2);
pub(super) const OPS: Who = Who(3);

impl Who {
    fn pair(self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[self.0 as u8; 32]).unwrap()
    }

    pub(super) fn public(self) -> [u8; 32] {
        self.pair().public_key().as_ref().try_into().unwrap()
    }

    pub(super) fn signs(self, bytes: &[u8]) -> String {
        hex::encode(self.pair().sign(bytes).as_ref())
    }
}

/// A change as somebody who has just signed in, or with the operator token.
async fn change(
    world: &World,
    by: Option<Who>,
    propose: Option<&str>,
    (method, path): (Method, &str),
    body: Json,
) -> Reply {
    let token = match by {
        Some(Who(number)) => session(&world.house, Principal::Admin(AdminId(number))),
        None => super::memory::TOKEN.to_owned(),
    };
    let mut asked = request(method, path, Some(&token), Some(&body.to_string()));
    if let Some(propose) = propose {
        asked.headers_mut().insert("exq-propose", propose.parse().unwrap());
    }
    world.send(asked).await
}

pub(super) async fn post(world: &World, by: Who, path: &str, body: Json) -> Reply {
    change(world, Some(by), None, (Method::POST, path), body).await
}

async fn critical(world: &World, by: Option<Who>, propose: Option<&str>, value: u32) -> Reply {
    let body = json!({ "value": value.to_string(), "reason": "OPS-1" });
    change(world, by, propose, (Method::PUT, CRITICAL), body).await
}

async fn proposal(world: &World, number: u64) -> Json {
    let token = session(&world.house, Principal::Admin(AdminId(2)));
    world.with(&token, Method::GET, &format!("/v1/proposals/{number}"), None).await.json()
}

/// What an approval of a proposal signs, made of what the API shows of it.
async fn signed(world: &World, number: u64) -> Vec<u8> {
    let shown = proposal(world, number).await;
    let hash = operation_hash(&hex::decode(shown["operation"].as_str().unwrap()).unwrap());
    assert_eq!(shown["hash"], hash.to_string());
    approval_bytes(CLUSTER, ProposalId(number), hash, Timestamp(shown["expires_us"].as_u64().unwrap()))
}

async fn approve_with(world: &World, by: Who, number: u64, signature: String) -> Reply {
    let body = json!({ "key": by.0, "signature": signature });
    post(world, by, &format!("/v1/proposals/{number}/approve"), body).await
}

async fn approve(world: &World, by: Who, number: u64) -> Reply {
    let signature = by.signs(&signed(world, number).await);
    approve_with(world, by, number, signature).await
}

pub(super) async fn confirm(world: &World, by: Who, of: Who) -> Reply {
    let signature = by.signs(&confirmation_bytes(CLUSTER, ApprovalKeyId(of.0), AdminId(of.0), &of.public()));
    let body = json!({ "public_key": hex::encode(of.public()), "with": by.0, "signature": signature, "reason": "met" });
    post(world, by, &format!("/v1/approval-keys/{}/confirm", of.0), body).await
}

/// Three persons with confirmed keys: the two-person rule is in force.
async fn in_force() -> World {
    in_force_in(World::new()).await
}

async fn in_force_in(world: World) -> World {
    in_force_with(world, &[]).await
}

/// The same with more admins, who have no keys yet.
pub(super) async fn in_force_with(world: World, more: &[(&str, Role)]) -> World {
    let three = [("ada", Role::Owner), ("sam", Role::SecurityOfficer), ("ops", Role::Operations)];
    for (name, role) in three.iter().chain(more) {
        admin(&world.house, name, &[*role], true);
    }
    for who in [ADA, SAM, OPS] {
        let body = json!({ "public_key": hex::encode(who.public()), "label": "laptop", "reason": "first" });
        assert_eq!(post(&world, who, "/v1/approval-keys", body).await.json()["number"], who.0);
    }
    assert_eq!(critical(&world, Some(ADA), None, 4).await.status.as_u16(), 200, "alone, as long as it may be");
    for (by, of) in [(ADA, SAM), (SAM, ADA), (SAM, OPS)] {
        let reply = confirm(&world, by, of).await;
        assert_eq!(reply.status.as_u16(), 200, "{}", reply.text());
    }
    world
}

fn disable(world: &World, who: Who) {
    let change = UpdateAdmin {
        admin: AdminId(who.0),
        roles: None,
        status: Some(AdminStatus::Disabled),
        ranges: None,
        reason: "left".into(),
    };
    let done = world.house.run_as(Actor::Admin(AdminId(ADA.0)), Change::UpdateAdmin(change));
    assert!(matches!(done, Outcome::Done(_)), "{done:?}");
}

/// Goal: a critical setting is refused alone, proposed with the header, and in force when another person has approved it;
/// whoever asks is told what it is and who may approve it. Method: the way of one change, with everything that is answered.
#[tokio::test]
async fn the_way_of_a_critical_change() {
    let world = in_force().await;
    for by in [Some(ADA), Some(OPS), None] {
        let alone = critical(&world, by, None, 5).await;
        assert_eq!(alone.refusal(), (403, "EXQ-1101".to_owned()));
        assert!(alone.text().contains("--propose") && alone.text().contains("exq-propose"), "{}", alone.text());
    }
    let proposed = critical(&world, Some(OPS), Some("2h"), 5).await;
    assert_eq!((proposed.status.as_u16(), &proposed.json()["proposal"]), (202, &json!(1)), "{}", proposed.text());
    assert_eq!(proposed.header("exq-command-id"), proposed.json()["command_id"].as_str().unwrap());
    let shown = proposal(&world, 1).await;
    assert_eq!(
        (&shown["state"], &shown["initiator"], &shown["needed"]),
        (&json!("waiting"), &json!("admin 3"), &json!(1))
    );
    assert_eq!(shown["lines"][1], json!({ "name": "setting", "value": "autopilot.min_quorum" }), "{shown}");
    let done = approve(&world, SAM, 1).await;
    assert_eq!((done.status.as_u16(), &done.json()["state"]), (200, &json!("executed")), "{}", done.text());
    assert_eq!(world.get(CRITICAL).await.json()["value"], "5");
    let over = proposal(&world, 1).await;
    assert_eq!((&over["state"], &over["hash"]), (&json!("executed"), &shown["hash"]));
    assert!(shown.get("refusal").is_none() && over.get("refusal").is_none(), "{over}");
    let outcome = world.get(&format!("/v1/commands/{}", done.json()["command_id"].as_str().unwrap())).await;
    assert_eq!(outcome.json()["effect"]["executed"], true, "{}", outcome.text());
}

/// Goal: the attacks on approvals are refused with their codes, and change nothing. Method: each by a request: an approval
/// shown for another proposal, for changed bytes, once more, by its initiator, by a stranger's key, with the operator token.
#[tokio::test]
async fn attacks_are_refused() {
    let world = in_force().await;
    for value in [5, 6] {
        assert_eq!(critical(&world, Some(OPS), Some("true"), value).await.status.as_u16(), 202);
    }
    let (first, second) = (signed(&world, 1).await, signed(&world, 2).await);
    let mut changed = first.clone();
    // Behind the words, the cluster and the number: a bit of the hash.
    changed["exchequer approval v1\0".len() + 16 + 8] ^= 1;
    for (attack, signature) in [
        ("replayed on another proposal", SAM.signs(&second)),
        ("over a changed payload", SAM.signs(&changed)),
        ("by another's key", ADA.signs(&first)),
    ] {
        let reply = approve_with(&world, SAM, 1, signature).await;
        assert_eq!(reply.refusal(), (403, "EXQ-1105".to_owned()), "{attack}");
    }
    assert_eq!(approve(&world, OPS, 1).await.refusal(), (403, "EXQ-1104".to_owned()), "the initiator");
    let body = json!({ "key": 2, "signature": SAM.signs(&first) });
    let token = change(&world, None, None, (Method::POST, "/v1/proposals/1/approve"), body).await;
    assert_eq!(token.refusal(), (403, "EXQ-1104".to_owned()), "whoever shows the operator token is nobody");
    let stolen =
        post(&world, ADA, "/v1/proposals/1/approve", json!({ "key": 2, "signature": SAM.signs(&first) })).await;
    assert_eq!(stolen.refusal(), (404, "EXQ-1106".to_owned()), "somebody else's key");
    assert_eq!(world.get(CRITICAL).await.json()["value"], "4");

    assert_eq!(approve(&world, SAM, 1).await.json()["state"], "executed");
    let again = approve_with(&world, SAM, 1, SAM.signs(&first)).await;
    assert_eq!(again.refusal(), (404, "EXQ-1103".to_owned()), "once more");
}

/// Goal: nothing approves a proposal that is over: expired, taken back, or rejected; nor does a key that was revoked.
#[tokio::test]
async fn what_is_over_is_over() {
    let world = in_force().await;
    for (value, ttl) in [(5, "1h"), (6, "true"), (7, "true"), (8, "true")] {
        assert_eq!(critical(&world, Some(OPS), Some(ttl), value).await.status.as_u16(), 202);
    }
    let mut signatures = Vec::new();
    for number in 1..=4 {
        signatures.push(ADA.signs(&signed(&world, number).await));
    }
    let reason = || json!({ "reason": "no" });
    assert_eq!(post(&world, SAM, "/v1/proposals/2/revoke", reason()).await.refusal(), (403, "EXQ-1104".to_owned()));
    assert_eq!(post(&world, OPS, "/v1/proposals/2/revoke", reason()).await.status.as_u16(), 200);
    assert_eq!(post(&world, SAM, "/v1/proposals/3/reject", reason()).await.status.as_u16(), 200);
    wait(&world.house, 60 * MINUTE_US);
    world.put("/v1/scratch/a", r#"{"value":"61"}"#).await;
    for (number, state) in [(1, "expired"), (2, "revoked"), (3, "rejected")] {
        assert_eq!(proposal(&world, number).await["state"], state);
        let reply = approve_with(&world, ADA, number, signatures[number as usize - 1].clone()).await;
        assert_eq!(reply.refusal(), (404, "EXQ-1103".to_owned()), "{state}");
    }
    assert_eq!(post(&world, ADA, "/v1/approval-keys/1/revoke", reason()).await.status.as_u16(), 200);
    let reply = approve_with(&world, ADA, 4, signatures[3].clone()).await;
    assert_eq!(reply.refusal(), (404, "EXQ-1106".to_owned()), "a revoked key");
    assert_eq!(post(&world, SAM, "/v1/approval-keys/2/revoke", reason()).await.refusal(), (409, "EXQ-1107".to_owned()));
}

/// Goal: who was suspended after they approved has approved nothing when it comes to carrying out, and a suspended initiator
/// has asked for nothing. Method: a proposal of the operator token, which needs two, and one of the admin's own.
#[tokio::test]
async fn who_is_suspended_has_approved_nothing() {
    let world = in_force().await;
    assert_eq!(critical(&world, None, Some("true"), 5).await.json()["needed"], 2);
    assert_eq!(critical(&world, Some(OPS), Some("true"), 6).await.status.as_u16(), 202);
    assert_eq!(approve(&world, OPS, 1).await.json()["state"], "waiting");
    disable(&world, OPS);
    assert_eq!(approve(&world, SAM, 1).await.json()["state"], "waiting", "one of the two does not count any more");
    let late = approve(&world, SAM, 2).await.json();
    assert_eq!(late["state"], "refused-at-execution", "{late}");
    assert!(late["refusal"].as_str().unwrap().starts_with("EXQ-0213"), "{late}");
    let over = proposal(&world, 2).await;
    assert_eq!((&over["state"], &over["refusal"]), (&json!("refused-at-execution"), &late["refusal"]), "it is kept");
    assert_eq!(world.get(CRITICAL).await.json()["value"], "4");
    assert_eq!(approve(&world, ADA, 1).await.json()["state"], "executed");
}

/// Goal: nobody consents at a node that cannot say to what. Method: a proposal whose bytes a newer version would have written.
#[tokio::test]
async fn what_cannot_be_read_is_not_approved() {
    let world = in_force().await;
    assert_eq!(critical(&world, Some(OPS), Some("true"), 5).await.status.as_u16(), 202);
    {
        let inside = &mut *world.house.inside.lock();
        let proposal = inside.state.approvals().get(ProposalId(1)).unwrap().clone();
        let unknown = vec![0xff; proposal.operation.len()];
        let rows: Vec<_> = inside.rows.iter().map(|(of, key, row)| (of, key.to_vec(), row.to_vec())).collect();
        for (family, key, mut row) in rows {
            let size = proposal.operation.len();
            if let Some(at) = row.windows(size).position(|bytes| bytes == proposal.operation) {
                row[at..at + size].copy_from_slice(&unknown);
                inside.rows.put(family, key, row);
            }
        }
        inside.state = State::load(&inside.rows).unwrap();
    }
    let shown = proposal(&world, 1).await;
    assert_eq!((&shown["state"], &shown["lines"]), (&json!("waiting"), &json!([])));
    let refused = approve(&world, SAM, 1).await;
    assert_eq!(refused.refusal(), (403, "EXQ-1105".to_owned()));
    assert!(refused.message().contains("does not understand"), "{}", refused.text());
    assert_eq!(proposal(&world, 1).await["approvals"], json!([]));
}

/// Goal: an admin that is proposed can sign in once another person has agreed, with the password that was shown with the
/// proposal, and not before; the proposal does not tell it.
#[tokio::test]
async fn an_admin_is_made_by_two() {
    let world = World::new();
    unlimited(&world.house);
    let world = in_force_in(world).await;
    let body = json!({ "name": "eve", "person": "Eve", "roles": ["auditor"], "reason": "HR-7" });
    let alone = change(&world, Some(ADA), None, (Method::POST, "/v1/admins"), body.clone()).await;
    assert_eq!(alone.refusal(), (403, "EXQ-1101".to_owned()));
    let proposed = change(&world, Some(ADA), Some("true"), (Method::POST, "/v1/admins"), body).await.json();
    let password = proposed["once"].as_str().unwrap_or_else(|| panic!("{proposed}")).to_owned();
    assert!(!proposal(&world, 1).await.to_string().contains(&password));
    let typed = json!({ "name": "eve", "password": password, "bearer": true });
    assert_eq!(sign_in(&world, &typed).await.status.as_u16(), 401);
    assert_eq!(approve(&world, OPS, 1).await.json()["state"], "executed");
    assert_eq!(sign_in(&world, &typed).await.status.as_u16(), 200);
    assert_eq!(proposal(&world, 1).await["operation"], "", "what was sealed does not stay");
}

/// Goal: what hands over the keyring, or a customer's account, takes two; what is shown once is shown with the proposal, and
/// worth nothing before the consent. A customer's first password takes one. Method: a join token, and a customer's first and
/// second password, each alone, proposed, agreed to.
#[tokio::test]
async fn tokens_and_accounts_take_two() {
    let world = in_force().await;
    world.house.run(Change::CreateUser(CreateUser { label: String::new(), kyc_level: 0, fee_tier: 0 }));
    let give = json!({ "name": "u1", "reason": "asked by telephone" });
    let of_user = (Method::POST, "/v1/users/1/credentials");
    let first = change(&world, Some(ADA), None, of_user.clone(), give.clone()).await;
    assert_eq!(first.status.as_u16(), 200, "{}", first.text());
    let token = (Method::POST, "/v1/cluster/tokens");
    let tokens = |world: &World| world.house.inside.lock().state.access().join_tokens().count();
    let mut number = 0;
    for (to, body) in [(token, json!({ "ttl": "1h", "reason": "grow" })), (of_user, give)] {
        number += 1;
        let alone = change(&world, Some(ADA), None, to.clone(), body.clone()).await;
        assert_eq!(alone.refusal(), (403, "EXQ-1101".to_owned()), "{}", to.1);
        let proposed = change(&world, Some(ADA), Some("true"), to, body).await.json();
        let once = proposed["once"].as_str().unwrap_or_else(|| panic!("{proposed}")).to_owned();
        assert!(!proposal(&world, number).await.to_string().contains(&once));
        assert_eq!(tokens(&world), usize::from(number > 1));
        assert_eq!(approve(&world, OPS, number).await.json()["state"], "executed");
        assert_eq!(tokens(&world), 1);
    }
}

/// Goal: the header that proposes is refused where nothing can need approval, so that it never stands in the way of what a
/// node does beside a request, such as counting wrong codes. Method: a step-up with a wrong code, often; other routes.
#[tokio::test]
async fn only_what_can_need_approval_is_proposed() {
    let world = in_force().await;
    let body = json!({ "otp": "000000" });
    let step_up = |propose| change(&world, Some(ADA), propose, (Method::POST, "/v1/session/step-up"), body.clone());
    assert_eq!(step_up(Some("true")).await.refusal(), (409, "EXQ-1102".to_owned()));
    assert_eq!(step_up(None).await.refusal(), (403, "EXQ-0215".to_owned()), "counted");
    let stop = json!({ "reason": "odd" });
    let stopped = change(&world, Some(OPS), Some("true"), (Method::POST, "/v1/emergency/stop"), stop.clone()).await;
    assert_eq!(stopped.refusal(), (409, "EXQ-1102".to_owned()));
    assert_eq!(critical(&world, Some(OPS), Some("soon"), 5).await.refusal(), (400, "EXQ-0108".to_owned()));
    let free = json!({ "value": "false", "reason": "OPS-1" });
    let path = (Method::PUT, "/v1/settings/autopilot.promote");
    let ordinary = change(&world, Some(OPS), Some("true"), path, free).await;
    assert_eq!(ordinary.refusal(), (409, "EXQ-1102".to_owned()));

    assert_eq!(post(&world, OPS, "/v1/emergency/stop", stop.clone()).await.status.as_u16(), 200);
    let resume = (Method::POST, "/v1/emergency/resume");
    assert_eq!(
        change(&world, Some(OPS), None, resume.clone(), stop.clone()).await.refusal(),
        (403, "EXQ-1101".to_owned())
    );
    assert_eq!(change(&world, Some(OPS), Some("true"), resume, stop).await.status.as_u16(), 202);
    assert_eq!(approve(&world, SAM, 1).await.json()["state"], "executed");
}
