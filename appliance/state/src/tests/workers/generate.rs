//! Random commands about workers, good and bad, from a small domain.

use exchequer_domain::{Digest, Timestamp, WorkerId, WorkerKind};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::super::generate::reason;
use super::super::world::{START, registered, selftest};
use crate::workers::{
    BulkAction, BulkEffect, DegradedBy, Desired, FailedBy, FleetReport, Planned, Selector, Step, Summary, WorkerReport,
    WorkerState, plan_hash,
};
use crate::{
    AddWorkers, Body, BulkWorkers, ForgetBinary, RegisterBinary, RemoveWorkers, ReportWorkers, Rescale, RestartWorkers,
    SetScale, SetWorkers, StepWorkers, UndoBulk, UseBinary,
};

pub(in crate::tests) fn worker() -> impl Strategy<Value = WorkerId> {
    (1_u16..4).prop_map(selftest)
}

fn workers() -> impl Strategy<Value = Vec<WorkerId>> {
    vec(worker(), 1..3)
}

fn desired() -> impl Strategy<Value = Desired> {
    prop_oneof![3 => Just(Desired::Running), 1 => Just(Desired::Stopped)]
}

pub(in crate::tests) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u32..3).prop_map(|attempt| Step::Spawned { attempt }),
        4 => (1_u32..9).prop_map(registered),
        2 => (0_u64..99).prop_map(|after| Step::Drain { deadline: Timestamp(START.0 + after) }),
        2 => Just(Step::Exited { code: Some(0), wanted: true }),
        4 => option::of(0_i32..3).prop_map(|code| Step::Exited { code, wanted: false }),
        1 => Just(Step::Degraded(DegradedBy::QueueOld)),
        1 => Just(Step::Degraded(DegradedBy::Reported("slow".into()))),
        1 => Just(Step::Recovered),
        1 => Just(Step::GaveUp(FailedBy::Refused)),
        1 => Just(Step::Cleared),
        2 => Just(Step::NotStarted),
        1 => Just(Step::GaveUp(FailedBy::BinaryMissing)),
    ]
}

fn report() -> impl Strategy<Value = WorkerReport> {
    (worker(), 0_u8..30, 0_u64..1_000_000).prop_map(|(worker, error, number)| {
        let summary = Summary {
            cpu_permille: 1,
            memory_bytes: number,
            queue_depth: number,
            queue_age_us: number,
            done_per_minute: 2,
            success_permille: 3,
            heartbeat: Timestamp(number),
        };
        WorkerReport { worker, summary, settings_revision: number, errors: vec![([error; 8], format!("e{number}"))] }
    })
}

/// A plan that is right where the workers happen to be so.
fn bulk() -> impl Strategy<Value = Body> {
    let action = prop_oneof![Just(BulkAction::Start), Just(BulkAction::Stop), Just(BulkAction::Restart)];
    let effect = prop_oneof![Just(BulkEffect::Nothing), Just(BulkEffect::Stops), Just(BulkEffect::Restarts)];
    let state = option::of(prop_oneof![Just(WorkerState::Stopped), Just(WorkerState::Running)]);
    (action, vec((worker(), effect), 1..3), state).prop_map(|(action, plan, state)| {
        let plan: Vec<Planned> = plan.into_iter().map(|(worker, effect)| Planned { worker, effect }).collect();
        let selector = Selector { kind: Some(WorkerKind::Selftest), network: None, state };
        let plan = plan_hash(action, selector, &plan);
        Body::BulkWorkers(BulkWorkers { action, selector, plan, reason: "why".into() })
    })
}

/// What people ask.
fn by_people() -> impl Strategy<Value = Body> {
    let (kind, network) = (WorkerKind::Selftest, None);
    let add = (workers(), desired(), reason())
        .prop_map(|(workers, desired, reason)| Body::AddWorkers(AddWorkers { workers, desired, reason }));
    let set = (workers(), desired(), reason())
        .prop_map(|(workers, desired, reason)| Body::SetWorkers(SetWorkers { workers, desired, reason }));
    let restart =
        (workers(), reason()).prop_map(|(workers, reason)| Body::RestartWorkers(RestartWorkers { workers, reason }));
    let remove =
        (workers(), reason()).prop_map(|(workers, reason)| Body::RemoveWorkers(RemoveWorkers { workers, reason }));
    let scale = (0_u16..3, 1_u16..4, reason()).prop_map(move |(min, max, reason)| {
        Body::SetScale(SetScale { kind, network, min, max, queue_age_target_us: 1_000_000, reason })
    });
    let register = (0_u8..3).prop_map(|number| {
        let (name, path) = (format!("b{number}"), format!("/opt/b{number}"));
        let (version, hash, reason) = ("1".to_owned(), Digest([number; 32]), "why".to_owned());
        Body::RegisterBinary(RegisterBinary { name, version, hash, path, reason })
    });
    let forget = (0_u8..3)
        .prop_map(|number| Body::ForgetBinary(ForgetBinary { name: format!("b{number}"), reason: "w".into() }));
    let uses = option::of(0_u8..3).prop_map(move |number| {
        let binary = number.map(|number| format!("b{number}"));
        Body::UseBinary(UseBinary { kind, network, binary, reason: "why".into() })
    });
    let undo = (1_u64..4).prop_map(|bulk| Body::UndoBulk(UndoBulk { bulk, reason: "why".into() }));
    prop_oneof![
        6 => add, 4 => set, 3 => restart, 2 => remove, 2 => scale, 1 => register, 1 => forget, 1 => uses,
        2 => bulk(), 1 => undo
    ]
}

/// What the leader tells; sent with its epoch or refused.
fn by_the_leader() -> impl Strategy<Value = Body> {
    let (kind, network) = (WorkerKind::Selftest, None);
    let steps = vec((worker(), step()), 1..4).prop_map(|steps| Body::StepWorkers(StepWorkers { steps }));
    let reports = (vec(report(), 0..3), 0_u64..3_000_000).prop_map(move |(reports, queue_age_us)| {
        let fleets = vec![FleetReport { kind, network, queue_depth: 1, queue_age_us }];
        Body::ReportWorkers(ReportWorkers { reports, fleets })
    });
    let rescale = (0_u16..4).prop_map(move |to| Body::Rescale(Rescale { kind, network, to, why: "why".into() }));
    prop_oneof![8 => steps, 3 => reports, 2 => rescale]
}

pub(in crate::tests) fn body() -> BoxedStrategy<Body> {
    prop_oneof![2 => by_people().boxed(), 3 => by_the_leader().boxed()].boxed()
}
