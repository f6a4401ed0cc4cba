//! `exchequer cluster peers`: the members, as the asked node knows them.

use clap::Args;
use exchequer_api::dto::{Peer, Peers};

use super::args::{ClientArgs, StaleArgs};
use super::client::{Client, consistency};
use super::exit::{Exit, Stop};
use super::output::{Printer, columns, millis, or_nothing};

/// `exchequer cluster peers`.
#[derive(Debug, Clone, Args)]
pub struct PeersArgs {
    /// Where the answer may come from.
    #[command(flatten)]
    pub stale: StaleArgs,
    /// Whom to ask.
    #[command(flatten)]
    pub client: ClientArgs,
}

pub(super) async fn run(args: &PeersArgs, printer: &mut Printer) -> Result<Exit, Stop> {
    let client = Client::open(&args.client)?;
    let peers: Peers = client.get(&["cluster", "peers"], &consistency(args.stale)).await?;
    printer.answer(&peers, text)?;
    Ok(exit(&peers))
}

/// Without a majority of voters that can be reached the table is still shown, but the exit code says so.
pub(super) fn exit(peers: &Peers) -> Exit {
    let voters = peers.peers.iter().filter(|peer| peer.voter).count();
    let reached = peers.peers.iter().filter(|peer| peer.voter && peer.state != "unreachable").count();
    if reached > voters / 2 { Exit::Good } else { Exit::NoQuorum }
}

pub(super) fn text(peers: &Peers) -> String {
    let headings = [
        "NODE",
        "ID",
        "ADDRESS",
        "STATE",
        "VOTER",
        "TERM",
        "LAST-INDEX",
        "APPLIED",
        "TRAILS-LEADER-BY",
        "LAST-CONTACT",
        "SNAP-INDEX",
        "VERSION",
        "STABLE-SINCE",
    ];
    columns(headings, peers.peers.iter().map(row))
}

fn row(peer: &Peer) -> [String; 13] {
    [
        peer.node.clone(),
        peer.id.to_string(),
        peer.address.clone(),
        peer.state.clone(),
        peer.voter.to_string(),
        peer.term.to_string(),
        peer.last_index.to_string(),
        peer.applied.to_string(),
        or_nothing(peer.trails_leader_by),
        millis(peer.last_contact_ms),
        or_nothing(peer.snap_index),
        peer.version.clone(),
        or_nothing(peer.stable_since.as_ref()),
    ]
}
