//! `/ui/`: the web console, to anyone; what it shows, it asks the other doors for, as whoever is signed in.
//!
//! Nothing of the page is read from the outside at run time: scripts come from the binary alone, styles that scripts put in carry
//! the load's nonce, and the page may talk to this cluster's nodes and to nobody else. The other nodes are in the policy so that a
//! page whose node is gone can look which of them is alive.

use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use exchequer_domain::{Code, Problem};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::app::App;
use crate::problem::{Page, Refused, text};
use crate::route::{Access, Route};

const NONCE_BYTES: usize = 16;
/// A browser may ask again for what never changes after a year.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub(crate) fn routes() -> Vec<Route> {
    vec![
        Route::with(axum::http::Method::GET, "/", enter).open_to(Access::Open),
        Route::with(axum::http::Method::GET, "/ui", enter).open_to(Access::Open),
        Route::with(axum::http::Method::GET, "/ui/", page).open_to(Access::Open),
        Route::with(axum::http::Method::GET, "/ui/{*path}", file).open_to(Access::Open),
    ]
}

async fn enter() -> Redirect {
    Redirect::temporary("/ui/")
}

/// A file of the console, or the page: the page's own addresses are no files.
async fn file(app: State<App>, Path(path): Path<String>, headers: HeaderMap) -> Result<Response<Body>, Refused> {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(asset) = exchequer_ui::asset(&path, accepted) else {
        if path.starts_with("assets/") {
            // A page of another release: an answer with the page would be run as a script.
            return Ok(StatusCode::NOT_FOUND.into_response());
        }
        return page(app).await;
    };
    let mut response = Response::new(Body::from(asset.bytes));
    response.extensions_mut().insert(Page);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let kept = if asset.is_immutable { FOR_EVER } else { "no-cache" };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    if let Some(encoding) = asset.encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}

async fn page(State(app): State<App>) -> Result<Response<Body>, Refused> {
    let mut bytes = [0; NONCE_BYTES];
    let drawn = SystemRandom::new().fill(&mut bytes);
    drawn.map_err(|_| Problem::new(Code::Internal, "the system gives no random bytes"))?;
    let nonce = BASE64_STANDARD.encode(bytes);
    let policy = policy(&nonce, &nodes(&app)?);
    let mut response = Response::new(Body::from(exchequer_ui::page(&nonce)));
    response.extensions_mut().insert(Page);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, text(&policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

/// The API addresses of all nodes, as the registry has them.
fn nodes(app: &App) -> Result<Vec<String>, Problem> {
    let mut addresses = Vec::new();
    app.backend.read(&mut |state, _, _| {
        addresses = state.registry().nodes().map(|node| node.api_address.to_string()).collect();
        Ok(())
    })?;
    Ok(addresses)
}

fn policy(nonce: &str, nodes: &[String]) -> String {
    let mut policy = format!(
        "default-src 'self'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; \
         object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; connect-src 'self'"
    );
    // A host and a port are all that an address may be; anything else would be a directive of its own.
    let is_plain =
        |address: &&String| address.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    for address in nodes.iter().filter(is_plain) {
        // Writing to a text does not fail.
        let _ = write!(policy, " https://{address}");
    }
    policy
}

#[cfg(test)]
mod tests {
    use exchequer_domain::{AdminId, ChainAddress, ClusterId, Network, Timestamp, UserId};
    use exchequer_state::approvals::{ApprovalKeyId, ProposalId, approval_bytes, confirmation_bytes};
    use exchequer_state::ledger::Asset;
    use exchequer_state::withdrawals::{FeeMode, Order, WithdrawalId, consent_bytes, payment_hash};
    use serde_json::Value;

    use super::*;

    /// Goal: an address cannot say anything else in the policy. Method: one that would.
    #[test]
    fn addresses_are_no_directives() {
        let policy = policy("bm9uY2U=", &["10.0.0.1:8640".into(), "x; script-src *".into(), "[::1]:8640".into()]);
        assert!(policy.ends_with("connect-src 'self' https://10.0.0.1:8640 https://[::1]:8640"), "{policy}");
        assert_eq!(policy.matches("script-src").count(), 1, "{policy}");
        assert!(policy.contains("style-src 'self' 'nonce-bm9uY2U='"), "{policy}");
    }

    /// Goal: what the page signs is what the node checks. Method: the payments, consents, approvals and confirmations that the page's
    /// own tests make (`ui/src/api/signing.test.ts`), made here by the state's code.
    #[test]
    fn the_page_signs_what_the_state_checks() {
        let golden: Value = serde_json::from_str(include_str!("../../../ui/tests/signing.json")).unwrap();
        let cluster: ClusterId = parsed(&golden["cluster"]);
        let mut first = None;
        for payment in golden["payments"].as_array().unwrap() {
            let network = parsed::<Network>(&payment["network"]);
            let order = Order {
                user: UserId(1),
                client_id: String::new(),
                asset: Asset(u32::try_from(payment["asset_number"].as_u64().unwrap()).unwrap()),
                network,
                to: ChainAddress::canonical(payment["address"].as_str().unwrap()).unwrap(),
                memo: payment["memo"].as_str().map(ToOwned::to_owned),
                amount: 0,
                mode: FeeMode::Deduct,
            };
            let on_chain = payment["on_chain"].as_str().unwrap().parse().unwrap();
            let cap = payment["fee_cap"].as_str().unwrap().parse().unwrap();
            let hash = payment_hash(&order, on_chain, cap);
            assert_eq!(hash.to_string(), payment["hash"].as_str().unwrap(), "{payment}");
            first.get_or_insert(hash);
        }
        let hash = first.unwrap();
        let number = |part: &str, name: &str| golden[part][name].as_u64().unwrap();
        let moment = |part: &str, name: &str| Timestamp(golden[part][name].as_u64().unwrap());
        let small = |part: &str, name: &str| u32::try_from(number(part, name)).unwrap();
        let consent =
            consent_bytes(cluster, WithdrawalId(number("consent", "withdrawal")), hash, moment("consent", "until_us"));
        assert_eq!(hex::encode(consent), golden["consent"]["bytes"].as_str().unwrap());
        let approval =
            approval_bytes(cluster, ProposalId(number("approval", "proposal")), hash, moment("approval", "expires_us"));
        assert_eq!(hex::encode(approval), golden["approval"]["bytes"].as_str().unwrap());
        let public: [u8; 32] =
            hex::decode(golden["confirmation"]["public_key"].as_str().unwrap()).unwrap().try_into().unwrap();
        let (key, admin) = (ApprovalKeyId(small("confirmation", "key")), AdminId(small("confirmation", "admin")));
        let confirmation = confirmation_bytes(cluster, key, admin, &public);
        assert_eq!(hex::encode(confirmation), golden["confirmation"]["bytes"].as_str().unwrap());
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
        value.as_str().unwrap().parse().unwrap()
    }
}
