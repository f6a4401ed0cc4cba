//! `exchequer cluster token create` and `exchequer operator-token rotate`: secrets that are shown once.

use std::time::Duration;

use clap::{Args, Subcommand};
use exchequer_api::dto::{CreateToken, CreatedToken, RotatedOperatorToken, WithReason};
use exchequer_domain::{format_duration, parse_duration};
use reqwest::Method;

use super::args::{ClientArgs, ReasonArgs};
use super::client::{Client, Repeat};
use super::exit::{Exit, Stop};
use super::output::{Printer, fields};

/// `exchequer cluster token`.
#[derive(Debug, Clone, Subcommand)]
pub enum TokenVerb {
    /// Make a token that admits one node, once
    ///
    /// The token pins the cluster's certificate authority, so that the joining node knows whom it talks to. It is shown
    /// this once; the cluster keeps only a hash of it.
    #[command(after_help = "Example:\n  exchequer cluster token create --ttl 15m --reason 'n4 replaces n2'")]
    Create(CreateTokenArgs),
}

/// `exchequer cluster token create`.
#[derive(Debug, Clone, Args)]
pub struct CreateTokenArgs {
    /// How long it can be used [default: the setting join.token_ttl]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub ttl: Option<Duration>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer operator-token`.
#[derive(Debug, Clone, Subcommand)]
pub enum OperatorTokenVerb {
    /// Replace the operator token
    ///
    /// The new token is shown this once; the present one is refused from then on.
    #[command(after_help = "Example:\n  exchequer operator-token rotate --reason 'quarterly rotation'")]
    Rotate(RotateTokenArgs),
}

/// `exchequer operator-token rotate`.
#[derive(Debug, Clone, Args)]
pub struct RotateTokenArgs {
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

pub(super) async fn create(args: &CreateTokenArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let body = CreateToken { ttl: args.ttl.map(format_duration), reason: args.reason.reason.clone() };
    let client = Client::open(&args.client)?;
    let made: CreatedToken = client.change(Method::POST, &["cluster", "tokens"], &body, Repeat::Never).await?;
    printer.answer(&made, text)?;
    // The first of several addresses is as good as any: every node admits.
    let address = args.client.address.split(',').next().unwrap_or_default();
    printer.note(&format!(
        "\nOn the new machine:\n  exchequer join {address} --token TOKEN --data-dir FOLDER --name NAME --api HOST:8640 \
         --peer HOST:8641"
    ))?;
    Ok(Exit::Good)
}

pub(super) fn text(made: &CreatedToken) -> String {
    fields([("Token", made.token.clone()), ("Expires at", made.expires_at.clone())])
}

pub(super) async fn rotate(args: &RotateTokenArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let body = WithReason { reason: args.reason.reason.clone() };
    let client = Client::open(&args.client)?;
    let made: RotatedOperatorToken =
        client.change(Method::POST, &["operator-token", "rotate"], &body, Repeat::Never).await?;
    printer.answer(&made, |made| fields([("Operator token", made.operator_token.clone())]))?;
    printer.note("\nThe former token is refused from now on. This one is not shown again.")?;
    Ok(Exit::Good)
}
