//! `exchequer deposit rescan`: the workers of a network look again at blocks that were scanned.

use clap::Args;
use exchequer_api::dto::{ApplyRescan, DirectivesSent, SendDirective};
use reqwest::Method;

use super::client::Client;
use super::command::send;
use super::confirm::Question;
use super::exit::Stop;
use super::money_args::ChangeArgs;
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
    /// Commit what was missed; otherwise it is only told
    #[arg(long)]
    pub apply: bool,
    /// How it is changed.
    #[command(flatten)]
    pub change: ChangeArgs,
}

pub(super) async fn run(client: &Client, args: &RescanArgs, printer: &mut Printer) -> Result<(), Stop> {
    if args.apply {
        return apply(client, args, printer).await;
    }
    let id = args.change.command.id()?;
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
        reason: args.change.why(),
        command_id: Some(id.to_string()),
    };
    let done: DirectivesSent = send(client, Method::POST, &["directives"], &body, id).await?;
    printer.answer(&done, told)
}

/// Has what was missed committed: it becomes money of users, so that it is asked for twice.
async fn apply(client: &Client, args: &RescanArgs, printer: &mut Printer) -> Result<(), Stop> {
    let question = Question {
        consequence: "What was missed in these blocks becomes deposits, and is credited where it is deep enough.",
        phrase: &args.network,
        phrase_is: "the network's name",
    };
    let (client, id) = args.change.begin(client, "exchequer deposit rescan --apply", &question, printer)?;
    let command_id = Some(id.to_string());
    let body = ApplyRescan { from: args.from, to: args.to, reason: args.change.why(), command_id };
    let done: DirectivesSent = send(&client, Method::POST, &["scans", &args.network, "apply"], &body, id).await?;
    printer.answer(&done, told)
}

fn told(done: &DirectivesSent) -> String {
    let one = |sent: &exchequer_api::dto::DirectiveSent| {
        format!("Asked for; what the state has otherwise is told by: exchequer command show {}", sent.directive)
    };
    done.directives.iter().map(one).collect::<Vec<_>>().join("\n")
}
