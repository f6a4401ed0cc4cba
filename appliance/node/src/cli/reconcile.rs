//! `exchequer reconcile`: how the books compare with the chains, what differs, and what is made of it.

use clap::{Args, Subcommand, ValueEnum};
use exchequer_api::dto::{
    AdjustDiscrepancy, DirectivesSent, Discrepancies, Discrepancy, ExplainDiscrepancy, MoneyChanged, Reconciliation,
    ReconciliationRun, ReconciliationRuns, ResumePayments, SendDirective, WithdrawalStop,
};
use exchequer_state::reconciliation::Category;
use reqwest::Method;

use super::args::{ClientArgs, ReasonArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::confirm::Question;
use super::exit::{Exit, Stop};
use super::money_args::{AskArgs, ChangeArgs, PartArgs};
use super::output::{Printer, columns, fields, one_line, or_nothing};

/// Discrepancies that are named of a stop, at most.
const STOPPING_SHOWN_MAX: usize = 50;

/// `exchequer reconcile`.
#[derive(Debug, Clone, Subcommand)]
pub enum ReconcileVerb {
    /// Show how every network's comparison with its chain stands
    #[command(after_help = "Example:\n  exchequer reconcile status")]
    Status(AskArgs),
    /// Have a network compared now
    #[command(after_help = "Example:\n  exchequer reconcile run tron --reason 'after the incident'")]
    Run(RunArgs),
    /// Show what each equation came to in the last runs of a network
    #[command(after_help = "Example:\n  exchequer reconcile runs tron -n 3")]
    Runs(RunsArgs),
    /// List discrepancies
    #[command(after_help = "Example:\n  exchequer reconcile discrepancies\n  exchequer reconcile discrepancies --over")]
    Discrepancies(DiscrepanciesArgs),
    /// Show a discrepancy with its story
    #[command(after_help = "Example:\n  exchequer reconcile show 7")]
    Show(ShowArgs),
    /// Say what a discrepancy is, or close it
    ///
    /// [dangerous] What is closed is looked for no more. Asks for the discrepancy's number.
    #[command(after_help = "Example:\n  exchequer reconcile explain 7 --reason 'our endpoint lagged' --close")]
    Explain(ExplainArgs),
    /// Propose to put the books right where they differ from the chain
    ///
    /// [dangerous] Moves money in the books; another person must approve it. Asks for the discrepancy's number.
    #[command(after_help = "Example:\n  exchequer reconcile adjust 7 --difference -40 --category loss \
                            --reason 'CASE-12' --propose")]
    Adjust(AdjustArgs),
    /// Let withdrawals go on although something is missing or wrong
    ///
    /// [dangerous] Accepts every discrepancy that stops them, as it is now: they are shown, and named in the request. Where more is
    /// missing by the time another person approves it, it is refused. Look first where it went. Asks for the stop's name.
    #[command(
        after_help = "Example:\n  exchequer reconcile resume tron --reason 'CASE-12: keys are replaced' --propose\n  \
                      exchequer reconcile resume USDT --reason 'CASE-13: the owners pay in' --propose\n  \
                      exchequer reconcile resume everywhere --reason 'CASE-14: a test booking' --propose"
    )]
    Resume(ResumeArgs),
}

/// `exchequer reconcile run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The network
    #[arg(value_name = "NETWORK")]
    pub network: String,
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

