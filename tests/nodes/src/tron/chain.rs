//! The chain: what is taken, what waits, what is in blocks, and what is solid.
//!
//! Blocks are made when they are asked for, three seconds of the chain's own time apart, by 27 makers in turn. The state
//! after each of the last blocks is kept, so that they can be given up.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use prost::Message as _;

use super::address::{Address, signer};
use super::execute::{Info, Read, execute};
use super::proto::{Header, Transaction, sha256};
use super::refusal::{Code, Refusal};
use super::world::{Account, World};
use crate::shim::keccak;

/// Makers of blocks.
pub const MAKERS: usize = 27;
/// A block is solid when so many makers have built on it, it included.
const SOLID: usize = 19;
/// Between two blocks, in milliseconds of the chain.
pub const BLOCK_MS: i64 = 3_000;
/// How far the time of a transaction may be off.
const DAY_MS: i64 = 86_400_000;
/// A transaction refers to one of so many last blocks.
const TAPOS_BLOCKS: u64 = 65_536;
/// Blocks that can be given up.
const KEPT: usize = 64;
/// A maker that was silent for so many blocks counts as one that never made any.
const LOOKED_AT: usize = 10 * MAKERS;
const MOST_BYTES: usize = 500 * 1024;
const VERSION: i32 = 31;

/// A transaction in a block.
#[derive(Debug, Clone)]
pub struct Mined {
    /// What it says.
    pub read: Read,
    /// What it did.
    pub info: Info,
}

/// A block.
#[derive(Debug, Clone)]
pub struct Block {
    /// Its name.
    pub id: [u8; 32],
    /// What the name is the hash of.
    pub header: Header,
    /// What is in it.
    pub transactions: Vec<Mined>,
}

impl Block {
    /// Its height.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.header.number.cast_unsigned()
    }
}

/// What becomes of the transactions of blocks that are given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Again {
    /// They wait again.
    All,
    /// They are lost.
    None,
    /// These wait again, the others are lost.
    Only(Vec<[u8; 32]>),
}

/// The chain.
#[derive(Debug)]
pub struct Chain {
    blocks: Vec<Block>,
    /// The state after each of the last blocks.
    states: VecDeque<Arc<World>>,
    places: HashMap<[u8; 32], (u64, usize)>,
    waiting: Vec<Read>,
    pending: Arc<World>,
    makers: Vec<Address>,
    /// Makers that are silent: what they would make is left out, and solidity comes later.
    pub silent: Vec<usize>,
    /// What waits is not put into blocks.
    pub held: bool,
    /// How much later each block is than the one before, in milliseconds: [`BLOCK_MS`] at first; more than zero. Where blocks are
    /// made faster than the public network's, its clock would run away from everybody else's.
    pub step_ms: i64,
    forks: u64,
}

impl Chain {
    /// A chain of one block, made at `now_ms`.
    #[must_use]
    pub fn new(now_ms: i64) -> Chain {
        // The public network's first block names a parent too: nothing would leave the field out of the answer.
        let parent_hash = keccak(b"before the first block").to_vec();
        let header =
            Header { timestamp: now_ms - now_ms % BLOCK_MS, version: VERSION, parent_hash, ..Header::default() };
        let first = Block { id: named(&header), header, transactions: Vec::new() };
        let world = Arc::new(World::default());
        let maker = |number: usize| keccak(format!("maker {number}").as_bytes());
        let makers =
            (0..MAKERS).filter_map(|number| Some(Address(maker(number).get(..20)?.try_into().ok()?))).collect();
        Chain {
            blocks: vec![first],
            states: VecDeque::from([world.clone()]),
            places: HashMap::new(),
            waiting: Vec::new(),
            pending: world,
            makers,
            silent: Vec::new(),
            held: false,
            step_ms: BLOCK_MS,
            forks: 0,
        }
    }

    /// The height of the last block.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    /// The height of the last solid block: of each maker's last block the ninth lowest.
    #[must_use]
    pub fn solid(&self) -> u64 {
        self.solid_at(self.head())
    }

    /// The same where the chain ends at `head`.
    #[must_use]
    pub fn solid_at(&self, head: u64) -> u64 {
        let mut last: HashMap<&[u8], u64> = HashMap::new();
        let recent = self.blocks.iter().take(head as usize + 1).rev().take(LOOKED_AT);
        for block in recent {
            last.entry(&block.header.witness_address).or_insert(block.number());
        }
        let mut heights: Vec<u64> =
            self.makers.iter().map(|maker| last.get(maker.bytes().as_slice()).copied().unwrap_or(0)).collect();
        heights.sort_unstable();
        heights.get(MAKERS - SOLID).copied().unwrap_or(0)
    }

