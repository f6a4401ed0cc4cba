//! The side-by-side benchmark: three `exchequer` processes and three `etcd` processes on this machine, one disk, the
//! same load on both in turn; and the ledger beside PostgreSQL. `docs/benchmarks.md` says how to run it and what its figures mean.
//!
//! It needs Debian's `etcd-server`, for the part `ledger` Debian's `postgresql` instead, and a built `exchequer` (`EXCHEQUER_BIN`).

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "its report is its output")]

mod etcd;
mod ledger;
mod million;
mod ours;
mod outage;
mod postgres;
mod recovery;
mod report;
mod rounds;
mod steady;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use ledger::Ledgers;
use million::{Million, Size};
use outage::{End, Gaps};
use postgres::Postgres;
use recovery::Recovery;
use report::{load_average, times};
use rounds::Compared;
use serde::Serialize;
use steady::Steady;

const USAGE: &str = "\
side_by_side [--quick] [--rounds N] [--seconds N] [--times N] [--keys N] [--minutes N]
             [--users N] [--assets N] [--orders N] [--json FILE] [PART...]

Parts, all but the last three where none is named:
  throughput  interleaved rounds at 1, 64 and 256 single-write clients and in batches
  failover    the leader killed under eight writers
  transfer    leadership handed over under eight writers
  recovery    a million keys: restart after SIGKILL, and a node that joins with nothing
  idle        resident memory of idle nodes
  ledger      transfers of the ledger from 64 callers, beside one PostgreSQL with a stored procedure
  steady      an hour (--minutes) of full load without a pause, in which nobody should be elected
  million     an exchange of --users, --assets and --orders: load, memory, restart and failover of the leader

--quick is a short slice of everything, to see that it works. EXCHEQUER_BIN names the program; etcd is looked for in
PATH or named by ETCD_BIN, PostgreSQL's programs where Debian puts them or in the folder that PG_BIN names.

For example:
  EXCHEQUER_BIN=target/release/exchequer side_by_side --rounds 3 --json figures.json throughput";

/// What runs where nothing is named.
const PARTS: [&str; 5] = ["throughput", "failover", "transfer", "recovery", "idle"];
/// What runs only when it is named.
const NAMED_PARTS: [&str; 3] = ["ledger", "million", "steady"];

struct Args {
    parts: Vec<String>,
    rounds: usize,
    seconds: f64,
    times: usize,
    recoveries: usize,
    keys: u64,
    minutes: u64,
    size: Size,
    json: Option<PathBuf>,
}

impl Args {
    fn read() -> Result<Option<Args>> {
        let mut args = Args {
            parts: Vec::new(),
            rounds: 5,
            seconds: 5.0,
            times: 20,
            recoveries: 5,
            keys: 1_000_000,
            minutes: 60,
            size: Size { users: 1_000_000, assets: 5, orders: 200_000 },
            json: None,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--quick" => {
                    (args.rounds, args.seconds, args.times, args.recoveries, args.keys) = (1, 1.0, 1, 1, 20_000);
                    args.size = Size { users: 10_000, assets: 5, orders: 2_000 };
                }
                "--rounds" => args.rounds = value()?.parse().context("--rounds")?,
                "--seconds" => args.seconds = value()?.parse().context("--seconds")?,
                "--times" => {
                    args.times = value()?.parse().context("--times")?;
                    args.recoveries = args.times.min(args.recoveries);
                }
                "--keys" => args.keys = value()?.parse().context("--keys")?,
                "--minutes" => args.minutes = value()?.parse().context("--minutes")?,
                "--users" => args.size.users = value()?.parse().context("--users")?,
                "--assets" => args.size.assets = value()?.parse().context("--assets")?,
                "--orders" => args.size.orders = value()?.parse().context("--orders")?,
                "--json" => args.json = Some(value()?.into()),
                "--help" | "-h" => {
                    println!("{USAGE}");
                    return Ok(None);
                }
                part if PARTS.contains(&part) || NAMED_PARTS.contains(&part) => args.parts.push(part.to_owned()),
                other => bail!("`{other}` is not known\n\n{USAGE}"),
            }
        }
        ensure!(args.rounds > 0 && args.seconds > 0.0 && args.times > 0 && args.keys > 0, "figures must be above zero");
        Ok(Some(args))
    }

    fn wants(&self, part: &str) -> bool {
        (self.parts.is_empty() && !NAMED_PARTS.contains(&part)) || self.parts.iter().any(|wanted| wanted == part)
    }
}

#[derive(Default, Serialize)]
struct Report {
    load_average_before: f64,
    load_average_after: f64,
    throughput: Vec<Compared>,
    failover: Option<Gaps>,
    transfer: Option<Gaps>,
    recovery: Option<Recovery>,
    idle_resident_bytes: Vec<u64>,
    ledger: Option<Ledgers>,
    steady: Option<Steady>,
    million: Option<Million>,
}