/// `exchequer reconcile runs`.
#[derive(Debug, Clone, Args)]
pub struct RunsArgs {
    /// The network
    #[arg(value_name = "NETWORK")]
    pub network: String,
    /// Which part of them.
    #[command(flatten)]
    pub part: PartArgs,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `exchequer reconcile discrepancies`.
#[derive(Debug, Clone, Args)]
pub struct DiscrepanciesArgs {
    /// On this network only
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// Those that are over, the newest first
    #[arg(long)]
    pub over: bool,
    /// Which part of them.
    #[command(flatten)]
    pub part: PartArgs,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `exchequer reconcile show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// The discrepancy's number
    #[arg(value_name = "DISCREPANCY")]
    pub discrepancy: u64,
    /// How it is asked.
    #[command(flatten)]
    pub ask: AskArgs,
}

/// `exchequer reconcile explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// The discrepancy's number
    #[arg(value_name = "DISCREPANCY")]
    pub discrepancy: u64,
    /// It is over
    #[arg(long)]
    pub close: bool,
    /// How it is changed.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// `exchequer reconcile adjust`.
#[derive(Debug, Clone, Args)]
pub struct AdjustArgs {
    /// The discrepancy's number
    #[arg(value_name = "DISCREPANCY")]
    pub discrepancy: u64,
    /// The difference that is meant, as the discrepancy has it
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub difference: i128,
    /// What it is booked as
    #[arg(long, value_name = "CATEGORY", value_enum)]
    pub category: CategoryWord,
    /// How it is changed.
    #[command(flatten)]
    pub change: ChangeArgs,
}

/// What an adjustment is booked as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CategoryWord {
    /// It was there before the exchange watched the address
    OpeningBalance,
    /// Somebody's, and nobody knows whose: into suspense
    UnknownSender,
    /// Nobody's deposit, such as an airdrop
    Windfall,
    /// A network took it, or gave it back
    NetworkFee,
    /// Lost, and the owners bear it
    Loss,
    /// What rounding left
    Rounding,
    /// The owners moved it by hand
    OwnersMove,
}

impl CategoryWord {
    const fn category(self) -> Category {
        match self {
            CategoryWord::OpeningBalance => Category::OpeningBalance,
            CategoryWord::UnknownSender => Category::UnknownSender,
            CategoryWord::Windfall => Category::Windfall,
            CategoryWord::NetworkFee => Category::NetworkFee,
            CategoryWord::Loss => Category::Loss,
            CategoryWord::Rounding => Category::Rounding,
            CategoryWord::OwnersMove => Category::OwnersMove,
        }
    }
}

/// `exchequer reconcile resume`.
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// What is stopped: a network, the code of an asset, or `everywhere`
    #[arg(value_name = "STOP")]
    pub stop: String,
    /// How it is changed.
    #[command(flatten)]
    pub change: ChangeArgs,
}

impl ReconcileVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            ReconcileVerb::Status(args) => &args.client,
            ReconcileVerb::Run(args) => &args.client,
            ReconcileVerb::Runs(args) => &args.ask.client,
            ReconcileVerb::Discrepancies(args) => &args.ask.client,
            ReconcileVerb::Show(args) => &args.ask.client,
            ReconcileVerb::Explain(args) => &args.change.client,
            ReconcileVerb::Adjust(args) => &args.change.client,
            ReconcileVerb::Resume(args) => &args.change.client,
        }
    }
}

pub(super) async fn run(verb: &ReconcileVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        ReconcileVerb::Status(args) => {
            let status: Reconciliation = client.get(&["reconciliation"], &consistency(args.stale)).await?;
            printer.answer(&status, status_text)?;
        }
        ReconcileVerb::Run(args) => run_now(&client, args, printer).await?,
        ReconcileVerb::Runs(args) => {
            let mut query = consistency(args.ask.stale);
            query.push(("network", args.network.clone()));
            args.part.add_to(&mut query);
            let runs: ReconciliationRuns = client.get(&["reconciliation", "runs"], &query).await?;
            printer.answer(&runs, runs_text)?;
        }
        ReconcileVerb::Discrepancies(args) => {
            let mut query = consistency(args.ask.stale);
            query.extend(args.network.clone().map(|network| ("network", network)));
            query.extend(args.over.then(|| ("over", "true".to_owned())));
            args.part.add_to(&mut query);
            let found: Discrepancies = client.get(&["reconciliation", "discrepancies"], &query).await?;
            printer.answer(&found, list_text)?;
        }
        ReconcileVerb::Show(args) => {
            let path = ["reconciliation", "discrepancies", &args.discrepancy.to_string()];
            let one: Discrepancy = client.get(&path, &consistency(args.ask.stale)).await?;
            printer.answer(&one, one_text)?;
        }
        ReconcileVerb::Explain(args) => explain(&client, args, printer).await?,
        ReconcileVerb::Adjust(args) => adjust(&client, args, printer).await?,
        ReconcileVerb::Resume(args) => resume(&client, args, printer).await?,
    }
    Ok(Exit::Good)
}

