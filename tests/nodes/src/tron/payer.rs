//! Somebody with a key on the simulated chain, who pays others in transactions as anybody's wallet sends them.

use anyhow::{Context as _, Result, anyhow};
use k256::ecdsa::SigningKey;
use prost::Message as _;

use super::address::Address;
use super::proto::{AnyMessage, Contract, Fields, Held, Kind, Raw, Transaction, sha256};
use super::token::transfer_data;
use super::{TRX, Tron};
use crate::shim::address;

/// How long a transaction of a payer's can come, on the chain's clock.
const LIFE_MS: i64 = 600_000;
/// The most that a call may burn for energy.
const FEE_LIMIT_SUN: i64 = 1_000 * TRX;

/// Somebody with a key.
pub struct Payer {
    key: SigningKey,
    address: Address,
}

impl Payer {
    /// Whoever has the key that is made from a word.
    ///
    /// # Errors
    /// The word's hash is no key, which does not happen.
    pub fn named(word: &str) -> Result<Payer> {
        let key = SigningKey::from_slice(&sha256(word.as_bytes())).context("no key can be made of this word")?;
        let address = Address(address(key.verifying_key()));
        Ok(Payer { key, address })
    }

    /// Where it is paid.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }
}

impl Tron {
    /// Sends so much from one to another; the transaction's id. It is in no block yet.
    ///
    /// # Errors
    /// The node refuses it.
    pub fn pay(&self, from: &Payer, to: Address, sun: i64) -> Result<String> {
        let fields = vec![(1, Held::Bytes(from.address.bytes())), (2, Held::Bytes(to.bytes())), (3, Held::Int(sun))];
        self.send(from, "TransferContract", fields, 0)
    }

    /// The same of a token.
    ///
    /// # Errors
    /// The node refuses it.
    pub fn pay_token(&self, from: &Payer, token: Address, to: Address, amount: u128) -> Result<String> {
        let fields = vec![
            (1, Held::Bytes(from.address.bytes())),
            (2, Held::Bytes(token.bytes())),
            (4, Held::Bytes(transfer_data(to, amount))),
        ];
        self.send(from, "TriggerSmartContract", fields, FEE_LIMIT_SUN)
    }

    fn send(&self, by: &Payer, kind: &str, fields: Vec<(u32, Held)>, fee_limit: i64) -> Result<String> {
        let kind = Kind::by_name(kind).context("no such kind of transaction")?;
        let parameter = AnyMessage { type_url: kind.type_url(), value: Fields(fields).encode() };
        self.chain(|chain| {
            let solid = chain.block(chain.solid()).context("no solid block")?;
            let number = solid.number().to_be_bytes();
            let raw = Raw {
                ref_block_bytes: number.get(6..).unwrap_or_default().to_vec(),
                ref_block_hash: solid.id.get(8..16).unwrap_or_default().to_vec(),
                expiration: chain.now_ms() + LIFE_MS,
                data: Vec::new(),
                contract: vec![Contract { kind: kind.number, parameter: Some(parameter), permission: 0 }],
                timestamp: chain.now_ms(),
                fee_limit,
            };
            let mut transaction = Transaction { raw: raw.encode_to_vec(), signatures: Vec::new() };
            let (signature, parity) = by.key.sign_prehash_recoverable(&transaction.id())?;
            transaction.signatures.push([signature.to_bytes().as_slice(), &[parity.to_byte()]].concat());
            let taken = chain.broadcast(&transaction.encode_to_vec(), true);
            taken.map(hex::encode).map_err(|refusal| anyhow!("{refusal:?}"))
        })
    }
}
