//! `exchequer ledger`: accounts, entries and balances, and moving money by hand.

use clap::{Args, Subcommand, ValueEnum};
use exchequer_api::dto::{
    Accounts, CreditUser, LedgerBalance, LedgerEntries, LedgerTransfer, LedgerVerified, RevertTransfer,
    TransferBetweenUsers, TransferPosted, TrialBalance,
};
use reqwest::Method;
use std::time::Duration;

use super::args::{ClientArgs, ProposeArgs, ReasonArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::exit::{Exit, Stop};
use super::ledger_export::{self, ExportArgs};
use super::ledger_looks::{self as looks, DryRunVerb, FeedArgs};
use super::ledger_text as text;
use super::output::Printer;

/// Reading a whole journal takes this long at most.
const VERIFY_PATIENCE: Duration = Duration::from_secs(600);

/// `exchequer ledger`.
#[derive(Debug, Clone, Subcommand)]
pub enum LedgerVerb {
    /// List the accounts of a user, or those that are nobody's
    #[command(after_help = "Example:\n  exchequer ledger accounts --user 12\n  exchequer ledger accounts")]
    Accounts(AccountsArgs),
    /// List entries of the journal, of one account or of all
    #[command(after_help = "Example:\n  exchequer ledger entries --user 12 --asset BTC\n  \
                            exchequer ledger entries --order oldest --from 1000 -n 50")]
    Entries(EntriesArgs),
    /// Show what a user had of an asset at a time
    #[command(after_help = "Example:\n  exchequer ledger balance 12 BTC\n  \
                            exchequer ledger balance 12 BTC --at 2026-11-23T00:00:00Z")]
    Balance(BalanceArgs),
    /// Show a transfer by its id
    #[command(after_help = "Example:\n  exchequer ledger show 018f3a5e0000700080000000000000ab")]
    Show(ShowTransferArgs),
    /// Move money from one user to another
    #[command(after_help = "Example:\n  exchequer ledger transfer 12 13 BTC 0.25 --note 'agreed by mail'")]
    Transfer(TransferArgs),
    /// Give a user money out of nothing; sandbox clusters only
    #[command(after_help = "Example:\n  exchequer ledger credit 12 USDT 100000")]
    Credit(CreditArgs),
    /// Say what moving money would do, and do nothing
    #[command(after_help = "Example:\n  exchequer ledger dry-run transfer 12 13 BTC 0.25")]
    DryRun {
        /// What would be done.
        #[command(subcommand)]
        verb: DryRunVerb,
    },
    /// Print the journal in order, and go on as it grows
    #[command(after_help = "Example:\n  exchequer ledger feed --from 1000\n  \
                            exchequer ledger feed --follow --output json")]
    Feed(FeedArgs),
    /// Undo a transfer by a counter-entry
    #[command(
        after_help = "Example:\n  exchequer ledger revert 018f3a5e0000700080000000000000ab --reason 'OPS-410: typo'"
    )]
    Revert(RevertArgs),
    /// Show what all users together and the exchange itself have
    #[command(after_help = "Example:\n  exchequer ledger trial-balance\n  exchequer ledger trial-balance BTC")]
    TrialBalance(TrialBalanceArgs),
    /// Read the whole journal and compare it with the balances
    #[command(after_help = "Example:\n  exchequer ledger verify\n  exchequer ledger verify --stale --address n2:8640")]
    Verify(VerifyLedgerArgs),
    /// Write a user's statement, account by account, with opening and closing balances
    #[command(
        after_help = "Example:\n  exchequer ledger export 12 --from 2026-11-01T00:00:00Z --file november.csv\n  \
                            exchequer ledger export 12 --format json-lines > 12.jsonl"
    )]
    Export(ExportArgs),
}

/// In which order entries come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OrderWord {
    /// The newest first.
    Newest,
    /// The oldest first.
    Oldest,
}