// As many workers as `exchequer bench raft` has on a machine of two processors.
#[tokio::main(worker_threads = 1)]
async fn main() -> Result<()> {
    let Some(args) = Args::read()? else { return Ok(()) };
    let mut say = |line: &str| eprintln!("{line}");
    let mut report = Report { load_average_before: load_average(), ..Report::default() };
    let folder = tempfile::Builder::new().prefix("exchequer-side-by-side-").tempdir().context("no temporary folder")?;
    let program = PathBuf::from(std::env::var_os("ETCD_BIN").unwrap_or_else(|| "etcd".into()));
    if args.wants("throughput") || args.wants("failover") || args.wants("transfer") {
        let mut cluster = ours::start().await?;
        let mut etcd = etcd::Etcd::start(&program, folder.path()).await?;
        if args.wants("throughput") {
            let shapes = rounds::shapes();
            report.throughput = rounds::run(&mut cluster, &etcd, &shapes, args.rounds, args.seconds, &mut say).await?;
        }
        if args.wants("failover") {
            report.failover = Some(outage::run(&mut cluster, &mut etcd, End::Killed, args.times, &mut say).await?);
        }
        if args.wants("transfer") {
            let gaps = outage::run(&mut cluster, &mut etcd, End::HandedOver, args.times, &mut say).await?;
            report.transfer = Some(gaps);
        }
        cluster.finish()?;
    }
    if args.wants("recovery") {
        report.recovery = Some(recovery::run(args.keys, args.recoveries, &mut say).await?);
    }
    if args.wants("idle") {
        report.idle_resident_bytes = recovery::idle(Duration::from_secs(10)).await?;
    }
    if args.wants("ledger") {
        let mut cluster = ours::start().await?;
        let mut postgres = Postgres::start(folder.path()).await?;
        report.ledger = Some(ledger::run(&mut cluster, &mut postgres, args.rounds, args.seconds, &mut say).await?);
        cluster.finish()?;
    }
    if args.wants("steady") {
        report.steady = Some(steady::run(args.minutes, &mut say).await?);
    }
    if args.wants("million") {
        report.million = Some(million::run(args.size, args.times.min(args.recoveries), &mut say).await?);
    }
    report.load_average_after = load_average();
    show(&report);
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report).context("the report cannot be encoded")?;
        std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

fn show(report: &Report) {
    println!("load average {:.1} before, {:.1} after\n", report.load_average_before, report.load_average_after);
    if !report.throughput.is_empty() {
        println!("{}", report::rounds(&report.throughput));
    }
    if let Some(ledgers) = &report.ledger {
        println!("{}", ledgers.table());
    }
    for (name, gaps, aim) in [
        ("leader killed", &report.failover, "0.75 s, worst 1.2 s"),
        ("leadership handed over", &report.transfer, "0.05 s"),
    ] {
        if let Some(gaps) = gaps {
            println!("{}", times(&format!("longest gap, {name}: exchequer"), &gaps.ours, aim));
            println!("{}", times(&format!("longest gap, {name}: etcd"), &gaps.etcd, ""));
        }
    }
    if let Some(recovery) = &report.recovery {
        let keys = recovery.keys;
        println!("{}", times(&format!("ready after SIGKILL, {keys} keys"), &recovery.restarts, "1.5 s"));
        println!("{}", times(&format!("ready after joining, {keys} keys"), &recovery.installs, "3.5 s"));
        println!("resident memory with {keys} keys: {}", mebibytes(&recovery.resident_bytes));
    }
    if let Some(steady) = &report.steady {
        println!(
            "{} minutes of full load: {} elections (aim 0), median {:.0} writes/s, longest gap {:.3} s, {} failed, resident {}",
            steady.minutes,
            steady.elections(),
            report::median(steady.per_second.iter().copied()),
            steady.longest_gap,
            steady.failed,
            mebibytes(&steady.resident_bytes)
        );
    }
    if let Some(million) = &report.million {
        let Size { users, assets, orders } = million.size;
        println!("{users} users with {assets} balances each, {orders} open orders: {}", million.load);
        println!("resident memory: {} (aim 3072 MiB)", mebibytes(&million.resident_bytes));
        println!("resident memory after restarts: {}", mebibytes(&million.resident_bytes_after));
        println!("{}", times("leader ready after SIGKILL", &million.restarts, "5 s"));
        println!("{}", times("longest gap, leader killed", &million.gaps, "1 s"));
    }
    if !report.idle_resident_bytes.is_empty() {
        println!("resident memory, idle: {} (aim 100 MiB)", mebibytes(&report.idle_resident_bytes));
    }
}

fn mebibytes(bytes: &[u64]) -> String {
    bytes.iter().map(|one| format!("{} MiB", one >> 20)).collect::<Vec<_>>().join(", ")
}
