//! A disk that fails: syncs of what it took, and reads of what it has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Cluster, Deadline, until};

use crate::support::{SOON, Story};

/// Writes before syncs begin to fail.
const GOOD_WRITES: u32 = 20;

/// Compiles what lets the disk fail.
fn compile(folder: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("crash/failing_disk.c");
    let library = folder.join("failing_disk.so");
    let status = Command::new("cc")
        .args(["-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&library, &source])
        .status()
        .context("there is no C compiler `cc`")?;
    ensure!(status.success(), "{} does not compile", source.display());
    Ok(library)
}

/// Brings the machine back with an empty folder and `join --replace`.
async fn replace(cluster: &mut Cluster, place: usize) -> Result<()> {
    let old = cluster.nodes[place].id;
    fs::remove_dir_all(&cluster.nodes[place].data)?;
    cluster.join_with(place, &["--replace", &old.to_string()]).await?;
    until("the old id is gone", SOON, async || {
        let peers = cluster.does(&["cluster", "peers"]).await?.json()?;
        let gone = peers["peers"].as_array().is_some_and(|peers| peers.iter().all(|peer| peer["id"] != old));
        ensure!(gone, "{peers}");
        Ok(())
    })
    .await?;
    cluster.voters(3).await
}

/// Goal: after a failed sync a node acknowledges nothing more, stops for good with EXQ-0503 and is not simply started
/// again; the others go on, and nothing that was acknowledged is lost. Method: syncs of the log, of the guard and of the
/// state's store fail, each on the leader while writes are under way; then the machine comes back with an empty folder.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_stops_the_node_for_good() -> Result<()> {
    let story = Story::of("failed sync");
    let mut cluster = Cluster::empty()?;
    let library = compile(cluster.home())?;
    for name in ["n1", "n2", "n3"] {
        let place = cluster.add(name)?;
        let switch = cluster.nodes[place].home().join("sync-fails");
        cluster.nodes[place].launch.variables =
            vec![("LD_PRELOAD".into(), library.clone().into()), ("EXCHEQUER_SYNC_FAILS".into(), switch.into())];
        if place == 0 { cluster.found(0).await? } else { cluster.join(place).await? }
    }
    cluster.voters(3).await?;

    let mut acknowledged: Vec<String> = Vec::new();
    for (part, what) in [("/log/", "the log"), ("/guard", "the guard"), ("/state-", "the state's store")] {
        let victim = cluster.leader().await?;
        let switch = cluster.nodes[victim].home().join("sync-fails");
        let http = cluster.http(victim)?;
        let deadline = Deadline::within(SOON);
        let mut number = 0_u32;
        let ended = loop {
            if number == GOOD_WRITES {
                fs::write(&switch, part)?;
            }
            let key = format!("{}-{number}", part.replace(['/', '-'], ""));
            number += 1;
            match http.put(&key, &[7; 500]).await {
                Ok(_) => acknowledged.push(key),
                Err(_) => deadline.pause().await,
            }
            if let Some(ended) = cluster.nodes[victim].server()?.ended()? {
                break ended;
            }
            ensure!(!deadline.passed(), "it goes on: {}", cluster.nodes[victim].log());
        };
        ensure!(number > GOOD_WRITES, "{what}: it ended before a sync failed: {ended:?}");
        ensure!(ended.exit == Some(4) && ended.code() == Some("EXQ-0503"), "{what}: {ended:?}");
        story.tell(format_args!("{what}, after {} writes: {}", number - 1, ended.error()));

        fs::remove_file(&switch)?;
        cluster.nodes[victim].kill()?;
        let next = cluster.leader().await?;
        let survivor = cluster.http(next)?;
        for key in &acknowledged {
            ensure!(survivor.read(key, "linearizable").await?.is_some(), "{key} was acknowledged and is lost");
        }
        cluster.nodes[victim].start()?;
        let again = cluster.nodes[victim].end(SOON).await?;
        ensure!(again.exit == Some(4) && again.log.contains("EXQ-0503"), "it starts again: {again:?}");

        replace(&mut cluster, victim).await?;
        until("the new node has every value", SOON, async || {
            let fresh = cluster.http(victim)?;
            for key in &acknowledged {
                ensure!(fresh.read(key, "local").await?.is_some(), "{key} is missing");
            }
            Ok(())
        })
        .await?;
        story.tell(format_args!("{} acknowledged writes are there, also on the new node", acknowledged.len()));
    }
    cluster.finish()
}

/// Goal: a sector that cannot be read is damage: the node refuses to serve with EXQ-0504 for good, and comes back with an
/// empty folder. Method: a follower with a state's table on its disk is started on a disk that fails every read of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_read_is_damage() -> Result<()> {
    let story = Story::of("failed read");
    let mut cluster = Cluster::sandbox(3).await?;
    let library = compile(cluster.home())?;
    let http = cluster.http(cluster.leader().await?)?;
    for number in 0..50_u32 {
        http.put(&format!("key-{number}"), &[7; 500]).await?;
    }
    cluster.agree(&[0, 1, 2], SOON).await?;
    let victim = (cluster.leader().await? + 1) % 3;
    // A clean stop writes what was in memory into a table.
    cluster.nodes[victim].stop().await?;
    let switch = cluster.nodes[victim].home().join("read-fails");
    fs::write(&switch, "/state-")?;
    cluster.nodes[victim].launch.variables =
        vec![("LD_PRELOAD".into(), library.into()), ("EXCHEQUER_READ_FAILS".into(), switch.clone().into())];
    cluster.nodes[victim].start()?;
    let ended = cluster.nodes[victim].end(SOON).await?;
    ensure!(ended.exit == Some(4) && ended.code() == Some("EXQ-0504"), "{ended:?}");
    story.tell(ended.error());
    fs::remove_file(&switch)?;
    replace(&mut cluster, victim).await?;
    let fresh = cluster.http(victim)?;
    for number in 0..50_u32 {
        ensure!(fresh.read(&format!("key-{number}"), "linearizable").await?.is_some(), "key-{number} is lost");
    }
    cluster.finish()
}

