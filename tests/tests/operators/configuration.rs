//! Configuration at three nodes: how soon a change holds everywhere, and that a secret's text is nowhere.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::Cluster;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Story;

/// Changes that are measured.
const CHANGES: usize = 200;
/// How long one may take until every node shows it, but for the slowest one in a hundred.
const SEEN_P99_MAX: Duration = Duration::from_secs(1);
/// A change that nobody sees by then is lost.
const SEEN_MAX: Duration = Duration::from_secs(10);

/// What one change asks, and what every node must answer then.
struct Change {
    path: String,
    body: Value,
    look: String,
    pointer: &'static str,
    expected: Value,
}

/// A flag, a threshold or a limit in turn, each time with another value; guarded ones go to and fro within their guard.
fn change(number: usize) -> Change {
    let reason = "measured";
    match number % 3 {
        0 => {
            let permille = number + 1;
            Change {
                path: "/v1/flags/measured".into(),
                body: json!({"on": true, "permille": permille, "reason": reason}),
                look: "/v1/flags/measured".into(),
                pointer: "/permille",
                expected: json!(permille),
            }
        }
        1 => {
            // As the state prints it: below a minute there is one unit.
            let value = format!("{}s", 30 + number % 20);
            let path = "/v1/settings/threshold.queue_age@kind:deposit,network:tron".to_owned();
            let body = json!({"value": value, "reason": reason});
            Change { look: path.clone(), path, body, pointer: "/value", expected: json!(value) }
        }
        _ => {
            let value = (50 + number % 20).to_string();
            let path = "/v1/settings/limit.orders_ten_seconds".to_owned();
            let body = json!({"value": value, "reason": reason});
            Change { look: path.clone(), path, body, pointer: "/value", expected: json!(value) }
        }
    }
}

/// Goal: a change of a flag, a threshold or a limit holds at all three nodes within a second. Method: 200 changes, each
/// sent to the next node; the time from sending to the moment at which the last node shows it in a read of its own state.
#[tokio::test(flavor = "multi_thread")]
async fn changes_hold_everywhere_soon() -> Result<()> {
    let story = Story::of("configuration");
    let cluster = Cluster::sandbox(3).await?;
    let nodes = [cluster.http(0)?, cluster.http(1)?, cluster.http(2)?];
    let mut took = Vec::with_capacity(CHANGES);
    for number in 0..CHANGES {
        let Change { path, body, look, pointer, expected } = change(number);
        let began = Instant::now();
        nodes[number % 3].call(Method::PUT, &path, Some(&body)).await?.good()?;
        let look = format!("{look}?consistency=local");
        for node in &nodes {
            loop {
                let answer = node.call(Method::GET, &look, None).await?;
                if answer.body.pointer(pointer) == Some(&expected) {
                    break;
                }
                ensure!(began.elapsed() < SEEN_MAX, "change {number} is not seen: {}", answer.text);
            }
        }
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let at = |percent: usize| took[(CHANGES * percent).div_ceil(100) - 1];
    let figures = [50, 90, 99, 100].map(|percent| format!("p{percent} {:.1} ms", at(percent).as_secs_f64() * 1e3));
    story.tell(format_args!("{CHANGES} changes at three nodes: {}", figures.join(", ")));
    ensure!(at(99) <= SEEN_P99_MAX, "{figures:?}");
    cluster.finish()
}

/// Whether a file anywhere below holds these bytes.
fn holds(folder: &Path, text: &[u8]) -> Result<Option<String>> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if let Some(found) = holds(&entry.path(), text)? {
                return Ok(Some(found));
            }
        } else if entry.file_type()?.is_file()
            // A file of the store may be gone by now.
            && let Ok(bytes) = fs::read(entry.path())
            && bytes.windows(text.len()).any(|at| at == text)
        {
            return Ok(Some(entry.path().display().to_string()));
        }
    }
    Ok(None)
}

/// Goal: the text of a secret is in no file of any node, whether log, store or journal, and in nothing that the command line
/// prints. Method: two versions through the command line, an endpoint that refers to them, reads, a stop of all nodes; then
/// every byte of every file below the cluster's folder. That the search works shows in the name, which is found.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_in_no_file() -> Result<()> {
    let story = Story::of("secret");
    let mut cluster = Cluster::sandbox(3).await?;
    let outside = tempfile::tempdir()?;
    let file = outside.path().join("key");
    let texts = ["the first text 80f1c9 of a secret", "the second text 80f1c9 of a secret"];
    let mut printed = String::new();
    for text in texts {
        fs::write(&file, format!("{text}\n"))?;
        let name = file.display().to_string();
        let ran = cluster.does(&["secret", "set", "searched-for-key", "--file", &name, "--reason", "test"]).await?;
        printed.push_str(&ran.json()?.to_string());
    }
    let url = "https://node.example/v2/secret:searched-for-key";
    cluster.does(&["network", "endpoint", "add", "tron", url, "--reason", "test"]).await?;
    for words in [["secret", "list"].as_slice(), &["network", "show", "tron"], &["audit", "tail"]] {
        printed.push_str(&cluster.does(words).await?.json()?.to_string());
    }
    cluster.exq().run(["secret", "remove", "searched-for-key", "--reason", "test"]).await?.refused_with("EXQ-0413")?;
    for node in &mut cluster.nodes {
        node.stop().await?;
    }
    ensure!(!texts.iter().any(|text| printed.contains(text)), "printed: {printed}");
    for text in texts {
        let found = holds(cluster.home(), text.as_bytes())?;
        ensure!(found.is_none(), "`{text}` is in {found:?}");
    }
    let named = holds(cluster.home(), b"searched-for-key")?.context("the search finds nothing at all")?;
    story.tell(format_args!("the secret's name is in {named} and others, its text in no file"));
    cluster.finish()
}
