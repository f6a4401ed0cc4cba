//! The exchange as one trader's program sees it: signed requests of the spot dialect, at whichever node answers.
//!
//! A lost answer is not a failure. It is [`Answer::Unknown`] until the order was asked for by the name that it was given,
//! at another node if need be.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use ring::hmac;
use serde_json::Value;

use super::https::{Connection, Response, Trust};
use crate::stop::Stop;

/// Pause before a node is asked again that could not answer.
const BACK_OFF: Duration = Duration::from_millis(250);
/// Longest wait that is taken on trust from a node.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// An order that was not there so many times in a row, a pause apart, was not entered.
const MISSING_MAX: u32 = 2;

/// The dialect's code for an outcome that nobody knows.
const UNKNOWN: i64 = -1007;
/// Its code for a cluster that takes nothing at the moment.
const BUSY: i64 = -1008;
/// Its codes for an order, and for a list of orders, that is not there.
const MISSING: [i64; 2] = [-2013, -2018];

/// What a trader's requests are signed with.
pub(crate) struct Key {
    name: String,
    secret: hmac::Key,
}

impl Key {
    /// The key of this name with its secret.
    pub(crate) fn new(name: &str, secret: &str) -> Key {
        Key { name: name.to_owned(), secret: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()) }
    }

    /// The signature of a text, hexadecimal.
    fn sign(&self, text: &str) -> String {
        hmac::sign(&self.secret, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// It was done.
    Done(Value),
    /// It was not, and nothing else was: the dialect's code, and the body.
    Refused(i64, Value),
    /// Nobody knows.
    Unknown,
    /// No node was there to send it to.
    Nobody,
}

/// What the whole crowd did, counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Orders that are known to have been entered.
    pub(crate) entered: AtomicU64,
    /// Orders and pairs that were cancelled.
    pub(crate) cancelled: AtomicU64,
    /// Orders that were refused, for whatever reason.
    pub(crate) refused: AtomicU64,
    /// Requests whose answer was lost.
    pub(crate) lost: AtomicU64,
    /// Those of them that were asked for since, and are known now.
    pub(crate) settled: AtomicU64,
}

/// Adds one.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// A way to the exchange.
pub(crate) struct Door {
    trust: Trust,
    nodes: Vec<SocketAddrV4>,
    /// Which node is asked at the moment.
    at: usize,
    from: Ipv4Addr,
    key: Option<Key>,
    connection: Option<Connection>,
    tally: Arc<Tally>,
}

/// The parameters of a request. None of the crowd's values needs percent encoding, except where it is written so.
pub(crate) type Params = Vec<(&'static str, String)>;

fn query(params: &[(&'static str, String)]) -> String {
    params.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()
}

impl Door {
    /// A way that begins at node `first` and goes on to the next one whenever it is lost; `from` is the address that it
    /// is gone from.
    pub(crate) fn new(
        trust: &Trust,
        nodes: &[SocketAddrV4],
        first: usize,
        from: Ipv4Addr,
        key: Option<Key>,
        tally: &Arc<Tally>,
    ) -> Door {
        let (trust, nodes, tally) = (trust.clone(), nodes.to_vec(), Arc::clone(tally));
        Door { trust, nodes, at: first, from, key, connection: None, tally }
    }

    fn leave(&mut self) {
        self.connection = None;
        self.at = (self.at + 1) % self.nodes.len().max(1);
    }

    /// Connects to the first node that lets it, from the present one on.
    fn connect(&mut self) -> bool {
        if self.connection.as_ref().is_some_and(Connection::is_over) {
            self.connection = None;
        }
        for _ in 0..self.nodes.len() {
            if self.connection.is_some() {
                return true;
            }
            let Some(node) = self.nodes.get(self.at) else { return false };
            match Connection::open(&self.trust, self.from, *node) {
                Ok(connection) => self.connection = Some(connection),
                Err(_) => self.leave(),
            }
        }
        self.connection.is_some()
    }

    /// Sends one request to one node.
    ///
    /// # Errors
    /// Stopped while it waited as long as the node told it to.
    pub(crate) fn call(&mut self, stop: &Stop, method: &str, path: &str, params: &Params) -> Result<Answer> {
        if !self.connect() {
            stop.pause(BACK_OFF)?;
            return Ok(Answer::Nobody);
        }
        let mut text = query(params);
        let mut headers = Vec::new();
        if let Some(key) = &self.key {
            let more = format!("timestamp={}", now_ms());
            text = if text.is_empty() { more } else { format!("{text}&{more}") };
            text = format!("{text}&signature={}", key.sign(&text));
            headers.push(("X-MBX-APIKEY", key.name.as_str()));
        }
        let target = if text.is_empty() { path.to_owned() } else { format!("{path}?{text}") };
        let Some(connection) = &mut self.connection else { return Ok(Answer::Nobody) };
        let Ok(response) = connection.send(method, &target, &headers) else {
            self.leave();
            count(&self.tally.lost);
            return Ok(Answer::Unknown);
        };
        let answer = judge(&response);
        match &answer {
            Answer::Unknown => {
                self.leave();
                count(&self.tally.lost);
            }
            Answer::Refused(code, _) => {
                if let Some(seconds) = response.retry_after {
                    stop.pause(Duration::from_secs(seconds).min(WAIT_MAX))?;
                } else if *code == BUSY {
                    self.leave();
                    stop.pause(BACK_OFF)?;
                }
            }
            Answer::Done(_) | Answer::Nobody => {}
        }
        Ok(answer)
    }

    /// Enters an order under a name; what the exchange says of it, or the code of the refusal. However many answers are
    /// lost, it is known in the end.
    ///
    /// # Errors
    /// Stopped.
    pub(crate) fn enter(
        &mut self,
        stop: &Stop,
        path: &str,
        params: &Params,
        of: &Named<'_>,
    ) -> Result<Result<Value, i64>> {
        let found = match self.call(stop, "POST", path, params)? {
            Answer::Done(order) => Ok(order),
            Answer::Refused(code, body) => {
                count(&self.tally.refused);
                return Ok(Err(sub_code(code, &body)));
            }
            Answer::Nobody => return Ok(Err(BUSY)),
            Answer::Unknown => {
                let found = self.find(stop, of)?;
                count(&self.tally.settled);
                found.ok_or(UNKNOWN)
            }
        };
        if found.is_ok() {
            count(&self.tally.entered);
        }
        Ok(found)
    }

    /// An order as the exchange has it, by its name.
    ///
    /// # Errors
    /// Stopped.
    pub(crate) fn find(&mut self, stop: &Stop, of: &Named<'_>) -> Result<Option<Value>> {
        let mut missing = 0;
        loop {
            match self.call(stop, "GET", of.path(), &of.params("origClientOrderId"))? {
                Answer::Done(order) => return Ok(Some(order)),
                Answer::Refused(code, _) if MISSING.contains(&code) => {
                    missing += 1;
                    if missing == MISSING_MAX {
                        return Ok(None);
                    }
                }
                Answer::Refused(..) | Answer::Unknown | Answer::Nobody => {}
            }
            stop.pause(BACK_OFF)?;
        }
    }

    /// Cancels an order, or makes sure that it is gone.
    ///
    /// # Errors
    /// Stopped.
    pub(crate) fn cancel(&mut self, stop: &Stop, of: &Named<'_>) -> Result<()> {
        let name = if of.is_list { "listClientOrderId" } else { "origClientOrderId" };
        loop {
            match self.call(stop, "DELETE", of.path(), &of.params(name))? {
                Answer::Done(_) => {
                    count(&self.tally.cancelled);
                    return Ok(());
                }
                Answer::Refused(BUSY, _) | Answer::Unknown | Answer::Nobody => stop.pause(BACK_OFF)?,
                // It is over: filled, or ended by an earlier try whose answer was lost.
                Answer::Refused(..) => return Ok(()),
            }
        }
    }
}

/// An order, or a list of two, by the name that it was given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    pub(crate) symbol: &'static str,
    pub(crate) name: &'a str,
    pub(crate) is_list: bool,
}

impl Named<'_> {
    fn path(&self) -> &'static str {
        if self.is_list { "/api/v3/orderList" } else { "/api/v3/order" }
    }

    fn params(&self, name: &'static str) -> Params {
        let mut params = vec![(name, self.name.to_owned())];
        // A list is looked up by its name alone.
        if !self.is_list || name == "listClientOrderId" {
            params.push(("symbol", self.symbol.to_owned()));
        }
        params
    }
}

