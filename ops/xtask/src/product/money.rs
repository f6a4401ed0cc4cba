//! What is said to the product about networks, wallets, deposits and withdrawals.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Access, Product};
use crate::money::Compared;
use crate::process;

/// A deposit as the exchange tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) number: u64,
    pub(crate) tx: String,
    pub(crate) address: String,
    pub(crate) state: String,
    /// Why it waits.
    pub(crate) why: Option<String>,
}

/// A withdrawal as the exchange tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Departure {
    pub(crate) state: String,
    /// The transaction that pays it.
    pub(crate) tx: Option<String>,
    /// What is paid, in the smallest units of the network.
    pub(crate) on_chain: u128,
}

/// Withdrawals whose stories are looked at.
const EXPLAINED: u32 = 11;

fn text_of(row: &Value, key: &str) -> Option<String> {
    row.get(key).and_then(Value::as_str).map(str::to_owned)
}

fn rows<'a>(answer: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    answer.get(key).and_then(Value::as_array).with_context(|| format!("no `{key}` in the answer"))
}

impl Product {
    /// Reaches a network by one more node.
    pub(crate) fn add_endpoint(&self, access: &Access, network: &str, url: &str, why: &str) -> Result<()> {
        self.json(access, &["network", "endpoint", "add", network, url, "--reason", why]).map(drop)
    }

    /// The addresses of the nodes by which a network is reached.
    pub(crate) fn endpoints(&self, access: &Access, network: &str) -> Result<Vec<String>> {
        let answer = self.json(access, &["network", "show", network])?;
        Ok(rows(&answer, "endpoints")?.iter().filter_map(|row| text_of(row, "address")).collect())
    }

    /// Changes a network.
    pub(crate) fn set_network(&self, access: &Access, network: &str, how: &[&str], why: &str) -> Result<()> {
        self.json(access, &[&["network", "set", network, "--yes", "--reason", why], how].concat()).map(drop)
    }

    /// Lists an asset on a network.
    pub(crate) fn list_asset(
        &self,
        access: &Access,
        network: &str,
        asset: &str,
        how: &[&str],
        why: &str,
    ) -> Result<()> {
        self.json(access, &[&["listing", "set", network, asset, "--yes", "--reason", why], how].concat()).map(drop)
    }

    /// How many deposit addresses of each family wait for users.
    pub(crate) fn pools(&self, access: &Access) -> Result<Vec<(String, u64)>> {
        let answer = self.json(access, &["wallet", "pool"])?;
        let pool = |row: &Value| Some((text_of(row, "family")?, row.get("waiting")?.as_u64()?));
        Ok(rows(&answer, "pools")?.iter().filter_map(pool).collect())
    }

    /// Sets what an asset is worth for limits and policies.
    pub(crate) fn set_price(&self, access: &Access, asset: &str, dollars: &str) -> Result<()> {
        self.json(access, &["price", "set", asset, dollars, "--source", "demo"]).map(drop)
    }

    /// Adds workers and lets them run; those that are there stay.
    pub(crate) fn add_workers(&self, access: &Access, workers: &[String], why: &str) -> Result<()> {
        let words: Vec<&str> = workers.iter().map(String::as_str).collect();
        self.json(access, &[&["worker", "add", "--start", "--reason", why], words.as_slice()].concat()).map(drop)
    }

    /// Creates a user of a KYC level; its number.
    pub(crate) fn create_known_user(&self, access: &Access, label: &str, level: &str, id: &str) -> Result<u64> {
        let verb = ["user", "create", "--label", label, "--kyc-level", level, "--command-id", id];
        self.json(access, &verb)?.get("user").and_then(Value::as_u64).context("a user without a number")
    }

    /// A user's deposit address on a network.
    pub(crate) fn deposit_address(&self, access: &Access, user: u64, network: &str) -> Result<String> {
        let answer = self.json(access, &["address", "allocate", &user.to_string(), network])?;
        text_of(&answer, "address").context("an answer without an address")
    }

    /// The newest deposits on a network; of one user, or of everybody and nobody.
    pub(crate) fn arrivals(&self, access: &Access, network: &str, user: Option<u64>) -> Result<Vec<Arrival>> {
        let user = user.map(|user| user.to_string());
        let of = user.as_ref().map_or(vec![], |user| vec!["--user", user.as_str()]);
        let answer = self.json(access, &[&["deposit", "list", "--network", network], of.as_slice()].concat())?;
        let arrival = |row: &Value| {
            Some(Arrival {
                number: row.get("deposit")?.as_u64()?,
                tx: text_of(row, "tx")?,
                address: text_of(row, "address")?,
                state: text_of(row, "state")?,
                why: text_of(row, "why"),
            })
        };
        let all = rows(&answer, "deposits")?.iter();
        all.map(|row| arrival(row).with_context(|| format!("not a deposit: {row}"))).collect()
    }

    /// Says that what waits is the exchange's own.
    pub(crate) fn take_for_exchange(&self, access: &Access, deposit: u64, why: &str) -> Result<()> {
        let number = deposit.to_string();
        self.json(access, &["deposit", "assign", &number, "--exchange", "--yes", "--reason", why]).map(drop)
    }

