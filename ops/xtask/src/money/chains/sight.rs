//! What the nodes themselves say: what was paid to an address, what lies there, how long the chain is.

use anyhow::{Context, Result, anyhow};
use exchequer_test_nodes::tron::Address;
use serde_json::json;

use super::super::places::units;
use super::{Chains, call};

/// Decimals of a coin of Bitcoin.
const BITCOIN_DECIMALS: u32 = 8;

impl Chains {
    /// What a stranger's address was paid, in smallest units: one that is used once, so that it holds all that it ever got.
    ///
    /// # Errors
    /// The node does not say.
    pub(crate) fn received(&self, network: &str, is_token: bool, address: &str) -> Result<u128> {
        if network != "bitcoin" {
            return self.held(network, is_token, address);
        }
        let asked = self.bitcoin().direct().clone();
        let got = self.runtime.block_on(asked.call("getreceivedbyaddress", json!([address, 1])))?;
        units(&plain(&got.to_string()), BITCOIN_DECIMALS).context("no amount")
    }

    /// What lies on anybody's address now, in smallest units.
    ///
    /// # Errors
    /// The node does not say.
    pub(crate) fn held(&self, network: &str, is_token: bool, address: &str) -> Result<u128> {
        match network {
            "bitcoin" => {
                let got = self.runtime.block_on(self.bitcoin().coins(address))?;
                let sum = got.get("total_amount").context("no sum of coins")?;
                units(&plain(&sum.to_string()), BITCOIN_DECIMALS).context("no amount")
            }
            "tron" => {
                let address: Address = address.parse().map_err(|error: String| anyhow!(error))?;
                let world = self.tron.chain(|chain| chain.state());
                if is_token {
                    return Ok(world.tokens.get(&self.tron_token).map_or(0, |token| token.balance(address)));
                }
                Ok(u128::try_from(world.accounts.get(&address).map_or(0, |account| account.balance))?)
            }
            _ => {
                let evm = self.at(network)?;
                let asked = if is_token {
                    let data = format!("0x{}", hex::encode(call("balanceOf(address)", address, None)?));
                    evm.anvil.direct().call("eth_call", json!([{"to": evm.token, "data": data}, "latest"]))
                } else {
                    evm.anvil.direct().call("eth_getBalance", json!([address, "latest"]))
                };
                let told = self.runtime.block_on(asked)?;
                let digits = told.as_str().context("no balance")?.trim_start_matches("0x").trim_start_matches('0');
                if digits.is_empty() { Ok(0) } else { Ok(u128::from_str_radix(digits, 16)?) }
            }
        }
    }

    /// The height of the last block.
    ///
    /// # Errors
    /// The node does not say.
    pub(crate) fn height(&self, network: &str) -> Result<u64> {
        match network {
            "bitcoin" => {
                let asked = self.bitcoin().direct().clone();
                self.runtime.block_on(asked.call("getblockcount", json!([])))?.as_u64().context("no height")
            }
            "tron" => Ok(self.tron.chain(|chain| chain.head())),
            _ => {
                let asked = self.at(network)?.anvil.direct().call("eth_blockNumber", json!([]));
                let told = self.runtime.block_on(asked)?;
                let digits = told.as_str().map(|text| text.trim_start_matches("0x").to_owned()).context("no height")?;
                Ok(u64::from_str_radix(&digits, 16)?)
            }
        }
    }
}

/// A number as JSON writes it, without an exponent.
fn plain(number: &str) -> String {
    let Some((digits, exponent)) = number.split_once(['e', 'E']) else { return number.to_owned() };
    let places: usize = exponent.trim_start_matches('-').parse().unwrap_or(0);
    let digits = digits.replace('.', "");
    format!("0.{}{digits}", "0".repeat(places.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a number with an exponent is read as what it is. Method: the smallest unit, as JSON writes it.
    #[test]
    fn numbers_are_plain() {
        assert_eq!(
            (plain("1e-8"), plain("1.5e-7"), plain("0.25")),
            ("0.00000001".into(), "0.00000015".into(), "0.25".into())
        );
    }
}
