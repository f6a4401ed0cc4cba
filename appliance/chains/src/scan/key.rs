//! The key of an address in a set: all that distinguishes it, in a fixed number of bytes.

use std::str::FromStr;

use bitcoin::ScriptBuf;
use exchequer_domain::{ChainAddress, Family};
use sha2::{Digest, Sha256};
use sha3::Keccak256;

use crate::{AddressError, NetworkParams, Parameters};

/// Bytes of an account of EVM networks and TRON.
pub(crate) const ACCOUNT_BYTES: usize = 20;

/// The key of an address: the account itself, or the SHA-256 of a Bitcoin output's script. Two scripts with one hash would
/// break Bitcoin before they broke us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// An account of an EVM network or TRON, there without the prefix.
    Account([u8; ACCOUNT_BYTES]),
    /// SHA-256 of an output's script.
    Script([u8; 32]),
}

impl Key {
    /// The key of an output's script.
    #[must_use]
    pub fn of_script(script: &[u8]) -> Key {
        Key::Script(Sha256::digest(script).into())
    }

    /// The key of an address in its canonical text.
    ///
    /// # Errors
    /// It is no address of this network.
    pub fn of_address(params: &NetworkParams, address: &ChainAddress) -> Result<Key, AddressError> {
        let network = params.network().as_str();
        let form = |why: &str| AddressError::Form { network, why: why.to_owned() };
        match params.parameters() {
            Parameters::Evm { .. } => {
                let account =
                    crate::rpc::fixed(address.as_str()).ok_or_else(|| form("40 hexadecimal digits are wanted"))?;
                // The same account in other letters would be another text, and credited to nobody.
                if evm_text(&account) != address.as_str() {
                    return Err(AddressError::Checksum { network });
                }
                Ok(Key::Account(account))
            }
            Parameters::Tron { prefix } => {
                let bytes = bs58::decode(address.as_str()).with_check(Some(prefix)).into_vec();
                let bytes = bytes.map_err(|_| AddressError::Checksum { network })?;
                let account = bytes.get(1..).and_then(|account| account.try_into().ok());
                account.map(Key::Account).ok_or_else(|| form("21 bytes are wanted"))
            }
            Parameters::Bitcoin(kind) => {
                let address = bitcoin::Address::from_str(address.as_str()).map_err(|error| form(&error.to_string()))?;
                let address = address.require_network(kind.library()).map_err(|error| form(&error.to_string()))?;
                Ok(Key::of_script(address.script_pubkey().as_bytes()))
            }
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Key::Account(account) => account,
            Key::Script(script) => script,
        }
    }

    /// How many bytes keys of a family have.
    #[must_use]
    pub const fn width(family: Family) -> usize {
        match family {
            Family::Bitcoin => 32,
            Family::Evm | Family::Tron => ACCOUNT_BYTES,
        }
    }
}

/// The text of an account of a network that has accounts.
pub(crate) fn account_text(params: &NetworkParams, account: &[u8; ACCOUNT_BYTES]) -> Option<ChainAddress> {
    let text = match params.parameters() {
        Parameters::Evm { .. } => evm_text(account),
        Parameters::Tron { prefix } => bs58::encode(account).with_check_version(prefix).into_string(),
        Parameters::Bitcoin(_) => return None,
    };
    ChainAddress::canonical(&text).ok()
}

/// The text of an output's address, where its script has one.
pub(crate) fn script_text(params: &NetworkParams, script: &ScriptBuf) -> Option<ChainAddress> {
    let Parameters::Bitcoin(kind) = params.parameters() else { return None };
    let address = bitcoin::Address::from_script(script, kind.library()).ok()?;
    ChainAddress::canonical(&address.to_string()).ok()
}

/// An account in the mixed letters of ERC-55.
fn evm_text(account: &[u8; ACCOUNT_BYTES]) -> String {
    let plain = hex::encode(account);
    let hash = Keccak256::digest(plain.as_bytes());
    let mut text = String::with_capacity(42);
    text.push_str("0x");
    for (at, letter) in plain.chars().enumerate() {
        let nibble = if at % 2 == 0 { hash[at / 2] >> 4 } else { hash[at / 2] & 0xf };
        text.push(if nibble >= 8 { letter.to_ascii_uppercase() } else { letter });
    }
    text
}

#[cfg(test)]
mod tests {
    use exchequer_domain::Network;

    use super::*;

    /// Goal: keys and texts are two forms of one address; another spelling or a network's neighbour is none. Method: one known
    /// key in the addresses of all families.
    #[test]
    fn keys_and_texts_agree() {
        let account: [u8; 20] = crate::rpc::fixed("f39fd6e51aad88f6f4ce6ab8827279cfffb92266").unwrap();
        let evm = NetworkParams::mainnet(Network::Ethereum);
        let text = account_text(&evm, &account).unwrap();
        assert_eq!(text.as_str(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
        assert_eq!(Key::of_address(&evm, &text), Ok(Key::Account(account)));
        let lower = ChainAddress::canonical(&text.as_str().to_lowercase()).unwrap();
        assert!(matches!(Key::of_address(&evm, &lower), Err(AddressError::Checksum { .. })));

        let tron = NetworkParams::mainnet(Network::Tron);
        let usdt = ChainAddress::canonical("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t").unwrap();
        let Key::Account(account) = Key::of_address(&tron, &usdt).unwrap() else { panic!("an account") };
        assert_eq!(hex::encode(account), "a614f803b6fd780986a42c78ec9c7f77e6ded13c");
        assert_eq!(account_text(&tron, &account), Some(usdt));
        let mistyped = ChainAddress::canonical("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u").unwrap();
        assert!(Key::of_address(&tron, &mistyped).is_err());

        let bitcoin = NetworkParams::mainnet(Network::Bitcoin);
        let addresses = [
            "bc1q4qw42stdzjqs59xvlrlxr8526e3nunw7mp73te",
            "bc1pfzhx49qe6s5exppe5hqljg3n6587xk0w75xqr70pgdt7ygnfkssqxqjd9l",
            "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
        ];
        for text in addresses {
            let address = ChainAddress::canonical(text).unwrap();
            let script = bitcoin::Address::from_str(text).unwrap().assume_checked().script_pubkey();
            assert_eq!(Key::of_address(&bitcoin, &address), Ok(Key::of_script(script.as_bytes())));
            assert_eq!(script_text(&bitcoin, &script), Some(address.clone()));
            assert!(Key::of_address(&NetworkParams::test(Network::Bitcoin), &address).is_err());
            assert!(Key::of_address(&tron, &address).is_err() && Key::of_address(&evm, &address).is_err());
        }
    }
}
