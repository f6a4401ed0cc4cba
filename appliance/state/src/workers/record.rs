//! One worker as the registry knows it: its row, and what a step or a report makes of it.

use std::time::Duration;

use exchequer_domain::{Digest, Timestamp, WorkerId};
use serde::{Deserialize, Serialize};

use super::machine::Next;
use super::states::{Desired, FailedBy, Observed, Step};
use super::{CRASH_WINDOW, CRASHES_MAX, ERROR_BYTES_MAX, ERROR_GROUPS_MAX, FORGIVEN_AFTER, VERSION_BYTES_MAX};
use crate::rejection::{Field, Rejection};

/// One worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerRecord {
    /// Which one.
    pub id: WorkerId,
    /// What is wanted of it.
    pub desired: Desired,
    /// How often that was decided, from 1: who looks again sees whether anybody else has.
    pub wills: u32,
    /// Somebody stopped it, and not the scaling, which leaves it alone then.
    pub held: bool,
    /// What is observed of it.
    pub observed: Observed,
    /// A process of an earlier generation is to be replaced: a restart counts it up.
    pub generation: u32,
    /// The generation of its latest process.
    pub started_generation: u32,
    /// The version that its process reported last; empty before the first.
    pub version: String,
    /// BLAKE3 of the program that its process reported last.
    pub binary: Option<Digest>,
    /// Its process on the leader; none where it has none.
    pub pid: Option<u32>,
    /// The settings that it works with.
    pub settings_revision: u64,
    /// When its latest process was started.
    pub started_at: Option<Timestamp>,
    /// It is not started before this moment.
    pub next_start: Timestamp,
    /// Crashes in a row, which decide how long the next start waits.
    pub streak: u32,
    /// Starts in a row that the leader's machine did not make: they are no crashes, and the next leader has none of them.
    pub unstarted: u32,
    /// The latest crashes, of the last ten minutes.
    pub crashes: Vec<Timestamp>,
    /// How its latest process ended.
    pub ended: Option<Ended>,
    /// Its latest errors, the newest last.
    pub errors: Vec<ErrorGroup>,
    /// What it was seen doing, as of its latest report.
    pub summary: Option<Summary>,
    /// Replicated time of that report.
    pub reported_at: Option<Timestamp>,
    /// Replicated time of its entering the registry.
    pub added_at: Timestamp,
    /// Replicated time of its latest change, reports aside.
    pub changed_at: Timestamp,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Whether it was to end.
    pub wanted: bool,
}

/// Errors of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorGroup {
    /// What they have in common.
    pub fingerprint: [u8; 8],
    /// The text of the latest one.
    pub message: String,
    /// Replicated time of the first one's report.
    pub first: Timestamp,
    /// The same of the latest one.
    pub last: Timestamp,
    /// How many.
    pub count: u64,
}

/// What a worker was seen doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Thousandths of one core.
    pub cpu_permille: u32,
    /// Memory of its process, in bytes.
    pub memory_bytes: u64,
    /// Jobs that wait for it.
    pub queue_depth: u64,
    /// For how long the oldest of them has waited, in microseconds.
    pub queue_age_us: u64,
    /// Jobs done in a minute.
    pub done_per_minute: u64,
    /// Thousandths of its jobs that succeeded.
    pub success_permille: u16,
    /// Replicated time of its latest sign of life.
    pub heartbeat: Timestamp,
}

/// What the leader saw of a worker since its last report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerReport {
    /// Which worker.
    pub worker: WorkerId,
    /// What it was seen doing.
    pub summary: Summary,
    /// The settings that it works with.
    pub settings_revision: u64,
    /// Its errors: fingerprint and message. A message that is too long is cut.
    pub errors: Vec<([u8; 8], String)>,
}

impl WorkerRecord {
    /// A worker that has never run.
    pub(crate) fn new(id: WorkerId, desired: Desired, now: Timestamp) -> WorkerRecord {
        WorkerRecord {
            id,
            desired,
            wills: 1,
            held: desired == Desired::Stopped,
            observed: Observed::Stopped { since: now },
            generation: 1,
            started_generation: 0,
            version: String::new(),
            binary: None,
            pid: None,
            settings_revision: 0,
            started_at: None,
            next_start: now,
            streak: 0,
            unstarted: 0,
            crashes: Vec::new(),
            ended: None,
            errors: Vec::new(),
            summary: None,
            reported_at: None,
            added_at: now,
            changed_at: now,
        }
    }