/// `exchequer ledger accounts`.
#[derive(Debug, Clone, Args)]
pub struct AccountsArgs {
    /// The user's number [default: the accounts that are nobody's]
    #[arg(long, value_name = "USER")]
    pub user: Option<u64>,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer ledger entries`.
#[derive(Debug, Clone, Args)]
pub struct EntriesArgs {
    /// The account's number [default: all accounts]
    #[arg(long, value_name = "ACCOUNT", conflicts_with = "user")]
    pub account: Option<u32>,
    /// The account of this user
    #[arg(long, value_name = "USER", requires = "asset")]
    pub user: Option<u64>,
    /// And of this asset
    #[arg(long, value_name = "ASSET", requires = "user")]
    pub asset: Option<String>,
    /// The first number [default: the newest or the oldest]
    #[arg(long, value_name = "ENTRY")]
    pub from: Option<u64>,
    /// How many entries at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub limit: u64,
    /// Which come first
    #[arg(long, value_name = "ORDER", value_enum, default_value = "newest")]
    pub order: OrderWord,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer ledger balance`.
#[derive(Debug, Clone, Args)]
pub struct BalanceArgs {
    /// The user's number
    #[arg(value_name = "USER")]
    pub user: u64,
    /// The asset
    #[arg(value_name = "ASSET")]
    pub asset: String,
    /// When, in RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer ledger show`.
#[derive(Debug, Clone, Args)]
pub struct ShowTransferArgs {
    /// The transfer's id
    #[arg(value_name = "ID")]
    pub id: String,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer ledger transfer`.
#[derive(Debug, Clone, Args)]
pub struct TransferArgs {
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
    /// The transfer's id, 32 hexadecimal digits [default: one made of the command's id]
    #[arg(long, value_name = "HEX")]
    pub id: Option<String>,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whether it is proposed.
    #[command(flatten)]
    pub propose: ProposeArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer ledger credit`.
#[derive(Debug, Clone, Args)]
pub struct CreditArgs {
    /// Who gets it
    #[arg(value_name = "USER")]
    pub user: u64,
    /// Of what
    #[arg(value_name = "ASSET")]
    pub asset: String,
    /// How much
    #[arg(value_name = "AMOUNT", allow_hyphen_values = true)]
    pub amount: String,
    /// The transfer's id, 32 hexadecimal digits [default: one made of the command's id]
    #[arg(long, value_name = "HEX")]
    pub id: Option<String>,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer ledger revert`.
#[derive(Debug, Clone, Args)]
pub struct RevertArgs {
    /// The id of the transfer to undo
    #[arg(value_name = "ID")]
    pub transfer: String,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whether it is proposed.
    #[command(flatten)]
    pub propose: ProposeArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer ledger trial-balance`.
#[derive(Debug, Clone, Args)]
pub struct TrialBalanceArgs {
    /// The asset [default: all of them]
    #[arg(value_name = "ASSET")]
    pub asset: Option<String>,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer ledger verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyLedgerArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl LedgerVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            LedgerVerb::Accounts(args) => &args.client,
            LedgerVerb::Entries(args) => &args.client,
            LedgerVerb::Balance(args) => &args.client,
            LedgerVerb::Show(args) => &args.client,
            LedgerVerb::Transfer(args) => &args.client,
            LedgerVerb::Credit(args) => &args.client,
            LedgerVerb::DryRun { verb } => verb.client(),
            LedgerVerb::Feed(args) => &args.client,
            LedgerVerb::Revert(args) => &args.client,
            LedgerVerb::TrialBalance(args) => &args.client,
            LedgerVerb::Verify(args) => &args.client,
            LedgerVerb::Export(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &LedgerVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        LedgerVerb::Accounts(args) => {
            let mut query = consistency(args.stale);
            query.extend(args.user.map(|user| ("user", user.to_string())));
            let accounts: Accounts = client.get(&["ledger", "accounts"], &query).await?;
            printer.answer(&accounts, |accounts| text::accounts(&accounts.accounts))?;
        }
        LedgerVerb::Entries(args) => entries(&client, args, printer).await?,
        LedgerVerb::Balance(args) => {
            let mut query = consistency(args.stale);
            query.push(("user", args.user.to_string()));
            query.push(("asset", args.asset.clone()));
            query.extend(args.at.iter().map(|at| ("at", at.clone())));
            let balance: LedgerBalance = client.get(&["ledger", "balance"], &query).await?;
            printer.answer(&balance, text::balance)?;
        }
        LedgerVerb::Show(args) => {
            let path = ["ledger", "transfers", &args.id];
            let transfer: LedgerTransfer = client.get(&path, &consistency(args.stale)).await?;
            printer.answer(&transfer, text::transfer)?;
        }
        LedgerVerb::Transfer(args) => transfer(&client.proposing(&args.propose), args, printer).await?,
        LedgerVerb::Credit(args) => credit(&client, args, printer).await?,
        LedgerVerb::DryRun { verb } => return looks::dry_run(&client, verb, printer).await,
        LedgerVerb::Feed(args) => looks::feed(client, args, printer).await?,
        LedgerVerb::Revert(args) => revert(&client.proposing(&args.propose), args, printer).await?,
        LedgerVerb::TrialBalance(args) => {
            let mut query = consistency(args.stale);
            query.extend(args.asset.iter().map(|asset| ("asset", asset.clone())));
            let balance: TrialBalance = client.get(&["ledger", "trial-balance"], &query).await?;
            printer.answer(&balance, text::trial_balance)?;
        }
        LedgerVerb::Verify(args) => {
            let client = client.patient(VERIFY_PATIENCE);
            let verified: LedgerVerified = client.get(&["ledger", "verify"], &consistency(args.stale)).await?;
            printer.answer(&verified, |verified| {
                format!("The journal makes the balances: {} entries, hash {}", verified.entries, verified.hash)
            })?;
        }
        LedgerVerb::Export(args) => ledger_export::run(&client, args, printer).await?,
    }
    Ok(Exit::Good)
}

async fn entries(client: &Client, args: &EntriesArgs, printer: &mut Printer) -> Result<(), Stop> {
    let mut query = consistency(args.stale);
    query.extend(args.account.map(|account| ("account", account.to_string())));
    query.extend(args.user.map(|user| ("user", user.to_string())));
    query.extend(args.asset.iter().map(|asset| ("asset", asset.clone())));
    query.extend(args.from.map(|from| ("from", from.to_string())));
    query.push(("limit", args.limit.to_string()));
    let order = match args.order {
        OrderWord::Newest => "newest",
        OrderWord::Oldest => "oldest",
    };
    query.push(("order", order.to_owned()));
    let page: LedgerEntries = client.get(&["ledger", "entries"], &query).await?;
    printer.answer(&page, |page| text::entries(&page.entries))?;
    match page.next_from {
        Some(from) => printer.note(&format!("\nThere is more: --from {from}")),
        None => Ok(()),
    }
}

async fn transfer(client: &Client, args: &TransferArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = TransferBetweenUsers {
        from: args.from,
        to: args.to,
        asset: args.asset.clone(),
        amount: args.amount.clone(),
        note: args.note.clone(),
        id: args.id.clone(),
        command_id: Some(id.to_string()),
    };
    let done: TransferPosted = send(client, Method::POST, &["ledger", "transfers"], &body, id).await?;
    printer.answer(&done, text::posted)
}

async fn credit(client: &Client, args: &CreditArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = CreditUser {
        user: args.user,
        asset: args.asset.clone(),
        amount: args.amount.clone(),
        id: args.id.clone(),
        command_id: Some(id.to_string()),
    };
    let done: TransferPosted = send(client, Method::POST, &["ledger", "credit"], &body, id).await?;
    printer.answer(&done, text::posted)
}

async fn revert(client: &Client, args: &RevertArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = RevertTransfer {
        transfer: args.transfer.clone(),
        reason: args.reason.reason.clone(),
        id: None,
        command_id: Some(id.to_string()),
    };
    let done: TransferPosted = send(client, Method::POST, &["ledger", "revert"], &body, id).await?;
    printer.answer(&done, text::posted)
}
