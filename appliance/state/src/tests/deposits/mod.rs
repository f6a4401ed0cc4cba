//! Tests of custody and deposits: a chain in miniature, and the worker that tells it.

mod attacks;
mod chains;
mod custody;
mod full;
pub(super) mod generate;
pub(super) mod golden;
mod lag;
mod missed;
mod random;
mod rules;

use exchequer_domain::{BlockHash, BlockRef, ChainAddress, Family, Network, Place, TxId, UserId, WorkerId, WorkerKind};
use exchequer_ledger::{AccountKey, Asset, Holder, Side, Store};

use super::world::{World, asset, configure, user};
use crate::custody::{OwnPurpose, OwnTransfer, Terms, WalletAddress, WalletRole};
use crate::deposits::{DEBT_SUB_ACCOUNT, Deposit, DepositId, DepositStage, ScannedBlock, Sighting};
use crate::networks::NetworkState;
use crate::{
    Actor, AllocateAddress, Body, Command, CommitBlocks, Done, ListAsset, RegisterWallet, Rejection, RewindBlocks,
    StockAddresses,
};

/// Where chains begin in tests.
pub(super) const FIRST: u64 = 1_000;

pub(super) fn address(family: Family, index: u32) -> ChainAddress {
    ChainAddress::canonical(&format!("{family:?}{index}")).unwrap()
}

pub(super) fn block(height: u64, fork: u8) -> BlockRef {
    let mut hash = [fork; 32];
    hash[..8].copy_from_slice(&height.to_be_bytes());
    BlockRef { height, hash: BlockHash(hash) }
}

pub(super) fn tx(number: u64) -> TxId {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&number.to_be_bytes());
    TxId(hash)
}

/// A payment of the network's own coin to an address of the pool.
pub(super) fn pay(network: Network, number: u64, index: u32, amount: u128) -> Sighting {
    let place = if network == Network::Bitcoin { Place::Output(0) } else { Place::Value };
    let to = address(network.family(), index);
    Sighting { tx: tx(number), place, to, coin: None, amount: Some(amount), from: vec![], immature: 0 }
}

pub(super) fn stock(family: Family, first_index: u32, count: u32) -> Body {
    let entries = (first_index..first_index + count).map(|index| (address(family, index), [9; 32])).collect();
    Body::StockAddresses(StockAddresses { family, first_index, entries })
}

pub(super) fn allocate(number: u64, network: Network, fresh: bool) -> Body {
    Body::AllocateAddress(AllocateAddress { user: UserId(number), network, fresh })
}

pub(super) fn list(network: Network, decimals: u8, deposit_min: u128) -> Body {
    let terms =
        Terms { deposit_min, withdrawal_min: 10, withdrawal_max: 1_000_000, withdrawal_step: 10, withdrawal_fee: 10 };
    let reason = "test".to_owned();
    Body::ListAsset(Box::new(ListAsset { network, asset: Asset(1), coin: None, decimals, terms, reason }))
}

pub(super) fn wallet(name: &str, role: WalletRole, network: Network, at: &str) -> Body {
    let address = ChainAddress::canonical(at).unwrap();
    Body::RegisterWallet(Box::new(RegisterWallet {
        name: name.into(),
        role,
        family: network.family(),
        network: Some(network),
        xpub: "xpub1".into(),
        addresses: vec![WalletAddress { address, change: false, index: 0 }],
        pinned: true,
        reason: "test".into(),
    }))
}

/// A world with asset 1 on Bitcoin, as fine as the ledger, and on BSC, ten decimals finer; users 1 and 2 have the addresses
/// 0 and 1 of both. Two confirmations to trade, four to withdraw.
pub(super) struct Till {
    pub(super) world: World,
}

impl Till {
    pub(super) fn new() -> Till {
        let mut world = World::new();
        world.entry_of([asset("BTC"), user("Ada"), user("Bob")]);
        world.lead();
        for (network, decimals) in [(Network::Bitcoin, 8), (Network::Bsc, 18)] {
            world.entry_of([
                configure(network, |change| {
                    (change.state, change.tradable, change.withdrawable) =
                        (Some(NetworkState::Enabled), Some(2), Some(4));
                }),
                list(network, decimals, 100),
                stock(network.family(), 0, 4),
                allocate(1, network, false),
                allocate(2, network, false),
            ]);
        }
        Till { world }
    }

