//! `exchequer asset create|list`: what accounts can count.

use clap::{Args, Subcommand};
use exchequer_api::dto::{AssetCreated, Assets, CreateAsset};
use reqwest::Method;

use super::args::{ClientArgs, ReasonArgs, StaleArgs};
use super::client::{Client, consistency};
use super::command::{CommandArgs, send};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, text_or_nothing};

/// `exchequer asset`.
#[derive(Debug, Clone, Subcommand)]
pub enum AssetVerb {
    /// Create an asset
    ///
    /// Nothing of an asset can be changed later, nor can it be removed.
    #[command(after_help = "Example:\n  exchequer asset create BTC --decimals 8 --name Bitcoin --reason 'OPS-401'")]
    Create(CreateAssetArgs),
    /// List the assets
    #[command(after_help = "Example:\n  exchequer asset list")]
    List(ListAssetsArgs),
}

/// `exchequer asset create`.
#[derive(Debug, Clone, Args)]
pub struct CreateAssetArgs {
    /// The ticker: 1 to 16 characters of A-Z and 0-9
    #[arg(value_name = "CODE")]
    pub code: String,
    /// Decimals of a unit, 0 to 18
    #[arg(long, value_name = "N")]
    pub decimals: u8,
    /// The name for people
    #[arg(long, value_name = "TEXT")]
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

/// `exchequer asset list`.
#[derive(Debug, Clone, Args)]
pub struct ListAssetsArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

impl AssetVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            AssetVerb::Create(args) => &args.client,
            AssetVerb::List(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &AssetVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        AssetVerb::Create(args) => {
            let id = args.command.id()?;
            let body = CreateAsset {
                code: args.code.clone(),
                decimals: args.decimals,
                name: args.name.clone(),
                reason: args.reason.reason.clone(),
                command_id: Some(id.to_string()),
            };
            let made: AssetCreated = send(&client, Method::POST, &["assets"], &body, id).await?;
            printer.answer(&made, |made| format!("Created asset {} with number {}", made.code, made.number))?;
        }
        AssetVerb::List(args) => {
            let assets: Assets = client.get(&["assets"], &consistency(args.stale)).await?;
            printer.answer(&assets, text)?;
        }
    }
    Ok(Exit::Good)
}

pub(super) fn text(assets: &Assets) -> String {
    let rows = assets.assets.iter().map(|asset| {
        [
            asset.code.clone(),
            asset.number.to_string(),
            asset.decimals.to_string(),
            asset.created_at.clone(),
            text_or_nothing(&asset.name),
        ]
    });
    columns(["ASSET", "NUMBER", "DECIMALS", "CREATED", "NAME"], rows)
}
