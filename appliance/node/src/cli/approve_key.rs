//! `exchequer approve key generate|enrol|confirm|list|revoke`: the keys with which people approve.

use clap::{Args, Subcommand};
use exchequer_api::dto::{
    ApprovalChanged, ApprovalKey, ApprovalKeys, ConfirmApprovalKey, EndApproval, EnrolApprovalKey,
};
use exchequer_domain::{AdminId, Code, Problem};
use exchequer_state::approvals::{ApprovalKeyId, confirmation_bytes};
use reqwest::Method;
use serde::Serialize;

use super::approval_file;
use super::approve::{KeyFileArgs, cluster};
use super::args::{ClientArgs, ConsentArgs, ReasonArgs};
use super::client::Client;
use super::command::{CommandArgs, send};
use super::confirm::Question;
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, or_nothing, text_or_nothing};
use super::worker::consent;

/// `exchequer approve key`.
#[derive(Debug, Clone, Subcommand)]
pub enum ApproveKeyVerb {
    /// Draw an approval key into a new file that only you can read
    ///
    /// Asks no server. Prints the public half, which others compare when they confirm the key; the file is never printed.
    #[command(
        after_help = "Example:\n  exchequer approve key generate\n  exchequer approve key generate --key-file key.p8"
    )]
    Generate(GenerateKeyArgs),
    /// Enrol your approval key; it counts when another person has confirmed it
    #[command(after_help = "Example:\n  exchequer approve key enrol --label laptop --reason 'OPS-20: first key'")]
    Enrol(EnrolKeyArgs),
    /// Vouch for another person's approval key, with your own
    ///
    /// Have its owner read the public key to you, in the same room or over another channel, and give it here: another one is
    /// refused. The two-person rule is in force once two persons who may approve changes have confirmed keys.
    #[command(after_help = "Example:\n  exchequer approve key confirm 2 \
                      8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c \\\n    --reason 'OPS-20: read to me by Sam'")]
    Confirm(ConfirmKeyArgs),
    /// List the approval keys, and whether two persons are needed
    #[command(after_help = "Example:\n  exchequer approve key list")]
    List(ListKeysArgs),
    /// End an approval key for ever; what it approved and waits does not count any more
    #[command(after_help = "Example:\n  exchequer approve key revoke 2 --reason 'OPS-21: laptop lost'")]
    Revoke(RevokeKeyArgs),
}

