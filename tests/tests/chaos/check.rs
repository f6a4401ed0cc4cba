//! What must hold of a history.
//!
//! Every write that took effect made one version of its key, so the versions tell the order of everything: a write
//! stands at its version, a read behind the write that it saw. From this follow, for each key, that nothing
//! acknowledged is lost (its version is there and holds its value), that nothing took effect twice (each version is
//! one command's, each command has one version, and the key ends at the number of them), and the one order in which
//! the history can be linearizable at all. That this order agrees with time is checked here, and again by a published
//! checker ([`crate::linear`]).
//!
//! A write whose answer was lost stays open: it may have taken effect at any moment after it was begun. What became of
//! it is asked at the very end (`GET /v1/commands/{id}`), and that answer has to fit as well.

use std::collections::BTreeMap;

use crate::history::{History, Key, Moment, NEVER, Read, Write, WriteEnd};

/// What became of a command, as a healthy cluster says after the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Became {
    /// It took effect as this version.
    Done(u64),
    /// It was refused for its expected version.
    Mismatch,
    /// There is no trace of it.
    Nothing,
}

/// What is there at the end.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    /// Version and value of every key that was ever written, as linearizable reads say; zeros where there is none.
    pub(crate) values: BTreeMap<Key, (u64, u64)>,
    /// What became of commands by id: at least of all that were refused or unknown.
    pub(crate) became: BTreeMap<u128, Became>,
}

/// A step of one key's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Writes `value` where the version is `expect`, or always, and makes `version`.
    Put { value: u64, expect: Option<u64>, version: u64 },
    /// Was refused, since the version was not `expect`.
    Refusal { expect: u64 },
    /// Saw a version with its value.
    Get { version: u64, value: u64 },
}

/// A step with its time, in the only order that may be linearizable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) act: Act,
    pub(crate) invoked: Moment,
    pub(crate) returned: Moment,
    /// The version that holds after it.
    at: u64,
}

/// One key's part of a history.
#[derive(Debug, Default)]
struct OfKey<'a> {
    writes: Vec<&'a Write>,
    reads: Vec<&'a Read>,
}

/// The order of the steps of each key with which nothing is wrong, and what is wrong with the others, in sentences.
pub(crate) fn check(history: &History, ending: &Ending) -> (BTreeMap<Key, Vec<Step>>, Vec<String>) {
    let mut keys: BTreeMap<Key, OfKey<'_>> = BTreeMap::new();
    for write in &history.writes {
        keys.entry(write.key).or_default().writes.push(write);
    }
    for read in &history.reads {
        keys.entry(read.key).or_default().reads.push(read);
    }
    let mut wrong = history.broken.clone();
    let mut orders = BTreeMap::new();
    for (key, part) in keys {
        let mut found = Vec::new();
        let steps = check_key(&part, ending, ending.values.get(&key).copied(), &mut found);
        if found.is_empty() {
            orders.insert(key, steps);
        }
        wrong.extend(found.into_iter().map(|text| format!("{key}: {text}")));
    }
    (orders, wrong)
}

fn check_key(part: &OfKey<'_>, ending: &Ending, last: Option<(u64, u64)>, wrong: &mut Vec<String>) -> Vec<Step> {
    let Some((last_version, last_value)) = last else {
        wrong.push("it was not read at the end".to_owned());
        return Vec::new();
    };
    let mut versions: BTreeMap<u64, &Write> = BTreeMap::new();
    let mut refusals: Vec<&Write> = Vec::new();
    for write in &part.writes {
        match outcome(write, ending, wrong) {
            Became::Done(version) => {
                if let Some(other) = versions.insert(version, write) {
                    wrong.push(format!("version {version} is of two commands: {} and {}", told(other), told(write)));
                }
                if write.expect.is_some_and(|expect| expect + 1 != version) {
                    wrong.push(format!("took effect at another version than expected: {}", told(write)));
                }
            }
            Became::Mismatch => refusals.push(write),
            Became::Nothing => {}
        }
    }
    for version in 1..=last_version {
        if !versions.contains_key(&version) {
            wrong.push(format!("version {version} of {last_version} is of no command: something took effect twice"));
        }
    }
    for (version, write) in versions.range(last_version + 1..) {
        wrong.push(format!("LOST: the key ends at version {last_version}, but {version} was {}", told(write)));
    }
    let value_of = |version: u64| versions.get(&version).map_or(0, |write| write.value);
    if value_of(last_version) != last_value {
        wrong.push(format!("version {last_version} ends with {last_value}, not {}", value_of(last_version)));
    }
    for read in &part.reads {
        if read.version > 0 && !versions.contains_key(&read.version) || value_of(read.version) != read.value {
            wrong.push(format!("a value that was never there was read: {read:?}"));
        }
    }
    check_local(part, &versions, wrong);
    order(part, &versions, &refusals, wrong)
}

