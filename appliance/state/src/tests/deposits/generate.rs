//! Random commands of custody and deposits for the random logs, from a small domain: a network that is open, with addresses
//! that two users have, at the beginning of half of them.

use exchequer_domain::{Family, Network, TxId, WorkerId, WorkerKind};
use exchequer_ledger::Asset;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::super::generate::reason;
use super::super::world::{START, configure, id};
use super::{FIRST, allocate, block, list, pay, stock, tx, wallet};
use crate::custody::WalletRole;
use crate::deposits::{Assignee, DepositId, ScannedBlock, Sighting};
use crate::networks::NetworkState;
use crate::{
    Actor, AssignSuspense, Body, Command, CommitBlocks, NotePending, ResumeChain, RetireWallet, RewindBlocks, SetPrice,
};

const BTC: Network = Network::Bitcoin;

/// What opens the network, where nothing came before it.
pub(in crate::tests) fn founding() -> Vec<Command> {
    let enable = configure(BTC, |change| {
        (change.state, change.tradable, change.withdrawable) = (Some(NetworkState::Enabled), Some(1), Some(2));
    });
    let bodies =
        [enable, list(BTC, 10, 100), stock(Family::Bitcoin, 0, 3), allocate(1, BTC, false), allocate(2, BTC, false)];
    let numbered = (900..).zip(bodies);
    numbered.map(|(number, body)| Command { id: id(number), actor: Actor::Operator, epoch: None, body }).collect()
}

fn sighting() -> impl Strategy<Value = Sighting> {
    (0_u64..12, 0_u32..4, 0_u128..30_000).prop_map(|(number, index, amount)| pay(BTC, number, index, amount))
}

fn blocks() -> impl Strategy<Value = Body> {
    let heights = (0_u64..5, 0_u8..2, vec(vec(sighting(), 0..3), 1..3));
    (heights, prop::bool::weighted(0.1), 0_u64..3).prop_map(|((from, fork, payments), more, behind)| {
        let mut parent = block(FIRST + from, 0);
        let first = parent;
        let mut blocks = Vec::new();
        for sightings in payments {
            let block = block(parent.height + 1, fork);
            blocks.push(ScannedBlock { block, parent: parent.hash, sightings, spent: vec![] });
            parent = block;
        }
        let (head, finalized) = (parent.height, None);
        let command =
            CommitBlocks { network: BTC, parent: first, blocks, more, head, finalized, agreed: head - behind };
        Body::CommitBlocks(Box::new(command))
    })
}

pub(in crate::tests) fn command() -> impl Strategy<Value = Command> {
    let any_block = || (0_u64..6, 0_u8..2).prop_map(|(height, fork)| block(FIRST + height, fork));
    let rewind =
        (any_block(), any_block()).prop_map(|(from, to)| Body::RewindBlocks(RewindBlocks { network: BTC, from, to }));
    let pending = (vec(sighting(), 0..3), vec((0_u64..12).prop_map(tx), 0..2)).prop_map(
        |(sightings, replaced): (Vec<Sighting>, Vec<TxId>)| {
            Body::NotePending(Box::new(NotePending { network: BTC, sightings, replaced, heights: None }))
        },
    );
    let of_worker = prop_oneof![8 => blocks(), 2 => rewind, 1 => pending];
    let assignee = prop_oneof![
        (1_u64..4).prop_map(|user| Assignee::User(exchequer_domain::UserId(user))),
        Just(Assignee::Exchange)
    ];
    let assign = ((1_u64..9).prop_map(DepositId), assignee, reason())
        .prop_map(|(deposit, to, reason)| Body::AssignSuspense(AssignSuspense { deposit, to, reason }));
    let resume = (option::of(any_block()), reason())
        .prop_map(|(to, reason)| Body::ResumeChain(ResumeChain { network: BTC, to, reason }));
    let price = (0_u64..200, 0_u64..9).prop_map(|(usd_micros, at)| {
        let at = exchequer_domain::Timestamp(START.0 + at);
        Body::SetPrice(SetPrice { asset: Asset(1), usd_micros, source: "desk".into(), at })
    });
    let retire = (1_u32..4, reason()).prop_map(|(wallet, reason)| {
        Body::RetireWallet(RetireWallet { wallet: crate::custody::WalletId(wallet), reason })
    });
    let of_operator = prop_oneof![
        2 => (1_u64..4, any::<bool>()).prop_map(|(user, fresh)| allocate(user, BTC, fresh)),
        2 => (0_u32..8, 1_u32..3).prop_map(|(first, count)| stock(Family::Bitcoin, first, count)),
        1 => (9_u8..12).prop_map(|decimals| list(BTC, decimals, 100)),
        1 => (0_u32..6).prop_map(|at| wallet("hot", WalletRole::Hot, BTC, &format!("Bitcoin{at}"))),
        1 => retire,
        1 => price,
        2 => assign,
        2 => resume,
    ];
    let worker = Actor::Worker(WorkerId { kind: WorkerKind::Deposit, network: Some(BTC), instance: 1 });
    let by = prop_oneof![
        6 => of_worker.prop_map(move |body| (worker, body)),
        4 => of_operator.prop_map(|body| (Actor::Operator, body)),
    ];
    (1_600_u64..2_200, by).prop_map(|(number, (actor, body))| Command { id: id(number), actor, epoch: None, body })
}
