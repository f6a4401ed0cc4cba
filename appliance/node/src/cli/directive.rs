//! `exchequer command list|show|send|cancel|review`: the admin's command queue, whose items are directives.

use clap::{Args, Subcommand, ValueEnum};
use exchequer_api::dto::{
    CancelDirectives, Directive, DirectiveReviewed, Directives, DirectivesChanged, DirectivesSent, ReleaseDirectives,
    ReviewDirective, SendDirective,
};
use reqwest::Method;

use super::args::{ClientArgs, ConsentArgs, ProposeArgs, ReasonArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::confirm::{Question, ask, nobody_to_ask};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, fields, or_nothing, text_or_nothing};

/// `exchequer command`.
#[derive(Debug, Clone, Subcommand)]
pub enum DirectiveVerb {
    /// List directives, the latest first
    #[command(after_help = "Example:\n  exchequer command list --state needs-review\n  exchequer command list --over")]
    List(ListDirectivesArgs),
    /// Show one directive, open or over
    #[command(after_help = "Example:\n  exchequer command show 17")]
    Show(ShowDirectiveArgs),
    /// Ask something of a worker, of the workers of a kind, or of all
    ///
    /// TARGET is a worker, a kind, KIND.NETWORK or `system`. ACTION is start, stop, restart, or what the worker knows.
    #[command(
        after_help = "Example:\n  exchequer command send deposit/bitcoin-1 restart --reason 'OPS-510: hangs'\n  \
        exchequer command send selftest count --payload 3 --priority bulk --reason OPS-511"
    )]
    Send(SendArgs),
    /// Release directives that wait for approval
    ///
    /// Another person than who sent them; once the two-person rule is in force it is proposed by one and approved by another.
    #[command(after_help = "Example:\n  exchequer command release 17 --reason 'OPS-514: agreed' --propose")]
    Release(ReleaseArgs),
    /// Take directives back that were not dispatched yet
    #[command(after_help = "Example:\n  exchequer command cancel 17 --reason 'OPS-512: not needed'")]
    Cancel(CancelArgs),
    /// Say what became of a directive that nobody knows of
    ///
    /// One that was in flight when the leadership ended, and may do harm when done twice, waits for this.
    #[command(after_help = "Example:\n  exchequer command review 17 done --reason 'OPS-513: seen in its log' --yes")]
    Review(ReviewArgs),
}

/// How urgent a directive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PriorityWord {
    /// Before everything, and not waiting for a busy target.
    Emergency,
    /// What keeps the system safe.
    Safety,
    /// What moves money.
    Money,
    /// Everything else.
    Normal,
    /// What has time.
    Bulk,
}

/// What became of a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DecisionWord {
    /// Dispatch it again.
    Retry,
    /// It was done.
    Done,
    /// It was not done, and shall not be.
    Failed,
}

