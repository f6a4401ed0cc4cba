//! Snapshots that are not what they seem.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::Cluster;

use crate::support::{Story, listing};

/// Magic number, flags and window size of a zstd frame.
const FRAME_HEADER_BYTES: usize = 6;
/// The hash of the whole file and the frame it is in.
const TRAILER_BYTES: usize = 40;

/// Goal: a snapshot that is damaged, cut short or of another cluster is refused, and the folder then holds no node.
/// Method: a snapshot of some megabytes; another cluster's keyring; cut at several places; one bit flipped at many
/// places, among them every bit of the compression's header; each given to `inspect` and, in part, to `restore`. Then the sound file is restored into that same folder.
#[tokio::test(flavor = "multi_thread")]
async fn snapshots_that_are_not_whole() -> Result<()> {
    let story = Story::of("snapshots");
    let mut cluster = Cluster::sandbox(1).await?;
    let other = Cluster::sandbox(1).await?;
    let http = cluster.http(0)?;
    for number in 0..200_u32 {
        // Text that does not compress to nothing.
        let value: String =
            (0..400_u32).map(|at| format!("{:08x}", (number * 400 + at).wrapping_mul(2_654_435_761))).collect();
        http.put(&format!("k{number}"), value.as_bytes()).await?;
    }
    let home = cluster.home().to_owned();
    let path = |name: &str| home.join(name).to_string_lossy().into_owned();
    let (sound, damaged, keyring, foreign) = (path("sound"), path("damaged"), path("keyring"), path("foreign"));
    cluster.does(&["snapshot", "save", &sound]).await?;
    cluster.does(&["keyring", "export", &keyring, "--reason", "r"]).await?;
    other.does(&["keyring", "export", &foreign, "--reason", "r"]).await?;
    other.finish()?;

    let place = cluster.add("r1")?;
    let folder = cluster.nodes[place].data.clone();
    let exq = cluster.offline();
    let common = Cluster::new_node(&cluster.nodes[place], &[]);
    let restore = |file: &str, keyring: &str| restoring(&common, file, keyring);
    let refused = exq.run(restore(&sound, &foreign)).await?.refused_with("EXQ-0601")?;
    story.tell(format_args!("another cluster's keyring -> {refused}"));
    holds_no_node(&folder)?;
    exq.run(restore(&sound, &sound)).await?.refused_with("EXQ-0207")?;
    holds_no_node(&folder)?;
    exq.run(restore(&path("nothing"), &keyring)).await?.refused_with("EXQ-0109")?;

    let bytes = fs::read(&sound)?;
    let length = bytes.len();
    story.tell(format_args!("the snapshot has {length} bytes"));
    let mut cuts: Vec<usize> = vec![0, 1, 3, 10, length / 4, length / 2, length - length / 10];
    cuts.extend([length - TRAILER_BYTES - 1, length - TRAILER_BYTES, length - 5, length - 1]);
    cuts.dedup();
    for (number, cut) in cuts.iter().enumerate() {
        fs::write(&damaged, bytes.get(..*cut).context("a cut behind the end")?)?;
        let refused = exq.run(["snapshot", "inspect", &damaged]).await?.refused()?;
        ensure!(["EXQ-0602", "EXQ-0603"].contains(&refused.code.as_str()), "cut at {cut}: {refused}");
        ensure!(*cut < 10 || refused.code == "EXQ-0603", "cut at {cut}, which is not said: {refused}");
        if number % 3 == 2 {
            let refused = exq.run(restore(&damaged, &keyring)).await?.refused()?;
            ensure!(["EXQ-0602", "EXQ-0603"].contains(&refused.code.as_str()), "cut at {cut}: {refused}");
            holds_no_node(&folder)?;
        }
    }
    story.tell(format_args!("cut at {cuts:?}: refused each time"));
    exq.run(["snapshot", "inspect", &sound]).await?.good()?;
    let step = length / 60;
    let header = (0..FRAME_HEADER_BYTES * 8).map(|bit| (bit / 8, bit % 8));
    let places = (FRAME_HEADER_BYTES..16).chain((16..length).step_by(step)).chain(length - TRAILER_BYTES - 8..length);
    let flips: Vec<(usize, usize)> = header.chain(places.enumerate().map(|(number, at)| (at, number % 8))).collect();
    for (number, (at, bit)) in flips.iter().enumerate() {
        let mut flipped = bytes.clone();
        if let Some(byte) = flipped.get_mut(*at) {
            *byte ^= 1 << bit;
        }
        fs::write(&damaged, &flipped)?;
        let ran = exq.run(["snapshot", "inspect", &damaged]).await?;
        let refused = ran.refused().with_context(|| format!("bit {bit} flipped at {at}"))?;
        let codes = ["EXQ-0602", "EXQ-0603"];
        ensure!(codes.contains(&refused.code.as_str()), "bit {bit} flipped at {at}: {refused}");
        ensure!(refused.message.contains("damaged"), "the message does not name the file: {refused}");
        if number % 12 == 5 {
            let refused = exq.run(restore(&damaged, &keyring)).await?.refused()?;
            ensure!(codes.contains(&refused.code.as_str()), "bit {bit} flipped at {at}: {refused}");
            holds_no_node(&folder)?;
        }
    }
    story.tell(format_args!("{} bits flipped one at a time: refused each time", flips.len()));

    cluster.nodes[0].kill()?;
    exq.run(restore(&sound, &keyring)).await?.good()?;
    cluster.nodes[place].start()?;
    cluster.leader().await?;
    let value = cluster.http(place)?.read("k7", "linearizable").await?.context("a value is missing")?;
    ensure!(value.0.len() == 3_200, "a value of {} bytes", value.0.len());
    story.tell("the sound file restores into the folder of all those tries");
    cluster.finish()
}

