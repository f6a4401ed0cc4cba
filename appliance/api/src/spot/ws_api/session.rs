//! Who a connection belongs to, and which users' events it listens to.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use exchequer_domain::UserId;
use exchequer_state::api_keys::ApiKeyId;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::super::door::{Caller, Needs};
use super::super::error::Error;
use super::super::keys::{self, Scope, Shown};
use super::super::params::Params;
use super::super::sign::{self, Imprint, Proof};
use super::super::stream::{Line, Member, STREAMS_MAX, Watcher};
use crate::app::App;

/// A logon.
#[derive(Debug, Clone)]
struct Logon {
    /// The key's name.
    key: String,
    since_ms: u64,
}

/// One subscription to a user's events.
#[derive(Debug, Clone, Copy)]
struct Subscription {
    user: UserId,
    /// Without it, it ends.
    key: ApiKeyId,
    by_logon: bool,
}

#[derive(Debug, Default)]
struct Inside {
    logon: Option<Logon>,
    subscriptions: BTreeMap<u32, Subscription>,
    next: u32,
}

/// What a connection to the WebSocket API remembers.
pub(crate) struct Session {
    pub(crate) app: App,
    pub(crate) line: Arc<Line>,
    pub(crate) address: Option<IpAddr>,
    /// Whether answers show what has been used up, where a request does not say.
    pub(crate) shows_limits: bool,
    member: Member,
    connected_ms: u64,
    inside: Mutex<Inside>,
    /// Subscriptions are made one after the other.
    subscribing: tokio::sync::Mutex<()>,
}

impl Session {
    pub(crate) fn new(app: App, line: Arc<Line>, address: Option<IpAddr>, shows_limits: bool) -> Session {
        let member = app.hub().join(line.clone());
        let connected_ms = app.backend.now_ms();
        let (inside, subscribing) = (Mutex::default(), tokio::sync::Mutex::default());
        Session { app, line, address, shows_limits, member, connected_ms, inside, subscribing }
    }

    /// Who signed these parameters, for a scope.
    fn signer(&self, params: &mut Params, scope: Scope, now_ms: u64) -> Result<(Shown, Imprint), Error> {
        let name = params.required("apiKey")?.to_owned();
        sign::check_time(params, now_ms)?;
        let signature = params.required("signature")?.to_owned();
        let shown = keys::find(&self.app, &name, self.address, scope)?;
        let payload = params.payload();
        shown.proof.verify(payload.as_bytes(), &signature)?;
        let imprint = Imprint::of(shown.key, payload.as_bytes());
        Ok((shown, imprint))
    }

    /// Whose request it is, if it shows what it needs: a signature, or a logon before. A key is looked up each time, so
    /// that one that is revoked works no more.
    pub(crate) fn admit(&self, needs: Needs, params: &mut Params, now_ms: u64) -> Result<Caller, Error> {
        let scope = match needs {
            Needs::Nothing => return Ok(Caller::nobody(&self.app)),
            Needs::Read => Scope::Read,
            Needs::Trade => Scope::Trade,
            Needs::Withdraw => Scope::Withdraw,
        };
        let logon = self.inside.lock().logon.clone();
        let (shown, imprint) = match logon {
            Some(logon) if !params.has("apiKey") && !params.has("signature") => {
                sign::check_time(params, now_ms)?;
                let shown = keys::find(&self.app, &logon.key, self.address, scope)?;
                (shown, Imprint::drawn(self.app.backend.new_id()))
            }
            _ => self.signer(params, scope, now_ms)?,
        };
        Ok(Caller { key: shown.key, user: shown.user, imprint })
    }

    fn status(&self) -> Value {
        let inside = self.inside.lock();
        let logon = inside.logon.as_ref();
        json!({
            "apiKey": logon.map(|logon| &logon.key),
            "authorizedSince": logon.map(|logon| logon.since_ms),
            "connectedSince": self.connected_ms,
            "returnRateLimits": self.shows_limits,
            "serverTime": self.app.backend.now_ms(),
            "userDataStream": !inside.subscriptions.is_empty(),
        })
    }

    /// One of the methods that concern the connection itself, and what it weighs; nothing where the name is of none.
    pub(crate) fn weight(method: &str) -> Option<u32> {
        Some(match method {
            "session.logon" | "session.status" | "session.logout" | "session.subscriptions" => 2,
            "userDataStream.subscribe" | "userDataStream.subscribe.signature" | "userDataStream.unsubscribe" => 2,
            _ => return None,
        })
    }

