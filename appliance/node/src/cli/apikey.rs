//! `exchequer apikey create|list|revoke`: the keys with which a user's programs sign their requests.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use exchequer_api::dto::{ApiKeyCreated, ApiKeyRevoked, ApiKeys, CreateApiKey, RevokeApiKey};
use exchequer_domain::{Code, Problem};
use reqwest::Method;

use super::args::{ClientArgs, ReasonArgs, StaleArgs};
use super::client::{Client, Repeat, consistency};
use super::command::{CommandArgs, send};
use super::exit::{Exit, Stop};
use super::output::{NOTHING, Printer, columns, fields, text_or_nothing};

/// `exchequer apikey`.
#[derive(Debug, Clone, Subcommand)]
pub enum ApiKeyVerb {
    /// Make a key
    ///
    /// Without --public-key it is one of HMAC-SHA256, whose secret is printed and not shown again.
    #[command(
        after_help = "Example:\n  exchequer apikey create 12 --scope read,trade --label bot --reason 'OPS-420'\n  \
                            exchequer apikey create 12 --scope read --public-key key.pem --reason 'OPS-421'"
    )]
    Create(CreateKeyArgs),
    /// List a user's keys, without their secrets
    #[command(after_help = "Example:\n  exchequer apikey list 12")]
    List(ListKeysArgs),
    /// Revoke a key, for ever
    #[command(after_help = "Example:\n  exchequer apikey revoke 12 3 --reason 'OPS-422: leaked'")]
    Revoke(RevokeKeyArgs),
}

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScopeWord {
    /// Reading the user's own data.
    Read,
    /// Entering, changing and cancelling orders.
    Trade,
    /// Asking for withdrawals.
    Withdraw,
}

/// `exchequer apikey create`.
#[derive(Debug, Clone, Args)]
pub struct CreateKeyArgs {
    /// The user's number
    #[arg(value_name = "USER")]
    pub user: u64,
    /// What it may be used for; several with commas between
    #[arg(long, value_name = "SCOPE", value_enum, value_delimiter = ',', default_value = "read")]
    pub scope: Vec<ScopeWord>,
    /// The label for people
    #[arg(long, value_name = "TEXT")]
    pub label: Option<String>,
    /// Addresses or ranges that it may be used from; several with commas between [default: anywhere]
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub from: Vec<String>,
    /// The PEM file of an Ed25519 public key
    #[arg(long, value_name = "FILE")]
    pub public_key: Option<PathBuf>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer apikey list`.
#[derive(Debug, Clone, Args)]
pub struct ListKeysArgs {
    /// The user's number
    #[arg(value_name = "USER")]
    pub user: u64,
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer apikey revoke`.
#[derive(Debug, Clone, Args)]
pub struct RevokeKeyArgs {
    /// The user's number
    #[arg(value_name = "USER")]
    pub user: u64,
    /// The key's number or name
    #[arg(value_name = "KEY")]
    pub key: String,
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

impl ApiKeyVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            ApiKeyVerb::Create(args) => &args.client,
            ApiKeyVerb::List(args) => &args.client,
            ApiKeyVerb::Revoke(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &ApiKeyVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        ApiKeyVerb::Create(args) => create(&client, args, printer).await?,
        ApiKeyVerb::List(args) => {
            let path = ["users", &args.user.to_string(), "api-keys"];
            let keys: ApiKeys = client.get(&path, &consistency(args.stale)).await?;
            printer.answer(&keys, text)?;
        }
        ApiKeyVerb::Revoke(args) => {
            let id = args.command.id()?;
            let body = RevokeApiKey {
                key: args.key.clone(),
                reason: args.reason.reason.clone(),
                command_id: Some(id.to_string()),
            };
            let path = ["users", &args.user.to_string(), "api-keys", "revoke"];
            let done: ApiKeyRevoked = send(&client, Method::POST, &path, &body, id).await?;
            printer.answer(&done, |done| format!("Revoked API key {}", done.id))?;
        }
    }
    Ok(Exit::Good)
}

async fn create(client: &Client, args: &CreateKeyArgs, printer: &mut Printer) -> Result<(), Stop> {
    let public_key = args.public_key.as_ref().map(|file| {
        std::fs::read_to_string(file)
            .map_err(|error| Problem::new(Code::BadRequest, format!("{} cannot be read: {error}", file.display())))
    });
    let scopes = args.scope.iter().filter_map(|scope| Some(scope.to_possible_value()?.get_name().to_owned()));
    let body = CreateApiKey {
        label: args.label.clone(),
        scopes: scopes.collect(),
        addresses: (!args.from.is_empty()).then(|| args.from.clone()),
        public_key: public_key.transpose()?,
        reason: args.reason.reason.clone(),
    };
    let path = ["users", &args.user.to_string(), "api-keys"];
    let made: ApiKeyCreated = client.change(Method::POST, &path, &body, Repeat::Never).await?;
    printer.answer(&made, |made| {
        let mut rows = vec![("API key", made.key.clone()), ("Number", made.id.to_string())];
        rows.extend(made.secret.iter().map(|secret| ("Secret", secret.clone())));
        fields(rows)
    })?;
    match made.secret {
        Some(_) => printer.note("\nThe secret is not shown again."),
        None => Ok(()),
    }
}

pub(super) fn text(keys: &ApiKeys) -> String {
    let rows = keys.keys.iter().map(|key| {
        let from = if key.addresses.is_empty() { NOTHING.to_owned() } else { key.addresses.join(",") };
        [
            key.id.to_string(),
            key.kind.clone(),
            key.scopes.join(","),
            from,
            key.created_at.clone(),
            key.key.clone(),
            text_or_nothing(&key.label),
        ]
    });
    columns(["NUMBER", "KIND", "SCOPES", "FROM", "CREATED", "API-KEY", "LABEL"], rows)
}
