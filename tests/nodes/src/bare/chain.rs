//! The chain: accounts, what waits, and blocks.
//!
//! Invariants: a transaction is in the chain once; of an account's the numbers follow each other; nobody pays more than it has.

use std::collections::{BTreeMap, HashMap};

use super::seal::{self, BLOOM_BYTES, string};
use crate::shim::{Sent, keccak, listed, written};

/// What a transfer uses.
pub(super) const TRANSFER_GAS: u64 = 21_000;
/// What the transactions of one block may use.
pub(super) const BLOCK_GAS: u64 = 30_000_000;
/// What the chain takes for a unit of gas, in wei: always the same.
pub(super) const BASE_FEE: u128 = 1_000_000_000;
/// A replacement offers so many percent more.
const REPLACE_PERCENT: u128 = 110;

pub(super) type Account = [u8; 20];
pub(super) type Hash = [u8; 32];

/// A transfer that waits or is in a block.
#[derive(Debug, Clone)]
pub(super) struct Tx {
    pub(super) hash: Hash,
    pub(super) from: Account,
    pub(super) to: Account,
    pub(super) nonce: u64,
    pub(super) value: u128,
    pub(super) max_fee: u128,
    pub(super) tip: u128,
    pub(super) gas: u64,
    pub(super) raw: Vec<u8>,
}

impl Tx {
    /// A transfer that somebody signed.
    pub(super) fn signed(sent: &Sent, raw: Vec<u8>) -> Option<Tx> {
        let Sent { hash, sender, to, value, nonce, max_fee, tip, gas, .. } = *sent;
        Some(Tx { hash, from: sender, to: to?, nonce, value, max_fee, tip, gas, raw })
    }

    pub(super) fn price(&self) -> u128 {
        self.max_fee.min(BASE_FEE + self.tip)
    }
}

#[derive(Debug)]
pub(super) struct Block {
    pub(super) hash: Hash,
    pub(super) parent: Hash,
    pub(super) height: u64,
    pub(super) time_s: u64,
    pub(super) txs: Vec<Tx>,
    pub(super) txs_root: Hash,
    pub(super) receipts_root: Hash,
}

impl Block {
    pub(super) fn gas_used(&self) -> u64 {
        self.txs.len() as u64 * TRANSFER_GAS
    }

    fn name(&self) -> Hash {
        let no_uncles = keccak(&listed(&[]));
        let fields = [
            string(&self.parent),
            string(&no_uncles),
            string(&[0; 20]),
            string(&[0; 32]),
            string(&self.txs_root),
            string(&self.receipts_root),
            string(&[0; BLOOM_BYTES]),
            written(0),
            written(self.height),
            written(BLOCK_GAS),
            written(self.gas_used()),
            written(self.time_s),
            string(&[]),
            string(&[0; 32]),
            string(&[0; 8]),
            written(BASE_FEE as u64),
        ];
        keccak(&listed(&fields.concat()))
    }
}

/// An account after a block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) nonce: u64,
    pub(super) balance: u128,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub(super) blocks: Vec<Block>,
    heights: HashMap<Hash, u64>,
    /// Where a transaction is: block and place.
    places: HashMap<Hash, (u64, usize)>,
    /// After which block an account was how.
    accounts: HashMap<Account, Vec<(u64, Standing)>>,
    waiting: HashMap<Account, BTreeMap<u64, Tx>>,
    waiting_of: HashMap<Hash, (Account, u64)>,
}

impl Chain {
    pub(super) fn new(time_s: u64) -> Chain {
        let mut chain = Chain::default();
        chain.mine(time_s);
        chain
    }

    pub(super) fn head(&self) -> u64 {
        (self.blocks.len() as u64).saturating_sub(1)
    }

    pub(super) fn block(&self, height: u64) -> Option<&Block> {
        self.blocks.get(usize::try_from(height).ok()?)
    }

    pub(super) fn height_of(&self, hash: &Hash) -> Option<u64> {
        self.heights.get(hash).copied()
    }

