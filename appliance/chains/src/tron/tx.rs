//! Transactions of TRON: the few shapes that are built here, as bytes and back. What is read is written again and compared, so
//! that a field that is not known here cannot hide in it.

use prost::Message;

use super::address::{with_prefix, without_prefix};
use super::expiry::LIFE_MS_MAX;
use super::message::{Collect, Contract, Delegate, Freeze, Parameter, Raw, Transfer, Trigger};
use crate::evm::{Account, read_transfer_data, transfer_data};
use crate::{Resource, TxError};

const WHAT: &str = "TRON transaction";

/// Longest transaction that is read, in bytes; the longest that is built has about 300.
const RAW_BYTES_MAX: usize = 2_048;

/// What a transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TronAction {
    /// Sends TRX.
    Transfer {
        /// To whom.
        to: Account,
        /// Sun, from 1.
        amount: u64,
    },
    /// Calls `transfer(address,uint256)` of a token.
    TokenTransfer {
        /// The token.
        contract: Account,
        /// To whom.
        to: Account,
        /// In the token's smallest unit, from 1.
        amount: u128,
    },
    /// Lends what a part of the stake gives.
    Delegate {
        /// To whom.
        to: Account,
        /// What of.
        resource: Resource,
        /// The part of the stake, in sun, from 1.
        amount: u64,
    },
    /// Takes back what was lent.
    Undelegate {
        /// From whom.
        from: Account,
        /// What of.
        resource: Resource,
        /// The part of the stake, in sun, from 1.
        amount: u64,
    },
    /// Stakes TRX.
    Freeze {
        /// For what.
        resource: Resource,
        /// Sun, from 1.
        amount: u64,
    },
    /// Ends a part of the stake: the network gives it back after some days.
    Unfreeze {
        /// For what it was.
        resource: Resource,
        /// Sun, from 1.
        amount: u64,
    },
    /// Takes what was staked and is free by now.
    Collect,
}

/// The block that a transaction builds on, as it names it. Without that block in its past it is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RefBlock {
    /// Bytes 6 and 7 of the block's number.
    pub bytes: [u8; 2],
    /// Bytes 8 to 15 of the block's name.
    pub hash: [u8; 8],
}

impl RefBlock {
    /// Of a block's name, which begins with its number. It should be a solid block: one that a fork takes away takes the
    /// transaction with it.
    #[must_use]
    pub const fn of(block: &exchequer_domain::BlockHash) -> RefBlock {
        let b = &block.0;
        RefBlock { bytes: [b[6], b[7]], hash: [b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]] }
    }
}

/// A transaction without its signature.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TronTx {
    /// Whose money it is.
    pub owner: Account,
    /// What it does.
    pub action: TronAction,
    /// The block that it builds on.
    pub ref_block: RefBlock,
    /// The last moment at which it can get into a block, in milliseconds since 1970.
    pub expires_ms: u64,
    /// When it is made, in milliseconds since 1970. Two transactions that are alike otherwise differ by it.
    pub made_ms: u64,
    /// What its contract's energy may cost, in sun. 0 for all but token transfers.
    pub fee_limit: u64,
}

impl TronTx {
    /// The bytes whose SHA-256 hash is signed, and is the transaction's name.
    pub(crate) fn raw_data(&self) -> Result<Vec<u8>, TxError> {
        let raw = Raw {
            ref_block_bytes: self.ref_block.bytes.to_vec(),
            ref_block_hash: self.ref_block.hash.to_vec(),
            expiration: signed(self.expires_ms, "the expiry")?,
            contract: vec![self.contract()?],
            timestamp: signed(self.made_ms, "the time")?,
            fee_limit: signed(self.fee_limit, "the fee limit")?,
        };
        Ok(raw.encode_to_vec())
    }

