//! Requests that cannot be.

use anyhow::{Result, ensure};
use exchequer_tests::cluster::Cluster;

use super::refuse;
use crate::support::{Story, scene};

/// Goal: a request that cannot be is refused with one clear error and changes nothing, and the refusal says what would
/// be right. Method: the slips of an operator, one after the other, on a cluster of one; members, settings, audit and
/// the state's hash are compared before and after each.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_cannot_be() -> Result<()> {
    let story = Story::of("requests");
    let cluster = Cluster::sandbox(1).await?;
    cluster.does(&["settings", "set", "join.token_ttl", "20m", "--reason", "first"]).await?;
    cluster.does(&["scratch", "put", "colour", "blue"]).await?;
    let before = scene(&cluster).await?;
    let exq = cluster.exq();
    let cases: &[(&[&str], &str)] = &[
        (&["settings", "set", "join.token_life", "10m", "--reason", "r"], "EXQ-0401"),
        (&["settings", "get", "join.token_life"], "EXQ-0401"),
        (&["settings", "history", "join.token_life"], "EXQ-0401"),
        (&["settings", "set", "join.token_ttl", "600", "--reason", "r"], "EXQ-0402"),
        (&["settings", "set", "join.token_ttl", "10MiB", "--reason", "r"], "EXQ-0402"),
        (&["settings", "set", "join.token_ttl", "", "--reason", "r"], "EXQ-0402"),
        (&["settings", "set", "autopilot.promote", "yes", "--reason", "r"], "EXQ-0402"),
        (&["settings", "set", "snapshot.log_bytes", "10s", "--reason", "r"], "EXQ-0402"),
        (&["settings", "set", "autopilot.min_quorum", "three", "--reason", "r"], "EXQ-0402"),
        (&["settings", "set", "join.token_ttl", "8d", "--reason", "r"], "EXQ-0403"),
        (&["settings", "set", "join.token_ttl", "0s", "--reason", "r"], "EXQ-0403"),
        (&["settings", "set", "autopilot.min_quorum", "-1", "--reason", "r"], "EXQ-0403"),
        (&["settings", "set", "autopilot.min_quorum", "10", "--reason", "r"], "EXQ-0403"),
        (&["settings", "set", "join.token_ttl", "30m", "--if-revision", "1", "--reason", "r"], "EXQ-0404"),
        (&["settings", "revert", "0", "--if-revision", "1", "--reason", "r"], "EXQ-0404"),
        (&["settings", "revert", "99", "--reason", "r"], "EXQ-0405"),
        (&["settings", "diff", "99"], "EXQ-0405"),
        (&["settings", "set", "join.token_ttl", "30m"], "EXQ-0406"),
        (&["settings", "set", "join.token_ttl", "30m", "--reason", " "], "EXQ-0406"),
        (&["scratch", "put", "colour", "red", "--expect", "7"], "EXQ-0408"),
        (&["scratch", "get", "taste"], "EXQ-0109"),
        (&["cluster", "remove", "n9", "--reason", "r", "--yes"], "EXQ-0308"),
        (&["cluster", "promote", "n9", "--reason", "r"], "EXQ-0308"),
        (&["cluster", "transfer-leader", "n9", "--reason", "r"], "EXQ-0308"),
        (&["cluster", "promote", "n1", "--reason", "r"], "EXQ-0309"),
        (&["cluster", "transfer-leader", "n1", "--reason", "r"], "EXQ-0309"),
        (&["cluster", "remove", "n1", "--reason", "r", "--yes"], "EXQ-0306"),
        (&["cluster", "token", "create", "--ttl", "1y", "--reason", "r"], "EXQ-0108"),
        (&["cluster", "token", "create", "--ttl", "8d", "--reason", "r"], "EXQ-0108"),
        (&["cluster", "token", "create", "--reason", ""], "EXQ-0406"),
        (&["status", "--address", "127.0.0.1:1"], "EXQ-0111"),
        (&["status", "--address", "not an address"], "EXQ-0108"),
        (&["status", "--ca-cert", "/nonexistent/ca.pem"], "EXQ-0208"),
        (&["audit", "tail", "-n", "0"], "EXQ-0108"),
        (&["cluster", "dance"], "EXQ-0108"),
    ];
    for (words, code) in cases {
        refuse(&cluster, &before, &exq, words, code, &story).await?;
    }

    let foreign = "exq_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for words in [
        &["status"][..],
        &["settings", "get"],
        &["settings", "set", "join.token_ttl", "30m", "--reason", "r"],
        &["cluster", "token", "create", "--reason", "r"],
        &["keyring", "export", "--reason", "r"],
    ] {
        refuse(&cluster, &before, &exq.clone().variable("EXCHEQUER_TOKEN", foreign), words, "EXQ-0202", &story).await?;
        refuse(&cluster, &before, &exq.clone().variable("EXCHEQUER_TOKEN", "secret"), words, "EXQ-0202", &story)
            .await?;
        refuse(&cluster, &before, &exq.clone().variable("EXCHEQUER_TOKEN", ""), words, "EXQ-0201", &story).await?;
    }

    // The same command id again is the same command; with another body it is none.
    let id = "0123456789abcdef0123456789abcdef";
    let put = ["scratch", "put", "shape", "round", "--command-id", id];
    let first = cluster.does(&put).await?.json()?;
    let before = scene(&cluster).await?;
    ensure!(cluster.does(&put).await?.json()?["version"] == first["version"], "the same id had another outcome");
    let other = ["scratch", "put", "shape", "square", "--command-id", id];
    exq.run(other).await?.refused_with("EXQ-0314")?;
    ensure!(exq.clone().plain().run(["scratch", "get", "shape"]).await?.good()?.stdout == "round\n", "it took effect");
    ensure!(scene(&cluster).await? == before, "a repeated command changed something");
    story.tell("a command id again has the first outcome, and for another command it is refused");
    cluster.finish()
}
