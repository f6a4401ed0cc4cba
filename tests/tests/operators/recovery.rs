//! Recovery and restore where something goes wrong on the way.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Cluster, until};

use crate::support::{SOON, Story, listing, until_voters, voters};

/// Not root; what it is called does not matter.
const SOMEBODY: u32 = 65_534;

fn apply(cluster: &Cluster, place: usize, reason: &str) -> Vec<String> {
    let folder = cluster.nodes[place].data.to_string_lossy().into_owned();
    let words = ["cluster", "recover", "apply", "--data-dir", &folder, "--confirm", &cluster.cluster_id, "--reason"];
    words.into_iter().chain([reason]).map(str::to_owned).collect()
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    ensure!(Command::new("cp").arg("-a").arg(from).arg(to).status()?.success(), "{} cannot be copied", from.display());
    Ok(())
}

/// Everything below and with `path`.
fn each(path: &Path, visit: &mut dyn FnMut(&Path) -> Result<()>) -> Result<()> {
    visit(path)?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            each(&entry?.path(), visit)?;
        }
    }
    Ok(())
}

/// Goal: a recovery that is refused, fails or is cut short leaves a node that can be started as before or recovered
/// again, and never harms a cluster that came back; and what root does in the service's folder does not lock the service
/// out. Method: three nodes, all stopped. On one: the plan; an empty reason; a store that cannot be opened for writing;
/// a recovery. Then its folder as it was before, with the recovery's note for the server, beside the two others: they
/// must stay three. Then the same with the new identity too, as a crash right before the surgery leaves it, recovered
/// again.
#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_cut_short_can_be_made_again() -> Result<()> {
    let story = Story::of("recovery cut short");
    let mut cluster = Cluster::sandbox(3).await?;
    cluster.does(&["scratch", "put", "kept", "yes"]).await?;
    cluster.agree(&[0, 1, 2], SOON).await?;
    for node in &mut cluster.nodes {
        node.kill()?;
    }
    let data = cluster.nodes[2].data.clone();
    let exq = cluster.offline();
    let as_root = fs::metadata(&data)?.uid() == 0;
    if as_root {
        each(&data, &mut |path| Ok(lchown(path, Some(SOMEBODY), Some(SOMEBODY))?))?;
    }

    let found = listing(&data)?;
    let plan = ["cluster", "recover", "plan", "--data-dir", &data.to_string_lossy()].map(str::to_owned);
    let planned = exq.run(plan.clone()).await?.good()?;
    ensure!(planned.json()?["warnings"].to_string().contains("last term"), "{planned}");
    exq.run(apply(&cluster, 2, "")).await?.refused_with("EXQ-0406")?;
    ensure!(listing(&data)? == found, "a plan or a refused recovery changed the folder");
    story.tell("a plan and a refused recovery change nothing");

    let before = cluster.home().join("before");
    copy(&data, &before)?;
    let (identity, note, lock) = (data.join("identity.toml"), data.join("bootstrap"), data.join("log/LOCK"));
    let former = fs::read(&identity)?;
    fs::remove_file(&lock)?;
    fs::create_dir(&lock)?;
    let failed = exq.run(apply(&cluster, 2, "drill")).await?.refused()?;
    ensure!(fs::read(&identity)? == former && !note.exists(), "a failed recovery ({failed}) left something behind");
    fs::remove_dir(&lock)?;
    story.tell(format_args!("a recovery that fails is undone: {failed}"));

    let recovered = exq.run(apply(&cluster, 2, "drill")).await?.good()?;
    ensure!(recovered.json()?["warnings"].to_string().contains("lost"), "the risk is not told: {recovered}");
    let first = recovered.number("lineage")?;
    if as_root {
        each(&data, &mut |path| {
            let owner = fs::symlink_metadata(path)?.uid();
            ensure!(owner == SOMEBODY, "{} belongs to {owner}", path.display());
            Ok(())
        })?;
        story.tell("what root made in the folder belongs to the folder's owner");
    }
    let (left_note, left_identity) = (fs::read(&note)?, fs::read(&identity)?);

    copy(&before, &data)?;
    fs::write(&note, &left_note)?;
    for node in &mut cluster.nodes {
        node.start()?;
    }
    until("the note is forgotten", SOON, async || {
        ensure!(!note.exists() && cluster.nodes[2].log().contains("cut short"), "{}", cluster.nodes[2].log());
        Ok(())
    })
    .await?;
    until_voters(&cluster, &["n1", "n2", "n3"]).await?;
    cluster.does(&["scratch", "put", "more", "yes"]).await?;
    cluster.agree(&[0, 1, 2], SOON).await?;
    story.tell("the note of a recovery that did not happen does nothing to three nodes that came back");

    for node in &mut cluster.nodes {
        node.kill()?;
    }
    copy(&before, &data)?;
    fs::write(&note, &left_note)?;
    fs::write(&identity, &left_identity)?;
    let again = exq.run(apply(&cluster, 2, "once more")).await?.good()?;
    ensure!(again.number("lineage")? > first, "{again}");
    cluster.nodes[2].start()?;
    until_voters(&cluster, &["n3"]).await?;
    let value = cluster.http(2)?.read("kept", "linearizable").await?.context("a value is missing")?;
    ensure!(value.0 == b"yes", "{value:?}");
    until("the note is used up", SOON, async || {
        ensure!(!note.exists(), "the note is still there");
        Ok(())
    })
    .await?;
    story.tell("a recovery that was cut short before the surgery is made again");
    cluster.finish()
}

