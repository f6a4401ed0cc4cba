//! The demo as a person sees it: how to reach it, and the picture that draws itself again.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::cluster::{Cluster, TRIAL_VALUE, told};
use super::trading::Trading;
use crate::money::Live;
use crate::product::{HARMLESS_SETTING, Place};
use crate::say;
use crate::stop::Stop;

/// How often the picture is drawn.
const DRAW_EVERY: Duration = Duration::from_secs(1);
/// How often it is written where nobody watches and it cannot be drawn over.
const WRITE_EVERY: Duration = Duration::from_secs(60);

/// Words to try it out with.
///
/// # Errors
/// A network has no node.
pub(super) fn how_to_reach(cluster: &Cluster, trading: Option<&Trading>, live: Option<&Live>) -> Result<String> {
    let mut text = format!("\nfolder  {}\n", cluster.folder.display());
    for node in &cluster.nodes {
        let log = cluster.log_file(node).display().to_string();
        text += &format!("{:7} https://{}   peers {}   log {log}\n", node.name, node.api, node.peer);
    }
    let anyone = cluster.anyone();
    let (binary, ca) = (cluster.product.binary().display(), anyone.ca.display());
    text += &format!(
        "\nIn another shell:\n\
         \x20 export EXCHEQUER_ADDRESS={} EXCHEQUER_CACERT={ca} EXCHEQUER_TOKEN=\"$(cat {})\"\n\
         \x20 alias exchequer={binary}\n\
         \x20 exchequer status\n\
         \x20 exchequer cluster peers\n\
         \x20 exchequer settings set {HARMLESS_SETTING} {TRIAL_VALUE} --reason 'trying it out'\n",
        anyone.address,
        anyone.token_file.display(),
    );
    if let (Some(trading), Some(node)) = (trading, cluster.nodes.last()) {
        let (visitor, api) = (trading.visitor, &node.api);
        text += &format!(
            "\x20 exchequer book BTCUSDT -n 5\n\
             \x20 exchequer order place {visitor} BTCUSDT buy --market --quantity 0.05   # user {visitor} is yours\n\
             \x20 exchequer ledger accounts --user {visitor}\n\
             \x20 exchequer ledger entries --user {visitor} --asset BTC\n\
             \x20 exchequer ledger trial-balance\n\
             \x20 exchequer ledger verify\n\
             \x20 exchequer user list                                          # who the simulated traders are\n\
             \x20 exchequer apikey create {visitor} --scope read,trade --reason 'my own bot'\n\
             Market data, at any node and without a key:\n\
             \x20 curl --cacert {ca} 'https://{api}/api/v3/ticker/bookTicker'\n\
             \x20 curl --cacert {ca} 'https://{api}/api/v3/depth?symbol=ETHUSDT&limit=5'\n\
             \x20 curl --cacert {ca} 'https://{api}/api/v3/trades?symbol=TRXUSDT&limit=5'\n"
        );
    }
    if let Some(live) = live {
        text += "Money in and out:\n\
             \x20 exchequer deposit scan                                        # how far each network is read\n\
             \x20 exchequer deposit list\n\
             \x20 exchequer withdrawal list\n\
             \x20 exchequer withdrawal explain 1\n\
             \x20 exchequer wallet list\n\
             \x20 exchequer sweep list                                          # how deposits are gathered\n\
             \x20 exchequer reconcile status                                    # whether books and chains agree\n\
             Nodes of the networks, for whoever wants to ask them:\n";
        for (network, url) in live.endpoints()? {
            text += &format!("\x20 {network:9} {url}\n");
        }
    }
    text += "Kill a node (kill -9 <pid>) and watch the others go on. Ctrl-C here stops the cluster.\n";
    Ok(text)
}

/// Draws the members, and what is traded, until it is stopped.
///
/// # Errors
/// Stopped, or no node runs any more.
pub(super) fn show(
    cluster: &mut Cluster,
    mut trading: Option<Trading>,
    live: Option<&Live>,
    stop: &Stop,
) -> Result<()> {
    let outcome = draw(cluster, trading.as_mut(), live, stop);
    // Before the nodes are stopped: nobody is left to ask for what became of an order.
    let ended = trading.map_or(Ok(()), Trading::end);
    outcome.and(ended)
}

fn draw(cluster: &mut Cluster, mut trading: Option<&mut Trading>, users: Option<&Live>, stop: &Stop) -> Result<()> {
    let mut live = say::Live::default();
    let is_live = say::is_live();
    let mut written: Option<Instant> = None;
    loop {
        let mut text = String::new();
        let ended = cluster.ended()?;
        if ended.len() == cluster.nodes.len() {
            bail!("no node runs any more:\n{}", cluster.last_words());
        }
        for (at, status) in ended {
            if let Some(node) = cluster.nodes.get(at) {
                let log = cluster.log_file(node).display().to_string();
                text += &format!("{} has ended ({}); its log: {log}\n", node.name, told(status));
            }
        }
        let tables = cluster.everyone().into_iter().map(|access| cluster.product.peers_table(Place::HERE, &access));
        text += &tables.flatten().next().unwrap_or_else(|| "no node answers\n".to_owned());
        text += &format!("pids: {}\n", cluster.pids());
        if let Some(trading) = &mut trading {
            text += &format!("\n{}", trading.picture(cluster, stop)?);
        }
        if let Some(users) = users {
            text += &format!("\n{}\n", users.picture());
        }
        if is_live {
            live.draw(&text);
        } else if written.is_none_or(|written| written.elapsed() >= WRITE_EVERY) {
            written = Some(Instant::now());
            say::line(&text);
        }
        stop.pause(DRAW_EVERY)?;
    }
}
