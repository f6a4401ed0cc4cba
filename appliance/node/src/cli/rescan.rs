//! `exchequer deposit rescan`: the workers of a network look again at blocks that were scanned.

use clap::Args;
use exchequer_api::dto::{DirectivesSent, SendDirective};
use reqwest::Method;

use super::args::{ClientArgs, ReasonArgs};
use super::client::Client;
use super::command::{CommandArgs, send};
use super::exit::Stop;
use super::output::Printer;

/// What the worker knows it as.
const RESCAN: &str = exchequer_workers::kinds::deposit::RESCAN;

/// `exchequer deposit rescan`.
#[derive(Debug, Clone, Args)]
pub struct RescanArgs {
    /// The network
    #[arg(value_name = "NETWORK")]
    pub network: String,
    /// The first block's height
    #[arg(value_name = "FROM")]
    pub from: u64,
    /// The last block's height, at most 1,999 above
    #[arg(value_name = "TO")]
    pub to: u64,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

pub(super) async fn run(client: &Client, args: &RescanArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = SendDirective {
        target: format!("deposit.{}", args.network),
        action: RESCAN.to_owned(),
        payload: Some(format!("{} {}", args.from, args.to)),
        // It changes nothing.
        idempotent: Some(true),
        priority: None,
        key: None,
        not_before: None,
        deadline: None,
        max_attempts: Some(1),
        needs_approval: None,
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let done: DirectivesSent = send(client, Method::POST, &["directives"], &body, id).await?;
    printer.answer(&done, |done| {
        let one = |sent: &exchequer_api::dto::DirectiveSent| {
            format!("Asked for; what the state has otherwise is told by: exchequer command show {}", sent.directive)
        };
        done.directives.iter().map(one).collect::<Vec<_>>().join("\n")
    })
}
