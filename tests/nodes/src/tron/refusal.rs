//! Why a node does not take a transaction.

/// As the protocol numbers and spells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The signature is not the owner's.
    SigError,
    /// What it says cannot be done.
    ContractValidateError,
    /// Bytes cannot be paid.
    BandwithError,
    /// It is known already.
    DupTransactionError,
    /// The block that it refers to is not in this chain.
    TaposError,
    /// Too many bytes.
    TooBigTransactionError,
    /// Its time is over, or too far off.
    TransactionExpirationError,
    /// The node has too much to do.
    ServerBusy,
    /// Anything else.
    OtherError,
}

impl Code {
    /// As JSON says it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Code::SigError => "SIGERROR",
            Code::ContractValidateError => "CONTRACT_VALIDATE_ERROR",
            Code::BandwithError => "BANDWITH_ERROR",
            Code::DupTransactionError => "DUP_TRANSACTION_ERROR",
            Code::TaposError => "TAPOS_ERROR",
            Code::TooBigTransactionError => "TOO_BIG_TRANSACTION_ERROR",
            Code::TransactionExpirationError => "TRANSACTION_EXPIRATION_ERROR",
            Code::ServerBusy => "SERVER_BUSY",
            Code::OtherError => "OTHER_ERROR",
        }
    }
}

/// Why, in numbers and words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which reason.
    pub code: Code,
    /// In words.
    pub message: String,
}

impl Refusal {
    /// With a code.
    #[must_use]
    pub fn new(code: Code, message: &str) -> Refusal {
        Refusal { code, message: message.to_owned() }
    }

    /// What the transaction says cannot be done.
    #[must_use]
    pub fn validate(why: &str) -> Refusal {
        Refusal { code: Code::ContractValidateError, message: format!("Contract validate error : {why}") }
    }
}
