//! The command line: what an operator types, and what comes of it.
//!
//! One file per group of verbs; each turns its arguments into a call and the answer into a table or JSON. Client verbs
//! speak to the API as any other client does and know nothing that it does not say; verbs on a stopped node, and the
//! server itself, are reached through `local` alone.
//!
//! Invariants: the process ends with one of the exit codes of [`Exit`]; an error is one refusal with a stable code on
//! standard error; nothing panics, also when the reader of the output goes away.

mod address;
mod admin;
mod apikey;
mod approval_file;
mod approve;
mod approve_key;
pub mod args;
mod asset;
mod audit;
mod autopilot;
mod bench;
mod bench_args;
mod bench_directives;
mod bench_events;
mod bench_load;
mod certificates;
mod client;
mod command;
mod completions;
mod confirm;
mod deposit;
mod directive;
mod emergency;
mod event;
mod exit;
mod explain;
#[cfg(test)]
mod fixtures;
mod flag;
mod gas;
mod job;
mod keyring;
mod ledger;
mod ledger_export;
mod ledger_looks;
mod ledger_text;
mod limits;
mod local;
mod login;
mod maintenance;
mod market;
mod market_setup;
mod members;
mod money_args;
mod network;
mod node;
mod order;
mod output;
mod payout;
mod peers;
mod policy;
mod reconcile;
mod recover;
pub mod reports;
mod rescan;
mod scratch;
mod secret;
mod secret_input;
mod session_file;
mod settings;
mod setup;
mod signer_process;
mod snapshot;
mod status;
mod sweep;
#[cfg(test)]
mod tests;
mod token;
mod tree;
mod usage;
mod user;
mod vault;
mod vault_cold;
mod vault_cold_draft;
mod vault_copy;
mod vault_decisions;
mod vault_draft;
mod vault_make;
mod vault_open;
mod vault_policy;
mod vault_signer;
mod vault_wallets;
mod vault_words;
mod verify;
mod wallet;
mod withdrawal;
mod worker;
mod worker_args;
mod worker_bulk;
mod worker_config;
mod worker_logs;
mod worker_process;
mod worker_program;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use exchequer_domain::{Code, Problem};
use tokio::runtime;

pub use args::{
    ClientArgs, ConsentArgs, FolderArgs, Format, InitArgs, InspectArgs, JoinArgs, NewNodeArgs, OutputArgs, ReasonArgs,
    RecoverApplyArgs, RecoverPlanArgs, RestoreArgs, ServerArgs, StaleArgs,
};
pub use bench_args::{
    BenchArgs, BenchMode, Distribution, LedgerBenchArgs, LogBenchArgs, MatchingBenchArgs, Mix, OrdersBenchArgs,
};
pub use bench_directives::{DirectivesBenchArgs, DirectivesBenchReport};
pub use bench_events::{EventsBenchArgs, EventsBenchReport, MadePart};
pub use bench_load::{LoadBenchArgs, LoadBenchReport};
pub(crate) use client::{Client, Repeat, authorities};
pub use exit::Exit;
pub use reports::{
    BenchReport, InitReport, JoinReport, KeyringReport, Latency, LedgerBenchReport, LogBenchReport,
    MatchingBenchReport, OrdersBenchReport, OrdersProof, OwnerReport, StageReport,
};
pub use tree::{Cli, ClusterVerb, Verb};
pub use worker_config::{WorkerConfigArgs, WorkerConfigReport, WorkerSetting};

use self::exit::Stop;
use self::output::Printer;

/// Runs one command, from its words to its exit code.
#[must_use]
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let words: Vec<OsString> = words.into_iter().collect();
    if worker_process::is_meant(&words) {
        return worker_process::main(&words);
    }
    if worker_program::is_meant(&words) {
        return worker_program::main(&words);
    }
    let exit = match Cli::try_parse_from(&words) {
        Ok(cli) => {
            let mut printer = Printer::of_process(cli.verb.format());
            conclude(start(&cli.verb, &mut printer), &mut printer)
        }
        Err(error) => {
            let variable = std::env::var_os(args::OUTPUT_VARIABLE);
            not_a_command(&error, &mut Printer::of_process(usage::format(&words, variable.as_deref())))
        }
    };
    ExitCode::from(exit as u8)
}

/// The exit code of what a verb came to, after its error was shown.
fn conclude(ended: Result<Exit, Stop>, printer: &mut Printer) -> Exit {
    match ended {
        Ok(exit) => exit,
        Err(Stop::PipeClosed) => Exit::Good,
        Err(Stop::Proposed(proposed)) => {
            conclude(printer.answer(&*proposed, approve::proposed_text).map(|()| Exit::Good), printer)
        }
        Err(Stop::Problem(problem)) => {
            printer.problem(&problem);
            Exit::of(&problem)
        }
    }
}

