//! From an API key's name to whom it belongs and what it proves itself with.

use std::collections::HashMap;
use std::net::IpAddr;

use exchequer_domain::UserId;
use exchequer_state::api_keys::{ApiKeyId, Credential, KEY_BYTES, Scopes};
use parking_lot::Mutex;
use ring::hmac;

use super::error::Error;
use super::sign::Proof;
use crate::app::App;

/// Unsealed secrets that are kept at a time; all are forgotten when there are more.
const SECRETS_MAX: usize = 4_096;

/// Unsealed secrets, so that not each request unseals one. A key's number never gets another secret.
#[derive(Default)]
pub(crate) struct Secrets(Mutex<HashMap<ApiKeyId, hmac::Key>>);

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Reading the user's own data.
    Read,
    /// Entering, changing and cancelling orders.
    Trade,
    /// Asking for withdrawals.
    Withdraw,
}

/// Whose key a request shows, and how to check that it is its holder who sent it.
pub(crate) struct Shown {
    pub(crate) key: ApiKeyId,
    pub(crate) user: UserId,
    pub(crate) proof: Proof,
}

/// The key with this name, as far as it may be used from this address for this.
///
/// # Errors
/// -2014 where it is no name of a key, -2015 where there is none, it is revoked, or not from there, -1002 where its
/// scopes do not allow it, -1016 where it would change something while the exchange is under maintenance.
pub(crate) fn find(app: &App, name: &str, address: Option<IpAddr>, scope: Scope) -> Result<Shown, Error> {
    if name.len() != KEY_BYTES || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Error::new(-2014, "API-key format invalid."));
    }
    let mut found: Result<(ApiKeyId, UserId, Credential, Scopes), Error> = Err(Error::key());
    app.backend.read(&mut |state, _, _| {
        let key = state.api_keys().by_name(name).filter(|key| key.revoked_at.is_none());
        // A key with ranges is refused where the address is not known.
        let key = key.filter(|key| key.ranges.is_empty() || address.is_some_and(|address| key.allows(address)));
        if let Some(key) = key {
            found = Ok((key.id, key.user, key.credential.clone(), key.scopes));
        }
        Ok(())
    })?;
    let (id, user, credential, scopes) = found?;
    let allowed = match scope {
        Scope::Read => scopes.read,
        Scope::Trade => scopes.trade,
        Scope::Withdraw => scopes.withdraw,
    };
    if !allowed {
        return Err(Error::scope());
    }
    if scope != Scope::Read
        && let Some(closed) = app.closed()?
    {
        return Err(Error::unavailable(closed.banner, Some(closed.retry_after_s)));
    }
    let proof = match credential {
        Credential::Ed25519 { public } => Proof::Ed25519(public),
        Credential::Hmac { sealed } => Proof::Hmac(secret(app, id, &sealed)?),
    };
    Ok(Shown { key: id, user, proof })
}

fn secret(app: &App, id: ApiKeyId, sealed: &[u8]) -> Result<hmac::Key, Error> {
    if let Some(key) = app.spot.secrets.0.lock().get(&id) {
        return Ok(key.clone());
    }
    let secret = app.backend.open_secret(sealed)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    let mut known = app.spot.secrets.0.lock();
    if known.len() >= SECRETS_MAX {
        known.clear();
    }
    known.insert(id, key.clone());
    Ok(key)
}
