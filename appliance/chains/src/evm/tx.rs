//! Transactions of the EVM family: the few shapes that are built here, as bytes and back.
//!
//! Bytes are written by ethers-core and read by code of our own over its RLP reader; what was read is written again and compared,
//! so that one transaction has one encoding. EIP-1559 and, where a network or node wants it, legacy with EIP-155.

use ethers_core::types::transaction::eip2718::TypedTransaction;
use ethers_core::types::{Eip1559TransactionRequest, H160, Signature as EthersSignature, TransactionRequest, U256};
use ethers_core::utils::rlp::{DecoderError, Rlp};

use super::address::Account;
use crate::TxError;

/// `transfer(address,uint256)`.
const TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];

/// Selector, address, amount.
const TRANSFER_BYTES: usize = 4 + 32 + 32;

/// Longest transaction that is read, in bytes; the longest that is built has about 200.
const RAW_BYTES_MAX: usize = 1_024;

const WHAT: &str = "EVM transaction";

/// What a unit of gas may cost, in wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EvmFees {
    /// One price. For networks and nodes that want it so.
    Legacy {
        /// The price.
        gas_price: u128,
    },
    /// EIP-1559.
    Dynamic {
        /// At most, base fee and tip together.
        max_fee: u128,
        /// For whoever makes the block; at most `max_fee`.
        tip: u128,
    },
}

impl EvmFees {
    /// What a unit of gas costs at most.
    #[must_use]
    pub const fn cap(self) -> u128 {
        match self {
            EvmFees::Legacy { gas_price } => gas_price,
            EvmFees::Dynamic { max_fee, .. } => max_fee,
        }
    }
}

/// What a transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EvmAction {
    /// Sends the network's coin.
    Transfer {
        /// To whom.
        to: Account,
        /// Wei.
        amount: u128,
    },
    /// Calls `transfer(address,uint256)` of a token.
    TokenTransfer {
        /// The token.
        contract: Account,
        /// To whom.
        to: Account,
        /// In the token's smallest unit.
        amount: u128,
    },
}

/// A transaction without its signature.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EvmTx {
    /// The chain that it is for.
    pub chain_id: u64,
    /// How many transactions of the account come before it.
    pub nonce: u64,
    /// What a unit of gas may cost.
    pub fees: EvmFees,
    /// How much gas it may use. Estimated by a node, never a constant.
    pub gas: u64,
    /// What it does. Sending nothing to oneself uses up a nonce and does nothing else.
    pub action: EvmAction,
}

/// The signature of a transaction as it is in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawSignature {
    pub(crate) compact: [u8; 64],
    pub(crate) odd_y: u8,
}

impl EvmTx {
    /// The bytes whose Keccak hash is signed.
    pub(crate) fn preimage(&self) -> Vec<u8> {
        self.typed().rlp().to_vec()
    }

    /// The bytes that are broadcast.
    pub(crate) fn signed(&self, signature: &RawSignature) -> Vec<u8> {
        let odd = u64::from(signature.odd_y);
        let v = match self.fees {
            // A chain id that is too large for this is refused where the transaction is checked.
            EvmFees::Legacy { .. } => self.chain_id.wrapping_mul(2).wrapping_add(35 + odd),
            EvmFees::Dynamic { .. } => odd,
        };
        let (r, s) = signature.compact.split_at(32);
        let signature = EthersSignature { r: U256::from_big_endian(r), s: U256::from_big_endian(s), v };
        self.typed().rlp_signed(&signature).to_vec()
    }

    /// Reads the bytes whose hash is signed.
    pub(crate) fn read_preimage(bytes: &[u8]) -> Result<EvmTx, TxError> {
        let (tx, signature) = read(bytes, false)?;
        if signature.is_some() || tx.preimage() != bytes {
            return Err(TxError::malformed(WHAT, "it is encoded in an uncommon way"));
        }
        Ok(tx)
    }

    /// Reads the bytes that are broadcast.
    pub(crate) fn read_signed(bytes: &[u8]) -> Result<(EvmTx, RawSignature), TxError> {
        let (tx, signature) = read(bytes, true)?;
        let signature = signature.ok_or_else(|| TxError::malformed(WHAT, "it has no signature"))?;
        if tx.signed(&signature) != bytes {
            return Err(TxError::malformed(WHAT, "it is encoded in an uncommon way"));
        }
        Ok((tx, signature))
    }

