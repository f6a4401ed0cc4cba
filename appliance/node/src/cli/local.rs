//! The verbs that need more than the API: where the command line meets the rest of the node.

use std::path::Path;
use std::time::Duration;

use exchequer_domain::Problem;
use indicatif::ProgressBar;

use super::args::{InitArgs, JoinArgs, RestoreArgs, ServerArgs};
use super::bench_args::{BenchArgs, LedgerBenchArgs, LogBenchArgs, MatchingBenchArgs, OrdersBenchArgs};
use super::bench_load::{LoadBenchArgs, LoadBenchReport};
use super::reports::{
    BenchReport, InitReport, JoinReport, KeyringReport, LedgerBenchReport, LogBenchReport, MatchingBenchReport,
    OrdersBenchReport,
};
use crate::config::{Config, ConfigFlags};
use crate::identity::{Folder, Keyring};
use crate::install::{self, Init, Join};
use crate::recovery::{self, Reformed};
use crate::restore::{self, Restore};
use crate::{bench, halted, server, snapshot_file};

pub(super) use crate::recovery::Plan;
pub(super) use crate::snapshot_file::Inspection;

/// How long the stores may take to close.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// Sees to it that no thread is in a store any more when the process ends.
pub(super) fn close_stores() {
    exchequer_raft::join_threads(CLOSE_PATIENCE);
}

/// Runs a node until it is told to stop.
pub(super) async fn serve(args: &ServerArgs) -> Result<(), Problem> {
    let file = args.config.clone().or_else(server::default_config_file);
    let config = Config::read(file.as_deref(), &ConfigFlags { data_dir: args.data_dir.clone() })?;
    server::install_tracing(&config)?;
    server::run(config).await.map(drop)
}

/// Whether a server that ended so must not be started again.
pub(super) fn is_final(problem: &Problem) -> bool {
    halted::is_final(problem.code)
}

pub(super) fn init(args: &InitArgs, owner: Option<install::Owner>) -> Result<InitReport, Problem> {
    let made = install::init(&Init {
        data_dir: args.folder.data_dir.clone(),
        name: args.node.name.clone(),
        cluster_name: args.cluster_name.clone(),
        api_address: args.node.api.clone(),
        peer_address: args.node.peer.clone(),
        sandbox: args.sandbox,
        owner,
    })?;
    Ok(InitReport {
        cluster_id: made.cluster_id,
        node_id: made.node_id,
        node: args.node.name.clone(),
        api_address: args.node.api.clone(),
        peer_address: args.node.peer.clone(),
        sandbox: args.sandbox,
        operator_token: made.operator_token,
        ca_fingerprint: made.ca_fingerprint,
        data_dir: made.data_dir,
        owner: made.owner,
    })
}

pub(super) async fn join(args: &JoinArgs) -> Result<JoinReport, Problem> {
    let joined = install::join(&Join {
        address: args.address.clone(),
        token: args.token.clone(),
        data_dir: args.folder.data_dir.clone(),
        name: args.node.name.clone(),
        api_address: args.node.api.clone(),
        peer_address: args.node.peer.clone(),
        replaces: args.replace.map(|id| id.0),
    })
    .await?;
    Ok(JoinReport {
        cluster_id: joined.cluster_id,
        node_id: joined.node_id,
        node: args.node.name.clone(),
        api_address: args.node.api.clone(),
        peer_address: args.node.peer.clone(),
        data_dir: joined.data_dir,
    })
}

pub(super) async fn recovery_plan(data_dir: &Path) -> Result<Plan, Problem> {
    recovery::plan(data_dir).await
}

pub(super) async fn recover(data_dir: &Path, confirm: &str, reason: &str) -> Result<Reformed, Problem> {
    recovery::apply(data_dir, confirm, reason).await
}

pub(super) fn inspect(file: &Path) -> Result<Inspection, Problem> {
    snapshot_file::inspect(file)
}

pub(super) async fn restore(args: &RestoreArgs) -> Result<Reformed, Problem> {
    let restore = Restore {
        file: args.file.clone(),
        keyring: args.keyring.clone(),
        data_dir: args.folder.data_dir.clone(),
        name: args.node.name.clone(),
        api_address: args.node.api.clone(),
        peer_address: args.node.peer.clone(),
        reason: args.reason.reason.clone(),
    };
    restore::restore(&restore).await
}

/// Puts a keyring into the folder of a node that is stopped.
pub(super) fn import_keyring(data_dir: &Path, keyring: &Keyring) -> Result<KeyringReport, Problem> {
    let report = KeyringReport {
        cluster_id: keyring.cluster_id().to_string(),
        keys: u64::try_from(keyring.key_ids().len()).unwrap_or(u64::MAX),
        data_dir: data_dir.to_owned(),
    };
    Folder::replace_keyring(data_dir, keyring)?;
    Ok(report)
}

pub(super) async fn bench(args: &BenchArgs) -> Result<BenchReport, Problem> {
    bench::raft(args).await
}

pub(super) async fn bench_ledger(args: &LedgerBenchArgs) -> Result<LedgerBenchReport, Problem> {
    bench::ledger(args).await
}

pub(super) async fn bench_load(args: &LoadBenchArgs, progress: &ProgressBar) -> Result<LoadBenchReport, Problem> {
    bench::fill(args, progress).await
}

pub(super) async fn bench_orders(args: &OrdersBenchArgs) -> Result<OrdersBenchReport, Problem> {
    bench::orders(args).await
}

pub(super) fn bench_matching(args: &MatchingBenchArgs) -> Result<MatchingBenchReport, Problem> {
    bench::matching(args)
}

pub(super) fn bench_matching_once(args: &MatchingBenchArgs) -> Result<bench::Round, Problem> {
    bench::matching_once(args)
}

pub(super) async fn bench_log(args: &LogBenchArgs) -> Result<LogBenchReport, Problem> {
    bench::log(args).await
}
