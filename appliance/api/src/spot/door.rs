//! The way of every request of the dialect: weight, parameters, key, moment, signature, and then what was asked for.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method};
use axum::response::{IntoResponse as _, Response};
use exchequer_domain::UserId;
use exchequer_state::api_keys::ApiKeyId;
use serde_json::Value;

use super::arg::{Arg, SIGNED};
use super::error::{Error, Ours, too_long};
use super::keys::{self, Scope};
use super::params::{BYTES_MAX, Params};
use super::sign::{self, Imprint};
use super::weights::Orders;
use crate::app::App;
use crate::problem::text;
use crate::route::{Access, ClientAddress, Route};

const KEY: HeaderName = HeaderName::from_static("x-mbx-apikey");
const WEIGHT: HeaderName = HeaderName::from_static("x-mbx-used-weight-1m");
const WEIGHT_PLAIN: HeaderName = HeaderName::from_static("x-mbx-used-weight");
const ORDERS_10S: HeaderName = HeaderName::from_static("x-mbx-order-count-10s");
const ORDERS_DAY: HeaderName = HeaderName::from_static("x-mbx-order-count-1d");

/// What a request must show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Nothing: market data.
    Nothing,
    /// A signature of a key that may read.
    Read,
    /// A signature of a key that may trade.
    Trade,
    /// A signature of a key that may withdraw.
    Withdraw,
}

/// How much of a kind was made for a request: each has a number in it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Made {
    pub(crate) commands: u8,
    pub(crate) names: u8,
}

/// A request that may be answered.
pub(crate) struct Call {
    pub(crate) app: App,
    pub(crate) params: Params,
    /// What follows the last stroke of the path, for addresses that end with a name.
    pub(crate) tail: String,
    /// Whose request it is; zero, which is nobody, where it needs no key.
    pub(crate) user: UserId,
    /// The key that signed it; zero, which is none, where it needs none.
    pub(crate) key: ApiKeyId,
    /// What makes it the same request when it comes again.
    pub(crate) imprint: Imprint,
    /// Commands and names that were made for it so far.
    pub(crate) made: Made,
    pub(crate) now_ms: u64,
    /// What the account has used up, where orders were counted.
    pub(crate) orders: Option<Orders>,
}

impl Call {
    /// Counts orders that are about to be entered.
    pub(crate) fn count_orders(&mut self, count: u32) -> Result<(), Error> {
        self.orders =
            Some(self.app.spot.weights.orders(self.user, count, &self.app.limits(self.now_ms), self.now_ms)?);
        Ok(())
    }
}

pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = Result<Value, Error>> + Send + 'a>>;
/// What a request weighs, by what it asks.
pub(crate) type Weight = fn(&mut Params) -> u32;
pub(crate) type Handler = for<'a> fn(&'a mut Call) -> Answer<'a>;

/// The outer form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gives {
    /// Fields.
    Object,
    /// Items.
    List,
    /// Fields for one market, items for several.
    Either,
    /// A whole number.
    Number,
}

/// One method of one path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Endpoint {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    /// What the WebSocket API calls it, where it has it.
    pub(crate) name: Option<&'static str>,
    pub(crate) needs: Needs,
    pub(crate) weight: Weight,
    pub(crate) handler: Handler,
    /// What it is for, in a line.
    pub(crate) summary: &'static str,
    /// Its parameters; a signed request's own ones are not among them.
    pub(crate) args: &'static [&'static [Arg]],
    /// The outer form of its answer.
    pub(crate) gives: Gives,
}

impl Endpoint {
    /// One that needs no key.
    pub(crate) const fn open(
        path: &'static str,
        name: Option<&'static str>,
        weight: Weight,
        handler: Handler,
    ) -> Endpoint {
        Endpoint {
            method: "GET",
            path,
            name,
            needs: Needs::Nothing,
            weight,
            handler,
            summary: "",
            args: &[],
            gives: Gives::Object,
        }
    }

    /// What it is for, in a line.
    pub(crate) const fn says(self, summary: &'static str) -> Endpoint {
        Endpoint { summary, ..self }
    }