    /// Reads the bytes whose hash is signed.
    pub(crate) fn read(bytes: &[u8]) -> Result<TronTx, TxError> {
        if bytes.len() > RAW_BYTES_MAX {
            let (found, max) = (bytes.len() as u128, RAW_BYTES_MAX as u128);
            return Err(TxError::Limit { what: "bytes of a TRON transaction", found, max });
        }
        let raw = Raw::decode(bytes).map_err(|error| TxError::malformed(WHAT, error))?;
        let [contract] = raw.contract.as_slice() else {
            return Err(TxError::NotUnderstood(format!("it has {} contracts instead of one", raw.contract.len())));
        };
        let (owner, action) = read_contract(contract)?;
        let reference = |_| TxError::malformed(WHAT, "its reference to a block has another length");
        let ref_block = RefBlock {
            bytes: raw.ref_block_bytes.as_slice().try_into().map_err(reference)?,
            hash: raw.ref_block_hash.as_slice().try_into().map_err(reference)?,
        };
        let tx = TronTx {
            owner,
            action,
            ref_block,
            expires_ms: unsigned(raw.expiration, "the expiry")?,
            made_ms: unsigned(raw.timestamp, "the time")?,
            fee_limit: unsigned(raw.fee_limit, "the fee limit")?,
        };
        if tx.raw_data()? != bytes {
            return Err(TxError::NotUnderstood("it has fields that are never built here".into()));
        }
        Ok(tx)
    }

    /// What every transaction of ours fulfils.
    pub(crate) fn check(&self) -> Result<(), TxError> {
        let refuse = |why: &str| Err(TxError::NotUnderstood(why.into()));
        let nothing = match self.action {
            TronAction::TokenTransfer { amount, .. } => amount == 0,
            TronAction::Transfer { amount, .. }
            | TronAction::Delegate { amount, .. }
            | TronAction::Undelegate { amount, .. }
            | TronAction::Freeze { amount, .. }
            | TronAction::Unfreeze { amount, .. } => amount == 0,
            TronAction::Collect => false,
        };
        if nothing {
            return refuse("it moves nothing");
        }
        let calls = matches!(self.action, TronAction::TokenTransfer { .. });
        if calls != (self.fee_limit > 0) {
            return refuse("a call of a contract has a fee limit, and nothing else has one");
        }
        if let TronAction::Transfer { to, .. } | TronAction::Delegate { to, .. } = self.action
            && to == self.owner
        {
            return refuse("the network takes nothing that one sends or lends to oneself");
        }
        if self.expires_ms <= self.made_ms {
            return refuse("it ends before it is made");
        }
        if self.expires_ms - self.made_ms > LIFE_MS_MAX {
            return refuse("it is valid for longer than the network allows");
        }
        Ok(())
    }

    fn contract(&self) -> Result<Contract, TxError> {
        let owner = with_prefix(&self.owner).to_vec();
        let (kind, name, value) = match self.action {
            TronAction::Transfer { to, amount } => {
                let amount = signed(amount, "the amount")?;
                (1, "TransferContract", Transfer { owner, to: with_prefix(&to).to_vec(), amount }.encode_to_vec())
            }
            TronAction::TokenTransfer { contract, to, amount } => {
                let (contract, data) = (with_prefix(&contract).to_vec(), transfer_data(&to, amount));
                (31, "TriggerSmartContract", Trigger { owner, contract, data }.encode_to_vec())
            }
            TronAction::Freeze { resource, amount } => {
                let (amount, resource) = (signed(amount, "the stake")?, number(resource));
                (54, "FreezeBalanceV2Contract", Freeze { owner, amount, resource }.encode_to_vec())
            }
            TronAction::Unfreeze { resource, amount } => {
                let (amount, resource) = (signed(amount, "the stake")?, number(resource));
                (55, "UnfreezeBalanceV2Contract", Freeze { owner, amount, resource }.encode_to_vec())
            }
            TronAction::Collect => (56, "WithdrawExpireUnfreezeContract", Collect { owner }.encode_to_vec()),
            TronAction::Delegate { to, resource, amount } => {
                let (balance, resource) = (signed(amount, "the stake")?, number(resource));
                let receiver = with_prefix(&to).to_vec();
                (57, "DelegateResourceContract", Delegate { owner, resource, balance, receiver }.encode_to_vec())
            }
            TronAction::Undelegate { from, resource, amount } => {
                let (balance, resource) = (signed(amount, "the stake")?, number(resource));
                let receiver = with_prefix(&from).to_vec();
                (58, "UnDelegateResourceContract", Delegate { owner, resource, balance, receiver }.encode_to_vec())
            }
        };
        Ok(Contract { kind, parameter: Some(Parameter { type_url: type_url(name), value }) })
    }
}