/// Goal: a node without a vote, or one that never ran, is not recovered from. Method: a learner beside a lone voter;
/// a folder right after `init`.
#[tokio::test(flavor = "multi_thread")]
async fn only_a_voter_goes_on() -> Result<()> {
    let story = Story::of("who may go on");
    let mut cluster = Cluster::sandbox(1).await?;
    cluster.does(&["settings", "set", "autopilot.stabilization_time", "1h", "--reason", "stay a learner"]).await?;
    let learner = cluster.add("n2")?;
    cluster.join(learner).await?;
    cluster.agree(&[0, learner], SOON).await?;
    let peers = cluster.does(&["cluster", "peers"]).await?.json()?;
    ensure!(voters(&peers) == ["n1"], "{peers}");
    for node in &mut cluster.nodes {
        node.kill()?;
    }
    let refused = cluster.offline().run(apply(&cluster, learner, "drill")).await?.refused_with("EXQ-0604")?;
    ensure!(refused.message.contains("no vote"), "{refused}");
    story.tell(format_args!("a learner -> {refused}"));

    let fresh = cluster.add("n3")?;
    cluster.offline().run(Cluster::new_node(&cluster.nodes[fresh], &["init"])).await?.good()?;
    let folder = cluster.nodes[fresh].data.to_string_lossy().into_owned();
    let plan = ["cluster", "recover", "plan", "--data-dir", &folder];
    let refused = cluster.offline().run(plan).await?.refused_with("EXQ-0604")?;
    story.tell(format_args!("a node that never ran -> {refused}"));
    cluster.finish()
}

/// Goal: a name, address or reason that the state would refuse is refused before anything is written, not by a server
/// that then cannot go on. Method: each through `init` or `snapshot restore` into a folder that is not there.
#[tokio::test(flavor = "multi_thread")]
async fn values_the_state_refuses_make_no_node() -> Result<()> {
    let story = Story::of("values");
    let cluster = Cluster::sandbox(1).await?;
    let path = |name: &str| cluster.home().join(name).to_string_lossy().into_owned();
    let (snapshot, keyring, folder) = (path("snapshot"), path("keyring"), path("folder"));
    cluster.does(&["snapshot", "save", &snapshot]).await?;
    cluster.does(&["keyring", "export", &keyring, "--reason", "r"]).await?;
    let restore = ["snapshot", "restore", &snapshot, "--keyring", &keyring, "--yes"];
    for (verb, name, api, peer, last, code) in [
        (&["init"][..], "N1", "h:1", "h:2", None, "EXQ-0108"),
        (&["init"], "n1", "h", "h:2", None, "EXQ-0108"),
        (&["init"], "n1", "h:1", "h:99999", None, "EXQ-0108"),
        (&["init"], "n1", "h:1", "h:2", Some(["--cluster-name", "Two Words"]), "EXQ-0108"),
        (&restore, "N1", "h:1", "h:2", Some(["--reason", "r"]), "EXQ-0108"),
        (&restore, "n1", "h", "h:2", Some(["--reason", "r"]), "EXQ-0108"),
        (&restore, "n1", "h:1", "h:2", Some(["--reason", " "]), "EXQ-0406"),
    ] {
        let node = ["--data-dir", &folder, "--name", name, "--api", api, "--peer", peer];
        let words: Vec<&str> = verb.iter().copied().chain(node).chain(last.into_iter().flatten()).collect();
        let refused = cluster.offline().run(words).await?.refused_with(code)?;
        ensure!(!Path::new(&folder).exists(), "{refused}, and yet there is a folder");
        story.tell(refused);
    }
    cluster.finish()
}

