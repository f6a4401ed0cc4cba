//! A transaction of the EVM family on its way to its signature, and what it will do.

use exchequer_domain::{Network, TxId};
use k256::ecdsa::{RecoveryId, Signature as EcdsaSignature, VerifyingKey};

use super::address::{Account, account_of_point, keccak, text};
use super::tx::{EvmAction, EvmTx, RawSignature};
use crate::wire::{Reader, Writer};
use crate::{
    Coin, EffectKind, Effects, Exclusion, KeyPath, NetworkParams, Payment, Scheme, Signature, Signed, SigningInput,
    TxError,
};

/// A transaction of the EVM family before its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsignedEvm {
    network: Network,
    key: KeyPath,
    from: Account,
    tx: EvmTx,
}

impl UnsignedEvm {
    /// A transaction of the account `from`, whose key is at `key`.
    ///
    /// # Errors
    /// `params` is of another family or chain, the tip is above the fee, the fee is beyond `u128`, or nothing is transferred
    /// to somebody else.
    pub fn new(params: &NetworkParams, key: KeyPath, from: Account, tx: EvmTx) -> Result<UnsignedEvm, TxError> {
        let unsigned = UnsignedEvm { network: params.network(), key, from, tx };
        unsigned.effects(params)?;
        Ok(unsigned)
    }

    /// Whose transaction.
    #[must_use]
    pub const fn from(&self) -> &Account {
        &self.from
    }

    /// The transaction.
    #[must_use]
    pub const fn tx(&self) -> &EvmTx {
        &self.tx
    }

    /// The bytes whose Keccak hash is signed, as other wallets take them.
    #[must_use]
    pub fn preimage(&self) -> Vec<u8> {
        self.tx.preimage()
    }

    pub(crate) const fn network(&self) -> Network {
        self.network
    }

    pub(crate) fn encode(&self, to: &mut Writer) {
        to.key(self.key);
        to.array(&self.from);
        to.bytes(&self.tx.preimage());
    }

    pub(crate) fn decode(network: Network, from: &mut Reader<'_>) -> Result<UnsignedEvm, TxError> {
        let key = from.key()?;
        let account = from.array()?;
        Ok(UnsignedEvm { network, key, from: account, tx: EvmTx::read_preimage(from.bytes()?)? })
    }

    pub(crate) fn effects(&self, params: &NetworkParams) -> Result<Effects, TxError> {
        effects(params, &self.from, &self.tx)
    }

    pub(crate) fn signing_inputs(&self) -> Vec<SigningInput> {
        let digest = keccak(&self.tx.preimage());
        vec![SigningInput { digest, key: self.key, scheme: Scheme::Keccak, address: text(&self.from) }]
    }

    pub(crate) fn assemble(&self, signatures: &[Signature]) -> Result<Signed, TxError> {
        let refuse = |why: String| TxError::Signature { index: 0, why };
        let [Signature::Recoverable { compact, odd_y }] = signatures else {
            return Err(refuse("one recoverable signature is needed".into()));
        };
        let signature = RawSignature { compact: *compact, odd_y: *odd_y };
        let signer = recover(&keccak(&self.tx.preimage()), &signature)?;
        if signer != self.from {
            return Err(refuse(format!("it is by {}, and {} has to sign", text(&signer), text(&self.from))));
        }
        let raw = self.tx.signed(&signature);
        Ok(Signed { tx: TxId(keccak(&raw)), raw })
    }

    /// The signature out of a signed transaction that is this one otherwise.
    pub(crate) fn signatures_of(&self, raw: &[u8]) -> Result<Vec<Signature>, TxError> {
        let (tx, signature) = EvmTx::read_signed(raw)?;
        if tx != self.tx {
            return Err(TxError::NotUnderstood("it is another transaction than the one that was to be signed".into()));
        }
        Ok(vec![Signature::Recoverable { compact: signature.compact, odd_y: signature.odd_y }])
    }
}

/// What a signed transaction will do, and its name. Whose it is follows from its signature.
///
/// # Errors
/// It does not read, its signature is by nobody, it is for another chain, or something in it is not understood.
pub fn effects_of_signed(params: &NetworkParams, raw: &[u8]) -> Result<(TxId, Effects), TxError> {
    let (tx, signature) = EvmTx::read_signed(raw)?;
    let from = recover(&keccak(&tx.preimage()), &signature)?;
    Ok((TxId(keccak(raw)), effects(params, &from, &tx)?))
}

/// Who made a signature. One with s in the upper half is refused, as networks do: it would be the same signature once more. The
/// library refuses it too, today.
pub(crate) fn recover(digest: &[u8; 32], signature: &RawSignature) -> Result<Account, TxError> {
    let refuse = |why: &str| TxError::Signature { index: 0, why: why.into() };
    let parsed = EcdsaSignature::from_slice(&signature.compact).map_err(|_| refuse("r or s is out of range"))?;
    if parsed.normalize_s().is_some() {
        return Err(refuse("s is in the upper half"));
    }
    let id = match signature.odd_y {
        0 => RecoveryId::new(false, false),
        1 => RecoveryId::new(true, false),
        _ => return Err(refuse("the parity is neither 0 nor 1")),
    };
    let key = VerifyingKey::recover_from_prehash(digest, &parsed, id).map_err(|_| refuse("it is by nobody"))?;
    Ok(account_of_point(&key.into()))
}

fn effects(params: &NetworkParams, from: &Account, tx: &EvmTx) -> Result<Effects, TxError> {
    tx.check()?;
    if tx.chain_id != params.chain_id()? {
        let wanted = format!("{} (chain {})", params.network(), params.chain_id()?);
        return Err(TxError::OtherNetwork { wanted, found: format!("chain {}", tx.chain_id) });
    }
    let payment = |to: &Account, coin, amount| vec![Payment { to: text(to), coin, amount }];
    let (kind, payments) = match &tx.action {
        EvmAction::Transfer { to, amount: 0 } if to == from => (EffectKind::Noop, Vec::new()),
        EvmAction::Transfer { amount: 0, .. } => {
            return Err(TxError::NotUnderstood("it sends nothing to somebody else".into()));
        }
        EvmAction::Transfer { to, amount } => (EffectKind::Transfer, payment(to, Coin::Native, *amount)),
        EvmAction::TokenTransfer { contract, to, amount } => {
            (EffectKind::TokenTransfer, payment(to, Coin::Token(text(contract)), *amount))
        }
    };
    let fee_max = tx.fee_max().ok_or_else(|| TxError::Amount("gas times its price".into()))?;
    let account = text(from);
    Ok(Effects {
        network: params.network(),
        kind,
        from: vec![account.clone()],
        payments,
        change: Vec::new(),
        fee_max,
        exclusion: Exclusion::Nonce { chain_id: tx.chain_id, account, nonce: tx.nonce },
    })
}
