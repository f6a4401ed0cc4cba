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

/// Faults by kind: how often, how often with the effect, and the median and the longest gap.
pub(crate) fn by_kind(faults: &[Fault], gaps: &[Duration]) -> String {
    let mut rows: BTreeMap<Kind, (usize, usize, Vec<Duration>)> = BTreeMap::new();
    for (fault, gap) in faults.iter().zip(gaps) {
        let row = rows.entry(fault.kind).or_default();
        row.0 += 1;
        row.1 += usize::from(fault.effective);
        row.2.push(*gap);
    }
    let mut text = format!("{:<32} {:>6} {:>6} {:>11} {:>11}\n", "FAULT", "TIMES", "SEEN", "MEDIAN GAP", "MAX GAP");
    for (kind, (times, seen, mut gaps)) in rows {
        gaps.sort_unstable();
        let seconds = |at: usize| gaps.get(at).copied().unwrap_or_default().as_secs_f64();
        let (median, most) = (seconds(gaps.len() / 2), seconds(gaps.len().saturating_sub(1)));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<32} {times:>6} {seen:>6} {median:>9.2} s {most:>9.2} s", kind.text());
    }
    text
}
