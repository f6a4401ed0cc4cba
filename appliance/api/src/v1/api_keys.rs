//! The keys of users' programs: making, listing and revoking them. A secret leaves the node once, in the answer that made
//! it; inside there is only its sealed form.

use std::net::IpAddr;

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use exchequer_domain::{Code, Problem};
use exchequer_state::api_keys::{ApiKey, ApiKeyId, Credential, Range, Scopes};
use exchequer_state::{Body as Change, CreateApiKey, Done, Rejection, RevokeApiKey};

use super::ledger::known_user;
use super::users::user_id;
use crate::app::App;
use crate::auth::Caller;
use crate::backend::DrawnKey;
use crate::dto;
use crate::extract::{Body, Name, Params, reason};
use crate::openapi::Param;
use crate::problem::Refused;
use crate::read::{Freshness, Seen};
use crate::route::Route;
use crate::submit::Committed;
use exchequer_state::people::Permission;
use exchequer_state::settings::Danger;

/// What stands before the 32 bytes of an Ed25519 public key in PEM (RFC 8410).
const ED25519_HEADER: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::get("/v1/users/{user}/api-keys", list)
            .needs_or_own(Permission::UsersRead)
            .says("The user's API keys, without their secrets")
            .named(Param::number("user", 1, u64::MAX, "The user's number")),
        Route::post("/v1/users/{user}/api-keys", create)
            .needs_or_own(Permission::UsersChange)
            .danger(Danger::Level3)
            .says("Makes an API key")
            .more("The secret is in the answer and nowhere else; a lost answer is made good by revoking the key.")
            .named(Param::number("user", 1, u64::MAX, "The user's number")),
        Route::post("/v1/users/{user}/api-keys/revoke", revoke)
            .needs_or_own(Permission::UsersChange)
            .danger(Danger::Level1)
            .says("Revokes an API key for ever")
            .named(Param::number("user", 1, u64::MAX, "The user's number")),
    ]
}

async fn list(State(app): State<App>, Name(user): Name, mut params: Params) -> Result<Seen<dto::ApiKeys>, Refused> {
    let freshness = Freshness::of(&mut params, Freshness::Linearizable)?;
    params.end()?;
    let user = user_id(&user)?;
    let seen = app.read(freshness, |state| {
        known_user(state, user)?;
        Ok(dto::ApiKeys { keys: state.api_keys().of_user(user).map(view).collect() })
    });
    Ok(seen.await?)
}

async fn create(
    State(app): State<App>,
    caller: Caller,
    Name(user): Name,
    Body(request): Body<dto::CreateApiKey>,
) -> Result<Committed<dto::ApiKeyCreated>, Refused> {
    let user = user_id(&user)?;
    let reason = reason(request.reason)?;
    let scopes = scopes(&request.scopes)?;
    let ranges = request.addresses.unwrap_or_default();
    let ranges = ranges.iter().map(|text| range(text)).collect::<Result<Vec<_>, Problem>>()?;
    let public = request.public_key.as_deref().map(public_key).transpose()?;
    let id = app.command_id(None)?;
    let DrawnKey { name, secret, sealed } = app.backend.draw_api_key()?;
    let (credential, secret) = match public {
        Some(public) => (Credential::Ed25519 { public }, None),
        None => (Credential::Hmac { sealed }, Some(secret)),
    };
    let label = request.label.unwrap_or_default();
    let command = CreateApiKey { user, key: name.clone(), label, credential, scopes, ranges, reason };
    let effect = app.submit_as(caller.0, id, Change::CreateApiKey(Box::new(command))).await?;
    let Done::ApiKeyCreated { id: number } = effect.done else { return Err(effect.unexpected()) };
    let (index, command_id) = (effect.index, id.to_string());
    Ok(Committed(id, dto::ApiKeyCreated { id: number.0, key: name, secret, index, command_id }))
}

async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Name(user): Name,
    Body(request): Body<dto::RevokeApiKey>,
) -> Result<Committed<dto::ApiKeyRevoked>, Refused> {
    let user = user_id(&user)?;
    let reason = reason(request.reason)?;
    let id = app.command_id(request.command_id.as_deref())?;
    // A key that is revoked already is found too, so that a repeated command gets its first outcome.
    let found = app.read(Freshness::Linearizable, |state| {
        known_user(state, user)?;
        let keys = state.api_keys();
        let number = request.key.parse::<u32>().ok().map(ApiKeyId);
        let key = number.and_then(|number| keys.get(number)).or_else(|| keys.by_name(&request.key));
        let key = key.filter(|key| key.user == user);
        key.map(|key| key.id).ok_or_else(|| Rejection::ApiKeyUnknown.problem())
    });
    let key = found.await?.value;
    let effect = app.submit_as(caller.0, id, Change::RevokeApiKey(RevokeApiKey { id: key, reason })).await?;
    let Done::ApiKeyRevoked = effect.done else { return Err(effect.unexpected()) };
    Ok(Committed(id, dto::ApiKeyRevoked { id: key.0, index: effect.index, command_id: id.to_string() }))
}

