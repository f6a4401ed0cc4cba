//! A transaction of Bitcoin on its way to its signatures, and what it will do.
//!
//! A transaction says which coins it spends, but not how much they are nor whose: that comes with it. Signatures commit to what
//! came: one made over a wrong amount is worth nothing, but see [`Coins`].

use std::collections::BTreeSet;

use ::bitcoin::consensus::encode::{deserialize, serialize};
use ::bitcoin::hashes::Hash;
use ::bitcoin::secp256k1::{Message, PublicKey, XOnlyPublicKey, ecdsa, schnorr};
use ::bitcoin::sighash::{EcdsaSighashType, Prevouts, SighashCache, TapSighashType};
use ::bitcoin::transaction::Version;
use ::bitcoin::{Amount, ScriptBuf, Sequence, Transaction, TxOut, Txid, Witness};
use exchequer_domain::{ChainAddress, Network, OutPoint, TxId};

use super::address::{address_of_key, address_of_script};
use crate::derive::curve;
use crate::wire::{Reader, Writer};
use crate::{
    Change, Coin, EffectKind, Effects, Exclusion, KeyPath, NetworkParams, Payment, Scheme, Signature, Signed,
    SigningInput, Spent, TxError,
};

/// Most inputs of a transaction: about a third of what nodes relay.
pub const INPUTS_MAX: usize = 500;

/// Most outputs of a transaction: a hundred payments, and change.
pub const OUTPUTS_MAX: usize = 101;

/// Longest transaction that is read, in bytes: what nodes relay at most.
const RAW_BYTES_MAX: usize = 400_000;

/// The sequence of every input: BIP-125, the transaction may be replaced; and its locktime counts.
const SEQUENCE: Sequence = Sequence::ENABLE_RBF_NO_LOCKTIME;

const WHAT: &str = "Bitcoin transaction";

/// Coins that are spent: how much, whose, and by which key.
///
/// A P2WPKH signature commits to the amount of its own input alone. Who asks for the same transaction twice, with a wrong amount in
/// another input each time, gets signatures out of which one can be put together that pays a fee nobody agreed to. A signer
/// therefore remembers the amount of every coin that it signed for, and signs for no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coins {
    /// How much, in satoshi.
    pub amount: u64,
    /// The script that they are locked with.
    pub script: Vec<u8>,
    /// The key that spends them.
    pub key: KeyPath,
}

/// A transaction of Bitcoin before its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsignedBitcoin {
    tx: Transaction,
    /// Of each input, in their order.
    coins: Vec<Coins>,
    /// Outputs that come back, by number, rising.
    change: Vec<(u32, KeyPath)>,
}

impl UnsignedBitcoin {
    /// A transaction, what each of its inputs spends, and which of its outputs come back.
    ///
    /// # Errors
    /// `params` is not Bitcoin, or the transaction is not like those that are built here.
    pub fn new(
        params: &NetworkParams,
        tx: Transaction,
        coins: Vec<Coins>,
        change: Vec<(u32, KeyPath)>,
    ) -> Result<UnsignedBitcoin, TxError> {
        let unsigned = UnsignedBitcoin { tx, coins, change };
        unsigned.effects(params)?;
        Ok(unsigned)
    }

    /// The transaction, without signatures.
    #[must_use]
    pub const fn tx(&self) -> &Transaction {
        &self.tx
    }

    /// What each input spends, in their order.
    #[must_use]
    pub fn coins(&self) -> &[Coins] {
        &self.coins
    }

    /// Which outputs come back, and to which keys.
    #[must_use]
    pub fn change(&self) -> &[(u32, KeyPath)] {
        &self.change
    }

    /// Its name. It is known before it is signed: signatures are no part of it.
    #[must_use]
    pub fn id(&self) -> TxId {
        tx_id(self.tx.compute_txid())
    }

    pub(crate) fn encode(&self, to: &mut Writer) {
        to.bytes(&serialize(&self.tx));
        for coins in &self.coins {
            to.u64(coins.amount);
            to.bytes(&coins.script);
            to.key(coins.key);
        }
        to.u32(u32::try_from(self.change.len()).unwrap_or(u32::MAX));
        for (vout, key) in &self.change {
            to.u32(*vout);
            to.key(*key);
        }
    }