    /// What every transaction of ours fulfils.
    pub(crate) fn check(&self) -> Result<(), TxError> {
        let refuse = |why: &str| Err(TxError::NotUnderstood(why.into()));
        if self.chain_id == 0 || self.chain_id > u64::MAX / 2 - 36 {
            return refuse("its chain id is out of range");
        }
        if let EvmFees::Dynamic { max_fee, tip } = self.fees
            && tip > max_fee
        {
            return refuse("its tip is higher than all that it may pay");
        }
        if let EvmAction::TokenTransfer { amount: 0, .. } = self.action {
            return refuse("it transfers nothing of a token");
        }
        if self.gas == 0 || self.fee_max().is_none() {
            return Err(TxError::Amount("gas times its price".into()));
        }
        Ok(())
    }

    /// What it costs at most in wei. None beyond `u128`.
    pub(crate) fn fee_max(&self) -> Option<u128> {
        self.fees.cap().checked_mul(u128::from(self.gas))
    }

    fn typed(&self) -> TypedTransaction {
        let (to, value, data) = match self.action {
            EvmAction::Transfer { to, amount } => (to, amount, Vec::new()),
            EvmAction::TokenTransfer { contract, to, amount } => (contract, 0, transfer_data(&to, amount)),
        };
        match self.fees {
            EvmFees::Legacy { gas_price } => TypedTransaction::Legacy(
                TransactionRequest::new()
                    .chain_id(self.chain_id)
                    .nonce(self.nonce)
                    .gas_price(gas_price)
                    .gas(self.gas)
                    .to(H160(to))
                    .value(value)
                    .data(data),
            ),
            EvmFees::Dynamic { max_fee, tip } => TypedTransaction::Eip1559(
                Eip1559TransactionRequest::new()
                    .chain_id(self.chain_id)
                    .nonce(self.nonce)
                    .max_fee_per_gas(max_fee)
                    .max_priority_fee_per_gas(tip)
                    .gas(self.gas)
                    .to(H160(to))
                    .value(value)
                    .data(data),
            ),
        }
    }
}

/// The call `transfer(to, amount)` of a token.
#[must_use]
pub fn transfer_data(to: &Account, amount: u128) -> Vec<u8> {
    let mut data = Vec::with_capacity(TRANSFER_BYTES);
    data.extend(TRANSFER);
    data.extend([0; 12]);
    data.extend(to);
    data.extend([0; 16]);
    data.extend(amount.to_be_bytes());
    data
}

/// Reads the call `transfer(to, amount)`, and no other.
///
/// # Errors
/// Another call, another length, bits above the address, or an amount beyond `u128`.
pub fn read_transfer_data(data: &[u8]) -> Result<(Account, u128), TxError> {
    let refuse = |why: &str| TxError::NotUnderstood(why.into());
    let args = data.strip_prefix(&TRANSFER).ok_or_else(|| refuse("it calls something else than transfer"))?;
    let (Some(to), Some(amount), true) = (args.first_chunk::<32>(), args.last_chunk::<32>(), args.len() == 64) else {
        return Err(refuse("the call of transfer has another length than 68 bytes"));
    };
    let Some(([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], to)) = to.split_first_chunk::<12>() else {
        return Err(refuse("the call of transfer has bits above the address"));
    };
    let to = to.try_into().map_err(|_| refuse("the call of transfer has no address"))?;
    Ok((to, amount_of_word(amount)?))
}

