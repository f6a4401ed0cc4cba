//! When a stop makes starts pointless, and what a deadline says of what was dispatched.

use exchequer_domain::{NodeId, Timestamp};

use super::super::world::{SECOND, World};
use super::rules::{dispatch, led, send, stage, step};
use super::{custom, directive};
use crate::apply::SUPERSEDED_PER_ENTRY;
use crate::directives::{Decision, DirectiveAction, DirectiveId, DirectiveStep, Stage};
use crate::{Body, Input, NewDirective, ReviewDirective};

fn after(world: &World, seconds: u64) -> Option<Timestamp> {
    Some(Timestamp(world.now.0 + seconds * SECOND))
}

/// Goal: a stop that is for later leaves alone what is to start before that, until its own time has come; what is to start
/// after it stays. Method: a stop in ten seconds among starts at once, in five seconds, in ten and in twenty.
#[test]
fn a_stop_supersedes_when_its_time_has_come() {
    let mut world = led();
    let at = |world: &World, seconds, action| NewDirective {
        not_before: after(world, seconds),
        ..directive("selftest/1", action)
    };
    let start = |world: &World, seconds| at(world, seconds, DirectiveAction::Start);
    // One that nobody agrees to waits as well.
    let pending = NewDirective { needs_approval: true, ..directive("selftest/1", DirectiveAction::Restart) };
    let all = vec![
        at(&world, 10, DirectiveAction::Stop),
        start(&world, 0),
        start(&world, 5),
        start(&world, 10),
        start(&world, 20),
        pending,
    ];
    world.run(send(all)).unwrap();
    let stages = |world: &World| (1..=6).map(|id| stage(world, id)).collect::<Vec<_>>();
    let waits = Stage::Queued;
    assert_eq!(stages(&world), [waits, waits, waits, waits, waits, Stage::PendingApproval]);
    dispatch(&mut world);
    assert_eq!(stage(&world, 2), Stage::Succeeded);
    world.now = after(&world, 10).unwrap();
    world.apply(Input::Noop).unwrap();
    let gone = Stage::Superseded;
    assert_eq!(stages(&world), [waits, Stage::Succeeded, gone, gone, waits, gone]);
    dispatch(&mut world);
    assert_eq!(stage(&world, 1), Stage::Succeeded);
}

/// Goal: a stop that makes very much pointless takes several entries for it, each with an end, and is dispatched after all of
/// it. Method: more starts than one entry may end, for several targets.
#[test]
fn a_stop_takes_its_time() {
    let mut world = led();
    let starts = |to| vec![NewDirective { needs_approval: true, ..directive(to, DirectiveAction::Start) }; 900];
    for to in ["selftest/1", "selftest/2", "selftest"] {
        world.run(send(starts(to))).unwrap();
    }
    let count = |world: &World| {
        let open = world.state.directives().latest(DirectiveId(u64::MAX));
        open.filter(|one| one.state.stage() == Stage::PendingApproval).count()
    };
    world.run(send(vec![directive("selftest", DirectiveAction::Stop)])).unwrap();
    assert_eq!(count(&world), 2_700 - SUPERSEDED_PER_ENTRY);
    assert!(world.state.directives().next_due().is_some_and(|due| due <= world.now), "time has something left to do");
    world.apply(Input::Noop).unwrap();
    assert_eq!(count(&world), 2_700 - 2 * SUPERSEDED_PER_ENTRY);
    assert_eq!(stage(&world, 2_701), Stage::Queued);
    dispatch(&mut world);
    assert_eq!((count(&world), stage(&world, 2_701)), (0, Stage::Succeeded));
}

/// Goal: only what was never dispatched expires. One whose last attempt failed has failed; of one that was lost nobody knows,
/// and a person who wants it again gets it again. Method: deadlines that pass after a failure, and after a loss.
#[test]
fn what_was_dispatched_does_not_expire() {
    let mut world = led();
    let soon = |world: &World, to| NewDirective { deadline: after(world, 2), ..directive(to, custom(true)) };
    world.run(send(vec![soon(&world, "selftest/1"), soon(&world, "selftest/2"), soon(&world, "selftest/2")])).unwrap();
    assert_eq!(dispatch(&mut world), [1, 2]);
    // The next attempt would be in a second, and does not come about.
    step(&mut world, 1, DirectiveStep::Failed { error: "no".into() }).unwrap();
    assert_eq!(stage(&world, 1), Stage::Queued);
    world.now = after(&world, 3).unwrap();
    world.apply(Input::Activate { node: NodeId(1), boot: [1; 16] }).unwrap();
    assert_eq!([1, 2, 3].map(|id| stage(&world, id)), [Stage::Failed, Stage::NeedsReview, Stage::Expired]);
    let retry = ReviewDirective { directive: DirectiveId(2), decision: Decision::Retry, reason: "looked".into() };
    world.run(Body::ReviewDirective(retry)).unwrap();
    assert_eq!((stage(&world, 2), dispatch(&mut world)), (Stage::Queued, vec![2]));
}
