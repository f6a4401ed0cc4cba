//! `exchequer settings get|set|preview|unset|diff|history|revert`: the replicated settings.

use clap::{Args, Subcommand};
use exchequer_api::dto::{
    RevertSettings, SetSetting, Setting, SettingHistory, SettingPreview, SettingSet, SettingUnset, Settings,
    SettingsDiff, SettingsReverted, UnsetSetting,
};
use reqwest::Method;

use super::args::{ClientArgs, PlaceArgs, ProposeArgs, ReasonArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, fields, or_nothing, text_or_nothing};

/// Where no value is set.
const DEFAULT: &str = "(default)";

/// `exchequer settings`.
#[derive(Debug, Clone, Subcommand)]
pub enum SettingsVerb {
    /// Show all settings, or one with its range, default and last change
    ///
    /// With a place it shows what holds there, and whose value that is. A key may also be given with its place, as
    /// `worker.drain_deadline@kind:deposit`.
    #[command(after_help = "Example:\n  exchequer settings get\n  exchequer settings get join.token_ttl\n  \
                      exchequer settings get worker.memory_max --worker deposit/bitcoin-1")]
    Get(GetArgs),
    /// Change a setting
    #[command(
        after_help = "Example:\n  exchequer settings set join.token_ttl 30m --reason 'OPS-311: slow installs'\n  \
                      exchequer settings set read.stale_max 20s --if-revision 7 --reason 'OPS-312'\n  \
                      exchequer settings set worker.memory_max 1GiB --kind deposit --network tron --reason 'OPS-313'\n  \
                      exchequer settings set autopilot.min_quorum 5 --reason 'OPS-314' --propose=2h"
    )]
    Set(SetArgs),
    /// Show what a change would come to, without making it
    #[command(
        after_help = "Example:\n  exchequer settings preview worker.memory_max 1GiB --kind deposit\n  exchequer settings \
                      preview worker.memory_max --kind deposit"
    )]
    Preview(PreviewArgs),
    /// Take a value away: the less specific one holds again, or the default
    #[command(after_help = "Example:\n  exchequer settings unset join.token_ttl --reason 'OPS-314'\n  \
                      exchequer settings unset worker.memory_max --kind deposit --reason 'OPS-315'")]
    Unset(UnsetArgs),
    /// Show what differs between two revisions
    #[command(after_help = "Example:\n  exchequer settings diff 12 15\n  exchequer settings diff 0")]
    Diff(DiffArgs),
    /// Show who changed what, when and why, the newest first
    #[command(after_help = "Example:\n  exchequer settings history\n  exchequer settings history join.token_ttl")]
    History(HistoryArgs),
    /// Bring every setting back to its value as of a revision
    ///
    /// The way back is a change like any other: it makes revisions of its own and can be reverted too.
    #[command(after_help = "Example:\n  exchequer settings revert 12 --reason 'OPS-313: undo 13 to 15'")]
    Revert(RevertArgs),
}

