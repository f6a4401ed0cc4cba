//! What is done on quiet days: audit, certificates, tokens, keys.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Cluster, Deadline, Http, until};
use tokio::task::JoinHandle;

use crate::support::{SOON, Story, until_voters};

/// Writers that go on until they are told to stop, and remember what was acknowledged.
struct Load {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    writers: Vec<JoinHandle<Result<Vec<String>>>>,
}

impl Load {
    /// Starts a writer at each node. A write whose answer was lost is written again, to the next node.
    fn start(clients: Vec<Http>) -> Load {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let nodes = clients.len();
        let writer = |(number, clients): (usize, Vec<Http>)| {
            let (stop, written) = (stop.clone(), written.clone());
            tokio::spawn(async move {
                let mut acknowledged = Vec::new();
                let (mut at, mut failures) = (number, 0_u32);
                while !stop.load(Ordering::Relaxed) {
                    let key = format!("w{number}-{}", acknowledged.len());
                    match clients[at % nodes].put(&key, key.as_bytes()).await {
                        Ok(_) => {
                            acknowledged.push(key);
                            written.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) => {
                            failures += 1;
                            at += 1;
                            ensure!(failures < 1_000, "the writes fail again and again: {error:#}");
                            Deadline::within(SOON).pause().await;
                        }
                    }
                }
                Ok(acknowledged)
            })
        };
        let writers = (0..nodes).map(|number| writer((number, clients.clone()))).collect();
        Load { stop, written, writers }
    }

    /// Waits until so many more writes were acknowledged: the cluster serves.
    async fn goes_on(&self, more: u64) -> Result<()> {
        let goal = self.written.load(Ordering::Relaxed) + more;
        until("writes go on", SOON, async || {
            let written = self.written.load(Ordering::Relaxed);
            ensure!(written >= goal, "{written} of {goal}");
            Ok(())
        })
        .await
    }

    /// Ends the writers; what was acknowledged.
    async fn end(self) -> Result<Vec<String>> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for writer in self.writers {
            all.extend(writer.await.context("a writer panicked")??);
        }
        Ok(all)
    }
}

async fn all_are_there(client: &Http, keys: &[String]) -> Result<()> {
    for key in keys {
        let found = client.read(key, "local").await?.with_context(|| format!("{key} was acknowledged and is lost"))?;
        ensure!(found == (key.as_bytes().to_vec(), 1), "{key} is {found:?}");
    }
    Ok(())
}

/// Goal: certificates and the authority itself are renewed by command under load, without an interruption of writes and
/// without a lost one; afterwards the old authority is trusted by nobody. Method: a writer at each node; rotate one
/// node, every node, then the authority, by the command line; watch the files; then restart a node and join another.
#[tokio::test(flavor = "multi_thread")]
async fn certificates_rotate_under_load() -> Result<()> {
    let story = Story::of("certificates");
    let mut cluster = Cluster::sandbox(3).await?;
    // These clients trust whatever authority they were started with: each phase has its own.
    let clients = |cluster: &Cluster| (0..3).map(|place| cluster.http(place)).collect::<Result<Vec<_>>>();
    let file = |cluster: &Cluster, place: usize, name: &str| fs::read(cluster.nodes[place].data.join(name));
    let load = Load::start(clients(&cluster)?);
    load.goes_on(100).await?;

    let before = file(&cluster, 1, "node.pem")?;
    cluster.does(&["cluster", "certificates", "rotate", "n2", "--reason", "n2 was cloned"]).await?;
    ensure!(file(&cluster, 1, "node.pem")? != before, "n2 has its old certificate");
    load.goes_on(100).await?;
    let refused = cluster.exq().run(["cluster", "certificates", "rotate", "n9", "--reason", "r"]).await?;
    refused.refused_with("EXQ-0308")?;
    story.tell("n2's certificate is renewed, and writes go on");
    let first_phase = load.end().await?;

    let old = file(&cluster, 0, "ca.pem")?;
    let interactive = cluster.exq().run(["cluster", "certificates", "rotate", "--authority", "--reason", "r"]).await?;
    interactive.refused_with("EXQ-0108")?;
    let load = Load::start(clients(&cluster)?);
    let rotate = ["cluster", "certificates", "rotate", "--authority", "--reason", "its key may be known", "--yes"];
    cluster.does(&rotate).await?;
    load.goes_on(50).await?;
    // Connections made before live on; new ones need the new authority, which the folders have.
    until("every node trusts the new authority alone", SOON, async || {
        let authorities = (0..3).map(|place| file(&cluster, place, "ca.pem")).collect::<Result<Vec<_>, _>>()?;
        let new = authorities.iter().all(|authority| *authority == authorities[0] && *authority != old);
        let count = String::from_utf8_lossy(&authorities[0]).matches("BEGIN CERTIFICATE").count();
        ensure!(new && count == 1, "{count} authorities at n1");
        Ok(())
    })
    .await?;
    let second_phase = load.end().await?;
    story.tell(format_args!(
        "the authority is another one; {} writes were acknowledged meanwhile",
        first_phase.len() + second_phase.len()
    ));

    let old_path = cluster.home().join("old-ca.pem");
    fs::write(&old_path, &old)?;
    let with_old = cluster.exq().variable("EXCHEQUER_CACERT", &old_path).run(["status"]).await?;
    with_old.refused_with("EXQ-0206")?;
    until_voters(&cluster, &["n1", "n2", "n3"]).await?;
    cluster.agree(&[0, 1, 2], SOON).await?;
    for place in 0..3 {
        // The second phase's keys are those of the first one, written once more.
        let client = cluster.http(place)?;
        for key in first_phase.iter().chain(&second_phase) {
            let found = client.read(key, "local").await?.with_context(|| format!("{key} is lost"))?;
            ensure!(found.0 == key.as_bytes(), "{key} is {found:?}");
        }
    }
    cluster.nodes[2].stop().await?;
    cluster.nodes[2].start()?;
    let place = cluster.add("n4")?;
    cluster.join(place).await?;
    cluster.agree(&[0, 1, 2, place], SOON).await?;
    cluster.does(&["audit", "verify"]).await?;
    story.tell("a restarted node and a new one take part; a client with the old authority is told EXQ-0206");
    cluster.finish()
}

