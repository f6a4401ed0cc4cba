//! `exchequer bench`: what a bench's report looks like.

use clap::Subcommand;

use super::bench_args::{BenchArgs, LedgerBenchArgs, LogBenchArgs, MatchingBenchArgs, OrdersBenchArgs};
use super::bench_directives::{self, DirectivesBenchArgs};
use super::bench_events::{self, EventsBenchArgs};
use super::bench_load::{self, LoadBenchArgs};
use super::exit::{Exit, Stop};
use super::local;
use super::output::{Printer, fields};
use super::reports::{BenchReport, LedgerBenchReport, LogBenchReport, MatchingBenchReport, OrdersBenchReport};
use crate::bench::Round;

/// `exchequer bench`.
#[derive(Debug, Clone, Subcommand)]
pub enum BenchVerb {
    /// Measure durable writes to a sandbox cluster
    ///
    /// Every write counts when it is acknowledged: on stable storage on a majority, and applied. Client and servers on
    /// one machine share its processors; the report says what the client took.
    #[command(after_help = "Example:\n  exchequer bench raft --clients 64 --duration 30s\n  \
                      exchequer bench raft --mode stream --clients 4 --batch 1024 --output json")]
    Raft(BenchArgs),

    /// Measure the log store alone: no network, no consensus
    ///
    /// What this disk and the group commit allow; what `bench raft` reaches is to be compared with it.
    #[command(after_help = "Example:\n  exchequer bench log --data-dir /tmp/bench --clients 256\n  \
                      exchequer bench log --data-dir /tmp/bench-plain --clients 256 --plain")]
    Log(LogBenchArgs),

    /// Measure durable transfers of the ledger in a sandbox cluster
    ///
    /// Every transfer counts when it is acknowledged. Accounts are made before; two transfers in a hundred are repeated.
    #[command(after_help = "Example:\n  exchequer bench ledger --batch 8190 --callers 1\n  \
                      exchequer bench ledger --mode stream --streams 1 --callers 1024 --distribution zipf --output json")]
    Ledger(LedgerBenchArgs),

    /// Fill a sandbox cluster with users, balances and open orders
    ///
    /// Bulk commands over streams: every user gets an account of every asset with money on it, and orders that rest go
    /// round users and markets. Reports how long it took and what it takes in memory and on disk.
    #[command(after_help = "Example:\n  exchequer bench load --users 1000000 --assets 5 --orders 200000\n  \
                      exchequer bench load --server-pids 11,12,13 --data-dirs /srv/n1,/srv/n2,/srv/n3 --output json")]
    Load(LoadBenchArgs),

    /// Measure replicated orders in a sandbox cluster, and where their time goes
    ///
    /// Traders with money out of nothing trade in markets made for it: orders that rest, orders that cross the spread, and
    /// cancels. Each order counts when it is acknowledged. Afterwards every order is read back by its name, money is counted,
    /// and the nodes' rows are compared; exit code 1 where something is wrong with that.
    #[command(after_help = "Example:\n  exchequer bench orders --traders 256\n  \
                      exchequer bench orders --mode unary --traders 64 --markets 3 --duration 30s --output json")]
    Orders(OrdersBenchArgs),

    /// Measure how long emergencies among the directives wait while a bulk of them runs, in a sandbox cluster
    ///
    /// Adds workers, sends the bulk to them and emergencies meanwhile, and removes them. With EXCHEQUER_PRETEND_WORKERS=1 in
    /// the nodes' environment tasks stand for the workers, which speak the same protocol; otherwise each is a process, and
    /// hundreds of them want memory.
    #[command(after_help = "Example:\n  exchequer bench directives --directives 10000 --workers 200 --output json")]
    Directives(DirectivesBenchArgs),
    /// Measure the event bus of a sandbox cluster, and whether those who follow hold it up
    ///
    /// Commands make durable events, first with nobody following, then with all consumers, which check that they miss none
    /// and get none twice; exit code 1 where something is wrong with that. Clients and servers on one machine share its
    /// processors; the report says who took what.
    #[command(after_help = "Example:\n  exchequer bench events --consumers 1\n  \
                      exchequer bench events --consumers 200 --rate 5000 --output json")]
    Events(EventsBenchArgs),