    /// What a user has of an asset and may use now, as text; none where it never had any.
    pub(crate) fn available(&self, access: &Access, user: u64, asset: &str) -> Result<Option<String>> {
        let answer = self.json(access, &["ledger", "accounts", "--user", &user.to_string()])?;
        let of = |row: &&Value| text_of(row, "asset").as_deref() == Some(asset);
        Ok(rows(&answer, "accounts")?.iter().find(of).and_then(|row| text_of(row, "available")))
    }

    /// Places a limit order. The same id again is the same order.
    pub(crate) fn place(&self, access: &Access, user: u64, order: [&str; 4], id: &str) -> Result<()> {
        let [symbol, side, price, quantity] = order;
        let user = user.to_string();
        let verb =
            ["order", "place", &user, symbol, side, "--price", price, "--quantity", quantity, "--command-id", id];
        self.json(access, &verb).map(drop)
    }

    /// Asks for a withdrawal in a user's name; its number. The same name again is the same withdrawal.
    pub(crate) fn withdraw(&self, access: &Access, user: u64, name: &str, what: [&str; 4]) -> Result<u64> {
        let [network, asset, to, amount] = what;
        let user = user.to_string();
        let verb = ["withdrawal", "request", &user, "--client-id", name, "--asset", asset, "--network", network];
        let answer = self.json(access, &[&verb[..], &["--to", to, "--amount", amount, "--yes"]].concat())?;
        answer.get("withdrawal").and_then(Value::as_u64).context("a withdrawal without a number")
    }

    /// How a withdrawal stands.
    pub(crate) fn departure(&self, access: &Access, withdrawal: u64) -> Result<Departure> {
        let answer = self.json(access, &["withdrawal", "show", &withdrawal.to_string()])?;
        let on_chain = text_of(&answer, "on_chain").and_then(|units| units.parse().ok());
        Ok(Departure {
            state: text_of(&answer, "state").context("a withdrawal without a state")?,
            tx: text_of(&answer, "tx"),
            on_chain: on_chain.context("a withdrawal without an amount")?,
        })
    }

    /// The whole story of a withdrawal, for people.
    pub(crate) fn explain_withdrawal(&self, access: &Access, withdrawal: u64) -> Result<String> {
        self.ask(super::Place::HERE, access, &["withdrawal", "explain", &withdrawal.to_string()])
    }
}

/// A wallet in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnWallet {
    pub(crate) role: String,
    pub(crate) family: String,
    /// Its first address that takes no change.
    pub(crate) address: Option<String>,
}

impl Product {
    /// Makes a sandbox's vault in a node's folder; the words of its seed go to a file. It opens by itself.
    pub(crate) fn make_vault(&self, access: &Access, data: &Path, words: &Path) -> Result<()> {
        let (data, words) = (data.display().to_string(), words.display().to_string());
        self.json(access, &["vault", "init", "--sandbox", "--data-dir", &data, "--words-file", &words]).map(drop)
    }

    /// Brings a vault from one node's folder to another's.
    pub(crate) fn copy_vault(&self, from: &Path, to: &Path, copy: &Path) -> Result<()> {
        let (from, to, copy) = (from.display().to_string(), to.display().to_string(), copy.display().to_string());
        let export = ["vault", "export", copy.as_str(), "--data-dir", from.as_str()];
        let import = ["vault", "import-sealed", copy.as_str(), "--data-dir", to.as_str()];
        process::output(&mut process::command(self.words(&export)))?;
        process::output(&mut process::command(self.words(&import))).map(drop)
    }

    /// Whether the signer beside a node's folder answers and its vault is open.
    pub(crate) fn signer_is_open(&self, data: &Path) -> Result<Option<()>> {
        let data = data.display().to_string();
        process::output(&mut process::command(self.words(&["vault", "status", "--data-dir", &data]))).map(|_| Some(()))
    }

    /// Registers the wallets of the vault beside a node's folder.
    pub(crate) fn register_vault(&self, access: &Access, data: &Path, why: &str) -> Result<()> {
        let data = data.display().to_string();
        let verb = ["vault", "wallets", "--register", "--data-dir", &data, "--reason", why, "--yes"];
        self.json(access, &verb).map(drop)
    }

    /// The wallets in use.
    pub(crate) fn wallets(&self, access: &Access) -> Result<Vec<OwnWallet>> {
        let answer = self.json(access, &["wallet", "list"])?;
        let used = rows(&answer, "wallets")?.iter().filter(|row| row.get("retired_at").is_none_or(Value::is_null));
        let wallet = |row: &Value| {
            let own = row.get("addresses")?.as_array()?;
            let first = own.iter().find(|own| own.get("change") != Some(&Value::Bool(true)));
            let address = first.and_then(|own| text_of(own, "address"));
            Some(OwnWallet { role: text_of(row, "role")?, family: text_of(row, "family")?, address })
        };
        used.map(|row| wallet(row).with_context(|| format!("not a wallet: {row}"))).collect()
    }