/// Reads what is done; the names of its kind are compared when all of it is written again.
fn read_contract(contract: &Contract) -> Result<(Account, TronAction), TxError> {
    let bad = |error: prost::DecodeError| TxError::malformed(WHAT, error);
    let value = contract.parameter.as_ref().map(|parameter| parameter.value.as_slice());
    let value = value.ok_or_else(|| TxError::malformed(WHAT, "its contract has no parameter"))?;
    Ok(match contract.kind {
        1 => {
            let message = Transfer::decode(value).map_err(bad)?;
            let amount = unsigned(message.amount, "the amount")?;
            (account(&message.owner)?, TronAction::Transfer { to: account(&message.to)?, amount })
        }
        31 => {
            let message = Trigger::decode(value).map_err(bad)?;
            let (to, amount) = read_transfer_data(&message.data)?;
            let contract = account(&message.contract)?;
            (account(&message.owner)?, TronAction::TokenTransfer { contract, to, amount })
        }
        54 => {
            let message = Freeze::decode(value).map_err(bad)?;
            let (resource, amount) = (resource(message.resource)?, unsigned(message.amount, "the stake")?);
            (account(&message.owner)?, TronAction::Freeze { resource, amount })
        }
        55 => {
            let message = Freeze::decode(value).map_err(bad)?;
            let (resource, amount) = (resource(message.resource)?, unsigned(message.amount, "the stake")?);
            (account(&message.owner)?, TronAction::Unfreeze { resource, amount })
        }
        56 => (account(&Collect::decode(value).map_err(bad)?.owner)?, TronAction::Collect),
        57 => {
            let message = Delegate::decode(value).map_err(bad)?;
            let (resource, amount) = (resource(message.resource)?, unsigned(message.balance, "the stake")?);
            (account(&message.owner)?, TronAction::Delegate { to: account(&message.receiver)?, resource, amount })
        }
        58 => {
            let message = Delegate::decode(value).map_err(bad)?;
            let (resource, amount) = (resource(message.resource)?, unsigned(message.balance, "the stake")?);
            (account(&message.owner)?, TronAction::Undelegate { from: account(&message.receiver)?, resource, amount })
        }
        other => return Err(TxError::NotUnderstood(format!("contracts of type {other} are not built here"))),
    })
}

fn type_url(name: &str) -> String {
    format!("type.googleapis.com/protocol.{name}")
}

fn account(bytes: &[u8]) -> Result<Account, TxError> {
    without_prefix(bytes).ok_or_else(|| TxError::malformed(WHAT, "an address is not 21 bytes that begin with 0x41"))
}

const fn number(resource: Resource) -> i32 {
    match resource {
        Resource::Bandwidth => 0,
        Resource::Energy => 1,
    }
}

fn resource(number: i32) -> Result<Resource, TxError> {
    match number {
        0 => Ok(Resource::Bandwidth),
        1 => Ok(Resource::Energy),
        other => Err(TxError::NotUnderstood(format!("there is no resource {other}"))),
    }
}

fn signed(value: u64, what: &str) -> Result<i64, TxError> {
    i64::try_from(value).map_err(|_| TxError::Amount(format!("{what} is beyond 63 bits")))
}

fn unsigned(value: i64, what: &str) -> Result<u64, TxError> {
    u64::try_from(value).map_err(|_| TxError::Amount(format!("{what} is negative")))
}
