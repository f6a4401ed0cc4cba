//! A transaction before its signatures, of any family, in bytes that can be kept, compared and sent to the signer.
//!
//! Invariants:
//! - One transaction has one encoding: bytes that decode encode to themselves.
//! - Signatures are verified against the keys that have to sign before a signed transaction comes into being.

use exchequer_domain::{Family, Network, TxId};

use crate::bitcoin::UnsignedBitcoin;
use crate::evm::UnsignedEvm;
use crate::tron::UnsignedTron;
use crate::wire::{Reader, Writer};
use crate::{Effects, NetworkParams, Signature, SigningInput, TxError};

/// Longest encoding of an unsigned transaction, in bytes. The longest built here is one of Bitcoin with 500 inputs.
pub const UNSIGNED_BYTES_MAX: usize = 131_072;

/// The first byte of every encoding.
const VERSION: u8 = 1;

/// A signed transaction.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Signed {
    /// Its name.
    pub tx: TxId,
    /// What is broadcast.
    pub raw: Vec<u8>,
}

/// A transaction before its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsigned {
    /// Of the Bitcoin family.
    Bitcoin(UnsignedBitcoin),
    /// Of the EVM family.
    Evm(UnsignedEvm),
    /// Of TRON.
    Tron(UnsignedTron),
}

impl Unsigned {
    /// The network that it is for. Of EVM networks it is the chain id that counts; [`Unsigned::effects`] compares it.
    #[must_use]
    pub fn network(&self) -> Network {
        match self {
            Unsigned::Bitcoin(_) => Network::Bitcoin,
            Unsigned::Evm(unsigned) => unsigned.network(),
            Unsigned::Tron(_) => Network::Tron,
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.byte(VERSION);
        to.byte(number(self.network()));
        match self {
            Unsigned::Bitcoin(unsigned) => unsigned.encode(&mut to),
            Unsigned::Evm(unsigned) => unsigned.encode(&mut to),
            Unsigned::Tron(unsigned) => unsigned.encode(&mut to),
        }
        to.done()
    }

    /// Reads what [`Unsigned::encode`] wrote.
    ///
    /// # Errors
    /// Anything else, also another encoding of the same, or more than [`UNSIGNED_BYTES_MAX`].
    pub fn decode(bytes: &[u8]) -> Result<Unsigned, TxError> {
        const WHAT: &str = "unsigned transaction";
        if bytes.len() > UNSIGNED_BYTES_MAX {
            let (found, max) = (bytes.len() as u128, UNSIGNED_BYTES_MAX as u128);
            return Err(TxError::Limit { what: "bytes of an unsigned transaction", found, max });
        }
        let mut from = Reader(bytes);
        let (version, network) = (from.byte()?, from.byte()?);
        if version != VERSION {
            return Err(TxError::malformed(WHAT, format!("its version is {version}, and {VERSION} is known")));
        }
        let found = Network::ALL.iter().copied().find(|known| number(*known) == network);
        let network = found.ok_or_else(|| TxError::malformed(WHAT, format!("there is no network {network}")))?;
        let unsigned = match network.family() {
            Family::Bitcoin => Unsigned::Bitcoin(UnsignedBitcoin::decode(&mut from)?),
            Family::Evm => Unsigned::Evm(UnsignedEvm::decode(network, &mut from)?),
            Family::Tron => Unsigned::Tron(UnsignedTron::decode(&mut from)?),
        };
        from.end()?;
        if unsigned.encode() != bytes {
            return Err(TxError::malformed(WHAT, "it is encoded in an uncommon way"));
        }
        Ok(unsigned)
    }

    /// What it will do.
    ///
    /// # Errors
    /// It is of another network than `params`, or something in it is not understood.
    pub fn effects(&self, params: &NetworkParams) -> Result<Effects, TxError> {
        self.is_of(params)?;
        match self {
            Unsigned::Bitcoin(unsigned) => unsigned.effects(params),
            Unsigned::Evm(unsigned) => unsigned.effects(params),
            Unsigned::Tron(unsigned) => unsigned.effects(params),
        }
    }

    /// The signatures that it needs, in the order in which [`Unsigned::assemble`] takes them.
    ///
    /// # Errors
    /// As [`Unsigned::effects`]: what is not understood is not given out to be signed.
    pub fn signing_inputs(&self, params: &NetworkParams) -> Result<Vec<SigningInput>, TxError> {
        self.effects(params)?;
        match self {
            Unsigned::Bitcoin(unsigned) => unsigned.signing_inputs(params),
            Unsigned::Evm(unsigned) => Ok(unsigned.signing_inputs()),
            Unsigned::Tron(unsigned) => Ok(unsigned.signing_inputs()),
        }
    }

    /// Puts the signatures in, one for each of [`Unsigned::signing_inputs`], in their order.
    ///
    /// # Errors
    /// As [`Unsigned::effects`]; or a signature is missing, too many, of another kind, or by another key.
    pub fn assemble(&self, params: &NetworkParams, signatures: &[Signature]) -> Result<Signed, TxError> {
        let inputs = self.signing_inputs(params)?;
        if inputs.len() != signatures.len() {
            let why = format!("{} are needed and {} are there", inputs.len(), signatures.len());
            return Err(TxError::Signature { index: inputs.len().min(signatures.len()), why });
        }
        match self {
            Unsigned::Bitcoin(unsigned) => unsigned.assemble(params, &inputs, signatures),
            Unsigned::Evm(unsigned) => unsigned.assemble(signatures),
            Unsigned::Tron(unsigned) => unsigned.assemble(signatures),
        }
    }

    /// Takes the signed form of this transaction that comes from elsewhere: a cold wallet's. Its signatures are verified as
    /// in [`Unsigned::assemble`], and the bytes to broadcast are written anew.
    ///
    /// # Errors
    /// As there, or it is another transaction.
    pub fn accept(&self, params: &NetworkParams, raw: &[u8]) -> Result<Signed, TxError> {
        let signatures = match self {
            Unsigned::Bitcoin(unsigned) => unsigned.signatures_of(raw)?,
            Unsigned::Evm(unsigned) => unsigned.signatures_of(raw)?,
            Unsigned::Tron(unsigned) => unsigned.signatures_of(raw)?,
        };
        self.assemble(params, &signatures)
    }

    fn is_of(&self, params: &NetworkParams) -> Result<(), TxError> {
        if self.network() == params.network() {
            return Ok(());
        }
        Err(TxError::OtherNetwork { wanted: params.network().to_string(), found: self.network().to_string() })
    }
}

/// The number of a network in an encoding; never changes.
const fn number(network: Network) -> u8 {
    match network {
        Network::Bitcoin => 0,
        Network::Ethereum => 1,
        Network::Polygon => 2,
        Network::Bsc => 3,
        Network::Arbitrum => 4,
        Network::Tron => 5,
    }
}