    /// The paths of the accounts of the vault beside a node's folder.
    pub(crate) fn account_paths(&self, data: &Path) -> Result<Vec<String>> {
        let data = data.display().to_string();
        let text = process::output(&mut process::command(self.words(&[
            "vault",
            "xpubs",
            "--data-dir",
            &data,
            "--output",
            "json",
        ])))?;
        let answer: Value = serde_json::from_str(&text).context("the answer of `exchequer vault xpubs`")?;
        let rows = answer.as_array().context("no list of accounts")?;
        let mut paths: Vec<String> = rows.iter().filter_map(|row| text_of(row, "path")).collect();
        paths.sort_unstable();
        paths.dedup();
        Ok(paths)
    }

    /// What an operator may read of what happened, as text: the newest events, the record of changes, how wallets and the first
    /// withdrawals stand, and what the signer beside a node's folder says of itself.
    pub(crate) fn told_of_late(&self, access: &Access, data: &Path) -> Result<Vec<(&'static str, String)>> {
        let ask = |verb: &[&str]| self.ask(super::Place::HERE, access, verb);
        let mut told = vec![
            ("events", ask(&["event", "tail", "-n", "1000", "--output", "json"])?),
            ("the audit", ask(&["audit", "tail", "-n", "1000", "--output", "json"])?),
            ("the wallets", ask(&["wallet", "list", "--output", "json"])?),
        ];
        for number in 1..=EXPLAINED {
            told.push(("a withdrawal's story", ask(&["withdrawal", "explain", &number.to_string()])?));
        }
        let data = data.display().to_string();
        for (what, verb) in [("the signer's decisions", "decisions"), ("the vault's status", "status")] {
            let words = self.words(&["vault", verb, "--data-dir", &data, "--output", "json"]);
            told.push((what, process::output(&mut process::command(words))?));
        }
        Ok(told)
    }

    /// What is said to whoever asks for something that is not to be had: of the nodes, and of a vault that is given the words of a
    /// seed, of which one is wrong.
    ///
    /// # Errors
    /// One of it is had.
    pub(crate) fn refusals(&self, access: &Access, words: &str) -> Result<Vec<String>> {
        let folder = tempfile::tempdir()?;
        let (wrong, key, data) = (folder.path().join("words"), folder.path().join("key"), folder.path().join("data"));
        let (rest, last) = words.trim().rsplit_once(' ').context("a seed of one word")?;
        fs::write(&wrong, format!("{rest} {last}s"))?;
        let [wrong, key, data] = [wrong, key, data].map(|path| path.display().to_string());
        let import =
            ["vault", "import", "--words-file", &wrong, "--key-file", &key, "--data-dir", &data, "--output", "json"];
        let mut asked = vec![self.words(&import)];
        for verb in [
            &["withdrawal", "show", "99999999"][..],
            &["address", "allocate", "99999999", "bitcoin"],
            &["sweep", "explain", "tron", "no address"],
            &["deposit", "explain", "bitcoin", "00"],
        ] {
            asked.push(self.client(access, verb));
        }
        let refusal = |words: Vec<String>| {
            let output = process::attempt(&mut process::command(&words))?;
            if output.status.success() {
                bail!("`exchequer {}` was to be refused", words.get(1..3).unwrap_or_default().join(" "));
            }
            Ok(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
        };
        asked.into_iter().map(refusal).collect()
    }

    /// How the books and each chain compare.
    pub(crate) fn reconciled(&self, access: &Access) -> Result<Vec<Compared>> {
        let answer = self.json(access, &["reconcile", "status"])?;
        let of = |row: &Value| {
            Some(Compared {
                network: text_of(row, "network")?,
                run: row.get("last_run")?.as_u64()?,
                height: row.pointer("/block/height").and_then(Value::as_u64).unwrap_or(0),
                whole_at: text_of(row, "whole_at"),
                open: row.get("open")?.as_u64()?,
            })
        };
        rows(&answer, "networks")?.iter().map(|row| of(row).with_context(|| format!("not a network: {row}"))).collect()
    }

    /// Everything in which books and chains differ, for people.
    pub(crate) fn discrepancies(&self, access: &Access) -> Result<String> {
        self.ask(super::Place::HERE, access, &["reconcile", "discrepancies"])
    }

    /// What a worker does and what is wrong with it, for people.
    pub(crate) fn worker(&self, access: &Access, worker: &str) -> Result<String> {
        self.ask(super::Place::HERE, access, &["worker", "show", worker])
    }

    /// The price of whoever is first on a side of a market's book, `bids` or `asks`; none where nobody is.
    pub(crate) fn first_price(&self, access: &Access, symbol: &str, side: &str) -> Result<Option<String>> {
        let answer = self.json(access, &["book", symbol, "-n", "1"])?;
        Ok(rows(&answer, side)?.first().and_then(|row| text_of(row, "price")))
    }

    /// Why a deposit address is swept or not, for people.
    pub(crate) fn explain_sweep(&self, access: &Access, network: &str, address: &str) -> Result<String> {
        self.ask(super::Place::HERE, access, &["sweep", "explain", network, address])
    }
}
