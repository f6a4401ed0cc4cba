//! What is kept, and what is read of it.

use super::*;

const KEY: Key = (Series::WorkersRunning, None);

/// SplitMix64.
fn roll(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn at(minute: u64) -> Timestamp {
    Timestamp((1_000_000 + minute) * SAMPLED_EVERY_US + 7)
}

/// A sample of a minute, whose figure is the minute's number.
fn put(history: &History, minute: u64) {
    history.put(Sample::new(at(minute), vec![(KEY, i128::from(minute))]));
}

fn minutes(points: &[(Timestamp, i128)]) -> Vec<u64> {
    points.iter().map(|(at, _)| at.0 / SAMPLED_EVERY_US - 1_000_000).collect()
}

/// Goal: what is read are samples, each at its own time; each step that has any gives its newest, one that has none gives nothing; and
/// of the day before it says exactly what was sampled then. Method: random minutes of two days, read with random numbers of points and
/// compared with what a search through all of them finds; the seed is printed.
#[test]
fn points_are_the_newest_samples_of_their_steps() {
    let mut seed = 0x5eed_0601_u64;
    println!("seed {seed:#x}");
    let (mut gaps, mut days) = (0, 0);
    for _ in 0..30 {
        let history = History::default();
        let sampled: Vec<u64> = (0..2 * KEPT_MINUTES).filter(|_| !roll(&mut seed).is_multiple_of(3)).collect();
        sampled.iter().for_each(|minute| put(&history, *minute));
        let newest = *sampled.last().unwrap();
        let points = 1 + roll(&mut seed) % KEPT_MINUTES;
        let read = history.read(&[Series::WorkersRunning], points);
        let step = read.step_minutes;
        assert_eq!(step, KEPT_MINUTES.div_ceil(points));
        let mut expected: Vec<u64> = Vec::new();
        for slot in (0..KEPT_MINUTES.div_ceil(step)).rev() {
            let from = newest + 1 - ((slot + 1) * step).min(KEPT_MINUTES);
            let of = sampled.iter().filter(|minute| (from..=newest - slot * step).contains(minute));
            gaps += usize::from(of.clone().count() == 0);
            expected.extend(of.max());
        }
        let [line] = read.lines.as_slice() else { panic!("{:?}", read.lines) };
        assert_eq!(minutes(&line.points), expected, "{points} points");
        assert!(line.points.len() as u64 <= points && line.points.iter().all(|(_, figure)| *figure < 3_000));
        assert!(line.points.iter().all(|(when, figure)| *when == at(u64::try_from(*figure).unwrap())));
        let day = sampled.contains(&(newest - KEPT_MINUTES)).then(|| newest - KEPT_MINUTES);
        assert_eq!(line.day_before, day.map(|minute| (at(minute), i128::from(minute))));
        days += usize::from(day.is_some());
        let oldest = sampled.iter().find(|minute| **minute + KEPT_MINUTES >= newest).unwrap();
        assert_eq!((read.kept_since, read.sampled_at), (Some(at(*oldest)), Some(at(newest))));
    }
    println!("{gaps} steps without a sample, {days} of 30 with a day before");
    assert!(gaps > 100 && days > 5);
}

/// Goal: memory has an end. Method: a week of samples.
#[test]
fn a_day_is_kept() {
    let history = History::default();
    (0..7 * KEPT_MINUTES).for_each(|minute| put(&history, minute));
    let kept = history.0.lock();
    assert_eq!(kept.len() as u64, KEPT_MINUTES + 1);
    assert_eq!(kept.front().unwrap().at, at(6 * KEPT_MINUTES - 1));
}

/// Goal: after a clock was put back no two samples claim the same moment, and none is of a later one than the newest; a leap forward
/// leaves nothing that is older than a day. Method: an hour back, a month ahead.
#[test]
fn the_clock_is_put_back() {
    let history = History::default();
    (0..120).for_each(|minute| put(&history, minute));
    put(&history, 60);
    let read = history.read(&[Series::WorkersRunning], KEPT_MINUTES);
    assert_eq!(minutes(&read.lines[0].points), (0..=60).collect::<Vec<u64>>());
    put(&history, 30 * KEPT_MINUTES);
    let read = history.read(&[Series::WorkersRunning], KEPT_MINUTES);
    assert_eq!(minutes(&read.lines[0].points), [30 * KEPT_MINUTES]);
    assert_eq!(read.kept_since, read.sampled_at);
}

/// Goal: a name is one series, and every series has one. Method: the table.
#[test]
fn names_are_unique() {
    for series in Series::ALL {
        assert_eq!(Series::named(series.as_str()), Some(*series));
    }
    assert_eq!(Series::named(""), None);
}
