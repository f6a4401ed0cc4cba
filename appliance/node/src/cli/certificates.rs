//! `exchequer cluster certificates rotate`.

use std::time::Duration;

use clap::{Args, Subcommand};
use exchequer_api::dto::{Accepted, NodeRef, RotateCertificates};
use reqwest::Method;

use super::args::{ClientArgs, ConsentArgs, ReasonArgs};
use super::client::{Client, Repeat};
use super::confirm::{self, Question};
use super::exit::{Exit, Stop};
use super::node::parse_node;
use super::output::Printer;

/// What is typed before a new authority is made.
const PHRASE: &str = "rotate authority";
/// Every node takes up its certificate before the answer comes.
const PATIENCE: Duration = Duration::from_secs(300);

/// `exchequer cluster certificates`.
#[derive(Debug, Clone, Subcommand)]
pub enum CertificatesVerb {
    /// Renew certificates now instead of when they are due
    ///
    /// Nodes renew their certificates by themselves. This is for the day on which a key may have leaked: of one node,
    /// which then gets another key, and within seconds the members refuse the former one; or with --authority of the
    /// cluster's authority. A new authority means a new `ca.pem` for every client, and that join tokens made before are
    /// void; it takes as long as every member needs to take it up, and `exchequer status` shows who is waited for. It
    /// does not answer a keyring that leaked: the keyring opens the new authority's key too.
    #[command(after_help = "Example:\n  exchequer cluster certificates rotate n2 --reason 'n2 was cloned'\n  \
        exchequer cluster certificates rotate --authority --reason 'its key may be known'")]
    Rotate(RotateArgs),
}

/// `exchequer cluster certificates rotate`.
#[derive(Debug, Clone, Args)]
pub struct RotateArgs {
    /// The node whose certificate is renewed, by name or id [default: every member, one after the other]
    #[arg(value_name = "NODE", value_parser = parse_node, conflicts_with = "authority")]
    pub node: Option<NodeRef>,
    /// Make a new authority and renew every certificate
    #[arg(long)]
    pub authority: bool,
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

pub(super) async fn rotate(args: &RotateArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(&args.client)?.patient(PATIENCE);
    if args.authority && !args.consent.yes {
        if !printer.can_ask() {
            return Err(confirm::nobody_to_ask("cluster certificates rotate --authority").into());
        }
        let question = Question {
            consequence: "The cluster gets a new certificate authority and every node a new certificate.\nEvery client \
                          needs the new ca.pem, and join tokens made before are void.",
            phrase: PHRASE,
            phrase_is: "the words",
        };
        confirm::ask(printer, &question)?;
    }
    let body =
        RotateCertificates { node: args.node.clone(), authority: args.authority, reason: args.reason.reason.clone() };
    let path = ["cluster", "certificates", "rotate"];
    let done: Accepted = client.change(Method::POST, &path, &body, Repeat::Never).await?;
    printer.answer(&done, |Accepted {}| match args.authority {
        true => "The cluster has a new authority; the nodes are taking up their new certificates".to_owned(),
        false if args.node.is_none() => "Every member's certificate is renewed".to_owned(),
        false => "The certificate is renewed".to_owned(),
    })?;
    Ok(Exit::Good)
}
