//! What is said to the product about assets, markets, users and money.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::{Access, Place, Product};

/// What `apikey create` prints, once.
#[derive(Deserialize)]
struct Created {
    key: String,
    secret: String,
}

/// What the exchange says of its money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Balanced {
    /// How many assets there are of which anybody has something.
    pub(crate) assets: usize,
    /// The first one whose sides differ.
    pub(crate) wrong: Option<String>,
}

impl Product {
    pub(super) fn json(&self, access: &Access, verb: &[&str]) -> Result<Value> {
        let text = self.ask(Place::HERE, access, &[verb, &["--output", "json"]].concat())?;
        serde_json::from_str(&text).with_context(|| format!("the answer of `exchequer {}`", verb.join(" ")))
    }

    /// Creates an asset.
    pub(crate) fn create_asset(&self, access: &Access, code: &str, name: &str, decimals: u32, why: &str) -> Result<()> {
        let decimals = decimals.to_string();
        let verb = ["asset", "create", code, "--decimals", &decimals, "--name", name, "--reason", why];
        self.json(access, &verb).map(drop)
    }

    /// Creates a market with more words about it, sets the price that limits are measured by, and a circuit breaker.
    pub(crate) fn create_market(
        &self,
        access: &Access,
        symbol: &str,
        about: &[&str],
        limits: &[&str],
        why: &str,
    ) -> Result<()> {
        self.json(access, &[&["market", "create", symbol, "--reason", why], about].concat())?;
        self.json(access, &[&["market", "configure", symbol, "--reason", why], limits].concat()).map(drop)
    }

    /// Opens a market.
    pub(crate) fn open_market(&self, access: &Access, symbol: &str, why: &str) -> Result<()> {
        self.json(access, &["market", "resume", symbol, "--reason", why]).map(drop)
    }

    /// The phase of each market.
    pub(crate) fn market_phases(&self, access: &Access) -> Result<Vec<(String, String)>> {
        let answer = self.json(access, &["market", "list"])?;
        let rows = answer.get("markets").and_then(Value::as_array).context("no list of markets")?;
        let word = |row: &Value, key: &str| row.get(key).and_then(Value::as_str).map(str::to_owned);
        let of = |row| word(row, "symbol").zip(word(row, "phase")).with_context(|| format!("not a market: {row}"));
        rows.iter().map(of).collect()
    }

    /// The codes of the assets.
    pub(crate) fn assets(&self, access: &Access) -> Result<Vec<String>> {
        let answer = self.json(access, &["asset", "list"])?;
        let rows = answer.get("assets").and_then(Value::as_array).context("no list of assets")?;
        let code = |row: &Value| row.get("code").and_then(Value::as_str).map(str::to_owned);
        rows.iter().map(|row| code(row).with_context(|| format!("not an asset: {row}"))).collect()
    }

    /// Creates a user; its number.
    pub(crate) fn create_user(&self, access: &Access, label: &str, fee_tier: u32) -> Result<u64> {
        let tier = fee_tier.to_string();
        let made = self.json(access, &["user", "create", "--label", label, "--fee-tier", &tier])?;
        made.get("user").and_then(Value::as_u64).context("a user without a number")
    }

    /// Gives a user money out of nothing.
    pub(crate) fn credit(&self, access: &Access, user: u64, asset: &str, amount: u32) -> Result<()> {
        self.json(access, &["ledger", "credit", &user.to_string(), asset, &amount.to_string()]).map(drop)
    }

    /// Makes a key for trading from this machine: its name and its secret.
    pub(crate) fn trading_key(&self, access: &Access, user: u64, label: &str, why: &str) -> Result<(String, String)> {
        let user = user.to_string();
        let verb = ["apikey", "create", &user, "--scope", "read,trade", "--from", "127.0.0.0/8", "--label", label];
        let text = self.ask(Place::HERE, access, &[&verb[..], &["--reason", why, "--output", "json"]].concat())?;
        // The answer is in no error: it holds the secret.
        let Ok(Created { key, secret }) = serde_json::from_str(&text) else { bail!("an answer without a key") };
        Ok((key, secret))
    }

    /// Reads the whole journal; how many entries it has.
    pub(crate) fn verify_ledger(&self, access: &Access) -> Result<u64> {
        let answer = self.json(access, &["ledger", "verify"])?;
        answer.get("entries").and_then(Value::as_u64).context("a verified ledger without a number of entries")
    }

    /// Whether both sides of the ledger are equal, as this node has it now.
    pub(crate) fn balanced(&self, access: &Access) -> Result<Balanced> {
        read_balance(&self.json(access, &["ledger", "trial-balance", "--stale"])?)
    }
}

/// Adds up a trial balance.
fn read_balance(answer: &Value) -> Result<Balanced> {
    let rows = answer.get("assets").and_then(Value::as_array).context("no trial balance")?;
    let mut wrong = None;
    for row in rows {
        let strange = || format!("not an asset's balance: {row}");
        let mut sum = units(row.get("users")).with_context(strange)?;
        for account in row.get("system").and_then(Value::as_array).with_context(strange)? {
            let posted = units(account.get("posted")).with_context(strange)?;
            let holder = account.get("holder").and_then(Value::as_str).with_context(strange)?;
            // Accounts of what the exchange has are on the other side than those of what it owes and of what is its own.
            let has = ["custody", "venue", "gas-expense"].iter().any(|kind| holder.starts_with(kind));
            sum = sum.checked_add(if has { -posted } else { posted }).with_context(strange)?;
        }
        if sum != 0 {
            let asset = row.get("asset").and_then(Value::as_str).with_context(strange)?;
            wrong.get_or_insert(asset.to_owned());
        }
    }
    Ok(Balanced { assets: rows.len(), wrong })
}

/// The smallest units of an amount: all amounts of one asset are told with the same decimals.
fn units(amount: Option<&Value>) -> Option<i128> {
    amount?.as_str()?.replace('.', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Goal: a single unit too much on one side is seen, and a sound balance is not doubted. Method: a balance as the
    /// product prints it, with accounts of both sides, then off by one unit.
    #[test]
    fn one_unit_is_seen() {
        let balance = |fees: &str| {
            json!({"assets": [
                {"asset": "BTC", "users": "1.00000000", "system": [{"holder": "custody bitcoin/hot", "posted": "1.00000000"}]},
                {"asset": "USDT", "users": "2999.999998", "system": [
                    {"holder": "equity", "posted": "-3000.000000"}, {"holder": "fee-income", "posted": fees}]},
            ]})
        };
        assert_eq!(read_balance(&balance("0.000002")).unwrap(), Balanced { assets: 2, wrong: None });
        assert_eq!(read_balance(&balance("0.000003")).unwrap().wrong.as_deref(), Some("USDT"));
        assert!(read_balance(&json!({"assets": [{"asset": "BTC"}]})).is_err());
        assert!(read_balance(&json!({})).is_err());
    }
}
