//! Transfers of LEDGER-1 beside PostgreSQL: rounds in turn on our three nodes, which replicate, and on one server, which
//! does not.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::Cluster;
use serde::Serialize;
use serde_json::Value;

use super::ours;
use super::postgres::Postgres;
use super::report::{load_average, median};

/// Callers on either side, each with one transfer under way.
const CALLERS: usize = 64;
/// The ratio that is aimed at.
pub(crate) const AIM: f64 = 5.0;

/// One round of one store.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Round {
    pub(crate) transfers_per_second: f64,
    pub(crate) mean_ms: f64,
    /// Processor time of all servers for one transfer, in microseconds.
    pub(crate) server_us: f64,
    /// What all servers wrote to storage for one transfer.
    pub(crate) bytes: f64,
    pub(crate) syncs: f64,
    pub(crate) failed: u64,
}

/// What was compared.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Ledgers {
    pub(crate) postgres_version: String,
    pub(crate) stream: Vec<Round>,
    pub(crate) unary: Vec<Round>,
    pub(crate) postgres: Vec<Round>,
    pub(crate) load_average: Vec<f64>,
}

impl Ledgers {
    /// The ratio of the medians, of either of our doors to PostgreSQL.
    pub(crate) fn ratio(&self, ours: &[Round]) -> f64 {
        rate(ours) / rate(&self.postgres)
    }

    /// The rows of a table.
    pub(crate) fn table(&self) -> String {
        let heads = ["transfers/s", "mean ms", "server us", "bytes", "syncs", "failed", "ratio", "aim"];
        let line = |name: &str, words: [String; 8]| {
            let words: Vec<String> = words.iter().map(|word| format!("{word:>12}")).collect();
            format!("{name:<28}{}\n", words.concat())
        };
        let mut text = line("64 callers, one a call", heads.map(str::to_owned));
        let names = ["exchequer, one stream", "exchequer, unary"];
        let of = |rounds: &[Round], field: fn(&Round) -> f64| median(rounds.iter().map(field));
        let mut add = |name: &str, rounds: &[Round], ratio: Option<f64>| {
            text.push_str(&line(
                name,
                [
                    format!("{:.0}", rate(rounds)),
                    format!("{:.2}", of(rounds, |one| one.mean_ms)),
                    format!("{:.1}", of(rounds, |one| one.server_us)),
                    format!("{:.0}", of(rounds, |one| one.bytes)),
                    format!("{:.4}", of(rounds, |one| one.syncs)),
                    rounds.iter().map(|one| one.failed).sum::<u64>().to_string(),
                    ratio.map_or_else(String::new, |ratio| format!("{ratio:.1}x")),
                    ratio.map_or_else(String::new, |_| format!("{AIM:.0}x")),
                ],
            ));
        };
        for (name, rounds) in names.into_iter().zip([&self.stream, &self.unary]) {
            add(name, rounds, Some(self.ratio(rounds)));
        }
        add(&format!("PostgreSQL {}", self.postgres_version), &self.postgres, None);
        text
    }
}

fn rate(rounds: &[Round]) -> f64 {
    median(rounds.iter().map(|one| one.transfers_per_second))
}

/// Runs so many rounds of each in turn, and looks at the end whether both ledgers add up.
pub(crate) async fn run(
    cluster: &mut Cluster,
    postgres: &mut Postgres,
    rounds: usize,
    seconds: f64,
    say: &mut dyn FnMut(&str),
) -> Result<Ledgers> {
    let mut found = Ledgers { postgres_version: postgres.version()?, ..Ledgers::default() };
    // Files of both are there, and caches warm, before anything counts.
    theirs(postgres, 1.0).await?;
    ours(cluster, "stream", 1.0).await?;
    for round in 0..rounds {
        // PostgreSQL is in the middle, so that both of ours are beside it; the first and the last take turns.
        let first_is_stream = round % 2 == 0;
        for place in 0..3 {
            match (place, first_is_stream) {
                (1, _) => found.postgres.push(theirs(postgres, seconds).await?),
                (0, true) | (2, false) => found.stream.push(ours(cluster, "stream", seconds).await?),
                _ => found.unary.push(ours(cluster, "unary", seconds).await?),
            }
        }
        found.load_average.push(load_average());
        let last = |rounds: &[Round]| rounds.last().map_or(f64::NAN, |one| one.transfers_per_second);
        say(&format!(
            "round {}  stream {:>8.0}/s  unary {:>8.0}/s  PostgreSQL {:>8.0}/s  load average {:.1}",
            round + 1,
            last(&found.stream),
            last(&found.unary),
            last(&found.postgres),
            load_average()
        ));
    }
    let transfers = postgres.proven()?;
    say(&format!("PostgreSQL's ledger adds up: {transfers} transfers"));
    let exq = cluster.exq().patience(Duration::from_secs(600));
    for words in [["ledger", "verify"], ["cluster", "verify"]] {
        exq.run(words).await?.good()?;
    }
    say("ours adds up, and all nodes have the same rows");
    Ok(found)
}

async fn ours(cluster: &mut Cluster, mode: &str, seconds: f64) -> Result<Round> {
    let pids: Vec<String> = ours::pids(cluster).iter().map(ToString::to_string).collect();
    let (callers, duration) = (CALLERS.to_string(), format!("{}ms", (seconds * 1e3) as u64));
    let words = ["bench", "ledger", "--mode", mode, "--callers", &callers, "--batch", "1", "--accounts", "10000"];
    let timing = ["--duration", &duration, "--server-pids", &pids.join(",")].map(str::to_owned);
    let words: Vec<String> = words.map(str::to_owned).into_iter().chain(timing).collect();
    let ran = cluster.exq().patience(Duration::from_secs_f64(seconds + 120.0)).run(words).await?.good()?;
    let report = ran.json()?;
    let number = |found: &Value, name: &str| found.as_f64().with_context(|| format!("no `{name}` in {report}"));
    let failed = ["failed", "unknown"].map(|name| report[name].as_u64().unwrap_or(u64::MAX));
    Ok(Round {
        transfers_per_second: number(&report["transfers_per_second"], "transfers_per_second")?,
        mean_ms: number(&report["latency"]["mean_us"], "mean_us")? / 1e3,
        server_us: number(&report["server_us_per_transfer"], "server_us_per_transfer")?,
        bytes: number(&report["server_bytes_per_transfer"], "server_bytes_per_transfer")?,
        syncs: number(&report["syncs_per_transfer"], "syncs_per_transfer")?,
        failed: failed[0].saturating_add(failed[1]),
    })
}

async fn theirs(postgres: &mut Postgres, seconds: f64) -> Result<Round> {
    let whole = (seconds.round() as u64).max(1);
    let before = postgres.usage()?;
    let ran = postgres.load(CALLERS, whole).await?;
    let used = postgres.usage()?.since(before);
    ensure!(ran.transfers > 0, "PostgreSQL posted nothing");
    let transfers = ran.transfers as f64;
    Ok(Round {
        transfers_per_second: ran.per_second,
        mean_ms: ran.mean_ms,
        server_us: used.cpu_s * 1e6 / transfers,
        bytes: used.bytes as f64 / transfers,
        syncs: used.syncs as f64 / transfers,
        failed: ran.failed,
    })
}
