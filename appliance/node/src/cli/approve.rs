//! `exchequer approve list|show|sign|reject|revoke`: proposals, and the consent to them.
//!
//! What is signed is what the approver's own machine makes of the operation's bytes: neither the words nor the hash that the
//! server shows are believed.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use exchequer_api::dto::{
    ApprovalChanged, ApprovalKeys, ApproveProposal, EndApproval, NodeStatus, Proposal, ProposalApproved, Proposals,
    Proposed,
};
use exchequer_domain::{ClusterId, Code, Problem, Timestamp};
use exchequer_state::approvals::{ProposalId, approval_bytes, describe, operation_body, operation_hash};
use reqwest::Method;

use super::approval_file;
use super::approve_key::{self, ApproveKeyVerb};
use super::args::{ClientArgs, ConsentArgs, ReasonArgs};
use super::client::Client;
use super::command::{CommandArgs, send};
use super::confirm::Question;
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, fields, one_line};
use super::worker::consent;

/// `exchequer approve`.
#[derive(Debug, Clone, Subcommand)]
pub enum ApproveVerb {
    /// List what waits for approval
    #[command(after_help = "Example:\n  exchequer approve list")]
    List(ListProposalsArgs),
    /// Show a proposal, waiting or over: what it would do, who proposed it, who approved it
    #[command(after_help = "Example:\n  exchequer approve show 7")]
    Show(ShowProposalArgs),
    /// Approve a proposal with your approval key
    ///
    /// Shows what would be done, as this machine reads the bytes that you sign, and asks. The approval that is needed last
    /// carries it out. Exit code 1: it was refused when it would have been carried out.
    #[command(
        visible_alias = "approve",
        after_help = "Example:\n  exchequer approve sign 7\n  exchequer approve sign 7 --key-file /media/stick/key.p8 --yes"
    )]
    Sign(SignArgs),
    /// End a proposal that you could approve and do not want
    #[command(after_help = "Example:\n  exchequer approve reject 7 --reason 'not agreed with the bank'")]
    Reject(EndProposalArgs),
    /// Take a proposal of your own back
    #[command(after_help = "Example:\n  exchequer approve revoke 7 --reason 'a typing error'")]
    Revoke(EndProposalArgs),
    /// Make, enrol, confirm and revoke the keys with which people approve
    #[command(after_help = "Example:\n  exchequer approve key list")]
    Key {
        /// What to do.
        #[command(subcommand)]
        verb: ApproveKeyVerb,
    },
}

