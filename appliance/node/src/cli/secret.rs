//! `exchequer secret set|list|remove`: what the exchange must know to reach others.
//!
//! A secret's text is never an argument: arguments stand in the shell's history and in the list of processes.

use std::io::Read as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use exchequer_api::dto::{NamedRemoved, PutSecret, RemoveNamed, SecretPut, SecretText, Secrets};
use exchequer_domain::{Code, Problem};
use reqwest::Method;
use zeroize::Zeroizing;

use super::args::{ClientArgs, ProposeArgs, ReasonArgs, StaleArgs};
use super::client::{Client, Repeat, consistency};
use super::command::{CommandArgs, send};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, or_nothing, text_or_nothing};

/// What is read of a secret, at most; the API takes less.
const TEXT_BYTES_MAX: u64 = 1 << 16;

/// `exchequer secret`.
#[derive(Debug, Clone, Subcommand)]
pub enum SecretVerb {
    /// Put a secret, read from standard input or a file
    ///
    /// One line end at its end is left out. It is sealed before it is stored, and nobody sees it again. An address refers
    /// to it as `secret:NAME`. A secret of the same name gets the new text; the former one is gone.
    #[command(
        after_help = "Example:\n  exchequer secret set node-key --file key.txt --reason 'OPS-450'\n  exchequer secret set \
                      node-key --reason 'OPS-451: rotation'"
    )]
    Set(SetSecretArgs),
    /// List the secrets, without their texts
    #[command(after_help = "Example:\n  exchequer secret list")]
    List(ListSecretsArgs),
    /// Remove a secret that nothing refers to
    #[command(after_help = "Example:\n  exchequer secret remove node-key --reason 'OPS-452: the provider was left'")]
    Remove(RemoveSecretArgs),
}

/// `exchequer secret set`.
#[derive(Debug, Clone, Args)]
pub struct SetSecretArgs {
    /// The secret's name: a-z, 0-9 and `-_`, a letter first
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The file that holds the text [default: standard input]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Only if its version is still this one; 0 for one that does not exist
    #[arg(long, value_name = "VERSION")]
    pub if_version: Option<u32>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Whether it is proposed.
    #[command(flatten)]
    pub propose: ProposeArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer secret list`.
#[derive(Debug, Clone, Args)]
pub struct ListSecretsArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer secret remove`.
#[derive(Debug, Clone, Args)]
pub struct RemoveSecretArgs {
    /// The secret
    #[arg(value_name = "NAME")]
    pub name: String,
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

impl SecretVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            SecretVerb::Set(args) => &args.client,
            SecretVerb::List(args) => &args.client,
            SecretVerb::Remove(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &SecretVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(verb.client())?;
    match verb {
        SecretVerb::Set(args) => {
            if args.file.is_none() && printer.can_ask() {
                printer.prompt("The secret, ended by Ctrl-D on a line of its own:\n")?;
            }
            let body = PutSecret {
                value: SecretText(read(args)?),
                if_version: args.if_version,
                reason: args.reason.reason.clone(),
            };
            let path = ["secrets", &args.name];
            let done: SecretPut =
                client.proposing(&args.propose).change_or_propose(Method::PUT, &path, &body, Repeat::Never).await?;
            printer.answer(&done, |done| {
                format!("{} is at version {}; refer to it as secret:{}", done.name, done.version, done.name)
            })?;
        }
        SecretVerb::List(args) => {
            let secrets: Secrets = client.get(&["secrets"], &consistency(args.stale)).await?;
            printer.answer(&secrets, text)?;
        }
        SecretVerb::Remove(args) => {
            let id = args.command.id()?;
            let body = RemoveNamed { reason: args.reason.reason.clone(), command_id: Some(id.to_string()) };
            let path = ["secrets", &args.name, "remove"];
            let client = client.proposing(&args.propose);
            let done: NamedRemoved = send(&client, Method::POST, &path, &body, id).await?;
            printer.answer(&done, |done| format!("Removed secret {}", done.name))?;
        }
    }
    Ok(Exit::Good)
}

fn read(args: &SetSecretArgs) -> Result<Zeroizing<String>, Problem> {
    let mut text = Zeroizing::new(String::new());
    let read = match &args.file {
        Some(file) => std::fs::File::open(file).and_then(|file| file.take(TEXT_BYTES_MAX).read_to_string(&mut text)),
        None => std::io::stdin().lock().take(TEXT_BYTES_MAX).read_to_string(&mut text),
    };
    // The error of text that is none would not show it, but where it is from is all that is needed.
    let from = args.file.as_ref().map_or_else(|| "standard input".to_owned(), |file| file.display().to_string());
    read.map_err(|error| Problem::new(Code::BadRequest, format!("{from} cannot be read: {}", error.kind())))?;
    let end = text.trim_end_matches('\n').trim_end_matches('\r').len();
    text.truncate(end);
    Ok(text)
}

fn text(secrets: &Secrets) -> String {
    let rows = secrets.secrets.iter().map(|secret| {
        [
            secret.name.clone(),
            secret.version.to_string(),
            secret.changed.at.clone(),
            secret.changed.by.clone(),
            or_nothing(secret.used_by.clone()),
            text_or_nothing(&secret.changed.reason),
        ]
    });
    columns(["SECRET", "VERSION", "CHANGED", "BY", "USED-BY", "REASON"], rows)
}