    /// Does one of them.
    pub(crate) async fn call(&self, method: &str, params: &mut Params, now_ms: u64) -> Result<Value, Error> {
        match method {
            "session.logon" => {
                let key = params.required("apiKey")?.to_owned();
                let (shown, _) = self.signer(params, Scope::Read, now_ms)?;
                params.end()?;
                if !matches!(shown.proof, Proof::Ed25519(_)) {
                    return Err(Error::new(-4056, "HMAC_SHA256 API key is not supported."));
                }
                self.inside.lock().logon = Some(Logon { key, since_ms: now_ms });
                Ok(self.status())
            }
            "session.status" => {
                params.end()?;
                self.prune().await?;
                Ok(self.status())
            }
            "session.logout" => {
                params.end()?;
                let _one = self.subscribing.lock().await;
                let ended = {
                    let mut inside = self.inside.lock();
                    inside.logon = None;
                    let of_logon = inside.subscriptions.iter().filter(|(_, subscription)| subscription.by_logon);
                    let ended: Vec<u32> = of_logon.map(|(number, _)| *number).collect();
                    inside.subscriptions.retain(|_, subscription| !subscription.by_logon);
                    ended
                };
                self.member.unwatch(ended).await;
                Ok(self.status())
            }
            "session.subscriptions" => {
                params.end()?;
                self.prune().await?;
                let inside = self.inside.lock();
                Ok(inside.subscriptions.keys().map(|number| json!({"subscriptionId": number})).collect())
            }
            "userDataStream.subscribe" => {
                let logon = self.inside.lock().logon.clone();
                let logon = logon.ok_or_else(|| Error::new(-1002, "The connection is not authenticated."))?;
                params.end()?;
                let shown = keys::find(&self.app, &logon.key, self.address, Scope::Read)?;
                self.subscribe(&shown, Some(&logon.key)).await
            }
            "userDataStream.subscribe.signature" => {
                let (shown, _) = self.signer(params, Scope::Read, now_ms)?;
                params.end()?;
                self.subscribe(&shown, None).await
            }
            "userDataStream.unsubscribe" => {
                let number = params.number("subscriptionId")?;
                params.end()?;
                let _one = self.subscribing.lock().await;
                let ended: Vec<u32> = {
                    let mut inside = self.inside.lock();
                    let numbers: Vec<u32> = inside.subscriptions.keys().copied().collect();
                    let chosen = |known: &u32| number.is_none_or(|number| number == u64::from(*known));
                    let ended: Vec<u32> = numbers.into_iter().filter(chosen).collect();
                    inside.subscriptions.retain(|known, _| !ended.contains(known));
                    ended
                };
                if ended.is_empty() && number.is_some() {
                    return Err(Error::invalid("subscriptionId"));
                }
                self.member.unwatch(ended).await;
                Ok(json!({}))
            }
            _ => Err(unknown_method()),
        }
    }

    /// Forgets the subscriptions whose key was revoked: the hub has ended them, or is about to.
    async fn prune(&self) -> Result<(), Error> {
        let keys: Vec<(u32, ApiKeyId)> = {
            let inside = self.inside.lock();
            inside.subscriptions.iter().map(|(number, subscription)| (*number, subscription.key)).collect()
        };
        let mut ended = Vec::new();
        self.app.backend.read(&mut |state, _, _| {
            let works = |key: ApiKeyId| state.api_keys().get(key).is_some_and(|key| key.revoked_at.is_none());
            ended = keys.iter().filter(|(_, key)| !works(*key)).map(|(number, _)| *number).collect();
            Ok(())
        })?;
        if !ended.is_empty() {
            self.inside.lock().subscriptions.retain(|number, _| !ended.contains(number));
            self.member.unwatch(ended).await;
        }
        Ok(())
    }

    /// Subscribes to a user's events; by a logon with the key of this name, where it is by one.
    async fn subscribe(&self, shown: &Shown, logon: Option<&str>) -> Result<Value, Error> {
        let _one = self.subscribing.lock().await;
        self.prune().await?;
        let number = {
            let mut inside = self.inside.lock();
            // Requests run side by side: the logon may be gone, or be another one by now.
            if logon.is_some() && inside.logon.as_ref().map(|logon| logon.key.as_str()) != logon {
                return Err(Error::new(-1002, "The connection is not authenticated."));
            }
            if inside.subscriptions.values().any(|known| known.user == shown.user) {
                return Err(Error::new(-2035, "The connection is subscribed to this account already."));
            }
            if inside.subscriptions.len() >= STREAMS_MAX {
                return Err(Error::new(-1130, "The connection has too many subscriptions."));
            }
            let number = inside.next;
            inside.next = inside.next.wrapping_add(1);
            inside
                .subscriptions
                .insert(number, Subscription { user: shown.user, key: shown.key, by_logon: logon.is_some() });
            number
        };
        self.member.watch(Watcher { user: shown.user, key: shown.key, number }).await;
        Ok(json!({"subscriptionId": number}))
    }
}

pub(crate) fn unknown_method() -> Error {
    Error::new(-1020, "This operation is not supported.")
}
