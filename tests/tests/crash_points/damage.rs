//! Family two: damage to what was synced. The node refuses, or nothing is missing. The one exception is documented in
//! ARCHITECTURE.md as the guard's window: what the log synced after the guard's last mark.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use anyhow::{Result, ensure};

use super::Slice;
use super::bench::{Bench, Job};
use super::checker::Told;
use super::dice::Dice;
use super::disk::{Disk, SECTOR_BYTES};
use super::expect::{Difference, Digests, Expect};
use super::image::{Cut, Image};
use super::power_cuts::{first, is_wal, summary};
use super::trace::Kind;
use super::workload::Recording;

/// What is done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Harm {
    Flip(u64),
    ZeroSector(u64),
    Truncate(u64),
}

impl Harm {
    fn does(self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        match self {
            Harm::Flip(at) => bytes[at as usize] ^= 0x40,
            Harm::ZeroSector(at) => {
                let from = (at / SECTOR_BYTES * SECTOR_BYTES) as usize;
                let end = (from + SECTOR_BYTES as usize).min(bytes.len());
                bytes[from..end].fill(0);
            }
            Harm::Truncate(at) => bytes.truncate(at as usize),
        }
        bytes
    }
}

struct Damaged {
    place: usize,
    file: String,
    harm: Harm,
    /// Whether the log was ahead of the guard when the power went.
    after_log: bool,
}

/// What became of the images of one kind of file.
#[derive(Debug, Default)]
struct Fates {
    refused: BTreeMap<String, u64>,
    whole: u64,
    silent: u64,
}

#[derive(Default)]
struct Tally {
    fates: BTreeMap<String, Fates>,
    lost_entries_max: usize,
    silent_after_log: u64,
    silent_after_guard: u64,
}

/// `log/000012.log` is a `log WAL`.
fn kind_of(file: &str) -> String {
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let folder = match folder {
        folder if folder.starts_with("state-") => "state ",
        folder if folder.starts_with("snapshots") => "snapshot ",
        "" => "",
        _ => "log ",
    };
    let name = match name {
        name if name.ends_with(".log") => "WAL",
        name if name.ends_with(".sst") => "table",
        name if name.starts_with("MANIFEST") => "manifest",
        name if name.starts_with("OPTIONS") => "options",
        name => name,
    };
    format!("{folder}{name}")
}

/// Where to damage a file: more places in the log's WALs than elsewhere, most of them near their end.
fn harms(file: &str, length: u64, dice: &mut Dice) -> Vec<Harm> {
    if length == 0 {
        return Vec::new();
    }
    let rounds = if is_wal(file) { 6 } else { 1 };
    let mut harms = Vec::new();
    for round in 0..rounds {
        let mut at = || match round % 3 {
            0 => dice.below(length),
            1 => length - 1 - dice.below(length.min(2 * SECTOR_BYTES)),
            _ => length - 1 - dice.below(length.min(40)),
        };
        harms.extend([Harm::Flip(at()), Harm::ZeroSector(at()), Harm::Truncate(at())]);
    }
    harms
}

/// Runs it.
pub(crate) fn run(recording: &Recording, slice: Slice) -> Result<()> {
    let trace = &recording.trace;
    let mut dice = Dice::new(slice.seed);
    let ends = |wanted: &dyn Fn(&str) -> bool| -> Vec<usize> {
        let records = trace.records.iter().enumerate();
        records.filter(|(_, record)| record.kind == Kind::SyncEnd && wanted(&record.path)).map(|(at, _)| at).collect()
    };
    // Behind the end of a sync of the log, when the guard is not yet written, and behind one of the guard.
    let mut bases = BTreeMap::new();
    for (after_log, places) in [(true, ends(&is_wal)), (false, ends(&|path| path == "guard"))] {
        for _ in 0..slice.bases {
            let later = places.len() / 4;
            bases.insert(places[later + dice.below((places.len() - later) as u64) as usize], after_log);
        }
    }

    let digests = Digests::default();
    let tally = Mutex::new(Tally::default());
    let faults = Bench::new(&recording.home.path().join("damaged"), &recording.recorder)?.run(
        |hand| {
            let mut disk = Disk::new();
            let mut expect = Expect::default();
            for (place, record) in trace.records.iter().enumerate() {
                disk.apply(record, trace)?;
                expect.note(record);
                let Some(after_log) = bases.get(&place) else { continue };
                let now = Arc::new(expect.clone());
                let base = disk.image(Cut::Dropped, trace, &mut dice);
                for (file, bytes) in &base.files {
                    // Snapshots are read when they are sent or installed, not at a start.
                    if file.starts_with("snapshots/") || file.starts_with("incoming/") {
                        continue;
                    }
                    for harm in harms(file, bytes.len() as u64, &mut dice) {
                        let changed = harm.does(bytes);
                        if changed == **bytes {
                            continue;
                        }
                        let mut image: Image = base.clone();
                        image.files.insert(file.clone(), Arc::new(changed));
                        let about = Damaged { place, file: file.clone(), harm, after_log: *after_log };
                        hand(Job { image, expect: now.clone(), about });
                    }
                }
            }
            Ok(())
        },
        |job, told| {
            let fault = judge(job, told, &digests, &tally)?;
            let Damaged { place, file, harm, .. } = &job.about;
            Some(format!("behind place {place}, {harm:?} of `{file}`: {fault}"))
        },
    )?;
    let tally = tally.into_inner().unwrap();
    println!("{:<20} {:>6} {:>8} {:>7}  refused with", "damaged", "whole", "refused", "silent");
    for (kind, fates) in &tally.fates {
        let refused: u64 = fates.refused.values().sum();
        println!("{kind:<20} {:>6} {refused:>8} {:>7}  {:?}", fates.whole, fates.silent, fates.refused);
    }
    println!(
        "the guard's window: {} images lost acknowledged entries in silence, {} of them cut behind a sync of the log, {} \
         behind one of the guard; at most {} keys of one image",
        tally.silent_after_log + tally.silent_after_guard,
        tally.silent_after_log,
        tally.silent_after_guard,
        tally.lost_entries_max
    );
    ensure!(faults.is_empty(), "{} damaged images failed, the first of them:\n{}", faults.len(), first(&faults));
    let wals = tally.fates.get("log WAL").map_or(0, |fates| fates.refused.values().sum());
    ensure!(wals > 0, "no damaged WAL was refused: the guard was not tried");
    Ok(())
}

fn judge(job: &Job<Damaged>, told: &Told, digests: &Digests, tally: &Mutex<Tally>) -> Option<String> {
    let mut tally = tally.lock().unwrap();
    let fates = tally.fates.entry(kind_of(&job.about.file)).or_default();
    let held = match told {
        Told::Crashed(how) => return Some(format!("the checker crashed: {how}")),
        Told::Refused { code, .. } => {
            *fates.refused.entry(code.clone()).or_default() += 1;
            return None;
        }
        Told::Held(held) => held,
    };
    match job.expect.compare(held, digests) {
        Ok(()) => {
            fates.whole += 1;
            None
        }
        Err(Difference::Lost { first, entries }) if is_wal(&job.about.file) && first > held.guard_index => {
            fates.silent += 1;
            tally.lost_entries_max = tally.lost_entries_max.max(entries);
            if job.about.after_log {
                tally.silent_after_log += 1;
            } else {
                tally.silent_after_guard += 1;
            }
            None
        }
        Err(Difference::Lost { first, entries }) => {
            Some(format!("{entries} acknowledged entries are lost in silence, from {first} on; {}", summary(held)))
        }
        Err(Difference::Wrong(what)) => Some(format!("{what}; {}", summary(held))),
    }
}
