//! `exchequer payout`: the transactions that pay withdrawals, and what people decide about those that are in doubt.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use exchequer_api::dto::{Block, DeathProof, NonceSet, Payout, PayoutReviewed, ReviewPayout, SetNonce};
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::args::ClientArgs;
use super::client::{Client, consistency};
use super::command::send;
use super::confirm::Question;
use super::exit::{Exit, Stop};
use super::money_args::{AskArgs, ChangeArgs, read_json};
use super::output::{Printer, columns, fields, one_line, or_nothing};

/// `exchequer payout`.
#[derive(Debug, Clone, Subcommand)]
pub enum PayoutVerb {
    /// Show a payout, with its attempts
    #[command(after_help = "Example:\n  exchequer payout show 3")]
    Show(ShowPayoutArgs),
    /// Send the same bytes again
    #[command(after_help = "Example:\n  exchequer payout retry 3 --from stuck --reason 'OPS-530'")]
    Retry(DecidePayoutArgs),
    /// Replace it by a transaction that pays more to the network
    #[command(after_help = "Example:\n  exchequer payout bump 3 --from stuck --reason 'OPS-531'")]
    Bump(DecidePayoutArgs),
    /// Replace it by a transaction that pays nobody
    #[command(after_help = "Example:\n  exchequer payout cancel 3 --from stuck --reason 'OPS-532'")]
    Cancel(DecidePayoutArgs),
    /// Say that it was paid by a transaction that is none of its attempts
    ///
    /// [dangerous] Wants another person, and proof that no attempt can be mined. Asks for the payout's number.
    #[command(
        after_help = "Example:\n  exchequer payout mark-external 3 --from review --evidence found.json --reason \
                            'OPS-533'"
    )]
    MarkExternal(ProvePayoutArgs),
    /// Give the money of its withdrawals back
    ///
    /// [dangerous] Wants another person, and proof that no attempt can be mined. Asks for the payout's number.
    #[command(
        after_help = "Example:\n  exchequer payout refund 3 --from review --evidence proof.json --reason 'OPS-534'"
    )]
    Refund(ProvePayoutArgs),
    /// Say that it ended without paying, as its worker says
    ///
    /// [dangerous] Wants another person: look at the chain, not at the worker. Asks for the payout's number.
    #[command(after_help = "Example:\n  exchequer payout confirm 3 --from review --reason 'OPS-535'")]
    Confirm(DecidePayoutArgs),
    /// Set the next nonce of an address that pays
    ///
    /// [dangerous] Wants another person: read it from several explorers or nodes. Payouts that are open keep their nonces. Asks for
    /// the network's name.
    #[command(
        after_help = "Example:\n  exchequer payout nonce ethereum --wallet 2 --index 0 --next 20 --reason 'OPS-536'"
    )]
    Nonce(NonceArgs),
}

/// `exchequer payout nonce`.
#[derive(Debug, Clone, Args)]
pub struct NonceArgs {
    /// The network
    #[arg(value_name = "NETWORK")]
    pub network: String,
    /// The wallet's number
    #[arg(long, value_name = "WALLET")]
    pub wallet: u32,
    /// The number of the wallet's address
    #[arg(long, value_name = "INDEX")]
    pub index: u32,
    /// The next nonce, as several nodes of the network have it
    #[arg(long, value_name = "NONCE")]
    pub next: u64,
    /// How it is changed.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// `exchequer payout show`.
#[derive(Debug, Clone, Args)]
pub struct ShowPayoutArgs {
    /// The payout's number
    #[arg(value_name = "PAYOUT")]
    pub payout: u64,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `exchequer payout retry`, `bump`, `cancel` and `confirm`.
#[derive(Debug, Clone, Args)]
pub struct DecidePayoutArgs {
    /// The payout's number
    #[arg(value_name = "PAYOUT")]
    pub payout: u64,
    /// The state in which it was found; refused where it has moved since
    #[arg(long, value_name = "STATE", value_parser = ["stuck", "unknown", "review"])]
    pub from: String,
    /// How it is changed.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// `exchequer payout mark-external` and `refund`.
#[derive(Debug, Clone, Args)]
pub struct ProvePayoutArgs {
    /// The payout's number
    #[arg(value_name = "PAYOUT")]
    pub payout: u64,
    /// The state in which it was found; refused where it has moved since
    #[arg(long, value_name = "STATE", value_parser = ["stuck", "unknown", "review"])]
    pub from: String,
    /// A file with `proof`, and to mark it with `tx`, `block` and `fee`, in JSON as the API takes them
    #[arg(long, value_name = "FILE")]
    pub evidence: PathBuf,
    /// How it is changed.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// What is in a file of evidence.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Evidence {
    tx: Option<String>,
    block: Option<Block>,
    fee: Option<String>,
    proof: Option<DeathProof>,
}

impl PayoutVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            PayoutVerb::Show(args) => &args.ask.client,
            PayoutVerb::Retry(args) | PayoutVerb::Bump(args) | PayoutVerb::Cancel(args) | PayoutVerb::Confirm(args) => {
                &args.change.client
            }
            PayoutVerb::MarkExternal(args) | PayoutVerb::Refund(args) => &args.change.client,
            PayoutVerb::Nonce(args) => &args.change.client,
        }
    }
}