fn judge(response: &Response) -> Answer {
    let body: Option<Value> = serde_json::from_slice(&response.body).ok();
    match (response.status, body) {
        (200..300, Some(body)) => Answer::Done(body),
        // Done, but what was done cannot be read.
        (200..300, None) | (504, _) => Answer::Unknown,
        (_, body) => {
            let body = body.unwrap_or_default();
            match body.get("code").and_then(Value::as_i64) {
                Some(UNKNOWN) => Answer::Unknown,
                Some(code) => Answer::Refused(code, body),
                None => Answer::Unknown,
            }
        }
    }
}

/// The code that tells why: a request that does two things has one for each of them inside of its own.
fn sub_code(code: i64, body: &Value) -> i64 {
    let inside = |half: &str| body.pointer(&format!("/data/{half}/code")).and_then(Value::as_i64);
    inside("newOrderResponse").or_else(|| inside("cancelResponse")).unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn response(status: u16, body: &str) -> Response {
        Response { status, retry_after: None, body: body.as_bytes().to_vec() }
    }

    /// Goal: requests are signed as every client of the dialect signs them. Method: the example of its documentation.
    #[test]
    fn the_documented_example_is_signed() {
        let key = Key::new("k", "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j");
        let params: Params = [
            ("symbol", "LTCBTC"),
            ("side", "BUY"),
            ("type", "LIMIT"),
            ("timeInForce", "GTC"),
            ("quantity", "1"),
            ("price", "0.1"),
            ("recvWindow", "5000"),
            ("timestamp", "1499827319559"),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .to_vec();
        let right = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
        assert_eq!(key.sign(&query(&params)), right);
    }

    /// Goal: only a refusal that says that nothing happened is one; whatever else is not understood is unknown. Method:
    /// answers of each kind.
    #[test]
    fn answers_are_judged() {
        let refused = |code: i64| Answer::Refused(code, json!({"code": code, "msg": "x"}));
        for (status, body, answer) in [
            (200, r#"{"a":1}"#, Answer::Done(json!({"a": 1}))),
            (200, r#"{"a":"#, Answer::Unknown),
            (504, r#"{"code":-1007,"msg":"x"}"#, Answer::Unknown),
            (504, "", Answer::Unknown),
            (500, "oops", Answer::Unknown),
            (400, r#"{"code":-2010,"msg":"x"}"#, refused(-2010)),
            (503, r#"{"code":-1008,"msg":"x"}"#, refused(-1008)),
        ] {
            assert_eq!(judge(&response(status, body)), answer, "{status} {body}");
        }
        let halves = json!({"code": -2021, "data": {"cancelResponse": {}, "newOrderResponse": {"code": -2010}}});
        assert_eq!(sub_code(-2021, &halves), -2010);
        assert_eq!(
            sub_code(-2022, &json!({"data": {"cancelResponse": {"code": -2011}, "newOrderResponse": null}})),
            -2011
        );
        assert_eq!(sub_code(-2010, &json!({})), -2010);
    }
}