    /// Its parameters.
    pub(crate) const fn takes(self, args: &'static [&'static [Arg]]) -> Endpoint {
        Endpoint { args, ..self }
    }

    /// The outer form of its answer.
    pub(crate) const fn gives(self, gives: Gives) -> Endpoint {
        Endpoint { gives, ..self }
    }

    /// Whether it takes a parameter of this name.
    pub(crate) fn knows(&self, name: &str) -> bool {
        let mut args = self.args.iter().copied().flatten();
        args.any(|arg| arg.name == name) || (self.needs != Needs::Nothing && SIGNED.iter().any(|arg| arg.name == name))
    }

    pub(crate) fn route(&'static self) -> Route {
        let method = Method::from_bytes(self.method.as_bytes()).unwrap_or(Method::GET);
        let serve = move |State(app): State<App>, request: Request| serve(app, self, request);
        Route::with(method, self.path, serve).open_to(Access::ApiKey)
    }
}

async fn serve(app: App, endpoint: &'static Endpoint, request: Request) -> Response {
    let now_ms = app.backend.now_ms();
    let (parts, body) = request.into_parts();
    let address = parts.extensions.get::<ClientAddress>().map(|ClientAddress(address)| address.ip());
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let form = to_bytes(body, BYTES_MAX).await.map_err(|_| too_long());
    let params = form.and_then(|form| Ok((Params::new(query.as_bytes(), &form)?.of(endpoint), form)));
    // What cannot be read is counted too.
    let (weight, params) = match params {
        Ok((mut params, form)) => ((endpoint.weight)(&mut params), Ok((params, form))),
        Err(error) => (1, Err(error)),
    };
    let counted = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let (used, allowed) = app.spot.weights.request(counted, weight, &app.limits(now_ms), now_ms);
    let mut orders = None;
    let answer = match (allowed, params) {
        (Err(error), _) | (Ok(()), Err(error)) => Err(error),
        (Ok(()), Ok((params, form))) => {
            let seen = Seen { headers: &parts.headers, address, query: query.as_bytes(), form: &form };
            match admit(&app, endpoint.needs, params, seen, now_ms) {
                Err(error) => Err(error),
                Ok((params, Caller { key, user, imprint })) => {
                    let made = Made::default();
                    let tail = parts.uri.path().rsplit('/').next().unwrap_or_default().to_owned();
                    let app = app.clone();
                    let mut call = Call { app, params, tail, user, key, imprint, made, now_ms, orders: None };
                    let answer = (endpoint.handler)(&mut call).await;
                    orders = call.orders;
                    answer
                }
            }
        }
    };
    let mut response = match answer {
        Ok(value) => Json(value).into_response(),
        Err(error) => error.into_response(),
    };
    response.extensions_mut().insert(Ours);
    let headers = response.headers_mut();
    headers.insert(WEIGHT, text(&used.to_string()));
    headers.insert(WEIGHT_PLAIN, text(&used.to_string()));
    if let Some(Orders { ten_seconds, day }) = orders {
        headers.insert(ORDERS_10S, text(&ten_seconds.to_string()));
        headers.insert(ORDERS_DAY, text(&day.to_string()));
    }
    response
}

/// What a request came with.
struct Seen<'a> {
    headers: &'a HeaderMap,
    address: Option<IpAddr>,
    query: &'a [u8],
    form: &'a [u8],
}

/// Whose request it is, and what makes it the one that it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) key: ApiKeyId,
    pub(crate) user: UserId,
    pub(crate) imprint: Imprint,
}

impl Caller {
    /// Of a request that needs no key.
    pub(crate) fn nobody(app: &App) -> Caller {
        Caller { key: ApiKeyId(0), user: UserId(0), imprint: Imprint::drawn(app.backend.new_id()) }
    }
}

/// The parameters of a request that shows what it needs to, and whose it is.
fn admit(app: &App, needs: Needs, mut params: Params, seen: Seen<'_>, now_ms: u64) -> Result<(Params, Caller), Error> {
    let scope = match needs {
        Needs::Nothing => return Ok((params, Caller::nobody(app))),
        Needs::Read => Scope::Read,
        Needs::Trade => Scope::Trade,
        Needs::Withdraw => Scope::Withdraw,
    };
    let key = seen.headers.get(KEY).ok_or_else(|| Error::new(-2014, "API-key format invalid."))?;
    let name = key.to_str().map_err(|_| Error::new(-2014, "API-key format invalid."))?;
    sign::check_time(&mut params, now_ms)?;
    let signature = params.required("signature")?.to_owned();
    let shown = keys::find(app, name, seen.address, scope)?;
    let payload = sign::payload(seen.query, seen.form);
    shown.proof.verify(&payload, &signature)?;
    Ok((params, Caller { key: shown.key, user: shown.user, imprint: Imprint::of(shown.key, &payload) }))
}