    /// Whether its process is to be started at this moment.
    #[must_use]
    pub fn wants_start(&self, now: Timestamp) -> bool {
        self.desired == Desired::Running && matches!(self.observed, Observed::Stopped { .. }) && now >= self.next_start
    }

    /// Whether it is at work, or will be without anybody's doing.
    #[must_use]
    pub fn is_expected(&self) -> bool {
        self.desired == Desired::Running && !matches!(self.observed, Observed::Failed { .. })
    }

    /// Whether its process is to end: it is not wanted any more, or a restart was asked for.
    #[must_use]
    pub fn wants_drain(&self) -> bool {
        let outdated = self.started_generation < self.generation;
        match self.observed {
            Observed::Starting { .. } | Observed::Running { .. } | Observed::Degraded { .. } => {
                self.desired == Desired::Stopped || outdated
            }
            Observed::Stopped { .. } | Observed::Draining { .. } | Observed::Failed { .. } => false,
        }
    }

    /// The worker after a step that happens now, under the leadership `epoch`; after a crash it waits for `backoff_max` at most.
    pub(crate) fn after(
        &self,
        step: &Step,
        now: Timestamp,
        epoch: u64,
        backoff_max: Duration,
    ) -> Result<WorkerRecord, Rejection> {
        let refused = Rejection::WorkerStep { worker: self.id, state: self.observed.name(), step: step.name() };
        let next = self.observed.step(step, now, epoch).ok_or(refused)?;
        let mut after = WorkerRecord { changed_at: now, ..self.clone() };
        match step {
            Step::Spawned { .. } => {
                if self.desired == Desired::Stopped {
                    return Err(Rejection::WorkerNotWanted { worker: self.id });
                }
                if now < self.next_start {
                    return Err(Rejection::WorkerBackOff { worker: self.id, until: self.next_start });
                }
                (after.started_at, after.started_generation) = (Some(now), self.generation);
                (after.pid, after.summary, after.reported_at) = (None, None, None);
            }
            Step::Registered { version, binary, pid, settings_revision } => {
                let visible = version.bytes().all(|byte| byte.is_ascii_graphic());
                if !(1..=VERSION_BYTES_MAX).contains(&version.len()) || !visible {
                    return Err(Rejection::Invalid { field: Field::WorkerVersion });
                }
                version.clone_into(&mut after.version);
                (after.binary, after.pid) = (Some(*binary), Some(*pid));
                (after.settings_revision, after.unstarted) = (*settings_revision, 0);
            }
            Step::Exited { code, wanted } => {
                (after.pid, after.summary, after.reported_at) = (None, None, None);
                after.ended = Some(Ended { at: now, code: *code, wanted: *wanted });
                after.unstarted = 0;
            }
            Step::GaveUp(_) => after.pid = None,
            Step::NotStarted => {
                (after.pid, after.summary, after.reported_at) = (None, None, None);
                after.unstarted = after.unstarted.saturating_add(1);
                after.next_start = now.plus(back_off(after.unstarted, backoff_max));
            }
            Step::Degraded(why) => {
                if let super::DegradedBy::Reported(text) = why
                    && text.len() > ERROR_BYTES_MAX
                {
                    return Err(Rejection::Invalid { field: Field::WorkerError });
                }
            }
            Step::Cleared => after.forgive(now),
            Step::Drain { .. } | Step::Recovered => {}
        }
        match next {
            Next::To(observed) => after.observed = observed,
            Next::Crashed => after.crashed(now, backoff_max),
        }
        Ok(after)
    }

    /// It ended by itself: it is started again after a while, or not any more where that happens too often.
    fn crashed(&mut self, now: Timestamp, backoff_max: Duration) {
        self.observed = Observed::Stopped { since: now };
        if self.desired == Desired::Stopped {
            return;
        }
        self.crashes.retain(|at| now.since(*at) < CRASH_WINDOW);
        self.crashes.push(now);
        if self.crashes.len() >= CRASHES_MAX {
            self.observed = Observed::Failed { since: now, why: FailedBy::CrashLoop };
            return;
        }
        if self.started_at.is_some_and(|at| now.since(at) >= FORGIVEN_AFTER) {
            self.streak = 0;
        }
        self.streak = self.streak.saturating_add(1);
        self.next_start = now.plus(back_off(self.streak, backoff_max));
    }

    /// It can be started at once, and its crashes count no more.
    pub(crate) fn forgive(&mut self, now: Timestamp) {
        self.crashes.clear();
        (self.streak, self.unstarted) = (0, 0);
        self.next_start = now;
    }

