//! Why an address or a transaction is refused. Each text says what is wrong; none contains key material.

/// A text is no address of a network, or none that may be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Empty or longer than any address.
    #[error("an address has 1 to 100 letters and digits; copy it again, whole")]
    Length,
    /// Not of its network's alphabet or length.
    #[error("this is no {network} address: {why}")]
    Form {
        /// Whose address it should be.
        network: &'static str,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A letter was changed or left out.
    #[error("the checksum of this {network} address is wrong: a letter was mistyped or lost; copy it again")]
    Checksum {
        /// Whose address it should be.
        network: &'static str,
    },
    /// An address of the test network on the live one, or the other way round.
    #[error("this address is of {found}, and money is sent on {wanted}")]
    OtherChain {
        /// Where it would be sent.
        wanted: &'static str,
        /// What it is of.
        found: String,
    },
    /// A witness program that has no rules yet: anybody could spend what is sent there.
    #[error("addresses of witness version {version} have no rules yet: what is sent there is lost or stolen")]
    WitnessVersion {
        /// 0 to 16.
        version: u8,
    },
}

/// A transaction or its parts are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TxError {
    /// Bytes that do not read as what they should be.
    #[error("these bytes are no {what}: {why}")]
    Malformed {
        /// What was read.
        what: &'static str,
        /// Where reading ended.
        why: String,
    },
    /// Bytes that read well, but say something that is never built here.
    #[error("the transaction contains what is not understood, and is refused: {0}")]
    NotUnderstood(String),
    /// More than `u128`, or more than the network can move.
    #[error("an amount does not fit: {0}")]
    Amount(String),
    /// Of another network, or of another chain of it.
    #[error("the transaction is for {found}, not for {wanted}")]
    OtherNetwork {
        /// What was wanted.
        wanted: String,
        /// What it is for.
        found: String,
    },
    /// Parameters that fit nothing.
    #[error("these network parameters are refused: {0}")]
    Parameters(String),
    /// A limit of ours or of the network.
    #[error("too large: {what} is {found}, at most {max}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// What was asked for.
        found: u128,
        /// The limit.
        max: u128,
    },
    /// A signature that is missing, of another kind, or not by the key that has to sign.
    #[error("signature {index} is refused: {why}")]
    Signature {
        /// Which, from 0.
        index: usize,
        /// Why.
        why: String,
    },
    /// There is not enough to pay with.
    #[error("the inputs hold {have} and {need} are needed, fee included")]
    Insufficient {
        /// What the candidates are worth, in the smallest unit, after the fee of spending them.
        have: u128,
        /// What is needed.
        need: u128,
    },
    /// A replacement that would not exclude what it replaces, or that nodes would refuse.
    #[error("this does not replace the earlier attempt: {0}")]
    Replacement(String),
    /// An address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A key's path.
    #[error("the key's path is refused: {0}")]
    KeyPath(String),
}

impl TxError {
    /// Bytes that do not read.
    pub(crate) fn malformed(what: &'static str, why: impl ToString) -> TxError {
        TxError::Malformed { what, why: why.to_string() }
    }
}
