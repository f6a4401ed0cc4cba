//! `exchequer cluster verify`: every node hashes all its rows as of one entry, and the hashes are compared.

use std::time::Duration;

use clap::Args;
use exchequer_api::dto::{Verified, Verify};
use exchequer_domain::{Code, Problem, format_duration, parse_duration};
use reqwest::Method;

use super::args::ClientArgs;
use super::client::{Client, Repeat};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, or_nothing};

/// `exchequer cluster verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// How long to wait for every node's hash
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = parse_duration)]
    pub patience: Duration,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

pub(super) async fn run(args: &VerifyArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(&args.client)?.patient(args.patience);
    let body = Verify { patience: Some(format_duration(args.patience)) };
    // Asking twice makes every node hash twice, and changes nothing.
    let verified: Verified = client.change(Method::POST, &["cluster", "verify"], &body, Repeat::Read).await?;
    printer.answer(&verified, text)?;
    verdict(&verified)
}

/// Nodes that differ are an error; a node that did not answer in time leaves the question open.
pub(super) fn verdict(verified: &Verified) -> Result<Exit, Stop> {
    let mut hashes: Vec<&str> = verified.nodes.iter().filter_map(|node| node.hash.as_deref()).collect();
    hashes.sort_unstable();
    hashes.dedup();
    if hashes.len() > 1 {
        let message = format!("the nodes' rows differ as of index {}", verified.index);
        return Err(Problem::new(Code::StateDiverged, message)
            .hint("make no administrative changes; see `exchequer explain EXQ-0702`")
            .into());
    }
    Ok(if verified.agree { Exit::Good } else { Exit::Degraded })
}

pub(super) fn text(verified: &Verified) -> String {
    let rows = verified.nodes.iter().map(|node| {
        let hash = or_nothing(node.hash.as_ref());
        [node.node.clone(), node.id.to_string(), verified.index.to_string(), hash]
    });
    let verdict = if verified.agree { "All nodes agree" } else { "Not all nodes agree" };
    format!("{}\n\n{verdict} as of index {}", columns(["NODE", "ID", "INDEX", "HASH"], rows), verified.index)
}
