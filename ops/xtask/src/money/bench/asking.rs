//! Requests for withdrawals, over HTTP, as any program sends them.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};

use super::house::House;
use crate::crowd::https::{Connection, Trust};

/// Connections by which requests are sent at a steady pace, and as fast as they are answered.
pub(super) const STEADY_LANES: usize = 16;
pub(super) const FAST_LANES: usize = 24;

/// A withdrawal that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) at: usize,
    /// When it was to be sent. Where the sender was late, that counts.
    pub(super) due: Instant,
    pub(super) answered: Duration,
}

/// Where this one goes: an address that nobody used before.
pub(super) fn stranger(at: usize) -> [u8; 20] {
    let hash = exchequer_test_nodes::shim::keccak(format!("measured {at}").as_bytes());
    let mut account = [0; 20];
    account.copy_from_slice(&hash[12..]);
    account
}

/// Asks for one withdrawal to each of these addresses, numbered from `first` on, `pace` after each other, or as fast as they are
/// answered where it is none.
///
/// # Errors
/// One is refused.
pub(super) fn ask(house: &House, first: usize, to: &[String], pace: Option<Duration>) -> Result<Vec<Asked>> {
    let lanes = if pace.is_some() { STEADY_LANES } else { FAST_LANES };
    let trust = Trust::of(&house.access.ca)?;
    let nodes: Vec<SocketAddrV4> =
        house.access.address.split(',').map(|node| node.parse().context("a node's address")).collect::<Result<_>>()?;
    let token = std::fs::read_to_string(&house.access.token_file)?;
    let bearer = format!("Bearer {}", token.trim());
    let (next, all, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(None));
    let begun = Instant::now() + Duration::from_millis(200);
    std::thread::scope(|scope| {
        for lane in 0..lanes {
            let (trust, nodes, bearer, next, all, failed) = (&trust, &nodes, &bearer, &next, &all, &failed);
            scope.spawn(move || {
                let work = || -> Result<()> {
                    let node = nodes.get(lane % nodes.len().max(1)).context("no node")?;
                    let mut line = Connection::open(trust, Ipv4Addr::LOCALHOST, *node)?;
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(to) = to.get(at) else { return Ok(()) };
                        if lock(failed).is_some() {
                            return Ok(());
                        }
                        let due =
                            pace.map_or_else(Instant::now, |pace| begun + pace * u32::try_from(at).unwrap_or(u32::MAX));
                        house.stop.pause(due.saturating_duration_since(Instant::now()))?;
                        let number = first + at;
                        one(house, &mut line, bearer, number, to).with_context(|| format!("withdrawal {number}"))?;
                        lock(all).push(Asked { at: number, due, answered: due.elapsed() });
                    }
                };
                if let Err(error) = work() {
                    lock(failed).get_or_insert(error);
                }
            });
        }
    });
    if let Some(error) = failed.into_inner().map_err(|_| anyhow!("a thread panicked"))? {
        return Err(error);
    }
    let mut all = all.into_inner().map_err(|_| anyhow!("a thread panicked"))?;
    all.sort_unstable_by_key(|asked: &Asked| asked.at);
    Ok(all)
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn one(house: &House, line: &mut Connection, bearer: &str, at: usize, to: &str) -> Result<()> {
    let user = house.users.get(at % house.users.len().max(1)).context("no user")?;
    let body = json!({
        "client_id": format!("measured-{at}"),
        "asset": house.place.coin.asset,
        "network": house.place.network,
        "address": to,
        "amount": house.terms.amount,
        "command_id": format!("{:032x}", 0xbec0_0000_u64 + at as u64),
    });
    let headers = [("Authorization", bearer), ("Content-Type", "application/json")];
    let response = line.send_body("POST", &format!("/v1/users/{user}/withdrawals"), &headers, &body.to_string())?;
    if response.status != 200 {
        bail!("refused with {}: {}", response.status, String::from_utf8_lossy(&response.body));
    }
    Ok(())
}

/// Reads as an operator does.
pub(super) struct Reader<'a> {
    house: &'a House,
    line: Connection,
    bearer: String,
}

impl Reader<'_> {
    /// A reader of any node.
    ///
    /// # Errors
    /// No node answers.
    pub(super) fn open(house: &House) -> Result<Reader<'_>> {
        let trust = Trust::of(&house.access.ca)?;
        let node = house.access.address.split(',').next().context("no node")?.parse()?;
        let token = std::fs::read_to_string(&house.access.token_file)?;
        let line = Connection::open(&trust, Ipv4Addr::LOCALHOST, node)?;
        Ok(Reader { house, line, bearer: format!("Bearer {}", token.trim()) })
    }

    fn get(&mut self, target: &str) -> Result<Value> {
        let response = self.line.send_body("GET", target, &[("Authorization", &self.bearer)], "")?;
        if response.status != 200 {
            bail!("{target}: {}: {}", response.status, String::from_utf8_lossy(&response.body));
        }
        Ok(serde_json::from_slice(&response.body)?)
    }

    /// Whether some withdrawal is in this stage.
    ///
    /// # Errors
    /// The node does not say.
    pub(super) fn any_in(&mut self, stage: &str) -> Result<bool> {
        let target = format!("/v1/withdrawals?network={}&state={stage}&limit=1", self.house.place.network);
        let answer = self.get(&target)?;
        Ok(!answer.get("withdrawals").and_then(Value::as_array).context("no list of withdrawals")?.is_empty())
    }

    /// Every withdrawal of the users: its state, its address and its transaction.
    ///
    /// # Errors
    /// The node does not say.
    pub(super) fn all(&mut self) -> Result<Vec<[String; 3]>> {
        let mut found = Vec::new();
        for user in self.house.users.clone() {
            let mut before = None;
            loop {
                let from = before.map_or_else(String::new, |before: u64| format!("&before={before}"));
                let answer = self.get(&format!("/v1/users/{user}/withdrawals?limit=100{from}"))?;
                let rows = answer.get("withdrawals").and_then(Value::as_array).context("no list of withdrawals")?;
                let text = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                found.extend(rows.iter().map(|row| ["state", "address", "tx"].map(|key| text(row, key))));
                before = answer.get("next_before").and_then(Value::as_u64);
                if before.is_none() {
                    break;
                }
            }
        }
        Ok(found)
    }
}
