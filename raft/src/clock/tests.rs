//! The stamps of a leadership, whatever the clocks do.

use super::*;

const SECOND: u64 = 1_000_000;
const DAY: u64 = 86_400 * SECOND;
/// Where replicated time stands when a test begins.
const START: u64 = 20_000 * DAY;
const LIMIT: Duration = Duration::from_secs(2);

/// A clock whose last applied stamp is [`START`], with the moment it was seen.
fn clock() -> (ReplicatedClock, Instant) {
    let clock = ReplicatedClock::new(Arc::new(|| 0), START);
    let began = clock.applied.0;
    (clock, began)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Goal: a wall clock that is ten minutes off either way neither stops replicated time nor makes it leap, and in the
/// end it is caught up with. Method: a second at a time, both ways.
#[test]
fn jumps_are_slewed() {
    for jump in [600_i64, -600] {
        let (mut replicated, mut wall) = (START, START.saturating_add_signed(jump * SECOND as i64));
        for _ in 0..6_001 {
            wall += SECOND;
            let next = slew(replicated, wall, SECOND);
            assert!(next >= replicated + SECOND * 9 / 10 && next <= replicated + SECOND * 11 / 10);
            replicated = next;
        }
        assert_eq!(replicated, wall);
    }
}

/// What was heard, whether this node votes, among how many, and what follows.
type Case<'a> = (&'a [i64], bool, usize, Verdict, Option<i64>);

/// Goal: what the voters' clocks say of this node's. Method: the heard offsets of two, three and five voters.
#[test]
fn clocks_are_judged() {
    let far = i64::try_from(3 * DAY).unwrap();
    let cases: &[Case<'_>] = &[
        (&[], true, 1, Verdict::Alone, None),
        (&[], true, 3, Verdict::Unknown, None),
        (&[], false, 3, Verdict::Unknown, None),
        // Two of three that are heard: they agree, or nobody can tell.
        (&[1_000], true, 3, Verdict::Agreed, None),
        (&[far], true, 3, Verdict::Disputed, None),
        (&[-far], true, 3, Verdict::Disputed, None),
        (&[far], true, 2, Verdict::Disputed, None),
        // All three.
        (&[500, -500], true, 3, Verdict::Agreed, Some(0)),
        (&[far, -1_000], true, 3, Verdict::Agreed, Some(0)),
        (&[far, far + 5], true, 3, Verdict::Off, Some(-far)),
        (&[-far, far], true, 3, Verdict::Disputed, Some(0)),
        (&[far, 2 * far], true, 3, Verdict::Off, Some(-far)),
        // Five: two that agree are no majority, even if only three are heard.
        (&[0], true, 5, Verdict::Unknown, None),
        (&[0, far], true, 5, Verdict::Disputed, Some(0)),
        (&[0, 0], true, 5, Verdict::Agreed, Some(0)),
        (&[far, far], true, 5, Verdict::Off, Some(-far)),
        // A learner asks the voters only.
        (&[0, 0, far], false, 3, Verdict::Agreed, Some(0)),
    ];
    for (heard, votes, voters, verdict, offset_us) in cases {
        let judgement = Judgement { verdict: *verdict, offset_us: *offset_us };
        assert_eq!(judge(heard, *votes, *voters, LIMIT), judgement, "{heard:?} {votes} {voters}");
    }
}

/// Goal: a new leader whose clock nobody vouches for goes on from the last applied stamp, and what passed since it was
/// applied, however often it is elected. Method: a clock three days ahead and one three days behind, unjudged, disputed
/// and known to be off; a leadership every minute for an hour.
#[test]
fn a_clock_without_a_majority_moves_nothing() {
    for verdict in [None, Some(Verdict::Unknown), Some(Verdict::Disputed), Some(Verdict::Off)] {
        for wrong in [START + 3 * DAY, START - 3 * DAY] {
            let (mut clock, began) = clock();
            if let Some(verdict) = verdict {
                clock.judged(verdict, began, wrong, LIMIT);
            }
            let mut applied = START;
            for minute in 1..=60 {
                let passed = seconds(60 * minute);
                let stamp = clock.stamp_at(began + passed, wrong + 60 * minute * SECOND, minute, applied);
                assert_eq!(stamp, START + 60 * minute * SECOND, "{verdict:?}");
                clock.observe_at(began + passed, stamp);
                applied = stamp;
            }
        }
    }
}

/// Goal: a cluster that was switched off for days moves on at once when a majority agrees on the time, and only then.
/// Method: the first stamps of a leadership before and after the voters agreed.
#[test]
fn days_without_power_are_caught_up_with() {
    let (mut clock, began) = clock();
    let wall = START + 5 * DAY;
    assert_eq!(clock.stamp_at(began + seconds(1), wall + SECOND, 7, START), START + SECOND);
    clock.judged(Verdict::Agreed, began + seconds(2), wall + 2 * SECOND, LIMIT);
    assert_eq!(clock.stamp_at(began + seconds(3), wall + 3 * SECOND, 7, START + SECOND), wall + 3 * SECOND);
    clock.observe_at(began + seconds(3), wall + 3 * SECOND);
    assert_eq!(clock.stamp_at(began + seconds(4), wall + 4 * SECOND, 8, wall), wall + 4 * SECOND, "a new leadership");
}