    pub(crate) fn decode(from: &mut Reader<'_>) -> Result<UnsignedBitcoin, TxError> {
        let tx = read(from.bytes()?)?;
        let mut coins = Vec::new();
        for _ in &tx.input {
            coins.push(Coins { amount: from.u64()?, script: from.bytes()?.to_vec(), key: from.key()? });
        }
        let mut change = Vec::new();
        for _ in 0..from.u32()? {
            change.push((from.u32()?, from.key()?));
        }
        Ok(UnsignedBitcoin { tx, coins, change })
    }

    pub(crate) fn effects(&self, params: &NetworkParams) -> Result<Effects, TxError> {
        if self.tx.input.iter().any(|input| !input.witness.is_empty()) {
            return Err(TxError::NotUnderstood("it is signed already".into()));
        }
        effects(params, &self.tx, &self.coins, &self.change)
    }

    pub(crate) fn signing_inputs(&self, params: &NetworkParams) -> Result<Vec<SigningInput>, TxError> {
        let outputs = self.coins.iter().map(|coins| TxOut {
            value: Amount::from_sat(coins.amount),
            script_pubkey: ScriptBuf::from_bytes(coins.script.clone()),
        });
        let outputs: Vec<TxOut> = outputs.collect();
        let mut cache = SighashCache::new(&self.tx);
        let mut inputs = Vec::with_capacity(self.coins.len());
        for (index, (coins, output)) in self.coins.iter().zip(&outputs).enumerate() {
            let (scheme, address) = spender(params, &coins.script)?;
            let bad = |error: &dyn std::fmt::Display| TxError::malformed(WHAT, error);
            let digest = match scheme {
                Scheme::Taproot => cache
                    .taproot_key_spend_signature_hash(index, &Prevouts::All(&outputs), TapSighashType::Default)
                    .map_err(|error| bad(&error))?
                    .to_byte_array(),
                Scheme::Segwit | Scheme::Keccak => cache
                    .p2wpkh_signature_hash(index, &output.script_pubkey, output.value, EcdsaSighashType::All)
                    .map_err(|error| bad(&error))?
                    .to_byte_array(),
            };
            inputs.push(SigningInput { digest, key: coins.key, scheme, address });
        }
        Ok(inputs)
    }

    pub(crate) fn assemble(
        &self,
        params: &NetworkParams,
        inputs: &[SigningInput],
        signatures: &[Signature],
    ) -> Result<Signed, TxError> {
        let mut tx = self.tx.clone();
        for (index, signature) in signatures.iter().enumerate() {
            let refuse = |why: &str| TxError::Signature { index, why: why.into() };
            let (Some(input), Some(coins), Some(place)) =
                (inputs.get(index), self.coins.get(index), tx.input.get_mut(index))
            else {
                return Err(refuse("there is no such input"));
            };
            let message = Message::from_digest(input.digest);
            place.witness = match (input.scheme, signature) {
                (Scheme::Segwit, Signature::Ecdsa { compact, public_key }) => {
                    if address_of_key(params, Scheme::Segwit, public_key)? != input.address {
                        return Err(refuse("it is by another key than the coins' owner"));
                    }
                    let key = PublicKey::from_slice(public_key).map_err(|_| refuse("its key is none"))?;
                    let signature =
                        ecdsa::Signature::from_compact(compact).map_err(|_| refuse("r or s is too large"))?;
                    curve().verify_ecdsa(&message, &signature, &key).map_err(|_| refuse("it does not verify"))?;
                    let signature = ::bitcoin::ecdsa::Signature { signature, sighash_type: EcdsaSighashType::All };
                    Witness::p2wpkh(&signature, &key)
                }
                (Scheme::Taproot, Signature::Schnorr { compact }) => {
                    // The script is OP_1, a length, and the key.
                    let key = coins.script.get(2..).and_then(|key| XOnlyPublicKey::from_slice(key).ok());
                    let key = key.ok_or_else(|| refuse("the coins are locked with no key"))?;
                    let signature = schnorr::Signature::from_slice(compact).map_err(|_| refuse("it is too short"))?;
                    curve().verify_schnorr(&signature, &message, &key).map_err(|_| refuse("it does not verify"))?;
                    let signature = ::bitcoin::taproot::Signature { signature, sighash_type: TapSighashType::Default };
                    Witness::p2tr_key_spend(&signature)
                }
                (Scheme::Segwit | Scheme::Taproot | Scheme::Keccak, _) => {
                    return Err(refuse(&format!("it is of another kind than {:?}", input.scheme)));
                }
            };
        }
        Ok(Signed { tx: self.id(), raw: serialize(&tx) })
    }

