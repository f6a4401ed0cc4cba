//! The rules of directives, one by one.

use exchequer_domain::{NodeId, Timestamp};

use super::super::world::{SECOND, World};
use super::{add_workers, custom, directive, is_wanted, worker};
use crate::apply::Entry;
use crate::audit::AuditAction;
use crate::directives::{
    Decision, DirectiveAction, DirectiveId, DirectiveState, DirectiveStep, Priority, Refusal, Stage,
};
use crate::money::HistoryOf;
use crate::{
    Actor, At, Body, CancelDirectives, Command, DispatchDirectives, Done, Input, NewDirective, Rejection,
    ReviewDirective, SendDirectives, StepDirectives,
};

pub(super) fn led() -> World {
    let mut world = World::new();
    add_workers(&mut world);
    world.apply(Input::Activate { node: NodeId(1), boot: [0; 16] }).unwrap();
    world
}

pub(super) fn send(directives: Vec<NewDirective>) -> Body {
    Body::SendDirectives(SendDirectives { directives, reason: "test".into() })
}

fn as_actor(world: &mut World, actor: Actor, body: Body) -> Result<Done, Rejection> {
    let epoch = world.state.epoch().map(|epoch| epoch.index);
    let command = world.command(body);
    world.send(&Command { actor, epoch, ..command })
}

/// The numbers of what is dispatched.
pub(super) fn dispatch(world: &mut World) -> Vec<u64> {
    let body = Body::DispatchDirectives(DispatchDirectives { max: 100 });
    let Ok(Done::DirectivesDispatched(dispatched)) = as_actor(world, Actor::Node(NodeId(1)), body) else { panic!() };
    dispatched.iter().map(|one| one.id.0).collect()
}

pub(super) fn step(world: &mut World, id: u64, step: DirectiveStep) -> Result<(), Refusal> {
    let body = Body::StepDirectives(StepDirectives { steps: vec![(DirectiveId(id), 1, step)] });
    let Ok(Done::Directives(results)) = as_actor(world, Actor::Node(NodeId(1)), body) else { panic!() };
    results[0]
}

pub(super) fn stage(world: &World, id: u64) -> Stage {
    let found = world.state.directives().find(&world.rows, DirectiveId(id)).unwrap();
    found.unwrap().state.stage()
}

/// Goal: only the leader dispatches, under the epoch that holds; a worker speaks of its own directives only.
#[test]
fn leaders_are_fenced() {
    let mut world = led();
    world.run(send(vec![directive("selftest/1", custom(false))])).unwrap();
    let body = || Body::DispatchDirectives(DispatchDirectives { max: 1 });
    let current = world.state.epoch().unwrap().index;
    assert_eq!(world.refused(body()), Rejection::EpochMissing);
    assert_eq!(as_actor(&mut world, Actor::Operator, body()), Err(Rejection::EpochMissing));
    let unfenced = world.refused(Body::StepDirectives(StepDirectives { steps: vec![] }));
    assert_eq!(unfenced, Rejection::StaleEpoch { current });
    let stale = world.command(body());
    let stale = world.send(&Command { actor: Actor::Node(NodeId(1)), epoch: Some(current - 1), ..stale });
    assert_eq!(stale, Err(Rejection::StaleEpoch { current }));
    assert_eq!(dispatch(&mut world), [1]);
    let acked = || Body::StepDirectives(StepDirectives { steps: vec![(DirectiveId(1), 1, DirectiveStep::Acked)] });
    let refused = Ok(Done::Directives(vec![Err(Refusal::State { directive: DirectiveId(1) })]));
    assert_eq!(as_actor(&mut world, Actor::Worker(worker("selftest/2")), acked()), refused);
    let taken = Ok(Done::Directives(vec![Ok(())]));
    assert_eq!(as_actor(&mut world, Actor::Worker(worker("selftest/1")), acked()), taken);
}

/// Goal: an emergency goes past what its target is busy with and past a thousand others; the next of the bulk waits.
#[test]
fn emergencies_go_first() {
    let mut world = led();
    let bulk = NewDirective { priority: Priority::Bulk, ..directive("selftest/1", custom(true)) };
    world.run(send(vec![bulk; 500])).unwrap();
    assert_eq!(dispatch(&mut world), [1]);
    let urgent = NewDirective { priority: Priority::Emergency, ..directive("selftest/1", custom(true)) };
    world.run(send(vec![urgent.clone(), urgent])).unwrap();
    assert_eq!(dispatch(&mut world), [501], "one emergency at a time");
    step(&mut world, 1, DirectiveStep::Succeeded { result: vec![] }).unwrap();
    assert_eq!(dispatch(&mut world), [0; 0], "the bulk waits for the emergency");
    step(&mut world, 501, DirectiveStep::Succeeded { result: vec![] }).unwrap();
    assert_eq!(dispatch(&mut world), [502]);
}

