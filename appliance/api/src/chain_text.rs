//! What is on chains, as people type it and read it: addresses by the rules of their network, transactions, families.
//!
//! The state keeps an address in one text form only; whatever comes in is brought into it here. A sandbox cluster is for
//! trying things out, so its networks are the test networks, and their addresses are refused everywhere else.

use exchequer_chains::{Coin, NetworkParams, check_destination, parse_address};
use exchequer_domain::{ChainAddress, Code, Family, Network, Problem, TxId};
use exchequer_state::State;
use exchequer_state::ledger::Asset;

/// The rules of a network's addresses in this cluster.
pub(crate) fn rules(state: &State, network: Network) -> NetworkParams {
    if state.cluster().is_some_and(|cluster| cluster.sandbox) {
        NetworkParams::test(network)
    } else {
        NetworkParams::mainnet(network)
    }
}

/// An address in its one form.
pub(crate) fn address(state: &State, network: Network, field: &str, text: &str) -> Result<ChainAddress, Problem> {
    parse_address(&rules(state, network), text.trim())
        .map_err(|error| Problem::new(Code::BadRequest, format!("`{field}` is no address of {network}: {error}")))
}

/// An address that money may be sent to: none that nobody has the key of, and no token's contract. Whose it is, the state asks.
pub(crate) fn destination(
    state: &State,
    network: Network,
    asset: Option<Asset>,
    field: &str,
    text: &str,
) -> Result<ChainAddress, Problem> {
    let to = address(state, network, field, text)?;
    let contract = asset.and_then(|asset| state.custody().listing(network, asset)?.coin.clone());
    let coin = contract.map_or(Coin::Native, Coin::Token);
    let is_token = |known: &ChainAddress| state.custody().listed(network, Some(known)).is_some();
    match check_destination(&rules(state, network), &to, &coin, |_| false, is_token) {
        Ok(()) => Ok(to),
        Err(error) => Err(Problem::new(Code::WithdrawalAddress, format!("`{field}`: {error}"))),
    }
}

/// A network by which addresses of a family are read: they are alike on all of them.
pub(crate) const fn network_of(family: Family) -> Network {
    match family {
        Family::Bitcoin => Network::Bitcoin,
        Family::Evm => Network::Ethereum,
        Family::Tron => Network::Tron,
    }
}

/// The word for a family.
pub(crate) const fn family_word(family: Family) -> &'static str {
    match family {
        Family::Bitcoin => "bitcoin",
        Family::Evm => "evm",
        Family::Tron => "tron",
    }
}

/// A family by its word.
pub(crate) fn parse_family(text: &str) -> Result<Family, Problem> {
    let all = [Family::Bitcoin, Family::Evm, Family::Tron];
    let found = all.into_iter().find(|family| family_word(*family) == text);
    found.ok_or_else(|| Problem::new(Code::BadRequest, "`family` is one of bitcoin, evm, tron"))
}

/// The name of a transaction, with or without the prefix that EVM networks write.
pub(crate) fn transaction(field: &str, text: &str) -> Result<TxId, Problem> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    digits.parse().map_err(|_| {
        Problem::new(Code::BadRequest, format!("`{field}` is the name of a transaction: 64 hexadecimal digits"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a transaction's name is read as EVM networks and as all others write it, and nothing else is one.
    #[test]
    fn names_of_transactions() {
        let plain = "ab".repeat(32);
        assert_eq!(transaction("tx", &plain).unwrap(), transaction("tx", &format!("0x{plain}")).unwrap());
        for text in ["", "0x", &plain[1..], &format!("{plain}0"), &"g".repeat(64)] {
            assert_eq!(transaction("tx", text).unwrap_err().code, Code::BadRequest, "{text}");
        }
        for family in [Family::Bitcoin, Family::Evm, Family::Tron] {
            assert_eq!(parse_family(family_word(family)).unwrap(), family);
            assert_eq!(network_of(family).family(), family);
        }
    }
}
