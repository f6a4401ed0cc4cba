//! `exchequer scratch put|get`: values of sandbox clusters, for trying things out and for drills.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use exchequer_api::dto::{PutScratch, ScratchPut, ScratchValue};
use exchequer_domain::{Code, Problem};
use reqwest::Method;

use super::args::{ClientArgs, StaleArgs};
use super::client::{Client, Repeat, consistency};
use super::command::{CommandArgs, with_id};
use super::exit::{Exit, Stop};
use super::output::Printer;

/// `exchequer scratch`.
#[derive(Debug, Clone, Subcommand)]
pub enum ScratchVerb {
    /// Write a value
    #[command(
        after_help = "Example:\n  exchequer scratch put colour blue\n  exchequer scratch put colour red --expect 1"
    )]
    Put(PutArgs),
    /// Read a value
    #[command(after_help = "Example:\n  exchequer scratch get colour")]
    Get(GetArgs),
}

/// `exchequer scratch put`.
#[derive(Debug, Clone, Args)]
pub struct PutArgs {
    /// The key
    #[arg(value_name = "KEY")]
    pub key: String,
    /// The value
    #[arg(value_name = "VALUE", allow_hyphen_values = true)]
    pub value: String,
    /// Only if the value is at this version; 0 for one that must not exist
    #[arg(long, value_name = "VERSION")]
    pub expect: Option<u64>,
    /// Which command it is.
    #[command(flatten)]
    pub command: CommandArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer scratch get`.
#[derive(Debug, Clone, Args)]
pub struct GetArgs {
    /// The key
    #[arg(value_name = "KEY")]
    pub key: String,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

pub(super) async fn run(verb: &ScratchVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    match verb {
        ScratchVerb::Put(args) => put(args, printer).await?,
        ScratchVerb::Get(args) => get(args, printer).await?,
    }
    Ok(Exit::Good)
}

async fn put(args: &PutArgs, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body =
        PutScratch { value: STANDARD.encode(&args.value), expect: args.expect, command_id: Some(id.to_string()) };
    let client = Client::open(&args.client)?;
    let done = client.change(Method::PUT, &["scratch", &args.key], &body, Repeat::SameCommand).await;
    let done: ScratchPut = done.map_err(|problem| with_id(problem, id))?;
    printer.answer(&done, |done| format!("{} is at version {} since index {}", args.key, done.version, done.index))
}

async fn get(args: &GetArgs, printer: &mut Printer) -> Result<(), Stop> {
    let client = Client::open(&args.client)?;
    let found: ScratchValue = client.get(&["scratch", &args.key], &consistency(args.stale)).await?;
    let value = STANDARD
        .decode(&found.value)
        .map_err(|_| Problem::new(Code::BadRequest, "the value in the answer is not base64"))?;
    printer.answer(&found, |_| String::from_utf8_lossy(&value).into_owned())
}