/// Help, version, or wrong usage.
fn not_a_command(error: &clap::Error, printer: &mut Printer) -> Exit {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            conclude(printer.text(&error.render().to_string()).map(|()| Exit::Good), printer)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if printer.format() == Format::Table => {
            // Asked for nothing: the help goes where errors go, and the exit code says that nothing was done.
            let shown = printer.prompt(&format!("{}\n", error.render()));
            conclude(shown.map(|()| Exit::Failed), printer)
        }
        _ => conclude(Err(usage::problem(error).into()), printer),
    }
}

fn start(verb: &Verb, printer: &mut Printer) -> Result<Exit, Stop> {
    let mut builder = match verb {
        // Half of the processors: the others are for the threads of log, store and compaction, and workers that hand
        // every task to each other cost more than they do.
        Verb::Server(_) | Verb::Bench { .. } => {
            let mut builder = runtime::Builder::new_multi_thread();
            let processors = std::thread::available_parallelism().map_or(1, usize::from);
            builder.worker_threads((processors / 2).max(1));
            // Otherwise a connection writes after every single answer that is put into it, instead of after all.
            #[cfg(tokio_unstable)]
            builder.disable_lifo_slot();
            builder
        }
        Verb::Signer(_) => {
            let mut builder = runtime::Builder::new_current_thread();
            builder.max_blocking_threads(signer_process::BLOCKING_THREADS);
            builder
        }
        // What asks one question does not need them.
        Verb::Init(_)
        | Verb::Join(_)
        | Verb::Status(_)
        | Verb::Cluster { .. }
        | Verb::Snapshot { .. }
        | Verb::Settings { .. }
        | Verb::Limit { .. }
        | Verb::Threshold { .. }
        | Verb::Flag { .. }
        | Verb::Secret { .. }
        | Verb::Network { .. }
        | Verb::Audit { .. }
        | Verb::Event { .. }
        | Verb::Keyring { .. }
        | Verb::OperatorToken { .. }
        | Verb::Login(_)
        | Verb::Logout(_)
        | Verb::Session { .. }
        | Verb::Admin { .. }
        | Verb::Asset { .. }
        | Verb::User { .. }
        | Verb::Apikey { .. }
        | Verb::Market { .. }
        | Verb::Order { .. }
        | Verb::Book(_)
        | Verb::Ledger { .. }
        | Verb::Wallet { .. }
        | Verb::Listing { .. }
        | Verb::Price { .. }
        | Verb::Address { .. }
        | Verb::Deposit { .. }
        | Verb::Withdrawal { .. }
        | Verb::Payout { .. }
        | Verb::Sweep { .. }
        | Verb::Gas { .. }
        | Verb::Reconcile { .. }
        | Verb::Policy { .. }
        | Verb::Vault { .. }
        | Verb::Worker { .. }
        | Verb::Job { .. }
        | Verb::Command { .. }
        | Verb::Scratch { .. }
        | Verb::Approve { .. }
        | Verb::Emergency { .. }
        | Verb::Maintenance { .. }
        | Verb::Explain(_)
        | Verb::Completions(_) => runtime::Builder::new_current_thread(),
    };
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Code::Internal, format!("the process cannot start its threads: {error}")))?;
    let ended = runtime.block_on(Box::pin(run(verb, printer)));
    // Its tasks hold what the threads below wait for.
    drop(runtime);
    local::close_stores();
    ended
}