    /// Measure the order book alone, and hash what it answers
    ///
    /// The made workload has the mix of a crypto market: most messages move an order, a few place, cancel or take. Times
    /// are CPU time of one thread per message, each from a process of its own.
    #[command(after_help = "Example:\n  exchequer bench matching --workload xc --resting 1000 --output json\n  \
                      exchequer bench matching --resting 100000 --accounts\n  \
                      exchequer bench matching --file orders.bin --dump answer.txt")]
    Matching(MatchingBenchArgs),
}

pub(super) async fn run(verb: &BenchVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    match verb {
        BenchVerb::Raft(args) => printer.answer(&local::bench(args).await?, text)?,
        BenchVerb::Log(args) => printer.answer(&local::bench_log(args).await?, log_text)?,
        BenchVerb::Ledger(args) => printer.answer(&local::bench_ledger(args).await?, ledger_text)?,
        BenchVerb::Load(args) => bench_load::run(args, printer).await?,
        BenchVerb::Directives(args) => {
            printer.answer(&local::bench_directives(args).await?, bench_directives::text)?;
        }
        BenchVerb::Events(args) => return bench_events::run(args, printer).await,
        BenchVerb::Orders(args) => {
            let report = local::bench_orders(args).await?;
            printer.answer(&report, orders_text)?;
            return Ok(if report.proof.is_good() { Exit::Good } else { Exit::Failed });
        }
        BenchVerb::Matching(args) if args.once => printer.answer(&local::bench_matching_once(args)?, round_text)?,
        BenchVerb::Matching(args) => printer.answer(&local::bench_matching(args)?, matching_text)?,
    }
    Ok(Exit::Good)
}

pub(super) fn ledger_text(report: &LedgerBenchReport) -> String {
    let us = |us: u64| format!("{us}us");
    fields([
        ("Mode", report.mode.clone()),
        ("Callers", report.callers.to_string()),
        ("Transfers a call", report.batch.to_string()),
        ("Measured", us(report.measured_us)),
        ("Transfers", report.transfers.to_string()),
        ("Failed", report.failed.to_string()),
        ("Unknown", report.unknown.to_string()),
        ("First failure", report.first_failure.clone().unwrap_or_else(|| "-".to_owned())),
        ("Transfers per second", format!("{:.0}", report.transfers_per_second)),
        ("Call p50", us(report.latency.p50_us)),
        ("Call p99", us(report.latency.p99_us)),
        ("Call max", us(report.latency.max_us)),
        ("Client processors", format!("{:.2}", report.client_cpu)),
        ("Server processors", list(&report.server_cpu)),
        ("Server time per transfer", format!("{:.1}us", report.server_us_per_transfer)),
        ("Bytes per transfer", format!("{:.0}", report.server_bytes_per_transfer)),
        ("Syncs per transfer", format!("{:.4}", report.syncs_per_transfer)),
    ])
}

pub(super) fn orders_text(report: &OrdersBenchReport) -> String {
    let us = |us: u64| format!("{us}us");
    let part = |us: f64| format!("{us:.1}us");
    let yes = |holds: bool| if holds { "yes" } else { "no" }.to_owned();
    let (stages, proof) = (&report.stages, &report.proof);
    fields([
        ("Mode", report.mode.clone()),
        ("Traders", report.traders.to_string()),
        ("Connections", report.connections.to_string()),
        ("Markets", report.markets.to_string()),
        ("Measured", us(report.measured_us)),
        ("Orders", report.orders.to_string()),
        ("Cancels", format!("{}, {} of them too late", report.cancels, report.late_cancels)),
        ("Trades", report.trades.to_string()),
        ("Failed", report.failed.to_string()),
        ("Unknown", report.unknown.to_string()),
        ("First failure", report.first_failure.clone().unwrap_or_else(|| "-".to_owned())),
        ("Orders per second", format!("{:.0}", report.orders_per_second)),
        ("Messages per second", format!("{:.0}", report.messages_per_second)),
        ("Answer p50", us(report.latency.p50_us)),
        ("Answer p99", us(report.latency.p99_us)),
        ("Answer p99.9", us(report.latency.p999_us)),
        ("Answer max", us(report.latency.max_us)),
        ("Answer mean", us(report.latency.mean_us)),
        ("- client and network", part(stages.client_us)),
        ("- API", part(stages.api_us)),
        ("- waiting for an entry", part(stages.queue_us)),
        ("- commit", part(stages.commit_us)),
        ("- engine", part(stages.engine_us)),
        ("- hash and rows", part(stages.apply_us)),
        ("- answer", part(stages.answer_us)),
        ("Messages per entry", format!("{:.1}", stages.commands_per_entry)),
        ("Engine time per message", part(stages.engine_us_per_command)),
        ("Apply time per message", part(stages.apply_us_per_command)),
        ("Log sync mean", part(stages.log_sync_us)),
        ("Client processors", format!("{:.2}", report.client_cpu)),
        ("Server processors", list(&report.server_cpu)),
        ("Server time per message", part(report.server_us_per_message)),
        ("Bytes per message", format!("{:.0}", report.server_bytes_per_message)),
        ("Syncs per message", format!("{:.4}", report.syncs_per_message)),
        ("Acknowledged orders", format!("{}, {} of them found once", proof.acknowledged, proof.found)),
        ("Missing, twice, strange", format!("{}, {}, {}", proof.missing, proof.twice, proof.strange)),
        ("Refused but there", proof.refused_but_there.to_string()),
        ("Unknown orders", format!("{}, {} of them there", proof.unknown, proof.unknown_but_there)),
        ("Open orders", proof.open.to_string()),
        ("Reservations match", yes(proof.reservations_match)),
        ("Balances conserve", yes(proof.balances_conserve)),
        ("Nodes agree", format!("{}, {} nodes", yes(proof.nodes_agree), proof.nodes)),
    ])
}