/// Goal: a restore never touches the data of a node that is there, not even one whose identity is lost. Method: restore
/// into the folder of a stopped node, then into the same folder without its `identity.toml`; nothing in it may change.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_spares_what_is_there() -> Result<()> {
    let story = Story::of("restore over");
    let mut cluster = Cluster::sandbox(1).await?;
    cluster.does(&["scratch", "put", "precious", "yes"]).await?;
    let home = cluster.home().to_owned();
    let path = |name: &str| home.join(name).to_string_lossy().into_owned();
    let (snapshot, keyring) = (path("snapshot"), path("keyring"));
    cluster.does(&["snapshot", "save", &snapshot]).await?;
    cluster.does(&["keyring", "export", &keyring, "--reason", "r"]).await?;
    cluster.does(&["scratch", "put", "later", "than the snapshot"]).await?;
    cluster.nodes[0].stop().await?;
    let common = Cluster::new_node(&cluster.nodes[0], &[]);
    let restore = |file: &str| restoring(&common, file, &keyring);
    cluster.offline().run(restore(&snapshot)).await?.refused_with("EXQ-0106")?;

    let identity = cluster.nodes[0].data.join("identity.toml");
    let aside = cluster.home().join("identity.toml");
    fs::rename(&identity, &aside)?;
    let before = listing(&cluster.nodes[0].data)?;
    let cut = path("cut");
    fs::write(&cut, &fs::read(&snapshot)?[..1000])?;
    for file in [&cut, &snapshot] {
        let refused = cluster.offline().run(restore(file)).await?.refused()?;
        let after = listing(&cluster.nodes[0].data)?;
        ensure!(after == before, "a refused restore ({refused}) changed the folder:\n{before:?}\n{after:?}");
        story.tell(format_args!("a folder with data but no identity -> {refused}"));
    }
    fs::rename(&aside, &identity)?;

    // Not a node's at all, but somebody's, under names that a restore uses too.
    let strange = cluster.add("r1")?;
    let folder = cluster.nodes[strange].data.clone();
    for name in ["snapshots", "incoming"] {
        fs::create_dir_all(folder.join(name))?;
        fs::write(folder.join(name).join("thesis"), "years of work")?;
    }
    let before = listing(&folder)?;
    let words = restoring(&Cluster::new_node(&cluster.nodes[strange], &[]), &snapshot, &keyring);
    let refused = cluster.offline().run(words).await?.refused_with("EXQ-0106")?;
    ensure!(listing(&folder)? == before, "a refused restore ({refused}) changed somebody's folder");
    story.tell(format_args!("somebody's folder -> {refused}"));

    cluster.nodes[0].start()?;
    cluster.leader().await?;
    ensure!(cluster.http(0)?.read("later", "linearizable").await?.is_some(), "an acknowledged write is lost");
    cluster.finish()
}

fn restoring(common: &[OsString], file: &str, keyring: &str) -> Vec<OsString> {
    let own = ["snapshot", "restore", file, "--keyring", keyring, "--yes", "--reason", "drill"];
    own.into_iter().map(OsString::from).chain(common.iter().cloned()).collect()
}

/// A server would not start from it, and a restore or join may begin anew in it.
fn holds_no_node(folder: &Path) -> Result<()> {
    for name in ["identity.toml", "log", "guard", "CURRENT", "state-1", "node.key", "keyring"] {
        ensure!(!folder.join(name).exists(), "a refused restore left {name} behind");
    }
    Ok(())
}
