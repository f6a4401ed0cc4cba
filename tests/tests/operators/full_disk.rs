//! A disk that is full.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Cluster, until};
use reqwest::Method;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use serde_json::json;

use crate::support::{SOON, Story, until_voters};

/// What is left on a disk that is full.
const FULL_BYTES: u64 = 2 << 20;

/// A small file system of its own, for as long as this lives.
struct Mount(PathBuf);

impl Mount {
    /// Mounts a tmpfs; none where this process may not.
    fn tmpfs(folder: &Path, bytes: u64) -> Result<Option<Mount>> {
        fs::create_dir_all(folder)?;
        let options = format!("size={bytes},mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder).output()?;
        Ok(mounted.status.success().then(|| Mount(folder.to_owned())))
    }

    fn free_bytes(&self) -> Result<u64> {
        let stat = statvfs(&self.0)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Takes all but `left` bytes, by a file that only grows.
    fn fill(&self, left: u64) -> Result<PathBuf> {
        let path = self.0.join("somebody-elses-file");
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        let more = self.free_bytes()?.saturating_sub(left);
        if more > 0 {
            let length = file.metadata()?.len() + more;
            fallocate(&file, FallocateFlags::empty(), 0, length).context("the disk cannot be filled")?;
        }
        Ok(path)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: the server on it may still be ending.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Goal: a node whose disk is full becomes read-only and says so with EXQ-0501, the others go on, nothing is lost, no
/// process ends, and the node takes part again by itself when there is room. Method: the leader's folder on a tmpfs of
/// 192 MiB, which somebody else's file fills up; then the same while the node is started anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_means_read_only() -> Result<()> {
    let story = Story::of("full disk");
    let mut cluster = Cluster::empty()?;
    let place = cluster.add("n1")?;
    let Some(mount) = Mount::tmpfs(&cluster.nodes[place].data, 192 << 20)? else {
        println!("SKIPPED a_full_disk_means_read_only: mounting a tmpfs is not permitted here");
        return cluster.finish();
    };
    cluster.nodes[place].config = "[storage]\nreserve = \"16MiB\"\n".to_owned();
    cluster.found(place).await?;
    for name in ["n2", "n3"] {
        let place = cluster.add(name)?;
        cluster.join(place).await?;
    }
    until_voters(&cluster, &["n1", "n2", "n3"]).await?;
    ensure!(cluster.leader().await? == 0, "n1 should lead");
    cluster.does(&["scratch", "put", "before", "full"]).await?;

    let filler = mount.fill(FULL_BYTES)?;
    let full = cluster.http(0)?;
    until("n1 says that its disk is full", SOON, async || {
        ensure!(cluster.nodes[0].log().contains("EXQ-0501"), "not in its log");
        let ready = full.call(Method::GET, "/readyz?write", None).await?;
        ensure!(ready.status == 503 && ready.text.contains("disk"), "{}", ready.text);
        Ok(())
    })
    .await?;
    let next = until("another node leads", SOON, async || {
        let leader = cluster.leader().await?;
        ensure!(leader != 0, "n1 still leads");
        Ok(leader)
    })
    .await?;
    story.tell(format_args!(
        "n1's disk is full: EXQ-0501, not ready for writes, and {} leads",
        cluster.nodes[next].name
    ));

    // The cluster goes on; the full node answers reads, with what it has.
    let others = cluster.http(next)?;
    for number in 0..200_u32 {
        others.put(&format!("meanwhile-{number}"), &[7; 1_000]).await?;
    }
    ensure!(full.read("before", "local").await?.is_some(), "the full node does not read");
    let status = cluster.exq_at(0).run(["status"]).await?;
    ensure!(status.exit == 2 && status.stdout.contains("read-only"), "{status}");
    let stubborn = ["cluster", "transfer-leader", "n1", "--reason", "stubborn"];
    let refused = cluster.exq_at(next).run(stubborn).await?.refused_with("EXQ-0501")?;
    story.tell(format_args!("200 writes by the others; leadership for n1 -> {refused}"));
    others.put("still", b"here").await?;

    cluster.exq_at(next).run(["cluster", "transfer-leader", "--reason", "to whom it may concern"]).await?.good()?;
    let third = cluster.leader().await?;
    ensure!(![0, next].contains(&third), "n{} leads", third + 1);
    story.tell(format_args!("handed over to nobody in particular, leadership goes to {}", cluster.nodes[third].name));

    // A server that is started on a full disk comes up and reads.
    cluster.nodes[0].kill()?;
    cluster.nodes[0].start()?;
    until("n1 reads again", SOON, async || {
        ensure!(cluster.nodes[0].server()?.ended()?.is_none(), "it ended: {}", cluster.nodes[0].log());
        ensure!(full.read("before", "local").await?.is_some(), "no value");
        Ok(())
    })
    .await?;
    // A store that is closed by a crash gives back what it had set aside for its log: that as well is taken away.
    until("the disk is full again", SOON, async || {
        mount.fill(FULL_BYTES)?;
        let refused = full.call(Method::GET, "/readyz?write", None).await?;
        ensure!(refused.status == 503 && refused.text.contains("read-only"), "{}", refused.text);
        Ok(())
    })
    .await?;
    ensure!(full.read("before", "local").await?.is_some(), "the full node does not read");
    story.tell("restarted on the full disk it comes up and reads");

    fs::remove_file(filler)?;
    until("n1 takes writes again", SOON, async || {
        let ready = full.call(Method::GET, "/readyz?write", None).await?;
        ensure!(ready.status == 200, "{}", ready.text);
        full.put("after", b"room").await.map(drop)
    })
    .await?;
    cluster.agree(&[0, 1, 2], SOON).await?;
    until("the others have heard that n1 has room", SOON, async || cluster.hand_over("n1", "it has room").await)
        .await?;
    let value = json!({ "value": "cm9vbQ==" });
    let put = cluster.http(0)?.call(Method::PUT, "/v1/scratch/leader", Some(&value)).await?;
    ensure!(put.status == 200, "{}", put.text);
    let verified = cluster.does(&["cluster", "verify"]).await?;
    ensure!(verified.json()?["agree"] == true, "{verified}");
    story.tell("with room again it takes part, leads and has the rows of the others");
    for node in &mut cluster.nodes {
        node.kill()?;
    }
    drop(mount);
    cluster.finish()
}
