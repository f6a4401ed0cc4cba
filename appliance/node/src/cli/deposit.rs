//! `exchequer deposit`: what arrived, why it was or was not credited, whose it is, and how far networks are scanned.

use clap::{Args, Subcommand};
use exchequer_api::dto::{
    AssignSuspense, Block, ChainHeads, Deposit, DepositExplanation, Deposits, Finding, MoneyChanged, MovedByHand,
    ResumeChain,
};

use reqwest::Method;

use super::args::ClientArgs;
use super::client::{Client, consistency};
use super::command::send;
use super::confirm::Question;
use super::exit::{Exit, Stop};
use super::money_args::{AskArgs, ChangeArgs, PartArgs};
use super::output::{Printer, columns, fields, one_line, or_nothing};
use super::rescan::{self, RescanArgs};

/// `exchequer deposit`.
#[derive(Debug, Clone, Subcommand)]
pub enum DepositVerb {
    /// List deposits, the newest first
    #[command(after_help = "Example:\n  exchequer deposit list\n  exchequer deposit list --user 12 --network tron\n  \
                            exchequer deposit list --waiting")]
    List(ListDepositsArgs),
    /// Show a deposit
    #[command(after_help = "Example:\n  exchequer deposit show 7")]
    Show(ShowDepositArgs),
    /// Say why a transaction was or was not credited, step by step
    ///
    /// A `+` stands before what speaks for the credit, a `-` before what speaks against it.
    #[command(after_help = "Example:\n  exchequer deposit explain tron \
                            4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a")]
    Explain(ExplainDepositArgs),
    /// Decide whose a deposit is that waits for a decision
    ///
    /// [dangerous] Moves money; wants another person. Asks for the deposit's number. What the exchange moved between its own
    /// wallets by hand is `--moved-from`: the books follow, and what was missing where it came from is explained by it.
    #[command(after_help = "Example:\n  exchequer deposit assign 7 --user 12 --reason 'CASE-88'\n  exchequer deposit \
                            assign 7 --exchange --reason 'CASE-89'\n  exchequer deposit assign 7 --moved-from cold --fee \
                            0.00042 --reason 'CASE-92: refill by hand'")]
    Assign(AssignDepositArgs),
    /// Show how far each network is scanned
    #[command(after_help = "Example:\n  exchequer deposit scan")]
    Scan(AskArgs),
    /// Have blocks looked at again that were scanned, and be told what the state has otherwise
    ///
    /// It changes nothing but with `--apply`: the answer is the result of the directive that is sent.
    ///
    /// [dangerous] With `--apply` what was missed becomes deposits, by the rules of every block; that wants another person, and
    /// asks for the network's name. Look without it first.
    #[command(
        after_help = "Example:\n  exchequer deposit rescan ethereum 21000000 21000500 --reason 'CASE-90'\n  exchequer \
                            deposit rescan ethereum 21000017 21000017 --apply --reason 'CASE-90'"
    )]
    Rescan(RescanArgs),
    /// Let a network go on that stands still since a deep reorganisation
    ///
    /// [dangerous] Look first what became of what was credited. Asks for the network's name.
    #[command(after_help = "Example:\n  exchequer deposit resume polygon --reason 'OPS-520: two explorers agree'")]
    Resume(ResumeArgs),
}

