//! A network that is played for payments, of whatever family: what excludes what, waiting transactions, blocks, reorganisations.
//! Whatever is broadcast counts, whoever sent it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use exchequer_domain::{BlockHash, BlockRef, ChainAddress, Family, Network, OutPoint, TxId};
use exchequer_workers::chains::node::{
    Account, Asking, Broadcast, ChainNode, Doing, Fate, FeeFacts, Heads, Hindrance, NodeError, OutputFacts, Transfer,
    Trial, TrialCall, TronAccount,
};
use exchequer_workers::chains::scan::{BitcoinBlock, Block, EvmBlock, Header, TronBlock};
use exchequer_workers::chains::{Coin, EffectKind, Effects, Exclusion, NetworkParams, Unsigned};
use exchequer_workers::kinds::nodes::params;
use parking_lot::Mutex;

use super::Dice;

const GWEI: u128 = 1_000_000_000;
/// When the first block is made, in milliseconds since 1970: a bit before replicated time begins.
const BEGAN_MS: u64 = 1_764_000_000_000;

#[derive(Clone)]
pub(super) struct Tx {
    pub(super) id: TxId,
    unsigned: Unsigned,
    pub(super) effects: Effects,
}

impl Tx {
    /// What it offers, to be compared among those that exclude each other.
    fn offer(&self) -> u128 {
        self.effects.fee_max
    }
}

/// The truth.
pub(super) struct Net {
    pub(super) network: Network,
    params: NetworkParams,
    blocks: Vec<(Header, Vec<Tx>)>,
    waiting: Vec<Tx>,
    dice: Dice,
    finalized: u64,
    /// Of blocks so many, of four, pass over what waits; four for none that takes anything.
    pub(super) lazy: u64,
    /// Transactions of one block, at most.
    pub(super) block_max: usize,
    /// Nonces that somebody else used, by account, with the height of each.
    foreign: BTreeMap<ChainAddress, Vec<u64>>,
    /// The price of everything, in percent of the usual.
    pub(super) dear: u128,
    /// Whoever is paid by a call that fails.
    pub(super) barred: BTreeSet<String>,
    /// Transactions that take effect and do nothing.
    pub(super) reverts: bool,
    /// Senders of which everything takes effect and does nothing.
    pub(super) failing: BTreeSet<String>,
    /// Milliseconds since the first block.
    pub(super) clock_ms: u64,
    /// Every transaction that an endpoint was ever given.
    pub(super) offered: BTreeSet<TxId>,
    /// Nobody answers a broadcast; whether it is taken all the same.
    pub(super) silent: Option<bool>,
    /// Tokens move without a log.
    pub(super) logless: bool,
    /// Tokens say no and do not fail.
    pub(super) says_no: bool,
    /// With how many decimals every token counts; none tells it otherwise.
    pub(super) decimals: Option<u8>,
    /// This endpoint says of no account that it has staked or lent anything.
    pub(super) stakeless: Option<&'static str>,
    /// Loans that somebody else took back: at which height, whose, from whom, how much.
    taken: Vec<(u64, ChainAddress, ChainAddress, u128)>,
}

impl Net {
    pub(super) fn new(network: Network, seed: u64) -> Net {
        let block = BlockRef { height: 0, hash: BlockHash([1; 32]) };
        let first = Header { block, parent: BlockHash([0; 32]), time_ms: BEGAN_MS };
        Net {
            network,
            params: params(network, true),
            blocks: vec![(first, Vec::new())],
            waiting: Vec::new(),
            dice: Dice::new(seed),
            finalized: 0,
            lazy: 1,
            block_max: 20,
            foreign: BTreeMap::new(),
            dear: 100,
            barred: BTreeSet::new(),
            reverts: false,
            failing: BTreeSet::new(),
            clock_ms: 0,
            offered: BTreeSet::new(),
            silent: None,
            logless: false,
            says_no: false,
            decimals: None,
            stakeless: None,
            taken: Vec::new(),
        }
    }

    /// Blocks from the head down that are not final.
    const fn finality(&self) -> u64 {
        6
    }

