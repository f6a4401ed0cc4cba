//! `exchequer audit tail|verify`: who did what, to what, when and why.

use std::time::Duration;

use clap::{Args, Subcommand};
use exchequer_api::dto::{AuditEntry, AuditPage, AuditVerified};
use exchequer_domain::Code;

use super::args::{ClientArgs, Format, StaleArgs};
use super::client::{Client, consistency};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, problem_text, text_or_nothing};

/// How often `--follow` looks for new records.
const FOLLOW_PAUSE: Duration = Duration::from_secs(1);
/// How many records one look of `--follow` takes at most; the next look takes the rest.
const FOLLOW_RECORDS_MAX: u64 = 1000;
/// What `--follow` waits out.
const PASSING: [Code; 4] = [Code::Unreachable, Code::NoLeader, Code::NoQuorum, Code::ReadTooStale];
/// Hashing every record there is takes a while.
const VERIFY_PATIENCE: Duration = Duration::from_secs(600);

/// `exchequer audit`.
#[derive(Debug, Clone, Subcommand)]
pub enum AuditVerb {
    /// Show the newest records, the oldest of them first
    ///
    /// With --follow, and --output json, each record is one line. Where records are chosen, 10,000 are looked through at once; a
    /// remark says with which --before, or --after, to go on.
    #[command(
        after_help = "Example:\n  exchequer audit tail -n 50\n  exchequer audit tail --target tron --from 2026-11-01T00:00:00Z\n  \
                      exchequer audit tail --follow --output json"
    )]
    Tail(TailArgs),
    /// Check the chain of all records, from the first one on
    #[command(after_help = "Example:\n  exchequer audit verify\n  exchequer audit verify --address n2:8640 --stale")]
    Verify(VerifyArgs),
}

/// `exchequer audit tail`.
#[derive(Debug, Clone, Args)]
pub struct TailArgs {
    /// How many records
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub lines: u64,
    /// The records after this number instead of the newest ones
    #[arg(long, value_name = "SEQUENCE", conflicts_with = "before")]
    pub after: Option<u64>,
    /// The newest of the records before this number
    #[arg(long, value_name = "SEQUENCE", conflicts_with = "follow")]
    pub before: Option<u64>,
    /// Only what was done to this, such as tron or selftest/1; with an asterisk at the end all that begins so
    #[arg(long, value_name = "TEXT")]
    pub target: Option<String>,
    /// Only what was done on behalf of this one, such as 'admin 2'; with an asterisk at the end all that begins so
    #[arg(long, value_name = "TEXT")]
    pub actor: Option<String>,
    /// Only this action, such as set-setting; with an asterisk at the end all that begins so
    #[arg(long, value_name = "TEXT")]
    pub action: Option<String>,
    /// Only from this moment on, in RFC 3339
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only up to this moment, in RFC 3339
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    pub to: Option<String>,
    /// Only what this entry of the log did
    #[arg(long, value_name = "INDEX", conflicts_with = "follow")]
    pub index: Option<u64>,
    /// Go on with the records that are made meanwhile, until Ctrl-C
    #[arg(long, short = 'f')]
    pub follow: bool,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer audit verify`.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

pub(super) async fn run(verb: &AuditVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    match verb {
        AuditVerb::Tail(args) => tail(args, printer).await?,
        AuditVerb::Verify(args) => verify(args, printer).await?,
    }
    Ok(Exit::Good)
}

/// What is asked of the records, whichever page of them it is.
fn chosen(args: &TailArgs) -> Vec<(&'static str, String)> {
    let mut query = consistency(args.stale);
    let texts = [("target", &args.target), ("actor", &args.actor), ("action", &args.action), ("from", &args.from)];
    query.extend(texts.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))));
    query.extend(args.to.clone().map(|to| ("to", to)));
    query.extend(args.index.map(|index| ("index", index.to_string())));
    query
}

async fn tail(args: &TailArgs, printer: &mut Printer) -> Result<(), Stop> {
    let client = Client::open(&args.client)?;
    let mut query = chosen(args);
    query.push(("limit", args.lines.to_string()));
    query.extend(args.after.map(|after| ("after", after.to_string())));
    query.extend(args.before.map(|before| ("before", before.to_string())));
    let page: AuditPage = client.get(&["audit"], &query).await?;
    if !args.follow {
        printer.answer(&page, text)?;
        let was_cut = (page.entries.len() as u64) < args.lines;
        return match (page.next_before, page.next_after) {
            (Some(before), _) if was_cut => {
                printer.note(&format!("Not looked further back; --before {before} goes on"))
            }
            (None, Some(after)) if was_cut => printer.note(&format!("Not looked further; --after {after} goes on")),
            (_, _) => Ok(()),
        };
    }
    let mut last = next(&page, args.after.unwrap_or(0));
    match printer.format() {
        Format::Table => printer.text(&text(&page))?,
        Format::Json => print_lines(&page.entries, printer)?,
    }
    let mut was_told = false;
    loop {
        tokio::time::sleep(FOLLOW_PAUSE).await;
        let mut query = chosen(args);
        query.extend([("after", last.to_string()), ("limit", FOLLOW_RECORDS_MAX.to_string())]);
        match client.get::<AuditPage>(&["audit"], &query).await {
            Ok(page) => {
                print_lines(&page.entries, printer)?;
                last = next(&page, last);
                was_told = false;
            }
            // Whoever follows the audit does so through elections and restarts, too.
            Err(problem) if PASSING.contains(&problem.code) => {
                if !was_told {
                    printer.note(&problem_text(&problem))?;
                }
                was_told = true;
            }
            Err(problem) => return Err(problem.into()),
        }
    }
}

/// Behind which record the next look begins: everything up to it was looked through.
fn next(page: &AuditPage, last: u64) -> u64 {
    page.next_after.unwrap_or_else(|| page.head.max(last))
}

fn print_lines(entries: &[AuditEntry], printer: &mut Printer) -> Result<(), Stop> {
    entries.iter().try_for_each(|entry| printer.line(entry, |entry| row(entry).join("  ")))
}

async fn verify(args: &VerifyArgs, printer: &mut Printer) -> Result<(), Stop> {
    let client = Client::open(&args.client)?.patient(VERIFY_PATIENCE);
    let verified: AuditVerified = client.get(&["audit", "verify"], &consistency(args.stale)).await?;
    printer.answer(&verified, |it| format!("The chain of {} records holds; its last hash is {}", it.records, it.hash))
}

pub(super) fn text(page: &AuditPage) -> String {
    columns(["SEQUENCE", "TIME", "ACTOR", "ACTION", "TARGET", "DETAIL", "REASON"], page.entries.iter().map(row))
}

fn row(entry: &AuditEntry) -> [String; 7] {
    [
        entry.sequence.to_string(),
        entry.time.clone(),
        entry.actor.clone(),
        entry.action.clone(),
        text_or_nothing(&entry.target),
        text_or_nothing(&entry.detail),
        text_or_nothing(&entry.reason),
    ]
}
