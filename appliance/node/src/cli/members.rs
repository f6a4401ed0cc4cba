//! Changes of who belongs to the cluster and who leads it: `cluster add-learner|promote|remove|transfer-leader`.

use clap::Args;
use exchequer_api::dto::{AddLearner, NamedNode, NodeRef, Peer, Peers, Promote, RemoveNode, TransferLeader};
use reqwest::Method;

use super::args::{ClientArgs, ConsentArgs, ReasonArgs, StaleArgs};
use super::client::{Client, Repeat, consistency};
use super::confirm::{self, Question};
use super::exit::{Exit, Stop};
use super::node::{find, parse_node};
use super::output::Printer;

/// `exchequer cluster add-learner`.
#[derive(Debug, Clone, Args)]
pub struct AddLearnerArgs {
    /// The node, by name or id
    #[arg(value_name = "NODE", value_parser = parse_node)]
    pub node: NodeRef,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer cluster promote`.
#[derive(Debug, Clone, Args)]
pub struct PromoteArgs {
    /// The learner, by name or id
    #[arg(value_name = "NODE", value_parser = parse_node)]
    pub node: NodeRef,
    /// Also when it is not caught up: until it is, the cluster bears one failure less
    #[arg(long)]
    pub force: bool,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

/// `exchequer cluster remove`.
#[derive(Debug, Clone, Args)]
pub struct RemoveArgs {
    /// The node, by name or id
    #[arg(value_name = "NODE", value_parser = parse_node)]
    pub node: NodeRef,
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

/// `exchequer cluster transfer-leader`.
#[derive(Debug, Clone, Args)]
pub struct TransferArgs {
    /// The voter that shall lead, by name or id [default: the one furthest ahead]
    #[arg(value_name = "NODE", value_parser = parse_node)]
    pub to: Option<NodeRef>,
    /// Why.
    #[command(flatten)]
    pub reason: ReasonArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

pub(super) async fn add_learner(args: &AddLearnerArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let body = AddLearner { node: args.node.clone(), reason: args.reason.reason.clone() };
    let done = change(&Client::open(&args.client)?, "learners", &body).await?;
    printer.answer(&done, |node| format!("Added node {} with id {} as a learner", node.node, node.id))?;
    Ok(Exit::Good)
}

pub(super) async fn promote(args: &PromoteArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let body = Promote { node: args.node.clone(), force: args.force, reason: args.reason.reason.clone() };
    let done = change(&Client::open(&args.client)?, "promote", &body).await?;
    printer.answer(&done, |node| format!("Promoted node {} with id {} to voter", node.node, node.id))?;
    Ok(Exit::Good)
}

pub(super) async fn remove(args: &RemoveArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(&args.client)?;
    if !args.consent.yes {
        if !printer.can_ask() {
            return Err(confirm::nobody_to_ask("cluster remove").into());
        }
        let stale = StaleArgs { stale: true, max_stale: None };
        let peers: Peers = client.get(&["cluster", "peers"], &consistency(stale)).await?;
        // A node that was admitted but is no member has no row; its removal endangers nothing.
        if let Ok(peer) = find(&peers, &args.node) {
            let consequence = consequence(&peers, peer);
            let question = Question { consequence: &consequence, phrase: &peer.node, phrase_is: "the node's name" };
            confirm::ask(printer, &question)?;
        }
    }
    let body = RemoveNode { node: args.node.clone(), reason: args.reason.reason.clone() };
    let done = change(&client, "remove", &body).await?;
    printer.answer(&done, |node| format!("Removed node {} with id {}", node.node, node.id))?;
    Ok(Exit::Good)
}

pub(super) async fn transfer(args: &TransferArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let body = TransferLeader { to: args.to.clone(), reason: args.reason.reason.clone() };
    let done = change(&Client::open(&args.client)?, "transfer-leader", &body).await?;
    printer.answer(&done, |node| format!("Transferred leadership to node {} with id {}", node.node, node.id))?;
    Ok(Exit::Good)
}

async fn change<B: serde::Serialize>(client: &Client, what: &str, body: &B) -> Result<NamedNode, Stop> {
    Ok(client.change(Method::POST, &["cluster", what], body, Repeat::Never).await?)
}

pub(super) fn consequence(peers: &Peers, peer: &Peer) -> String {
    let voters = peers.peers.iter().filter(|peer| peer.voter).count();
    let role = if peer.voter { "voter" } else { "learner" };
    let left = voters - usize::from(peer.voter);
    format!(
        "Node {} (id {}, {role}, {}) leaves the cluster for good: its id is never used again and its data folder \
         becomes useless.\nVoters: {voters} now, {left} afterwards; the cluster then bears the failure of {}.",
        peer.node,
        peer.id,
        peer.state,
        left.saturating_sub(1) / 2
    )
}
