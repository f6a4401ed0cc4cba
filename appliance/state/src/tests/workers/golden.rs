//! The workers' part of the golden script: every command, outcome and row of the registry.

use exchequer_domain::{Digest, Network, Timestamp, WorkerId, WorkerKind};

use super::super::world::{add, desire, registered, selftest};
use crate::workers::{
    BulkAction, BulkEffect, Desired, FleetReport, Planned, Selector, Step, StepName, Summary, WorkerReport,
    WorkerState, plan_hash,
};
use crate::{
    Body, BulkWorkers, Done, ForgetBinary, RegisterBinary, Rejection, RemoveWorkers, ReportWorkers, Rescale,
    RestartWorkers, SetScale, StepWorkers, Stepped, UndoBulk, UseBinary,
};

const KIND: WorkerKind = WorkerKind::Deposit;
const NETWORK: Option<Network> = Some(Network::Tron);

pub(in crate::tests) fn bodies() -> Vec<Body> {
    let reason = || "why".to_owned();
    let deposit = WorkerId { kind: KIND, network: NETWORK, instance: 300 };
    let summary = Summary {
        cpu_permille: 300,
        memory_bytes: 1 << 30,
        queue_depth: 300,
        queue_age_us: 301,
        done_per_minute: 302,
        success_permille: 999,
        heartbeat: Timestamp(303),
    };
    let report = WorkerReport { worker: deposit, summary, settings_revision: 300, errors: vec![([3; 8], "no".into())] };
    let fleet = FleetReport { kind: KIND, network: NETWORK, queue_depth: 300, queue_age_us: 301 };
    let (action, selector) = (BulkAction::Stop, Selector { kind: Some(KIND), network: NETWORK, state: None });
    let stops =
        |instance| Planned { worker: WorkerId { kind: KIND, network: NETWORK, instance }, effect: BulkEffect::Stops };
    let plan = plan_hash(action, selector, &[stops(1), stops(300)]);
    vec![
        add(&[deposit, selftest(2)]),
        desire(selftest(2), Desired::Stopped),
        Body::RestartWorkers(RestartWorkers { workers: vec![deposit], reason: reason() }),
        Body::RemoveWorkers(RemoveWorkers { workers: vec![selftest(2)], reason: reason() }),
        Body::StepWorkers(StepWorkers {
            steps: vec![(deposit, Step::Spawned { attempt: 1 }), (deposit, registered(300))],
        }),
        Body::ReportWorkers(ReportWorkers { reports: vec![report], fleets: vec![fleet] }),
        Body::SetScale(SetScale {
            kind: KIND,
            network: NETWORK,
            min: 2,
            max: 3,
            queue_age_target_us: 300_000,
            reason: reason(),
        }),
        Body::Rescale(Rescale { kind: KIND, network: NETWORK, to: 2, why: reason() }),
        Body::RegisterBinary(RegisterBinary {
            name: "next".into(),
            version: "2".into(),
            hash: Digest([4; 32]),
            path: "/opt/next".into(),
            reason: reason(),
        }),
        Body::ForgetBinary(ForgetBinary { name: "other".into(), reason: reason() }),
        Body::UseBinary(UseBinary { kind: KIND, network: NETWORK, binary: Some("next".into()), reason: reason() }),
        Body::BulkWorkers(BulkWorkers { action, selector, plan, reason: reason() }),
        Body::UndoBulk(UndoBulk { bulk: 1, reason: reason() }),
    ]
}

pub(in crate::tests) fn done() -> Vec<Done> {
    let refused = Stepped::Refused(Box::new(Rejection::WorkersFull));
    vec![
        Done::WorkersChanged { changed: 300 },
        Done::WorkersStepped(vec![Stepped::Taken, refused]),
        Done::WorkersReported { passed_over: vec![selftest(300)] },
        Done::WorkersScaled { from: 300, to: 301 },
        Done::WorkerBinaryRegistered,
        Done::WorkerBinaryForgotten,
        Done::WorkerBinaryUsed { changed: true },
        Done::WorkersBulk { bulk: 300, changed: 301 },
    ]
}

pub(in crate::tests) fn rejected() -> Vec<Rejection> {
    let (worker, kind, until) = (selftest(300), WorkerKind::MarketData, Timestamp(300));
    vec![
        Rejection::WorkerUnknown { worker },
        Rejection::WorkerExists { worker },
        Rejection::WorkersFull,
        Rejection::WorkerStep { worker, state: WorkerState::Failed, step: StepName::Cleared },
        Rejection::WorkerNotWanted { worker },
        Rejection::WorkerBackOff { worker, until },
        Rejection::WorkerRuns { worker },
        Rejection::WorkerStopped { worker },
        Rejection::WorkerKindInside { kind },
        Rejection::WorkerNetwork { kind },
        Rejection::WorkerMayNot,
        Rejection::EpochMissing,
        Rejection::ScaleUnset,
        Rejection::ScaleOutOfBounds { min: 300, max: 301 },
        Rejection::ScaleNotDue,
        Rejection::WorkerBinaryUnknown,
        Rejection::WorkerBinaryExists,
        Rejection::WorkerBinariesFull,
        Rejection::WorkerBinaryUsed,
        Rejection::BulkChanged,
        Rejection::BulkEmpty,
        Rejection::BulkUnknown,
        Rejection::BulkUndone,
        Rejection::BulkNotUndoable,
    ]
}