/// What became of a write; its own answer and the later one must agree.
fn outcome(write: &Write, ending: &Ending, wrong: &mut Vec<String>) -> Became {
    let later = ending.became.get(&write.id).copied();
    match (write.end, later) {
        (WriteEnd::Done(version), None) => Became::Done(version),
        (WriteEnd::Mismatch, None) => Became::Mismatch,
        (WriteEnd::Done(version), Some(Became::Done(later))) if version == later => Became::Done(version),
        (WriteEnd::Mismatch, Some(Became::Mismatch)) => Became::Mismatch,
        (WriteEnd::Refused, Some(Became::Nothing)) => Became::Nothing,
        (WriteEnd::Unknown, Some(later)) => later,
        (WriteEnd::Refused | WriteEnd::Unknown, None) => {
            wrong.push(format!("nobody asked what became of {}", told(write)));
            Became::Nothing
        }
        (WriteEnd::Done(_) | WriteEnd::Mismatch | WriteEnd::Refused, Some(later)) => {
            wrong.push(format!("was told {:?}, but became {later:?}: {}", write.end, told(write)));
            later
        }
    }
}

fn told(write: &Write) -> String {
    let seconds = |moment: Moment| moment as f64 / 1e9;
    let returned =
        if write.returned == NEVER { "unanswered".to_owned() } else { format!("{:.3} s", seconds(write.returned)) };
    format!(
        "command {:032x} (value {}, expect {:?}, {:.3} s to {returned}, told {:?})",
        write.id,
        write.value,
        write.expect,
        seconds(write.invoked),
        write.end
    )
}

/// A node never goes back while its server runs, and shows nothing before it was begun.
fn check_local(part: &OfKey<'_>, versions: &BTreeMap<u64, &Write>, wrong: &mut Vec<String>) {
    let mut streams: BTreeMap<(usize, u64), Vec<&Read>> = BTreeMap::new();
    for read in part.reads.iter().filter(|read| read.local) {
        streams.entry((read.host, read.run)).or_default().push(read);
        if versions.get(&read.version).is_some_and(|write| write.invoked > read.returned) {
            wrong.push(format!("a write was read before it was begun: {read:?}"));
        }
    }
    for stream in streams.values_mut() {
        stream.sort_unstable_by_key(|read| read.invoked);
        let mut returned: Vec<&&Read> = stream.iter().collect();
        returned.sort_unstable_by_key(|read| read.returned);
        let (mut next, mut least) = (0, 0);
        for read in stream.iter() {
            while let Some(earlier) = returned.get(next).filter(|earlier| earlier.returned < read.invoked) {
                least = least.max(earlier.version);
                next += 1;
            }
            if read.version < least {
                wrong.push(format!("a local read went back behind version {least}: {read:?}"));
            }
        }
    }
}