async fn run(verb: &Verb, printer: &mut Printer) -> Result<Exit, Stop> {
    match verb {
        Verb::Server(args) => match local::serve(args).await {
            Ok(()) => Ok(Exit::Good),
            Err(problem) if local::is_final(&problem) => {
                printer.problem(&problem);
                Ok(Exit::Halted)
            }
            Err(problem) => Err(problem.into()),
        },
        Verb::Init(args) => setup::init(args, printer),
        Verb::Join(args) => setup::join(args, printer).await,
        Verb::Status(args) => status::run(args, printer).await,
        Verb::Cluster { verb } => cluster(verb, printer).await,
        Verb::Snapshot { verb } => match verb {
            snapshot::SnapshotVerb::Save(args) => snapshot::save(args, printer).await,
            snapshot::SnapshotVerb::Inspect(args) => snapshot::inspect(args, printer),
            snapshot::SnapshotVerb::Restore(args) => snapshot::restore(args, printer).await,
        },
        Verb::Settings { verb } => settings::run(verb, printer).await,
        Verb::Limit { verb } => limits::limit(verb, printer).await,
        Verb::Threshold { verb } => limits::threshold(verb, printer).await,
        Verb::Flag { verb } => flag::run(verb, printer).await,
        Verb::Secret { verb } => secret::run(verb, printer).await,
        Verb::Network { verb } => network::run(verb, printer).await,
        Verb::Audit { verb } => audit::run(verb, printer).await,
        Verb::Event { verb } => event::run(verb, printer).await,
        Verb::Keyring { verb } => match verb {
            keyring::KeyringVerb::Export(args) => keyring::export(args, printer).await,
            keyring::KeyringVerb::Import(args) => keyring::import(args, printer),
        },
        Verb::OperatorToken { verb: token::OperatorTokenVerb::Rotate(args) } => token::rotate(args, printer).await,
        Verb::Login(args) => login::login(args, printer).await,
        Verb::Logout(args) => login::logout(args, printer).await,
        Verb::Session { verb } => login::run(verb, printer).await,
        Verb::Admin { verb } => admin::run(verb, printer).await,
        Verb::Asset { verb } => asset::run(verb, printer).await,
        Verb::User { verb } => user::run(verb, printer).await,
        Verb::Apikey { verb } => apikey::run(verb, printer).await,
        Verb::Market { verb } => market::run(verb, printer).await,
        Verb::Order { verb } => order::run(verb, printer).await,
        Verb::Book(args) => order::book(args, printer).await,
        Verb::Ledger { verb } => ledger::run(verb, printer).await,
        Verb::Wallet { verb } => wallet::wallet(verb, printer).await,
        Verb::Listing { verb } => wallet::listing(verb, printer).await,
        Verb::Price { verb } => wallet::price(verb, printer).await,
        Verb::Address { verb } => address::run(verb, printer).await,
        Verb::Deposit { verb } => deposit::run(verb, printer).await,
        Verb::Reconcile { verb } => reconcile::run(verb, printer).await,
        Verb::Withdrawal { verb } => withdrawal::run(verb, printer).await,
        Verb::Payout { verb } => payout::run(verb, printer).await,
        Verb::Sweep { verb } => sweep::run(verb, printer).await,
        Verb::Gas { verb } => gas::run(verb, printer).await,
        Verb::Policy { verb } => policy::run(verb, printer).await,
        Verb::Vault { verb } => vault::run(verb, printer).await,
        Verb::Signer(args) => signer_process::serve(args).await,
        Verb::Worker { verb } => worker::run(verb, printer).await,
        Verb::Job { verb } => job::run(verb, printer).await,
        Verb::Command { verb } => directive::run(verb, printer).await,
        Verb::Scratch { verb } => scratch::run(verb, printer).await,
        Verb::Approve { verb } => approve::run(verb, printer).await,
        Verb::Emergency { verb } => emergency::run(verb, printer).await,
        Verb::Maintenance { verb } => maintenance::run(verb, printer).await,
        Verb::Explain(args) => explain::run(args, printer),
        Verb::Completions(args) => completions::run(*args, printer),
        Verb::Bench { verb } => bench::run(verb, printer).await,
    }
}

async fn cluster(verb: &ClusterVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    match verb {
        ClusterVerb::Peers(args) => peers::run(args, printer).await,
        ClusterVerb::Token { verb: token::TokenVerb::Create(args) } => token::create(args, printer).await,
        ClusterVerb::AddLearner(args) => members::add_learner(args, printer).await,
        ClusterVerb::Promote(args) => members::promote(args, printer).await,
        ClusterVerb::Remove(args) => members::remove(args, printer).await,
        ClusterVerb::TransferLeader(args) => members::transfer(args, printer).await,
        ClusterVerb::Autopilot(args) => autopilot::run(args, printer).await,
        ClusterVerb::Verify(args) => verify::run(args, printer).await,
        ClusterVerb::Certificates { verb: certificates::CertificatesVerb::Rotate(args) } => {
            certificates::rotate(args, printer).await
        }
        ClusterVerb::Recover { verb } => recover::run(verb, printer).await,
    }
}

#[cfg(test)]
mod pipe_tests {
    use std::io::{self, Write};

    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Goal: a program that asked for JSON gets a refusal in JSON also from a command that is not complete, and from the
    /// verbs that answer nothing else in JSON. Method: words that lack their verb, and those two verbs' forms.
    #[test]
    fn an_incomplete_command_is_refused_in_json() {
        let captured = fixtures::Captured::default();
        let slip = Cli::try_parse_from(["exchequer", "cluster"]).unwrap_err();
        assert_eq!(not_a_command(&slip, &mut captured.printer(Format::Json)), Exit::Failed);
        assert!(captured.err().starts_with(r#"{"error":{"code":"EXQ-0108""#), "{}", captured.err());
        for words in ["exchequer server --output json", "exchequer completions bash --output json"] {
            assert_eq!(Cli::try_parse_from(words.split(' ')).unwrap().verb.format(), Format::Json, "{words}");
        }
    }

    /// Goal: under `head` a verb ends quietly, whether it answers, explains its usage, or reports an error. Method:
    /// streams that nobody reads.
    #[test]
    fn a_reader_that_went_away_is_no_error() {
        let printer = || Printer::onto(Format::Table, Box::new(Closed), Box::new(Closed));
        assert_eq!(conclude(printer().text("x").map(|()| Exit::Degraded), &mut printer()), Exit::Good);
        let help = Cli::try_parse_from(["exchequer", "--help"]).unwrap_err();
        assert_eq!(not_a_command(&help, &mut printer()), Exit::Good);
        let slip = Cli::try_parse_from(["exchequer", "statsu"]).unwrap_err();
        assert_eq!(not_a_command(&slip, &mut printer()), Exit::Failed);
    }
}