/// The number in a word of 32 bytes.
///
/// # Errors
/// It is beyond `u128`.
pub fn amount_of_word(word: &[u8; 32]) -> Result<u128, TxError> {
    match (word.first_chunk::<16>(), word.last_chunk::<16>()) {
        (Some([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Some(low)) => Ok(u128::from_be_bytes(*low)),
        _ => Err(TxError::Amount(format!("0x{} is beyond 128 bits", hex::encode(word)))),
    }
}

fn read(bytes: &[u8], signed: bool) -> Result<(EvmTx, Option<RawSignature>), TxError> {
    if bytes.len() > RAW_BYTES_MAX {
        let (found, max) = (bytes.len() as u128, RAW_BYTES_MAX as u128);
        return Err(TxError::Limit { what: "bytes of an EVM transaction", found, max });
    }
    match bytes.first() {
        Some(2) => read_dynamic(&Rlp::new(&bytes[1..]), signed),
        Some(0xc0..) => read_legacy(&Rlp::new(bytes), signed),
        Some(kind) => Err(TxError::NotUnderstood(format!("transactions of type {kind} are not built here"))),
        None => Err(TxError::malformed(WHAT, "there are no bytes")),
    }
}

fn read_dynamic(list: &Rlp<'_>, signed: bool) -> Result<(EvmTx, Option<RawSignature>), TxError> {
    let bad = |error: DecoderError| TxError::malformed(WHAT, error);
    fields(list, if signed { 12 } else { 9 })?;
    let tx = EvmTx {
        chain_id: list.val_at(0).map_err(bad)?,
        nonce: list.val_at(1).map_err(bad)?,
        fees: EvmFees::Dynamic { max_fee: amount_at(list, 3, "the fee")?, tip: amount_at(list, 2, "the tip")? },
        gas: list.val_at(4).map_err(bad)?,
        action: action(list, 5)?,
    };
    let access_list = list.at(8).map_err(bad)?;
    if !access_list.is_list() || !access_list.is_empty() {
        return Err(TxError::NotUnderstood("it has an access list".into()));
    }
    let signature = if signed { Some(signature(list, list.val_at(9).map_err(bad)?, 10)?) } else { None };
    Ok((tx, signature))
}

fn read_legacy(list: &Rlp<'_>, signed: bool) -> Result<(EvmTx, Option<RawSignature>), TxError> {
    let bad = |error: DecoderError| TxError::malformed(WHAT, error);
    fields(list, 9)?;
    let v: u64 = list.val_at(6).map_err(bad)?;
    let (chain_id, signature) = if signed {
        let above = v.checked_sub(35).ok_or_else(|| TxError::NotUnderstood("it is for every chain".into()))?;
        (above / 2, Some(signature(list, above % 2, 7)?))
    } else {
        // EIP-155: the chain id, and two empty places for the signature.
        let empty = |place| list.val_at::<u64>(place).map_err(bad);
        if (empty(7)?, empty(8)?) != (0, 0) {
            return Err(TxError::malformed(WHAT, "it is signed already"));
        }
        (v, None)
    };
    let tx = EvmTx {
        chain_id,
        nonce: list.val_at(0).map_err(bad)?,
        fees: EvmFees::Legacy { gas_price: amount_at(list, 1, "the price of gas")? },
        gas: list.val_at(2).map_err(bad)?,
        action: action(list, 3)?,
    };
    Ok((tx, signature))
}

fn fields(list: &Rlp<'_>, wanted: usize) -> Result<(), TxError> {
    let found = list.item_count().map_err(|error| TxError::malformed(WHAT, error))?;
    if !list.is_list() || found != wanted {
        return Err(TxError::malformed(WHAT, format!("it has {found} fields instead of {wanted}")));
    }
    Ok(())
}

/// Receiver, value and data, from a place on.
fn action(list: &Rlp<'_>, place: usize) -> Result<EvmAction, TxError> {
    let bad = |error: DecoderError| TxError::malformed(WHAT, error);
    let data = |place| list.at(place).and_then(|field| field.data()).map_err(bad);
    let to: Account = data(place)?
        .try_into()
        .map_err(|_| TxError::NotUnderstood("it has no receiver: it makes a contract".into()))?;
    let value = amount_at(list, place + 1, "the value")?;
    let call = data(place + 2)?;
    if call.is_empty() {
        return Ok(EvmAction::Transfer { to, amount: value });
    }
    if value > 0 {
        return Err(TxError::NotUnderstood("it calls a contract and sends coin as well".into()));
    }
    let contract = to;
    let (to, amount) = read_transfer_data(call)?;
    Ok(EvmAction::TokenTransfer { contract, to, amount })
}

fn amount_at(list: &Rlp<'_>, place: usize, what: &str) -> Result<u128, TxError> {
    match list.val_at(place) {
        Ok(amount) => Ok(amount),
        Err(DecoderError::RlpIsTooBig) => Err(TxError::Amount(format!("{what} is beyond 128 bits"))),
        Err(error) => Err(TxError::malformed(WHAT, error)),
    }
}

fn signature(list: &Rlp<'_>, odd_y: u64, place: usize) -> Result<RawSignature, TxError> {
    let bad = |error: DecoderError| TxError::malformed(WHAT, error);
    let odd_y = match odd_y {
        0 => 0,
        1 => 1,
        _ => return Err(TxError::malformed(WHAT, "the parity of its signature is neither 0 nor 1")),
    };
    let (r, s): (U256, U256) = (list.val_at(place).map_err(bad)?, list.val_at(place + 1).map_err(bad)?);
    let mut compact = [0; 64];
    r.to_big_endian(&mut compact[..32]);
    s.to_big_endian(&mut compact[32..]);
    Ok(RawSignature { compact, odd_y })
}