/// `exchequer settings get`.
#[derive(Debug, Clone, Args)]
pub struct GetArgs {
    /// The setting [default: all of them]
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    /// Where it is asked for.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer settings set`.
#[derive(Debug, Clone, Args)]
pub struct SetArgs {
    /// The setting
    #[arg(value_name = "KEY")]
    pub key: String,
    /// The value, with its unit: 10s, 64MiB, true
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub value: String,
    /// Where it holds.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Only if the revision of this key is still this one; 0 for one that never changed
    #[arg(long, value_name = "REVISION")]
    pub if_revision: Option<u64>,
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

/// `exchequer settings preview`.
#[derive(Debug, Clone, Args)]
pub struct PreviewArgs {
    /// The setting
    #[arg(value_name = "KEY")]
    pub key: String,
    /// The value [default: it is taken away]
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub value: Option<String>,
    /// Where it would hold.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer settings unset`.
#[derive(Debug, Clone, Args)]
pub struct UnsetArgs {
    /// The setting
    #[arg(value_name = "KEY")]
    pub key: String,
    /// Where it held.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Only if the revision of this key is still this one
    #[arg(long, value_name = "REVISION")]
    pub if_revision: Option<u64>,
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

/// `exchequer settings diff`.
#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    /// The first revision; 0 for the defaults
    #[arg(value_name = "FROM")]
    pub from: u64,
    /// The second revision [default: the latest one]
    #[arg(value_name = "TO")]
    pub to: Option<u64>,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer settings history`.
#[derive(Debug, Clone, Args)]
pub struct HistoryArgs {
    /// The setting [default: all of them]
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    /// How many revisions at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub limit: u64,
    /// Only revisions before this one
    #[arg(long, value_name = "REVISION")]
    pub before: Option<u64>,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer settings revert`.
#[derive(Debug, Clone, Args)]
pub struct RevertArgs {
    /// The revision to go back to; 0 for the defaults
    #[arg(value_name = "REVISION")]
    pub revision: u64,
    /// Only if the latest revision over all settings is still this one
    #[arg(long, value_name = "REVISION")]
    pub if_revision: Option<u64>,
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

pub(super) async fn run(verb: &SettingsVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    match verb {
        SettingsVerb::Get(args) => get(args, printer).await?,
        SettingsVerb::Set(args) => set(args, printer).await?,
        SettingsVerb::Preview(args) => preview(args, printer).await?,
        SettingsVerb::Unset(args) => unset(args, printer).await?,
        SettingsVerb::Diff(args) => diff(args, printer).await?,
        SettingsVerb::History(args) => history(args, printer).await?,
        SettingsVerb::Revert(args) => revert(args, printer).await?,
    }
    Ok(Exit::Good)
}

async fn get(args: &GetArgs, printer: &mut Printer) -> Result<(), Stop> {
    let client = Client::open(&args.client)?;
    let query = consistency(args.stale);
    match &args.key {
        Some(key) => {
            let key = args.place.key(key);
            printer.answer(&client.get::<Setting>(&["settings", &key], &query).await?, one_text)
        }
        None => printer.answer(&client.get::<Settings>(&["settings"], &query).await?, all_text),
    }
}

async fn set(args: &SetArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = SetSetting {
        value: args.value.clone(),
        if_revision: args.if_revision,
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let client = Client::open(&args.client)?.proposing(&args.propose);
    let done: SettingSet = send(&client, Method::PUT, &["settings", &args.place.key(&args.key)], &body, id).await?;
    printer.answer(&done, |done| format!("{} is {} since revision {}", done.key, done.value, done.revision))
}

async fn preview(args: &PreviewArgs, printer: &mut Printer) -> Result<(), Stop> {
    let mut query = consistency(args.stale);
    query.push(("key", args.place.key(&args.key)));
    query.extend(args.value.iter().map(|value| ("value", value.clone())));
    let preview: SettingPreview = Client::open(&args.client)?.get(&["settings", "preview"], &query).await?;
    printer.answer(&preview, |preview| {
        let what = if preview.changes { format!("{} -> {}", preview.from, preview.to) } else { "no change".to_owned() };
        let mut rows = vec![
            ("Key", preview.key.clone()),
            ("Change", what),
            ("Takes effect", preview.takes_effect.clone()),
            ("Danger", preview.danger.to_string()),
            ("Second person", if preview.needs_second_person { "needed" } else { "not needed" }.to_owned()),
            ("Revision", preview.revision.to_string()),
        ];
        rows.extend(preview.not_in.iter().map(|key| ("Does not reach", key.clone())));
        fields(rows)
    })
}

async fn unset(args: &UnsetArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = UnsetSetting {
        if_revision: args.if_revision,
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let client = Client::open(&args.client)?.proposing(&args.propose);
    let path = ["settings", &args.place.key(&args.key), "unset"];
    let done: SettingUnset = send(&client, Method::POST, &path, &body, id).await?;
    printer.answer(&done, |done| format!("{} has no value of its own since revision {}", done.key, done.revision))
}

async fn diff(args: &DiffArgs, printer: &mut Printer) -> Result<(), Stop> {
    let mut query = consistency(args.stale);
    query.push(("from", args.from.to_string()));
    query.extend(args.to.map(|to| ("to", to.to_string())));
    let diff: SettingsDiff = Client::open(&args.client)?.get(&["settings", "diff"], &query).await?;
    printer.answer(&diff, diff_text)
}

async fn history(args: &HistoryArgs, printer: &mut Printer) -> Result<(), Stop> {
    let mut query = consistency(args.stale);
    query.push(("limit", args.limit.to_string()));
    query.extend(args.key.iter().map(|key| ("key", key.clone())));
    query.extend(args.before.map(|before| ("before", before.to_string())));
    let history: SettingHistory = Client::open(&args.client)?.get(&["settings", "history"], &query).await?;
    printer.answer(&history, history_text)?;
    match history.next_before {
        Some(before) => printer.note(&format!("\nThere is more: --before {before}")),
        None => Ok(()),
    }
}

async fn revert(args: &RevertArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = RevertSettings {
        to_revision: args.revision,
        if_revision: args.if_revision,
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let client = Client::open(&args.client)?.proposing(&args.propose);
    let done: SettingsReverted = send(&client, Method::POST, &["settings", "revert"], &body, id).await?;
    printer.answer(&done, |done| {
        let them = if done.changed == 1 { "1 setting".to_owned() } else { format!("{} settings", done.changed) };
        format!("Reverted {them} to revision {}; the latest revision is {}", args.revision, done.revision)
    })
}

pub(super) fn all_text(all: &Settings) -> String {
    let mut rows = Vec::new();
    for setting in &all.settings {
        let revision = if setting.revision == 0 { None } else { Some(setting.revision) };
        let line = |key: &str, value: &str, revision: Option<u64>| {
            [
                key.to_owned(),
                value.to_owned(),
                setting.default.clone(),
                setting.takes.clone(),
                setting.danger.to_string(),
                or_nothing(revision),
            ]
        };
        rows.push(line(&setting.key, &setting.value, revision));
        rows.extend(setting.overrides.iter().map(|own| line(&own.key, &own.value, Some(own.revision))));
    }
    let table = columns(["KEY", "VALUE", "DEFAULT", "TAKES", "DANGER", "REVISION"], rows);
    format!("{table}\n\nRevision {}", all.revision)
}

pub(super) fn one_text(setting: &Setting) -> String {
    let origin = match &setting.from {
        None => " (default)".to_owned(),
        Some(from) if *from == setting.key => String::new(),
        Some(from) => format!(" (of {from})"),
    };
    let mut rows = vec![
        ("Key", setting.key.clone()),
        ("Value", format!("{}{origin}", setting.value)),
        ("Default", setting.default.clone()),
        ("Takes", setting.takes.clone()),
        ("Danger", setting.danger.to_string()),
        ("Takes effect", setting.takes_effect.clone()),
        ("Places", setting.places.clone()),
        ("Revision", setting.revision.to_string()),
    ];
    if let Some(percent) = setting.guard_percent {
        rows.push(("Guard", format!("one person changes it by {percent}% a day at most")));
    }
    if let Some(changed) = &setting.changed {
        rows.push(("Changed at", changed.at.clone()));
        rows.push(("Changed by", changed.by.clone()));
        rows.push(("Reason", text_or_nothing(&changed.reason)));
    }
    let mut text = format!("{}\n\n{}", fields(rows), setting.description);
    if !setting.overrides.is_empty() {
        let rows = setting.overrides.iter().map(|own| [own.key.clone(), own.value.clone(), own.revision.to_string()]);
        text = format!("{text}\n\n{}", columns(["KEY", "VALUE", "REVISION"], rows));
    }
    text
}

pub(super) fn diff_text(diff: &SettingsDiff) -> String {
    if diff.differences.is_empty() {
        return format!("Nothing differs between the revisions {} and {}", diff.from, diff.to);
    }
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| DEFAULT.to_owned());
    let rows = diff.differences.iter().map(|one| [one.key.clone(), value(&one.from), value(&one.to)]);
    let ends = [format!("REVISION-{}", diff.from), format!("REVISION-{}", diff.to)];
    columns(["KEY", &ends[0], &ends[1]], rows)
}

pub(super) fn history_text(history: &SettingHistory) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| DEFAULT.to_owned());
    let rows = history.changes.iter().map(|change| {
        [
            change.revision.to_string(),
            change.changed.at.clone(),
            change.changed.by.clone(),
            change.key.clone(),
            value(&change.from),
            value(&change.to),
            text_or_nothing(&change.changed.reason),
        ]
    });
    columns(["REVISION", "TIME", "BY", "KEY", "FROM", "TO", "REASON"], rows)
}
