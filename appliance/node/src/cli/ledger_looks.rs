//! `exchequer ledger dry-run` and `exchequer ledger feed`: what would happen, and what happens.

use std::time::Duration;

use clap::{Args, Subcommand};
use exchequer_api::dto::{CreditUser, DryRun, DryRunResult, LedgerFeed, RevertTransfer, TransferBetweenUsers};
use reqwest::Method;

use super::args::{ClientArgs, ReasonArgs, StaleArgs};
use super::client::{Client, Repeat, consistency};
use super::exit::{Exit, Stop};
use super::ledger_text as text;
use super::output::{Printer, columns};

/// How long one answer of the feed is waited for, in milliseconds.
const WAIT_MS: u64 = 20_000;

/// `exchequer ledger dry-run`.
#[derive(Debug, Clone, Subcommand)]
pub enum DryRunVerb {
    /// What moving money from one user to another would do
    #[command(after_help = "Example:\n  exchequer ledger dry-run transfer 12 13 BTC 0.25")]
    Transfer(DryTransferArgs),
    /// What giving a user money out of nothing would do; sandbox clusters only
    #[command(after_help = "Example:\n  exchequer ledger dry-run credit 12 USDT 100000")]
    Credit(DryCreditArgs),
    /// What undoing a transfer would do
    #[command(
        after_help = "Example:\n  exchequer ledger dry-run revert 018f3a5e0000700080000000000000ab --reason typo"
    )]
    Revert(DryRevertArgs),
}

/// `exchequer ledger dry-run transfer`.
#[derive(Debug, Clone, Args)]
pub struct DryTransferArgs {
    /// Who pays
    #[arg(value_name = "FROM")]
    pub from: u64,
    /// Who gets it
    #[arg(value_name = "TO")]
    pub to: u64,
    /// Of what
    #[arg(value_name = "ASSET")]
    pub asset: String,
    /// How much
    #[arg(value_name = "AMOUNT", allow_hyphen_values = true)]
    pub amount: String,
    /// A text for people
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// The transfer's id, 32 hexadecimal digits [default: one that nobody used]
    #[arg(long, value_name = "HEX")]
    pub id: Option<String>,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer ledger dry-run credit`.
#[derive(Debug, Clone, Args)]
pub struct DryCreditArgs {
    /// Who gets it
    #[arg(value_name = "USER")]
    pub user: u64,
    /// Of what
    #[arg(value_name = "ASSET")]
    pub asset: String,
    /// How much
    #[arg(value_name = "AMOUNT", allow_hyphen_values = true)]
    pub amount: String,
    /// The transfer's id, 32 hexadecimal digits [default: one that nobody used]
    #[arg(long, value_name = "HEX")]
    pub id: Option<String>,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer ledger dry-run revert`.
#[derive(Debug, Clone, Args)]
pub struct DryRevertArgs {
    /// The id of the transfer to undo
    #[arg(value_name = "ID")]
    pub transfer: String,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer ledger feed`.
#[derive(Debug, Clone, Args)]
pub struct FeedArgs {
    /// The number of the first entry
    #[arg(long, value_name = "ENTRY", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    pub from: u64,
    /// How many entries of one answer at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub limit: u64,
    /// Go on to the end, and then wait for what comes; with JSON, one answer a line
    #[arg(long)]
    pub follow: bool,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl DryRunVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            DryRunVerb::Transfer(args) => &args.client,
            DryRunVerb::Credit(args) => &args.client,
            DryRunVerb::Revert(args) => &args.client,
        }
    }

    fn body(&self) -> DryRun {
        match self {
            DryRunVerb::Transfer(args) => DryRun::Transfer(TransferBetweenUsers {
                from: args.from,
                to: args.to,
                asset: args.asset.clone(),
                amount: args.amount.clone(),
                note: args.note.clone(),
                id: args.id.clone(),
                command_id: None,
            }),
            DryRunVerb::Credit(args) => DryRun::Credit(CreditUser {
                user: args.user,
                asset: args.asset.clone(),
                amount: args.amount.clone(),
                id: args.id.clone(),
                command_id: None,
            }),
            DryRunVerb::Revert(args) => DryRun::Revert(RevertTransfer {
                transfer: args.transfer.clone(),
                reason: args.reason.reason.clone(),
                id: None,
                command_id: None,
            }),
        }
    }
}

/// A refusal is printed as the answer, and ends the program as the command itself would.
pub(super) async fn dry_run(client: &Client, verb: &DryRunVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let path = ["ledger", "dry-run"];
    let foreseen: DryRunResult = client.change(Method::POST, &path, &verb.body(), Repeat::Read).await?;
    printer.answer(&foreseen, foreseen_text)?;
    match foreseen.error {
        Some(problem) => Err(problem.into()),
        None => Ok(Exit::Good),
    }
}

fn foreseen_text(foreseen: &DryRunResult) -> String {
    let verdict = match foreseen.outcome.as_str() {
        "posted" => format!("Transfer {} would be posted", foreseen.id),
        "exists" => format!("Transfer {} was posted before: nothing would be posted", foreseen.id),
        _ if foreseen.burns_id => {
            format!("Transfer {} would be refused, and its id could not be used again", foreseen.id)
        }
        _ => format!("Transfer {} would be refused", foreseen.id),
    };
    if foreseen.entries.is_empty() {
        return verdict;
    }
    let rows = foreseen.entries.iter().map(|entry| {
        [
            entry.number.to_string(),
            entry.kind.clone(),
            entry.debit_holder.clone(),
            entry.debit_balance.clone(),
            entry.credit_holder.clone(),
            entry.credit_balance.clone(),
            entry.asset.clone(),
            entry.amount.clone(),
        ]
    });
    let table = columns(["ENTRY", "KIND", "DEBIT", "BALANCE", "CREDIT", "BALANCE", "ASSET", "AMOUNT"], rows);
    format!("{verdict}\n\n{table}")
}

pub(super) async fn feed(client: Client, args: &FeedArgs, printer: &mut Printer) -> Result<(), Stop> {
    let ask = async |client: &Client, from: u64, wait_ms: u64| -> Result<LedgerFeed, Stop> {
        let mut query = consistency(args.stale);
        query.push(("from", from.to_string()));
        query.push(("limit", args.limit.to_string()));
        query.extend((wait_ms > 0).then(|| ("wait_ms", wait_ms.to_string())));
        Ok(client.get(&["ledger", "feed"], &query).await?)
    };
    if !args.follow {
        let page = ask(&client, args.from, 0).await?;
        printer.answer(&page, |page| text::entries(&page.entries))?;
        let more = page.next_from <= page.head;
        return if more { printer.note(&format!("\nThere is more: --from {}", page.next_from)) } else { Ok(()) };
    }
    let client = client.patient(Duration::from_millis(WAIT_MS));
    let mut from = args.from;
    loop {
        let page = ask(&client, from, WAIT_MS).await?;
        from = page.next_from;
        if !page.entries.is_empty() {
            printer.line(&page, |page| text::entries(&page.entries))?;
            printer.flush()?;
        }
    }
}