/// `exchequer approve key generate`.
#[derive(Debug, Clone, Args)]
pub struct GenerateKeyArgs {
    /// Into which file.
    #[command(flatten)]
    pub key: KeyFileArgs,
    /// Whom to ask: nobody.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer approve key enrol`.
#[derive(Debug, Clone, Args)]
pub struct EnrolKeyArgs {
    /// What it is called in listings
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub label: String,
    /// Which key.
    #[command(flatten)]
    pub key: KeyFileArgs,
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

/// `exchequer approve key confirm`.
#[derive(Debug, Clone, Args)]
pub struct ConfirmKeyArgs {
    /// The key's number
    #[arg(value_name = "NUMBER")]
    pub number: u32,
    /// The public key, as its owner told it
    #[arg(value_name = "PUBLIC-KEY")]
    pub public_key: String,
    /// With which key.
    #[command(flatten)]
    pub key: KeyFileArgs,
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

/// `exchequer approve key list`.
#[derive(Debug, Clone, Args)]
pub struct ListKeysArgs {
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer approve key revoke`.
#[derive(Debug, Clone, Args)]
pub struct RevokeKeyArgs {
    /// The key's number
    #[arg(value_name = "NUMBER")]
    pub number: u32,
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

/// The answer of `generate`.
#[derive(Debug, Clone, Serialize)]
struct Generated {
    file: String,
    public_key: String,
}

impl ApproveKeyVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            ApproveKeyVerb::Generate(args) => &args.client,
            ApproveKeyVerb::Enrol(args) => &args.client,
            ApproveKeyVerb::Confirm(args) => &args.client,
            ApproveKeyVerb::List(args) => &args.client,
            ApproveKeyVerb::Revoke(args) => &args.client,
        }
    }
}

pub(super) async fn run(verb: &ApproveKeyVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    match verb {
        ApproveKeyVerb::Generate(args) => {
            let path = approval_file::path(args.key.key_file.as_deref())?;
            let public_key = hex::encode(approval_file::generate(&path)?);
            let made = Generated { file: path.display().to_string(), public_key };
            printer.answer(&made, |made| format!("{}\nThe key is in {}", made.public_key, made.file))?;
        }
        ApproveKeyVerb::Enrol(args) => {
            let pair = approval_file::read(&approval_file::path(args.key.key_file.as_deref())?)?;
            let id = args.command.id()?;
            let body = EnrolApprovalKey {
                public_key: hex::encode(approval_file::public(&pair)),
                label: args.label.clone(),
                reason: args.reason.reason.clone(),
                command_id: Some(id.to_string()),
            };
            let client = Client::open(&args.client)?;
            let done: ApprovalChanged = send(&client, Method::POST, &["approval-keys"], &body, id).await?;
            printer.answer(&done, |done| {
                let confirm = format!("exchequer approve key confirm {} {}", done.number, body.public_key);
                format!("Approval key {} is enrolled; another person confirms it with\n  {confirm}", done.number)
            })?;
        }
        ApproveKeyVerb::Confirm(args) => confirm(args, printer).await?,
        ApproveKeyVerb::List(args) => {
            let keys: ApprovalKeys = Client::open(&args.client)?.get(&["approval-keys"], &[]).await?;
            printer.answer(&keys, list_text)?;
        }
        ApproveKeyVerb::Revoke(args) => {
            let number = args.number.to_string();
            let question = Question {
                consequence: "The key never counts again, and what it approved and waits needs another approval.",
                phrase: &number,
                phrase_is: "the key's number",
            };
            consent(args.consent, "exchequer approve key revoke", &question, printer)?;
            let id = args.command.id()?;
            let body = EndApproval { reason: args.reason.reason.clone(), command_id: Some(id.to_string()) };
            let client = Client::open(&args.client)?;
            let path = ["approval-keys", &number, "revoke"];
            let done: ApprovalChanged = send(&client, Method::POST, &path, &body, id).await?;
            printer.answer(&done, |done| format!("Approval key {} is revoked", done.number))?;
        }
    }
    Ok(Exit::Good)
}

async fn confirm(args: &ConfirmKeyArgs, printer: &mut Printer) -> Result<(), Stop> {
    let client = Client::open(&args.client)?;
    let keys: ApprovalKeys = client.get(&["approval-keys"], &[]).await?;
    let unknown = |message: String| Problem::new(Code::ApprovalKeyUnknown, message);
    let of = |number: u32| keys.keys.iter().find(|key| key.number == number);
    let key = of(args.number).ok_or_else(|| unknown(format!("there is no approval key {}", args.number)))?;
    if !key.public_key.eq_ignore_ascii_case(&args.public_key) {
        let message = format!("approval key {} is {}, not the one that you were told", key.number, key.public_key);
        return Err(unknown(message)
            .hint("ask its owner again, over another channel: somebody may have put in their own")
            .into());
    }
    let pair = approval_file::read(&approval_file::path(args.key.key_file.as_deref())?)?;
    let own = hex::encode(approval_file::public(&pair));
    let with = keys.keys.iter().find(|key| key.public_key == own);
    let with = with.ok_or_else(|| {
        unknown("your own key is not enrolled".into()).hint("enrol it first, with `exchequer approve key enrol`")
    })?;
    let mut public = [0; 32];
    hex::decode_to_slice(&key.public_key, &mut public)
        .map_err(|_| Problem::new(Code::BadRequest, "the public key is not 64 hexadecimal digits"))?;
    let bytes = confirmation_bytes(cluster(&client).await?, ApprovalKeyId(key.number), AdminId(key.admin), &public);
    let id = args.command.id()?;
    let body = ConfirmApprovalKey {
        public_key: key.public_key.clone(),
        with: with.number,
        signature: hex::encode(pair.sign(&bytes).as_ref()),
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let path = ["approval-keys", &args.number.to_string(), "confirm"];
    let done: ApprovalChanged = send(&client, Method::POST, &path, &body, id).await?;
    printer.answer(&done, |done| format!("Approval key {} of {} is confirmed", done.number, key.person))
}

fn list_text(keys: &ApprovalKeys) -> String {
    let row = |key: &ApprovalKey| {
        [
            key.number.to_string(),
            key.admin.to_string(),
            key.person.clone(),
            key.state.clone(),
            or_nothing(key.confirmed_by.as_ref()),
            text_or_nothing(&key.label),
            key.public_key.clone(),
        ]
    };
    let table =
        columns(["KEY", "ADMIN", "PERSON", "STATE", "CONFIRMED-BY", "LABEL", "PUBLIC-KEY"], keys.keys.iter().map(row));
    match &keys.in_force_since {
        Some(since) => format!("{table}\n\nThe two-person rule is in force since {since}"),
        None => format!("{table}\n\nThe two-person rule is not in force: two persons need confirmed keys"),
    }
}
