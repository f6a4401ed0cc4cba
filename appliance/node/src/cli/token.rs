//! `exchequer cluster token create` and `exchequer operator-token rotate`: secrets that are shown once.

use std::time::Duration;

use clap::{Args, Subcommand};
use exchequer_api::dto::{CreateToken, CreatedToken, NodeRef, NodeStatus, OperatorTokenRotated, RotateOperatorToken};
use exchequer_domain::{Code, Problem, format_duration, parse_duration};
use reqwest::Method;
use serde::Serialize;

use super::args::{ClientArgs, ConsentArgs, ProposeArgs, ReasonArgs};
use super::client::{self, Client, Repeat};
use super::command::CommandArgs;
use super::confirm::{self, Question};
use super::exit::{Exit, Stop};
use super::node::parse_node;
use super::output::{Printer, fields};
use crate::identity::OperatorToken;

/// What is typed before the operator token is replaced.
const PHRASE: &str = "rotate token";

/// `exchequer cluster token`.
#[derive(Debug, Clone, Subcommand)]
pub enum TokenVerb {
    /// Make a token that admits one node, once
    ///
    /// The token pins the cluster's certificate authority, so that the joining node knows whom it talks to. It is shown
    /// this once; the cluster keeps only a hash of it.
    #[command(after_help = "Example:\n  exchequer cluster token create --ttl 15m --reason 'a third node'\n  \
        exchequer cluster token create --replace n2 --reason 'n2 lost its disk'")]
    Create(CreateTokenArgs),
}

/// `exchequer cluster token create`.
#[derive(Debug, Clone, Args)]
pub struct CreateTokenArgs {
    /// How long it can be used [default: the setting join.token_ttl]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub ttl: Option<Duration>,
    /// Whose place the new node takes, by name or id: that one is removed for good once the new one votes
    #[arg(long, value_name = "NODE", value_parser = parse_node)]
    pub replace: Option<NodeRef>,
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

/// `exchequer operator-token`.
#[derive(Debug, Clone, Subcommand)]
pub enum OperatorTokenVerb {
    /// Replace the operator token
    ///
    /// The new token is drawn here and shown this once, before it is sent; only its hash is sent. The present one is
    /// refused from then on. Where the command fails it says whether the new one holds.
    #[command(after_help = "Example:\n  exchequer operator-token rotate --reason 'quarterly rotation'")]
    Rotate(RotateTokenArgs),
}

/// `exchequer operator-token rotate`.
#[derive(Debug, Clone, Args)]
pub struct RotateTokenArgs {
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Consent.
    #[command(flatten)]
    pub consent: ConsentArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

pub(super) async fn create(args: &CreateTokenArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let replace = args.replace.clone();
    let body = CreateToken { ttl: args.ttl.map(format_duration), replace, reason: args.reason.reason.clone() };
    let client = Client::open(&args.client)?.proposing(&args.propose);
    let made: CreatedToken =
        client.change_or_propose(Method::POST, &["cluster", "tokens"], &body, Repeat::Never).await?;
    printer.answer(&made, text)?;
    // The first of several addresses is as good as any: every node admits.
    let wanted = client::wanted(&args.client);
    let address = wanted.split(',').next().unwrap_or_default();
    printer.note(&format!(
        "\nOn the new machine:\n  exchequer join {address} --token TOKEN --data-dir FOLDER --name NAME --api HOST:8640 \
         --peer HOST:8641"
    ))?;
    Ok(Exit::Good)
}

pub(super) fn text(made: &CreatedToken) -> String {
    fields([("Token", made.token.clone()), ("Expires at", made.expires_at.clone())])
}

/// The answer of `operator-token rotate`. It is given before the token holds.
#[derive(Serialize)]
struct FreshToken {
    operator_token: String,
}

pub(super) async fn rotate(args: &RotateTokenArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(&args.client)?;
    if !args.consent.yes {
        if !printer.can_ask() {
            return Err(confirm::nobody_to_ask("operator-token rotate").into());
        }
        let question = Question {
            consequence: "The cluster gets a new operator token, which is shown next and only this once.\nThe present \
                          one is refused from then on, wherever it is used.",
            phrase: PHRASE,
            phrase_is: "the words",
        };
        confirm::ask(printer, &question)?;
    }
    let fresh = OperatorToken::generate()?;
    // Before anything is sent: should the answer be lost, the token is not.
    let shown = FreshToken { operator_token: fresh.text().to_string() };
    printer.answer(&shown, |shown| fields([("Operator token", shown.operator_token.clone())]))?;
    let id = CommandArgs::default().id()?;
    let body = RotateOperatorToken {
        new_hash: fresh.hash().to_string(),
        reason: args.reason.reason.clone(),
        command_id: Some(id.to_string()),
    };
    let sent: Result<OperatorTokenRotated, Problem> =
        client.change(Method::POST, &["operator-token", "rotate"], &body, Repeat::SameCommand).await;
    if let Err(problem) = sent {
        // Sent again after a lost answer it may find that the token it shows is the former one by now.
        let asked: Result<NodeStatus, Problem> = client.showing(fresh.text()).get(&["status"], &[]).await;
        if asked.is_err() {
            // After a lost answer another node refuses the former token, and one that lags the new one.
            let doubtful = [Code::OutcomeUnknown, Code::TokenWrong, Code::Unreachable];
            let certain = !doubtful.contains(&problem.code);
            let hint =
                if certain { "the new token does not hold" } else { "keep both tokens until you know which holds" };
            return Err(problem.hint(hint).into());
        }
    }
    printer.note("\nThe former token is refused from now on. This one is not shown again.")?;
    Ok(Exit::Good)
}
