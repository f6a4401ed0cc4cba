//! Signing in, sessions, and what each role may do.

mod browser;
mod factors;
mod matrix;
mod sign_ins;
mod takeover;
mod timing;

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Method, Request};
use exchequer_domain::{AdminId, NodeId, UserId};
use exchequer_state::people::{Factor, Principal, Role};
use exchequer_state::settings::Value;
use exchequer_state::{
    Actor, Body as Change, CreateAdmin, CreateUser, CredentialChange, OpenSession, Outcome, SetCredentials, SetSetting,
};
use serde_json::{Value as Json, json};

use super::memory::Memory;
use super::{Reply, World, request};
use crate::backend::Backend as _;
use crate::people::token::Token;
use crate::people::{FACTOR_PURPOSE, PASSWORD_PURPOSE, Realm, password, totp};
use crate::route::ClientAddress;

pub(super) const PASSWORD: &str = "a horse in a bathtub";
pub(super) const SECRET: &[u8; 20] = b"12345678901234567890";
const NODE: Actor = Actor::Node(NodeId(1));
pub(super) const MINUTE_US: u64 = 60_000_000;

/// An admin of one role, with a second factor or without, and a person of its own.
pub(super) fn admin(house: &Memory, name: &str, roles: &[Role], enrolled: bool) -> AdminId {
    let recovery = ["abcd-efgh-ijkl-mnop", "bcde-fghi-jklm-nopq"].map(totp::recovery_hash).to_vec();
    let password = password::hash(PASSWORD, house.hash_cost()).unwrap();
    let command = CreateAdmin {
        name: name.into(),
        person: name.into(),
        roles: roles.to_vec(),
        ranges: vec![],
        password: house.seal(PASSWORD_PURPOSE, &password).unwrap(),
        must_change: false,
        totp: enrolled.then(|| house.seal(FACTOR_PURPOSE, SECRET).unwrap()),
        recovery,
        reason: "test".into(),
    };
    // The first one is an owner, made by the node; it makes the others.
    let first = house.inside.lock().state.people().admins().next().map(|admin| admin.id);
    let actor = first.map_or(NODE, Actor::Admin);
    match house.run_as(actor, Change::CreateAdmin(Box::new(command))) {
        Outcome::Done(exchequer_state::Done::AdminCreated { admin }) => admin,
        other => panic!("{other:?}"),
    }
}

/// A user who signs in as `u1`, `u2`..., with the one password, and nothing to change any more.
pub(super) fn customer(house: &Memory) -> UserId {
    let label = String::new();
    house.run(Change::CreateUser(CreateUser { label, kyc_level: 0, fee_tier: 0 }));
    let user = UserId(house.inside.lock().state.users().count());
    let hashed = house.seal(PASSWORD_PURPOSE, &password::hash(PASSWORD, house.hash_cost()).unwrap()).unwrap();
    let of = Principal::User(user);
    let set = |revision, change| {
        Change::SetCredentials(Box::new(SetCredentials { of, revision, change, session: None, reason: "test".into() }))
    };
    house.run(set(0, CredentialChange::Begin { name: format!("u{}", user.0), password: hashed.clone() }));
    let own = house.run_as(Actor::User(user), set(1, CredentialChange::Password { password: hashed }));
    assert!(matches!(own, Outcome::Done(_)), "{own:?}");
    user
}

/// A session as if it had been signed in for; with a second factor where there is one.
pub(super) fn session(house: &Memory, of: Principal) -> String {
    let token = Token::draw().unwrap();
    let (revision, factor) = {
        let inside = house.inside.lock();
        let (credentials, _) = crate::people::credentials(&inside.state, &inside.rows, of).unwrap().unwrap();
        let step = credentials.totp_step + 1;
        (credentials.revision, credentials.totp.map_or(Factor::None, |_| Factor::Totp { step }))
    };
    let open = OpenSession { of, revision, session: token.id(), factor, address: None, agent: "test".into() };
    let opened = house.run_as(NODE, Change::OpenSession(Box::new(open)));
    assert!(matches!(opened, Outcome::Done(_)), "{opened:?}");
    token.text(Realm::of(of))
}

/// So many sign-ins a minute as a test needs.
pub(super) fn unlimited(house: &Memory) {
    let (key, value) = ("people.sign_ins_per_minute".to_owned(), Value::Integer(10_000));
    house.run(Change::SetSetting(SetSetting { key, value, if_revision: None, reason: "test".into() }));
}

pub(super) fn wait(house: &Memory, us: u64) {
    let mut inside = house.inside.lock();
    inside.now = exchequer_domain::Timestamp(inside.now.0 + us);
}

/// The authenticator's code of this moment.
pub(super) fn code(house: &Memory) -> String {
    totp::code_at(SECRET, house.now_ms())
}

/// A sign-in from an address.
pub(super) async fn sign_in_from(world: &World, address: &str, path: &str, body: &Json) -> Reply {
    let mut asked = request(Method::POST, path, None, Some(&body.to_string()));
    let address: SocketAddr = address.parse().unwrap();
    asked.extensions_mut().insert(ClientAddress(address));
    world.send(asked).await
}

pub(super) async fn sign_in(world: &World, body: &Json) -> Reply {
    sign_in_from(world, "192.0.2.1:5", "/v1/session", body).await
}

pub(super) fn typed(house: &Memory, name: &str) -> Json {
    json!({ "name": name, "password": PASSWORD, "otp": code(house), "bearer": true })
}

impl World {
    /// A request that shows a session.
    pub(super) async fn with(&self, token: &str, method: Method, path: &str, body: Option<&Json>) -> Reply {
        let body = body.map(Json::to_string);
        self.send(request(method, path, Some(token), body.as_deref())).await
    }

    async fn raw(&self, asked: Request<Body>) -> Reply {
        self.send(asked).await
    }
}