    /// Its process died with the leadership that it ran under, or the former leader's machine could not start one, which says
    /// nothing of the next one's; none where there is nothing of the sort.
    pub(crate) fn orphaned(&self, now: Timestamp) -> Option<WorkerRecord> {
        let lived = self.observed.epoch().is_some();
        let lacked = match self.observed {
            Observed::Stopped { .. } => self.unstarted > 0,
            Observed::Failed { why, .. } => why == FailedBy::BinaryMissing,
            Observed::Starting { .. }
            | Observed::Running { .. }
            | Observed::Draining { .. }
            | Observed::Degraded { .. } => false,
        };
        if !lived && !lacked {
            return None;
        }
        let ended = if lived { Some(Ended { at: now, code: None, wanted: true }) } else { self.ended };
        Some(WorkerRecord {
            observed: Observed::Stopped { since: now },
            ended,
            pid: None,
            summary: None,
            reported_at: None,
            next_start: now,
            unstarted: 0,
            changed_at: now,
            ..self.clone()
        })
    }

    /// Takes a report into the record.
    pub(crate) fn report(&mut self, report: WorkerReport, now: Timestamp) {
        let heartbeat = report.summary.heartbeat.min(now);
        self.summary = Some(Summary { heartbeat, ..report.summary });
        self.settings_revision = report.settings_revision;
        self.reported_at = Some(now);
        for (fingerprint, message) in report.errors {
            self.error(fingerprint, message, now);
        }
    }

    /// Counts an error to its group, which becomes the newest; the oldest group makes room for a new one.
    fn error(&mut self, fingerprint: [u8; 8], mut message: String, now: Timestamp) {
        message
            .truncate((0..=ERROR_BYTES_MAX.min(message.len())).rfind(|at| message.is_char_boundary(*at)).unwrap_or(0));
        let group = match self.errors.iter().position(|group| group.fingerprint == fingerprint) {
            Some(place) => {
                let group = self.errors.remove(place);
                ErrorGroup { message, last: now, count: group.count.saturating_add(1), ..group }
            }
            None => ErrorGroup { fingerprint, message, first: now, last: now, count: 1 },
        };
        if self.errors.len() >= ERROR_GROUPS_MAX {
            self.errors.remove(0);
        }
        self.errors.push(group);
    }
}

/// How long the next start waits after so many crashes in a row: 1 s, doubled each time, up to `most`.
fn back_off(streak: u32, most: Duration) -> Duration {
    let doubled = 1_u64.checked_shl(streak.saturating_sub(1)).unwrap_or(u64::MAX);
    Duration::from_secs(doubled).min(most)
}

#[cfg(test)]
mod tests {
    use exchequer_domain::WorkerKind;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn worker() -> WorkerRecord {
        let id = WorkerId { kind: WorkerKind::Selftest, network: None, instance: 1 };
        WorkerRecord::new(id, Desired::Running, Timestamp(0))
    }

    /// Goal: the wait after crashes in a row is 1, 2, 4 and so on up to its bound, and never wraps.
    #[test]
    fn back_off_doubles() {
        let seconds: Vec<u64> = (1..=9).map(|streak| back_off(streak, MINUTE).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!((back_off(64, MINUTE), back_off(65, MINUTE), back_off(u32::MAX, MINUTE)), (MINUTE, MINUTE, MINUTE));
        assert_eq!(back_off(3, Duration::from_secs(3)).as_secs(), 3);
    }

    /// Goal: errors are grouped, the newest last, at most 20 of them, and their texts are cut between characters.
    #[test]
    fn errors_are_grouped() {
        let mut worker = worker();
        for number in 0..25 {
            worker.error([number; 8], format!("e{number}"), Timestamp(u64::from(number)));
        }
        worker.error([7; 8], "é".repeat(ERROR_BYTES_MAX), Timestamp(50));
        assert_eq!(worker.errors.len(), ERROR_GROUPS_MAX);
        let (oldest, newest) = (worker.errors.first().unwrap(), worker.errors.last().unwrap());
        assert_eq!(oldest.fingerprint, [5; 8]);
        assert_eq!(
            (newest.fingerprint, newest.count, newest.first, newest.last),
            ([7; 8], 2, Timestamp(7), Timestamp(50))
        );
        assert_eq!(newest.message.len(), ERROR_BYTES_MAX);
    }
}
