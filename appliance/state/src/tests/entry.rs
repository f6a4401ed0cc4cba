//! What holds of every entry: ids, replicated time, epochs, bad bytes.

use std::time::Duration;

use exchequer_domain::{NodeId, Timestamp};

use super::world::{DAY, HOUR, START, World, bootstrap, id, put};
use crate::{Actor, Body, Command, Done, Edit, Event, EventKind, Input, Outcome, Rejection, RequestDigest, Table};

fn version(version: u64) -> Result<Done, Rejection> {
    Ok(Done::ScratchPut { version })
}

/// Goal: the same id takes effect once, in the same entry, in a later one, and through another node; the same id
/// with another body is refused and the first outcome stays.
#[test]
fn an_id_takes_effect_once() {
    let mut world = World::new();
    let first = world.command(put(b"k", b"a", None));
    let other = Command { body: put(b"k", b"b", None), ..first };
    let done = Outcome::Done(Done::ScratchPut { version: 1 });
    let reused = Outcome::Rejected(Rejection::CommandIdReused);
    let outcomes = world.entry(&[first.clone(), first.clone(), other.clone(), first.clone()]);
    assert_eq!(outcomes, [done.clone(), done.clone(), reused, done.clone()]);
    let elsewhere = Command { actor: Actor::Node(NodeId(1)), epoch: Some(99), ..first.clone() };
    assert_eq!(world.send(&elsewhere), version(1));
    assert_eq!(world.send(&other), Err(Rejection::CommandIdReused));
    assert_eq!(world.state.outcome_by_id(&world.rows, first.id), Ok(Some(done)));
    assert_eq!(world.state.outcome_by_id(&world.rows, id(u64::MAX)), Ok(None));
}

/// Goal: a refusal is an outcome too: what would be accepted later stays refused under its id.
#[test]
fn refusals_are_remembered() {
    let mut world = World::new();
    let early = world.command(put(b"k", b"a", Some(1)));
    let refused = Err(Rejection::VersionMismatch { present: 0 });
    assert_eq!(world.send(&early), refused);
    assert_eq!(world.run(put(b"k", b"a", None)), version(1));
    assert_eq!(world.send(&early), refused);
}

/// Goal: an id is remembered through the day after its own and forgotten after that, its row gone. Method: one
/// command sent again at the last moment and after it, a second one across a leap of many days.
#[test]
fn ids_are_remembered_for_a_day() {
    let midnight = Timestamp(START.0 / DAY * DAY);
    for (sent, last, leap) in [(0, 2 * DAY - 1, 2 * DAY), (DAY - 1, 2 * DAY - 1, 2 * DAY), (0, DAY, 90 * DAY)] {
        let mut world = World::empty();
        let after = |us| midnight.plus(Duration::from_micros(DAY + us));
        world.now = after(0);
        world.run(bootstrap()).unwrap();
        world.now = after(sent);
        let command = world.command(put(b"k", b"a", None));
        assert_eq!(world.send(&command), version(1));
        world.now = after(last);
        assert_eq!(world.send(&command), version(1));
        world.now = after(leap);
        world.apply(Input::Noop).unwrap();
        let kept = |world: &World| world.rows.iter().filter(|(_, key, _)| key[0] == Table::CommandId as u8).count();
        assert_eq!(kept(&world), 0, "the rows of old ids must be gone");
        assert_eq!(world.send(&command), version(2));
        assert_eq!(kept(&world), 1);
    }
}

/// Goal: one bucket a day is dropped, as one change.
#[test]
fn a_day_is_dropped_as_a_whole() {
    let mut world = World::new();
    world.now = world.now.plus(Duration::from_micros(DAY));
    let applied = world.apply(Input::Noop).unwrap();
    assert_eq!(applied.changes.iter().filter(|change| change.edit == Edit::DeletePrefix).count(), 1);
    world.now = world.now.plus(Duration::from_secs(1));
    let applied = world.apply(Input::Noop).unwrap();
    assert!(applied.changes.iter().all(|change| change.edit != Edit::DeletePrefix));
}

/// Goal: replicated time never runs backwards, whatever a leader stamps.
#[test]
fn time_never_runs_backwards() {
    let mut world = World::new();
    world.now = Timestamp(START.0 - HOUR);
    let applied = world.apply(Input::Noop).unwrap();
    assert_eq!((world.state.time(), applied.changes.len()), (START, 0));
    world.now = Timestamp(START.0 + 1);
    world.apply(Input::Noop).unwrap();
    assert_eq!(world.state.time(), Timestamp(START.0 + 1));
}

/// Goal: work begun under an earlier leadership is refused after the next activation, other work is not.
#[test]
fn an_activation_fences_earlier_work() {
    let mut world = World::new();
    let fenced = |world: &mut World, epoch| {
        let command = world.command(put(b"k", b"v", None));
        world.send(&Command { epoch, ..command })
    };
    assert_eq!(fenced(&mut world, Some(1)), Err(Rejection::StaleEpoch { current: 0 }));
    let applied = world.apply(Input::Activate { node: NodeId(1), boot: [3; 16] }).unwrap();
    let first = world.index;
    let epoch = *world.state.epoch().unwrap();
    assert_eq!((epoch.index, epoch.node, epoch.boot), (first, NodeId(1), [3; 16]));
    let [Event::Durable { record, .. }] = applied.events.as_slice() else { panic!("one event") };
    assert_eq!(record.kind, EventKind::LeaderActivated(epoch));
    assert_eq!(fenced(&mut world, Some(first)), version(1));
    world.apply(Input::Activate { node: NodeId(1), boot: [4; 16] }).unwrap();
    let current = world.index;
    assert_eq!(fenced(&mut world, Some(first)), Err(Rejection::StaleEpoch { current }));
    assert_eq!(fenced(&mut world, None), version(2));
}

/// Goal: bytes that are no command are refused one by one, never halt, and leave the others of the entry alone.
/// Method: every cut of a good command, foreign versions, trailing bytes, an unknown variant, an oversized one.
#[test]
fn bad_bytes_are_refused() {
    let mut world = World::new();
    let good = world.command(put(b"k", b"v", None)).encode();
    let digest = world.command(Body::Digest(RequestDigest {})).encode();
    let mut bad: Vec<Vec<u8>> = (0..digest.len()).map(|cut| digest[..cut].to_vec()).collect();
    bad.push([digest.as_slice(), &[0]].concat());
    bad.push([&[2], &digest[1..]].concat());
    bad.push([&digest[..digest.len() - 1], &[99]].concat());
    for (number, bytes) in bad.iter_mut().enumerate() {
        if let Some(last_of_id) = bytes.get_mut(16) {
            *last_of_id = 100 + u8::try_from(number).unwrap();
        }
    }
    let oversized = vec![1; crate::command::COMMAND_BYTES_MAX + 1];
    let mut entry: Vec<&[u8]> = bad.iter().map(Vec::as_slice).collect();
    entry.extend([oversized.as_slice(), good.as_slice()]);
    let outcomes = world.apply(Input::Commands(&entry)).unwrap().outcomes;
    let mut outcomes: Vec<Outcome> = outcomes.iter().map(|bytes| Outcome::decode(bytes).unwrap()).collect();
    assert_eq!(outcomes.pop(), Some(Outcome::Done(Done::ScratchPut { version: 1 })));
    assert_eq!(outcomes.pop(), Some(Outcome::Rejected(Rejection::TooLarge)));
    for (number, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome, &Outcome::Rejected(Rejection::BadRequest), "{:?}", bad[number]);
    }
}
