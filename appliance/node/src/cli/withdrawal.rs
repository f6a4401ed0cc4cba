//! `exchequer withdrawal`: money that leaves, its whole story, and the consent to it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use exchequer_api::dto::{
    ApprovalKeys, ApproveWithdrawal, Attention, NamedWithdrawal, Reasoned, RequestWithdrawal, Withdrawal,
    WithdrawalExplained, WithdrawalMoved, WithdrawalRequested, Withdrawals,
};
use exchequer_domain::{ChainAddress, Code, Problem, Timestamp, UserId};
use exchequer_state::ledger::Asset;
use exchequer_state::withdrawals::{FeeMode, Order, WithdrawalId, consent_bytes, payment_hash};
use reqwest::Method;

use super::approval_file;
use super::approve::cluster;
use super::args::{ClientArgs, ConsentArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::confirm::Question;
use super::exit::{Exit, Stop};
use super::money_args::{AskArgs, PartArgs, RequestArgs};
use super::output::{Printer, columns, fields, one_line, or_nothing};
use super::payout::payout_text;
use super::worker::consent;

/// `exchequer withdrawal`.
#[derive(Debug, Clone, Subcommand)]
pub enum WithdrawalVerb {
    /// List withdrawals, the newest first
    #[command(
        after_help = "Example:\n  exchequer withdrawal list\n  exchequer withdrawal list --state awaiting-approval\n  \
                            exchequer withdrawal list --user 12\n  exchequer withdrawal list --needs-attention"
    )]
    List(ListWithdrawalsArgs),
    /// Show a withdrawal
    #[command(after_help = "Example:\n  exchequer withdrawal show 7")]
    Show(ShowWithdrawalArgs),
    /// Tell the whole story of a withdrawal: every edge, every transaction, and what it waits for
    #[command(after_help = "Example:\n  exchequer withdrawal explain 7")]
    Explain(ShowWithdrawalArgs),
    /// Ask for a withdrawal in a user's name
    ///
    /// [dangerous] Moves money; wants another person. Asks for the client's name of it. The same name with the same content
    /// is the same withdrawal, for ever.
    #[command(
        after_help = "Example:\n  exchequer withdrawal request 12 --client-id rent-2026-11 --asset USDT --network \
                            tron \\\n    --to TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW --amount 250"
    )]
    Request(Box<RequestWithdrawalArgs>),
    /// Take a withdrawal back in its user's name, as long as nothing of it is signed
    #[command(after_help = "Example:\n  exchequer withdrawal cancel 7")]
    Cancel(CancelWithdrawalArgs),
    /// Agree to a withdrawal with your approval key
    ///
    /// [dangerous] What is signed is what this machine makes of the payment. Asks for the withdrawal's number.
    #[command(after_help = "Example:\n  exchequer withdrawal approve 7\n  exchequer withdrawal approve 7 --key-file \
                            /media/stick/key.p8 --yes")]
    Approve(ApproveWithdrawalArgs),
    /// Refuse a withdrawal; its money is free again
    #[command(after_help = "Example:\n  exchequer withdrawal reject 7 --reason 'CASE-91: a scam'")]
    Reject(RejectWithdrawalArgs),
}