    /// The signatures out of a signed transaction that is this one otherwise.
    pub(crate) fn signatures_of(&self, raw: &[u8]) -> Result<Vec<Signature>, TxError> {
        let mut tx = read(raw)?;
        let mut signatures = Vec::new();
        for (index, input) in tx.input.iter_mut().enumerate() {
            let witness = std::mem::take(&mut input.witness);
            signatures.push(signature_of(&witness).map_err(|why| TxError::Signature { index, why: why.into() })?);
        }
        if tx != self.tx {
            return Err(TxError::NotUnderstood("it is another transaction than the one that was to be signed".into()));
        }
        Ok(signatures)
    }
}

/// What a signed transaction will do, and its name. What its inputs spend comes from elsewhere; the signatures are not verified
/// here, its nodes do that. Nothing of it counts as change.
///
/// # Errors
/// It does not read, is not like those that are built here, or `coins` are not as many as its inputs.
pub fn effects_of_signed(params: &NetworkParams, raw: &[u8], coins: &[Coins]) -> Result<(TxId, Effects), TxError> {
    let tx = read(raw)?;
    Ok((tx_id(tx.compute_txid()), effects(params, &tx, coins, &[])?))
}

/// The name of a transaction in the order in which nodes print it.
pub(crate) fn tx_id(id: Txid) -> TxId {
    let mut bytes = id.to_byte_array();
    bytes.reverse();
    TxId(bytes)
}

/// The library's form of a transaction's name.
pub(crate) fn library_id(id: TxId) -> Txid {
    let mut bytes = id.0;
    bytes.reverse();
    Txid::from_byte_array(bytes)
}

/// Reads a transaction; all of the bytes are it, and it writes as them.
pub(crate) fn read(bytes: &[u8]) -> Result<Transaction, TxError> {
    if bytes.len() > RAW_BYTES_MAX {
        let (found, max) = (bytes.len() as u128, RAW_BYTES_MAX as u128);
        return Err(TxError::Limit { what: "bytes of a Bitcoin transaction", found, max });
    }
    let tx: Transaction = deserialize(bytes).map_err(|error| TxError::malformed(WHAT, error))?;
    if serialize(&tx) != bytes {
        return Err(TxError::malformed(WHAT, "it is encoded in an uncommon way"));
    }
    Ok(tx)
}

pub(super) fn signature_of(witness: &Witness) -> Result<Signature, &'static str> {
    match witness.iter().collect::<Vec<_>>().as_slice() {
        [signature, key] => {
            let signature = ::bitcoin::ecdsa::Signature::from_slice(signature).map_err(|_| "it does not read")?;
            if signature.sighash_type != EcdsaSighashType::All {
                return Err("it does not commit to the whole transaction");
            }
            let public_key = (*key).try_into().map_err(|_| "its key has another length than 33 bytes")?;
            Ok(Signature::Ecdsa { compact: signature.signature.serialize_compact(), public_key })
        }
        // 65 bytes would commit to something else than the usual.
        [signature] => {
            let compact = (*signature).try_into().map_err(|_| "it has another length than 64 bytes")?;
            Ok(Signature::Schnorr { compact })
        }
        [] => Err("there is none"),
        _ => Err("it spends by a script, which is never built here"),
    }
}

