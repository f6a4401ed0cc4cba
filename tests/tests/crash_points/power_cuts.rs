//! Family one: power cuts on a disk that honours syncs. Nothing acknowledged is lost, nothing happens twice, and the
//! node never refuses, with one exception: where sectors of an unsynced write to a RocksDB manifest reached the disk
//! without the earlier ones, RocksDB cannot tell that from damage. The node then says which file it is, as for damage.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, Result, ensure};
use exchequer_tests::cluster::{Http, Server, binary, until};
use reqwest::Method;
use rustix::process::Signal;

use super::bench::{Bench, Job};
use super::checker::{Held, Told};
use super::dice::Dice;
use super::disk::{Disk, is_ignored};
use super::expect::{Difference, Digests, Expect};
use super::image::{Cut, Image};
use super::trace::{Kind, Trace};
use super::workload::{Recording, value};
use super::{PATIENCE, Slice};

/// Images that are given to the real server as well.
const SERVED: usize = 4;

/// Places in the trace at which the power is cut: before each end of a sync, when what it syncs is in flight, and on
/// both sides of each change of names. Split into those of the log's and the guard's syncs, which are many, and others.
fn places(trace: &Trace) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let (mut many, mut few) = (BTreeSet::new(), BTreeSet::from([trace.records.len()]));
    for (at, record) in trace.records.iter().enumerate() {
        // What the client was told meanwhile belongs to the moment before the next change on the disk.
        let told = |record: &&super::trace::Record| matches!(record.kind, Kind::Sent | Kind::Acked | Kind::Mark);
        let after = at + 1 + trace.records[at + 1..].iter().take_while(told).count();
        match record.kind {
            _ if is_ignored(&record.path) => {}
            Kind::SyncEnd if record.path == "guard" || is_wal(&record.path) => {
                many.insert(at);
            }
            Kind::SyncEnd => {
                few.insert(at);
            }
            Kind::Rename => few.extend([at, after]),
            Kind::Unlink | Kind::Link | Kind::MakeFolder | Kind::RemoveFolder => {
                few.insert(after);
            }
            _ => {}
        }
    }
    many.retain(|place| !few.contains(place));
    (many, few)
}

/// Whether it is one of the log's write-ahead logs.
pub(crate) fn is_wal(path: &str) -> bool {
    path.starts_with("log/") && path.ends_with(".log")
}

#[derive(Clone)]
struct Moment {
    place: usize,
    what: String,
    cut: Cut,
}

#[derive(Default)]
struct Tally {
    opened: BTreeMap<Cut, u64>,
    empty: u64,
    holed: u64,
    purged_max: u64,
    behind_max: u64,
    acknowledged_max: u64,
}

/// What must have happened in a recording for it to say something.
fn tell_coverage(trace: &Trace) -> Result<()> {
    let count = |what: &str, kind: Kind, wanted: &dyn Fn(&str, &str) -> bool| {
        let matching = trace.records.iter().filter(|record| record.kind == kind && wanted(&record.path, &record.other));
        (what.to_owned(), matching.count())
    };
    let table = |folder: &'static str| move |path: &str, _: &str| path.starts_with(folder) && path.ends_with(".sst");
    let counts = [
        count("log tables made", Kind::Create, &table("log/")),
        count("log tables removed", Kind::Unlink, &table("log/")),
        count("state tables made", Kind::Create, &table("state-")),
        count("WALs made", Kind::Create, &|path, _| is_wal(path)),
        count("WALs recycled", Kind::Rename, &|path, other| is_wal(path) && is_wal(other)),
        count("snapshots", Kind::Rename, &|path, other| path.starts_with("snapshots/.") && !other.contains("/.")),
        count("guard writes", Kind::Write, &|path, _| path == "guard"),
        count("acknowledgements", Kind::Acked, &|_, _| true),
    ];
    println!("recorded: {counts:?}");
    for (what, count) in counts {
        ensure!(count > 0, "the recording has no {what}");
    }
    Ok(())
}

