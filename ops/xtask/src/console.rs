//! `cargo xtask ui` and `cargo xtask build`: the web console, and the binary that carries it.
//!
//! The compiler never calls npm: whoever changes no page needs no Node.js. A release is built by `build` (and `package`), which
//! asks the build for the console, so that none can be shipped without it.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::{process, repo, say};

/// The oldest Node.js that the tools of the console run on.
const NODE_MIN: (u32, u32) = (20, 19);
/// In `node_modules`: what of the lock file was installed there.
const INSTALLED: &str = ".installed-lock";

/// Makes the console's files.
#[derive(Debug, clap::Args)]
pub(crate) struct UiArgs {
    /// Also hold its rules: types, lints, form, unit tests
    #[arg(long)]
    test: bool,
}

/// Makes the console, then the binary with it.
#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// How to build the binary
    #[arg(long, default_value = "release")]
    profile: String,
}

pub(crate) fn run_ui(args: &UiArgs) -> Result<ExitCode> {
    build_console()?;
    if args.test {
        for script in ["lint", "test"] {
            npm(&["run", "--silent", script])?;
        }
    }
    say::line(format_args!("the console is in {}", folder().join("dist").display()));
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn run_build(args: &BuildArgs) -> Result<ExitCode> {
    let binary = build_binary(&args.profile)?;
    say::line(binary.display());
    Ok(ExitCode::SUCCESS)
}

/// Builds the binary with the console in it, and says where it is.
pub(crate) fn build_binary(profile: &str) -> Result<PathBuf> {
    build_console()?;
    let mut command = process::command([repo::cargo()]);
    command.args(["build", "--locked", "--package", "exchequer-node", "--profile", profile]);
    process::show(command.current_dir(repo::root()).env("EXCHEQUER_REQUIRE_UI", "1"))?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(repo::target_dir().join(folder).join("exchequer"))
}

fn build_console() -> Result<()> {
    check_node()?;
    install()?;
    npm(&["run", "--silent", "build"])
}

fn folder() -> PathBuf {
    repo::root().join("ui")
}

fn npm(words: &[&str]) -> Result<()> {
    process::show(process::command(["npm"]).args(words).current_dir(folder()))
}

fn check_node() -> Result<()> {
    let (major, minor) = NODE_MIN;
    let asked = process::output(process::command(["node"]).arg("--version"));
    let version = asked.with_context(|| format!("the console needs Node.js {major}.{minor} or newer with npm"))?;
    let mut parts = version.trim().trim_start_matches('v').split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let found = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if found < NODE_MIN {
        bail!("the console needs Node.js {major}.{minor} or newer; this machine has {}", version.trim());
    }
    Ok(())
}

/// Installs what the lock file names, unless just that is installed.
fn install() -> Result<()> {
    let lock = fs::read(folder().join("package-lock.json")).context("ui/package-lock.json")?;
    let mark = folder().join("node_modules").join(INSTALLED);
    if fs::read(&mark).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    npm(&["ci", "--no-audit", "--no-fund", "--ignore-scripts"])?;
    fs::write(&mark, lock).with_context(|| mark.display().to_string())
}