/// `exchequer approve list`.
#[derive(Debug, Clone, Args)]
pub struct ListProposalsArgs {
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer approve show`.
#[derive(Debug, Clone, Args)]
pub struct ShowProposalArgs {
    /// The proposal's number
    #[arg(value_name = "NUMBER")]
    pub number: u64,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// Which key file is used.
#[derive(Debug, Clone, Default, Args)]
pub struct KeyFileArgs {
    /// Your approval key, a PKCS#8 file that only you can read [default: exchequer/approval-key.p8 in your folder for
    /// configuration]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// `exchequer approve sign`.
#[derive(Debug, Clone, Args)]
pub struct SignArgs {
    /// The proposal's number
    #[arg(value_name = "NUMBER")]
    pub number: u64,
    /// Only if the operation has this hash, as its initiator told you
    #[arg(long, value_name = "HEX")]
    pub hash: Option<String>,
    /// With which key.
    #[command(flatten)]
    pub key: KeyFileArgs,
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

/// `exchequer approve reject` and `revoke`.
#[derive(Debug, Clone, Args)]
pub struct EndProposalArgs {
    /// The proposal's number
    #[arg(value_name = "NUMBER")]
    pub number: u64,
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

impl ApproveVerb {
    pub(super) fn client(&self) -> &ClientArgs {
        match self {
            ApproveVerb::List(args) => &args.client,
            ApproveVerb::Show(args) => &args.client,
            ApproveVerb::Sign(args) => &args.client,
            ApproveVerb::Reject(args) | ApproveVerb::Revoke(args) => &args.client,
            ApproveVerb::Key { verb } => verb.client(),
        }
    }
}

pub(super) async fn run(verb: &ApproveVerb, printer: &mut Printer) -> Result<Exit, Stop> {
    if let ApproveVerb::Key { verb } = verb {
        return approve_key::run(verb, printer).await;
    }
    let client = Client::open(verb.client())?;
    match verb {
        ApproveVerb::List(_) => {
            let proposals: Proposals = client.get(&["proposals"], &[]).await?;
            printer.answer(&proposals, list_text)?;
        }
        ApproveVerb::Show(args) => {
            let proposal = proposal(&client, args.number).await?;
            printer.answer(&proposal, |proposal| one_text(proposal, &shown(proposal)))?;
        }
        ApproveVerb::Sign(args) => return sign(&client, args, printer).await,
        ApproveVerb::Reject(args) => end(&client, args, "reject", printer).await?,
        ApproveVerb::Revoke(args) => end(&client, args, "revoke", printer).await?,
        // Answered above: some of its verbs ask nobody.
        ApproveVerb::Key { .. } => {}
    }
    Ok(Exit::Good)
}

async fn proposal(client: &Client, number: u64) -> Result<Proposal, Problem> {
    client.get(&["proposals", &number.to_string()], &[]).await
}

async fn sign(client: &Client, args: &SignArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let proposal = proposal(client, args.number).await?;
    if proposal.state != "waiting" {
        let message = format!("proposal {} is {}", proposal.number, proposal.state);
        return Err(Problem::new(Code::ProposalUnknown, message).into());
    }
    let untrue = |what: &str| Problem::new(Code::ApprovalSignature, format!("{what}; nothing is signed"));
    let operation = hex::decode(&proposal.operation).map_err(|_| untrue("the operation cannot be read"))?;
    let body = operation_body(&operation).map_err(|_| {
        untrue("this version does not understand the operation").hint("use the command line of the server's version")
    })?;
    let hash = operation_hash(&operation);
    if proposal.number != args.number || proposal.hash != hash.to_string() {
        return Err(untrue("the hash that the server shows is not that of the operation").into());
    }
    if args.hash.as_ref().is_some_and(|wanted| !wanted.eq_ignore_ascii_case(&proposal.hash)) {
        return Err(untrue(&format!("the operation has the hash {}", proposal.hash)).into());
    }
    let path = approval_file::path(args.key.key_file.as_deref())?;
    let pair = approval_file::read(&path)?;
    let public = hex::encode(approval_file::public(&pair));
    let keys: ApprovalKeys = client.get(&["approval-keys"], &[]).await?;
    let key = keys.keys.iter().find(|key| key.public_key == public).ok_or_else(|| {
        Problem::new(Code::ApprovalKeyUnknown, format!("the key in {} is not enrolled", path.display()))
            .hint("enrol it with `exchequer approve key enrol`, and have another person confirm it")
    })?;
    if !args.consent.yes && printer.can_ask() {
        printer.prompt(&format!("{}\n\n", one_text(&proposal, &describe(&body))))?;
    }
    let phrase = args.number.to_string();
    let question = Question {
        consequence: "The approval that is needed last carries it out at once.",
        phrase: &phrase,
        phrase_is: "the proposal's number",
    };
    consent(args.consent, "exchequer approve sign", &question, printer)?;

    let bytes = approval_bytes(cluster(client).await?, ProposalId(args.number), hash, Timestamp(proposal.expires_us));
    let id = args.command.id()?;
    let signature = hex::encode(pair.sign(&bytes).as_ref());
    let body = ApproveProposal { key: key.number, signature, command_id: Some(id.to_string()) };
    let path = ["proposals", &phrase, "approve"];
    let done: ProposalApproved = send(client, Method::POST, &path, &body, id).await?;
    printer.answer(&done, |done| match &done.refusal {
        Some(refusal) => {
            format!("Proposal {} was refused when it would have been carried out: {refusal}", done.proposal)
        }
        None if done.state == "executed" => {
            format!("Proposal {} is carried out, at index {}", done.proposal, done.index)
        }
        None => format!("Proposal {} has {} of {} approvals", done.proposal, done.approvals, done.needed),
    })?;
    Ok(if done.refusal.is_none() { Exit::Good } else { Exit::Failed })
}

/// The cluster, as signatures name it.
pub(super) async fn cluster(client: &Client) -> Result<ClusterId, Problem> {
    let status: NodeStatus = client.get(&["status"], &[]).await?;
    status
        .cluster_id
        .parse()
        .map_err(|error| Problem::new(Code::BadRequest, format!("the status of the node: {error}")))
}

async fn end(client: &Client, args: &EndProposalArgs, verb: &str, printer: &mut Printer) -> Result<(), Stop> {
    let id = args.command.id()?;
    let body = EndApproval { reason: args.reason.reason.clone(), command_id: Some(id.to_string()) };
    let path = ["proposals", &args.number.to_string(), verb];
    let done: ApprovalChanged = send(client, Method::POST, &path, &body, id).await?;
    printer.answer(&done, |done| format!("Proposal {} is over", done.number))
}

/// The operation in words, as this machine reads its bytes; as the server does where the bytes are not there any more.
fn shown(proposal: &Proposal) -> Vec<(String, String)> {
    let body = hex::decode(&proposal.operation).ok().and_then(|bytes| operation_body(&bytes).ok());
    match body {
        Some(body) => describe(&body).into_iter().map(|(name, value)| (one_line(&name), one_line(&value))).collect(),
        None => proposal.lines.iter().map(|line| (one_line(&line.name), one_line(&line.value))).collect(),
    }
}

fn list_text(proposals: &Proposals) -> String {
    let rows = proposals.proposals.iter().map(|proposal| {
        let lines = shown(proposal);
        let operation: Vec<&str> = lines.iter().take(2).map(|(_, value)| value.as_str()).collect();
        [
            proposal.number.to_string(),
            operation.join(": "),
            one_line(&proposal.initiator),
            format!("{} of {}", proposal.approvals.len(), proposal.needed),
            proposal.permission.clone(),
            proposal.expires_at.clone(),
        ]
    });
    let table = columns(["NUMBER", "OPERATION", "BY", "APPROVALS", "NEEDS", "EXPIRES"], rows);
    match &proposals.in_force_since {
        Some(_) => table,
        None => format!("{table}\n\nThe two-person rule is not in force: nothing needs approval yet"),
    }
}

fn one_text(proposal: &Proposal, lines: &[(String, String)]) -> String {
    let mut rows = vec![
        ("Proposal", proposal.number.to_string()),
        ("State", proposal.state.clone()),
        ("By", one_line(&proposal.initiator)),
    ];
    rows.extend(lines.iter().map(|(name, value)| (name.as_str(), value.clone())));
    rows.extend([
        ("Hash", proposal.hash.clone()),
        ("Needs", format!("{} other person(s) with the permission {}", proposal.needed, proposal.permission)),
        ("Proposed", proposal.created_at.clone()),
        ("Expires", proposal.expires_at.clone()),
    ]);
    let given = proposal.approvals.iter();
    rows.extend(given.map(|given| ("Approved", format!("by admin {}, key {}, {}", given.admin, given.key, given.at))));
    rows.extend(proposal.refusal.as_ref().map(|refusal| ("Refused", one_line(refusal))));
    fields(rows)
}

/// What is said where a change was proposed instead of made.
pub(super) fn proposed_text(proposed: &Proposed) -> String {
    let once = proposed
        .once
        .as_ref()
        .map_or_else(String::new, |once| format!("\nShown only now, and valid once it is approved: {once}"));
    format!(
        "Proposal {} waits for the approval of {} other person(s), until {}{once}\n\
         They see it with `exchequer approve show {}` and approve it with `exchequer approve sign {}`",
        proposed.proposal, proposed.needed, proposed.expires_at, proposed.proposal, proposed.proposal
    )
}
