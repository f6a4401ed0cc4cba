//! What blocks say, as far as money needs it: fields of nodes that are not read here do not make a block unreadable.

use exchequer_domain::{BlockHash, BlockRef, TxId};

use crate::rpc::Wide;

/// A block's name and its parent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// The block.
    pub block: BlockRef,
    /// The hash of the block before it; of the first one whatever its network says.
    pub parent: BlockHash,
    /// When it was made, as its maker says, in milliseconds since 1970.
    pub time_ms: u64,
}

/// A block with everything in it that moves money. Whoever makes one has compared its parts with each other.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Of the Bitcoin family.
    Bitcoin(BitcoinBlock),
    /// Of the EVM family.
    Evm(EvmBlock),
    /// Of TRON.
    Tron(TronBlock),
}

impl Block {
    /// Its name and its parent's.
    #[must_use]
    pub fn header(&self) -> Header {
        match self {
            Block::Bitcoin(block) => block.header,
            Block::Evm(block) => block.header,
            Block::Tron(block) => block.header,
        }
    }

    /// Whether its name commits to all that is scanned in it, and whoever made this has seen that it does: then nothing can have
    /// been left out. Headers of EVM networks commit to bodies that are not computed here, and not to calls; TRON's to no logs.
    #[must_use]
    pub const fn proves_itself(&self) -> bool {
        match self {
            Block::Bitcoin(_) => true,
            Block::Evm(_) | Block::Tron(_) => false,
        }
    }

    /// The names of its transactions, in its order.
    #[must_use]
    pub fn transactions(&self) -> Vec<TxId> {
        match self {
            Block::Bitcoin(block) => block.txs.iter().map(crate::scan::bitcoin::name).collect(),
            Block::Evm(block) => block.txs.iter().map(|tx| tx.hash).collect(),
            Block::Tron(block) => block.txs.iter().map(|tx| tx.id).collect(),
        }
    }
}

/// A block of Bitcoin, decoded from its bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct BitcoinBlock {
    /// Its name.
    pub header: Header,
    /// Its transactions; the first is the one that makes coins.
    pub txs: Vec<bitcoin::Transaction>,
}

/// A block of an EVM network.
#[derive(Debug, Clone, PartialEq)]
pub struct EvmBlock {
    /// Its name.
    pub header: Header,
    /// Its transactions.
    pub txs: Vec<EvmTx>,
    /// One for each transaction, in the same order.
    pub receipts: Vec<EvmReceipt>,
    /// The calls of each transaction, in the same order, where the node traces. A transaction's are in the order in which they
    /// were made; the first one is the transaction itself.
    pub traces: Option<Vec<Vec<Frame>>>,
}

/// A transaction of an EVM network.
#[derive(Debug, Clone, PartialEq)]
pub struct EvmTx {
    /// Its name.
    pub hash: TxId,
    /// Its kind: 0 to 4, and those of single networks.
    pub kind: u64,
    /// Who signed it.
    pub from: [u8; 20],
    /// Whom it calls; nobody where it makes a contract.
    pub to: Option<[u8; 20]>,
    /// The coin that it carries.
    pub value: Wide,
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct EvmReceipt {
    /// The transaction.
    pub tx: TxId,
    /// Whether it did what it says: `status` is 1.
    pub ok: bool,
    /// Its log, in its order.
    pub logs: Vec<EvmLog>,
}

/// An entry of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct EvmLog {
    /// The contract that wrote it.
    pub address: [u8; 20],
    /// At most four.
    pub topics: Vec<[u8; 32]>,
    /// What else it says.
    pub data: Vec<u8>,
    /// Whether the node takes it back.
    pub removed: bool,
}

/// A call. Calls that it made follow it, one deeper.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Inside of how many others.
    pub depth: u32,
    /// `CALL`, `DELEGATECALL`, `CREATE` and so on.
    pub kind: String,
    /// Who called.
    pub from: [u8; 20],
    /// Who was called.
    pub to: Option<[u8; 20]>,
    /// The coin that went along.
    pub value: Wide,
    /// Whether it failed by itself, and with it everything inside of it.
    pub failed: bool,
}

/// A block of TRON.
#[derive(Debug, Clone, PartialEq)]
pub struct TronBlock {
    /// Its name.
    pub header: Header,
    /// Its transactions.
    pub txs: Vec<TronTx>,
    /// One for each transaction, in the same order.
    pub infos: Vec<TronInfo>,
}

/// A transaction of TRON.
#[derive(Debug, Clone, PartialEq)]
pub struct TronTx {
    /// Its name.
    pub id: TxId,
    /// Whether `contractRet` is `SUCCESS`.
    pub ok: bool,
    /// What it does.
    pub contract: TronContract,
}

/// What a transaction of TRON does.
#[derive(Debug, Clone, PartialEq)]
pub enum TronContract {
    /// Moves the network's coin.
    Transfer {
        /// Who pays.
        from: [u8; 20],
        /// Who gets.
        to: [u8; 20],
        /// In sun.
        amount: u64,
    },
    /// Moves a token of the kind TRC-10, of which anybody can make one of any name.
    TransferAsset {
        /// Who gets.
        to: [u8; 20],
    },
    /// Calls a contract.
    Trigger {
        /// Who calls.
        from: [u8; 20],
        /// Which.
        contract: [u8; 20],
    },
    /// Something else, by its name: it moves nothing to an address, but for what a contract does while it is made.
    Other(String),
}

/// What became of a transaction of TRON.
#[derive(Debug, Clone, PartialEq)]
pub struct TronInfo {
    /// The transaction.
    pub id: TxId,
    /// Whether nothing in it says that it failed: `result` is absent.
    pub ok: bool,
    /// What the receipt says of a contract's call (`SUCCESS`); absent of other transactions.
    pub receipt: Option<String>,
    /// Its log; addresses without the prefix.
    pub logs: Vec<EvmLog>,
    /// Calls that carried coin, where the node keeps them.
    pub internal: Vec<TronInternal>,
}

/// A call inside of a transaction of TRON.
#[derive(Debug, Clone, PartialEq)]
pub struct TronInternal {
    /// Who called.
    pub from: [u8; 20],
    /// Who was called.
    pub to: [u8; 20],
    /// The coin that went along, in sun.
    pub value: u64,
    /// Whether it, or what it is inside of, failed.
    pub rejected: bool,
    /// `call`, `suicide`; other notes are movements within one account.
    pub note: String,
}