    /// As the worker that scans a network.
    pub(super) fn scan(&mut self, network: Network, body: Body) -> Result<Done, Rejection> {
        let worker = WorkerId { kind: WorkerKind::Deposit, network: Some(network), instance: 1 };
        let epoch = self.world.state.epoch().map(|epoch| epoch.index);
        let command = Command { actor: Actor::Worker(worker), epoch, ..self.world.command(body) };
        self.world.send(&command)
    }

    pub(super) fn tip(&self, network: Network) -> BlockRef {
        self.world.state.deposits().chains().get(network).tip.unwrap_or(block(FIRST, 0))
    }

    /// What follows the last block: blocks of a fork, each with its payments; everything agreed and final `lag` blocks below.
    pub(super) fn blocks(&self, network: Network, fork: u8, payments: Vec<Vec<Sighting>>, lag: u64) -> CommitBlocks {
        let parent = self.tip(network);
        let (mut before, mut blocks) = (parent, Vec::new());
        for sightings in payments {
            let block = block(before.height + 1, fork);
            blocks.push(ScannedBlock { block, parent: before.hash, sightings, spent: vec![] });
            before = block;
        }
        let (head, deep) = (before.height, before.height.saturating_sub(lag));
        let finalized = (network != Network::Bitcoin).then_some(deep);
        CommitBlocks { network, parent, blocks, more: false, head, finalized, agreed: head }
    }

    pub(super) fn commit(&mut self, network: Network, fork: u8, payments: Vec<Vec<Sighting>>) {
        let command = self.blocks(network, fork, payments, 0);
        self.scan(network, Body::CommitBlocks(Box::new(command))).unwrap();
    }

    /// Blocks without payments.
    pub(super) fn grow(&mut self, network: Network, fork: u8, count: usize) {
        self.commit(network, fork, vec![vec![]; count]);
    }

    pub(super) fn rewind(&mut self, network: Network, to: BlockRef) -> Result<Done, Rejection> {
        let from = self.tip(network);
        self.scan(network, Body::RewindBlocks(RewindBlocks { network, from, to }))
    }

    pub(super) fn deposit(&self, id: u64) -> Deposit {
        self.world.state.deposits().find(&self.world.rows, DepositId(id)).unwrap().unwrap()
    }

    pub(super) fn stage(&self, id: u64) -> DepositStage {
        self.deposit(id).state.stage()
    }

    /// What a user has of asset 1.
    pub(super) fn has(&self, number: u64) -> u128 {
        self.sum(Holder::Customer { customer: number, sub_account: 0 }, Side::Credit)
    }

    /// What a user owes of asset 1.
    pub(super) fn owes(&self, number: u64) -> u128 {
        self.sum(Holder::Customer { customer: number, sub_account: DEBT_SUB_ACCOUNT }, Side::Debit)
    }

    pub(super) fn suspense(&self) -> u128 {
        self.sum(Holder::Suspense, Side::Credit)
    }

    pub(super) fn custody(&self, network: Network) -> u128 {
        self.sum(Holder::Custody { network: network as u32, store: Store::Deposit }, Side::Debit)
    }

    /// Equity, which rounding makes positive or negative.
    pub(super) fn rounding(&self) -> i128 {
        let of = |side| self.sum(Holder::Equity, side) as i128;
        of(Side::Credit) - of(Side::Debit)
    }

    fn sum(&self, holder: Holder, side: Side) -> u128 {
        let account = self.world.state.account(&AccountKey { holder, asset: Asset(1) });
        account.map_or(0, |account| account.sums.balance(side))
    }

    /// Puts an own transaction down as whoever signs one does.
    pub(super) fn sign(&mut self, network: Network, number: u64) {
        let own = OwnTransfer { purpose: OwnPurpose::TopUp, of: number };
        let key = crate::custody::own_transfer_key(network, &tx(number));
        self.world.rows.put(crate::Family::Ids, key, crate::codec::encode(&own));
    }
}
