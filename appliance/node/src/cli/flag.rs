//! `exchequer flag list|show|set|remove|check`: what is switched on for whom.

use clap::{Args, Subcommand};
use exchequer_api::dto::{Flag, FlagChecked, FlagSet, Flags, NamedRemoved, RemoveNamed, SetFlag};
use reqwest::Method;

use super::args::{ClientArgs, ReasonArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, fields, text_or_nothing};

/// `exchequer flag`.
#[derive(Debug, Clone, Subcommand)]
pub enum FlagVerb {
    /// List the flags
    #[command(after_help = "Example:\n  exchequer flag list")]
    List(ListFlagsArgs),
    /// Show a flag: for whom it is on, and its last changes
    #[command(after_help = "Example:\n  exchequer flag show new-book")]
    Show(ShowFlagArgs),
    /// Make a flag, or change one
    ///
    /// What is not given stays as it is; a new flag is on for all. It holds at every node within a second.
    #[command(
        after_help = "Example:\n  exchequer flag set new-book --percent 5 --reason 'OPS-430: first users'\n  exchequer flag \
                      set new-book --percent 0 --allow user-12,user-40 --reason 'OPS-431'\n  exchequer flag set new-book \
                      --off --reason 'OPS-432'"
    )]
    Set(SetFlagArgs),
    /// Remove a flag: it is off from then on
    #[command(after_help = "Example:\n  exchequer flag remove new-book --reason 'OPS-433: it is for all now'")]
    Remove(RemoveFlagArgs),
    /// Ask whether a flag is on for somebody, and why
    #[command(after_help = "Example:\n  exchequer flag check new-book user-12")]
    Check(CheckFlagArgs),
}

/// `exchequer flag list`.
#[derive(Debug, Clone, Args)]
pub struct ListFlagsArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer flag show`.
#[derive(Debug, Clone, Args)]
pub struct ShowFlagArgs {
    /// The flag
    #[arg(value_name = "FLAG")]
    pub name: String,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer flag set`.
