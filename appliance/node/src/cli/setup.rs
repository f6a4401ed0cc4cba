//! `exchequer init` and `exchequer join`: what an operator sees of making a node.

use super::args::{InitArgs, JoinArgs};
use super::exit::{Exit, Stop};
use super::local;
use super::output::{Printer, fields};
use super::reports::{InitReport, JoinReport, OwnerReport};
use super::secret_input;
use crate::install::Owner;

pub(super) fn init(args: &InitArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let owner = match &args.owner {
        Some(name) => {
            let password = secret_input::new_password(printer, args.owner_password_file.as_deref())?;
            let person = args.owner_person.clone().unwrap_or_else(|| name.clone());
            Some(Owner { name: name.clone(), person, password })
        }
        None => None,
    };
    let report = local::init(args, owner)?;
    printer.answer(&report, init_text)?;
    if report.owner.is_some() {
        printer.note(
            "\nKeep secret and recovery codes of the owner now, apart from each other: they are not shown again.",
        )?;
    }
    let folder = report.data_dir.display();
    printer.note(&format!(
        "\nKeep the operator token now: it is not shown again.\nStart the node: exchequer server --data-dir {folder}\n\
         Then, with the token in EXCHEQUER_TOKEN, for each further node: exchequer cluster token create --data-dir {folder} --reason TEXT"
    ))?;
    Ok(Exit::Good)
}

pub(super) async fn join(args: &JoinArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let report = local::join(args).await?;
    printer.answer(&report, join_text)?;
    printer.note(&format!("\nStart the node: exchequer server --data-dir {}", report.data_dir.display()))?;
    Ok(Exit::Good)
}

pub(super) fn init_text(report: &InitReport) -> String {
    let kind = if report.sandbox { " (sandbox)" } else { "" };
    let owner = report.owner.as_ref().map_or_else(String::new, owner_text);
    let node = fields([
        ("Cluster", format!("{}{kind}", report.cluster_id)),
        ("Node", format!("{} (id {})", report.node, report.node_id)),
        ("API", report.api_address.clone()),
        ("Peer", report.peer_address.clone()),
        ("Data folder", report.data_dir.display().to_string()),
        ("CA fingerprint", report.ca_fingerprint.clone()),
        ("Operator token", report.operator_token.clone()),
    ]);
    format!("{node}{owner}")
}

fn owner_text(owner: &OwnerReport) -> String {
    let codes = owner.recovery_codes.join("\n  ");
    let rows = [("Owner", owner.name.clone()), ("Secret", owner.secret.clone()), ("Authenticator", owner.uri.clone())];
    format!("\n\n{}\nRecovery codes, each for one use:\n  {codes}", fields(rows))
}

pub(super) fn join_text(report: &JoinReport) -> String {
    fields([
        ("Cluster", report.cluster_id.clone()),
        ("Node", format!("{} (id {})", report.node, report.node_id)),
        ("API", report.api_address.clone()),
        ("Peer", report.peer_address.clone()),
        ("Data folder", report.data_dir.display().to_string()),
    ])
}