    /// The time of the last block.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.blocks.last().map_or(0, |block| block.header.timestamp)
    }

    /// A block.
    #[must_use]
    pub fn block(&self, number: u64) -> Option<&Block> {
        self.blocks.get(usize::try_from(number).ok()?)
    }

    /// A block by its name.
    #[must_use]
    pub fn by_id(&self, id: &[u8]) -> Option<&Block> {
        let number = u64::from_be_bytes(id.get(..8)?.try_into().ok()?);
        self.block(number).filter(|block| block.id == id)
    }

    /// A transaction in a block.
    #[must_use]
    pub fn find(&self, id: &[u8; 32]) -> Option<(&Block, &Mined)> {
        let (number, index) = *self.places.get(id)?;
        let block = self.block(number)?;
        Some((block, block.transactions.get(index)?))
    }

    /// What waits.
    #[must_use]
    pub fn waiting(&self) -> &[Read] {
        &self.waiting
    }

    /// Forgets what waits, as nodes that were all restarted do.
    pub fn forget_waiting(&mut self) {
        self.waiting.clear();
        self.pending = self.state();
    }

    /// The state after the last block.
    #[must_use]
    pub fn state(&self) -> Arc<World> {
        self.states.back().cloned().unwrap_or_default()
    }

    /// The state after the block of this height; the oldest that is kept where it is older.
    #[must_use]
    pub fn state_at(&self, number: u64) -> Arc<World> {
        let back = usize::try_from(self.head().saturating_sub(number)).unwrap_or(usize::MAX);
        let place = self.states.len().saturating_sub(1).saturating_sub(back);
        self.states.get(place).cloned().unwrap_or_default()
    }

    /// The state after what waits.
    #[must_use]
    pub fn pending(&self) -> Arc<World> {
        self.pending.clone()
    }

    /// Changes the state past all rules, for tests: in the last block, and in what waits.
    pub fn change(&mut self, mut how: impl FnMut(&mut World)) {
        let mut world = (*self.state()).clone();
        how(&mut world);
        if let Some(last) = self.states.back_mut() {
            *last = Arc::new(world);
        }
        let mut pending = (*self.pending).clone();
        how(&mut pending);
        self.pending = Arc::new(pending);
    }

    /// Gives an account so much more, and activates it.
    pub fn fund(&mut self, to: Address, sun: i64) {
        let now = self.now_ms();
        self.change(|world| {
            let account = world.accounts.entry(to).or_insert_with(|| Account { created_ms: now, ..Account::default() });
            account.balance = account.balance.saturating_add(sun);
        });
    }

    /// Takes a transaction, or says why not.
    ///
    /// # Errors
    /// Why not.
    pub fn broadcast(&mut self, bytes: &[u8], keep: bool) -> Result<[u8; 32], Refusal> {
        if bytes.len() > MOST_BYTES {
            return Err(Refusal::new(Code::TooBigTransactionError, "Transaction size is too big."));
        }
        let transaction = Transaction::decode(bytes);
        let transaction = transaction.map_err(|_| Refusal::new(Code::OtherError, "the bytes are no transaction"))?;
        let id = transaction.id();
        if self.places.contains_key(&id) || self.waiting.iter().any(|read| read.transaction.id() == id) {
            return Err(Refusal::new(Code::DupTransactionError, "Dup transaction."));
        }
        let read = Read::of(transaction)?;
        self.admit(&read)?;
        let mut world = (*self.pending).clone();
        execute(&mut world, &read, self.now_ms())?;
        if keep {
            self.pending = Arc::new(world);
            self.waiting.push(read);
        }
        Ok(id)
    }

    /// What is judged before it is executed.
    fn admit(&self, read: &Read) -> Result<(), Refusal> {
        let signed = |text: &str| Refusal::new(Code::SigError, &format!("Validate signature error: {text}"));
        let [signature, ..] = read.transaction.signatures.as_slice() else {
            return Err(signed("miss sig or contract"));
        };
        if read.transaction.signatures.len() > 1 {
            return Err(signed("too many signatures"));
        }
        let signer = signer(&read.transaction.id(), signature).ok_or_else(|| signed("Header has invalid signature"))?;
        if signer != read.owner {
            return Err(signed(&format!("{signer} is not contained of permission.")));
        }
        self.tapos(read)?;
        let (expiration, now) = (read.raw.expiration, self.now_ms());
        if expiration <= now || expiration > now + DAY_MS || expiration < now + BLOCK_MS {
            let text = format!(
                "Transaction expiration, transaction expiration time is {expiration}, but headBlockTime is {now}"
            );
            return Err(Refusal::new(Code::TransactionExpirationError, &text));
        }
        Ok(())
    }

    fn tapos(&self, read: &Read) -> Result<(), Refusal> {
        let wrong = || Refusal::new(Code::TaposError, "Tapos check error.");
        let low: [u8; 2] = read.raw.ref_block_bytes.as_slice().try_into().map_err(|_| wrong())?;
        let (low, head) = (u64::from(u16::from_be_bytes(low)), self.head());
        // The last block whose height ends in these bytes.
        let back = head.wrapping_sub(low) % TAPOS_BLOCKS;
        let block = head.checked_sub(back).and_then(|number| self.block(number)).ok_or_else(wrong)?;
        if block.id.get(8..16) == Some(read.raw.ref_block_hash.as_slice()) { Ok(()) } else { Err(wrong()) }
    }

    /// Makes so many blocks.
    pub fn mine(&mut self, blocks: u64) {
        for _ in 0..blocks {
            self.mine_one();
        }
    }

    fn mine_one(&mut self) {
        let (parent, time) = self.blocks.last().map_or(([0; 32], 0), |block| (block.id, block.header.timestamp));
        let number = self.head() + 1;
        let step = self.step_ms.max(1);
        let mut time = time + step;
        // The place in turn follows from the time, so that a silent maker leaves a gap.
        let mut turn = (time / step).cast_unsigned() as usize % MAKERS;
        for _ in 0..MAKERS {
            if !self.silent.contains(&turn) {
                break;
            }
            time += step;
            turn = (turn + 1) % MAKERS;
        }
        let waiting = if self.held { Vec::new() } else { std::mem::take(&mut self.waiting) };
        let (world, transactions) = self.run(waiting, time);
        let names: Vec<u8> = transactions.iter().flat_map(|mined| mined.read.transaction.id()).collect();
        let maker = self.makers.get(turn).map(|maker| maker.bytes()).unwrap_or_default();
        // The root of nothing is zeros, as clients know that a block is empty.
        let root = if transactions.is_empty() { vec![0; 32] } else { sha256(&names).to_vec() };
        let header = Header {
            timestamp: time,
            tx_trie_root: root,
            parent_hash: parent.to_vec(),
            number: number.cast_signed(),
            witness_address: maker,
            // Blocks of the same content on two forks have two names: the number of the fork is in the version.
            version: VERSION + i32::try_from(self.forks).unwrap_or(0),
        };
        for (index, mined) in transactions.iter().enumerate() {
            self.places.insert(mined.read.transaction.id(), (number, index));
        }
        self.blocks.push(Block { id: named(&header), header, transactions });
        self.states.push_back(world);
        if self.states.len() > KEPT {
            self.states.pop_front();
        }
        self.settle();
    }

    /// Executes what waits on the last state. What cannot be done any more is dropped, as nodes drop it.
    fn run(&self, waiting: Vec<Read>, now_ms: i64) -> (Arc<World>, Vec<Mined>) {
        let (mut state, mut mined) = (self.state(), Vec::new());
        for read in waiting {
            let late = read.raw.expiration < now_ms || self.tapos(&read).is_err();
            let mut world = (*state).clone();
            if !late && let Ok(info) = execute(&mut world, &read, now_ms) {
                state = Arc::new(world);
                mined.push(Mined { read, info });
            }
        }
        (state, mined)
    }

    /// What still waits is executed anew on the new head.
    fn settle(&mut self) {
        let (now, waiting) = (self.now_ms(), std::mem::take(&mut self.waiting));
        let mut state = self.state();
        for read in waiting {
            let mut world = (*state).clone();
            if read.raw.expiration > now && execute(&mut world, &read, now).is_ok() {
                state = Arc::new(world);
                self.waiting.push(read);
            }
        }
        self.pending = state;
    }

    /// Gives up the last `depth` blocks and makes one more than that in their place. With `beyond` also solid ones.
    ///
    /// # Errors
    /// When that would give up a solid block, or one whose state is not kept.
    pub fn fork(&mut self, depth: u64, again: &Again, beyond: bool) -> Result<(), String> {
        if !beyond && self.head().saturating_sub(depth) < self.solid() {
            return Err(format!("{depth} blocks back is below the last solid one"));
        }
        if depth >= self.states.len() as u64 {
            return Err(format!("the state of {depth} blocks back is not kept"));
        }
        let mut lost = Vec::new();
        for _ in 0..depth {
            let (Some(block), Some(_)) = (self.blocks.pop(), self.states.pop_back()) else { break };
            lost.splice(0..0, block.transactions);
        }
        self.forks += 1;
        for mined in lost {
            let id = mined.read.transaction.id();
            self.places.remove(&id);
            let kept = match again {
                Again::All => true,
                Again::None => false,
                Again::Only(ids) => ids.contains(&id),
            };
            if kept {
                self.waiting.push(mined.read);
            }
        }
        // One empty block first, so that what comes back stands elsewhere than it stood.
        let held = std::mem::replace(&mut self.held, true);
        self.mine_one();
        self.held = held;
        self.mine(depth);
        Ok(())
    }
}

/// A block's name: its height, then the hash of its header from the ninth byte on.
fn named(header: &Header) -> [u8; 32] {
    let mut id = sha256(&header.encode_to_vec());
    id[..8].copy_from_slice(&header.number.to_be_bytes());
    id
}