async fn run_now(client: &Client, args: &RunArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = SendDirective {
        target: format!("balance-sync.{}", args.network),
        action: "reconcile".to_owned(),
        payload: None,
        idempotent: Some(true),
        priority: None,
        key: None,
        not_before: None,
        deadline: None,
        max_attempts: None,
        needs_approval: None,
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let done: DirectivesSent = send(client, Method::POST, &["directives"], &body, id).await?;
    printer.answer(&done, |done| {
        let numbers: Vec<String> = done.directives.iter().map(|sent| sent.directive.to_string()).collect();
        format!("{} is compared once the worker takes directive {}", args.network, numbers.join(", "))
    })
}

async fn explain(client: &Client, args: &ExplainArgs, printer: &mut Printer) -> Result<(), Stop> {
    let number = args.discrepancy.to_string();
    let question = Question {
        consequence: "What you say is on its record; closed, it is over.",
        phrase: &number,
        phrase_is: "the discrepancy's number",
    };
    let (client, id) = args.change.begin(client, "exchequer reconcile explain", &question, printer)?;
    let body =
        ExplainDiscrepancy { explanation: args.change.why(), close: args.close, command_id: Some(id.to_string()) };
    let path = ["reconciliation", "discrepancies", &number, "explain"];
    let done: MoneyChanged = send(&client, Method::POST, &path, &body, id).await?;
    let what = if args.close { "closed" } else { "explained" };
    printer.answer(&done, |_| format!("Discrepancy {number} is {what}"))
}

async fn adjust(client: &Client, args: &AdjustArgs, printer: &mut Printer) -> Result<(), Stop> {
    let number = args.discrepancy.to_string();
    let question = Question {
        consequence: "The books are changed by the difference.",
        phrase: &number,
        phrase_is: "the discrepancy's number",
    };
    let (client, id) = args.change.begin(client, "exchequer reconcile adjust", &question, printer)?;
    let body = AdjustDiscrepancy {
        difference: args.difference.to_string(),
        category: args.category.category().as_str().to_owned(),
        reason: args.change.why(),
        command_id: Some(id.to_string()),
    };
    let path = ["reconciliation", "discrepancies", &number, "adjust"];
    let done: MoneyChanged = send(&client, Method::POST, &path, &body, id).await?;
    printer.answer(&done, |_| format!("Discrepancy {number} is adjusted"))
}

async fn resume(client: &Client, args: &ResumeArgs, printer: &mut Printer) -> Result<(), Stop> {
    let status: Reconciliation =
        client.get(&["reconciliation"], &consistency(StaleArgs { stale: false, max_stale: None })).await?;
    let stop = status.stops.into_iter().find(|one| one.stopped == args.stop);
    let seen = stop.map(|one| one.stopped_by).unwrap_or_default();
    let shown = seen.iter().take(STOPPING_SHOWN_MAX);
    let mut named: Vec<String> = shown.map(|one| format!("{} ({})", one.discrepancy, one.difference)).collect();
    let more = seen.len().saturating_sub(named.len());
    named.extend((more > 0).then(|| format!("and {more} more")));
    let named = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
    let consequence = format!("Money leaves again. Discrepancies that are accepted as they are: {named}.");
    let question = Question { consequence: &consequence, phrase: &args.stop, phrase_is: "the stop's name" };
    let (client, id) = args.change.begin(client, "exchequer reconcile resume", &question, printer)?;
    let body = ResumePayments { seen, reason: args.change.why(), command_id: Some(id.to_string()) };
    let path = ["reconciliation", &args.stop, "resume"];
    let done: MoneyChanged = send(&client, Method::POST, &path, &body, id).await?;
    printer.answer(&done, |_| format!("Withdrawals go on: {}; accepted: {named}", args.stop))
}

fn status_text(status: &Reconciliation) -> String {
    let rows = status.networks.iter().map(|one| {
        [
            one.network.clone(),
            one.last_run.to_string(),
            or_nothing(one.ended_at.clone()),
            or_nothing(one.block.as_ref().map(|block| block.height)),
            or_nothing(one.whole_at.clone()),
            one.touched.to_string(),
            one.open.to_string(),
            or_nothing(one.stopped_since.clone()),
        ]
    });
    let table =
        columns(["NETWORK", "RUN", "ENDED", "BLOCK", "ALL ADDRESSES", "TOUCHED", "OPEN", "STOPPED SINCE"], rows);
    let stop = |one: &WithdrawalStop| {
        let by: Vec<String> =
            one.stopped_by.iter().take(STOPPING_SHOWN_MAX).map(|by| by.discrepancy.to_string()).collect();
        let more = one.stopped_by.len().saturating_sub(by.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!(
            "Withdrawals are stopped: {}, since {}, by discrepancies {}{more}",
            one.stopped,
            one.since,
            by.join(", ")
        )
    };
    let stops: Vec<String> = status.stops.iter().map(stop).collect();
    let left = (status.left_out > 0).then(|| format!("{} differences found no room", status.left_out));
    let lines: Vec<String> = std::iter::once(table).chain(stops).chain(left).collect();
    lines.join("\n")
}

fn runs_text(runs: &ReconciliationRuns) -> String {
    let head = |run: &ReconciliationRun| {
        let whole = if run.whole { ", all addresses" } else { "" };
        format!(
            "Run {} at block {}, {}: {} judged, {} differ, {} not read{whole}",
            run.run, run.block.height, run.ended_at, run.judged, run.differing, run.failed
        )
    };
    let line = |one: &exchequer_api::dto::EquationOutcome| {
        let sign = match one.holds {
            Some(true) => '+',
            Some(false) => '-',
            None => '?',
        };
        let sums = one.is.iter().zip(&one.should).map(|(is, should)| format!("{is} of {should}"));
        let parts = one.asset.iter().cloned().chain(sums).chain([one.remark.clone()]);
        let rest: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
        format!("  {sign} {} {}: {}", one.equation, one.says, one_line(&rest.join(", ")))
    };
    let texts = runs.runs.iter().map(|run| {
        let lines: Vec<String> = run.equations.iter().map(line).collect();
        format!("{}\n{}", head(run), lines.join("\n"))
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

fn amount(one: &Discrepancy) -> String {
    match (&one.amount, &one.asset) {
        (Some(amount), Some(asset)) => format!("{amount} {asset}"),
        (_, _) => one.difference.clone(),
    }
}

fn list_text(found: &Discrepancies) -> String {
    let rows = found.discrepancies.iter().map(|one| {
        [
            one.discrepancy.to_string(),
            one.severity.clone(),
            one.class.clone(),
            one.status.clone(),
            or_nothing(one.network.clone()),
            one.scope.clone(),
            amount(one),
            one.first_seen_at.clone(),
            one.last_seen_at.clone(),
        ]
    });
    let head =
        ["DISCREPANCY", "URGENT", "CLASS", "STATUS", "NETWORK", "WHERE", "DIFFERENCE", "FIRST SEEN", "LAST SEEN"];
    columns(head, rows)
}

fn one_text(one: &Discrepancy) -> String {
    let known = fields([
        ("Discrepancy", one.discrepancy.to_string()),
        ("Where", one.scope.clone()),
        ("Network", or_nothing(one.network.clone())),
        ("Address", or_nothing(one.address.clone())),
        ("Contract", or_nothing(one.contract.clone())),
        ("Difference", one.difference.clone()),
        ("Amount", amount(one)),
        ("Class", one.class.clone()),
        ("Severity", one.severity.clone()),
        ("Status", one.status.clone()),
        ("Stops", or_nothing(one.stops.clone())),
        ("First seen", one.first_seen_at.clone()),
        ("Last seen", one.last_seen_at.clone()),
        ("Gone since", or_nothing(one.gone_since.clone())),
    ]);
    let line = |line: &exchequer_api::dto::StoryLine| {
        let by = line.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        format!("{}{by}: {}", line.at, one_line(&line.what))
    };
    let story: Vec<String> = one.story.iter().map(line).collect();
    format!("{known}\n\n{}", story.join("\n"))
}
