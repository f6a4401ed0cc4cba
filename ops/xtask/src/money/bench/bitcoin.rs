//! Withdrawals on Bitcoin, which are paid in batches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use exchequer_test_nodes::Bitcoin;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::super::places::units;
use super::asking::{ask, lock};
use super::house::{House, Terms};
use super::report::{Report, rate};
use super::{Args, checks, costs};
use crate::demo::cluster::Cluster;
use crate::say;
use crate::stop::Stop;

/// How long until what waits is paid and in the books.
const DRAIN_LIMIT: Duration = Duration::from_secs(900);
/// Coins that the hot wallet begins with, for each of its addresses, and how large each is.
const COINS_EACH: usize = 10;
const COIN: &str = "0.5";

const TERMS: Terms = Terms {
    network: "bitcoin",
    amount: "0.0002",
    fee: "0.00005",
    least: "0.0001",
    confirmations: ["1", "2"],
    purse: 2,
    of_one_user: 500,
};

/// Makes blocks for as long as it lives.
struct Miner {
    halt: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Miner {
    fn start(runtime: &Runtime, node: Arc<Mutex<Bitcoin>>, every: Duration) -> Result<Miner> {
        let (halt, handle) = (Stop::new(), runtime.handle().clone());
        let halted = halt.clone();
        let work = move || {
            while halted.pause(every).is_ok() {
                // One that fails is made the next time.
                let _mined = handle.block_on(lock(&node).mine(1));
            }
        };
        Ok(Miner { halt, thread: Some(std::thread::Builder::new().name("miner".to_owned()).spawn(work)?) })
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.halt.now();
        // One that panicked has said so.
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}

/// Has withdrawals wait, and then their worker run.
///
/// # Errors
/// One is refused, not sent, or not paid exactly once.
pub(super) fn drain(cluster: &mut Cluster, args: &Args, stop: &Stop, report: &mut Report) -> Result<()> {
    let count = args.count();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let node = runtime.block_on(async {
        let node = Bitcoin::start().await?;
        node.fund().await?;
        anyhow::Ok(node)
    })?;
    let (url, direct) = (node.url(), node.direct().clone());
    let node = Arc::new(Mutex::new(node));
    let ask_node = |method: &str, params: Value| runtime.block_on(direct.call(method, params));
    let house = House::open(cluster, TERMS, &url, count, stop)?;
    let mut txs = Vec::new();
    for address in &house.hot {
        for _ in 0..COINS_EACH {
            txs.push(runtime.block_on(lock(&node).pay(address, COIN))?);
        }
        // The payer spends its own change, and no node takes a long row of transactions that wait for each other.
        runtime.block_on(lock(&node).mine(1))?;
    }
    let _miner = Miner::start(&runtime, node, Duration::from_millis(args.block_ms))?;
    house.take(&txs)?;
    let stranger = |_| Ok(ask_node("getnewaddress", json!(["", "bech32"]))?.as_str().context("no address")?.to_owned());
    let to: Vec<String> = (0..count).map(stranger).collect::<Result<_>>()?;
    let asked = ask(&house, 0, &to, None)?;
    report.say("withdrawals that waited", asked.len());
    say::line(format_args!("{} withdrawals wait", asked.len()));
    let (busy, begun) = (costs::busy()?, Instant::now());
    house.start_paying()?;
    checks::wait_for_end(&house, DRAIN_LIMIT)?;
    let took = begun.elapsed();
    let spent = costs::between(&busy, &costs::busy()?);
    report.say("from the worker's start until all are completed", took);
    report.say("completed, from the worker's start", rate(count, took));
    let pays = |text| units(text, 8).context("an amount that is none");
    let due = pays(TERMS.amount)? - pays(TERMS.fee)?;
    let held: BTreeMap<String, u128> = received(&ask_node("listreceivedbyaddress", json!([1, false]))?)?;
    for address in &to {
        let has = held.get(address).copied().unwrap_or(0);
        if has != due {
            bail!("{address} was to have {due} and has {has}");
        }
    }
    report.say("paid exactly once, by the chain", to.len());
    let txs = checks::check(&house, count, report)?;
    report.say("transactions", txs.len());
    let mut sizes: Vec<usize> = txs.values().copied().collect();
    sizes.sort_unstable_by_key(|size| std::cmp::Reverse(*size));
    report.say("withdrawals in each, the largest first", format!("{sizes:?}"));
    for (name, time) in spent {
        let share = time.as_micros() * 1_000 / took.as_micros().max(1);
        report.say(format!("processor time of {name}"), format!("{}.{:03} of one", share / 1_000, share % 1_000));
    }
    Ok(())
}

/// What each address was ever paid, in the smallest units, by the node's own list. An amount that is written in another way than all
/// of ours is somebody else's.
fn received(list: &Value) -> Result<BTreeMap<String, u128>> {
    let row = |row: &Value| {
        let address = row.get("address")?.as_str()?.to_owned();
        Some((address, units(&row.get("amount")?.to_string(), 8)?))
    };
    Ok(list.as_array().context("no list of addresses")?.iter().filter_map(row).collect())
}
