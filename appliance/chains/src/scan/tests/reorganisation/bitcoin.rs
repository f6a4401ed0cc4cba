//! Bitcoin: outputs, in blocks that come as bytes.

use ::bitcoin::absolute::LockTime;
use ::bitcoin::block::Version as BlockVersion;
use ::bitcoin::consensus::serialize;
use ::bitcoin::hashes::Hash;
use ::bitcoin::transaction::Version;
use ::bitcoin::{
    Amount as Value, CompactTarget, ScriptBuf, Sequence, Transaction, TxIn, TxMerkleNode, TxOut, Txid, WPubkeyHash,
    Witness,
};
use exchequer_domain::{BlockHash, Network, Place};
use rand::RngExt;
use rand::rngs::StdRng;

use super::super::*;
use super::family::{Family, Sealed};
use super::faults::Fault::{self, *};
use crate::node::NodeError;
use crate::node::testing::{bitcoin_block, bitcoin_header};
use crate::scan::bitcoin_name;
use crate::scan::key::script_text;
use crate::{Coin, NetworkParams};

/// Whose outputs there are: two of ours, and one that is not.
const OWNERS: [u8; 3] = [1, 2, 7];

/// Bitcoin as all worlds have it.
pub(super) struct Bitcoin;

/// A block's name as it was asked for, and its bytes.
type Reply = (String, Vec<u8>);

fn script(number: u8) -> ScriptBuf {
    ScriptBuf::new_p2wpkh(&WPubkeyHash::from_byte_array([number; 20]))
}

fn tx(random: &mut StdRng, input: TxIn) -> Transaction {
    let output = |random: &mut StdRng| {
        let value = Value::from_sat(random.random_range(0..9));
        TxOut { value, script_pubkey: script(OWNERS[random.random_range(0..OWNERS.len())]) }
    };
    let output = (0..random.random_range(1..4)).map(|_| output(random)).collect();
    Transaction { version: Version::TWO, lock_time: LockTime::ZERO, input: vec![input], output }
}

fn input(previous_output: ::bitcoin::OutPoint, script_sig: ScriptBuf) -> TxIn {
    TxIn { previous_output, script_sig, sequence: Sequence::MAX, witness: Witness::new() }
}

fn reply(block: &::bitcoin::Block, name: BlockHash) -> Reply {
    (name.to_string(), serialize(block))
}

fn decoded(reply: &Reply) -> ::bitcoin::Block {
    ::bitcoin::consensus::deserialize(&reply.1).unwrap()
}

impl Family for Bitcoin {
    const NETWORK: Network = Network::Bitcoin;
    const FAULTS: &'static [Fault] = &[
        Behind, Left, Missing, Silent, Repeated, DoubledTx, Swapped, MixedTxs, Amount, Hidden, Invented, MadeUp,
        Finality,
    ];
    type Tx = Transaction;
    type Reply = Reply;

    fn of_world(_: &mut StdRng) -> Bitcoin {
        Bitcoin
    }

    fn own() -> Ours {
        let keys = OWNERS[..2].iter().map(|owner| Key::of_script(script(*owner).as_bytes()));
        Ours { keys: keys.collect(), coins: HashSet::new() }
    }

    fn first(random: &mut StdRng, name: [u8; 32]) -> Option<Transaction> {
        Some(tx(random, input(::bitcoin::OutPoint::null(), ScriptBuf::from_bytes(name.to_vec()))))
    }

    fn transaction(random: &mut StdRng, name: [u8; 32]) -> Transaction {
        let coin = ::bitcoin::OutPoint { txid: Txid::from_byte_array(name), vout: 0 };
        tx(random, input(coin, ScriptBuf::new()))
    }

    fn payment(random: &mut StdRng, name: [u8; 32]) -> Transaction {
        let mut paid = Bitcoin::transaction(random, name);
        paid.output[0] = TxOut { value: Value::from_sat(7), script_pubkey: script(OWNERS[0]) };
        paid
    }

    fn again(_: &mut StdRng, tx: &Transaction) -> Option<Transaction> {
        (!tx.is_coinbase()).then(|| tx.clone())
    }

    fn arrivals(tx: &Transaction) -> Vec<Sighting> {
        let params = NetworkParams::mainnet(Bitcoin::NETWORK);
        let (name, coinbase, strange) = (bitcoin_name(tx), tx.is_coinbase(), script(OWNERS[2]));
        let outputs = (0..).zip(&tx.output);
        let outputs = outputs.filter(|(_, output)| output.script_pubkey != strange && output.value.to_sat() > 0);
        outputs
            .map(|(vout, output)| Sighting {
                tx: name,
                place: Place::Output(vout),
                address: script_text(&params, &output.script_pubkey).unwrap(),
                coin: Coin::Native,
                amount: u128::from(output.value.to_sat()),
                from_own: false,
                coinbase,
            })
            .collect()
    }

    fn seal(&self, height: u64, parent: BlockHash, salt: [u8; 32], txs: Vec<Transaction>) -> Sealed<Bitcoin> {
        let mut before = parent.0;
        before.reverse();
        let nonce = u32::from_be_bytes(salt[8..12].try_into().unwrap());
        let header = ::bitcoin::block::Header {
            version: BlockVersion::TWO,
            prev_blockhash: ::bitcoin::BlockHash::from_byte_array(before),
            merkle_root: TxMerkleNode::all_zeros(),
            time: 1_700_000_000 + u32::try_from(height).unwrap(),
            bits: CompactTarget::from_consensus(0x1d00_ffff),
            nonce,
        };
        let mut block = ::bitcoin::Block { header, txdata: txs };
        block.header.merkle_root = block.compute_merkle_root().unwrap();
        let name: BlockHash = block.block_hash().to_string().parse().unwrap();
        let reply = reply(&block, name);
        Sealed { header: bitcoin_header(height, &reply.0, &reply.1[..80]).unwrap(), txs: block.txdata, reply }
    }

    fn change(random: &mut StdRng, tx: &mut Transaction, fault: Fault) -> bool {
        let any = random.random_range(0..tx.output.len());
        let value = &mut tx.output[any].value;
        if fault == Amount {
            *value = Value::from_sat(value.to_sat() + 1);
        }
        fault == Amount
    }

    fn forge(&self, random: &mut StdRng, truth: &Sealed<Bitcoin>, txs: Vec<Transaction>) -> Reply {
        let mut block = decoded(&truth.reply);
        block.txdata = txs;
        // With a root that fits what it says, or with the block's own.
        if random.random() {
            block.header.merkle_root = block.compute_merkle_root().unwrap_or(block.header.merkle_root);
        }
        reply(&block, truth.header.block.hash)
    }

    fn misdate(&self, _: &Sealed<Bitcoin>, _: BlockHash, _: bool) -> Option<Reply> {
        None
    }

    fn outcomes(_: &mut StdRng, _: &mut Reply, _: Fault) -> bool {
        false
    }

    fn refuses(&self, fault: Fault) -> bool {
        matches!(fault, DoubledTx | MixedTxs | Amount | Hidden | Invented)
    }

    fn read(&self, height: u64, reply: &Reply) -> Result<Block, NodeError> {
        bitcoin_block(height, &reply.0, &reply.1).map(Block::Bitcoin)
    }

    fn read_header(&self, height: u64, reply: &Reply) -> Result<Header, NodeError> {
        bitcoin_header(height, &reply.0, &reply.1[..80])
    }
}
