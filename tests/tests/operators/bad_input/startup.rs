//! Servers that must not start.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Cluster, Server, until};

use crate::support::{SOON, Story, until_voters};

/// Starts the server of a node with other settings and insists that it ends with `code` and its exit code: 4 for damage,
/// which no restart mends, else 1.
async fn ends_with(cluster: &mut Cluster, place: usize, code: &str, says: &str, story: &Story) -> Result<()> {
    let node = &mut cluster.nodes[place];
    node.start()?;
    let ended = node.end(SOON).await?;
    let exit = if code == "EXQ-0504" { 4 } else { 1 };
    ensure!(ended.exit == Some(exit), "{} ended with {:?}:\n{}", node.name, ended.exit, ended.log);
    ensure!(ended.code() == Some(code), "{code} is expected:\n{}", ended.log);
    ensure!(ended.log.contains(says), "`{says}` is not named:\n{}", ended.log);
    story.tell(ended.error());
    Ok(())
}

/// Goal: a server with a slip in its configuration, an occupied port or the wrong folder ends at once with one code
/// that tells which, and the cluster is as before. Method: one slip after the other at the follower of a cluster of
/// three; at the end it starts as it always did.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_must_not_start() -> Result<()> {
    let story = Story::of("startup");
    let mut cluster = Cluster::sandbox(3).await?;
    cluster.does(&["scratch", "put", "colour", "blue"]).await?;

    // Two servers on one folder.
    let mut second = Command::new(exchequer_tests::cluster::binary()?);
    second.arg("server").arg("--data-dir").arg(&cluster.nodes[2].data);
    let mut second = Server::start(second, &cluster.home().join("second.log"))?;
    let ended = second.end(SOON).await?;
    ensure!(ended.exit == Some(1) && ended.code() == Some("EXQ-0107"), "{ended:?}");
    story.tell(ended.error());

    cluster.nodes[2].stop().await?;
    let config = cluster.nodes[2].config.clone();
    for (text, code, says) in [
        ("data_dri = \"/x\"\n", "EXQ-0101", "data_dri"),
        ("[raft]\nheartbeet = \"50ms\"\n", "EXQ-0101", "heartbeet"),
        ("[rafft]\n", "EXQ-0101", "rafft"),
        ("[raft]\nheartbeat = \"50\"\n", "EXQ-0102", "heartbeat"),
        ("[raft]\nheartbeat = \"300ms\"\n", "EXQ-0102", "heartbeat"),
        ("[log]\nformat = \"xml\"\n", "EXQ-0102", "xml"),
        ("[storage]\nreserve = \"a lot\"\n", "EXQ-0102", "reserve"),
        ("[api\n", "EXQ-0102", "exchequer.toml"),
        ("[api]\nlisten = \"nowhere\"\n", "EXQ-0102", "nowhere"),
        ("name = \"n2\"\n", "EXQ-0104", "n2"),
    ] {
        cluster.nodes[2].config = text.to_owned();
        ends_with(&mut cluster, 2, code, says, &story).await?;
    }
    cluster.nodes[2].config = config;
    cluster.nodes[2].launch.variables = vec![("EXCHEQUER_RAFT__HEARTBEET".into(), "50ms".into())];
    ends_with(&mut cluster, 2, "EXQ-0101", "heartbeet", &story).await?;
    cluster.nodes[2].launch.variables.clear();

    for address in [cluster.nodes[2].api.clone(), cluster.nodes[2].peer.clone()] {
        let occupied = TcpListener::bind(&address).with_context(|| format!("{address} cannot be taken"))?;
        ends_with(&mut cluster, 2, "EXQ-0103", &address, &story).await?;
        drop(occupied);
    }

    // Another node's identity, and another node's folder whole.
    let file = |place: usize, name: &str| cluster.nodes[place].data.join(name);
    let (own, foreign) = (fs::read(file(2, "identity.toml"))?, fs::read(file(1, "identity.toml"))?);
    fs::write(file(2, "identity.toml"), &foreign)?;
    ends_with(&mut cluster, 2, "EXQ-0208", "node", &story).await?;
    let by_hand = String::from_utf8(own.clone())?.replace("name = \"n3\"", "name = \"n9\"");
    fs::write(cluster.nodes[2].data.join("identity.toml"), by_hand)?;
    ends_with(&mut cluster, 2, "EXQ-0504", "identity.toml", &story).await?;
    fs::write(cluster.nodes[2].data.join("identity.toml"), &own)?;

    cluster.nodes[2].start()?;
    until_voters(&cluster, &["n1", "n2", "n3"]).await?;
    cluster.agree(&[0, 1, 2], SOON).await?;
    story.tell("with everything put right it starts and has the state of the others");
    cluster.finish()
}

/// Goal: the log of another node is not taken for one's own, since a node that inherits another's promises breaks its
/// own. Method: both followers stop; one gets the other's log, guard and state, then the log alone; it must refuse to
/// start, and with its own back it starts.
#[tokio::test(flavor = "multi_thread")]
async fn the_data_of_another_node_is_refused() -> Result<()> {
    let story = Story::of("swapped data");
    let mut cluster = Cluster::sandbox(3).await?;
    cluster.does(&["scratch", "put", "colour", "blue"]).await?;
    cluster.agree(&[0, 1, 2], SOON).await?;
    for place in [1, 2] {
        cluster.nodes[place].kill()?;
    }
    let swap = |cluster: &Cluster, names: &[&str]| -> Result<()> {
        for name in names {
            let (one, two) = (cluster.nodes[1].data.join(name), cluster.nodes[2].data.join(name));
            let aside = cluster.home().join("aside");
            fs::rename(&one, &aside)?;
            fs::rename(&two, &one)?;
            fs::rename(&aside, &two)?;
        }
        Ok(())
    };
    for names in [&["log", "guard", "state-1"][..], &["log"]] {
        swap(&cluster, names)?;
        let node = &mut cluster.nodes[2];
        node.start()?;
        let ended = node.end(SOON).await.with_context(|| format!("with the {names:?} of another node"))?;
        ensure!(ended.exit == Some(1) && ended.code() == Some("EXQ-0104"), "{ended:?}");
        story.tell(format_args!("{names:?} of another node: {}", ended.error()));
        swap(&cluster, names)?;
    }
    for place in [1, 2] {
        cluster.nodes[place].start()?;
    }
    until("all three", SOON, async || cluster.voters(3).await).await?;
    cluster.agree(&[0, 1, 2], SOON).await?;
    cluster.finish()
}