/// Goal: a clock that jumps after a majority vouched for it is not believed. Method: three days in either direction
/// within the same half second; then the majority is asked again.
#[test]
fn a_vouched_clock_that_jumps_is_not_followed() {
    for wrong in [START + 3 * DAY, START - 3 * DAY] {
        let (mut clock, began) = clock();
        clock.judged(Verdict::Agreed, began, START, LIMIT);
        assert_eq!(clock.stamp_at(began + seconds(1), START + SECOND, 4, START), START + SECOND);
        clock.observe_at(began + seconds(1), START + SECOND);
        assert_eq!(clock.stamp_at(began + seconds(2), wrong, 4, START + SECOND), START + 2 * SECOND);
        assert_eq!(clock.stamp_at(began + seconds(3), wrong, 5, START + SECOND), START + 3 * SECOND);
    }
}

/// Goal: a difference within the limit is no leap, vouched or not. Method: one second, both ways, from the first stamp
/// of a leadership on.
#[test]
fn small_differences_are_slewed() {
    for verdict in [Verdict::Disputed, Verdict::Agreed] {
        let (mut clock, began) = clock();
        clock.judged(verdict, began, START + SECOND, LIMIT);
        let stamp = clock.stamp_at(began + seconds(1), START + 2 * SECOND, 4, START);
        assert_eq!(stamp, START + SECOND * 11 / 10);
        let stamp = clock.stamp_at(began + seconds(2), START + SECOND, 4, START);
        assert_eq!(stamp, START + SECOND * 11 / 10 + SECOND * 9 / 10);
    }
}

/// Goal: time goes on while a node follows, from the last entry it applied, and not from what it stamped itself in an
/// earlier leadership. Method: a node leads, then another with a slower clock for a day, then the first again.
#[test]
fn following_keeps_the_time() {
    let (mut clock, began) = clock();
    assert_eq!(clock.stamp_at(began + seconds(10), 0, 4, START), START + 10 * SECOND);
    let slower = START + DAY * 9 / 10;
    clock.observe_at(began + seconds(86_400), slower);
    assert_eq!(clock.stamp_at(began + seconds(86_405), 0, 6, slower), slower + 5 * SECOND);
    assert_eq!(clock.stamp_at(began + seconds(86_405), 0, 6, slower + 9 * SECOND), slower + 9 * SECOND, "the floor");
}

/// Goal: a single voter that was off for a week moves on, one whose clock says another century does not, and one whose
/// clock jumps while it runs neither leaps nor stops; a clock behind is waited for. Method: each of them.
#[test]
fn a_single_voter_believes_what_it_was_started_with() {
    let first = |wall: u64| {
        let (mut clock, began) = clock();
        clock.judged(Verdict::Alone, began, wall, LIMIT);
        (clock.stamp_at(began + seconds(1), wall + SECOND, 4, START), clock, began)
    };
    let week = START + 7 * DAY;
    let (stamp, mut clock, began) = first(week);
    assert_eq!(stamp, week + SECOND);
    assert_eq!(first(START + 40_000 * DAY).0, START + SECOND);
    assert_eq!(first(START - 40 * DAY).0, START + SECOND * 9 / 10);

    clock.observe_at(began + seconds(1), stamp);
    let jumped = week + 3 * DAY;
    clock.judged(Verdict::Alone, began + seconds(2), jumped, LIMIT);
    assert_eq!(clock.stamp_at(began + seconds(3), jumped + SECOND, 4, stamp), week + 3 * SECOND);
    assert_eq!(clock.stamp_at(began + seconds(4), jumped + 2 * SECOND, 5, stamp), week + 4 * SECOND);
    clock.judged(Verdict::Alone, began + seconds(5), week + 5 * SECOND, LIMIT);
    assert_eq!(clock.stamp_at(began + seconds(6), week + 6 * SECOND, 5, stamp), week + 6 * SECOND);
}

/// Goal: a new cluster takes the wall clock as it is. Method: nothing was ever applied.
#[test]
fn a_new_cluster_begins_with_the_wall_clock() {
    let mut clock = ReplicatedClock::new(Arc::new(|| 0), 0);
    let began = clock.applied.0;
    assert_eq!(clock.stamp_at(began, START, 1, 0), START);
    assert_eq!(clock.stamp_at(began + seconds(1), START + 9 * DAY, 1, 0), START + SECOND);
}

/// Goal: what replicated time is now follows no wall clock. Method: one that is days ahead and believed by nobody; stamps that were
/// applied meanwhile; a cluster without any.
#[test]
fn time_goes_on_from_what_was_applied() {
    let (mut clock, began) = clock();
    clock.wall = Arc::new(|| START + 9 * DAY);
    assert_eq!(clock.now_at(began + seconds(50)), START + 50 * SECOND);
    clock.observe_at(began + seconds(60), START + 55 * SECOND);
    assert_eq!(clock.now_at(began + seconds(61)), START + 56 * SECOND);
    assert_eq!(ReplicatedClock::new(Arc::new(|| START), 0).now_us(), 0);
}
