//! The table at the end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::faults::{Fault, Kind};
use crate::history::Moment;

/// The longest time without an acknowledged write that began or went on within each fault's part of the run, which
/// ends where the next fault begins.
pub(crate) fn gaps(faults: &[Fault], acknowledged: &[Moment], end: Moment) -> Vec<Duration> {
    let gap = |(at, fault): (usize, &Fault)| {
        let until = faults.get(at + 1).map_or(end, |next| next.begun);
        let from = acknowledged.partition_point(|moment| *moment < fault.begun);
        let to = acknowledged.partition_point(|moment| *moment < until);
        let mut last = fault.begun;
        let mut longest = 0;
        for moment in acknowledged.get(from..to).unwrap_or_default().iter().chain([&until]) {
            longest = longest.max(moment.saturating_sub(last));
            last = *moment;
        }
        Duration::from_nanos(longest)
    };
    faults.iter().enumerate().map(gap).collect()
}

/// What is told of one kind.
#[derive(Default)]
struct Row {
    times: usize,
    seen: usize,
    gaps: Vec<Duration>,
    caught_up: Duration,
}

/// Faults by kind: how often, how often with the effect, the median and the longest gap, and how long nodes took at
/// most to catch up after healing.
pub(crate) fn by_kind(faults: &[Fault], gaps: &[Duration]) -> String {
    let mut rows: BTreeMap<Kind, Row> = BTreeMap::new();
    for (fault, gap) in faults.iter().zip(gaps) {
        let row = rows.entry(fault.kind).or_default();
        row.times += 1;
        row.seen += usize::from(fault.effective);
        row.gaps.push(*gap);
        row.caught_up = row.caught_up.max(fault.caught_up);
    }
    let mut text = format!(
        "{:<32} {:>6} {:>6} {:>11} {:>11} {:>11}\n",
        "FAULT", "TIMES", "SEEN", "MEDIAN GAP", "MAX GAP", "CATCH-UP"
    );
    for (kind, Row { times, seen, mut gaps, caught_up }) in rows {
        gaps.sort_unstable();
        let seconds = |at: usize| gaps.get(at).copied().unwrap_or_default().as_secs_f64();
        let (median, most) = (seconds(gaps.len() / 2), seconds(gaps.len().saturating_sub(1)));
        let (name, caught_up) = (kind.text(), caught_up.as_secs_f64());
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<32} {times:>6} {seen:>6} {median:>9.2} s {most:>9.2} s {caught_up:>9.2} s");
    }
    text
}