    pub(super) fn head(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    /// Whether a transaction does what it says.
    pub(super) fn works(&self, tx: &Tx) -> bool {
        !self.reverts && !tx.effects.from.iter().any(|from| self.failing.contains(from.as_str()))
    }

    pub(super) fn mined(&self) -> impl Iterator<Item = (&Header, &Tx)> + Clone {
        self.blocks.iter().flat_map(|(header, txs)| txs.iter().map(move |tx| (header, tx)))
    }

    /// The next nonce of an account up to a height.
    fn nonce(&self, account: &ChainAddress, height: u64) -> u64 {
        let own = self.mined().filter(|(header, tx)| header.block.height <= height && tx.effects.from[0] == *account);
        let others = self.foreign.get(account).into_iter().flatten().filter(|at| **at <= height);
        own.count() as u64 + others.count() as u64
    }

    /// Somebody else uses the next nonce of an account.
    pub(super) fn use_nonce(&mut self, account: &ChainAddress) {
        let head = self.head();
        self.foreign.entry(account.clone()).or_default().push(head);
    }

    pub(super) fn now_ms(&self) -> u64 {
        BEGAN_MS + self.clock_ms
    }

    /// Whether it can be in the next block.
    fn fits(&self, tx: &Tx, with: &[Tx]) -> bool {
        match &tx.effects.exclusion {
            Exclusion::Nonce { account, nonce, .. } => {
                let more = with.iter().filter(|other| other.effects.from[0] == *account).count() as u64;
                self.nonce(account, self.head()) + more == *nonce
            }
            Exclusion::Inputs(_) => {
                let all = self.mined().map(|(_, tx)| tx).chain(with);
                !all.into_iter().any(|other| other.effects.exclusion.excludes(&tx.effects.exclusion))
            }
            Exclusion::Expiry { expires_ms, .. } => self.now_ms() <= *expires_ms,
        }
    }

    pub(super) fn mine(&mut self) {
        let parent = self.blocks.last().unwrap().0.block;
        let mut hash = [0x33; 32];
        hash[..8].copy_from_slice(&(parent.height + 1).to_be_bytes());
        hash[8..16].copy_from_slice(&self.dice.roll(u64::MAX).to_be_bytes());
        let block = BlockRef { height: parent.height + 1, hash: BlockHash(hash) };
        let mut txs = Vec::new();
        // Some blocks pass over what waits.
        while txs.len() < self.block_max && self.dice.roll(4) >= self.lazy {
            let Some(at) = self.waiting.iter().position(|tx| self.fits(tx, &txs)) else { break };
            txs.push(self.waiting.remove(at));
        }
        self.blocks.push((Header { block, parent: parent.hash, time_ms: self.now_ms() }, txs));
        self.finalized = self.finalized.max(self.head().saturating_sub(self.finality()));
        let now = self.now_ms();
        self.waiting
            .retain(|tx| !matches!(tx.effects.exclusion, Exclusion::Expiry { expires_ms, .. } if expires_ms < now));
    }

    /// Drops the last blocks, none of them final. What was in them waits again, or nobody knows it any more.
    pub(super) fn reorganise(&mut self, depth: u64) {
        let depth = depth.min(self.head() - self.finalized);
        let kept = usize::try_from(self.head() - depth).unwrap() + 1;
        let gone: Vec<(Header, Vec<Tx>)> = self.blocks.drain(kept..).collect();
        let now = self.now_ms();
        for tx in gone.into_iter().flat_map(|(_, txs)| txs) {
            let ended = matches!(tx.effects.exclusion, Exclusion::Expiry { expires_ms, .. } if expires_ms < now);
            let rival = self.waiting.iter().any(|other| other.effects.exclusion.excludes(&tx.effects.exclusion));
            if self.dice.roll(2) == 0 && !rival && !ended {
                self.waiting.push(tx);
            }
        }
        for _ in 0..=depth {
            self.mine();
        }
    }

    /// What waits is forgotten, as by nodes that restart.
    pub(super) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    pub(super) fn waits(&self) -> usize {
        self.waiting.len()
    }

    /// What a signed transaction is, as the test signs.
    pub(super) fn read(&self, raw: &[u8]) -> Option<Tx> {
        let unsigned = Unsigned::decode(raw).ok()?;
        let effects = unsigned.effects(&self.params).ok()?;
        let id = match &unsigned {
            Unsigned::Bitcoin(unsigned) => unsigned.id(),
            Unsigned::Tron(unsigned) => unsigned.id(),
            Unsigned::Evm(_) => TxId(*blake3::hash(raw).as_bytes()),
        };
        Some(Tx { id, unsigned, effects })
    }

    pub(super) fn take(&mut self, raw: &[u8]) -> Broadcast {
        let Some(tx) = self.read(raw) else {
            return Broadcast::RefusedForGood("it does not read".to_owned());
        };
        if self.mined().any(|(_, mined)| mined.id == tx.id) || self.waiting.iter().any(|other| other.id == tx.id) {
            return Broadcast::AlreadyKnown;
        }
        let rivals = |other: &Tx| other.effects.exclusion.excludes(&tx.effects.exclusion);
        let hindrance = match &tx.effects.exclusion {
            Exclusion::Nonce { account, nonce, .. } if *nonce < self.nonce(account, self.head()) => {
                Some(Hindrance::NonceTooLow)
            }
            Exclusion::Inputs(_) if self.mined().any(|(_, mined)| rivals(mined)) => Some(Hindrance::InputsGone),
            Exclusion::Expiry { expires_ms, .. } if *expires_ms < self.now_ms() => {
                return Broadcast::RefusedForGood("TRANSACTION_EXPIRATION_ERROR".to_owned());
            }
            _ => None,
        };
        let underpriced = self.waiting.iter().any(|other| rivals(other) && tx.offer() < other.offer() * 11 / 10);
        let hindrance = hindrance.or(underpriced.then_some(Hindrance::ReplacementUnderpriced));
        if let Some(hindrance) = hindrance {
            return Broadcast::NotNow(hindrance, String::new());
        }
        let gone: Vec<TxId> = self.waiting.iter().filter(|other| rivals(other)).map(|other| other.id).collect();
        self.waiting.retain(|other| !gone.contains(&other.id));
        self.waiting.push(tx);
        Broadcast::Accepted
    }

    /// Puts a transaction into the next block, whoever sent it.
    pub(super) fn force(&mut self, raw: &[u8]) -> TxId {
        let tx = self.read(raw).unwrap();
        let id = tx.id;
        self.waiting.retain(|other| !other.effects.exclusion.excludes(&tx.effects.exclusion));
        let lazy = std::mem::replace(&mut self.lazy, 4);
        self.mine();
        self.lazy = lazy;
        self.blocks.last_mut().unwrap().1.push(tx);
        id
    }

    pub(super) fn fate(&self, id: TxId) -> Fate {
        if let Some((header, tx)) = self.mined().find(|(_, tx)| tx.id == id) {
            let moved = |payment: &exchequer_workers::chains::Payment| match &payment.coin {
                Coin::Native => None,
                Coin::Token(contract) => Some(Transfer {
                    place: exchequer_domain::Place::Log(0),
                    contract: contract.clone(),
                    from: tx.effects.from[0].clone(),
                    to: payment.to.clone(),
                    amount: Some(payment.amount),
                }),
            };
            let ok = self.works(tx);
            let transfers =
                if ok && !self.logless { tx.effects.payments.iter().filter_map(moved).collect() } else { Vec::new() };
            let fee = (self.network.family() != Family::Bitcoin).then_some(self.fee(header.block.height, tx));
            return Fate::Included { block: header.block, ok, transfers, fee };
        }
        if self.waiting.iter().any(|tx| tx.id == id) { Fate::Pending } else { Fate::Unseen }
    }

    /// What a transaction in a block took: of a transfer whose energy was lent to its sender nothing.
    pub(super) fn fee(&self, height: u64, tx: &Tx) -> u128 {
        let calls = tx.effects.kind == EffectKind::TokenTransfer;
        if calls && self.lent_to(&tx.effects.from[0], height) > 0 { 0 } else { tx.effects.fee_max / 2 }
    }

    /// How much stake is lent to an address after a block, in sun.
    pub(super) fn lent_to(&self, address: &ChainAddress, height: u64) -> u128 {
        let works = self.mined().filter(|(header, tx)| header.block.height <= height && self.works(tx));
        let lent: u128 = works.clone().map(|(_, tx)| tx).fold(0, |lent, tx| match &tx.effects.kind {
            EffectKind::Delegate { to, amount, .. } if to == address => lent + amount,
            _ => lent,
        });
        let back = works.fold(0, |back, (_, tx)| match &tx.effects.kind {
            EffectKind::Undelegate { from, amount, .. } if from == address => back + amount,
            _ => back,
        });
        let taken = self.taken.iter().filter(|(at, _, from, _)| *at <= height && from == address);
        // More than was lent comes back from nobody.
        lent.checked_sub(back + taken.map(|(_, _, _, sun)| sun).sum::<u128>()).unwrap()
    }

    /// What an account has staked after a block and has not lent, and what it has lent, in sun.
    pub(super) fn staked_by(&self, owner: &ChainAddress, height: u64) -> (u128, u128) {
        let own = self.mined().filter(|(header, tx)| header.block.height <= height && tx.effects.from[0] == *owner);
        let taken = self.taken.iter().filter(|(at, of, _, _)| *at <= height && of == owner);
        let taken: u128 = taken.map(|(_, _, _, sun)| sun).sum();
        let (has, lent) =
            own.filter(|(_, tx)| self.works(tx)).fold((taken, 0_u128), |(has, lent), (_, tx)| match &tx.effects.kind {
                EffectKind::Freeze { amount, .. } => (has + amount, lent),
                EffectKind::Unfreeze { amount, .. } => (has.checked_sub(*amount).unwrap(), lent),
                EffectKind::Delegate { amount, .. } => (has.checked_sub(*amount).unwrap(), lent + amount),
                EffectKind::Undelegate { amount, .. } => (has + amount, lent.checked_sub(*amount).unwrap()),
                _ => (has, lent),
            });
        (has, lent.checked_sub(taken).unwrap())
    }

    /// Somebody else, who has the owner's key, takes back what is lent to an address.
    pub(super) fn take_loan(&mut self, owner: &ChainAddress, from: &ChainAddress) {
        let (head, sun) = (self.head(), self.lent_to(from, self.head()));
        self.taken.push((head, owner.clone(), from.clone(), sun));
    }

    /// How often stake was lent, and taken back.
    pub(super) fn loans(&self) -> (usize, usize) {
        let count = |wanted: fn(&EffectKind) -> bool| self.mined().filter(|(_, tx)| wanted(&tx.effects.kind)).count();
        (
            count(|kind| matches!(kind, EffectKind::Delegate { .. })),
            count(|kind| matches!(kind, EffectKind::Undelegate { .. })),
        )
    }

    /// Every payment in the chain: to whom, how much, how often.
    pub(super) fn payments(&self) -> BTreeMap<String, Vec<u128>> {
        let mut paid: BTreeMap<String, Vec<u128>> = BTreeMap::new();
        for payment in self.mined().flat_map(|(_, tx)| &tx.effects.payments) {
            paid.entry(payment.to.to_string()).or_default().push(payment.amount);
        }
        paid
    }

    /// How many payments each transaction in the chain makes.
    pub(super) fn batches(&self) -> Vec<usize> {
        self.mined().map(|(_, tx)| tx.effects.payments.len()).collect()
    }

    fn header(&self, height: u64) -> Option<Header> {
        self.blocks.get(usize::try_from(height).unwrap()).map(|(header, _)| *header)
    }

    fn block(&self, height: u64) -> Option<Block> {
        let (header, txs) = self.blocks.get(usize::try_from(height).unwrap())?;
        let header = *header;
        Some(match self.network.family() {
            Family::Evm => Block::Evm(EvmBlock { header, txs: vec![], receipts: vec![], traces: None }),
            Family::Tron => Block::Tron(TronBlock { header, txs: vec![], infos: vec![] }),
            Family::Bitcoin => {
                let own = txs.iter().filter_map(|tx| match &tx.unsigned {
                    Unsigned::Bitcoin(unsigned) => Some(unsigned.tx().clone()),
                    Unsigned::Evm(_) | Unsigned::Tron(_) => None,
                });
                // The first one makes coins, nobody's that is played, and spends none.
                let mut all: Vec<_> = own.clone().take(1).collect();
                all.iter_mut().for_each(|tx| {
                    tx.input.truncate(1);
                    tx.input.iter_mut().for_each(|input| input.previous_output = Default::default());
                    tx.output.clear();
                });
                all.extend(own);
                Block::Bitcoin(BitcoinBlock { header, txs: all })
            }
        })
    }
}

/// An endpoint of it.
pub(super) struct Gate {
    pub(super) name: &'static str,
    pub(super) net: Arc<Mutex<Net>>,
    pub(super) dice: Mutex<Dice>,
    /// Of a thousand answers so many do not come: of those to what is sent, half after it was taken.
    pub(super) fails: u64,
}

impl Gate {
    fn answer<'a, T: Send + 'a>(&'a self, read: impl FnOnce(&Net) -> T) -> Asking<'a, T> {
        if self.dice.lock().roll(1_000) < self.fails {
            return Box::pin(async { Err(NodeError::Incomplete("as the test wants it".to_owned())) });
        }
        let answer = read(&self.net.lock());
        Box::pin(async { Ok(answer) })
    }
}

impl ChainNode for Gate {
    fn name(&self) -> String {
        self.name.to_owned()
    }
    fn identify(&self) -> Asking<'_, bool> {
        Box::pin(async { Ok(true) })
    }
    fn heads(&self) -> Asking<'_, Heads> {
        self.answer(|net| {
            let of = |height: u64| net.header(height).unwrap();
            Heads { head: of(net.head()), safe: None, finalized: Some(of(net.finalized)) }
        })
    }
    fn header(&self, height: u64) -> Asking<'_, Option<Header>> {
        self.answer(|net| net.header(height))
    }
    fn block(&self, height: u64) -> Asking<'_, Option<Block>> {
        self.answer(|net| net.block(height))
    }
    fn broadcast<'a>(&'a self, _: TxId, raw: &'a [u8]) -> Doing<'a, Broadcast> {
        let (mut fails, mut taken) = {
            let mut dice = self.dice.lock();
            (dice.roll(1_000) < self.fails * 4, dice.roll(2) == 0)
        };
        {
            let mut net = self.net.lock();
            if let Some(silent) = net.silent {
                (fails, taken) = (true, silent);
            }
            let named = net.read(raw).map(|tx| tx.id);
            net.offered.extend(named);
        }
        let said = if !fails || taken { self.net.lock().take(raw) } else { Broadcast::Accepted };
        Box::pin(async move { if fails { Broadcast::Unknown("the answer was lost".to_owned()) } else { said } })
    }
    fn fate(&self, tx: TxId) -> Asking<'_, Fate> {
        self.answer(|net| net.fate(tx))
    }
    fn fees(&self) -> Asking<'_, FeeFacts> {
        self.answer(|net| match net.network.family() {
            Family::Evm => {
                let gwei = GWEI * net.dear / 100;
                let base = Some(if net.network == Network::Bsc { 0 } else { gwei });
                FeeFacts::Evm { base_fee: base, tips: Some([gwei / 10; 3]), gas_price: gwei + gwei / 10, tip: None }
            }
            Family::Bitcoin => {
                let rate = u64::try_from(2_000 * net.dear / 100).unwrap();
                let targets = vec![(2, Some(rate * 2)), (6, Some(rate)), (24, Some(rate / 2))];
                FeeFacts::Bitcoin { targets, relay_min: 1_000, pool_min: 1_000.max(rate / 2), increment: 1_000 }
            }
            Family::Tron => FeeFacts::Tron {
                energy: u64::try_from(100 * net.dear / 100).unwrap(),
                bandwidth: 1_000,
                create_account: 100_000,
                create_account_system: 1_000_000,
                memo: 1_000_000,
                limit_max: 15_000_000_000,
            },
        })
    }
    fn account<'a>(&'a self, address: &'a ChainAddress) -> Asking<'a, Account> {
        self.answer(|net| match net.network.family() {
            Family::Tron => Account::Tron(TronAccount { activated: true, balance: 1 << 60, ..TronAccount::default() }),
            Family::Evm | Family::Bitcoin => {
                let latest = net.nonce(address, net.head());
                let finalized = Some(net.nonce(address, net.finalized));
                Account::Evm { latest, pending: latest, finalized, balance: u128::MAX }
            }
        })
    }
    fn outputs<'a>(&'a self, _: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>> {
        Box::pin(async { Err(NodeError::NoSuchThing("it is not played")) })
    }
    fn balances<'a>(&'a self, of: &'a [(ChainAddress, Coin)], _: Header) -> Asking<'a, Vec<Option<u128>>> {
        self.answer(|_| vec![Some(1 << 100); of.len()])
    }
    fn decimals<'a>(&'a self, _: &'a ChainAddress) -> Asking<'a, Option<u8>> {
        self.answer(|net| net.decimals)
    }
    fn trial<'a>(&'a self, call: &'a TrialCall) -> Asking<'a, Trial> {
        self.answer(|net| {
            let barred = net.barred.contains(call.to.as_str());
            match barred {
                true => Trial::Reverted { reason: "the account is on a list".to_owned() },
                false if net.says_no => Trial::Done { returned: vec![0; 32], units: 40_000 },
                false => Trial::Done { returned: Vec::new(), units: 21_000 },
            }
        })
    }
}
