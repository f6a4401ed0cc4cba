//! The kind that proves the platform: it counts, sleeps, fails, leaks, burns and crashes on command.

mod command;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

pub use command::{Command, parse};

use super::{Doing, JobEnding, Kind};
use crate::clock;
use crate::host::{Bench, Fault};
use crate::proto;

/// Jobs at a time, where its settings do not say.
const AT_ONCE: u32 = 4;
/// Between two deeds outside.
const ACT_PAUSE: Duration = Duration::from_millis(10);
/// The file of its deeds: a line each, with the moment by the machine's clock.
pub const ACTS_FILE: &str = "acts";

/// The file of its marks: a line each.
pub const MARKS_FILE: &str = "marks";
/// After a mark.
const MARK_PAUSE: Duration = Duration::from_secs(2);

/// The kind.
#[derive(Debug, Default)]
pub struct Selftest {
    counted: AtomicU64,
    acts: AtomicU64,
    leaked: Mutex<Vec<Vec<u8>>>,
    settings: Mutex<BTreeMap<String, String>>,
}

impl Selftest {
    async fn act(&self, bench: &Bench, span: Duration) -> JobEnding {
        let mut done = 0_u64;
        let began = tokio::time::Instant::now();
        let file = std::fs::File::options().create(true).append(true).open(bench.folder.join(ACTS_FILE));
        let mut file = match file {
            Ok(file) => file,
            Err(error) => return JobEnding::Failed(format!("the file of deeds: {error}")),
        };
        while began.elapsed() < span {
            // The moment is taken before the permission is asked for: what is written is never later than it.
            let line = format!("{} {}\n", clock::now_us(), std::process::id());
            if bench.outside.permit().is_ok() {
                if let Err(error) = file.write_all(line.as_bytes()) {
                    return JobEnding::Failed(format!("the file of deeds: {error}"));
                }
                done += 1;
                self.acts.fetch_add(1, Ordering::Relaxed);
            }
            tokio::time::sleep(ACT_PAUSE).await;
        }
        JobEnding::Completed(done.to_string().into_bytes())
    }

    /// Does something that shows for ever, and takes its time afterwards.
    async fn mark(&self, bench: &Bench, text: &str) -> JobEnding {
        if let Err(over) = bench.outside.permit() {
            return JobEnding::Failed(over.to_string());
        }
        let file = std::fs::File::options().create(true).append(true).open(bench.folder.join(MARKS_FILE));
        if let Err(error) = file.and_then(|mut file| file.write_all(format!("{text}\n").as_bytes())) {
            return JobEnding::Failed(format!("the file of marks: {error}"));
        }
        tokio::time::sleep(MARK_PAUSE).await;
        JobEnding::Completed(text.as_bytes().to_vec())
    }

    async fn carry_out(&self, bench: &Bench, command: Command) -> JobEnding {
        let done = || JobEnding::Completed(Vec::new());
        match command {
            Command::Count(to) => {
                self.counted.fetch_add(to, Ordering::Relaxed);
                JobEnding::Completed(to.to_string().into_bytes())
            }
            Command::Echo(text) => JobEnding::Completed(text.into_bytes()),
            Command::Mark(text) => self.mark(bench, &text).await,
            Command::Sleep(span) => {
                tokio::time::sleep(span).await;
                done()
            }
            Command::Act(span) => self.act(bench, span).await,
            Command::Fail(why) => JobEnding::Failed(why),
            Command::Snooze(span) => JobEnding::Snoozed(span),
            Command::Leak(bytes) => {
                let bytes = usize::try_from(bytes).unwrap_or(0);
                // Written to, so that the system really gives it.
                self.leaked.lock().push(vec![1; bytes]);
                done()
            }
            Command::Burn(span) => {
                let burnt = tokio::task::spawn_blocking(move || {
                    let began = Instant::now();
                    let mut sum = 0_u64;
                    while began.elapsed() < span {
                        sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(1));
                    }
                    sum
                });
                // What it has computed means nothing.
                let _ = burnt.await;
                done()
            }
            Command::Log(lines) => {
                for line in 1..=lines {
                    tracing::info!("line {line} of {lines}");
                }
                done()
            }
            Command::Unwell(why) => {
                bench.condition(why);
                done()
            }
            #[allow(clippy::panic, reason = "it shows what the host does with a bug in a kind")]
            Command::Panic => panic!("as it was told"),
            Command::Abort => bench.fault(Fault::Abort).await,
            Command::Exit(code) => bench.fault(Fault::Exit(code)).await,
            Command::Hang => bench.fault(Fault::Hang).await,
            Command::Deaf => {
                bench.ignore_drain();
                done()
            }
        }
    }
}

impl Kind for Selftest {
    fn at_once(&self) -> u32 {
        let settings = self.settings.lock();
        settings.get("worker.jobs_at_once").and_then(|text| text.parse().ok()).unwrap_or(AT_ONCE)
    }

    fn settings(&self, values: &BTreeMap<String, String>) {
        self.settings.lock().clone_from(values);
    }

    fn job<'a>(&'a self, bench: &'a Bench, job: &'a proto::Job) -> Doing<'a, JobEnding> {
        Box::pin(async move {
            match std::str::from_utf8(&job.payload).map_err(|_| "it is no text".to_owned()).and_then(parse) {
                Ok(command) => self.carry_out(bench, command).await,
                Err(slip) => JobEnding::Failed(slip),
            }
        })
    }

    fn directive<'a>(&'a self, bench: &'a Bench, directive: &'a proto::Directive) -> Doing<'a, Result<String, String>> {
        Box::pin(async move {
            let rest = std::str::from_utf8(&directive.payload).map_err(|_| "its payload is no text".to_owned())?;
            match self.carry_out(bench, parse(&format!("{} {rest}", directive.name))?).await {
                JobEnding::Completed(result) => Ok(String::from_utf8_lossy(&result).into_owned()),
                JobEnding::Failed(why) => Err(why),
                JobEnding::Snoozed(_) => Err("a directive cannot be put off".to_owned()),
            }
        })
    }

    fn counters(&self) -> BTreeMap<String, u64> {
        let leaked: usize = self.leaked.lock().iter().map(Vec::len).sum();
        BTreeMap::from([
            ("counted".to_owned(), self.counted.load(Ordering::Relaxed)),
            ("acts".to_owned(), self.acts.load(Ordering::Relaxed)),
            ("leaked_bytes".to_owned(), leaked as u64),
        ])
    }
}