/// Goal: one for all excludes those for one, and is not starved by them. Method: one for a kind waits for a member; another
/// for a member that came later waits behind it, one for another kind does not.
#[test]
fn many_exclude_their_members() {
    let mut world = led();
    let to = |to| directive(to, custom(true));
    world.run(send(vec![to("deposit/tron-1")])).unwrap();
    assert_eq!(dispatch(&mut world), [1]);
    world.run(send(vec![to("deposit"), to("deposit/bitcoin-1"), to("selftest/1")])).unwrap();
    assert_eq!(dispatch(&mut world), [4]);
    step(&mut world, 1, DirectiveStep::Succeeded { result: vec![] }).unwrap();
    assert_eq!(dispatch(&mut world), [2]);
    step(&mut world, 2, DirectiveStep::Succeeded { result: vec![] }).unwrap();
    assert_eq!(dispatch(&mut world), [3]);
}

/// Goal: what was in flight when the leadership ended is dispatched again where that does no harm, and else is for a person,
/// who decides once. Method: one of each; every decision.
#[test]
fn the_unknown_is_reviewed() {
    for (decision, then) in
        [(Decision::Retry, Stage::Queued), (Decision::Done, Stage::Succeeded), (Decision::Failed, Stage::Failed)]
    {
        let mut world = led();
        let harmful = directive("selftest/1", custom(false));
        world.run(send(vec![harmful, directive("selftest/2", custom(true))])).unwrap();
        assert_eq!(dispatch(&mut world), [1, 2]);
        step(&mut world, 1, DirectiveStep::Running).unwrap();
        world.apply(Input::Activate { node: NodeId(1), boot: [1; 16] }).unwrap();
        assert_eq!((stage(&world, 1), stage(&world, 2)), (Stage::NeedsReview, Stage::Queued));
        let review =
            Body::ReviewDirective(ReviewDirective { directive: DirectiveId(1), decision, reason: "looked".into() });
        assert_eq!(world.run(review.clone()), Ok(Done::DirectiveReviewed));
        assert_eq!(stage(&world, 1), then);
        assert!(world.run(review).is_err(), "decided twice");
        assert_eq!(world.audit().pop().unwrap().content.action, AuditAction::DirectiveReviewed);
    }
}

/// Goal: what others have to agree to waits until they do, and a stop takes effect on starts in that moment. Method: the
/// function that an approval calls.
#[test]
fn approval_releases() {
    let mut world = led();
    let stop = NewDirective { needs_approval: true, ..directive("selftest", DirectiveAction::Stop) };
    world.run(send(vec![stop])).unwrap();
    // Sent since, held up by nothing but its own turn.
    world.now = Timestamp(world.now.0 + SECOND);
    world.run(send(vec![directive("selftest/1", DirectiveAction::Start)])).unwrap();
    assert_eq!((stage(&world, 1), stage(&world, 2)), (Stage::PendingApproval, Stage::Queued));

    let mut ledger = std::mem::take(&mut world.state.ledger);
    world.index += 1;
    let at = At { index: world.index, term: 1, time: world.now };
    let history = HistoryOf(&world.rows);
    let mut entry = Entry::open(&mut world.state, &mut ledger, at, &history).unwrap();
    entry.release_directive(DirectiveId(1)).unwrap();
    let twice = entry.release_directive(DirectiveId(1));
    assert_eq!(twice, Err(Refusal::State { directive: DirectiveId(1) }));
    let applied = entry.close(vec![]).unwrap();
    world.rows.apply_changes(&applied.changes);
    world.state.ledger = ledger;
    let by = DirectiveId(1);
    let start = world.state.directives().find(&world.rows, DirectiveId(2)).unwrap().unwrap();
    assert_eq!((stage(&world, 1), start.state), (Stage::Queued, DirectiveState::Superseded { by }));
}

/// Goal: a key leads to its directive for ever, also when that is over; with another content it is refused.
#[test]
fn keys_last() {
    let mut world = led();
    let keyed = |to| NewDirective { key: Some("k".into()), ..directive(to, DirectiveAction::Stop) };
    world.run(send(vec![keyed("selftest/1")])).unwrap();
    dispatch(&mut world);
    assert_eq!(stage(&world, 1), Stage::Succeeded);
    let again = world.run(send(vec![keyed("selftest/1"), keyed("selftest/1")]));
    let Ok(Done::DirectivesSent(sent)) = again else { panic!("{again:?}") };
    assert!(sent.iter().all(|sent| sent.directive == DirectiveId(1) && !sent.new), "{sent:?}");
    let refused = world.refused(send(vec![keyed("selftest/2")]));
    assert_eq!(refused, Rejection::Directives(Refusal::KeyReused { by: DirectiveId(1) }));
}

