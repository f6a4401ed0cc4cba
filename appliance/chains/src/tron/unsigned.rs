//! A transaction of TRON on its way to its signature, and what it will do.

use exchequer_domain::{Network, TxId};
use prost::Message;
use sha2::{Digest, Sha256};

use super::address::text;
use super::fee::{bandwidth, fee_max};
use super::message::Transaction;
use super::tx::{TronAction, TronTx};
use crate::evm::{RawSignature, recover};
use crate::wire::{Reader, Writer};
use crate::{
    Coin, EffectKind, Effects, Exclusion, KeyPath, NetworkParams, Payment, Scheme, Signature, Signed, SigningInput,
    TxError,
};

/// Bytes of a signature: r, s, and the parity.
const SIGNATURE_BYTES: usize = 65;

/// A transaction of TRON before its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsignedTron {
    key: KeyPath,
    tx: TronTx,
    raw_data: Vec<u8>,
}

impl UnsignedTron {
    /// A transaction whose owner's key is at `key`.
    ///
    /// # Errors
    /// `params` is not TRON, an amount is 0 or beyond 63 bits, or times or fee limit make no sense.
    pub fn new(params: &NetworkParams, key: KeyPath, tx: TronTx) -> Result<UnsignedTron, TxError> {
        let raw_data = tx.raw_data()?;
        let unsigned = UnsignedTron { key, tx, raw_data };
        unsigned.effects(params)?;
        Ok(unsigned)
    }

    /// The transaction.
    #[must_use]
    pub const fn tx(&self) -> &TronTx {
        &self.tx
    }

    /// The bytes whose SHA-256 hash is signed, as other wallets take them.
    #[must_use]
    pub fn raw_data(&self) -> &[u8] {
        &self.raw_data
    }

    /// Its name. It is known before it is signed: signatures are no part of it.
    #[must_use]
    pub fn id(&self) -> TxId {
        TxId(Sha256::digest(&self.raw_data).into())
    }

    /// The bandwidth that it takes, in bytes.
    #[must_use]
    pub fn bandwidth(&self) -> u64 {
        bandwidth(envelope(&self.raw_data, &[0; SIGNATURE_BYTES]).len())
    }

    pub(crate) fn encode(&self, to: &mut Writer) {
        to.key(self.key);
        to.bytes(&self.raw_data);
    }

    pub(crate) fn decode(from: &mut Reader<'_>) -> Result<UnsignedTron, TxError> {
        let key = from.key()?;
        let raw_data = from.bytes()?.to_vec();
        Ok(UnsignedTron { key, tx: TronTx::read(&raw_data)?, raw_data })
    }

    pub(crate) fn effects(&self, params: &NetworkParams) -> Result<Effects, TxError> {
        params.tron_prefix()?;
        effects(&self.tx, self.bandwidth())
    }

    pub(crate) fn signing_inputs(&self) -> Vec<SigningInput> {
        let address = text(&self.tx.owner);
        vec![SigningInput { digest: self.id().0, key: self.key, scheme: Scheme::Keccak, address }]
    }

    pub(crate) fn assemble(&self, signatures: &[Signature]) -> Result<Signed, TxError> {
        let refuse = |why: String| TxError::Signature { index: 0, why };
        let [Signature::Recoverable { compact, odd_y }] = signatures else {
            return Err(refuse("one recoverable signature is needed".into()));
        };
        let signer = recover(&self.id().0, &RawSignature { compact: *compact, odd_y: *odd_y })?;
        if signer != self.tx.owner {
            return Err(refuse(format!("it is by {}, and {} has to sign", text(&signer), text(&self.tx.owner))));
        }
        let mut signature = [*odd_y; SIGNATURE_BYTES];
        signature[..64].copy_from_slice(compact);
        Ok(Signed { tx: self.id(), raw: envelope(&self.raw_data, &signature) })
    }

