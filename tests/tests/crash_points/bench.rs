//! Opening many images with two checkers.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use exchequer_tests::cluster::Deadline;

use super::checker::{Checker, Told};
use super::expect::Expect;
use super::image::Image;

/// The machines that run this have two cores.
const THREADS: usize = 2;
/// One in so many images is opened twice: recovering must not lose what it recovered.
const OPENED_TWICE: u64 = 16;
/// RocksDB closes a store in the background.
const CLOSING: Duration = Duration::from_secs(20);
/// Failing images that are kept to be looked at.
const KEPT_MAX: u64 = 5;

/// One image to open.
pub(crate) struct Job<T> {
    pub(crate) image: Image,
    pub(crate) expect: Arc<Expect>,
    pub(crate) about: T,
}

/// Where images are opened.
pub(crate) struct Bench {
    home: PathBuf,
    recorder: PathBuf,
}

impl Bench {
    /// In a folder of its own: a store that is still being closed may leave something behind in its image's.
    pub(crate) fn new(home: &Path, recorder: &Path) -> Result<Bench> {
        std::fs::create_dir(home)?;
        Ok(Bench { home: home.to_owned(), recorder: recorder.to_owned() })
    }

    /// Opens what `produce` hands out. `judge` answers what is wrong with an opening; such an image is kept.
    pub(crate) fn run<T: Send>(
        &self,
        produce: impl FnOnce(&mut dyn FnMut(Job<T>)) -> Result<()>,
        judge: impl Fn(&Job<T>, &Told) -> Option<String> + Sync,
    ) -> Result<Vec<String>> {
        let (hand, jobs) = sync_channel::<Job<T>>(2 * THREADS);
        let jobs = Mutex::new(jobs);
        let faults = Mutex::new(Vec::new());
        let opened = AtomicU64::new(0);
        let broken = AtomicBool::new(false);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..THREADS)
                .map(|number| {
                    let (jobs, faults, opened, broken, judge) = (&jobs, &faults, &opened, &broken, &judge);
                    let work = move || -> Result<()> {
                        let complaints = self.home.join(format!("checker-{number}.log"));
                        let mut checker = Checker::start(&self.recorder, &complaints)?;
                        loop {
                            let Ok(job) = jobs.lock().unwrap().recv() else { return Ok(()) };
                            let count = opened.fetch_add(1, Ordering::Relaxed);
                            let folder = self.home.join(format!("image-{count}"));
                            let fault = open(&mut checker, &job, &folder, count, judge)?;
                            // The store may still be closing in it; the rest goes with the test.
                            let _ = std::fs::remove_dir_all(&folder);
                            if let Some(fault) = fault {
                                faults.lock().unwrap().push(self.keep(&job, &fault)?);
                            }
                        }
                    };
                    scope.spawn(move || {
                        let worked = work();
                        if worked.is_err() {
                            broken.store(true, Ordering::Relaxed);
                            // Whoever hands out must not wait for workers that are gone.
                            while jobs.lock().unwrap().recv().is_ok() {}
                        }
                        worked
                    })
                })
                .collect();
            let produced = produce(&mut |job| {
                if !broken.load(Ordering::Relaxed) {
                    // The receiver lives as long as this does.
                    let _ = hand.send(job);
                }
            });
            drop(hand);
            for worker in workers {
                worker.join().map_err(|_| anyhow::anyhow!("a worker panicked"))??;
            }
            produced
        })?;
        Ok(faults.into_inner().unwrap())
    }

    fn keep<T>(&self, job: &Job<T>, fault: &str) -> Result<String> {
        static KEPT: AtomicU64 = AtomicU64::new(0);
        let number = KEPT.fetch_add(1, Ordering::Relaxed);
        if number >= KEPT_MAX {
            return Ok(fault.to_owned());
        }
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crash-point-{}-{number}", std::process::id()));
        job.image.write(&folder)?;
        Ok(format!("{fault} (kept in {})", folder.display()))
    }
}

fn open<T>(
    checker: &mut Checker,
    job: &Job<T>,
    folder: &Path,
    count: u64,
    judge: impl Fn(&Job<T>, &Told) -> Option<String>,
) -> Result<Option<String>> {
    job.image.write(folder)?;
    let told = checker.look(folder)?;
    let fault = judge(job, &told);
    let Told::Held(first) = &told else { return Ok(fault) };
    if fault.is_some() || !count.is_multiple_of(OPENED_TWICE) {
        return Ok(fault);
    }
    let deadline = Deadline::within(CLOSING);
    loop {
        match checker.look(folder)? {
            // The first opening is still being closed.
            Told::Refused { code, .. } if code == "EXQ-0107" && !deadline.passed() => thread::yield_now(),
            Told::Held(again) if *again == **first => return Ok(None),
            other => return Ok(Some(format!("opened again it says {other:.300?}, first it said {first:.300?}"))),
        }
    }
}