/// How coins of a script are spent, and whose they are.
pub(super) fn spender(params: &NetworkParams, script: &[u8]) -> Result<(Scheme, ChainAddress), TxError> {
    let refuse = || TxError::NotUnderstood("it spends coins that are neither P2WPKH nor P2TR".into());
    let address = address_of_script(params, script).ok_or_else(refuse)?;
    match script {
        [0x00, 20, ..] => Ok((Scheme::Segwit, address)),
        [0x51, 32, ..] => Ok((Scheme::Taproot, address)),
        _ => Err(refuse()),
    }
}

fn effects(
    params: &NetworkParams,
    tx: &Transaction,
    coins: &[Coins],
    change: &[(u32, KeyPath)],
) -> Result<Effects, TxError> {
    params.bitcoin()?;
    check(tx, coins)?;
    let mut spent = Vec::with_capacity(coins.len());
    let mut from: Vec<ChainAddress> = Vec::new();
    let mut seen = BTreeSet::new();
    for (input, coins) in tx.input.iter().zip(coins) {
        let (_, address) = spender(params, &coins.script)?;
        let outpoint = OutPoint { tx: tx_id(input.previous_output.txid), vout: input.previous_output.vout };
        spent.push(Spent { outpoint, amount: coins.amount.into(), address: address.clone() });
        if seen.insert(address.clone()) {
            from.push(address);
        }
    }
    let mut back = change.iter().peekable();
    let (mut payments, mut returned, mut paid) = (Vec::new(), Vec::new(), 0_u128);
    for (vout, output) in (0_u32..).zip(&tx.output) {
        let address = address_of_script(params, output.script_pubkey.as_bytes())
            .ok_or_else(|| TxError::NotUnderstood(format!("output {vout} pays to no address")))?;
        let amount = u128::from(output.value.to_sat());
        if amount < u128::from(output.script_pubkey.minimal_non_dust().to_sat()) {
            return Err(TxError::Amount(format!("output {vout} is dust, which no node relays")));
        }
        paid += amount;
        match back.next_if(|(number, _)| *number == vout) {
            Some((_, key)) => returned.push(Change { vout, address, amount, key: *key }),
            None => payments.push(Payment { to: address, coin: Coin::Native, amount }),
        }
    }
    if back.next().is_some() {
        return Err(TxError::malformed(WHAT, "change is named that is not there, twice, or out of order"));
    }
    let have: u128 = spent.iter().map(|spent| spent.amount).sum();
    let fee_max = have.checked_sub(paid).ok_or(TxError::Insufficient { have, need: paid })?;
    let kind = if payments.is_empty() { EffectKind::Noop } else { EffectKind::Transfer };
    let network = Network::Bitcoin;
    Ok(Effects { network, kind, from, payments, change: returned, fee_max, exclusion: Exclusion::Inputs(spent) })
}

/// What every transaction of ours fulfils.
fn check(tx: &Transaction, coins: &[Coins]) -> Result<(), TxError> {
    let refuse = |why: &str| Err(TxError::NotUnderstood(why.into()));
    if tx.version != Version::TWO || !tx.lock_time.is_block_height() {
        return refuse("its version is not 2, or it waits for a time");
    }
    for (what, found, max) in [("inputs", tx.input.len(), INPUTS_MAX), ("outputs", tx.output.len(), OUTPUTS_MAX)] {
        if found > max {
            return Err(TxError::Limit { what, found: found as u128, max: max as u128 });
        }
    }
    if tx.input.is_empty() || tx.output.is_empty() {
        return refuse("it has no inputs or no outputs");
    }
    if tx.input.len() != coins.len() {
        return refuse("what its inputs spend is not known of each of them");
    }
    let mut outpoints = BTreeSet::new();
    for input in &tx.input {
        if input.sequence != SEQUENCE || !input.script_sig.is_empty() || !outpoints.insert(input.previous_output) {
            return refuse("an input has an uncommon sequence, a script, or is there twice");
        }
    }
    let too_much = |amount: u64| amount > Amount::MAX_MONEY.to_sat();
    if coins.iter().any(|coins| too_much(coins.amount)) || tx.output.iter().any(|out| too_much(out.value.to_sat())) {
        return Err(TxError::Amount("there are 21 million bitcoins".into()));
    }
    Ok(())
}