pub(super) async fn run(verb: &PayoutVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        PayoutVerb::Show(args) => {
            let path = ["payouts", &args.payout.to_string()];
            let payout: Payout = client.get(&path, &consistency(args.ask.stale)).await?;
            printer.answer(&payout, payout_text)?;
        }
        PayoutVerb::Retry(args) => decide(&client, args, "resend", printer).await?,
        PayoutVerb::Bump(args) => decide(&client, args, "bump", printer).await?,
        PayoutVerb::Cancel(args) => decide(&client, args, "cancel-by-noop", printer).await?,
        PayoutVerb::MarkExternal(args) => proved(&client, args, "mark-external", printer).await?,
        PayoutVerb::Refund(args) => proved(&client, args, "refund", printer).await?,
        PayoutVerb::Confirm(args) => decide(&client, args, "confirm", printer).await?,
        PayoutVerb::Nonce(args) => set_nonce(&client, args, printer).await?,
    }
    Ok(Exit::Good)
}

async fn decide(client: &Client, args: &DecidePayoutArgs, word: &str, printer: &mut Printer) -> Result<(), Stop> {
    review(client, (args.payout, &args.from, word), &args.change, Evidence::default(), printer).await
}

async fn proved(client: &Client, args: &ProvePayoutArgs, word: &str, printer: &mut Printer) -> Result<(), Stop> {
    let evidence: Evidence = read_json(&args.evidence)?;
    review(client, (args.payout, &args.from, word), &args.change, evidence, printer).await
}

async fn set_nonce(client: &Client, args: &NonceArgs, printer: &mut Printer) -> Result<(), Stop> {
    let question = Question {
        consequence: "What the address pays next has this nonce; with a wrong one it pays nothing.",
        phrase: &args.network,
        phrase_is: "the network's name",
    };
    let (client, id) = args.change.begin(client, "exchequer payout nonce", &question, printer)?;
    let body = SetNonce {
        wallet: args.wallet,
        wallet_index: args.index,
        next: args.next,
        reason: args.change.why(),
        command_id: Some(id.to_string()),
    };
    let done: NonceSet = send(&client, Method::POST, &["networks", &args.network, "nonce"], &body, id).await?;
    printer.answer(&done, |done| format!("The next nonce of that address on {} is {}", args.network, done.next))
}

async fn review(
    client: &Client,
    (payout, from, decision): (u64, &str, &str),
    change: &ChangeArgs,
    evidence: Evidence,
    printer: &mut Printer,
) -> Result<(), Stop> {
    let number = payout.to_string();
    let question = Question {
        consequence: "What becomes of the payment is decided by this.",
        phrase: &number,
        phrase_is: "the payout's number",
    };
    let (client, id) = change.begin(client, "exchequer payout", &question, printer)?;
    let Evidence { tx, block, fee, proof } = evidence;
    let body = ReviewPayout {
        decision: decision.to_owned(),
        from: from.to_owned(),
        tx,
        block,
        fee,
        proof,
        reason: change.why(),
        command_id: Some(id.to_string()),
    };
    let done: PayoutReviewed = send(&client, Method::POST, &["payouts", &number, "review"], &body, id).await?;
    printer.answer(&done, |done| format!("Payout {} is {}", done.payout, done.state))
}

pub(super) fn payout_text(payout: &Payout) -> String {
    let head = fields([
        ("Payout", payout.payout.to_string()),
        ("Network", payout.network.clone()),
        ("Wallet", format!("{}, address {}", payout.wallet, payout.wallet_index)),
        ("State", payout.state.clone()),
    ]);
    let rows = payout.attempts.iter().map(|attempt| {
        [
            attempt.number.to_string(),
            attempt.purpose.clone(),
            attempt.claim.clone(),
            attempt.fee_max.clone(),
            if attempt.dead { "yes" } else { "no" }.to_owned(),
            or_nothing(attempt.tx.clone()),
            one_line(&attempt.answers.join("; ")),
        ]
    });
    let attempts = columns(["ATTEMPT", "FOR", "CLAIM", "FEE-MAX", "DEAD", "TX", "ANSWERS"], rows);
    let denied = payout.denied.as_ref().map(|how| format!("\nIts worker says: {how}"));
    format!("{head}{}\n\n{attempts}", denied.unwrap_or_default())
}
