//! `exchequer worker bulk` and `exchequer worker binary`.

use clap::{Args, Subcommand, ValueEnum};
use exchequer_api::dto::{
    BulkWorkers, ControlWorker, ForgetWorkerBinary, RegisterWorkerBinary, UseWorkerBinary, WorkerBinaries,
    WorkerBinaryChanged, WorkersBulk, WorkersBulkDone, WorkersBulks, WorkersPreview,
};
use reqwest::Method;

use super::args::{ClientArgs, ConsentArgs, ProposeArgs, ReasonArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::confirm::Question;
use super::exit::Stop;
use super::output::{Printer, columns, fields, or_nothing, text_or_nothing};
use super::worker::{consent, selected};
use super::worker_args::{FleetsArgs, SelectorArgs};

/// `exchequer worker bulk`.
#[derive(Debug, Clone, Subcommand)]
pub enum WorkerBulkVerb {
    /// Show what doing the same to many workers would come to
    #[command(after_help = "Example:\n  exchequer worker bulk preview stop --kind deposit --network bitcoin")]
    Preview(PreviewArgs),
    /// Do it
    ///
    /// [dangerous] Shows what it comes to for each worker, asks, and does exactly that: where the workers change meanwhile
    /// so that it would come to something else, nothing is done.
    #[command(after_help = "Example:\n  exchequer worker bulk run restart --kind selftest --reason 'OPS-511'\n  \
        exchequer worker bulk run start --state failed --reason 'OPS-512' --yes")]
    Run(Box<RunBulkArgs>),
    /// List what was done to many workers
    #[command(after_help = "Example:\n  exchequer worker bulk list")]
    List(FleetsArgs),
    /// Show what was done to each worker
    #[command(after_help = "Example:\n  exchequer worker bulk show 3")]
    Show(ShowBulkArgs),
    /// Take back a start or a stop, where nobody has decided otherwise since
    #[command(after_help = "Example:\n  exchequer worker bulk undo 3 --reason 'OPS-513' --yes")]
    Undo(UndoBulkArgs),
}

/// What is done to each worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ActionWord {
    /// It shall run; a failed one starts again.
    Start,
    /// It shall finish what it has begun, and end.
    Stop,
    /// Its process is replaced.
    Restart,
}

/// `exchequer worker bulk preview`.
#[derive(Debug, Clone, Args)]
pub struct PreviewArgs {
    /// What would be done to each
    #[arg(value_name = "ACTION", value_enum)]
    pub action: ActionWord,
    /// Which ones.
    #[command(flatten)]
    pub selector: SelectorArgs,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer worker bulk run`.
#[derive(Debug, Clone, Args)]
pub struct RunBulkArgs {
    /// What is done to each
    #[arg(value_name = "ACTION", value_enum)]
    pub action: ActionWord,
    /// Which ones.
    #[command(flatten)]
    pub selector: SelectorArgs,
    /// Only if it still comes to what this preview showed [default: a preview made now]
    #[arg(long, value_name = "HASH")]
    pub plan: Option<String>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer worker bulk show`.
#[derive(Debug, Clone, Args)]
pub struct ShowBulkArgs {
    /// Its number
    #[arg(value_name = "NUMBER")]
    pub bulk: u64,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer worker bulk undo`.
#[derive(Debug, Clone, Args)]
pub struct UndoBulkArgs {
    /// Its number
    #[arg(value_name = "NUMBER")]
    pub bulk: u64,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer worker binary`.
#[derive(Debug, Clone, Subcommand)]
pub enum WorkerBinaryVerb {
    /// List the registered programs
    #[command(after_help = "Example:\n  exchequer worker binary list")]
    List(FleetsArgs),
    /// Register a program, which must be in the same place on every node
    #[command(
        after_help = "Example:\n  exchequer worker binary register next --version 0.2.0 --path /opt/exchequer/next \\\n    \
        --hash 4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a --reason 'OPS-514'"
    )]
    Register(RegisterBinaryArgs),
    /// Forget a program that nothing runs
    #[command(after_help = "Example:\n  exchequer worker binary forget next --reason 'OPS-515'")]
    Forget(ForgetBinaryArgs),
    /// Let the workers of a kind run a program from their next start on
    ///
    /// [dangerous] Without --network it holds on every network of which nothing else is said; without --binary they run the
    /// node's own program.
    #[command(
        after_help = "Example:\n  exchequer worker binary use selftest --binary next --reason 'OPS-516' --yes\n  \
        exchequer worker binary use selftest --reason 'OPS-517: back' --yes"
    )]
    Use(UseBinaryArgs),
}