/// Goal: the same snapshot restored twice is two clusters, however alike: the members of the one never take the other's
/// node for their own, and nothing acknowledged is overwritten. Method: restore it into two folders. The first becomes
/// a cluster of three; then the second runs at the addresses of the first one's first node, and takes writes, while the
/// first one's members call at its door.
#[tokio::test(flavor = "multi_thread")]
async fn two_restores_are_two_clusters() -> Result<()> {
    let story = Story::of("two restores");
    let mut cluster = Cluster::sandbox(1).await?;
    let home = cluster.home().to_owned();
    let path = |name: &str| home.join(name).to_string_lossy().into_owned();
    let (snapshot, keyring) = (path("snapshot"), path("keyring"));
    cluster.does(&["snapshot", "save", &snapshot]).await?;
    cluster.does(&["keyring", "export", &keyring, "--reason", "r"]).await?;
    cluster.nodes[0].kill()?;

    let first = cluster.add("r1")?;
    let folder = cluster.nodes[first].data.clone();
    let mut lineages = Vec::new();
    for name in ["second", "first"] {
        cluster.nodes[first].data = home.join(name);
        let words = ["snapshot", "restore", &snapshot, "--keyring", &keyring, "--yes", "--reason", "drill"];
        let mut words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        words.extend(Cluster::new_node(&cluster.nodes[first], &[]));
        let restored = cluster.offline().run(words).await?.good()?;
        lineages.push(restored.number("lineage")?);
        cluster.nodes[first].id = restored.number("node_id")?;
    }
    ensure!(lineages[0] != lineages[1], "both restores have lineage {}", lineages[0]);

    cluster.nodes[first].start()?;
    until_voters(&cluster, &["r1"]).await?;
    let mut others = Vec::new();
    for name in ["r2", "r3"] {
        let place = cluster.add(name)?;
        cluster.join(place).await?;
        others.push(place);
    }
    until_voters(&cluster, &["r1", "r2", "r3"]).await?;
    for number in 0..20 {
        cluster.does(&["scratch", "put", &format!("first-{number}"), "x"]).await?;
    }
    cluster.nodes[first].kill()?;
    story.tell("the first restore is a cluster of three, its first node is down");

    cluster.nodes[first].data = home.join("second");
    cluster.nodes[first].start()?;
    let http = cluster.http(first)?;
    let keys = ["a", "b", "c"];
    until("the second restore leads itself", SOON, async || http.put("a", b"second").await.map(drop)).await?;
    for key in keys {
        http.put(key, b"second").await?;
    }
    // Its neighbours try again and again; once they were turned away they have tried with all they know.
    until("the first one's members are refused", SOON, async || {
        for place in &others {
            ensure!(cluster.nodes[*place].log().contains("EXQ-0316"), "{} was not refused", cluster.nodes[*place].name);
        }
        Ok(())
    })
    .await?;
    for key in keys {
        let value = http.read(key, "linearizable").await?.with_context(|| format!("{key} is lost"))?;
        ensure!(value.0 == b"second", "{key} is overwritten: {value:?}");
    }
    ensure!(http.read("first-1", "linearizable").await?.is_none(), "the two have mixed");
    story.tell("the second restore keeps what it acknowledged");
    ensure!(!folder.exists(), "{} was made", folder.display());
    cluster.finish()
}
