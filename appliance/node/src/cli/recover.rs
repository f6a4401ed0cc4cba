//! `exchequer cluster recover plan|apply`: going on from one survivor when a majority is lost for good.

use clap::Subcommand;

use super::args::{RecoverApplyArgs, RecoverPlanArgs};
use super::confirm::{self, Question};
use super::exit::{Exit, Stop};
use super::local::{self, Plan};
use super::output::{Printer, columns, fields};
use exchequer_domain::{Code, Problem};

/// `exchequer cluster recover`.
#[derive(Debug, Clone, Subcommand)]
pub enum RecoverVerb {
    /// Show what recovery on this node would mean; nothing is changed
    ///
    /// Stop all servers that are left and run this on each of them. Only the one with the highest last term, and among
    /// those the highest last index, may go on.
    #[command(after_help = "Example:\n  exchequer cluster recover plan --data-dir /var/lib/exchequer")]
    Plan(RecoverPlanArgs),
    /// Make this node the only member
    ///
    /// [dangerous] The cluster begins a new lineage: every other node is refused and must join again with an empty
    /// folder. Writes that only the lost nodes held are lost. Bring lost nodes back instead wherever that is possible.
    #[command(after_help = "Example:\n  exchequer cluster recover apply --data-dir /var/lib/exchequer \\\n    \
                      --confirm 00112233445566778899aabbccddeeff --reason 'n1 and n3 burnt down'")]
    Apply(RecoverApplyArgs),
}

pub(super) async fn run(verb: &RecoverVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    match verb {
        RecoverVerb::Plan(args) => printer.answer(&local::recovery_plan(&args.folder.data_dir).await?, text)?,
        RecoverVerb::Apply(args) => apply(args, printer).await?,
    }
    Ok(Exit::Good)
}

async fn apply(args: &RecoverApplyArgs, printer: &mut Printer) -> Result<(), Stop> {
    let confirmed = match &args.confirm {
        Some(id) => {
            // What was confirmed unseen is shown all the same; programs find it in the answer.
            let plan = local::recovery_plan(&args.folder.data_dir).await?;
            printer.note(&text(&plan))?;
            id.clone()
        }
        None if printer.can_ask() => {
            let plan = local::recovery_plan(&args.folder.data_dir).await?;
            let consequence = text(&plan);
            let question =
                Question { consequence: &consequence, phrase: &plan.cluster_id, phrase_is: "the cluster's id" };
            confirm::ask(printer, &question)?;
            plan.cluster_id
        }
        None => {
            let message = "there is no terminal to ask for confirmation on; nothing was changed";
            return Err(Problem::new(Code::RecoverUnconfirmed, message).into());
        }
    };
    let done = local::recover(&args.folder.data_dir, &confirmed, &args.reason.reason).await?;
    printer.answer(&done, |it| {
        format!(
            "Recovered: node {} is the only member of cluster {} since index {}, lineage {}",
            it.node_id, it.cluster_id, it.index, it.lineage
        )
    })?;
    printer.note("\nStart the server, then let other machines join with empty folders.")
}

pub(super) fn text(plan: &Plan) -> String {
    let head = fields([
        ("Cluster", plan.cluster_id.clone()),
        ("Lineage", plan.lineage.to_string()),
        ("Node", plan.node_id.to_string()),
        ("Last term", plan.last_term.to_string()),
        ("Last index", plan.last_index.to_string()),
        ("Committed", plan.committed_index.to_string()),
        ("Uncertain entries", plan.uncertain_entries.to_string()),
    ]);
    let rows = plan.members.iter().map(|member| {
        let fate = if member.survives { "goes on" } else { "is dropped" };
        [member.name.clone(), member.id.to_string(), member.address.clone(), member.voter.to_string(), fate.to_owned()]
    });
    let members = columns(["NODE", "ID", "ADDRESS", "VOTER", "FATE"], rows);
    let warnings: String = plan.warnings.iter().map(|warning| format!("\n  {warning}")).collect();
    if warnings.is_empty() {
        format!("{head}\n\n{members}")
    } else {
        format!("{head}\n\n{members}\n\nBefore you go on:{warnings}")
    }
}