/// Goal: to start, stop and restart takes effect in the registry in the moment of the dispatch, for one, for a kind and for
/// all, and is on record in the name of who asked.
#[test]
fn the_registry_follows() {
    let mut world = led();
    let refused = world.refused(send(vec![directive("selftest/9", DirectiveAction::Stop)]));
    assert_eq!(refused, Rejection::WorkerUnknown { worker: worker("selftest/9") });
    world.run(send(vec![directive("deposit", DirectiveAction::Stop)])).unwrap();
    assert!(super::is_wanted(&world, worker("deposit/tron-1")));
    assert_eq!(dispatch(&mut world), [0; 0]);
    let wanted = super::WORKERS.map(|name| super::is_wanted(&world, worker(name)));
    assert_eq!((wanted, stage(&world, 1)), ([true, true, false, false], Stage::Succeeded));
    assert_eq!(world.audit().pop().unwrap().content.action, AuditAction::SetWorker);

    let restart = |to| directive(to, DirectiveAction::Restart);
    world.run(send(vec![restart("deposit/tron-1"), restart("system"), restart("selftest/1")])).unwrap();
    dispatch(&mut world);
    assert_eq!([2, 3, 4].map(|id| stage(&world, id)), [Stage::Failed, Stage::Succeeded, Stage::Succeeded]);
    let generations = ["selftest/1", "selftest/2", "deposit/tron-1"].map(|name| world.record(worker(name)).generation);
    assert_eq!(generations, [3, 2, 1]);
    world.run(send(vec![directive("system", DirectiveAction::Start)])).unwrap();
    dispatch(&mut world);
    assert!(super::WORKERS.iter().all(|name| super::is_wanted(&world, worker(name))));
}

/// Goal: each rule of a directive is checked, and its message names a limit; a machine needs no reason.
#[test]
fn limits() {
    let mut world = led();
    let named = |name: &str| {
        let action = DirectiveAction::Custom { name: name.into(), payload: vec![], idempotent: true };
        directive("selftest/1", action)
    };
    let long = DirectiveAction::Custom { name: "n".into(), payload: vec![0; 4_097], idempotent: true };
    let plain = || directive("selftest/1", DirectiveAction::Stop);
    let network = crate::directives::Target::Kind {
        kind: exchequer_domain::WorkerKind::Selftest,
        network: Some(exchequer_domain::Network::Bsc),
    };
    for (bad, refusal) in [
        (NewDirective { key: Some("\n".into()), ..plain() }, Refusal::Key),
        (NewDirective { target: network, ..plain() }, Refusal::Target),
        (named(""), Refusal::Name),
        (named("Stop"), Refusal::Name),
        (named("stop"), Refusal::Name),
        (directive("selftest/1", long), Refusal::Payload),
        (NewDirective { max_attempts: 0, ..plain() }, Refusal::Attempts),
        (NewDirective { deadline: Some(world.now), ..plain() }, Refusal::Deadline),
    ] {
        assert_eq!(world.refused(send(vec![plain(), bad])), Rejection::Directives(refusal));
        assert!(refusal.message().contains(|c: char| c.is_ascii_digit()), "{refusal:?}");
    }
    assert_eq!(world.refused(send(vec![])), Rejection::Directives(Refusal::Count));
    let silent = || Body::SendDirectives(SendDirectives { directives: vec![plain()], reason: String::new() });
    assert_eq!(world.refused(silent()), Rejection::ReasonMissing);
    as_actor(&mut world, Actor::Node(NodeId(1)), silent()).unwrap();
    let cancel = CancelDirectives { directives: vec![DirectiveId(1)], reason: "test".into() };
    assert_eq!(world.run(Body::CancelDirectives(cancel)), Ok(Done::Directives(vec![Ok(())])));
}

/// Goal: in an emergency whoever moves money hears nothing but what has its priority, is stopped all the same, and holds up
/// nobody else. Method: custom directives for both sorts of workers and for all, a stop, and an urgent one; then the end.
#[test]
fn who_moves_money_hears_nothing_in_an_emergency() {
    let mut world = led();
    world.run(Body::EmergencyStop(crate::EmergencyStop { reason: "test".into() })).unwrap();
    world
        .run(send(vec![
            directive("deposit/tron-1", custom(false)),
            directive("selftest/1", custom(false)),
            directive("deposit/bitcoin-1", custom(false)),
            directive("deposit/bitcoin-1", DirectiveAction::Stop),
        ]))
        .unwrap();
    assert_eq!(dispatch(&mut world), [2]);
    assert_eq!((stage(&world, 1), stage(&world, 4)), (Stage::Queued, Stage::Succeeded));
    assert!(!is_wanted(&world, worker("deposit/bitcoin-1")));
    let urgent = NewDirective { priority: Priority::Emergency, ..directive("deposit/tron-1", custom(true)) };
    world.run(send(vec![urgent])).unwrap();
    assert_eq!(dispatch(&mut world), [5]);
    world.run(Body::EmergencyResume(crate::EmergencyResume { reason: "test".into() })).unwrap();
    step(&mut world, 5, DirectiveStep::Acked).unwrap();
    step(&mut world, 5, DirectiveStep::Succeeded { result: Vec::new() }).unwrap();
    assert_eq!(dispatch(&mut world), [1]);
}
