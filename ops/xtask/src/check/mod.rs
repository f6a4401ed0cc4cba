//! `cargo xtask check`: the rules that a compiler does not hold.
//!
//! Each rule is a function from what it looks at to a list of findings, and a test, so that `cargo test` holds them too.

mod directions;
mod graph;
mod licence;
mod supply;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;

use crate::{process, repo, say};

/// What to check.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs every rule and tells all findings, not only the first.
///
/// # Errors
/// A rule could not be asked.
pub(crate) fn run(Args {}: &Args) -> Result<ExitCode> {
    let metadata = repo::metadata()?;
    let policy = supply::Policy::read()?;
    let text = tidy::Text::read()?;
    let rules: [(&str, Vec<String>); 6] = [
        ("dependency directions", directions::findings(&metadata)?),
        ("licences", supply::licences(&metadata, &policy)),
        ("sources", supply::sources(&metadata, &policy)),
        ("bans", supply::bans(&metadata, &policy)),
        ("tidiness", text.findings()),
        ("docs/dependencies.md", tidy::undocumented_dependencies()?),
    ];
    let mut found = 0;
    for (rule, findings) in &rules {
        say::line(format_args!("{:4} {rule}", if findings.is_empty() { "ok" } else { "FAIL" }));
        for finding in findings {
            say::line(format_args!("     {finding}"));
        }
        found += findings.len();
    }
    let long = text.long_files();
    if !long.is_empty() {
        say::line(format_args!("note files over {} lines (refused over {}):", tidy::LINES_WISHED, tidy::LINES_MAX));
        for (file, lines) in long {
            say::line(format_args!("     {lines:5} {file}"));
        }
    }
    let denied = cargo_deny()?;
    Ok(if found == 0 && denied { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lets cargo-deny judge by the same file where it is installed. Advisories need the network and a database, so they
/// are asked for by hand: `cargo deny check advisories`.
fn cargo_deny() -> Result<bool> {
    if process::find("cargo-deny").is_none() {
        say::line("note cargo-deny is not installed; the rules above were held without it");
        return Ok(true);
    }
    let mut command = process::command([repo::cargo()]);
    command.args(["deny", "--locked", "check", "bans", "licenses", "sources"]).current_dir(repo::root());
    let status = command.status()?;
    say::line(format_args!("{:4} cargo deny", if status.success() { "ok" } else { "FAIL" }));
    Ok(status.success())
}
