//! An exchange run by hand: assets, users, a market, money, trades, all through the command line.

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::Cluster;
use serde_json::Value;

use crate::support::Story;

/// What a user's account shows.
async fn account(cluster: &Cluster, user: &str, asset: &str, field: &str) -> Result<String> {
    let accounts = cluster.does(&["ledger", "accounts", "--user", user]).await?.json()?;
    let accounts = accounts["accounts"].as_array().context("no accounts")?;
    let account = accounts.iter().find(|account| account["asset"] == asset).context("no such account")?;
    Ok(account[field].as_str().unwrap_or_default().to_owned())
}

/// Everything about money and orders that a refused command could have changed.
async fn books(cluster: &Cluster) -> Result<Vec<Value>> {
    let mut books = Vec::new();
    for words in [
        ["ledger", "trial-balance"].as_slice(),
        &["ledger", "entries", "-n", "1000"],
        &["ledger", "accounts", "--user", "1"],
        &["ledger", "accounts", "--user", "2"],
        &["order", "list", "1", "BTCUSDT"],
        &["order", "list", "2", "BTCUSDT"],
        &["market", "show", "BTCUSDT"],
    ] {
        books.push(cluster.does(words).await?.json()?);
    }
    Ok(books)
}

/// Goal: an operator can run a small exchange with the command line alone, and what is refused changes nothing. Method: a
/// sandbox of one node; assets, users, a market, credits; two orders that trade, with balances and entries to the last
/// digit; bad amounts, prices and quantities; a halt that refuses an order; the journal verified; a statement exported.
#[tokio::test(flavor = "multi_thread")]
async fn trading_by_hand() -> Result<()> {
    let story = Story::of("trading");
    let cluster = Cluster::sandbox(1).await?;
    for (code, decimals) in [("BTC", "8"), ("USDT", "8")] {
        cluster.does(&["asset", "create", code, "--decimals", decimals, "--name", code, "--reason", "test"]).await?;
    }
    for label in ["Ada", "Bob"] {
        cluster.does(&["user", "create", "--label", label]).await?;
    }
    let market = ["market", "create", "BTCUSDT", "--base", "BTC", "--quote", "USDT", "--tick", "0.01"];
    let rest = ["--lot", "0.00001", "--fees", "1000/2000", "--notional-min", "5", "--reason", "test"];
    cluster.does(&[market.as_slice(), &rest].concat()).await?;
    cluster.does(&["ledger", "credit", "1", "USDT", "100000"]).await?;
    cluster.does(&["ledger", "credit", "2", "BTC", "2"]).await?;
    cluster.does(&["market", "resume", "BTCUSDT", "--reason", "open"]).await?;
    story.tell("an open market, and two users with money");

    let place = ["order", "place", "2", "BTCUSDT", "sell", "--price", "64000.15", "--quantity", "0.5"];
    cluster.does(&place).await?;
    let place = ["order", "place", "1", "BTCUSDT", "buy", "--price", "65000", "--quantity", "0.2"];
    let bought = cluster.does(&place).await?.json()?;
    ensure!(bought["orders"][0]["status"] == "filled" && bought["fills"][0]["fee"] == "0.00040000", "{bought}");
    for (user, asset, field, expected) in [
        ("1", "BTC", "posted", "0.19960000"),
        ("1", "USDT", "posted", "87199.97000000"),
        ("2", "USDT", "posted", "12787.22997000"),
        ("2", "BTC", "posted", "1.80000000"),
        ("2", "BTC", "reserved", "0.30000000"),
        ("2", "BTC", "available", "1.50000000"),
    ] {
        let found = account(&cluster, user, asset, field).await?;
        ensure!(found == expected, "user {user} has {found} {asset} {field}, not {expected}");
    }
    let book = cluster.does(&["book", "BTCUSDT"]).await?.json()?;
    ensure!(book["asks"][0]["quantity"] == "0.30000" && book["bids"] == serde_json::json!([]), "{book}");
    let entries = cluster.does(&["ledger", "entries", "--user", "1", "--asset", "BTC"]).await?.json()?;
    ensure!(entries["entries"][0]["balance"] == "0.19960000", "{entries}");
    story.tell("two orders traded, to the last digit");

    let before = books(&cluster).await?;
    let order = |price, quantity| ["order", "place", "1", "BTCUSDT", "buy", "--price", price, "--quantity", quantity];
    for (words, code) in [
        (order("64000.001", "0.1").as_slice(), "EXQ-0906"),
        (&order("64000", "0.000001"), "EXQ-0906"),
        (&order("64000", "0.0000000001"), "EXQ-0108"),
        (&order("64000", "0"), "EXQ-0108"),
        (&order("64000", "-1"), "EXQ-0108"),
        (&order("1e9", "0.1"), "EXQ-0108"),
        (&order("64000", "NaN"), "EXQ-0108"),
        (&order("0.01", "0.00001"), "EXQ-0906"),
        (&order("64000", "1000"), "EXQ-0906"),
        (&["ledger", "transfer", "1", "2", "BTC", "0.000000001"], "EXQ-0108"),
        (&["ledger", "transfer", "1", "2", "BTC", "-1"], "EXQ-0108"),
        (&["ledger", "transfer", "1", "2", "BTC", "1e-3"], "EXQ-0108"),
        (&["ledger", "credit", "1", "BTC", "340282366920938463463374607431768211456"], "EXQ-0108"),
        (&["ledger", "credit", "1", "DOGE", "1"], "EXQ-0801"),
        (&["ledger", "credit", "9", "BTC", "1"], "EXQ-0803"),
        (&["order", "place", "1", "NOPE", "buy", "--price", "1", "--quantity", "1"], "EXQ-0901"),
    ] {
        cluster.exq().run(words.iter().copied()).await?.refused_with(code).with_context(|| format!("{words:?}"))?;
    }
    ensure!(books(&cluster).await? == before, "a refused command changed something");
    // This one is a transfer that fails: its id is burnt, and nothing else happens.
    let poor = ["ledger", "transfer", "1", "2", "BTC", "0.2"];
    cluster.exq().run(poor).await?.refused_with("EXQ-0808")?;
    ensure!(books(&cluster).await? == before, "a failed transfer changed something");
    story.tell("what is refused changes nothing");

    cluster.does(&["market", "halt", "BTCUSDT", "--reason", "drill"]).await?;
    let halted = books(&cluster).await?;
    cluster.exq().run(order("64000.15", "0.1")).await?.refused_with("EXQ-0906")?;
    ensure!(books(&cluster).await? == halted, "an order in a halted market changed something");
    cluster.does(&["market", "resume", "BTCUSDT", "--reason", "drill over"]).await?;
    cluster.does(&order("64000.15", "0.1")).await?;
    story.tell("a halted market refuses orders, a resumed one trades");

    cluster.does(&["ledger", "transfer", "1", "2", "BTC", "0.1", "--note", "gift"]).await?;
    let verified = cluster.does(&["ledger", "verify"]).await?.json()?;
    let file = cluster.home().join("statement.csv");
    let name = file.display().to_string();
    cluster.does(&["ledger", "export", "1", "--file", &name]).await?;
    let statement = std::fs::read_to_string(&file)?;
    let closing = account(&cluster, "1", "BTC", "posted").await?;
    ensure!(statement.contains(",closing,,") && statement.contains(&closing), "{statement}");
    let made = cluster.does(&["apikey", "create", "1", "--scope", "read,trade", "--reason", "test"]).await?.json()?;
    let secret = made["secret"].as_str().context("no secret")?;
    let listed = cluster.does(&["apikey", "list", "1"]).await?.json()?.to_string();
    ensure!(!listed.contains(secret), "the secret is listed");
    cluster.does(&["apikey", "revoke", "1", "1", "--reason", "test"]).await?;
    ensure!(!cluster.nodes[0].log().contains(secret), "the secret is in the log");
    story.tell(format_args!("the journal verifies: {verified}"));
    cluster.finish()
}