/// Runs it.
pub(crate) fn run(recording: &Recording, slice: Slice) -> Result<()> {
    let trace = &recording.trace;
    tell_coverage(trace)?;
    let (many, few) = places(trace);
    let mut dice = Dice::new(slice.seed);
    let (many_all, few_all) = (many.len(), few.len());
    let chosen: BTreeSet<usize> = slice.choose(many, slice.syncs, &mut dice);
    let chosen: BTreeSet<usize> = chosen.into_iter().chain(slice.choose(few, slice.names, &mut dice)).collect();
    println!("cut at {} places: of {many_all} sync points of log and guard and {few_all} other places", chosen.len());

    let digests = Digests::default();
    let tally = Mutex::new(Tally::default());
    let mut to_serve: Vec<(Image, Arc<Expect>)> = Vec::new();
    let judge = |job: &Job<Moment>, told: &Told| -> Option<String> {
        let fault = judge(job, told, &digests, &tally)?;
        let Moment { place, what, cut } = &job.about;
        Some(format!("place {place}, {what}, {cut:?}: {fault}"))
    };
    let every = (chosen.len() / SERVED).max(1);
    let faults = Bench::new(&recording.home.path().join("cut"), &recording.recorder)?.run(
        |hand| {
            let mut disk = Disk::new();
            let mut expect = Expect::default();
            let mut seen = HashSet::new();
            let mut served = 0;
            for place in 0..=trace.records.len() {
                if chosen.contains(&place) {
                    let now = Arc::new(expect.clone());
                    let what = trace.records.get(place);
                    let what = what.map(|record| format!("before {:?} of `{}`", record.kind, record.path));
                    let what = what.unwrap_or_else(|| "at the end".to_owned());
                    for cut in Cut::ALL {
                        let image = disk.image(cut, trace, &mut dice);
                        let mut hasher = DefaultHasher::new();
                        (image.fingerprint(), &now).hash(&mut hasher);
                        if !seen.insert(hasher.finish()) {
                            continue;
                        }
                        if cut == Cut::Mixed && now.initialised && served % every == every / 2 {
                            to_serve.push((image.clone(), now.clone()));
                        }
                        let about = Moment { place, what: what.clone(), cut };
                        hand(Job { image, expect: now.clone(), about });
                    }
                    served += 1;
                }
                if let Some(record) = trace.records.get(place) {
                    disk.apply(record, trace)?;
                    expect.note(record);
                }
            }
            Ok(())
        },
        judge,
    )?;
    let tally = tally.into_inner().unwrap();
    println!(
        "{} images opened ({:?}), {} of a folder before `init` ended, {} refused for a manifest with a hole; log purged up to {}, up to {} entries replayed, \
         {} writes acknowledged",
        tally.opened.values().sum::<u64>(),
        tally.opened,
        tally.empty,
        tally.holed,
        tally.purged_max,
        tally.behind_max,
        tally.acknowledged_max
    );
    ensure!(faults.is_empty(), "{} images failed, the first of them:\n{}", faults.len(), first(&faults));
    // A recording in which nothing was purged, flushed or acknowledged would prove nothing.
    ensure!(tally.purged_max > 0 && tally.behind_max > 0 && tally.acknowledged_max >= 200, "the workload was too tame");
    for (number, (image, expect)) in to_serve.iter().enumerate() {
        let folder = recording.home.path().join(format!("served-{number}"));
        image.write(&folder)?;
        let runtime = tokio::runtime::Runtime::new()?;
        runtime
            .block_on(serve(recording, &folder, expect))
            .with_context(|| format!("image {number} for the server"))?;
    }
    println!("{} images served by the real server", to_serve.len());
    Ok(())
}

pub(crate) fn first(faults: &[String]) -> String {
    const SHOWN: usize = 12;
    faults.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n")
}

fn judge(job: &Job<Moment>, told: &Told, digests: &Digests, tally: &Mutex<Tally>) -> Option<String> {
    let mut tally = tally.lock().unwrap();
    *tally.opened.entry(job.about.cut).or_default() += 1;
    match told {
        Told::Crashed(how) => Some(format!("the checker crashed: {how}")),
        // `init` has not ended: nobody was told that there is a node, and it can be run again.
        Told::Refused { code, .. } if code == "EXQ-0105" && !job.expect.initialised => {
            tally.empty += 1;
            None
        }
        Told::Refused { code, message } if code == "EXQ-0504" && names_holed_manifest(&job.image, message) => {
            tally.holed += 1;
            None
        }
        Told::Refused { code, message } => Some(format!("refused with {code}: {message}")),
        Told::Held(held) => {
            tally.purged_max = tally.purged_max.max(held.purged_index);
            tally.behind_max = tally.behind_max.max(held.last_index().saturating_sub(held.stored_index));
            tally.acknowledged_max = tally.acknowledged_max.max(job.expect.acknowledged());
            match job.expect.compare(held, digests) {
                Ok(()) => None,
                Err(Difference::Lost { first, entries }) => {
                    Some(format!("{entries} acknowledged entries are lost, the first is {first}; {}", summary(held)))
                }
                Err(Difference::Wrong(what)) => Some(format!("{what}; {}", summary(held))),
            }
        }
    }
}

/// Whether a message names a manifest of whose last writes only later parts are there.
fn names_holed_manifest(image: &Image, message: &str) -> bool {
    image.scattered.iter().any(|path| path.contains("/MANIFEST-") && message.contains(path.as_str()))
}

pub(crate) fn summary(held: &Held) -> String {
    format!(
        "the log ends at {:?}, the guard says {}, the state was at {}, purged up to {}",
        held.last, held.guard_index, held.stored_index, held.purged_index
    )
}

/// The real server on an image: it must come up, hold what was acknowledged, take a write and stop cleanly.
async fn serve(recording: &Recording, folder: &std::path::Path, expect: &Expect) -> Result<()> {
    let mut command = std::process::Command::new(binary()?);
    command.arg("server").arg("--data-dir").arg(folder).env("EXCHEQUER_STORAGE__RESERVE", "1MiB");
    let mut server = Server::start(command, &recording.home.path().join("served.log"))?;
    let authority = std::fs::read(folder.join("ca.pem"))?;
    let http = Http::new(&recording.api, &authority, Some(recording.token.clone()))?;
    let ready = until("the image serves", PATIENCE, async || {
        ensure!(http.call(Method::GET, "/readyz", None).await?.status == 200, "not ready");
        Ok(())
    });
    ready.await.with_context(|| server.log())?;
    for (key, number) in expect.acknowledged_writes() {
        let (found, version) = http.read(key, "linearizable").await?.with_context(|| format!("{key} is gone"))?;
        ensure!(version >= number && found == value(key, version).as_bytes(), "{key} is at version {version}");
    }
    let (version, _) = http.put("after-the-cut", b"x").await?;
    ensure!(version == 1, "the first write made version {version}");
    server.signal(Signal::TERM)?;
    let ended = server.end(PATIENCE).await?;
    ensure!(ended.exit == Some(0), "it ended with {:?}:\n{}", ended.exit, ended.log);
    Ok(())
}