/// `exchequer worker binary register`.
#[derive(Debug, Clone, Args)]
pub struct RegisterBinaryArgs {
    /// Its name: lower-case letters, digits and hyphens
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Its version, for people
    #[arg(long, value_name = "TEXT")]
    pub version: String,
    /// BLAKE3 of the file, 64 hexadecimal digits
    #[arg(long, value_name = "HASH")]
    pub hash: String,
    /// Where the file is, on every node
    #[arg(long, value_name = "FILE")]
    pub path: String,
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

/// `exchequer worker binary forget`.
#[derive(Debug, Clone, Args)]
pub struct ForgetBinaryArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    pub name: String,
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

/// `exchequer worker binary use`.
#[derive(Debug, Clone, Args)]
pub struct UseBinaryArgs {
    /// What the workers do
    #[arg(value_name = "KIND")]
    pub kind: String,
    /// On which network
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// The registered program [default: the node's own]
    #[arg(long, value_name = "NAME")]
    pub binary: Option<String>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl WorkerBulkVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            WorkerBulkVerb::Preview(args) => &args.client,
            WorkerBulkVerb::Run(args) => &args.client,
            WorkerBulkVerb::List(args) => &args.client,
            WorkerBulkVerb::Show(args) => &args.client,
            WorkerBulkVerb::Undo(args) => &args.client,
        }
    }
}

impl WorkerBinaryVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            WorkerBinaryVerb::List(args) => &args.client,
            WorkerBinaryVerb::Register(args) => &args.client,
            WorkerBinaryVerb::Forget(args) => &args.client,
            WorkerBinaryVerb::Use(args) => &args.client,
        }
    }
}

impl ActionWord {
    const fn as_str(self) -> &'static str {
        match self {
            ActionWord::Start => "start",
            ActionWord::Stop => "stop",
            ActionWord::Restart => "restart",
        }
    }
}

pub(super) async fn bulk(client: &Client, verb: &WorkerBulkVerb, printer: &mut Printer) -> Result<(), Stop> {
    match verb {
        WorkerBulkVerb::Preview(args) => {
            let mut query = consistency(args.stale);
            query.extend(selected(&args.selector));
            query.push(("action", args.action.as_str().to_owned()));
            let preview: WorkersPreview = client.get(&["workers", "bulk", "preview"], &query).await?;
            printer.answer(&preview, preview_text)
        }
        WorkerBulkVerb::Run(args) => run(client, args, printer).await,
        WorkerBulkVerb::List(args) => {
            let bulks: WorkersBulks = client.get(&["workers", "bulk"], &consistency(args.stale)).await?;
            printer.answer(&bulks, list_text)
        }
        WorkerBulkVerb::Show(args) => {
            let path = ["workers", "bulk", &args.bulk.to_string()];
            let bulk: WorkersBulk = client.get(&path, &consistency(args.stale)).await?;
            printer.answer(&bulk, one_text)
        }
        WorkerBulkVerb::Undo(args) => {
            let number = args.bulk.to_string();
            let consequence =
                format!("What number {number} started or stopped is as before, where nobody decided since.");
            let question = Question { consequence: &consequence, phrase: &number, phrase_is: "the number" };
            consent(args.consent, "worker bulk undo", &question, printer)?;
            let id = args.command.id()?;
            let body = ControlWorker { reason: args.reason.reason.clone(), command_id: Some(id.to_string()) };
            let path = ["workers", "bulk", &number, "undo"];
            let done: WorkersBulkDone = send(client, Method::POST, &path, &body, id).await?;
            printer.answer(&done, |done| {
                format!("{} workers are as before; see `worker bulk show {number}`", done.changed)
            })
        }
    }
}

async fn run(client: &Client, args: &RunBulkArgs, printer: &mut Printer) -> Result<(), Stop> {
    let word = args.action.as_str();
    let plan = match &args.plan {
        Some(plan) => plan.clone(),
        None => {
            let mut query = selected(&args.selector);
            query.push(("action", word.to_owned()));
            let preview: WorkersPreview = client.get(&["workers", "bulk", "preview"], &query).await?;
            printer.note(&preview_text(&preview))?;
            preview.plan
        }
    };
    let consequence = format!("This is done to each of them: {word}.");
    consent(
        args.consent,
        "worker bulk run",
        &Question { consequence: &consequence, phrase: word, phrase_is: "the action" },
        printer,
    )?;
    let id = args.command.id()?;
    let SelectorArgs { kind, network, state } = args.selector.clone();
    let (action, reason, command_id) = (word.to_owned(), args.reason.reason.clone(), Some(id.to_string()));
    let body = BulkWorkers { action, kind, network, state, plan, reason, command_id };
    let done: WorkersBulkDone = send(client, Method::POST, &["workers", "bulk"], &body, id).await?;
    printer.answer(&done, |done| format!("{} workers changed; see `worker bulk show {}`", done.changed, done.bulk))
}

