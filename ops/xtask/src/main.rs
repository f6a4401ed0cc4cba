//! `cargo xtask`: what the repository needs done that is not compiling.
//!
//! One file or folder a subcommand. This crate depends on none of the exchange's own crates: it drives the binary
//! only through its command line ([`product`]), so that what it does an operator can do too, and through the API that
//! anybody's trading program has ([`crowd`]).

mod check;
mod console;
mod crowd;
mod demo;
mod drill;
mod files;
mod lab;
mod money;
mod package;
mod ports;
mod process;
mod product;
mod repo;
mod say;
mod stop;
#[cfg(test)]
mod stub;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build chores of Exchequer.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Hold the rules of the repository: dependency directions, licences, sources, bans, tidiness
    Check(check::Args),
    /// Build the web console
    Ui(console::UiArgs),
    /// Build the web console, and the binary that carries it
    Build(console::BuildArgs),
    /// Build the binary and make a Debian package of it
    Package(package::Args),
    /// Run a cluster of three nodes on this machine
    Demo(demo::Args),
    /// Have withdrawals paid on six networks while processes are killed under them
    MoneyCampaign(money::campaign::Args),
    /// Measure how fast withdrawals are paid
    MoneyBench(money::bench::Args),
    /// Run failover drills against three machines
    #[command(subcommand)]
    Drill(drill::Args),
}

fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Task::Check(args) => check::run(&args),
        Task::Ui(args) => console::run_ui(&args),
        Task::Build(args) => console::run_build(&args),
        Task::Package(args) => package::run(&args),
        Task::Demo(args) => demo::run(&args),
        Task::MoneyCampaign(args) => money::campaign::run(&args),
        Task::MoneyBench(args) => money::bench::run(&args),
        Task::Drill(args) => drill::run(&args),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            say::error(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
