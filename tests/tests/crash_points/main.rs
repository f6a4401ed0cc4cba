//! Crash points: what a power cut at any moment leaves on the disk, and what damage does.
//!
//! A real server runs a scripted workload under a recorder (tests/crash/recorder.c), which notes every write, sync and
//! change of names in its data folder. From the trace the test builds the folder as it could be after a power cut at
//! each sync and each rename, with what was not synced dropped, kept, torn or mixed, opens each of these images as the
//! server would (the example `contents` of exchequer-node) and compares it with what the client was told.
//!
//! A slice by default, which takes two minutes; everything with
//! `EXCHEQUER_CRASH_POINTS=all cargo test --workspace --test crash_points -- --nocapture`, which takes half an hour.
//! `EXCHEQUER_CRASH_SEED` draws other places and images.
//! The workload runs in real time, so that no two recordings are the same; images that fail are kept, and named.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "all of this is one test")]

mod bench;
mod checker;
mod damage;
mod dice;
mod disk;
mod expect;
mod image;
mod power_cuts;
mod trace;
mod workload;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Result;

use dice::Dice;

const PATIENCE: Duration = Duration::from_secs(60);

/// How much is tried.
#[derive(Debug, Clone, Copy)]
struct Slice {
    seed: u64,
    /// Sync points of the log and the guard.
    syncs: usize,
    /// Other places.
    names: usize,
    /// Images that are damaged in every file, on each side of the guard's write.
    bases: usize,
}

impl Slice {
    fn from_environment() -> Slice {
        let seed = std::env::var("EXCHEQUER_CRASH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
        if std::env::var("EXCHEQUER_CRASH_POINTS").is_ok_and(|text| text == "all") {
            return Slice { seed, syncs: usize::MAX, names: usize::MAX, bases: 40 };
        }
        Slice { seed, syncs: 100, names: 100, bases: 3 }
    }

    /// At most so many of the places.
    fn choose(self, places: BTreeSet<usize>, most: usize, dice: &mut Dice) -> BTreeSet<usize> {
        let mut places: Vec<usize> = places.into_iter().collect();
        while places.len() > most {
            places.swap_remove(dice.below(places.len() as u64) as usize);
        }
        places.into_iter().collect()
    }
}

/// Goal: layer 4 of the test plan. After a power cut at any moment every acknowledged write is there, once, and the
/// node starts; after damage it starts with everything or refuses, but for the guard's window, which is measured.
/// Method: record one life of a node, replay its trace into images, open them.
#[test]
fn power_cuts_and_damage() -> Result<()> {
    let slice = Slice::from_environment();
    let started = Instant::now();
    let recording = tokio::runtime::Runtime::new()?.block_on(workload::record())?;
    println!(
        "recorded {} records, {} MiB, in {:?}",
        recording.trace.records.len(),
        recording.trace.bytes.len() >> 20,
        started.elapsed()
    );
    let cuts = Instant::now();
    power_cuts::run(&recording, slice)?;
    println!("power cuts took {:?}", cuts.elapsed());
    let damages = Instant::now();
    damage::run(&recording, slice)?;
    println!("damage took {:?}", damages.elapsed());
    Ok(())
}
