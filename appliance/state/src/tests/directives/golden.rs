//! Directives in the golden script.

use exchequer_domain::Timestamp;

use super::super::world::START;
use super::{custom, directive, target};
use crate::directives::{Decision, DirectiveAction, DirectiveId, DirectiveStep, Dispatched, Priority, Refusal};
use crate::{
    Body, CancelDirectives, DispatchDirectives, Done, NewDirective, Rejection, ReleaseDirectives, ReviewDirective,
    SendDirectives, Sent, StepDirectives,
};

pub(crate) fn bodies() -> Vec<Body> {
    let reason = || "why".to_owned();
    let id = DirectiveId(300);
    let full = NewDirective {
        key: Some("k".into()),
        priority: Priority::Safety,
        not_before: Some(Timestamp(START.0 + 300)),
        deadline: Some(Timestamp(u64::MAX)),
        needs_approval: true,
        ..directive("deposit.bitcoin", custom(true))
    };
    let steps = [
        DirectiveStep::Acked,
        DirectiveStep::Running,
        DirectiveStep::Succeeded { result: b"r".to_vec() },
        DirectiveStep::Failed { error: "e".into() },
        DirectiveStep::Returned { why: "w".into() },
        DirectiveStep::Lost,
    ];
    let directives = vec![
        directive("system", DirectiveAction::Start),
        directive("selftest", DirectiveAction::Restart),
        directive("selftest", DirectiveAction::Stop),
        full,
    ];
    vec![
        Body::SendDirectives(SendDirectives { directives, reason: reason() }),
        Body::DispatchDirectives(DispatchDirectives { max: 300 }),
        Body::StepDirectives(StepDirectives { steps: steps.map(|step| (id, 2, step)).to_vec() }),
        Body::CancelDirectives(CancelDirectives { directives: vec![DirectiveId(1), id], reason: reason() }),
        Body::ReviewDirective(ReviewDirective { directive: id, decision: Decision::Failed, reason: reason() }),
        Body::ReleaseDirectives(ReleaseDirectives { directives: vec![DirectiveId(1), id], reason: reason() }),
    ]
}

pub(crate) fn done() -> Vec<Done> {
    let id = DirectiveId(300);
    let dispatched = Dispatched {
        id,
        attempt: 2,
        priority: Priority::Bulk,
        target: target("selftest/1"),
        name: "rescan".into(),
        payload: b"p".to_vec(),
        deadline: Some(Timestamp(300)),
    };
    let refused = [
        Refusal::Full,
        Refusal::KeyReused { by: id },
        Refusal::Unknown { directive: id },
        Refusal::State { directive: id },
        Refusal::NotTheLeader,
        Refusal::Own { directive: id },
    ];
    vec![
        Done::DirectivesSent(vec![Sent { directive: id, new: true }]),
        Done::DirectivesDispatched(vec![dispatched]),
        Done::Directives(std::iter::once(Ok(())).chain(refused.map(Err)).collect()),
        Done::DirectiveReviewed,
    ]
}

pub(crate) fn rejected() -> Vec<Rejection> {
    vec![Rejection::Directives(Refusal::Deadline)]
}