    /// The signature out of a signed transaction that is this one otherwise.
    pub(crate) fn signatures_of(&self, raw: &[u8]) -> Result<Vec<Signature>, TxError> {
        let (raw_data, signature) = open(raw)?;
        if raw_data != self.raw_data {
            return Err(TxError::NotUnderstood("it is another transaction than the one that was to be signed".into()));
        }
        Ok(vec![Signature::Recoverable { compact: signature.compact, odd_y: signature.odd_y }])
    }
}

/// What a signed transaction will do, and its name.
///
/// # Errors
/// It does not read, its signature is not its owner's, or something in it is not understood.
pub fn effects_of_signed(params: &NetworkParams, raw: &[u8]) -> Result<(TxId, Effects), TxError> {
    params.tron_prefix()?;
    let (raw_data, signature) = open(raw)?;
    let tx = TronTx::read(&raw_data)?;
    let id: [u8; 32] = Sha256::digest(&raw_data).into();
    if recover(&id, &signature)? != tx.owner {
        return Err(TxError::Signature { index: 0, why: format!("it is not by {}", text(&tx.owner)) });
    }
    Ok((TxId(id), effects(&tx, bandwidth(raw.len()))?))
}

fn envelope(raw_data: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> Vec<u8> {
    Transaction { raw_data: raw_data.to_vec(), signature: vec![signature.to_vec()] }.encode_to_vec()
}

/// Takes a signed transaction apart, and sees to it that nothing is left over.
fn open(raw: &[u8]) -> Result<(Vec<u8>, RawSignature), TxError> {
    const WHAT: &str = "signed TRON transaction";
    let transaction = Transaction::decode(raw).map_err(|error| TxError::malformed(WHAT, error))?;
    let [signature] = transaction.signature.as_slice() else {
        return Err(TxError::malformed(
            WHAT,
            format!("it has {} signatures instead of one", transaction.signature.len()),
        ));
    };
    let signature: [u8; SIGNATURE_BYTES] =
        signature.as_slice().try_into().map_err(|_| TxError::malformed(WHAT, "a signature has 65 bytes"))?;
    if envelope(&transaction.raw_data, &signature) != raw {
        return Err(TxError::NotUnderstood("it has fields that are never built here".into()));
    }
    let mut compact = [0; 64];
    compact.copy_from_slice(&signature[..64]);
    let odd_y = match signature[64] {
        parity @ (0 | 1) => parity,
        // What older wallets add 27 to.
        old @ (27 | 28) => old - 27,
        other => return Err(TxError::malformed(WHAT, format!("the parity of its signature is {other}"))),
    };
    Ok((transaction.raw_data, RawSignature { compact, odd_y }))
}

fn effects(tx: &TronTx, bandwidth: u64) -> Result<Effects, TxError> {
    tx.check()?;
    let mut payments = Vec::new();
    let kind = match tx.action {
        TronAction::Transfer { to, amount } => {
            payments.push(Payment { to: text(&to), coin: Coin::Native, amount: amount.into() });
            EffectKind::Transfer
        }
        TronAction::TokenTransfer { contract, to, amount } => {
            payments.push(Payment { to: text(&to), coin: Coin::Token(text(&contract)), amount });
            EffectKind::TokenTransfer
        }
        TronAction::Delegate { to, resource, amount } => {
            EffectKind::Delegate { to: text(&to), resource, amount: amount.into() }
        }
        TronAction::Undelegate { from, resource, amount } => {
            EffectKind::Undelegate { from: text(&from), resource, amount: amount.into() }
        }
        TronAction::Freeze { resource, amount } => EffectKind::Freeze { resource, amount: amount.into() },
        TronAction::Unfreeze { resource, amount } => EffectKind::Unfreeze { resource, amount: amount.into() },
        TronAction::Collect => EffectKind::Collect,
    };
    Ok(Effects {
        network: Network::Tron,
        kind,
        from: vec![text(&tx.owner)],
        payments,
        change: Vec::new(),
        fee_max: fee_max(&tx.action, bandwidth, tx.fee_limit),
        exclusion: Exclusion::Expiry {
            ref_block_bytes: tx.ref_block.bytes,
            ref_block_hash: tx.ref_block.hash,
            expires_ms: tx.expires_ms,
            made_ms: tx.made_ms,
        },
    })
}