pub(super) async fn binary(client: &Client, verb: &WorkerBinaryVerb, printer: &mut Printer) -> Result<(), Stop> {
    let path = ["workers", "binaries"];
    match verb {
        WorkerBinaryVerb::List(args) => {
            let binaries: WorkerBinaries = client.get(&path, &consistency(args.stale)).await?;
            printer.answer(&binaries, binaries_text)
        }
        WorkerBinaryVerb::Register(args) => {
            let id = args.command.id()?;
            let body = RegisterWorkerBinary {
                name: args.name.clone(),
                version: args.version.clone(),
                hash: args.hash.clone(),
                path: args.path.clone(),
                reason: args.reason.reason.clone(),
                command_id: Some(id.to_string()),
            };
            let done: WorkerBinaryChanged =
                send(&client.proposing(&args.propose), Method::POST, &path, &body, id).await?;
            printer.answer(&done, |_| format!("Registered {}", args.name))
        }
        WorkerBinaryVerb::Forget(args) => {
            let id = args.command.id()?;
            let (name, reason) = (args.name.clone(), args.reason.reason.clone());
            let body = ForgetWorkerBinary { name, reason, command_id: Some(id.to_string()) };
            let path = ["workers", "binaries", "forget"];
            let done: WorkerBinaryChanged = send(client, Method::POST, &path, &body, id).await?;
            printer.answer(&done, |_| format!("Forgot {}", args.name))
        }
        WorkerBinaryVerb::Use(args) => {
            let what = args.binary.as_deref().unwrap_or("the node's own program");
            let consequence = format!("Workers of kind {} run {what} from their next start on.", args.kind);
            let question = Question { consequence: &consequence, phrase: &args.kind, phrase_is: "the kind" };
            consent(args.consent, "worker binary use", &question, printer)?;
            let id = args.command.id()?;
            let body = UseWorkerBinary {
                kind: args.kind.clone(),
                network: args.network.clone(),
                binary: args.binary.clone(),
                reason: args.reason.reason.clone(),
                command_id: Some(id.to_string()),
            };
            let path = ["workers", "binaries", "use"];
            let done: WorkerBinaryChanged = send(client, Method::POST, &path, &body, id).await?;
            printer.answer(&done, |done| {
                let already = if done.changed { "" } else { " already" };
                format!("Workers of kind {} run {what}{already}, from their next start on", args.kind)
            })
        }
    }
}

pub(super) fn preview_text(preview: &WorkersPreview) -> String {
    let rows = preview.items.iter().map(|item| [item.worker.clone(), item.effect.clone()]);
    let table = columns(["WORKER", "EFFECT"], rows);
    format!("{table}\n\n{} of {} workers change\nPlan {}", preview.changes, preview.items.len(), preview.plan)
}

fn list_text(bulks: &WorkersBulks) -> String {
    let rows = bulks.bulks.iter().map(|bulk| {
        [
            bulk.bulk.to_string(),
            bulk.at.clone(),
            bulk.by.clone(),
            bulk.action.clone(),
            text_or_nothing(&bulk.selector),
            bulk.workers.to_string(),
            bulk.changed.to_string(),
            or_nothing(bulk.undone_by.clone()),
            text_or_nothing(&bulk.reason),
        ]
    });
    columns(["NUMBER", "TIME", "BY", "ACTION", "SELECTOR", "WORKERS", "CHANGED", "UNDONE-BY", "REASON"], rows)
}

fn one_text(bulk: &WorkersBulk) -> String {
    let about = fields([
        ("Number", bulk.bulk.to_string()),
        ("Action", bulk.action.clone()),
        ("Selector", text_or_nothing(&bulk.selector)),
        ("By", bulk.by.clone()),
        ("At", bulk.at.clone()),
        ("Reason", text_or_nothing(&bulk.reason)),
        ("Taken back by", or_nothing(bulk.undone_by.clone())),
    ]);
    let rows = bulk
        .items
        .iter()
        .map(|item| [item.worker.clone(), item.before.clone(), item.effect.clone(), or_nothing(item.undone.clone())]);
    format!("{about}\n\n{}", columns(["WORKER", "BEFORE", "EFFECT", "UNDONE"], rows))
}

fn binaries_text(binaries: &WorkerBinaries) -> String {
    let rows = binaries.binaries.iter().map(|binary| {
        [
            binary.name.clone(),
            binary.version.clone(),
            text_or_nothing(&binary.used_by.join(",")),
            binary.path.clone(),
            binary.hash.clone(),
        ]
    });
    columns(["NAME", "VERSION", "USED-BY", "PATH", "HASH"], rows)
}
