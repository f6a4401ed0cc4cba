//! `exchequer vault decisions`: the signer's decision log, read where it lies, after its chain was found whole.

use std::path::PathBuf;

use clap::Args;
use exchequer_domain::{Code, Problem};
use exchequer_vault::policy::{Decision, last_decisions};
use serde::Serialize;

use super::exit::{Exit, Stop};
use super::output::{Printer, columns, one_line};
use super::vault::VaultFolderArgs;

/// `exchequer vault decisions`.
#[derive(Debug, Clone, Args)]
pub struct DecisionsArgs {
    /// How many of the last ones at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
    /// Refusals only
    #[arg(long)]
    pub refused: bool,
    /// Which folder.
    #[command(flatten)]
    pub folder: VaultFolderArgs,
}

#[derive(Debug, Clone, Serialize)]
struct Decisions {
    file: PathBuf,
    /// The number of the last one in the file, whether it is shown or not.
    last: u64,
    decisions: Vec<Decision>,
}

pub(super) fn run(args: &DecisionsArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let refused = |decision: &Decision| !matches!(decision.verdict.as_str(), "signed" | "signed-again" | "done");
    let wanted = |decision: &Decision| !args.refused || refused(decision);
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let found = last_decisions(&args.folder.folder(), limit, wanted);
    let (file, last, decisions) =
        found.map_err(|error| Problem::new(Code::VaultDamaged, format!("the signer's decision log: {error}")))?;
    let all = Decisions { file, last, decisions };
    printer.answer(&all, text)?;
    Ok(Exit::Good)
}

fn text(all: &Decisions) -> String {
    let row = |decision: &Decision| {
        [
            decision.number.to_string(),
            decision.at.clone(),
            one_line(&decision.what),
            decision.verdict.clone(),
            one_line(&decision.reason),
        ]
    };
    let table = columns(["NUMBER", "AT", "WHAT", "VERDICT", "REASON"], all.decisions.iter().map(row));
    format!("{table}\n\nThe chain is whole up to decision {}", all.last)
}
