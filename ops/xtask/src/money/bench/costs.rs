//! What stands beside the figures: what the disk takes, what anvil takes, and what the processor was busy with.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use exchequer_test_nodes::anvil::Options;
use exchequer_test_nodes::bare::Accepted;
use exchequer_test_nodes::rpc::Rpc;
use exchequer_test_nodes::shim::{Profile, read};
use exchequer_test_nodes::{Anvil, shim};
use serde_json::json;

use super::report::percentile;

/// Syncs that are timed.
const SYNCS: usize = 500;
/// Transactions that anvil is given.
const REPLAYED_MAX: usize = 4_000;
/// Each account is given so much, in wei: more than any run pays.
const RICH_WEI: u128 = 1_000_000_000_000_000_000_000_000;
/// Ticks of processor time in a second, as the kernel counts for programs.
const TICKS_PER_S: u64 = 100;

/// What one sync of a little that is appended takes on the disk of a folder, in the middle of many.
///
/// # Errors
/// The disk does not take it.
pub(super) fn sync_of_disk(folder: &Path) -> Result<Duration> {
    let path = folder.join("sync-of-disk");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begun = Instant::now();
        file.write_all(&[7; 300])?;
        file.sync_data()?;
        times.push(begun.elapsed());
    }
    fs::remove_file(&path)?;
    times.sort_unstable();
    Ok(percentile(&times, 5_000))
}

/// How many of these transactions a fresh anvil takes in what time, each account's one after the other, all accounts at once.
///
/// # Errors
/// Anvil is not installed, or refuses one.
pub(super) fn anvil(sent: &[Accepted], block_ms: u64) -> Result<(usize, Duration)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut lanes: BTreeMap<[u8; 20], BTreeMap<u64, &[u8]>> = BTreeMap::new();
    for one in sent.iter().take(REPLAYED_MAX) {
        let seen = read(&one.raw)?;
        lanes.entry(seen.sender).or_default().insert(seen.nonce, &one.raw);
    }
    // What has a gap before it would wait for ever.
    let lanes: Vec<([u8; 20], Vec<Vec<u8>>)> = lanes
        .into_iter()
        .map(|(from, own)| {
            let row = (0_u64..).zip(own).take_while(|(at, (nonce, _))| at == nonce).map(|(_, (_, raw))| raw.to_vec());
            (from, row.collect())
        })
        .collect();
    runtime.block_on(async {
        let anvil = Anvil::start(Options { block_ms: Some(block_ms), ..Options::from(Profile::Ethereum) }).await?;
        for (from, _) in &lanes {
            anvil.fund(&format!("0x{}", hex::encode(from)), RICH_WEI).await?;
        }
        let begun = Instant::now();
        let mut sending = tokio::task::JoinSet::new();
        for (_, raws) in lanes {
            let to = anvil.direct().clone();
            sending.spawn(async move { send(&to, &raws).await });
        }
        let mut taken = 0;
        while let Some(count) = sending.join_next().await {
            taken += count??;
        }
        Ok((taken, begun.elapsed()))
    })
}

async fn send(to: &Rpc, raws: &[Vec<u8>]) -> Result<usize> {
    for raw in raws {
        let name = to.call("eth_sendRawTransaction", json!([format!("0x{}", hex::encode(raw))])).await?;
        if name.as_str() != Some(format!("0x{}", hex::encode(shim::keccak(raw))).as_str()) {
            bail!("anvil names another transaction: {name}");
        }
    }
    Ok(raws.len())
}

/// Processor time, by what a process is.
pub(super) type Busy = BTreeMap<String, Duration>;

/// The processor time so far of this process and all that descend from it.
///
/// # Errors
/// The system tells of no processes.
pub(super) fn busy() -> Result<Busy> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc").context("no list of processes")?.flatten() {
        all.extend(process(&entry.path()));
    }
    let mut ours = vec![std::process::id()];
    loop {
        let more: Vec<u32> = all
            .iter()
            .filter(|one| ours.contains(&one.parent) && !ours.contains(&one.pid))
            .map(|one| one.pid)
            .collect();
        if more.is_empty() {
            break;
        }
        ours.extend(more);
    }
    let mut busy = Busy::new();
    for one in all.into_iter().filter(|one| ours.contains(&one.pid)) {
        *busy.entry(one.name).or_default() += one.time;
    }
    Ok(busy)
}

struct Process {
    pid: u32,
    parent: u32,
    name: String,
    time: Duration,
}

fn process(folder: &Path) -> Option<Process> {
    let pid = folder.file_name()?.to_str()?.parse().ok()?;
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let ticks = number(11)? + number(12)?;
    let words = fs::read(folder.join("cmdline")).ok()?;
    let words: Vec<String> =
        words.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let parent = u32::try_from(number(1)?).ok()?;
    Some(Process { pid, parent, name: named(&words), time: Duration::from_millis(ticks * 1_000 / TICKS_PER_S) })
}

/// What a process is, by the words that started it.
fn named(words: &[String]) -> String {
    let after = |flag: &str| words.iter().position(|word| word == flag).and_then(|at| words.get(at + 1));
    let last = |path: &String| path.rsplit('/').next().unwrap_or_default().to_owned();
    let has = |text: &str| words.iter().any(|word| word == text);
    if let Some(data) = after("--data-dir").filter(|_| has("server")) {
        return format!("node {}", last(data));
    }
    if let Some(data) = after("--data").filter(|_| has("signer")) {
        return format!("signer {}", last(data));
    }
    if let Some(worker) = words.iter().find(|word| word.contains("withdrawal/") || word.contains("deposit/")) {
        return worker.clone();
    }
    words.first().map(last).unwrap_or_default()
}

/// What was busy for how long between two moments, the busiest first.
pub(super) fn between(before: &Busy, after: &Busy) -> Vec<(String, Duration)> {
    let spent = |(name, time): (&String, &Duration)| {
        (name.clone(), time.saturating_sub(before.get(name).copied().unwrap_or_default()))
    };
    let mut all: Vec<(String, Duration)> = after.iter().map(spent).filter(|(_, time)| !time.is_zero()).collect();
    all.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: processes are told apart by what they do. Method: the words by which they are started.
    #[test]
    fn processes_have_names() {
        let of = |text: &str| named(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("/b/exchequer server --data-dir /d/n2"), "node n2");
        assert_eq!(of("exchequer-signer signer --data /d/n1 --socket /d/n1/vault/signer.sock"), "signer n1");
        assert_eq!(of("/b/exchequer worker run withdrawal/ethereum-1"), "withdrawal/ethereum-1");
        assert_eq!(of("/usr/bin/bitcoind -regtest"), "bitcoind");
    }

    /// Goal: this process is among those that are looked at, and what was spent before does not count.
    #[test]
    fn time_is_counted() {
        let before = busy().unwrap();
        assert!(!before.is_empty());
        assert!(between(&before, &before).is_empty());
    }
}
