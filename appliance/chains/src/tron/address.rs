//! Accounts of TRON: the same 20 bytes as in the EVM family, after 0x41, in base58 with a checksum.

use exchequer_domain::ChainAddress;

use crate::AddressError;
use crate::address::plain_text;
use crate::evm::{Account, is_system};

/// The first byte of every address, on the live network and on today's test networks.
pub const PREFIX: u8 = 0x41;

const NAME: &str = "TRON";

/// The account that the network burns fees into.
const BLACK_HOLE: Account = [
    0x77, 0x94, 0x4d, 0x19, 0xc0, 0x52, 0xb7, 0x3e, 0xe2, 0x28, 0x68, 0x23, 0xaa, 0x83, 0xf8, 0x13, 0x8c, 0xb7, 0x03,
    0x2f,
];

/// The text of an account.
#[must_use]
pub fn text(account: &Account) -> ChainAddress {
    plain_text(&bs58::encode(with_prefix(account)).with_check().into_string())
}

/// The account of a text.
///
/// # Errors
/// It is not in base58, its checksum is wrong, or it is another network's. Hexadecimal forms are refused: nothing in them tells
/// a mistyped digit.
pub fn account_of_text(given: &str) -> Result<Account, AddressError> {
    let form = |why: &str| AddressError::Form { network: NAME, why: why.into() };
    let hexadecimal = given.bytes().all(|b| b.is_ascii_hexdigit()) || given.starts_with("0x");
    if hexadecimal && given.len() >= 40 {
        return Err(form("hexadecimal forms have no checksum; give the form that begins with T"));
    }
    let bytes =
        bs58::decode(given).into_vec().map_err(|_| form("an address is 34 letters and digits, the first a T"))?;
    if bytes.len() != 25 {
        return Err(form("an address is 34 letters and digits, the first a T"));
    }
    // Decoded again, with its checksum: the crate checks, and the length is known by now.
    let bytes =
        bs58::decode(given).with_check(None).into_vec().map_err(|_| AddressError::Checksum { network: NAME })?;
    match bytes.split_first() {
        Some((&PREFIX, account)) => account.try_into().map_err(|_| form("it is not 21 bytes")),
        Some((first, _)) => {
            Err(form(&format!("its first byte is 0x{first:02x}, which is another network's; TRON's is 0x41")))
        }
        None => Err(form("it is empty")),
    }
}

/// The account of the 42 hexadecimal digits that nodes print, 41 first, or of the 40 without it, as logs have them. Not for what
/// people type.
///
/// # Errors
/// Anything else.
pub fn account_of_hex(digits: &str) -> Result<Account, AddressError> {
    let digits = if digits.len() == 42 { digits.strip_prefix("41") } else { Some(digits) };
    let mut account = [0; 20];
    match digits.map(|digits| hex::decode_to_slice(digits, &mut account)) {
        Some(Ok(())) => Ok(account),
        Some(Err(_)) | None => {
            Err(AddressError::Form { network: NAME, why: "nodes print 41 and 40 hexadecimal digits".into() })
        }
    }
}

/// The 21 bytes that transactions have.
pub(crate) fn with_prefix(account: &Account) -> [u8; 21] {
    let mut bytes = [PREFIX; 21];
    bytes[1..].copy_from_slice(account);
    bytes
}

/// The account in the 21 bytes that transactions have. None where they are no account of this network.
pub(crate) fn without_prefix(bytes: &[u8]) -> Option<Account> {
    match bytes.split_first() {
        Some((&PREFIX, account)) => account.try_into().ok(),
        Some(_) | None => None,
    }
}

/// Reads an address.
pub(crate) fn parse(given: &str) -> Result<ChainAddress, AddressError> {
    Ok(text(&account_of_text(given)?))
}

/// Whether nobody has the key.
pub(crate) fn is_burn(given: &str) -> Result<bool, AddressError> {
    let account = account_of_text(given)?;
    Ok(account == BLACK_HOLE || is_system(&account))
}
