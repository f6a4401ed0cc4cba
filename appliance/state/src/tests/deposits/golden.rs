//! Custody and deposits in the golden script.

use exchequer_domain::{Family, Network, OutPoint, Timestamp, UserId, WorkerId, WorkerKind};
use exchequer_ledger::Asset;

use super::super::world::{START, configure};
use super::{FIRST, address, allocate, block, list, pay, stock, tx, wallet};
use crate::custody::{self, WalletId, WalletRole};
use crate::deposits::{self, Assignee, DepositId, ScannedBlock, Sighting};
use crate::networks::NetworkState;
use crate::{
    Actor, AssignSuspense, Body, CommitBlocks, Done, NotePending, NoteSilence, Rejection, ResumeChain, RetireWallet,
    RewindBlocks, SetPrice,
};

const BTC: Network = Network::Bitcoin;

fn commit(parent: u64, blocks: Vec<Vec<Sighting>>, more: bool) -> Body {
    let blocks: Vec<ScannedBlock> = (parent + 1..)
        .zip(blocks)
        .map(|(height, sightings)| ScannedBlock {
            block: block(height, 0),
            parent: block(height - 1, 0).hash,
            sightings,
            spent: vec![(OutPoint { tx: tx(300), vout: 300 }, tx(301))],
        })
        .collect();
    let head = parent + blocks.len() as u64;
    let (network, parent, finalized) = (BTC, block(parent, 0), Some(parent));
    Body::CommitBlocks(Box::new(CommitBlocks { network, parent, blocks, more, head, finalized, agreed: head }))
}

/// Who sends what; what comes from a worker carries the present epoch.
pub(crate) fn script() -> Vec<(Actor, Body)> {
    let reason = || "why".to_owned();
    let worker = Actor::Worker(WorkerId { kind: WorkerKind::Deposit, network: Some(BTC), instance: 1 });
    let operator = |body| (Actor::Operator, body);
    let enable = configure(BTC, |change| {
        (change.state, change.tradable, change.withdrawable) = (Some(NetworkState::Enabled), Some(1), Some(2));
    });
    let price = SetPrice { asset: Asset(1), usd_micros: 300, source: "desk".into(), at: Timestamp(START.0 + 300) };
    let small = Sighting { from: vec![address(Family::Bitcoin, 300)], ..pay(BTC, 2, 0, 3) };
    let sightings = vec![pay(BTC, 1, 0, 300), small, pay(BTC, 3, 1, 400), pay(BTC, 4, 1, 500)];
    let pending = Box::new(NotePending {
        network: BTC,
        sightings: vec![pay(BTC, 5, 0, 600)],
        replaced: vec![tx(5)],
        heights: None,
    });
    let assign =
        |deposit, to| Body::AssignSuspense(AssignSuspense { deposit: DepositId(deposit), to, reason: reason() });
    let rewind = |from, to| Body::RewindBlocks(RewindBlocks { network: BTC, from: block(from, 0), to: block(to, 0) });
    vec![
        operator(enable),
        operator(wallet("hot", WalletRole::Hot, BTC, "bc1hot")),
        operator(wallet("gone", WalletRole::Gas, BTC, "bc1gone")),
        operator(Body::RetireWallet(RetireWallet { wallet: WalletId(2), reason: reason() })),
        operator(list(BTC, 10, 100)),
        operator(Body::SetPrice(price)),
        operator(stock(Family::Bitcoin, 0, 2)),
        operator(allocate(1, BTC, true)),
        (worker, commit(FIRST, vec![sightings, vec![]], false)),
        (worker, Body::NotePending(pending)),
        (worker, commit(FIRST + 2, vec![vec![pay(BTC, 6, 0, 70_000)]], true)),
        operator(assign(3, Assignee::User(UserId(1)))),
        operator(assign(4, Assignee::Exchange)),
        (worker, rewind(FIRST + 2, FIRST)),
        operator(Body::ResumeChain(ResumeChain { network: BTC, to: Some(block(FIRST + 1, 0)), reason: reason() })),
        (worker, commit(FIRST + 1, vec![vec![pay(BTC, 7, 0, 9)]; 1], false)),
        (worker, rewind(FIRST + 2, FIRST + 1)),
        (worker, commit(FIRST + 1, vec![vec![]; 140], false)),
        (worker, commit(FIRST + 141, vec![vec![pay(BTC, 8, 0, 9), pay(BTC, 9, 1, 900)]], false)),
        (worker, Body::NoteSilence(NoteSilence { network: BTC, head: FIRST + 300 })),
    ]
}

pub(crate) fn done() -> Vec<Done> {
    let tip = block(300, 3);
    vec![
        Done::WalletRegistered { wallet: WalletId(300) },
        Done::WalletRetired,
        Done::AddressesStocked { next: 300 },
        Done::AddressAllocated { address: address(Family::Evm, 300), index: 300, new: true },
        Done::AssetListed { version: 300 },
        Done::PriceSet,
        Done::BlocksCommitted { tip },
        Done::BlocksRewound { tip },
        Done::ChainHalted,
        Done::ChainResumed,
        Done::PendingNoted,
        Done::SuspenseAssigned,
    ]
}

pub(crate) fn rejected() -> Vec<Rejection> {
    vec![
        Rejection::Custody(custody::Refusal::StockIndex { next: 300 }),
        Rejection::Custody(custody::Refusal::CoinTaken { coin: OutPoint { tx: tx(300), vout: 300 } }),
        Rejection::Deposits(deposits::Refusal::CursorMoved { tip: Some(block(300, 3)) }),
        Rejection::Deposits(deposits::Refusal::DepositUnknown { deposit: DepositId(300) }),
    ]
}