/// Goal: a snapshot whose sync failed is never taken for one that arrived, however often it is offered again. Method: a
/// fourth node, on a disk that fails the syncs of what it receives, joins a cluster in which no log reaches back.
#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_is_not_synced_is_not_installed() -> Result<()> {
    let story = Story::of("snapshot not synced");
    let mut cluster = Cluster::sandbox(3).await?;
    let library = compile(cluster.home())?;
    cluster.does(&["settings", "set", "log.entries_kept", "0", "--reason", "a short log"]).await?;
    let leader = cluster.leader().await?;
    let http = cluster.http(leader)?;
    for number in 0..50_u32 {
        http.put(&format!("key-{number}"), &[7; 500]).await?;
    }
    cluster.agree(&[0, 1, 2], SOON).await?;
    let file = cluster.home().join("backup");
    cluster.exq_at(leader).run(["snapshot", "save", &file.to_string_lossy()]).await?.good()?;
    cluster.nodes[leader].stop().await?;
    cluster.nodes[leader].start()?;
    until("a log is purged", SOON, async || {
        ensure!(cluster.nodes[leader].log().contains("purging the log"), "not yet");
        Ok(())
    })
    .await?;
    until("it leads", SOON, async || {
        let name = cluster.nodes[leader].name.clone();
        cluster.hand_over(&name, "its log is short").await?;
        ensure!(cluster.leader().await? == leader, "not yet");
        Ok(())
    })
    .await?;
    let place = cluster.add("n4")?;
    let switch = cluster.nodes[place].home().join("sync-fails");
    fs::write(&switch, "/incoming/")?;
    cluster.nodes[place].launch.variables =
        vec![("LD_PRELOAD".into(), library.into()), ("EXCHEQUER_SYNC_FAILS".into(), switch.into())];
    cluster.join(place).await?;
    let ended = cluster.nodes[place].end(SOON).await?;
    ensure!(ended.error().contains("/incoming/"), "n4 got no snapshot, so the test proves nothing: {ended:?}");
    ensure!(ended.exit == Some(4) && ended.code() == Some("EXQ-0503"), "{ended:?}");
    story.tell(ended.error());
    cluster.finish()
}
