//! The contracts of `tests/contracts`, compiled: what a test deploys, and how it calls them.

use std::sync::OnceLock;

use anyhow::{Context as _, Result};
use serde_json::Value;

const COMPILED: &str = include_str!("../../contracts/contracts.json");

/// Which contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contract {
    /// A token that returns nothing, may take a fee, block, and pause. Made with name, symbol, decimals.
    TetherLike,
    /// A token whose failed transfers succeed with `false`.
    FalseToken,
    /// Logs transfers that never were.
    FakeLogs,
    /// Passes native money on in an inner call.
    Forwarder,
}

impl Contract {
    /// Its name in the sources.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Contract::TetherLike => "TetherLike",
            Contract::FalseToken => "FalseToken",
            Contract::FakeLogs => "FakeLogs",
            Contract::Forwarder => "Forwarder",
        }
    }

    fn compiled(self) -> Result<&'static Value> {
        static PARSED: OnceLock<Option<Value>> = OnceLock::new();
        let all = PARSED.get_or_init(|| serde_json::from_str(COMPILED).ok());
        let found = all.as_ref().and_then(|all| all.get("contracts")?.get(self.name()));
        found.with_context(|| format!("contracts.json has no {}", self.name()))
    }

    /// What creates it, without the arguments of its constructor.
    ///
    /// # Errors
    /// When the committed file is damaged.
    pub fn bytecode(self) -> Result<Vec<u8>> {
        let text = self.compiled()?.get("bytecode").and_then(Value::as_str).context("no bytecode")?;
        hex::decode(text.trim_start_matches("0x")).context("the bytecode is not hexadecimal")
    }

    /// Its interface, as the compiler describes it.
    ///
    /// # Errors
    /// When the committed file is damaged.
    pub fn abi(self) -> Result<&'static Value> {
        self.compiled()?.get("abi").context("no interface")
    }

    /// The first four bytes of a call, by signature: `transfer(address,uint256)`.
    ///
    /// # Errors
    /// When the contract has no such method.
    pub fn selector(self, signature: &str) -> Result<[u8; 4]> {
        let text = self.compiled()?.get("methods").and_then(|methods| methods.get(signature)?.as_str());
        let text = text.with_context(|| format!("{} has no {signature}", self.name()))?;
        let mut selector = [0; 4];
        hex::decode_to_slice(text, &mut selector).context("a selector is not hexadecimal")?;
        Ok(selector)
    }

    /// What creates a [`Contract::TetherLike`] with these names.
    ///
    /// # Errors
    /// When the committed file is damaged, or a name has more than 32 bytes.
    pub fn tether_like(name: &str, symbol: &str, decimals: u8) -> Result<Vec<u8>> {
        let mut code = Contract::TetherLike.bytecode()?;
        // Three words of head, then each text as its length and one word.
        for number in [0x60, 0xa0, u64::from(decimals)] {
            code.extend_from_slice(&word(number));
        }
        for text in [name, symbol] {
            anyhow::ensure!(text.len() <= 32, "{text} has more than 32 bytes");
            code.extend_from_slice(&word(text.len() as u64));
            let mut padded = [0; 32];
            padded.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
            code.extend_from_slice(&padded);
        }
        Ok(code)
    }
}

/// A number as 32 bytes.
#[must_use]
pub fn word(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&number.to_be_bytes());
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shim::keccak;

    /// Goal: the committed file holds all four contracts, with selectors that follow from the signatures. Method: the
    /// selector of a transfer is known to everybody; the others are hashed here.
    #[test]
    fn what_is_committed_is_whole() {
        for contract in [Contract::TetherLike, Contract::FalseToken, Contract::FakeLogs, Contract::Forwarder] {
            assert!(contract.bytecode().unwrap().len() > 100);
            let methods = contract.compiled().unwrap().get("methods").unwrap().as_object().unwrap();
            for signature in methods.keys() {
                assert_eq!(contract.selector(signature).unwrap(), keccak(signature.as_bytes())[..4]);
            }
        }
        assert_eq!(Contract::TetherLike.selector("transfer(address,uint256)").unwrap(), [0xa9, 0x05, 0x9c, 0xbb]);
        assert!(Contract::FakeLogs.selector("transfer(address,uint256)").is_err());
    }
}
