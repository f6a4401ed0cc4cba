//! Addresses of TRON: 20 bytes of a key's hash, with the prefix 0x41 wherever they are written.

use std::fmt;
use std::str::FromStr;

use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};

use crate::shim::address;

/// An account or a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(pub [u8; 20]);

/// The prefix of the public network; the former test network's is another, and refused.
const PREFIX: u8 = 0x41;

impl Address {
    /// With the prefix, as messages hold it.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        [&[PREFIX], self.0.as_slice()].concat()
    }

    /// Out of 21 bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Address> {
        match bytes.split_first() {
            Some((&PREFIX, rest)) => Some(Address(rest.try_into().ok()?)),
            _ => None,
        }
    }

    /// Base58 where it is to be visible, else hexadecimal.
    #[must_use]
    pub fn text(self, visible: bool) -> String {
        if visible { self.to_string() } else { hex::encode(self.bytes()) }
    }

    /// The last 20 bytes of a word of a contract call.
    #[must_use]
    pub fn of_word(word: &[u8]) -> Option<Address> {
        Some(Address(word.get(12..32)?.try_into().ok()?))
    }

    /// As a word of a contract call.
    #[must_use]
    pub fn word(self) -> [u8; 32] {
        let mut word = [0; 32];
        word[12..].copy_from_slice(&self.0);
        word
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&bs58::encode(self.bytes()).with_check().into_string())
    }
}

impl FromStr for Address {
    type Err = String;

    /// Base58 with its checksum, or 42 hexadecimal digits.
    fn from_str(text: &str) -> Result<Address, String> {
        let bytes = match text.len() {
            42 => hex::decode(text).ok(),
            _ => bs58::decode(text).with_check(None).into_vec().ok(),
        };
        bytes.and_then(|bytes| Address::of(&bytes)).ok_or_else(|| format!("{text} is no address"))
    }
}

/// Who signed: the account whose key gives this signature over the id.
#[must_use]
pub fn signer(id: &[u8; 32], signature: &[u8]) -> Option<Address> {
    let v = *signature.get(64)?;
    let parity = match v {
        0..=1 => v,
        27..=34 => (v - 27) % 4,
        _ => return None,
    };
    let signed = Signature::from_slice(signature.get(..64)?).ok()?;
    let key = VerifyingKey::recover_from_prehash(id, &signed, RecoveryId::from_byte(parity)?).ok()?;
    Some(Address(address(&key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: both ways of writing an address are read, and damage is seen. Method: the largest token's published address,
    /// and the same with one letter changed, another prefix, and cut.
    #[test]
    fn addresses_are_read_and_written() {
        let base58 = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t";
        let hexadecimal = "41a614f803b6fd780986a42c78ec9c7f77e6ded13c";
        let address: Address = base58.parse().unwrap();
        assert_eq!(address.text(false), hexadecimal);
        assert_eq!(hexadecimal.parse::<Address>().unwrap().text(true), base58);
        for wrong in ["TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u", "a0a614f803b6fd780986a42c78ec9c7f77e6ded13c", "TR7NHq", ""]
        {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }
}