/// `exchequer withdrawal list`.
#[derive(Debug, Clone, Args)]
pub struct ListWithdrawalsArgs {
    /// Of this user only
    #[arg(long, value_name = "USER", value_parser = clap::value_parser!(u64).range(1..))]
    pub user: Option<u64>,
    /// On this network only
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// Open ones in this state only, such as `awaiting-approval`, `queued` or `review`
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// What waits for people instead: payouts that were set aside, addresses that are blocked, queues that stand, and what to do
    #[arg(long, conflicts_with_all = ["user", "network", "state", "before", "limit"])]
    pub needs_attention: bool,
    /// Which part of them.
    #[command(flatten)]
    pub part: PartArgs,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `exchequer withdrawal show` and `explain`.
#[derive(Debug, Clone, Args)]
pub struct ShowWithdrawalArgs {
    /// The withdrawal's number
    #[arg(value_name = "WITHDRAWAL")]
    pub withdrawal: u64,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `exchequer withdrawal request`.
#[derive(Debug, Clone, Args)]
pub struct RequestWithdrawalArgs {
    /// The user's number
    #[arg(value_name = "USER")]
    pub user: u64,
    /// The name of it, the user's for ever
    #[arg(long, value_name = "NAME")]
    pub client_id: String,
    /// Of what
    #[arg(long, value_name = "ASSET")]
    pub asset: String,
    /// On which network
    #[arg(long, value_name = "NETWORK")]
    pub network: String,
    /// Where to
    #[arg(long, value_name = "ADDRESS")]
    pub to: String,
    /// What the receiver wants to be told
    #[arg(long, value_name = "TEXT")]
    pub memo: Option<String>,
    /// How much
    #[arg(long, value_name = "AMOUNT")]
    pub amount: String,
    /// Who bears the fee
    #[arg(long, value_name = "MODE", value_parser = ["deduct", "on-top"], default_value = "deduct")]
    pub fee_mode: String,
    /// How it is changed.
    #[command(flatten)]
    pub change: RequestArgs,
}

/// `exchequer withdrawal cancel`.
#[derive(Debug, Clone, Args)]
pub struct CancelWithdrawalArgs {
    /// The withdrawal's number
    #[arg(value_name = "WITHDRAWAL")]
    pub withdrawal: u64,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer withdrawal approve`.
#[derive(Debug, Clone, Args)]
pub struct ApproveWithdrawalArgs {
    /// The withdrawal's number
    #[arg(value_name = "WITHDRAWAL")]
    pub withdrawal: u64,
    /// The file with the approval key
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer withdrawal reject`.
#[derive(Debug, Clone, Args)]
pub struct RejectWithdrawalArgs {
    /// The withdrawal's number
    #[arg(value_name = "WITHDRAWAL")]
    pub withdrawal: u64,
    /// Why.
    #[command(flatten)]
    pub reason: super::args::ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl WithdrawalVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            WithdrawalVerb::List(args) => &args.ask.client,
            WithdrawalVerb::Show(args) | WithdrawalVerb::Explain(args) => &args.ask.client,
            WithdrawalVerb::Request(args) => &args.change.client,
            WithdrawalVerb::Cancel(args) => &args.client,
            WithdrawalVerb::Approve(args) => &args.client,
            WithdrawalVerb::Reject(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &WithdrawalVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        WithdrawalVerb::List(args) if args.needs_attention => {
            let found: Attention = client.get(&["attention"], &consistency(args.ask.stale)).await?;
            printer.answer(&found, attention_text)?;
        }
        WithdrawalVerb::List(args) => {
            let mut query = consistency(args.ask.stale);
            query.extend(args.user.map(|user| ("user", user.to_string())));
            query.extend(args.network.clone().map(|network| ("network", network)));
            query.extend(args.state.clone().map(|state| ("state", state)));
            args.part.add_to(&mut query);
            let found: Withdrawals = client.get(&["withdrawals"], &query).await?;
            printer.answer(&found, list_text)?;
            if let Some(before) = found.next_before {
                printer.note(&format!("\nThere may be more: --before {before}"))?;
            }
        }
        WithdrawalVerb::Show(args) => {
            let one = find(&client, args.withdrawal, &consistency(args.ask.stale)).await?;
            printer.answer(&one, one_text)?;
        }
        WithdrawalVerb::Explain(args) => {
            let path = ["withdrawals", &args.withdrawal.to_string(), "explain"];
            let told: WithdrawalExplained = client.get(&path, &consistency(args.ask.stale)).await?;
            printer.answer(&told, explain_text)?;
        }
        WithdrawalVerb::Request(args) => request(&client, args, printer).await?,
        WithdrawalVerb::Cancel(args) => {
            let id = args.command.id()?;
            let one = find(&client, args.withdrawal, &[]).await?;
            let body = NamedWithdrawal { withdrawal: args.withdrawal, command_id: Some(id.to_string()) };
            let path = ["users", &one.user.to_string(), "withdrawals", "cancel"];
            let done: WithdrawalMoved = send(&client, Method::POST, &path, &body, id).await?;
            printer.answer(&done, moved_text)?;
        }
        WithdrawalVerb::Approve(args) => approve(&client, args, printer).await?,
        WithdrawalVerb::Reject(args) => {
            let id = args.command.id()?;
            let body = Reasoned { reason: args.reason.reason.clone(), command_id: Some(id.to_string()) };
            let path = ["withdrawals", &args.withdrawal.to_string(), "reject"];
            let done: WithdrawalMoved = send(&client, Method::POST, &path, &body, id).await?;
            printer.answer(&done, moved_text)?;
        }
    }
    Ok(Exit::Good)
}

async fn find(client: &Client, number: u64, query: &[(&'static str, String)]) -> Result<Withdrawal, Problem> {
    client.get(&["withdrawals", &number.to_string()], query).await
}

async fn request(client: &Client, args: &RequestWithdrawalArgs, printer: &mut Printer) -> Result<(), Stop> {
    let consequence =
        format!("{} {} of user {} leave for {} on {}.", args.amount, args.asset, args.user, args.to, args.network);
    let question =
        Question { consequence: &consequence, phrase: &args.client_id, phrase_is: "the name of the withdrawal" };
    consent(args.change.consent, "exchequer withdrawal request", &question, printer)?;
    let id = args.change.command.id()?;
    let body = RequestWithdrawal {
        client_id: args.client_id.clone(),
        asset: args.asset.clone(),
        network: args.network.clone(),
        address: args.to.clone(),
        memo: args.memo.clone(),
        amount: args.amount.clone(),
        fee_mode: Some(args.fee_mode.clone()),
        otp: None,
        command_id: Some(id.to_string()),
    };
    let client = client.proposing(&args.change.propose);
    let path = ["users", &args.user.to_string(), "withdrawals"];
    let done: WithdrawalRequested = send(&client, Method::POST, &path, &body, id).await?;
    printer.answer(&done, |done| {
        let told = match done.first {
            true => format!("Withdrawal {} is {}", done.withdrawal, done.state),
            false => format!("Withdrawal {} was asked for before; it is {}", done.withdrawal, done.state),
        };
        match &done.warning {
            Some(warning) => format!("{told}\n\nLook: {}", one_line(warning)),
            None => told,
        }
    })
}

/// Signs what this machine makes of the payment: the hash that the server shows is not believed.
async fn approve(client: &Client, args: &ApproveWithdrawalArgs, printer: &mut Printer) -> Result<(), Stop> {
    let one = find(client, args.withdrawal, &[]).await?;
    let untrue = |what: &str| Problem::new(Code::ApprovalSignature, format!("{what}; nothing is signed"));
    if one.withdrawal != args.withdrawal || one.state != "awaiting-approval" {
        return Err(
            Problem::new(Code::WithdrawalStage, format!("withdrawal {} is {}", one.withdrawal, one.state)).into()
        );
    }
    let on_chain: u128 = one.on_chain.parse().map_err(|_| untrue("the amount cannot be read"))?;
    let order = Order {
        user: UserId(one.user),
        client_id: one.client_id.clone(),
        asset: Asset(one.asset_number),
        network: one.network.parse().map_err(|_| untrue("the network cannot be read"))?,
        to: ChainAddress::canonical(&one.address).map_err(|_| untrue("the address cannot be read"))?,
        memo: one.memo.clone(),
        amount: 0,
        mode: FeeMode::Deduct,
    };
    let cap: u64 = one.fee_cap.parse().map_err(|_| untrue("the most that it may cost cannot be read"))?;
    let hash = payment_hash(&order, on_chain, cap);
    if hash.to_string() != one.hash {
        return Err(untrue("the hash that the server shows is not that of the payment").into());
    }
    let path = approval_file::path(args.key_file.as_deref())?;
    let pair = approval_file::read(&path)?;
    let public = hex::encode(approval_file::public(&pair));
    let keys: ApprovalKeys = client.get(&["approval-keys"], &[]).await?;
    let key = keys.keys.iter().find(|key| key.public_key == public).ok_or_else(|| {
        Problem::new(Code::ApprovalKeyUnknown, format!("the key in {} is not enrolled", path.display()))
            .hint("enrol it with `exchequer approve key enrol`, and have another person confirm it")
    })?;
    if !args.consent.yes && printer.can_ask() {
        printer.prompt(&format!("{}\n\n", one_text(&one)))?;
    }
    let phrase = args.withdrawal.to_string();
    let question = Question {
        consequence: "The approval that is needed last lets it go on at once.",
        phrase: &phrase,
        phrase_is: "the withdrawal's number",
    };
    consent(args.consent, "exchequer withdrawal approve", &question, printer)?;

    let until = Timestamp(one.approve_until_us);
    let bytes = consent_bytes(cluster(client).await?, WithdrawalId(args.withdrawal), hash, until);
    let id = args.command.id()?;
    let signature = hex::encode(pair.sign(&bytes).as_ref());
    let body = ApproveWithdrawal { key: key.number, signature, command_id: Some(id.to_string()) };
    let path = ["withdrawals", &phrase, "approve"];
    let done: WithdrawalMoved = send(client, Method::POST, &path, &body, id).await?;
    printer.answer(&done, moved_text)
}

fn moved_text(done: &WithdrawalMoved) -> String {
    format!("Withdrawal {} is {}", done.withdrawal, done.state)
}

fn attention_text(found: &Attention) -> String {
    if found.matters.is_empty() {
        return "Nothing waits for people.".to_owned();
    }
    let rows = found.matters.iter().map(|one| {
        [
            one.severity.clone(),
            one.concern.clone(),
            one.network.clone(),
            one_line(&one.subject),
            or_nothing(one.payout),
            or_nothing(one.withdrawal),
            one.since.clone(),
            one_line(&one.what_to_do),
        ]
    });
    columns(["SEVERITY", "CONCERN", "NETWORK", "ABOUT", "PAYOUT", "WITHDRAWAL", "SINCE", "WHAT TO DO"], rows)
}

fn list_text(found: &Withdrawals) -> String {
    let rows = found.withdrawals.iter().map(|one| {
        [
            one.withdrawal.to_string(),
            one.user.to_string(),
            one.network.clone(),
            one.state.clone(),
            format!("{} {}", one.amount, one.asset),
            or_nothing(one.usd.clone()),
            one.destination.clone(),
            one.requested_at.clone(),
            one.address.clone(),
        ]
    });
    columns(["WITHDRAWAL", "USER", "NETWORK", "STATE", "AMOUNT", "USD", "TO-KIND", "REQUESTED", "TO"], rows)
}

fn one_text(one: &Withdrawal) -> String {
    let numbers: Vec<String> = one.approved_by.iter().map(|admin| format!("admin {admin}")).collect();
    let block = one.block.as_ref().map(|block| format!("{} {}", block.height, block.hash));
    let listed = |texts: Vec<String>| if texts.is_empty() { "-".to_owned() } else { texts.join(", ") };
    fields([
        ("Withdrawal", one.withdrawal.to_string()),
        ("User", one.user.to_string()),
        ("Name", one_line(&one.client_id)),
        ("State", one.state.clone()),
        ("Network", one.network.clone()),
        ("To", one.address.clone()),
        ("Memo", one.memo.as_deref().map_or_else(|| "-".to_owned(), one_line)),
        ("Amount", format!("{} {}", one.amount, one.asset)),
        ("Fee", one.fee.clone()),
        ("Receives", one.receives.clone()),
        ("On chain", one.on_chain.clone()),
        ("Network's fee at most", one.fee_cap.clone()),
        ("US dollars", or_nothing(one.usd.clone())),
        ("Kind of address", one.destination.clone()),
        ("Look", one.warning.as_deref().map_or_else(|| "-".to_owned(), one_line)),
        ("Asked for by", one_line(&one.initiator)),
        ("Rule", one_line(&one.rule)),
        ("Needs", listed(one.needs.clone())),
        ("Approved by", listed(numbers)),
        ("Payout", or_nothing(one.payout)),
        ("Transaction", or_nothing(one.tx.clone())),
        ("Block", or_nothing(block)),
        ("Hash", one.hash.clone()),
        ("Asked for", one.requested_at.clone()),
        ("Moved", one.moved_at.clone()),
    ])
}

fn explain_text(told: &WithdrawalExplained) -> String {
    let rows = told.traces.iter().map(|trace| {
        [
            trace.at.clone(),
            trace.to.clone(),
            trace.by.as_deref().map_or_else(|| "-".to_owned(), one_line),
            one_line(&trace.what),
        ]
    });
    let story = columns(["AT", "STATE", "BY", "WHAT"], rows);
    let payout = told.payout.as_ref().map_or_else(String::new, |payout| format!("\n\n{}", payout_text(payout)));
    format!("{}\n\n{story}{payout}\n\nNow: {}", one_text(&told.withdrawal), one_line(&told.now))
}