/// `exchequer deposit list`.
#[derive(Debug, Clone, Args)]
pub struct ListDepositsArgs {
    /// Of this user only
    #[arg(long, value_name = "USER", value_parser = clap::value_parser!(u64).range(1..))]
    pub user: Option<u64>,
    /// On this network only
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// Only those that wait for a decision
    #[arg(long)]
    pub waiting: bool,
    /// Which part of them.
    #[command(flatten)]
    pub part: PartArgs,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `exchequer deposit show`.
#[derive(Debug, Clone, Args)]
pub struct ShowDepositArgs {
    /// The deposit's number
    #[arg(value_name = "DEPOSIT")]
    pub deposit: u64,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `exchequer deposit explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainDepositArgs {
    /// The network
    #[arg(value_name = "NETWORK")]
    pub network: String,
    /// The transaction
    #[arg(value_name = "TXID")]
    pub tx: String,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `exchequer deposit assign`.
#[derive(Debug, Clone, Args)]
pub struct AssignDepositArgs {
    /// The deposit's number
    #[arg(value_name = "DEPOSIT")]
    pub deposit: u64,
    /// To this user
    #[arg(long, value_name = "USER", required_unless_present_any = ["exchange", "moved_from"], conflicts_with = "exchange")]
    pub user: Option<u64>,
    /// To the exchange itself
    #[arg(long)]
    pub exchange: bool,
    /// To nobody: the exchange moved it by hand, from there
    #[arg(long, value_name = "STORE", value_parser = ["hot", "cold", "deposit"], requires = "fee", conflicts_with_all = ["user", "exchange"])]
    pub moved_from: Option<String>,
    /// With `--moved-from deposit`: the address's index in the pool
    #[arg(long, value_name = "INDEX", requires = "moved_from")]
    pub index: Option<u32>,
    /// With `--moved-from`: what the network took for it, in units of its coin
    #[arg(long, value_name = "AMOUNT", requires = "moved_from")]
    pub fee: Option<String>,
    /// How it is changed.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// `exchequer deposit resume`.
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// The network
    #[arg(value_name = "NETWORK")]
    pub network: String,
    /// From this block on, as HEIGHT:HASH [default: where it stood]
    #[arg(long, value_name = "BLOCK", value_parser = parse_block)]
    pub from: Option<Block>,
    /// How it is changed.
    #[command(flatten)]
    pub change: ChangeArgs,
}

fn parse_block(text: &str) -> Result<Block, String> {
    let (height, hash) = text.split_once(':').ok_or("a block is HEIGHT:HASH")?;
    let height = height.parse().map_err(|_| "the height of a block is a whole number")?;
    Ok(Block { height, hash: hash.to_owned() })
}

impl DepositVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            DepositVerb::List(args) => &args.ask.client,
            DepositVerb::Show(args) => &args.ask.client,
            DepositVerb::Explain(args) => &args.ask.client,
            DepositVerb::Assign(args) => &args.change.client,
            DepositVerb::Scan(args) => &args.client,
            DepositVerb::Rescan(args) => &args.change.client,
            DepositVerb::Resume(args) => &args.change.client,
        }
    }
}

pub(super) async fn run(verb: &DepositVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        DepositVerb::List(args) => {
            let mut query = consistency(args.ask.stale);
            query.extend(args.user.map(|user| ("user", user.to_string())));
            query.extend(args.network.clone().map(|network| ("network", network)));
            query.extend(args.waiting.then(|| ("waiting", "true".to_owned())));
            args.part.add_to(&mut query);
            let deposits: Deposits = client.get(&["deposits"], &query).await?;
            printer.answer(&deposits, list_text)?;
            if let Some(before) = deposits.next_before {
                printer.note(&format!("\nThere may be more: --before {before}"))?;
            }
        }
        DepositVerb::Show(args) => {
            let path = ["deposits", &args.deposit.to_string()];
            let deposit: Deposit = client.get(&path, &consistency(args.ask.stale)).await?;
            printer.answer(&deposit, one_text)?;
        }
        DepositVerb::Explain(args) => {
            let mut query = consistency(args.ask.stale);
            query.extend([("network", args.network.clone()), ("tx", args.tx.clone())]);
            let told: DepositExplanation = client.get(&["deposits", "explain"], &query).await?;
            printer.answer(&told, explain_text)?;
        }
        DepositVerb::Scan(args) => {
            let heads: ChainHeads = client.get(&["scans"], &consistency(args.stale)).await?;
            printer.answer(&heads, scan_text)?;
        }
        DepositVerb::Assign(args) => assign(&client, args, printer).await?,
        DepositVerb::Rescan(args) => rescan::run(&client, args, printer).await?,
        DepositVerb::Resume(args) => resume(&client, args, printer).await?,
    }
    Ok(Exit::Good)
}

async fn assign(client: &Client, args: &AssignDepositArgs, printer: &mut Printer) -> Result<(), Stop> {
    let number = args.deposit.to_string();
    let question = Question {
        consequence: "The money is whose you say from then on.",
        phrase: &number,
        phrase_is: "the deposit's number",
    };
    let (client, id) = args.change.begin(client, "exchequer deposit assign", &question, printer)?;
    let body = AssignSuspense {
        user: args.user,
        exchange: args.exchange,
        moved: args.moved_from.clone().map(|from| MovedByHand {
            from,
            index: args.index,
            fee: args.fee.clone().unwrap_or_default(),
        }),
        reason: args.change.why(),
        command_id: Some(id.to_string()),
    };
    let done: MoneyChanged = send(&client, Method::POST, &["deposits", &number, "assign"], &body, id).await?;
    let whose = match (args.user, &args.moved_from) {
        (Some(user), _) => format!("user {user}'s"),
        (None, Some(from)) => format!("the exchange's own, moved by hand from the {from} store"),
        (None, None) => "the exchange's".to_owned(),
    };
    printer.answer(&done, |_| format!("Deposit {number} is {whose}"))
}

async fn resume(client: &Client, args: &ResumeArgs, printer: &mut Printer) -> Result<(), Stop> {
    let question = Question {
        consequence: "The network is scanned and credited again.",
        phrase: &args.network,
        phrase_is: "the network's name",
    };
    let (client, id) = args.change.begin(client, "exchequer deposit resume", &question, printer)?;
    let body = ResumeChain { from: args.from.clone(), reason: args.change.why(), command_id: Some(id.to_string()) };
    let done: MoneyChanged = send(&client, Method::POST, &["scans", &args.network, "resume"], &body, id).await?;
    printer.answer(&done, |_| format!("{} goes on", args.network))
}

fn amount(deposit: &Deposit) -> String {
    match (&deposit.amount, &deposit.asset, &deposit.on_chain) {
        (Some(amount), Some(asset), _) => format!("{amount} {asset}"),
        (_, _, Some(units)) => format!("{units} smallest units"),
        (_, _, None) => "more than can be counted".to_owned(),
    }
}

fn list_text(deposits: &Deposits) -> String {
    let rows = deposits.deposits.iter().map(|deposit| {
        [
            deposit.deposit.to_string(),
            deposit.network.clone(),
            deposit.state.clone(),
            amount(deposit),
            or_nothing(deposit.user),
            deposit.confirmations.to_string(),
            deposit.seen_at.clone(),
            deposit.tx.clone(),
        ]
    });
    columns(["DEPOSIT", "NETWORK", "STATE", "AMOUNT", "USER", "CONFIRMATIONS", "SEEN", "TX"], rows)
}

fn one_text(deposit: &Deposit) -> String {
    let block = deposit.block.as_ref().map(|block| format!("{} {}", block.height, block.hash));
    fields([
        ("Deposit", deposit.deposit.to_string()),
        ("Network", deposit.network.clone()),
        ("Transaction", deposit.tx.clone()),
        ("Place", deposit.place.clone()),
        ("Address", deposit.address.clone()),
        ("User", or_nothing(deposit.user)),
        ("Amount", amount(deposit)),
        ("On chain", or_nothing(deposit.on_chain.clone())),
        ("State", deposit.state.clone()),
        ("Waits, because", or_nothing(deposit.why.clone())),
        ("Debt", or_nothing(deposit.debt.clone())),
        ("Block", or_nothing(block)),
        ("Confirmations", deposit.confirmations.to_string()),
        ("Seen", deposit.seen_at.clone()),
        ("Changed", deposit.changed_at.clone()),
    ])
}

fn findings_text(findings: &[Finding]) -> Vec<String> {
    let sign = |good| if good { '+' } else { '-' };
    findings.iter().map(|finding| format!("{} {}", sign(finding.good), one_line(&finding.text))).collect()
}

fn explain_text(told: &DepositExplanation) -> String {
    let mut lines = vec![format!("Transaction {} on {}", told.tx, told.network)];
    lines.extend(findings_text(&told.findings));
    for explained in &told.deposits {
        let deposit = &explained.deposit;
        lines.push(format!("\nDeposit {}: {} to {}", deposit.deposit, amount(deposit), deposit.address));
        lines.extend(findings_text(&explained.findings));
    }
    lines.join("\n")
}

fn scan_text(heads: &ChainHeads) -> String {
    let rows = heads.networks.iter().map(|head| {
        [
            head.network.clone(),
            or_nothing(head.scanned.as_ref().map(|block| block.height)),
            head.head.to_string(),
            head.behind.to_string(),
            head.agreed.to_string(),
            or_nothing(head.finalized),
            head.settled.to_string(),
            or_nothing(head.halted_since.clone()),
        ]
    });
    columns(["NETWORK", "SCANNED", "HEAD", "BEHIND", "AGREED", "FINAL", "SETTLED", "HALTED-SINCE"], rows)
}
