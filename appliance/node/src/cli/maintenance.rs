//! `exchequer maintenance start|schedule|end|list`: customers wait, and know why.

use clap::{Args, Subcommand};
use exchequer_api::dto::{
    EndMaintenance, MaintenanceChanged, MaintenanceSchedule, MaintenanceWindow, ScheduleMaintenance,
};
use exchequer_domain::Network;
use reqwest::Method;

use super::args::{ClientArgs, ConsentArgs, ReasonArgs};
use super::client::Client;
use super::command::{CommandArgs, send};
use super::confirm::{self, Question};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, one_line, or_nothing};

/// What is typed before customers are shut out.
const PHRASE: &str = "maintenance";

/// `exchequer maintenance`.
#[derive(Debug, Clone, Subcommand)]
pub enum MaintenanceVerb {
    /// Begin maintenance now
    ///
    /// [dangerous] Of the whole exchange: what customers would change is refused with 503 and the text, until it ends. Of
    /// one network: what happens on it.
    #[command(
        after_help = "Example:\n  exchequer maintenance start --banner 'Back at noon.' --ends-at 2026-11-24T12:00:00Z \\\n    \
                      --reason 'OPS-500'\n  \
                      exchequer maintenance start --network tron --banner 'TRON is upgraded.' --reason 'OPS-501'"
    )]
    Start(StartMaintenanceArgs),
    /// Announce maintenance that begins by itself
    #[command(after_help = "Example:\n  exchequer maintenance schedule --starts-at 2026-11-24T10:00:00Z \\\n    \
                      --ends-at 2026-11-24T12:00:00Z --banner 'Upgrade from 10 to 12 UTC.' --reason 'OPS-500'")]
    Schedule(ScheduleMaintenanceArgs),
    /// End maintenance early, or call it off
    #[command(after_help = "Example:\n  exchequer maintenance end 3 --reason 'done early'")]
    End(EndMaintenanceArgs),
    /// List maintenance that is announced or open
    #[command(after_help = "Example:\n  exchequer maintenance list")]
    List(ListMaintenanceArgs),
}

/// What maintenance is of, and what is said about it.
#[derive(Debug, Clone, Args)]
pub struct WindowArgs {
    /// The network that it is of [default: the whole exchange]
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<Network>,
    /// What customers are told, at most 280 characters
    #[arg(long, value_name = "TEXT")]
    pub banner: String,
    /// When it ends by itself, in RFC 3339 [default: when it is ended]
    #[arg(long, value_name = "TIME")]
    pub ends_at: Option<String>,
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

/// `exchequer maintenance start`.
#[derive(Debug, Clone, Args)]
pub struct StartMaintenanceArgs {
    /// What it is.
    #[command(flatten)]
    pub window: WindowArgs,
}

/// `exchequer maintenance schedule`.
#[derive(Debug, Clone, Args)]
pub struct ScheduleMaintenanceArgs {
    /// When it begins, in RFC 3339
    #[arg(long, value_name = "TIME")]
    pub starts_at: String,
    /// What it is.
    #[command(flatten)]
    pub window: WindowArgs,
}

/// `exchequer maintenance end`.
#[derive(Debug, Clone, Args)]
pub struct EndMaintenanceArgs {
    /// Its number
    #[arg(value_name = "NUMBER")]
    pub number: u64,
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

/// `exchequer maintenance list`.
#[derive(Debug, Clone, Args)]
pub struct ListMaintenanceArgs {
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl MaintenanceVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            MaintenanceVerb::Start(args) => &args.window.client,
            MaintenanceVerb::Schedule(args) => &args.window.client,
            MaintenanceVerb::End(args) => &args.client,
            MaintenanceVerb::List(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &MaintenanceVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        MaintenanceVerb::Start(args) => announce(&client, &args.window, None, printer).await?,
        MaintenanceVerb::Schedule(args) => {
            announce(&client, &args.window, Some(args.starts_at.clone()), printer).await?;
        }
        MaintenanceVerb::End(args) => {
            let id = args.command.id()?;
            let body = EndMaintenance { reason: args.reason.reason.clone(), command_id: Some(id.to_string()) };
            let number = args.number.to_string();
            let path = ["maintenance", "windows", number.as_str(), "end"];
            let done: MaintenanceChanged = send(&client, Method::POST, &path, &body, id).await?;
            printer.answer(&done, |done| format!("Maintenance {} is over", done.number))?;
        }
        MaintenanceVerb::List(_) => {
            let schedule: MaintenanceSchedule = client.get(&["maintenance"], &[]).await?;
            printer.answer(&schedule, |schedule| list_text(&schedule.windows))?;
        }
    }
    Ok(Exit::Good)
}

async fn announce(
    client: &Client,
    args: &WindowArgs,
    starts_at: Option<String>,
    printer: &mut Printer,
) -> Result<(), Stop> {
    if !args.consent.yes {
        if !printer.can_ask() {
            return Err(confirm::nobody_to_ask("maintenance").into());
        }
        let question = match args.network {
            None => Question {
                consequence: "Customers can change nothing while it is open.",
                phrase: PHRASE,
                phrase_is: "the word",
            },
            Some(network) => Question {
                consequence: "What happens on the network waits while it is open.",
                phrase: network.as_str(),
                phrase_is: "its name",
            },
        };
        confirm::ask(printer, &question)?;
    }
    let id = args.command.id()?;
    let body = ScheduleMaintenance {
        starts_at,
        ends_at: args.ends_at.clone(),
        banner: args.banner.clone(),
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let path: &[&str] = match args.network {
        None => &["maintenance", "system"],
        Some(network) => &["maintenance", "networks", network.as_str()],
    };
    let done: MaintenanceChanged = send(client, Method::POST, path, &body, id).await?;
    printer.answer(&done, |done| format!("Maintenance {} is on the schedule since index {}", done.number, done.index))
}

pub(super) fn list_text(windows: &[MaintenanceWindow]) -> String {
    let rows = windows.iter().map(|window| {
        [
            window.number.to_string(),
            window.extent.clone(),
            if window.open { "open" } else { "announced" }.to_owned(),
            window.starts_at.clone(),
            or_nothing(window.ends_at.clone()),
            one_line(&window.banner),
        ]
    });
    columns(["NUMBER", "OF", "STATE", "STARTS-AT", "ENDS-AT", "TEXT"], rows)
}