/// Puts a key's steps in order and checks the order against time.
fn order(
    part: &OfKey<'_>,
    versions: &BTreeMap<u64, &Write>,
    refusals: &[&Write],
    wrong: &mut Vec<String>,
) -> Vec<Step> {
    let put = |(version, write): (&u64, &&Write)| Step {
        act: Act::Put { value: write.value, expect: write.expect, version: *version },
        invoked: write.invoked,
        returned: write.returned,
        at: *version,
    };
    let get = |read: &&Read| Step {
        act: Act::Get { version: read.version, value: read.value },
        invoked: read.invoked,
        returned: read.returned,
        at: read.version,
    };
    let mut steps: Vec<Step> = versions.iter().map(put).collect();
    steps.extend(part.reads.iter().filter(|read| !read.local).map(get));
    place_refusals(&mut steps, refusals, wrong);
    steps.sort_by_key(|step| (step.at, !matches!(step.act, Act::Put { .. }), step.invoked));
    let mut latest: Option<Step> = None;
    let mut at = 0;
    let mut group: Option<Step> = None;
    for step in &steps {
        let is_put = matches!(step.act, Act::Put { .. });
        if step.at != at || is_put {
            at = step.at;
            latest = later(latest, group.take());
        }
        if let Some(earlier) = latest.filter(|earlier| step.returned < earlier.invoked) {
            wrong.push(format!("NOT LINEARIZABLE: {} returned before {} was begun", shown(step), shown(&earlier)));
        }
        if is_put {
            latest = later(latest, Some(*step));
        } else {
            group = later(group, Some(*step));
        }
    }
    steps
}

/// Of two steps the one that was begun later.
fn later(one: Option<Step>, other: Option<Step>) -> Option<Step> {
    [one, other].into_iter().flatten().max_by_key(|step| step.invoked)
}

fn shown(step: &Step) -> String {
    let seconds = |moment: Moment| moment as f64 / 1e9;
    format!("{:?} ({:.6} s to {:.6} s)", step.act, seconds(step.invoked), seconds(step.returned))
}

/// A refusal tells only which version it did not see. It has no effect, so the earliest place that time allows is as
/// good as any other.
fn place_refusals(steps: &mut Vec<Step>, refusals: &[&Write], wrong: &mut Vec<String>) {
    let mut returned: Vec<(Moment, u64)> = steps.iter().map(|step| (step.returned, step.at)).collect();
    returned.sort_unstable();
    let mut highest = 0;
    for (_, at) in &mut returned {
        highest = highest.max(*at);
        *at = highest;
    }
    let mut invoked: Vec<(Moment, u64)> = steps
        .iter()
        .map(|step| (step.invoked, step.at.saturating_sub(u64::from(matches!(step.act, Act::Put { .. })))))
        .collect();
    invoked.sort_unstable();
    let mut lowest = u64::MAX;
    for (_, at) in invoked.iter_mut().rev() {
        lowest = lowest.min(*at);
        *at = lowest;
    }
    let last = steps.iter().map(|step| step.at).max().unwrap_or(0);
    let mut ordered = refusals.to_vec();
    ordered.sort_unstable_by_key(|write| write.invoked);
    let mut placed: Vec<Step> = Vec::new();
    for write in ordered {
        let Some(expect) = write.expect else {
            wrong.push(format!("refused for a version that it did not ask for: {}", told(write)));
            continue;
        };
        let before = returned.partition_point(|(moment, _)| *moment < write.invoked);
        let seen = before.checked_sub(1).and_then(|at| returned.get(at)).map_or(0, |(_, at)| *at);
        let earlier = placed.iter().filter(|step| step.returned < write.invoked).map(|step| step.at).max();
        let least = seen.max(earlier.unwrap_or(0));
        let after = invoked.partition_point(|(moment, _)| *moment <= write.returned);
        let most = invoked.get(after).map_or(last, |(_, at)| *at);
        let at = if least == expect { least + 1 } else { least };
        if at > most {
            wrong.push(format!("NOT LINEARIZABLE: refused although the version was {least}: {}", told(write)));
        }
        placed.push(Step { act: Act::Refusal { expect }, invoked: write.invoked, returned: write.returned, at });
    }
    steps.extend(placed);
}