/// `exchequer command list`.
#[derive(Debug, Clone, Args)]
pub struct ListDirectivesArgs {
    /// Only in this state: pending-approval, queued, dispatched, acked, running or needs-review
    #[arg(long, value_name = "STATE", conflicts_with = "over")]
    pub state: Option<String>,
    /// Directives that are over, instead of open ones
    #[arg(long)]
    pub over: bool,
    /// Only numbers below this one
    #[arg(long, value_name = "NUMBER")]
    pub before: Option<u64>,
    /// Directives to list at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    pub limit: u16,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer command show`.
#[derive(Debug, Clone, Args)]
pub struct ShowDirectiveArgs {
    /// The directive's number
    #[arg(value_name = "DIRECTIVE")]
    pub directive: u64,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer command send`.
#[derive(Debug, Clone, Args)]
pub struct SendArgs {
    /// Whom it is for
    #[arg(value_name = "TARGET")]
    pub target: String,
    /// What is asked for
    #[arg(value_name = "ACTION")]
    pub action: String,
    /// What belongs to an action of the worker's own
    #[arg(long, value_name = "TEXT")]
    pub payload: Option<String>,
    /// Doing it twice does no harm: after a change of leaders it may be dispatched again
    #[arg(long)]
    pub idempotent: bool,
    /// How urgent it is
    #[arg(long, value_name = "PRIORITY", value_enum, default_value = "normal")]
    pub priority: PriorityWord,
    /// The same key leads to the same directive, for ever
    #[arg(long, value_name = "TEXT")]
    pub key: Option<String>,
    /// Not before this moment, such as 2026-11-23T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub not_before: Option<String>,
    /// Not after this moment
    #[arg(long, value_name = "TIME")]
    pub deadline: Option<String>,
    /// Failed attempts that end it
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub max_attempts: u32,
    /// Hold it back until others have agreed: see `exchequer command release`
    #[arg(long)]
    pub needs_approval: bool,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Consent, where it is for all workers.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer command release`.
#[derive(Debug, Clone, Args)]
pub struct ReleaseArgs {
    /// Their numbers
    #[arg(value_name = "NUMBER", required = true)]
    pub directives: Vec<u64>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Whether it is proposed.
    #[command(flatten)]
    pub propose: ProposeArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer command cancel`.
#[derive(Debug, Clone, Args)]
pub struct CancelArgs {
    /// The directives' numbers
    #[arg(value_name = "DIRECTIVE", required = true)]
    pub directives: Vec<u64>,
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

/// `exchequer command review`.
#[derive(Debug, Clone, Args)]
pub struct ReviewArgs {
    /// The directive's number
    #[arg(value_name = "DIRECTIVE")]
    pub directive: u64,
    /// What became of it, or shall
    #[arg(value_name = "DECISION", value_enum)]
    pub decision: DecisionWord,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
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

impl DirectiveVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            DirectiveVerb::List(args) => &args.client,
            DirectiveVerb::Show(args) => &args.client,
            DirectiveVerb::Send(args) => &args.client,
            DirectiveVerb::Release(args) => &args.client,
            DirectiveVerb::Cancel(args) => &args.client,
            DirectiveVerb::Review(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &DirectiveVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        DirectiveVerb::List(args) => list(&client, args, printer).await?,
        DirectiveVerb::Show(args) => {
            let path = ["directives", &args.directive.to_string()];
            let directive: Directive = client.get(&path, &consistency(args.stale)).await?;
            printer.answer(&directive, one_text)?;
        }
        DirectiveVerb::Send(args) => send_one(&client, args, printer).await?,
        DirectiveVerb::Release(args) => return release(&client.proposing(&args.propose), args, printer).await,
        DirectiveVerb::Cancel(args) => return cancel(&client, args, printer).await,
        DirectiveVerb::Review(args) => review(&client, args, printer).await?,
    }
    Ok(Exit::Good)
}

async fn list(client: &Client, args: &ListDirectivesArgs, printer: &mut Printer) -> Result<(), Stop> {
    let mut query = consistency(args.stale);
    query.push(("limit", args.limit.to_string()));
    query.extend(args.before.map(|before| ("before", before.to_string())));
    query.extend(args.state.clone().map(|state| ("state", state)));
    let path: &[&str] = if args.over { &["directives", "history"] } else { &["directives"] };
    let directives: Directives = client.get(path, &query).await?;
    printer.answer(&directives, list_text)?;
    match directives.next_before {
        Some(before) => printer.note(&format!("\nThere may be more: --before {before}")),
        None => Ok(()),
    }
}

/// Asks for consent where it was not given.
fn consent(args: ConsentArgs, printer: &mut Printer, verb: &str, question: &Question<'_>) -> Result<(), Stop> {
    if args.yes {
        return Ok(());
    }
    if !printer.can_ask() {
        return Err(nobody_to_ask(verb).into());
    }
    ask(printer, question)
}

async fn send_one(client: &Client, args: &SendArgs, printer: &mut Printer) -> Result<(), Stop> {
    if args.target == "system" {
        let consequence = format!("Every worker is to {}.", args.action);
        let question = Question { consequence: &consequence, phrase: "system", phrase_is: "the target" };
        consent(args.consent, printer, "exchequer command send", &question)?;
    }
    let id = args.command.id()?;
    let own = !["start", "stop", "restart"].contains(&args.action.as_str());
    let priority = args.priority.to_possible_value().map(|word| word.get_name().to_owned());
    let body = SendDirective {
        target: args.target.clone(),
        action: args.action.clone(),
        payload: args.payload.clone(),
        idempotent: (own || args.idempotent).then_some(args.idempotent),
        priority,
        key: args.key.clone(),
        not_before: args.not_before.clone(),
        deadline: args.deadline.clone(),
        max_attempts: Some(args.max_attempts),
        needs_approval: args.needs_approval.then_some(true),
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let done: DirectivesSent = send(client, Method::POST, &["directives"], &body, id).await?;
    printer.answer(&done, |done| {
        let text = |sent: &exchequer_api::dto::DirectiveSent| match sent.new {
            true => format!("Sent directive {}", sent.directive),
            false => format!("Directive {} was sent under this key before", sent.directive),
        };
        done.directives.iter().map(text).collect::<Vec<_>>().join("\n")
    })
}

async fn cancel(client: &Client, args: &CancelArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let id = args.command.id()?;
    let (reason, command_id) = (args.reason.reason.clone(), Some(id.to_string()));
    let body = CancelDirectives { directives: args.directives.clone(), reason, command_id };
    let done: DirectivesChanged = send(client, Method::POST, &["directives", "cancel"], &body, id).await?;
    each(&done, &args.directives, "cancelled", printer)
}

async fn release(client: &Client, args: &ReleaseArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let id = args.command.id()?;
    let (reason, command_id) = (args.reason.reason.clone(), Some(id.to_string()));
    let body = ReleaseDirectives { directives: args.directives.clone(), reason, command_id };
    let done: DirectivesChanged = send(client, Method::POST, &["directives", "release"], &body, id).await?;
    each(&done, &args.directives, "released", printer)
}

/// What became of each directive.
fn each(done: &DirectivesChanged, directives: &[u64], good: &str, printer: &mut Printer) -> Result<Exit, Stop> {
    let errors = done.outcomes.iter().map(|each| each.error.as_ref().map(ToString::to_string));
    let row = |(id, error): (&u64, Option<String>)| [id.to_string(), error.unwrap_or_else(|| good.to_owned())];
    let rows: Vec<[String; 2]> = directives.iter().zip(errors).map(row).collect();
    printer.answer(done, |_| columns(["DIRECTIVE", "OUTCOME"], rows))?;
    Ok(if done.outcomes.iter().all(|each| each.error.is_none()) { Exit::Good } else { Exit::Failed })
}

async fn review(client: &Client, args: &ReviewArgs, printer: &mut Printer) -> Result<(), Stop> {
    let number = args.directive.to_string();
    let consequence = match args.decision {
        DecisionWord::Retry => "It is dispatched again; if it was done before, it is done twice.",
        DecisionWord::Done => "It counts as done; if it was not, nobody does it.",
        DecisionWord::Failed => "It counts as failed; if it was done, that stays.",
    };
    let question = Question { consequence, phrase: &number, phrase_is: "the directive's number" };
    consent(args.consent, printer, "exchequer command review", &question)?;
    let id = args.command.id()?;
    let decision = args.decision.to_possible_value().map(|word| word.get_name().to_owned()).unwrap_or_default();
    let (reason, command_id) = (args.reason.reason.clone(), Some(id.to_string()));
    let body = ReviewDirective { decision, reason, command_id };
    let done: DirectiveReviewed = send(client, Method::POST, &["directives", &number, "review"], &body, id).await?;
    printer.answer(&done, |done| format!("Directive {} is decided", done.directive))
}

pub(super) fn list_text(directives: &Directives) -> String {
    let rows = directives.directives.iter().map(|directive| {
        [
            directive.directive.to_string(),
            directive.priority.clone(),
            directive.target.clone(),
            directive.action.clone(),
            directive.state.clone(),
            directive.since.clone(),
            directive.by.clone(),
        ]
    });
    columns(["DIRECTIVE", "PRIORITY", "TARGET", "ACTION", "STATE", "SINCE", "BY"], rows)
}

pub(super) fn one_text(directive: &Directive) -> String {
    let attempts = format!("{}, {} of {} failed", directive.attempt, directive.failed, directive.max_attempts);
    fields([
        ("Directive", directive.directive.to_string()),
        ("Key", or_nothing(directive.key.as_ref())),
        ("Priority", directive.priority.clone()),
        ("Target", directive.target.clone()),
        ("Action", directive.action.clone()),
        ("Payload", text_or_nothing(&directive.payload)),
        ("Idempotent", directive.idempotent.to_string()),
        ("State", format!("{} since {}", directive.state, directive.since)),
        ("Superseded by", or_nothing(directive.superseded_by)),
        ("Attempts", attempts),
        ("Dispatched", or_nothing(directive.dispatched_at.as_ref())),
        ("Not before", directive.not_before.clone()),
        ("Deadline", or_nothing(directive.deadline.as_ref())),
        ("Result", text_or_nothing(&directive.result)),
        ("Error", or_nothing(directive.error.as_ref())),
        ("Sent", format!("{} by {}", directive.issued_at, directive.by)),
        ("Reason", text_or_nothing(&directive.reason)),
    ])
}