#[derive(Debug, Clone, Args)]
pub struct SetFlagArgs {
    /// The flag: a-z, 0-9 and `.-_`, a letter first
    #[arg(value_name = "FLAG")]
    pub name: String,
    /// Switch it on
    #[arg(long, conflicts_with = "off")]
    pub on: bool,
    /// Switch it off, and keep the rest of its rule
    #[arg(long)]
    pub off: bool,
    /// For how many of a hundred subjects it is on, with one decimal at most
    #[arg(long, value_name = "PERCENT", value_parser = parse_percent)]
    pub percent: Option<u16>,
    /// Subjects for which it is on beside those; several with commas between
    #[arg(long, value_name = "SUBJECT", value_delimiter = ',')]
    pub allow: Option<Vec<String>>,
    /// Where it is on; several with commas between [default: everywhere]
    #[arg(long, value_name = "NETWORK", value_delimiter = ',')]
    pub network: Option<Vec<String>>,
    /// From when on it is off, such as 2026-12-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub expires: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    pub description: Option<String>,
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

/// `exchequer flag remove`.
#[derive(Debug, Clone, Args)]
pub struct RemoveFlagArgs {
    /// The flag
    #[arg(value_name = "FLAG")]
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

/// `exchequer flag check`.
#[derive(Debug, Clone, Args)]
pub struct CheckFlagArgs {
    /// The flag
    #[arg(value_name = "FLAG")]
    pub name: String,
    /// For whom
    #[arg(value_name = "SUBJECT")]
    pub subject: String,
    /// On which network
    #[arg(long, value_name = "NETWORK")]
    pub network: Option<String>,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// A percentage as thousandths, exactly.
fn parse_percent(text: &str) -> Result<u16, String> {
    let wrong = || "a percentage is 0 to 100 with one decimal at most".to_owned();
    let (whole, tenths) = text.trim_end_matches('%').split_once('.').unwrap_or((text.trim_end_matches('%'), "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(tenths) || tenths.len() != 1 || whole.len() > 3 {
        return Err(wrong());
    }
    let permille = whole.parse::<u16>().map_err(|_| wrong())? * 10 + tenths.parse::<u16>().map_err(|_| wrong())?;
    if permille <= 1_000 { Ok(permille) } else { Err(wrong()) }
}

impl FlagVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            FlagVerb::List(args) => &args.client,
            FlagVerb::Show(args) => &args.client,
            FlagVerb::Set(args) => &args.client,
            FlagVerb::Remove(args) => &args.client,
            FlagVerb::Check(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &FlagVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        FlagVerb::List(args) => {
            let flags: Flags = client.get(&["flags"], &consistency(args.stale)).await?;
            printer.answer(&flags, list_text)?;
        }
        FlagVerb::Show(args) => {
            let flag: Flag = client.get(&["flags", &args.name], &consistency(args.stale)).await?;
            printer.answer(&flag, flag_text)?;
        }
        FlagVerb::Set(args) => set(&client, args, printer).await?,
        FlagVerb::Remove(args) => {
            let id = args.command.id()?;
            let body = RemoveNamed { reason: args.reason.reason.clone(), command_id: Some(id.to_string()) };
            let done: NamedRemoved = send(&client, Method::POST, &["flags", &args.name, "remove"], &body, id).await?;
            printer.answer(&done, |done| format!("Removed flag {}", done.name))?;
        }
        FlagVerb::Check(args) => {
            let mut query = consistency(args.stale);
            query.push(("subject", args.subject.clone()));
            query.extend(args.network.iter().map(|network| ("network", network.clone())));
            let checked: FlagChecked = client.get(&["flags", &args.name, "check"], &query).await?;
            printer.answer(&checked, |checked| {
                let on = if checked.on { "on" } else { "off" };
                format!("{} is {on} for {}: {}", checked.name, checked.subject, checked.why)
            })?;
        }
    }
    Ok(Exit::Good)
}

/// Changes what is given, and only where nobody else has changed the rest meanwhile.
async fn set(client: &Client, args: &SetFlagArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let flags: Flags = client.get(&["flags"], &[]).await?;
    let present = flags.flags.into_iter().find(|flag| flag.name == args.name);
    let before = present.as_ref();
    let body = SetFlag {
        description: args.description.clone(),
        on: if args.on || args.off { args.on } else { before.is_none_or(|flag| flag.on) },
        permille: args.percent.or_else(|| before.map(|flag| flag.permille)),
        allowed: args.allow.clone().or_else(|| before.map(|flag| flag.allowed.clone())),
        networks: args.network.clone().or_else(|| before.map(|flag| flag.networks.clone())),
        expires_at: args.expires.clone().or_else(|| before.and_then(|flag| flag.expires_at.clone())),
        if_version: Some(before.map_or(0, |flag| flag.version)),
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let done: FlagSet = send(client, Method::PUT, &["flags", &args.name], &body, id).await?;
    printer.answer(&done, |done| format!("{} is {} since version {}", done.name, done.summary, done.version))
}

fn list_text(flags: &Flags) -> String {
    let rows = flags.flags.iter().map(|flag| {
        let summary = if flag.expired { format!("{} (expired)", flag.summary) } else { flag.summary.clone() };
        [flag.name.clone(), summary, flag.version.to_string(), text_or_nothing(&flag.description)]
    });
    columns(["FLAG", "STATE", "VERSION", "WHAT"], rows)
}

fn flag_text(flag: &Flag) -> String {
    let rows = vec![
        ("Flag", flag.name.clone()),
        ("State", if flag.expired { format!("{} (expired)", flag.summary) } else { flag.summary.clone() }),
        ("Subjects", text_or_nothing(&flag.allowed.join(","))),
        ("What", text_or_nothing(&flag.description)),
        ("Version", flag.version.to_string()),
    ];
    let changes = flag.changes.iter().map(|change| {
        let (at, by) = (change.changed.at.clone(), change.changed.by.clone());
        [change.version.to_string(), at, by, change.summary.clone(), text_or_nothing(&change.changed.reason)]
    });
    format!("{}\n\n{}", fields(rows), columns(["VERSION", "TIME", "BY", "STATE", "REASON"], changes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: percentages are exact. Method: both ends, a decimal, and what is no percentage.
    #[test]
    fn percentages() {
        for (text, permille) in [("0", 0), ("100", 1_000), ("2.5", 25), ("99.9%", 999), ("5%", 50)] {
            assert_eq!(parse_percent(text), Ok(permille), "{text}");
        }
        for text in ["", "100.1", "101", "-1", "2.55", "2.", ".5", "1e1", "+5"] {
            assert!(parse_percent(text).is_err(), "{text}");
        }
    }
}
