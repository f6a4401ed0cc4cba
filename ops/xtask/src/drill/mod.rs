//! `cargo xtask drill`: break a cluster on purpose, say what must hold, measure, judge.
//!
//! Exit code 0: passed. 1: failed. 77: not possible on this machine, and why.

mod field;
mod isolate_leader;
mod kill_leader;
mod load;
mod power_cut;
mod report;
mod rolling_restart;
mod wipe_and_rejoin;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::lab::{Kind, Lab, NotPermitted};
use crate::product::Product;
use crate::stop::Stop;
use crate::{repo, say};
use field::Field;
use report::Report;

/// What test runners take for "skipped".
const EXIT_NOT_PERMITTED: u8 = 77;

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Args {
    /// Tell which drills there are and what each holds
    List,
    /// Run one drill, or all of them one after the other
    Run(RunArgs),
}

/// What to run, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Its name, or `all`
    #[arg(value_parser = names())]
    name: String,
    /// The three machines
    #[arg(long, value_enum, default_value = "netns")]
    on: Kind,
    /// The binary for clients, and with netns for the nodes [default: the one that cargo last built]
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// One drill.
struct Drill {
    name: &'static str,
    summary: &'static str,
    /// What must hold, for the transcript. Every sentence is judged by a fact of the drill or by those of
    /// [`Field::close`].
    must_hold: &'static [&'static str],
    run: fn(&mut Field<'_>, &mut Report) -> Result<()>,
}

const DRILLS: &[&Drill] =
    &[&kill_leader::DRILL, &power_cut::DRILL, &isolate_leader::DRILL, &wipe_and_rejoin::DRILL, &rolling_restart::DRILL];

/// What must hold in every drill.
const ALWAYS: &[&str] = &[
    "every acknowledged write is read back afterwards, with its value",
    "all three nodes are healthy voters again at the end",
    "the nodes' state hashes are equal",
];

fn names() -> Vec<&'static str> {
    DRILLS.iter().map(|drill| drill.name).chain(["all"]).collect()
}

/// Lists or runs.
///
/// # Errors
/// The lab could not be built or a step of a drill could not be taken; a broken promise is no error but a verdict.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    match args {
        Args::List => {
            for drill in DRILLS {
                say::line(format_args!("{:16} {}", drill.name, drill.summary));
            }
            Ok(ExitCode::SUCCESS)
        }
        Args::Run(args) => run_chosen(args),
    }
}

fn run_chosen(args: &RunArgs) -> Result<ExitCode> {
    let product = Product::find(args.binary.as_deref())?;
    let stop = Stop::on_signals()?;
    let mut failed = 0;
    for drill in DRILLS.iter().filter(|drill| args.name == "all" || args.name == drill.name) {
        match run_one(drill, args.on, &product, &stop) {
            Ok(passed) => failed += usize::from(!passed),
            Err(error) => match error.downcast_ref::<NotPermitted>() {
                Some(reason) => {
                    say::line(format_args!("drill {}: {reason}", drill.name));
                    return Ok(ExitCode::from(EXIT_NOT_PERMITTED));
                }
                None => return Err(error.context(format!("drill {}", drill.name))),
            },
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Each drill has a lab of its own, so that none inherits what another broke.
fn run_one(drill: &Drill, on: Kind, product: &Product, stop: &Stop) -> Result<bool> {
    let mut lab: Box<dyn Lab> = on.open(product)?;
    say::line(format_args!("\ndrill {} on {}\n{}\nmust hold:", drill.name, lab.title(), drill.summary));
    for sentence in drill.must_hold.iter().chain(ALWAYS) {
        say::line(format_args!("  - {sentence}"));
    }
    let mut report = Report::default();
    let mut field = Field::new(product, lab.as_mut(), stop)?;
    let outcome = field.bring_up().and_then(|()| (drill.run)(&mut field, &mut report));
    let has_passed = outcome.is_ok() && report.has_passed();
    if outcome.is_ok() {
        say::line(report.told());
    }
    if !has_passed {
        keep_logs(drill, lab.as_ref())?;
    }
    outcome.context("a step could not be taken")?;
    Ok(has_passed)
}

/// What the nodes said would go with the lab.
fn keep_logs(drill: &Drill, lab: &dyn Lab) -> Result<()> {
    let folder = repo::target_dir().join("drills").join(drill.name);
    fs::create_dir_all(&folder)?;
    for (at, node) in lab.nodes().iter().enumerate() {
        let file = folder.join(format!("{}.log", node.name));
        match lab.keep_log(at, &file) {
            Ok(()) => say::line(format_args!("log of {}: {}", node.name, file.display())),
            Err(error) => say::line(format_args!("log of {}: {error:#}", node.name)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a drill can be named on the command line and says what it holds. Method: the table.
    #[test]
    fn drills_have_names_and_promises() {
        let names: Vec<&str> = DRILLS.iter().map(|drill| drill.name).collect();
        assert_eq!(names, ["kill-leader", "power-cut", "isolate-leader", "wipe-and-rejoin", "rolling-restart"]);
        for drill in DRILLS {
            assert!(!drill.must_hold.is_empty() && !drill.summary.is_empty(), "{}", drill.name);
        }
    }
}
