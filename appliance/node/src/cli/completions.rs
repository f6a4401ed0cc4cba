//! `exchequer completions`: scripts with which shells complete the command line.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;
use super::args::OutputArgs;
use super::exit::{Exit, Stop};
use super::output::Printer;

/// `exchequer completions`.
#[derive(Debug, Clone, Copy, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,

    /// The form of an error; the script is the same in both.
    #[command(flatten)]
    pub form: OutputArgs,
}

pub(super) fn run(args: CompletionsArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let mut script = Vec::new();
    // Into memory: the generator panics where it cannot write.
    clap_complete::generate(args.shell, &mut Cli::command(), "exchequer", &mut script);
    printer.text(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Good)
}
