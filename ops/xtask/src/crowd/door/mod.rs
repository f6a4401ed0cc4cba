//! The exchange as one trader's program sees it: signed requests of the spot dialect, at whichever node answers.
//!
//! A lost answer is not a failure. It is [`Answer::Unknown`] until the order was asked for by the name that it was given,
//! at another node if need be.

mod answer;
#[cfg(test)]
mod tests;

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use ring::hmac;
use serde_json::Value;

pub(crate) use self::answer::Answer;
use self::answer::{BUSY, MISSING, UNKNOWN, judge, sub_code};
use super::https::{Line, Opener};
use crate::stop::Stop;

/// Pause before a node is asked again that could not answer.
const BACK_OFF: Duration = Duration::from_millis(250);
/// Longest wait that is taken on trust from a node.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// An order that was not there so many times in a row, a pause apart, was not entered.
const MISSING_MAX: u32 = 2;

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
    opener: Opener,
    nodes: Vec<SocketAddrV4>,
    /// Which node is asked at the moment.
    at: usize,
    key: Option<Key>,
    line: Option<Box<dyn Line>>,
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
    /// A way that begins at node `first` and goes on to the next one whenever it is lost.
    pub(crate) fn new(
        opener: Opener,
        nodes: &[SocketAddrV4],
        first: usize,
        key: Option<Key>,
        tally: &Arc<Tally>,
    ) -> Door {
        Door { opener, nodes: nodes.to_vec(), at: first, key, line: None, tally: Arc::clone(tally) }
    }

    fn leave(&mut self) {
        self.line = None;
        self.at = (self.at + 1) % self.nodes.len().max(1);
    }

    /// Connects to the first node that lets it, from the present one on.
    fn connect(&mut self) -> bool {
        if self.line.as_ref().is_some_and(|line| line.is_over()) {
            self.line = None;
        }
        for _ in 0..self.nodes.len() {
            if self.line.is_some() {
                return true;
            }
            let Some(node) = self.nodes.get(self.at) else { return false };
            match (self.opener)(*node) {
                Ok(line) => self.line = Some(line),
                Err(_) => self.leave(),
            }
        }
        self.line.is_some()
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
        let Some(line) = &mut self.line else { return Ok(Answer::Nobody) };
        let Ok(response) = line.send(method, &target, &headers) else {
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
