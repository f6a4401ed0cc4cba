//! Addresses of every network: reading what people type, in the one form in which they are kept; and where money must not be
//! sent although the address is sound.

use exchequer_domain::{ADDRESS_BYTES_MAX, ChainAddress, Family};

use crate::{AddressError, Coin, NetworkParams, bitcoin, evm, tron};

/// Reads an address by the rules of its network, and gives its canonical text: what equals it is the same address.
///
/// # Errors
/// It is none of this network and chain, its checksum is wrong, or it has no rules yet.
pub fn parse_address(params: &NetworkParams, text: &str) -> Result<ChainAddress, AddressError> {
    if text.is_empty() || text.len() > ADDRESS_BYTES_MAX {
        return Err(AddressError::Length);
    }
    match params.network().family() {
        Family::Bitcoin => bitcoin::parse(params, text),
        Family::Evm => evm::parse(text),
        Family::Tron => tron::parse(text),
    }
}

/// Why money must not be sent to a sound address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// One of the exchange's own: what is sent there would come back as a deposit, less the fee.
    #[error("this is an address of the exchange itself; a transfer between users costs no network fee")]
    Own,
    /// An address that nobody has the key of, or that belongs to the network itself.
    #[error("nobody has the key of this address: what is sent there is lost")]
    Burn,
    /// The contract of a token: what is sent there stays there.
    #[error("this is the contract of a token, not a wallet: what is sent there is lost")]
    TokenContract,
}

/// Whether nobody has the key of an address: zero, dead, black-hole and system addresses.
///
/// # Errors
/// It is no address of this network.
pub fn is_burn_address(params: &NetworkParams, address: &ChainAddress) -> Result<bool, AddressError> {
    match params.network().family() {
        Family::Bitcoin => bitcoin::is_burn(params, address.as_str()),
        Family::Evm => evm::is_burn(address.as_str()),
        Family::Tron => tron::is_burn(address.as_str()),
    }
}

/// Whether money may be sent to an address, as far as the address itself says. `is_own` says whether the exchange has its key,
/// `is_token` whether it is the contract of a listed token; the contract of `coin` is one in any case.
///
/// # Errors
/// See [`DestinationError`]; an address that does not parse is refused as one that nobody has the key of.
pub fn check_destination(
    params: &NetworkParams,
    to: &ChainAddress,
    coin: &Coin,
    is_own: impl Fn(&ChainAddress) -> bool,
    is_token: impl Fn(&ChainAddress) -> bool,
) -> Result<(), DestinationError> {
    if is_burn_address(params, to).unwrap_or(true) {
        return Err(DestinationError::Burn);
    }
    let its_own_contract = matches!(coin, Coin::Token(contract) if contract == to);
    if its_own_contract || is_token(to) {
        return Err(DestinationError::TokenContract);
    }
    if is_own(to) {
        return Err(DestinationError::Own);
    }
    Ok(())
}

/// Text that code of ours wrote: base58 or hexadecimal digits of 20 bytes, which are letters and digits, and fewer than a
/// hundred. No bytes from outside decide about this.
pub(crate) fn plain_text(text: &str) -> ChainAddress {
    ChainAddress::canonical(text).unwrap_or_else(|_| unreachable!("base58 and hexadecimal are letters and digits"))
}
