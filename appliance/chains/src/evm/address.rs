//! Accounts of the EVM family. Their text is EIP-55's: the case of its letters is a checksum.

use exchequer_domain::ChainAddress;
use k256::elliptic_curve::sec1::ToEncodedPoint;
use sha3::{Digest, Keccak256};

use crate::address::plain_text;
use crate::{AddressError, TxError};

/// An account as its bytes: the end of the Keccak hash of its key, or a contract's.
pub type Account = [u8; 20];

const NAME: &str = "EVM";

/// Accounts that nobody has the key of, beside those with a number below 65,536: where people throw coins away.
const THROWN_AWAY: [Account; 3] = [
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xde, 0xad],
    [0xde, 0xad, 0, 0, 0, 0, 0, 0, 0, 0, 0x42, 0x06, 0x94, 0x20, 0x69, 0x42, 0x06, 0x94, 0x20, 0x69],
    [
        0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad, 0xbe, 0xef, 0xde, 0xad,
        0xbe, 0xef,
    ],
];

/// The Keccak-256 hash, Ethereum's variant.
pub(crate) fn keccak(bytes: &[u8]) -> [u8; 32] {
    Keccak256::digest(bytes).into()
}

/// The text of an account, with its checksum.
#[must_use]
pub fn text(account: &Account) -> ChainAddress {
    let plain = hex::encode(account);
    let hash = keccak(plain.as_bytes());
    let mut text = String::with_capacity(42);
    text.push_str("0x");
    for (place, letter) in plain.chars().enumerate() {
        let nibble = hash[place / 2] >> (4 * (1 - place % 2)) & 0xf;
        text.push(if nibble >= 8 { letter.to_ascii_uppercase() } else { letter });
    }
    plain_text(&text)
}

/// The account of a text: 0x and 40 hexadecimal digits, all small, all capital, or with the right checksum.
///
/// # Errors
/// Anything else; capitals and small letters mixed with a wrong checksum are a mistyped address.
pub fn account_of_text(given: &str) -> Result<Account, AddressError> {
    let form = |why: &str| AddressError::Form { network: NAME, why: why.into() };
    let Some(digits) = given.strip_prefix("0x") else {
        return Err(form("it has to begin with 0x"));
    };
    let mut account = [0; 20];
    hex::decode_to_slice(digits, &mut account).map_err(|_| form("0x is followed by 40 hexadecimal digits"))?;
    let letters = || digits.bytes().filter(u8::is_ascii_alphabetic);
    let one_case = letters().all(|b| b.is_ascii_lowercase()) || letters().all(|b| b.is_ascii_uppercase());
    if !one_case && text(&account).as_str() != given {
        return Err(AddressError::Checksum { network: NAME });
    }
    Ok(account)
}

/// The account of a compressed public key.
///
/// # Errors
/// It is no point of the curve.
pub fn account_of_key(key: &[u8; 33]) -> Result<Account, TxError> {
    let key = k256::PublicKey::from_sec1_bytes(key)
        .map_err(|error| TxError::KeyPath(format!("it is no public key: {error}")))?;
    Ok(account_of_point(&key))
}

/// The account of a public key.
pub(crate) fn account_of_point(key: &k256::PublicKey) -> Account {
    let point = key.to_encoded_point(false);
    // Without the first byte, which says that both coordinates follow.
    let hash = keccak(&point.as_bytes()[1..]);
    let mut account = [0; 20];
    account.copy_from_slice(&hash[12..]);
    account
}

/// Reads an address.
pub(crate) fn parse(given: &str) -> Result<ChainAddress, AddressError> {
    Ok(text(&account_of_text(given)?))
}

/// Whether nobody has the key. Numbers below 65,536 are contracts of the networks themselves, and zero.
pub(crate) fn is_burn(given: &str) -> Result<bool, AddressError> {
    let account = account_of_text(given)?;
    Ok(is_system(&account) || THROWN_AWAY.contains(&account))
}

/// Whether an account has a number below 65,536.
pub(crate) fn is_system(account: &Account) -> bool {
    account[..18].iter().all(|byte| *byte == 0)
}
