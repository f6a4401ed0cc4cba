//! Reconciliation in the golden script.

use exchequer_domain::{BlockHash, BlockRef, ChainAddress, Network, WorkerId, WorkerKind};

use super::super::deposits;
use super::super::world::World;
use crate::reconciliation::{Category, DiscrepancyId, Doubted, Overruled, Reach, Reading, Refusal, RunId};
use crate::withdrawals::PayoutId;
use crate::{
    Actor, AdjustDiscrepancy, BalanceStep, Body, Done, ExplainDiscrepancy, Rejection, ReportBalances, ResumePayments,
    SeenDiscrepancy,
};

const BTC: Network = Network::Bitcoin;

/// Who sends what; some of it is refused. On the chain of an empty world nothing is known, and the blocks are made up.
pub(crate) fn script(world: &World) -> Vec<(Actor, Body)> {
    let worker = Actor::Worker(WorkerId { kind: WorkerKind::BalanceSync, network: Some(BTC), instance: 1 });
    let tip = world.state.deposits().chains().get(BTC).tip;
    let block = tip.unwrap_or(BlockRef { height: 300, hash: BlockHash([3; 32]) });
    let run = RunId(1);
    let report = |step| (worker, Body::ReportBalances(Box::new(ReportBalances { network: BTC, step })));
    let reading = |index, amount| Reading {
        address: deposits::address(exchequer_domain::Family::Bitcoin, index),
        coin: None,
        amount,
        nonce: Some(300),
    };
    let token = ChainAddress::canonical("Token300").ok();
    let readings = vec![reading(0, Some(300)), reading(1, None), Reading { coin: token, ..reading(0, Some(70_000)) }];
    let reason = || "why".to_owned();
    let explain = |discrepancy, close| {
        let discrepancy = DiscrepancyId(discrepancy);
        Body::ExplainDiscrepancy(ExplainDiscrepancy { discrepancy, explanation: "because".into(), close })
    };
    let adjust =
        AdjustDiscrepancy { discrepancy: DiscrepancyId(1), amount: -300, category: Category::Loss, reason: reason() };
    let seen = [(1, -300), (300, i128::MIN)];
    let seen = seen.map(|(id, amount)| SeenDiscrepancy { discrepancy: DiscrepancyId(id), amount }).into();
    let resume = ResumePayments { reach: Reach::Network(BTC), seen, reason: reason() };
    vec![
        report(BalanceStep::Begin { block }),
        report(BalanceStep::Read {
            run,
            from: block,
            until: block,
            payouts: PayoutId(300),
            readings,
            last: true,
            time: exchequer_domain::Timestamp(7),
        }),
        report(BalanceStep::Diverged { block }),
        report(BalanceStep::End { run, failed: 300, swept: 70_000, whole: false }),
        (Actor::Operator, explain(1, false)),
        (Actor::Operator, explain(2, true)),
        (Actor::Operator, Body::AdjustDiscrepancy(adjust)),
        (Actor::Operator, Body::ResumePayments(resume)),
    ]
}

pub(crate) fn done() -> Vec<Done> {
    vec![
        Done::BalancesBegun { run: RunId(300) },
        Done::BalancesJudged { waits: vec![300] },
        Done::BalancesReconciled { holds: true },
        Done::DiscrepancyMoved,
        Done::PaymentsResumed,
    ]
}

pub(crate) fn rejected() -> Vec<Rejection> {
    vec![Rejection::Reconciliation(Refusal::AmountMoved { amount: -300 })]
}

/// Values of parts that no command of the script leaves behind.
pub(crate) fn parts() -> Vec<Vec<u8>> {
    let at = exchequer_domain::Timestamp(300);
    let doubted = |decimals, overruled| Doubted { since: at, why: "others".into(), of_log: true, decimals, overruled };
    let overruled = Overruled { told: 18, listed: 6, at };
    let parts = [doubted(Some(18), None), doubted(None, Some(overruled))];
    parts.iter().map(|part| crate::codec::append(Vec::new(), part)).collect()
}
