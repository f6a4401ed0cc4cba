//! `exchequer status`: one node and its cluster at a glance. The exit code tells the health.

use clap::Args;
use exchequer_api::dto::NodeStatus;

use super::args::{ClientArgs, StaleArgs};
use super::client::{Client, consistency};
use super::exit::{Exit, Stop};
use super::output::{Printer, fields, one_line, or_nothing};

/// `exchequer status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// A status is always the asked node's own view.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

pub(super) async fn run(args: &StatusArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    // A status is wanted most when nothing can be agreed on, so it never waits for a leader.
    let query = if args.stale.stale { consistency(args.stale) } else { Vec::new() };
    let status: NodeStatus = Client::open(&args.client)?.get(&["status"], &query).await?;
    let exit = Exit::of_health(&status.health)?;
    printer.answer(&status, text)?;
    Ok(exit)
}

pub(super) fn text(status: &NodeStatus) -> String {
    let leader = status.leader.as_ref().zip(status.leader_id).map(|(name, id)| format!("{name} (id {id})"));
    let kind = if status.sandbox { " (sandbox)" } else { "" };
    let mut text = fields([
        ("Node", format!("{} (id {})", status.node, status.id)),
        ("Version", status.version.clone()),
        ("Cluster", format!("{}{kind}", status.cluster_id)),
        ("Health", status.health.clone()),
        ("Failure tolerance", status.failure_tolerance.to_string()),
        ("Voters", status.voters.to_string()),
        ("Learners", status.learners.to_string()),
        ("Role", status.role.clone()),
        ("Leader", or_nothing(leader)),
        ("Term", status.term.to_string()),
        ("Epoch", or_nothing(status.epoch)),
        ("Last index", status.last_index.to_string()),
        ("Committed", status.committed.to_string()),
        ("Applied", status.applied.to_string()),
        ("Flushed", status.flushed.to_string()),
        ("Snapshot index", or_nothing(status.snap_index)),
        ("State hash", status.state_hash.clone()),
        ("Replicated time", status.time.clone()),
    ]);
    if let Some(signer) = &status.signer {
        let why = if signer.why.is_empty() { String::new() } else { format!(": {}", one_line(&signer.why)) };
        let known = |what: &str, number: Option<u64>| number.map_or_else(String::new, |n| format!(", {what} {n}"));
        let (followed, epoch) = (known("followed up to", signer.followed), known("epoch", signer.epoch));
        let policy = known("policy", signer.policy);
        text.push_str(&format!("\n\nSigner: {}{followed}{epoch}{policy}{why}", signer.state));
    }
    if let Some(waits) = &status.authority_waits {
        let whom = if waits.is_empty() { "its own next step".to_owned() } else { one_line(&waits.join(", ")) };
        text.push_str(&format!("\n\nA new certificate authority is being taken up; {} waits for {whom}", status.node));
    }
    if let Some(since) = &status.stopped_since {
        text.push_str(&format!("\n\nThe exchange is stopped since {since}: see `exchequer emergency status`"));
    }
    for window in &status.maintenance {
        let (state, until) = (if window.open { "open" } else { "announced" }, window.ends_at.as_deref());
        let until = until.map_or_else(String::new, |at| format!(" to {at}"));
        let (extent, from, banner) = (&window.extent, &window.starts_at, one_line(&window.banner));
        text.push_str(&format!(
            "\n\nMaintenance {} of {extent} is {state}, from {from}{until}: {banner}",
            window.number
        ));
    }
    if !status.problems.is_empty() {
        text.push_str("\n\nProblems:");
        status.problems.iter().for_each(|problem| text.push_str(&format!("\n  {}", one_line(problem))));
    }
    text
}
