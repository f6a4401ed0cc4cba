//! `exchequer cluster autopilot`: what autopilot sees, and by which settings it acts.

use clap::Args;
use exchequer_api::dto::{Autopilot, AutopilotServer};

use super::args::{ClientArgs, StaleArgs};
use super::client::{Client, consistency};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, fields, millis, or_nothing};

/// `exchequer cluster autopilot`.
#[derive(Debug, Clone, Args)]
pub struct AutopilotArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

pub(super) async fn run(args: &AutopilotArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(&args.client)?;
    let seen: Autopilot = client.get(&["cluster", "autopilot"], &consistency(args.stale)).await?;
    printer.answer(&seen, text)?;
    Ok(if seen.healthy { Exit::Good } else { Exit::Degraded })
}

pub(super) fn text(seen: &Autopilot) -> String {
    let voters: Vec<String> = seen.voters.iter().map(u64::to_string).collect();
    let head = fields([
        ("Healthy", seen.healthy.to_string()),
        ("Failure tolerance", seen.failure_tolerance.to_string()),
        ("Leader", or_nothing(seen.leader)),
        ("Voters", voters.join(", ")),
    ]);
    let headings = [
        "NODE",
        "ID",
        "ADDRESS",
        "STATUS",
        "VERSION",
        "LEADER",
        "VOTER",
        "HEALTHY",
        "LAST-CONTACT",
        "LAST-TERM",
        "LAST-INDEX",
        "STABLE-SINCE",
    ];
    let servers = columns(headings, seen.servers.iter().map(row));
    let settings = fields(seen.settings.iter().map(|(key, value)| (key.as_str(), value.clone())));
    format!("{head}\n\n{servers}\n\n{settings}")
}

fn row(server: &AutopilotServer) -> [String; 12] {
    [
        server.name.clone(),
        server.id.to_string(),
        server.address.clone(),
        server.node_status.clone(),
        server.version.clone(),
        server.leader.to_string(),
        server.voter.to_string(),
        server.healthy.to_string(),
        millis(server.last_contact_ms),
        server.last_term.to_string(),
        server.last_index.to_string(),
        or_nothing(server.stable_since.as_ref()),
    ]
}