    /// A transaction's block and place.
    pub(super) fn place(&self, hash: &Hash) -> Option<(&Block, usize)> {
        let (height, at) = self.places.get(hash)?;
        Some((self.block(*height)?, *at))
    }

    pub(super) fn waits(&self, hash: &Hash) -> Option<&Tx> {
        let (account, nonce) = self.waiting_of.get(hash)?;
        self.waiting.get(account)?.get(nonce)
    }

    /// How an account was after a block.
    pub(super) fn standing(&self, account: &Account, height: u64) -> Standing {
        let told = self.accounts.get(account).map(Vec::as_slice).unwrap_or_default();
        let after = told.partition_point(|(at, _)| *at <= height);
        after.checked_sub(1).and_then(|at| told.get(at)).map_or_else(Standing::default, |(_, standing)| *standing)
    }

    /// The next number of an account with all that waits in a row.
    pub(super) fn pending_nonce(&self, account: &Account) -> u64 {
        let next = self.standing(account, self.head()).nonce;
        let own = self.waiting.get(account).into_iter().flat_map(BTreeMap::keys);
        own.fold(next, |next, nonce| if *nonce == next { next + 1 } else { next })
    }

    /// Takes a transaction, in the words of a node where it does not.
    pub(super) fn take(&mut self, tx: Tx) -> Result<(), &'static str> {
        if self.waiting_of.contains_key(&tx.hash) || self.places.contains_key(&tx.hash) {
            return Err("already known");
        }
        let standing = self.standing(&tx.from, self.head());
        if tx.nonce < standing.nonce {
            return Err("nonce too low");
        }
        if tx.gas < TRANSFER_GAS {
            return Err("intrinsic gas too low");
        }
        if tx.max_fee < BASE_FEE {
            return Err("max fee per gas less than block base fee");
        }
        if standing.balance < tx.value.saturating_add(tx.max_fee.saturating_mul(tx.gas.into())) {
            return Err("insufficient funds for gas * price + value");
        }
        let own = self.waiting.entry(tx.from).or_default();
        if let Some(old) = own.get(&tx.nonce) {
            let enough = |old: u128, new: u128| new.saturating_mul(100) >= old.saturating_mul(REPLACE_PERCENT);
            if !enough(old.max_fee, tx.max_fee) || !enough(old.tip, tx.tip) {
                return Err("replacement transaction underpriced");
            }
            self.waiting_of.remove(&old.hash);
        }
        self.waiting_of.insert(tx.hash, (tx.from, tx.nonce));
        own.insert(tx.nonce, tx);
        Ok(())
    }

    /// Gives an account coin out of nothing, in the next block, as a transfer from nowhere.
    pub(super) fn give(&mut self, to: Account, value: u128) -> Hash {
        let from = [0xbe; 20];
        let nonce = self.pending_nonce(&from);
        let height = self.head();
        let told = self.accounts.entry(from).or_default();
        let before = told.last().map_or_else(Standing::default, |(_, standing)| *standing);
        let more = value.saturating_add(u128::from(TRANSFER_GAS) * BASE_FEE);
        told.push((height, Standing { balance: before.balance.saturating_add(more), ..before }));
        let raw = [&to[..], &nonce.to_be_bytes()].concat();
        let (hash, max_fee) = (keccak(&raw), BASE_FEE);
        let tx = Tx { hash, from, to, nonce, value, max_fee, tip: 0, gas: TRANSFER_GAS, raw };
        self.waiting_of.insert(hash, (from, nonce));
        self.waiting.entry(from).or_default().insert(nonce, tx);
        hash
    }

    /// Makes a block of what can be in it.
    pub(super) fn mine(&mut self, time_s: u64) {
        let height = self.blocks.len() as u64;
        let mut room = usize::try_from(BLOCK_GAS / TRANSFER_GAS).unwrap_or(0);
        let mut txs: Vec<Tx> = Vec::new();
        let mut senders: Vec<Account> =
            self.waiting.iter().filter(|(_, own)| !own.is_empty()).map(|(from, _)| *from).collect();
        senders.sort_unstable();
        for from in senders {
            while room > 0 {
                let standing = self.standing(&from, height);
                let Some(own) = self.waiting.get_mut(&from) else { break };
                let Some(tx) = own.get(&standing.nonce) else { break };
                let cost = tx.value.saturating_add(tx.price().saturating_mul(TRANSFER_GAS.into()));
                // It waits until the account has as much.
                let Some(left) = standing.balance.checked_sub(cost) else { break };
                let Some(tx) = own.remove(&standing.nonce) else { break };
                room -= 1;
                self.waiting_of.remove(&tx.hash);
                self.put(from, height, Standing { nonce: standing.nonce + 1, balance: left });
                let gets = self.standing(&tx.to, height);
                self.put(tx.to, height, Standing { balance: gets.balance.saturating_add(tx.value), ..gets });
                self.places.insert(tx.hash, (height, txs.len()));
                txs.push(tx);
            }
        }
        let raws: Vec<Vec<u8>> = txs.iter().map(|tx| tx.raw.clone()).collect();
        let receipts: Vec<Vec<u8>> = (1..=txs.len() as u64).map(|at| seal::receipt(at * TRANSFER_GAS)).collect();
        let last = self.blocks.last();
        let mut block = Block {
            hash: [0; 32],
            parent: last.map_or([0; 32], |last| last.hash),
            height,
            time_s: last.map_or(time_s, |last| last.time_s.max(time_s)),
            txs,
            txs_root: seal::root(&raws),
            receipts_root: seal::root(&receipts),
        };
        block.hash = block.name();
        self.heights.insert(block.hash, height);
        self.blocks.push(block);
    }

    fn put(&mut self, account: Account, height: u64, standing: Standing) {
        let told = self.accounts.entry(account).or_default();
        match told.last_mut() {
            Some((at, last)) if *at == height => *last = standing,
            Some(_) | None => told.push((height, standing)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tx(from: u8, nonce: u64, max_fee: u128, value: u128) -> Tx {
        let hash = keccak(&[&[from], &nonce.to_be_bytes()[..], &max_fee.to_be_bytes()].concat());
        let raw = hash.to_vec();
        Tx { hash, from: [from; 20], to: [9; 20], nonce, value, max_fee, tip: 0, gas: TRANSFER_GAS, raw }
    }

    /// Goal: numbers follow each other, a transaction is taken once, and one takes the place of another for more alone. Method: what
    /// comes too early waits, what comes too late, twice or too cheap is refused, and the receiver has each payment once.
    #[test]
    fn what_is_taken_and_mined() {
        let mut chain = Chain::new(1);
        chain.give([1; 20], 10_u128.pow(18));
        chain.mine(2);
        assert_eq!(chain.take(tx(1, 1, BASE_FEE, 7)), Ok(()));
        chain.mine(3);
        assert_eq!((chain.standing(&[9; 20], 2).balance, chain.pending_nonce(&[1; 20])), (0, 0));
        assert_eq!(chain.take(tx(1, 0, BASE_FEE, 5)), Ok(()));
        assert_eq!(chain.take(tx(1, 0, BASE_FEE, 5)), Err("already known"));
        assert_eq!(chain.take(tx(1, 0, BASE_FEE + 1, 5)), Err("replacement transaction underpriced"));
        assert_eq!(chain.take(tx(1, 0, BASE_FEE * 2, 6)), Ok(()));
        assert_eq!(chain.pending_nonce(&[1; 20]), 2);
        chain.mine(4);
        assert_eq!(chain.standing(&[9; 20], 3).balance, 13);
        assert_eq!(chain.standing(&[9; 20], 2).balance, 0, "what was before stays as it was");
        assert_eq!(chain.take(tx(1, 0, BASE_FEE * 3, 5)), Err("nonce too low"));
        assert_eq!(chain.take(tx(1, 1, BASE_FEE, 7)), Err("already known"));
        assert_eq!(
            chain.take(tx(1, 2, BASE_FEE, 10_u128.pow(18))).unwrap_err().split(' ').next(),
            Some("insufficient")
        );
        assert_eq!(chain.take(tx(1, 2, BASE_FEE - 1, 1)).unwrap_err().split(' ').next(), Some("max"));
    }
}