fn view(key: &ApiKey) -> dto::ApiKey {
    let (kind, public_key) = match &key.credential {
        Credential::Hmac { .. } => ("hmac-sha256", None),
        Credential::Ed25519 { public } => ("ed25519", Some(public.iter().map(|byte| format!("{byte:02x}")).collect())),
    };
    dto::ApiKey {
        id: key.id.0,
        key: key.key.clone(),
        user: key.user.0,
        label: key.label.clone(),
        kind: kind.to_owned(),
        public_key,
        scopes: scope_words(key.scopes),
        addresses: key.ranges.iter().map(range_text).collect(),
        created_at: key.created_at.to_string(),
    }
}

fn scope_words(scopes: Scopes) -> Vec<String> {
    let words = [("read", scopes.read), ("trade", scopes.trade), ("withdraw", scopes.withdraw)];
    words.into_iter().filter(|(_, has)| *has).map(|(word, _)| word.to_owned()).collect()
}

fn scopes(words: &[String]) -> Result<Scopes, Problem> {
    let mut scopes = Scopes::default();
    for word in words {
        match word.as_str() {
            "read" => scopes.read = true,
            "trade" => scopes.trade = true,
            "withdraw" => scopes.withdraw = true,
            _ => return Err(Problem::new(Code::BadRequest, "`scopes` are of read, trade, withdraw")),
        }
    }
    if scopes == Scopes::default() {
        return Err(Problem::new(Code::BadRequest, "a key without `scopes` would be of no use"));
    }
    Ok(scopes)
}

/// `10.0.0.0/8`, or one address.
pub(super) fn range(text: &str) -> Result<Range, Problem> {
    let parsed = match text.split_once('/') {
        // A number may have a plus sign for Rust, but not for an operator.
        Some((address, prefix)) if prefix.bytes().all(|byte| byte.is_ascii_digit()) => {
            address.parse::<IpAddr>().ok().zip(prefix.parse::<u8>().ok())
        }
        Some(_) => None,
        None => text.parse::<IpAddr>().ok().map(|address| (address, if address.is_ipv4() { 32 } else { 128 })),
    };
    let range = parsed.and_then(|(address, prefix)| Range::new(address, prefix));
    range.ok_or_else(|| Problem::new(Code::BadRequest, "`addresses` are IP addresses, or ranges such as 10.0.0.0/8"))
}

pub(super) fn range_text(range: &Range) -> String {
    let address = std::net::Ipv6Addr::from(range.address);
    match address.to_ipv4_mapped().filter(|_| range.prefix >= 96) {
        Some(address) => format!("{address}/{}", range.prefix - 96),
        None => format!("{address}/{}", range.prefix),
    }
}

/// An Ed25519 public key: 64 hexadecimal digits, or PEM.
fn public_key(text: &str) -> Result<[u8; 32], Problem> {
    let wrong = || Problem::new(Code::BadRequest, "`public_key` is an Ed25519 public key in hexadecimal or PEM");
    let text = text.trim();
    let bytes = match text.strip_prefix("-----BEGIN PUBLIC KEY-----") {
        Some(rest) => {
            let body = rest.trim_end().strip_suffix("-----END PUBLIC KEY-----").ok_or_else(wrong)?;
            let body: String = body.split_whitespace().collect();
            let der = STANDARD.decode(body).map_err(|_| wrong())?;
            der.strip_prefix(ED25519_HEADER.as_slice()).ok_or_else(wrong)?.to_vec()
        }
        None => digits(text).ok_or_else(wrong)?,
    };
    bytes.try_into().map_err(|_| wrong())
}

fn digits(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: keys are read in both forms, and nothing else is a key. Method: the example of RFC 8410.
    #[test]
    fn public_keys_in_both_forms() {
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                   -----END PUBLIC KEY-----\n";
        let hex = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";
        assert_eq!(public_key(pem).unwrap(), public_key(hex).unwrap());
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                       -----END PRIVATE KEY-----";
        for text in ["", "19", &hex[..62], &format!("{hex}00"), private, "é", &pem.replace("MCow", "MCox")] {
            assert_eq!(public_key(text).unwrap_err().code, Code::BadRequest, "{text}");
        }
    }

    /// Goal: ranges read back as they are printed, and what is none is refused.
    #[test]
    fn ranges_read_back() {
        for (text, printed) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.3/32"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::1", "::1/128"),
        ] {
            assert_eq!(range_text(&range(text).unwrap()), printed);
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "host", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/"] {
            assert_eq!(range(text).unwrap_err().code, Code::BadRequest, "{text}");
        }
    }
}
