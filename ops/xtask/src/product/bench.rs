//! What is said to the product for measurements.

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Access, Product};

impl Product {
    /// The addresses from which a family's hot wallet in use pays: those that take no change.
    pub(crate) fn hot_addresses(&self, access: &Access, family: &str) -> Result<Vec<String>> {
        let answer = self.json(access, &["wallet", "list"])?;
        let wallets = answer.get("wallets").and_then(Value::as_array).context("no list of wallets")?;
        let is = |row: &Value, key: &str, word: &str| row.get(key).and_then(Value::as_str) == Some(word);
        let hot = wallets.iter().filter(|row| {
            is(row, "role", "hot") && is(row, "family", family) && row.get("retired_at").is_none_or(Value::is_null)
        });
        let own = hot.filter_map(|row| row.get("addresses")?.as_array()).flatten();
        let own = own.filter(|own| own.get("change") != Some(&Value::Bool(true)));
        let addresses: Vec<String> =
            own.filter_map(|own| own.get("address").and_then(Value::as_str).map(str::to_owned)).collect();
        if addresses.is_empty() { anyhow::bail!("{family} has no hot wallet") } else { Ok(addresses) }
    }

    /// Whether the process of a worker runs.
    pub(crate) fn worker_runs(&self, access: &Access, worker: &str) -> Result<Option<()>> {
        let answer = self.json(access, &["worker", "show", worker])?;
        let state = answer.get("state").and_then(Value::as_str).context("a worker without a state")?;
        if state == "running" { Ok(Some(())) } else { anyhow::bail!("{worker} is {state}") }
    }
}