/// Goal: the audit tells who did what, in order and without a gap, on every node alike; and secrets are replaced by
/// command: the old operator token is refused at once everywhere, the keyring that is exported opens a folder whose own
/// is lost. Method: the command line, on a cluster of three.
#[tokio::test(flavor = "multi_thread")]
async fn audit_and_secrets() -> Result<()> {
    let story = Story::of("secrets");
    let mut cluster = Cluster::sandbox(3).await?;
    cluster.does(&["settings", "set", "read.stale_max", "20s", "--reason", "OPS-7: slow reads"]).await?;
    // The autopilot makes records of its own meanwhile.
    let tail = cluster.does(&["audit", "tail", "-n", "20"]).await?.json()?;
    let recent = tail["entries"].as_array().context("no entries")?;
    let last = recent.iter().rfind(|entry| entry["action"] == "set-setting").context("no setting in the audit")?;
    for (field, value) in [
        ("actor", "operator"),
        ("action", "set-setting"),
        ("target", "read.stale_max"),
        ("reason", "OPS-7: slow reads"),
    ] {
        ensure!(last[field] == value, "`{field}` is not `{value}`: {last}");
    }
    let all = cluster.does(&["audit", "tail", "-n", "1000", "--after", "0"]).await?.json()?;
    let entries = all["entries"].as_array().context("no entries")?;
    for (entry, number) in entries.iter().zip(1_u64..) {
        ensure!(entry["sequence"] == number, "a gap before {entry}");
    }
    for pair in entries.windows(2) {
        ensure!(pair[1]["previous"] == pair[0]["hash"], "{} does not follow {}", pair[1], pair[0]);
    }
    cluster.agree(&[0, 1, 2], SOON).await?;
    let mut heads = Vec::new();
    for place in 0..3 {
        heads.push(cluster.exq_at(place).run(["audit", "verify", "--stale"]).await?.good()?.json()?);
    }
    ensure!(heads.iter().all(|head| *head == heads[0]), "{heads:?}");
    story.tell(format_args!("the audit's {} records verify alike on three nodes", entries.len()));

    let old = cluster.token.clone();
    let rotated = cluster.does(&["operator-token", "rotate", "--yes", "--reason", "quarterly rotation"]).await?;
    cluster.token = rotated.text("operator_token")?;
    cluster.agree(&[0, 1, 2], SOON).await?;
    for place in 0..3 {
        cluster.exq_at(place).run(["status"]).await?.good()?;
        let stale = cluster.exq_at(place).variable("EXCHEQUER_TOKEN", &old).run(["status"]).await?;
        stale.refused_with("EXQ-0202")?;
    }
    ensure!(!rotated.stderr.contains(&old), "the old token is repeated");
    story.tell("the operator token is another one; the old one is refused by every node");

    let keyring = cluster.home().join("keyring.export").to_string_lossy().into_owned();
    cluster.does(&["keyring", "export", &keyring, "--reason", "yearly backup"]).await?;
    cluster.exq().run(["keyring", "export", &keyring, "--reason", "again"]).await?.refused_with("EXQ-0108")?;
    let folder = cluster.nodes[2].data.to_string_lossy().into_owned();
    let import = ["keyring", "import", &keyring, "--data-dir", &folder];
    cluster.offline().run(import).await?.refused_with("EXQ-0107")?;
    cluster.nodes[2].stop().await?;
    fs::remove_file(cluster.nodes[2].data.join("keyring"))?;
    cluster.nodes[2].start()?;
    let ended = cluster.nodes[2].end(SOON).await?;
    ensure!(ended.exit == Some(1) && ended.code() == Some("EXQ-0207"), "{ended:?}");
    cluster.offline().run(import).await?.good()?;
    cluster.nodes[2].start()?;
    until_voters(&cluster, &["n1", "n2", "n3"]).await?;
    let damaged = cluster.home().join("keyring.damaged");
    fs::write(&damaged, fs::read_to_string(&keyring)?.replace('A', "B"))?;
    let words = ["keyring", "import", &damaged.to_string_lossy(), "--data-dir", &folder].map(str::to_owned);
    cluster.offline().run(words).await?.refused_with("EXQ-0207")?;
    story.tell("the exported keyring mends a folder that has lost its own; a damaged export is refused");

    let actions = cluster.does(&["audit", "tail", "-n", "50"]).await?.stdout;
    for action in ["rotate-operator-token", "keyring-export"] {
        ensure!(actions.contains(action), "`{action}` is not in the audit: {actions}");
    }
    for secret in [&old, &cluster.token, &fs::read_to_string(&keyring)?] {
        ensure!(!actions.contains(secret.trim()), "a secret is in the audit");
    }
    cluster.does(&["audit", "verify"]).await?;
    cluster.finish()
}

/// Goal: what the first phase wrote is there once it is over. Method: plain writes by two nodes, without any fault; it
/// guards the tests above against a load that does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_load_is_a_load() -> Result<()> {
    let cluster = Cluster::sandbox(1).await?;
    let load = Load::start(vec![cluster.http(0)?]);
    load.goes_on(50).await?;
    let written = load.end().await?;
    ensure!(written.len() >= 50, "{} writes", written.len());
    all_are_there(&cluster.http(0)?, &written).await?;
    cluster.finish()
}
