//! `exchequer limit list|set` and `exchequer threshold list|set`: two views of the settings.

use clap::{Args, Subcommand};
use exchequer_api::dto::{SetSetting, SettingSet, Settings};
use reqwest::Method;

use super::args::{ClientArgs, PlaceArgs, ProposeArgs, ReasonArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, or_nothing};

/// `exchequer limit`.
#[derive(Debug, Clone, Subcommand)]
pub enum LimitVerb {
    /// List the limits on what clients may ask
    #[command(after_help = "Example:\n  exchequer limit list")]
    List(ListViewArgs),
    /// Change a limit
    ///
    /// It holds at every node within a second. Beyond half of what it was, it takes a second person once two have approval
    /// keys.
    #[command(after_help = "Example:\n  exchequer limit set orders_ten_seconds 40 --reason 'OPS-440'")]
    Set(SetViewArgs),
}

/// `exchequer threshold`.
#[derive(Debug, Clone, Subcommand)]
pub enum ThresholdVerb {
    /// List the thresholds at which something is shown as not well
    #[command(after_help = "Example:\n  exchequer threshold list")]
    List(ListViewArgs),
    /// Change a threshold, everywhere or in one place
    #[command(
        after_help = "Example:\n  exchequer threshold set queue_age 45s --reason 'OPS-441'\n  exchequer threshold set \
                      queue_age 2m --kind deposit --network tron --reason 'OPS-442: slow blocks'"
    )]
    Set(SetViewArgs),
}

/// A list of either.
#[derive(Debug, Clone, Args)]
pub struct ListViewArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// A change of either.
#[derive(Debug, Clone, Args)]
pub struct SetViewArgs {
    /// Which one, as listed
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The value, with its unit
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub value: String,
    /// Where it holds.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Only if its revision is still this one; 0 for one that never changed
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

impl LimitVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            LimitVerb::List(args) => &args.client,
            LimitVerb::Set(args) => &args.client,
        }
    }
}

impl ThresholdVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            ThresholdVerb::List(args) => &args.client,
            ThresholdVerb::Set(args) => &args.client,
        }
    }
}

pub(super) async fn limit(verb: &LimitVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    match verb {
        LimitVerb::List(args) => list("limit.", args, printer).await,
        LimitVerb::Set(args) => set("limit.", args, printer).await,
    }
}

pub(super) async fn threshold(verb: &ThresholdVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    match verb {
        ThresholdVerb::List(args) => list("threshold.", args, printer).await,
        ThresholdVerb::Set(args) => set("threshold.", args, printer).await,
    }
}

async fn list(prefix: &str, args: &ListViewArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let mut all: Settings = Client::open(&args.client)?.get(&["settings"], &consistency(args.stale)).await?;
    all.settings.retain(|setting| setting.key.starts_with(prefix));
    printer.answer(&all, |all| text(prefix, all))?;
    Ok(Exit::Good)
}

async fn set(prefix: &str, args: &SetViewArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let id = args.command.id()?;
    let name = args.name.strip_prefix(prefix).unwrap_or(&args.name);
    let key = args.place.key(&format!("{prefix}{name}"));
    let body = SetSetting {
        value: args.value.clone(),
        if_revision: args.if_revision,
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let client = Client::open(&args.client)?.proposing(&args.propose);
    let done: SettingSet = send(&client, Method::PUT, &["settings", &key], &body, id).await?;
    printer.answer(&done, |done| format!("{} is {} since revision {}", done.key, done.value, done.revision))?;
    Ok(Exit::Good)
}

fn text(prefix: &str, all: &Settings) -> String {
    let mut rows = Vec::new();
    for setting in &all.settings {
        let name = |key: &str| key.strip_prefix(prefix).unwrap_or(key).to_owned();
        let guard = setting.guard_percent.map(|percent| format!("{percent}%"));
        let revision = (setting.revision != 0).then_some(setting.revision);
        rows.push([
            name(&setting.key),
            setting.value.clone(),
            setting.default.clone(),
            or_nothing(guard),
            or_nothing(revision),
            setting.description.clone(),
        ]);
        rows.extend(setting.overrides.iter().map(|own| {
            let (default, guard) = (or_nothing::<&str>(None), or_nothing::<&str>(None));
            [name(&own.key), own.value.clone(), default, guard, own.revision.to_string(), String::new()]
        }));
    }
    columns(["NAME", "VALUE", "DEFAULT", "GUARD", "REVISION", "WHAT"], rows)
}
