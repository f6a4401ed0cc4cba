//! `exchequer worker config`: what holds for a worker or a kind, and whose value that is; a change of it.

use clap::{Args, ValueEnum};
use exchequer_api::dto::{SetSetting, Setting, SettingSet, Settings, Worker};
use exchequer_domain::{Code, Problem};
use exchequer_state::directives::Target;
use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::args::{ClientArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::exit::Stop;
use super::output::{Printer, columns};

/// `exchequer worker config`.
#[derive(Debug, Clone, Args)]
pub struct WorkerConfigArgs {
    /// The worker, KIND/N or KIND/NETWORK-N; or KIND or KIND.NETWORK for all of them
    #[arg(value_name = "WORKER")]
    pub target: String,
    /// The word `set`, to change a setting; without it, what holds is shown
    #[arg(value_name = "set", value_enum, requires_all = ["key", "value", "reason"])]
    pub change: Option<ChangeWord>,
    /// The setting
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    /// Its value there, with its unit: 10s, 64MiB
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub value: Option<String>,
    /// Why it is changed; it is kept in the audit
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Only if the revision of this key is still this one; 0 for one that never changed
    #[arg(long, value_name = "REVISION")]
    pub if_revision: Option<u64>,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// What can be done with a setting here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ChangeWord {
    /// Give it a value of its own there.
    Set,
}

/// What holds there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerConfigReport {
    /// As asked.
    pub target: String,
    /// The latest revision of all settings.
    pub revision: u64,
    /// The revision that the worker's process goes by; none for a kind, or without a process.
    pub follows: Option<u64>,
    /// The settings that can have values of their own there.
    pub settings: Vec<WorkerSetting>,
}

/// One setting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerSetting {
    /// Its key.
    pub key: String,
    /// What holds.
    pub value: String,
    /// The key whose value that is; none for the default.
    pub from: Option<String>,
    /// When a change takes effect.
    pub takes_effect: String,
}

/// The key of a setting there.
fn key(setting: &str, target: &str) -> Result<String, Problem> {
    let parsed = target.parse().map_err(|error| Problem::new(Code::BadRequest, format!("{error}")))?;
    Ok(match parsed {
        Target::Worker(worker) => format!("{setting}@worker:{worker}"),
        Target::Kind { kind, network: None } => format!("{setting}@kind:{kind}"),
        Target::Kind { kind, network: Some(network) } => format!("{setting}@kind:{kind},network:{network}"),
        Target::System => setting.to_owned(),
    })
}

pub(super) async fn run(client: &Client, args: &WorkerConfigArgs, printer: &mut Printer) -> Result<(), Stop> {
    let (Some(setting), Some(value), Some(reason)) = (&args.key, &args.value, &args.reason) else {
        return show(client, args, printer).await;
    };
    let (id, key) = (args.command.id()?, key(setting, &args.target)?);
    let (if_revision, command_id) = (args.if_revision, Some(id.to_string()));
    let body = SetSetting { value: value.clone(), if_revision, reason: reason.clone(), command_id };
    let done: SettingSet = send(client, Method::PUT, &["settings", &key], &body, id).await?;
    printer.answer(&done, |done| format!("{} is {} since revision {}", done.key, done.value, done.revision))
}

async fn show(client: &Client, args: &WorkerConfigArgs, printer: &mut Printer) -> Result<(), Stop> {
    let query = consistency(args.stale);
    let all: Settings = client.get(&["settings"], &query).await?;
    let mut settings = Vec::new();
    for setting in all.settings.iter().filter(|setting| setting.places == "workers") {
        let one: Setting = client.get(&["settings", &key(&setting.key, &args.target)?], &query).await?;
        let (key, takes_effect) = (setting.key.clone(), one.takes_effect);
        settings.push(WorkerSetting { key, value: one.value, from: one.from, takes_effect });
    }
    let mut follows = None;
    if args.target.contains('/') {
        let worker: Worker = client.get(&["workers", &args.target], &query).await?;
        follows = worker.pid.map(|_| worker.settings_revision);
    }
    let report = WorkerConfigReport { target: args.target.clone(), revision: all.revision, follows, settings };
    printer.answer(&report, text)
}

pub(super) fn text(report: &WorkerConfigReport) -> String {
    let rows = report.settings.iter().map(|setting| {
        let from = setting.from.clone().unwrap_or_else(|| "(default)".to_owned());
        [setting.key.clone(), setting.value.clone(), from, setting.takes_effect.clone()]
    });
    let table = columns(["KEY", "VALUE", "FROM", "TAKES-EFFECT"], rows);
    let follows = match report.follows {
        Some(revision) if revision >= report.revision => "; its process goes by it".to_owned(),
        Some(revision) => format!("; its process goes by revision {revision} still"),
        None => String::new(),
    };
    format!("{table}\n\nRevision {}{follows}", report.revision)
}