pub(super) fn matching_text(report: &MatchingBenchReport) -> String {
    let ns = |ns: f64| format!("{ns:.1}ns");
    fields([
        ("Output SHA-256", report.output_sha256.clone()),
        ("Engine", report.engine.clone()),
        ("Messages", report.messages.to_string()),
        ("Not timed before", report.not_timed.to_string()),
        ("Trades", report.trades.to_string()),
        ("Traded lots", report.traded_lots.to_string()),
        ("Processes", report.processes.to_string()),
        ("CPU per message min", ns(report.cpu_ns_min)),
        ("CPU per message median", ns(report.cpu_ns_median)),
        ("Message p50", format!("{}ns", report.p50_ns)),
        ("Message p99", format!("{}ns", report.p99_ns)),
        ("Message p99.9", format!("{}ns", report.p999_ns)),
    ])
}

fn round_text(round: &Round) -> String {
    fields([
        ("CPU per message", format!("{:.1}ns", round.ns_per_message)),
        ("Message p99", format!("{}ns", round.p99_ns)),
    ])
}

pub(super) fn log_text(report: &LogBenchReport) -> String {
    let us = |us: u64| format!("{us}us");
    fields([
        ("Store", report.store.clone()),
        ("Appenders", report.clients.to_string()),
        ("Value bytes", report.value_bytes.to_string()),
        ("Measured", us(report.measured_us)),
        ("Entries", report.entries.to_string()),
        ("Entries per second", report.entries_per_second.to_string()),
        ("Syncs", report.syncs.to_string()),
        ("Entries per sync", report.entries_per_sync.to_string()),
        ("Append p50", us(report.append.p50_us)),
        ("Append p99", us(report.append.p99_us)),
        ("Append max", us(report.append.max_us)),
        ("Sync p50", us(report.sync.p50_us)),
        ("Sync p99", us(report.sync.p99_us)),
        ("Sync max", us(report.sync.max_us)),
    ])
}

pub(super) fn text(report: &BenchReport) -> String {
    let us = |us: u64| format!("{us}us");
    fields([
        ("Mode", report.mode.clone()),
        ("Clients", report.clients.to_string()),
        ("Batch", report.batch.to_string()),
        ("Requests in flight", report.in_flight.to_string()),
        ("Value bytes", report.value_bytes.to_string()),
        ("Measured", us(report.measured_us)),
        ("Writes", report.writes.to_string()),
        ("Failed", report.failed.to_string()),
        ("Unknown", report.unknown.to_string()),
        ("First failure", report.first_failure.clone().unwrap_or_else(|| "-".to_owned())),
        ("Writes per second", report.writes_per_second.to_string()),
        ("Latency p50", us(report.latency.p50_us)),
        ("Latency p90", us(report.latency.p90_us)),
        ("Latency p99", us(report.latency.p99_us)),
        ("Latency p99.9", us(report.latency.p999_us)),
        ("Latency max", us(report.latency.max_us)),
        ("Longest gap", us(report.longest_gap_us)),
        ("Client processors", report.client_cpu.to_string()),
        ("Server processors", list(&report.server_cpu)),
    ])
}

fn list(figures: &[f64]) -> String {
    if figures.is_empty() {
        return "-".to_owned();
    }
    figures.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
