//! What the golden script has of sweeps, after withdrawals: a life of its own on a network of its own.

use super::super::withdrawals::LEADER;
use super::super::world::configure;
use super::*;
use crate::custody::Terms;
use crate::networks::NetworkState;
use crate::{ExplainSweeps, ListAsset, SweepVerdict};

const ASSET: Asset = Asset(1);
const OWN: Network = Network::Bsc;

/// What is to be run in a world as it is; in an empty one, for its kinds alone.
pub(in crate::tests) fn script(world: &World) -> Vec<(Actor, Body)> {
    let reason = || "why".to_owned();
    let custody = world.state.custody();
    let (wallets, index) = (custody.wallets().count() as u32, custody.pool(ChainFamily::Evm).stocked);
    let payouts = (1..100).take_while(|id| world.state.payout(&world.rows, PayoutId(*id)).unwrap().is_some()).count();
    let (payout, user) = (PayoutId(payouts as u64 + 1), UserId(world.state.users().count()));
    let terms =
        Terms { deposit_min: 0, withdrawal_min: 3, withdrawal_max: 3_000, withdrawal_step: 1, withdrawal_fee: 10 };
    let list = ListAsset { network: OWN, asset: ASSET, coin: None, decimals: 8, terms, reason: reason() };
    let open = configure(OWN, |command| {
        (command.state, command.fee_max) = (Some(NetworkState::Enabled), Some(3_000));
        (command.tradable, command.withdrawable) = (Some(1), Some(1));
    });
    let wallet = RegisterWallet {
        name: "pool".into(),
        role: WalletRole::Deposit,
        family: ChainFamily::Evm,
        network: None,
        xpub: "xpub301".into(),
        addresses: vec![],
        pinned: false,
        reason: reason(),
    };
    let to = || address("0x30000");
    let stock = StockAddresses { family: ChainFamily::Evm, first_index: index, entries: vec![(to(), [3; 32])] };
    let seen = |number: u64, amount| Sighting { to: to(), ..pay(OWN, 7_000 + number, 0, ASSET, amount) };
    let scanned = |height, sightings| ScannedBlock {
        block: block(height),
        parent: block(height - 1).hash,
        sightings,
        spent: vec![],
    };
    let commit = CommitBlocks {
        network: OWN,
        parent: block(300),
        blocks: vec![scanned(301, vec![seen(1, 9_000), seen(2, 400)]), scanned(302, vec![])],
        more: false,
        head: 302,
        finalized: Some(302),
        agreed: 302,
    };
    let wished = |wish| {
        let wishes = vec![WishedSweep { index: Some(index), asset: ASSET, wish, why: "worth it".into() }];
        Body::PlanSweeps(PlanSweeps { network: OWN, wishes })
    };
    let plan = SweepId(world.state.sweeps().last().0 + 1);
    let one = Move {
        asset: ASSET,
        coin: None,
        to: address("0x301"),
        to_index: None,
        on_chain: 8_000,
        amount: 8_000,
        plan: Some(plan),
    };
    let prepare = PreparePayout {
        network: OWN,
        payer: Payer { wallet: WalletId(wallets + 1), index },
        errand: Errand::Sweep(one),
        withdrawals: vec![],
        preparation: crate::Preparation { fee_max: 1_000, ..preparation(Claim::Nonce(0), 300) },
        chain_nonce: 0,
        settled_nonce: 0,
    };
    let tell = |from, step| Body::StepPayout(Box::new(StepPayout { network: OWN, payout, from, attempt: 1, step }));
    let verdicts = vec![SweepVerdict { index: Some(index), asset: ASSET, why: "too small".into() }];
    let operator = |body| (Actor::Operator, body);
    let worker = |body| (actor(WorkerKind::Consolidation, OWN), body);
    vec![
        operator(open),
        operator(Body::ListAsset(Box::new(list))),
        operator(Body::RegisterWallet(Box::new(wallet))),
        operator(Body::StockAddresses(stock)),
        operator(Body::AllocateAddress(AllocateAddress { user, network: OWN, fresh: true })),
        (actor(WorkerKind::Deposit, OWN), Body::CommitBlocks(Box::new(commit))),
        worker(wished(Wish::Sweep)),
        worker(Body::PreparePayout(Box::new(prepare))),
        (LEADER, tell(Stage::Preparing, PayoutStep::Signed { tx: tx(7_003), raw: vec![3], record: vec![4] })),
        worker(tell(Stage::Signed, PayoutStep::Final { block: block(302), fee: 300 })),
        worker(wished(Wish::Gas { amount: 300 })),
        worker(Body::ExplainSweeps(ExplainSweeps { network: OWN, verdicts })),
    ]
}

pub(in crate::tests) fn done() -> Vec<Done> {
    vec![Done::SweepsPlanned { plans: vec![Some(SweepId(300)), None] }, Done::SweepsExplained]
}
